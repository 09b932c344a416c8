/*
 * Matrix products through the driver against a plain triple loop: random shapes,
 * widths, layouts and hardware. Every run's counters must be those planned, no sum may
 * saturate, and every command stream must be race-free; streams are also executed in
 * random legal orders of the engines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/gemm.h"
#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "num/fixed.h"
#include "race/race.h"
#include "reference/recording_backend.h"
#include "reference/shuffled_backend.h"
#include "test.h"

enum { CASES = 100, DEVICES = 2, ELEMENTS_MAX = 150 * 150, WORK_MAX = 1 << 14, PASSES_MAX = 3000 };

/* One problem in plain numbers, and its solution. Matrices are dense here. */
struct problem {
	struct qmac_gemm_shape shape;
	int64_t a[ELEMENTS_MAX], b[ELEMENTS_MAX], c[ELEMENTS_MAX], expected[ELEMENTS_MAX];
};

static uint64_t state;
static struct {
	int runs, form[2], split_k, tiles, pairs, reused, accumulated, refused, stepwise;
} seen;

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

/* ---- the problem ------------------------------------------------------------------ */

static void solve(struct problem *p)
{
	const struct qmac_gemm_shape *s = &p->shape;

	for (int64_t i = 0; i < s->m; i++)
		for (int64_t j = 0; j < s->n; j++) {
			qmac_int128 sum = s->accumulate ? p->c[i * s->n + j] : 0;

			for (int64_t t = 0; t < s->k; t++)
				sum += (qmac_int128)p->a[s->form == QMAC_GEMM_AB ? i * s->k + t : t * s->m + i] *
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
	const struct qmac_gemm_shape *s = &p->shape;
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

static void random_shape(struct qmac_gemm_shape *s)
{
	int64_t most = pick(0, 2) ? 40 : 150;

	memset(s, 0, sizeof *s);
	s->form = pick(0, 1) ? QMAC_GEMM_AB : QMAC_GEMM_ATB;
	s->m = qmac_fuzz_pick(&state, 1, most);
	s->n = qmac_fuzz_pick(&state, 1, most);
	s->k = qmac_fuzz_pick(&state, 1, WORK_MAX / (s->m * s->n) < most ? 1 + WORK_MAX / (s->m * s->n) : most);
	s->a = random_element();
	s->b = random_element();
	s->accumulate = pick(0, 2) == 0;
	s->c_bits = s->accumulate ? (int)pick(1, 32) : 0;
	s->c_container = QMAC_CONTAINER_DOUBLE - (qmac_gemm_result_bits(s) <= 32 && pick(0, 1));
}

/* ---- a device, its memory and one run -------------------------------------------- */

struct bench {
	struct qmac_hw hw;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
};

static void open_bench(struct bench *bench, const struct qmac_hw *hw, int ring_log2)
{
	const struct qmac_device_options options = {.memory_bytes = 1 << 24, .kernel = "auto"};
	struct qmac_error err = {0};

	bench->hw = *hw;
	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", hw, &options, &bench->backend, &err), QMAC_OK);
	bench->backend = shuffled_backend(bench->backend, test_random(&state));
	bench->backend = recording_backend(bench->backend); /* outside: sees the order of the driver */
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(bench->backend, hw, ring_log2, &bench->driver, &err), QMAC_OK);
}

static void close_bench(struct bench *bench)
{
	uint32_t count;
	const struct qmac_command *commands = recording_commands(bench->backend, &count);
	struct qmac_race race;
	struct qmac_error err = {0};

	if (qmac_race_check(&bench->hw, commands, count, &race, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL("race");
	}
	qmac_driver_close(bench->driver);
	qmac_backend_destroy(bench->backend);
}

/* Puts a dense matrix of numbers into device memory, rows apart, 0x5A in between. */
static struct qmac_matrix put(struct bench *bench, const int64_t *values, int64_t rows, int64_t cols,
                              unsigned container)
{
	uint64_t unit = (uint64_t)1 << container;
	struct qmac_matrix matrix = {.offset = (uint64_t)pick(0, 3) * unit};
	uint64_t bytes;
	uint8_t *image;

	matrix.row_bytes = (uint32_t)(((uint64_t)cols + (pick(0, 1) ? 0 : (uint64_t)pick(1, 20))) * unit);
	bytes = matrix.offset + (uint64_t)rows * matrix.row_bytes;
	image = malloc(bytes);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	memset(image, 0x5A, bytes);
	for (int64_t i = 0; i < rows * cols; i++) {
		uint64_t at = matrix.offset + (uint64_t)(i / cols) * matrix.row_bytes + (uint64_t)(i % cols) * unit;

		for (uint64_t byte = 0; byte < unit; byte++)
			image[at + byte] = (uint8_t)((uint64_t)values[i] >> 8 * byte);
	}
	CU_ASSERT_EQUAL_FATAL(qmac_driver_allocate(bench->driver, bytes, &matrix.buffer, NULL), QMAC_OK);
	qmac_driver_upload(bench->driver, matrix.buffer, 0, image, bytes);
	free(image);
	return matrix;
}

/* The matrix must be `values` again, and nothing beside it may have changed. */
static void check_equal(struct bench *bench, const struct qmac_matrix *matrix, const int64_t *values,
                        int64_t rows, int64_t cols, unsigned container)
{
	uint64_t unit = (uint64_t)1 << container, row = (uint64_t)cols * unit;
	uint8_t *image = malloc(matrix->buffer.bytes);
	int64_t wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	qmac_driver_download(bench->driver, matrix->buffer, 0, image, matrix->buffer.bytes);
	for (uint64_t at = 0; at < matrix->buffer.bytes; at++) {
		uint64_t x = at - matrix->offset, i = x / matrix->row_bytes, byte = x % matrix->row_bytes;
		uint8_t expected = 0x5A;

		if (at >= matrix->offset && i < (uint64_t)rows && byte < row)
			expected = (uint8_t)((uint64_t)values[i * (uint64_t)cols + byte / unit] >> 8 * (byte % unit));
		wrong += image[at] != expected;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(image);
}

static struct qmac_gemm_matrices put_all(struct bench *bench, const struct problem *p)
{
	const struct qmac_gemm_shape *s = &p->shape;
	bool ab = s->form == QMAC_GEMM_AB;

	return (struct qmac_gemm_matrices){
		.a = put(bench, p->a, ab ? s->m : s->k, ab ? s->k : s->m, s->a.container),
		.b = put(bench, p->b, s->k, s->n, s->b.container),
		.c = put(bench, p->c, s->m, s->n, s->c_container),
	};
}

static void run(struct bench *bench, const struct qmac_gemm_plan *plan,
                const struct qmac_gemm_matrices *matrices, struct qmac_marks *marks)
{
	struct qmac_error err = {0};

	if (qmac_gemm_run(bench->driver, plan, matrices, 7, marks, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("run");
	}
}

static void finish(struct bench *bench, uint64_t counters[QMAC_COUNTERS])
{
	struct qmac_error err = {0};

	if (qmac_driver_finish(bench->driver, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("finish");
	}
	qmac_driver_counters(bench->driver, counters);
}

static void note(const struct qmac_gemm_plan *p)
{
	const struct qmac_gemm_shape *s = &p->shape;

	seen.runs++;
	seen.form[s->form]++;
	seen.split_k += p->tile_k < s->k;
	seen.tiles += p->tile_m < s->m && p->tile_n < s->n;
	seen.pairs += p->a_limbs * p->b_limbs > 1;
	seen.stepwise += p->a_held < p->a_limbs || p->b_held < p->b_limbs;
	seen.reused += p->n_inner ? p->tile_n < s->n && p->tile_k == s->k : p->tile_m < s->m && p->tile_k == s->k;
	seen.accumulated += s->accumulate;
}

/* Runs the problem on hw; result, padding, counters and races are checked. */
static void check_run(const struct problem *p, const struct qmac_hw *hw, const struct qmac_gemm_plan *plan)
{
	const struct qmac_gemm_shape *s = &p->shape;
	uint64_t counters[QMAC_COUNTERS];
	struct qmac_marks marks = {0};
	struct qmac_gemm_matrices matrices;
	struct bench bench;

	open_bench(&bench, hw, (int)pick(2, 12));
	matrices = put_all(&bench, p);
	run(&bench, plan, &matrices, &marks);
	finish(&bench, counters);
	check_equal(&bench, &matrices.c, p->expected, s->m, s->n, s->c_container);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_MACS], plan->macs);
	CU_ASSERT_EQUAL(plan->macs, (uint64_t)(s->m * s->n * s->k * plan->a_limbs * plan->b_limbs));
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_A_READS], plan->slots);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_DRAM_READ_BYTES], plan->read_bytes);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_DRAM_WRITE_BYTES], plan->write_bytes);
	CU_ASSERT_EQUAL(recording_count(bench.backend, QMAC_OPCODE_GEMM), plan->passes);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_CONTAINER_SATURATIONS], 0);
	close_bench(&bench);
	note(plan);
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
	struct qmac_gemm_plan plan;
	struct qmac_hw hw;

	random_shape(&p->shape);
	fill(p);
	for (int device = 0; device < DEVICES; device++) {
		int bits = qmac_gemm_result_bits(&p->shape);

		random_hardware(&hw, bits < 64 ? bits : 64);
		if (bits > 64) {
			CU_ASSERT_EQUAL(qmac_gemm_plan_make(&plan, &p->shape, &hw, NULL), QMAC_BAD_INPUT);
			seen.refused++;
			return;
		}
		CU_ASSERT_EQUAL_FATAL(qmac_gemm_plan_make(&plan, &p->shape, &hw, NULL), QMAC_OK);
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
	       " %d, panels kept %d, accumulated %d; %d refused) ", seen.runs, seen.form[QMAC_GEMM_AB],
	       seen.form[QMAC_GEMM_ATB], seen.split_k, seen.tiles, seen.pairs, seen.stepwise, seen.reused,
	       seen.accumulated, seen.refused);
	CU_ASSERT(seen.runs > CASES);
	CU_ASSERT(seen.form[QMAC_GEMM_AB] > CASES / 4 && seen.form[QMAC_GEMM_ATB] > CASES / 4);
	CU_ASSERT(seen.split_k && seen.tiles && seen.pairs && seen.stepwise && seen.reused && seen.accumulated);
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

static void set_shape(struct qmac_gemm_shape *s, enum qmac_gemm_form form, int64_t m, int64_t n, int64_t k,
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
				struct qmac_gemm_plan plan;
				int bits = shapes[i][0] == 1 && shapes[i][2] == 1 ? 32 : (int)pick(2, 30);

				set_shape(&problem.shape, (enum qmac_gemm_form)form, shapes[i][0], shapes[i][1],
				          shapes[i][2], bits);
				problem.shape.accumulate = bits <= 16;
				problem.shape.c_bits = 32;
				fill(&problem);
				CU_ASSERT_EQUAL_FATAL(qmac_gemm_plan_make(&plan, &problem.shape, &hw, NULL), QMAC_OK);
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

	set_shape(&problem.shape, QMAC_GEMM_AB, 33, 29, 50, 16);
	fill(&problem);
	for (int form = 0; form < 2; form++)
		for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
			const int *x = arrays[i];
			struct qmac_hw hw = small_hw(x[0], x[1], x[2], x[3]);
			uint64_t pairs = (uint64_t)((15 + x[2]) / x[2] * ((15 + x[3]) / x[3]));
			struct qmac_gemm_plan plan;

			problem.shape.form = (enum qmac_gemm_form)form;
			solve(&problem);
			hw.a_depth += 100;
			CU_ASSERT_EQUAL_FATAL(qmac_gemm_plan_make(&plan, &problem.shape, &hw, NULL), QMAC_OK);
			CU_ASSERT_EQUAL(plan.macs, 33U * 29 * 50 * pairs);
			check_run(&problem, &hw, &plan);
		}
}

/* Widths at the edge: one bit less is refused, and would in fact saturate. */
static void test_refusals(void)
{
	struct qmac_hw hw = small_hw(4, 4, 8, 8);
	struct qmac_error err = {0};
	struct qmac_gemm_plan plan;
	struct qmac_marks marks = {0};
	uint64_t counters[QMAC_COUNTERS];
	struct qmac_gemm_matrices matrices;
	struct bench bench;

	set_shape(&problem.shape, QMAC_GEMM_AB, 5, 6, 16, 12);
	for (int64_t i = 0; i < 96; i++)
		problem.a[i] = problem.b[i] = -2048;
	solve(&problem);
	CU_ASSERT_EQUAL(qmac_gemm_result_bits(&problem.shape), 28); /* 16 * 2^22 = 2^26 takes 28 */
	hw.acc_bits = 28;
	hw.acc_overflow = QMAC_OVERFLOW_SATURATE;
	CU_ASSERT_EQUAL_FATAL(qmac_gemm_plan_make(&plan, &problem.shape, &hw, &err), QMAC_OK);
	check_run(&problem, &hw, &plan);
	hw.acc_bits = 27;
	CU_ASSERT_EQUAL(qmac_gemm_plan_make(&plan, &problem.shape, &hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "accumulators of 28 bits; acc_bits of the hardware is 27"));
	problem.shape.allow_saturation = true;
	CU_ASSERT_EQUAL_FATAL(qmac_gemm_plan_make(&plan, &problem.shape, &hw, &err), QMAC_OK);
	open_bench(&bench, &hw, 8);
	matrices = put_all(&bench, &problem);
	run(&bench, &plan, &matrices, &marks);
	finish(&bench, counters);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 30); /* each element of C once: 2^26 */
	close_bench(&bench);
	hw.acc_bits = 64;
	problem.shape.allow_saturation = false;
	problem.shape.c_container = QMAC_CONTAINER_WORD;
	problem.shape.a.bits = 20;
	CU_ASSERT_EQUAL(qmac_gemm_plan_make(&plan, &problem.shape, &hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "needs 36 bits, its container in memory has 32"));
	/* a shift beyond ACC is not a matter of saturation */
	problem.shape.allow_saturation = true;
	problem.shape.a.bits = problem.shape.b.bits = 32;
	hw.acc_bits = 40;
	CU_ASSERT_EQUAL(qmac_gemm_plan_make(&plan, &problem.shape, &hw, &err), QMAC_BAD_INPUT);
}

/* C1 = A B, then C2 = C1^T C1, then C2 += C1^T C1, without a wait of the host in between. */
static void test_chain(void)
{
	enum { M = 23, N = 9, K = 31 };
	static int64_t c1[M * N], c2[N * N];
	struct qmac_hw hw = small_hw(6, 4, 5, 9);
	struct qmac_gemm_shape second;
	struct qmac_gemm_plan first_plan, second_plan, third_plan;
	struct qmac_gemm_matrices first, square;
	struct qmac_marks marks = {0};
	uint64_t counters[QMAC_COUNTERS];
	struct bench bench;

	set_shape(&problem.shape, QMAC_GEMM_AB, M, N, K, 9);
	problem.shape.c_container = QMAC_CONTAINER_WORD;
	fill(&problem);
	memcpy(c1, problem.expected, sizeof c1);
	for (int i = 0; i < N * N; i++) {
		c2[i] = 0;
		for (int t = 0; t < M; t++)
			c2[i] += 2 * c1[t * N + i / N] * c1[t * N + i % N];
	}
	set_shape(&second, QMAC_GEMM_ATB, N, N, M, 23);
	CU_ASSERT_EQUAL_FATAL(qmac_gemm_plan_make(&first_plan, &problem.shape, &hw, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_gemm_plan_make(&second_plan, &second, &hw, NULL), QMAC_OK);
	second.accumulate = true;
	second.c_bits = 60;
	CU_ASSERT_EQUAL_FATAL(qmac_gemm_plan_make(&third_plan, &second, &hw, NULL), QMAC_OK);
	open_bench(&bench, &hw, 14);
	first = put_all(&bench, &problem);
	square = (struct qmac_gemm_matrices){first.c, first.c, put(&bench, c2, N, N, QMAC_CONTAINER_DOUBLE)};
	run(&bench, &first_plan, &first, &marks);
	run(&bench, &second_plan, &square, &marks);
	run(&bench, &third_plan, &square, &marks);
	finish(&bench, counters);
	check_equal(&bench, &first.c, c1, M, N, QMAC_CONTAINER_WORD);
	check_equal(&bench, &square.c, c2, N, N, QMAC_CONTAINER_DOUBLE);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_MACS], first_plan.macs + second_plan.macs + third_plan.macs);
	close_bench(&bench);
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
	return test_main("test_driver_gemm", cases, TEST_COUNT(cases));
}
