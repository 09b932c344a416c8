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

static void set_waits(const struct qmac_clock *clock, struct timed *timed)
{
	for (unsigned e = 0; timed->work.wait_mask && e < 3; e++) {
		/* Counts are modulo 2^16 and name one of the last 2^15 commands dispatched. */
		uint64_t all = clock->engine[e].dispatched, behind = (uint16_t)(all - timed->work.wait[e]);

		timed->wait[e] = timed->work.wait_mask >> e & 1 && all > behind ? all - behind : 0;
	}
}

struct qmac_clock_work qmac_clock_work_of(const struct qmac_hw *hw, const struct qmac_command *c)
{
	struct qmac_clock_work work;

	static_assert(sizeof work.transfer == 56 && sizeof work == 64, "no bytes between members");
	memset(&work, 0, sizeof work);
	work.opcode = (uint8_t)c->opcode;
	if (c->opcode == QMAC_OPCODE_SYNC)
		return work;
	work.wait_mask = (uint8_t)c->wait_mask;
	work.wait[0] = (uint16_t)(c->wait_mask & 1 ? c->wait_load : 0);
	work.wait[1] = (uint16_t)(c->wait_mask & 2 ? c->wait_exec : 0);
	work.wait[2] = (uint16_t)(c->wait_mask & 4 ? c->wait_store : 0);
	if (c->opcode == QMAC_OPCODE_VEC) {
		work.vec_cycles = qmac_vec_cycles(hw, c);
	} else if (c->opcode == QMAC_OPCODE_GEMM) {
		work.gemm.slots = (uint64_t)c->n2 * c->n1 * c->n0;
		work.gemm.k = c->k;
		work.gemm.mode = c->mode;
	} else {
		work.transfer = qmac_transfer_of(c);
	}
	return work;
}

struct qmac_clock_retire qmac_clock_push(struct qmac_clock *clock, const struct qmac_clock_work *work,
                                         const void *record)
{
	unsigned e = qmac_command_engine(work->opcode);
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
	timed->work = *work;
	timed->fetched = clock->ready[clock->number % PLACES];
	set_waits(clock, timed);
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

struct qmac_clock_totals qmac_clock_totals(const struct qmac_clock *clock)
{
	struct qmac_clock_totals totals = {.now = clock->now, .fetch_bytes = clock->fetch_bytes};

	for (unsigned e = 0; e < 3; e++) {
		const struct engine *engine = &clock->engine[e];

		totals.engine[e].busy = engine->busy;
		totals.engine[e].wait = engine->wait;
		totals.engine[e].starved = engine->starved;
		totals.engine[e].memory = engine->memory;
	}
	return totals;
}

void qmac_clock_put_totals(const struct qmac_clock_totals *totals, uint64_t counters[QMAC_COUNTERS])
{
	counters[QMAC_COUNTER_FETCH_BYTES] = totals->fetch_bytes;
	counters[QMAC_COUNTER_CYCLES] = totals->now;
	for (unsigned e = 0; e < 3; e++) {
		counters[QMAC_COUNTER_LOAD_BUSY + e] = totals->engine[e].busy;
		counters[QMAC_COUNTER_LOAD_WAIT + e] = totals->engine[e].wait;
		counters[QMAC_COUNTER_LOAD_STARVED + e] = totals->engine[e].starved;
	}
	counters[QMAC_COUNTER_LOAD_MEMORY] = totals->engine[QMAC_ENGINE_LOAD].memory;
	counters[QMAC_COUNTER_STORE_MEMORY] = totals->engine[QMAC_ENGINE_STORE].memory;
}
