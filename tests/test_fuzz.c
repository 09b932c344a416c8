#define _POSIX_C_SOURCE 200809L
/*
 * The fuzzer: planted faults are found and made small; what is written plays. Its streams:
 * test_fuzz_streams.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "fuzz/hardware.h"
#include "reference/faulty_backend.h"
#include "reference/stream_checks.h"
#include "test.h"

/* ---- planted faults ----------------------------------------------------------------- */

/* Every trace written must say what the C model does, cycles too, and be race-free. */
static void check_trace(const char *file, int64_t commands)
{
	const struct qmac_replay replay = {.backend = "cmodel", .timed = true};
	struct qmac_fuzz_stream stream = {0};
	struct qmac_error err;
	char text[4000];

	if (qmac_trace_read(file, &stream.trace, &err) ||
	    qmac_trace_replay(stream.trace, &replay, NULL, NULL, &err)) {
		puts(qmac_error_text(&err, text, sizeof text));
		CU_FAIL_FATAL("trace");
	}
	CU_ASSERT_EQUAL((int64_t)stream.trace->command_count, commands);
	qmac_fuzz_stream_judge(&stream);
	CU_ASSERT_EQUAL(stream.fault, stream.trace->fault);
	stream_check_faults(&stream);
	stream_check_race_free(&stream);
	qmac_fuzz_stream_free(&stream);
}

static struct qmac_fuzz_options options_of(enum fault *fault, int kind, uint64_t seed)
{
	return (struct qmac_fuzz_options){
		.target = faulty_target(fault), .seed = seed, .configs = 1, .commands = 4000, .kind = kind,
		.folder = test_folder(), .jobs = 2,
	};
}

static void test_planted(void)
{
	static const struct {
		int kind, most;    /* commands that may be left */
		const char *part;  /* of the message */
		bool no_trace, stalls;
	} planted[FAULTS] = {
		[FAULT_DIGEST] = {QMAC_FUZZ_LEGAL, 1, "digest", false, false},
		[FAULT_SATURATION] = {QMAC_FUZZ_LEGAL, 5, "ACC saturations", false, false},
		[FAULT_COUNTER] = {QMAC_FUZZ_LEGAL, 1, "VEC_MULTS", false, false},
		[FAULT_MEMORY] = {QMAC_FUZZ_LEGAL, 1, "memory at", false, false},
		[FAULT_STRAY] = {QMAC_FUZZ_LEGAL, 1, "memory at", false, false},
		[FAULT_LOCKSTEP] = {QMAC_FUZZ_LEGAL, 5, "the two devices differ", false, false},
		[FAULT_CODE] = {QMAC_FUZZ_MALFORMED, 1, "ERROR_CODE: expected 0x7, got 0x4", false, false},
		[FAULT_RING] = {QMAC_FUZZ_MALFORMED, 1, "ERROR_COMMAND", true, false},
		[FAULT_STATE] = {QMAC_FUZZ_LEGAL, 1, "digest", false, false},
		[FAULT_STALLED] = {QMAC_FUZZ_TRAINING, 1, "digest", false, true},
		[FAULT_LOST] = {QMAC_FUZZ_LEGAL, 1, "retired: expected 0x1, got 0x0", false, false},
		[FAULT_MAGNITUDES] = {QMAC_FUZZ_LEGAL, 4, "magnitudes", false, false},
		[FAULT_CLEAR] = {QMAC_FUZZ_LEGAL, 16, "monitor ", false, false},
		[FAULT_TWICE] = {QMAC_FUZZ_LEGAL, 1, "for the second time", false, false},
	};
	uint64_t rng = test_seed();

	for (enum fault fault = FAULT_NONE; fault < FAULT_CRASH; fault++) {
		struct qmac_fuzz_options options = options_of(&fault, planted[fault].kind, test_random(&rng) >> 1);
		struct qmac_fuzz_result result;

		/* One malformed stream in ten is refused for a certain fault; the state needs streams before. */
		options.commands *= options.kind == QMAC_FUZZ_MALFORMED || fault == FAULT_STATE ? 4 : 1;
		options.stalls = planted[fault].stalls || fault == FAULT_DIGEST;
		qmac_fuzz_configuration(&options, 0, &result);
		/* Some hardware hides a fault: accumulators, say, that are too narrow for any training. */
		for (int more = 0; more < 10 && fault != FAULT_NONE && result.status == QMAC_OK; more++) {
			options.seed = test_random(&rng) >> 1;
			qmac_fuzz_configuration(&options, 0, &result);
		}
		if (fault == FAULT_NONE) {
			CU_ASSERT(result.status == QMAC_OK && result.commands == 4000 && !result.trace[0]);
			continue;
		}
		if (result.status != QMAC_CHECK_FAILED)
			printf("\n    fault %d: status %d: %s ", (int)fault, (int)result.status, result.err.message);
		CU_ASSERT_EQUAL_FATAL(result.status, QMAC_CHECK_FAILED);
		CU_ASSERT(result.reproduced && result.left >= 1 && result.left <= planted[fault].most);
		CU_ASSERT_PTR_NOT_NULL(strstr(result.err.message, planted[fault].part));
		if (!strstr(result.err.message, planted[fault].part) || result.left > planted[fault].most)
			printf("\n    fault %d: %d commands left: %s ", (int)fault, (int)result.left, result.err.message);
		CU_ASSERT_EQUAL(result.stalls != 0, planted[fault].stalls);
		CU_ASSERT_EQUAL(!result.trace[0], planted[fault].no_trace);
		if (result.trace[0])
			check_trace(result.trace, result.left);
		remove(result.trace);
	}
}

/* ---- many configurations ------------------------------------------------------------- */

struct seen {
	uint64_t seeds[6];
	int64_t commands[6];
	enum qmac_status status[6];
	int count, out_of_order;
};

static void on_result(void *context, int index, const struct qmac_fuzz_result *result)
{
	struct seen *seen = context;

	seen->out_of_order += index != seen->count++;
	seen->seeds[index] = result->seed;
	seen->commands[index] = result->commands;
	seen->status[index] = result->status;
}

static void test_run(void)
{
	uint64_t rng = test_seed(), seed = test_random(&rng) >> 1;
	enum fault fault = FAULT_NONE;
	struct qmac_fuzz_options options = options_of(&fault, QMAC_FUZZ_KINDS, seed);
	struct seen one = {.count = 0}, two = {.count = 0};
	struct qmac_fuzz_result fourth, alone;
	struct qmac_error err;

	options.configs = 6;
	options.commands = 1003;
	CU_ASSERT_EQUAL(qmac_fuzz_run(&options, on_result, &two, &err), QMAC_OK);
	options.jobs = 1;
	CU_ASSERT_EQUAL(qmac_fuzz_run(&options, on_result, &one, &err), QMAC_OK);
	CU_ASSERT(one.count == 6 && one.out_of_order == 0 && memcmp(&one, &two, sizeof one) == 0);
	CU_ASSERT(one.seeds[0] == seed && one.seeds[1] != seed);
	CU_ASSERT(one.commands[0] == 168 && one.commands[1] == 167 && one.commands[5] == 167);
	/* A configuration's seed gives it alone. */
	qmac_fuzz_configuration(&options, 4, &fourth);
	options.seed = one.seeds[4];
	options.configs = 1;
	options.commands = one.commands[4];
	qmac_fuzz_configuration(&options, 0, &alone);
	CU_ASSERT(memcmp(&fourth, &alone, sizeof alone) == 0);
}

/* Configuration 0, which has a clock of 1 MHz, is ready once all others are under way. */
static enum qmac_status open_slow(void *context, const struct qmac_hw *hw,
                                  const struct qmac_device_options *options, uint64_t stalls,
                                  struct qmac_backend **backend, struct qmac_error *err)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	FILE *opened = fopen(test_path("opened"), "a");

	(void)context;
	*backend = NULL;
	if (!opened || fputc(hw->clock_mhz, opened) == EOF || fclose(opened) != 0)
		return qmac_fail(err, QMAC_INTERNAL, "cannot write");
	for (int i = 0; hw->clock_mhz == 1 && strlen(test_text("opened")) < 4; i++) {
		if (i == 2000)
			return qmac_fail(err, QMAC_INTERNAL, "the others wait");
		nanosleep(&pause, NULL);
	}
	return qmac_fuzz_reference.open(NULL, hw, options, stalls, backend, err);
}

static void test_slow(void)
{
	uint64_t rng = test_seed();
	struct qmac_hw hw[4];
	struct qmac_fuzz_options options = {
		.target = {open_slow, NULL}, .seed = test_random(&rng) >> 1, .configs = 4, .commands = 400, .hw = hw,
		.hw_count = 4, .kind = QMAC_FUZZ_LEGAL, .folder = test_folder(), .jobs = 2,
	};
	struct seen seen = {.count = 0};
	struct qmac_error err;

	for (int i = 0; i < 4; i++) {
		qmac_fuzz_hw_small(&rng, &hw[i]);
		hw[i].clock_mhz = i + 1;
	}
	CU_ASSERT_EQUAL(qmac_fuzz_run(&options, on_result, &seen, &err), QMAC_OK);
	CU_ASSERT(seen.count == 4 && seen.out_of_order == 0 && seen.commands[0] == 100);
}

/* Memory as slow as a hardware file may say: a command takes millions of cycles, which is no difference. */
static void test_slow_memory(void)
{
	uint64_t rng = test_seed();
	struct qmac_fuzz_options options = {
		.target = qmac_fuzz_reference, .seed = test_random(&rng) >> 1, .configs = 1, .commands = 3000,
		.kind = QMAC_FUZZ_LEGAL, .folder = test_folder(), .jobs = 1, .hw_count = 1,
	};
	struct qmac_fuzz_result result;
	struct qmac_hw hw;

	qmac_fuzz_hw_small(&rng, &hw);
	hw.bus_bytes = 8;
	hw.burst_beats = hw.outstanding = 1;
	hw.dram_latency = hw.dram_miss = hw.dram_turnaround = 65535;
	CU_ASSERT_EQUAL(qmac_hw_check(&hw, NULL, NULL), QMAC_OK);
	options.hw = &hw;
	qmac_fuzz_configuration(&options, 0, &result);
	if (result.status)
		printf("\n    %s ", result.err.message);
	CU_ASSERT(result.status == QMAC_OK && result.commands == 3000);
}

/* A process that dies is one configuration that failed; a stop ends the run. */
static void test_ends(void)
{
	volatile sig_atomic_t stop = 1;
	enum fault fault = FAULT_CRASH;
	uint64_t rng = test_seed();
	struct qmac_fuzz_options options = options_of(&fault, QMAC_FUZZ_LEGAL, test_random(&rng) >> 1);
	struct seen seen = {.count = 0};
	struct qmac_error err;

	options.configs = 3;
	CU_ASSERT_EQUAL(qmac_fuzz_run(&options, on_result, &seen, &err), QMAC_INTERNAL);
	CU_ASSERT_STRING_EQUAL(err.message, "3 of 3 configurations failed");
	CU_ASSERT(seen.count == 3 && seen.status[1] == QMAC_INTERNAL);
	CU_ASSERT(seen.seeds[0] == options.seed && seen.seeds[1] != 0 && seen.seeds[2] != seen.seeds[1]);
	options.stop = &stop;
	CU_ASSERT_EQUAL(qmac_fuzz_run(&options, on_result, &seen, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_STRING_EQUAL(err.message, "stopped after 0 of 3 configurations");
}

static volatile sig_atomic_t stopped;

/* A build that a signal ends; *context: is the run to be stopped, too? */
static enum qmac_status open_unbuilt(void *context, const struct qmac_hw *hw,
                                     const struct qmac_device_options *options, uint64_t stalls,
                                     struct qmac_backend **backend, struct qmac_error *err)
{
	(void)hw;
	(void)options;
	(void)stalls;
	*backend = NULL;
	stopped = *(const bool *)context;
	return qmac_fail(err, QMAC_CHECK_FAILED, "stopped while building");
}

/* Where no device is there yet, nothing differs; one that was stopped half-way does not count as whole. */
static void test_stopped_build(void)
{
	bool stops = false;
	enum fault none = FAULT_NONE;
	uint64_t rng = test_seed();
	struct qmac_fuzz_options options = options_of(&none, QMAC_FUZZ_LEGAL, test_random(&rng) >> 1);
	struct qmac_fuzz_result result;
	struct seen seen = {.count = 0};
	struct qmac_error err;

	options.target = (struct qmac_fuzz_target){open_unbuilt, &stops};
	options.stop = &stopped;
	qmac_fuzz_configuration(&options, 0, &result);
	CU_ASSERT(result.status == QMAC_INTERNAL && !result.reproduced && !result.trace[0]);
	CU_ASSERT_STRING_EQUAL(result.err.message, "stopped while building");
	stops = true;
	qmac_fuzz_configuration(&options, 0, &result);
	CU_ASSERT(result.status == QMAC_OK && result.commands == 0 && !result.err.message[0]);
	/* Each configuration has a process of its own: the stop of that one only shows in what it played. */
	stopped = 0;
	CU_ASSERT_EQUAL(qmac_fuzz_run(&options, on_result, &seen, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_STRING_EQUAL(err.message, "stopped after 0 of 1 configurations");
	CU_ASSERT(seen.count == 1 && seen.status[0] == QMAC_OK);
}

/* The folder of traces is no afterthought. */
static void test_folder_first(void)
{
	enum fault fault = FAULT_DIGEST;
	uint64_t rng = test_seed();
	struct qmac_fuzz_options options = options_of(&fault, QMAC_FUZZ_LEGAL, test_random(&rng) >> 1);
	struct seen seen = {.count = 0};
	struct qmac_error err;
	char folder[QMAC_FUZZ_PATH_MAX];

	options.folder = "/proc/qmac-test";
	CU_ASSERT_EQUAL(qmac_fuzz_run(&options, on_result, &seen, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "/proc/qmac-test"));
	/* The folder alone would fit. */
	memset(folder, 'f', sizeof folder - 1);
	folder[sizeof folder - 20] = 0;
	options.folder = folder;
	CU_ASSERT_EQUAL(qmac_fuzz_run(&options, on_result, &seen, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "too long"));
	CU_ASSERT_EQUAL(seen.count, 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"planted faults are found and made small", test_planted},
		{"configurations side by side", test_run},
		{"a slow configuration", test_slow},
		{"slow memory", test_slow_memory},
		{"a crash, a stop", test_ends},
		{"a build that is stopped", test_stopped_build},
		{"the folder comes first", test_folder_first},
	};

	return test_main("test_fuzz", cases, TEST_COUNT(cases));
}
