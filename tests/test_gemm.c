/*
 * GEMM on the C model: every kernel, with and without digests, against the slow
 * reference; random commands on random devices with operands at their ends, and
 * accumulators at the very edge of what can be proved not to overflow.
 */
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "kernel/kernel.h"
#include "num/fixed.h"
#include "reference/kernel_rig.h"
#include "test.h"

enum { WORK = 12000 };

static uint64_t rng; /* of the random commands and contents */

enum { ALL_LOWEST, ALL_HIGHEST, ENDS, SPARSE, ANYTHING, CONTENTS };

/* A and W: bare bits; lowest and highest are those of signed numbers, or all bits set. */
static void fill_with(struct kernel_rig *rig, unsigned space, int contents)
{
	int bits = ref_word_bits(&rig->ref.hw, space);
	int64_t ends[3] = {qmac_min_of(bits), qmac_max_of(bits), -1};

	for (int64_t row = 0; row < ref_depth(&rig->ref.hw, space); row++)
		for (int64_t lane = 0; lane < ref_width(&rig->ref.hw, space); lane++) {
			uint64_t random = test_random(&rng);
			int64_t value = (int64_t)(random >> 8);

			if (contents == ALL_LOWEST || contents == ALL_HIGHEST)
				value = ends[contents];
			else if (contents == ENDS)
				value = ends[random % 3];
			else if (contents == SPARSE && random % 4)
				value = 0;
			kernel_rig_put(rig, space, row, lane, value);
		}
}

/* Returns the saturations. */
static uint64_t execute(struct kernel_rig *rig, const struct qmac_command *command)
{
	return kernel_rig_execute(rig, command).acc_saturations;
}

/* ---- random commands --------------------------------------------------------------- */

static uint32_t pick(int64_t low, int64_t high)
{
	return (uint32_t)qmac_fuzz_pick(&rng, low, high);
}

/*
 * Strides and a first row, so that the loops stay below `depth`; repeated rows, and loops that go on
 * where the inner one ends, among them.
 */
static void random_rows(const uint32_t n[3], int64_t depth, uint32_t s[3], uint32_t *first)
{
	bool on = test_random(&rng) % 2;
	int64_t span;

	do {
		span = 0;
		for (int i = 0; i < 3; i++) {
			s[i] = test_random(&rng) % 4 == 0 ? pick(0, 40) : pick(0, 1);
			if (i > 0 && on)
				s[i] = n[i - 1] * s[i - 1];
			span += (int64_t)(n[i] - 1) * s[i];
		}
	} while (span >= depth);
	*first = pick(0, depth - 1 - span);
}

static void random_gemm(const struct qmac_hw *hw, struct qmac_command *c)
{
	uint32_t n[3], a[3], other[3], first;
	int64_t limit;

	memset(c, 0, sizeof *c);
	c->opcode = QMAC_OPCODE_GEMM;
	c->mode = test_random(&rng) % 2;
	c->k = pick(1, hw->rows);
	c->n = pick(1, hw->cols);
	c->accumulate = test_random(&rng) % 3 != 0;
	c->acc_shift = test_random(&rng) % 2 ? 0 : pick(0, hw->acc_bits - 1);
	c->a_unsigned = test_random(&rng) % 2;
	c->w_unsigned = test_random(&rng) % 2;
	limit = 1 + WORK / (c->k * c->n);
	limit = limit < 2 * QMAC_WS_SLOTS_MAX + 9 ? limit : 2 * QMAC_WS_SLOTS_MAX + 9;
	if (c->mode == QMAC_MODE_OS && limit > hw->os_max)
		limit = hw->os_max;
	n[0] = pick(1, limit);
	n[1] = pick(1, limit / n[0]);
	n[2] = pick(1, limit / n[0] / n[1]);
	random_rows(n, hw->a_depth, a, &first);
	c->n0 = n[0], c->n1 = n[1], c->n2 = n[2];
	c->as0 = a[0], c->as1 = a[1], c->as2 = a[2], c->a = first;
	if (c->mode == QMAC_MODE_OS) {
		random_rows(n, hw->w_depth, other, &first);
		c->ws0 = other[0], c->ws1 = other[1], c->ws2 = other[2], c->w = first;
		c->c = pick(0, hw->acc_depth - (int64_t)c->k);
	} else {
		random_rows(n, hw->acc_depth, other, &first);
		c->cs0 = other[0], c->cs1 = other[1], c->cs2 = other[2], c->c = first;
		c->w = pick(0, hw->w_depth - (int64_t)c->k);
	}
}

static void test_random_commands(void)
{
	uint64_t saturations = 0, without = 0;

	rng = test_seed();
	for (int i = 0; i < 60; i++) {
		struct qmac_hw hw;
		struct kernel_rig rig;

		qmac_fuzz_hw(&rng, &hw);
		if (i % 4 == 0) /* what most devices are like */
			hw.a_bits = hw.w_bits = 8, hw.acc_bits = 32;
		if (!kernel_rig_open(&rig, &hw))
			return;
		fill_with(&rig, QMAC_SPACE_A, i % CONTENTS);
		fill_with(&rig, QMAC_SPACE_W, i / CONTENTS % CONTENTS);
		if (i % 3 == 0)
			fill_with(&rig, QMAC_SPACE_ACC, ANYTHING);
		for (int k = 0; k < 8; k++) {
			struct qmac_command command;
			uint64_t events;

			random_gemm(&hw, &command);
			events = execute(&rig, &command);
			saturations += events;
			without += events == 0;
		}
		kernel_rig_close(&rig);
	}
	CU_ASSERT(saturations > 1000); /* both ways have been gone */
	CU_ASSERT(without > 100);
}

/* ---- the edge ---------------------------------------------------------------------- */

struct edge {
	int a_bits, w_bits, rows;
	bool a_unsigned, w_unsigned;
	int shift, sign; /* the sign of every product */
};

/* The operands whose product is largest in magnitude, with the sign asked for. */
static int64_t edge_operands(struct kernel_rig *rig, const struct edge *e)
{
	int64_t a = e->a_unsigned ? (1 << e->a_bits) - 1 : qmac_min_of(e->a_bits);
	int64_t w = e->w_unsigned ? (1 << e->w_bits) - 1 : qmac_min_of(e->w_bits);

	if ((a < 0) != (w < 0) ? e->sign > 0 : e->sign < 0) {
		if (w < 0)
			w = -w - 1;
		else
			a = -a - 1;
	}
	kernel_rig_fill(rig, QMAC_SPACE_A, a);
	kernel_rig_fill(rig, QMAC_SPACE_W, w);
	return a * w;
}

/*
 * `slots` sums onto one ACC row that was put so that the last of them ends just at the edge of
 * acc_bits, and then by one beyond: exactly one event per lane, which a bound too wide would miss.
 */
static void check_edge(const struct edge *e, int mode, int overflow, int acc_bits, int slots)
{
	const struct qmac_hw hw = {
		.rows = e->rows, .cols = 5, .a_bits = e->a_bits, .w_bits = e->w_bits, .acc_bits = acc_bits,
		.acc_overflow = overflow, .os_max = 1024, .a_depth = 128, .w_depth = 128, .acc_depth = 128,
		.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .queue_depth = 4, .lut_bits = 5, .lut_ports = 2,
		.clock_mhz = 500, .dram_latency = 20, .dram_bytes_per_cycle = 2048, .dram_banks = 8,
		.dram_row_bytes = 2048,
	};
	const struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .mode = (uint32_t)mode, .n0 = (uint32_t)slots, .n1 = 1, .n2 = 1,
		.k = (uint32_t)e->rows, .n = 5, .accumulate = 1, .acc_shift = (uint32_t)e->shift,
		.a_unsigned = e->a_unsigned, .w_unsigned = e->w_unsigned,
	};
	int64_t terms = mode == QMAC_MODE_OS ? slots : (int64_t)e->rows * slots, total, start;
	int results = mode == QMAC_MODE_OS ? 5 * e->rows : 5; /* ACC words */
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	total = edge_operands(&rig, e) * terms * ((int64_t)1 << e->shift);
	start = (e->sign > 0 ? qmac_max_of(acc_bits) : qmac_min_of(acc_bits)) - total;
	kernel_rig_fill(&rig, QMAC_SPACE_ACC, start);
	CU_ASSERT_EQUAL(execute(&rig, &gemm), 0);
	kernel_rig_fill(&rig, QMAC_SPACE_ACC, start + e->sign);
	CU_ASSERT_EQUAL(execute(&rig, &gemm), (uint64_t)results);
	kernel_rig_close(&rig);
}

static void test_edges(void)
{
	static const struct edge edges[] = {
		{8, 8, 16, false, false, 0, 1}, {8, 8, 16, false, false, 0, -1}, {8, 8, 7, true, false, 8, -1},
		{8, 8, 3, false, true, 0, -1}, {8, 8, 16, true, true, 1, 1}, {16, 16, 64, true, true, 0, 1},
		{16, 16, 64, false, false, 0, 1}, {16, 8, 5, true, false, 0, -1}, {2, 2, 1, false, false, 3, 1},
		{5, 11, 9, false, true, 2, -1}, {16, 2, 1, true, false, 0, 1},
	};

	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
		for (int way = 0; way < 8; way++) {
			int acc_bits = way & 4 ? 64 : 52;

			check_edge(&edges[i], way & 1, way >> 1 & 1, acc_bits, 1);
			if (i < 3)
				check_edge(&edges[i], way & 1, way >> 1 & 1, acc_bits - 8, 150 + way);
		}
}

static const struct qmac_hw small = {
	.rows = 8, .cols = 8, .a_bits = 8, .w_bits = 8, .acc_bits = 21, .acc_overflow = QMAC_OVERFLOW_SATURATE,
	.os_max = 256, .a_depth = 64, .w_depth = 64, .acc_depth = 64, .bus_bytes = 8, .burst_beats = 16,
	.outstanding = 4, .queue_depth = 4, .lut_bits = 5, .lut_ports = 2, .clock_mhz = 500,
	.dram_latency = 20, .dram_bytes_per_cycle = 2048, .dram_banks = 8, .dram_row_bytes = 2048,
};

/*
 * From zero upwards, command after command, until long after the edge: the limit that the device keeps
 * grows with them. Half the lanes only, so that assignments do not reset it; then all of them.
 */
static void test_long_accumulation(void)
{
	struct qmac_command gemm = {.opcode = QMAC_OPCODE_GEMM, .n0 = 3, .n1 = 1, .n2 = 1, .cs0 = 1, .k = 8};
	uint64_t saturations = 0;
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &small))
		return;
	kernel_rig_fill(&rig, QMAC_SPACE_A, -128);
	kernel_rig_fill(&rig, QMAC_SPACE_W, -128);
	for (int i = 0; i < 60; i++) {
		gemm.n = i < 30 ? 4 : 8;
		gemm.accumulate = i % 15 != 0; /* 8 * 2^14 each, 7 of them fit 21 bits */
		saturations += execute(&rig, &gemm);
	}
	CU_ASSERT_EQUAL(saturations, 2 * 3 * (4 + 8) * (15 - 7));
	kernel_rig_close(&rig);
}

/* Lanes that a command leaves alone keep their share of the limit. */
static void test_partial_rows(void)
{
	struct qmac_command gemm = {.opcode = QMAC_OPCODE_GEMM, .n0 = 1, .n1 = 1, .n2 = 1, .k = 1, .n = 3};
	struct kernel_rig rig;

	for (uint32_t mode = QMAC_MODE_WS; mode <= QMAC_MODE_OS && kernel_rig_open(&rig, &small); mode++) {
		gemm.mode = mode;
		gemm.n = 3;
		gemm.accumulate = 0;
		kernel_rig_fill(&rig, QMAC_SPACE_A, 1);
		kernel_rig_fill(&rig, QMAC_SPACE_W, 1);
		kernel_rig_fill(&rig, QMAC_SPACE_ACC, qmac_max_of(small.acc_bits));
		CU_ASSERT_EQUAL(execute(&rig, &gemm), 0);
		gemm.n = 8;
		gemm.accumulate = 1;
		CU_ASSERT_EQUAL(execute(&rig, &gemm), 8 - 3);
		kernel_rig_close(&rig);
	}
}

/* The smallest shifted sum that does not fit, assigned: 2^14 << 6 in 21 bits. */
static void test_assignment_overflows(void)
{
	struct qmac_command gemm = {.opcode = QMAC_OPCODE_GEMM, .n0 = 1, .n1 = 1, .n2 = 1, .k = 1, .n = 8};
	struct kernel_rig rig;

	for (uint32_t mode = QMAC_MODE_WS; mode <= QMAC_MODE_OS && kernel_rig_open(&rig, &small); mode++) {
		gemm.mode = mode;
		kernel_rig_fill(&rig, QMAC_SPACE_A, -128);
		kernel_rig_fill(&rig, QMAC_SPACE_W, -128);
		gemm.acc_shift = 5;
		CU_ASSERT_EQUAL(execute(&rig, &gemm), 0);
		gemm.acc_shift = 6;
		CU_ASSERT_EQUAL(execute(&rig, &gemm), 8);
		kernel_rig_close(&rig);
	}
}

/*
 * The device keeps what it counted in operands: every way to change them, one operand at a time and whole
 * rows, must be seen by the next pass over the same rows.
 */
static void test_changing_operands(void)
{
	struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .n0 = 4, .n1 = 1, .n2 = 1, .as0 = 1, .k = 8, .n = 8,
	};
	struct qmac_command load = {.opcode = QMAC_OPCODE_LOAD, .n0 = 1, .n1 = 1, .n2 = 1, .len = 8, .nbits = 8};
	struct qmac_command vec = {.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .n0 = 1, .n1 = 1, .lanes = 8,
	                           .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM, .bw = 8, .nbits = 8};
	struct kernel_rig rig;

	for (uint32_t mode = QMAC_MODE_WS; mode <= QMAC_MODE_OS && kernel_rig_open(&rig, &small); mode++) {
		gemm.mode = mode;
		gemm.cs0 = mode == QMAC_MODE_WS;
		gemm.ws0 = mode == QMAC_MODE_OS;
		kernel_rig_fill(&rig, QMAC_SPACE_A, 1);
		kernel_rig_fill(&rig, QMAC_SPACE_W, 1);
		for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_W; space++) {
			load.space = vec.dspace = space;
			load.row = 1;
			vec.dst = 2;
			for (int i = 0; i < 2; i++) /* what has been counted before, and what has not */
				execute(&rig, &gemm);
			kernel_rig_put(&rig, space, 0, 3, 0);
			execute(&rig, &gemm);
			execute(&rig, &load);
			execute(&rig, &gemm);
			execute(&rig, &vec);
			execute(&rig, &gemm);
		}
		CU_ASSERT(rig.ref.counters[QMAC_COUNTER_ZERO_MACS] > 0);
		kernel_rig_close(&rig);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random commands", test_random_commands},
		{"at the edge of the accumulators", test_edges},
		{"long accumulation", test_long_accumulation},
		{"partial rows", test_partial_rows},
		{"overflow of an assignment", test_assignment_overflows},
		{"operands that change between passes", test_changing_operands},
	};

	return test_main("test_gemm", cases, TEST_COUNT(cases));
}
