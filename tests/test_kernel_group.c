/*
 * Groups of GEMMs: every kernel, the oracle among them, against plain loops over the weights as they were
 * before they were packed.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "test.h"

enum {
	LANES = QMAC_LANES_MAX, POINTS = 90, ROOM = POINTS + QMAC_POINTS_STEP, PASSES = 12, A_ROWS = 200,
	GUARD = 8, PITCH = LANES + GUARD
};

static uint64_t state;

static int64_t between(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

/* One group, with all that it points to; a, w: operands as they are kept. */
struct problem {
	struct qmac_gemm_group group;
	struct qmac_points points;
	int32_t point_a[ROOM], point_acc[ROOM], at[3][ROOM];
	struct qmac_pass pass[PASSES];
	const struct qmac_pass *passes[PASSES];
	int k[PASSES], w_mask[PASSES], lanes, a_bits, w_bits;
	int16_t a[(A_ROWS + 1) * LANES + LANES], w[PASSES][LANES * LANES + LANES];
	uint8_t a_bytes[(A_ROWS + 1) * LANES + LANES], w_bytes[LANES * LANES + LANES];
	int32_t packed[PASSES][LANES * LANES];
	int64_t acc[ROOM][PITCH], expected[ROOM][PITCH];
};

/* An operand as it is kept: sign extended; ends often. */
static int16_t operand(int bits)
{
	int64_t ends[] = {-(1 << (bits - 1)), (1 << (bits - 1)) - 1, -1, 0};

	return (int16_t)(between(0, 2) ? between(ends[0], ends[1]) : ends[between(0, 3)]);
}

/* Points of a nest whose rows of ACC differ, some of them without any in between. */
static void make_points(struct problem *p)
{
	int n[3] = {(int)between(1, 9), (int)between(1, 5), (int)between(1, 2)}, i = 0, gap = (int)between(0, 1);

	p->points = (struct qmac_points){0, p->point_a, p->point_acc, {p->at[0], p->at[1], p->at[2]}};
	for (int i2 = 0; i2 < n[2]; i2++)
		for (int i1 = 0; i1 < n[1]; i1++)
			for (int i0 = 0; i0 < n[0]; i0++, i++) {
				p->at[0][i] = i0, p->at[1][i] = i1, p->at[2][i] = i2;
				p->point_a[i] = (i2 * 50 + i1 * 9 + i0) * p->lanes;
				p->point_acc[i] = i + gap * i1 / 2;
			}
	p->points.count = i;
	for (; i % QMAC_POINTS_STEP; i++) {
		for (int d = 0; d < 3; d++)
			p->at[d][i] = p->at[d][p->points.count - 1];
		p->point_a[i] = p->point_a[p->points.count - 1];
		p->point_acc[i] = p->point_acc[p->points.count - 1];
	}
}

static void make_pass(struct problem *p, const struct qmac_kernel *kernel, int index)
{
	enum qmac_packing packing = p->group.packing;
	struct qmac_pass *pass = &p->pass[index];

	*pass = (struct qmac_pass){.everywhere = between(0, 2) == 0, .weights = p->packed[index]};
	for (int d = 0; d < 3; d++) {
		pass->first[d] = pass->everywhere ? 0 : (int32_t)between(0, 3);
		pass->count[d] = pass->everywhere ? 10 : (int32_t)between(1, 6);
	}
	pass->a = (int32_t)between(0, 40) * p->lanes;
	p->k[index] = (int)between(1, p->lanes);
	p->w_mask[index] = between(0, 2) ? -1 : (1 << p->w_bits) - 1;
	if (packing >= QMAC_QUADS && packing != (p->w_mask[index] > INT8_MAX ? QMAC_UNSIGNED_QUADS : QMAC_QUADS))
		p->w_mask[index] = packing == QMAC_QUADS ? -1 : UINT8_MAX;
	for (int i = 0; i < LANES * LANES; i++) {
		p->w[index][i] = operand(p->w_bits);
		p->w_bytes[i] = (uint8_t)(p->w[index][i] + 128);
	}
	if (packing >= QMAC_QUADS)
		pass->units = kernel->pack_quads(p->k[index], p->group.n, p->w_mask[index],
		                                 (struct qmac_bytes){p->w_bytes, p->group.n}, p->packed[index]);
	else
		pass->units = kernel->pack(packing == QMAC_SPLIT_PAIRS, p->k[index], p->group.n, p->w_mask[index],
		                           (struct qmac_operands){p->w[index], p->group.n}, p->packed[index]);
	p->passes[index] = pass;
}

/* Widest operands: 12 passes of 64 products of 10 and 11 bits, or of 13 and the low 8 of 16, fit 32 bits. */
static void choose_widths(struct problem *p, enum qmac_packing packing)
{
	static const int a_bits[] = {0, 10, 13, 8, 8}, w_bits[] = {0, 11, 16, 8, 8};

	p->a_bits = (int)between(2, a_bits[packing]);
	p->w_bits = packing == QMAC_UNSIGNED_QUADS ? 8 : (int)between(2, w_bits[packing]);
	if (packing >= QMAC_QUADS && between(0, 1))
		p->a_bits = p->w_bits = 8;
}

static void make(struct problem *p, const struct qmac_kernel *kernel, int n)
{
	enum qmac_packing packing = (enum qmac_packing)between(QMAC_PAIRS, QMAC_UNSIGNED_QUADS);

	memset(p, 0, sizeof *p);
	p->lanes = (int)between(1, LANES);
	choose_widths(p, packing);
	p->group = (struct qmac_gemm_group){
		.points = &p->points, .passes = p->passes, .pass_count = (int)between(1, PASSES), .a = p->a,
		.a_bytes = p->a_bytes, .zeros = A_ROWS * p->lanes, .n = n,
		.a_mask = between(0, 1) ? -1 : (1 << p->a_bits) - 1,
		.shift = between(0, 1) ? 0 : (int)between(1, 20), .accumulate = between(0, 1), .packing = packing,
		.acc = p->acc[0], .acc_step = PITCH,
	};
	for (int i = 0; i < A_ROWS * p->lanes; i++)
		p->a[i] = operand(p->a_bits);
	for (int i = 0; i < (A_ROWS + 1) * LANES; i++)
		p->a_bytes[i] = (uint8_t)(p->a[i] + 128);
	make_points(p);
	for (int i = 0; i < p->group.pass_count; i++)
		make_pass(p, kernel, i);
	for (int i = 0; i < ROOM; i++)
		for (int j = 0; j < PITCH; j++)
			p->acc[i][j] = p->expected[i][j] = between(-(1LL << 40), 1LL << 40);
}

static int64_t product_sum(const struct problem *p, int pass, int point, int j)
{
	const int16_t *a = p->a + p->pass[pass].a + p->point_a[point];
	int64_t sum = 0;

	for (int d = 0; d < 3; d++) {
		int32_t at = p->at[d][point] - p->pass[pass].first[d];

		if (at < 0 || at >= p->pass[pass].count[d])
			return 0;
	}
	for (int r = 0; r < p->k[pass]; r++)
		sum += (int64_t)(a[r] & p->group.a_mask) * (p->w[pass][r * p->group.n + j] & p->w_mask[pass]);
	return sum;
}

static int group_differs(const struct qmac_kernel *kernel, int n)
{
	static struct problem p;

	make(&p, kernel, n);
	for (int i = 0; i < p.points.count; i++)
		for (int j = 0; j < n; j++) {
			int64_t sum = 0, *to = &p.expected[p.point_acc[i]][j];

			for (int k = 0; k < p.group.pass_count; k++)
				sum += product_sum(&p, k, i, j);
			*to = (p.group.accumulate ? *to : 0) + sum * ((int64_t)1 << p.group.shift);
		}
	kernel->gemm_group(&p.group);
	if (memcmp(p.acc, p.expected, sizeof p.acc) == 0)
		return 0;
	printf("\n    %s differs: n %d, %d passes, packing %d, mask %d ", kernel->name, n, p.group.pass_count,
	       (int)p.group.packing, p.group.a_mask);
	return 1;
}

static void test_groups(void)
{
	state = test_seed();
	for (const char *const *name = qmac_kernel_names(); *name; name++) {
		const struct qmac_kernel *kernel = NULL;
		int wrong = 0;

		CU_ASSERT_EQUAL_FATAL(qmac_kernel_find(*name, &kernel, NULL), QMAC_OK);
		for (int n = 1; n <= LANES; n++)
			for (int i = 0; i < 12 && !wrong; i++)
				wrong += group_differs(kernel, n);
		CU_ASSERT_EQUAL(wrong, 0);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"all kernels, and plain loops, add groups alike", test_groups},
	};

	return test_main("test_kernel_group", cases, TEST_COUNT(cases));
}
