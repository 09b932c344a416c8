/*
 * What lockstep compares (docs/cosimulation.md).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cosim/internal.h"
#include "backend/retire.h"

/* ---- retire records ----------------------------------------------------------- */

static void note_residue(struct qmac_lockstep *l, uint64_t expected, uint64_t got)
{
	struct qmac_lockstep_report *report = l->report;
	uint64_t distance = got > expected ? got - expected : expected - got;
	int bin = distance ? 64 - __builtin_clzll(distance) : 0;

	report->commands++;
	if (report->model_cycles < l->model.before + expected)
		report->model_cycles = l->model.before + expected;
	if (report->device_cycles < l->device.before + got)
		report->device_cycles = l->device.before + got;
	if (!distance)
		return;
	if (bin >= QMAC_RESIDUE_BINS)
		bin = QMAC_RESIDUE_BINS - 1;
	report->differing++;
	(got > expected ? report->late : report->early)[bin]++;
	if (report->worst < distance)
		report->worst = distance;
}

/* Of several differences the one of the command that stands first in the ring counts. */
static bool is_earlier(uint32_t number, const struct qmac_difference *difference)
{
	return !difference->found || (int32_t)(number - difference->number) < 0;
}

static void note_missing(const struct qmac_lockstep_side *has, const struct qmac_lockstep_side *lacks,
                         uint32_t number, struct qmac_difference *difference)
{
	if (!is_earlier(number, difference))
		return;
	*difference = (struct qmac_difference){.found = true, .at_command = true, .number = number};
	snprintf(difference->what, sizeof difference->what, "it retired in %s, not in %s%s", has->name,
	         lacks->name, lacks->resting ? "" : ", which is still at work");
}

/* Compares the pairs of one engine that both sides have, up to the first difference. */
static void compare_pairs(struct qmac_lockstep *l, unsigned engine, struct qmac_difference *difference)
{
	struct qmac_record_queue *model = &l->model.queue[engine], *device = &l->device.queue[engine];

	for (; model->head < model->count && device->head < device->count; model->head++, device->head++) {
		const struct qmac_retire *expected = &model->records[model->head];
		const struct qmac_retire *got = &device->records[device->head];
		char what[sizeof difference->what];

		if (qmac_retire_differs(expected, got, l->settings.timed, l->model.name, l->device.name, what,
		                        sizeof what)) {
			if (is_earlier(expected->number, difference)) {
				*difference = (struct qmac_difference){
					.found = true, .at_command = true, .number = expected->number,
				};
				memcpy(difference->what, what, sizeof what);
			}
			return;
		}
		note_residue(l, expected->cycle, got->cycle);
	}
}

/* What one side has beyond the other. After a bus error only its engine is at the same place on both. */
static void compare_rest(struct qmac_lockstep *l, unsigned engine, struct qmac_difference *difference)
{
	struct qmac_record_queue *model = &l->model.queue[engine], *device = &l->device.queue[engine];

	if (l->bus_error && engine != l->bus_engine)
		return;
	if (model->head < model->count && device->head == device->count)
		note_missing(&l->model, &l->device, model->records[model->head].number, difference);
	if (device->head < device->count && model->head == model->count)
		note_missing(&l->device, &l->model, device->records[device->head].number, difference);
}

static void forget_compared(struct qmac_record_queue *queue)
{
	memmove(queue->records, queue->records + queue->head,
	        (queue->count - queue->head) * sizeof queue->records[0]);
	queue->count -= queue->head;
	queue->head = 0;
}

void qmac_lockstep_compare_records(struct qmac_lockstep *l, struct qmac_difference *difference)
{
	for (unsigned e = 0; e < QMAC_LOCKSTEP_ENGINES; e++) {
		compare_pairs(l, e, difference);
		/* The device got the time to come to rest if the model did. */
		if (l->model.resting)
			compare_rest(l, e, difference);
		if (l->model.queue[e].head)
			forget_compared(&l->model.queue[e]);
		if (l->device.queue[e].head)
			forget_compared(&l->device.queue[e]);
	}
}

/* ---- registers, counters, memory ---------------------------------------------- */

static void note(struct qmac_lockstep *l, const char *name, uint64_t expected, uint64_t got,
                 struct qmac_difference *difference)
{
	if (expected == got || difference->found)
		return;
	difference->found = true;
	snprintf(difference->what, sizeof difference->what, "%s: %s %" PRIu64 ", %s %" PRIu64, name,
	         l->model.name, expected, l->device.name, got);
}

static void compare_registers(struct qmac_lockstep *l, struct qmac_difference *difference)
{
	static const struct {
		const char *name;
		uint32_t offset;
		bool always; /* also after a bus error of a LOAD or STORE */
	} registers[] = {
		{"ERROR_CODE", QMAC_REG_ERROR_CODE, true}, {"ERROR_COMMAND", QMAC_REG_ERROR_COMMAND, true},
		{"STATUS", QMAC_REG_STATUS, true}, {"IRQ_STATUS", QMAC_REG_IRQ_STATUS, true},
		{"RING_HEAD", QMAC_REG_RING_HEAD, false},
	};

	for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++)
		if (registers[i].always || !l->bus_error)
			note(l, registers[i].name, qmac_lockstep_read(&l->model, registers[i].offset),
			     qmac_lockstep_read(&l->device, registers[i].offset), difference);
	if (l->settings.timed)
		note(l, "STAMP", qmac_lockstep_read_pair(&l->model, QMAC_REG_STAMP_LO),
		     qmac_lockstep_read_pair(&l->device, QMAC_REG_STAMP_LO), difference);
}

static void compare_counters(struct qmac_lockstep *l, struct qmac_difference *difference)
{
	static const struct {
		const char *name;
		bool timed;
	} counters[QMAC_COUNTERS] = {
#define ROW(name, lower, timed, help) [QMAC_COUNTER_##name] = {"counter " #name, timed},
		QMAC_COUNTER_TABLE(ROW)
#undef ROW
	};

	for (uint32_t i = 0; i < QMAC_COUNTERS && !difference->found; i++)
		if (!counters[i].timed || l->settings.timed)
			note(l, counters[i].name, qmac_lockstep_read_pair(&l->model, QMAC_COUNTER_BASE + 8 * i),
			     qmac_lockstep_read_pair(&l->device, QMAC_COUNTER_BASE + 8 * i), difference);
}

static void compare_monitor(struct qmac_lockstep *l, uint32_t number, struct qmac_difference *difference)
{
	uint32_t offset = QMAC_MONITOR_BASE + 4 * number;
	char name[40];

	snprintf(name, sizeof name, "monitor %" PRIu32, number);
	note(l, name, qmac_lockstep_read(&l->model, offset), qmac_lockstep_read(&l->device, offset), difference);
}

/* To read them all takes the RTL as long as a short command, so that is done where one may have changed. */
static void compare_monitors(struct qmac_lockstep *l, struct qmac_difference *difference)
{
	compare_monitor(l, l->monitor_turn++ % QMAC_MONITORS, difference);
	for (uint32_t m = 0; l->monitors_due && m < QMAC_MONITORS && !difference->found; m++)
		compare_monitor(l, m, difference);
	l->monitors_due = false;
}

/*
 * What neither side has written since it was equal is equal still: the C model and the memory of the RTL see
 * every write, wherever it goes.
 */
static void compare_memory(struct qmac_lockstep *l, struct qmac_difference *difference)
{
	struct qmac_memory_difference found;
	bool differs = false;

	for (uint64_t page = 0; !difference->found && !differs; page++) {
		uint64_t bytes;

		page = qmac_pages_next(&l->touched, page);
		if (page == l->touched.count)
			break;
		bytes = qmac_lockstep_page_bytes(l, page);
		l->report->memory_bytes += bytes;
		differs = qmac_backend_memory_differs(l->model.backend, l->device.backend, page * QMAC_PAGE_BYTES,
		                                      bytes, &found);
	}
	if (!difference->found)
		qmac_pages_clear(&l->touched);
	if (!differs)
		return;
	difference->found = true;
	snprintf(difference->what, sizeof difference->what, "memory at 0x%" PRIx64 ": %s 0x%02x, %s 0x%02x",
	         found.address, l->model.name, found.expected, l->device.name, found.got);
}

void qmac_lockstep_compare_state(struct qmac_lockstep *l, struct qmac_difference *difference)
{
	compare_registers(l, difference);
	if (l->bus_error) {
		qmac_lockstep_excuse_stores(l);
	} else {
		compare_counters(l, difference);
		compare_monitors(l, difference);
	}
	compare_memory(l, difference);
}
