/*
 * Schedules of learning rates: worked by hand, against rules written out over the whole list of losses, and
 * what is refused.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/schedule.h"
#include "test.h"

static void open_schedule(struct qmac_schedule *schedule, struct qmac_schedule_settings settings)
{
	CU_ASSERT_EQUAL_FATAL(qmac_schedule_init(schedule, &settings, NULL), QMAC_OK);
}

static void constant_is_constant(void)
{
	struct qmac_schedule schedule;

	open_schedule(&schedule, (struct qmac_schedule_settings){.kind = QMAC_SCHEDULE_CONSTANT, .lr = 0.1});
	for (int e = 0; e < 50; e++) {
		CU_ASSERT_EQUAL(schedule.now.lr, 0.1);
		qmac_schedule_epoch(&schedule, e);
	}
}

/* A milestone of 14 of 15 epochs: the last one alone has the smaller learning rate. */
static void steps_by_hand(void)
{
	struct qmac_schedule schedule;

	open_schedule(&schedule, (struct qmac_schedule_settings){.kind = QMAC_SCHEDULE_STEPS, .lr = 0.1,
	              .factor = 0.1, .milestones = {14}, .milestone_count = 1});
	for (int e = 0; e < 15; e++) {
		CU_ASSERT_EQUAL(schedule.now.lr, e < 14 ? 0.1 : 0.1 * 0.1);
		qmac_schedule_epoch(&schedule, NAN);
	}
	open_schedule(&schedule, (struct qmac_schedule_settings){.kind = QMAC_SCHEDULE_STEPS, .lr = 1,
	              .factor = 0.5, .milestones = {1, 2, 10}, .milestone_count = 3});
	for (int e = 0; e < 20; e++) {
		CU_ASSERT_EQUAL(schedule.now.lr, e == 0 ? 1 : e == 1 ? 0.5 : e < 10 ? 0.25 : 0.125);
		qmac_schedule_epoch(&schedule, 1);
	}
}

/* Patience 2: the third epoch in a row without progress lowers it; progress too small is none. */
static void plateau_by_hand(void)
{
	static const double loss[] = {5, 4, 4, 4, 4, 3.9999999, 3.9, NAN, 3.8, 3.8,
	                              3.8, 3.8, 1, 1, 1, 1, 1, 1, 1};
	static const int falls[] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
	static const double rates[] = {1, 0.25, 0.0625, 0.05};
	struct qmac_schedule schedule;

	open_schedule(&schedule, (struct qmac_schedule_settings){.kind = QMAC_SCHEDULE_PLATEAU, .lr = 1,
	              .factor = 0.25, .patience = 2, .threshold = 1e-6, .lr_min = 0.05});
	for (int e = 0; e < TEST_COUNT(loss); e++) {
		qmac_schedule_epoch(&schedule, loss[e]);
		CU_ASSERT_EQUAL(schedule.now.lr, rates[falls[e]]);
	}
	CU_ASSERT_EQUAL(schedule.now.epochs, TEST_COUNT(loss));
}

/* A fall of 1e-8 or less is left out. */
static void smallest_fall(void)
{
	struct qmac_schedule schedule;

	open_schedule(&schedule, (struct qmac_schedule_settings){.kind = QMAC_SCHEDULE_PLATEAU, .lr = 1.05e-8,
	              .factor = 0.1});
	for (int e = 0; e < 9; e++)
		qmac_schedule_epoch(&schedule, 1);
	CU_ASSERT_EQUAL(schedule.now.lr, 1.05e-8);
}

/* What a list of losses makes of a learning rate, from the beginning; each fault is a likely mistake. */
enum { SOUND, PATIENCE_REACHED, PROGRESS_IF_EQUAL, THRESHOLD_IGNORED, WAITS_ON, BEST_IS_LAST, FAULTS };

static double rate_after(const struct qmac_schedule_settings *s, const double *loss, int count, int fault)
{
	double lr = s->lr, best = INFINITY, goal;
	int waited = 0;

	for (int i = 0; i < count; i++) {
		goal = fault == THRESHOLD_IGNORED ? best : best * (1 - s->threshold);
		if (loss[i] < goal || (fault == PROGRESS_IF_EQUAL && loss[i] == best)) {
			best = loss[i];
			waited = 0;
			continue;
		}
		if (fault == BEST_IS_LAST)
			best = loss[i];
		if (++waited + (fault == PATIENCE_REACHED) <= s->patience)
			continue;
		if (fault != WAITS_ON)
			waited = 0;
		lr = lr * s->factor > s->lr_min ? lr * s->factor : s->lr_min;
	}
	return lr;
}

static void plateaus_follow_the_rule(void)
{
	enum { EPOCHS = 60, RUNS = 200 };
	uint64_t state = test_seed();
	int seen[FAULTS] = {0};

	for (int run = 0; run < RUNS; run++) {
		struct qmac_schedule_settings settings = {
			.kind = QMAC_SCHEDULE_PLATEAU, .lr = 1, .factor = 0.5, .patience = (int)(test_random(&state) % 6),
			.threshold = run % 2 ? 0.05 : 1e-6, .lr_min = 1e-3,
		};
		struct qmac_schedule schedule;
		double loss[EPOCHS];

		open_schedule(&schedule, settings);
		for (int e = 0; e < EPOCHS; e++) {
			loss[e] = 1 + (double)(test_random(&state) % 10) / (1 + e);
			qmac_schedule_epoch(&schedule, loss[e]);
			for (int fault = 0; fault < FAULTS; fault++)
				seen[fault] += schedule.now.lr != rate_after(&settings, loss, e + 1, fault);
		}
	}
	CU_ASSERT_EQUAL(seen[SOUND], 0);
	for (int fault = 1; fault < FAULTS; fault++)
		CU_ASSERT(seen[fault] > 0);
}

static void refused(struct qmac_schedule_settings settings, const char *text)
{
	struct qmac_error err = {.message = ""};
	struct qmac_schedule schedule;

	test_refusal(qmac_schedule_init(&schedule, &settings, &err), &err, text);
}

static void settings_out_of_range(void)
{
	struct qmac_schedule_settings steps = {.kind = QMAC_SCHEDULE_STEPS, .lr = 1, .factor = 0.1,
	                                       .milestones = {3, 5}, .milestone_count = 2}, bad;
	struct qmac_schedule_settings plateau = {.kind = QMAC_SCHEDULE_PLATEAU, .lr = 1, .factor = 0.1};

#define REFUSED(good, member, value, text) \
	do { \
		bad = good; \
		bad.member = value; \
		refused(bad, text); \
	} while (0)
	REFUSED(steps, lr, 0, "lr is 0; it must be above 0");
	REFUSED(steps, lr, INFINITY, "lr is");
	REFUSED(steps, factor, 1, "factor is 1; it must lie between 0 and 1");
	REFUSED(plateau, factor, 0, "factor is 0");
	REFUSED(steps, milestones[0], 0, "milestones: 0; they must be at least 1");
	REFUSED(steps, milestones[1], 3, "milestones: 3;");
	REFUSED(steps, milestone_count, 17, "milestones: there may be up to 16");
	REFUSED(plateau, patience, -1, "patience is -1");
	REFUSED(plateau, threshold, 1, "threshold is 1; it must be 0 or more and below 1");
	REFUSED(plateau, lr_min, NAN, "lr_min is");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"constant is constant", constant_is_constant},
		{"steps by hand", steps_by_hand},
		{"plateau by hand", plateau_by_hand},
		{"smallest fall", smallest_fall},
		{"plateaus follow the rule", plateaus_follow_the_rule},
		{"settings out of range", settings_out_of_range},
	};

	return test_main("test_schedule", cases, TEST_COUNT(cases));
}
