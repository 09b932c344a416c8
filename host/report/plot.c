#include "report/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/atomic_file.h"
#include "report/csv.h"
#include "report/json.h"
#include "report/picture.h"

enum { WIDTH = 860, HEIGHT = 520 };
enum { MARKS_MAX = 25 /* points of a series that are marked; more would run together */ };

/* What is drawn of a series: x and y by turns, all finite. */
struct points {
	double *values;
	int64_t count;
};

/*
 * A logarithmic axis has no place for 0, where a figure arrives that converged exactly: it is drawn at the
 * edge, a decade below the smallest number there is.
 */
struct axis {
	bool is_log, has_edge; /* has_edge: some value is drawn there */
	double edge;
};

struct drawing {
	const struct qmac_plot *plot;
	struct points *points; /* by series */
	struct axis axis[2];   /* x, y */
};

/* ---- points ----------------------------------------------------------------------- */

static void add_point(struct points *points, double x, double y)
{
	if (!isfinite(x) || !isfinite(y))
		return;
	points->values[2 * points->count] = x;
	points->values[2 * points->count + 1] = y;
	points->count++;
}

static bool refuse_memory(char *warning, size_t warning_size)
{
	snprintf(warning, warning_size, "no plot: out of memory");
	return false;
}

static bool take_columns(const struct qmac_plot *plot, const struct qmac_csv *csv, struct points *points)
{
	int x_column = qmac_csv_column(csv, plot->x), y_column = qmac_csv_column(csv, plot->y);

	points->values = calloc((size_t)csv->rows + 1, 2 * sizeof(double));
	for (int64_t row = 0; points->values && x_column >= 0 && y_column >= 0 && row < csv->rows; row++) {
		const double *values = csv->values + row * csv->columns;

		add_point(points, values[x_column], values[y_column]);
	}
	return points->values != NULL;
}

/* False with a warning where the file of a series cannot be read. */
static bool take_series(const struct qmac_plot *plot, const struct qmac_series *series, struct points *points,
                        char *warning, size_t warning_size)
{
	struct qmac_error err;
	struct qmac_csv csv;
	bool taken;

	if (series->file) {
		if (qmac_csv_read(series->file, &csv, &err)) {
			snprintf(warning, warning_size, "no plot: %s", err.message);
			return false;
		}
		taken = take_columns(plot, &csv, points);
		qmac_csv_free(&csv);
		return taken || refuse_memory(warning, warning_size);
	}
	points->values = calloc((size_t)series->point_count + 1, 2 * sizeof(double));
	if (!points->values)
		return refuse_memory(warning, warning_size);
	for (int64_t i = 0; i < series->point_count; i++)
		add_point(points, series->points[2 * i], series->points[2 * i + 1]);
	return true;
}

static void find_edge(struct drawing *drawing, int which, bool is_log)
{
	struct axis *axis = &drawing->axis[which];
	double smallest = INFINITY;

	axis->is_log = is_log;
	for (int s = 0; is_log && s < drawing->plot->series_count; s++)
		for (int64_t i = 0; i < drawing->points[s].count; i++) {
			double value = drawing->points[s].values[2 * i + which];

			if (value <= 0)
				axis->has_edge = true;
			else if (value < smallest)
				smallest = value;
		}
	if (!isfinite(smallest))
		smallest = 1;
	axis->edge = pow(10, floor(log10(smallest)) - 1);
	if (!(axis->edge > 0))
		axis->edge = smallest;
}

/* Takes all points; *count becomes how many there are. */
static bool take_points(struct drawing *drawing, int64_t *count, char *warning, size_t warning_size)
{
	const struct qmac_plot *plot = drawing->plot;

	*count = 0;
	drawing->points = calloc((size_t)plot->series_count + 1, sizeof *drawing->points);
	if (!drawing->points)
		return refuse_memory(warning, warning_size);
	for (int i = 0; i < plot->series_count; i++) {
		if (!take_series(plot, &plot->series[i], &drawing->points[i], warning, warning_size))
			return false;
		*count += drawing->points[i].count;
	}
	find_edge(drawing, 0, plot->log_x);
	find_edge(drawing, 1, plot->log_y);
	return true;
}

static void free_points(struct drawing *drawing)
{
	for (int i = 0; drawing->points && i < drawing->plot->series_count; i++)
		free(drawing->points[i].values);
	free(drawing->points);
}

/* ---- the script -------------------------------------------------------------------- */

/* Where the value is drawn; *at_edge: not where it is. */
static double placed(const struct axis *axis, double value, bool *at_edge)
{
	if (!axis->is_log || value > 0)
		return value;
	*at_edge = true;
	return axis->edge;
}

/* The points of a series; edge_only: those that are drawn at an edge. Returns how many. */
static int64_t write_points(FILE *out, const struct drawing *drawing, int series, bool edge_only)
{
	const struct points *points = &drawing->points[series];
	int64_t written = 0;

	for (int64_t i = 0; i < points->count; i++) {
		char x_text[QMAC_REAL_TEXT], y_text[QMAC_REAL_TEXT];
		bool at_edge = false;
		double x = placed(&drawing->axis[0], points->values[2 * i], &at_edge);
		double y = placed(&drawing->axis[1], points->values[2 * i + 1], &at_edge);

		if (edge_only && !at_edge)
			continue;
		fprintf(out, "%s %s\n", qmac_real_text(x, x_text), qmac_real_text(y, y_text));
		written++;
	}
	return written;
}

static const char *last_part(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash && slash[1] ? slash + 1 : folder;
}

static void write_range(FILE *out, const char *name, const struct axis *axis)
{
	char text[QMAC_REAL_TEXT];

	if (axis->has_edge)
		fprintf(out, "set %srange [%s:*]\n", name, qmac_real_text(axis->edge, text));
}

static void write_frame(FILE *out, const struct drawing *drawing, const char *folder)
{
	const struct qmac_plot *plot = drawing->plot;

	fputs("set grid lc rgb '#dddddd'\nset title ", out);
	qmac_picture_quote(out, plot->title ? plot->title : last_part(folder));
	fputs("\nset xlabel ", out);
	qmac_picture_quote(out, plot->x);
	fputs("\nset ylabel ", out);
	qmac_picture_quote(out, plot->y);
	fputs(plot->log_x ? "\nset logscale x\n" : "\n", out);
	fputs(plot->log_y ? "set logscale y\nset format y '1e%T'\n" : "", out);
	write_range(out, "x", &drawing->axis[0]);
	write_range(out, "y", &drawing->axis[1]);
}

/* Data blocks: $d0, $d1, ... of the series, $edge of what all of them have there. */
static void write_data(FILE *out, const struct drawing *drawing)
{
	int count = drawing->plot->series_count;

	for (int i = 0; i < count; i++) {
		fprintf(out, "$d%d << EOD\n", i);
		/* gnuplot takes an empty block for an error: such a series keeps its place in the key only. */
		fputs(write_points(out, drawing, i, false) ? "EOD\n" : "0 NaN\nEOD\n", out);
	}
	if (!drawing->axis[0].has_edge && !drawing->axis[1].has_edge)
		return;
	fputs("$edge << EOD\n", out);
	for (int i = 0; i < count; i++)
		write_points(out, drawing, i, true);
	fputs("EOD\n", out);
}

static void write_lines(FILE *out, const struct drawing *drawing)
{
	const struct qmac_plot *plot = drawing->plot;

	for (int i = 0; i < plot->series_count; i++) {
		const struct qmac_series *series = &plot->series[i];
		bool marks = (!series->file || plot->marks) && drawing->points[i].count <= MARKS_MAX;

		fprintf(out, "%s $d%d using 1:2 with %s lw 2 lt %d dt %d title ", i ? "," : "plot", i,
		        marks ? "linespoints" : "lines", i % 8 + 1, i / 8 + 1);
		qmac_picture_quote(out, series->title);
	}
	if (drawing->axis[0].has_edge || drawing->axis[1].has_edge)
		fputs(", $edge using 1:2 with points pt 11 lc rgb 'black' title '0 or less, at the edge'", out);
	fputs("\n", out);
}

bool qmac_plot_panel(FILE *out, const struct qmac_plot *plot, const char *folder, char *warning,
                     size_t warning_size)
{
	struct drawing drawing = {.plot = plot};
	int64_t count;
	bool taken = take_points(&drawing, &count, warning, warning_size);

	if (taken && !count) {
		snprintf(warning, warning_size, "no plot: there is no finite %s to draw", plot->y);
		taken = false;
	}
	if (taken) {
		write_frame(out, &drawing, folder);
		write_data(out, &drawing);
		write_lines(out, &drawing);
	}
	free_points(&drawing);
	return taken;
}

struct script {
	const struct qmac_plot *plot;
	const char *folder;
};

static bool write_script(FILE *out, const void *of, char *warning, size_t warning_size)
{
	const struct script *script = of;

	qmac_picture_begin(out, WIDTH, HEIGHT);
	fputs("set key outside right top\n", out);
	return qmac_plot_panel(out, script->plot, script->folder, warning, warning_size);
}

bool qmac_plot_draw(const struct qmac_plot *plot, const char *folder, const char *name,
                    struct qmac_atomic_file *picture, char *warning, size_t warning_size)
{
	const struct script script = {plot, folder};

	return qmac_picture_draw(write_script, &script, folder, name, picture, warning, warning_size);
}

bool qmac_plot_write(const struct qmac_plot *plot, const char *folder, const char *name,
                     char *warning, size_t warning_size)
{
	const struct script script = {plot, folder};

	return qmac_picture_write(write_script, &script, folder, name, warning, warning_size);
}
