/*
 * Two things about time that whole programs (test_time.c) do not reach: numbers of descriptors that
 * pass 2^32, and rows of memory of every size.
 */
#include <string.h>

#include "shipped_hw.h"
#include "time/clock_state.h"

enum { COMMANDS = 400, RING_LOG2 = 7 };

/* ---- 2^32 descriptors ------------------------------------------------------------- */

struct log {
	uint64_t cycle[COMMANDS];
	int count;
};

static void on_retire(void *context, void *record, struct qmac_clock_retire time)
{
	struct log *log = context;

	(void)record;
	log->cycle[log->count++] = time.cycle;
}

static struct qmac_command command_of(int i)
{
	const struct qmac_command load = {
		.opcode = QMAC_OPCODE_LOAD, .base = 0x8000 + 64 * (uint64_t)i, .s0 = 64, .n0 = 3, .n1 = 1, .n2 = 1,
		.len = 4, .is_signed = 1, .hi0 = 2, .space = QMAC_SPACE_A, .nbits = 8, .ds0 = 1,
	};
	const struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .n0 = i % 2 ? 40 : 1, .n1 = 1, .d0 = 1, .a0 = 1,
		.lanes = 1, .bw = 8, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM,
	};
	const struct qmac_command sync = {.opcode = QMAC_OPCODE_SYNC, .irq = 1};

	return i == COMMANDS - 1 ? sync : i % 7 == 3 ? load : vec;
}

/* Retire cycles of the commands from number `first` on. */
static void play(const struct qmac_hw *hw, uint32_t first, struct log *log)
{
	struct qmac_clock *clock;

	log->count = 0;
	CU_ASSERT_EQUAL_FATAL(qmac_clock_create(hw, on_retire, log, 0, &clock, NULL), QMAC_OK);
	clock->number = clock->fetched = clock->tail = first;
	clock->complete = first;
	clock->fetch.beats = (uint64_t)first * (QMAC_COMMAND_BYTES / (uint64_t)hw->bus_bytes);
	for (int i = 0; i < COMMANDS; i++) {
		const struct qmac_command command = command_of(i);

		if (i % 100 == 0)
			qmac_clock_doorbell(clock, first + (uint32_t)i + 100, 0, RING_LOG2);
		log->cycle[COMMANDS - 1] = qmac_clock_push(clock, &command, NULL).cycle;
		if (i % 100 == 99)
			qmac_clock_drain(clock);
	}
	CU_ASSERT_EQUAL(log->count, COMMANDS - 1);
	qmac_clock_destroy(clock);
}

/* A ring's length, so that chunks end where they did. */
static void test_number_wraps(void)
{
	static const char *const arrays[] = {"8x8_w8", "16x16_w8", "ragged"};
	static struct log expected, got;

	for (int a = 0; a < TEST_COUNT(arrays); a++) {
		struct qmac_hw hw = shipped_hw(arrays[a]);

		play(&hw, 0, &expected);
		for (uint32_t before = 1; before <= 3; before++) {
			play(&hw, 0 - (before << RING_LOG2), &got);
			CU_ASSERT_EQUAL(memcmp(expected.cycle, got.cycle, sizeof expected.cycle), 0);
		}
	}
}

/* ---- rows of memory --------------------------------------------------------------- */

/* How many bursts of a walk through memory find their row closed. */
static uint64_t misses(int banks, int row_bytes, uint64_t first, uint64_t bytes, uint32_t step)
{
	const struct qmac_hw hw = {
		.bus_bytes = 8, .dram_bytes_per_cycle = 8 * 256, .dram_latency = 100, .dram_miss = 50,
		.dram_banks = banks, .dram_row_bytes = row_bytes,
	};
	struct qmac_dram dram;
	uint64_t count = 0, cycle = 0;

	qmac_dram_init(&dram, &hw);
	for (uint64_t at = first; at < first + bytes; at += step, cycle += 1000) {
		uint64_t start = qmac_dram_burst(&dram, cycle, at, 1, false) / 256 - cycle;

		CU_ASSERT(start == 100 || start == 150);
		count += start == 150;
	}
	return count;
}

static void test_rows(void)
{
	for (int banks = 1; banks <= 64; banks *= 2)
		for (int row_bytes = 256; row_bytes <= 65536; row_bytes *= 2) {
			uint64_t interleave = row_bytes < 2048 ? (uint64_t)row_bytes : 2048;
			uint64_t span = (uint64_t)banks * (uint64_t)row_bytes;

			/* Once through memory every row is opened once. */
			CU_ASSERT_EQUAL(misses(banks, row_bytes, 3 * span, 4 * span, 64), 4 * (uint64_t)banks);
			/* Two rows of one bank in turn never find theirs open. */
			CU_ASSERT_EQUAL(misses(banks, row_bytes, span, 8 * span, (uint32_t)span), 8);
			/* As many blocks as there are banks, one behind the other, are each of another bank. */
			CU_ASSERT_EQUAL(misses(banks, row_bytes, 0, (uint64_t)banks * interleave, (uint32_t)interleave),
			                (uint64_t)banks);
		}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"numbers of descriptors pass 2^32", test_number_wraps},
		{"every row is opened once on the way through memory", test_rows},
	};

	return test_main("test_clock", cases, TEST_COUNT(cases));
}
