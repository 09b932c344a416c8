#define _POSIX_C_SOURCE 200809L
/*
 * The fuzzer: streams are the same for the same seed, legal or refused as the slow reading of the
 * contract says, race-free; planted faults are found and made small; what is written plays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/cut.h"
#include "fuzz/fuzz.h"
#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "race/race.h"
#include "reference/faulty_backend.h"
#include "reference/ref_device.h"
#include "test.h"

enum { STREAMS = 200 };

static struct qmac_fuzz_stream make(const struct qmac_hw *hw, enum qmac_fuzz_kind kind, uint64_t seed,
                                    uint32_t most)
{
	struct qmac_fuzz_stream stream;
	struct qmac_error err;

	if (qmac_fuzz_stream_make(hw, kind, seed, most, &stream, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("stream");
	}
	return stream;
}

/* ---- streams ------------------------------------------------------------------------ */

static char *text_of(const struct qmac_trace *trace)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	qmac_trace_print(trace, out);
	fclose(out);
	return text;
}

static void test_same_seed(void)
{
	uint64_t rng = test_seed();
	int differ = 0;

	for (int i = 0; i < 30; i++) {
		enum qmac_fuzz_kind kind = (enum qmac_fuzz_kind)(i % QMAC_FUZZ_KINDS);
		uint64_t seed = test_random(&rng);
		struct qmac_fuzz_stream streams[3];
		struct qmac_hw hw;
		char *text[3];

		qmac_fuzz_hw_small(&rng, &hw);
		for (int k = 0; k < 3; k++) {
			streams[k] = make(&hw, kind, seed + (k == 2), QMAC_FUZZ_COMMANDS_MAX);
			text[k] = text_of(streams[k].trace);
		}
		CU_ASSERT_STRING_EQUAL(text[0], text[1]);
		CU_ASSERT(streams[0].fault == streams[1].fault && streams[0].retiring == streams[1].retiring);
		CU_ASSERT(streams[0].ring_register == streams[1].ring_register);
		differ += strcmp(text[0], text[2]) != 0;
		for (int k = 0; k < 3; k++) {
			free(text[k]);
			qmac_fuzz_stream_free(&streams[k]);
		}
	}
	CU_ASSERT_EQUAL(differ, 30);
}

/* The descriptors, judged by the slow reading; faults of the ring are the generator's word only. */
static void check_faults(const struct qmac_fuzz_stream *stream)
{
	const struct qmac_trace *t = stream->trace;
	uint32_t dispatched[3] = {0};

	for (size_t i = 0; i < stream->retiring; i++) {
		const uint32_t *words = t->commands[i].words;
		unsigned engine;

		CU_ASSERT_EQUAL(ref_fault(&t->hw, t->mem_base, t->mem_size, dispatched, words), QMAC_FAULT_NONE);
		engine = ref_engine(words[0] & 0xF);
		if (engine < 3)
			dispatched[engine]++;
	}
	if (stream->fault == QMAC_FAULT_NONE) {
		CU_ASSERT_EQUAL(stream->retiring, t->command_count);
	} else if (stream->fault != QMAC_FAULT_RING && stream->fault != QMAC_FAULT_BUS) {
		CU_ASSERT_EQUAL(ref_fault(&t->hw, t->mem_base, t->mem_size, dispatched,
		                          t->commands[stream->retiring].words), stream->fault);
	}
}

static void check_race_free(const struct qmac_fuzz_stream *stream)
{
	struct qmac_command *commands = qmac_fuzz_stream_decode(stream, stream->retiring);
	struct qmac_race race;
	struct qmac_error err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(commands);
	if (qmac_race_check(&stream->trace->hw, commands, (uint32_t)stream->retiring, &race, &err)) {
		puts(err.message);
		CU_FAIL("race");
	}
	free(commands);
}

/* Is command i one of the four before it, but for its waits, its tag and one word? */
static bool is_again(const struct qmac_trace *t, size_t i)
{
	for (size_t k = 1; k <= 4 && k <= i; k++) {
		const uint32_t *words = t->commands[i].words, *other = t->commands[i - k].words;
		int differ = (words[0] & 0xF) != (other[0] & 0xF);

		for (unsigned w = 3; w < QMAC_COMMAND_WORDS; w++)
			differ += words[w] != other[w];
		if (differ <= 1 && (words[0] & 0xF) != QMAC_OPCODE_SYNC)
			return true;
	}
	return false;
}

/* What VEC commands have that is worth counting. */
static struct {
	int all, affine, steps, sums, held, same, monitored, large, refused;
} vecs;

static void count_vec(const struct qmac_command *c, uint32_t magnitudes)
{
	bool row = c->op != QMAC_OP_LOOKUP && c->s1space != QMAC_SPACE_IMM;

	vecs.all++;
	vecs.affine += c->op == QMAC_OP_AFFINE;
	vecs.steps += c->coef_step && c->n1 > 1;
	vecs.sums += c->sum != 0;
	vecs.held += row && c->n0 > 1 && c->b0 == 0;
	vecs.same += row && c->s0space == c->s1space && c->src0 == c->src1;
	vecs.monitored += c->monitor != 0;
	vecs.large += magnitudes >= 1U << 31;
}

static void count_vecs(const struct qmac_fuzz_stream *stream, const struct qmac_fuzz_device *device)
{
	struct qmac_command command;

	for (size_t i = 0; i < stream->retiring; i++) {
		qmac_command_decode(stream->trace->commands[i].words, &command);
		if (command.opcode == QMAC_OPCODE_VEC)
			count_vec(&command, device->records[i].magnitudes);
	}
	if (stream->fault != QMAC_FAULT_RANGE && stream->fault != QMAC_FAULT_HAZARD)
		return;
	qmac_command_decode(stream->trace->commands[stream->retiring].words, &command);
	vecs.refused += command.opcode == QMAC_OPCODE_VEC && (command.op == QMAC_OP_AFFINE || command.sum);
}

static void test_streams(void)
{
	uint64_t rng = test_seed();
	int faults[16] = {0}, wraps = 0, turns = 0, behind = 0, opcodes[6] = {0}, commands = 0, again = 0;
	int full = 0, wide = 0;

	for (int i = 0; i < STREAMS; i++) {
		/* Every fault must come: most are malformed. */
		enum qmac_fuzz_kind kind = i % 5 < 2 ? (enum qmac_fuzz_kind)(i % 5) : QMAC_FUZZ_MALFORMED;
		uint32_t most = i % 4 ? QMAC_FUZZ_COMMANDS_MAX : 1 + (uint32_t)qmac_fuzz_below(&rng, 30);
		struct qmac_fuzz_device device;
		struct qmac_fuzz_stream stream;
		struct qmac_hw hw;

		qmac_fuzz_hw_small(&rng, &hw);
		CU_ASSERT_EQUAL(qmac_hw_check(&hw, NULL, NULL), QMAC_OK);
		stream = make(&hw, kind, test_random(&rng), most);
		CU_ASSERT(stream.trace->command_count >= 1 && stream.trace->command_count <= most);
		CU_ASSERT((stream.fault != QMAC_FAULT_NONE) == (kind == QMAC_FUZZ_MALFORMED));
		check_faults(&stream);
		check_race_free(&stream);
		/* The device must agree: comparing it with itself checks what the stream was made for. */
		CU_ASSERT_EQUAL_FATAL(qmac_fuzz_device_open(&device, &qmac_fuzz_reference, &hw, 0, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(qmac_fuzz_play(&device, &stream, false, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(qmac_fuzz_compare(&device, &device, &stream, NULL), QMAC_OK);
		if (kind != QMAC_FUZZ_TRAINING)
			count_vecs(&stream, &device);
		qmac_fuzz_device_close(&device);
		faults[stream.fault]++;
		wraps += stream.retiring > 1U << stream.trace->ring_log2;
		turns += stream.trace->batch_count > 2;
		behind += stream.fault && stream.retiring + 1 < stream.trace->command_count;
		for (size_t c = 0; c < stream.retiring; c++)
			opcodes[stream.trace->commands[c].words[0] & 0xF]++;
		for (size_t c = 0; kind != QMAC_FUZZ_TRAINING && c < stream.retiring; c++, commands++)
			again += is_again(stream.trace, c);
		full += hw.acc_bits <= hw.a_bits + hw.w_bits + 1 && hw.cols < 5;
		wide += hw.a_bits + hw.w_bits >= 27;
		qmac_fuzz_stream_free(&stream);
	}
	/* About a quarter; accumulators that few sums fill; products whose sums leave 32 bits. */
	CU_ASSERT(again > commands / 6 && again < commands / 2);
	CU_ASSERT(full > STREAMS / 10 && wide > STREAMS / 8);
	for (unsigned f = QMAC_FAULT_OPCODE; f <= QMAC_FAULT_RING; f++) {
		CU_ASSERT(faults[f] > 0);
		if (!faults[f])
			printf("\n    no stream with error %s ", qmac_code_name("FAULT", f));
	}
	for (unsigned opcode = QMAC_OPCODE_LOAD; opcode <= QMAC_OPCODE_SYNC; opcode++)
		CU_ASSERT(opcodes[opcode] > STREAMS);
	CU_ASSERT(vecs.affine > vecs.all / 8 && vecs.steps > vecs.all / 32 && vecs.sums > vecs.all / 16);
	CU_ASSERT(vecs.held > vecs.all / 16 && vecs.same > vecs.all / 16 && vecs.monitored > vecs.all / 2);
	CU_ASSERT(vecs.large > vecs.all / 64 && vecs.refused > 2);
	CU_ASSERT(wraps > STREAMS / 4 && turns > STREAMS / 4 && behind > STREAMS / 12);
}

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
	check_faults(&stream);
	check_race_free(&stream);
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
		{"same seed, same stream", test_same_seed},
		{"streams are what they are meant to be", test_streams},
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
