/*
 * Streams: what they have in common, and the legal ones. malformed.c, training.c: the others.
 */
#include "fuzz/stream.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/internal.h"
#include "fuzz/random.h"
#include "fuzz/waits.h"
#include "isa/command.h"
#include "isa/space.h"

void qmac_fuzz_stream_free(struct qmac_fuzz_stream *stream)
{
	qmac_trace_destroy(stream->trace);
	memset(stream, 0, sizeof *stream);
}

/* ---- what the device makes of it ---------------------------------------------- */

static bool readable(const struct qmac_trace *t, size_t number)
{
	uint64_t at = t->ring_base + (number & ((1U << t->ring_log2) - 1)) * (uint64_t)QMAC_COMMAND_BYTES;

	return at + QMAC_COMMAND_BYTES <= t->memory_bytes;
}

void qmac_fuzz_stream_judge(struct qmac_fuzz_stream *stream)
{
	const struct qmac_trace *t = stream->trace;
	struct qmac_dispatch_state state = {.mem_base = t->mem_base, .mem_size = t->mem_size};
	size_t last = t->batches[t->batch_count - 1].first_command;
	struct qmac_command command;

	stream->fault = QMAC_FAULT_NONE;
	for (stream->retiring = 0; stream->retiring < t->command_count; stream->retiring++) {
		const uint32_t *words = t->commands[stream->retiring].words;

		qmac_command_decode(words, &command);
		if (stream->ring_register && stream->retiring == last)
			stream->fault = QMAC_FAULT_RING;
		else if (!readable(t, stream->retiring))
			stream->fault = QMAC_FAULT_BUS;
		else
			stream->fault = qmac_command_fault(&t->hw, &state, words, &command);
		if (stream->fault)
			return;
		if (command.opcode != QMAC_OPCODE_SYNC)
			state.dispatched[qmac_command_engine(command.opcode)]++;
	}
}

bool qmac_fuzz_stream_is_trace(const struct qmac_fuzz_stream *stream)
{
	const struct qmac_trace *t = stream->trace;
	bool ring = t->ring_base + ((uint64_t)QMAC_COMMAND_BYTES << t->ring_log2) <= t->memory_bytes;

	return ring && !stream->ring_register &&
	       stream->retiring + (stream->fault != QMAC_FAULT_NONE) == t->command_count;
}

struct qmac_command *qmac_fuzz_stream_decode(const struct qmac_fuzz_stream *stream, size_t count)
{
	struct qmac_command *commands = calloc(count + 1, sizeof *commands);

	for (size_t i = 0; commands && i < count; i++)
		qmac_command_decode(stream->trace->commands[i].words, &commands[i]);
	return commands;
}

/* ---- legal streams ------------------------------------------------------------ */

/* Where ring and data lie: at any address that is allowed, in either order. */
static void place(struct qmac_fuzz_draft *d)
{
	struct qmac_trace *t = d->trace;
	uint64_t *rng = &d->program.rng, ring_bytes, at;

	t->memory_bytes = QMAC_FUZZ_MEMORY_BYTES;
	t->ring_log2 = (uint32_t)qmac_fuzz_pick(rng, 1, qmac_fuzz_chance(rng, 4) ? 9 : 6);
	ring_bytes = (uint64_t)QMAC_COMMAND_BYTES << t->ring_log2;
	d->program.data_bytes = 4096 + 8 * (uint64_t)qmac_fuzz_pick(rng, 0, 600);
	t->mem_base = at = 8 * (uint64_t)qmac_fuzz_pick(rng, 0, 4096);
	if (qmac_fuzz_chance(rng, 2)) {
		t->ring_base = (at + 63) / 64 * 64 + 64 * (uint64_t)qmac_fuzz_below(rng, 3);
		d->program.data_base = t->ring_base + ring_bytes + 8 * (uint64_t)qmac_fuzz_below(rng, 9);
		at = d->program.data_base + d->program.data_bytes;
	} else {
		d->program.data_base = at + 8 * (uint64_t)qmac_fuzz_below(rng, 9);
		at = d->program.data_base + d->program.data_bytes;
		t->ring_base = (at + 63) / 64 * 64 + 64 * (uint64_t)qmac_fuzz_below(rng, 3);
		at = t->ring_base + ring_bytes;
	}
	t->mem_size = at + (uint64_t)qmac_fuzz_below(rng, 100) - t->mem_base;
}

/* Bytes from anywhere in a number, or whole numbers: then containers of all sizes are at their ends, too. */
static void fill_line(uint64_t *rng, struct qmac_trace_bytes *bytes)
{
	bool whole = qmac_fuzz_chance(rng, 2);
	uint64_t word = 0;

	for (unsigned i = 0; i < bytes->count; i++) {
		unsigned place = whole ? (unsigned)(bytes->address + i) % 8 : i % 7;

		if (!whole || i == 0 || place == 0)
			word = qmac_fuzz_word(rng);
		bytes->data[i] = (uint8_t)(word >> 8 * place);
	}
}

/* The lines of memory that hold data, cut to it, in the order of their addresses; one in `share`. */
static bool add_memory(struct qmac_fuzz_draft *d, int64_t share)
{
	uint64_t end = d->program.data_base + d->program.data_bytes, next;

	for (uint64_t at = d->program.data_base; at < end; at = next) {
		struct qmac_trace_bytes *bytes;

		next = at - at % QMAC_TRACE_LINE_BYTES + QMAC_TRACE_LINE_BYTES;
		next = next < end ? next : end;
		if (!qmac_fuzz_chance(&d->program.rng, share))
			continue;
		bytes = qmac_trace_add_bytes(d->trace);
		if (!bytes)
			return false;
		bytes->address = at;
		bytes->count = (uint8_t)(next - at);
		fill_line(&d->program.rng, bytes);
	}
	return true;
}

/* Fills the rows of a space, all but a few, with numbers from anywhere in the data. */
static struct qmac_command fill_space(struct qmac_fuzz_draft *d, unsigned space)
{
	const struct qmac_hw *hw = &d->program.hw;
	uint32_t rows = qmac_space_rows(hw, space), lanes = qmac_space_lanes(hw, space);
	uint32_t n0 = rows < 128 ? rows : 128, bits = (uint32_t)qmac_space_bits(hw, space);
	struct qmac_command c = {
		.opcode = QMAC_OPCODE_LOAD, .space = space, .len = lanes, .n0 = n0, .n1 = rows / n0, .n2 = 1,
		.ds0 = 1, .ds1 = n0, .hi0 = n0 - 1, .hi1 = rows / n0 - 1, .s0 = 8, .s1 = rows / n0 <= 64 ? 8 : 0,
		.base = (d->program.data_base + 7) / 8 * 8,
		.container = space == QMAC_SPACE_ACC ? QMAC_CONTAINER_DOUBLE
		             : space == QMAC_SPACE_LUT ? QMAC_CONTAINER_WORD : QMAC_CONTAINER_HALF,
	};

	c.is_signed = space != QMAC_SPACE_LUT;
	c.nbits = space <= QMAC_SPACE_W ? bits : 0;
	return c;
}

bool qmac_fuzz_draft_begin(struct qmac_fuzz_draft *d, const struct qmac_hw *hw, uint64_t seed, uint32_t most)
{
	uint64_t *rng = &d->program.rng;

	memset(d, 0, sizeof *d);
	d->trace = qmac_trace_create();
	d->program.hw = *hw;
	*rng = seed;
	d->count = (uint32_t)(QMAC_FUZZ_COMMANDS_MIN +
	                      qmac_fuzz_below(rng, QMAC_FUZZ_COMMANDS_MAX - QMAC_FUZZ_COMMANDS_MIN + 1));
	d->count = d->count < most ? d->count : most;
	d->commands = calloc(d->count, sizeof *d->commands);
	if (!d->trace || !d->commands)
		return false;
	d->trace->hw = *hw;
	d->program.again = (int)qmac_fuzz_below(rng, 4) * QMAC_FUZZ_AGAIN_ALL / 4;
	place(d);
	return true;
}

enum qmac_status qmac_fuzz_draft_commands(struct qmac_fuzz_draft *d, uint32_t count, struct qmac_error *err)
{
	bool fill = qmac_fuzz_chance(&d->program.rng, 2);

	for (uint32_t i = 0; i < count; i++)
		if (fill && i < 4) {
			d->commands[i] = fill_space(d, i);
			qmac_fuzz_wait_all(&d->program, &d->commands[i]);
		} else {
			qmac_fuzz_command(&d->program, &d->commands[i]);
		}
	return qmac_fuzz_waits_few(&d->program.rng, &d->program.hw, d->commands, count, err);
}

static bool begin_batch(struct qmac_fuzz_draft *d, bool first)
{
	struct qmac_trace_batch *batch = qmac_trace_add_batch(d->trace);

	if (!batch)
		return false;
	*batch = (struct qmac_trace_batch){d->trace->bytes_count, d->trace->command_count};
	return add_memory(d, first ? 1 : qmac_fuzz_chance(&d->program.rng, 2) ? 100 : 1000000);
}

bool qmac_fuzz_draft_turns(struct qmac_fuzz_draft *d)
{
	uint32_t ring = 1U << d->trace->ring_log2, left = 0;
	bool whole = qmac_fuzz_chance(&d->program.rng, 3);

	for (uint32_t i = 0; i < d->count; i++) {
		struct qmac_trace_command *command;

		if (left == 0) {
			left = whole ? ring : (uint32_t)qmac_fuzz_pick(&d->program.rng, 1, ring);
			if (!begin_batch(d, i == 0))
				return false;
		}
		left--;
		command = qmac_trace_add_command(d->trace);
		if (!command)
			return false;
		qmac_command_encode(&d->commands[i], command->words);
	}
	return true;
}

void qmac_fuzz_draft_end(struct qmac_fuzz_draft *d)
{
	free(d->commands);
	qmac_trace_destroy(d->trace);
}

static enum qmac_status make_legal(const struct qmac_hw *hw, uint64_t seed, uint32_t most,
                                   struct qmac_trace **trace, struct qmac_error *err)
{
	struct qmac_fuzz_draft d;
	enum qmac_status status = QMAC_OK;

	if (!qmac_fuzz_draft_begin(&d, hw, seed, most))
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for a random stream");
	if (!status)
		status = qmac_fuzz_draft_commands(&d, d.count, err);
	if (!status && !qmac_fuzz_draft_turns(&d))
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for a random stream");
	if (!status) {
		*trace = d.trace;
		d.trace = NULL;
	}
	qmac_fuzz_draft_end(&d);
	return status;
}

enum qmac_status qmac_fuzz_stream_make(const struct qmac_hw *hw, enum qmac_fuzz_kind kind, uint64_t seed,
                                       uint32_t most, struct qmac_fuzz_stream *stream, struct qmac_error *err)
{
	enum qmac_status status;

	memset(stream, 0, sizeof *stream);
	stream->kind = kind;
	if (kind == QMAC_FUZZ_LEGAL)
		status = make_legal(hw, seed, most, &stream->trace, err);
	else if (kind == QMAC_FUZZ_MALFORMED)
		status = qmac_fuzz_malformed_make(hw, seed, most, stream, err);
	else
		status = qmac_fuzz_training_make(hw, seed, most, &stream->trace, err);
	if (status)
		qmac_fuzz_stream_free(stream);
	else
		qmac_fuzz_stream_judge(stream);
	return status;
}
