/*
 * Theorems 1 and 2 of the HALP paper (docs/algorithms.md, "What the theorems promise") on the
 * quadratic problem, whose L, mu and kappa are known: through the device, the bounds must hold.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/hw_file.h"
#include "test.h"
#include "run/train.h"

#ifdef TEST_SANITIZED
enum { SEEDS = 1, EPOCHS = 3 };
#else
enum { SEEDS = 2, EPOCHS = 8 };
#endif

enum { TERMS = 200, EPOCHS_MAX = 40 };
static const double gamma_half = 0.5, smoothness = 2; /* gamma, L */

/* ---- formulas ------------------------------------------------------------------- */

/* Theorem 2 wants more bits than this. */
static double bits_bound(double kappa, double features, double gamma)
{
	return 1 + log2(1 + sqrt(2 * kappa * kappa * features * (1 + gamma) / (gamma * gamma)));
}

/* (2^(b-1) - 1)^-2, the share of the squared box that a quantum is; 0 for real numbers, bits 0. */
static double grid_of(int bits)
{
	return bits ? pow(ldexp(1, bits - 1) - 1, -2) : 0;
}

/* Inner steps that the theorems want; negative where b bits are not enough. */
static double steps_bound(double kappa, double features, double gamma, int bits)
{
	double grid = 2 * kappa * kappa * features * (1 + gamma) * grid_of(bits);

	return 8 * kappa * (1 + gamma) / (gamma * gamma - grid);
}

/* The factor of E[f - f*] in an epoch of T steps; bits 0: SVRG, and LP-SVRG but for its floor. */
static double contraction_bound(double kappa, double features, double gamma, int bits, double steps)
{
	double once = (1 + gamma) * (1 + gamma) / (gamma * (2 + gamma));

	return 8 * kappa * once / steps + gamma / (2 + gamma) +
	       2 * kappa * kappa * features * once * grid_of(bits);
}

/* Theorem 1: where E[f - f*] of LP-SVRG ends. */
static double floor_bound(double features, double gamma, double delta)
{
	return 2 * features * delta * delta * smoothness / (gamma * (1 - gamma));
}

static bool near(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance;
}

static void test_formulas(void)
{
	double kappa = 4.0 / 3;

	CU_ASSERT(near(bits_bound(kappa, 10, 0.5), 4.964, 1e-3));
	CU_ASSERT(near(bits_bound(3.7, 100, 0.5), 8.01, 0.01));
	CU_ASSERT(near(bits_bound(10, 100, 0.5), 9.44, 0.01));
	CU_ASSERT(near(bits_bound(300, 100, 0.5), 14.34, 0.01));
	CU_ASSERT_EQUAL(ceil(steps_bound(kappa, 10, 0.5, 5)), 1235);
	CU_ASSERT(steps_bound(kappa, 10, 0.5, 4) < 0); /* not with any number of steps */
	CU_ASSERT_EQUAL(ceil(steps_bound(kappa, 10, 0.5, 0) - 1e-9), 64);
	/* with the steps that the theorem asks for, its proof ends at gamma or below */
	for (int bits = 5; bits <= 16; bits++) {
		double steps = steps_bound(kappa, 10, 0.5, bits);

		CU_ASSERT(contraction_bound(kappa, 10, 0.5, bits, steps) <= 0.5 + 1e-12);
	}
	CU_ASSERT(near(contraction_bound(kappa, 10, 0.5, 5, 1235), 0.5, 1e-3));
}

/* ---- runs ----------------------------------------------------------------------- */

static struct qmac_run quadratic(enum qmac_algorithm algorithm, int bits, double kappa, int64_t features,
                                 int64_t steps)
{
	return (struct qmac_run){
		.data = QMAC_DATA_QUADRATIC, .kappa = kappa, .algorithm = algorithm, .samples = TERMS,
		.features = features, .informative = features, .batch = features, .bits = bits, .x_bits = 16,
		.frac_bits = 16, .mp_bits = 16, .alpha = gamma_half / (4 * smoothness * (1 + gamma_half)),
		.mu = smoothness / kappa, .delta = 1, .inner_steps = steps, .option = QMAC_OPTION_II,
		.epochs = EPOCHS, .seed = 1, .backend = "cmodel", .kernel = "auto", .threads = 1,
	};
}

struct losses {
	double f[EPOCHS_MAX + 1];
	int count;
};

static int on_metrics(void *context, const struct qmac_metrics *metrics, const struct qmac_records *records)
{
	struct losses *losses = context;

	(void)records;
	losses->f[losses->count++] = metrics->train_loss; /* without noise f* = 0 */
	return losses->count > EPOCHS_MAX;
}

static void train(const struct qmac_run *run, struct losses *losses)
{
	const struct qmac_train_observer observer = {.on_metrics = on_metrics, .context = losses};
	struct qmac_train_result result;
	struct qmac_error err;
	struct qmac_hw hw;

	losses->count = 0;
	if (qmac_hw_load(&hw, "configs/hw/16x16_w16.yaml", &err)
	    || qmac_train(run, &hw, &observer, &result, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("train");
	}
	if (run->algorithm == QMAC_LP_SVRG)
		/* the theorem wants w* within the range */
		CU_ASSERT(result.coefficient_max <= run->delta * (ldexp(1, run->bits - 1) - 1));
	free(result.weights);
}

/* Mean over epochs and seeds of f_k+1 / f_k, while f is far above the last digits of a double. */
static double contraction(struct qmac_run run, int seeds)
{
	struct losses losses;
	double sum = 0;
	int count = 0;

	for (run.seed = 1; run.seed <= (uint32_t)seeds; run.seed++) {
		train(&run, &losses);
		for (int k = 1; k < losses.count && losses.f[k - 1] > 1e-15; k++, count++)
			sum += losses.f[k] / losses.f[k - 1];
	}
	printf("(%.3g) ", sum / count);
	return sum / count;
}

/* ---- theorem 2 ------------------------------------------------------------------ */

/* So many bits, and so many steps, as the theorem asks for. */
static void test_halp_contracts(void)
{
	static const struct {
		double kappa;
		int64_t features;
		int bits;
	} cases[] = {{4.0 / 3, 10, 5}, {4.0 / 3, 2, 4}, {3, 10, 7}, {10, 10, 8}, {4.0 / 3, 40, 6}};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		double kappa = cases[i].kappa, features = (double)cases[i].features;
		double steps = ceil(steps_bound(kappa, features, 0.5, cases[i].bits));
		struct qmac_run run = quadratic(QMAC_HALP, cases[i].bits, kappa, cases[i].features, (int64_t)steps);
		double measured;

		CU_ASSERT_EQUAL(cases[i].bits, (int)floor(bits_bound(kappa, features, 0.5)) + 1);
		CU_ASSERT(steps > 0 && steps < 4000);
		run.epochs = 3;
		measured = contraction(run, 1);
		CU_ASSERT(measured > 0);
		CU_ASSERT(measured <= contraction_bound(kappa, features, 0.5, cases[i].bits, steps));
	}
}

/* C7: fewer bits contract less; three are still enough, which the theorem does not promise; two are not. */
static void test_bits(void)
{
	static const double limits[][2] = {{1, 3}, {0.13, 0.5}, {0.04, 0.15}, {0.01, 0.08}};

	for (int bits = 2; bits <= 5; bits++) {
		double measured = contraction(quadratic(QMAC_HALP, bits, 4.0 / 3, 10, 1235), SEEDS);

		CU_ASSERT(measured > limits[bits - 2][0] && measured < limits[bits - 2][1]);
	}
}

static void test_svrg_contracts(void)
{
	double steps = ceil(steps_bound(4.0 / 3, 10, 0.5, 0) - 1e-9);
	double measured = contraction(quadratic(QMAC_SVRG, 8, 4.0 / 3, 10, (int64_t)steps), 20);

	CU_ASSERT(measured > 0.01 && measured <= contraction_bound(4.0 / 3, 10, 0.5, 0, steps));
}

/* ---- theorem 1 ------------------------------------------------------------------ */

/* Mean of f - f* over the epochs from the 11th on. */
static double floor_of(double delta, int bits)
{
	struct qmac_run run = quadratic(QMAC_LP_SVRG, bits, 4.0 / 3, 10, 64);
	struct losses losses;
	double sum = 0;

	run.delta = delta;
	run.epochs = EPOCHS_MAX;
	run.mp_bits = 24;
	train(&run, &losses);
	CU_ASSERT_FATAL(losses.count == EPOCHS_MAX + 1);
	for (int k = 11; k < losses.count; k++)
		sum += losses.f[k] / (losses.count - 11);
	printf("(%.3g) ", sum);
	return sum;
}

static void test_floor(void)
{
	double coarse = floor_of(1, 8), fine = floor_of(1.0 / 64, 14);

	CU_ASSERT(coarse < floor_bound(10, 0.5, 1));
	CU_ASSERT(fine < floor_bound(10, 0.5, 1.0 / 64));
	/* and it is a floor: as the square of the quantum, not far below the bound */
	CU_ASSERT(coarse > floor_bound(10, 0.5, 1) / 1000);
	CU_ASSERT(coarse / fine > 4096 / 2.0 && coarse / fine < 4096 * 2.0);
}

/* Before the floor, f - f* stays below gamma^k f_0 + floor. */
static void test_lp_svrg_contracts(void)
{
	struct qmac_run run = quadratic(QMAC_LP_SVRG, 14, 4.0 / 3, 10, 64);
	double sums[EPOCHS_MAX + 1] = {0}, share = 1;
	struct losses losses;
	int seeds = 4 * SEEDS;

	run.delta = 1.0 / 64;
	run.mp_bits = 24;
	run.epochs = 20;
	for (run.seed = 1; run.seed <= (uint32_t)seeds; run.seed++) {
		train(&run, &losses);
		for (int k = 0; k <= 20; k++)
			sums[k] += losses.f[k] / seeds;
	}
	for (int k = 0; k <= 20; k++, share *= gamma_half)
		CU_ASSERT(sums[k] <= share * sums[0] + floor_bound(10, 0.5, run.delta));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"formulas", test_formulas},
		{"theorem 2: bits and steps that suffice", test_halp_contracts},
		{"contraction against bits (C7)", test_bits},
		{"SVRG under its bound", test_svrg_contracts},
		{"theorem 1: the floor of LP-SVRG", test_floor},
		{"theorem 1: the way to the floor", test_lp_svrg_contracts},
	};

	return test_main("test_theory", cases, TEST_COUNT(cases));
}
