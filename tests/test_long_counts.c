/*
 * Streams in which an engine passes 2^16 commands, in values: through the driver and the devices, recorded,
 * cut, replayed, and from programs that are submitted over and over. Their cycles: test_time_long.c.
 *
 * QMAC_TEST_BACKEND names the device of the first two tests, cmodel where it is not set; tests/lockstep.sh
 * takes lockstep.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cosim/open.h"
#include "fuzz/cut.h"
#include "isa/command.h"
#include "lower/sequence.h"
#include "reference/bench.h"
#include "shipped_hw.h"
#include "test.h"
#include "trace/trace.h"

enum { ENGINES = 3, LOAD = QMAC_ENGINE_LOAD, EXECUTE = QMAC_ENGINE_EXECUTE, STORE = QMAC_ENGINE_STORE };
enum { WRAP = 1 << 16, LENGTH = 70000, OTHERS = 8192, COMMANDS_MAX = LENGTH + 4 * OTHERS, RING_LOG2 = 12 };
/* Of device memory, in words: what a LOAD must not leave behind; what it takes, and what STOREs leave. */
enum { JUNK = 0, INPUTS = 2, OUTPUTS = INPUTS + OTHERS, WORDS = OUTPUTS + OTHERS };

static const char *backend_name(void)
{
	const char *name = getenv("QMAC_TEST_BACKEND");

	return name ? name : "cmodel";
}

/* ---- the stream ---------------------------------------------------------------------------------- */

/*
 * Row 0 of ACC counts: each VEC of EXECUTE adds 1, or row 1, which a LOAD brought before it; STOREs write
 * what it has come to. Every command waits for all that were given before it, so the values of memory say
 * whether each wait was for what it counts.
 */
struct stream {
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_buffer data;
	uint32_t given[ENGINES], retired[ENGINES];
	uint16_t tag[ENGINES][COMMANDS_MAX];           /* of the commands in their order, and when they retired */
	uint64_t start[ENGINES][COMMANDS_MAX], cycle[ENGINES][COMMANDS_MAX];
	uint32_t seen;                                 /* commands that began to execute, and their descriptors */
	uint32_t words[COMMANDS_MAX][QMAC_COMMAND_WORDS];
	int32_t value, expected[OTHERS];
	int others, wrong;
};

static struct stream streams[2];

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct stream *s = context;
	unsigned e = record->engine;

	if (e >= ENGINES)
		return;
	s->wrong += record->tag != s->tag[e][s->retired[e]];
	s->start[e][s->retired[e]] = record->start;
	s->cycle[e][s->retired[e]++] = record->cycle;
}

static void on_command(void *context, struct qmac_device *device, const uint32_t words[QMAC_COMMAND_WORDS])
{
	struct stream *s = context;

	(void)device;
	if (s->seen < COMMANDS_MAX)
		memcpy(s->words[s->seen], words, QMAC_COMMAND_BYTES);
	s->seen++;
}

static void give(struct stream *s, struct qmac_command command)
{
	unsigned e = qmac_command_engine(command.opcode);

	command.wait_mask = 7;
	command.wait_load = s->given[LOAD] % WRAP;
	command.wait_exec = s->given[EXECUTE] % WRAP;
	command.wait_store = s->given[STORE] % WRAP;
	command.tag = (s->given[LOAD] + s->given[EXECUTE] + s->given[STORE]) % WRAP;
	s->tag[e][s->given[e]++] = (uint16_t)command.tag;
	s->wrong += qmac_driver_submit(s->driver, &command, NULL) != QMAC_OK;
}

static void move(struct stream *s, unsigned opcode, uint32_t row, int word)
{
	give(s, (struct qmac_command){
		.opcode = opcode, .base = s->data.address + 4 * (uint64_t)word, .row = row, .n0 = 1, .n1 = 1, .n2 = 1,
		.len = 1, .container = QMAC_CONTAINER_WORD, .is_signed = 1, .space = QMAC_SPACE_ACC,
	});
}

/* Adds row 1 of ACC, or 1, to row 0. */
static void add(struct stream *s, bool row)
{
	give(s, (struct qmac_command){
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
		.s1space = row ? QMAC_SPACE_ACC : QMAC_SPACE_IMM, .src1 = row ? 1 : 0, .imm = row ? 0 : 1,
		.mult = 1, .bw = 32, .n1 = 1, .n0 = 1, .lanes = 1,
	});
}

static int32_t input(int i)
{
	return 1000 + i % 77;
}

/* A number comes in, is added, and the sum goes out. */
static void exchange(struct stream *s)
{
	move(s, QMAC_OPCODE_LOAD, 1, INPUTS + s->others);
	add(s, true);
	s->value += input(s->others);
	s->expected[s->others] = s->value;
	move(s, QMAC_OPCODE_STORE, 0, OUTPUTS + s->others);
	s->others++;
}

/* LENGTH commands of one engine, an exchange now and then, and all the time where its count wraps. */
static void run(struct stream *s, unsigned engine)
{
	for (int i = 0; i < LENGTH; i++) {
		if (engine == EXECUTE) {
			add(s, false);
			s->value++;
		} else {
			move(s, engine == LOAD ? QMAC_OPCODE_LOAD : QMAC_OPCODE_STORE, engine == LOAD, JUNK);
		}
		if (i % 100 == 99 || (s->given[engine] + 20) % WRAP < 40)
			exchange(s);
	}
	CU_ASSERT_EQUAL(qmac_driver_finish(s->driver, NULL), QMAC_OK);
}

static void open_driver(struct stream *s, const struct qmac_hw *hw)
{
	static int32_t image[WORDS];

	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(s->backend, hw, RING_LOG2, &s->driver, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_allocate(s->driver, sizeof image, &s->data, NULL), QMAC_OK);
	image[JUNK] = -1000000;
	for (int i = 0; i < OTHERS; i++)
		image[INPUTS + i] = input(i);
	qmac_driver_upload(s->driver, s->data, 0, image, sizeof image);
}

static struct qmac_device_options options_of(struct stream *s)
{
	memset(s, 0, sizeof *s);
	return (struct qmac_device_options){.memory_bytes = 1 << 20, .on_retire = on_retire, .context = s};
}

static void check_values(struct stream *s)
{
	static int32_t image[OTHERS];
	int wrong = 0;

	qmac_driver_download(s->driver, s->data, 4 * OUTPUTS, image, sizeof image);
	for (int i = 0; i < s->others; i++)
		wrong += image[i] != s->expected[i];
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(s->wrong, 0);
	for (unsigned e = 0; e < ENGINES; e++)
		CU_ASSERT_EQUAL(s->retired[e], s->given[e]);
}

static void test_values(unsigned engine)
{
	const struct qmac_lockstep_settings settings = {.timed = strcmp(backend_name(), "lockstep") == 0};
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	struct stream *s = &streams[0];
	const struct qmac_device_options options = options_of(s);
	struct qmac_error err = {0};

	if (qmac_cosim_open(backend_name(), &hw, &options, &settings, &s->backend, &err)) {
		printf("\n%s ", err.message);
		CU_FAIL_FATAL("the backend does not open");
	}
	open_driver(s, &hw);
	run(s, engine);
	check_values(s);
	CU_ASSERT(s->given[engine] > WRAP + 2000);
	qmac_driver_close(s->driver);
	qmac_backend_destroy(s->backend);
}

static void test_execute(void)
{
	test_values(EXECUTE);
}

static void test_moves(void)
{
	test_values(LOAD);
	test_values(STORE);
}

/* ---- without values ------------------------------------------------------------------------------ */

static void test_time_only(void)
{
	static const char *const names[2] = {"cmodel", "time"};
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	uint64_t counters[2][QMAC_COUNTERS];

	for (int i = 0; i < 2; i++) {
		struct stream *s = &streams[i];
		const struct qmac_device_options options = options_of(s);

		CU_ASSERT_EQUAL_FATAL(qmac_backend_create(names[i], &hw, &options, &s->backend, NULL), QMAC_OK);
		open_driver(s, &hw);
		run(s, EXECUTE);
		qmac_driver_counters(s->driver, counters[i]);
		CU_ASSERT_EQUAL(s->wrong, 0);
		qmac_driver_close(s->driver);
		qmac_backend_destroy(s->backend);
	}
	CU_ASSERT_EQUAL(counters[0][QMAC_COUNTER_CYCLES], counters[1][QMAC_COUNTER_CYCLES]);
	CU_ASSERT_EQUAL(counters[0][QMAC_COUNTER_COMMANDS], counters[1][QMAC_COUNTER_COMMANDS]);
	CU_ASSERT(memcmp(streams[0].retired, streams[1].retired, sizeof streams[0].retired) == 0);
	CU_ASSERT(memcmp(streams[0].start, streams[1].start, sizeof streams[0].start) == 0);
	CU_ASSERT(memcmp(streams[0].cycle, streams[1].cycle, sizeof streams[0].cycle) == 0);
}

/* ---- traces -------------------------------------------------------------------------------------- */

static uint32_t wait_of(const uint32_t words[QMAC_COMMAND_WORDS], unsigned e)
{
	return (e == LOAD ? words[1] : e == EXECUTE ? words[1] >> 16 : words[2]) & 0xFFFF;
}

/* How many of the first `count` commands of `from` each engine has. */
static void count_engines(uint32_t from[][QMAC_COMMAND_WORDS], uint64_t count, uint32_t counts[ENGINES])
{
	memset(counts, 0, ENGINES * sizeof *counts);
	for (uint64_t i = 0; i < count; i++) {
		unsigned e = qmac_command_engine(from[i][0] & 15);

		if (e < ENGINES)
			counts[e]++;
	}
}

/* A command waits for the latest of each engine: in a trace, too, of those which it still has. */
static void check_waits(const struct qmac_trace *trace)
{
	uint32_t given[ENGINES] = {0};
	int wrong = 0;

	for (size_t i = 0; i < trace->command_count; i++) {
		const uint32_t *words = trace->commands[i].words;
		unsigned engine = qmac_command_engine(words[0] & 15);

		if (engine >= ENGINES)
			continue;
		for (unsigned e = 0; e < ENGINES; e++)
			wrong += wait_of(words, e) != given[e] % WRAP;
		given[engine]++;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Written, read and played; on the device of QMAC_TEST_BACKEND, too. */
static void check_plays(const struct qmac_trace *trace)
{
	const struct qmac_lockstep_settings settings = {.timed = strcmp(backend_name(), "lockstep") == 0};
	const struct qmac_backend_source source = qmac_cosim_source(&settings);
	const struct qmac_replay replay = {.backend = backend_name(), .timed = true, .source = &source};
	struct qmac_trace *again = NULL;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_trace_write(trace, test_path("long.trace"), &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_trace_read(test_path("long.trace"), &again, &err), QMAC_OK);
	CU_ASSERT_EQUAL(again->command_count, trace->command_count);
	CU_ASSERT_EQUAL(again->first, trace->first);
	CU_ASSERT_EQUAL(qmac_trace_replay(again, &replay, NULL, NULL, &err), QMAC_OK);
	if (err.message[0])
		printf("\n%s ", err.message);
	qmac_trace_destroy(again);
}

/* From behind the wrap on; from 2^15 on and across it; and a window in which counts wrap themselves. */
static void test_traces(void)
{
	static const struct {
		struct qmac_trace_window window;
		uint32_t before, within; /* more commands of EXECUTE than that */
	} cases[] = {{{WRAP + 3333, 3000}, WRAP, 0}, {{40000, 30000}, WRAP / 2, WRAP / 4},
	             {{1234, WRAP + 3000}, 0, WRAP}};
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	struct stream *s = &streams[0];

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_recorder *recorder = qmac_recorder_create(&cases[i].window);
		struct qmac_device_options options = options_of(s);
		uint32_t before[ENGINES], within[ENGINES];
		const struct qmac_trace *trace;
		struct qmac_error err = {0};

		options.on_command = on_command;
		CU_ASSERT_EQUAL_FATAL(qmac_recorder_open(recorder, "cmodel", &hw, &options, NULL, &s->backend, &err),
		                      QMAC_OK);
		open_driver(s, &hw);
		run(s, EXECUTE);
		check_values(s);
		CU_ASSERT_EQUAL_FATAL(qmac_recorder_finish(recorder, &trace, &err), QMAC_OK);
		CU_ASSERT_EQUAL(trace->first, cases[i].window.from);
		CU_ASSERT_EQUAL_FATAL(trace->command_count, cases[i].window.count);
		count_engines(s->words, cases[i].window.from, before);
		count_engines(s->words + cases[i].window.from, cases[i].window.count, within);
		CU_ASSERT(before[EXECUTE] > cases[i].before && within[EXECUTE] > cases[i].within);
		check_waits(trace);
		check_plays(trace);
		qmac_driver_close(s->driver);
		qmac_backend_destroy(s->backend);
		qmac_recorder_destroy(recorder);
	}
}

/* ---- a trace of which a part is kept ------------------------------------------------------------- */

/* What the waits of a command are for: the first so many commands of each engine; 0: for nothing. */
struct awaited {
	uint32_t first[ENGINES];
};

/* A command of a random engine, which waits for some of the latest of each, or for one of long ago. */
static void add_command(struct qmac_trace *trace, uint64_t *rng, uint32_t given[ENGINES],
                        struct awaited *awaited)
{
	static const unsigned opcodes[4] = {QMAC_OPCODE_LOAD, QMAC_OPCODE_VEC, QMAC_OPCODE_VEC,
	                                    QMAC_OPCODE_STORE};
	struct qmac_command command = {.opcode = opcodes[test_random(rng) % 4], .wait_mask = 7};
	uint32_t *counts[ENGINES] = {&command.wait_load, &command.wait_exec, &command.wait_store};
	struct qmac_trace_command *added = qmac_trace_add_command(trace);

	CU_ASSERT_PTR_NOT_NULL_FATAL(added);
	for (unsigned e = 0; e < ENGINES; e++) {
		uint32_t behind = (uint32_t)test_random(rng) % (test_random(rng) % 4 ? 6 : WRAP / 2);

		*counts[e] = (given[e] - behind) % WRAP;
		awaited->first[e] = behind < given[e] ? given[e] - behind : 0;
	}
	qmac_command_encode(&command, added->words);
	given[qmac_command_engine(command.opcode)]++;
}

/* The waits of what is left are for the last commands that are left of those that were waited for. */
static int wrong_waits(const struct qmac_trace *trace, const struct qmac_trace *cut, const bool *keep,
                       const struct awaited *awaited)
{
	uint32_t *left[ENGINES], count[ENGINES] = {0};
	size_t kept = 0;
	int wrong = 0;

	for (unsigned e = 0; e < ENGINES; e++)
		left[e] = calloc(trace->command_count + 1, sizeof *left[e]);
	for (size_t i = 0; i < trace->command_count; i++) {
		unsigned engine = qmac_command_engine(trace->commands[i].words[0] & 15);

		for (unsigned e = 0; keep[i] && e < ENGINES; e++)
			wrong += awaited[i].first[e] &&
			         wait_of(cut->commands[kept].words, e) != left[e][awaited[i].first[e]] % WRAP;
		kept += keep[i];
		count[engine]++;
		left[engine][count[engine]] = left[engine][count[engine] - 1] + keep[i];
	}
	CU_ASSERT_EQUAL(cut->command_count, kept);
	for (unsigned e = 0; e < ENGINES; e++)
		free(left[e]);
	return wrong;
}

static void test_cut(void)
{
	enum { COUNT = 4 * WRAP };
	struct qmac_trace *trace = qmac_trace_create(), *cut;
	struct awaited *awaited = calloc(COUNT, sizeof *awaited);
	bool *keep = calloc(COUNT, sizeof *keep);
	const struct qmac_fuzz_keep what = {.commands = keep};
	uint32_t given[ENGINES] = {0};
	uint64_t rng = test_seed();

	CU_ASSERT_FATAL(trace && awaited && keep && qmac_trace_add_batch(trace));
	for (int i = 0; i < COUNT; i++) {
		add_command(trace, &rng, given, &awaited[i]);
		keep[i] = test_random(&rng) % 8 != 0;
	}
	CU_ASSERT(given[EXECUTE] > WRAP + WRAP / 2);
	cut = qmac_fuzz_trace_cut(trace, &what);
	CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
	CU_ASSERT_EQUAL(wrong_waits(trace, cut, keep, awaited), 0);
	qmac_trace_destroy(cut);
	qmac_trace_destroy(trace);
	free(awaited);
	free(keep);
}

/* ---- programs ------------------------------------------------------------------------------------ */

/* Rows of W and ACC that a program of three commands uses: a LOAD, a VEC behind it, a STORE behind that. */
static struct qmac_program *make_program(const struct qmac_hw *hw, struct qmac_buffer data, uint32_t row)
{
	struct qmac_program *program = qmac_program_create(hw);
	struct qmac_command part = {
		.opcode = QMAC_OPCODE_LOAD, .base = data.address + 64 * row, .row = row, .n0 = 1, .n1 = 1, .n2 = 1,
		.len = 1, .container = QMAC_CONTAINER_BYTE, .is_signed = 1, .space = QMAC_SPACE_W, .nbits = 8,
	};
	const struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dst = row, .src0 = row, .src1 = row, .mult = 1,
		.bw = 32, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_W, .n1 = 1,
		.n0 = 1, .lanes = 1,
	};

	CU_ASSERT_EQUAL_FATAL(qmac_program_add(program, &part, NULL, NULL, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_program_add(program, &vec, NULL, NULL, NULL), QMAC_OK);
	part.opcode = QMAC_OPCODE_STORE;
	part.space = QMAC_SPACE_ACC;
	part.container = QMAC_CONTAINER_WORD;
	part.nbits = 0;
	CU_ASSERT_EQUAL_FATAL(qmac_program_add(program, &part, NULL, NULL, NULL), QMAC_OK);
	return program;
}

/*
 * What a program loads is what it stored the last time: a single wait for the wrong command would show, for
 * commands of one device retire in a random order that their waits allow.
 */
static void check_programs(bool in_sequence)
{
	enum { TIMES = WRAP + 5000, ROWS = 3, BATCH = 300 };
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_program *programs[ROWS];
	uint64_t rng = test_seed();
	struct bench benches[2];

	for (int b = 0; b < 2; b++) {
		struct qmac_sequence sequence = {.driver = NULL};
		uint64_t order = test_seed();

		open_bench(&benches[b], &hw, b ? test_random(&rng) | 1 : 0, test_seed());
		sequence.driver = benches[b].driver;
		for (uint32_t r = 0; r < ROWS; r++) {
			const struct qmac_program *before[1];

			programs[r] = make_program(&hw, benches[b].data, in_sequence ? r : 0);
			before[0] = programs[r];
			CU_ASSERT_EQUAL(in_sequence ? qmac_sequence_compile(&sequence, programs[r], NULL)
			                            : qmac_program_compile(programs[r], before, 1, NULL), QMAC_OK);
		}
		for (int i = 0; i < TIMES; i++) {
			struct qmac_program *p = programs[in_sequence ? test_random(&order) % ROWS : 0];

			CU_ASSERT_EQUAL(in_sequence ? qmac_sequence_submit(&sequence, p, NULL)
			                            : qmac_program_submit(p, benches[b].driver, NULL), QMAC_OK);
			if (i % BATCH == 0)
				CU_ASSERT_EQUAL(qmac_driver_finish(benches[b].driver, NULL), QMAC_OK);
		}
		CU_ASSERT_EQUAL(qmac_driver_finish(benches[b].driver, NULL), QMAC_OK);
		for (int r = 0; r < ROWS; r++)
			qmac_program_destroy(programs[r]);
	}
	check_same(&benches[0], &benches[1], &hw);
	for (int b = 0; b < 2; b++)
		close_bench(&benches[b]);
}

static void test_programs(void)
{
	check_programs(false);
}

static void test_sequences(void)
{
	check_programs(true);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"values of EXECUTE", test_execute},
		{"traces from behind a wrap, and across one", test_traces},
		{"values of LOAD and STORE", test_moves},
		{"the device without values", test_time_only},
		{"a part of a trace", test_cut},
		{"a program that is replayed", test_programs},
		{"a sequence of programs", test_sequences},
	};
	bool whole = strcmp(backend_name(), "cmodel") == 0;

	return test_main("test_long_counts", cases, whole ? TEST_COUNT(cases) : 2);
}
