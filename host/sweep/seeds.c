#include "sweep/seeds.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "report/atomic_file.h"
#include "report/plot.h"
#include "report/results.h"
#include "report/table.h"

/* ---- groups ------------------------------------------------------------------- */

static bool has_name(const struct qmac_seeds *seeds, const char *name)
{
	for (int k = 0; k < seeds->count; k++)
		if (strcmp(seeds->groups[k].name, name) == 0)
			return true;
	return false;
}

/* Appends the run to its group, unless the group has its seed: that is the same run once more. */
static void join(struct qmac_seeds *seeds, struct qmac_seed_group *group, const struct qmac_sweep_row *rows,
                 int number)
{
	int *end = &group->first;

	for (; *end >= 0; end = &seeds->next[*end])
		if (rows[*end].config.run.seed == rows[number].config.run.seed)
			return;
	*end = number;
	group->run_count++;
}

enum qmac_status qmac_seeds_make(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                                 struct qmac_seeds *seeds, struct qmac_error *err)
{
	bool several = false;

	memset(seeds, 0, sizeof *seeds);
	seeds->groups = calloc((size_t)sweep->run_count, sizeof *seeds->groups);
	seeds->next = calloc((size_t)sweep->run_count, sizeof *seeds->next);
	if (!seeds->groups || !seeds->next) {
		qmac_seeds_free(seeds);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	}
	for (int i = 0; i < sweep->run_count; i++) {
		const struct qmac_sweep_run *run = &sweep->runs[i];
		int k = 0;

		seeds->next[i] = -1;
		while (k < seeds->count && !qmac_sweep_agree(&sweep->runs[seeds->groups[k].first], run, "seed"))
			k++;
		if (k == seeds->count) {
			const char *name = has_name(seeds, run->group) ? run->name : run->group;

			seeds->groups[k] = (struct qmac_seed_group){.name = name, .first = -1};
			seeds->count++;
		}
		join(seeds, &seeds->groups[k], rows, i);
		several = several || seeds->groups[k].run_count > 1;
	}
	if (!several)
		seeds->count = 0;
	return QMAC_OK;
}

void qmac_seeds_free(struct qmac_seeds *seeds)
{
	free(seeds->groups);
	free(seeds->next);
	memset(seeds, 0, sizeof *seeds);
}

/* ---- statistics --------------------------------------------------------------- */

struct qmac_spread qmac_seeds_spread(const char *column, const double *values, int count)
{
	struct qmac_spread spread = {.mean = (double)NAN, .min = (double)NAN, .max = (double)NAN};
	const struct qmac_figure_kind *kind = qmac_figure_find(column);
	bool geometric = kind && kind->over_magnitudes;
	double sum = 0, min = (double)INFINITY, max = -(double)INFINITY;

	assert(count > 0);
	for (int i = 0; i < count; i++) {
		if (!isfinite(values[i]))
			continue;
		spread.count++;
		sum += geometric ? log(values[i]) : values[i];
		min = fmin(min, values[i]);
		max = fmax(max, values[i]);
	}
	if (spread.count < count)
		return spread;
	spread.min = min;
	spread.max = max;
	/* Rounded, the mean may lie beside the range: that of equal figures would not be that figure. */
	if (!geometric || min >= 0)
		spread.mean = fmin(fmax(geometric ? exp(sum / count) : sum / count, min), max);
	return spread;
}

double qmac_seeds_figure(const struct qmac_seeds *seeds, const struct qmac_seed_group *group,
                         const struct qmac_sweep_row *rows, const char *name)
{
	double *values = calloc((size_t)group->run_count, sizeof *values), mean = (double)NAN;
	int count = 0;

	for (int i = group->first; values && i >= 0; i = seeds->next[i])
		values[count++] = qmac_sweep_figure(&rows[i], name);
	if (values)
		mean = qmac_seeds_spread(name, values, count).mean;
	free(values);
	return mean;
}

/*
 * The column whose statistics are told; that of a plot of final figures may be none of metrics.csv: then it
 * is the headline of the first run that has a result.
 */
static const char *column_of(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows)
{
	const struct qmac_figure_kind *headline = NULL;

	if (qmac_words_find(qmac_metrics_columns, sweep->plot_y) >= 0)
		return sweep->plot_y;
	for (int i = 0; !headline && i < sweep->run_count; i++)
		if (rows[i].has_result)
			headline = qmac_stored_headline(&rows[i].stored);
	return headline ? headline->name : "train_loss";
}

/* The last epoch that a run of the group has come to; -1 where all failed. */
static int64_t last_epoch(const struct qmac_seeds *seeds, const struct qmac_seed_group *group,
                          const struct qmac_sweep_row *rows)
{
	double last = -1;

	for (int i = group->first; i >= 0; i = seeds->next[i]) {
		const struct qmac_csv *csv = &rows[i].stored.metrics;
		int column = rows[i].has_result ? qmac_csv_column(csv, "epoch") : -1;

		for (int64_t row = 0; column >= 0 && row < csv->rows; row++)
			last = fmax(last, csv->values[row * csv->columns + column]);
	}
	/* The bound is that of the key `epochs`, and keeps a damaged file from asking for all memory. */
	return last <= 1000000 ? (int64_t)last : -1;
}

/* One spread for each epoch from 0 to the last; free() it. NULL: no memory, or no epoch. */
static struct qmac_spread *make_spreads(const struct qmac_seeds *seeds, const struct qmac_seed_group *group,
                                        const struct qmac_sweep_row *rows, const char *name, int64_t last)
{
	size_t runs = (size_t)group->run_count, epochs = (size_t)(last + 1), number = 0;
	double *values = epochs ? malloc(epochs * runs * sizeof *values) : NULL; /* epochs x runs */
	struct qmac_spread *spreads = epochs ? calloc(epochs, sizeof *spreads) : NULL;

	for (size_t i = 0; values && i < epochs * runs; i++)
		values[i] = (double)NAN;
	for (int i = group->first; values && i >= 0; i = seeds->next[i], number++) {
		const struct qmac_csv *csv = &rows[i].stored.metrics;
		int at = rows[i].has_result ? qmac_csv_column(csv, "epoch") : -1;
		int column = at >= 0 ? qmac_csv_column(csv, name) : -1;

		for (int64_t row = 0; column >= 0 && row < csv->rows; row++) {
			const double *line = csv->values + row * csv->columns;

			if (line[at] >= 0)
				values[(size_t)line[at] * runs + number] = line[column];
		}
	}
	for (size_t epoch = 0; values && spreads && epoch < epochs; epoch++)
		spreads[epoch] = qmac_seeds_spread(name, values + epoch * runs, group->run_count);
	if (!values) {
		free(spreads);
		spreads = NULL;
	}
	free(values);
	return spreads;
}

/* ---- file and table ----------------------------------------------------------- */

static void write_real(FILE *out, double value, char end)
{
	char text[QMAC_REAL_TEXT];

	fprintf(out, "%s%c", isnan(value) ? "" : qmac_real_text(value, text), end);
}

enum qmac_status qmac_seeds_write_csv(const struct qmac_sweep *sweep, const struct qmac_seeds *seeds,
                                      const struct qmac_sweep_row *rows, const char *folder,
                                      struct qmac_atomic_file *file, struct qmac_error *err)
{
	const char *column = column_of(sweep, rows);
	enum qmac_status status = qmac_atomic_open(file, folder, "seeds.csv", err);

	if (status)
		return status;
	fprintf(file->stream, "name,epoch,seeds,%s_mean,%s_min,%s_max\n", column, column, column);
	for (int k = 0; k < seeds->count; k++) {
		const struct qmac_seed_group *group = &seeds->groups[k];
		int64_t last = last_epoch(seeds, group, rows);
		struct qmac_spread *spreads = make_spreads(seeds, group, rows, column, last);

		if (!spreads && last >= 0)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory");
		for (int64_t epoch = 0; epoch <= last; epoch++) {
			qmac_csv_write_text(file->stream, group->name);
			fprintf(file->stream, ",%lld,%d,", (long long)epoch, spreads[epoch].count);
			write_real(file->stream, spreads[epoch].mean, ',');
			write_real(file->stream, spreads[epoch].min, ',');
			write_real(file->stream, spreads[epoch].max, '\n');
		}
		free(spreads);
	}
	return qmac_atomic_finish(file, NULL, err);
}

/* spread NULL: the group has not come to that epoch. */
static void add_cell(struct qmac_table *table, const struct qmac_spread *spread, int run_count)
{
	if (!spread || !spread->count)
		qmac_table_add(table, "-");
	else if (spread->count < run_count)
		qmac_table_add(table, "%d of %d", spread->count, run_count);
	else if (run_count == 1)
		qmac_table_add(table, "%.3g", spread->min);
	else if (isnan(spread->mean))
		qmac_table_add(table, "- [%.3g .. %.3g]", spread->min, spread->max);
	else
		qmac_table_add(table, "%.3g [%.3g .. %.3g]", spread->mean, spread->min, spread->max);
}

void qmac_seeds_print(const struct qmac_sweep *sweep, const struct qmac_seeds *seeds,
                      const struct qmac_sweep_row *rows, FILE *out)
{
	int epochs[QMAC_COMPARISON_EPOCHS], epoch_count;
	const char *column = column_of(sweep, rows);
	struct qmac_table *table;
	int64_t longest = 0;

	for (int k = 0; k < seeds->count; k++) {
		int64_t last = last_epoch(seeds, &seeds->groups[k], rows);

		longest = last > longest ? last : longest;
	}
	epoch_count = qmac_comparison_epochs((double)longest, epochs);
	table = qmac_table_create(epoch_count + 3);
	if (!table)
		return;
	qmac_table_add(table, "%s over seeds at epoch", column);
	for (int i = 0; i < epoch_count; i++)
		qmac_table_add(table, "%d", epochs[i]);
	qmac_table_add(table, "last");
	qmac_table_add(table, "seeds");
	for (int k = 0; k < seeds->count; k++) {
		const struct qmac_seed_group *group = &seeds->groups[k];
		int runs = group->run_count;
		int64_t last = last_epoch(seeds, group, rows);
		struct qmac_spread *spreads = make_spreads(seeds, group, rows, column, last);

		qmac_table_add(table, "%s", group->name);
		for (int i = 0; i < epoch_count; i++)
			add_cell(table, spreads && epochs[i] <= last ? &spreads[epochs[i]] : NULL, runs);
		add_cell(table, spreads ? &spreads[last] : NULL, runs);
		qmac_table_add(table, "%d", runs);
		free(spreads);
	}
	fputc('\n', out);
	qmac_table_print(table, out);
	qmac_table_destroy(table);
}

/* ---- plot --------------------------------------------------------------------- */

/* Means of x and y by turns, one pair for each epoch; NULL: no memory, or no epoch. */
static double *make_points(const struct qmac_sweep *sweep, const struct qmac_seeds *seeds,
                           const struct qmac_seed_group *group, const struct qmac_sweep_row *rows,
                           int64_t last)
{
	struct qmac_spread *x = make_spreads(seeds, group, rows, sweep->plot_x, last);
	struct qmac_spread *y = make_spreads(seeds, group, rows, sweep->plot_y, last);
	double *points = x && y ? malloc((size_t)(last + 1) * 2 * sizeof *points) : NULL;

	for (int64_t epoch = 0; points && epoch <= last; epoch++) {
		points[2 * epoch] = x[epoch].mean;
		points[2 * epoch + 1] = y[epoch].mean;
	}
	free(x);
	free(y);
	return points;
}

void qmac_seeds_plot(const struct qmac_sweep *sweep, const struct qmac_seeds *seeds,
                     const struct qmac_sweep_row *rows, const char *folder,
                     char *warning, size_t warning_size)
{
	struct qmac_series *series = calloc((size_t)seeds->count, sizeof *series);
	double **points = calloc((size_t)seeds->count, sizeof *points);
	struct qmac_plot picture = {
		.x = sweep->plot_x, .y = sweep->plot_y, .log_y = true, .series = series,
	};

	for (int k = 0; series && points && k < seeds->count; k++) {
		const struct qmac_seed_group *group = &seeds->groups[k];
		int64_t last = last_epoch(seeds, group, rows);

		points[k] = make_points(sweep, seeds, group, rows, last);
		if (points[k])
			series[picture.series_count++] = (struct qmac_series){
				.title = group->name, .points = points[k], .point_count = last + 1,
			};
	}
	if (picture.series_count)
		qmac_plot_write(&picture, folder, "sweep.svg", warning, warning_size);
	for (int k = 0; points && k < seeds->count; k++)
		free(points[k]);
	free(points);
	free(series);
}
