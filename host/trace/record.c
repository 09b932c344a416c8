/*
 * Records a window of a run.
 *
 * Host and device take turns. The state in front of the window's first command is
 * taken in the middle of the device's turn, by on_command. Memory in front of the window
 * and at the end of a device's turn are kept as snapshots; at the device's next turn the
 * difference to that one is what the host wrote.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/wrapper.h"
#include "isa/command.h"
#include "isa/space.h"
#include "trace/snapshot.h"
#include "trace/trace.h"

struct qmac_recorder {
	struct qmac_trace_window window;
	struct qmac_trace *trace;
	uint64_t seen, before;       /* commands since the last reset, and before it */
	uint64_t number;             /* since the reset: of the first command of the window */
	uint32_t executed[3];        /* the same, per engine; base: before the window */
	uint32_t base[3];
	struct qmac_backend *inner;  /* what is recorded, while it lives */
	struct qmac_snapshot first;  /* memory in front of the window */
	struct qmac_snapshot left;   /* as the device left it at the end of its last turn, or of the window */
	bool captured;               /* memory is in the trace, digest_left that of `left` */
	uint64_t digest_left;
	bool started;                /* the window has begun */
	bool at_work;                /* it is the device's turn */
	bool turn_due;               /* the doorbell was rung since the last turn of the device */
	bool sealed;                 /* the window is complete */
	bool past;                   /* the device was reset after it: what retires has the same numbers anew */
	bool cut;                    /* commands of its end were taken away: memory at the end is not known */
	size_t retired;
	/* Of the caller. */
	void (*on_retire)(void *context, const struct qmac_retire *record);
	void (*on_command)(void *context, struct qmac_device *device, const uint32_t words[QMAC_COMMAND_WORDS]);
	void (*on_write)(void *context, uint64_t address, uint64_t bytes);
	void *context;
	/* The first failure; reported at the end. */
	enum qmac_status status;
	struct qmac_error err;
};

/* The backend that stands before the real one. */
struct recording {
	struct qmac_wrapper wrapper; /* first: it is a backend */
	struct qmac_recorder *recorder;
};

static void out_of_memory(struct qmac_recorder *r)
{
	r->status = qmac_fail(&r->err, QMAC_INTERNAL, "out of memory for the trace");
}

static bool active(const struct qmac_recorder *r)
{
	return r->started && !r->sealed && !r->status;
}

/* ---- state -------------------------------------------------------------------- */

/* Appends what has changed since the device's last turn. */
static void add_changes(struct qmac_recorder *r)
{
	uint8_t now[QMAC_PAGE_BYTES], before[QMAC_PAGE_BYTES];
	const struct qmac_pages *touched = &r->left.touched;

	for (uint64_t page = 0; !r->status && (page = qmac_pages_next(touched, page)) < touched->count; page++) {
		uint64_t bytes = qmac_snapshot_read(&r->left, r->inner, page, before);

		r->inner->operations->read_memory(r->inner, page * QMAC_PAGE_BYTES, now, bytes);
		if (!qmac_trace_add_changes(r->trace, page * QMAC_PAGE_BYTES, now, before, bytes))
			out_of_memory(r);
	}
}

/*
 * Puts memory in front of the window into the trace's first batch and finds the digest of what was left. This
 * looks at all of memory: only once the trace is wanted, or when the device goes.
 */
static void capture(struct qmac_recorder *r)
{
	static const uint8_t zeros[QMAC_PAGE_BYTES];
	size_t before = r->trace->bytes_count;
	uint8_t bytes[QMAC_PAGE_BYTES];

	if (!r->started || r->captured || r->status)
		return;
	r->captured = true;
	for (uint64_t page = 0; page < r->first.touched.count && !r->status; page++) {
		uint64_t count = qmac_snapshot_read(&r->first, r->inner, page, bytes);

		if (!qmac_trace_add_changes(r->trace, page * QMAC_PAGE_BYTES, bytes, zeros, count))
			out_of_memory(r);
		count = qmac_snapshot_read(&r->left, r->inner, page, bytes);
		r->digest_left += qmac_trace_digest_part(r->trace, page * QMAC_PAGE_BYTES, bytes, count);
	}
	if (!r->status && !qmac_trace_to_front(r->trace, r->trace->bytes_count - before))
		out_of_memory(r);
}

static void add_row(struct qmac_recorder *r, const struct qmac_device *device, unsigned space, uint32_t row)
{
	struct qmac_trace *t = r->trace;
	uint32_t lanes = qmac_space_lanes(&t->hw, space), used = 0;
	uint64_t mask = UINT64_MAX >> (64 - qmac_space_bits(&t->hw, space)), *values;
	struct qmac_trace_row *added;

	while (used < lanes && qmac_device_peek(device, space, row, used) == 0)
		used++;
	if (used == lanes)
		return;
	added = qmac_trace_add_row(t);
	values = qmac_trace_add_values(t, lanes);
	if (!added || !values) {
		out_of_memory(r);
		return;
	}
	*added = (struct qmac_trace_row){space, row, t->value_count - lanes};
	for (uint32_t j = 0; j < lanes; j++)
		values[j] = qmac_device_peek(device, space, row, j) & mask;
}

static uint64_t read_pair(struct qmac_device *device, uint32_t low_offset)
{
	return qmac_device_read(device, low_offset) | (uint64_t)qmac_device_read(device, low_offset + 4) << 32;
}

static void add_batch(struct qmac_recorder *r)
{
	struct qmac_trace *t = r->trace;
	struct qmac_trace_batch *batch = qmac_trace_add_batch(t);

	if (!batch)
		out_of_memory(r);
	else
		*batch = (struct qmac_trace_batch){t->bytes_count, t->command_count};
}

/* The window's first command is about to execute. */
static void start(struct qmac_recorder *r, struct qmac_device *device)
{
	struct qmac_trace *t = r->trace;

	t->first = r->before + r->seen;
	r->number = r->seen;
	t->mem_base = read_pair(device, QMAC_REG_MEM_BASE_LO);
	t->mem_size = read_pair(device, QMAC_REG_MEM_SIZE_LO);
	t->ring_base = read_pair(device, QMAC_REG_RING_BASE_LO);
	t->ring_log2 = qmac_device_read(device, QMAC_REG_RING_LOG2);
	memcpy(r->base, r->executed, sizeof r->base);
	r->started = true;
	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_LUT; space++)
		for (uint32_t row = 0; row < qmac_space_rows(&t->hw, space); row++)
			add_row(r, device, space, row);
	add_batch(r);
	qmac_snapshot_take(&r->first);
}

/* ---- commands ----------------------------------------------------------------- */

/*
 * Wait counts are modulo 2^16 and judged by their distance to the commands dispatched:
 * counted from the window's start on, what was met stays met and what is illegal stays so.
 */
static uint32_t rebase(const void *context, unsigned engine, uint32_t count)
{
	const struct qmac_recorder *r = context;

	return count - r->base[engine];
}

static void add_command(struct qmac_recorder *r, const uint32_t words[QMAC_COMMAND_WORDS])
{
	struct qmac_trace_command *command = qmac_trace_add_command(r->trace);

	if (!command) {
		out_of_memory(r);
		return;
	}
	memcpy(command->words, words, sizeof command->words);
	qmac_trace_rebase_waits(command->words, rebase, r);
}

static void on_command(void *context, struct qmac_device *device, const uint32_t words[QMAC_COMMAND_WORDS])
{
	struct qmac_recorder *r = context;
	uint32_t opcode = words[0] & 0xF;

	if (!r->status && !r->sealed && r->before + r->seen >= r->window.from) {
		if (!r->started) {
			start(r, device);
		} else if (r->seen - r->number == r->window.count) {
			qmac_snapshot_take(&r->left);
			r->sealed = true;
		}
		if (active(r))
			add_command(r, words);
	}
	r->seen++;
	/* One with another opcode does not execute. */
	if (opcode >= QMAC_OPCODE_LOAD && opcode <= QMAC_OPCODE_VEC)
		r->executed[qmac_command_engine(opcode)]++;
	if (r->on_command)
		r->on_command(r->context, device, words);
}

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct qmac_recorder *r = context;
	uint32_t number = record->number - (uint32_t)r->number;

	if (r->started && !r->past && number < r->trace->command_count) {
		r->trace->commands[number].expected = *record;
		r->trace->commands[number].expected.number = number;
		r->retired++;
	}
	if (r->on_retire)
		r->on_retire(r->context, record);
}

static void on_write(void *context, uint64_t address, uint64_t bytes)
{
	struct qmac_recorder *r = context;

	/* What the device writes in its own turn belongs to what it will have left. */
	bool is_short = (!r->at_work || r->sealed) && !qmac_snapshot_touch(&r->left, r->inner, address, bytes);

	if ((!qmac_snapshot_touch(&r->first, r->inner, address, bytes) || is_short) && !r->status)
		out_of_memory(r);
	if (r->on_write)
		r->on_write(r->context, address, bytes);
}

/* ---- the backend -------------------------------------------------------------- */

static struct recording *self(struct qmac_backend *backend)
{
	return (struct recording *)(void *)backend;
}

static void write_register(struct qmac_backend *backend, uint32_t offset, uint32_t value)
{
	struct qmac_recorder *r = self(backend)->recorder;

	if (offset == QMAC_REG_RING_TAIL)
		r->turn_due = true;
	/* A trace has one window of memory and one ring. */
	if (offset == QMAC_REG_CONTROL || (offset >= QMAC_REG_MEM_BASE_LO && offset <= QMAC_REG_RING_LOG2))
		r->sealed = r->started;
	if (offset == QMAC_REG_CONTROL && (value & 1)) {
		r->past = r->started;
		r->before += r->seen;
		r->seen = 0;
		memset(r->executed, 0, sizeof r->executed);
	}
	qmac_wrapper_write(backend, offset, value);
}

/* What the host wrote and rang for is a new batch, where the device will find commands. */
static void begin_turn(struct qmac_recorder *r)
{
	size_t before = r->trace->bytes_count;

	if (!active(r))
		return;
	add_changes(r);
	if (r->trace->bytes_count > before || r->turn_due) {
		size_t added = r->trace->bytes_count;

		r->trace->bytes_count = before;
		add_batch(r);
		r->trace->bytes_count = added;
	}
}

static void end_turn(struct qmac_recorder *r, struct qmac_backend *backend)
{
	struct qmac_trace *t = r->trace;

	if (!active(r))
		return;
	if (t->batches[t->batch_count - 1].first_command == t->command_count) {
		t->bytes_count = t->batches[--t->batch_count].first_bytes;
		return;
	}
	r->turn_due = false;
	qmac_snapshot_take(&r->left);
	if (qmac_wrapper_read(backend, QMAC_REG_STATUS) & QMAC_STATUS_ERROR) {
		/* A descriptor that cannot be read is not a command of the trace. */
		if (qmac_wrapper_read(backend, QMAC_REG_ERROR_COMMAND) - (uint32_t)r->number == t->command_count - 1)
			t->fault = qmac_wrapper_read(backend, QMAC_REG_ERROR_CODE);
		r->sealed = true;
	}
	r->sealed |= t->command_count == r->window.count;
}

static enum qmac_status wait_interrupt(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                       struct qmac_error *err)
{
	struct qmac_recorder *r = self(backend)->recorder;
	enum qmac_status status;

	begin_turn(r);
	r->at_work = true;
	status = qmac_wrapper_wait(backend, cycles, raised, err);
	r->at_work = false;
	end_turn(r, backend);
	return status;
}

static enum qmac_status create_snapshots(struct qmac_recorder *r, struct qmac_error *err)
{
	enum qmac_status status = qmac_snapshot_init(&r->first, r->trace->memory_bytes, err);

	return status ? status : qmac_snapshot_init(&r->left, r->trace->memory_bytes, err);
}

static void destroy(struct qmac_backend *backend)
{
	struct qmac_recorder *r = self(backend)->recorder;

	capture(r);
	r->inner = NULL;
	qmac_wrapper_destroy(backend);
}

enum qmac_status qmac_recorder_open(struct qmac_recorder *recorder, const char *backend,
                                    const struct qmac_hw *hw, const struct qmac_device_options *options,
                                    const struct qmac_backend_source *source,
                                    struct qmac_backend **made, struct qmac_error *err)
{
	static const struct qmac_backend_operations operations = {
		.name = "recording", .read = qmac_wrapper_read, .write = write_register,
		.read_memory = qmac_wrapper_read_memory, .write_memory = qmac_wrapper_write_memory,
		.wait = wait_interrupt, .kernel = qmac_wrapper_kernel, .peek = qmac_wrapper_peek,
		.poke = qmac_wrapper_poke, .note_unit = qmac_wrapper_note_unit, .destroy = destroy,
	};
	struct qmac_device_options wrapped = *options;
	struct recording *b = calloc(1, sizeof *b);
	struct qmac_backend *inner = NULL;
	enum qmac_status status;

	*made = NULL;
	if (!b)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a backend");
	if (wrapped.memory_bytes < QMAC_TRACE_MEMORY_MIN)
		wrapped.memory_bytes = QMAC_TRACE_MEMORY_MIN;
	wrapped.digests = true;
	wrapped.on_retire = on_retire;
	wrapped.on_command = on_command;
	wrapped.on_write = on_write;
	wrapped.context = recorder;
	recorder->on_retire = options->on_retire;
	recorder->on_command = options->on_command;
	recorder->on_write = options->on_write;
	recorder->context = options->context;
	recorder->trace->hw = *hw;
	recorder->trace->memory_bytes = wrapped.memory_bytes;
	if (wrapped.memory_bytes > QMAC_TRACE_MEMORY_MAX)
		status = qmac_fail(err, QMAC_BAD_INPUT, "a trace holds at most %llu bytes of device memory, this run "
		                   "has %" PRIu64, QMAC_TRACE_MEMORY_MAX, wrapped.memory_bytes);
	else if (strcmp(backend, "rtl") == 0)
		status = qmac_fail(err, QMAC_BAD_INPUT, "traces are recorded from the C model: use the backend "
		                   "'cmodel' or 'lockstep'");
	else
		status = create_snapshots(recorder, err);
	if (!status)
		status = qmac_backend_open_from(source, backend, hw, &wrapped, &inner, err);
	if (status) {
		free(b);
		return status;
	}
	qmac_wrapper_init(&b->wrapper, &operations, inner);
	b->recorder = recorder;
	recorder->inner = inner;
	*made = &b->wrapper.base;
	return QMAC_OK;
}

/* ---- life --------------------------------------------------------------------- */

struct qmac_recorder *qmac_recorder_create(const struct qmac_trace_window *window)
{
	struct qmac_recorder *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->window = *window;
	r->trace = qmac_trace_create();
	if (!r->trace) {
		free(r);
		return NULL;
	}
	return r;
}

void qmac_recorder_destroy(struct qmac_recorder *recorder)
{
	if (!recorder)
		return;
	qmac_trace_destroy(recorder->trace);
	qmac_snapshot_free(&recorder->first);
	qmac_snapshot_free(&recorder->left);
	free(recorder);
}

void qmac_recorder_restart(struct qmac_recorder *recorder)
{
	struct qmac_trace *t = recorder->trace;

	recorder->window.from = recorder->before + recorder->seen;
	recorder->started = recorder->sealed = recorder->past = false;
	recorder->retired = 0;
	t->row_count = t->value_count = t->bytes_count = t->batch_count = t->command_count = 0;
	t->fault = QMAC_FAULT_NONE;
}

void qmac_recorder_cut(struct qmac_recorder *recorder, uint32_t number)
{
	struct qmac_trace *t = recorder->trace;
	uint32_t count = number - (uint32_t)recorder->number + 1;

	if (!recorder->started || count == 0 || count >= t->command_count)
		return;
	recorder->cut = recorder->sealed = true;
	recorder->retired = t->command_count = count;
	t->fault = QMAC_FAULT_NONE;
	while (t->batches[t->batch_count - 1].first_command >= count)
		t->bytes_count = t->batches[--t->batch_count].first_bytes;
}

/* Plays the trace alone: it must give what the run gave; its own cycles replace those of the run. */
static enum qmac_status settle(struct qmac_recorder *r, struct qmac_error *err)
{
	struct qmac_trace *t = r->trace;
	const struct qmac_replay replay = {
		.backend = "cmodel", .memory_digest = r->cut ? &t->memory_digest : NULL,
	};
	struct qmac_retire *records = calloc(t->command_count, sizeof records[0]);
	enum qmac_status status;
	struct qmac_error bare;

	if (!records)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the trace");
	status = qmac_trace_replay(t, &replay, records, NULL, err);
	for (size_t i = 0; !status && i < t->command_count; i++) {
		t->commands[i].expected.start = records[i].start;
		t->commands[i].expected.cycle = records[i].cycle;
	}
	free(records);
	if (status == QMAC_CHECK_FAILED) {
		bare = *err;
		return qmac_fail(err, QMAC_CHECK_FAILED, "the recorded trace does not play as the run did (does a "
		                 "command touch the command ring?): %.560s", bare.message);
	}
	return status;
}

enum qmac_status qmac_recorder_finish(struct qmac_recorder *recorder, const struct qmac_trace **trace,
                                      struct qmac_error *err)
{
	struct qmac_trace *t = recorder->trace;
	enum qmac_status status;

	*trace = NULL;
	if (recorder->status) {
		*err = recorder->err;
		return recorder->status;
	}
	if (!t->command_count)
		return qmac_fail(err, QMAC_BAD_INPUT, "the trace is empty: the run had %" PRIu64 " commands, none "
		                 "from %" PRIu64 " on", recorder->seen, recorder->window.from);
	if (recorder->retired != t->command_count - (t->fault != QMAC_FAULT_NONE))
		return qmac_fail(err, QMAC_INTERNAL, "%zu of the %zu recorded commands have retired",
		                 recorder->retired, t->command_count);
	if (recorder->inner)
		capture(recorder);
	if (recorder->status) {
		*err = recorder->err;
		return recorder->status;
	}
	if (!recorder->cut)
		t->memory_digest = recorder->digest_left;
	status = settle(recorder, err);
	if (!status)
		*trace = t;
	return status;
}
