/*
 * What the runs of a sweep tell together: tables, plot, what they took to reach a goal; for sweep.c.
 */
#ifndef QMAC_SWEEP_FINDINGS_H
#define QMAC_SWEEP_FINDINGS_H

#include "report/goal.h"
#include "sweep/row.h"
#include "sweep/sweep.h"

/* The goal of the sweep file; without one it has no values. */
QMAC_MUST_CHECK enum qmac_status qmac_sweep_read_goal(const struct qmac_sweep *sweep, struct qmac_goal *goal,
                                                      struct qmac_error *err);

/* Writes all files of the sweep itself into options->folder, and its tables to options->table. */
QMAC_MUST_CHECK enum qmac_status qmac_sweep_conclude(const struct qmac_sweep *sweep,
                                                     const struct qmac_sweep_row *rows,
                                                     const struct qmac_sweep_options *options, char *warning,
                                                     size_t warning_size, struct qmac_error *err);

#endif
