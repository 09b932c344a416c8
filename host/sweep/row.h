/*
 * What a sweep knows of one run, and the files made of all rows; for sweep.c.
 */
#ifndef QMAC_SWEEP_ROW_H
#define QMAC_SWEEP_ROW_H

#include <stdbool.h>

#include "config/sweep_file.h"
#include "report/atomic_file.h"
#include "report/stored.h"
#include "run/job.h"
#include "run/retime.h"

/* What the process of a run tells the sweep. */
struct qmac_sweep_answer {
	enum qmac_status status;
	struct qmac_job_result result;
	struct qmac_error err;
	char why[QMAC_RETIME_WHY];       /* of a training: why no other run may have its values; "": it may */
};

struct qmac_sweep_row {
	const char *name;
	char folder[1200];
	struct qmac_run_config config;
	struct qmac_sweep_answer answer; /* once ended */
	/* Runs that differ in their hardware alone (group.h): */
	int group;                       /* the first of them */
	bool may_lead;                   /* its values may serve other hardware, as far as is known before */
	bool ended;
	const char *timed_from;          /* in this round: the folder whose values it gets; NULL: trained */
	int trained;                     /* of the first: who was trained; -1: nobody yet */
	bool begun, apart;               /* of the first: one is begun in this round; each is trained */
	bool has_result;
	struct qmac_stored stored;       /* where has_result */
	bool pareto;
};

/*
 * Refuses a name of the sweep's `plot` or `pareto` that is no figure of results.csv; `use` says what it is
 * for: "x of pareto".
 */
QMAC_MUST_CHECK enum qmac_status qmac_sweep_check_figure(const struct qmac_sweep *sweep, const char *use,
                                                         const char *name, struct qmac_error *err);

/*
 * That figure of the row; NaN where it has none, for a run that diverged, and where it counts the
 * device's work and the run has done none.
 */
double qmac_sweep_figure(const struct qmac_sweep_row *row, const char *name);

/* Refuses columns that results.csv does not have; "" is no front. */
QMAC_MUST_CHECK enum qmac_status qmac_sweep_check_pareto(const struct qmac_sweep *sweep,
                                                         struct qmac_error *err);

/*
 * Marks the rows that no other row beats in one column of the front without
 * losing in the other. Left out are rows without a result, diverged ones,
 * missing figures, and host-only runs where a column counts the device's work.
 */
void qmac_sweep_mark_pareto(struct qmac_sweep_row *rows, int count, const char *x, const char *y);

/* How the run ended, in a word: "ok", "failed", or "locked" where another process writes into its folder. */
const char *qmac_sweep_outcome(const struct qmac_sweep_row *row);

/* What will be folder/results.csv, finished (report/atomic_file.h). */
QMAC_MUST_CHECK enum qmac_status qmac_sweep_write_csv(const char *folder, const struct qmac_sweep_row *rows,
                                                      int count, struct qmac_atomic_file *file,
                                                      struct qmac_error *err);

#endif
