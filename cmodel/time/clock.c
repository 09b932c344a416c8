#include "time/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "time/clock_state.h"

static uint64_t fifo_beats(const struct qmac_hw *hw)
{
	return (uint64_t)hw->outstanding * (uint64_t)hw->burst_beats;
}

static uint64_t place_beats(const struct qmac_hw *hw)
{
	return PLACES * (QMAC_COMMAND_BYTES / (uint64_t)hw->bus_bytes);
}

void qmac_clock_reset(struct qmac_clock *clock)
{
	uint64_t fifo = fifo_beats(clock->hw), places = qmac_mover_places(fifo), *storage = clock->storage;
	struct qmac_clock fresh = {
		.hw = clock->hw, .on_retire = clock->on_retire, .context = clock->context,
		.record_bytes = clock->record_bytes, .records = clock->records, .storage = storage,
	};

	*clock = fresh;
	clock->pause = NEVER;
	qmac_dram_init(&clock->dram, clock->hw);
	for (unsigned e = 0; e < 3; e++)
		clock->engine[e].retire = storage + (uint64_t)e * HISTORY;
	storage += 3 * (uint64_t)HISTORY;
	qmac_mover_init(&clock->load, clock->hw, false, storage, fifo);
	qmac_mover_init(&clock->store, clock->hw, true, storage + places, fifo);
	qmac_mover_init(&clock->fetch, clock->hw, false, storage + 2 * places, place_beats(clock->hw));
}

enum qmac_status qmac_clock_create(const struct qmac_hw *hw,
                                   void (*on_retire)(void *context, void *record,
                                                     struct qmac_clock_retire time),
                                   void *context, size_t record_bytes, struct qmac_clock **clock,
                                   struct qmac_error *err)
{
	uint64_t words = 3 * (uint64_t)HISTORY + 2 * qmac_mover_places(fifo_beats(hw)) +
	                 qmac_mover_places(place_beats(hw));
	struct qmac_clock *c = calloc(1, sizeof *c);

	*clock = c;
	if (c) {
		c->hw = hw;
		c->on_retire = on_retire;
		c->context = context;
		c->record_bytes = record_bytes;
		c->records = calloc(3 * (size_t)RECORDS, record_bytes ? record_bytes : 1);
		c->storage = calloc(words, sizeof *c->storage);
	}
	if (!c || !c->records || !c->storage) {
		qmac_clock_destroy(c);
		*clock = NULL;
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the clock of a device");
	}
	qmac_clock_reset(c);
	return QMAC_OK;
}

void qmac_clock_destroy(struct qmac_clock *clock)
{
	if (!clock)
		return;
	free(clock->records);
	free(clock->storage);
	free(clock);
}

void qmac_clock_doorbell(struct qmac_clock *clock, uint32_t tail, uint64_t ring_base, int ring_log2)
{
	if (clock->number == clock->tail || clock->pause != NEVER)
		clock->resumed = clock->now;
	clock->pause = NEVER;
	clock->settled = false;
	clock->tail = tail;
	clock->ring_base = ring_base;
	clock->ring_entries = 1U << ring_log2;
}

static void set_waits(const struct qmac_clock *clock, struct timed *timed, const struct qmac_command *c)
{
	const uint32_t counts[3] = {c->wait_load, c->wait_exec, c->wait_store};

	timed->waits = c->wait_mask != 0;
	for (unsigned e = 0; timed->waits && e < 3; e++) {
		/* Counts are modulo 2^16 and name one of the last 2^15 commands dispatched. */
		uint64_t all = clock->engine[e].dispatched, behind = (uint16_t)(all - counts[e]);

		timed->wait[e] = c->wait_mask >> e & 1 && all > behind ? all - behind : 0;
	}
}

static void set_work(const struct qmac_clock *clock, struct timed *timed, const struct qmac_command *c)
{
	if (c->opcode == QMAC_OPCODE_VEC) {
		timed->vec_cycles = qmac_vec_cycles(clock->hw, c);
	} else if (c->opcode == QMAC_OPCODE_GEMM) {
		timed->slots = (uint64_t)c->n2 * c->n1 * c->n0;
		timed->k = c->k;
		timed->mode = c->mode;
	} else {
		timed->transfer = qmac_transfer_of(c);
	}
}

struct qmac_clock_retire qmac_clock_push(struct qmac_clock *clock, const struct qmac_command *command,
                                         const void *record)
{
	unsigned e = qmac_command_engine(command->opcode);
	struct engine *engine;
	struct timed *timed;

	clock->pause = NEVER;
	qmac_clock_advance(clock); /* until this descriptor has arrived, so that older ones are in their queues */
	clock->next = e;
	clock->has_next = true;
	clock->settled = false;
	if (e == QMAC_ENGINE_CONTROL) {
		qmac_clock_advance(clock);
		return (struct qmac_clock_retire){clock->last_dispatch, clock->last_dispatch};
	}
	engine = &clock->engine[e];
	timed = &engine->queue[engine->dispatched % QUEUE_PLACES];
	timed->opcode = command->opcode;
	timed->fetched = clock->ready[clock->number % PLACES];
	set_waits(clock, timed, command);
	set_work(clock, timed, command);
	if (clock->record_bytes)
		memcpy(qmac_clock_record(clock, e, engine->dispatched), record, clock->record_bytes);
	qmac_clock_advance(clock);
	assert(!clock->has_next);
	return (struct qmac_clock_retire){0, 0};
}

void qmac_clock_drain(struct qmac_clock *clock)
{
	qmac_clock_advance(clock);
}

void qmac_clock_halt(struct qmac_clock *clock, bool fetches)
{
	clock->halted = true;
	clock->settled = false;
	clock->pause = NEVER;
	if (!fetches) {
		clock->tail = clock->fetched;
		clock->fetch.active = false;
	}
	qmac_clock_advance(clock);
}

void qmac_clock_pause(struct qmac_clock *clock, uint64_t cycle)
{
	clock->pause = cycle;
}

uint64_t qmac_clock_now(const struct qmac_clock *clock)
{
	return clock->now;
}

void qmac_clock_counters(const struct qmac_clock *clock, uint64_t counters[QMAC_COUNTERS])
{
	counters[QMAC_COUNTER_FETCH_BYTES] = clock->fetch_bytes;
	counters[QMAC_COUNTER_CYCLES] = clock->now;
	for (unsigned e = 0; e < 3; e++) {
		counters[QMAC_COUNTER_LOAD_BUSY + e] = clock->engine[e].busy;
		counters[QMAC_COUNTER_LOAD_WAIT + e] = clock->engine[e].wait;
		counters[QMAC_COUNTER_LOAD_STARVED + e] = clock->engine[e].starved;
	}
	counters[QMAC_COUNTER_LOAD_MEMORY] = clock->engine[QMAC_ENGINE_LOAD].memory;
	counters[QMAC_COUNTER_STORE_MEMORY] = clock->engine[QMAC_ENGINE_STORE].memory;
}
