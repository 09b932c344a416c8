/* Ring order: the engines work side by side as far as what they wait for and the memory let them. */
#include <stdio.h>
#include <stdlib.h>

#include "isa/command.h"
#include "lower/program.h"
#include "race/race.h"
#include "test.h"
#include "time/clock.h"

enum { SIDE = 16, HALF = 256, CHUNKS = 24, COMMANDS_MAX = 1000 };


/* What every chunk of a product does: a panel of A and of W into one half, passes over them, a STORE. */
struct work {
	const char *bound;       /* what should be busy all the time */
	unsigned engine;
	uint32_t slots, passes;  /* rows of A, each streamed `passes` times */
	int chunks_per_tile;
	int queue_depth, bus_bytes;
	double most;             /* cycles, at most so many times those of that engine alone */
};

static const struct work works[] = {
	{"array, deep queues", QMAC_ENGINE_EXECUTE, 64, 8, 2, 8, 32, 1.06},
	{"array", QMAC_ENGINE_EXECUTE, 64, 8, 2, 2, 32, 1.06},
	{"array, no queues", QMAC_ENGINE_EXECUTE, 64, 8, 2, 1, 32, 1.06},
	{"array, many short passes", QMAC_ENGINE_EXECUTE, 32, 16, 1, 2, 64, 1.07},
	{"LOAD", QMAC_ENGINE_LOAD, 64, 2, 8, 2, 16, 1.18},
	{"LOAD, no queues", QMAC_ENGINE_LOAD, 64, 2, 8, 1, 16, 1.18},
	{"LOAD, deep queues", QMAC_ENGINE_LOAD, 64, 2, 8, 8, 16, 1.18},
};

static struct qmac_hw hardware(const struct work *work)
{
	return (struct qmac_hw){
		.rows = SIDE, .cols = SIDE, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 4096,
		.a_depth = 2 * HALF, .w_depth = 2 * HALF, .acc_depth = 2 * HALF, .bus_bytes = work->bus_bytes,
		.burst_beats = 16, .outstanding = 8, .queue_depth = work->queue_depth, .lut_bits = 8, .lut_ports = 1,
		.clock_mhz = 1000, .dram_latency = 30, .dram_bytes_per_cycle = 64 * 256, .dram_banks = 16,
		.dram_row_bytes = 2048, .dram_miss = 20, .dram_turnaround = 8,
	};
}

static struct qmac_command move(unsigned opcode, unsigned space, uint32_t row, uint32_t rows, uint64_t base)
{
	unsigned container = space == QMAC_SPACE_ACC ? QMAC_CONTAINER_WORD : QMAC_CONTAINER_BYTE;

	return (struct qmac_command){
		.opcode = opcode, .space = space, .row = row, .n0 = rows, .n1 = 1, .n2 = 1, .hi0 = rows - 1, .ds0 = 1,
		.s0 = (uint32_t)SIDE << container, .base = base, .len = SIDE, .container = container, .is_signed = 1,
		.nbits = space <= QMAC_SPACE_W ? 8 : 0, .coalesce = 1,
	};
}

static void add(struct qmac_program *program, struct qmac_command command)
{
	command.tag = (uint32_t)qmac_program_count(program);
	CU_ASSERT_EQUAL_FATAL(qmac_program_add(program, &command, NULL, NULL, NULL), QMAC_OK);
}

/* Chunk by chunk: as one would write it down. */
static void add_chunks(struct qmac_program *program, const struct work *work)
{
	for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
		uint32_t half = chunk % 2 * HALF, tile = chunk / (uint32_t)work->chunks_per_tile;
		bool first = chunk % (uint32_t)work->chunks_per_tile == 0;

		add(program, move(QMAC_OPCODE_LOAD, QMAC_SPACE_A, half, work->slots, chunk * 4096));
		add(program, move(QMAC_OPCODE_LOAD, QMAC_SPACE_W, half, work->passes * SIDE, 1 << 20 | chunk * 4096));
		for (uint32_t pass = 0; pass < work->passes; pass++)
			add(program, (struct qmac_command){
				.opcode = QMAC_OPCODE_GEMM, .a = half, .w = half + pass * SIDE, .c = tile % 2 * HALF,
				.n0 = work->slots, .n1 = 1, .n2 = 1, .as0 = 1, .cs0 = 1, .k = SIDE, .n = SIDE,
				.accumulate = !first || pass > 0,
			});
		if ((chunk + 1) % (uint32_t)work->chunks_per_tile == 0)
			add(program, move(QMAC_OPCODE_STORE, QMAC_SPACE_ACC, tile % 2 * HALF, work->slots,
			                  2 << 20 | tile * 16384));
	}
}

static uint64_t cycles(const struct qmac_hw *hw, const struct qmac_command *commands, uint32_t count)
{
	struct qmac_clock *clock;
	uint64_t now;

	CU_ASSERT_EQUAL_FATAL(qmac_clock_create(hw, NULL, NULL, 0, &clock, NULL), QMAC_OK);
	qmac_clock_doorbell(clock, count, 4 << 20, QMAC_RING_LOG2_MAX);
	for (uint32_t i = 0; i < count; i++) {
		const struct qmac_clock_work work = qmac_clock_work_of(hw, &commands[i]);

		(void)qmac_clock_push(clock, &work, NULL);
	}
	qmac_clock_drain(clock);
	now = qmac_clock_now(clock);
	qmac_clock_destroy(clock);
	return now;
}

/* What one engine needs for its commands if it waits for nobody. */
static uint64_t alone(const struct qmac_hw *hw, const struct qmac_command *ring, uint32_t count,
                      unsigned engine)
{
	static struct qmac_command commands[COMMANDS_MAX];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (qmac_command_engine(ring[i].opcode) == engine) {
			struct qmac_command *c = &commands[kept++];

			*c = ring[i];
			c->wait_mask = c->wait_load = c->wait_exec = c->wait_store = 0;
		}
	return cycles(hw, commands, kept);
}

static int by_tag(const void *a, const void *b)
{
	const struct qmac_command *x = a, *y = b;

	return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static void check_work(const struct work *work)
{
	static struct qmac_command ring[COMMANDS_MAX];
	const uint16_t given[3] = {0};
	const struct qmac_hw hw = hardware(work);
	struct qmac_program *program = qmac_program_create(&hw);
	struct qmac_race race;
	uint64_t merged, in_program_order, bound;
	uint32_t count;

	add_chunks(program, work);
	count = (uint32_t)qmac_program_count(program);
	CU_ASSERT_FATAL(count <= COMMANDS_MAX);
	CU_ASSERT_EQUAL_FATAL(qmac_program_compile(program, NULL, 0, NULL), QMAC_OK);
	qmac_program_list(program, given, ring);
	CU_ASSERT_EQUAL(qmac_race_check(&hw, ring, count, &race, NULL), QMAC_OK);
	merged = cycles(&hw, ring, count);
	bound = alone(&hw, ring, count, work->engine);
	qsort(ring, count, sizeof *ring, by_tag); /* every wait is right in program order, too */
	CU_ASSERT_EQUAL(qmac_race_check(&hw, ring, count, &race, NULL), QMAC_OK);
	in_program_order = cycles(&hw, ring, count);
	printf("\n    %-26s %6llu cycles, alone %6llu: %.3f; in program order %.3f ", work->bound,
	       (unsigned long long)merged, (unsigned long long)bound, (double)merged / (double)bound,
	       (double)in_program_order / (double)bound);
	CU_ASSERT((double)merged <= work->most * (double)bound);
	CU_ASSERT(merged <= in_program_order);
	if (work->engine == QMAC_ENGINE_EXECUTE && work->queue_depth <= 2)
		CU_ASSERT(10 * merged < 9 * in_program_order);
	qmac_program_destroy(program);
}

static void test_engines_do_not_starve(void)
{
	for (int i = 0; i < TEST_COUNT(works); i++)
		check_work(&works[i]);
}

/* The same program, the same order. */
static void test_same_again(void)
{
	static struct qmac_command rings[2][COMMANDS_MAX];
	const uint16_t given[3] = {1, 2, 3};
	uint32_t count = 0;

	for (int i = 0; i < 2; i++) {
		const struct qmac_hw hw = hardware(&works[1]);
		struct qmac_program *program = qmac_program_create(&hw);

		add_chunks(program, &works[1]);
		count = (uint32_t)qmac_program_count(program);
		CU_ASSERT_EQUAL_FATAL(qmac_program_compile(program, NULL, 0, NULL), QMAC_OK);
		qmac_program_list(program, given, rings[i]);
		qmac_program_destroy(program);
	}
	for (uint32_t i = 0; i < count; i++)
		CU_ASSERT_EQUAL(rings[0][i].tag, rings[1][i].tag);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"engines do not starve", test_engines_do_not_starve},
		{"the same program, the same order", test_same_again},
	};

	return test_main("test_lower_order", cases, TEST_COUNT(cases));
}
