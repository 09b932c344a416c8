/*
 * Life and operations of lockstep. Comparing: compare.c; explaining: explain.c.
 */
#define _POSIX_C_SOURCE 200809L
#include "cosim/lockstep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cosim/internal.h"
#include "isa/space.h"

static struct qmac_lockstep *self(struct qmac_backend *backend)
{
	return (struct qmac_lockstep *)(void *)backend;
}

uint32_t qmac_lockstep_read(struct qmac_lockstep_side *side, uint32_t offset)
{
	return side->backend->operations->read(side->backend, offset);
}

uint64_t qmac_lockstep_read_pair(struct qmac_lockstep_side *side, uint32_t low_offset)
{
	return qmac_lockstep_read(side, low_offset) | (uint64_t)qmac_lockstep_read(side, low_offset + 4) << 32;
}

/* ---- what the sides tell ------------------------------------------------------ */

static void keep_record(void *context, const struct qmac_retire *record)
{
	struct qmac_lockstep_side *side = context;
	struct qmac_lockstep *l = side->lockstep;
	struct qmac_record_queue *queue = &side->queue[record->engine % QMAC_LOCKSTEP_ENGINES];

	if (queue->count == queue->room) {
		size_t room = 2 * queue->room + 256;
		struct qmac_retire *grown = realloc(queue->records, room * sizeof grown[0]);

		if (!grown) {
			if (!l->status)
				l->status = qmac_fail(&l->err, QMAC_INTERNAL, "out of memory for retire records");
			return;
		}
		queue->records = grown;
		queue->room = room;
	}
	queue->records[queue->count++] = *record;
	l->monitors_due |= record->magnitudes != 0;
	if (side == &l->model && l->options.on_retire)
		l->options.on_retire(l->options.context, record);
}

static void note_write(void *context, uint64_t address, uint64_t bytes)
{
	struct qmac_lockstep_side *side = context;
	struct qmac_lockstep *l = side->lockstep;

	qmac_pages_add_range(&l->touched, address, bytes);
	if (side == &l->model && l->options.on_write)
		l->options.on_write(l->options.context, address, bytes);
}

static void pass_command(void *context, struct qmac_device *device, const uint32_t words[QMAC_COMMAND_WORDS])
{
	const struct qmac_lockstep_side *side = context;
	const struct qmac_device_options *options = &side->lockstep->options;

	options->on_command(options->context, device, words);
}

/* ---- registers and memory ----------------------------------------------------- */

/* Does a register hold time? */
static bool is_timed(uint32_t offset)
{
	static const bool timed[QMAC_COUNTERS] = {
#define TIMED(name, lower, is_timed, help) [QMAC_COUNTER_##name] = is_timed,
		QMAC_COUNTER_TABLE(TIMED)
#undef TIMED
	};
	uint32_t counter = (offset - QMAC_COUNTER_BASE) / 8;

	if (offset >= QMAC_COUNTER_BASE)
		return counter < QMAC_COUNTERS && timed[counter];
	return offset == QMAC_REG_STAMP_LO || offset == QMAC_REG_STAMP_HI;
}

static uint32_t lockstep_read(struct qmac_backend *backend, uint32_t offset)
{
	struct qmac_lockstep *l = self(backend);
	uint32_t expected = qmac_lockstep_read(&l->model, offset), got = qmac_lockstep_read(&l->device, offset);
	struct qmac_difference difference = {.found = true};

	if (expected == got || l->status || l->bus_error || !l->model.resting || !l->device.resting ||
	    (is_timed(offset) && !l->settings.timed))
		return expected;
	snprintf(difference.what, sizeof difference.what, "register 0x%03" PRIx32 " reads 0x%08" PRIx32 " in %s, "
	         "0x%08" PRIx32 " in %s", offset, expected, l->model.name, got, l->device.name);
	qmac_lockstep_explain(l, &difference);
	return expected;
}

/* The device has done what the model has not: it gets the model's scratchpads. */
static void copy_scratchpads(struct qmac_lockstep *l)
{
	struct qmac_backend *model = l->model.backend, *device = l->device.backend;

	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_LUT; space++)
		for (uint32_t row = 0; row < qmac_space_rows(&l->hw, space); row++)
			for (uint32_t j = 0; j < qmac_space_lanes(&l->hw, space); j++)
				device->operations->poke(device, space, row, j,
				                         model->operations->peek(model, space, row, j));
}

static void lockstep_write(struct qmac_backend *backend, uint32_t offset, uint32_t value)
{
	struct qmac_lockstep *l = self(backend);

	l->model.backend->operations->write(l->model.backend, offset, value);
	l->device.backend->operations->write(l->device.backend, offset, value);
	l->monitors_due |= offset >= QMAC_MONITOR_BASE && offset < QMAC_MONITOR_BASE + 4 * QMAC_MONITORS;
	if (offset != QMAC_REG_CONTROL || !(value & 1))
		return;
	/* What was under way is forgotten in different places. */
	if (!l->model.resting || !l->device.resting)
		qmac_lockstep_copy_touched(l);
	l->model.resting = l->device.resting = true;
	l->model.before = l->report->model_cycles;
	l->device.before = l->report->device_cycles;
	for (unsigned e = 0; e < QMAC_LOCKSTEP_ENGINES; e++) {
		l->model.queue[e].head = l->model.queue[e].count = 0;
		l->device.queue[e].head = l->device.queue[e].count = 0;
	}
	if (l->bus_error)
		copy_scratchpads(l);
	l->bus_error = false;
}

static void lockstep_read_memory(struct qmac_backend *backend, uint64_t address, void *data, uint64_t bytes)
{
	struct qmac_backend *model = self(backend)->model.backend;

	model->operations->read_memory(model, address, data, bytes);
}

static void lockstep_write_memory(struct qmac_backend *backend, uint64_t address, const void *data,
                                  uint64_t bytes)
{
	struct qmac_backend *model = self(backend)->model.backend, *device = self(backend)->device.backend;

	model->operations->write_memory(model, address, data, bytes);
	device->operations->write_memory(device, address, data, bytes);
}

/* ---- waiting ------------------------------------------------------------------ */

static enum qmac_status wait_side(struct qmac_lockstep_side *side, uint64_t cycles, bool *raised,
                                  struct qmac_error *err)
{
	enum qmac_status status = side->backend->operations->wait(side->backend, cycles, raised, err);

	if (!status)
		side->resting = *raised || !(qmac_lockstep_read(side, QMAC_REG_STATUS) & QMAC_STATUS_BUSY);
	return status;
}

/* How long the device may take for what took the model so long: far more than it can need. */
static uint64_t device_limit(const struct qmac_lockstep *l, uint64_t model_cycles)
{
	return l->settings.device.stalls ? 256 * model_cycles + 1000000 : 4 * model_cycles + 100000;
}

static enum qmac_status wait_both(struct qmac_lockstep *l, uint64_t cycles, bool *raised,
                                  bool *device_raised, struct qmac_error *err)
{
	uint32_t counter = QMAC_COUNTER_BASE + 8 * QMAC_COUNTER_CYCLES;
	uint64_t before = qmac_lockstep_read_pair(&l->model, counter);
	enum qmac_status status;

	if (l->model.resting)
		qmac_recorder_restart(l->recorder);
	status = wait_side(&l->model, cycles, raised, err);
	if (!status && l->model.resting)
		cycles = device_limit(l, qmac_lockstep_read_pair(&l->model, counter) - before);
	return status ? status : wait_side(&l->device, cycles, device_raised, err);
}

static void compare(struct qmac_lockstep *l, bool raised, bool device_raised)
{
	struct qmac_difference difference = {.found = false};

	qmac_lockstep_note_error(l);
	qmac_lockstep_compare_records(l, &difference);
	if (!difference.found && l->model.resting && raised != device_raised) {
		difference.found = true;
		snprintf(difference.what, sizeof difference.what, "the interrupt line is %s in %s, %s in %s",
		         raised ? "high" : "low", l->model.name, device_raised ? "high" : "low", l->device.name);
	}
	if (!difference.found && l->model.resting && l->device.resting) {
		qmac_lockstep_compare_state(l, &difference);
		l->report->waits++;
	}
	if (difference.found)
		qmac_lockstep_explain(l, &difference);
}

static enum qmac_status lockstep_wait(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                      struct qmac_error *err)
{
	struct qmac_lockstep *l = self(backend);
	bool device_raised = false;

	*raised = false;
	if (!l->status)
		l->status = wait_both(l, cycles, raised, &device_raised, &l->err);
	if (!l->status)
		compare(l, *raised, device_raised);
	if (l->status && err)
		*err = l->err;
	return l->status;
}

static const char *lockstep_kernel(struct qmac_backend *backend)
{
	struct qmac_backend *model = self(backend)->model.backend;

	return model->operations->kernel(model);
}

static void lockstep_poke(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane,
                          uint64_t value)
{
	struct qmac_backend *model = self(backend)->model.backend, *device = self(backend)->device.backend;

	model->operations->poke(model, space, row, lane, value);
	device->operations->poke(device, space, row, lane, value);
}

static uint64_t lockstep_peek(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane)
{
	struct qmac_backend *model = self(backend)->model.backend;

	return model->operations->peek(model, space, row, lane);
}

static void lockstep_note_unit(struct qmac_backend *backend, uint32_t number, double unit)
{
	self(backend)->units[number % QMAC_LOCKSTEP_UNITS] = (struct qmac_unit_note){number, unit};
}

/* ---- life --------------------------------------------------------------------- */

static void lockstep_destroy(struct qmac_backend *backend)
{
	struct qmac_lockstep *l = self(backend);

	qmac_backend_destroy(l->model.backend);
	qmac_backend_destroy(l->device.backend);
	qmac_recorder_destroy(l->recorder);
	qmac_pages_free(&l->touched);
	for (unsigned e = 0; e < QMAC_LOCKSTEP_ENGINES; e++) {
		free(l->model.queue[e].records);
		free(l->device.queue[e].records);
	}
	free(l);
}

/* Opens both sides: the model through a recorder, so that a failure has its trace. */
static enum qmac_status open_sides(struct qmac_lockstep *l, struct qmac_error *err)
{
	const struct qmac_trace_window window = {.from = 0, .count = QMAC_TRACE_COMMANDS_MAX};
	struct qmac_device_options options = l->options;
	enum qmac_status status;

	l->recorder = qmac_recorder_create(&window);
	if (!l->recorder)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a trace");
	options.on_retire = keep_record;
	options.on_command = l->options.on_command ? pass_command : NULL;
	options.on_write = note_write;
	options.context = &l->model;
	options.digests = true;
	status = qmac_recorder_open(l->recorder, "cmodel", &l->hw, &options, NULL, &l->model.backend, err);
	if (status)
		return status;
	options.on_command = NULL;
	options.context = &l->device;
	options.memory_bytes = l->base.memory_bytes = l->model.backend->memory_bytes;
	status = qmac_pages_init(&l->touched, l->base.memory_bytes, err);
	if (status)
		return status;
	status = l->open_device(&l->hw, &options, &l->settings.device, &l->device.backend, err);
	if (status)
		return status;
	l->model.name = "cmodel";
	l->device.name = l->report->device = l->device.backend->operations->name;
	l->model.resting = l->device.resting = true;
	return QMAC_OK;
}

enum qmac_status qmac_lockstep_check(const struct qmac_lockstep_settings *settings, struct qmac_error *err)
{
	if (settings->timed && settings->device.stalls)
		return qmac_fail(err, QMAC_BAD_INPUT, "random stalls change cycles: leave out either them or the "
		                 "comparison of cycles");
	return QMAC_OK;
}

enum qmac_status qmac_lockstep_open(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                    const struct qmac_lockstep_settings *settings,
                                    qmac_open_device *open_device, struct qmac_backend **backend,
                                    struct qmac_error *err)
{
	static const struct qmac_backend_operations operations = {
		.name = "lockstep", .read = lockstep_read, .write = lockstep_write,
		.read_memory = lockstep_read_memory, .write_memory = lockstep_write_memory,
		.wait = lockstep_wait, .kernel = lockstep_kernel, .peek = lockstep_peek,
		.poke = lockstep_poke, .note_unit = lockstep_note_unit, .destroy = lockstep_destroy,
	};
	struct qmac_lockstep *l;
	enum qmac_status status;

	*backend = NULL;
	status = qmac_lockstep_check(settings, err);
	if (status)
		return status;
	l = calloc(1, sizeof *l);
	if (!l)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a backend");
	l->base.operations = &operations;
	l->hw = *hw;
	l->options = *options;
	l->settings = *settings;
	l->open_device = open_device;
	l->model.lockstep = l->device.lockstep = l;
	l->report = settings->report ? settings->report : &l->own_report;
	memset(l->report, 0, sizeof *l->report);
	/* One of an earlier run would look like one of this. */
	if (settings->failure_trace)
		(void)unlink(settings->failure_trace);
	status = open_sides(l, err);
	if (status)
		lockstep_destroy(&l->base);
	else
		*backend = &l->base;
	return status;
}
