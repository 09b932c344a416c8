/*
 * VEC by hand: affine maps, sums of what is written, range monitors, and rows that are read once. Every
 * command goes through all kernels and the slow reference, too.
 */
#include <string.h>

#include "num/fixed.h"
#include "reference/device_pair.h"
#include "reference/kernel_rig.h"
#include "test.h"

enum { COLS = 3 };

#define BIT(n) ((int64_t)1 << (n))

static bool open_rig(struct kernel_rig *rig, int acc_bits)
{
	const struct qmac_hw hw = {
		.rows = 4, .cols = COLS, .a_bits = 8, .w_bits = 8, .acc_bits = acc_bits,
		.acc_overflow = QMAC_OVERFLOW_WRAP, .os_max = 256, .a_depth = 32, .w_depth = 32, .acc_depth = 64,
		.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .queue_depth = 4, .lut_bits = 5, .lut_ports = 1,
		.clock_mhz = 500, .dram_latency = 20, .dram_bytes_per_cycle = 2048, .dram_banks = 8,
		.dram_row_bytes = 2048,
	};

	return kernel_rig_open(rig, &hw);
}

static void put_row(struct kernel_rig *rig, unsigned space, uint32_t row, int64_t a, int64_t b, int64_t c)
{
	kernel_rig_put(rig, space, row, 0, a);
	kernel_rig_put(rig, space, row, 1, b);
	kernel_rig_put(rig, space, row, 2, c);
}

static bool acc_is(const struct kernel_rig *rig, uint32_t row, int64_t a, int64_t b, int64_t c)
{
	const struct qmac_device *device = rig->device[0];

	return (int64_t)qmac_device_peek(device, QMAC_SPACE_ACC, row, 0) == a &&
	       (int64_t)qmac_device_peek(device, QMAC_SPACE_ACC, row, 1) == b &&
	       (int64_t)qmac_device_peek(device, QMAC_SPACE_ACC, row, 2) == c;
}

static uint64_t saturations(struct kernel_rig *rig, const struct qmac_command *c)
{
	return kernel_rig_execute(rig, c).requant_saturations;
}

/* ---- affine ---------------------------------------------------------------------------- */

/* src0 from row 0, src1 from row 10, coefficients from row 20, results from row 40 on. */
#define AFFINE \
	.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_AFFINE, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC, \
	.dspace = QMAC_SPACE_ACC, .src1 = 10, .coef = 20, .dst = 40, .a0 = 1, .b0 = 1, .d0 = 1, .lanes = COLS

static void test_affine(void)
{
	struct qmac_command c = {AFFINE, .n1 = 1, .n0 = 2, .bw = 40};
	struct kernel_rig rig;

	if (!open_rig(&rig, 40))
		return;
	put_row(&rig, QMAC_SPACE_ACC, 0, 3, -2, 1000);
	put_row(&rig, QMAC_SPACE_ACC, 1, 0, 5, -7);
	put_row(&rig, QMAC_SPACE_ACC, 10, 10, 20, 30);
	put_row(&rig, QMAC_SPACE_ACC, 11, 1, 1, 1);
	put_row(&rig, QMAC_SPACE_ACC, 20, 2, -1, 131072);    /* the last becomes 131,071 */
	put_row(&rig, QMAC_SPACE_ACC, 21, 5, -131073, 0);    /* that in the middle -131,072 */
	put_row(&rig, QMAC_SPACE_ACC, 22, 100, 7, BIT(38));  /* has the accumulator's width */
	CU_ASSERT_EQUAL(saturations(&rig, &c), 2);
	CU_ASSERT(acc_is(&rig, 40, 6 + 50 + 100, 2 - 20 * 131072 + 7, 131071000 + BIT(38)));
	CU_ASSERT(acc_is(&rig, 41, 0 + 5 + 100, -5 - 131072 + 7, -7 * 131071 + BIT(38)));
	/* a lane that is not used is not clamped */
	c.lanes = 2;
	CU_ASSERT_EQUAL(saturations(&rig, &c), 1);
	c.lanes = 1;
	CU_ASSERT_EQUAL(saturations(&rig, &c), 0);
	/* reduced: over rows 156 + 105, over lanes all of them */
	c = (struct qmac_command){AFFINE, .n1 = 1, .n0 = 2, .bw = 40, .red_rows = 1};
	c.d0 = 0;
	CU_ASSERT_EQUAL(saturations(&rig, &c), 2 + 1);
	CU_ASSERT(acc_is(&rig, 40, 261, -2621431 - 131070, BIT(39) - 1)); /* clamped to bw */
	c.shift = 2;
	CU_ASSERT_EQUAL(saturations(&rig, &c), 2);
	CU_ASSERT(acc_is(&rig, 40, 65, -688126, (BIT(39) + 130153503) >> 2));
	c.red_lanes = 1;
	c.lanes = 2;
	CU_ASSERT_EQUAL(saturations(&rig, &c), 1);
	CU_ASSERT(acc_is(&rig, 40, -688060, -688060, (BIT(39) + 130153503) >> 2));
	kernel_rig_close(&rig);
}

/* Operands, signed and not; coefficients of each i1; in place. */
static void test_affine_step(void)
{
	struct qmac_command c = {AFFINE, .n1 = 2, .n0 = 2, .bw = 32, .d1 = 2, .a1 = 2, .b1 = 0};
	struct kernel_rig rig;

	if (!open_rig(&rig, 32))
		return;
	c.s0space = QMAC_SPACE_A;
	c.s1space = QMAC_SPACE_W;
	c.s0_unsigned = 1;
	for (uint32_t i = 0; i < 4; i++)
		put_row(&rig, QMAC_SPACE_A, i, -1, i, 3); /* 255 where unsigned */
	put_row(&rig, QMAC_SPACE_W, 10, -1, 1, 2);
	put_row(&rig, QMAC_SPACE_W, 11, 10, 20, 30);
	for (uint32_t i = 0; i < 6; i++)
		put_row(&rig, QMAC_SPACE_ACC, 20 + i, 10 + i, 20 + i, BIT(20) << i % 3 >> i % 3);
	CU_ASSERT_EQUAL(saturations(&rig, &c), 2);
	CU_ASSERT(acc_is(&rig, 40, 255 * 10 - 11 + 12, 0 + 21 + 22, 3 * 131071 + 2 * 131071 + BIT(20)));
	CU_ASSERT(acc_is(&rig, 43, 255 * 10 + 10 * 11 + 12, 3 * 20 + 20 * 21 + 22, 33 * 131071 + BIT(20)));
	c.coef_step = 1;
	CU_ASSERT_EQUAL(saturations(&rig, &c), 4); /* each i1 latches */
	CU_ASSERT(acc_is(&rig, 41, 255 * 10 + 10 * 11 + 12, 1 * 20 + 20 * 21 + 22, 33 * 131071 + BIT(20)));
	CU_ASSERT(acc_is(&rig, 42, 255 * 13 - 14 + 15, 2 * 23 + 24 + 25, 5 * 131071 + BIT(20)));
	CU_ASSERT(acc_is(&rig, 43, 255 * 13 + 10 * 14 + 15, 3 * 23 + 20 * 24 + 25, 33 * 131071 + BIT(20)));
	/* src0 in place, src1 the same row: x * (c0 + c1) + c2 */
	c = (struct qmac_command){AFFINE, .n1 = 1, .n0 = 2, .bw = 32};
	c.dst = c.src1 = 0;
	put_row(&rig, QMAC_SPACE_ACC, 0, 2, 3, 4);
	put_row(&rig, QMAC_SPACE_ACC, 1, -2, -3, 0);
	kernel_rig_execute(&rig, &c);
	CU_ASSERT(acc_is(&rig, 0, 2 * 21 + 12, 3 * 41 + 22, 8 * 131071 + BIT(20)));
	CU_ASSERT(acc_is(&rig, 1, -2 * 21 + 12, -3 * 41 + 22, BIT(20)));
	kernel_rig_close(&rig);
}

/* Terms far beyond 64 bits: only their sum counts. */
static void test_affine_wide(void)
{
	struct qmac_command c = {AFFINE, .n1 = 1, .n0 = 1, .bw = 63};
	struct kernel_rig rig;

	if (!open_rig(&rig, 64))
		return;
	put_row(&rig, QMAC_SPACE_ACC, 0, INT64_MAX, INT64_MIN, INT64_MIN);
	put_row(&rig, QMAC_SPACE_ACC, 10, INT64_MAX, INT64_MIN, INT64_MIN);
	put_row(&rig, QMAC_SPACE_ACC, 20, 131071, -131072, -1);
	put_row(&rig, QMAC_SPACE_ACC, 21, -131071, 131071, 1);
	put_row(&rig, QMAC_SPACE_ACC, 22, -5, INT64_MIN, BIT(62) - 1);
	CU_ASSERT_EQUAL(saturations(&rig, &c), 0);
	CU_ASSERT(acc_is(&rig, 40, -5, 0, BIT(62) - 1));
	/* one more than 2^63 - 1, one less than -2^63 */
	put_row(&rig, QMAC_SPACE_ACC, 0, INT64_MAX, INT64_MIN, INT64_MAX);
	put_row(&rig, QMAC_SPACE_ACC, 20, 1, 1, 1);
	put_row(&rig, QMAC_SPACE_ACC, 21, 0, 0, 0);
	put_row(&rig, QMAC_SPACE_ACC, 22, 1, -1, 0);
	c.shift = 1;
	CU_ASSERT_EQUAL(saturations(&rig, &c), 2);
	CU_ASSERT(acc_is(&rig, 40, BIT(62) - 1, -BIT(62), BIT(62) - 1));
	kernel_rig_close(&rig);
}

/* ---- sums ------------------------------------------------------------------------------ */

/* src0 from row 0, results from ACC row 40, sums from row 50 on: a requantisation that sums is max(x, x). */
#define SUMS \
	.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MAX, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC, \
	.dspace = QMAC_SPACE_ACC, .dst = 40, .a0 = 1, .b0 = 1, .d0 = 1, .sum = 50, .mult = 1

static void test_sums(void)
{
	struct qmac_command c = {SUMS, .n1 = 2, .n0 = 2, .bw = 8, .lanes = 2, .a1 = 2, .b1 = 2, .d1 = 2};
	struct kernel_rig rig;

	if (!open_rig(&rig, 40))
		return;
	put_row(&rig, QMAC_SPACE_ACC, 0, 1, 127, 0);
	put_row(&rig, QMAC_SPACE_ACC, 1, -5, 128, 0); /* clamped to 127 */
	put_row(&rig, QMAC_SPACE_ACC, 2, -128, 7, 0);
	put_row(&rig, QMAC_SPACE_ACC, 3, -129, 8, 0); /* clamped to -128 */
	put_row(&rig, QMAC_SPACE_ACC, 50, 9, 9, 9);
	put_row(&rig, QMAC_SPACE_ACC, 51, 9, 9, 9);
	CU_ASSERT_EQUAL(saturations(&rig, &c), 2);
	CU_ASSERT(acc_is(&rig, 50, -4, 254, 9)); /* assigned; the lane that is not used keeps its value */
	CU_ASSERT(acc_is(&rig, 51, -256, 15, 9));
	/* to A, of which a limb of three bits is cut: the sum is of what was before; after relu and rounding */
	c.dspace = QMAC_SPACE_A;
	c.dst = 0;
	c.nbits = 3;
	c.relu = 1;
	c.shift = 1;
	c.rnd = QMAC_ROUND_NEAREST; /* 0.5 to 0, 63.5 to 64, 3.5 to 4 */
	CU_ASSERT_EQUAL(saturations(&rig, &c), 0);
	CU_ASSERT(acc_is(&rig, 50, 0, 64 + 64, 9));
	CU_ASSERT(acc_is(&rig, 51, 0, 4 + 4, 9));
	CU_ASSERT_EQUAL(qmac_device_peek(rig.device[0], QMAC_SPACE_A, 2, 1), 0xFC); /* 4 in three bits */
	kernel_rig_close(&rig);
}

/* A sum that leaves the accumulator is clamped, though GEMM wraps, lane by lane; one that just fits not. */
static void test_sum_clamps(void)
{
	struct qmac_command c = {SUMS, .n1 = 1, .n0 = 4, .bw = 16, .lanes = 3};
	struct kernel_rig rig;

	if (!open_rig(&rig, 18))
		return;
	for (uint32_t i = 0; i < 4; i++)
		put_row(&rig, QMAC_SPACE_ACC, i, 32767, -32768, i < 3 ? -32768 : -32767);
	CU_ASSERT_EQUAL(saturations(&rig, &c), 0);
	CU_ASSERT(acc_is(&rig, 50, 4 * 32767, -131072, -131071));
	c.n0 = 5;
	put_row(&rig, QMAC_SPACE_ACC, 4, 4, -1, -1);
	CU_ASSERT_EQUAL(saturations(&rig, &c), 2); /* 131,072 and -131,073 do not fit, -131,072 does */
	CU_ASSERT(acc_is(&rig, 50, 131071, -131072, -131072));
	put_row(&rig, QMAC_SPACE_ACC, 4, 3, 0, -2);
	CU_ASSERT_EQUAL(saturations(&rig, &c), 1);
	CU_ASSERT(acc_is(&rig, 50, 131071, -131072, -131072));
	kernel_rig_close(&rig);
}

/* More than 64 bits on the way: exact, then clamped. */
static void test_sum_wide(void)
{
	struct qmac_command c = {SUMS, .n1 = 1, .n0 = 5, .bw = 63, .lanes = 3};
	const int64_t most = BIT(62) - 1;
	struct kernel_rig rig;

	if (!open_rig(&rig, 64))
		return;
	for (uint32_t i = 0; i < 5; i++)
		put_row(&rig, QMAC_SPACE_ACC, i, i < 3 ? most : -most, most, -most - 1);
	CU_ASSERT_EQUAL(saturations(&rig, &c), 2);
	CU_ASSERT(acc_is(&rig, 50, most, INT64_MAX, INT64_MIN));
	c.n0 = 2; /* 2^63 - 2, and -2^63 exactly */
	CU_ASSERT_EQUAL(saturations(&rig, &c), 0);
	CU_ASSERT(acc_is(&rig, 50, 2 * most, 2 * most, INT64_MIN));
	c.n0 = 3;
	CU_ASSERT_EQUAL(saturations(&rig, &c), 3);
	kernel_rig_close(&rig);
}

/* Long loops: more rows than a kernel takes at a time, of each i1 a sum of its own; affine, too. */
static void test_sum_long(void)
{
	struct qmac_command c = {SUMS, .n1 = 2, .n0 = 19, .bw = 30, .lanes = 3, .a1 = 1, .b1 = 1, .d1 = 0};
	struct kernel_rig rig;

	if (!open_rig(&rig, 32))
		return;
	for (uint32_t i = 0; i < 20; i++)
		put_row(&rig, QMAC_SPACE_ACC, i, 1, i, -(int64_t)i * i);
	c.dspace = QMAC_SPACE_W; /* the space whose rows are enough */
	c.dst = 0;
	c.d0 = c.d1 = 1;
	c.nbits = 8;
	c.n1 = 1;
	kernel_rig_execute(&rig, &c);
	CU_ASSERT(acc_is(&rig, 50, 19, 171, -2109));
	c.op = QMAC_OP_AFFINE; /* 2 x + 3 x + 1, and as much for the second i1 */
	c.mult = 0;
	c.coef = 30;
	put_row(&rig, QMAC_SPACE_ACC, 30, 2, 2, 2);
	put_row(&rig, QMAC_SPACE_ACC, 31, 3, 3, 3);
	put_row(&rig, QMAC_SPACE_ACC, 32, 1, 1, 1);
	put_row(&rig, QMAC_SPACE_ACC, 33, 0, 0, 0);
	put_row(&rig, QMAC_SPACE_ACC, 34, 1, 1, 1);
	put_row(&rig, QMAC_SPACE_ACC, 35, 0, 0, 0);
	c.coef_step = 1;
	c.n1 = 2;
	c.n0 = 18;
	c.d1 = 14;
	c.d0 = 1; /* rows of W that are written twice do not matter to the sums */
	kernel_rig_execute(&rig, &c);
	CU_ASSERT(acc_is(&rig, 50, 18 * 6, 5 * 153 + 18, -5 * 1785 + 18));
	CU_ASSERT(acc_is(&rig, 51, 18, 171, -2109));
	kernel_rig_close(&rig);
}

/* ---- monitors -------------------------------------------------------------------------- */

static uint32_t monitor(const struct kernel_rig *rig, uint32_t number)
{
	return qmac_device_read(rig->device[0], QMAC_MONITOR_BASE + 4 * number);
}

static uint32_t magnitudes(struct kernel_rig *rig, const struct qmac_command *c)
{
	uint32_t expected = kernel_rig_execute(rig, c).magnitudes;

	CU_ASSERT_EQUAL(rig->last[0].magnitudes, expected);
	return expected;
}

static void test_magnitudes(void)
{
	struct qmac_command c = {SUMS, .n1 = 1, .n0 = 2, .bw = 63, .lanes = 3, .monitor = 5};
	struct kernel_rig rig;

	if (!open_rig(&rig, 64))
		return;
	c.sum = 0;
	put_row(&rig, QMAC_SPACE_ACC, 0, 5, -128, 0);
	put_row(&rig, QMAC_SPACE_ACC, 1, 0, 0, 1 << 30);
	CU_ASSERT_EQUAL(magnitudes(&rig, &c), 5 | 128 | 1 << 30);
	c.lanes = 2; /* lanes that are not written do not count */
	CU_ASSERT_EQUAL(magnitudes(&rig, &c), 5 | 128);
	c.relu = 1;
	CU_ASSERT_EQUAL(magnitudes(&rig, &c), 5);
	c.relu = 0;
	c.bw = 3; /* before the clamp to 3 and -4 */
	CU_ASSERT_EQUAL(magnitudes(&rig, &c), 5 | 128);
	c.shift = 1; /* behind the rounding: 2.5 and -64 */
	c.rnd = QMAC_ROUND_NEAREST;
	CU_ASSERT_EQUAL(magnitudes(&rig, &c), 2 | 64);
	c.red_lanes = 1; /* -123 / 2 to -62 in both lanes */
	c.op = QMAC_OP_SUB;
	c.s1space = QMAC_SPACE_IMM;
	c.b0 = c.src1 = 0;
	CU_ASSERT_EQUAL(magnitudes(&rig, &c), 62);
	c.monitor = 0;
	CU_ASSERT_EQUAL(magnitudes(&rig, &c), 0);
	CU_ASSERT_EQUAL(monitor(&rig, 5), 5 | 128 | 1 << 30 | 2 | 64 | 62);
	kernel_rig_close(&rig);
}

/* Bit 31 is all that is above, too; a magnitude of 2^63 there is. */
static void test_large_magnitudes(void)
{
	static const struct {
		int64_t x;
		uint32_t magnitudes;
	} cases[] = {
		{BIT(31) - 1, 0x7FFFFFFF}, {-BIT(31) + 1, 0x7FFFFFFF}, {BIT(31), 0x80000000}, {-BIT(31), 0x80000000},
		{BIT(32), 0x80000000}, {-BIT(32) - 9, 0x80000009}, {BIT(62) + 3, 0x80000003}, {INT64_MAX, 0xFFFFFFFF},
		{INT64_MIN, 0x80000000}, {INT64_MIN + 1, 0xFFFFFFFF}, {0, 0},
	};
	struct qmac_command c = {SUMS, .n1 = 1, .n0 = 1, .bw = 20, .lanes = 1, .monitor = 127};
	struct kernel_rig rig;

	if (!open_rig(&rig, 64))
		return;
	c.sum = 0;
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		put_row(&rig, QMAC_SPACE_ACC, 0, cases[i].x, -1, -1);
		CU_ASSERT_EQUAL(magnitudes(&rig, &c), cases[i].magnitudes);
	}
	kernel_rig_close(&rig);
}

/* Of each monitor its own; a write of any value clears one, reset all; a reset at 0x1FC and 0x400 nothing. */
static void test_monitor_registers(void)
{
	struct qmac_command c = {SUMS, .n1 = 1, .n0 = 1, .bw = 20, .lanes = 1};
	struct kernel_rig rig;
	struct qmac_device *device;

	if (!open_rig(&rig, 64))
		return;
	device = rig.device[0];
	c.sum = 0;
	for (c.monitor = 1; c.monitor < QMAC_MONITORS; c.monitor++) {
		put_row(&rig, QMAC_SPACE_ACC, 0, c.monitor, 0, 0);
		kernel_rig_execute(&rig, &c);
	}
	for (uint32_t m = 0; m < QMAC_MONITORS; m++)
		CU_ASSERT_EQUAL(monitor(&rig, m), m);
	for (uint32_t offset = QMAC_MONITOR_BASE + 4; offset < QMAC_MONITOR_BASE + 8; offset++)
		CU_ASSERT_EQUAL(qmac_device_read(device, offset), offset == QMAC_MONITOR_BASE + 4);
	CU_ASSERT_EQUAL(qmac_device_read(device, QMAC_MONITOR_BASE + 4 * QMAC_MONITORS), 0);
	CU_ASSERT_EQUAL(qmac_device_read(device, QMAC_MONITOR_BASE - 4), 0);
	qmac_device_write(device, QMAC_MONITOR_BASE + 4 * 6 + 1, 0); /* no register */
	qmac_device_write(device, QMAC_MONITOR_BASE + 4 * QMAC_MONITORS, 0);
	qmac_device_write(device, QMAC_MONITOR_BASE, 7);
	CU_ASSERT_EQUAL(monitor(&rig, 6), 6);
	CU_ASSERT_EQUAL(monitor(&rig, 127), 127);
	CU_ASSERT_EQUAL(monitor(&rig, 0), 0);
	qmac_device_write(device, QMAC_MONITOR_BASE + 4 * 6, 0xFFFFFFFF);
	qmac_device_write(device, QMAC_MONITOR_BASE + 4 * 127, 0);
	for (uint32_t m = 0; m < QMAC_MONITORS; m++)
		CU_ASSERT_EQUAL(monitor(&rig, m), m == 6 || m == 127 ? 0 : m);
	qmac_device_write(device, QMAC_REG_CONTROL, 1);
	for (uint32_t m = 0; m < QMAC_MONITORS; m++)
		CU_ASSERT_EQUAL(monitor(&rig, m), 0);
	kernel_rig_close(&rig);
}

/* ---- how often rows are read ----------------------------------------------------------- */

struct row_case {
	struct qmac_command command;
	uint64_t a_reads, w_reads, acc_reads, acc_writes, mults;
};

/* Two lanes, 3 x 4 iterations where nothing else is said; ACC has 64 rows, A and W 32. */
#define ROWS(to, from0, from1, ...) \
	.opcode = QMAC_OPCODE_VEC, .dspace = QMAC_SPACE_##to, .s0space = QMAC_SPACE_##from0, \
	.s1space = QMAC_SPACE_##from1, .a0 = 1, .a1 = 4, .lanes = 2, __VA_ARGS__

static const struct row_case row_cases[] = {
	/* one row for both: with the same strides everywhere */
	{{ROWS(A, ACC, ACC, .b0 = 1, .b1 = 4)}, 0, 0, 12, 0, 0},
	{{ROWS(A, ACC, ACC, .b0 = 1, .b1 = 4, .src1 = 1)}, 0, 0, 24, 0, 0},
	{{ROWS(A, ACC, W, .b0 = 1, .b1 = 4)}, 0, 12, 12, 0, 0}, /* the same number in another space */
	{{ROWS(W, A, A, .b0 = 1, .b1 = 4, .src1 = 1)}, 24, 0, 0, 0, 0},
	{{ROWS(A, W, W, .b0 = 1, .b1 = 4)}, 0, 12, 0, 0, 0},
	/* with other strides they meet now and then; src0 is i0 + 4 i1 */
	/* at 3 i1 = 3 + i0, which are (1,0) and (2,3) */
	{{ROWS(A, ACC, ACC, .src1 = 3, .b0 = 2, .b1 = 1)}, 0, 0, 12 + 10, 0, 0},
	{{ROWS(A, ACC, ACC, .src1 = 0, .b0 = 2, .b1 = 4)}, 0, 0, 12 + 9, 0, 0}, /* at i0 = 0 */
	{{ROWS(A, ACC, ACC, .src0 = 3, .b0 = 2, .b1 = 4)}, 0, 0, 12 + 9, 0, 0}, /* at i0 = 3 */
	/* held: read at i0 = 0 of each i1, unless src0 stands there */
	{{ROWS(A, ACC, ACC, .src1 = 40)}, 0, 0, 12 + 3, 0, 0},
	{{ROWS(A, ACC, ACC, .src1 = 40, .b1 = 1)}, 0, 0, 12 + 3, 0, 0},
	{{ROWS(A, ACC, W, .src1 = 9)}, 0, 3, 12, 0, 0},
	{{ROWS(A, ACC, ACC, .b1 = 4)}, 0, 0, 12, 0, 0},
	{{ROWS(A, ACC, ACC, .b1 = 0)}, 0, 0, 12 + 2, 0, 0},
	{{ROWS(A, ACC, ACC, .src1 = 3, .b1 = 1)}, 0, 0, 12 + 2, 0, 0}, /* rows 3, 4 and 5, src0 at 0, 4 and 8 */
	{{ROWS(A, ACC, ACC, .n0 = 1, .n1 = 12, .src1 = 40, .b1 = 1)}, 0, 0, 24, 0, 0},
	{{ROWS(A, ACC, ACC, .n1 = 1, .src1 = 2)}, 0, 0, 4 + 1, 0, 0},
	/* src0 is read in every iteration, that of an immediate or a lookup, too */
	{{.opcode = QMAC_OPCODE_VEC, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC, .lanes = 2, .b0 = 1,
	  .src1 = 40}, 0, 0, 12 + 12, 0, 0},
	{{.opcode = QMAC_OPCODE_VEC, .s0space = QMAC_SPACE_W, .s1space = QMAC_SPACE_IMM, .lanes = 2},
	 0, 12, 0, 0, 0},
	{{.op = QMAC_OP_LOOKUP, .opcode = QMAC_OPCODE_VEC, .s0space = QMAC_SPACE_W, .lanes = 2, .in_bits = 8,
	  .lut_n = 3}, 0, 12, 0, 0, 24},
	/* reductions read as others do */
	{{ROWS(ACC, A, A, .b0 = 1, .b1 = 4, .red_rows = 1)}, 12, 0, 0, 3, 0},
	{{ROWS(ACC, A, A, .b1 = 4, .src1 = 20, .red_lanes = 1)}, 15, 0, 0, 12, 0},
	/* coefficients and sums */
	{{ROWS(A, W, W, .b0 = 1, .b1 = 4, .op = QMAC_OP_AFFINE, .coef = 3)}, 0, 12, 3, 0, 48},
	{{ROWS(A, W, W, .b0 = 1, .b1 = 4, .op = QMAC_OP_AFFINE, .coef_step = 1)}, 0, 12, 9, 0, 48},
	{{ROWS(A, W, ACC, .b1 = 1, .op = QMAC_OP_AFFINE, .coef_step = 1)}, 0, 12, 3 + 9, 0, 48},
	{{ROWS(ACC, W, W, .b0 = 1, .b1 = 4, .op = QMAC_OP_AFFINE, .sum = 61, .dst = 20)}, 0, 12, 3, 12 + 3, 48},
	{{ROWS(A, ACC, ACC, .b0 = 1, .b1 = 4, .sum = 61)}, 0, 0, 12, 3, 0},
	{{ROWS(A, ACC, ACC, .b0 = 1, .b1 = 4, .sum = 61, .mult = 3)}, 0, 0, 12, 3, 24},
	{{ROWS(A, ACC, ACC, .b0 = 1, .b1 = 4, .sum = 61, .op = QMAC_OP_MUL)}, 0, 0, 12, 3, 24},
};

static void test_rows(void)
{
	static const int counters[] = {
		QMAC_COUNTER_A_READS, QMAC_COUNTER_W_READS, QMAC_COUNTER_ACC_READS, QMAC_COUNTER_ACC_WRITES,
		QMAC_COUNTER_VEC_MULTS,
	};
	struct kernel_rig rig;

	if (!open_rig(&rig, 32))
		return;
	for (int i = 0; i < TEST_COUNT(row_cases); i++) {
		const struct row_case *r = &row_cases[i];
		const uint64_t expected[] = {r->a_reads, r->w_reads, r->acc_reads, r->acc_writes, r->mults};
		struct qmac_command c = r->command;
		uint64_t before[TEST_COUNT(counters)];

		c.n0 = c.n0 ? c.n0 : 4;
		c.n1 = c.n1 ? c.n1 : 3;
		c.bw = 8;
		c.d0 = !c.red_rows;
		c.d1 = c.n0;
		c.nbits = c.dspace == QMAC_SPACE_ACC ? 0 : 8;
		for (int k = 0; k < TEST_COUNT(counters); k++)
			before[k] = pair_counter(rig.device[0], counters[k]);
		kernel_rig_execute(&rig, &c);
		for (int k = 0; k < TEST_COUNT(counters); k++)
			CU_ASSERT_EQUAL(pair_counter(rig.device[0], counters[k]) - before[k], expected[k]);
	}
	kernel_rig_close(&rig);
}

/* Each i1 writes two of the rows that the one before wrote: what is left is the last, digests have all. */
static void test_rows_again(void)
{
	const struct qmac_command c = {
		.opcode = QMAC_OPCODE_VEC, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM, .mult = 1, .bw = 20,
		.dspace = QMAC_SPACE_ACC, .dst = 40, .n0 = 3, .n1 = 3, .a1 = 1, .d0 = 1, .d1 = 1, .lanes = COLS,
	};
	struct kernel_rig rig;

	if (!open_rig(&rig, 40))
		return;
	put_row(&rig, QMAC_SPACE_ACC, 1, 1, 2, 3);
	kernel_rig_execute(&rig, &c);
	CU_ASSERT(acc_is(&rig, 41, 1, 2, 3) && acc_is(&rig, 42, 0, 0, 0));
	kernel_rig_close(&rig);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"affine maps", test_affine},
		{"coefficients of each i1, operands, in place", test_affine_step},
		{"terms beyond 64 bits", test_affine_wide},
		{"sums of what is written", test_sums},
		{"sums at the edge of the accumulator", test_sum_clamps},
		{"sums beyond 64 bits", test_sum_wide},
		{"sums over many rows", test_sum_long},
		{"magnitudes", test_magnitudes},
		{"large magnitudes", test_large_magnitudes},
		{"registers of monitors", test_monitor_registers},
		{"how often rows are read", test_rows},
		{"rows that are written again", test_rows_again},
	};

	return test_main("test_vec", cases, TEST_COUNT(cases));
}
