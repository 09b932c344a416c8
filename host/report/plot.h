/*
 * Line plots as SVG, drawn by gnuplot in a process of its own. A plot is an
 * extra: where gnuplot is missing or fails, the caller gets a text to show.
 */
#ifndef QMAC_REPORT_PLOT_H
#define QMAC_REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "report/atomic_file.h"

/* One line of the plot: two columns of a metrics.csv, or points. */
struct qmac_series {
	const char *title;
	const char *file;         /* NULL: points */
	const double *points;     /* x and y by turns */
	int64_t point_count;
};

struct qmac_plot {
	const char *title; /* NULL: the name of the folder */
	const char *x, *y; /* columns, and names of the axes */
	bool log_x, log_y; /* what is 0 or less is then marked at the edge */
	bool marks;        /* also of files: each point has a mark, where they are few */
	const struct qmac_series *series;
	int series_count;
};

/*
 * Writes a plot as a part of a script for gnuplot, all but where its key is; false with a warning where there
 * is nothing to draw.
 */
bool qmac_plot_panel(FILE *out, const struct qmac_plot *plot, const char *folder, char *warning,
                     size_t warning_size);

/*
 * Draws what will be folder/name. Returns true where the picture is finished, and waits to be placed or
 * abandoned (report/atomic_file.h); else false, and warning says why.
 */
bool qmac_plot_draw(const struct qmac_plot *plot, const char *folder, const char *name,
                    struct qmac_atomic_file *picture, char *warning, size_t warning_size);

/*
 * Writes folder/name. Returns true where the file is there; else false, and
 * warning says why. No plot is left half written.
 */
bool qmac_plot_write(const struct qmac_plot *plot, const char *folder, const char *name,
                     char *warning, size_t warning_size);

#endif
