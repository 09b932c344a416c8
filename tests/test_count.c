/*
 * What descriptors alone count: qmac_count() against the reference interpreter, which counts while it
 * computes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "count/count.h"
#include "fuzz/commands.h"
#include "fuzz/hardware.h"
#include "reference/ref_device.h"
#include "test.h"

enum { COMMANDS = 80, STREAMS = 60, DATA_BYTES = 1 << 16 };

enum source { FROM_COMMAND, FROM_DATA, FROM_TIME };

/* What isa.def says of each counter. */
static void read_sources(enum source source[QMAC_COUNTERS])
{
#define TIMED(name, lower, timed, help) source[QMAC_COUNTER_##name] = timed ? FROM_TIME : FROM_COMMAND;
	QMAC_COUNTER_TABLE(TIMED)
#undef TIMED
#define DATA(name, lower) source[QMAC_COUNTER_##name] = FROM_DATA;
	QMAC_DATA_COUNTER_TABLE(DATA)
#undef DATA
}

/* The counters of isa.def that follow from commands must be equal; the others are left at 0. */
static void compare(const uint64_t counted[QMAC_COUNTERS], const uint64_t wanted[QMAC_COUNTERS],
                    uint64_t seed)
{
	static const char *const names[] = {
#define NAME(name, lower, timed, help) #lower,
		QMAC_COUNTER_TABLE(NAME)
#undef NAME
	};
	enum source source[QMAC_COUNTERS];

	read_sources(source);
	for (int i = 0; i < QMAC_COUNTERS; i++) {
		uint64_t expected = source[i] == FROM_COMMAND ? wanted[i] : 0;

		if (counted[i] != expected)
			printf("\nseed 0x%" PRIx64 ": %s %" PRIu64 ", expected %" PRIu64 " ", seed, names[i], counted[i],
			       expected);
		CU_ASSERT_EQUAL(counted[i], expected);
	}
}

/* One random legal program on random hardware. */
static void run_stream(uint64_t *rng, uint64_t totals[QMAC_COUNTERS])
{
	struct qmac_fuzz_program program = {.rng = test_random(rng), .data_bytes = DATA_BYTES};
	uint64_t seed = program.rng, counted[QMAC_COUNTERS] = {0};
	struct ref_device reference;

	qmac_fuzz_hw(&program.rng, &program.hw);
	CU_ASSERT_TRUE_FATAL(ref_device_init(&reference, &program.hw, DATA_BYTES));
	for (int i = 0; i < COMMANDS; i++) {
		uint32_t words[QMAC_COMMAND_WORDS];
		struct qmac_command command;
		struct ref_record record = {0};

		qmac_fuzz_command(&program, &command);
		qmac_command_encode(&command, words);
		CU_ASSERT_TRUE(ref_execute(&reference, words, &record));
		qmac_count(&program.hw, &command, counted);
	}
	compare(counted, reference.counters, seed);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		totals[i] += counted[i];
	ref_device_free(&reference);
}

static void test_random_streams(void)
{
	uint64_t rng = test_seed(), totals[QMAC_COUNTERS] = {0};
	enum source source[QMAC_COUNTERS];

	read_sources(source);
	for (int i = 0; i < STREAMS; i++)
		run_stream(&rng, totals);
	for (int i = 0; i < QMAC_COUNTERS; i++) /* everything that is counted was reached */
		CU_ASSERT_TRUE(source[i] != FROM_COMMAND || totals[i] > 0);
}

/* Runs of many bursts, over several of the 4,096-byte pages that bursts do not cross. */
static void test_long_runs(void)
{
	uint64_t rng = test_seed() + 1;

	for (int i = 0; i < 300; i++) {
		struct qmac_hw hw = {
			.rows = 64, .cols = 64, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 256, .a_depth = 1024,
			.w_depth = 128, .acc_depth = 128, .bus_bytes = 4 << test_between(&rng, 0, 4),
			.burst_beats = (int)test_between(&rng, 1, 256), .lut_bits = 4,
		};
		uint32_t rows = (uint32_t)test_between(&rng, 1, 400), len = (uint32_t)test_between(&rng, 1, 64);
		uint32_t outer = (uint32_t)test_between(&rng, 1, 2);
		const struct qmac_command load = {
			.opcode = QMAC_OPCODE_LOAD, .space = QMAC_SPACE_A, .base = (uint64_t)test_between(&rng, 0, 9000),
			.len = len, .n0 = rows, .n1 = outer, .n2 = 1, .s0 = len,
			.s1 = (uint32_t)test_between(&rng, 0, 9000),
			.hi0 = rows - 1, .hi1 = outer - 1, .nbits = 8, .ds0 = 1, .ds1 = rows, .coalesce = 1,
		};
		uint64_t counted[QMAC_COUNTERS] = {0};
		uint32_t words[QMAC_COMMAND_WORDS];
		struct ref_record record = {0};
		struct ref_device reference;

		CU_ASSERT_TRUE_FATAL(ref_device_init(&reference, &hw, DATA_BYTES));
		qmac_command_encode(&load, words);
		CU_ASSERT_TRUE(ref_execute(&reference, words, &record));
		qmac_count(&hw, &load, counted);
		compare(counted, reference.counters, (uint64_t)i);
		ref_device_free(&reference);
	}
}

static void test_sync(void)
{
	const struct qmac_command sync = {.opcode = QMAC_OPCODE_SYNC, .irq = 1};
	const struct qmac_hw hw = {.rows = 1};
	uint64_t counted[QMAC_COUNTERS] = {0}, wanted[QMAC_COUNTERS] = {[QMAC_COUNTER_COMMANDS] = 1};

	qmac_count(&hw, &sync, counted);
	compare(counted, wanted, 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random streams count as the reference does", test_random_streams},
		{"long runs have the bursts of the reference", test_long_runs},
		{"a SYNC is a command and nothing else", test_sync},
	};

	return test_main("test_count", cases, TEST_COUNT(cases));
}
