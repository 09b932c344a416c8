#include "time/clock.h"

#include <stdbool.h>
#include <string.h>

#include "time/move.h"

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static unsigned clog2(unsigned n)
{
	unsigned bits = 0;

	while ((1U << bits) < n)
		bits++;
	return bits;
}

void qmac_clock_init(struct qmac_clock *clock, const struct qmac_hw *hw)
{
	memset(clock, 0, sizeof *clock);
	clock->hw = hw;
	qmac_dram_init(&clock->fetch_memory, hw);
	qmac_dram_init(&clock->load_memory, hw);
	qmac_dram_init(&clock->store_memory, hw);
}

void qmac_clock_resume(struct qmac_clock *clock)
{
	clock->resumed = clock->now;
}

/* Requests the next chunk: up to FETCH_CHUNK descriptors, not beyond the tail or the ring's end. */
static void fetch_chunk(struct qmac_clock *clock, uint32_t tail, uint64_t ring_base, int ring_log2)
{
	enum { PLACES = 2 * QMAC_FETCH_CHUNK };
	uint32_t entries = 1U << ring_log2, index = clock->fetched & (entries - 1), count = QMAC_FETCH_CHUNK;
	uint32_t beats_each = QMAC_COMMAND_BYTES / (uint32_t)clock->hw->bus_bytes;
	uint64_t issue = max64(clock->fetch_issue, clock->resumed), first;

	if (count > tail - clock->fetched)
		count = tail - clock->fetched;
	if (count > entries - index)
		count = entries - index;
	for (uint32_t i = 0; i < count; i++)
		issue = max64(issue, clock->freed[(clock->fetched + i) % PLACES]);
	issue++;
	first = qmac_dram_burst(&clock->fetch_memory, issue, ring_base + (uint64_t)index * QMAC_COMMAND_BYTES,
	                        count * beats_each, false);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t last_beat = (uint64_t)(i + 1) * beats_each - 1;

		clock->ready[clock->fetched++ % PLACES] = (first + last_beat * clock->fetch_memory.step) / 256;
	}
	clock->fetch_issue = issue;
	clock->fetch_bytes += (uint64_t)count * QMAC_COMMAND_BYTES;
}

static uint64_t dispatch(struct qmac_clock *clock, const struct qmac_clock_engine *engine, uint32_t number)
{
	uint64_t cycle = max64(clock->ready[number % (2 * QMAC_FETCH_CHUNK)] + QMAC_CHECK_CYCLES,
	                       clock->last_dispatch + 1);
	uint64_t depth = (uint64_t)clock->hw->queue_depth;

	/* A place in the engine's queue is free once the command queue_depth before this one has started. */
	if (engine && engine->count >= depth)
		cycle = max64(cycle, engine->start[(engine->count - depth) % QMAC_QUEUE_MAX] + 1);
	return cycle;
}

/* Cycle from which the waits of a command are fulfilled. */
static uint64_t waits_over(const struct qmac_clock *clock, const struct qmac_command *c)
{
	const uint32_t counts[3] = {c->wait_load, c->wait_exec, c->wait_store};
	uint64_t cycle = 0;

	for (unsigned e = 0; e < 3; e++) {
		/* The count is modulo 2^16: it names the latest command it can. */
		uint64_t all = clock->engine[e].count, behind = (uint16_t)(all - counts[e]);

		if (c->wait_mask >> e & 1 && all > behind)
			cycle = max64(cycle, clock->engine[e].retire[(all - behind - 1) % QMAC_CLOCK_HISTORY] +
			                     QMAC_VISIBLE_CYCLES);
	}
	return cycle;
}

/* The exact recurrence of the array; arrival is the cycle the command is offered to EXECUTE. */
static struct qmac_time time_gemm(struct qmac_clock *clock, const struct qmac_command *c, uint64_t arrival)
{
	uint64_t rows = (uint64_t)clock->hw->rows, cols = (uint64_t)clock->hw->cols;
	uint64_t slots = (uint64_t)c->n2 * c->n1 * c->n0, start, out;
	uint64_t load = max64(arrival, clock->slot_start) + 1;

	if (c->mode == QMAC_MODE_WS) {
		bool after_os = clock->slot_count && clock->slot_mode == QMAC_MODE_OS;
		uint64_t preload = max64(load, after_os ? clock->slot_start + clock->slot_count : 0);

		start = max64(preload + c->k, clock->slot_start + clock->slot_count);
		if (clock->slot_out + 1 > rows)
			start = max64(start, clock->slot_out + 1 - rows);
		out = start + slots - 1 + rows;
	} else {
		start = max64(load, clock->slot_start + clock->slot_count);
		if (clock->slot_out > slots)
			start = max64(start, clock->slot_out - slots);
		out = start + slots + 1 + 2 * (uint64_t)(c->k - 1);
	}
	clock->slot_start = start;
	clock->slot_out = out;
	clock->slot_count = slots;
	clock->slot_mode = c->mode;
	return (struct qmac_time){arrival, out + cols - 1 + 3};
}

/* True where both row sources of a VEC lie in one bank of one scratchpad, so that one port serves both. */
static bool shares_port(const struct qmac_hw *hw, const struct qmac_command *c)
{
	uint32_t depth = (uint32_t)(c->s0space == QMAC_SPACE_A ? hw->a_depth
	                            : c->s0space == QMAC_SPACE_W ? hw->w_depth : hw->acc_depth);

	if (c->op == QMAC_OP_LOOKUP || c->s1space == QMAC_SPACE_IMM || c->s0space != c->s1space)
		return false;
	return (c->src0 < depth / 2) == (c->src1 < depth / 2);
}

static uint64_t vec_cycles(const struct qmac_hw *hw, const struct qmac_command *c)
{
	uint64_t per_row = shares_port(hw, c) ? 2 : 1;

	if (c->op == QMAC_OP_LOOKUP)
		per_row = ((uint64_t)hw->cols + (uint64_t)hw->lut_ports - 1) / (uint64_t)hw->lut_ports;
	return (uint64_t)c->n1 * c->n0 * per_row + QMAC_VEC_LATENCY + (c->red_lanes ? clog2((unsigned)hw->cols) : 0);
}

static struct qmac_time time_execute(struct qmac_clock *clock, const struct qmac_command *c, uint64_t arrival)
{
	uint64_t previous = clock->engine[QMAC_ENGINE_EXECUTE].last_retire;
	uint64_t start;

	if (c->opcode == QMAC_OPCODE_GEMM)
		return time_gemm(clock, c, max64(arrival, clock->vec_retire));
	/* A VEC needs EXECUTE empty. */
	start = max64(arrival, previous + 1);
	clock->vec_retire = start + vec_cycles(clock->hw, c);
	return (struct qmac_time){start, clock->vec_retire};
}

static struct qmac_time time_sync(struct qmac_clock *clock, uint64_t dispatched)
{
	uint64_t retire = dispatched;

	for (unsigned e = 0; e < 3; e++)
		retire = max64(retire, clock->engine[e].last_retire + QMAC_VISIBLE_CYCLES);
	clock->last_dispatch = retire; /* the dispatcher itself was busy */
	return (struct qmac_time){dispatched, retire};
}

static struct qmac_time time_engine(struct qmac_clock *clock, struct qmac_clock_engine *engine,
                                    const struct qmac_command *c, uint64_t dispatched)
{
	bool moves = c->opcode != QMAC_OPCODE_GEMM && c->opcode != QMAC_OPCODE_VEC;
	uint64_t offered = dispatched + 1, fulfilled = waits_over(clock, c), arrival;
	struct qmac_time time;

	if (moves || c->opcode == QMAC_OPCODE_VEC)
		offered = max64(offered, engine->last_retire + 1);
	arrival = max64(offered, fulfilled);
	if (moves)
		time = qmac_time_move(clock->hw, c, arrival,
		                      c->opcode == QMAC_OPCODE_LOAD ? &clock->load_memory : &clock->store_memory);
	else
		time = time_execute(clock, c, arrival);
	engine->wait += arrival - offered;
	engine->busy += time.retire - max64(time.start, engine->last_retire);
	engine->last_retire = time.retire;
	engine->start[engine->count % QMAC_QUEUE_MAX] = time.start;
	engine->retire[engine->count % QMAC_CLOCK_HISTORY] = time.retire;
	engine->count++;
	return time;
}

struct qmac_time qmac_clock_command(struct qmac_clock *clock, const struct qmac_command *command,
                                    uint32_t number, uint32_t tail, uint64_t ring_base, int ring_log2)
{
	unsigned e = qmac_command_engine(command->opcode);
	struct qmac_clock_engine *engine = e < 3 ? &clock->engine[e] : NULL;
	struct qmac_time time;
	uint64_t dispatched;

	if (number == clock->fetched)
		fetch_chunk(clock, tail, ring_base, ring_log2);
	dispatched = dispatch(clock, engine, number);
	clock->last_dispatch = dispatched;
	time = engine ? time_engine(clock, engine, command, dispatched) : time_sync(clock, dispatched);
	clock->freed[number % (2 * QMAC_FETCH_CHUNK)] = clock->last_dispatch;
	clock->now = max64(clock->now, time.retire);
	return time;
}
