/*
 * The bounds of affine maps and of sums of what VEC writes, each at its edge, as test_bounds.c has those of
 * everything else: what fits takes the fast way, what does not is exact and counted. Every kernel against the
 * slow reference.
 */
#include "num/fixed.h"
#include "reference/kernel_rig.h"
#include "test.h"

#define BIT(n) ((int64_t)1 << (n))

static struct qmac_hw hw_of(int a_bits, int w_bits, int acc_bits)
{
	return (struct qmac_hw){
		.rows = 3, .cols = 3, .a_bits = a_bits, .w_bits = w_bits, .acc_bits = acc_bits,
		.acc_overflow = QMAC_OVERFLOW_SATURATE, .os_max = 65536, .a_depth = 256, .w_depth = 256,
		.acc_depth = 128, .bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .queue_depth = 4,
		.lut_bits = 5, .lut_ports = 1, .clock_mhz = 500, .dram_latency = 20, .dram_bytes_per_cycle = 2048,
		.dram_banks = 8, .dram_row_bytes = 2048,
	};
}

/* ---- affine ---------------------------------------------------------------------------- */

/* Words of the sources and the coefficients. saturates: it takes one bit more than there is. */
struct affine_case {
	int64_t a, b, c0, c1, c2;
	bool saturates;
};

static const struct affine_case affine_cases[] = {
	/* 2^63 and one less, in one term, two and three */
	{-BIT(46), 0, -BIT(17), 0, 0, true},
	{-BIT(46), 0, -BIT(17), 0, -1, false},
	{0, -BIT(46), 0, -BIT(17), 0, true},
	{-BIT(45), -BIT(45), -BIT(17), -BIT(17), 0, true},
	{-BIT(45), 1 - BIT(45), -BIT(17), -BIT(17), 0, false},
	{-BIT(44), -BIT(44), -BIT(17), -BIT(17), BIT(61), false},
	{-BIT(44), -BIT(44), -BIT(17), -BIT(17), BIT(62) - 1, false},
	{-BIT(44), -BIT(44), -BIT(17), -BIT(17), BIT(62), true},
	{-BIT(44), -BIT(45), -BIT(17), -BIT(17), BIT(61), true},
	{-BIT(45), -BIT(44), -BIT(17), -BIT(17), BIT(61), true},
	{1, 0, 1, 0, INT64_MAX, true},
	{0, 1, 0, -1, INT64_MIN, true},
	{BIT(62), BIT(62), 1, 1, 0, true},
	{BIT(62), BIT(62), 1, 1, -1, false},
	{BIT(61), BIT(61), 1, -1, BIT(61), false},
	{INT64_MIN, 0, -1, 0, 0, true},
	{INT64_MIN, INT64_MIN, 131071, -131071, INT64_MIN, false},
	/* products of 32 bits, and of one bit more in one source */
	{INT32_MAX, INT32_MIN, 131071, -BIT(17), 5, false},
	{BIT(31), 3, 131071, -BIT(17), 5, false},
	{3, BIT(31), 131071, -BIT(17), 5, false},
	{-BIT(31) - 1, 3, 131071, -BIT(17), 5, false},
	{3, -BIT(31) - 1, 131071, -BIT(17), 5, false},
	{BIT(32), BIT(32), 1, 1, 0, false},
	{BIT(40), 1, 7, 131071, -BIT(50), false},
	/* 2^31, 2^31 - 1 and -2^31 in each term and in their sum, and sources of 33 bits */
	{-BIT(14), 0, -BIT(17), 0, 0, false},
	{0, -BIT(14), 0, -BIT(17), 0, false},
	{-BIT(13), -BIT(13), -BIT(17), -BIT(17), 0, false},
	{BIT(13), BIT(13), 131071, 131071, BIT(18) - 1, false},
	{1, 0, 1, 0, BIT(31) - 1, false},
	{0, -1, 0, 1, -BIT(31), false},
	{1, 1, 1, 1, BIT(30) - 1, false},
	{BIT(32), -BIT(32), 1, 1, 0, false},
	/* clamped coefficients */
	{1, 1, BIT(17), -BIT(17) - 1, 0, true},
	{BIT(20), 5, INT64_MAX, INT64_MIN, BIT(40), true},
};

/*
 * The case in row `at` of five of the second i1, in each lane; all else is 0, with coef_step the
 * coefficients of the first i1, too.
 */
static void check_affine(struct kernel_rig *rig, const struct affine_case *v, uint32_t coef_step, uint32_t at)
{
	struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_AFFINE, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC,
		.dspace = QMAC_SPACE_ACC, .src1 = 20, .dst = 60, .n0 = 5, .n1 = 2, .a0 = 1, .a1 = 6, .b0 = 1, .b1 = 6,
		.d0 = 1, .d1 = 10, .coef = 50, .coef_step = coef_step, .lanes = 3, .bw = 63, .shift = 1,
	};
	uint32_t coefficients = coef_step ? 53 : 50;

	kernel_rig_load_rows(rig, 0, 60, 1, 0);
	kernel_rig_load_rows(rig, 6 + at, 1, 1, v->a);
	kernel_rig_load_rows(rig, 26 + at, 1, 1, v->b);
	kernel_rig_load_rows(rig, coefficients, 1, 1, v->c0);
	kernel_rig_load_rows(rig, coefficients + 1, 1, 1, v->c1);
	kernel_rig_load_rows(rig, coefficients + 2, 1, 1, v->c2);
	CU_ASSERT_EQUAL(kernel_rig_execute(rig, &vec).requant_saturations > 0, v->saturates);
	vec.red_rows = 1;
	vec.d0 = 0;
	kernel_rig_execute(rig, &vec);
	vec.red_lanes = 1;
	kernel_rig_execute(rig, &vec);
}

static void test_affine(void)
{
	const struct qmac_hw hw = hw_of(16, 16, 64);
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (int i = 0; i < TEST_COUNT(affine_cases); i++)
		for (uint32_t at = 0; at < 5; at += 2)
			for (uint32_t step = 0; step < 2; step++)
				check_affine(&rig, &affine_cases[i], step, at);
	kernel_rig_close(&rig);
}

/* Operands of 16 bits at their ends, signed and not. */
static void test_operands(void)
{
	const struct qmac_hw hw = hw_of(16, 16, 64);
	struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_AFFINE, .s0space = QMAC_SPACE_A, .s1space = QMAC_SPACE_W,
		.dspace = QMAC_SPACE_ACC, .n0 = 2, .n1 = 1, .d0 = 1, .coef = 50, .lanes = 2, .bw = 63,
	};
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (int way = 0; way < 16; way++) {
		vec.s0_unsigned = way & 1;
		vec.s1_unsigned = way >> 1 & 1;
		kernel_rig_fill(&rig, QMAC_SPACE_A, way & 4 ? -1 : -32768);
		kernel_rig_fill(&rig, QMAC_SPACE_W, way & 8 ? -1 : -32768);
		kernel_rig_load_rows(&rig, 50, 1, 1, -BIT(17));
		kernel_rig_load_rows(&rig, 51, 1, 1, way & 8 ? BIT(17) - 1 : -BIT(17));
		kernel_rig_load_rows(&rig, 52, 1, 1, way & 4 ? BIT(61) : -BIT(61));
		CU_ASSERT_EQUAL(kernel_rig_execute(&rig, &vec).requant_saturations, 0);
	}
	kernel_rig_close(&rig);
}

/* ---- lanes of 32 bits ------------------------------------------------------------------- */

/* Two words, and what is done with them. */
struct narrow_case {
	uint32_t op;
	int64_t a, b;
	int64_t mult;
	uint32_t l0, shift;
	uint32_t bw;         /* 0: wide enough */
	bool saturates;
};

/* At 2^31 and one less, where x, a source or what is in between just fits 32 bits and where it does not. */
static const struct narrow_case narrow_cases[] = {
	{QMAC_OP_ADD, BIT(31) - 2, 1, 1, 0, 0, 0, false},
	{QMAC_OP_ADD, BIT(31) - 1, 1, 1, 0, 0, 0, false},
	{QMAC_OP_ADD, -BIT(31), -1, 1, 0, 0, 0, false},
	{QMAC_OP_ADD, BIT(30) - 1, BIT(30), 1, 0, 0, 0, false},
	{QMAC_OP_ADD, BIT(30), BIT(30), 1, 0, 0, 0, false},
	{QMAC_OP_ADD, -BIT(30), -BIT(30), 1, 0, 0, 0, false},
	{QMAC_OP_ADD, BIT(30) - 1, BIT(30) - 1, 1, 0, 0, 32, false},
	{QMAC_OP_ADD, BIT(20), 0, 1, 10, 0, 0, false},
	{QMAC_OP_ADD, BIT(20), 0, 1, 11, 0, 0, false},
	{QMAC_OP_ADD, -BIT(20), -1, 1, 11, 0, 0, false},
	{QMAC_OP_ADD, BIT(29), -BIT(29), 131071, 0, 0, 0, false},
	{QMAC_OP_ADD, BIT(14), 0, 131071, 0, 0, 0, false},
	{QMAC_OP_ADD, -BIT(14), 0, -BIT(17), 0, 0, 0, false},
	{QMAC_OP_ADD, BIT(32), -BIT(32), 1, 0, 0, 0, false},
	{QMAC_OP_SUB, -BIT(30), BIT(30) + 1, 1, 0, 0, 0, false},
	{QMAC_OP_SUB, BIT(30), -BIT(30), 1, 0, 0, 0, false},
	{QMAC_OP_MAX, BIT(21), BIT(31) - 1, 1, 10, 0, 0, false},
	{QMAC_OP_MIN, -BIT(22), -BIT(31), 1, 10, 0, 0, false},
	{QMAC_OP_MAX, -BIT(31), BIT(32), 1, 0, 0, 0, false},
	{QMAC_OP_MUL, BIT(14) - 1, -BIT(17), 0, 0, 0, 0, false},
	{QMAC_OP_MUL, -BIT(14), -BIT(17), 0, 0, 0, 0, false},
	{QMAC_OP_MUL, BIT(31), 2, 0, 0, 0, 0, false},
	{QMAC_OP_MUL, -BIT(15), BIT(17), 0, 0, 0, 0, true},
	{QMAC_OP_EQ, 5, BIT(32) + 5, 0, 0, 0, 2, false},
	{QMAC_OP_EQ, -BIT(31), BIT(31), 0, 0, 0, 2, false},
	{QMAC_OP_SELECT, BIT(31), 1, 0, 0, 0, 0, false},
	{QMAC_OP_SELECT, 7, BIT(32), 0, 0, 0, 0, false},
	{QMAC_OP_SELECT, 7, -BIT(32), 0, 0, 0, 0, false},
	/* shifts, and results that just fit bw and do not */
	{QMAC_OP_ADD, BIT(31) - 1, 0, 1, 0, 31, 0, false},
	{QMAC_OP_ADD, -BIT(30), 0, 1, 0, 32, 0, false},
	{QMAC_OP_ADD, BIT(30) - 1, 0, 1, 0, 63, 0, false},
	{QMAC_OP_ADD, 127, 0, 1, 0, 0, 8, false},
	{QMAC_OP_ADD, 128, 0, 1, 0, 0, 8, true},
	{QMAC_OP_ADD, -129, 0, 1, 0, 0, 8, true},
	{QMAC_OP_ADD, 511, 0, 1, 0, 2, 8, true},
	{QMAC_OP_ADD, 509, 0, 1, 0, 2, 8, false},
	{QMAC_OP_ADD, BIT(31) - 1, 0, 1, 0, 1, 31, true},
	{QMAC_OP_ADD, BIT(31) - 1, 0, 1, 0, 1, 32, false},
};

/* The case in row `at` of 40, which is more than kernels take at a time, and a sum over them. */
static void check_narrow(struct kernel_rig *rig, const struct narrow_case *v, uint32_t at)
{
	struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = v->op, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC,
		.dspace = QMAC_SPACE_ACC, .src0 = 1, .src1 = 41, .dst = 81, .n0 = 40, .n1 = 1, .a0 = 1, .b0 = 1,
		.d0 = 1, .l0 = v->l0, .lanes = 3, .bw = v->bw ? v->bw : 63, .monitor = 3,
		.shift = v->shift, .rnd = v->shift ? QMAC_ROUND_NEAREST : QMAC_ROUND_FLOOR,
	};

	kernel_rig_load_rows(rig, 0, 122, 1, 0);
	kernel_rig_load_rows(rig, 1 + at, 1, 1, v->a);
	kernel_rig_load_rows(rig, 41 + at, 1, 1, v->b);
	if (v->op != QMAC_OP_MUL && v->op != QMAC_OP_EQ && v->op != QMAC_OP_SELECT)
		vec.mult = (int32_t)v->mult;
	CU_ASSERT_EQUAL(kernel_rig_execute(rig, &vec).requant_saturations > 0, v->saturates);
	vec.sum = 121;
	kernel_rig_execute(rig, &vec);
	vec.sum = 0;
	vec.red_rows = 1;
	vec.d0 = 0;
	kernel_rig_execute(rig, &vec);
}

static void test_narrow(void)
{
	const struct qmac_hw hw = hw_of(16, 16, 64);
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (int i = 0; i < TEST_COUNT(narrow_cases); i++)
		for (uint32_t at = 0; at < 40; at += 39)
			check_narrow(&rig, &narrow_cases[i], at);
	kernel_rig_close(&rig);
}

/* Sums of 40 results at their ends, of as many bits as lanes of 32 hold and more. */
static void test_narrow_sums(void)
{
	const struct qmac_hw hw = hw_of(16, 16, 64);
	struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MAX, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC,
		.dspace = QMAC_SPACE_A, .src0 = 1, .src1 = 1, .a0 = 1, .b0 = 1, .d0 = 1, .n0 = 40, .n1 = 1,
		.mult = 1, .lanes = 3, .nbits = 16, .sum = 121,
	};
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (vec.bw = 25; vec.bw < 33; vec.bw++)
		for (int negative = 0; negative < 2; negative++) {
			int64_t end = negative ? qmac_min_of((int)vec.bw) : qmac_max_of((int)vec.bw);

			kernel_rig_load_rows(&rig, 1, 40, 1, end);
			CU_ASSERT_EQUAL(kernel_rig_execute(&rig, &vec).requant_saturations, 0);
		}
	kernel_rig_close(&rig);
}

/* ---- sums ------------------------------------------------------------------------------ */

/* n0 results of bw bits, all at one end, summed into ACC row 50, which products then fill up to its edge. */
static void check_row(int acc_bits, uint32_t n0, uint32_t bw, bool negative)
{
	const struct qmac_hw hw = hw_of(5, 2, acc_bits);
	const struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MAX, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC,
		.dspace = QMAC_SPACE_A, .dst = 0, .d0 = 1, .n0 = n0, .n1 = 1, .sum = 50, .mult = 1, .lanes = 2,
		.bw = bw, .nbits = 1,
	};
	int64_t result = negative ? qmac_min_of((int)bw) : qmac_max_of((int)bw), sum = n0 * result;
	int64_t left = negative ? sum - qmac_min_of(acc_bits) : qmac_max_of(acc_bits) - sum;
	struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .accumulate = 1, .a_unsigned = 1, .w_unsigned = !negative, .n = 2, .k = 1,
		.n0 = (uint32_t)(left / (negative ? 62 : 93)), .n1 = 1, .n2 = 1, .a = 255, .c = 50,
	};
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	kernel_rig_fill(&rig, QMAC_SPACE_W, negative ? -2 : 3);
	for (uint32_t beyond = 0; beyond < 2; beyond++) {
		kernel_rig_load_rows(&rig, 0, 60, 1, 0);
		kernel_rig_load_rows(&rig, 0, 1, 1, negative ? qmac_min_of(acc_bits) : qmac_max_of(acc_bits));
		kernel_rig_execute(&rig, &vec);
		kernel_rig_put(&rig, QMAC_SPACE_A, 255, 0, 31);
		gemm.n0 += beyond;
		CU_ASSERT_EQUAL(kernel_rig_execute(&rig, &gemm).acc_saturations, 2 * beyond);
	}
	kernel_rig_close(&rig);
}

static void test_rows(void)
{
	static const struct {
		int acc_bits;
		uint32_t n0, bw;
	} cases[] = {
		{16, 1, 14}, {16, 2, 14}, {16, 3, 14}, {16, 16, 11}, {16, 17, 11}, {17, 100, 9}, {20, 127, 13},
		{16, 250, 8},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++)
		for (int negative = 0; negative < 2; negative++)
			check_row(cases[i].acc_bits, cases[i].n0, cases[i].bw, negative);
}

/* A sum that was clamped, and one in a part of a row whose other word is at the edge. */
static void test_full_rows(void)
{
	const struct qmac_hw hw = hw_of(5, 2, 16);
	struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MAX, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC,
		.dspace = QMAC_SPACE_A, .d0 = 1, .n0 = 5, .n1 = 1, .sum = 50, .mult = 1, .lanes = 3, .bw = 14,
		.nbits = 1,
	};
	const struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .accumulate = 1, .n = 3, .k = 1, .n0 = 1, .n1 = 1, .n2 = 1, .a = 255,
		.c = 50,
	};
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	kernel_rig_put(&rig, QMAC_SPACE_A, 255, 0, 1);
	kernel_rig_fill(&rig, QMAC_SPACE_W, 1);
	kernel_rig_load_rows(&rig, 0, 60, 1, 0);
	kernel_rig_load_rows(&rig, 0, 1, 1, 32767);
	CU_ASSERT_EQUAL(kernel_rig_execute(&rig, &vec).requant_saturations, 5 * 3 + 3);
	CU_ASSERT_EQUAL(kernel_rig_execute(&rig, &gemm).acc_saturations, 3);
	vec.lanes = 2;
	vec.bw = 1;
	kernel_rig_load_rows(&rig, 50, 1, 1, 32767);
	kernel_rig_execute(&rig, &vec);
	CU_ASSERT_EQUAL(kernel_rig_execute(&rig, &gemm).acc_saturations, 1);
	kernel_rig_close(&rig);
}

/* Where 64 bits just hold a sum, and where they do not: no clamp, and one in each lane. */
static void test_wide_sums(void)
{
	const struct qmac_hw hw = hw_of(16, 16, 64);
	struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MAX, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC,
		.dspace = QMAC_SPACE_ACC, .dst = 60, .d0 = 1, .n1 = 1, .sum = 50, .mult = 1, .lanes = 3,
	};
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (vec.bw = 58; vec.bw < 64; vec.bw++)
		for (vec.n0 = 1; vec.n0 < 40; vec.n0++)
			for (int negative = 0; negative < 2; negative++) {
				int64_t result = negative ? qmac_min_of((int)vec.bw) : qmac_max_of((int)vec.bw);
				qmac_int128 sum = (qmac_int128)result * vec.n0;
				bool fits = sum >= INT64_MIN && sum <= INT64_MAX;

				kernel_rig_put(&rig, QMAC_SPACE_ACC, 0, 0, result);
				kernel_rig_put(&rig, QMAC_SPACE_ACC, 0, 1, result);
				kernel_rig_put(&rig, QMAC_SPACE_ACC, 0, 2, result);
				CU_ASSERT_EQUAL(kernel_rig_execute(&rig, &vec).requant_saturations, fits ? 0U : 3U);
			}
	kernel_rig_close(&rig);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"affine maps", test_affine},
		{"affine maps of operands", test_operands},
		{"around 32 bits", test_narrow},
		{"sums in lanes of 32 bits", test_narrow_sums},
		{"rows of sums", test_rows},
		{"rows of sums that are full", test_full_rows},
		{"sums around 64 bits", test_wide_sums},
	};

	return test_main("test_bounds_vec", cases, TEST_COUNT(cases));
}
