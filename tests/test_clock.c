/*
 * What whole programs (test_time.c) do not reach: numbers of descriptors and cycles that pass 2^32, registers
 * of two words whose lower one overflows, and rows of memory of every size.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/wrapper.h"
#include "device/internal.h"
#include "driver/driver.h"
#include "reference/device_pair.h"
#include "shipped_hw.h"
#include "time/clock_state.h"

enum { COMMANDS = 400, RING_LOG2 = 7 };

/* ---- 2^32 descriptors, and cycles ------------------------------------------------------------- */

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

/* Retire cycles of the commands from number `first` on, where time has come to `now`. */
static void play(const struct qmac_hw *hw, uint32_t first, uint64_t now, struct log *log)
{
	struct qmac_clock *clock;

	log->count = 0;
	CU_ASSERT_EQUAL_FATAL(qmac_clock_create(hw, on_retire, log, 0, &clock, NULL), QMAC_OK);
	clock->number = clock->fetched = clock->tail = first;
	clock->complete = first;
	clock->now = now;
	clock->fetch.beats = (uint64_t)first * (QMAC_COMMAND_BYTES / (uint64_t)hw->bus_bytes);
	for (int i = 0; i < COMMANDS; i++) {
		const struct qmac_command command = command_of(i);
		const struct qmac_clock_work work = qmac_clock_work_of(hw, &command);

		if (i % 100 == 0)
			qmac_clock_doorbell(clock, first + (uint32_t)i + 100, 0, RING_LOG2);
		log->cycle[COMMANDS - 1] = qmac_clock_push(clock, &work, NULL).cycle;
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

		play(&hw, 0, 0, &expected);
		for (uint32_t before = 1; before <= 3; before++) {
			play(&hw, 0 - (before << RING_LOG2), 0, &got);
			CU_ASSERT_EQUAL(memcmp(expected.cycle, got.cycle, sizeof expected.cycle), 0);
		}
	}
}

/* Cycles pass 2^32, and 2^40, of which 256 parts pass 2^48, in the middle. */
static void test_cycles_wrap(void)
{
	struct qmac_hw hw = shipped_hw("ragged");
	static struct log expected, got;

	play(&hw, 0, 0, &expected);
	for (int bits = 32; bits <= 40; bits += 8) {
		uint64_t now = (1ULL << bits) - expected.cycle[COMMANDS / 2];
		int wrong = 0;

		play(&hw, 0, now, &got);
		for (int i = 0; i < COMMANDS; i++)
			wrong += got.cycle[i] != expected.cycle[i] + now;
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT(got.cycle[0] < 1ULL << bits && got.cycle[COMMANDS - 1] > 1ULL << bits);
	}
}

/* ---- registers of two words ------------------------------------------------------- */

static uint64_t stamp_of(struct qmac_device *device)
{
	return qmac_device_read(device, QMAC_REG_STAMP_LO) |
	       (uint64_t)qmac_device_read(device, QMAC_REG_STAMP_HI) << 32;
}

/* Some LOADs and VECs, and a SYNC, on a device whose counters and whose time begin with `before`. */
static struct qmac_device *count_from(const struct qmac_hw *hw, uint64_t before)
{
	enum { BYTES = 1 << 17, RING = BYTES - (QMAC_COMMAND_BYTES << RING_LOG2), SOME = 40 };
	const struct qmac_device_options options = {.memory_bytes = BYTES};
	static uint32_t words[SOME][QMAC_COMMAND_WORDS];
	struct qmac_device *device;
	struct qmac_clock *clock;

	CU_ASSERT_EQUAL_FATAL(qmac_device_create(hw, &options, &device, NULL), QMAC_OK);
	pair_set_up(device, 0, BYTES, RING, RING_LOG2);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		device->counters[i] = before;
	clock = qmac_memo_clock(device->memo);
	clock->now = clock->fetch_bytes = before;
	for (int e = 0; e < 3; e++)
		clock->engine[e].busy = clock->engine[e].wait = clock->engine[e].starved =
			clock->engine[e].memory = before;
	for (int i = 0; i < SOME; i++) {
		struct qmac_command command = command_of(i);

		if (i == SOME - 1)
			command = (struct qmac_command){.opcode = QMAC_OPCODE_SYNC, .stamp = 1};
		qmac_command_encode(&command, words[i]);
	}
	pair_submit(device, RING, RING_LOG2, words, SOME, UINT64_MAX);
	return device;
}

/* Both words of each counter and of the stamp, where the lower one passes 2^32 by one, and where by more. */
static void test_two_words(void)
{
	struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_device *plain = count_from(&hw, 0);
	int reached = 0;

	for (uint64_t more = 1; more <= 1000; more += 999) {
		uint64_t before = (7ULL << 32) - more;
		struct qmac_device *device = count_from(&hw, before);

		for (int i = 0; i < QMAC_COUNTERS; i++) {
			uint64_t counted = pair_counter(plain, i);

			CU_ASSERT_EQUAL(pair_counter(device, i), before + counted);
			reached += counted >= more;
		}
		CU_ASSERT_EQUAL(stamp_of(device), before + stamp_of(plain));
		CU_ASSERT(stamp_of(plain) > 1000);
		qmac_device_destroy(device);
	}
	CU_ASSERT(reached > 10);
	qmac_device_destroy(plain);
}

/* A device whose counters begin with 5 * 2^32. */
static uint32_t read_more(struct qmac_backend *backend, uint32_t offset)
{
	return qmac_wrapper_read(backend, offset) + (offset >= QMAC_COUNTER_BASE && offset % 8 ? 5 : 0);
}

static struct qmac_backend *counting_on(struct qmac_backend *inner)
{
	static const struct qmac_backend_operations operations = {
		.name = "counting on", .read = read_more, .write = qmac_wrapper_write,
		.read_memory = qmac_wrapper_read_memory, .write_memory = qmac_wrapper_write_memory,
		.wait = qmac_wrapper_wait, .destroy = qmac_wrapper_destroy,
	};
	struct qmac_wrapper *wrapper = calloc(1, sizeof *wrapper);

	CU_ASSERT_PTR_NOT_NULL_FATAL(wrapper);
	qmac_wrapper_init(wrapper, &operations, inner);
	return &wrapper->base;
}

/* The driver's totals over a reset: what was before, and what the device has counted since. */
static void test_totals(void)
{
	const struct qmac_device_options options = {.memory_bytes = 1 << 20};
	const struct qmac_command load = command_of(3);
	struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_driver_totals once, totals;
	struct qmac_backend *backend;
	struct qmac_driver *driver;

	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", &hw, &options, &backend, NULL), QMAC_OK);
	backend = counting_on(backend);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(backend, &hw, 5, &driver, NULL), QMAC_OK);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		totals.counters[i] = UINT32_MAX - (uint64_t)i;
	totals.host_bytes = UINT32_MAX;
	qmac_driver_set_totals(driver, &totals);
	for (uint64_t times = 1; times <= 3; times++) {
		struct qmac_driver_totals now;

		CU_ASSERT_EQUAL(qmac_driver_submit(driver, &load, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(qmac_driver_finish(driver, NULL), QMAC_OK);
		now = qmac_driver_totals(driver);
		for (int i = 0; i < QMAC_COUNTERS; i++) {
			once.counters[i] = times == 1 ? now.counters[i] - totals.counters[i] : once.counters[i];
			CU_ASSERT_EQUAL(now.counters[i], totals.counters[i] + times * once.counters[i]);
		}
		CU_ASSERT_EQUAL(now.host_bytes, totals.host_bytes + times * 2 * QMAC_COMMAND_BYTES);
		CU_ASSERT(once.counters[QMAC_COUNTER_CYCLES] > 5ULL << 32);
		qmac_driver_reset(driver);
	}
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
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
		{"cycles pass 2^32 and 2^40", test_cycles_wrap},
		{"registers of two words", test_two_words},
		{"totals of the driver", test_totals},
		{"every row is opened once on the way through memory", test_rows},
	};

	return test_main("test_clock", cases, TEST_COUNT(cases));
}
