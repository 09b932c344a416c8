/*
 * MuPPET's policy on synthetic gradients, against a slow reference in which every planted fault must show,
 * and by hand; its way through the levels to float32 and to its end; its quantiser.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num/dither.h"
#include "policy/muppet.h"
#include "qmac_isa.h"
#include "reference/ref_muppet.h"
#include "test.h"

enum { TENSORS = REF_MUPPET_TENSORS, COUNT = REF_MUPPET_COUNT };

static const int64_t counts[TENSORS] = {COUNT, COUNT, COUNT};
static uint64_t state;

static double unit_random(void)
{
	return (double)(test_random(&state) >> 11) * 0x1p-53;
}

/* Gradients of one epoch: a direction and noise, whose share rises and falls; one tensor is sometimes 0. */
static void make_gradients(float g[TENSORS][COUNT], int epoch)
{
	double noise = 0.2 + (1 + sin(epoch * 0.37)) * unit_random();

	for (int i = 0; i < TENSORS; i++)
		for (int k = 0; k < COUNT; k++)
			g[i][k] = (float)((i + 1) * (0.5 * (k == i) + noise * (unit_random() - 0.5)));
	if (epoch / 20 % 3 == 1)
		memset(g[2], 0, sizeof g[2]);
}

static struct qmac_muppet_settings random_settings(void)
{
	struct qmac_muppet_settings settings = qmac_muppet_defaults();

	settings.resolution = (int)test_between(&state, 1, 4);
	settings.patience = (int)test_between(&state, 1, 3);
	settings.beta = 1.5 * unit_random();
	settings.lambda = 0.2 * unit_random();
	return settings;
}

static void epoch_over(struct qmac_muppet *muppet, float g[TENSORS][COUNT], struct qmac_switch *event)
{
	uint64_t flops = 0;
	bool is_float = qmac_muppet_is_float(muppet);

	for (int i = 0; i < TENSORS; i++)
		CU_ASSERT_EQUAL(qmac_muppet_gradient(muppet, i, g[i], &flops, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(flops, is_float ? 0 : TENSORS * COUNT * 3);
	qmac_muppet_epoch(muppet, event);
}

/* 1 where policy and reference ever differ in a run. */
static int run_differs(enum ref_muppet_fault fault)
{
	static struct ref_muppet m;
	struct qmac_muppet_settings settings = random_settings();
	struct qmac_muppet muppet;
	int different = 0;

	memset(&m, 0, sizeof m);
	memcpy(m.levels, settings.levels, 4 * sizeof m.levels[0]);
	m.level_count = settings.level_count;
	m.resolution = settings.resolution;
	m.patience = settings.patience;
	m.alpha = settings.alpha;
	m.beta = settings.beta;
	m.lambda = settings.lambda;
	m.fault = fault;
	CU_ASSERT_EQUAL_FATAL(qmac_muppet_create(&muppet, &settings, counts, TENSORS, NULL), QMAC_OK);
	for (int e = 0; e < 120 && !different; e++) {
		struct qmac_switch event;

		make_gradients(m.g[e], e);
		epoch_over(&muppet, m.g[e], &event);
		ref_muppet_epoch(&m);
		different = muppet.now.level != m.level || muppet.now.violations != m.violations;
	}
	qmac_muppet_free(&muppet);
	return different;
}

static void runs_follow_the_reference(void)
{
	enum { RUNS = 60 };
	int wrong = 0;

	state = test_seed();
	for (int i = 0; i < RUNS; i++)
		wrong += run_differs(REF_MUPPET_SOUND);
	CU_ASSERT_EQUAL(wrong, 0);
	for (int fault = 1; fault < REF_MUPPET_FAULTS; fault++) {
		int seen = 0;

		for (int i = 0; i < 20 * RUNS && !seen; i++)
			seen += run_differs((enum ref_muppet_fault)fault);
		if (!seen)
			printf("fault %d was not seen\n", fault);
		CU_ASSERT(seen);
	}
}

/* ---- by hand ------------------------------------------------------------------------------------------- */

static void threshold_by_hand(void)
{
	struct qmac_muppet_settings settings = qmac_muppet_defaults();

	CU_ASSERT_EQUAL(qmac_muppet_threshold(&settings, 0), 2.5);
	CU_ASSERT_DOUBLE_EQUAL(qmac_muppet_threshold(&settings, 10), 1.5518191617571635, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(qmac_muppet_threshold(&settings, 100), 1.0000680998946437, 1e-15);
}

/*
 * One number per tensor: gradients of one sign have diversity 1/3 over three epochs, (3, 3, -3) three. So the
 * checks after epochs 3, 6, 9, ... see what is written here, their thresholds being 2.23, 1.91, 1.67, ...
 */
static void levels_by_hand(void)
{
	static const struct {
		int diverse, violations, bits;
	} checks[] = {
		{1, 0, 8},  /* the highest: 3 */
		{0, 1, 8},  /* 3 / (1/3) = 9 */
		{1, 1, 8},  /* as high: nothing, but the violation stays */
		{0, 0, 12}, /* the second one */
		{0, 0, 12}, /* the highest of this level: 1/3 */
		{0, 0, 12}, {1, 0, 12}, {0, 1, 12}, {0, 0, 14}, {1, 0, 14}, {0, 1, 14}, {0, 0, 16},
		{1, 0, 16}, {0, 1, 16}, {0, 0, 32}, {1, 0, 32}, {0, 0, 32},
	};
	struct qmac_muppet_settings settings = qmac_muppet_defaults();
	const int64_t one[] = {1, 1};
	struct qmac_muppet muppet;
	int bits = 8;

	CU_ASSERT_EQUAL_FATAL(qmac_muppet_create(&muppet, &settings, one, 2, NULL), QMAC_OK);
	for (int c = 0; c < TEST_COUNT(checks); c++)
		for (int e = 0; e < 3; e++) {
			float g = checks[c].diverse && e == 2 ? -3 : 3;
			struct qmac_switch event;
			uint64_t flops = 0;

			CU_ASSERT_EQUAL(qmac_muppet_gradient(&muppet, 0, &g, &flops, NULL), QMAC_OK);
			CU_ASSERT_EQUAL(qmac_muppet_gradient(&muppet, 1, &g, &flops, NULL), QMAC_OK);
			qmac_muppet_epoch(&muppet, &event);
			CU_ASSERT_EQUAL(event.before.bw, bits);
			bits = e == 2 ? checks[c].bits : bits;
			CU_ASSERT_EQUAL(event.after.bw, bits);
			CU_ASSERT_EQUAL(qmac_muppet_bits(&muppet), bits);
			CU_ASSERT_EQUAL(strcmp(event.why, "diversity") == 0, qmac_switched(&event));
			CU_ASSERT_EQUAL(event.host_flops, e == 2 && event.before.bw != 32 ? 2 * (2 + 2) + 36 : 0);
			if (e == 2)
				CU_ASSERT_EQUAL(muppet.now.violations, checks[c].violations);
		}
	CU_ASSERT(qmac_muppet_is_float(&muppet));
	qmac_muppet_free(&muppet);
}

/* Three learning rates of 15 epochs each, also where .1 times .1 is not .01; then it is over. */
static void float_ends_after_its_learning_rates(void)
{
	static const double first[] = {0.01, 0.1, 0.001}, last[] = {1e-4, 1e-3, 1e-5};

	for (int i = 0; i < 3; i++) {
		struct qmac_muppet_settings settings = qmac_muppet_defaults();
		struct qmac_muppet muppet;
		struct qmac_switch event;
		int epochs = 0;

		settings.level_count = 0;
		settings.lr = first[i];
		settings.lr_min = last[i];
		CU_ASSERT_EQUAL_FATAL(qmac_muppet_create(&muppet, &settings, counts, TENSORS, NULL), QMAC_OK);
		for (; !muppet.now.finished && epochs < 100; epochs++) {
			double lr = first[i] * pow(0.1, epochs / 15);

			CU_ASSERT_DOUBLE_EQUAL(muppet.now.lr, lr, 1e-12 * lr);
			qmac_muppet_epoch(&muppet, &event);
			CU_ASSERT(!qmac_switched(&event) && event.host_flops == 0);
		}
		CU_ASSERT_EQUAL(epochs, 45);
		qmac_muppet_free(&muppet);
	}
}

/* Whatever the gradients do, a threshold of 0 ends in float32; without them nothing is ever checked. */
static void ends_in_float(void)
{
	struct qmac_muppet_settings settings = qmac_muppet_defaults();
	float g[TENSORS][COUNT] = {{0}};
	struct qmac_muppet muppet;
	struct qmac_switch event;
	int epochs = 0;

	state = test_seed();
	settings.alpha = settings.beta = 0;
	CU_ASSERT_EQUAL_FATAL(qmac_muppet_create(&muppet, &settings, counts, TENSORS, NULL), QMAC_OK);
	for (; epochs < 30; epochs++)
		epoch_over(&muppet, g, &event);
	CU_ASSERT(qmac_muppet_bits(&muppet) == 8 && muppet.now.violations == 0);
	for (; !muppet.now.finished && epochs < 2000; epochs++) {
		make_gradients(g, epochs);
		epoch_over(&muppet, g, &event);
	}
	CU_ASSERT(qmac_muppet_is_float(&muppet) && muppet.now.finished);
	qmac_muppet_free(&muppet);
}

/* ---- its state ----------------------------------------------------------------------------------------- */

struct copy {
	unsigned char bytes[1024];
	size_t used;
	bool loading;
};

static void carry(void *context, const char *name, void *data, size_t bytes)
{
	struct copy *copy = context;

	CU_ASSERT_FATAL(copy->used + bytes <= sizeof copy->bytes && strncmp(name, "muppet_", 7) == 0);
	memcpy(copy->loading ? data : copy->bytes + copy->used, copy->loading ? copy->bytes + copy->used : data,
	       bytes);
	copy->used += bytes;
}

static void state_is_everything(void)
{
	struct qmac_muppet_settings settings = qmac_muppet_defaults();

	settings.beta = 0.2;
	for (int at = 0; at < 60; at += 7) {
		static struct copy saved, first, second;
		struct qmac_muppet one, two;
		struct qmac_switch event;
		float g[TENSORS][COUNT];

		state = test_seed();
		saved = first = second = (struct copy){.used = 0};
		CU_ASSERT_EQUAL_FATAL(qmac_muppet_create(&one, &settings, counts, TENSORS, NULL), QMAC_OK);
		CU_ASSERT_EQUAL_FATAL(qmac_muppet_create(&two, &settings, counts, TENSORS, NULL), QMAC_OK);
		for (int e = 0; e < 100; e++) {
			make_gradients(g, e);
			epoch_over(&one, g, &event);
			if (e == at) {
				qmac_muppet_state(&one, carry, &saved);
				saved.loading = true;
				saved.used = 0;
				qmac_muppet_state(&two, carry, &saved);
				CU_ASSERT_EQUAL(memcmp(one.squares, two.squares, TENSORS * sizeof *one.squares), 0);
				CU_ASSERT_EQUAL(memcmp(one.sums, two.sums, TENSORS * COUNT * sizeof *one.sums), 0);
			}
			if (e > at)
				epoch_over(&two, g, &event);
		}
		CU_ASSERT(one.now.level > 0);
		qmac_muppet_state(&one, carry, &first);
		qmac_muppet_state(&two, carry, &second);
		CU_ASSERT(first.used == second.used && memcmp(first.bytes, second.bytes, first.used) == 0);
		qmac_muppet_free(&one);
		qmac_muppet_free(&two);
	}
}

/* ---- the quantiser ------------------------------------------------------------------------------------- */

static int exponent_of(int bits, const float *x, int count)
{
	struct qmac_format format = {0, 0};

	CU_ASSERT_EQUAL(qmac_muppet_format(bits, x, count, &format, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(format.bw, bits);
	return format.fl;
}

static void exponents_by_hand(void)
{
	const float one[] = {1, -0.5F}, minus[] = {-1, 0.25F}, zero[] = {0, -0.0F}, edge[] = {127.5F, 3};
	const float beyond[] = {127.50001F, 3}, low[] = {-128.5F, 0}, negative[] = {-4, -3};

	CU_ASSERT_EQUAL(exponent_of(8, one, 2), 6);      /* 127.5 / 1: 64 */
	CU_ASSERT_EQUAL(exponent_of(8, minus, 2), 7);    /* 128.5 / 1: 128 */
	CU_ASSERT_EQUAL(exponent_of(8, zero, 2), 0);
	CU_ASSERT_EQUAL(exponent_of(8, edge, 2), 0);
	CU_ASSERT_EQUAL(exponent_of(8, beyond, 2), -1);
	CU_ASSERT_EQUAL(exponent_of(8, low, 2), 0);
	CU_ASSERT_EQUAL(exponent_of(8, negative, 2), 5);
}

/* All sizes, and the floats around the ends, where e changes. */
static void exponents_follow_the_reference(void)
{
	int wrong = 0;

	state = test_seed();
	for (int i = 0; i < 20000; i++) {
		int bits = (int)test_between(&state, 2, 24), count = 1 + (int)(test_random(&state) % 5);
		float x[5];

		for (int k = 0; k < count; k++) {
			x[k] = (float)ldexp(unit_random() - 0.5, (int)test_between(&state, -148, 120));
			x[k] = test_random(&state) % 4 ? x[k] : 0;
		}
		if (i % 2) {
			double end = ldexp(1, bits - 1) + (i % 4 == 1 ? -0.5 : 0.5);
			float at = (float)ldexp(i % 4 == 1 ? end : -end, (int)test_between(&state, -60, 60));

			x[0] = i % 3 == 0 ? at : nextafterf(at, i % 3 == 1 ? 0 : at * 2);
			for (int k = 1; k < count; k++)
				x[k] = at / 3;
		}
		wrong += exponent_of(bits, x, count) != ref_muppet_exponent(bits, x, count);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/*
 * A block of the published range loses at most one code to the clamp, only at its ends, and each is counted;
 * codes in between are those of rounding with v in -1/2..1/2, which is floor(x 2^e + u).
 */
static void saturations_are_counted(void)
{
	enum { BLOCK = 64 };
	uint64_t all = 0;

	state = test_seed();
	for (int i = 0; i < 300; i++) {
		struct qmac_format format;
		uint64_t saturations = 0, expected = 0;
		int32_t codes[BLOCK];
		float x[BLOCK];

		for (int k = 0; k < BLOCK; k++)
			x[k] = (float)((2 * unit_random() - 1) * 127.4);
		x[0] = 127.4F;
		x[1] = -128.4F;
		CU_ASSERT_EQUAL(qmac_muppet_format(8, x, BLOCK, &format, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(format.fl, 0);
		CU_ASSERT_EQUAL(qmac_format_encode_floats(format, QMAC_ROUND_STOCHASTIC, (uint32_t)i, x, BLOCK, codes,
		                                          &saturations, NULL), QMAC_OK);
		for (int k = 0; k < BLOCK; k++) {
			double r = qmac_dither_channel(qmac_dither_row((uint32_t)i, 0), (uint32_t)k) * 0x1p-24;
			double code = floor((double)x[k] + r);

			CU_ASSERT(fabs(code - codes[k]) <= 1);
			CU_ASSERT(code == codes[k] || code == 128 || code == -129);
			expected += code != codes[k];
		}
		CU_ASSERT_EQUAL(saturations, expected);
		all += expected;
	}
	CU_ASSERT(all > 150 && all < 350); /* .4 of each of the two ends */
}

/* ---- what is refused ----------------------------------------------------------------------------------- */

static void refused(struct qmac_muppet_settings settings, const char *text)
{
	struct qmac_error err = {.message = ""};
	struct qmac_muppet muppet;

	test_refusal(qmac_muppet_create(&muppet, &settings, counts, TENSORS, &err), &err, text);
	qmac_muppet_free(&muppet);
}

static void settings_out_of_range(void)
{
	struct qmac_muppet_settings good = qmac_muppet_defaults(), bad;

#define REFUSED(member, value, text) \
	do { \
		bad = good; \
		bad.member = value; \
		refused(bad, text); \
	} while (0)
	REFUSED(level_count, 17, "levels: there may be up to 16");
	REFUSED(levels[0], 1, "levels: 1 bits; a level has 2..24");
	REFUSED(levels[3], 25, "levels: 25 bits");
	REFUSED(levels[1], 8, "levels: 8 after 8");
	REFUSED(resolution, 0, "resolution is 0; it must be at least 1");
	REFUSED(patience, 0, "patience is 0");
	REFUSED(float_epochs, 0, "float_epochs is 0");
	REFUSED(alpha, -0.1, "alpha is -0.1; it must be 0 or more");
	REFUSED(beta, NAN, "beta is");
	REFUSED(lambda, INFINITY, "lambda is");
	REFUSED(lr, 0, "lr is 0; it must be above 0");
	REFUSED(lr_min, 0, "lr_min is 0");
	REFUSED(lr_factor, 1, "lr_factor is 1; it must lie between 0 and 1");
}

static void numbers_that_are_not_finite(void)
{
	struct qmac_muppet_settings settings = qmac_muppet_defaults();
	float g[COUNT] = {0, 1, NAN, 0, 0, 0};
	struct qmac_format format;
	struct qmac_muppet muppet;
	struct qmac_error err;
	uint64_t flops = 0;

	CU_ASSERT_EQUAL_FATAL(qmac_muppet_create(&muppet, &settings, counts, TENSORS, NULL), QMAC_OK);
	for (int i = 0; i < 2; i++, g[2] = INFINITY) {
		CU_ASSERT_EQUAL(qmac_muppet_gradient(&muppet, 1, g, &flops, &err), QMAC_CHECK_FAILED);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "a gradient is not finite"));
		CU_ASSERT_EQUAL(qmac_muppet_format(8, g, COUNT, &format, &err), QMAC_CHECK_FAILED);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "element 2 of a tensor is not finite"));
	}
	qmac_muppet_free(&muppet);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"runs follow the reference", runs_follow_the_reference},
		{"threshold by hand", threshold_by_hand},
		{"levels by hand", levels_by_hand},
		{"float ends after its learning rates", float_ends_after_its_learning_rates},
		{"ends in float", ends_in_float},
		{"the state is everything", state_is_everything},
		{"exponents by hand", exponents_by_hand},
		{"exponents follow the reference", exponents_follow_the_reference},
		{"saturations are counted", saturations_are_counted},
		{"settings out of range", settings_out_of_range},
		{"numbers that are not finite", numbers_that_are_not_finite},
	};

	return test_main("test_muppet", cases, TEST_COUNT(cases));
}
