/*
 * LOAD in Verilog against the reference device and the clock's mover, with what mover_bench.h compares:
 * beats are timed by the DRAM model, and all scratchpads must be equal.
 */
#include <stdlib.h>

#include "fuzz/random.h"
#include "mover_bench.h"
#include "test.h"

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef ROWS
enum { ROWS = 8, COLS = 8, A_BITS = 8, W_BITS = 8, ACC_BITS = 32, BUS_BYTES = 8, BURST_BEATS = 16,
       OUTSTANDING = 4 };
#endif

/* Words and bits of unit_load.v alone. */
enum { IN_PLACE = 1, IN_WORD };
enum { OUT_DATA = 4 };
enum { REQUEST_READY = 4, BEAT = 8, BEAT_ERROR = 16, MEMORY_WRITE = 32, POKE = 64 };
enum { REQUEST = 16 };

/* A beat on its way: its bus word, and the cycle in which it arrives. */
struct beat {
	uint64_t cycle;
	uint32_t place;
};

static struct beat *beats; /* all that a batch has asked for so far */
static uint64_t room;

/* ---- scratchpads ----------------------------------------------------------------- */

static void fill_scratchpads(struct mover_bench *b)
{
	for (int space = 0; space <= (int)QMAC_SPACE_LUT; space++)
		bench_fill_space(b, space);
}

static void compare_space(struct mover_bench *b, int space)
{
	static const char *const names[] = {"A row", "W row", "ACC row", "LUT word"};
	uint64_t mask = UINT64_MAX >> (64 - ref_word_bits(&b->hw, space)), got;

	for (int64_t row = 0; row < ref_depth(&b->hw, space); row++)
		for (int lane = 0; lane < ref_width(&b->hw, space); lane++) {
			bench_point_at(b, space, row, lane);
			unit_settle(b->unit);
			got = unit_get(b->unit, OUT_DATA) | (uint64_t)unit_get(b->unit, OUT_DATA + 1) << 32;
			bench_expect(b, names[space], (uint64_t)row, got,
			             ref_peek(&b->device, space, row, (int64_t)lane) & mask);
		}
}

/* ---- one cycle ------------------------------------------------------------------- */

static uint32_t beat_due(struct mover_bench *b)
{
	if (b->answered == b->asked || (b->stalls ? bench_below(b, 3) == 0 : beats[b->answered].cycle > b->cycle))
		return 0;
	if (!b->stalls)
		bench_expect(b, "late beat", b->answered, b->cycle, beats[b->answered].cycle);
	unit_set(b->unit, IN_PLACE, beats[b->answered].place);
	return (int64_t)b->answered++ == b->error_at ? BEAT | BEAT_ERROR : BEAT;
}

/* The beats of the requested burst are put on their way. */
static void request_taken(struct mover_bench *b)
{
	uint32_t count = bench_burst_beats(b);
	uint32_t place = (uint32_t)(bench_burst_address(b) % MEMORY_BYTES / BUS_BYTES);
	uint64_t first = bench_take_burst(b);

	for (uint32_t i = 0; i < count; i++) {
		beats = bench_room(beats, b->asked, &room, sizeof *beats);
		beats[b->asked++] = (struct beat){(first + i * b->dram.step) / 256, place + i};
	}
}

static void count_writes(struct mover_bench *b, uint32_t control)
{
	static const int writes[] = {QMAC_COUNTER_A_WRITES, QMAC_COUNTER_W_WRITES, QMAC_COUNTER_ACC_WRITES,
	                             QMAC_COUNTER_LUT_WRITES};

	for (int space = 0; space < 4; space++)
		b->counters[writes[space]] += control >> (8 + space) & 1;
	bench_expect(b, "spaces written", b->cycle, control >> 12 & 15, control >> 8 & 15);
}

static uint32_t clock_cycle(struct mover_bench *b, uint32_t inputs)
{
	uint32_t ready = b->stalls && bench_below(b, 2) ? 0 : REQUEST_READY, beat = beat_due(b), control;

	inputs |= RESET_OFF | ready;
	unit_set(b->unit, IN_CONTROL, inputs | beat);
	unit_settle(b->unit);
	control = unit_get(b->unit, OUT_CONTROL);
	bench_watch_request(b, control, ready != 0);
	if (control & BURST) {
		request_taken(b);
		if (!beat) /* of a memory without latency, in the same cycle */
			unit_set(b->unit, IN_CONTROL, inputs | beat_due(b));
	}
	count_writes(b, control);
	bench_clock(b, control);
	return control;
}

/* ---- a batch --------------------------------------------------------------------- */

static void compare(struct mover_bench *b)
{
	for (int i = 0; i < 4; i++) /* until the last row is written and counted */
		clock_cycle(b, 0);
	for (int space = 0; space <= (int)QMAC_SPACE_LUT; space++)
		compare_space(b, space);
}

static void release(void)
{
	free(beats);
	beats = NULL;
	room = 0;
}

int main(void)
{
	static const int counters[] = {
		QMAC_COUNTER_A_WRITES, QMAC_COUNTER_W_WRITES, QMAC_COUNTER_ACC_WRITES, QMAC_COUNTER_LUT_WRITES,
		QMAC_COUNTER_DRAM_READ_BYTES, QMAC_COUNTER_DRAM_READ_BURSTS, QMAC_COUNTER_CONTAINER_SATURATIONS,
	};
	static const struct mover_unit load = {
		.opcode = QMAC_OPCODE_LOAD, .request = REQUEST, .poke = POKE, .memory_write = MEMORY_WRITE,
		.memory_index = IN_PLACE, .memory_value = IN_WORD, .memory_random = qmac_fuzz_word,
		.latency = QMAC_MOVE_LATENCY, .counters = counters, .counter_count = TEST_COUNT(counters),
		.cycle = clock_cycle, .fill = fill_scratchpads, .compare = compare, .release = release,
	};
	static const struct qmac_hw hw = {
		.rows = ROWS, .cols = COLS, .a_bits = A_BITS, .w_bits = W_BITS, .acc_bits = ACC_BITS,
		.bus_bytes = BUS_BYTES, .burst_beats = BURST_BEATS, .outstanding = OUTSTANDING,
	};

	return bench_main("test_rtl_load", &load, &hw);
}
