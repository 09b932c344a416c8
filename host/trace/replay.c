/*
 * Plays a trace through a backend. The scratchpads are filled by LOAD commands and
 * a reset, so that this needs nothing but registers, memory and the interrupt.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/retire.h"
#include "isa/command.h"
#include "isa/space.h"
#include "trace/trace.h"

/* While the scratchpads are filled: a ring of two, then the rows, at the start of memory. */
enum { FILL_RING_LOG2 = 1, FILL_DATA = QMAC_COMMAND_BYTES << FILL_RING_LOG2, FILL_ROWS = 4096 };

struct player {
	const struct qmac_trace *trace;
	struct qmac_backend *backend;
	struct qmac_retire *got;    /* per command */
	bool *retired;
	bool counting;              /* retire records are those of the trace */
	uint64_t strays, cycles;    /* records that fit no command; latest retire */
	struct qmac_error *err;
};

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct player *p = context;

	if (!p->counting)
		return;
	if (record->number >= p->trace->command_count || p->retired[record->number]) {
		p->strays++;
		return;
	}
	p->got[record->number] = *record;
	p->retired[record->number] = true;
	p->cycles = record->cycle > p->cycles ? record->cycle : p->cycles;
}

static uint32_t read_register(struct player *p, uint32_t offset)
{
	return p->backend->operations->read(p->backend, offset);
}

static void write_register(struct player *p, uint32_t offset, uint32_t value)
{
	p->backend->operations->write(p->backend, offset, value);
}

/* A fresh device with that window and ring. */
static void reset(struct player *p, uint64_t mem_base, uint64_t mem_size, uint64_t ring_base,
                  uint32_t ring_log2)
{
	write_register(p, QMAC_REG_CONTROL, 1);
	write_register(p, QMAC_REG_MEM_BASE_LO, (uint32_t)mem_base);
	write_register(p, QMAC_REG_MEM_BASE_HI, (uint32_t)(mem_base >> 32));
	write_register(p, QMAC_REG_MEM_SIZE_LO, (uint32_t)mem_size);
	write_register(p, QMAC_REG_MEM_SIZE_HI, (uint32_t)(mem_size >> 32));
	write_register(p, QMAC_REG_RING_BASE_LO, (uint32_t)ring_base);
	write_register(p, QMAC_REG_RING_BASE_HI, (uint32_t)(ring_base >> 32));
	write_register(p, QMAC_REG_RING_LOG2, ring_log2);
	write_register(p, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC | QMAC_IRQ_ERROR);
}

static void write_memory(struct player *p, uint64_t address, const void *data, uint64_t bytes)
{
	p->backend->operations->write_memory(p->backend, address, data, bytes);
}

/* Rings for the commands before `tail` and waits until the device rests: all have retired, or one failed. */
static enum qmac_status run_to(struct player *p, uint32_t tail)
{
	write_register(p, QMAC_REG_RING_TAIL, tail);
	for (;;) {
		bool raised;
		uint32_t state;
		enum qmac_status status = p->backend->operations->wait(p->backend, QMAC_PATIENCE_CYCLES, &raised,
		                                                       p->err);

		if (status)
			return status;
		state = read_register(p, QMAC_REG_STATUS);
		if (state & QMAC_STATUS_ERROR)
			return QMAC_OK;
		write_register(p, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
		if (!(state & QMAC_STATUS_BUSY))
			return QMAC_OK;
		if (!raised)
			return qmac_fail(p->err, QMAC_CHECK_FAILED, "the device did not answer within %llu cycles",
			                 QMAC_PATIENCE_CYCLES);
	}
}

/* ---- scratchpads -------------------------------------------------------------- */

/* Consecutive rows [first, first + count) of the trace's table, which share a space, by one LOAD. */
static enum qmac_status fill(struct player *p, size_t first, uint32_t count, uint32_t *tail)
{
	static const unsigned containers[] = {
		[QMAC_SPACE_A] = QMAC_CONTAINER_HALF, [QMAC_SPACE_W] = QMAC_CONTAINER_HALF,
		[QMAC_SPACE_ACC] = QMAC_CONTAINER_DOUBLE, [QMAC_SPACE_LUT] = QMAC_CONTAINER_WORD,
	};
	const struct qmac_trace *t = p->trace;
	const struct qmac_trace_row *row = &t->rows[first];
	unsigned space = row->space;
	uint32_t lanes = qmac_space_lanes(&t->hw, space);
	int bits = qmac_space_bits(&t->hw, space), bytes = qmac_container_bytes(containers[space]);
	const struct qmac_command load = {
		.opcode = QMAC_OPCODE_LOAD, .base = FILL_DATA, .row = row->row, .s0 = lanes * (uint32_t)bytes,
		.n0 = count, .n1 = 1, .n2 = 1, .len = lanes, .container = containers[space],
		.is_signed = space == QMAC_SPACE_ACC, .hi0 = count - 1, .space = space,
		.nbits = space <= QMAC_SPACE_W ? (uint32_t)bits : 0, .ds0 = 1,
	};
	const struct qmac_command sync = {.opcode = QMAC_OPCODE_SYNC, .irq = 1};
	uint32_t words[QMAC_COMMAND_WORDS];
	enum qmac_status status;

	for (size_t i = 0; i < (size_t)count * lanes; i++) {
		uint64_t value = t->values[row->first + i];
		uint8_t data[8];

		/* ACC takes the value of a container: the bare bits with their sign. */
		if (space == QMAC_SPACE_ACC && value >> (bits - 1))
			value |= ~(UINT64_MAX >> (64 - bits));
		for (int k = 0; k < bytes; k++)
			data[k] = (uint8_t)(value >> 8 * k);
		write_memory(p, FILL_DATA + i * (uint64_t)bytes, data, (uint64_t)bytes);
	}
	qmac_command_encode(&load, words);
	qmac_backend_write_command(p->backend, 0, words);
	qmac_command_encode(&sync, words);
	qmac_backend_write_command(p->backend, QMAC_COMMAND_BYTES, words);
	*tail += 2;
	status = run_to(p, *tail);
	if (!status && (read_register(p, QMAC_REG_STATUS) & QMAC_STATUS_ERROR))
		status = qmac_fail(p->err, QMAC_CHECK_FAILED, "the device refuses to load the scratchpads: error %s",
		                   qmac_code_name("FAULT", read_register(p, QMAC_REG_ERROR_CODE)));
	return status;
}

static enum qmac_status fill_scratchpads(struct player *p)
{
	const struct qmac_trace *t = p->trace;
	uint64_t room = t->memory_bytes - FILL_DATA, most = FILL_DATA + FILL_ROWS * 8 * 64;
	enum qmac_status status = QMAC_OK;
	uint32_t tail = 0, count;

	reset(p, 0, t->memory_bytes, 0, FILL_RING_LOG2);
	for (size_t i = 0; !status && i < t->row_count; i += count) {
		const struct qmac_trace_row *row = &t->rows[i];
		uint64_t row_bytes = 8 * (uint64_t)qmac_space_lanes(&t->hw, row->space);

		for (count = 1; i + count < t->row_count && row[count].space == row->space &&
		     row[count].row == row->row + count && count < FILL_ROWS && (count + 1) * row_bytes <= room;)
			count++;
		status = fill(p, i, count, &tail);
	}
	qmac_backend_zero(p->backend, 0, t->memory_bytes < most ? t->memory_bytes : most);
	return status;
}

enum qmac_status qmac_trace_fill(const struct qmac_trace *trace, struct qmac_backend *backend,
                                 struct qmac_error *err)
{
	struct player p = {.trace = trace, .backend = backend, .err = err};

	return fill_scratchpads(&p);
}

/* ---- commands ----------------------------------------------------------------- */

static enum qmac_status run_batch(struct player *p, size_t index)
{
	const struct qmac_trace *t = p->trace;
	const struct qmac_trace_batch *batch = &t->batches[index];
	bool last = index + 1 == t->batch_count;
	size_t bytes_end = last ? t->bytes_count : batch[1].first_bytes;
	size_t command_end = last ? t->command_count : batch[1].first_command;

	for (size_t i = batch->first_bytes; i < bytes_end; i++)
		write_memory(p, t->bytes[i].address, t->bytes[i].data, t->bytes[i].count);
	for (size_t i = batch->first_command; i < command_end; i++)
		qmac_backend_write_command(p->backend, t->ring_base +
		                           (i & ((1U << t->ring_log2) - 1)) * QMAC_COMMAND_BYTES,
		                           t->commands[i].words);
	return run_to(p, (uint32_t)command_end);
}

/* A difference at a command: the place in the trace, its number and text, and what differs. */
static enum qmac_status differ(struct player *p, size_t number, const char *what)
{
	const struct qmac_trace_command *c = &p->trace->commands[number];
	struct qmac_command command;
	char text[400];

	qmac_command_decode(c->words, &command);
	qmac_command_text(&command, text, sizeof text);
	return qmac_fail_at(p->err, QMAC_CHECK_FAILED, p->trace->file, c->line, c->line ? 1 : 0,
	                    "command %zu: %s: %s", number, what, text);
}

/* A command that should have retired did not: why? */
static enum qmac_status differ_stopped(struct player *p, size_t number)
{
	uint32_t code = read_register(p, QMAC_REG_ERROR_CODE);
	char what[128] = "expected its retirement, got nothing";

	if (read_register(p, QMAC_REG_STATUS) & QMAC_STATUS_ERROR)
		snprintf(what, sizeof what, "expected its retirement, but the device stopped at command %" PRIu32
		         " with error %s", read_register(p, QMAC_REG_ERROR_COMMAND), qmac_code_name("FAULT", code));
	return differ(p, number, what);
}

static enum qmac_status compare_record(struct player *p, size_t number, bool timed)
{
	char what[300];

	if (qmac_retire_differs(&p->trace->commands[number].expected, &p->got[number], timed, "expected", "got",
	                        what, sizeof what))
		return differ(p, number, what);
	return QMAC_OK;
}

/* The last command must have stopped the device. */
static enum qmac_status compare_fault(struct player *p)
{
	const struct qmac_trace *t = p->trace;
	size_t last = t->command_count - 1;
	uint32_t code = read_register(p, QMAC_REG_ERROR_CODE);
	char what[128];

	if (code == t->fault && !p->retired[last] && read_register(p, QMAC_REG_ERROR_COMMAND) == last)
		return QMAC_OK;
	snprintf(what, sizeof what, "expected error %s, got %s%s", qmac_code_name("FAULT", t->fault),
	         code ? "error " : "", code ? qmac_code_name("FAULT", code) : "its retirement");
	return differ(p, last, what);
}

/*
 * Is this a device that found the bus error of the last command by an answer of memory? It had started
 * nothing more by then, and the command may have written part of its bytes (docs/command-set.md, "What is
 * refused").
 */
static bool stops_late(const struct qmac_trace *t, const struct qmac_replay *replay)
{
	return t->fault == QMAC_FAULT_BUS && strcmp(replay->backend, "rtl") == 0;
}

/* Of a command that has a meaning. */
static unsigned engine_of(const struct qmac_trace_command *c)
{
	struct qmac_command command;

	qmac_command_decode(c->words, &command);
	return qmac_command_engine(command.opcode);
}

static enum qmac_status compare_memory(struct player *p, const struct qmac_replay *replay)
{
	const struct qmac_trace *t = p->trace;
	uint64_t digest = qmac_trace_digest(t, p->backend);

	if (replay->memory_digest)
		*replay->memory_digest = digest;
	else if (digest != t->memory_digest && !stops_late(t, replay))
		return qmac_fail_at(p->err, QMAC_CHECK_FAILED, t->file, t->end_line, t->end_line ? 1 : 0,
		                    "memory: expected digest %016" PRIx64 ", got %016" PRIx64, t->memory_digest,
		                    digest);
	return QMAC_OK;
}

static enum qmac_status compare(struct player *p, const struct qmac_replay *replay)
{
	const struct qmac_trace *t = p->trace;
	size_t retiring = t->command_count - (t->fault != QMAC_FAULT_NONE);
	enum qmac_status status = QMAC_OK;

	for (size_t i = 0; !status && i < retiring; i++)
		if (p->retired[i])
			status = compare_record(p, i, replay->timed);
		else if (!stops_late(t, replay) ||
		         engine_of(&t->commands[i]) == engine_of(&t->commands[t->command_count - 1]))
			status = differ_stopped(p, i);
	if (!status && t->fault)
		status = compare_fault(p);
	if (!status && p->strays)
		status = qmac_fail_at(p->err, QMAC_CHECK_FAILED, t->file, 0, 0, "%" PRIu64 " retire records came "
		                      "that belong to no command of the trace, or for the second time", p->strays);
	return status ? status : compare_memory(p, replay);
}

static enum qmac_status play(struct player *p)
{
	const struct qmac_trace *t = p->trace;
	enum qmac_status status = fill_scratchpads(p);

	if (status)
		return status;
	reset(p, t->mem_base, t->mem_size, t->ring_base, t->ring_log2);
	p->counting = true;
	for (size_t i = 0; !status && i < t->batch_count; i++) {
		status = run_batch(p, i);
		if (!status && (read_register(p, QMAC_REG_STATUS) & QMAC_STATUS_ERROR))
			break;
	}
	return status;
}

enum qmac_status qmac_trace_run(const struct qmac_trace *trace, struct qmac_backend *backend,
                                struct qmac_error *err)
{
	struct player p = {.trace = trace, .backend = backend, .err = err};

	return play(&p);
}

enum qmac_status qmac_trace_replay(const struct qmac_trace *trace, const struct qmac_replay *replay,
                                   struct qmac_retire *records, uint64_t *cycles, struct qmac_error *err)
{
	struct player p = {.trace = trace, .err = err};
	const struct qmac_device_options options = {
		.memory_bytes = trace->memory_bytes, .kernel = replay->kernel, .digests = true,
		.on_retire = on_retire, .context = &p,
	};
	enum qmac_status status = QMAC_OK;

	p.got = calloc(trace->command_count, sizeof p.got[0]);
	p.retired = calloc(trace->command_count, sizeof p.retired[0]);
	if (!p.got || !p.retired)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for %zu records", trace->command_count);
	if (!status)
		status = qmac_backend_open_from(replay->source, replay->backend, &trace->hw, &options, &p.backend,
		                                err);
	if (!status)
		status = play(&p);
	if (!status)
		status = compare(&p, replay);
	if (records && p.got)
		memcpy(records, p.got, trace->command_count * sizeof p.got[0]);
	if (cycles)
		*cycles = p.cycles;
	qmac_backend_destroy(p.backend);
	free(p.retired);
	free(p.got);
	return status;
}
