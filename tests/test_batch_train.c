/*
 * Whole runs with mini-batches, against docs/algorithms.md: HALP-8 follows SVRG to
 * 1e-8, the host's algorithms equal their formulas, the weights are the same on
 * every device, and plans that do not fit name the key to change.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/random.h"
#include "data/regression.h"
#include "dataset_rows.h"
#include "shipped_hw.h"
#include "test.h"
#include "step/step_plan.h"
#include "run/train.h"

static struct qmac_run batched(enum qmac_algorithm algorithm, int bits, int64_t batch)
{
	bool sgd = algorithm == QMAC_SGD || algorithm == QMAC_LP_SGD;

	return (struct qmac_run){
		.algorithm = algorithm, .samples = 1000, .features = 100, .informative = 10, .bits = bits,
		.x_bits = 8, .frac_bits = 8, .mp_bits = algorithm == QMAC_HALP ? 8 : 24, .y_frac_bits = 4,
		.alpha = (sgd ? 2.5e-3 : 5e-3) * sqrt((double)batch), .delta = bits == 8 ? 0.7 : 0.003, .mu = 1,
		.batch = batch, .inner_steps = 2000 / batch, .epochs = 20, .seed = 1, .backend = "cmodel",
		.kernel = "auto", .threads = 1,
	};
}

/* Runs and expects success; the caller frees result.weights. */
static struct qmac_train_result train(const struct qmac_run *run, const struct qmac_hw *hw)
{
	struct qmac_train_result result;
	struct qmac_error err;

	if (qmac_train(run, hw, NULL, &result, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("train");
	}
	return result;
}

static double final_norm(struct qmac_run run)
{
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	struct qmac_train_result result = train(&run, &hw);

	CU_ASSERT_EQUAL(result.last.step, run.epochs * run.inner_steps);
	free(result.weights);
	return result.last.grad_norm;
}

/* 20 epochs of batches of 16 at the default settings; HALP-8 also with mu 2. */
static void test_convergence(void)
{
	struct qmac_run run = batched(QMAC_HALP, 8, 16);
	double mu1 = final_norm(run), mu2, svrg = final_norm(batched(QMAC_SVRG, 8, 16));

	run.mu = 2;
	mu2 = final_norm(run);
	printf("(SVRG %.2g, HALP-8 %.2g, with mu 2 %.2g) ", svrg, mu1, mu2);
	CU_ASSERT(svrg < 3e-9);
	CU_ASSERT(mu1 < 2e-8 && mu2 < 5e-9);
	CU_ASSERT(mu1 > svrg);
}

/* ---- the host's algorithms by their formulas ---------------------------------------- */

enum { SAMPLES = 30, FEATURES = 7, BATCH = 4, STEPS = 9, EPOCHS = 3 };

/* g = mean over `count` samples of (x_i.at - y_i) x_i; order NULL: all samples; y NULL: 0. */
static void mean_gradient(const double *x, const double *y, const int64_t *order, int count,
                          const double *at, double *g)
{
	memset(g, 0, FEATURES * sizeof g[0]);
	for (int b = 0; b < count; b++) {
		const double *row = x + (order ? order[b] : b) * FEATURES;
		double r = y ? -y[order ? order[b] : b] : 0;

		for (int j = 0; j < FEATURES; j++)
			r += row[j] * at[j];
		for (int j = 0; j < FEATURES; j++)
			g[j] += r * row[j] / count;
	}
}

static void reference(const struct qmac_run *run, const double *x, const double *y, double *w)
{
	struct qmac_random samples = qmac_random_stream(run->seed, QMAC_STREAM_SAMPLES);
	double g[FEATURES], z[FEATURES], step[FEATURES];
	bool svrg = run->algorithm == QMAC_SVRG;

	for (int t = 0; t < EPOCHS * STEPS; t++) {
		int64_t order[BATCH];

		if (t % STEPS == 0) {
			mean_gradient(x, y, NULL, SAMPLES, w, g);
			memset(z, 0, sizeof z);
		}
		for (int b = 0; b < BATCH; b++)
			order[b] = (int64_t)qmac_random_below(&samples, SAMPLES);
		mean_gradient(x, svrg ? NULL : y, order, BATCH, svrg ? z : w, step);
		for (int j = 0; j < FEATURES; j++) {
			double move = run->alpha * (step[j] + (svrg ? g[j] : 0));

			z[j] -= move;
			w[j] -= svrg ? 0 : move;
		}
		for (int j = 0; svrg && t % STEPS == STEPS - 1 && j < FEATURES; j++)
			w[j] += z[j];
	}
}

static void test_host_algorithms(void)
{
	static const enum qmac_algorithm algorithms[] = {QMAC_SGD, QMAC_SVRG};
	const struct qmac_hw hw = shipped_hw("8x8_w8");

	for (int a = 0; a < 2; a++) {
		struct qmac_run run = batched(algorithms[a], 8, BATCH);
		struct qmac_train_result result;
		struct qmac_dataset data;
		double w[FEATURES] = {0}, *x;

		run.samples = SAMPLES;
		run.features = FEATURES;
		run.informative = 3;
		run.inner_steps = STEPS;
		run.epochs = EPOCHS;
		run.alpha = 0.05;
		CU_ASSERT_EQUAL_FATAL(qmac_regression_generate(&data, SAMPLES, FEATURES, 3, 0, 8, 1, NULL), QMAC_OK);
		x = dataset_rows(&data);
		reference(&run, x, data.y, w);
		free(x);
		result = train(&run, &hw);
		for (int j = 0; j < FEATURES; j++)
			CU_ASSERT_DOUBLE_EQUAL(result.weights[j], w[j], 1e-10);
		CU_ASSERT_DOUBLE_EQUAL(result.last.data_passes,
		                       (double)EPOCHS * STEPS * BATCH / SAMPLES + (a == 1 ? EPOCHS : 0), 1e-12);
		free(result.weights);
		qmac_dataset_free(&data);
	}
}

/* ---- the hardware changes nothing but time ------------------------------------------ */

static void test_same_weights(void)
{
	static const enum qmac_algorithm algorithms[] = {QMAC_HALP, QMAC_LP_SVRG, QMAC_LP_SGD};
	static const char *const names[] = {"16x16_w8", "16x16_w16", "8x8_w8", "ragged", "8x8_w8"};
	enum { DEVICES = 5, SHALLOW = 4 };

	for (int a = 0; a < 6; a++) {
		struct qmac_run run = batched(algorithms[a / 2], a % 2 ? 16 : 8, 16);
		struct qmac_train_result results[DEVICES];

		run.samples = 200;
		run.inner_steps = 25;
		run.epochs = 3;
		for (int i = 0; i < DEVICES; i++) {
			struct qmac_hw hw = shipped_hw(names[i]);

			if (i == SHALLOW)
				hw.a_depth = 104; /* chunks of 4 samples */
			results[i] = train(&run, &hw);
			CU_ASSERT_EQUAL(results[i].last.counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
			CU_ASSERT_EQUAL(results[i].last.counters[QMAC_COUNTER_REQUANT_SATURATIONS],
			                results[0].last.counters[QMAC_COUNTER_REQUANT_SATURATIONS]);
			CU_ASSERT(memcmp(results[i].weights, results[0].weights,
			                 (size_t)run.features * sizeof(double)) == 0);
		}
		CU_ASSERT(results[SHALLOW].last.counters[QMAC_COUNTER_COMMANDS] >
		          results[2].last.counters[QMAC_COUNTER_COMMANDS]);
		for (int i = 0; i < DEVICES; i++)
			free(results[i].weights);
	}
}

/* ---- refusals ------------------------------------------------------------------------ */

static const struct qmac_linear_shape figure1 = {
	.samples = 1000, .features = 100, .batch = 16, .bits = 8, .x_bits = 8, .frac_bits = 8, .mp_bits = 8,
	.c1 = 1.7e-6, .has_offset = true,
};

static void refuse(const struct qmac_linear_shape *shape, const struct qmac_hw *hw, const char *message)
{
	struct qmac_step_plan plan;
	struct qmac_error err = {0};

	test_refusal(qmac_step_plan_make(&plan, shape, hw, &err), &err, message);
}

/* The numbers of Figure 1 with batches of 16 worked out by hand. */
static void test_plan(void)
{
	struct qmac_hw hw = shipped_hw("16x16_w8");
	struct qmac_linear_shape shape = figure1;
	struct qmac_step_plan plan;

	CU_ASSERT_EQUAL_FATAL(qmac_step_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT(plan.blocks == 7 && plan.chunk == 16 && plan.chunks == 1 && plan.slot_rows == 112);
	CU_ASSERT(plan.x.count == 1 && plan.z.count == 1 && plan.m.count == 1);
	CU_ASSERT_EQUAL(plan.step.t_shift, 8 - 1 - 8 + 8 + 2 - 8); /* m' has 9 fraction bits, F is 8 */
	CU_ASSERT_EQUAL(plan.step.sum_bits, 8 + 8 - 1 + 4);
	hw.a_depth = 60; /* two slots of 4 samples */
	CU_ASSERT_EQUAL_FATAL(qmac_step_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT(plan.chunk == 4 && plan.chunks == 4);
	CU_ASSERT(qmac_step_plan_resident(&plan));
	/* Two places of 6 rows of A: a sample's 7 blocks do not fit, one block of 4 samples does. */
	hw.a_depth = 12;
	CU_ASSERT_EQUAL_FATAL(qmac_step_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT(!qmac_step_plan_resident(&plan) && plan.part_blocks == 1 && plan.chunk == 4);
	hw = shipped_hw("16x16_w8");
	hw.w_depth = 101; /* 100 operands of Z and one of m' */
	CU_ASSERT_EQUAL_FATAL(qmac_step_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT(qmac_step_plan_resident(&plan) && plan.chunk == 1 && plan.chunks == 16);
	hw.w_depth = 100; /* two places of 50: 3 blocks */
	CU_ASSERT_EQUAL_FATAL(qmac_step_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT(!qmac_step_plan_resident(&plan) && plan.part_blocks == 3 && plan.chunk == 16);
	hw.w_depth = 30;
	refuse(&shape, &hw, "a step with x_bits 8, bits 8 and mp_bits 8 takes at least 32 rows; w_depth of the"
	       " hardware is 30");
	hw.w_depth = 4096;
	hw.acc_depth = 300; /* Z, H and the sum take turns: 3 blocks of each, twice */
	CU_ASSERT_EQUAL_FATAL(qmac_step_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT(!qmac_step_plan_resident(&plan) && plan.part_blocks == 3 && plan.chunk == 16);
	hw.acc_depth = 94;
	refuse(&shape, &hw, "takes at least 96 rows; acc_depth of the hardware is 94: take other hardware");
	hw = shipped_hw("16x16_w8");
	hw.acc_bits = 24;
	shape.mp_bits = 14;
	refuse(&shape, &hw, "a gradient with mp_bits 14, x_bits 8 and batch 16 needs accumulators of 25 bits; "
	       "acc_bits of the hardware is 24: lower mp_bits to at most 13, or x_bits or batch");
	shape.mp_bits = 13;
	CU_ASSERT_EQUAL(qmac_step_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	/* Narrower inside than the key says, which is what the message names. */
	shape.mp_bits = 32;
	shape.c1 = 1;
	refuse(&shape, &hw, "a gradient with mp_bits 32, x_bits 8 and batch 16 needs accumulators of 26 bits; "
	       "acc_bits of the hardware is 24: lower mp_bits to at most 13, or x_bits or batch");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"HALP-8 follows SVRG to 1e-8", test_convergence},
		{"SGD and SVRG by their formulas", test_host_algorithms},
		{"the same weights on every device", test_same_weights},
		{"plans and refusals", test_plan},
	};

	return test_main("test_batch_train", cases, TEST_COUNT(cases));
}
