/*
 * Whole runs of logistic regression: the low-precision algorithms with fine grids follow
 * their full-precision models, HALP-8 goes far below the floor of LP-SVRG-8, the weights
 * are the same on every device and with any number of threads, options and refusals. A
 * small file of the test's own; MNIST where it is there.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shipped_hw.h"
#include "test.h"
#include "run/train.h"

enum { ROWS = 240, FEATURES = 13, CLASSES = 3 };

static struct qmac_run make_run(enum qmac_algorithm algorithm, int bits, int64_t batch)
{
	struct qmac_run run = {
		.problem = QMAC_PROBLEM_LOGISTIC_REGRESSION, .data = QMAC_DATA_CSV, .algorithm = algorithm,
		.target = "last", .standardise = true, .clip = 3, .test_fraction = 0.25, .bits = bits, .x_bits = 8,
		.frac_bits = 16, .mp_bits = 16, .alpha = batch == 1 ? 0.01 : 0.05, .delta = ldexp(1, 1 - bits),
		.mu = 0.3, .lambda = 0.02, .batch = batch, .epochs = 8, .seed = 1, .backend = "cmodel",
		.kernel = "auto", .threads = 1,
	};

	snprintf(run.file, sizeof run.file, "%s", test_write_clouds(ROWS, FEATURES, CLASSES));
	return run;
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
	CU_ASSERT_EQUAL(result.weight_count, FEATURES * CLASSES);
	return result;
}

static struct qmac_metrics last_row(const struct qmac_run *run)
{
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	struct qmac_train_result result = train(run, &hw);

	free(result.weights);
	return result.last;
}

/* ---- against full precision ------------------------------------------------------------- */

static double distance(const double *a, const double *b)
{
	double square = 0;

	for (int k = 0; k < FEATURES * CLASSES; k++)
		square += (a[k] - b[k]) * (a[k] - b[k]);
	return sqrt(square);
}

/* The same samples in the same order: with fine grids the weights agree but for rounding. */
static void check_limit(enum qmac_algorithm low, enum qmac_algorithm full, int64_t batch,
                        enum qmac_option option)
{
	const struct qmac_hw hw = shipped_hw("16x16_w16");
	struct qmac_run run = make_run(low, 16, batch);
	struct qmac_train_result a, b;
	double zero[FEATURES * CLASSES] = {0}, part;

	run.option = option;
	run.epochs = 3;
	run.frac_bits = 20;
	run.mp_bits = 24;
	run.mu = 0.1;
	a = train(&run, &hw);
	run.algorithm = full;
	b = train(&run, &hw);
	part = distance(a.weights, b.weights) / distance(b.weights, zero);
	printf("(%.2g) ", part);
	CU_ASSERT(part < (low == QMAC_HALP ? 1e-2 : 2e-3) && part > 1e-9); /* HALP's first grid is coarser */
	CU_ASSERT_EQUAL(a.last.step, b.last.step);
	CU_ASSERT_EQUAL(a.last.data_passes, b.last.data_passes);
	free(a.weights);
	free(b.weights);
}

static void test_limits(void)
{
	check_limit(QMAC_HALP, QMAC_SVRG, 1, QMAC_OPTION_I);
	check_limit(QMAC_HALP, QMAC_SVRG, 8, QMAC_OPTION_II);
	check_limit(QMAC_LP_SVRG, QMAC_SVRG, 8, QMAC_OPTION_I);
	check_limit(QMAC_LP_SVRG, QMAC_SVRG, 1, QMAC_OPTION_II);
	check_limit(QMAC_LP_SGD, QMAC_SGD, 8, QMAC_OPTION_I);
}

static void test_convergence(void)
{
	struct qmac_run svrg = make_run(QMAC_SVRG, 8, 8), halp = make_run(QMAC_HALP, 8, 8);
	struct qmac_run coarse = halp, baseline = make_run(QMAC_LP_SVRG, 8, 8), sgd = make_run(QMAC_LP_SGD, 8, 8);
	struct qmac_metrics rows[5];

	struct qmac_run *runs[] = {&svrg, &halp, &coarse, &baseline, &sgd};

	coarse.mp_bits = 8;
	for (int i = 0; i < 5; i++) {
		runs[i]->epochs = 40;
		runs[i]->alpha = 0.2;
		runs[i]->lambda = 0.05;
		rows[i] = last_row(runs[i]);
	}
	printf("(SVRG %.2g, HALP-8 %.2g, with m' of 8 bits %.2g, LP-SVRG-8 %.2g, LP-SGD-8 %.2g) ",
	       rows[0].grad_norm, rows[1].grad_norm, rows[2].grad_norm, rows[3].grad_norm, rows[4].grad_norm);
	CU_ASSERT(rows[1].grad_norm < 0.01 * rows[3].grad_norm && rows[3].grad_norm > 1e-4);
	CU_ASSERT(rows[2].grad_norm < 0.01 * rows[3].grad_norm && rows[4].grad_norm > rows[3].grad_norm);
	CU_ASSERT_EQUAL(rows[1].test_accuracy, rows[0].test_accuracy);
	CU_ASSERT_DOUBLE_EQUAL(rows[1].test_loss, rows[0].test_loss, 1e-4);
	CU_ASSERT(rows[0].test_accuracy > 0.8 && rows[0].train_loss > rows[0].test_loss * 0.5);
	CU_ASSERT(rows[1].counters[QMAC_COUNTER_MACS] > rows[2].counters[QMAC_COUNTER_MACS]);
	CU_ASSERT_EQUAL(rows[1].counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
}

/* ---- the hardware changes nothing but time ---------------------------------------------- */

static void test_same_weights(void)
{
	static const enum qmac_algorithm algorithms[] = {QMAC_HALP, QMAC_LP_SVRG, QMAC_LP_SGD};
	static const char *const names[] = {"16x16_w8", "16x16_w16", "8x8_w8", "ragged", "8x8_w8"};
	enum { DEVICES = 5, SHALLOW = 4 };

	for (int a = 0; a < 6; a++) {
		struct qmac_run run = make_run(algorithms[a / 2], a % 2 ? 16 : 8, 8);
		struct qmac_train_result results[DEVICES];

		run.frac_bits = 10; /* with 16 bits more than 40 of ACC otherwise */
		run.epochs = 2;
		for (int i = 0; i < DEVICES; i++) {
			struct qmac_hw hw = shipped_hw(names[i]);

			run.threads = i + 1;
			snprintf(run.kernel, sizeof run.kernel, "%s", i % 2 ? "scalar" : "auto");
			if (i == SHALLOW) {
				hw.a_depth = 12; /* chunks of 3 samples */
				hw.cols = 2;     /* two groups of classes */
			}
			results[i] = train(&run, &hw);
			CU_ASSERT_EQUAL(results[i].last.counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
			CU_ASSERT(memcmp(results[i].weights, results[0].weights,
			                 FEATURES * CLASSES * sizeof(double)) == 0);
		}
		CU_ASSERT(results[SHALLOW].last.counters[QMAC_COUNTER_COMMANDS] >
		          2 * results[2].last.counters[QMAC_COUNTER_COMMANDS]);
		for (int i = 0; i < DEVICES; i++)
			free(results[i].weights);
	}
}

/* ---- MNIST --------------------------------------------------------------------------------- */

/* 1,000 images, two epochs: that the data are read, placed and learnt. */
static void test_mnist(void)
{
	const char *folder = getenv("QMAC_DATA");
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	struct qmac_run run = make_run(QMAC_HALP, 8, 50);
	struct qmac_train_result result;
	struct qmac_error err;

	snprintf(run.file, sizeof run.file, "%.900s/mnist", folder ? folder : ".");
	if (!folder || access(run.file, R_OK) != 0) {
		test_skip("no MNIST in $QMAC_DATA: run `make data`");
		return;
	}
	run.data = QMAC_DATA_MNIST;
	run.limit = 1000;
	run.mp_bits = 8;
	run.alpha = 0.1;
	run.lambda = 0.01;
	run.epochs = 2;
	if (qmac_train(&run, &hw, NULL, &result, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("train");
	}
	printf("(accuracy %.4f) ", result.last.test_accuracy);
	CU_ASSERT_EQUAL(result.weight_count, 7840);
	CU_ASSERT(result.last.step == 80 && result.last.test_accuracy > 0.75);
	free(result.weights);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void refuse(const struct qmac_run *run, const struct qmac_hw *hw, const char *message)
{
	struct qmac_train_result result;
	struct qmac_error err = {0};

	test_refusal(qmac_train(run, hw, NULL, &result, &err), &err, message);
}

static void test_refusals(void)
{
	struct qmac_run run = make_run(QMAC_HALP, 8, 8);
	struct qmac_hw hw = shipped_hw("16x16_w8");

	run.classes = 2;
	refuse(&run, &hw, "more than 2 different targets: raise classes");
	run.classes = 0;
	run.alpha = 100;
	refuse(&run, &hw, "alpha * lambda = 2 is 1 or more");
	run.alpha = 0.1;
	hw.acc_bits = 30;
	refuse(&run, &hw, "frac_bits 16 with bits 8 needs accumulators of 37 bits; acc_bits of the hardware is"
	       " 30");
	/* Beyond 63 bits no accumulators help: 32 + 31 + 2 + 3, and the batch. */
	hw.acc_bits = 64;
	run.bits = 32;
	run.frac_bits = 24;
	refuse(&run, &hw, "frac_bits 24 with bits 32 needs accumulators of 68 bits; the most that a run can use"
	       " is 63: lower frac_bits");
	run.bits = 8;
	run.frac_bits = 16;
	hw = shipped_hw("16x16_w8");
	hw.acc_depth = 38;
	refuse(&run, &hw, "a step with x_bits 8, bits 8 and mp_bits 16 takes at least 78 rows; acc_depth of the"
	       " hardware is 38: take other hardware");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"fine grids follow full precision", test_limits},
		{"HALP-8 below the floor of LP-SVRG-8", test_convergence},
		{"the same weights on every device", test_same_weights},
		{"MNIST", test_mnist},
		{"refusals", test_refusals},
	};

	return test_main("test_logistic_train", cases, TEST_COUNT(cases));
}
