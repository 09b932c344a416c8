/*
 * Learning rates of networks: constant, by milestones, or by a loss that no longer falls.
 */
#ifndef QMAC_POLICY_SCHEDULE_H
#define QMAC_POLICY_SCHEDULE_H

#include <stdint.h>

#include "base/error.h"

enum qmac_schedule_kind { QMAC_SCHEDULE_CONSTANT, QMAC_SCHEDULE_STEPS, QMAC_SCHEDULE_PLATEAU };

enum { QMAC_MILESTONES_MAX = 16 };

struct qmac_schedule_settings {
	enum qmac_schedule_kind kind;
	double lr;             /* > 0: of the first epoch */
	double factor;         /* 0..1, both excluded; not of constant ones */
	int milestones[QMAC_MILESTONES_MAX]; /* steps: it falls after so many epochs; ascending, >= 1 */
	int milestone_count;
	int patience;          /* plateau: >= 0, so many epochs without progress in a row are borne */
	double threshold;      /* plateau: 0..1, 1 excluded; progress: loss below (1 - threshold) best */
	double lr_min;         /* plateau: >= 0 */
};

struct qmac_schedule {
	struct qmac_schedule_settings settings;
	struct {
		double lr;         /* of the next epoch */
		double best;       /* plateau: the lowest loss */
		int32_t epochs;    /* that are over */
		int32_t waited;    /* plateau: epochs without progress */
	} now;                 /* all that changes: a plain piece of a checkpoint */
};

/* Fails with the key's name where a setting is out of its range. */
QMAC_MUST_CHECK enum qmac_status qmac_schedule_init(struct qmac_schedule *schedule,
                                                    const struct qmac_schedule_settings *settings,
                                                    struct qmac_error *err);

/* An epoch is over; loss: of the samples that the schedule goes by, only looked at by plateaus. */
void qmac_schedule_epoch(struct qmac_schedule *schedule, double loss);

#endif
