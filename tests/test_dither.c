/*
 * The random numbers of stochastic rounding: equal to the reference, one-to-one
 * where the documents say so, and good enough for training.
 *
 * Every statistic here is the worst of many z scores: deviations in units of the
 * standard deviation that true randomness would have. The largest battery holds
 * 48,384 scores; of so many normal numbers one exceeds 6 with a probability of
 * 1e-4, and the usual worst is 4.3. Hence LIMIT. That the batteries can fail is
 * shown on the same function with fewer rounds, which they must refuse.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/dither.h"
#include "reference/ref_num.h"
#include "test.h"

enum {
	ROUNDS = 10,        /* of the real function; other numbers draw from the reference */
	NUMBER_BITS = 24,
	MEMBERS = 64,       /* elements whose numbers are compared with one another */
	NEAR_MEMBERS = 33,
	BLOCK = 64 * 64     /* samples of each element that are kept at a time */
};

static const double LIMIT = 6;

/* ---- batteries: whose number is member i in sample s ------------------------- */

struct element {
	uint32_t run, step, site, row, channel;
};

typedef struct element member_function(uint32_t run, uint32_t s, uint32_t i);

/* 64 neighbouring channels; samples are 256 rows of consecutive steps. */
static struct element lane_member(uint32_t run, uint32_t s, uint32_t i)
{
	return (struct element){run, s / 256, 3, s % 256, i};
}

/* 64 of the channels below 2,048, one of every 32. */
static struct element wide_member(uint32_t run, uint32_t s, uint32_t i)
{
	return (struct element){run, s / 256, 3, s % 256, i * 32 + ref_mix(run ^ i, 16) % 32};
}

/*
 * Member 0 is some channel, members 1 to 16 differ from it in one bit, 17 to 32 in two bits
 * at distance two. These are the pairs that a round too few leaves correlated first.
 */
static struct element near_member(uint32_t run, uint32_t s, uint32_t i)
{
	uint32_t bits = i == 0 ? 0 : i <= 16 ? 1U << (i - 1) : 1U << i % 16 | 1U << (i + 2) % 16;

	return (struct element){run, s / 64, 3, s % 64, (run & 0xFFFF) ^ bits};
}

/* 64 consecutive rows; samples are consecutive steps and channels. */
static struct element row_member(uint32_t run, uint32_t s, uint32_t i)
{
	return (struct element){run, s / 16, 5, i, s % 16};
}

/* The same element under neighbouring run seeds, steps and sites. */
static struct element key_member(uint32_t run, uint32_t s, uint32_t i)
{
	return (struct element){run + i % 4, i / 4 % 4, i / 16, s / 16, s % 16};
}

/* ---- worst pair of a battery --------------------------------------------------- */

static uint64_t plane[MEMBERS][NUMBER_BITS][BLOCK / 64];
static int differing[MEMBERS][MEMBERS][NUMBER_BITS];

/* The state of an element's row; neighbours of one row share it, which saves most of the time. */
static uint32_t row_state(struct element e, struct element last, uint32_t state)
{
	if (e.run == last.run && e.step == last.step && e.site == last.site && e.row == last.row)
		return state;
	return qmac_dither_row(qmac_dither_key(e.run, e.step, e.site), e.row);
}

/* Exchanges rows and columns of 64 x 64 bits: ever smaller blocks beside the diagonal change places. */
static void transpose(uint64_t m[64])
{
	for (int width = 32; width > 0; width /= 2) {
		uint64_t right_halves = UINT64_MAX / ((1ULL << width) + 1);

		for (int i = 0; i < 64; i++)
			if (!(i & width)) {
				uint64_t change = (m[i] >> width ^ m[i + width]) & right_halves;

				m[i] ^= change << width;
				m[i + width] ^= change;
			}
	}
}

/* 64 samples, first and on, of all members; bit b of them becomes plane[member][b][word]. */
static void fill_word(member_function *member, int members, uint32_t run, uint32_t first, int word,
                      int rounds)
{
	static uint64_t number[MEMBERS][64];
	struct element last = {.row = UINT32_MAX};
	uint32_t state = 0;

	for (uint32_t s = 0; s < 64; s++)
		for (int i = 0; i < members; i++) {
			struct element e = member(run, first + s, (uint32_t)i);

			state = row_state(e, last, state);
			last = e;
			number[i][s] = rounds == ROUNDS ? qmac_dither_channel(state, e.channel)
			                                : ref_dither_channel(state, e.channel, rounds);
		}
	for (int i = 0; i < members; i++) {
		transpose(number[i]);
		for (int bit = 0; bit < NUMBER_BITS; bit++)
			plane[i][bit][word] = number[i][bit];
	}
}

static int count_differing(const uint64_t *a, const uint64_t *b)
{
	int count = 0;

	for (int word = 0; word < BLOCK / 64; word++)
		count += __builtin_popcountll(a[word] ^ b[word]);
	return count;
}

/*
 * The worst z over pairs of members and bits: how often bit b of the one differs from bit b of
 * the other, in `blocks` blocks of samples. Pairs of one of the first `firsts` with any member.
 */
static double worst_pair(member_function *member, int members, int firsts, int blocks, int rounds)
{
	uint32_t run = (uint32_t)test_seed();
	double samples = (double)blocks * BLOCK, worst = 0;

	memset(differing, 0, sizeof differing);
	for (int block = 0; block < blocks; block++) {
		for (int word = 0; word < BLOCK / 64; word++)
			fill_word(member, members, run, (uint32_t)(block * BLOCK + word * 64), word, rounds);
		for (int i = 0; i < firsts; i++)
			for (int j = i + 1; j < members; j++)
				for (int bit = 0; bit < NUMBER_BITS; bit++)
					differing[i][j][bit] += count_differing(plane[i][bit], plane[j][bit]);
	}
	for (int i = 0; i < firsts; i++)
		for (int j = i + 1; j < members; j++)
			for (int bit = 0; bit < NUMBER_BITS; bit++)
				worst = fmax(worst, fabs(differing[i][j][bit] - samples / 2) / sqrt(samples / 4));
	return worst;
}

static void all_lane_pairs_are_independent(void)
{
	CU_ASSERT(worst_pair(lane_member, MEMBERS, MEMBERS, 5, ROUNDS) < LIMIT);
}

static void wide_channel_pairs_are_independent(void)
{
	CU_ASSERT(worst_pair(wide_member, MEMBERS, MEMBERS, 5, ROUNDS) < LIMIT);
}

static void channels_one_bit_apart_are_independent(void)
{
	CU_ASSERT(worst_pair(near_member, NEAR_MEMBERS, 1, 16, ROUNDS) < LIMIT);
}

static void all_row_pairs_are_independent(void)
{
	CU_ASSERT(worst_pair(row_member, MEMBERS, MEMBERS, 5, ROUNDS) < LIMIT);
}

static void keys_of_neighbours_are_independent(void)
{
	CU_ASSERT(worst_pair(key_member, MEMBERS, MEMBERS, 5, ROUNDS) < LIMIT);
}

/* Measured 64 (some pair of bits is always equal), 64 and 13 to 16: far from the limit. */
static void batteries_refuse_fewer_rounds(void)
{
	CU_ASSERT(worst_pair(lane_member, MEMBERS, MEMBERS, 1, 4) > 2 * LIMIT);
	CU_ASSERT(worst_pair(lane_member, MEMBERS, MEMBERS, 1, 5) > 2 * LIMIT);
	CU_ASSERT(worst_pair(near_member, NEAR_MEMBERS, 1, 16, 8) > 1.5 * LIMIT);
}

/* ---- bias ---------------------------------------------------------------------- */

enum { FRACTIONS = 65536, BIAS_ROWS = 256, BIAS_LANES = 64, BIAS_STEPS = 64 };

static int histogram[FRACTIONS];

/* Samples as a training run draws them: steps, rows, lanes. Returns their number. */
static double fill_histogram(uint32_t run)
{
	memset(histogram, 0, sizeof histogram);
	for (uint32_t step = 0; step < BIAS_STEPS; step++)
		for (uint32_t row = 0; row < BIAS_ROWS; row++) {
			uint32_t state = qmac_dither_row(qmac_dither_key(run, step, 1), row);

			for (uint32_t lane = 0; lane < BIAS_LANES; lane++)
				histogram[qmac_dither_channel(state, lane) >> 8]++;
		}
	return (double)BIAS_STEPS * BIAS_ROWS * BIAS_LANES;
}

/*
 * A fraction f / 2^16 is rounded up where r >= 2^24 - f * 2^8. The largest error of
 * that frequency over all f is the statistic of Kolmogorov and Smirnov: sqrt(N) times
 * it exceeds 2.5 with a probability of 2 exp(-2 * 2.5^2) = 7e-6. The histogram itself
 * has a chi-square with 65,535 degrees of freedom, nearly normal.
 */
static void rounding_has_no_bias_at_any_fraction(void)
{
	double samples = fill_histogram((uint32_t)test_seed()), expected = samples / FRACTIONS;
	double up = 0, worst = 0, chi_square = 0;

	for (int f = 1; f < FRACTIONS; f++) {
		up += histogram[FRACTIONS - f];
		worst = fmax(worst, fabs(up / samples - (double)f / FRACTIONS));
	}
	for (int f = 0; f < FRACTIONS; f++)
		chi_square += (histogram[f] - expected) * (histogram[f] - expected) / expected;
	CU_ASSERT(worst * sqrt(samples) < 2.5);
	CU_ASSERT(fabs(chi_square - (FRACTIONS - 1)) / sqrt(2.0 * (FRACTIONS - 1)) < LIMIT);
}

/* Every bit over consecutive rows is balanced, and so is every pair of bits of one number. */
static void bits_over_rows_are_balanced(void)
{
	enum { ROWS = 100000 };
	uint32_t key = qmac_dither_key((uint32_t)test_seed(), 1, 2);
	static int ones[NUMBER_BITS][NUMBER_BITS];
	double worst = 0;

	memset(ones, 0, sizeof ones);
	for (uint32_t row = 0; row < ROWS; row++) {
		uint32_t r = qmac_dither_channel(qmac_dither_row(key, row), 9);

		for (int i = 0; i < NUMBER_BITS; i++)
			for (int j = 0; j <= i; j++)
				ones[i][j] += (int)((i == j ? r >> i : r >> i ^ r >> j) & 1);
	}
	for (int i = 0; i < NUMBER_BITS; i++)
		for (int j = 0; j <= i; j++)
			worst = fmax(worst, fabs(ones[i][j] - ROWS / 2.0) / sqrt(ROWS / 4.0));
	CU_ASSERT(worst < LIMIT);
}

/* ---- exact properties ------------------------------------------------------------ */

/* Those that are made together, from a row on that may be one of the last ones there are. */
static bool rows_differ(uint32_t key, uint32_t row0, uint32_t channel)
{
	struct qmac_dither_states states;
	uint32_t number[QMAC_DITHER_ROWS];
	bool differ = false;

	qmac_dither_rows(key, row0, &states);
	qmac_dither_channels(&states, channel, number);
	for (uint32_t i = 0; i < QMAC_DITHER_ROWS; i++)
		differ |= number[i] != ref_dither(key, row0 + i, channel);
	return differ;
}

static void function_equals_the_reference(void)
{
	uint64_t state = test_seed();
	int wrong = 0;

	for (int i = 0; i < 100000; i++) {
		uint32_t a = (uint32_t)test_random(&state), b = (uint32_t)test_random(&state);
		uint32_t c = i % 2 ? (uint32_t)test_random(&state) : (uint32_t)i, n = (uint32_t)i % 17;

		wrong += qmac_dither_mix(a, (int)n) != ref_mix(a, (int)n);
		wrong += qmac_dither_key(a, b, c) != ref_dither_key(a, b, c);
		wrong += qmac_dither_channel(qmac_dither_row(a, b), c) != ref_dither(a, b, c % 65536);
		if (i % 16 == 0)
			wrong += rows_differ(a, i % 64 ? b : UINT32_MAX - b % 64, c % 65536);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Mixing can be undone, so it is one-to-one: keys of one site differ wherever their steps do. */
static void mixing_is_one_to_one(void)
{
	uint64_t state = test_seed();
	int wrong = 0;

	for (int i = 0; i < 100000; i++) {
		uint32_t x = i % 2 ? (uint32_t)test_random(&state) : (uint32_t)i;
		uint32_t run = (uint32_t)test_random(&state), site = (uint32_t)i % 100;
		uint32_t key = qmac_dither_key(run, x, site);

		wrong += ref_unmix(qmac_dither_mix(x, 12), 12) != x;
		wrong += (ref_unmix(ref_unmix(key, 16) ^ site, 16) ^ ref_mix(run, 16)) != x;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* One round worked out by hand, the rest written down once: the function may never change. */
static void known_numbers(void)
{
	CU_ASSERT_EQUAL(qmac_dither_round(0x80000001, 0), 0x00038000);
	CU_ASSERT_EQUAL(qmac_dither_round(0x02010000, 0), 0x08060201);
	CU_ASSERT_EQUAL(qmac_dither_round(0x01800000, 0xFFFF), 0xF9FF0180);
	CU_ASSERT_EQUAL(qmac_dither_key(1, 2, 3), 0xC7C75CF1);
	CU_ASSERT_EQUAL(qmac_dither_channel(qmac_dither_row(0, 0), 0), 0x3A13D5);
	CU_ASSERT_EQUAL(qmac_dither_channel(qmac_dither_row(0x12345678, 1000), 77), 0x5F26B8);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"the function equals the reference", function_equals_the_reference},
		{"known numbers", known_numbers},
		{"mixing is one-to-one", mixing_is_one_to_one},
		{"rounding has no bias at any fraction", rounding_has_no_bias_at_any_fraction},
		{"bits over rows are balanced", bits_over_rows_are_balanced},
		{"all pairs of 64 lanes are independent", all_lane_pairs_are_independent},
		{"pairs of channels below 2,048 are independent", wide_channel_pairs_are_independent},
		{"channels one and two bits apart are independent", channels_one_bit_apart_are_independent},
		{"all pairs of 64 rows are independent", all_row_pairs_are_independent},
		{"keys of neighbouring steps and sites are independent", keys_of_neighbours_are_independent},
		{"the batteries refuse fewer rounds", batteries_refuse_fewer_rounds},
	};

	return test_main("test_dither", cases, TEST_COUNT(cases));
}
