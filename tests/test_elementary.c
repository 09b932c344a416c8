/*
 * The elementary functions against long double, and their bits, which any machine must
 * give: the known answers were computed by another implementation in another language.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/random.h"
#include "num/elementary.h"
#include "test.h"

static void test_known_bits(void)
{
	struct qmac_random random = qmac_random_stream(2, QMAC_STREAM_DATA);
	uint64_t logarithms = TEST_HASH, exponentials = logarithms;

	for (int i = 0; i < 10000; i++) {
		double fraction = qmac_random_uniform(&random) + 0x1p-60;
		double x = ldexp(fraction, (int)qmac_random_below(&random, 200) - 100);

		logarithms = test_hash(logarithms, qmac_log(x));
		exponentials = test_hash(exponentials, qmac_exp(1400 * fraction - 700));
	}
	CU_ASSERT_EQUAL(logarithms, 0xade0e77faec59f39);
	CU_ASSERT_EQUAL(exponentials, 0x00e5b1aded5db141);
}

static void test_exponential(void)
{
	uint64_t state = test_seed();
	double worst = 0;

	for (int i = 0; i < 200000; i++) {
		double unit = (double)(int64_t)test_random(&state) * 0x1p-63;
		double x = ldexp(unit, (int)(test_random(&state) % 40) - 29);
		long double exact = expl(x);

		if (fabs(x) <= 708)
			worst = fmax(worst, (double)fabsl((qmac_exp(x) - exact) / exact));
	}
	printf("(largest relative error %.3g) ", worst);
	CU_ASSERT(worst < 0x1p-52);
	CU_ASSERT(qmac_exp(0) == 1 && qmac_exp(-0x1p-60) == 1);
	CU_ASSERT(qmac_exp(-1e300) == 0 && qmac_exp(-INFINITY) == 0);
	CU_ASSERT(fabs(qmac_exp(709) / (double)expl(709) - 1) < 0x1p-51);
	CU_ASSERT(isnan(qmac_exp(NAN)) && isnan(qmac_exp(nextafter(709, 1000))) && isnan(qmac_exp(INFINITY)));
}

static void check_log(double x)
{
	long double exact = logl((long double)x);
	double ours = qmac_log(x), nearest = (double)exact;
	double ulp = nearest == 0 ? 0 : nextafter(fabs(nearest), INFINITY) - fabs(nearest);

	if (fabsl((long double)ours - exact) > 2 * (long double)ulp) {
		printf("log(%a) = %a, expected %a\n", x, ours, nearest);
		CU_FAIL("logarithm");
	}
}

static void test_log(void)
{
	uint64_t state = test_seed();

	CU_ASSERT_EQUAL(qmac_log(1), 0);
	for (int e = -1074; e < 1024; e++) { /* subnormal numbers too */
		check_log(ldexp(1, e));
		check_log(ldexp(0.70710678118654752, e));
		check_log(ldexp(1.9999999999999998, e > -1022 ? e : -1022));
	}
	for (int i = 1; i < 4000; i++) { /* towards 1 from both sides, down to its neighbours */
		check_log(1 + ldexp(1 + i / 4000.0, -(i % 53)));
		check_log(1 - ldexp(1 + i / 4000.0, -2 - i % 52));
	}
	for (int i = 0; i < 300000; i++) {
		double mantissa = 1 + (double)(test_random(&state) >> 12) * 0x1p-52;

		check_log(ldexp(mantissa, i % 3 ? (int)(test_random(&state) % 2000) - 1000 : -(i % 2)));
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"known bits", test_known_bits},
		{"exponential within 2 ulp", test_exponential},
		{"logarithm within 2 ulp", test_log},
	};

	return test_main("test_elementary", cases, TEST_COUNT(cases));
}
