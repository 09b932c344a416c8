/*
 * The bounds by which the device proves that nothing can saturate, each at its edge: of words in ACC,
 * after every way to write them; of sums, of what VEC computes, of what STORE puts into containers. A
 * bound one bit too low shows as a value that is wrong and a saturation that is not counted. Every kernel
 * against the slow reference.
 */
#include <string.h>

#include "isa/command.h"
#include "num/fixed.h"
#include "reference/device_pair.h"
#include "reference/kernel_rig.h"
#include "test.h"

/* Few columns: a narrow accumulator is soon full, and every row has lanes that a command leaves alone. */
static struct qmac_hw hw_of(int rows, int cols, int a_bits, int w_bits, int acc_bits)
{
	return (struct qmac_hw){
		.rows = rows, .cols = cols, .a_bits = a_bits, .w_bits = w_bits, .acc_bits = acc_bits,
		.acc_overflow = QMAC_OVERFLOW_SATURATE, .os_max = 65536, .a_depth = 256, .w_depth = 256,
		.acc_depth = 128, .bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .queue_depth = 4,
		.lut_bits = 5, .lut_ports = 1, .clock_mhz = 500, .dram_latency = 20, .dram_bytes_per_cycle = 2048,
		.dram_banks = 8, .dram_row_bytes = 2048,
	};
}

/* ---- words in ACC: every way to write them ------------------------------------------- */

enum { LARGE = 100 }; /* an ACC row that holds the largest, or the smallest, word */

/*
 * A way to write `bits` bits at most into ACC rows 2, 5, 8 and, with n1, 20, 23, 26. A VEC that writes as
 * many bits as there are gets them from row LARGE.
 */
struct writer {
	struct qmac_command command;
	int acc_bits, bits;
};

#define LOAD_ACC .opcode = QMAC_OPCODE_LOAD, .space = QMAC_SPACE_ACC, .row = 2, .n0 = 3, .n2 = 1, .hi0 = 2, \
	.ds0 = 3, .ds1 = 18, .s0 = 0
#define VEC_ACC .opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .s0space = QMAC_SPACE_ACC, .src0 = LARGE, \
	.dspace = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM, .dst = 2, .n0 = 3, .d1 = 18, .mult = 1

static const struct writer writers[] = {
	/* Containers, kept lanes and not, as wide as the accumulators and less; the last three are clamped. */
	{{LOAD_ACC, .n1 = 1, .len = 3, .keep = 1, .container = QMAC_CONTAINER_HALF}, 17, 17},
	{{LOAD_ACC, .n1 = 1, .len = 3, .keep = 1, .container = QMAC_CONTAINER_HALF, .is_signed = 1}, 16, 16},
	{{LOAD_ACC, .n1 = 1, .len = 3, .keep = 1, .container = QMAC_CONTAINER_WORD}, 33, 33},
	{{LOAD_ACC, .n1 = 2, .hi1 = 1, .len = 1, .keep = 1, .container = QMAC_CONTAINER_WORD, .is_signed = 1}, 32,
	 32},
	{{LOAD_ACC, .n1 = 1, .len = 1, .lane0 = 2, .keep = 1, .container = QMAC_CONTAINER_BYTE}, 16, 9},
	{{LOAD_ACC, .n1 = 1, .len = 2, .keep = 1, .container = QMAC_CONTAINER_BYTE, .is_signed = 1}, 16, 8},
	{{LOAD_ACC, .n1 = 2, .hi1 = 1, .len = 3, .container = QMAC_CONTAINER_HALF}, 17, 17},
	{{LOAD_ACC, .n1 = 1, .len = 1, .lane0 = 1, .container = QMAC_CONTAINER_WORD, .is_signed = 1}, 32, 32},
	{{LOAD_ACC, .n1 = 1, .len = 3, .keep = 1, .container = QMAC_CONTAINER_DOUBLE, .is_signed = 1}, 64, 64},
	{{LOAD_ACC, .n1 = 1, .len = 3, .keep = 1, .container = QMAC_CONTAINER_DOUBLE}, 64, 64},
	{{LOAD_ACC, .n1 = 1, .len = 3, .keep = 1, .container = QMAC_CONTAINER_WORD}, 20, 20},
	{{LOAD_ACC, .n1 = 1, .len = 3, .keep = 1, .container = QMAC_CONTAINER_HALF}, 16, 16},
	/* VEC: whole rows and parts, maps, reductions. */
	{{VEC_ACC, .d0 = 3, .n1 = 1, .lanes = 3, .bw = 17}, 17, 17},
	{{VEC_ACC, .d0 = 3, .n1 = 2, .lanes = 1, .bw = 16}, 16, 16},
	{{VEC_ACC, .d0 = 3, .n1 = 1, .lanes = 2, .bw = 40}, 40, 40},
	{{VEC_ACC, .d0 = 3, .n1 = 2, .lanes = 3, .bw = 63}, 63, 63},
	{{VEC_ACC, .d0 = 3, .n1 = 1, .lanes = 3, .bw = 9}, 16, 9},
	{{VEC_ACC, .d0 = 3, .n1 = 2, .lanes = 3, .bw = 20, .red_lanes = 1}, 20, 20},
	{{VEC_ACC, .n1 = 2, .lanes = 2, .bw = 33, .red_rows = 1}, 33, 33},
};

/* Puts the extreme of the writer's numbers where its command reads it. */
static void prepare(struct kernel_rig *rig, const struct qmac_command *c, bool negative)
{
	int acc_bits = rig->ref.hw.acc_bits;
	uint8_t bytes[24];

	for (unsigned i = 0; i < sizeof bytes; i++) {
		bool top = (i + 1) % (1U << c->container) == 0;

		bytes[i] = !c->is_signed ? 0xFF : negative ? (top ? 0x80 : 0) : top ? 0x7F : 0xFF;
	}
	kernel_rig_load_rows(rig, 0, 128, 1, 0);
	kernel_rig_load_rows(rig, LARGE, 1, 1, negative ? qmac_min_of(acc_bits) : qmac_max_of(acc_bits));
	kernel_rig_write(rig, 0, bytes, sizeof bytes);
}

/*
 * Products of 93 or -62, the largest of their kinds, so that bounds are exact; added up until the written
 * words leave acc_bits, onto several rows at a time, onto one, and output stationary.
 */
static struct qmac_command reader_of(const struct writer *w, int way, bool negative)
{
	int64_t left = qmac_max_of(w->acc_bits) - qmac_max_of(w->bits);
	uint32_t times = (uint32_t)(left / (negative ? 62 : 93) + 1);
	struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .accumulate = 1, .a_unsigned = 1, .w_unsigned = !negative, .n = 3, .k = 1,
		.n0 = times, .n1 = 1, .n2 = 1,
	};

	gemm.mode = way == 2 ? QMAC_MODE_OS : QMAC_MODE_WS;
	if (way == 0) {
		gemm.n0 = 30;
		gemm.cs0 = 1;
		gemm.n1 = times;
	}
	return gemm;
}

static void check_writer(const struct writer *w, int overflow, bool negative, int way)
{
	struct qmac_command read = reader_of(w, way, negative);
	struct qmac_hw hw = hw_of(2, 3, 5, 2, w->acc_bits);
	uint64_t saturations = 0;
	struct kernel_rig rig;

	hw.acc_overflow = overflow;
	if (!kernel_rig_open(&rig, &hw))
		return;
	kernel_rig_fill(&rig, QMAC_SPACE_A, 31);
	kernel_rig_fill(&rig, QMAC_SPACE_W, negative ? -2 : 3);
	prepare(&rig, &w->command, negative);
	kernel_rig_execute(&rig, &w->command);
	for (read.c = way ? 2 : 0; read.c < 30; read.c += way ? 3 : 30)
		saturations += kernel_rig_execute(&rig, &read).acc_saturations;
	CU_ASSERT(saturations > 0);
	kernel_rig_close(&rig);
}

static void test_writers(void)
{
	for (int i = 0; i < TEST_COUNT(writers); i++)
		for (int way = 0; way < 12; way++) {
			bool negative = way % 2;

			/* Numbers without sign have no negative end. */
			if (negative && writers[i].command.opcode == QMAC_OPCODE_LOAD && !writers[i].command.is_signed)
				continue;
			check_writer(&writers[i], way / 2 % 2, negative, way / 4);
		}
}

/* A row that was written in part still has its other words, one of which is large; so has one left alone. */
static void test_parts(void)
{
	static const struct qmac_command parts[] = {
		{LOAD_ACC, .n1 = 1, .len = 2, .keep = 1, .container = QMAC_CONTAINER_BYTE, .is_signed = 1},
		{VEC_ACC, .n1 = 1, .d0 = 3, .lanes = 2, .bw = 4},
		{.opcode = QMAC_OPCODE_GEMM, .c = 2, .cs0 = 3, .n0 = 3, .n1 = 1, .n2 = 1, .k = 1, .n = 2},
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_OS, .c = 2, .n0 = 3, .n1 = 1, .n2 = 1, .k = 1, .n = 2},
		{.opcode = QMAC_OPCODE_GEMM, .c = 2, .cs0 = 3, .n0 = 3, .n1 = 1, .n2 = 1, .k = 1, .n = 2,
		 .acc_shift = 19},
	};
	const struct qmac_command add = {
		.opcode = QMAC_OPCODE_GEMM, .accumulate = 1, .c = 2, .cs0 = 3, .n0 = 3, .n1 = 1, .n2 = 1, .k = 1,
		.n = 3,
	};
	const struct qmac_hw hw = hw_of(2, 3, 5, 2, 20);
	struct kernel_rig rig;

	for (int i = 0; i <= TEST_COUNT(parts) && kernel_rig_open(&rig, &hw); i++) {
		kernel_rig_fill(&rig, QMAC_SPACE_A, 1);
		kernel_rig_fill(&rig, QMAC_SPACE_W, 1);
		prepare(&rig, &parts[i % TEST_COUNT(parts)], false);
		for (int row = 2; row < 11; row += 3)
			kernel_rig_put(&rig, QMAC_SPACE_ACC, row, 2, qmac_max_of(20));
		if (i < TEST_COUNT(parts))
			kernel_rig_execute(&rig, &parts[i]);
		CU_ASSERT(kernel_rig_execute(&rig, &add).acc_saturations > 0);
		kernel_rig_close(&rig);
	}
}

/* ---- sums of products ---------------------------------------------------------------- */

/* Row `at` of `rows`, and no other, ends just at the edge of acc_bits, or just beyond it. step 0: os. */
static void check_raise(struct kernel_rig *rig, uint32_t rows, uint32_t step, uint32_t at, bool negative)
{
	bool os = step == 0;
	const struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .accumulate = 1, .a_unsigned = 1, .w_unsigned = !negative, .cs0 = step,
		.mode = os ? QMAC_MODE_OS : QMAC_MODE_WS, .n0 = os ? 2 : rows, .n1 = 1, .n2 = 1, .k = os ? rows : 2,
		.n = 3, .acc_shift = 4,
	};
	int64_t edge = negative ? qmac_min_of(21) + (2 * 62 << 4) : qmac_max_of(21) - (2 * 93 << 4);

	kernel_rig_fill(rig, QMAC_SPACE_W, negative ? -2 : 3);
	for (int beyond = 0; beyond < 2; beyond++) {
		kernel_rig_load_rows(rig, 0, 40, 1, 0);
		kernel_rig_load_rows(rig, os ? at : at * step, 1, 1, edge + (negative ? -beyond : beyond));
		CU_ASSERT_EQUAL(kernel_rig_execute(rig, &gemm).acc_saturations, beyond ? 3U : 0U);
	}
}

static void test_raise(void)
{
	static const uint32_t counts[] = {1, 2, 3, 5, 8, 9, 17};
	const struct qmac_hw hw = hw_of(17, 3, 5, 2, 21);
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	kernel_rig_fill(&rig, QMAC_SPACE_A, 31);
	for (int i = 0; i < TEST_COUNT(counts); i++)
		for (uint32_t way = 0; way < 18; way++) {
			uint32_t last = counts[i] - 1, at = way / 6 == 0 ? 0 : way / 6 == 1 ? last / 2 : last;

			check_raise(&rig, counts[i], way % 3, at, way / 3 % 2);
		}
	kernel_rig_close(&rig);
}

/* Sums that are assigned, from a part of acc_bits to beyond it; ever smaller ones are added to them. */
static void check_sums(int acc_bits, uint32_t mode, uint32_t step, uint32_t n)
{
	const struct qmac_hw hw = hw_of(2, 3, 5, 2, acc_bits);
	struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .mode = mode, .cs0 = step, .cs1 = 2 * step, .a_unsigned = 1,
		.w_unsigned = 1, .c = 1, .n0 = 2, .n1 = 2, .n2 = 1, .k = 2, .n = n,
	};
	uint64_t saturations = 0;
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	kernel_rig_fill(&rig, QMAC_SPACE_A, 31);
	kernel_rig_fill(&rig, QMAC_SPACE_W, 3);
	for (int way = 0; way < 28; way++) {
		kernel_rig_load_rows(&rig, 0, 20, 1, 0);
		gemm.accumulate = 0;
		gemm.acc_shift = (uint32_t)(acc_bits - 13 + way / 4);
		kernel_rig_execute(&rig, &gemm);
		gemm.accumulate = 1;
		gemm.n = 3;
		for (int less = 0; less < 3; less++) {
			gemm.acc_shift = (uint32_t)(acc_bits - 11 + way % 4 - less);
			saturations += kernel_rig_execute(&rig, &gemm).acc_saturations;
		}
		gemm.n = n;
	}
	CU_ASSERT(saturations > 0);
	kernel_rig_close(&rig);
}

static void test_sums(void)
{
	static const int widths[] = {16, 17, 33, 64};

	for (int i = 0; i < TEST_COUNT(widths); i++)
		for (uint32_t n = 2; n <= 3; n++) {
			for (uint32_t step = 0; step < 3; step++)
				check_sums(widths[i], QMAC_MODE_WS, step, n);
			check_sums(widths[i], QMAC_MODE_OS, 0, n);
		}
}

/* Sums around 2^31, which kernels add up in 32 bits where they can prove that they fit. */
static void check_wide(int a_bits, int w_bits, int signs)
{
	struct qmac_hw hw = hw_of(64, 2, a_bits, w_bits, 64);
	struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .a_unsigned = signs & 1, .w_unsigned = signs >> 1 & 1, .n1 = 1,
		.n2 = 1, .n = 2,
	};
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	kernel_rig_fill(&rig, QMAC_SPACE_A, gemm.a_unsigned ? -1 : qmac_min_of(a_bits));
	kernel_rig_fill(&rig, QMAC_SPACE_W, gemm.w_unsigned ? -1 : qmac_min_of(w_bits));
	for (gemm.k = 1, gemm.n0 = 1; gemm.k <= 64; gemm.k *= 2)
		kernel_rig_execute(&rig, &gemm);
	gemm.mode = QMAC_MODE_OS;
	gemm.as0 = gemm.ws0 = 1;
	gemm.k = 1;
	for (gemm.n0 = 1; gemm.n0 <= 256; gemm.n0 *= 2)
		kernel_rig_execute(&rig, &gemm);
	kernel_rig_close(&rig);
}

static void test_wide(void)
{
	for (int a_bits = 8; a_bits <= 16; a_bits++)
		for (int w_bits = 24 - a_bits; w_bits <= 16; w_bits++)
			for (int signs = 0; signs < 4; signs++)
				check_wide(a_bits, w_bits, signs);
}

/* ---- what VEC computes in 64 bits ---------------------------------------------------- */

#define BIT(n) ((int64_t)1 << (n))

/* Operands in ACC, both or the first. saturates: it takes one bit more than there is. */
struct vec_case {
	uint32_t op, l0;
	int32_t mult;
	int64_t a, b;
	bool immediate, saturates;
};

static const struct vec_case vec_cases[] = {
	{QMAC_OP_ADD, 0, -131072, -BIT(45), -BIT(45), false, true},
	{QMAC_OP_ADD, 0, -131072, 1 - BIT(45), -BIT(45), false, false},
	{QMAC_OP_ADD, 0, -2, -BIT(61), -BIT(61), false, true},
	{QMAC_OP_ADD, 0, -1, -BIT(62), -BIT(62), false, true},
	{QMAC_OP_ADD, 0, 1, BIT(62), BIT(62), false, true},
	{QMAC_OP_ADD, 0, 1, BIT(62), BIT(62) - 1, false, false},
	{QMAC_OP_ADD, 7, -131072, -BIT(38), -BIT(45), false, true},
	{QMAC_OP_ADD, 31, -131072, -BIT(14), -BIT(45), false, true},
	{QMAC_OP_ADD, 31, 1, BIT(31), BIT(62), false, true},
	{QMAC_OP_ADD, 31, 131071, BIT(15), INT32_MAX, true, true},
	{QMAC_OP_SUB, 0, -131072, -BIT(46), BIT(46) - 1, false, true},
	{QMAC_OP_SUB, 0, 1, -BIT(62), BIT(62) + 1, false, true},
	{QMAC_OP_SUB, 0, 1, 0, INT64_MIN, false, true},
	{QMAC_OP_MIN, 0, -131072, -BIT(46), -BIT(46), false, true},
	{QMAC_OP_MAX, 0, -131072, -BIT(46), -BIT(46), false, true},
	{QMAC_OP_MIN, 31, 1, BIT(40), 5, false, false},
	{QMAC_OP_MAX, 31, 1, -BIT(40), -5, false, false},
	{QMAC_OP_MUL, 0, 0, -BIT(46), -BIT(17), false, true},
	{QMAC_OP_MUL, 0, 0, -BIT(46), 1 - BIT(17), false, false},
	{QMAC_OP_MUL, 0, 0, INT64_MIN, -1, false, true},
	{QMAC_OP_MUL, 0, 0, -BIT(62), -2, false, true},
	{QMAC_OP_MUL, 0, 0, 1, BIT(17), false, true},
	{QMAC_OP_MUL, 0, 0, 1, -BIT(17) - 1, false, true},
	{QMAC_OP_MUL, 0, 0, 1, BIT(17), true, true},
	{QMAC_OP_MUL, 0, 0, 1, -BIT(17) - 1, true, true},
	{QMAC_OP_MUL, 0, 0, 1, INT32_MIN, true, true},
};

/* The case in row `at` of five, in each lane; all else is 0. */
static void check_vec(struct kernel_rig *rig, const struct vec_case *v, uint32_t step, uint32_t at)
{
	struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .op = v->op, .s0space = QMAC_SPACE_ACC, .dspace = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_ACC, .src1 = 20, .dst = 40, .n0 = 5, .n1 = 2, .a0 = step, .b0 = step, .d0 = 1,
		.d1 = 10, .lanes = 3, .mult = v->mult, .l0 = v->l0, .bw = 63, .shift = 1,
	};

	if (v->immediate) {
		vec.s1space = QMAC_SPACE_IMM;
		vec.src1 = vec.b0 = 0;
		vec.imm = (int32_t)v->b;
	}
	kernel_rig_load_rows(rig, 0, 40, 1, 0);
	kernel_rig_load_rows(rig, at * step, 1, 1, v->a);
	kernel_rig_load_rows(rig, 20 + at * step, 1, 1, v->b);
	for (vec.red_lanes = 0; vec.red_lanes < 2; vec.red_lanes++) {
		uint64_t saturations = kernel_rig_execute(rig, &vec).requant_saturations;

		CU_ASSERT(v->immediate || vec.red_lanes || (saturations > 0) == v->saturates);
		CU_ASSERT(!v->saturates || saturations > 0);
	}
}

static void test_vec(void)
{
	const struct qmac_hw hw = hw_of(2, 3, 16, 16, 64);
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (int i = 0; i < TEST_COUNT(vec_cases); i++)
		for (uint32_t at = 0; at < 5; at += 2)
			for (uint32_t step = 1; step < 3; step++)
				check_vec(&rig, &vec_cases[i], step, at);
	kernel_rig_close(&rig);
}

/* ---- dot products -------------------------------------------------------------------- */

/* Factors too wide for a short dot product, in one of its rows. */
static void test_dot(void)
{
	static const int64_t factors[][2] = {
		{BIT(31), 1}, {BIT(32), 1}, {-BIT(31) - 1, 1}, {-BIT(32), -3}, {BIT(40), 1}, {1, BIT(17)},
		{1, -BIT(17) - 1}, {-5, BIT(20)}, {BIT(30), BIT(17) - 1}, {-BIT(30), -BIT(17)}, {-BIT(31), 1023},
	};
	struct qmac_command dot = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MUL, .s0space = QMAC_SPACE_ACC, .dspace = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_ACC, .src1 = 20, .dst = 40, .n0 = 5, .n1 = 1, .lanes = 3, .bw = 63,
		.red_rows = 1, .red_lanes = 1,
	};
	const struct qmac_hw hw = hw_of(2, 3, 16, 16, 64);
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (int i = 0; i < TEST_COUNT(factors); i++)
		for (uint32_t at = 0; at < 5; at += 2)
			for (uint32_t step = 1; step < 3; step++) {
				dot.a0 = dot.b0 = step;
				kernel_rig_load_rows(&rig, 0, 40, 1, 0);
				kernel_rig_load_rows(&rig, at * step, 1, 1, factors[i][0]);
				kernel_rig_load_rows(&rig, 20 + at * step, 1, 1, factors[i][1]);
				kernel_rig_execute(&rig, &dot);
			}
	kernel_rig_close(&rig);
}

/*
 * The longest dot product: 65,535 rows of 64 lanes. Products of 2^41 just fit 64 bits, products of 2^42 do
 * not, which saturates the sum in every lane, beside those 64 that make the factor. Worked out by hand:
 * the reference would take long.
 */
static void check_longest(uint32_t a_bits, int64_t expected, uint64_t saturations)
{
	const struct qmac_device_options options = {.memory_bytes = KERNEL_RIG_BYTES};
	const struct qmac_hw hw = hw_of(2, 64, 16, 16, 64);
	struct qmac_command commands[] = {
		{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .s0space = QMAC_SPACE_ACC, .dspace = QMAC_SPACE_ACC,
		 .s1space = QMAC_SPACE_IMM, .src0 = 3, .imm = INT32_MIN, .mult = 1, .n0 = 1, .n1 = 1, .lanes = 64,
		 .bw = a_bits},
		{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .s0space = QMAC_SPACE_ACC, .dspace = QMAC_SPACE_ACC,
		 .s1space = QMAC_SPACE_IMM, .src0 = 3, .imm = -65536, .mult = 1, .n0 = 1, .n1 = 1, .lanes = 64,
		 .bw = 17, .dst = 1},
		{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MUL, .s0space = QMAC_SPACE_ACC, .dspace = QMAC_SPACE_ACC,
		 .s1space = QMAC_SPACE_ACC, .src1 = 1, .dst = 2, .n0 = 65535, .n1 = 1, .lanes = 64, .shift = 40,
		 .bw = 32, .red_rows = 1, .red_lanes = 1},
	};
	uint32_t words[TEST_COUNT(commands)][QMAC_COMMAND_WORDS];
	struct qmac_device *device;

	CU_ASSERT_EQUAL_FATAL(qmac_device_create(&hw, &options, &device, NULL), QMAC_OK);
	pair_set_up(device, 0, KERNEL_RIG_BYTES, KERNEL_RIG_DATA, 4);
	for (int i = 0; i < TEST_COUNT(commands); i++)
		qmac_command_encode(&commands[i], words[i]);
	pair_submit(device, KERNEL_RIG_DATA, 4, words, TEST_COUNT(commands), 1 << 30);
	for (uint32_t lane = 0; lane < 64; lane += 63)
		CU_ASSERT_EQUAL((int64_t)qmac_device_peek(device, QMAC_SPACE_ACC, 2, lane), expected);
	CU_ASSERT_EQUAL(pair_counter(device, QMAC_COUNTER_REQUANT_SATURATIONS), 64 + saturations);
	qmac_device_destroy(device);
}

static void test_longest_dot(void)
{
	check_longest(26, 2 * 65535 * 64, 0);
#ifndef TEST_SANITIZED
	check_longest(27, INT64_MAX >> 40, 64); /* row by row: seconds under the sanitizers */
#endif
}

/* ---- containers ---------------------------------------------------------------------- */

static void test_containers(void)
{
	struct qmac_command store = {
		.opcode = QMAC_OPCODE_STORE, .space = QMAC_SPACE_ACC, .row = 3, .n0 = 2, .n1 = 1, .n2 = 1, .hi0 = 1,
		.ds0 = 2, .s0 = 256, .len = 19, .lane0 = 1,
	};
	const struct qmac_hw hw = hw_of(2, 20, 16, 16, 64);
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (store.container = 0; store.container < 4; store.container++)
		for (int way = 0; way < 16; way++) {
			int bits = 8 << store.container;
			int64_t edge = way & 1 ? qmac_max_of(bits) : qmac_min_of(bits);
			bool beyond = way & 2 && store.container != QMAC_CONTAINER_DOUBLE;

			edge += !beyond ? 0 : way & 1 ? 1 : -1;
			store.is_signed = way >> 2 & 1;
			kernel_rig_load_rows(&rig, 0, 10, 1, 0);
			kernel_rig_load_rows(&rig, way & 8 ? 3 : 5, 1, 1, edge);
			CU_ASSERT_EQUAL(kernel_rig_execute(&rig, &store).container_saturations,
			                store.is_signed ? 19U * beyond : edge < 0 ? 19U : 0U);
		}
	kernel_rig_close(&rig);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"words in ACC, however they got there", test_writers},
		{"rows that are written in part", test_parts},
		{"a sum that just fits, in one of many rows", test_raise},
		{"sums on top of sums", test_sums},
		{"sums of wide products", test_wide},
		{"vector arithmetic", test_vec},
		{"dot products", test_dot},
		{"the longest dot product", test_longest_dot},
		{"containers", test_containers},
	};

	return test_main("test_bounds", cases, TEST_COUNT(cases));
}
