/*
 * The event simulation: when each unit could act next, and what it does then.
 */
#include "time/clock_state.h"
#include "time/later.h"

/* ---- when could each unit act next? --------------------------------------- */

/* Descriptors of the next chunk: up to FETCH_CHUNK, not beyond the tail or the ring's end. */
static uint32_t chunk_size(const struct qmac_clock *clock)
{
	uint32_t count = QMAC_FETCH_CHUNK, index = clock->fetched & (clock->ring_entries - 1);

	if (count > clock->tail - clock->fetched)
		count = clock->tail - clock->fetched;
	return count < clock->ring_entries - index ? count : clock->ring_entries - index;
}

static uint64_t next_fetch(const struct qmac_clock *clock)
{
	const struct qmac_mover *fetch = &clock->fetch;
	uint64_t cycle;
	uint32_t last;

	if (fetch->active)
		return qmac_later(fetch->earliest, clock->read_request + 1);
	if (clock->fetched == clock->tail)
		return NEVER;
	/*
	 * The last descriptor of the chunk takes the place of the one PLACES before it, which left in cycle 0
	 * where there was none. Numbers are modulo 2^32.
	 */
	last = clock->fetched + chunk_size(clock) - 1;
	if (last - clock->number >= PLACES)
		return NEVER;
	cycle = qmac_later(clock->resumed, clock->left[last % PLACES]);
	cycle = qmac_later(cycle, fetch->issued) + 1;
	return qmac_later(qmac_later(cycle, qmac_mover_free(fetch)), clock->read_request + 1);
}

static uint64_t next_dispatch(const struct qmac_clock *clock)
{
	const struct engine *engine;
	uint64_t cycle, depth = (uint64_t)clock->hw->queue_depth;

	if (clock->halted || clock->number == (uint32_t)clock->complete)
		return NEVER;
	cycle = qmac_later(clock->ready[clock->number % PLACES] + QMAC_CHECK_CYCLES, clock->last_dispatch + 1);
	if (!clock->has_next)
		return cycle; /* the earliest cycle in which an unknown command could be dispatched */
	if (clock->next == QMAC_ENGINE_CONTROL) {
		for (unsigned e = 0; e < 3; e++) {
			if (clock->engine[e].retired != clock->engine[e].dispatched)
				return NEVER;
			cycle = qmac_later(cycle, clock->engine[e].last_retire + QMAC_VISIBLE_CYCLES);
		}
		return cycle;
	}
	engine = &clock->engine[clock->next];
	if (engine->dispatched < depth)
		return cycle;
	if (engine->started <= engine->dispatched - depth)
		return NEVER;
	return qmac_later(cycle, engine->start[(engine->dispatched - depth) % QUEUE_MAX] + 1);
}

/* Cycle in which the waits of a command are fulfilled; NEVER while one of them is not known. */
static uint64_t waits_over(const struct qmac_clock *clock, const struct timed *command)
{
	uint64_t cycle = 0;

	for (unsigned e = 0; e < 3; e++) {
		const struct engine *engine = &clock->engine[e];
		uint64_t count = command->wait[e];

		if (count > engine->retired)
			return NEVER;
		/* What is no longer in the history retired long ago. */
		if (count > 0 && engine->retired - count < HISTORY)
			cycle = qmac_later(cycle, engine->retire[(count - 1) % HISTORY] + QMAC_VISIBLE_CYCLES);
	}
	return cycle;
}

/* Start of the command at the head of an engine's queue: the later of offered and waits over. */
static uint64_t find_start(const struct qmac_clock *clock, unsigned e, uint64_t *offered)
{
	const struct engine *engine = &clock->engine[e];
	const struct timed *head = &engine->queue[engine->started % QUEUE_PLACES];
	uint64_t over = 0;

	*offered = head->dispatched + 1;
	if (head->work.opcode == QMAC_OPCODE_GEMM)
		/* GEMMs follow each other without a gap: the next starts when the one before has left the queue. */
		*offered = qmac_later(*offered, qmac_later(clock->vec_retire + 1,
		                                 engine->start[(engine->started - 1) % QUEUE_MAX]));
	else if (engine->retired != engine->started)
		return NEVER;
	else
		*offered = qmac_later(*offered, engine->last_retire + 1);
	if (head->work.wait_mask)
		over = waits_over(clock, head);
	return over == NEVER ? NEVER : qmac_later(*offered, over);
}

/* All that a start depends on lies in the past once it is known: it is found once. */
static inline uint64_t next_start(struct qmac_clock *clock, unsigned e)
{
	struct engine *engine = &clock->engine[e];
	uint64_t cycle;

	if (engine->next_start)
		return engine->next_start;
	/* as long as nothing more has retired, what was not known then is not known yet */
	if (engine->started == engine->dispatched || engine->tried == clock->retired + 1)
		return NEVER;
	cycle = find_start(clock, e, &engine->offered);
	if (cycle != NEVER)
		engine->next_start = cycle;
	else
		engine->tried = clock->retired + 1;
	return cycle;
}

/* ---- actions ---------------------------------------------------------------- */

static void fetch(struct qmac_clock *clock, uint64_t cycle)
{
	uint64_t each = QMAC_COMMAND_BYTES / (uint64_t)clock->hw->bus_bytes, complete;
	struct qmac_mover *mover = &clock->fetch;

	if (!mover->active) {
		uint32_t count = chunk_size(clock), index = clock->fetched & (clock->ring_entries - 1);
		const struct qmac_transfer chunk = {
			.base = clock->ring_base + (uint64_t)index * QMAC_COMMAND_BYTES,
			.s0 = QMAC_COMMAND_BYTES, .n0 = count, .n1 = 1, .n2 = 1, .hi0 = count - 1,
			.row_bytes = QMAC_COMMAND_BYTES, .coalesce = true,
		};

		qmac_mover_start(mover, &chunk, cycle - 1);
		clock->fetched += count;
		clock->fetch_bytes += (uint64_t)count * QMAC_COMMAND_BYTES;
	}
	qmac_mover_issue(mover, &clock->dram, cycle);
	clock->read_request = cycle;
	complete = mover->beats >> __builtin_ctzll(each);
	for (; clock->complete < complete; clock->complete++)
		clock->ready[clock->complete % PLACES] =
			qmac_mover_freed(mover, (clock->complete + 1) * each - 1);
}

void *qmac_clock_record(struct qmac_clock *clock, unsigned e, uint64_t index)
{
	return clock->records + ((uint64_t)e * RECORDS + index % RECORDS) * clock->record_bytes;
}

static void dispatch(struct qmac_clock *clock, uint64_t cycle)
{
	clock->left[clock->number % PLACES] = cycle;
	clock->last_dispatch = cycle;
	clock->number++;
	clock->has_next = false;
	if (clock->next == QMAC_ENGINE_CONTROL) {
		clock->now = qmac_later(clock->now, cycle);
	} else {
		struct engine *engine = &clock->engine[clock->next];

		engine->queue[engine->dispatched++ % QUEUE_PLACES].dispatched = cycle;
	}
}

/* The running (or, for GEMM, just started) command e: its retire cycle is known. */
static void retire(struct qmac_clock *clock, unsigned e, uint64_t began, uint64_t cycle)
{
	struct engine *engine = &clock->engine[e];

	engine->busy += cycle - qmac_later(began, engine->last_retire);
	engine->retire[engine->retired % HISTORY] = cycle;
	if (clock->on_retire)
		clock->on_retire(clock->context, qmac_clock_record(clock, e, engine->retired),
		                 (struct qmac_clock_retire){began, cycle});
	engine->retired++;
	clock->retired++;
	engine->last_retire = cycle;
	clock->now = qmac_later(clock->now, cycle);
}

/* A mover without a burst left has told when the command ends. */
static void retire_move(struct qmac_clock *clock, unsigned e, const struct qmac_mover *mover)
{
	struct engine *engine = &clock->engine[e];
	uint64_t cycle = mover->completed + (mover->is_write ? 1 : QMAC_MOVE_LATENCY);

	engine->memory += cycle - engine->began - (mover->pairs - engine->pairs);
	retire(clock, e, engine->began, cycle);
}

/* Cycles an engine stood idle before a command: for want of a descriptor, and for other engines. */
static void count_idle(const struct qmac_clock *clock, struct engine *engine, const struct timed *command,
                       uint64_t offered, uint64_t start)
{
	uint64_t idle = qmac_later(engine->last_retire, clock->resumed) + 1;
	uint64_t fetched = command->fetched + QMAC_CHECK_CYCLES + 1;

	if (fetched > idle)
		engine->starved += fetched - idle;
	engine->wait += start - offered;
}

static void start(struct qmac_clock *clock, unsigned e, uint64_t cycle)
{
	struct engine *engine = &clock->engine[e];
	const struct timed *head = &engine->queue[engine->started % QUEUE_PLACES];
	struct qmac_mover *mover = e == QMAC_ENGINE_LOAD ? &clock->load : &clock->store;
	uint64_t *left = &engine->start[engine->started++ % QUEUE_MAX];

	count_idle(clock, engine, head, engine->offered, cycle);
	engine->next_start = 0;
	*left = engine->began = cycle;
	if (head->work.opcode == QMAC_OPCODE_GEMM) {
		struct qmac_array_time time = qmac_array_gemm(&clock->array, clock->hw, head->work.gemm.mode,
		                                              head->work.gemm.slots, head->work.gemm.k, cycle);

		*left = time.load;
		retire(clock, e, cycle, time.retire);
	} else if (head->work.opcode == QMAC_OPCODE_VEC) {
		clock->vec_retire = cycle + head->work.vec_cycles;
		retire(clock, e, cycle, clock->vec_retire);
	} else {
		engine->pairs = mover->pairs;
		qmac_mover_start(mover, &head->work.transfer, cycle);
		if (!mover->active)
			retire_move(clock, e, mover);
	}
}

static void move(struct qmac_clock *clock, unsigned e, struct qmac_mover *mover, uint64_t cycle)
{
	qmac_mover_issue(mover, &clock->dram, cycle);
	if (!mover->is_write)
		clock->read_request = cycle;
	if (!mover->active)
		retire_move(clock, e, mover);
}

/* ---- the loop ----------------------------------------------------------------- */

enum unit { FETCH, STORE_BURST, LOAD_BURST, DISPATCH, START_LOAD, START_EXECUTE, START_STORE };

/* The unit that acts first, in that cycle. */
struct action {
	uint64_t cycle;
	enum unit unit;
};

static inline void consider(struct action *first, enum unit unit, uint64_t cycle)
{
	if (cycle < first->cycle)
		*first = (struct action){cycle, unit};
}

/* In one cycle FETCH comes before STORE before LOAD: units in this order. */
static struct action next_action(struct qmac_clock *clock)
{
	struct action first = {next_fetch(clock), FETCH};

	if (clock->store.active)
		consider(&first, STORE_BURST, clock->store.earliest);
	if (clock->load.active)
		consider(&first, LOAD_BURST, qmac_later(clock->load.earliest, clock->read_request + 1));
	consider(&first, DISPATCH, next_dispatch(clock));
	consider(&first, START_LOAD, next_start(clock, QMAC_ENGINE_LOAD));
	consider(&first, START_EXECUTE, next_start(clock, QMAC_ENGINE_EXECUTE));
	consider(&first, START_STORE, next_start(clock, QMAC_ENGINE_STORE));
	return first;
}

void qmac_clock_advance(struct qmac_clock *clock)
{
	while (!clock->settled) {
		struct action action = next_action(clock);

		if (action.cycle > clock->pause)
			return;
		if (action.cycle == NEVER || (action.unit == DISPATCH && !clock->has_next)) {
			clock->settled = true;
			return;
		}
		switch (action.unit) {
		case FETCH:
			fetch(clock, action.cycle);
			break;
		case STORE_BURST:
			move(clock, QMAC_ENGINE_STORE, &clock->store, action.cycle);
			break;
		case LOAD_BURST:
			move(clock, QMAC_ENGINE_LOAD, &clock->load, action.cycle);
			break;
		case DISPATCH:
			dispatch(clock, action.cycle);
			if (clock->next == QMAC_ENGINE_CONTROL)
				return; /* the host may stop time here */
			break;
		default:
			start(clock, (unsigned)(action.unit - START_LOAD), action.cycle);
		}
	}
}
