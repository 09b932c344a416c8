/*
 * Maps with coefficients of channels and sums over positions, on random hardware, the smallest scratchpads
 * among it, against plain loops. Streams run in random legal orders of the engines and are checked for races.
 * What else maps do: test_net_device.c.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "lower/conv.h"
#include "lower/map.h"
#include "reference/product_bench.h"
#include "reference/ref_num.h"
#include "reference/test_tensor.h"
#include "test.h"

enum { CASES = 120, COUNT_MAX = 4000, CHANNELS_MAX = 140, SUMS = 3 };

/*
 *   t = x + bias of the pixel, y = requantise(t c0 + z c1 + c2); sums of t, of y, of y y
 */
struct problem {
	int64_t positions[3], channels, terms;
	int x_bits, z_bits;
	bool in_place; /* y takes the place of t, and is then copied */
	struct qmac_rescale scale;
	int64_t x[COUNT_MAX], z[COUNT_MAX], bias[COUNT_MAX], y[COUNT_MAX];
	int64_t coefficients[QMAC_COEFFICIENTS * CHANNELS_MAX];
	int64_t sums[SUMS][COUNT_MAX]; /* slice by slice */
};

static uint64_t state;
static struct {
	int sliced, lines, ragged, saturated;
} seen;

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

static int64_t code(int bits)
{
	int64_t half = (int64_t)1 << (bits - 1);

	return pick(0, 5) ? pick(-half, half - 1) : pick(0, 1) ? -half : half - 1;
}

static void fill(struct problem *p)
{
	memset(p, 0, sizeof *p);
	do {
		for (int d = 0; d < 3; d++)
			p->positions[d] = pick(1, 7);
		p->channels = qmac_fuzz_pick(&state, 1, CHANNELS_MAX);
	} while (p->positions[0] * p->positions[1] * p->positions[2] * p->channels > COUNT_MAX);
	p->terms = pick(0, 2) ? 0 : pick(1, p->positions[0] * p->positions[1] * p->positions[2]);
	p->x_bits = (int)pick(2, 16);
	p->z_bits = (int)pick(2, 16);
	p->in_place = pick(0, 1);
	p->scale = (struct qmac_rescale){
		.shift = (int)pick(0, 20), .rounding = (unsigned)pick(0, 2), .relu = pick(0, 1),
		.bits = (int)pick(2, 16), .seed = (uint32_t)test_random(&state),
	};
	for (int i = 0; i < COUNT_MAX; i++) {
		p->x[i] = code(p->x_bits);
		p->z[i] = code(p->z_bits);
		p->bias[i] = code(12);
	}
	for (int64_t i = 0; i < QMAC_COEFFICIENTS * p->channels; i++)
		p->coefficients[i] = code(i / p->channels == 2 ? 30 : pick(0, 9) ? 18 : 19);
}

/* The slow reading of docs/command-set.md, and where the slices begin, position by position. */
static void solve(struct problem *p)
{
	const struct qmac_slices slices = qmac_slices_of(p->positions, p->terms);
	const int64_t *n = p->positions, pixels = n[1] * n[2], *c = p->coefficients, channels = p->channels;
	uint64_t saturations = 0, unused = 0;
	int64_t first[3], count[3], covered = 0;

	for (int64_t s = 0; s < slices.count; s++) {
		qmac_slices_at(&slices, s, first, count);
		covered += count[0] * count[1] * count[2];
		CU_ASSERT(!p->terms || count[0] * count[1] * count[2] <= p->terms);
		for (int64_t i = 0; i < n[0] * pixels * channels; i++) {
			int64_t at = i / channels, j = i % channels;
			const int64_t place[3] = {at / pixels, at % pixels / n[2], at % n[2]};
			int64_t t = p->x[i] + p->bias[at % pixels * channels + j], y;
			ref_int x = (ref_int)t * ref_clamp(c[j], 18, &unused);
			bool inside = true;

			x += (ref_int)p->z[i] * ref_clamp(c[channels + j], 18, &unused) + c[2 * channels + j];
			y = ref_round((int64_t)x, p->scale.shift, p->scale.rounding,
			              ref_dither(p->scale.seed, (uint32_t)at, (uint32_t)j));
			y = p->scale.relu && y < 0 ? 0 : y;
			for (int d = 0; d < 3; d++)
				inside &= place[d] >= first[d] && place[d] < first[d] + count[d];
			if (!inside)
				continue;
			p->y[i] = ref_clamp(y, p->scale.bits, &saturations);
			p->sums[0][s * channels + j] += t;
			p->sums[1][s * channels + j] += p->y[i];
			p->sums[2][s * channels + j] += p->y[i] * p->y[i];
		}
	}
	CU_ASSERT_EQUAL(covered, n[0] * pixels);
	seen.sliced += slices.count > 1;
	seen.lines += slices.each[0] < n[0] && slices.each[1] < n[1];
	seen.saturated += saturations > 0;
}

static struct qmac_view view(const struct problem *p, int bits, int64_t images, int64_t lanes)
{
	return qmac_view_images(0, (struct qmac_element){bits, true, QMAC_CONTAINER_HALF}, images, p->channels,
	                        p->positions[1], p->positions[2], lanes);
}

/* The operations; panels in the order in which they are made. */
static void add_ops(struct qmac_map *map, const struct problem *p, const int panels[5],
                    const int sums[SUMS])
{
	struct qmac_map_op op = {
		.op = QMAC_OP_ADD, .to = qmac_map_whole(panels[0]), .from = qmac_map_whole(panels[0]),
		.other = qmac_map_whole(panels[2]), .scale = {.mult = 1, .bits = 40}, .sums = true, .sum = sums[0],
	};

	CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &op, NULL), QMAC_OK);
	op.op = QMAC_OP_AFFINE;
	op.other = qmac_map_whole(panels[1]);
	op.scale = p->scale;
	op.coefficients = panels[3];
	op.to = qmac_map_whole(panels[p->in_place ? 0 : 4]);
	op.sum = sums[1];
	CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &op, NULL), QMAC_OK);
	if (p->in_place) {
		op = (struct qmac_map_op){.from = op.to, .other = qmac_map_number, .scale = {.mult = 1, .bits = 16}};
		op.to = qmac_map_whole(panels[4]);
		CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &op, NULL), QMAC_OK);
	}
	op = (struct qmac_map_op){
		.op = QMAC_OP_MUL, .to = qmac_map_whole(sums[2]), .from = qmac_map_whole(panels[4]),
		.other = qmac_map_whole(panels[4]), .scale = {.bits = 48}, .reduces = true,
	};
	CU_ASSERT_EQUAL_FATAL(qmac_map_add(map, &op, NULL), QMAC_OK);
}

/* A problem on a device. */
struct run {
	struct product_bench bench;
	struct test_tensor tensors[5], sums[SUMS];
	struct qmac_map map;
	int panels[5], sum_panels[SUMS];
};

static const int64_t nothing[COUNT_MAX];

/* Into memory, in blocks of as many channels as chance will have, and the panels of a map over it. */
static void put(struct run *run, const struct problem *p, const struct qmac_hw *hw)
{
	struct qmac_driver *driver = run->bench.driver;
	const struct qmac_element word = {32, true, QMAC_CONTAINER_WORD};
	const struct qmac_element wide = {64, true, QMAC_CONTAINER_DOUBLE};
	const struct qmac_slices slices = qmac_slices_of(p->positions, p->terms);
	int64_t lanes = pick(1, p->channels), images = p->positions[0];
	uint64_t slice_bytes = 8 * (uint64_t)p->channels;
	struct test_tensor *of = run->tensors;
	struct qmac_map *map = &run->map;

	of[0] = test_tensor_put(driver, view(p, p->x_bits, images, lanes), p->x);
	of[1] = test_tensor_put(driver, view(p, p->z_bits, images, hw->cols), p->z);
	of[2] = test_tensor_put(driver, view(p, 12, 1, lanes), p->bias);
	of[3] = test_tensor_put(driver, qmac_view_images(0, word, 1, p->channels, 1, QMAC_COEFFICIENTS, lanes),
	                        p->coefficients);
	of[4] = test_tensor_put(driver, view(p, p->scale.bits, images, hw->cols), nothing);
	run->panels[0] = qmac_map_load(map, &of[0].view, qmac_map_same);
	run->panels[1] = qmac_map_load(map, &of[1].view, qmac_map_same);
	run->panels[2] = qmac_map_load_shared(map, &of[2].view, qmac_map_same);
	run->panels[3] = qmac_map_coefficients(map, &of[3].view);
	for (int i = 0; i < SUMS; i++) {
		struct qmac_view one;

		run->sums[i] = test_tensor_put(driver, qmac_view_matrix(0, wide, slices.count, p->channels,
		                                                        slice_bytes), nothing);
		one = run->sums[i].view;
		one.positions[2] = 1;
		run->sum_panels[i] = qmac_map_sums(map, &one, slice_bytes);
	}
	run->panels[4] = qmac_map_store(map, &of[4].view, qmac_map_same);
}

static void check_run(const struct problem *p, const struct qmac_hw *hw)
{
	struct run run = {.map = {.channels = p->channels, .terms = p->terms}};
	struct qmac_program *program = qmac_program_create(hw);
	uint64_t counters[QMAC_COUNTERS];

	CU_ASSERT_PTR_NOT_NULL_FATAL(program);
	memcpy(run.map.positions, p->positions, sizeof run.map.positions);
	product_bench_open(&run.bench, hw, (int)pick(4, 12), test_random(&state));
	put(&run, p, hw);
	add_ops(&run.map, p, run.panels, run.sum_panels);
	CU_ASSERT(qmac_map_fits(&run.map, hw));
	CU_ASSERT_EQUAL_FATAL(qmac_map_lower(program, hw, &run.map, NULL, NULL), QMAC_OK);
	qmac_map_free(&run.map);
	product_bench_submit(&run.bench, program);
	product_bench_finish(&run.bench, counters);
	CU_ASSERT_EQUAL(test_tensor_wrong(run.bench.driver, &run.tensors[4], p->y), 0);
	for (int i = 0; i < SUMS; i++)
		CU_ASSERT_EQUAL(test_tensor_wrong(run.bench.driver, &run.sums[i], p->sums[i]), 0);
	product_bench_close(&run.bench);
}

static struct problem problem;

static void test_random_cases(void)
{
	for (int i = 0; i < TEST_CASES(CASES); i++) {
		struct qmac_hw hw;

		fill(&problem);
		solve(&problem);
		qmac_fuzz_hw(&state, &hw);
		hw.acc_bits = (int)pick(48, 64);
		if (hw.acc_depth < 32)
			hw.acc_depth = 32;
		seen.ragged += problem.channels > hw.cols && problem.channels % hw.cols != 0;
		check_run(&problem, &hw);
	}
	printf("(%d in slices, %d of lines, %d with ragged blocks, %d saturated) ", seen.sliced, seen.lines,
	       seen.ragged, seen.saturated);
	CU_ASSERT(seen.sliced > 0 && seen.lines > 0 && seen.ragged > 0 && seen.saturated > 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"coefficients and sums on random hardware", test_random_cases},
	};

	state = test_seed();
	return test_main("test_map", cases, TEST_COUNT(cases));
}
