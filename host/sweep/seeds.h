/*
 * Statistics over seeds: mean, smallest and largest figure of the runs of a sweep that agree in
 * all settings but `seed`.
 *
 * The mean is geometric for figures that fall by orders of magnitude, and arithmetic for everything
 * else. There are figures only where every run of the group has one and it is finite: a run that
 * failed or diverged leaves a gap, not a better mean.
 */
#ifndef QMAC_SWEEP_SEEDS_H
#define QMAC_SWEEP_SEEDS_H

#include <stdio.h>

#include "sweep/row.h"

/* Runs that differ in the seed alone, at least one; no seed counts twice. */
struct qmac_seed_group {
	const char *name; /* that of its first run without the seed; where an earlier group has it, with it */
	int first;        /* number of its first run; the others: qmac_seeds.next */
	int run_count;
};

struct qmac_seeds {
	struct qmac_seed_group *groups; /* in the order of the sweep file */
	int count;                      /* 0 where no group has two runs: then there is nothing to tell */
	int *next;                      /* of a run the next one of its group, -1 behind the last */
};

/* What the runs of a group have at one place. */
struct qmac_spread {
	int count;             /* of finite figures */
	double mean, min, max; /* NaN unless all figures are finite; a geometric mean also if one is negative */
};

/* Finds the groups. rows: with name and configuration; the names stay those of sweep. */
QMAC_MUST_CHECK enum qmac_status qmac_seeds_make(const struct qmac_sweep *sweep,
                                                 const struct qmac_sweep_row *rows,
                                                 struct qmac_seeds *seeds, struct qmac_error *err);
void qmac_seeds_free(struct qmac_seeds *seeds);

/* Of count > 0 values of that column, which decides about the kind of mean; NaN: there is no figure. */
struct qmac_spread qmac_seeds_spread(const char *column, const double *values, int count);

/* The mean of a figure of results.csv (qmac_sweep_figure) over the group; NaN where there is none. */
double qmac_seeds_figure(const struct qmac_seeds *seeds, const struct qmac_seed_group *group,
                         const struct qmac_sweep_row *rows, const char *name);

/* What will be folder/seeds.csv, finished: one row for each group and epoch (docs/results.md). */
QMAC_MUST_CHECK enum qmac_status qmac_seeds_write_csv(const struct qmac_sweep *sweep,
                                                      const struct qmac_seeds *seeds,
                                                      const struct qmac_sweep_row *rows,
                                                      const char *folder, struct qmac_atomic_file *file,
                                                      struct qmac_error *err);

/*
 * A row for each group, a column for each epoch that qmac_comparison_print shows: "mean [min .. max]",
 * of one run its figure; "2 of 3" where only so many runs have one, "-" where none has.
 */
void qmac_seeds_print(const struct qmac_sweep *sweep, const struct qmac_seeds *seeds,
                      const struct qmac_sweep_row *rows, FILE *out);

/* folder/sweep.svg for a column of metrics.csv as x: the means of each group; a warning where it fails. */
void qmac_seeds_plot(const struct qmac_sweep *sweep, const struct qmac_seeds *seeds,
                     const struct qmac_sweep_row *rows, const char *folder,
                     char *warning, size_t warning_size);

#endif
