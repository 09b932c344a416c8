#include "report/goal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "config/text.h"
#include "report/table.h"

/* ---- what is asked for ------------------------------------------------------------------------ */

static enum qmac_status read_figure(const char *name, struct qmac_goal *goal, struct qmac_error *err)
{
	char words[256] = "";

	goal->figure = qmac_figure_find(name);
	if (goal->figure)
		return QMAC_OK;
	for (int i = 0; i < QMAC_FIGURES; i++)
		snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", i ? "|" : "",
		         qmac_figure_kinds[i].name);
	return qmac_text_unknown("figure", name, words, err);
}

enum qmac_status qmac_goal_read(const char *text, struct qmac_goal *goal, struct qmac_error *err)
{
	size_t length = strcspn(text, "=");
	enum qmac_status status;
	char word[64];

	*goal = (struct qmac_goal){.count = 0};
	if (!text[length])
		return qmac_fail(err, QMAC_BAD_INPUT, "a goal is FIGURE=VALUE[,VALUE]..., such as"
		                 " test_accuracy=0.97,0.98, not '%.60s'", text);
	snprintf(word, sizeof word, "%.*s", (int)length, text);
	status = read_figure(word, goal, err);
	while (!status && text[length]) {
		text += length + 1;
		text += strspn(text, " ");
		length = strcspn(text, ",");
		snprintf(word, sizeof word, "%.*s", (int)length, text);
		if (goal->count == QMAC_GOAL_VALUES)
			return qmac_fail(err, QMAC_BAD_INPUT, "a goal has at most %d values", QMAC_GOAL_VALUES);
		status = qmac_text_real(word, &goal->values[goal->count++], err);
	}
	return status;
}

/* ---- what it took ----------------------------------------------------------------------------- */

/* NaN where there is no such column. */
static double field(const struct qmac_csv *csv, int64_t row, const char *name)
{
	int column = qmac_csv_column(csv, name);

	return column < 0 ? (double)NAN : csv->values[row * csv->columns + column];
}

static bool is_reached(const struct qmac_figure_kind *figure, double value, double goal)
{
	return figure->over_magnitudes ? value <= goal : value >= goal;
}

/* Of a network in float32, a figure of its summary by what was done until a row, by the costs in 32 bits. */
static double wide(const struct qmac_stored *stored, int64_t row, const char *training,
                   const char *inference)
{
	const struct qmac_json *summary = stored->summary;
	double steps = field(&stored->metrics, row, "step") / qmac_json_real(summary, "steps"), tests = 0;

	for (int64_t i = 0; i <= row; i++)
		tests += !isnan(field(&stored->metrics, i, "test_accuracy"));
	return qmac_json_real(summary, training) * steps +
	       qmac_json_real(summary, inference) * qmac_json_real(summary, "speedup.device.inferences") * tests;
}

static struct qmac_goal_cost cost_of(const struct qmac_stored *stored, int64_t row)
{
	const struct qmac_csv *csv = &stored->metrics;
	struct qmac_goal_cost cost = {
		.epoch = (int64_t)field(csv, row, "epoch"), .cycles = field(csv, row, "cycles"),
		.joules = {.low = field(csv, row, "energy_low_j"), .nominal = field(csv, row, "energy_j"),
		           .high = field(csv, row, "energy_high_j")},
	};

	if (qmac_json_real(stored->summary, "cycles") > 0)
		return cost;
	cost.cycles = wide(stored, row, "speedup.device.training_cycles_32",
	                   "speedup.device.inference_cycles_32");
	cost.joules = (struct qmac_band){
		wide(stored, row, "speedup.joules.training_32_low_j", "speedup.joules.inference_32_low_j"),
		wide(stored, row, "speedup.joules.training_32_j", "speedup.joules.inference_32_j"),
		wide(stored, row, "speedup.joules.training_32_high_j", "speedup.joules.inference_32_high_j"),
	};
	cost.in_32_bits = !isnan(cost.cycles);
	return cost;
}

struct qmac_goal_cost qmac_goal_find(const struct qmac_stored *stored, const struct qmac_figure_kind *figure,
                                     double value)
{
	for (int64_t row = 0; row < stored->metrics.rows; row++)
		if (is_reached(figure, field(&stored->metrics, row, figure->name), value))
			return cost_of(stored, row);
	return (struct qmac_goal_cost){-1, false, (double)NAN, {(double)NAN, (double)NAN, (double)NAN}};
}

/* ---- tables ----------------------------------------------------------------------------------- */

static void add_joules(struct qmac_table *table, double joules)
{
	if (isnan(joules))
		qmac_table_add(table, "-");
	else
		qmac_table_add(table, "%.4g", joules);
}

/* The figure of all rows that comes nearest to a goal; NaN where there is none. */
static double best_of(const struct qmac_stored *stored, const struct qmac_figure_kind *figure)
{
	double best = (double)NAN;

	for (int64_t row = 0; row < stored->metrics.rows; row++) {
		double value = field(&stored->metrics, row, figure->name);

		best = figure->over_magnitudes ? fmin(best, value) : fmax(best, value);
	}
	return best;
}

static void add_line(struct qmac_table *table, const struct qmac_comparison *line,
                     const struct qmac_figure_kind *figure, double value)
{
	struct qmac_goal_cost cost = {.epoch = -1};

	qmac_table_add(table, "%s", line->name);
	if (line->stored)
		cost = qmac_goal_find(line->stored, figure, value);
	if (cost.epoch >= 0) {
		qmac_table_add(table, "%" PRId64, cost.epoch);
		qmac_table_add_count(table, cost.cycles);
		add_joules(table, cost.joules.nominal);
		add_joules(table, cost.joules.low);
		add_joules(table, cost.joules.high);
		qmac_table_add(table, cost.in_32_bits ? "in 32 bits" : "");
		return;
	}
	qmac_table_add(table, line->stored ? "never" : "-");
	for (int i = 0; i < 4; i++)
		qmac_table_add(table, "-");
	if (line->stored)
		qmac_table_add(table, "best %.4g", best_of(line->stored, figure));
	else
		qmac_table_add(table, "%s", line->note);
}

void qmac_goal_print(const struct qmac_goal *goal, const struct qmac_comparison *lines, int count, FILE *out)
{
	static const char *const heads[] = {"epoch", "cycles", "joules", "low", "high", "note"};
	enum { HEADS = sizeof heads / sizeof heads[0] };

	for (int v = 0; v < goal->count; v++) {
		struct qmac_table *table = qmac_table_create(1 + HEADS);

		if (!table)
			return;
		qmac_table_add(table, "%s %s %g", goal->figure->title, goal->figure->over_magnitudes ? "<=" : ">=",
		               goal->values[v]);
		for (int i = 0; i < HEADS; i++)
			qmac_table_add(table, "%s", heads[i]);
		for (int i = 0; i < count; i++)
			add_line(table, &lines[i], goal->figure, goal->values[v]);
		fputc('\n', out);
		qmac_table_print(table, out);
		qmac_table_destroy(table);
	}
}

/* A figure behind a comma, empty where there is none. */
static void write_figure(FILE *out, double value)
{
	fputc(',', out);
	if (!isnan(value))
		qmac_csv_write_real(out, value);
}

static void write_row(FILE *out, const struct qmac_comparison *line, const struct qmac_figure_kind *figure,
                      double value)
{
	struct qmac_goal_cost cost = qmac_goal_find(line->stored, figure, value);

	qmac_csv_write_text(out, line->name);
	fprintf(out, ",%s", figure->name);
	write_figure(out, value);
	write_figure(out, cost.epoch < 0 ? (double)NAN : (double)cost.epoch);
	write_figure(out, cost.cycles);
	write_figure(out, cost.joules.nominal);
	write_figure(out, cost.joules.low);
	write_figure(out, cost.joules.high);
	fprintf(out, ",%d\n", cost.in_32_bits);
}

enum qmac_status qmac_goal_write_csv(const struct qmac_goal *goal, const struct qmac_comparison *lines,
                                     int count, const char *folder, struct qmac_atomic_file *file,
                                     struct qmac_error *err)
{
	enum qmac_status status = qmac_atomic_open(file, folder, "goals.csv", err);

	if (status)
		return status;
	fputs("name,figure,value,epoch,cycles,energy_j,energy_low_j,energy_high_j,in_32_bits\n", file->stream);
	for (int v = 0; v < goal->count; v++)
		for (int i = 0; i < count; i++)
			if (lines[i].stored)
				write_row(file->stream, &lines[i], goal->figure, goal->values[v]);
	return qmac_atomic_finish(file, NULL, err);
}
