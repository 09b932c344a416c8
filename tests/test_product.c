/*
 * Matrix products through a program and the driver against a plain triple loop: random shapes,
 * widths, layouts and hardware. Every run's counters must be those planned, no sum may
 * saturate, and every command stream must be race-free; streams are also executed in
 * random legal orders of the engines. Convolutions: test_conv.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "lower/chunk.h"
#include "lower/product.h"
#include "num/fixed.h"
#include "reference/product_bench.h"
#include "reference/test_tensor.h"
#include "test.h"

enum { CASES = 100, DEVICES = 2, ELEMENTS_MAX = 150 * 150, WORK_MAX = 1 << 14, PASSES_MAX = 3000 };

/* What a product is, but for where its matrices lie. */
struct shape {
	enum qmac_form form;
	int64_t m, n, k;
	struct qmac_element a, b;
	unsigned c_container;
	bool accumulate;
	int c_bits;
	bool allow_saturation;
	bool b_transposed; /* B lies in memory as n x k */
};

/* One problem in plain numbers, and its solution. Matrices are dense here. */
struct problem {
	struct shape shape;
	int64_t a[ELEMENTS_MAX], b[ELEMENTS_MAX], c[ELEMENTS_MAX], expected[ELEMENTS_MAX];
};

static uint64_t state;
static struct {
	int runs, form[2], split_k, tiles, pairs, reused, accumulated, refused, stepwise, transposed;
} seen;

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

/* ---- what is to be computed -------------------------------------------------------- */

/* A matrix of the shape, rows apart by chance; as it is stored. */
static struct qmac_view matrix(struct qmac_element e, int64_t rows, int64_t cols, bool transposed)
{
	uint64_t unit = (uint64_t)1 << e.container, offset = (uint64_t)pick(0, 3) * unit;
	uint64_t row = ((uint64_t)(transposed ? rows : cols) + (pick(0, 1) ? 0 : (uint64_t)pick(1, 20))) * unit;

	return transposed ? qmac_view_transposed(offset, e, rows, cols, row)
	                  : qmac_view_matrix(offset, e, rows, cols, row);
}

static struct qmac_product product_of(const struct shape *s)
{
	bool ab = s->form == QMAC_FORM_AB;
	const struct qmac_element c = {
		.bits = 8 << s->c_container, .is_signed = true, .container = s->c_container,
	};

	return (struct qmac_product){
		.form = s->form, .window = qmac_window_none, .positions = {1, 1, ab ? s->m : s->k},
		.a = matrix(s->a, ab ? s->m : s->k, ab ? s->k : s->m, false),
		.b = matrix(s->b, s->k, s->n, s->b_transposed), .c = matrix(c, s->m, s->n, false),
		.accumulate = s->accumulate, .c_bits = s->c_bits, .allow_saturation = s->allow_saturation,
	};
}

static enum qmac_status make_plan(struct qmac_product_plan *plan, const struct shape *shape,
                                  const struct qmac_hw *hw, struct qmac_error *err)
{
	const struct qmac_product product = product_of(shape);

	return qmac_product_plan_make(plan, &product, hw, err);
}

static int result_bits(const struct shape *shape)
{
	const struct qmac_product product = product_of(shape);

	return qmac_product_result_bits(&product);
}

/* ---- the problem ------------------------------------------------------------------ */

static void solve(struct problem *p)
{
	const struct shape *s = &p->shape;

	for (int64_t i = 0; i < s->m; i++)
		for (int64_t j = 0; j < s->n; j++) {
			qmac_int128 sum = s->accumulate ? p->c[i * s->n + j] : 0;

			for (int64_t t = 0; t < s->k; t++)
				sum += (qmac_int128)p->a[s->form == QMAC_FORM_AB ? i * s->k + t : t * s->m + i] *
				       p->b[t * s->n + j];
			CU_ASSERT_FATAL(sum >= INT64_MIN && sum <= INT64_MAX);
			p->expected[i * s->n + j] = (int64_t)sum;
		}
}

/* An element: way 0 the most negative (largest unsigned), 1 mixed ends, else anything. */
static int64_t element(const struct qmac_element *e, int way)
{
	int64_t low = e->is_signed ? -((int64_t)1 << (e->bits - 1)) : 0;
	int64_t high = low + ((int64_t)1 << e->bits) - 1;

	if (way == 0)
		return e->is_signed ? low : high;
	if (way == 1)
		return pick(0, 1) ? low : high;
	return pick(0, 5) ? pick(low, high) : 0;
}

static void fill(struct problem *p)
{
	const struct shape *s = &p->shape;
	int way = (int)pick(0, 3);

	for (int64_t i = 0; i < s->m * s->k; i++)
		p->a[i] = element(&s->a, way);
	for (int64_t i = 0; i < s->k * s->n; i++)
		p->b[i] = element(&s->b, way);
	for (int64_t i = 0; i < s->m * s->n; i++)
		p->c[i] = s->accumulate ? pick(qmac_min_of(s->c_bits), qmac_max_of(s->c_bits)) : 77;
	solve(p);
}

static unsigned container_for(int bits)
{
	unsigned narrowest = (unsigned)(bits > 8) + (unsigned)(bits > 16); /* BYTE, HALF or WORD */

	return narrowest + (unsigned)(pick(0, 3) == 0);
}

static struct qmac_element random_element(void)
{
	struct qmac_element e = {.bits = (int)qmac_fuzz_pick(&state, 2, pick(0, 2) ? 17 : 32)};

	e.is_signed = pick(0, 2) != 0;
	e.container = container_for(e.bits);
	return e;
}

static void random_shape(struct shape *s)
{
	int64_t most = pick(0, 2) ? 40 : 150;

	memset(s, 0, sizeof *s);
	s->form = pick(0, 1) ? QMAC_FORM_AB : QMAC_FORM_ATB;
	s->m = qmac_fuzz_pick(&state, 1, most);
	s->n = qmac_fuzz_pick(&state, 1, most);
	s->k = qmac_fuzz_pick(&state, 1, WORK_MAX / (s->m * s->n) < most ? 1 + WORK_MAX / (s->m * s->n) : most);
	s->a = random_element();
	s->b = random_element();
	s->accumulate = pick(0, 2) == 0;
	s->c_bits = s->accumulate ? (int)pick(1, 32) : 0;
	s->b_transposed = s->form == QMAC_FORM_AB && pick(0, 3) == 0;
	s->c_container = QMAC_CONTAINER_DOUBLE;
	s->c_container -= (result_bits(s) <= 32 && pick(0, 1));
}

/* ---- one run --------------------------------------------------------------------- */

/* Puts the problem's matrices into memory and their places into the plan; returns C. */
static struct test_tensor put_all(struct product_bench *bench, const struct problem *p,
                                  struct qmac_product_plan *plan)
{
	struct test_tensor a = test_tensor_put(bench->driver, plan->product.a, p->a);
	struct test_tensor b = test_tensor_put(bench->driver, plan->product.b, p->b);
	struct test_tensor c = test_tensor_put(bench->driver, plan->product.c, p->c);

	plan->product.a = a.view;
	plan->product.b = b.view;
	plan->product.c = c.view;
	return c;
}

static void note(const struct qmac_product_plan *p, const struct shape *s)
{
	struct qmac_piece_counts c = qmac_piece_count(p);

	seen.runs++;
	seen.form[s->form]++;
	seen.split_k += c.sums > 1;
	seen.tiles += c.tiles > 1 && c.n > 1;
	seen.pairs += p->a.count * p->b.count > 1;
	seen.stepwise += p->a_held < p->a.count || p->b_held < p->b.count;
	seen.reused += p->n_inner ? c.n > 1 && c.sums == 1 : c.tiles > 1 && c.sums == 1;
	seen.accumulated += s->accumulate;
	seen.transposed += s->b_transposed;
}

/* Runs the problem on hw; result, padding, counters and races are checked. */
static void check_run(const struct problem *p, const struct qmac_hw *hw, struct qmac_product_plan *plan)
{
	const struct shape *s = &p->shape;
	uint64_t counters[QMAC_COUNTERS];
	struct product_bench bench;
	struct test_tensor c;

	product_bench_open(&bench, hw, (int)pick(2, 12), test_random(&state));
	c = put_all(&bench, p, plan);
	product_bench_run(&bench, (const struct qmac_product_plan *[]){plan}, 1);
	product_bench_finish(&bench, counters);
	CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &c, p->expected), 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_MACS], plan->macs);
	CU_ASSERT_EQUAL(plan->macs, (uint64_t)(s->m * s->n * s->k * plan->a.count * plan->b.count));
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_A_READS], plan->slots);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_DRAM_READ_BYTES], plan->read_bytes);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_DRAM_WRITE_BYTES], plan->write_bytes);
	CU_ASSERT_EQUAL(product_bench_passes(&bench), plan->passes);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_CONTAINER_SATURATIONS], 0);
	product_bench_close(&bench);
	note(plan, s);
}

/* ---- tests ------------------------------------------------------------------------ */

/* Any hardware; ACC as narrow as the sums allow, or wider. */
static void random_hardware(struct qmac_hw *hw, int result_bits)
{
	qmac_fuzz_hw(&state, hw);
	if (hw->acc_bits < result_bits || pick(0, 1))
		hw->acc_bits = result_bits < 16 ? 16 : result_bits;
}

static void random_case(struct problem *p)
{
	struct qmac_product_plan plan;
	struct qmac_hw hw;
	int bits;

	random_shape(&p->shape);
	bits = result_bits(&p->shape);
	if (bits > 64) {
		random_hardware(&hw, 64);
		CU_ASSERT_EQUAL(make_plan(&plan, &p->shape, &hw, NULL), QMAC_BAD_INPUT);
		seen.refused++;
		return;
	}
	fill(p);
	for (int device = 0; device < DEVICES; device++) {
		random_hardware(&hw, bits);
		CU_ASSERT_EQUAL_FATAL(make_plan(&plan, &p->shape, &hw, NULL), QMAC_OK);
		if (plan.passes <= PASSES_MAX)
			check_run(p, &hw, &plan);
	}
}

static struct problem problem;

static void test_random_cases(void)
{
	for (int i = 0; i < CASES; i++)
		random_case(&problem);
	printf("(%d runs: AB %d, ATB %d; K split %d, M and N tiled %d, several limb pairs %d, limbs one by one"
	       " %d, panels kept %d, accumulated %d, B transposed %d; %d refused) ", seen.runs,
	       seen.form[QMAC_FORM_AB], seen.form[QMAC_FORM_ATB], seen.split_k, seen.tiles, seen.pairs,
	       seen.stepwise, seen.reused, seen.accumulated, seen.transposed, seen.refused);
	CU_ASSERT(seen.runs > CASES);
	CU_ASSERT(seen.form[QMAC_FORM_AB] > CASES / 4 && seen.form[QMAC_FORM_ATB] > CASES / 4);
	CU_ASSERT(seen.split_k && seen.tiles && seen.pairs && seen.stepwise && seen.reused && seen.accumulated);
	CU_ASSERT(seen.transposed);
}

static struct qmac_hw small_hw(int rows, int cols, int a_bits, int w_bits)
{
	struct qmac_hw hw;

	qmac_fuzz_hw(&state, &hw);
	hw.rows = rows;
	hw.cols = cols;
	hw.a_bits = a_bits;
	hw.w_bits = w_bits;
	hw.acc_bits = 64;
	hw.a_depth = hw.w_depth = hw.acc_depth = 2 * (rows > cols ? rows : cols);
	hw.lut_ports = 1;
	hw.queue_depth = 4;
	CU_ASSERT_EQUAL_FATAL(qmac_hw_check(&hw, NULL, NULL), QMAC_OK);
	return hw;
}

static void set_shape(struct shape *s, enum qmac_form form, int64_t m, int64_t n, int64_t k,
                      int bits)
{
	memset(s, 0, sizeof *s);
	s->form = form;
	s->m = m;
	s->n = n;
	s->k = k;
	s->a = s->b = (struct qmac_element){.bits = bits, .is_signed = true, .container = QMAC_CONTAINER_WORD};
	s->c_container = QMAC_CONTAINER_DOUBLE;
}

/* The shapes at which tiling goes wrong first, on the smallest scratchpads there are. */
static void test_edges(void)
{
	static const int64_t shapes[][3] = {
		{1, 1, 1}, {1, 7, 1}, {7, 1, 9}, {8, 3, 8}, {9, 2, 7}, {5, 5, 25}, {15, 4, 1}, {16, 16, 16},
		{17, 6, 15},
	};
	static const int arrays[][4] = {
		{1, 1, 2, 2}, {8, 8, 8, 8}, {8, 3, 8, 5}, {3, 8, 16, 4}, {7, 64, 2, 16}, {64, 5, 16, 2},
	};

	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
		for (size_t j = 0; j < sizeof arrays / sizeof arrays[0]; j++)
			for (int form = 0; form < 2; form++) {
				const int *x = arrays[j];
				struct qmac_hw hw = small_hw(x[0], x[1], x[2], x[3]);
				struct qmac_product_plan plan;
				int bits = shapes[i][0] == 1 && shapes[i][2] == 1 ? 32 : (int)pick(2, 30);

				set_shape(&problem.shape, (enum qmac_form)form, shapes[i][0], shapes[i][1],
				          shapes[i][2], bits);
				problem.shape.accumulate = bits <= 16;
				problem.shape.c_bits = 32;
				fill(&problem);
				CU_ASSERT_EQUAL_FATAL(make_plan(&plan, &problem.shape, &hw, NULL), QMAC_OK);
				if (plan.passes <= PASSES_MAX)
					check_run(&problem, &hw, &plan);
			}
}

/* One product: the same bits on every array, with as many MACs as limb pairs say. */
static void test_hardware_changes_no_bit(void)
{
	static const int arrays[][4] = {
		{16, 16, 16, 16}, {16, 16, 8, 16}, {16, 16, 8, 8}, {8, 16, 8, 4}, {5, 13, 3, 7}, {32, 4, 2, 15},
	};

	set_shape(&problem.shape, QMAC_FORM_AB, 33, 29, 50, 16);
	fill(&problem);
	for (int form = 0; form < 2; form++)
		for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
			const int *x = arrays[i];
			struct qmac_hw hw = small_hw(x[0], x[1], x[2], x[3]);
			uint64_t pairs = (uint64_t)((15 + x[2]) / x[2] * ((15 + x[3]) / x[3]));
			struct qmac_product_plan plan;

			problem.shape.form = (enum qmac_form)form;
			solve(&problem);
			hw.a_depth += 100;
			CU_ASSERT_EQUAL_FATAL(make_plan(&plan, &problem.shape, &hw, NULL), QMAC_OK);
			CU_ASSERT_EQUAL(plan.macs, 33U * 29 * 50 * pairs);
			check_run(&problem, &hw, &plan);
		}
}

/* Widths at the edge: one bit less is refused, and would in fact saturate. */
static void test_refusals(void)
{
	struct qmac_hw hw = small_hw(4, 4, 8, 8);
	struct qmac_error err = {0};
	struct qmac_product_plan plan;
	uint64_t counters[QMAC_COUNTERS];
	struct product_bench bench;

	set_shape(&problem.shape, QMAC_FORM_AB, 5, 6, 16, 12);
	for (int64_t i = 0; i < 96; i++)
		problem.a[i] = problem.b[i] = -2048;
	solve(&problem);
	CU_ASSERT_EQUAL(result_bits(&problem.shape), 28); /* 16 * 2^22 = 2^26 takes 28 */
	hw.acc_bits = 28;
	hw.acc_overflow = QMAC_OVERFLOW_SATURATE;
	CU_ASSERT_EQUAL_FATAL(make_plan(&plan, &problem.shape, &hw, &err), QMAC_OK);
	check_run(&problem, &hw, &plan);
	hw.acc_bits = 27;
	CU_ASSERT_EQUAL(make_plan(&plan, &problem.shape, &hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "accumulators of 28 bits; acc_bits of the hardware is 27"));
	problem.shape.allow_saturation = true;
	CU_ASSERT_EQUAL_FATAL(make_plan(&plan, &problem.shape, &hw, &err), QMAC_OK);
	product_bench_open(&bench, &hw, 8, test_random(&state));
	put_all(&bench, &problem, &plan);
	product_bench_run(&bench, (const struct qmac_product_plan *[]){&plan}, 1);
	product_bench_finish(&bench, counters);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 30); /* each element of C once: 2^26 */
	product_bench_close(&bench);
	hw.acc_bits = 64;
	problem.shape.allow_saturation = false;
	problem.shape.c_container = QMAC_CONTAINER_WORD;
	problem.shape.a.bits = 20;
	CU_ASSERT_EQUAL(make_plan(&plan, &problem.shape, &hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "needs 36 bits, its container in memory has 32"));
	/* a shift beyond ACC is not a matter of saturation */
	problem.shape.allow_saturation = true;
	problem.shape.a.bits = problem.shape.b.bits = 32;
	hw.acc_bits = 40;
	CU_ASSERT_EQUAL(make_plan(&plan, &problem.shape, &hw, &err), QMAC_BAD_INPUT);
}

/* C1 = A B, then C2 = C1^T C1, then C2 += C1^T C1, without a wait of the host in between. */
static void test_chain(void)
{
	enum { M = 23, N = 9, K = 31 };
	static int64_t c1[M * N], c2[N * N];
	struct qmac_hw hw = small_hw(6, 4, 5, 9);
	struct shape second;
	struct qmac_product_plan first, square, more;
	struct test_tensor stored, sums;
	uint64_t counters[QMAC_COUNTERS];
	struct product_bench bench;

	set_shape(&problem.shape, QMAC_FORM_AB, M, N, K, 9);
	problem.shape.c_container = QMAC_CONTAINER_WORD;
	fill(&problem);
	memcpy(c1, problem.expected, sizeof c1);
	for (int i = 0; i < N * N; i++) {
		c2[i] = 0;
		for (int t = 0; t < M; t++)
			c2[i] += 2 * c1[t * N + i / N] * c1[t * N + i % N];
	}
	set_shape(&second, QMAC_FORM_ATB, N, N, M, 23);
	CU_ASSERT_EQUAL_FATAL(make_plan(&first, &problem.shape, &hw, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(make_plan(&square, &second, &hw, NULL), QMAC_OK);
	second.accumulate = true;
	second.c_bits = 60;
	CU_ASSERT_EQUAL_FATAL(make_plan(&more, &second, &hw, NULL), QMAC_OK);
	product_bench_open(&bench, &hw, 14, test_random(&state));
	stored = put_all(&bench, &problem, &first);
	sums = test_tensor_put(bench.driver, square.product.c, c2);
	square.product.a = square.product.b = stored.view;
	square.product.a.element = square.product.b.element = second.a;
	more.product.a = more.product.b = square.product.a;
	square.product.c = more.product.c = sums.view;
	product_bench_run(&bench, (const struct qmac_product_plan *[]){&first, &square, &more}, 3);
	product_bench_finish(&bench, counters);
	CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &stored, c1), 0);
	CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &sums, c2), 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_MACS], first.macs + square.macs + more.macs);
	product_bench_close(&bench);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random products on random hardware", test_random_cases},
		{"edges on the smallest scratchpads", test_edges},
		{"hardware changes no bit", test_hardware_changes_no_bit},
		{"sums that do not fit are refused", test_refusals},
		{"products in a chain", test_chain},
	};

	state = test_seed();
	return test_main("test_product", cases, TEST_COUNT(cases));
}
