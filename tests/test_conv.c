/*
 * Convolutions as products over windows, on random hardware and on that of the project, against plain
 * sums: forward, data gradient, weight gradient, exact, rescaled, kept on chip. Streams are executed in
 * random legal orders, counters are those planned, nothing saturates, and no stream has a race.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv_problem.h"
#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "lower/chunk.h"
#include "lower/conv.h"
#include "reference/product_bench.h"
#include "reference/ref_conv.h"
#include "reference/ref_num.h"
#include "reference/test_tensor.h"
#include "shipped_hw.h"
#include "test.h"

static int64_t expected[ELEMENTS_MAX];

/* ---- runs -------------------------------------------------------------------------------- */

static void note(const struct qmac_product_plan *plan)
{
	const struct qmac_product *p = &plan->product;
	struct qmac_piece_counts c = qmac_piece_count(plan);

	seen.runs++;
	seen.split_sums += c.sums > 1;
	seen.split_n += c.n > 1;
	seen.split_images += plan->piece.positions[0] < p->positions[0];
	seen.split_lines += plan->piece.positions[1] < p->positions[1];
	seen.split_taps += plan->piece.taps[0] * plan->piece.taps[1] < p->window.taps[0] * p->window.taps[1];
	seen.pairs += plan->a.count * plan->b.count > 1;
	seen.no_taps += p->window.taps[0] * p->window.taps[1] == 0;
	for (struct qmac_chunk chunk = {.at = 0}; qmac_chunk_next(plan, &chunk);)
		seen.empty += chunk.is_empty;
}

/* Plans the product for a device with just enough accumulators; false where it takes too long to run. */
static bool plan_for(const struct qmac_hw *given, const struct qmac_product *product,
                     struct qmac_product_plan *plan)
{
	struct qmac_hw hw = *given;
	struct qmac_error err = {0};
	int bits = qmac_product_result_bits(product);

	if (hw.acc_bits < bits)
		hw.acc_bits = bits < 16 ? 16 : bits;
	CU_ASSERT_FATAL(bits <= 64);
	if (qmac_product_plan_make(plan, product, &hw, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("plan");
	}
	return plan->passes <= PASSES_MAX;
}

static void check_counters(const struct qmac_product_plan *plan, const uint64_t counters[QMAC_COUNTERS],
                           uint64_t extra_reads, uint64_t extra_bytes)
{
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_MACS], plan->macs);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_A_READS], plan->slots + extra_reads);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_DRAM_READ_BYTES], plan->read_bytes);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_DRAM_WRITE_BYTES], plan->write_bytes + extra_bytes);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_CONTAINER_SATURATIONS], 0);
}

/* Runs a product whose operands and C are `a`, `b` and, before, `c`; C is then to be `result`. */
static void check_exact(const struct qmac_hw *hw, struct qmac_product product, const int64_t *a,
                        const int64_t *b, const int64_t *result)
{
	uint64_t counters[QMAC_COUNTERS];
	struct qmac_product_plan plan;
	struct product_bench bench;
	struct test_tensor c;
	int64_t count = test_tensor_count(&product.c);

	product.accumulate = pick(0, 2) == 0;
	product.c_bits = product.accumulate ? 20 : 0;
	for (int64_t i = 0; i < count; i++) {
		before[i] = pick(-(1 << 19), (1 << 19) - 1);
		expected[i] = result[i] + (product.accumulate ? before[i] : 0);
	}
	if (!plan_for(hw, &product, &plan))
		return;
	product_bench_open(&bench, &plan.hw, (int)pick(2, 12), test_random(&state));
	plan.product.a = test_tensor_put(bench.driver, product.a, a).view;
	plan.product.b = test_tensor_put(bench.driver, product.b, b).view;
	c = test_tensor_put(bench.driver, product.c, before);
	plan.product.c = c.view;
	product_bench_run(&bench, (const struct qmac_product_plan *[]){&plan}, 1);
	product_bench_finish(&bench, counters);
	CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &c, expected), 0);
	check_counters(&plan, counters, 0, 0);
	product_bench_close(&bench);
	note(&plan);
}

static void check_forward(const struct qmac_hw *hw)
{
	struct qmac_view x = view_x(problem.x), w = view_w(problem.w, problem.shape.ci, problem.shape.co);
	struct qmac_view y = view_y(sum);

	check_exact(hw, qmac_conv_forward(&problem.conv, &x, &w, &y), problem.xs, problem.ws, problem.ys);
}

/* dY are small numbers of their own. */
static struct qmac_element draw_dy(void)
{
	struct qmac_element e = element();
	struct qmac_view y = view_y(e);

	fill(problem.ys, test_tensor_count(&y), &e);
	return e;
}

static void check_weight_gradient(const struct qmac_hw *hw)
{
	struct qmac_element e = draw_dy();
	struct qmac_view x = view_x(problem.x), dy = view_y(e);
	struct qmac_view dw = view_w(sum, problem.shape.ci, problem.shape.co);

	ref_conv_weight_gradient(&problem.shape, problem.xs, problem.ys, problem.dws);
	check_exact(hw, qmac_conv_weight_gradient(&problem.conv, &x, &dy, &dw), problem.xs, problem.ys,
	            problem.dws);
}

/* All classes of pixels in one program, into one dX. */
static void check_data_gradient(const struct qmac_hw *hw)
{
	enum { CLASSES_MAX = 9 };
	static struct qmac_product_plan plans[CLASSES_MAX];
	const struct qmac_product_plan *list[CLASSES_MAX];
	struct qmac_element e = draw_dy();
	struct qmac_view dy = view_y(e), dx = view_x(sum);
	struct qmac_view wt = view_w(problem.w, problem.shape.co, problem.shape.ci);
	struct qmac_hw common = *hw;
	uint64_t counters[QMAC_COUNTERS];
	struct product_bench bench;
	struct test_tensor stored;
	struct qmac_product product;
	int classes = 0;

	ref_conv_data_gradient(&problem.shape, problem.ys, problem.ws, problem.dxs);
	common.acc_bits = 64;
	product_bench_open(&bench, &common, (int)pick(2, 12), test_random(&state));
	dy = test_tensor_put(bench.driver, dy, problem.ys).view;
	wt = test_tensor_put(bench.driver, wt, problem.wts).view;
	memset(before, 0x77, sizeof before);
	stored = test_tensor_put(bench.driver, dx, before);
	for (int64_t class = 0; class < problem.conv.stride * problem.conv.stride; class++) {
		if (!qmac_conv_data_gradient(&problem.conv, &dy, &wt, &stored.view, class, &product))
			continue;
		if (!plan_for(&common, &product, &plans[classes])) {
			product_bench_close(&bench);
			return;
		}
		note(&plans[classes]);
		list[classes] = &plans[classes];
		classes++;
	}
	product_bench_run(&bench, list, classes);
	product_bench_finish(&bench, counters);
	CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &stored, problem.dxs), 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
	product_bench_close(&bench);
}

static void random_hw(struct qmac_hw *hw)
{
	qmac_fuzz_hw(&state, hw);
	if (pick(0, 1))
		hw->a_depth = hw->w_depth = hw->acc_depth = 2048;
}

static void test_random_hardware(void)
{
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw;

		random_hw(&hw);
		draw_shape(&problem.shape, &hw);
		solve(&problem);
		check_forward(&hw);
		check_weight_gradient(&hw);
		check_data_gradient(&hw);
	}
	printf("(%d runs: cut in sums %d, n %d, images %d, lines %d, taps %d; limb pairs %d, no taps %d, chunks"
	       " of padding %d, 1x1 images %d, ragged strides %d) ", seen.runs, seen.split_sums, seen.split_n,
	       seen.split_images, seen.split_lines, seen.split_taps, seen.pairs, seen.no_taps, seen.empty,
	       seen.one_pixel, seen.ragged);
	CU_ASSERT(seen.split_sums && seen.split_n && seen.split_images && seen.split_lines && seen.split_taps);
	CU_ASSERT(seen.pairs && seen.no_taps && seen.empty && seen.one_pixel && seen.ragged);
}

/* The hardware files of the project, whole layers. */
static void test_shipped(void)
{
	static const struct ref_conv shapes[] = {
		{2, 8, 8, 16, 16, 3, 3, 1, 1}, {1, 9, 7, 17, 15, 3, 3, 2, 1}, {3, 1, 1, 20, 33, 1, 1, 1, 0},
		{1, 12, 12, 1, 6, 5, 5, 1, 0}, {2, 7, 8, 12, 24, 1, 1, 2, 0}, {1, 10, 10, 3, 8, 4, 4, 3, 2},
	};

	for (int i = 0; shipped_hw_name(i); i++)
		for (size_t j = 0; j < sizeof shapes / sizeof shapes[0]; j++) {
			struct qmac_hw hw = shipped_hw(shipped_hw_name(i));

			problem.shape = shapes[j];
			solve(&problem);
			check_forward(&hw);
			check_weight_gradient(&hw);
			check_data_gradient(&hw);
		}
}

/* ---- rescaled, and kept on chip ----------------------------------------------------------- */

static void rescale(const struct qmac_product *p, const int64_t *bias, const int64_t *from, int64_t count)
{
	const struct qmac_rescale *s = &p->scale;
	uint64_t clamps = 0;

	for (int64_t i = 0; i < count; i++) {
		int64_t channel = i % problem.shape.co, row = i / problem.shape.co;
		uint32_t r = ref_dither(s->seed, s->row0 + (uint32_t)row, s->channel0 + (uint32_t)channel);
		int64_t v = (from[i] + (bias ? bias[channel] : 0)) * s->mult;

		v = ref_round(v, s->shift, s->rounding, r);
		expected[i] = ref_clamp(s->relu && v < 0 ? 0 : v, s->bits, &clamps);
	}
}

static void draw_rescale(struct qmac_product *p)
{
	p->rescales = true;
	p->has_bias = pick(0, 1);
	p->scale = (struct qmac_rescale){
		.mult = (int32_t)pick(1, 90), .shift = (int)pick(3, 20), .rounding = (unsigned)pick(0, 2),
		.relu = pick(0, 1), .bits = (int)pick(2, 16), .seed = (uint32_t)test_random(&state),
		.row0 = (uint32_t)pick(0, 900), .channel0 = (uint32_t)pick(0, 900),
	};
}

/* With bias, in any container, on scratchpads of any size. */
static void check_rescaled(const struct qmac_hw *hw)
{
	const struct qmac_element narrow = {.bits = 16, .is_signed = true, .container = QMAC_CONTAINER_HALF};
	const struct qmac_element wide = {.bits = 32, .is_signed = true, .container = QMAC_CONTAINER_WORD};
	struct qmac_view x = view_x(problem.x), w = view_w(problem.w, problem.shape.ci, problem.shape.co);
	struct qmac_view y = view_y(narrow), bias = qmac_view_matrix(0, wide, 1, problem.shape.co, 200);
	struct qmac_product product = qmac_conv_forward(&problem.conv, &x, &w, &y);
	uint64_t counters[QMAC_COUNTERS];
	struct qmac_product_plan plan;
	struct product_bench bench;
	struct test_tensor stored;
	int64_t biases[40];

	draw_rescale(&product);
	product.bias = bias;
	if (!plan_for(hw, &product, &plan))
		return;
	if (plan.hw.acc_bits < 40)
		plan.hw.acc_bits = 40;
	for (int i = 0; i < 40; i++)
		biases[i] = pick(-100000, 100000);
	rescale(&product, product.has_bias ? biases : NULL, problem.ys, test_tensor_count(&y));
	product_bench_open(&bench, &plan.hw, (int)pick(2, 12), test_random(&state));
	plan.product.a = test_tensor_put(bench.driver, x, problem.xs).view;
	plan.product.b = test_tensor_put(bench.driver, w, problem.ws).view;
	plan.product.bias = test_tensor_put(bench.driver, bias, biases).view;
	stored = test_tensor_put(bench.driver, y, before);
	plan.product.c = stored.view;
	product_bench_run(&bench, (const struct qmac_product_plan *[]){&plan}, 1);
	product_bench_finish(&bench, counters);
	CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &stored, expected), 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
	product_bench_close(&bench);
}

static void test_rescaled(void)
{
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw;

		random_hw(&hw);
		draw_shape(&problem.shape, &hw);
		solve(&problem);
		check_rescaled(&hw);
	}
}

static void add(struct qmac_program *program, const struct qmac_command *command)
{
	struct qmac_error err = {0};

	if (qmac_program_add(program, command, NULL, NULL, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("add");
	}
}

/* Brings what is kept in any space through ACC rows from `row` on to memory. */
static void add_store(struct qmac_program *program, const struct qmac_panel *kept, uint32_t row,
                      const uint32_t n[3], const struct qmac_view *y)
{
	struct qmac_panel from = qmac_panel_dense(QMAC_SPACE_ACC, row, (struct qmac_limbs){.count = 1},
	                                          kept->channels, kept->lanes, n);
	struct qmac_move store;
	struct qmac_command command;

	for (int64_t block = 0; kept->space != QMAC_SPACE_ACC && block < qmac_panel_blocks(kept); block++) {
		command = (struct qmac_command){
			.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = kept->space,
			.s1space = QMAC_SPACE_IMM, .mult = 1, .n1 = 1, .n0 = n[0] * n[1] * n[2], .d0 = 1, .a0 = 1,
			.bw = 20, .src0 = qmac_panel_row(kept, 0, block), .dst = qmac_panel_row(&from, 0, block),
			.lanes = qmac_panel_lanes(kept, block),
		};
		add(program, &command);
	}
	store = qmac_move_whole(QMAC_OPCODE_STORE, y, kept->space == QMAC_SPACE_ACC ? kept : &from);
	while (qmac_move_next(&store, &command))
		add(program, &command);
}

static void submit(struct product_bench *bench, struct qmac_program *program, uint64_t *counters)
{
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL_FATAL(qmac_program_compile(program, NULL, 0, &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_program_submit(program, bench->driver, &err), QMAC_OK);
	qmac_program_destroy(program);
	product_bench_finish(bench, counters);
}

/* Results that go to the upper part of a scratchpad; the product has the rest. */
static void check_kept(struct qmac_hw hw, unsigned space, bool rescales)
{
	struct qmac_view x = view_x(problem.x), w = view_w(problem.w, problem.shape.ci, problem.shape.co);
	struct qmac_view y = view_y(sum);
	struct qmac_product product = qmac_conv_forward(&problem.conv, &x, &w, &y);
	const uint32_t n[3] = {(uint32_t)y.positions[0], (uint32_t)y.positions[1], (uint32_t)y.positions[2]};
	int lanes = space == QMAC_SPACE_ACC || hw.cols < hw.rows ? hw.cols : hw.rows;
	int native = space == QMAC_SPACE_A ? hw.a_bits : hw.w_bits;
	struct qmac_program *program;
	uint64_t counters[QMAC_COUNTERS];
	struct qmac_product_plan plan;
	struct product_bench bench;
	struct test_tensor stored;
	struct qmac_limbs limbs;
	uint32_t rows;

	hw.a_depth = hw.w_depth = hw.acc_depth = DEPTH;
	hw.acc_bits = 63;
	if (rescales) {
		draw_rescale(&product);
		product.has_bias = false;
		product.scale.bits = native < 8 ? native : 8;
	}
	product.keeps = true;
	limbs = qmac_limbs_of(rescales ? product.scale.bits : native, native, true);
	product.kept = qmac_panel_dense(space, 0, limbs, problem.shape.co, lanes, n);
	rows = (uint32_t)qmac_panel_rows(&product.kept);
	CU_ASSERT_FATAL(2 * rows < DEPTH - 256);
	product.kept.row = DEPTH - rows;
	product.room[space] = (struct qmac_room){0, DEPTH - 2 * rows};
	product.room[QMAC_SPACE_ACC] = (struct qmac_room){0, DEPTH - 2 * rows};
	if (!plan_for(&hw, &product, &plan))
		return;
	if (rescales)
		rescale(&product, NULL, problem.ys, test_tensor_count(&y));
	else
		memcpy(expected, problem.ys, sizeof expected);
	product_bench_open(&bench, &plan.hw, (int)pick(2, 12), test_random(&state));
	plan.product.a = test_tensor_put(bench.driver, x, problem.xs).view;
	plan.product.b = test_tensor_put(bench.driver, w, problem.ws).view;
	stored = test_tensor_put(bench.driver, y, before);
	program = qmac_program_create(&plan.hw);
	CU_ASSERT_EQUAL_FATAL(qmac_product_lower(program, &plan, NULL), QMAC_OK);
	add_store(program, &plan.product.kept, DEPTH - 2 * rows, n, &stored.view);
	submit(&bench, program, counters);
	CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &stored, expected), 0);
	check_counters(&plan, counters, space == QMAC_SPACE_A ? rows : 0, 8 * (uint64_t)test_tensor_count(&y));
	product_bench_close(&bench);
	seen.kept[space]++;
}

static void test_kept(void)
{
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw;
		unsigned space = (unsigned)pick(0, 2);

		qmac_fuzz_hw(&state, &hw);
		draw_shape(&problem.shape, &hw);
		solve(&problem);
		check_kept(hw, space, space != QMAC_SPACE_ACC || pick(0, 1));
	}
	printf("(in A %d, W %d, ACC %d) ", seen.kept[0], seen.kept[1], seen.kept[2]);
	CU_ASSERT(seen.kept[0] && seen.kept[1] && seen.kept[2]);
}

/* What is refused, and that a tensor is seen as it lies. */
static void test_refusals(void)
{
	const struct qmac_element byte = {.bits = 8, .is_signed = true, .container = QMAC_CONTAINER_BYTE};
	struct qmac_hw hw = shipped_hw("16x16_w8");
	const struct qmac_conv conv = {{3, 3}, 1, 1};
	struct qmac_view x = qmac_view_images(0, byte, 2, 384, 4, 4, 16), y = x;
	struct qmac_view w = qmac_view_weights(0, byte, &conv, 384, 384, 384);
	struct qmac_product product;
	struct qmac_product_plan plan;
	struct qmac_error err = {0};
	struct qmac_tensor tensor;

	product = qmac_conv_forward(&conv, &x, &w, &y);
	product.rescales = true;
	product.scale = (struct qmac_rescale){.mult = 1, .shift = 8, .bits = 8};
	hw.acc_bits = 26; /* 3456 * 2^14 takes 27 */
	CU_ASSERT_EQUAL(qmac_product_plan_make(&plan, &product, &hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "3456 terms needs accumulators of 27 bits; acc_bits of the"
	                                           " hardware is 26"));
	hw.acc_bits = 27;
	CU_ASSERT_EQUAL(qmac_product_plan_make(&plan, &product, &hw, &err), QMAC_OK);
	product.scale.bits = 9;
	CU_ASSERT_EQUAL(qmac_product_plan_make(&plan, &product, &hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "needs 9 bits, its container in memory has 8"));
	product.scale.bits = 8;
	product.room[QMAC_SPACE_W] = (struct qmac_room){4, 6};
	CU_ASSERT_EQUAL(qmac_product_plan_make(&plan, &product, &hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "too few for its smallest piece: keep fewer results on chip"));

	tensor = qmac_tensor_make("x", 2, 3, 5, 21, (struct qmac_format){12, 4}, 16);
	tensor.buffer = (struct qmac_buffer){4096, qmac_tensor_bytes(&tensor) + 32};
	tensor.offset = 32;
	x = qmac_view_tensor(&tensor);
	CU_ASSERT_EQUAL(qmac_view_bytes(&x), qmac_tensor_bytes(&tensor));
	CU_ASSERT_EQUAL(x.address + x.position_bytes[0] + x.block_bytes + 2 * x.position_bytes[1] +
	                4 * x.position_bytes[2], qmac_tensor_address(&tensor, 1, 1, 2, 4));
	CU_ASSERT_EQUAL(x.element.bits, 12);
	CU_ASSERT_EQUAL(x.element.container, QMAC_CONTAINER_HALF);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"three directions on random hardware", test_random_hardware},
		{"three directions on the hardware files", test_shipped},
		{"bias, requantise, relu", test_rescaled},
		{"results kept on chip", test_kept},
		{"refusals; a tensor's view", test_refusals},
	};

	state = test_seed();
	return test_main("test_conv", cases, TEST_COUNT(cases));
}
