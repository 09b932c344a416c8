/*
 * Formats <BW,FL>: against the reference, which adds on paper; against the formula of
 * QPyTorch, which adds in float32; unbiasedness; the ends of the range.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num/format.h"
#include "qmac_isa.h"
#include "reference/ref_num.h"
#include "test.h"

enum { MODES = 3 };

static uint64_t state;

static double unit_random(void)
{
	return (double)(test_random(&state) >> 11) * 0x1p-53;
}

static int differs(int bw, int fl, unsigned mode, uint32_t r, double x)
{
	uint64_t count = 0, expected_count = 0;
	int32_t expected = ref_format_code(bw, fl, mode, r, x, &expected_count);
	int32_t got = qmac_format_code((struct qmac_format){bw, fl}, mode, r, x, &count);

	if (got == expected && count == expected_count)
		return 0;
	printf("%a in <%d,%d>, mode %u, r %06X: got %d, expected %d\n", x, bw, fl, mode, (unsigned)r, got,
	       expected);
	return 1;
}

/* Numbers of all sizes around the codes: from far below the last place to beyond 32 bits. */
static void random_numbers_follow_the_reference(void)
{
	int wrong = 0;

	state = test_seed();
	for (int i = 0; i < 4000 && !wrong; i++) {
		int bw = 2 + (int)(test_random(&state) % 31), fl = (int)(test_random(&state) % 1981) - 990;
		int exponent = (int)(test_random(&state) % 120) - 80 - fl;
		uint32_t r = test_random(&state) & 0xFFFFFF;
		double x = ldexp(unit_random() - 0.5, i % 2 ? exponent : -fl + bw);

		if (i % 4 == 0) /* few bits, so that ties are common */
			x = ldexp((double)(test_random(&state) % 64) - 31.5, -fl - (int)(test_random(&state) % 3));
		for (unsigned mode = 0; mode < MODES && isfinite(x); mode++)
			wrong += differs(bw, fl, mode, r, x);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Largest, smallest and denormal numbers under the most extreme formats, both signs. */
static void extreme_numbers_follow_the_reference(void)
{
	static const double numbers[] = {0, DBL_MAX, DBL_MIN, DBL_TRUE_MIN, 3 * DBL_TRUE_MIN, 0x1p-1000,
	                                 0x1.fffffffffffffp-1000, 0x1p1000, 0x1p-24, 0x1.8p-24, 0x1p-77,
	                                 0x1.fffffffffffffp-25, 0.5, 1.5, 2.5, 0x1p31, 0x1p52,
	                                 0x1.fffffffffffffp51};
	static const int fls[] = {-990, -989, -64, -1, 0, 1, 24, 63, 64, 989, 990};
	static const uint32_t randoms[] = {0, 1, 0x800000, 0xFFFFFF};
	int wrong = 0;

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		for (size_t k = 0; k < sizeof fls / sizeof fls[0]; k++)
			for (unsigned mode = 0; mode < MODES; mode++)
				for (int n = 0; n < 4; n++) {
					wrong += differs(8, fls[k], mode, randoms[n], numbers[i]);
					wrong += differs(32, fls[k], mode, randoms[n], -numbers[i]);
				}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* (k + 1/2) of a code, and the doubles next to it, over all codes of 6 bits and some beyond. */
static void ties_follow_the_reference(void)
{
	static const int fls[] = {-7, 0, 3, 20};
	int wrong = 0;

	for (int f = 0; f < 4; f++)
		for (int k = -40; k <= 40; k++) {
			double x = ldexp(k + 0.5, -fls[f]);

			for (unsigned mode = 0; mode < MODES; mode++) {
				uint32_t r = mode == QMAC_ROUND_STOCHASTIC ? 0x800000U - (k & 1) : 0;

				wrong += differs(6, fls[f], mode, r, x);
				wrong += differs(6, fls[f], mode, r, nextafter(x, 1e9));
				wrong += differs(6, fls[f], mode, r, nextafter(x, -1e9));
			}
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Q(n * delta) = n * delta for every code, under every mode and the largest random number. */
static void codes_are_fixed_points(void)
{
	static const struct qmac_format formats[] = {{8, 4}, {8, 11}, {12, -5}, {13, 13}, {2, 900}, {10, -900}};
	uint64_t count = 0;
	int wrong = 0;

	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		int32_t end = (int32_t)ref_power(formats[i].bw - 1);

		for (int32_t code = -end; code < end; code++)
			for (unsigned mode = 0; mode < MODES; mode++)
				wrong += code != qmac_format_code(formats[i], mode, 0xFFFFFF,
				                                  qmac_format_value(formats[i], code), &count);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(count, 0);
}

/* ---- QPyTorch --------------------------------------------------------------------- */

/*
 * Its stochastic rounding: the sum of the scaled number and u is rounded to float32,
 * half is taken off in double, the rest is rounded to even, then clamped.
 */
static double float_code(int bw, int fl, uint32_t r, float x)
{
	float sum = ldexpf(x, fl) + (float)r * 0x1p-24F;
	double top = ldexp(1, bw - 1), code = rint((double)sum - 0.5);

	return code < -top ? -top : code > top - 1 ? top - 1 : code;
}

/*
 * Never more than one code apart, and that no oftener than the last place of the
 * largest float32 sum says. Measured for |code| < 128: 3.6e-6 of the numbers.
 */
static void float_formula_is_within_one_code(void)
{
	enum { NUMBERS = 1000000 };
	static const struct qmac_format formats[] = {{8, 4}, {12, -3}, {16, 20}};

	state = test_seed();
	for (int i = 0; i < 3; i++) {
		struct qmac_format format = formats[i];
		double range = ldexp(1, format.bw - format.fl), ulp = ldexp(1, format.bw - 1 - 23);
		int apart = 0, far = 0;

		for (int k = 0; k < NUMBERS; k++) {
			float x = (float)((unit_random() - 0.5) * range);
			uint32_t r = test_random(&state) & 0xFFFFFF;
			double gap = fabs(float_code(format.bw, format.fl, r, x) -
			                  qmac_format_code(format, QMAC_ROUND_STOCHASTIC, r, x, NULL));

			apart += gap > 0;
			far += gap > 1;
		}
		CU_ASSERT_EQUAL(far, 0);
		CU_ASSERT(apart < NUMBERS * fmax(1e-5, ulp));
	}
}

/* ---- bias ------------------------------------------------------------------------- */

/*
 * With n numbers: |mean - x| < 4 * delta / (2 sqrt n), the variance is that of the two
 * neighbouring codes (at most delta^2 / 4) and no other code occurs.
 */
static void stochastic_rounding_is_unbiased(void)
{
	enum { NUMBERS = 100000 };
	static const double places[] = {0.5, 0.25, 0.001, 0.999, 1 / 3.0, -0.5, -0.1, -63.7, 100.0625, -127.01};
	static const struct qmac_format formats[] = {{8, 4}, {8, -3}};
	double *x = malloc(NUMBERS * sizeof *x);
	int32_t *codes = malloc(NUMBERS * sizeof *codes);

	CU_ASSERT_FATAL(x && codes);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		double low = floor(places[i]), part = places[i] - low, up = 0;
		struct qmac_format format = formats[i % 2];
		uint64_t count = 0;
		int others = 0;

		for (int k = 0; k < NUMBERS; k++)
			x[k] = ldexp(places[i], -format.fl);
		CU_ASSERT_EQUAL(qmac_format_encode(format, QMAC_ROUND_STOCHASTIC, (uint32_t)(test_seed() + i), x,
		                                   NUMBERS, codes, &count, NULL), QMAC_OK);
		for (int k = 0; k < NUMBERS; k++) {
			up += codes[k] - low;
			others += codes[k] != low && codes[k] != low + 1;
		}
		up /= NUMBERS;
		CU_ASSERT_EQUAL(others, 0);
		CU_ASSERT_EQUAL(count, 0);
		CU_ASSERT(fabs(up - part) < 4 / (2 * sqrt(NUMBERS)));
		CU_ASSERT(fabs(up * (1 - up) - part * (1 - part)) < 4 / (2 * sqrt(NUMBERS)));
	}
	free(x);
	free(codes);
}

/* Element i takes the number of row i >> 16 and channel i & 0xFFFF. */
static void elements_take_their_own_random_numbers(void)
{
	enum { NUMBERS = 65536 + 100 };
	double *x = malloc(NUMBERS * sizeof *x);
	int32_t *codes = malloc(NUMBERS * sizeof *codes);
	uint64_t count = 0;
	int wrong = 0;

	CU_ASSERT_FATAL(x && codes);
	for (int i = 0; i < NUMBERS; i++)
		x[i] = 0.5;
	CU_ASSERT_EQUAL(qmac_format_encode((struct qmac_format){8, 0}, QMAC_ROUND_STOCHASTIC, 77, x, NUMBERS,
	                                   codes, &count, NULL), QMAC_OK);
	for (uint32_t i = 0; i < NUMBERS; i++)
		wrong += codes[i] != (ref_dither(77, i / 65536, i % 65536) >= 0x800000);
	CU_ASSERT_EQUAL(wrong, 0);
	free(x);
	free(codes);
}

/* ---- floats ----------------------------------------------------------------------- */

/* A float of any size: zero, subnormal numbers, few bits, so that ties are common, infinities. */
static float any_float(int fl)
{
	static const float ends[] = {0, -0.0F, FLT_MIN, FLT_TRUE_MIN, FLT_MAX, INFINITY};
	float sign = test_random(&state) % 2 ? 1 : -1;

	switch (test_random(&state) % 4) {
	case 0:
		return sign * ends[test_random(&state) % 6];
	case 1:
		return (float)ldexp((double)(test_random(&state) % 64) - 31.5,
		                    -fl - (int)(test_random(&state) % 3));
	case 2:
		return sign * (float)ldexp(unit_random(), (int)(test_random(&state) % 280) - 150);
	default:
		return sign * (float)ldexp(unit_random(), (int)(test_random(&state) % 60) - 28 - fl);
	}
}

/* Ragged counts, also across two rows of random numbers: every code is that of the element alone. */
static void floats_follow_the_reference(void)
{
	enum { NUMBERS = 65536 + 77 };
	float *x = malloc(NUMBERS * sizeof *x);
	int32_t *codes = malloc(NUMBERS * sizeof *codes);
	int wrong = 0;

	state = test_seed();
	CU_ASSERT_FATAL(x && codes);
	for (int round = 0; round < 60 && !wrong; round++) {
		struct qmac_format format = {.bw = 2 + (int)(test_random(&state) % 31),
		                             .fl = (int)(test_random(&state) % 60) - 20};
		uint32_t key = (uint32_t)test_random(&state);
		int count = round == 0 ? NUMBERS : (int)(test_random(&state) % 200);
		unsigned mode = round == 0 ? QMAC_ROUND_STOCHASTIC : (unsigned)round % MODES;
		uint64_t saturations = 5, expected = 5;

		if (round % 5 == 4)
			format.fl = round % 2 ? 990 - round : round - 990;
		for (int i = 0; i < count; i++)
			x[i] = any_float(format.fl);
		CU_ASSERT_EQUAL(qmac_format_encode_floats(format, mode, key, x, count, codes, &saturations, NULL),
		                QMAC_OK);
		for (int i = 0; i < count; i++) {
			uint32_t r = ref_dither(key, (uint32_t)i / 65536, (uint32_t)i % 65536);
			int32_t code;

			if (isfinite(x[i]) && (fabsf(x[i]) >= FLT_MIN || x[i] == 0))
				code = ref_format_code(format.bw, format.fl, mode, r, (double)x[i], &expected);
			else
				code = qmac_format_code(format, mode, r, (double)x[i], &expected);
			wrong += code != codes[i];
		}
		wrong += saturations != expected;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(x);
	free(codes);
}

static void a_float_that_is_nan_is_refused(void)
{
	struct qmac_error err;
	int32_t codes[70];
	float x[70] = {0};

	for (int i = 0; i < 70; i += 3) {
		char text[64];

		x[i] = NAN;
		snprintf(text, sizeof text, "element %d is NaN", i);
		CU_ASSERT_EQUAL(qmac_format_encode_floats((struct qmac_format){8, 4}, (unsigned)i % MODES, 1, x, 70,
		                                          codes, NULL, &err), QMAC_BAD_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, text));
		x[i] = 0;
	}
	CU_ASSERT_EQUAL(qmac_format_encode_floats((struct qmac_format){33, 4}, 0, 1, x, 70, codes, NULL, NULL),
	                QMAC_BAD_INPUT);
}

/* ---- the ends ----------------------------------------------------------------------- */

static void infinities_clamp_and_count(void)
{
	static const double x[] = {INFINITY, -INFINITY, 7.9375, 7.95, 8, -8, -8.001, 1e300, -DBL_MAX};
	static const int32_t expected[] = {127, -128, 127, 127, 127, -128, -128, 127, -128};
	static const struct qmac_format wide = {32, 0};
	enum { NUMBERS = 9 };
	uint64_t count = 10;
	int32_t codes[NUMBERS];

	CU_ASSERT_EQUAL(qmac_format_encode((struct qmac_format){8, 4}, QMAC_ROUND_FLOOR, 0, x, NUMBERS, codes,
	                                   &count, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(memcmp(codes, expected, sizeof codes), 0);
	CU_ASSERT_EQUAL(count, 10 + 6); /* both infinities, 8, -8.001, 1e300, -DBL_MAX; not 7.95 */
	CU_ASSERT_EQUAL(qmac_format_code(wide, QMAC_ROUND_NEAREST, 0, 1e10, NULL), INT32_MAX);
	CU_ASSERT_EQUAL(qmac_format_code(wide, QMAC_ROUND_NEAREST, 0, -1e10, NULL), INT32_MIN);
}

static void values_are_exact(void)
{
	CU_ASSERT_EQUAL(qmac_format_value((struct qmac_format){8, 4}, -128), -8.0);
	CU_ASSERT_EQUAL(qmac_format_value((struct qmac_format){8, -4}, 127), 2032.0);
	CU_ASSERT_EQUAL(qmac_format_value((struct qmac_format){8, 12}, 1), 0x1p-12);
	CU_ASSERT_EQUAL(qmac_format_value((struct qmac_format){32, -990}, INT32_MIN), -0x1p1021);
	CU_ASSERT_EQUAL(qmac_format_value((struct qmac_format){32, 990}, 3), 0x1.8p-989);
}

static void nan_is_refused_with_its_index(void)
{
	double x[] = {1, 2, 3, 4, 5, NAN, 7};
	struct qmac_error err;
	int32_t codes[7];

	for (unsigned mode = 0; mode < MODES; mode++) {
		memset(&err, 0, sizeof err);
		CU_ASSERT_EQUAL(qmac_format_encode((struct qmac_format){8, 4}, mode, 1, x, 7, codes, NULL, &err),
		                QMAC_BAD_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "element 5 is NaN"));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "<8,4>"));
	}
	CU_ASSERT_EQUAL(qmac_format_encode((struct qmac_format){8, 4}, 0, 1, x, 5, codes, NULL, &err), QMAC_OK);
}

static void refuse(int bw, int fl, const char *text)
{
	struct qmac_error err = {.message = ""};
	double x = 0;
	int32_t code;

	CU_ASSERT_EQUAL(qmac_format_check((struct qmac_format){bw, fl}, &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, text);
	CU_ASSERT_EQUAL(qmac_format_encode((struct qmac_format){bw, fl}, 0, 0, &x, 1, &code, NULL, NULL),
	                QMAC_BAD_INPUT);
}

static void impossible_formats_are_refused(void)
{
	refuse(1, 4, "format <1,4>: BW must lie in 2..32");
	refuse(33, 4, "format <33,4>: BW must lie in 2..32");
	refuse(8, 991, "format <8,991>: FL must lie in -990..990");
	refuse(8, -991, "format <8,-991>: FL must lie in -990..990");
	CU_ASSERT_EQUAL(qmac_format_check((struct qmac_format){2, 990}, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_format_check((struct qmac_format){32, -990}, NULL), QMAC_OK);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random numbers follow the reference", random_numbers_follow_the_reference},
		{"extreme numbers follow the reference", extreme_numbers_follow_the_reference},
		{"ties follow the reference", ties_follow_the_reference},
		{"codes are fixed points", codes_are_fixed_points},
		{"the float32 formula is within one code", float_formula_is_within_one_code},
		{"stochastic rounding is unbiased", stochastic_rounding_is_unbiased},
		{"elements take their own random numbers", elements_take_their_own_random_numbers},
		{"floats follow the reference", floats_follow_the_reference},
		{"a float that is NaN is refused", a_float_that_is_nan_is_refused},
		{"infinities clamp and count", infinities_clamp_and_count},
		{"values are exact", values_are_exact},
		{"NaN is refused with its index", nan_is_refused_with_its_index},
		{"impossible formats are refused", impossible_formats_are_refused},
	};

	return test_main("test_format", cases, TEST_COUNT(cases));
}
