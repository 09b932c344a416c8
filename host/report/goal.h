/*
 * What it took runs to reach a goal: of each the first row of metrics.csv whose figure has come to a value,
 * and the device's cycles and joules until then (docs/results.md, "Goals").
 *
 * A figure that falls by orders of magnitude, such as a gradient norm, has come to a value where it is not
 * above it, any other, such as an accuracy, where it is not below.
 */
#ifndef QMAC_REPORT_GOAL_H
#define QMAC_REPORT_GOAL_H

#include "cost/energy.h"
#include "report/atomic_file.h"
#include "report/stored.h"

enum { QMAC_GOAL_VALUES = 16 };

struct qmac_goal {
	const struct qmac_figure_kind *figure;
	double values[QMAC_GOAL_VALUES];
	int count;
};

/* Reads "grad_norm=1,0.01": a figure of metrics.csv and its values, at least one. */
QMAC_MUST_CHECK enum qmac_status qmac_goal_read(const char *text, struct qmac_goal *goal,
                                                struct qmac_error *err);

struct qmac_goal_cost {
	int64_t epoch;           /* of the row; -1: no row has come to the value */
	bool in_32_bits;         /* of a network in float32: what its minibatches take of the device in 32 bits */
	double cycles;           /* since the start of the run, evaluations included; NaN where nobody knows */
	struct qmac_band joules; /* likewise */
};

struct qmac_goal_cost qmac_goal_find(const struct qmac_stored *stored, const struct qmac_figure_kind *figure,
                                     double value);

/* A table for each value, a line for each run. A run that never comes to a value says how far it has come. */
void qmac_goal_print(const struct qmac_goal *goal, const struct qmac_comparison *lines, int count,
                     FILE *out);

/* What will be folder/goals.csv, finished: a row for each value and run. */
QMAC_MUST_CHECK enum qmac_status qmac_goal_write_csv(const struct qmac_goal *goal,
                                                     const struct qmac_comparison *lines, int count,
                                                     const char *folder, struct qmac_atomic_file *file,
                                                     struct qmac_error *err);

#endif
