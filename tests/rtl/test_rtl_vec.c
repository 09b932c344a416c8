/*
 * VEC in Verilog with its scratchpads and table against the reference device: random commands, one after
 * the other in the first cycle that takes them, or with gaps and a look at the rows written after each.
 * Every command's retire cycle must be that of docs/timing.md, its magnitudes must be there with it, and one
 * cycle later all counters must be complete. In the end all of A, W and ACC must be equal.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../rtl/sim/unit.h"
#include "fuzz/commands.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "reference/ref_device.h"
#include "test.h"

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef ROWS
enum { ROWS = 8, COLS = 8, A_BITS = 8, W_BITS = 8, ACC_BITS = 32, A_DEPTH = 60, W_DEPTH = 62, ACC_DEPTH = 64,
       LUT_BITS = 6, LUT_PORTS = 3 };
#endif

/* Words of unit_vec.v; the descriptor stands at its own place. */
enum { IN_CONTROL = 0, IN_DATA = 1, VEC_FIRST = 3, VEC_LAST = 15 };
enum { OUT_CONTROL = 0, OUT_EVENTS, OUT_ROWS, OUT_DATA, OUT_MAGNITUDES = 5 };
enum { RESET_OFF = 1, VALID = 2, SPACE = 2, PORT_WRITE = 16, PORT_READ = 32, LANE = 8, ROW = 16 };
enum { READY = 1, RETIRE = 2, BUSY = 4, STATE = 7, MONITOR = 8 };

/* Looking at all of the largest scratchpads takes long. */
enum { BATCHES = A_DEPTH > 1000 ? 6 : 40, BATCH = 40, WRONG_SHOWN = 5, LONGEST = 65535, ATTEMPTS = 40 };

/* What commands have been seen to do. */
enum kind { SHARED, HELD, ONE_ROW, AFFINE, OTHER_COEFFICIENTS, SUMS, MONITORED, KINDS };

struct bench {
	struct unit *unit;
	struct ref_device device;
	struct qmac_fuzz_program program;
	uint64_t cycle;
	uint64_t counters[QMAC_COUNTERS]; /* as counted from the unit's ports */
	uint64_t seen[KINDS];             /* commands of each kind */
	int wrong;
};

static const struct qmac_hw hw = {
	.rows = ROWS, .cols = COLS, .a_bits = A_BITS, .w_bits = W_BITS, .acc_bits = ACC_BITS, .os_max = 256,
	.a_depth = A_DEPTH, .w_depth = W_DEPTH, .acc_depth = ACC_DEPTH, .bus_bytes = 8, .burst_beats = 1,
	.outstanding = 1, .queue_depth = 1, .lut_bits = LUT_BITS, .lut_ports = LUT_PORTS,
};

static uint64_t below(struct bench *b, uint64_t count)
{
	return (uint64_t)qmac_fuzz_below(&b->program.rng, (int64_t)count);
}

static void expect(struct bench *b, const char *what, uint64_t number, uint64_t got, uint64_t expected)
{
	if (got != expected && b->wrong++ < WRONG_SHOWN)
		printf("%s %llu: got %llu (0x%llx), expected %llu (0x%llx)\n", what, (unsigned long long)number,
		       (unsigned long long)got, (unsigned long long)got, (unsigned long long)expected,
		       (unsigned long long)expected);
}

/* One clock; counts what the unit shows in the cycle that ends. */
static void clock_cycle(struct bench *b)
{
	static const int rows[] = {
		QMAC_COUNTER_A_READS, QMAC_COUNTER_W_READS, QMAC_COUNTER_ACC_READS,
		QMAC_COUNTER_A_READS, QMAC_COUNTER_W_READS, QMAC_COUNTER_ACC_READS,
		QMAC_COUNTER_A_WRITES, QMAC_COUNTER_W_WRITES, QMAC_COUNTER_ACC_WRITES,
	};
	uint32_t events, row_bits;

	unit_settle(b->unit);
	events = unit_get(b->unit, OUT_EVENTS);
	row_bits = unit_get(b->unit, OUT_ROWS);
	b->counters[QMAC_COUNTER_REQUANT_SATURATIONS] += events & 0xFFFF;
	b->counters[QMAC_COUNTER_VEC_MULTS] += events >> 16;
	b->counters[QMAC_COUNTER_LUT_READS] += row_bits & 0xFFFF;
	for (int i = 0; i < TEST_COUNT(rows); i++)
		b->counters[rows[i]] += row_bits >> (16 + i) & 1;
	unit_clock(b->unit);
	b->cycle++;
}

/* ---- scratchpads ----------------------------------------------------------------- */

static void port(struct bench *b, int space, uint32_t row, uint32_t lane, uint32_t access)
{
	unit_set(b->unit, IN_CONTROL, RESET_OFF | (uint32_t)space << SPACE | lane << LANE | row << ROW | access);
	if (access)
		clock_cycle(b);
	else
		unit_settle(b->unit);
}

static void poke(struct bench *b, int space, uint32_t row, uint32_t lane, uint64_t value)
{
	ref_poke(&b->device, space, row, lane, value);
	unit_set(b->unit, IN_DATA, (uint32_t)value);
	unit_set(b->unit, IN_DATA + 1, (uint32_t)(value >> 32));
	port(b, space, row, lane, PORT_WRITE);
	unit_set(b->unit, IN_CONTROL, RESET_OFF);
}

static void compare_row(struct bench *b, int space, uint32_t row)
{
	uint64_t mask = UINT64_MAX >> (64 - ref_word_bits(&hw, space)), got;

	port(b, space, row, 0, PORT_READ);
	for (uint32_t lane = 0; lane < (uint32_t)ref_width(&hw, space); lane++) {
		port(b, space, row, lane, 0);
		got = unit_get(b->unit, OUT_DATA) | (uint64_t)unit_get(b->unit, OUT_DATA + 1) << 32;
		expect(b, "row", row, got, ref_peek(&b->device, space, row, lane) & mask);
	}
}

static void compare_all(struct bench *b)
{
	for (int space = 0; space <= (int)QMAC_SPACE_ACC; space++)
		for (uint32_t row = 0; row < (uint32_t)ref_depth(&hw, space); row++)
			compare_row(b, space, row);
}

/* Words of any size; in one of three fills at the ends, so that sums of them are as large as can be. */
static void fill(struct bench *b, int space)
{
	int bits = ref_word_bits(&hw, space), style = (int)below(b, 3);
	uint64_t mask = UINT64_MAX >> (64 - bits), sign = 1ULL << (bits - 1);

	for (uint32_t row = 0; row < (uint32_t)ref_depth(&hw, space); row++)
		for (uint32_t lane = 0; lane < (uint32_t)ref_width(&hw, space); lane++) {
			uint64_t value = qmac_fuzz_word(&b->program.rng) & mask;

			if (style == 0)
				value = below(b, 3) ? sign : sign - 1;
			poke(b, space, row, lane, value);
		}
}

/* ---- commands -------------------------------------------------------------------- */

/* Iterations in which both source rows are read, from one bank. */
static uint64_t shared_iterations(struct bench *b, const struct qmac_command *c)
{
	uint32_t half = (uint32_t)ref_depth(&hw, c->s0space) / 2;
	uint64_t shared = 0, same = 0;

	if (c->op == QMAC_OP_LOOKUP || c->s1space == QMAC_SPACE_IMM)
		return 0;
	for (uint32_t i1 = 0; i1 < c->n1; i1++)
		for (uint32_t i0 = 0; i0 < c->n0; i0++) {
			uint32_t row0 = c->src0 + i1 * c->a1 + i0 * c->a0, row1 = c->src1 + i1 * c->b1 + i0 * c->b0;

			if (c->s0space != c->s1space || (c->b0 == 0 && i0 > 0))
				continue;
			same += row0 == row1;
			shared += row0 != row1 && (row0 < half) == (row1 < half);
		}
	b->seen[HELD] += c->b0 == 0 && c->n0 > 1;
	b->seen[ONE_ROW] += same > 0;
	b->seen[SHARED] += shared > 0;
	return shared;
}

static bool has_sum(const struct qmac_command *c)
{
	return c->op != QMAC_OP_LOOKUP && c->s1space != QMAC_SPACE_IMM && c->sum && !c->red_rows && !c->red_lanes;
}

/* Cycles from start to retire. */
static uint64_t cycles_of(struct bench *b, const struct qmac_command *c)
{
	uint64_t cycles = (uint64_t)c->n1 * c->n0, stages = 0;

	while (c->red_lanes && 1 << stages < (ROWS > COLS ? ROWS : COLS))
		stages++;
	if (c->op == QMAC_OP_LOOKUP)
		cycles *= (COLS + LUT_PORTS - 1) / LUT_PORTS;
	cycles += shared_iterations(b, c);
	if (c->op == QMAC_OP_AFFINE)
		cycles += 3 * (c->coef_step ? c->n1 : 1);
	if (has_sum(c))
		cycles += c->n1;
	b->seen[AFFINE] += c->op == QMAC_OP_AFFINE;
	b->seen[OTHER_COEFFICIENTS] += c->coef_step && c->n1 > 1;
	b->seen[SUMS] += has_sum(c);
	b->seen[MONITORED] += c->monitor != 0;
	return cycles + QMAC_VEC_LATENCY + stages;
}

/* Is it a legal command for this device? */
static bool is_legal(const struct qmac_command *c)
{
	static const uint32_t none[3];
	uint32_t words[QMAC_COMMAND_WORDS];

	qmac_command_encode(c, words);
	return !ref_fault(&hw, 0, 0, none, words);
}

/* Makes more of a random command what seldom comes by itself, wherever that is legal. */
static void change(struct bench *b, struct qmac_command *c)
{
	if (c->op == QMAC_OP_LOOKUP || c->s1space == QMAC_SPACE_IMM)
		return;
	if (c->lanes > COLS)
		c->lanes = COLS;
	if (below(b, 2))
		c->b0 = 0;
	if (below(b, 4) == 0) {
		c->s1space = c->s0space;
		c->s1_unsigned = c->s0space != QMAC_SPACE_ACC && below(b, 2);
		c->src1 = c->src0;
		c->b0 = below(b, 4) ? c->a0 : 0;
		c->b1 = c->a1;
	}
	if (below(b, 2)) {
		c->op = QMAC_OP_AFFINE;
		c->mult = 0;
		c->l0 = 0;
		c->coef = (uint32_t)below(b, ACC_DEPTH);
		c->coef_step = (uint32_t)below(b, 2);
	}
	if (below(b, 2) && !c->red_rows && !c->red_lanes)
		c->sum = (uint32_t)below(b, ACC_DEPTH);
}

static void random_command(struct bench *b, struct qmac_command *c)
{
	struct qmac_command tried;

	qmac_fuzz_command_of(&b->program, QMAC_OPCODE_VEC, c);
	for (int i = 0; i < ATTEMPTS; i++) {
		tried = *c;
		if (i > ATTEMPTS / 2 && tried.n1 > 2)
			tried.n1 = 2; /* in few rows */
		change(b, &tried);
		if (is_legal(&tried)) {
			*c = tried;
			break;
		}
	}
	c->monitor = below(b, 4) ? (uint32_t)below(b, QMAC_MONITORS) : 0;
}

static void compare_counters(struct bench *b, uint64_t number)
{
	static const int compared[] = {
		QMAC_COUNTER_REQUANT_SATURATIONS, QMAC_COUNTER_VEC_MULTS, QMAC_COUNTER_LUT_READS,
		QMAC_COUNTER_A_READS, QMAC_COUNTER_W_READS, QMAC_COUNTER_ACC_READS,
		QMAC_COUNTER_A_WRITES, QMAC_COUNTER_W_WRITES, QMAC_COUNTER_ACC_WRITES,
	};

	for (int i = 0; i < TEST_COUNT(compared); i++)
		if (b->counters[compared[i]] != b->device.counters[compared[i]]) {
			printf("counter %d: ", compared[i]);
			expect(b, "after command", number, b->counters[compared[i]],
			       b->device.counters[compared[i]]);
		}
}

static void offer(struct bench *b, const struct qmac_command *c, uint32_t words[QMAC_COMMAND_WORDS])
{
	qmac_command_encode(c, words);
	for (int i = VEC_FIRST; i <= VEC_LAST; i++)
		unit_set(b->unit, i, words[i]);
	unit_set(b->unit, IN_DATA, c->monitor);
	unit_set(b->unit, IN_CONTROL, RESET_OFF | VALID);
}

/*
 * Offers a command in a cycle that must take it and watches it until it has retired; the reference
 * executes it.
 */
static void execute(struct bench *b, const struct qmac_command *c, uint64_t number)
{
	uint32_t words[QMAC_COMMAND_WORDS], control, magnitudes;
	struct ref_record record = {0};
	uint64_t retire = b->cycle + cycles_of(b, c);

	offer(b, c, words);
	ref_execute_vec(&b->device, words, &record);
	b->device.counters[QMAC_COUNTER_REQUANT_SATURATIONS] += record.requant_saturations;
	unit_settle(b->unit);
	expect(b, "ready for command", number, unit_get(b->unit, OUT_CONTROL) & STATE, READY);
	clock_cycle(b);
	/* The next command, already waiting: the unit must keep its own. */
	for (int i = VEC_FIRST; i <= VEC_LAST; i++)
		unit_set(b->unit, i, (uint32_t)qmac_fuzz_random(&b->program.rng));
	unit_set(b->unit, IN_DATA, (uint32_t)qmac_fuzz_random(&b->program.rng));
	do {
		unit_settle(b->unit);
		control = unit_get(b->unit, OUT_CONTROL);
		expect(b, "busy with command", number, control & (READY | BUSY), BUSY);
		if (control & RETIRE || b->cycle == retire)
			unit_set(b->unit, IN_CONTROL, RESET_OFF);
		magnitudes = unit_get(b->unit, OUT_MAGNITUDES);
		clock_cycle(b);
	} while (!(control & RETIRE) && b->cycle <= retire);
	expect(b, "retire cycle of command", number, b->cycle - 1, retire);
	expect(b, "retired command", number, control & RETIRE, RETIRE);
	expect(b, "monitor of command", number, control >> MONITOR & 127, c->monitor);
	expect(b, "magnitudes of command", number, magnitudes, record.magnitudes);
}

/* The rows between the first and the last that a command writes, and its sums. */
static void compare_written(struct bench *b, const struct qmac_command *c)
{
	uint32_t last = c->dst + (c->n1 - 1) * c->d1 + (c->n0 - 1) * c->d0;

	for (uint32_t row = c->dst; row <= last; row++)
		compare_row(b, (int)c->dspace, row);
	for (uint32_t i1 = 0; has_sum(c) && i1 < c->n1; i1++)
		compare_row(b, QMAC_SPACE_ACC, c->sum + i1);
}

/* One command by itself, and what it left. */
static void run_alone(struct bench *b, const struct qmac_command *c, uint64_t number)
{
	execute(b, c, number);
	clock_cycle(b);
	compare_counters(b, number);
	compare_written(b, c);
}

static void run_batch(struct bench *b, int batch)
{
	for (uint64_t number = 0; number < BATCH; number++) {
		struct qmac_command c;

		random_command(b, &c);
		execute(b, &c, number);
		if (batch % 2 == 0)
			continue;
		for (uint64_t gap = 1 + below(b, 4); gap > 0; gap--)
			clock_cycle(b);
		compare_counters(b, number);
		compare_written(b, &c);
	}
	clock_cycle(b);
	compare_counters(b, BATCH);
	compare_all(b);
}

/* ---- tests ----------------------------------------------------------------------- */

static void reset(struct bench *b)
{
	unit_set(b->unit, IN_CONTROL, 0);
	for (int i = 0; i < 3; i++)
		clock_cycle(b);
	unit_set(b->unit, IN_CONTROL, RESET_OFF);
}

static void create(struct bench *b)
{
	memset(b, 0, sizeof *b);
	b->unit = unit_create();
	CU_ASSERT_TRUE_FATAL(ref_device_init(&b->device, &hw, 4096));
	b->program = (struct qmac_fuzz_program){.hw = hw, .rng = test_seed(), .data_bytes = 4096};
	reset(b);
	memset(b->counters, 0, sizeof b->counters);
	for (int space = 0; space <= (int)QMAC_SPACE_LUT; space++)
		fill(b, space);
}

static void destroy(struct bench *b)
{
	ref_device_free(&b->device);
	unit_destroy(b->unit);
}

static void runs_random_commands(void)
{
	static struct bench b;

	create(&b);
	for (int batch = 0; batch < BATCHES && b.wrong == 0; batch++) {
		fill(&b, batch % 4);
		run_batch(&b, batch);
	}
	printf("%d x %d: %llu cycles, %llu saturations; shared banks, a held row, one row for both, "
	       "coefficients, more of them, sums, a monitor in:", ROWS, COLS, (unsigned long long)b.cycle,
	       (unsigned long long)b.counters[QMAC_COUNTER_REQUANT_SATURATIONS]);
	for (int kind = 0; kind < KINDS; kind++) {
		printf(" %llu", (unsigned long long)b.seen[kind]);
		CU_ASSERT_TRUE(b.seen[kind] > 0);
	}
	printf("\n");
	CU_ASSERT_EQUAL(b.wrong, 0);
	CU_ASSERT_TRUE(b.counters[QMAC_COUNTER_REQUANT_SATURATIONS] > 0);
	destroy(&b);
}

/* The largest sums there are: every x at or near the end of 64 bits, in as many rows as one loop has. */
static void sums_most_rows(void)
{
	static struct bench b;

	create(&b);
	for (int i = 0; i < 3; i++) {
		struct qmac_command c = {
			.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .n0 = LONGEST, .n1 = 1, .l0 = 31,
			.mult = i & 1 ? 131071 : -131072, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM,
			.dspace = QMAC_SPACE_ACC, .dst = 1, .bw = ACC_BITS < 63 ? ACC_BITS : 63, .red_rows = 1,
			.red_lanes = i > 0, .lanes = COLS < 5 ? COLS : 5,
		};

		for (uint32_t lane = 0; lane < c.lanes; lane++)
			poke(&b, QMAC_SPACE_ACC, 0, lane, 1ULL << (ACC_BITS - 1));
		run_alone(&b, &c, (uint64_t)i);
	}
	CU_ASSERT_EQUAL(b.wrong, 0);
	destroy(&b);
}

/* The longest sums of results there are, every one at the lowest or highest end. */
static void writes_longest_sums(void)
{
	static struct bench b;

	create(&b);
	for (int end = 0; end < 2 && (int)A_DEPTH > LONGEST; end++) {
		struct qmac_command c = {
			.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MAX, .n0 = LONGEST, .n1 = 1, .mult = 1,
			.s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC, .dspace = QMAC_SPACE_A, .d0 = 1,
			.bw = ACC_BITS < 63 ? ACC_BITS : 63, .lanes = 1, .nbits = 2, .sum = 1, .monitor = 127,
		};

		poke(&b, QMAC_SPACE_ACC, 0, 0, end ? (1ULL << (ACC_BITS - 1)) - 1 : 1ULL << (ACC_BITS - 1));
		run_alone(&b, &c, (uint64_t)end);
	}
	CU_ASSERT_EQUAL(b.wrong, 0);
	destroy(&b);
}

/* A reset leaves the unit ready and nothing on its way; what writes late has not written. */
static void reset_at_work(struct bench *b, const struct qmac_command *c, uint64_t after, bool writes_late)
{
	uint32_t words[QMAC_COMMAND_WORDS];

	offer(b, c, words);
	clock_cycle(b);
	unit_set(b->unit, IN_CONTROL, RESET_OFF);
	for (uint64_t i = 0; i < after; i++)
		clock_cycle(b);
	reset(b);
	if (writes_late)
		compare_written(b, c);
	memcpy(b->counters, b->device.counters, sizeof b->counters);
	unit_settle(b->unit);
	expect(b, "reset after cycle", after, unit_get(b->unit, OUT_CONTROL) & STATE, READY);
	for (int i = 0; i < (after % 2 ? 20 : 0); i++)
		clock_cycle(b);
	compare_counters(b, after);
	if (writes_late)
		compare_written(b, c);
}

static void resets_in_any_cycle(void)
{
	static struct bench b;
	const struct qmac_command commands[] = {
		{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MUL, .n0 = 30, .n1 = 1, .red_rows = 1,
		 .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_W, .dspace = QMAC_SPACE_A, .bw = 16, .lanes = 1,
		 .nbits = 1},
		{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_AFFINE, .n0 = A_DEPTH > 9 ? 5 : 1, .n1 = 1,
		 .s0space = QMAC_SPACE_W, .s1space = QMAC_SPACE_W, .src1 = 1, .dspace = QMAC_SPACE_A, .d0 = 1,
		 .bw = 12, .lanes = 1, .nbits = 2, .coef = 2, .sum = 1, .monitor = 3},
	};

	create(&b);
	for (int i = 0; i < TEST_COUNT(commands); i++) {
		const struct qmac_command *c = &commands[i];
		uint64_t cycles = cycles_of(&b, c);

		CU_ASSERT_TRUE_FATAL(is_legal(c));
		for (uint64_t after = 0; after + 1 < cycles; after++) {
			reset_at_work(&b, c, after, i == 0);
			if (i > 0 || after + 2 == cycles) /* others would write the row that must stay */
				run_alone(&b, c, after);
		}
	}
	CU_ASSERT_EQUAL(b.wrong, 0);
	destroy(&b);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"runs random commands", runs_random_commands},
		{"sums most rows", sums_most_rows},
		{"writes the longest sums", writes_longest_sums},
		{"resets in any cycle", resets_in_any_cycle},
	};

	return test_main("test_rtl_vec", cases, TEST_COUNT(cases));
}
