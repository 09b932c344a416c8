#include "sweep/findings.h"

#include <stdlib.h>

#include "report/plot.h"
#include "sweep/curve.h"
#include "sweep/seeds.h"

enum qmac_status qmac_sweep_read_goal(const struct qmac_sweep *sweep, struct qmac_goal *goal,
                                      struct qmac_error *err)
{
	goal->count = 0;
	if (!sweep->goal[0] || qmac_goal_read(sweep->goal, goal, err) == QMAC_OK)
		return QMAC_OK;
	return qmac_sweep_blame(sweep, sweep->goal, err);
}

static void plot(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows, const char *folder,
                 char *warning, size_t warning_size)
{
	struct qmac_series *series = calloc((size_t)sweep->run_count, sizeof *series);
	struct qmac_plot picture = {
		.x = sweep->plot_x, .y = sweep->plot_y, .log_y = true, .series = series,
	};

	for (int i = 0; series && i < sweep->run_count; i++)
		if (rows[i].has_result)
			series[picture.series_count++] = (struct qmac_series){.title = rows[i].name,
			                                                      .file = rows[i].stored.metrics_path};
	if (picture.series_count)
		qmac_plot_write(&picture, folder, "sweep.svg", warning, warning_size);
	free(series);
}

/* The rows as a report has them: free(). NULL: no memory. */
static struct qmac_comparison *make_lines(const struct qmac_sweep_row *rows, int count)
{
	struct qmac_comparison *lines = calloc((size_t)count, sizeof *lines);

	for (int i = 0; lines && i < count; i++) {
		const struct qmac_sweep_row *row = &rows[i];

		lines[i].name = row->name;
		lines[i].stored = row->has_result ? &row->stored : NULL;
		lines[i].note = row->answer.result.diverged ? "diverged"
		                : row->answer.status ? qmac_sweep_outcome(row) : row->pareto ? "pareto" : "";
	}
	return lines;
}

/* What all runs together tell. */
struct findings {
	const struct qmac_sweep *sweep;
	const struct qmac_sweep_row *rows;
	struct qmac_comparison *lines;    /* of the rows */
	struct qmac_goal goal;            /* without values: there is none */
	struct qmac_seeds seeds;
	struct qmac_curve_point *points;  /* where qmac_curve_is_wanted() */
	int point_count;
};

static enum qmac_status find(struct findings *found, struct qmac_error *err)
{
	const struct qmac_sweep *sweep = found->sweep;
	enum qmac_status status = qmac_seeds_make(sweep, found->rows, &found->seeds, err);

	if (!status)
		status = qmac_sweep_read_goal(sweep, &found->goal, err);
	if (status)
		return status;
	if (qmac_curve_is_wanted(sweep))
		found->point_count = qmac_curve_make(sweep, found->rows, &found->seeds, &found->points);
	found->lines = make_lines(found->rows, sweep->run_count);
	return found->lines ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory");
}

/* The tables of all runs together: first all are on the disk, then each gets its name, results.csv last. */
static enum qmac_status write_tables(const struct findings *found, const char *folder, struct qmac_error *err)
{
	enum { SEEDS, CURVE, GOALS, RESULTS, TABLES };
	const struct qmac_sweep *sweep = found->sweep;
	struct qmac_atomic_file files[TABLES] = {{.stream = NULL}};
	enum qmac_status status = qmac_sweep_write_csv(folder, found->rows, sweep->run_count, &files[RESULTS],
	                                               err);

	if (!status && found->seeds.count)
		status = qmac_seeds_write_csv(sweep, &found->seeds, found->rows, folder, &files[SEEDS], err);
	if (!status && qmac_curve_is_wanted(sweep))
		status = qmac_curve_write_csv(sweep, found->points, found->point_count, folder, &files[CURVE], err);
	if (!status && found->goal.count)
		status = qmac_goal_write_csv(&found->goal, found->lines, sweep->run_count, folder, &files[GOALS],
		                             err);
	for (int i = 0; !status && i < TABLES; i++)
		if (files[i].stream)
			status = qmac_atomic_place(&files[i], err);
	for (int i = 0; i < TABLES; i++)
		qmac_atomic_abandon(&files[i]);
	return status ? status : qmac_folder_sync(folder, err);
}

static void print_tables(const struct findings *found, FILE *out)
{
	const struct qmac_sweep *sweep = found->sweep;

	qmac_comparison_print(found->lines, sweep->run_count, out);
	if (found->seeds.count)
		qmac_seeds_print(sweep, &found->seeds, found->rows, out);
	if (qmac_curve_is_wanted(sweep))
		qmac_curve_print(sweep, found->points, found->point_count, out);
	qmac_goal_print(&found->goal, found->lines, sweep->run_count, out);
}

static void draw(const struct findings *found, const char *folder, char *warning, size_t warning_size)
{
	const struct qmac_sweep *sweep = found->sweep;

	if (qmac_curve_is_wanted(sweep))
		qmac_curve_plot(sweep, found->points, found->point_count, folder, warning, warning_size);
	else if (sweep->plot_x[0] && sweep->plot_y[0] && found->seeds.count)
		qmac_seeds_plot(sweep, &found->seeds, found->rows, folder, warning, warning_size);
	else if (sweep->plot_x[0] && sweep->plot_y[0])
		plot(sweep, found->rows, folder, warning, warning_size);
}

enum qmac_status qmac_sweep_conclude(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                                     const struct qmac_sweep_options *options, char *warning,
                                     size_t warning_size, struct qmac_error *err)
{
	struct findings found = {.sweep = sweep, .rows = rows};
	enum qmac_status status = find(&found, err);

	if (!status)
		status = write_tables(&found, options->folder, err);
	if (!status)
		draw(&found, options->folder, warning, warning_size);
	if (!status && options->table)
		print_tables(&found, options->table);
	free(found.lines);
	free(found.points);
	qmac_seeds_free(&found.seeds);
	return status;
}
