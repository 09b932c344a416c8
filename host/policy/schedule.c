#include "policy/schedule.h"

#include <math.h>

/* A fall of the learning rate by less than this is left out, as in PyTorch's ReduceLROnPlateau. */
#define SMALLEST_FALL 1e-8

static enum qmac_status check_milestones(const struct qmac_schedule_settings *s, struct qmac_error *err)
{
	if (s->milestone_count < 0 || s->milestone_count > QMAC_MILESTONES_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "milestones: there may be up to %d", QMAC_MILESTONES_MAX);
	for (int i = 0; i < s->milestone_count; i++)
		if (s->milestones[i] < 1 || (i > 0 && s->milestones[i] <= s->milestones[i - 1]))
			return qmac_fail(err, QMAC_BAD_INPUT, "milestones: %d; they must be at least 1, and ascend",
			                 s->milestones[i]);
	return QMAC_OK;
}

enum qmac_status qmac_schedule_init(struct qmac_schedule *schedule,
                                    const struct qmac_schedule_settings *settings, struct qmac_error *err)
{
	const struct qmac_schedule_settings *s = settings;

	if (!(s->lr > 0) || !isfinite(s->lr))
		return qmac_fail(err, QMAC_BAD_INPUT, "lr is %g; it must be above 0", s->lr);
	if (s->kind != QMAC_SCHEDULE_CONSTANT && !(s->factor > 0 && s->factor < 1))
		return qmac_fail(err, QMAC_BAD_INPUT, "factor is %g; it must lie between 0 and 1", s->factor);
	if (s->kind == QMAC_SCHEDULE_PLATEAU) {
		if (s->patience < 0)
			return qmac_fail(err, QMAC_BAD_INPUT, "patience is %d; it must not be negative", s->patience);
		if (!(s->threshold >= 0 && s->threshold < 1))
			return qmac_fail(err, QMAC_BAD_INPUT, "threshold is %g; it must be 0 or more and below 1",
			                 s->threshold);
		if (!(s->lr_min >= 0))
			return qmac_fail(err, QMAC_BAD_INPUT, "lr_min is %g; it must not be negative", s->lr_min);
	}
	schedule->settings = *s;
	schedule->now.lr = s->lr;
	schedule->now.best = INFINITY;
	schedule->now.epochs = 0;
	schedule->now.waited = 0;
	return s->kind == QMAC_SCHEDULE_STEPS ? check_milestones(s, err) : QMAC_OK;
}

static void end_of_plateau_epoch(struct qmac_schedule *schedule, double loss)
{
	const struct qmac_schedule_settings *s = &schedule->settings;
	double lower;

	/* A loss that is no number is no progress. */
	if (loss < schedule->now.best * (1 - s->threshold)) {
		schedule->now.best = loss;
		schedule->now.waited = 0;
	} else {
		schedule->now.waited++;
	}
	if (schedule->now.waited <= s->patience)
		return;
	schedule->now.waited = 0;
	lower = fmax(schedule->now.lr * s->factor, s->lr_min);
	if (schedule->now.lr - lower > SMALLEST_FALL)
		schedule->now.lr = lower;
}

void qmac_schedule_epoch(struct qmac_schedule *schedule, double loss)
{
	const struct qmac_schedule_settings *s = &schedule->settings;

	schedule->now.epochs++;
	if (s->kind == QMAC_SCHEDULE_PLATEAU)
		end_of_plateau_epoch(schedule, loss);
	for (int i = 0; s->kind == QMAC_SCHEDULE_STEPS && i < s->milestone_count; i++)
		if (schedule->now.epochs == s->milestones[i])
			schedule->now.lr *= s->factor;
}
