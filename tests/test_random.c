/*
 * The host's random streams. The known answers were computed by another implementation
 * in another language: any machine must give these bits.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/random.h"
#include "test.h"

static void test_known_answers(void)
{
	struct qmac_random data = qmac_random_stream(1, QMAC_STREAM_DATA);
	struct qmac_random samples = qmac_random_stream(UINT32_MAX, QMAC_STREAM_SAMPLES);
	static const uint64_t below[] = {282, 761, 32, 449, 891, 992, 684, 867};

	CU_ASSERT_EQUAL(qmac_random_bits(&data), 0x528bbb6dbfaaa791);
	CU_ASSERT_EQUAL(qmac_random_bits(&data), 0x8fee789c5ebd96ec);
	CU_ASSERT_EQUAL(qmac_random_bits(&samples), 0xb5fee8596c49e9df);
	CU_ASSERT_EQUAL(qmac_random_bits(&samples), 0x46fbadcd8317df0a);
	data = qmac_random_stream(1, QMAC_STREAM_DATA);
	CU_ASSERT_EQUAL(qmac_random_uniform(&data), 0x1.4a2eedb6feaa8p-2);
	samples = qmac_random_stream(1, QMAC_STREAM_SAMPLES);
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(qmac_random_below(&samples, 1000), below[i]);
}

static void test_known_reals(void)
{
	struct qmac_random random = qmac_random_stream(1, QMAC_STREAM_DATA);
	uint64_t h = TEST_HASH;

	for (int i = 0; i < 10000; i++)
		h = test_hash(h, qmac_random_normal(&random));
	CU_ASSERT_EQUAL(h, 0x1583b86c12db0951);
}

/* Streams must be unrelated: bits of different streams agree half the time. */
static void test_streams(void)
{
	const struct {
		uint32_t seed;
		enum qmac_stream stream;
	} keys[] = {{1, QMAC_STREAM_DATA}, {1, QMAC_STREAM_SAMPLES}, {1, QMAC_STREAM_OPTION},
	            {2, QMAC_STREAM_DATA}, {0, QMAC_STREAM_DATA}, {0x10000, QMAC_STREAM_DATA}};

	for (int a = 0; a < 6; a++)
		for (int b = 0; b < a; b++) {
			struct qmac_random one = qmac_random_stream(keys[a].seed, keys[a].stream);
			struct qmac_random two = qmac_random_stream(keys[b].seed, keys[b].stream);
			int same = 0;

			for (int i = 0; i < 10000; i++)
				for (uint64_t d = qmac_random_bits(&one) ^ qmac_random_bits(&two); d; d &= d - 1)
					same++;
			CU_ASSERT(abs(same - 320000) < 5 * 400); /* 5 sigma of 640,000 coins */
		}
}

/* Chi square of small bounds; and a bound that a plain remainder would get wrong by half. */
static void test_below(void)
{
	struct qmac_random random = qmac_random_stream((uint32_t)test_seed(), QMAC_STREAM_SAMPLES);
	int low = 0;

	CU_ASSERT_EQUAL(qmac_random_below(&random, 1), 0);
	for (int bound = 2; bound <= 40; bound++) {
		int counts[40] = {0}, draws = 1000 * bound;
		double chi = 0;

		for (int i = 0; i < draws; i++) {
			uint64_t n = qmac_random_below(&random, (uint64_t)bound);

			CU_ASSERT_FATAL(n < (uint64_t)bound);
			counts[n]++;
		}
		for (int n = 0; n < bound; n++)
			chi += (counts[n] - 1000.0) * (counts[n] - 1000.0) / 1000;
		CU_ASSERT(chi < bound - 1 + 6 * sqrt(2.0 * (bound - 1)) + 10);
	}
	for (int i = 0; i < 30000; i++)
		low += qmac_random_below(&random, 3ULL << 62) < 1ULL << 62;
	CU_ASSERT(abs(low - 10000) < 500); /* sigma 82; a plain remainder gives 15,000 */
}

static void test_normal(void)
{
	enum { DRAWS = 200000 };
	struct qmac_random random = qmac_random_stream((uint32_t)test_seed(), QMAC_STREAM_DATA);
	double sum[5] = {0}, root = sqrt(DRAWS), previous = 0, product = 0;
	int beyond = 0;

	for (int i = 0; i < DRAWS; i++) {
		double x = qmac_random_normal(&random), power = 1;

		for (int k = 0; k < 5; k++, power *= x)
			sum[k] += power / DRAWS;
		product += x * previous / DRAWS;
		beyond += fabs(x) > 2;
		previous = x;
	}
	CU_ASSERT(fabs(sum[1]) < 5 / root);
	CU_ASSERT(fabs(sum[2] - 1) < 5 * sqrt(2) / root);
	CU_ASSERT(fabs(sum[3]) < 5 * sqrt(15) / root);
	CU_ASSERT(fabs(sum[4] - 3) < 5 * sqrt(96) / root);
	CU_ASSERT(fabs(product) < 5 / root);
	CU_ASSERT(fabs(beyond / (double)DRAWS - 0.0455003) < 5 * 0.2084 / root);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"known answers", test_known_answers},
		{"known reals", test_known_reals},
		{"streams are unrelated", test_streams},
		{"below is exactly uniform", test_below},
		{"moments of normal", test_normal},
	};

	return test_main("test_random", cases, TEST_COUNT(cases));
}
