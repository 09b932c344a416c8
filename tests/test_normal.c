/*
 * Quantiles of the normal distribution against the library's error function in long double, and initial
 * weights: their distribution, and their bits, which another implementation in another language gives, too.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/normal.h"
#include "test.h"

/* How far z is from the number below which p lies, by the slope there. */
static long double error_of(double z, double p)
{
	long double below = erfcl(-(long double)z / sqrtl(2)) / 2, beyond = erfcl((long double)z / sqrtl(2)) / 2;
	long double density = expl(-(long double)z * z / 2) / sqrtl(2 * acosl(-1));

	return (p < 0.5 ? below - p : (1 - (long double)p) - beyond) / density;
}

static void check_quantile(double p, double *worst)
{
	double z = qmac_normal_quantile(p), density = exp(-z * z / 2) / sqrt(2 * acos(-1));
	double ratio = (double)fabsl(error_of(z, p)) / (0x1p-52 * (1 + z * z) / density);

	if (ratio > *worst)
		*worst = ratio;
	if (!(ratio < 1)) {
		printf("quantile of %a is %a, off by %Lg\n", p, z, error_of(z, p));
		CU_FAIL("quantile");
	}
}

static void quantiles_are_within_their_error(void)
{
	uint64_t state = test_seed();
	double worst = 0;

	CU_ASSERT_EQUAL(qmac_normal_quantile(0.5), 0);
	for (int e = 1; e <= 40; e++) {
		check_quantile(ldexp(1, -e), &worst);
		check_quantile(1 - ldexp(1, -e), &worst);
		check_quantile(0.5 - ldexp(1, -e - 2), &worst);
		check_quantile(0.5 + ldexp(1, -e - 2), &worst);
		CU_ASSERT(fabs(qmac_normal_quantile(0.5 + ldexp(1, -50)) - ldexp(sqrt(2 * acos(-1)), -50)) < 1e-28);
	}
	for (int i = 0; i < 20000; i++) {
		double p = (double)(test_random(&state) >> 11 | 1) * 0x1p-53;

		check_quantile(i % 2 ? p : ldexp(0.5 + p / 2, -(int)(test_random(&state) % 39)), &worst);
	}
	printf("(largest error %.2f of the promised) ", worst);
}

/* Known quantiles, to their last digit. */
static void quantiles_of_tables(void)
{
	CU_ASSERT_DOUBLE_EQUAL(qmac_normal_quantile(0.975), 1.959963984540054, 1e-14);
	CU_ASSERT_DOUBLE_EQUAL(qmac_normal_quantile(0.0005), -3.290526731491895, 1e-13);
	CU_ASSERT_DOUBLE_EQUAL(qmac_normal_quantile(0.75), 0.674489750196082, 1e-15);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: the largest gap between the shares below x that are drawn and that should be. */
static void weights_are_truncated_normal(void)
{
	enum { DRAWS = 100000 };
	static double z[DRAWS];
	struct qmac_random random = qmac_random_stream((uint32_t)test_seed(), QMAC_STREAM_WEIGHTS);
	double root = sqrt(3), below = erfc(root / sqrt(2)) / 2, gap = 0, square = 0, sum = 0;
	double density = exp(-1.5) / sqrt(2 * acos(-1)), variance = 1 - 2 * root * density / (1 - 2 * below);
	double sd = sqrt(0.5 / 75);

	for (int i = 0; i < DRAWS; i++) {
		z[i] = qmac_truncated_normal(&random, 0.5, 75) / sd;
		sum += z[i] / DRAWS;
		square += z[i] * z[i] / DRAWS;
	}
	qsort(z, DRAWS, sizeof z[0], compare);
	for (int i = 0; i < DRAWS; i++) {
		double share = (erfc(-z[i] / sqrt(2)) / 2 - below) / (1 - 2 * below);

		gap = fmax(gap, fmax(fabs(share - i / (double)DRAWS), fabs(share - (i + 1) / (double)DRAWS)));
	}
	CU_ASSERT(z[0] >= -root * (1 + 1e-15) && z[DRAWS - 1] <= root * (1 + 1e-15));
	CU_ASSERT(z[0] < -1.72 && z[DRAWS - 1] > 1.72);
	CU_ASSERT(gap * sqrt(DRAWS) < 2.2); /* one in 8,000 is beyond */
	CU_ASSERT(fabs(sum) < 5 * sqrt(variance / DRAWS));
	CU_ASSERT(fabs(square - variance) < 5 / sqrt(DRAWS));
}

/* Layer by layer the spread follows fan_in and gain, and nothing else. */
static void weights_scale_with_fan_in(void)
{
	struct qmac_random one = qmac_random_stream(7, QMAC_STREAM_WEIGHTS), other = one;

	for (int i = 0; i < 100; i++) {
		double wide = qmac_truncated_normal(&one, 1, 1), narrow = qmac_truncated_normal(&other, 0.25, 64);

		CU_ASSERT_EQUAL(narrow, wide / 16);
		CU_ASSERT_EQUAL(one.counter, other.counter);
		CU_ASSERT_EQUAL(one.counter, (uint64_t)i + 1); /* one uniform number each */
	}
}

static void weights_have_known_bits(void)
{
	struct qmac_random random = qmac_random_stream(1, QMAC_STREAM_WEIGHTS);
	uint64_t h = TEST_HASH;

	for (int i = 0; i < 10000; i++)
		h = test_hash(h, qmac_truncated_normal(&random, 0.5, 25));
	CU_ASSERT_EQUAL(h, 0x77821dbd3024aeba);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"quantiles are within their error", quantiles_are_within_their_error},
		{"quantiles of tables", quantiles_of_tables},
		{"weights are truncated normal", weights_are_truncated_normal},
		{"weights scale with fan_in", weights_scale_with_fan_in},
		{"weights have known bits", weights_have_known_bits},
	};

	return test_main("test_normal", cases, TEST_COUNT(cases));
}
