/*
 * Fixed-point arithmetic of one element against the slow reference: exhaustive over
 * small widths, directed at ties and at the ends of 64 bits, random elsewhere.
 */
#include <stdio.h>

#include "num/fixed.h"
#include "reference/ref_num.h"
#include "test.h"

enum { MODES = 3 };

static int differs(int64_t x, int shift, unsigned mode, uint32_t r)
{
	int64_t got = qmac_round(x, shift, mode, r), expected = ref_round(x, shift, mode, r);

	if (got == expected)
		return 0;
	printf("round(%lld, shift %d, mode %u, r %06X): got %lld, expected %lld\n", (long long)x, shift, mode,
	       (unsigned)r, (long long)got, (long long)expected);
	return 1;
}

/* All modes; stochastic with random numbers at both ends and where f + r meets 2^24 for this x. */
static int round_differs(int64_t x, int shift, uint32_t random)
{
	uint32_t f = (uint32_t)(ref_wrap(shift > 24 ? ref_floor_div(x, ref_power(shift - 24))
	                                            : x * ref_power(24 - shift), 25) & 0xFFFFFF);
	uint32_t meet = (0x1000000 - f) & 0xFFFFFF;

	return differs(x, shift, QMAC_ROUND_FLOOR, 0) + differs(x, shift, QMAC_ROUND_NEAREST, 0) +
	       differs(x, shift, QMAC_ROUND_STOCHASTIC, 0) +
	       differs(x, shift, QMAC_ROUND_STOCHASTIC, 0xFFFFFF) +
	       differs(x, shift, QMAC_ROUND_STOCHASTIC, meet) +
	       differs(x, shift, QMAC_ROUND_STOCHASTIC, (meet - 1) & 0xFFFFFF) +
	       differs(x, shift, QMAC_ROUND_STOCHASTIC, random & 0xFFFFFF);
}

static void rounding_of_all_16_bit_numbers(void)
{
	uint64_t state = test_seed();
	int wrong = 0;

	for (int shift = 0; shift <= 18 && !wrong; shift++)
		for (int64_t x = INT16_MIN; x <= INT16_MAX && !wrong; x++)
			wrong += round_differs(x, shift, (uint32_t)test_random(&state));
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Larger shifts see a 16-bit number as 0 or -1: corners and a random sample are enough. */
static void rounding_by_large_shifts(void)
{
	uint64_t state = test_seed();
	int wrong = 0;

	for (int shift = 19; shift <= 63; shift++)
		for (int i = 0; i < 400 && !wrong; i++) {
			int64_t x = i < 20 ? i - 10 : (int64_t)test_random(&state);

			wrong += round_differs(x, shift, (uint32_t)test_random(&state));
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* (k + 1/2) * 2^shift and its neighbours, k even and odd, small, and at the ends of 64 bits. */
static void rounding_at_ties(void)
{
	int wrong = 0;

	for (int shift = 1; shift <= 63; shift++) {
		uint64_t unit = 1ULL << shift, half = unit / 2;
		int64_t last = ref_wrap(ref_floor_div(INT64_MAX, ref_power(shift)), 64);

		for (int i = 0; i < 16; i++) {
			int64_t quotients[] = {i - 8, last - i, -1 - last + i, last / 2 - i, last / 3 + i};

			for (int k = 0; k < 5; k++)
				for (int offset = -1; offset <= 1; offset++) {
					uint64_t x = (uint64_t)quotients[k] * unit + half + (uint64_t)(int64_t)offset;

					wrong += round_differs((int64_t)x, shift, 0x800000);
				}
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Values that follow from docs/numerics.md by hand, so that model and reference cannot err together. */
static void rounding_worked_out_by_hand(void)
{
	CU_ASSERT_EQUAL(qmac_round(-5, 1, QMAC_ROUND_FLOOR, 0), -3);
	CU_ASSERT_EQUAL(qmac_round(5, 1, QMAC_ROUND_NEAREST, 0), 2);
	CU_ASSERT_EQUAL(qmac_round(7, 1, QMAC_ROUND_NEAREST, 0), 4);
	CU_ASSERT_EQUAL(qmac_round(-5, 1, QMAC_ROUND_NEAREST, 0), -2);
	CU_ASSERT_EQUAL(qmac_round(-7, 1, QMAC_ROUND_NEAREST, 0), -4);
	CU_ASSERT_EQUAL(qmac_round(9, 4, QMAC_ROUND_NEAREST, 0), 1);
	CU_ASSERT_EQUAL(qmac_round(7, 4, QMAC_ROUND_NEAREST, 0), 0);
	CU_ASSERT_EQUAL(qmac_round(5, 0, QMAC_ROUND_STOCHASTIC, 0xFFFFFF), 5);
	CU_ASSERT_EQUAL(qmac_round(5, 2, QMAC_ROUND_STOCHASTIC, 0xBFFFFF), 1);
	CU_ASSERT_EQUAL(qmac_round(5, 2, QMAC_ROUND_STOCHASTIC, 0xC00000), 2);
	CU_ASSERT_EQUAL(qmac_round(-5, 2, QMAC_ROUND_STOCHASTIC, 0x3FFFFF), -2);
	CU_ASSERT_EQUAL(qmac_round(-5, 2, QMAC_ROUND_STOCHASTIC, 0x400000), -1);
	CU_ASSERT_EQUAL(qmac_round((1 << 25) - 1, 25, QMAC_ROUND_STOCHASTIC, 0), 0);
	CU_ASSERT_EQUAL(qmac_round((1 << 25) - 1, 25, QMAC_ROUND_STOCHASTIC, 1), 1);
	CU_ASSERT_EQUAL(qmac_round(1, 25, QMAC_ROUND_STOCHASTIC, 0xFFFFFF), 0);
	CU_ASSERT_EQUAL(qmac_round(2, 25, QMAC_ROUND_STOCHASTIC, 0xFFFFFF), 1);
	CU_ASSERT_EQUAL(qmac_round(INT64_MAX, 1, QMAC_ROUND_NEAREST, 0), 1LL << 62);
	CU_ASSERT_EQUAL(qmac_round(INT64_MIN, 63, QMAC_ROUND_NEAREST, 0), -1);
	CU_ASSERT_EQUAL(qmac_round(INT64_MIN / 2, 63, QMAC_ROUND_NEAREST, 0), 0);
	CU_ASSERT_EQUAL(qmac_round(INT64_MIN / 2 - 1, 63, QMAC_ROUND_NEAREST, 0), -1);
}

/* The mean over all 2^24 random numbers is x / 2^shift: round up exactly f times. */
static void stochastic_rounding_is_exact_on_average(void)
{
	static const struct {
		int64_t x;
		int shift;
		int64_t times_up;
	} cases[] = {{-77, 7, 51 << 17}, {1000001, 24, 1000001}, {(3LL << 30) + 65, 30, 1}};

	for (int i = 0; i < 3; i++) {
		int64_t up = 0, q = ref_round(cases[i].x, cases[i].shift, QMAC_ROUND_FLOOR, 0);

		for (uint32_t r = 0; r < 1U << 24; r++)
			up += qmac_round(cases[i].x, cases[i].shift, QMAC_ROUND_STOCHASTIC, r) - q;
		CU_ASSERT_EQUAL(up, cases[i].times_up);
	}
}

static int clamp_differs(int64_t x, int bits)
{
	uint64_t count = 0, count128 = 0, expected_count = 0;
	int64_t expected = ref_clamp(x, bits, &expected_count);

	return qmac_clamp(x, bits, &count) != expected || count != expected_count ||
	       qmac_clamp128(x, bits, &count128) != expected || count128 != expected_count;
}

static void clamps(void)
{
	uint64_t state = test_seed(), count = 0;
	qmac_int128 large = (qmac_int128)INT64_MAX * 4;
	int wrong = 0;

	for (int bits = 1; bits <= 12; bits++)
		for (int64_t x = -10000; x <= 10000; x++)
			wrong += clamp_differs(x, bits);
	for (int bits = 1; bits <= 64; bits++) {
		for (int d = -2; d <= 2; d++) {
			uint64_t end = 1ULL << (bits - 1), offset = (uint64_t)(int64_t)d;

			wrong += clamp_differs((int64_t)(end + offset), bits);
			wrong += clamp_differs((int64_t)(0 - end + offset), bits);
		}
		for (int i = 0; i < 100; i++)
			wrong += clamp_differs((int64_t)test_random(&state), bits);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(qmac_clamp128(large, 64, &count), INT64_MAX);
	CU_ASSERT_EQUAL(qmac_clamp128(-large, 64, &count), INT64_MIN);
	CU_ASSERT_EQUAL(qmac_clamp128(INT64_MIN, 64, &count), INT64_MIN);
	CU_ASSERT_EQUAL(count, 2);
}

static int limb_differs(int64_t v, int lsb, int bits)
{
	return (qmac_limb(v, lsb, bits, false) != ref_limb(v, lsb, bits, false)) +
	       (qmac_limb(v, lsb, bits, true) != ref_limb(v, lsb, bits, true));
}

static void limbs(void)
{
	uint64_t state = test_seed();
	int wrong = 0;

	for (int64_t v = -2048; v < 2048; v++)
		for (int lsb = 0; lsb < 16; lsb++)
			for (int bits = 1; bits <= 12; bits++)
				wrong += limb_differs(v, lsb, bits);
	for (int lsb = 0; lsb < 64; lsb++)
		for (int bits = 1; bits <= 17; bits++)
			for (int i = 0; i < 20; i++)
				wrong += limb_differs(i == 0 ? INT64_MIN : i == 1 ? INT64_MAX
				                      : (int64_t)test_random(&state), lsb, bits);
	CU_ASSERT_EQUAL(wrong, 0);
}

/* x = sum of limb_i << (i * bits): the top limb signed, the others unsigned; nothing is lost. */
static void limbs_add_up(void)
{
	int wrong = 0;

	for (int bits = 2; bits <= 16; bits++)
		for (int64_t x = INT16_MIN; x <= INT16_MAX; x++) {
			int limbs_of_16_bits = (16 + bits - 1) / bits;
			int64_t sum = 0;

			for (int i = 0; i < limbs_of_16_bits; i++)
				sum += qmac_limb(x, i * bits, bits, i < limbs_of_16_bits - 1) * (1LL << (i * bits));
			wrong += sum != x;
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void extensions(void)
{
	uint64_t state = test_seed();
	int wrong = 0;

	for (int bits = 1; bits <= 64; bits++)
		for (int i = 0; i < 1000; i++) {
			uint64_t x = i ? test_random(&state) : 1ULL << (bits - 1);
			ref_int turn = ref_power(bits);

			wrong += qmac_sign_extend(x, bits) != ref_wrap((ref_int)x, bits);
			wrong += (uint64_t)qmac_zero_extend(x, bits) != (uint64_t)((ref_int)x % turn);
		}
	for (int shift = 0; shift < 64; shift++)
		for (int i = 0; i < 1000; i++) {
			int64_t x = i < 3 ? INT64_MIN + i : i < 9 ? i - 6 : (int64_t)test_random(&state);

			wrong += qmac_shift_right(x, shift) != ref_floor_div(x, ref_power(shift));
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"rounding of all 16-bit numbers", rounding_of_all_16_bit_numbers},
		{"rounding by large shifts", rounding_by_large_shifts},
		{"rounding at ties", rounding_at_ties},
		{"rounding worked out by hand", rounding_worked_out_by_hand},
		{"stochastic rounding is exact on average", stochastic_rounding_is_exact_on_average},
		{"clamps", clamps},
		{"limbs", limbs},
		{"limbs add up", limbs_add_up},
		{"sign extension, zero extension, shift", extensions},
	};

	return test_main("test_fixed", cases, TEST_COUNT(cases));
}
