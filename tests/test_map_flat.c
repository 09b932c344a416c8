/*
 * Maps that go over memory in full rows, where tensors have few channels: against plain loops, on random
 * hardware, beside maps that may not. Streams run in random legal orders of the engines.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "lower/map_flat.h"
#include "reference/product_bench.h"
#include "reference/ref_num.h"
#include "reference/test_tensor.h"
#include "test.h"

enum { CASES = 200, COUNT_MAX = 3000, TENSORS = 3 };

/* What keeps a map from being flat. */
enum bar { NOTHING, STOCHASTIC, GAPS, COEFFICIENTS, WINDOW, SUMS, BARS };

/* y = requantise(max(x, z) - 3) */
struct problem {
	int64_t positions[3], channels, count;
	enum bar bar;
	struct qmac_rescale scale;
	int64_t x[COUNT_MAX], z[COUNT_MAX], y[COUNT_MAX];
	int64_t none[COUNT_MAX], sums[COUNT_MAX]; /* COEFFICIENTS, SUMS */
};

enum { X_BITS = 7, Z_BITS = 14, MINUS = 3 };

static uint64_t state;
static int flat_maps, ragged_rests;

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

static int64_t code(int bits)
{
	int64_t half = (int64_t)1 << (bits - 1);

	return pick(-half, half - 1);
}

static void fill(struct problem *p)
{
	memset(p, 0, sizeof *p);
	do {
		p->count = p->channels = pick(1, 20);
		for (int d = 0; d < 3; d++) {
			p->positions[d] = pick(1, 9);
			p->count *= p->positions[d];
		}
	} while (p->count > COUNT_MAX);
	p->bar = (enum bar)(pick(0, 1) ? NOTHING : pick(0, BARS - 1));
	p->scale = (struct qmac_rescale){
		.mult = (int32_t)pick(-9, 9), .shift = (int)pick(0, 6), .bits = (int)pick(2, 16),
		.rounding = p->bar == STOCHASTIC ? QMAC_ROUND_STOCHASTIC : (unsigned)pick(0, 1), .relu = pick(0, 1),
		.seed = p->bar == STOCHASTIC ? (uint32_t)test_random(&state) : 0,
	};
	for (int64_t i = 0; i < p->count; i++) {
		int64_t channel = i % p->channels, larger, y;
		uint64_t unused = 0;

		p->x[i] = code(X_BITS);
		p->z[i] = code(Z_BITS);
		larger = p->x[i] > p->z[i] ? p->x[i] : p->z[i];
		y = ref_round((larger - MINUS) * p->scale.mult, p->scale.shift, p->scale.rounding,
		              ref_dither(p->scale.seed, (uint32_t)(i / p->channels), (uint32_t)channel));
		p->y[i] = ref_clamp(p->scale.relu && y < 0 ? 0 : y, p->scale.bits, &unused);
		p->sums[channel] += larger;
	}
}

struct run {
	struct product_bench bench;
	struct test_tensor tensors[TENSORS], sums;
	struct qmac_map map;
};

static struct test_tensor put(struct run *run, const struct problem *p, int bits, unsigned container,
                              const int64_t *values)
{
	/* without room between them, or with, at some distance from where they might begin */
	int64_t lanes = p->bar == GAPS ? run->bench.hw.cols : p->channels;
	struct qmac_view view = qmac_view_images((uint64_t)pick(0, 5) << container,
	                                         (struct qmac_element){bits, true, container}, p->positions[0],
	                                         p->channels, p->positions[1], p->positions[2], lanes);

	return test_tensor_put(run->bench.driver, view, values);
}

/* What bars, where an operation does. */
static void add_bar(struct run *run, const struct problem *p, struct qmac_map_op *larger)
{
	struct qmac_driver *driver = run->bench.driver;
	const struct qmac_element wide = {32, true, QMAC_CONTAINER_WORD};
	struct qmac_map *map = &run->map;

	if (p->bar == COEFFICIENTS) {
		/* t = 0 x + 0 z + 0 first, which is overwritten */
		struct qmac_map_op affine = *larger;

		run->sums = test_tensor_put(driver, qmac_view_images(0, wide, 1, p->channels, 1, QMAC_COEFFICIENTS,
		                                                     run->bench.hw.cols), p->none);
		affine.op = QMAC_OP_AFFINE;
		affine.coefficients = qmac_map_coefficients(map, &run->sums.view);
		CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &affine, NULL), QMAC_OK);
	}
	if (p->bar == SUMS) {
		run->sums = test_tensor_put(driver, qmac_view_matrix(0, wide, 1, p->channels,
		                                                     4 * (uint64_t)p->channels), p->none);
		larger->sums = true;
		larger->sum = qmac_map_sums(map, &run->sums.view, 0);
	}
}

static void add_ops(struct run *run, const struct problem *p)
{
	const struct qmac_map_reach wider = {.scale = {1, 1}, .extra = {0, 1}};
	struct qmac_map *map = &run->map;
	int x = qmac_map_load(map, &run->tensors[0].view, qmac_map_same);
	int z = qmac_map_load(map, &run->tensors[1].view, p->bar == WINDOW ? wider : qmac_map_same);
	int y = qmac_map_store(map, &run->tensors[2].view, qmac_map_same);
	int t = qmac_map_temporary(map, qmac_map_same);
	struct qmac_map_op op = {
		.op = QMAC_OP_MAX, .to = qmac_map_whole(t), .from = qmac_map_whole(x), .other = qmac_map_whole(z),
		.scale = {.mult = 1, .bits = 30},
	};

	add_bar(run, p, &op);
	CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &op, NULL), QMAC_OK);
	op = (struct qmac_map_op){
		.op = QMAC_OP_SUB, .to = qmac_map_whole(y), .from = qmac_map_whole(t), .other = qmac_map_number,
		.number = MINUS, .scale = p->scale,
	};
	CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &op, NULL), QMAC_OK);
}

/* The number of flat maps is what it has to be. */
static void check_flat(const struct run *run, const struct problem *p)
{
	struct qmac_map flat[2];
	int cols = run->bench.hw.cols, count = qmac_map_flatten(&run->map, cols, flat);
	int64_t rows = 0;

	if (p->bar != NOTHING || p->channels >= cols) {
		CU_ASSERT_EQUAL(count, 0);
		return;
	}
	CU_ASSERT_EQUAL(count, (p->count >= cols) + (p->count % cols > 0));
	for (int i = 0; i < count; i++)
		rows += flat[i].positions[2];
	CU_ASSERT_EQUAL(rows, (p->count + cols - 1) / cols);
	flat_maps++;
	ragged_rests += count == 2;
}

static void check_run(const struct problem *p, const struct qmac_hw *hw)
{
	struct run run = {.map = {.channels = p->channels}};
	struct qmac_program *program = qmac_program_create(hw);
	uint64_t counters[QMAC_COUNTERS];

	CU_ASSERT_PTR_NOT_NULL_FATAL(program);
	memcpy(run.map.positions, p->positions, sizeof run.map.positions);
	product_bench_open(&run.bench, hw, (int)pick(4, 12), test_random(&state));
	run.tensors[0] = put(&run, p, X_BITS, QMAC_CONTAINER_BYTE, p->x);
	run.tensors[1] = put(&run, p, Z_BITS, QMAC_CONTAINER_WORD, p->z);
	run.tensors[2] = put(&run, p, p->scale.bits, QMAC_CONTAINER_HALF, p->none);
	add_ops(&run, p);
	check_flat(&run, p);
	CU_ASSERT_EQUAL_FATAL(qmac_map_lower(program, hw, &run.map, NULL, NULL), QMAC_OK);
	qmac_map_free(&run.map);
	product_bench_submit(&run.bench, program);
	product_bench_finish(&run.bench, counters);
	CU_ASSERT_EQUAL(test_tensor_wrong(run.bench.driver, &run.tensors[2], p->y), 0);
	if (p->bar == SUMS)
		CU_ASSERT_EQUAL(test_tensor_wrong(run.bench.driver, &run.sums, p->sums), 0);
	product_bench_close(&run.bench);
}

static struct problem problem;

static void test_random_cases(void)
{
	state = test_seed();
	for (int i = 0; i < TEST_CASES(CASES); i++) {
		struct qmac_hw hw;

		fill(&problem);
		qmac_fuzz_hw(&state, &hw);
		hw.acc_bits = (int)pick(32, 64);
		if (hw.acc_depth < 32)
			hw.acc_depth = 32;
		check_run(&problem, &hw);
	}
	printf("(%d flat, %d with the rest of a row) ", flat_maps, ragged_rests);
	CU_ASSERT(flat_maps > 0 && ragged_rests > 0 && flat_maps < TEST_CASES(CASES));
}

int main(void)
{
	static const struct test_case cases[] = {{"random maps", test_random_cases}};

	return test_main("test_map_flat", cases, TEST_COUNT(cases));
}
