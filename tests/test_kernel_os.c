/*
 * Output-stationary GEMMs: every kernel, the oracle among them, against plain loops, in every packing; and
 * sums of products of counts over the same loop nests.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "test.h"

enum {
	LANES = QMAC_LANES_MAX, ROWS = 900, ROOM = ROWS * LANES + LANES, GUARD = 8, PITCH = LANES + GUARD,
	ITERATIONS = 700
};

static uint64_t state;

static int64_t between(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

/* One GEMM, with all that it points to. */
struct problem {
	struct qmac_gemm_os g;
	struct qmac_nest nest;
	int16_t a[ROOM], w[ROOM];
	uint8_t a_bytes[ROOM], w_bytes[ROOM];
	int64_t acc[PITCH][PITCH], expected[PITCH][PITCH];
};

/* An operand as it is kept: sign extended; ends often, or always. */
static int16_t operand(int bits, bool ends)
{
	int64_t low = -(1 << (bits - 1)), corners[] = {low, -low - 1, -1, 0};

	if (ends)
		return (int16_t)low;
	return (int16_t)(between(0, 2) ? between(low, -low - 1) : corners[between(0, 3)]);
}

static void make_operands(int bits, int lanes, bool ends, int16_t *operands, uint8_t *bytes)
{
	for (int i = 0; i < ROWS * lanes + LANES; i++) {
		operands[i] = operand(bits, ends);
		bytes[i] = (uint8_t)(operands[i] + 128);
	}
}

/* Counts and steps such that rows of both spaces lie in these. */
static void make_nest(struct qmac_nest *n)
{
	static const int64_t steps[] = {1, 1, 1, 2, 0};

	for (int d = 0; d < 3; d++) {
		n->count[d] = (uint32_t)between(1, d == 0 ? 40 : 4);
		n->a[d] = (uint32_t)(d == 0 ? steps[between(0, 4)] : between(0, 50));
		n->other[d] = (uint32_t)(d == 0 ? steps[between(0, 4)] : between(0, 50));
	}
	if (between(0, 3) == 0) {
		*n = (struct qmac_nest){{1, 1, 1}, {1, 0, 0}, {1, 0, 0}};
		n->count[0] = (uint32_t)between(1, ITERATIONS);
	}
}

/* Operands of a packing, often the widest; masks; how many iterations may be added up in 32 bits. */
static void make_formats(struct qmac_gemm_os *g, int *a_bits, int *w_bits)
{
	static const int widest[][2] = {{16, 16}, {12, 12}, {16, 16}, {8, 8}, {8, 8}};
	bool quads = g->packing >= QMAC_QUADS, widest_now = between(0, 1);
	int64_t a_largest, w_largest;

	*a_bits = widest_now ? widest[g->packing][0] : (int)between(2, widest[g->packing][0]);
	*w_bits = widest_now ? widest[g->packing][1] : (int)between(2, widest[g->packing][1]);
	g->a_mask = between(0, 1) ? -1 : (1 << *a_bits) - 1;
	g->w_mask = between(0, 1) ? -1 : (1 << *w_bits) - 1;
	if (!quads && g->packing != QMAC_SINGLES && g->a_mask > INT16_MAX)
		g->a_mask = -1;
	if (g->packing == QMAC_UNSIGNED_QUADS)
		*w_bits = 8, g->w_mask = UINT8_MAX;
	else if (quads && g->w_mask > INT8_MAX)
		g->w_mask = -1;
	a_largest = g->a_mask == -1 ? 1 << (*a_bits - 1) : g->a_mask;
	w_largest = g->packing == QMAC_SPLIT_PAIRS ? UINT8_MAX : g->w_mask == -1 ? 1 << (*w_bits - 1) : g->w_mask;
	g->together = (uint32_t)(INT32_MAX / (a_largest * w_largest));
	if (g->together > QMAC_OS_SLOTS && between(0, 1))
		g->together = (uint32_t)between(QMAC_OS_SLOTS, g->together < 600 ? g->together : 600);
}

static void make(struct problem *p, int n)
{
	bool ends = between(0, 5) == 0; /* of the lowest operands alone, too many for 32 bits */
	int a_bits, w_bits;

	p->g = (struct qmac_gemm_os){
		.nest = &p->nest, .a_lanes = (int)between(1, LANES), .w_lanes = (int)between(n, LANES), .a = p->a,
		.w = p->w, .a_bytes = p->a_bytes, .w_bytes = p->w_bytes, .n = n,
		.packing = (enum qmac_packing)between(QMAC_SINGLES, QMAC_UNSIGNED_QUADS),
		.shift = between(0, 1) ? 0 : (int)between(1, 16), .accumulate = between(0, 1), .acc = p->acc[0],
		.acc_step = PITCH,
	};
	if (between(0, 3) == 0)
		p->g.a_lanes = p->g.w_lanes = 16;
	if (p->g.w_lanes < n)
		p->g.w_lanes = n;
	p->g.k = (int)between(1, p->g.a_lanes);
	make_formats(&p->g, &a_bits, &w_bits);
	make_nest(&p->nest);
	if (ends)
		p->nest = (struct qmac_nest){{ITERATIONS, 1, 1}, {1, 0, 0}, {1, 0, 0}};
	make_operands(a_bits, p->g.a_lanes, ends, p->a, p->a_bytes);
	make_operands(w_bits, p->g.w_lanes, ends, p->w, p->w_bytes);
	for (int r = 0; r < PITCH; r++)
		for (int j = 0; j < PITCH; j++)
			p->acc[r][j] = p->expected[r][j] = between(-(1LL << 40), 1LL << 40);
}

/* One word. */
static int64_t expected_sum(const struct problem *p, int r, int j)
{
	const struct qmac_nest *n = &p->nest;
	int64_t sum = 0;

	for (uint32_t i2 = 0; i2 < n->count[2]; i2++)
		for (uint32_t i1 = 0; i1 < n->count[1]; i1++)
			for (uint32_t i0 = 0; i0 < n->count[0]; i0++) {
				uint32_t a = i2 * n->a[2] + i1 * n->a[1] + i0 * n->a[0];
				uint32_t w = i2 * n->other[2] + i1 * n->other[1] + i0 * n->other[0];

				sum += (int64_t)(p->a[a * (uint32_t)p->g.a_lanes + (uint32_t)r] & p->g.a_mask) *
				       (p->w[w * (uint32_t)p->g.w_lanes + (uint32_t)j] & p->g.w_mask);
			}
	return sum;
}

static int os_differs(const struct qmac_kernel *kernel, int n)
{
	static struct problem p;

	make(&p, n);
	for (int r = 0; r < p.g.k; r++)
		for (int j = 0; j < n; j++)
			p.expected[r][j] = (p.g.accumulate ? p.expected[r][j] : 0) +
			                   expected_sum(&p, r, j) * ((int64_t)1 << p.g.shift);
	kernel->gemm_os(&p.g);
	if (memcmp(p.acc, p.expected, sizeof p.acc) == 0)
		return 0;
	printf("\n    %s differs: k %d, n %d, %u x %u x %u, packing %d, masks %d %d, %u together ", kernel->name,
	       p.g.k, n, p.nest.count[2], p.nest.count[1], p.nest.count[0], (int)p.g.packing, p.g.a_mask,
	       p.g.w_mask, p.g.together);
	return 1;
}

static int all_os_differ(const struct qmac_kernel *kernel)
{
	int wrong = 0;

	for (int n = 1; n <= LANES; n++)
		for (int i = 0; i < 6 && !wrong; i++)
			wrong += os_differs(kernel, n);
	return wrong;
}

static int dots_differ(const struct qmac_kernel *kernel)
{
	uint8_t a[ROWS], b[ROWS];
	int wrong = 0;

	for (int i = 0; i < ROWS; i++) {
		a[i] = (uint8_t)(between(0, 3) ? between(0, LANES) : LANES);
		b[i] = (uint8_t)(between(0, 3) ? between(0, LANES) : LANES);
	}
	for (int i = 0; i < 200; i++) {
		struct qmac_nest n;
		uint32_t sum = 0;

		make_nest(&n);
		for (uint32_t i2 = 0; i2 < n.count[2]; i2++)
			for (uint32_t i1 = 0; i1 < n.count[1]; i1++)
				for (uint32_t i0 = 0; i0 < n.count[0]; i0++)
					sum += (uint32_t)a[i2 * n.a[2] + i1 * n.a[1] + i0 * n.a[0]] *
					       b[i2 * n.other[2] + i1 * n.other[1] + i0 * n.other[0]];
		wrong += kernel->dot_counts(&n, a, b) != sum;
	}
	return wrong;
}

/* Runs `check` for every kernel. */
static void each_kernel(int (*check)(const struct qmac_kernel *))
{
	state = test_seed();
	for (const char *const *name = qmac_kernel_names(); *name; name++) {
		const struct qmac_kernel *kernel = NULL;

		CU_ASSERT_EQUAL_FATAL(qmac_kernel_find(*name, &kernel, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(check(kernel), 0);
	}
}

static void test_products(void)
{
	each_kernel(all_os_differ);
}

static void test_counts(void)
{
	each_kernel(dots_differ);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"all kernels, and plain loops, add up the same products", test_products},
		{"sums of products of counts", test_counts},
	};

	return test_main("test_kernel_os", cases, TEST_COUNT(cases));
}
