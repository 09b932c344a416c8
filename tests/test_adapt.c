/*
 * AdaPT's rules one by one: tables worked by hand, the published code's fixed points, and a slow reference
 * with random numbers, in which every planted fault must show.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/normal.h"
#include "policy/push_down.h"
#include "reference/ref_adapt.h"
#include "test.h"

static uint64_t state;

static double unit_random(void)
{
	return (double)(test_random(&state) >> 11) * 0x1p-53;
}

static struct qmac_adapt_settings published(int buffer)
{
	struct qmac_adapt_settings settings = qmac_adapt_defaults();

	settings.bw_max = 32;
	settings.buffer_bits = buffer;
	settings.kl = QMAC_KL_REPO;
	settings.bisect = QMAC_BISECT_REPO;
	return settings;
}

static struct ref_adapt reference(const struct qmac_adapt_settings *s, enum ref_adapt_fault fault)
{
	return (struct ref_adapt){
		.bw_max = s->bw_max, .buffer = s->buffer_bits, .lookback_min = s->lookback_min,
		.lookback_max = s->lookback_max, .resolution_min = s->resolution_min,
		.resolution_max = s->resolution_max, .momentum = s->lookback_momentum,
		.true_kl = s->kl == QMAC_KL_TRUE, .fixed_search = s->bisect == QMAC_BISECT_FIXED,
		.tolerance = s->kl_tol, .fault = fault,
	};
}

/* ---- pushing up -------------------------------------------------------------------------------------- */

/* 1 / L^2 and 32 L^2 - 4, L = ln D - 1, from a table; the smaller, their mean, the larger. */
static void push_up_table(void)
{
	static const struct {
		double diversity;
		int few, many;
	} rows[] = {{3, 103, 0}, {4, 7, 1}, {5, 3, 8}, {6, 2, 17}, {8, 1, 28}, {10, 1, 28}};
	static const int least[] = {0, 1, 3, 2, 1, 1};
	struct qmac_adapt_settings settings = published(0);

	for (int i = 0; i < TEST_COUNT(rows); i++) {
		int few = rows[i].few, many = rows[i].many, mean = (few + many + 1) / 2;
		int most = few > many ? few : many;
		struct qmac_format low = {5, 4};
		double d = rows[i].diversity;

		CU_ASSERT_EQUAL(qmac_push_up(&settings, QMAC_EAGERNESS_MIN, d, low).fl, 4 + least[i]);
		CU_ASSERT_EQUAL(qmac_push_up(&settings, QMAC_EAGERNESS_MEAN, d, low).fl, mean < 28 ? 4 + mean : 32);
		CU_ASSERT_EQUAL(qmac_push_up(&settings, QMAC_EAGERNESS_MAX, d, low).fl, most < 28 ? 4 + most : 32);
	}
}

/* One bit at and below e, whatever the eagerness, and without a sum; 0 or very many just above e. */
static void push_up_at_its_ends(void)
{
	static const double ones[] = {1, 2, 2.7182818284590450, INFINITY, 0.5};
	struct qmac_adapt_settings settings = published(0);
	struct qmac_format low = {9, 6};
	double above = nextafter(2.718281828459046, 3);

	for (int i = 0; i < TEST_COUNT(ones); i++)
		for (int eager = 0; eager < 3; eager++) {
			struct qmac_format found = qmac_push_up(&settings, (enum qmac_eagerness)eager, ones[i], low);

			CU_ASSERT(found.fl == 7 && found.bw == 10);
		}
	CU_ASSERT_EQUAL(qmac_push_up(&settings, QMAC_EAGERNESS_MIN, above, low).fl, 6);
	CU_ASSERT_EQUAL(qmac_push_up(&settings, QMAC_EAGERNESS_MEAN, above, low).fl, 32);
	CU_ASSERT_EQUAL(qmac_push_up(&settings, QMAC_EAGERNESS_MAX, above, low).fl, 32);
	CU_ASSERT_EQUAL(qmac_push_up(&settings, QMAC_EAGERNESS_MIN, 1e300, low).fl, 7);
}

/* The first switch from <8,4>, where the first push down leaves FL at its floor. */
static void first_switches(void)
{
	static const struct {
		int buffer, bw, fl;
		double diversity;
	} rows[] = {{8, 13, 5, 2}, {4, 9, 5, 2}, {8, 15, 7, 5}, {4, 11, 7, 5}};

	for (int i = 0; i < TEST_COUNT(rows); i++) {
		struct qmac_adapt_settings settings = published(rows[i].buffer);

		for (int low = 4; low <= 8; low++) {
			struct qmac_format found = qmac_push_up(&settings, QMAC_EAGERNESS_MIN, rows[i].diversity,
			                                        (struct qmac_format){low, 4});

			CU_ASSERT(found.fl == rows[i].fl && (found.bw == rows[i].bw || low + 1 > rows[i].bw));
		}
	}
}

/* A cap takes fraction bits, and leaves `buffer_bits` integer bits. */
static void cap_keeps_integer_bits(void)
{
	struct qmac_adapt_settings settings = qmac_adapt_defaults();
	struct qmac_format found = qmac_push_up(&settings, QMAC_EAGERNESS_MAX, 8, (struct qmac_format){20, 12});

	CU_ASSERT(found.bw == 16 && found.fl == 8);
	settings.buffer_bits = 4;
	found = qmac_push_up(&settings, QMAC_EAGERNESS_MAX, 8, (struct qmac_format){20, 12});
	CU_ASSERT(found.bw == 16 && found.fl == 12);
	settings.bw_max = 8;
	settings.buffer_bits = 6;
	found = qmac_push_up(&settings, QMAC_EAGERNESS_MIN, 2, (struct qmac_format){8, 4});
	CU_ASSERT(found.bw == 8 && found.fl == 2);
}

/* One random call; 0 where the reference with this fault agrees. */
static int push_up_differs(enum ref_adapt_fault fault)
{
	struct qmac_adapt_settings settings = published((int)(test_random(&state) % 12));
	int eager = (int)(test_random(&state) % 3), fl = (int)test_between(&state, 4, 25);
	int bw = fl + (int)(test_random(&state) % 8);
	double diversity = exp(4 * unit_random());
	struct ref_adapt rules;
	struct qmac_format found;

	settings.bw_max = test_random(&state) % 2 ? 32 : (int)test_between(&state, settings.buffer_bits + 2, 31);
	rules = reference(&settings, fault);
	found = qmac_push_up(&settings, (enum qmac_eagerness)eager, diversity, (struct qmac_format){bw, fl});
	ref_adapt_push_up(&rules, eager, diversity, &bw, &fl);
	return found.bw != bw || found.fl != fl;
}

static int rules_differ(enum ref_adapt_fault fault)
{
	struct qmac_adapt_settings settings = published(8);
	int lookback, resolution = (int)test_between(&state, 1, 200);
	double diversity = exp(5 * unit_random());
	struct ref_adapt rules;

	settings.lookback_min = (int)test_between(&state, 1, 150);
	settings.lookback_max = (int)test_between(&state, 1, 150);
	settings.lookback_momentum = (double)(test_random(&state) % 101) / 100;
	settings.resolution_min = (int)test_between(&state, 1, 100);
	settings.resolution_max = settings.resolution_min + (int)test_between(&state, 0, 100);
	lookback = (int)test_between(&state, settings.lookback_min, 150);
	rules = reference(&settings, fault);
	if (qmac_adapt_lookback(&settings, diversity, lookback) !=
	    ref_adapt_lookback(&rules, diversity, lookback))
		return 1;
	lookback = test_random(&state) % 2 ? settings.lookback_min : settings.lookback_max;
	return qmac_adapt_resolution(&settings, lookback, resolution) !=
	       ref_adapt_resolution(&rules, lookback, resolution);
}

/* None of these differs without a fault, and some do with each. */
static void follows_reference(int (*differs)(enum ref_adapt_fault), int first, int last, int cases)
{
	int wrong = 0;

	state = test_seed();
	for (int i = 0; i < cases; i++)
		wrong += differs(REF_ADAPT_SOUND);
	CU_ASSERT_EQUAL(wrong, 0);
	for (int fault = first; fault <= last; fault++) {
		int seen = 0;

		for (int i = 0; i < 20 * cases && !seen; i++)
			seen += differs((enum ref_adapt_fault)fault);
		if (!seen)
			printf("fault %d was not seen\n", fault);
		CU_ASSERT(seen > 0);
	}
}

static void push_up_follows_the_reference(void)
{
	follows_reference(push_up_differs, REF_ADAPT_LOG2, REF_ADAPT_LAST_PUSH_UP, 5000);
}

static void rules_follow_the_reference(void)
{
	follows_reference(rules_differ, REF_ADAPT_LAST_PUSH_UP + 1, REF_ADAPT_LAST_RULE, 5000);
}

/* ---- lookback, resolution -------------------------------------------------------------------------- */

/* Rounding up keeps the lookback above its smallest value: published settings end at 28, 26 and 103. */
static void lookback_ends_above_its_limit(void)
{
	static const struct {
		int low, high, start, end;
		double momentum;
	} rows[] = {{25, 100, 100, 28, 0.33}, {25, 150, 150, 26, 0.9}, {256, 100, 256, 103, 0.33},
	            {25, 100, 90, 25, 1}};

	for (int i = 0; i < TEST_COUNT(rows); i++) {
		struct qmac_adapt_settings settings = published(8);
		int lookback = rows[i].start;

		settings.lookback_min = rows[i].low;
		settings.lookback_max = rows[i].high;
		settings.lookback_momentum = rows[i].momentum;
		for (int k = 0; k < 100; k++)
			lookback = qmac_adapt_lookback(&settings, 1e6, lookback);
		CU_ASSERT_EQUAL(lookback, rows[i].end);
	}
}

static void lookback_by_hand(void)
{
	struct qmac_adapt_settings settings = published(8);

	CU_ASSERT_EQUAL(qmac_adapt_lookback(&settings, 1, 25), 50);        /* ceil(33 + 16.75) */
	CU_ASSERT_EQUAL(qmac_adapt_lookback(&settings, 2.5, 60), 54);      /* ceil(13.2 + 40.2) */
	CU_ASSERT_EQUAL(qmac_adapt_lookback(&settings, 3, 34), 34);        /* ceil(100 / 3) = 34 */
	CU_ASSERT_EQUAL(qmac_adapt_lookback(&settings, INFINITY, 25), 25);
	CU_ASSERT_EQUAL(qmac_adapt_lookback(&settings, 0, 25), 50);        /* as if it were 1 */
	CU_ASSERT_EQUAL(qmac_adapt_resolution(&settings, 100, 50), 51);
	CU_ASSERT_EQUAL(qmac_adapt_resolution(&settings, 100, 150), 150);
	CU_ASSERT_EQUAL(qmac_adapt_resolution(&settings, 25, 50), 50);
	CU_ASSERT_EQUAL(qmac_adapt_resolution(&settings, 25, 99), 98);
	CU_ASSERT_EQUAL(qmac_adapt_resolution(&settings, 26, 99), 99);
	CU_ASSERT_EQUAL(qmac_adapt_resolution(&settings, 99, 99), 99);
}

/* ---- pushing down ------------------------------------------------------------------------------------ */

static void losses_by_hand(void)
{
	const int64_t before[] = {1, 2, 1, 0}, moved[] = {2, 1, 1, 0}, gone[] = {0, 3, 1, 0}, none[4] = {0};
	const int64_t beyond[] = {1, 2, 0, 0};
	double kl = 0.25 * log(0.5) + 0.5 * log(2);

	CU_ASSERT_EQUAL(qmac_quantisation_loss(QMAC_KL_TRUE, before, before, 4), 0);
	CU_ASSERT_DOUBLE_EQUAL(qmac_quantisation_loss(QMAC_KL_TRUE, before, moved, 4), kl, 1e-15);
	CU_ASSERT_EQUAL(qmac_quantisation_loss(QMAC_KL_TRUE, before, gone, 4), INFINITY);
	CU_ASSERT_EQUAL(qmac_quantisation_loss(QMAC_KL_REPO, before, before, 4), 0);
	CU_ASSERT_DOUBLE_EQUAL(qmac_quantisation_loss(QMAC_KL_REPO, before, moved, 4),
	                       (exp(0.5) * 0.25 - exp(0.25) * 0.25) / 4, 1e-16);
	CU_ASSERT_DOUBLE_EQUAL(qmac_quantisation_loss(QMAC_KL_REPO, before, beyond, 4),
	                       (exp(1 / 3.0) / 12 + exp(2 / 3.0) / 6 - 0.25) / 4, 1e-16);
	CU_ASSERT(isnan(qmac_quantisation_loss(QMAC_KL_REPO, before, none, 4)));
}

enum { WEIGHTS_MAX = 200, BINS_MAX = 120 };

static int32_t codes[500];
static int64_t histograms[2 * BINS_MAX];

/* Weights of all spreads, sometimes a constant, sometimes single numbers far away. */
static int make_weights(float *w)
{
	int count = 1 + (int)(test_random(&state) % WEIGHTS_MAX), kind = (int)(test_random(&state) % 4);
	double spread = exp2(-6 * unit_random());

	for (int i = 0; i < count; i++)
		w[i] = (float)(spread * (kind == 0 ? 0.37 : 2 * unit_random() - 1));
	if (kind == 3)
		w[0] = (float)(spread * 9);
	return count;
}

static int push_down_differs(enum ref_adapt_fault fault)
{
	static float w[WEIGHTS_MAX];
	struct qmac_adapt_settings settings = published(8);
	int count = make_weights(w), bw = (int)test_between(&state, 6, 26), fl, tried;
	struct qmac_push_down push = {
		.settings = &settings, .w = w, .count = count, .bins = 1 + (int)(test_random(&state) % BINS_MAX),
		.key = (uint32_t)test_random(&state), .codes = codes, .histograms = histograms,
	};
	struct qmac_format lowest;
	struct ref_adapt rules;

	settings.kl = test_random(&state) % 2 ? QMAC_KL_TRUE : QMAC_KL_REPO;
	settings.bisect = test_random(&state) % 2 ? QMAC_BISECT_FIXED : QMAC_BISECT_REPO;
	settings.kl_tol = test_random(&state) % 2 ? 0.01 : 0.3;
	push.now = (struct qmac_format){bw, fl = (int)test_between(&state, 2, bw)};
	rules = reference(&settings, fault);
	if (qmac_push_down(&push, &lowest, NULL) != QMAC_OK)
		return 1;
	tried = ref_adapt_push_down(&rules, w, count, push.bins, push.key, &bw, &fl);
	return lowest.bw != bw || lowest.fl != fl || push.tried != tried;
}

static void push_down_follows_the_reference(void)
{
	follows_reference(push_down_differs, REF_ADAPT_KL_REVERSED, REF_ADAPT_LAST_PUSH_DOWN, TEST_CASES(200));
}

/* Weights that are codes of a format lose nothing in it: the smallest such format is found. */
static void codes_are_pushed_down_to_their_format(void)
{
	struct qmac_adapt_settings settings = qmac_adapt_defaults();
	struct qmac_push_down push = {.settings = &settings, .bins = 100, .now = {20, 12}, .count = 500,
	                              .codes = codes, .histograms = histograms};
	static float w[500];
	struct qmac_format lowest;

	state = test_seed();
	push.w = w;
	settings.kl_tol = 0;
	for (int fl = 5; fl <= 10; fl++) {
		for (int i = 0; i < 500; i++)
			w[i] = (float)ldexp((double)test_between(&state, -64, 63), -fl);
		w[0] = (float)ldexp(-64, -fl);
		CU_ASSERT_EQUAL(qmac_push_down(&push, &lowest, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(lowest.fl, fl);
		CU_ASSERT_EQUAL(lowest.bw, fl < 7 ? 7 : fl);
		CU_ASSERT_EQUAL(qmac_push_down_flops(&push), 500 * 3 + (uint64_t)push.tried * (500 * 5 + 100 * 36));
	}
}

/*
 * The published code on weights that do not change, 150 of them in 100 bins: with one bit at each push it
 * ends at FL 6 and `buffer_bits` more, with two it climbs far beyond.
 */
static void published_fixed_points(void)
{
	struct qmac_random random = qmac_random_stream((uint32_t)test_seed(), QMAC_STREAM_WEIGHTS);
	static float w[150];

	for (int i = 0; i < 150; i++)
		w[i] = (float)qmac_truncated_normal(&random, 0.5, 150);
	for (int buffer = 4; buffer <= 8; buffer += 4)
		for (int bits = 1; bits <= 2; bits++) {
			struct qmac_adapt_settings settings = published(buffer);
			struct qmac_push_down push = {.settings = &settings, .w = w, .count = 150, .bins = 100,
			                              .now = {8, 4}, .codes = codes, .histograms = histograms};
			int above = 0;

			for (int round = 0; round < 60; round++) {
				struct qmac_format low;

				push.key = (uint32_t)round;
				CU_ASSERT_EQUAL(qmac_push_down(&push, &low, NULL), QMAC_OK);
				push.now = qmac_push_up(&settings, QMAC_EAGERNESS_MIN, bits == 1 ? 2 : 6, low);
				above += round >= 30 && push.now.fl >= 14;
				if (round > 2 && bits == 1)
					CU_ASSERT(push.now.fl == 6 && push.now.bw == 6 + buffer);
			}
			CU_ASSERT_EQUAL(above, bits == 1 ? 0 : 30);
		}
}

static void weights_that_are_not_finite(void)
{
	struct qmac_adapt_settings settings = qmac_adapt_defaults();
	float w[] = {0.5F, 0.25F, INFINITY, 1};
	struct qmac_push_down push = {.settings = &settings, .w = w, .count = 4, .bins = 50, .now = {8, 4},
	                              .codes = codes, .histograms = histograms};
	struct qmac_format low;
	struct qmac_error err;

	for (int i = 0; i < 2; i++, w[2] = NAN) {
		CU_ASSERT_EQUAL(qmac_push_down(&push, &low, &err), QMAC_CHECK_FAILED);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "weight 2 of a tensor is not finite"));
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"table of pushing up", push_up_table},
		{"pushing up at its ends", push_up_at_its_ends},
		{"first switches", first_switches},
		{"a cap keeps integer bits", cap_keeps_integer_bits},
		{"pushing up follows the reference", push_up_follows_the_reference},
		{"lookback and resolution follow the reference", rules_follow_the_reference},
		{"lookback ends above its limit", lookback_ends_above_its_limit},
		{"lookback and resolution by hand", lookback_by_hand},
		{"losses by hand", losses_by_hand},
		{"pushing down follows the reference", push_down_follows_the_reference},
		{"codes are pushed down to their format", codes_are_pushed_down_to_their_format},
		{"published fixed points", published_fixed_points},
		{"weights that are not finite", weights_that_are_not_finite},
	};

	return test_main("test_adapt", cases, TEST_COUNT(cases));
}
