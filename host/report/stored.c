#define _POSIX_C_SOURCE 200809L
#include "report/stored.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "report/table.h"

enum qmac_status qmac_stored_read(const char *folder, struct qmac_stored *stored, struct qmac_error *err)
{
	enum qmac_status status;
	char path[1200];

	memset(stored, 0, sizeof *stored);
	if (snprintf(path, sizeof path, "%s/summary.json", folder) >= (int)sizeof path)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path is too long: %.200s...", folder);
	if (access(path, R_OK)) {
		if (errno != ENOENT)
			return qmac_fail(err, QMAC_BAD_INPUT, "cannot read %s: %s", path, strerror(errno));
		return qmac_fail(err, QMAC_BAD_INPUT, "%s holds no complete result: %s", folder,
		                 access(folder, F_OK) ? "there is no such folder" : "it has no summary.json");
	}
	status = qmac_json_read(path, &stored->summary, err);
	if (status)
		return status;
	snprintf(stored->metrics_path, sizeof stored->metrics_path, "%s/metrics.csv", folder);
	if (!qmac_stored_headline(stored))
		status = qmac_fail(err, QMAC_BAD_INPUT, "%s: this revision of qmac does not know the figure '%s', "
		                   "which is the headline there", path,
		                   qmac_json_text(stored->summary, "headline"));
	else
		status = qmac_csv_read(stored->metrics_path, &stored->metrics, err);
	if (status)
		qmac_stored_free(stored);
	return status;
}

bool qmac_stored_is_estimate(const struct qmac_stored *stored)
{
	const char *text = qmac_json_text(stored->summary, "estimated");

	return text && strcmp(text, "true") == 0;
}

bool qmac_stored_is_of_network(const struct qmac_stored *stored)
{
	const char *problem = qmac_json_text(stored->summary, "problem");

	return problem && strcmp(problem, "network") == 0;
}

void qmac_stored_free(struct qmac_stored *stored)
{
	qmac_csv_free(&stored->metrics);
	qmac_json_free(stored->summary);
	memset(stored, 0, sizeof *stored);
}

const struct qmac_figure_kind *qmac_stored_headline(const struct qmac_stored *stored)
{
	const char *name = qmac_json_text(stored->summary, "headline");

	return name ? qmac_figure_find(name) : &qmac_figure_kinds[QMAC_FIGURE_GRAD_NORM];
}

/* A figure at an epoch; NaN where the run has no such row. */
static double figure_at(const struct qmac_stored *stored, const char *figure, double epoch)
{
	const struct qmac_csv *csv = &stored->metrics;
	int epoch_column = qmac_csv_column(csv, "epoch"), column = qmac_csv_column(csv, figure);

	for (int64_t row = 0; epoch_column >= 0 && column >= 0 && row < csv->rows; row++)
		if (csv->values[row * csv->columns + epoch_column] == epoch)
			return csv->values[row * csv->columns + column];
	return (double)NAN;
}

static double last_epoch(const struct qmac_comparison *line)
{
	return line->stored ? qmac_json_real(line->stored->summary, "epochs") : (double)NAN;
}

/* "0.0195 (0.00721 to 0.025)": nominal, and the band of the sources. */
static void add_joules(struct qmac_table *table, const struct qmac_json *summary)
{
	double joules = summary ? qmac_json_real(summary, "energy_j") : (double)NAN;

	if (isnan(joules))
		qmac_table_add(table, "-");
	else
		qmac_table_add(table, "%.3g (%.3g to %.3g)", joules, qmac_json_real(summary, "energy_low_j"),
		               qmac_json_real(summary, "energy_high_j"));
}

static void add_line(struct qmac_table *table, const struct qmac_comparison *line, const char *figure,
                     const int *epochs, int epoch_count)
{
	static const char *const counts[] = {"cycles", "vec_mults"};
	const struct qmac_json *summary = line->stored ? line->stored->summary : NULL;
	/* A run without the device has no kernel. */
	const char *kernel = summary ? qmac_json_text(summary, "kernel") : NULL;
	int device = kernel && kernel[0];

	qmac_table_add(table, "%s", line->name);
	for (int i = 0; i < epoch_count; i++)
		qmac_table_add_figure(table, summary ? figure_at(line->stored, figure, epochs[i]) : (double)NAN);
	qmac_table_add_figure(table, summary ? qmac_json_real(summary, figure) : (double)NAN);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		qmac_table_add_count(table, device ? qmac_json_real(summary, counts[i]) : (double)NAN);
	qmac_table_add_count(table, device ? qmac_json_real(summary, "dram_read_bytes")
	                                     + qmac_json_real(summary, "dram_write_bytes") : (double)NAN);
	/* An older revision has it among the counters only. */
	qmac_table_add_count(table, device ? qmac_json_real(summary, "counters.fetch_bytes") : (double)NAN);
	add_joules(table, summary);
	qmac_table_add(table, "%s", line->note);
}

int qmac_comparison_epochs(double last, int epochs[QMAC_COMPARISON_EPOCHS])
{
	static const int wanted[QMAC_COMPARISON_EPOCHS] = {5, 10, 20, 50};
	int count = 0;

	for (int i = 0; i < QMAC_COMPARISON_EPOCHS; i++)
		if (wanted[i] < last)
			epochs[count++] = wanted[i];
	return count;
}

/* The headline of a line; NULL where it has no result. */
static const struct qmac_figure_kind *headline_of(const struct qmac_comparison *line)
{
	return line->stored ? qmac_stored_headline(line->stored) : NULL;
}

/* The lines with that headline; others: also those with none. */
static void print_table(const struct qmac_comparison *lines, int count,
                        const struct qmac_figure_kind *headline, bool others, FILE *out)
{
	static const char *const heads[] = {"last", "cycles", "vec mults", "DRAM bytes", "descriptor bytes",
	                                    "joules", "note"};
	enum { HEADS = sizeof heads / sizeof heads[0] };
	int epochs[QMAC_COMPARISON_EPOCHS], epoch_count;
	struct qmac_table *table;
	double longest = 0;

	for (int i = 0; i < count; i++)
		longest = fmax(longest, last_epoch(&lines[i]));
	epoch_count = qmac_comparison_epochs(longest, epochs);
	table = qmac_table_create(1 + epoch_count + HEADS);
	if (!table)
		return;
	qmac_table_add(table, "%s at epoch", headline->title);
	for (int i = 0; i < epoch_count; i++)
		qmac_table_add(table, "%d", epochs[i]);
	for (int i = 0; i < HEADS; i++)
		qmac_table_add(table, "%s", heads[i]);
	for (int i = 0; i < count; i++) {
		const struct qmac_figure_kind *own = headline_of(&lines[i]);

		if (own == headline || (others && !own))
			add_line(table, &lines[i], headline->name, epochs, epoch_count);
	}
	qmac_table_print(table, out);
	qmac_table_destroy(table);
}

const struct qmac_figure_kind *qmac_comparison_headline(const struct qmac_comparison *lines, int count)
{
	for (int i = 0; i < count; i++)
		if (lines[i].stored)
			return headline_of(&lines[i]);
	return &qmac_figure_kinds[0];
}

void qmac_comparison_print(const struct qmac_comparison *lines, int count, FILE *out)
{
	const struct qmac_figure_kind *first = qmac_comparison_headline(lines, count);

	print_table(lines, count, first, true, out);
	for (int k = 0; k < QMAC_FIGURES; k++) {
		const struct qmac_figure_kind *kind = &qmac_figure_kinds[k];
		bool wanted = false;

		for (int i = 0; i < count; i++)
			wanted = wanted || headline_of(&lines[i]) == kind;
		if (!wanted || kind == first)
			continue;
		fputc('\n', out);
		print_table(lines, count, kind, false, out);
	}
}
