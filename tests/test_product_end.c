/*
 * Convolutions whose tiles end in a map, on random hardware, the smallest scratchpads that do among it,
 * against plain loops: what is loaded for a tile, masks, shared rows, several results, random numbers, pixels
 * that are spread over four, and sums. Streams run in random legal orders of the engines and are checked for
 * races.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv_problem.h"
#include "fuzz/hardware.h"
#include "lower/chunk.h"
#include "reference/product_bench.h"
#include "reference/ref_num.h"
#include "reference/test_tensor.h"

enum { SPREAD = 2, LEFT = 3, CHANNELS_MAX = 40, DEPTH_MIN = 64, W_SPARE = 16 };

/*
 *   t = A + bias of the channel, 0 where mask <= 0 or is at an end, + z 2^LEFT
 *   e = requantise(t), with sums of e and of e x over positions; spread = requantise(e) at 2 x 2 pixels each
 */
struct end {
	int mask_bits, wide;
	bool narrow, relu;
	struct qmac_rescale to_e, to_spread;
	int64_t mask[ELEMENTS_MAX], z[ELEMENTS_MAX], x[ELEMENTS_MAX], bias[CHANNELS_MAX];
	int64_t e[ELEMENTS_MAX], spread[SPREAD * SPREAD * ELEMENTS_MAX], sums[2][CHANNELS_MAX];
};
enum { TILE, MASK, Z, X, BIAS, E, PAIRS, SPREAD_OVER, INSIDE, SUM, SUM_X, PANELS };

static struct end end;
static int labelled, narrow;

static struct qmac_rescale draw_rescale(void)
{
	return (struct qmac_rescale){
		.mult = 1, .shift = (int)pick(0, 12), .rounding = (unsigned)pick(0, 2), .bits = (int)pick(2, 16),
		.seed = (uint32_t)test_random(&state),
	};
}

static void fill_end(struct end *of, int64_t count, const struct qmac_hw *hw)
{
	const struct qmac_element z = {24, true, QMAC_CONTAINER_WORD}, x = {(int)pick(2, 9), true, 0};
	struct qmac_element mask = {.is_signed = true};

	mask.bits = of->mask_bits = (int)pick(3, 10);
	of->wide = hw->acc_bits < 63 ? hw->acc_bits : 63;
	of->narrow = of->mask_bits <= hw->w_bits;
	of->relu = pick(0, 1);
	of->to_e = draw_rescale();
	of->to_spread = draw_rescale();
	fill(of->mask, count, &mask);
	fill(of->z, count, &z);
	fill(of->x, count, &x);
	fill(of->bias, CHANNELS_MAX, &z);
	for (int64_t i = 0; of->relu && i < count; i++)
		of->mask[i] = of->mask[i] < 0 ? 0 : of->mask[i];
	narrow += of->narrow;
}

static int64_t requantise(const struct qmac_rescale *to, int64_t v, int64_t row, int64_t channel)
{
	uint64_t clamps = 0;

	v = ref_round(v, to->shift, to->rounding, ref_dither(to->seed, (uint32_t)row, (uint32_t)channel));
	return ref_clamp(v, to->bits, &clamps);
}

static void solve_end(struct end *of, const struct ref_conv *c)
{
	int64_t h = ref_conv_out_h(c), w = ref_conv_out_w(c), high = ((int64_t)1 << (of->mask_bits - 1)) - 1;

	memset(of->sums, 0, sizeof of->sums);
	for (int64_t i = 0; i < c->n * h * w * c->co; i++) {
		int64_t channel = i % c->co, at = i / c->co, image = at / (h * w), line = at / w % h, pixel = at % w;
		int64_t t = problem.ys[i] + of->bias[channel], m = of->mask[i];

		if (m == high || m == -high - 1 || (of->relu && m <= 0))
			t = 0;
		t += of->z[i] * (1 << LEFT);
		of->e[i] = requantise(&of->to_e, t, at, channel);
		of->sums[0][channel] += of->e[i];
		of->sums[1][channel] += of->e[i] * of->x[i];
		for (int64_t k = 0; k < SPREAD * SPREAD; k++) {
			int64_t place = (image * SPREAD * h + SPREAD * line + k / SPREAD) * SPREAD * w + SPREAD * pixel +
			                k % SPREAD;

			of->spread[place * c->co + channel] = requantise(&of->to_spread, of->e[i], place, channel);
		}
	}
}

/* ---- the same as a map ------------------------------------------------------------------- */

static void add(struct qmac_map *map, struct qmac_map_op op, unsigned code, int to, int from, int other)
{
	op.op = code;
	op.to = op.to.step[0] ? op.to : qmac_map_whole(to);
	op.from = qmac_map_whole(from);
	if (!op.other.step[0])
		op.other = other < 0 ? qmac_map_number : qmac_map_whole(other);
	CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &op, NULL), QMAC_OK);
}

/* 0 where the mask is at an end of its range, or, behind a relu, at 0. */
static void add_mask(struct qmac_map *map, const struct end *of)
{
	struct qmac_map_op op = {.scale = {.mult = 1, .bits = of->wide}};
	int32_t high = ((int32_t)1 << (of->mask_bits - 1)) - 1;

	if (of->narrow) {
		op.number = of->relu ? 1 : high + 2;
		op.scale.shift = 1;
		add(map, op, QMAC_OP_ADD, INSIDE, MASK, -1);
	} else {
		op.number = high - 1;
		add(map, op, QMAC_OP_MIN, INSIDE, MASK, -1);
		op.number = of->relu ? 1 : -high;
		add(map, op, QMAC_OP_MAX, INSIDE, INSIDE, -1);
		add(map, op, QMAC_OP_EQ, INSIDE, INSIDE, MASK);
	}
	add(map, (struct qmac_map_op){.scale = {.bits = of->wide}}, QMAC_OP_SELECT, TILE, TILE, INSIDE);
}

static void add_ops(struct qmac_map *map, const struct end *of)
{
	const struct qmac_map_op exact = {.scale = {.mult = 1, .bits = of->wide}};
	struct qmac_map_op op = exact;

	op.other = qmac_map_tap(BIAS, 0, 0, 0);
	op.to = qmac_map_whole(TILE);
	op.from = qmac_map_whole(TILE);
	CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &op, NULL), QMAC_OK);
	add_mask(map, of);
	op = exact;
	op.scale.left = LEFT;
	add(map, op, QMAC_OP_ADD, TILE, Z, TILE);
	op = (struct qmac_map_op){.scale = of->to_e, .sums = true, .sum = SUM, .label = 1};
	add(map, op, QMAC_OP_MAX, E, TILE, TILE);
	op = exact;
	op.reduces = true;
	add(map, op, QMAC_OP_MUL, SUM_X, E, X);
	for (int k = 0; k < SPREAD * SPREAD; k++) {
		op = exact;
		op.to = qmac_map_tap(PAIRS, k / SPREAD, k % SPREAD, SPREAD);
		add(map, op, QMAC_OP_ADD, PAIRS, E, -1);
	}
	op = (struct qmac_map_op){.scale = of->to_spread, .all = true};
	add(map, op, QMAC_OP_ADD, SPREAD_OVER, PAIRS, -1);
}

static enum qmac_status tell(void *context, int label, int64_t command, struct qmac_error *err)
{
	(void)context, (void)err;
	CU_ASSERT(label == 1 && command > 0);
	labelled++;
	return QMAC_OK;
}

/* ---- a run ------------------------------------------------------------------------------- */

static struct test_tensor put(struct product_bench *bench, struct qmac_view view, const int64_t *values)
{
	return test_tensor_put(bench->driver, view, values);
}

static struct qmac_view of_bits(int bits, int64_t times)
{
	const struct qmac_element e = {bits, true, bits > 16 ? QMAC_CONTAINER_WORD : QMAC_CONTAINER_HALF};
	const struct ref_conv *c = &problem.shape;

	return qmac_view_images(0, e, c->n, c->co, times * ref_conv_out_h(c), times * ref_conv_out_w(c),
	                        pick(1, c->co));
}

struct results {
	struct test_tensor e, spread, sums[2];
};

static void make_map(struct product_bench *bench, const struct end *of, struct qmac_map *map,
                     struct results *results)
{
	const struct qmac_map_reach twice = {.scale = {SPREAD, SPREAD}};
	struct qmac_view row = qmac_view_matrix(0, sum, 1, problem.shape.co, 8 * CHANNELS_MAX), view;

	results->e = put(bench, of_bits(16, 1), before);
	results->spread = put(bench, of_bits(16, SPREAD), before);
	CU_ASSERT_EQUAL(qmac_map_tile(map), TILE);
	view = put(bench, of_bits(of->mask_bits, 1), of->mask).view;
	CU_ASSERT_EQUAL(qmac_map_load(map, &view, qmac_map_same), MASK);
	view = put(bench, of_bits(24, 1), of->z).view;
	CU_ASSERT_EQUAL(qmac_map_load(map, &view, qmac_map_same), Z);
	view = put(bench, of_bits(9, 1), of->x).view;
	CU_ASSERT_EQUAL(qmac_map_load(map, &view, qmac_map_same), X);
	view = put(bench, row, of->bias).view;
	CU_ASSERT_EQUAL(qmac_map_load_shared(map, &view, qmac_map_point), BIAS);
	CU_ASSERT_EQUAL(qmac_map_store(map, &results->e.view, qmac_map_same), E);
	CU_ASSERT_EQUAL(qmac_map_temporary(map, twice), PAIRS);
	CU_ASSERT_EQUAL(qmac_map_store(map, &results->spread.view, twice), SPREAD_OVER);
	CU_ASSERT_EQUAL(of->narrow ? qmac_map_narrow(map, of->mask_bits - 1 - of->relu, qmac_map_same) :
	                qmac_map_temporary(map, qmac_map_same), INSIDE);
	for (int i = 0; i < 2; i++) {
		results->sums[i] = put(bench, row, before);
		CU_ASSERT_EQUAL(qmac_map_sums(map, &results->sums[i].view, 0), SUM + i);
	}
	add_ops(map, of);
}

static void check_run(const struct qmac_hw *hw, const struct end *of)
{
	struct qmac_view x = view_x(problem.x), w = view_w(problem.w, problem.shape.ci, problem.shape.co);
	struct qmac_view y = view_y(sum);
	struct qmac_product product = qmac_conv_forward(&problem.conv, &x, &w, &y);
	struct qmac_map map = {.channels = problem.shape.co};
	const struct qmac_map_labels labels = {tell, NULL};
	uint64_t counters[QMAC_COUNTERS];
	struct qmac_product_plan plan;
	struct product_bench bench;
	struct results results;

	memcpy(map.positions, product.positions, sizeof map.positions);
	product_bench_open(&bench, hw, (int)pick(2, 12), test_random(&state));
	make_map(&bench, of, &map, &results);
	product.a = put(&bench, x, problem.xs).view;
	product.b = put(&bench, w, problem.ws).view;
	product.end = &map;
	product.labels = &labels;
	CU_ASSERT_EQUAL_FATAL(qmac_product_plan_make(&plan, &product, hw, NULL), QMAC_OK);
	if (plan.passes <= PASSES_MAX) {
		struct qmac_piece_counts c = qmac_piece_count(&plan);

		seen.runs++;
		seen.split_n += c.n > 1 && c.tiles > 1;
		seen.split_sums += c.sums > 1;
		seen.split_images += plan.piece.positions[0] < product.positions[0];
		seen.split_lines += plan.piece.positions[1] < product.positions[1];
		product_bench_run(&bench, (const struct qmac_product_plan *[]){&plan}, 1);
		product_bench_finish(&bench, counters);
		CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &results.e, of->e), 0);
		CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &results.spread, of->spread), 0);
		for (int i = 0; i < 2; i++)
			CU_ASSERT_EQUAL(test_tensor_wrong(bench.driver, &results.sums[i], of->sums[i]), 0);
		CU_ASSERT_EQUAL(counters[QMAC_COUNTER_MACS], plan.macs);
		CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
		CU_ASSERT_EQUAL(counters[QMAC_COUNTER_CONTAINER_SATURATIONS], 0);
	}
	product_bench_close(&bench);
	qmac_map_free(&map);
}

static void test_random_hardware(void)
{
	memset(before, 0x77, sizeof before);
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw;
		int64_t longest;

		qmac_fuzz_hw(&state, &hw);
		hw.acc_bits = 64;
		longest = hw.rows > hw.cols ? hw.rows : hw.cols;
		if (hw.acc_depth < 2 * longest + DEPTH_MIN)
			hw.acc_depth = DEPTH_MIN + 2 * (int)longest;
		hw.w_depth += 2 * W_SPARE;
		CU_ASSERT_EQUAL_FATAL(qmac_hw_check(&hw, NULL, NULL), QMAC_OK);
		draw_shape(&problem.shape, &hw);
		solve(&problem);
		fill_end(&end, problem.shape.n * ref_conv_out_h(&problem.shape) * ref_conv_out_w(&problem.shape) *
		         problem.shape.co, &hw);
		solve_end(&end, &problem.shape);
		check_run(&hw, &end);
	}
	printf("(%d runs: cut in sums %d, n %d, images %d, lines %d; narrow masks %d) ", seen.runs,
	       seen.split_sums, seen.split_n, seen.split_images, seen.split_lines, narrow);
	CU_ASSERT(seen.runs > CASES / 2 && seen.split_sums && seen.split_n && seen.split_images);
	CU_ASSERT(seen.split_lines);
	CU_ASSERT(narrow > 0 && narrow < CASES && labelled >= seen.runs);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"products that end in a map", test_random_hardware},
	};

	state = test_seed();
	return test_main("test_product_end", cases, TEST_COUNT(cases));
}
