/* Traces: recorded, written, read, played, on the slow reference too. Malformed ones: test_trace_file.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/hw_file.h"
#include "config_files.h"
#include "reference/ref_device.h"
#include "reference/trace_mix.h"
#include "run/job.h"
#include "run/train.h"
#include "test.h"

enum { COMMANDS = 90 };

static const char *const corpus[] = {
	"traces/halp_8x8_w8.trace", "traces/lp_svrg_ragged.trace", "traces/mix_5x7.trace",
	"traces/vec_9x4.trace",
	"traces/halp_batch_8x8_w8.trace",
};

/* Plays and prints what went wrong. */
static enum qmac_status play(const struct qmac_trace *trace, const char *kernel, bool timed, uint64_t *cycles)
{
	const struct qmac_replay replay = {.backend = "cmodel", .kernel = kernel, .timed = timed};
	struct qmac_error err;
	enum qmac_status status = qmac_trace_replay(trace, &replay, NULL, cycles, &err);

	if (status)
		printf("\n    %s ", err.message);
	return status;
}

static struct qmac_trace *read_file(const char *file)
{
	struct qmac_trace *trace;
	struct qmac_error err;
	char text[1400];

	if (qmac_trace_read(file, &trace, &err)) {
		printf("\n    %s ", qmac_error_text(&err, text, sizeof text));
		CU_FAIL_FATAL("read");
	}
	return trace;
}

/* The whole file, ended by NUL; to be freed. */
static char *text_of(const char *file, size_t *size)
{
	FILE *stream = fopen(file, "rb");
	char *text = calloc(1, 1 << 22);

	if (!stream || !text)
		CU_FAIL_FATAL("file");
	*size = fread(text, 1, (1 << 22) - 1, stream);
	fclose(stream);
	return text;
}

/* Written, read and written again, a trace has the same text. */
static void check_text(const struct qmac_trace *trace)
{
	char file[2][300], *text[2];
	struct qmac_trace *again;
	struct qmac_error err;
	size_t size[2];

	for (int i = 0; i < 2; i++)
		snprintf(file[i], sizeof file[i], "%s/%d.trace", test_folder(), i);
	CU_ASSERT_EQUAL_FATAL(qmac_trace_write(trace, file[0], &err), QMAC_OK);
	again = read_file(file[0]);
	CU_ASSERT_EQUAL_FATAL(qmac_trace_write(again, file[1], &err), QMAC_OK);
	CU_ASSERT_EQUAL(play(again, NULL, true, NULL), QMAC_OK);
	qmac_trace_destroy(again);
	for (int i = 0; i < 2; i++)
		text[i] = text_of(file[i], &size[i]);
	CU_ASSERT(size[0] == size[1] && memcmp(text[0], text[1], size[0]) == 0);
	free(text[0]);
	free(text[1]);
}

/* ---- the reference -------------------------------------------------------------- */

static uint64_t reference_digest(const struct ref_device *ref, const struct qmac_trace *trace)
{
	uint64_t digest = 0, ring = trace->ring_base, ring_end = ring + ((uint64_t)64 << trace->ring_log2);

	for (uint64_t at = 0; at < ref->memory_bytes; at++)
		if ((at < ring || at >= ring_end) && ref->memory[at])
			digest += ref_digest(4, at, 0, ref->memory[at]);
	return digest;
}

static bool same_record(const struct qmac_retire *r, const struct ref_record *expected)
{
	return r->number == expected->number && r->engine == expected->engine && r->opcode == expected->opcode &&
	       r->tag == expected->tag && r->acc_saturations == expected->acc_saturations &&
	       r->requant_saturations == expected->requant_saturations &&
	       r->container_saturations == expected->container_saturations &&
	       r->magnitudes == expected->magnitudes && r->digest == expected->digest;
}

/* The interpreter of the tests, which knows nothing of recording, finds what the trace expects. */
static void check_reference(const struct qmac_trace *trace)
{
	struct ref_device ref;
	size_t batch = 0, differences = 0;

	CU_ASSERT_TRUE_FATAL(ref_device_init(&ref, &trace->hw, trace->memory_bytes));
	ref.mem_base = trace->mem_base;
	ref.mem_size = trace->mem_size;
	for (size_t i = 0; i < trace->row_count; i++)
		for (int lane = 0; lane < ref_width(&trace->hw, trace->rows[i].space); lane++)
			ref_poke(&ref, trace->rows[i].space, trace->rows[i].row, lane,
			         trace->values[trace->rows[i].first + (size_t)lane]);
	for (size_t i = 0; i < trace->command_count; i++) {
		struct ref_record record;
		bool done;

		for (; batch < trace->batch_count && trace->batches[batch].first_command == i; batch++) {
			bool last = batch + 1 == trace->batch_count;
			size_t end = last ? trace->bytes_count : trace->batches[batch + 1].first_bytes;

			for (size_t b = trace->batches[batch].first_bytes; b < end; b++)
				memcpy(ref.memory + trace->bytes[b].address, trace->bytes[b].data, trace->bytes[b].count);
		}
		done = ref_execute(&ref, trace->commands[i].words, &record);
		if (done)
			differences += !same_record(&trace->commands[i].expected, &record);
		else
			differences += trace->fault != ref.fault || i + 1 != trace->command_count;
	}
	CU_ASSERT_EQUAL(differences, 0);
	CU_ASSERT_EQUAL(ref.fault, trace->fault);
	CU_ASSERT_EQUAL(reference_digest(&ref, trace), trace->memory_digest);
	ref_device_free(&ref);
}

static void test_corpus(void)
{
	static const char *const kernels[] = {"scalar", "auto"};

	for (int i = 0; i < TEST_COUNT(corpus); i++) {
		struct qmac_trace *trace = read_file(corpus[i]);
		size_t size;

		for (int k = 0; k < 2; k++)
			CU_ASSERT_EQUAL(play(trace, kernels[k], false, NULL), QMAC_OK);
		check_reference(trace);
		free(text_of(corpus[i], &size));
		CU_ASSERT(size < 100000);
		qmac_trace_destroy(trace);
	}
}

/* ---- random windows of random programs ------------------------------------------- */

static void test_windows(void)
{
	uint64_t rng = test_seed();
	int faults = 0, middles = 0, writes = 0;

	for (int i = 0; i < 60; i++) {
		struct trace_mix mix = {
			.seed = test_random(&rng), .commands = COMMANDS, .damage = i % 2, .interfere = i % 3 == 0,
		};
		struct qmac_recorder *recorder;
		const struct qmac_trace *trace;
		struct qmac_error err;

		mix.window.from = test_random(&rng) % (COMMANDS / 2);
		mix.window.count = 1 + (uint32_t)(test_random(&rng) % COMMANDS);
		recorder = trace_mix_run(&mix);
		if (qmac_recorder_finish(recorder, &trace, &err) == QMAC_OK) {
			check_text(trace);
			check_reference(trace);
			CU_ASSERT(mix.damage || trace->command_count == mix.window.count ||
			          trace->command_count == COMMANDS - mix.window.from);
			faults += trace->fault != QMAC_FAULT_NONE;
			middles += trace->row_count > 0;
			writes += trace->bytes_count > trace->batches[trace->batch_count > 1].first_bytes;
		} else { /* the run ended by an error before its window */
			CU_ASSERT(mix.damage && strstr(err.message, "none from"));
		}
		qmac_recorder_destroy(recorder);
	}
	CU_ASSERT(faults > 0 && middles > 10 && writes > 10);
}

/* From reset on, a trace has the cycles of the run. */
static void test_cycles(void)
{
	uint64_t rng = test_seed();

	for (int i = 0; i < 20; i++) {
		struct qmac_retire records[COMMANDS];
		const struct trace_mix mix = {
			.seed = test_random(&rng), .commands = COMMANDS, .window = {0, COMMANDS}, .records = records,
		};
		struct qmac_recorder *recorder = trace_mix_run(&mix);
		const struct qmac_trace *trace;
		struct qmac_error err;
		int differences = 0;

		CU_ASSERT_EQUAL_FATAL(qmac_recorder_finish(recorder, &trace, &err), QMAC_OK);
		CU_ASSERT_EQUAL(trace->command_count, COMMANDS);
		for (int n = 0; n < COMMANDS; n++)
			differences += trace->commands[n].expected.start != records[n].start ||
			               trace->commands[n].expected.cycle != records[n].cycle;
		CU_ASSERT_EQUAL(differences, 0);
		qmac_recorder_destroy(recorder);
	}
}

/* ---- differences ------------------------------------------------------------------- */

/* Expects that the trace fails at that line with these words. */
static void check_difference(const struct qmac_trace *trace, bool timed, int line, const char *part)
{
	const struct qmac_replay replay = {.backend = "cmodel", .timed = timed};
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_trace_replay(trace, &replay, NULL, NULL, &err), QMAC_CHECK_FAILED);
	check_error(&err, trace->file, line, line ? 1 : 0, part);
}

static void test_differences(void)
{
	struct qmac_trace *trace = read_file(corpus[0]);
	struct qmac_trace_command *c = &trace->commands[7];
	const struct qmac_trace_command good = *c;
	uint32_t *first = trace->commands[0].words;

#define PLANT(member, timed, part) \
	c->expected.member ^= 1; \
	check_difference(trace, timed, c->line, "command 7: " part); \
	*c = good
	PLANT(engine, false, "engine: expected LOAD, got EXECUTE: VEC ");
	PLANT(opcode, false, "opcode: expected SYNC, got VEC: VEC ");
	PLANT(tag, false, "tag: expected 49153, got 49152: VEC ");
	PLANT(acc_saturations, false, "ACC saturations: expected 1, got 0: ");
	PLANT(requant_saturations, false, "requantise saturations: expected ");
	PLANT(container_saturations, false, "container saturations: expected 1, got 0: ");
	PLANT(digest, false, "digest: expected ");
	PLANT(start, true, "start cycle: expected ");
	PLANT(cycle, true, "retire cycle: expected ");
	c->expected.start ^= 1;
	CU_ASSERT_EQUAL(play(trace, NULL, false, NULL), QMAC_OK);
	*c = good;
	trace->bytes[0].data[0] ^= 1; /* loaded by the first command */
	check_difference(trace, false, trace->commands[0].line, "command 0: digest: expected ");
	trace->bytes[0].data[0] ^= 1;
	trace->memory_digest ^= 1;
	check_difference(trace, false, trace->end_line, "memory: expected digest ");
	trace->memory_digest ^= 1;
	trace->fault = QMAC_FAULT_RANGE;
	check_difference(trace, false, trace->commands[trace->command_count - 1].line,
	                 "expected error RANGE, got its retirement: ");
	trace->fault = QMAC_FAULT_NONE;
	first[15] = 1;
	check_difference(trace, false, trace->commands[0].line,
	                 "the device stopped at command 0 with error RESERVED");
	first[15] = 0;
	CU_ASSERT_EQUAL(play(trace, NULL, false, NULL), QMAC_OK);
	qmac_trace_destroy(trace);
}

/* The state in front of a window matters: without a row of it the trace must fail. */
static void test_rows_matter(void)
{
	struct qmac_trace *trace = read_file(corpus[1]);
	int differences = 0;

	CU_ASSERT(trace->row_count > 3 && trace->first > 0);
	for (size_t i = 0; i < trace->row_count; i++) {
		uint64_t *value = &trace->values[trace->rows[i].first];
		const struct qmac_replay replay = {.backend = "cmodel"};
		struct qmac_error err;

		*value ^= 1;
		differences += qmac_trace_replay(trace, &replay, NULL, NULL, &err) == QMAC_CHECK_FAILED;
		*value ^= 1;
	}
	CU_ASSERT(differences > 3);
	qmac_trace_destroy(trace);
}

/* ---- trainings --------------------------------------------------------------------- */

struct run {
	const char *every;               /* checkpoint.every */
	struct qmac_recorder *recorder;
	struct qmac_train_result result;
};

static enum qmac_status open_recorder(void *context, const char *name, const struct qmac_hw *hw,
                                      const struct qmac_device_options *options,
                                      struct qmac_backend **backend, struct qmac_error *err)
{
	return qmac_recorder_open(((struct run *)context)->recorder, name, hw, options, NULL, backend, err);
}

static void train(struct run *run)
{
	const struct qmac_setting settings[] = {
		{"samples", "20", "test"}, {"features", "13", "test"}, {"informative", "3", "test"},
		{"inner_steps", "7", "test"}, {"epochs", "4", "test"}, {"option", "II", "test"},
		{"algorithm", "lp_svrg", "test"}, {"checkpoint.every", run->every ? run->every : "1", "test"},
	};
	const struct qmac_train_observer observer = {
		.context = run, .open = run->recorder ? open_recorder : NULL,
	};
	struct qmac_run_config config;
	struct qmac_error err;
	struct qmac_hw hw;

	CU_ASSERT_EQUAL_FATAL(qmac_run_config_load(&config, "configs/run/fig1.yaml", settings,
	                                           TEST_COUNT(settings), &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_hw_load(&hw, "configs/hw/ragged.yaml", &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_train(&config.run, &hw, &observer, &run->result, &err), QMAC_OK);
}

/*
 * Recording changes nothing; every window of a training plays, and the whole one takes its cycles, unless it
 * is cut off where the device is reset.
 */
static void check_training(const char *every)
{
	struct run plain = {.every = every};
	bool resets = strcmp(every, "0") != 0;
	uint64_t commands, cycles;
	int cut = 0;

	train(&plain);
	commands = plain.result.last.counters[QMAC_COUNTER_COMMANDS];
	CU_ASSERT(commands > 100);
	for (uint64_t from = 0; from < commands; from += from < 6 ? 1 : 17) {
		const struct qmac_trace_window window = {from, from ? 20 : 1000};
		struct run run = {.every = every, .recorder = qmac_recorder_create(&window)};
		const struct qmac_trace *trace;
		struct qmac_error err;

		train(&run);
		CU_ASSERT_EQUAL(memcmp(run.result.last.counters, plain.result.last.counters,
		                       sizeof plain.result.last.counters), 0);
		CU_ASSERT_EQUAL(memcmp(run.result.weights, plain.result.weights,
		                       (size_t)plain.result.weight_count * sizeof(double)), 0);
		CU_ASSERT_EQUAL_FATAL(qmac_recorder_finish(run.recorder, &trace, &err), QMAC_OK);
		CU_ASSERT_EQUAL(trace->first, from);
		check_reference(trace);
		CU_ASSERT_EQUAL(play(trace, NULL, true, &cycles), QMAC_OK);
		CU_ASSERT(from || resets || (trace->command_count == commands &&
		                             cycles == plain.result.last.counters[QMAC_COUNTER_CYCLES]));
		cut += trace->command_count < (from ? 20 : commands) && from + trace->command_count < commands;
		qmac_recorder_destroy(run.recorder);
		free(run.result.weights);
	}
	CU_ASSERT(resets ? cut > 1 && cut < 10 : cut == 0);
	free(plain.result.weights);
}

static void test_training(void)
{
	check_training("0");
	check_training("1");
}

/* A window that the run never comes to; files that cannot be; backends that are not there. */
static void test_refusals(void)
{
	const struct qmac_trace_window window = {1000000, 5};
	struct run run = {.recorder = qmac_recorder_create(&window)};
	const struct qmac_replay replay = {.backend = "abacus"};
	struct qmac_trace *corpus_trace;
	const struct qmac_trace *trace;
	struct qmac_error err;

	train(&run);
	CU_ASSERT_EQUAL(qmac_recorder_finish(run.recorder, &trace, &err), QMAC_BAD_INPUT);
	CU_ASSERT(!trace && strstr(err.message, "none from 1000000 on"));
	qmac_recorder_destroy(run.recorder);
	free(run.result.weights);
	CU_ASSERT_EQUAL(qmac_trace_write_probe("nowhere/x.trace", &err), QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(qmac_trace_write_probe("/", &err), QMAC_BAD_INPUT);
	corpus_trace = read_file(corpus[0]);
	CU_ASSERT_EQUAL(qmac_trace_replay(corpus_trace, &replay, NULL, NULL, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "unknown backend") != NULL);
	qmac_trace_destroy(corpus_trace);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"the corpus plays, on the reference too", test_corpus},
		{"windows of random programs", test_windows},
		{"from reset on the cycles are those of the run", test_cycles},
		{"planted differences", test_differences},
		{"the state in front of a window matters", test_rows_matter},
		{"recording a training changes nothing", test_training},
		{"what cannot be recorded or played", test_refusals},
	};

	return test_main("test_trace", cases, TEST_COUNT(cases));
}
