/*
 * AdaPT's policy as a training uses it: steps over several tensors against the slow reference, its saved
 * state, eagerness by the loss, settings and numbers that are refused; and sums over gradients.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/adapt.h"
#include "policy/gradient.h"
#include "reference/ref_adapt.h"
#include "reference/ref_num.h"
#include "test.h"

enum { TENSORS = 4, COUNT_MAX = 150, STEPS = 260 };

/* A convolution, its bias, batch norm's gamma behind it, another layer. */
static const struct qmac_adapt_shape shapes[TENSORS] = {
	{150, 25, false}, {6, 1, true}, {6, 1, true}, {84, 12, false},
};

static uint64_t state;

static double unit_random(void)
{
	return (double)(test_random(&state) >> 11) * 0x1p-53;
}

/* ---- gradients --------------------------------------------------------------------------------------- */

static void sums_are_those_of_long_double(void)
{
	static float g[1003], sum[1003];

	state = test_seed();
	for (int count = 0; count < 1003; count += count < 40 ? 1 : 321) {
		long double exact = 0, norm;

		for (int i = 0; i < count; i++) {
			g[i] = (float)(unit_random() - 0.5);
			sum[i] = (float)i;
			exact += (long double)g[i] * g[i];
		}
		CU_ASSERT(fabsl(qmac_square(g, count) - exact) <= 1e-15L * exact);
		qmac_accumulate(sum, g, count);
		for (int i = 0; i < count; i++)
			CU_ASSERT_EQUAL(sum[i], (float)i + g[i]);
		norm = sqrtl(exact);
		CU_ASSERT(fabsl(qmac_normalise(g, count) - norm) <= 1e-15L * norm);
		for (int i = 0; i < count; i++)
			CU_ASSERT(fabsl(g[i] - ((long double)sum[i] - i) / norm) < 1e-4L);
		CU_ASSERT(count == 0 || fabs(qmac_square(g, count) - 1) < 1e-6);
	}
	memset(g, 0, sizeof g);
	CU_ASSERT_EQUAL(qmac_normalise(g, 10), 0);
	CU_ASSERT_EQUAL(g[3], 0);
	g[0] = INFINITY;
	CU_ASSERT_EQUAL(qmac_normalise(g, 10), INFINITY);
	CU_ASSERT_EQUAL(g[0], INFINITY);
}

/* n equal gradients have diversity 1, orthogonal ones sqrt n, opposite ones infinity. */
static void diversity_by_hand(void)
{
	const float equal[] = {3, 0, 0, 0, 0}, orthogonal[] = {1, 1, 1, 1, 0}, opposite[5] = {0};

	CU_ASSERT_EQUAL(qmac_adapt_diversity(equal, 5, 3), 1);
	CU_ASSERT_EQUAL(qmac_adapt_diversity(orthogonal, 5, 4), 2);
	CU_ASSERT_EQUAL(qmac_adapt_diversity(opposite, 5, 2), INFINITY);
}

/* ---- eagerness --------------------------------------------------------------------------------------- */

/* Losses of a run through both; 1 where eagerness ever differs. Half of them powers of two: equal means. */
static int losses_differ(enum ref_adapt_fault fault)
{
	static const struct qmac_adapt_shape one = {1, 1, false};
	struct qmac_adapt_settings settings = qmac_adapt_defaults();
	struct ref_adapt rules = {.fault = fault};
	struct ref_adapt_losses losses = {.count = 0};
	struct qmac_adapt adapt;
	int different = 0, exact = (int)(test_random(&state) % 2);

	settings.lookback_min = 4;
	if (qmac_adapt_create(&adapt, &settings, &one, 1, NULL) != QMAC_OK)
		return 1;
	for (int i = 0; i < 60 && !different; i++) {
		double loss = exact ? ldexp(1, (int)(test_random(&state) % 4)) : 1 + unit_random();

		/* A mean lookback that moves in both directions. */
		adapt.tensor[0].lookback = i % 10 < 5 ? 4 : 8;
		ref_adapt_loss(&rules, &losses, adapt.tensor[0].lookback, loss);
		if (qmac_adapt_loss(&adapt, loss, NULL) != QMAC_OK)
			different = 1;
		different |= adapt.now.eagerness != losses.eagerness || adapt.now.losses != losses.kept;
	}
	qmac_adapt_free(&adapt);
	return different;
}

static void eagerness_follows_the_reference(void)
{
	int wrong = 0;

	state = test_seed();
	for (int i = 0; i < 300; i++)
		wrong += losses_differ(REF_ADAPT_SOUND);
	CU_ASSERT_EQUAL(wrong, 0);
	for (int fault = REF_ADAPT_LAST_RULE + 1; fault <= REF_ADAPT_LAST_LOSS; fault++) {
		int seen = 0;

		for (int i = 0; i < 6000 && !seen; i++)
			seen += losses_differ((enum ref_adapt_fault)fault);
		CU_ASSERT(seen > 0);
	}
}

/* With two tensors the mean lookback is rounded down. */
static void eagerness_by_hand(void)
{
	static const double loss[] = {1, 1, 1, 1, 1, 4, 4, 4, 0.5};
	static const int expected[] = {0, 0, 0, 0, 0, 1, 2, 2, 0};
	struct qmac_adapt_settings settings = qmac_adapt_defaults();
	struct qmac_adapt adapt;

	settings.lookback_min = 3;
	CU_ASSERT_EQUAL_FATAL(qmac_adapt_create(&adapt, &settings, shapes, 2, NULL), QMAC_OK);
	adapt.tensor[1].lookback = 4;
	for (int i = 0; i < TEST_COUNT(loss); i++) {
		CU_ASSERT_EQUAL(qmac_adapt_loss(&adapt, loss[i], NULL), QMAC_OK);
		CU_ASSERT_EQUAL(adapt.now.eagerness, expected[i]);
	}
	qmac_adapt_free(&adapt);
}

/* ---- a run ------------------------------------------------------------------------------------------- */

struct run {
	struct qmac_adapt adapt;
	float w[TENSORS][COUNT_MAX], g[TENSORS][COUNT_MAX];
	int switches, followed, resolution_seen; /* the highest */
};

/* Step t's weights and gradients, of the step alone: a direction of its own for each tensor, and noise. */
static double make_step(struct run *run, int t)
{
	state = test_seed() + (uint64_t)t * 1000;
	for (int i = 0; i < TENSORS; i++) {
		for (int64_t k = 0; k < shapes[i].count; k++) {
			run->w[i][k] = (float)(sin((double)(k * (i + 2))) / 3 + 0.01 * unit_random());
			run->g[i][k] = (float)(0.02 * cos((double)k) + (t % 90 < 40 ? 2.0 : 0.2) * (unit_random() - 0.5));
		}
		(void)qmac_normalise(run->g[i], shapes[i].count);
	}
	return 2 + cos(t * 0.2) + 0.3 * unit_random();
}

static void step(struct run *run, int t)
{
	double loss = make_step(run, t);

	CU_ASSERT_EQUAL_FATAL(qmac_adapt_loss(&run->adapt, loss, NULL), QMAC_OK);
	for (int i = 0; i < TENSORS; i++) {
		struct qmac_switch event;
		struct qmac_format before = qmac_adapt_format(&run->adapt, i), after;

		CU_ASSERT_EQUAL_FATAL(qmac_adapt_gradient(&run->adapt, i, run->g[i], run->w[i], &event, NULL),
		                      QMAC_OK);
		after = qmac_adapt_format(&run->adapt, i);
		CU_ASSERT(event.before.bw == before.bw && event.before.fl == before.fl);
		CU_ASSERT(event.after.bw == after.bw && event.after.fl == after.fl);
		CU_ASSERT_EQUAL(qmac_switched(&event), before.bw != after.bw || before.fl != after.fl);
		if (shapes[i].follows) {
			CU_ASSERT(event.host_flops == 0 && after.bw == run->adapt.tensor[i - 1].bw);
			CU_ASSERT(run->adapt.tensor[i].lookback == run->adapt.tensor[i - 1].lookback);
			CU_ASSERT(strcmp(event.why, "follows") == 0 || !qmac_switched(&event));
			run->followed += qmac_switched(&event);
		} else if (strcmp(event.why, "lookback") == 0) {
			CU_ASSERT(event.host_flops > (uint64_t)shapes[i].count * 8);
			run->switches++;
		} else {
			CU_ASSERT(event.host_flops == (uint64_t)shapes[i].count * 3 + 12 && !qmac_switched(&event));
		}
	}
}

static struct qmac_adapt_settings settings_of(int kind)
{
	struct qmac_adapt_settings settings = qmac_adapt_defaults();

	settings.lookback_min = 5;
	settings.lookback_max = 20;
	settings.resolution_min = 30;
	settings.resolution_max = 40;
	settings.seed = 9;
	if (kind & 1) {
		settings.kl = QMAC_KL_REPO;
		settings.bisect = QMAC_BISECT_REPO;
		settings.bw_max = 32;
	}
	if (kind & 2) {
		settings.buffer_bits = 4;
		settings.lookback_momentum = 1; /* so that both ends are reached, and the resolution moves */
	}
	return settings;
}

struct mirror {
	struct ref_adapt rules;
	struct ref_adapt_losses losses;
	int bw[TENSORS], fl[TENSORS], lookback[TENSORS], resolution[TENSORS], gradients[TENSORS];
	float sum[TENSORS][COUNT_MAX];
};

static void mirror_step(struct mirror *m, const struct run *run, int t, double loss, bool true_kl)
{
	int mean = 0;

	for (int i = 0; i < TENSORS; i++)
		mean += m->lookback[i];
	ref_adapt_loss(&m->rules, &m->losses, mean / TENSORS, loss);
	for (int i = 0; i < TENSORS; i++) {
		long double square = 0;
		double diversity;

		if (shapes[i].follows) {
			m->bw[i] = m->bw[i - 1];
			m->fl[i] = m->fl[i - 1];
			m->lookback[i] = m->lookback[i - 1];
			m->resolution[i] = m->resolution[i - 1];
			continue;
		}
		m->gradients[i]++;
		for (int64_t k = 0; k < shapes[i].count; k++) {
			m->sum[i][k] += run->g[i][k];
			square += (long double)m->sum[i][k] * m->sum[i][k];
		}
		diversity = (double)(m->gradients[i] / sqrtl(square));
		m->lookback[i] = ref_adapt_lookback(&m->rules, diversity, m->lookback[i]);
		m->resolution[i] = ref_adapt_resolution(&m->rules, m->lookback[i], m->resolution[i]);
		if (m->gradients[i] < m->lookback[i])
			continue;
		(void)ref_adapt_push_down(&m->rules, run->w[i], true_kl ? shapes[i].count : shapes[i].row,
		                          m->resolution[i], ref_dither_key(9, (uint32_t)t + 1, (uint32_t)i),
		                          &m->bw[i], &m->fl[i]);
		ref_adapt_push_up(&m->rules, m->losses.eagerness, diversity, &m->bw[i], &m->fl[i]);
		m->gradients[i] = 0;
		memset(m->sum[i], 0, sizeof m->sum[i]);
	}
}

static void runs_follow_the_reference(void)
{
	static struct run run;
	static struct mirror m;

	for (int kind = 0; kind < 4; kind++) {
		struct qmac_adapt_settings settings = settings_of(kind);
		bool true_kl = settings.kl == QMAC_KL_TRUE;
		int wrong = 0;

		run.switches = run.followed = run.resolution_seen = 0;
		memset(&m, 0, sizeof m);
		m.rules = (struct ref_adapt){
			.bw_max = settings.bw_max, .buffer = settings.buffer_bits, .lookback_min = 5,
			.lookback_max = 20, .resolution_min = 30, .resolution_max = 40,
			.momentum = settings.lookback_momentum, .true_kl = true_kl, .fixed_search = true_kl,
			.tolerance = settings.kl_tol,
		};
		for (int i = 0; i < TENSORS; i++) {
			m.bw[i] = 8;
			m.fl[i] = 4;
			m.lookback[i] = 5;
			m.resolution[i] = 30;
		}
		CU_ASSERT_EQUAL_FATAL(qmac_adapt_create(&run.adapt, &settings, shapes, TENSORS, NULL), QMAC_OK);
		for (int t = 0; t < STEPS && !wrong; t++) {
			step(&run, t);
			mirror_step(&m, &run, t, make_step(&run, t), true_kl);
			for (int i = 0; i < TENSORS; i++) {
				const struct qmac_adapt_tensor *tensor = &run.adapt.tensor[i];

				wrong += tensor->bw != m.bw[i] || tensor->fl != m.fl[i];
				wrong += tensor->lookback != m.lookback[i] || tensor->resolution != m.resolution[i];
				wrong += tensor->bw > settings.bw_max;
				wrong += t > 30 && tensor->bw - tensor->fl < settings.buffer_bits;
			}
			wrong += run.adapt.now.eagerness != m.losses.eagerness;
			if (m.resolution[1] > run.resolution_seen)
				run.resolution_seen = m.resolution[1];
		}
		CU_ASSERT_EQUAL(wrong, 0);
		printf("(%d pushed, %d follow) ", run.switches, run.followed);
		CU_ASSERT(run.switches > 20 && run.followed > 2);
		CU_ASSERT(!(kind & 2) || run.resolution_seen > 30);
		qmac_adapt_free(&run.adapt);
	}
}

/* ---- saved and restored ------------------------------------------------------------------------------ */

struct copy {
	unsigned char bytes[16384];
	size_t used;
	bool loading;
	char names[200];
};

static void carry(void *context, const char *name, void *data, size_t bytes)
{
	struct copy *copy = context;

	CU_ASSERT_FATAL(copy->used + bytes <= sizeof copy->bytes);
	CU_ASSERT(strlen(name) <= 31);
	if (copy->loading)
		memcpy(data, copy->bytes + copy->used, bytes);
	else
		memcpy(copy->bytes + copy->used, data, bytes);
	copy->used += bytes;
	if (!copy->loading) {
		strcat(copy->names, name);
		strcat(copy->names, " ");
	}
}

/* A run that was saved after `at` steps and goes on in another policy ends as one that was left alone. */
static void state_is_everything(void)
{
	static struct run one, two;
	static struct copy saved, first, second;
	struct qmac_adapt_settings settings = settings_of(1);

	for (int at = 1; at < 100; at += 23) {
		memset(&saved, 0, sizeof saved);
		memset(&first, 0, sizeof first);
		memset(&second, 0, sizeof second);
		CU_ASSERT_EQUAL_FATAL(qmac_adapt_create(&one.adapt, &settings, shapes, TENSORS, NULL), QMAC_OK);
		CU_ASSERT_EQUAL_FATAL(qmac_adapt_create(&two.adapt, &settings, shapes, TENSORS, NULL), QMAC_OK);
		for (int t = 0; t < 120; t++) {
			step(&one, t);
			if (t == at) {
				qmac_adapt_state(&one.adapt, carry, &saved);
				saved.loading = true;
				saved.used = 0;
				qmac_adapt_state(&two.adapt, carry, &saved);
				CU_ASSERT_EQUAL(memcmp(one.adapt.loss, two.adapt.loss,
				                       (size_t)one.adapt.now.losses * sizeof *one.adapt.loss), 0);
			}
			if (t > at)
				step(&two, t);
		}
		qmac_adapt_state(&one.adapt, carry, &first);
		qmac_adapt_state(&two.adapt, carry, &second);
		CU_ASSERT(first.used == second.used && memcmp(first.bytes, second.bytes, first.used) == 0);
		CU_ASSERT_STRING_EQUAL(first.names, "adapt_now adapt_tensors adapt_losses adapt_sums ");
		qmac_adapt_free(&one.adapt);
		qmac_adapt_free(&two.adapt);
	}
}

/* ---- what is refused --------------------------------------------------------------------------------- */

static void refused(struct qmac_adapt_settings settings, const char *text)
{
	struct qmac_error err = {.message = ""};
	struct qmac_adapt adapt;

	test_refusal(qmac_adapt_create(&adapt, &settings, shapes, TENSORS, &err), &err, text);
	qmac_adapt_free(&adapt);
}

static void settings_out_of_range(void)
{
	struct qmac_adapt_settings good = qmac_adapt_defaults(), bad;

	CU_ASSERT_EQUAL(qmac_adapt_check(&good, NULL), QMAC_OK);
#define REFUSED(member, value, text) \
	do { \
		bad = good; \
		bad.member = value; \
		refused(bad, text); \
	} while (0)
	REFUSED(bw_max, 33, "bw_max is 33; it must lie in 2..32");
	REFUSED(bw_max, 1, "bw_max is 1");
	REFUSED(buffer_bits, 16, "buffer_bits is 16; it must lie in 0..15");
	REFUSED(start.bw, 17, "bw is 17; it must lie in 2..16");
	REFUSED(start.fl, 1000, "format <8,1000>");
	REFUSED(lookback_min, 0, "lookback (the smallest) is 0");
	REFUSED(lookback_max, 0, "lookback (the largest) is 0");
	REFUSED(resolution_min, 0, "resolution (the smallest) is 0");
	REFUSED(resolution_max, 49, "resolution (the largest) is 49; it must lie in 50..");
	REFUSED(lookback_momentum, 1.01, "lookback_momentum is 1.01; it must lie in 0..1");
	REFUSED(lookback_momentum, NAN, "lookback_momentum is");
	REFUSED(kl_tol, -1, "kl_tol is -1");
	REFUSED(kl_tol, NAN, "kl_tol is");
}

static void numbers_that_are_not_finite(void)
{
	struct qmac_adapt_settings settings = qmac_adapt_defaults();
	static float w[150], g[150];
	struct qmac_switch event;
	struct qmac_error err;
	struct qmac_adapt adapt;

	CU_ASSERT_EQUAL_FATAL(qmac_adapt_create(&adapt, &settings, shapes, TENSORS, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_adapt_loss(&adapt, NAN, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "the loss is not finite"));
	CU_ASSERT_EQUAL(qmac_adapt_loss(&adapt, INFINITY, NULL), QMAC_CHECK_FAILED);
	g[149] = INFINITY;
	CU_ASSERT_EQUAL(qmac_adapt_gradient(&adapt, 0, g, w, &event, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "a gradient is not finite"));
	g[149] = NAN;
	CU_ASSERT_EQUAL(qmac_adapt_gradient(&adapt, 0, g, w, &event, NULL), QMAC_CHECK_FAILED);
	qmac_adapt_free(&adapt);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"sums are those of long double", sums_are_those_of_long_double},
		{"diversity by hand", diversity_by_hand},
		{"eagerness follows the reference", eagerness_follows_the_reference},
		{"eagerness by hand", eagerness_by_hand},
		{"runs follow the reference", runs_follow_the_reference},
		{"the state is everything", state_is_everything},
		{"settings out of range", settings_out_of_range},
		{"numbers that are not finite", numbers_that_are_not_finite},
	};

	return test_main("test_adapt_run", cases, TEST_COUNT(cases));
}
