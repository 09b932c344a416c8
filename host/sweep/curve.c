#include "sweep/curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "report/atomic_file.h"
#include "report/plot.h"
#include "report/results.h"
#include "report/table.h"

bool qmac_curve_is_wanted(const struct qmac_sweep *sweep)
{
	return sweep->plot_x[0] && qmac_words_find(qmac_metrics_columns, sweep->plot_x) < 0
	       && qmac_run_has_number(sweep->plot_x);
}

enum qmac_status qmac_curve_check(const struct qmac_sweep *sweep, struct qmac_error *err)
{
	if (sweep->plot_best[0] && !qmac_run_has_number(sweep->plot_best)) {
		(void)qmac_fail(err, QMAC_BAD_INPUT, "best of plot: '%s' is no key with a number", sweep->plot_best);
		return qmac_sweep_blame(sweep, sweep->plot_best, err);
	}
	return qmac_sweep_check_figure(sweep, "y of plot", sweep->plot_y, err);
}

/* ---- lines -------------------------------------------------------------------- */

/* "halp-8": what varies among the runs, apart from x, best and the key `but`. */
static void make_title(const struct qmac_sweep *sweep, int number, const char *but, char title[128])
{
	const struct qmac_sweep_run *run = &sweep->runs[number];

	title[0] = 0;
	for (int i = 0; i < run->setting_count; i++) {
		const struct qmac_setting *s = &run->settings[i];
		size_t used = strlen(title);

		if (strcmp(s->key, sweep->plot_x) != 0 && strcmp(s->key, sweep->plot_best) != 0
		    && strcmp(s->key, but) != 0 && qmac_sweep_find(run, s->key) == s && qmac_sweep_varies(sweep, s))
			snprintf(title + used, 128 - used, "%s%s", used ? "-" : "", s->value);
	}
	if (!title[0])
		strcpy(title, sweep->plot_y);
}

static int compare(const void *a, const void *b)
{
	const struct qmac_curve_point *left = a, *right = b;

	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return (left->x > right->x) - (left->x < right->x);
}

int qmac_curve_make(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                    const struct qmac_seeds *seeds, struct qmac_curve_point **points)
{
	struct qmac_curve_point *made = calloc((size_t)sweep->run_count, sizeof *made);
	/* A point for each group, unless the seed itself is an axis. */
	bool grouped = seeds->count && strcmp(sweep->plot_x, "seed") != 0
	               && strcmp(sweep->plot_best, "seed") != 0;
	int count = 0, lines = 0, total = grouped ? seeds->count : sweep->run_count;

	*points = made;
	for (int n = 0; made && n < total; n++) {
		const struct qmac_seed_group *group = grouped ? &seeds->groups[n] : NULL;
		int i = group ? group->first : n, place = count;
		struct qmac_curve_point point = {.line = lines, .row = i, .best = (double)NAN};
		const struct qmac_run *run = &rows[i].config.run;

		point.name = group ? group->name : rows[i].name;
		point.x = qmac_run_number(run, sweep->plot_x);
		point.y = group ? qmac_seeds_figure(seeds, group, rows, sweep->plot_y)
		          : qmac_sweep_figure(&rows[i], sweep->plot_y);
		if (sweep->plot_best[0] && !qmac_run_ignores(run, sweep->plot_best))
			point.best = qmac_run_number(run, sweep->plot_best);
		if (!isfinite(point.y))
			continue;
		make_title(sweep, i, group ? "seed" : "", point.title);
		for (int k = 0; k < count; k++) {
			if (strcmp(made[k].title, point.title) != 0)
				continue;
			point.line = made[k].line;
			if (sweep->plot_best[0] && made[k].x == point.x)
				place = k;
		}
		lines += point.line == lines;
		if (place == count || point.y < made[place].y)
			made[place] = point;
		count += place == count;
	}
	if (made)
		qsort(made, (size_t)count, sizeof *made, compare);
	return count;
}

/* ---- files -------------------------------------------------------------------- */

enum qmac_status qmac_curve_write_csv(const struct qmac_sweep *sweep, const struct qmac_curve_point *points,
                                      int count, const char *folder, struct qmac_atomic_file *file,
                                      struct qmac_error *err)
{
	enum qmac_status status = qmac_atomic_open(file, folder, "curve.csv", err);
	char text[QMAC_REAL_TEXT];

	if (status)
		return status;
	fprintf(file->stream, "line,%s%s%s,%s,name\n", sweep->plot_x, sweep->plot_best[0] ? "," : "",
	        sweep->plot_best, sweep->plot_y);
	for (int i = 0; i < count; i++) {
		qmac_csv_write_text(file->stream, points[i].title);
		fprintf(file->stream, ",%s,", qmac_real_text(points[i].x, text));
		if (sweep->plot_best[0])
			fprintf(file->stream, "%s,", isnan(points[i].best) ? "" : qmac_real_text(points[i].best, text));
		fprintf(file->stream, "%s,", qmac_real_text(points[i].y, text));
		qmac_csv_write_text(file->stream, points[i].name);
		fputc('\n', file->stream);
	}
	return qmac_atomic_finish(file, NULL, err);
}

/* All x in rising order, each once; returns how many. */
static int list_x(const struct qmac_curve_point *points, int count, double *x)
{
	int used = 0;

	for (int i = 0; i < count; i++) {
		int at = 0;

		while (at < used && x[at] < points[i].x)
			at++;
		if (at < used && x[at] == points[i].x)
			continue;
		memmove(x + at + 1, x + at, (size_t)(used - at) * sizeof x[0]);
		x[at] = points[i].x;
		used++;
	}
	return used;
}

/* The cell of a line at x, empty where it has no point there. */
static void add_cell(struct qmac_table *table, const struct qmac_curve_point *points, int count, int line,
                     double x)
{
	for (int i = 0; i < count; i++) {
		if (points[i].line != line || points[i].x != x)
			continue;
		if (isnan(points[i].best))
			qmac_table_add(table, "%.3g", points[i].y);
		else
			qmac_table_add(table, "%.3g (%g)", points[i].y, points[i].best);
		return;
	}
	qmac_table_add(table, "-");
}

void qmac_curve_print(const struct qmac_sweep *sweep, const struct qmac_curve_point *points, int count,
                      FILE *out)
{
	double *x = calloc((size_t)count + 1, sizeof *x);
	int columns = x ? list_x(points, count, x) : 0;
	struct qmac_table *table = columns ? qmac_table_create(columns + 1) : NULL;

	if (table) {
		fputc('\n', out);
		qmac_table_add(table, "%s at %s%s%s%s", sweep->plot_y, sweep->plot_x,
		               sweep->plot_best[0] ? " (best " : "", sweep->plot_best,
		               sweep->plot_best[0] ? ")" : "");
		for (int k = 0; k < columns; k++)
			qmac_table_add(table, "%g", x[k]);
		for (int i = 0; i < count; i++) {
			if (i && points[i].line == points[i - 1].line)
				continue;
			qmac_table_add(table, "%s", points[i].title);
			for (int k = 0; k < columns; k++)
				add_cell(table, points, count, points[i].line, x[k]);
		}
		qmac_table_print(table, out);
		qmac_table_destroy(table);
	}
	free(x);
}

void qmac_curve_plot(const struct qmac_sweep *sweep, const struct qmac_curve_point *points, int count,
                     const char *folder, char *warning, size_t warning_size)
{
	struct qmac_series *series = calloc((size_t)count + 1, sizeof *series);
	double *pairs = calloc((size_t)count + 1, 2 * sizeof *pairs);
	struct qmac_plot picture = {
		.x = sweep->plot_x, .y = sweep->plot_y, .log_x = true, .log_y = true, .series = series,
	};

	for (int i = 0; series && pairs && i < count; i++) {
		pairs[2 * i] = points[i].x;
		pairs[2 * i + 1] = points[i].y;
		if (i == 0 || points[i].line != points[i - 1].line)
			series[picture.series_count++] = (struct qmac_series){.title = points[i].title,
			                                                      .points = pairs + 2 * i};
		series[picture.series_count - 1].point_count++;
	}
	if (picture.series_count)
		qmac_plot_write(&picture, folder, "sweep.svg", warning, warning_size);
	free(series);
	free(pairs);
}
