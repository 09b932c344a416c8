/*
 * Problems of chosen curvature (data/conditioned.h): the spectrum of the inputs, the rows of a
 * quadratic, how they are drawn, the keys; and what a condition number does to HALP.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/hw_file.h"
#include "data/regression.h"
#include "dataset_rows.h"
#include "run/train.h"
#include "train/training.h"

enum { FEATURES_MAX = 100 };

static struct qmac_run problem(enum qmac_data data, int64_t samples, int64_t features, double kappa,
                               int x_bits)
{
	return (struct qmac_run){
		.data = data, .samples = samples, .features = features, .informative = features, .kappa = kappa,
		.x_bits = x_bits, .seed = 1, .algorithm = QMAC_HALP, .bits = 8, .frac_bits = 8, .mp_bits = 32,
		.alpha = 5e-3, .mu = 1, .batch = 1, .backend = "cmodel", .kernel = "auto", .threads = 1,
	};
}

static void make(struct qmac_dataset *data, const struct qmac_run *run)
{
	CU_ASSERT_EQUAL_FATAL(qmac_regression_make(data, run, NULL), QMAC_OK);
}

/* ---- spectrum --------------------------------------------------------------------- */

/* Rotates rows and columns p and q of the symmetric h so that h[p][q] becomes 0. */
static void rotate(double *h, int n, int p, int q)
{
	double theta = (h[q * n + q] - h[p * n + p]) / (2 * h[p * n + q]);
	double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
	double c = 1 / sqrt(t * t + 1), s = t * c;

	for (int k = 0; k < n; k++) {
		double a = h[k * n + p], b = h[k * n + q];

		h[k * n + p] = c * a - s * b;
		h[k * n + q] = s * a + c * b;
	}
	for (int k = 0; k < n; k++) {
		double a = h[p * n + k], b = h[q * n + k];

		h[p * n + k] = c * a - s * b;
		h[q * n + k] = s * a + c * b;
	}
}

static int falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

/* The eigenvalues of X^T X / samples in falling order, by Jacobi's method. */
static void eigenvalues(const struct qmac_dataset *data, double *values)
{
	int n = (int)data->features;
	double *h = calloc((size_t)(n * n), sizeof *h), *x = dataset_rows(data);

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	for (int64_t i = 0; i < data->samples; i++)
		for (int j = 0; j < n; j++)
			for (int k = 0; k < n; k++)
				h[j * n + k] += x[i * n + j] * x[i * n + k] / (double)data->samples;
	for (int sweep = 0; sweep < 12; sweep++)
		for (int p = 0; p < n; p++)
			for (int q = p + 1; q < n; q++)
				if (fabs(h[p * n + q]) > 1e-14)
					rotate(h, n, p, q);
	for (int j = 0; j < n; j++)
		values[j] = h[j * n + j];
	qsort(values, (size_t)n, sizeof *values, falling);
	free(h);
	free(x);
}

static void test_spectrum(void)
{
	static const struct {
		int64_t samples, features;
		double kappa;
		int x_bits;
		double tolerance; /* of each eigenvalue: what quantising X leaves */
	} cases[] = {
		{1000, 30, 1, 16, 1e-3}, {1000, 30, 1000, 16, 1e-3}, {30, 30, 50, 16, 2e-3}, {40, 2, 1e6, 16, 0.1},
		{200, 1, 1, 8, 0.02}, {1000, 30, 1000, 8, 0.1},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_run run = problem(QMAC_DATA_CONDITIONED, cases[i].samples, cases[i].features,
		                              cases[i].kappa, cases[i].x_bits);
		double values[FEATURES_MAX] = {0}, sum = 0, most = cases[i].tolerance, scale = 0;
		int n = (int)run.features;
		struct qmac_dataset data;

		make(&data, &run);
		eigenvalues(&data, values);
		for (int k = 0; k < n; k++) {
			sum += values[k] / n;
			scale += n > 1 ? pow(run.kappa, -k / (n - 1.0)) / n : 1;
		}
		CU_ASSERT(fabs(sum - 1) < most);
		for (int k = 0; k < n; k++) {
			double expected = (n > 1 ? pow(run.kappa, -k / (n - 1.0)) : 1) / scale;

			CU_ASSERT(fabs(values[k] / expected - 1) < most);
		}
		qmac_dataset_free(&data);
	}
}

/* The directions are as random as the seed: nothing but the spectrum is fixed. */
static void test_directions(void)
{
	struct qmac_run run = problem(QMAC_DATA_CONDITIONED, 50, 8, 100, 8);
	struct qmac_dataset first, again, other;
	double product = 0, square = 0, *x, *x_again, *x_other;

	make(&first, &run);
	make(&again, &run);
	run.seed++;
	make(&other, &run);
	x = dataset_rows(&first);
	x_again = dataset_rows(&again);
	x_other = dataset_rows(&other);
	CU_ASSERT_EQUAL(memcmp(x, x_again, 400 * sizeof(double)), 0);
	CU_ASSERT_EQUAL(memcmp(first.truth, again.truth, 8 * sizeof(double)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(x, x_other, 400 * sizeof(double)), 0);
	for (int i = 0; i < 50; i++) {
		double y = 0;

		for (int j = 0; j < 8; j++)
			y += x[i * 8 + j] * first.truth[j];
		CU_ASSERT_EQUAL(first.y[i], y); /* without noise the coefficients are the minimiser */
		product += x[i * 8] * x[i * 8 + 1];
		square += x[i * 8] * x[i * 8];
	}
	CU_ASSERT(fabs(product) > 1e-3 * square); /* the axes are not the directions */
	free(x);
	free(x_again);
	free(x_other);
	qmac_dataset_free(&first);
	qmac_dataset_free(&again);
	qmac_dataset_free(&other);
}

/* ---- quadratics ------------------------------------------------------------------- */

static void test_quadratic(void)
{
	struct qmac_run run = problem(QMAC_DATA_QUADRATIC, 6, 4, 4.0 / 3 * 8, 16);
	struct qmac_dataset data;
	double *rows;

	make(&data, &run);
	rows = dataset_rows(&data);
	CU_ASSERT(data.samples == 24 && data.features == 4 && data.group == 4);
	for (int i = 0; i < 24; i++) {
		int term = i / 4, own = i % 4;
		double curvature = (term % 2 ? 2 : 1) * pow(8, -own / 3.0);

		for (int j = 0; j < 4; j++) {
			double x = rows[i * 4 + j];

			CU_ASSERT(j == own ? fabs(x * x / 4 / curvature - 1) < 1e-3 : x == 0);
		}
		CU_ASSERT_EQUAL(data.y[i], rows[i * 4 + own] * data.truth[own]);
	}
	/* the largest curvature is exact: its code is the largest */
	CU_ASSERT(fabs(rows[4 * 4] * rows[4 * 4] / 4 - 2) < 1e-14);
	free(rows);
	qmac_dataset_free(&data);
}

/* The rows of a term in order, terms uniformly and with replacement; rows of other data each alone. */
static void test_groups(void)
{
	struct qmac_training training = {
		.data = {.samples = 30, .group = 5}, .samples = qmac_random_stream(1, QMAC_STREAM_SAMPLES),
	};
	int drawn[6] = {0};

	for (int t = 0; t < 6000; t++) {
		int64_t first = qmac_training_sample(&training);

		CU_ASSERT_FATAL(first >= 0 && first < 30 && first % 5 == 0);
		drawn[first / 5]++;
		for (int k = 1; k < 5; k++)
			CU_ASSERT_EQUAL(qmac_training_sample(&training), first + k);
	}
	for (int k = 0; k < 6; k++)
		CU_ASSERT(abs(drawn[k] - 1000) < 150); /* 5 standard deviations */
	for (int64_t group = 0; group <= 1; group++) {
		struct qmac_random random = qmac_random_stream(2, QMAC_STREAM_SAMPLES);

		training = (struct qmac_training){.data = {.samples = 30, .group = group}, .samples = random};
		for (int t = 0; t < 100; t++)
			CU_ASSERT_EQUAL(qmac_training_sample(&training), (int64_t)qmac_random_below(&random, 30));
	}
}

/* ---- keys ------------------------------------------------------------------------- */

static enum qmac_status load(struct qmac_run_config *config, const char *const settings[][2], int count,
                             struct qmac_error *err)
{
	struct qmac_setting list[8] = {{"hw", "configs/hw/8x8_w8.yaml", "--hw"}};

	for (int i = 0; i < count; i++)
		list[i + 1] = (struct qmac_setting){settings[i][0], settings[i][1], "--set"};
	return qmac_run_config_load(config, NULL, list, count + 1, err);
}

static void refuse(const char *const settings[][2], int count, const char *message)
{
	struct qmac_run_config config;
	struct qmac_error err = {0};

	test_refusal(load(&config, settings, count, &err), &err, message);
}

static void test_keys(void)
{
	static const char *const quadratic[][2] = {{"data", "quadratic"}, {"features", "12"}};
	static const char *const batch[][2] = {{"data", "quadratic"}, {"features", "10"}, {"batch", "15"}};
	static const char *const narrow[][2] = {{"data", "quadratic"}, {"kappa", "1.2"}};
	static const char *const single[][2] = {{"data", "quadratic"}, {"features", "1"}, {"kappa", "2"}};
	static const char *const below[][2] = {{"data", "conditioned"}, {"kappa", "0.5"}};
	static const char *const flat[][2] = {{"data", "conditioned"}, {"samples", "99"}};
	static const char *const classes[][2] = {{"data", "conditioned"}, {"problem", "logistic_regression"}};
	static const char *const large[][2] = {{"data", "quadratic"}, {"features", "2000"}};
	struct qmac_run_config config;
	struct qmac_error err;

	CU_ASSERT_EQUAL(load(&config, quadratic, 2, &err), QMAC_OK);
	CU_ASSERT(config.run.batch == 12 && config.run.inner_steps == 0 && config.run.kappa == 4.0 / 3);
	CU_ASSERT(qmac_run_ignores(&config.run, "test_fraction") && !qmac_run_ignores(&config.run, "kappa"));
	refuse(batch, 3, "--set batch=15: batch = 15 is no multiple of features = 10");
	refuse(narrow, 2, "--set kappa=1.2: 1.2 is out of range; quadratic wants 4/3..1e6");
	refuse(single, 3, "--set kappa=2: one feature has no condition number of 2");
	refuse(below, 2, "--set kappa=0.5: 0.5 is out of range; conditioned wants 1..1e6");
	refuse(flat, 2, "--set samples=99: samples = 99 is less than features = 100");
	refuse(classes, 2, "logistic_regression wants data with classes");
	refuse(large, 2, "samples * features = 2000000, times features again, is more than 2^31");
}

static void test_numbers(void)
{
	struct qmac_run run = problem(QMAC_DATA_CONDITIONED, 50, 8, 100, 8);

	CU_ASSERT_EQUAL(qmac_run_number(&run, "kappa"), 100);
	CU_ASSERT_EQUAL(qmac_run_number(&run, "bits"), 8);
	CU_ASSERT_EQUAL(qmac_run_number(&run, "samples"), 50);
	CU_ASSERT_EQUAL(qmac_run_number(&run, "seed"), 1);
	CU_ASSERT(qmac_run_has_number("mu") && !qmac_run_has_number("algorithm") && !qmac_run_has_number("x"));
	CU_ASSERT(!qmac_run_ignores(&run, "mu") && qmac_run_ignores(&run, "delta"));
}

/* ---- runs ------------------------------------------------------------------------- */

static double final_norm(const struct qmac_run *run, const char *hw_name, double *weights)
{
	struct qmac_train_result result;
	struct qmac_error err;
	struct qmac_hw hw;
	char file[64];
	double norm;

	snprintf(file, sizeof file, "configs/hw/%s.yaml", hw_name);
	if (qmac_hw_load(&hw, file, &err) || qmac_train(run, &hw, NULL, &result, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("train");
	}
	norm = result.last.grad_norm;
	if (weights)
		memcpy(weights, result.weights, (size_t)result.weight_count * sizeof *weights);
	free(result.weights);
	return norm;
}

/* Figure 5 on a smaller problem: HALP-8 falls behind SVRG as kappa grows, HALP-16 does not. */
static void test_kappa(void)
{
	static const double kappas[] = {3, 300};

	for (int i = 0; i < TEST_COUNT(kappas); i++) {
		struct qmac_run run = problem(QMAC_DATA_CONDITIONED, 200, 20, kappas[i], 8);
		double svrg, halp8, halp16;

		run.inner_steps = 400;
		run.epochs = i == 0 ? 8 : 25;
		run.alpha = 0.01;
		run.algorithm = QMAC_SVRG;
		svrg = final_norm(&run, "16x16_w8", NULL);
		run.algorithm = QMAC_HALP;
		halp8 = final_norm(&run, "16x16_w8", NULL);
		run.mu = 3; /* the better one of the two, for each kappa */
		halp8 = fmin(halp8, final_norm(&run, "16x16_w8", NULL));
		run.bits = 16;
		run.mu = 0.1;
		halp16 = final_norm(&run, "16x16_w8", NULL);
		printf("(%.2g: %.2f, %.2f) ", svrg, halp8 / svrg, halp16 / svrg);
		CU_ASSERT(svrg > 1e-12 && halp16 < 2 * svrg && halp16 > svrg / 2);
		CU_ASSERT(i == 0 ? halp8 < 3 * svrg : halp8 > 3 * svrg);
	}
}

/* Drawing by terms reaches the device: the same weights on every array, and SVRG's minimum. */
static void test_quadratic_runs(void)
{
	struct qmac_run run = problem(QMAC_DATA_QUADRATIC, 20, 5, 2, 16);
	double first[5], other[5];
	struct qmac_dataset data;

	run.batch = 10; /* two terms */
	run.alpha = 0.1;
	run.mu = 1;
	run.inner_steps = 200;
	run.epochs = 12;
	run.mp_bits = 16;
	CU_ASSERT(final_norm(&run, "16x16_w16", first) < 1e-9);
	final_norm(&run, "ragged", other);
	CU_ASSERT_EQUAL(memcmp(first, other, sizeof first), 0);
	run.algorithm = QMAC_SVRG;
	CU_ASSERT(final_norm(&run, "ragged", other) < 1e-12);
	make(&data, &run);
	for (int j = 0; j < 5; j++)
		CU_ASSERT(fabs(first[j] - data.truth[j]) < 1e-8 && fabs(other[j] - data.truth[j]) < 1e-11);
	qmac_dataset_free(&data);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"spectrum", test_spectrum},
		{"directions", test_directions},
		{"rows of a quadratic", test_quadratic},
		{"rows drawn in groups", test_groups},
		{"keys", test_keys},
		{"numbers by name", test_numbers},
		{"kappa and HALP (C6)", test_kappa},
		{"quadratics on the device", test_quadratic_runs},
	};

	return test_main("test_conditioned", cases, TEST_COUNT(cases));
}
