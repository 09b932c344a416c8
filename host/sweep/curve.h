/*
 * The final figures of a sweep's runs against a setting: `plot` with the name of a
 * numeric key as x. Runs that agree in all other settings make up a line; of those
 * that differ in the key `best` alone, the one with the smallest figure counts. Where the
 * runs of a group differ in their seeds (sweep/seeds.h), the group has one figure, the mean.
 */
#ifndef QMAC_SWEEP_CURVE_H
#define QMAC_SWEEP_CURVE_H

#include <stdio.h>

#include "sweep/row.h"
#include "sweep/seeds.h"

/* Is the x of plot a key of run files? A column of metrics.csv has precedence. */
bool qmac_curve_is_wanted(const struct qmac_sweep *sweep);

/* Refuses a y that is no figure of results.csv, and a `best` that is no numeric key. */
QMAC_MUST_CHECK enum qmac_status qmac_curve_check(const struct qmac_sweep *sweep, struct qmac_error *err);

/* A point of a line. Points are in order of lines, and within a line of x. */
struct qmac_curve_point {
	int line;          /* from 0, in the order of the sweep file */
	char title[128];   /* of the line: the settings that vary among the runs, without x and best */
	double x, y, best; /* best: NaN where there is no such key */
	const char *name;  /* of the run, or of the group; belongs to the sweep */
	int row;           /* of a group: its first */
};

/*
 * Runs without a figure, and diverged ones, have no point, nor has a group with one of them. Groups do
 * not count where x or best is the seed. *points: free(). NULL: no memory, or none.
 */
int qmac_curve_make(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                    const struct qmac_seeds *seeds, struct qmac_curve_point **points);

/* What will be folder/curve.csv, finished: one row for each point (docs/results.md). */
QMAC_MUST_CHECK enum qmac_status qmac_curve_write_csv(const struct qmac_sweep *sweep,
                                                      const struct qmac_curve_point *points, int count,
                                                      const char *folder, struct qmac_atomic_file *file,
                                                      struct qmac_error *err);

/* A row for each line, a column for each x; behind a figure the value of `best`. */
void qmac_curve_print(const struct qmac_sweep *sweep, const struct qmac_curve_point *points, int count,
                      FILE *out);

/* folder/sweep.svg, both axes logarithmic; a warning where it cannot be drawn. */
void qmac_curve_plot(const struct qmac_sweep *sweep, const struct qmac_curve_point *points, int count,
                     const char *folder, char *warning, size_t warning_size);

#endif
