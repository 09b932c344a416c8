/* Programs: waits against the race checker, order against the commands run one by one, replays, patches. */
#include "lower/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/commands.h"
#include "fuzz/hardware.h"
#include "in_turn.h"
#include "isa/command.h"
#include "lower/sequence.h"
#include "race/race.h"
#include "reference/bench.h"
#include "reference/recording_backend.h"
#include "test.h"

enum { COMMANDS_MAX = 400, COPIES = 3 };

static uint64_t state;
/* ---- helpers --------------------------------------------------------------------- */

static const struct qmac_hw small = {
	.rows = 4, .cols = 4, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 256, .a_depth = 32,
	.w_depth = 32, .acc_depth = 32, .bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .queue_depth = 2,
	.lut_bits = 5, .lut_ports = 1, .clock_mhz = 500, .dram_latency = 20, .dram_bytes_per_cycle = 2048,
	.dram_banks = 8, .dram_row_bytes = 2048,
};

/* `rows` rows of four bytes between memory and a scratchpad. */
static struct qmac_command move(unsigned opcode, unsigned space, uint32_t row, uint32_t rows, uint64_t base)
{
	return (struct qmac_command){
		.opcode = opcode, .space = space, .row = row, .n0 = rows, .n1 = 1, .n2 = 1, .hi0 = rows - 1, .ds0 = 1,
		.s0 = 4, .base = base, .len = 4, .nbits = space <= QMAC_SPACE_W ? 8 : 0,
	};
}

/* ACC rows from `to` on are A rows from `from` on, times 1. */
static struct qmac_command copy(uint32_t to, uint32_t from, uint32_t rows)
{
	return (struct qmac_command){
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_A,
		.s1space = QMAC_SPACE_IMM, .dst = to, .src0 = from, .n0 = rows, .n1 = 1, .d0 = 1, .a0 = 1, .lanes = 4,
		.bw = 16, .mult = 1,
	};
}

static void add(struct qmac_program *program, struct qmac_command command)
{
	CU_ASSERT_EQUAL_FATAL(qmac_program_add(program, &command, NULL, NULL, NULL), QMAC_OK);
}

/* Appends the program to a ring: `given` counts on. */
static void append(const struct qmac_program *program, uint16_t given[3], struct qmac_command *ring,
                   uint32_t *count)
{
	uint32_t begin = *count;

	qmac_program_list(program, given, ring + begin);
	*count += (uint32_t)qmac_program_count(program);
	for (uint32_t i = begin; i < *count; i++)
		given[qmac_command_engine(ring[i].opcode)]++;
}

static void check_race_free(const struct qmac_hw *hw, const struct qmac_command *ring, uint32_t count)
{
	struct qmac_race race;
	struct qmac_error err;
	enum qmac_status status = qmac_race_check(hw, ring, count, &race, &err);

	if (status != QMAC_OK)
		printf("\n%s ", err.message);
	CU_ASSERT_EQUAL(status, QMAC_OK);
}

static int bits(uint32_t mask)
{
	return (int)((mask & 1) + (mask >> 1 & 1) + (mask >> 2 & 1));
}

/* ---- directed ---------------------------------------------------------------------- */

static void test_waits(void)
{
	struct qmac_program *program = qmac_program_create(&small);
	struct qmac_command ring[8];
	uint16_t given[3] = {0};
	uint32_t count = 0;

	add(program, move(QMAC_OPCODE_LOAD, QMAC_SPACE_A, 0, 2, 0));
	add(program, move(QMAC_OPCODE_LOAD, QMAC_SPACE_A, 2, 2, 64));
	add(program, copy(0, 0, 2));
	add(program, copy(2, 2, 2));
	add(program, move(QMAC_OPCODE_STORE, QMAC_SPACE_ACC, 0, 4, 128));
	add(program, move(QMAC_OPCODE_LOAD, QMAC_SPACE_A, 16, 2, 128));
	CU_ASSERT_EQUAL_FATAL(qmac_program_compile(program, NULL, 0, NULL), QMAC_OK);
	append(program, given, ring, &count);
	check_race_free(&small, ring, count);
	CU_ASSERT_EQUAL(count, 6);
	for (uint32_t i = 0; i < count; i++) {
		const struct qmac_command *c = &ring[i];

		if (c->opcode == QMAC_OPCODE_STORE) {
			CU_ASSERT(c->wait_mask == 2 && c->wait_exec == 2); /* it is enough to wait for the second VEC */
		} else if (c->opcode == QMAC_OPCODE_VEC) {
			CU_ASSERT(c->wait_mask == 1 && c->wait_load == (c->dst ? 2 : 1));
		} else if (c->row == 16) {
			CU_ASSERT(c->wait_mask == 4 && c->wait_store == 1);
		} else {
			CU_ASSERT_EQUAL(c->wait_mask, 0);
		}
	}
	qmac_program_destroy(program);
}

/* Turns: of the command behind them alone, and of engines that were given something. */
static void test_turns(void)
{
	struct qmac_program *program = qmac_program_create(&small);
	struct qmac_command ring[4];
	uint32_t count = 0, stores = 0;
	uint16_t given[3] = {0};

	qmac_program_turn(program, QMAC_ENGINE_STORE);
	add(program, move(QMAC_OPCODE_LOAD, QMAC_SPACE_A, 0, 2, 0));
	add(program, move(QMAC_OPCODE_STORE, QMAC_SPACE_ACC, 0, 2, 128));
	qmac_program_turn(program, QMAC_ENGINE_LOAD);
	add(program, move(QMAC_OPCODE_STORE, QMAC_SPACE_ACC, 2, 2, 256));
	add(program, move(QMAC_OPCODE_STORE, QMAC_SPACE_ACC, 4, 2, 384));
	CU_ASSERT_EQUAL_FATAL(qmac_program_compile(program, NULL, 0, NULL), QMAC_OK);
	append(program, given, ring, &count);
	for (uint32_t i = 0; i < count; i++) {
		stores += ring[i].opcode == QMAC_OPCODE_STORE;
		CU_ASSERT_EQUAL(ring[i].wait_mask, ring[i].opcode == QMAC_OPCODE_STORE && stores == 2);
	}
	qmac_program_destroy(program);
}

static void test_refusals(void)
{
	struct qmac_program *program = qmac_program_create(&small);
	struct qmac_command command = {.opcode = QMAC_OPCODE_SYNC};
	struct qmac_error err;

	add(program, copy(0, 0, 1));
	CU_ASSERT_EQUAL(qmac_program_add(program, &command, NULL, NULL, &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, "command 1 of a program is a SYNC: what the host waits for has to "
	                                    "stand between two programs");
	command = copy(31, 0, 2);
	CU_ASSERT_EQUAL(qmac_program_add(program, &command, NULL, NULL, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "command 1 of a program would be refused by the device "
	                                           "(RANGE): VEC"));
	CU_ASSERT_EQUAL(qmac_program_count(program), 1);
	qmac_program_destroy(program);
}

/* ---- random programs ----------------------------------------------------------------- */

/* A random program and the commands it was made of. */
struct random_program {
	struct qmac_program *program;
	struct qmac_command commands[COMMANDS_MAX];
	struct qmac_hull hulls[COMMANDS_MAX]; /* bytes 0: none */
	int64_t index[COMMANDS_MAX];
	uint32_t count;
};

static bool moves(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_LOAD || c->opcode == QMAC_OPCODE_STORE;
}

/* First byte and number of bytes, holes included, that a move touches. */
static uint64_t extent(const struct qmac_command *c, uint64_t *first)
{
	*first = (c->base + (uint64_t)c->lo1 * c->s1 + (uint64_t)c->lo0 * c->s0) & 0xFFFFFFFFFFFF;
	return (uint64_t)(c->n2 - 1) * c->s2 + (uint64_t)(c->hi1 - c->lo1) * c->s1 +
	       (uint64_t)(c->hi0 - c->lo0) * c->s0 + ((uint64_t)c->len << c->container);
}

static void make(struct random_program *p, struct qmac_fuzz_program *source, uint32_t count, bool hulls)
{
	p->program = qmac_program_create(&source->hw);
	p->count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct qmac_command *c = &p->commands[i];
		struct qmac_hull *hull = &p->hulls[i];

		do
			qmac_fuzz_command(source, c);
		while (c->opcode == QMAC_OPCODE_SYNC);
		*hull = (struct qmac_hull){0, 0};
		if (hulls && moves(c) && test_random(&state) % 2) {
			uint64_t first, bytes = extent(c, &first), end = first + bytes;

			hull->first = first - test_random(&state) % (first - source->data_base + 1) % 256;
			hull->bytes = end - hull->first;
			hull->bytes += test_random(&state) % (source->data_base + source->data_bytes - end + 1) % 256;
		}
		CU_ASSERT_EQUAL_FATAL(qmac_program_add(p->program, c, hull->bytes ? hull : NULL, &p->index[i], NULL),
		                      QMAC_OK);
	}
}

/* Moves what has a hull somewhere else within it, in the program and in the list. */
static void patch(struct random_program *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		struct qmac_command *c = qmac_program_command(p->program, p->index[i]);

		if (c->opcode == QMAC_OPCODE_VEC && c->rnd == QMAC_ROUND_STOCHASTIC && c->op != QMAC_OP_EQ)
			c->seed = p->commands[i].seed = (uint32_t)test_random(&state);
		if (p->hulls[i].bytes) {
			uint64_t first, bytes = extent(c, &first), unit = (uint64_t)1 << c->container;
			uint64_t down = (first - p->hulls[i].first) / unit;
			uint64_t up = (p->hulls[i].first + p->hulls[i].bytes - first - bytes) / unit;

			c->base += (test_random(&state) % (up + down + 1) - down) * unit;
			c->base &= 0xFFFFFFFFFFFF;
			p->commands[i].base = c->base;
		}
	}
}

static void random_source(struct qmac_fuzz_program *source)
{
	*source = (struct qmac_fuzz_program){.rng = test_random(&state), .data_base = 1 << 20};
	source->data_bytes = 4096 + test_random(&state) % 2 * (BENCH_DATA_BYTES - 4096);
	qmac_fuzz_hw(&state, &source->hw);
}

/* Taking out any one wait, of every copy alike, leaves a race. */
static void check_tight(const struct qmac_hw *hw, const struct qmac_command *ring, uint32_t begin,
                        uint32_t count, uint32_t total)
{
	static struct qmac_command changed[2 * COPIES * COMMANDS_MAX];
	struct qmac_race race;

	for (uint32_t i = begin; i < begin + count; i++)
		for (unsigned e = 0; e < 3; e++) {
			if (!(ring[i].wait_mask >> e & 1))
				continue;
			memcpy(changed, ring, total * sizeof *ring);
			for (uint32_t k = i; k < total; k += count) {
				uint32_t *waits[] = {&changed[k].wait_load, &changed[k].wait_exec, &changed[k].wait_store};

				changed[k].wait_mask &= ~(1U << e);
				*waits[e] = 0;
			}
			CU_ASSERT_EQUAL(qmac_race_check(hw, changed, total, &race, NULL), QMAC_CHECK_FAILED);
		}
}

/* One program alone, and three times back to back: race-free, and no wait too many. */
static void test_random_programs(void)
{
	int programs = 60, waits = 0, commands = 0;

	for (int i = 0; i < programs; i++) {
		static struct random_program p;
		static struct qmac_command ring[COPIES * COMMANDS_MAX];
		const struct qmac_program *before[1];
		struct qmac_fuzz_program source;
		uint16_t given[3] = {0};
		uint32_t count = 0;
		bool replayed = i % 3 > 0;

		random_source(&source);
		make(&p, &source, 1 + (uint32_t)(test_random(&state) % 60), false);
		before[0] = p.program;
		CU_ASSERT_EQUAL_FATAL(qmac_program_compile(p.program, before, replayed, NULL), QMAC_OK);
		for (int copies = 0; copies < (replayed ? COPIES : 1); copies++)
			append(p.program, given, ring, &count);
		check_race_free(&source.hw, ring, count);
		check_tight(&source.hw, ring, 0, p.count, count);
		for (uint32_t k = 0; k < p.count; k++)
			waits += bits(ring[k].wait_mask);
		commands += (int)p.count;
		qmac_program_destroy(p.program);
	}
	printf("%d waits of %d commands ", waits, commands);
	CU_ASSERT(waits > commands / 4);
}

/* ---- on a device ----------------------------------------------------------------------- */

/* Submits the commands of a program to a device, each to its end. */
static void submit_alone(struct random_program *p, struct bench *alone)
{
	for (uint32_t i = 0; i < p->count; i++) {
		struct qmac_command c = p->commands[i];

		c.wait_mask = c.wait_load = c.wait_exec = c.wait_store = 0;
		CU_ASSERT_EQUAL_FATAL(qmac_driver_submit(alone->driver, &c, NULL), QMAC_OK);
		CU_ASSERT_EQUAL_FATAL(qmac_driver_finish(alone->driver, NULL), QMAC_OK);
	}
}

/* Submits the program to one device, and its commands one by one to another. */
static void submit_both(struct random_program *p, struct bench *together, struct bench *alone)
{
	CU_ASSERT_EQUAL_FATAL(qmac_program_submit(p->program, together->driver, NULL), QMAC_OK);
	submit_alone(p, alone);
}

/*
 * A prologue, a body that is replayed with patches, an epilogue, and all of it once more: race-free, and in
 * any order of the engines that the waits allow the result is that of the commands one by one.
 */
static void test_replays(void)
{
	for (int i = 0; i < 40; i++) {
		static struct random_program prologue, body, epilogue;
		const struct qmac_program *before[2];
		const struct qmac_command *ring;
		struct qmac_fuzz_program source;
		struct bench together, alone;
		uint64_t seed = test_random(&state);
		uint32_t count;

		random_source(&source);
		open_bench(&together, &source.hw, test_random(&state), seed);
		open_bench(&alone, &source.hw, 0, seed);
		source.data_base = together.data.address;
		make(&prologue, &source, (uint32_t)(test_random(&state) % 30), true);
		make(&body, &source, 1 + (uint32_t)(test_random(&state) % 30), true);
		make(&epilogue, &source, (uint32_t)(test_random(&state) % 30), true);
		CU_ASSERT_EQUAL_FATAL(qmac_program_compile(prologue.program, NULL, 0, NULL), QMAC_OK);
		before[0] = prologue.program;
		before[1] = body.program;
		CU_ASSERT_EQUAL_FATAL(qmac_program_compile(body.program, before, 2, NULL), QMAC_OK);
		CU_ASSERT_EQUAL_FATAL(qmac_program_compile(epilogue.program, &before[1], 1, NULL), QMAC_OK);
		for (int again = 0; again < 2; again++) {
			submit_both(&prologue, &together, &alone);
			for (int copies = 0; copies < COPIES; copies++) {
				patch(&body);
				submit_both(&body, &together, &alone);
			}
			submit_both(&epilogue, &together, &alone);
			CU_ASSERT_EQUAL(qmac_driver_finish(together.driver, NULL), QMAC_OK);
			check_same(&together, &alone, &source.hw);
		}
		ring = recording_commands(together.backend, &count);
		check_race_free(&source.hw, ring, count);
		qmac_program_destroy(prologue.program);
		qmac_program_destroy(body.program);
		qmac_program_destroy(epilogue.program);
		close_bench(&together);
		close_bench(&alone);
	}
}

/* One command, to the device that runs everything together behind all that it was given. */
static void submit_stranger(struct qmac_fuzz_program *source, struct bench *together, struct bench *alone)
{
	struct qmac_command command;

	do
		qmac_fuzz_command(source, &command);
	while (command.opcode == QMAC_OPCODE_SYNC);
	command.wait_mask = command.wait_load = command.wait_exec = command.wait_store = 0;
	CU_ASSERT_EQUAL_FATAL(qmac_driver_submit(alone->driver, &command, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_finish(alone->driver, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(submit_in_turn(together->driver, command, NULL), QMAC_OK);
}

/* Programs in any order, strangers and waits of the host in between: as if each command ran alone. */
static void test_sequences(void)
{
	enum { PROGRAMS = 4, SUBMITTED = 25 };

	for (int i = 0; i < 30; i++) {
		static struct random_program programs[PROGRAMS];
		struct qmac_sequence sequence = {.driver = NULL};
		const struct qmac_command *ring;
		struct qmac_fuzz_program source;
		struct bench together, alone;
		uint64_t seed = test_random(&state);
		uint32_t count;

		random_source(&source);
		open_bench(&together, &source.hw, test_random(&state), seed);
		open_bench(&alone, &source.hw, 0, seed);
		source.data_base = together.data.address;
		sequence.driver = together.driver;
		for (int k = 0; k < PROGRAMS; k++) {
			make(&programs[k], &source, (uint32_t)(test_random(&state) % 12) + (k > 0), true);
			CU_ASSERT_EQUAL_FATAL(qmac_sequence_compile(&sequence, programs[k].program, NULL), QMAC_OK);
		}
		for (int k = 0; k < SUBMITTED; k++) {
			struct random_program *p = &programs[test_random(&state) % PROGRAMS];

			patch(p);
			CU_ASSERT_EQUAL_FATAL(qmac_sequence_submit(&sequence, p->program, NULL), QMAC_OK);
			submit_alone(p, &alone);
			if (test_random(&state) % 8 == 0)
				submit_stranger(&source, &together, &alone);
			if (test_random(&state) % 8 == 0)
				CU_ASSERT_EQUAL(qmac_driver_finish(together.driver, NULL), QMAC_OK);
		}
		CU_ASSERT_EQUAL(qmac_driver_finish(together.driver, NULL), QMAC_OK);
		check_same(&together, &alone, &source.hw);
		ring = recording_commands(together.backend, &count);
		check_race_free(&source.hw, ring, count);
		for (int k = 0; k < PROGRAMS; k++)
			qmac_program_destroy(programs[k].program);
		close_bench(&together);
		close_bench(&alone);
	}
}

/*
 * What a pair needs, and no more: a LOAD behind a program that reads another half of A goes ahead of its
 * VECs, but not of what stands before that program.
 */
static void test_pairs(void)
{
	struct qmac_sequence sequence = {.driver = NULL};
	struct qmac_program *reader = qmac_program_create(&small), *other = qmac_program_create(&small);
	const struct qmac_command *ring;
	struct bench bench;
	uint32_t count;

	open_bench(&bench, &small, 0, 1);
	sequence.driver = bench.driver;
	add(reader, copy(0, 0, 2)); /* reads rows 0 and 1 of A, bank 0 */
	add(reader, copy(2, 2, 2));
	add(reader, copy(4, 8, 2));
	add(other, move(QMAC_OPCODE_LOAD, QMAC_SPACE_A, 2, 2, bench.data.address));
	CU_ASSERT_EQUAL_FATAL(qmac_sequence_compile(&sequence, reader, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_sequence_compile(&sequence, other, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_sequence_submit(&sequence, reader, NULL), QMAC_OK); /* EXECUTE 1, 2, 3 */
	CU_ASSERT_EQUAL(qmac_sequence_submit(&sequence, other, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_sequence_submit(&sequence, other, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_sequence_submit(&sequence, reader, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_driver_finish(bench.driver, NULL), QMAC_OK);
	ring = recording_commands(bench.backend, &count);
	CU_ASSERT_EQUAL_FATAL(count, 9);
	CU_ASSERT(ring[3].opcode == QMAC_OPCODE_LOAD && ring[3].wait_exec == 2); /* the second VEC reads row 2 */
	CU_ASSERT(ring[4].opcode == QMAC_OPCODE_LOAD && ring[4].wait_exec == 3); /* all of the first reader */
	CU_ASSERT(ring[5].wait_load == 1 && ring[6].wait_load == 2 && ring[7].wait_mask == 0);
	check_race_free(&small, ring, count);
	qmac_program_destroy(reader);
	qmac_program_destroy(other);
	close_bench(&bench);
}

/*
 * More commands than counts can tell apart. The last VEC needs the last STORE, and the first LOAD, which is
 * too old to be named by then; LOADs and STOREs need nothing of each other.
 */
static void test_long(void)
{
	enum { MOVES = 70000, TOTAL = 2 * MOVES + 2 };
	struct qmac_program *program = qmac_program_create(&small);
	struct qmac_command *ring = calloc(COPIES * TOTAL, sizeof *ring);
	const struct qmac_program *before[1] = {program};
	uint16_t given[3] = {0};
	uint32_t count = 0, loads = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	add(program, move(QMAC_OPCODE_LOAD, QMAC_SPACE_A, 0, 1, 0));
	for (int i = 0; i < MOVES; i++) {
		add(program, move(QMAC_OPCODE_LOAD, QMAC_SPACE_W, 0, 1, 64));
		add(program, move(QMAC_OPCODE_STORE, QMAC_SPACE_ACC, 0, 1, 128));
	}
	add(program, copy(0, 0, 1));
	CU_ASSERT_EQUAL_FATAL(qmac_program_compile(program, before, 1, NULL), QMAC_OK);
	for (int copies = 0; copies < COPIES; copies++)
		append(program, given, ring, &count);
	check_race_free(&small, ring, count);
	for (uint32_t i = 0; i < TOTAL; i++) {
		loads += ring[i].opcode == QMAC_OPCODE_LOAD;
		if (ring[i].opcode != QMAC_OPCODE_VEC)
			continue;
		CU_ASSERT_EQUAL(ring[i].wait_mask, 5);
		CU_ASSERT_EQUAL(ring[i].wait_store, MOVES & 0xFFFF);
		CU_ASSERT(loads > 40000);
		CU_ASSERT_EQUAL(ring[i].wait_load, (uint16_t)(loads - 16383));
	}
	qmac_program_destroy(program);
	free(ring);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"waits of a small program", test_waits}, {"turns", test_turns},
		{"commands that are refused", test_refusals},
		{"random programs: race-free and tight", test_random_programs},
		{"replays with patches", test_replays},
		{"sequences in any order", test_sequences},
		{"the waits of a pair", test_pairs},
		{"more commands than counts tell apart", test_long},
	};

	state = test_seed();
	return test_main("test_lower_program", cases, TEST_COUNT(cases));
}
