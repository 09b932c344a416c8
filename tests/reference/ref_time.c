/* Dispatcher, queues and engines (docs/timing.md), one step a cycle. */
#include "reference/ref_time.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reference/ref_device.h"
#include "reference/ref_fields.h"

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void ref_time_init(struct ref_time *time, const struct qmac_hw *hw, uint64_t ring_base, int ring_log2)
{
	memset(time, 0, sizeof *time);
	time->hw = *hw;
	time->ring_base = ring_base;
	time->ring_entries = 1ULL << ring_log2;
	time->fault = REF_NEVER;
}

void ref_time_free(struct ref_time *time)
{
	struct ref_mover *movers[2] = {&time->load, &time->store};

	for (uint64_t i = 0; i < time->commands; i++)
		free(time->command[i]);
	free(time->command);
	for (int i = 0; i < 3; i++)
		free(time->queue[i]);
	for (int i = 0; i < 2; i++) {
		free(movers[i]->burst);
		free(movers[i]->beat);
		free(movers[i]->pair);
	}
	memset(time, 0, sizeof *time);
}

void ref_time_submit(struct ref_time *time, uint32_t words[][QMAC_COMMAND_WORDS], uint32_t count)
{
	assert(time->commands + count - time->dispatched <= time->ring_entries);
	time->resumed = time->now; /* time stands still: idle, or stopped by an interrupt */
	if (time->room < time->commands + count) {
		time->room = 2 * (time->commands + count);
		time->command = realloc(time->command, time->room * sizeof(struct ref_time_command *));
		assert(time->command);
		for (int i = 0; i < 3; i++) {
			time->queue[i] = realloc(time->queue[i], time->room * sizeof *time->queue[i]);
			assert(time->queue[i]);
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		struct ref_time_command *c = calloc(1, sizeof *c);

		assert(c);
		memcpy(c->words, words[i], sizeof c->words);
		c->engine = ref_engine(REF_GET(words[i], COMMON, opcode));
		c->ready = c->dispatch = c->offered = c->start = c->left = c->retire = REF_NEVER;
		time->command[time->commands++] = c;
	}
}

/* ---- the dispatcher ---- */

/* The command of an engine by its number among those dispatched to it. */
static struct ref_time_command *nth(const struct ref_time *time, unsigned engine, uint64_t n)
{
	return time->command[time->queue[engine][n]];
}

/* Has everything dispatched to the three engines retired, and is that visible now? */
static bool engines_done(const struct ref_time *time)
{
	for (unsigned e = 0; e < 3; e++)
		for (uint64_t n = time->queued[e]; n-- > 0;) {
			uint64_t retire = nth(time, e, n)->retire;

			if (retire == REF_NEVER || retire + QMAC_VISIBLE_CYCLES > time->now)
				return false;
			break; /* those before it retired earlier */
		}
	return true;
}

/* True where a SYNC with irq retires. */
static bool dispatch(struct ref_time *time)
{
	struct ref_time_command *c;
	uint64_t queued, depth = (uint64_t)time->hw.queue_depth;

	if (time->dispatched == time->commands || time->dispatched == time->fault)
		return false;
	c = time->command[time->dispatched];
	if (c->ready == REF_NEVER || c->ready + QMAC_CHECK_CYCLES > time->now)
		return false;
	if (c->engine == QMAC_ENGINE_CONTROL) {
		if (!engines_done(time))
			return false;
		c->dispatch = c->start = c->retire = time->now;
		time->latest_retire = later(time->latest_retire, c->retire);
		time->dispatched++;
		return REF_GET(c->words, COMMON, irq) != 0;
	}
	queued = time->queued[c->engine];
	if (queued >= depth && nth(time, c->engine, queued - depth)->left >= time->now)
		return false;
	c->dispatch = time->now;
	memcpy(c->given, time->queued, sizeof c->given);
	time->queue[c->engine][time->queued[c->engine]++] = time->dispatched++;
	return false;
}

/* ---- the engines ---- */

/*
 * Has engine e retired what a masked count asks for, VISIBLE_CYCLES ago? `given` commands of e
 * stand before the waiting one in the ring.
 */
static bool awaited(const struct ref_time *time, unsigned e, uint64_t given, uint64_t count)
{
	uint64_t behind = (given - count) & 0xFFFF;

	if (behind >= given)
		return true;
	return nth(time, e, given - behind - 1)->retire != REF_NEVER &&
	       nth(time, e, given - behind - 1)->retire + QMAC_VISIBLE_CYCLES <= time->now;
}

static bool waits_over(const struct ref_time *time, const struct ref_time_command *c)
{
	int64_t mask = REF_GET(c->words, COMMON, wait_mask);
	const int64_t count[3] = {REF_GET(c->words, COMMON, wait_load), REF_GET(c->words, COMMON, wait_exec),
	                          REF_GET(c->words, COMMON, wait_store)};

	for (unsigned e = 0; e < 3; e++)
		if ((mask >> e & 1) && !awaited(time, e, c->given[e], (uint64_t)count[e]))
			return false;
	return true;
}

static uint64_t not_negative(int64_t a)
{
	return a < 0 ? 0 : (uint64_t)a;
}

static void start_gemm(struct ref_time *time, struct ref_time_command *c)
{
	const uint32_t *words = c->words;
	int64_t rows = time->hw.rows, cols = time->hw.cols;
	uint64_t slots = (uint64_t)(REF_GET(words, GEMM, n2) * REF_GET(words, GEMM, n1) *
	                            REF_GET(words, GEMM, n0));
	uint64_t k = (uint64_t)REF_GET(words, GEMM, k), load = later(c->start, time->s) + 1;
	uint64_t after = time->s + time->slots, s, o;
	bool is_os = REF_GET(words, GEMM, mode) == QMAC_MODE_OS;

	if (is_os) {
		s = later(later(load, after), not_negative((int64_t)time->o + 1 - ((int64_t)slots + 1)));
		o = s + slots + 1 + 2 * (k - 1);
	} else {
		uint64_t pre = later(load, time->previous_os ? after : 0);

		s = later(later(pre + k, after), not_negative((int64_t)time->o + 1 - rows));
		o = s + slots - 1 + (uint64_t)rows;
	}
	c->left = load;
	c->retire = o + (uint64_t)cols - 1 + 3;
	time->s = s;
	time->o = o;
	time->slots = slots;
	time->previous_os = is_os;
}

/* Iterations in which both source rows are read and lie in one half of one scratchpad. */
static uint64_t shared_iterations(const struct qmac_hw *hw, const uint32_t *words)
{
	int64_t half = ref_depth(hw, REF_GET(words, VEC, s0space)) / 2;
	uint64_t shared = 0;

	if (REF_GET(words, VEC, s1space) != REF_GET(words, VEC, s0space))
		return 0; /* IMM is no space of a source 0 */
	for (int64_t i1 = 0; i1 < REF_GET(words, VEC, n1); i1++)
		for (int64_t i0 = 0; i0 < REF_GET(words, VEC, n0); i0++) {
			int64_t a = REF_GET(words, VEC, src0) + i1 * REF_GET(words, VEC, a1) +
			            i0 * REF_GET(words, VEC, a0);
			int64_t b = REF_GET(words, VEC, src1) + i1 * REF_GET(words, VEC, b1) +
			            i0 * REF_GET(words, VEC, b0);

			shared += ref_vec_reads_src1(words, i1, i0) && (a < half) == (b < half);
		}
	return shared;
}

static void start_vec(struct ref_time *time, struct ref_time_command *c)
{
	const uint32_t *words = c->words;
	uint64_t iterations = (uint64_t)(REF_GET(words, VEC, n1) * REF_GET(words, VEC, n0));
	uint64_t ports = (uint64_t)time->hw.lut_ports, cols = (uint64_t)time->hw.cols, levels = 0;
	uint64_t n1 = (uint64_t)REF_GET(words, VEC, n1);
	int64_t op = REF_GET(words, VEC, op);

	while (1ULL << levels < later(cols, (uint64_t)time->hw.rows))
		levels++;
	if (op == QMAC_OP_LOOKUP)
		c->retire = c->start + iterations * ((cols + ports - 1) / ports);
	else
		c->retire = c->start + iterations + shared_iterations(&time->hw, words);
	if (op == QMAC_OP_AFFINE)
		c->retire += QMAC_COEFFICIENTS * (REF_GET(words, VEC, coef_step) ? n1 : 1);
	if (ref_vec_has_sum(words))
		c->retire += n1;
	c->retire += QMAC_VEC_LATENCY + (REF_GET(words, VEC, red_lanes) ? levels : 0);
	c->left = c->start;
	time->latest_vec = c->retire;
	time->vec_seen = true;
}

/* The cycle in which an engine can take its next command, or REF_NEVER where it is not known yet. */
static uint64_t offer(const struct ref_time *time, unsigned engine, const struct ref_time_command *c)
{
	const struct ref_time_command *before;
	uint64_t offered = c->dispatch + 1;

	if (time->started[engine] == 0)
		return offered;
	before = nth(time, engine, time->started[engine] - 1);
	if (REF_GET(c->words, COMMON, opcode) == QMAC_OPCODE_GEMM) /* commands start in order */
		return later(later(offered, before->left), time->vec_seen ? time->latest_vec + 1 : 0);
	return before->retire == REF_NEVER ? REF_NEVER : later(offered, before->retire + 1);
}

/* Starts the next command of an engine where that is due; false where it is not. */
static bool start(struct ref_time *time, unsigned engine)
{
	struct ref_time_command *c;

	if (time->started[engine] == time->queued[engine])
		return false;
	c = nth(time, engine, time->started[engine]);
	c->offered = offer(time, engine, c);
	if (c->offered > time->now || !waits_over(time, c))
		return false;
	c->start = time->now;
	c->resumed = time->resumed;
	c->left = time->now;
	time->started[engine]++;
	switch (REF_GET(c->words, COMMON, opcode)) {
	case QMAC_OPCODE_LOAD:
		ref_mover_begin(time, &time->load, c);
		break;
	case QMAC_OPCODE_STORE:
		ref_mover_begin(time, &time->store, c);
		break;
	case QMAC_OPCODE_GEMM:
		start_gemm(time, c);
		break;
	default:
		start_vec(time, c);
	}
	return true;
}

/* ---- everything ---- */

/* One cycle. True where a SYNC with irq retires in it. */
static bool step(struct ref_time *time)
{
	bool read_taken = false, irq;

	time->now++;
	irq = dispatch(time);
	for (unsigned e = 0; e < 3; e++)
		while (start(time, e))
			continue;
	if (time->ties_swapped) {
		ref_load_request(time, &read_taken);
		ref_store_request(time);
		ref_fetch_request(time, &read_taken);
	} else {
		ref_fetch_request(time, &read_taken);
		ref_store_request(time);
		ref_load_request(time, &read_taken);
	}
	ref_load_unpack(time);
	ref_store_pack(time);
	return irq;
}

/* Has everything submitted before a fault retired? Notes the latest retirement. */
static bool idle(struct ref_time *time)
{
	bool stopped = time->fault < time->commands;

	if (time->dispatched < (stopped ? time->fault : time->commands))
		return false;
	if (stopped && !ref_fetch_idle(time, time->now + 1))
		return false;
	for (unsigned e = 0; e < 3; e++) {
		uint64_t retire = time->queued[e] ? nth(time, e, time->queued[e] - 1)->retire : 0;

		if (retire == REF_NEVER || retire > time->now)
			return false;
		time->latest_retire = later(time->latest_retire, retire);
	}
	return true;
}

bool ref_time_run(struct ref_time *time)
{
	while (!idle(time))
		if (step(time) && time->stops_at_irq)
			return idle(time) && time->dispatched == time->commands;
	return true;
}

void ref_time_counters(const struct ref_time *time, uint64_t counters[QMAC_COUNTERS])
{
	static const int busy[3] = {QMAC_COUNTER_LOAD_BUSY, QMAC_COUNTER_EXECUTE_BUSY, QMAC_COUNTER_STORE_BUSY};
	static const int wait[3] = {QMAC_COUNTER_LOAD_WAIT, QMAC_COUNTER_EXECUTE_WAIT, QMAC_COUNTER_STORE_WAIT};
	static const int starved[3] = {QMAC_COUNTER_LOAD_STARVED, QMAC_COUNTER_EXECUTE_STARVED,
	                               QMAC_COUNTER_STORE_STARVED};
	static const int memory[3] = {QMAC_COUNTER_LOAD_MEMORY, -1, QMAC_COUNTER_STORE_MEMORY};

	counters[QMAC_COUNTER_FETCH_BYTES] = QMAC_COMMAND_BYTES * time->fetch.requested;
	counters[QMAC_COUNTER_CYCLES] = time->latest_retire;
	for (unsigned e = 0; e < 3; e++) {
		uint64_t previous = 0; /* retirement in this engine */

		counters[busy[e]] = counters[wait[e]] = counters[starved[e]] = 0;
		if (memory[e] >= 0)
			counters[memory[e]] = 0;
		for (uint64_t n = 0; n < time->queued[e]; n++) {
			const struct ref_time_command *c = nth(time, e, n);
			uint64_t free = later(previous, c->resumed) + 1;
			uint64_t come = c->ready + QMAC_CHECK_CYCLES + 1;

			counters[busy[e]] += c->retire - later(c->start, previous);
			counters[wait[e]] += c->start - c->offered;
			counters[starved[e]] += come > free ? come - free : 0;
			if (memory[e] >= 0)
				counters[memory[e]] += c->retire - c->start - c->pairs;
			previous = c->retire;
		}
	}
}
