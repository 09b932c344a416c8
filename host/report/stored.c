#define _POSIX_C_SOURCE 200809L
#include "report/stored.h"

#include <math.h>
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
	if (access(path, F_OK))
		return qmac_fail(err, QMAC_BAD_INPUT, "%s holds no complete result: it has no summary.json",
		                 folder);
	status = qmac_json_read(path, &stored->summary, err);
	if (status)
		return status;
	snprintf(stored->metrics_path, sizeof stored->metrics_path, "%s/metrics.csv", folder);
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

void qmac_stored_free(struct qmac_stored *stored)
{
	qmac_csv_free(&stored->metrics);
	qmac_json_free(stored->summary);
	memset(stored, 0, sizeof *stored);
}

/* The gradient norm at an epoch; NaN where the run has no such row. */
static double norm_at(const struct qmac_stored *stored, double epoch)
{
	const struct qmac_csv *csv = &stored->metrics;
	int epoch_column = qmac_csv_column(csv, "epoch"), norm_column = qmac_csv_column(csv, "grad_norm");

	for (int64_t row = 0; epoch_column >= 0 && norm_column >= 0 && row < csv->rows; row++)
		if (csv->values[row * csv->columns + epoch_column] == epoch)
			return csv->values[row * csv->columns + norm_column];
	return (double)NAN;
}

static double last_epoch(const struct qmac_comparison *line)
{
	return line->stored ? qmac_json_real(line->stored->summary, "epochs") : (double)NAN;
}

static void add_norm(struct qmac_table *table, double norm)
{
	if (isnan(norm))
		qmac_table_add(table, "-");
	else
		qmac_table_add(table, "%.3g", norm);
}

static void add_line(struct qmac_table *table, const struct qmac_comparison *line, const int *epochs,
                     int epoch_count)
{
	static const char *const figures[] = {"cycles", "vec_mults"};
	const struct qmac_json *summary = line->stored ? line->stored->summary : NULL;
	/* A run without the device has no kernel. */
	const char *kernel = summary ? qmac_json_text(summary, "kernel") : NULL;
	int device = kernel && kernel[0];

	qmac_table_add(table, "%s", line->name);
	for (int i = 0; i < epoch_count; i++)
		add_norm(table, summary ? norm_at(line->stored, epochs[i]) : (double)NAN);
	add_norm(table, summary ? qmac_json_real(summary, "grad_norm") : (double)NAN);
	for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
		qmac_table_add_count(table, device ? qmac_json_real(summary, figures[i]) : (double)NAN);
	qmac_table_add_count(table, device ? qmac_json_real(summary, "dram_read_bytes")
	                                     + qmac_json_real(summary, "dram_write_bytes") : (double)NAN);
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

void qmac_comparison_print(const struct qmac_comparison *lines, int count, FILE *out)
{
	int epochs[QMAC_COMPARISON_EPOCHS], epoch_count;
	struct qmac_table *table;
	double longest = 0;

	for (int i = 0; i < count; i++)
		longest = fmax(longest, last_epoch(&lines[i]));
	epoch_count = qmac_comparison_epochs(longest, epochs);
	table = qmac_table_create(epoch_count + 6);
	if (!table)
		return;
	qmac_table_add(table, "gradient norm at epoch");
	for (int i = 0; i < epoch_count; i++)
		qmac_table_add(table, "%d", epochs[i]);
	qmac_table_add(table, "last");
	qmac_table_add(table, "cycles");
	qmac_table_add(table, "vec mults");
	qmac_table_add(table, "DRAM bytes");
	qmac_table_add(table, "note");
	for (int i = 0; i < count; i++)
		add_line(table, &lines[i], epochs, epoch_count);
	qmac_table_print(table, out);
	qmac_table_destroy(table);
}
