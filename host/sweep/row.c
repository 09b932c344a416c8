#include "sweep/row.h"

#include <math.h>
#include <string.h>

#include "config/text.h"
#include "report/atomic_file.h"
#include "report/results.h"

enum source { CONFIG, SUMMARY, DEVICE, OWN };

/* The columns of results.csv. SUMMARY, DEVICE: a key of summary.json; DEVICE counts the device's work. */
static const struct column {
	const char *name, *key;
	enum source source;
} columns[] = {
	{"name", "", OWN},
	{"algorithm", "", CONFIG},
	{"bits", "", CONFIG},
	{"alpha", "", CONFIG},
	{"delta", "", CONFIG},
	{"mu", "", CONFIG},
	{"kappa", "", CONFIG},
	{"seed", "", CONFIG},
	{"hw", "", CONFIG},
	{"epochs", "epochs", SUMMARY},
	{"train_loss", "train_loss", SUMMARY},
	{"grad_norm", "grad_norm", SUMMARY},
	{"test_accuracy", "test_accuracy", SUMMARY},
	{"data_passes", "data_passes", SUMMARY},
	{"cycles", "cycles", DEVICE},
	{"macs", "macs", DEVICE},
	{"vec_mults", "vec_mults", DEVICE},
	{"dram_read_bytes", "dram_read_bytes", DEVICE},
	{"dram_write_bytes", "dram_write_bytes", DEVICE},
	{"fetch_bytes", "fetch_bytes", DEVICE},
	{"saturations", "saturations", DEVICE},
	{"energy_j", "energy_j", DEVICE},
	{"area_um2", "area_um2", DEVICE},
	{"diverged", "diverged", SUMMARY},
	{"weights_sha256", "weights_sha256", SUMMARY},
	{"timed_from", "timed_from", SUMMARY},
	{"pareto", "", OWN},
	{"status", "", OWN},
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const struct column *find_column(const char *name)
{
	for (int i = 0; i < COLUMNS; i++)
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	return NULL;
}

static bool is_figure(const struct column *column)
{
	return (column->source == SUMMARY || column->source == DEVICE)
	       && strcmp(column->name, "weights_sha256") != 0 && strcmp(column->name, "timed_from") != 0;
}

enum qmac_status qmac_sweep_check_figure(const struct qmac_sweep *sweep, const char *use, const char *name,
                                         struct qmac_error *err)
{
	const struct column *column = find_column(name);
	char words[QMAC_CSV_COLUMNS * QMAC_CSV_NAME] = "", what[64];

	if (column && is_figure(column))
		return QMAC_OK;
	for (int i = 0; i < COLUMNS; i++)
		if (is_figure(&columns[i]))
			snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", words[0] ? "|" : "",
			         columns[i].name);
	snprintf(what, sizeof what, "figure of results.csv for the %s", use);
	(void)qmac_text_unknown(what, name, words, err);
	return qmac_sweep_blame(sweep, name, err);
}

enum qmac_status qmac_sweep_check_pareto(const struct qmac_sweep *sweep, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	if (sweep->pareto_x[0])
		status = qmac_sweep_check_figure(sweep, "x of pareto", sweep->pareto_x, err);
	if (!status && sweep->pareto_y[0])
		status = qmac_sweep_check_figure(sweep, "y of pareto", sweep->pareto_y, err);
	return status;
}

double qmac_sweep_figure(const struct qmac_sweep_row *row, const char *name)
{
	const struct column *column = find_column(name);

	if (!column || !row->has_result || row->answer.result.diverged)
		return (double)NAN;
	if (column->source == DEVICE && !qmac_run_uses_device(&row->config.run))
		return (double)NAN;
	return qmac_json_real(row->stored.summary, column->key);
}

void qmac_sweep_mark_pareto(struct qmac_sweep_row *rows, int count, const char *x, const char *y)
{
	for (int i = 0; i < count; i++) {
		double own_x = qmac_sweep_figure(&rows[i], x), own_y = qmac_sweep_figure(&rows[i], y);

		rows[i].pareto = !isnan(own_x) && !isnan(own_y);
		for (int j = 0; rows[i].pareto && j < count; j++) {
			double other_x = qmac_sweep_figure(&rows[j], x), other_y = qmac_sweep_figure(&rows[j], y);

			if (other_x <= own_x && other_y <= own_y && (other_x < own_x || other_y < own_y))
				rows[i].pareto = false;
		}
	}
}

/* A setting of the run, empty where its algorithm does not know it. */
static void write_setting(FILE *out, const struct qmac_run *run, const char *name)
{
	bool low = qmac_run_uses_device(run);
	const char *slash = strrchr(run->hw, '/');

	if (strcmp(name, "algorithm") == 0)
		fputs(qmac_run_method(run), out);
	else if (strcmp(name, "bits") == 0 && low)
		fprintf(out, "%d", run->bits);
	else if (strcmp(name, "alpha") == 0)
		qmac_json_write_real(out, run->alpha);
	else if (strcmp(name, "delta") == 0 && low && run->algorithm != QMAC_HALP)
		qmac_json_write_real(out, run->delta);
	else if (strcmp(name, "mu") == 0 && run->algorithm == QMAC_HALP)
		qmac_json_write_real(out, run->mu);
	else if (strcmp(name, "kappa") == 0 && !qmac_run_ignores(run, "kappa"))
		qmac_json_write_real(out, run->kappa);
	else if (strcmp(name, "seed") == 0)
		fprintf(out, "%lu", (unsigned long)run->seed);
	else if (strcmp(name, "hw") == 0 && low)
		qmac_csv_write_text(out, slash ? slash + 1 : run->hw);
}

const char *qmac_sweep_outcome(const struct qmac_sweep_row *row)
{
	switch (row->answer.status) {
	case QMAC_OK:
		return "ok";
	case QMAC_LOCKED:
		return "locked";
	default:
		return "failed";
	}
}

static void write_own(FILE *out, const struct qmac_sweep_row *row, const char *name)
{
	if (strcmp(name, "name") == 0)
		qmac_csv_write_text(out, row->name);
	else if (strcmp(name, "pareto") == 0)
		fputs(row->pareto ? "1" : "0", out);
	else
		fputs(qmac_sweep_outcome(row), out);
}

static void write_row(FILE *out, const struct qmac_sweep_row *row)
{
	for (int i = 0; i < COLUMNS; i++) {
		const struct column *column = &columns[i];

		if (i)
			fputc(',', out);
		if (column->source == OWN) {
			write_own(out, row, column->name);
		} else if (column->source == CONFIG) {
			write_setting(out, &row->config.run, column->name);
		} else if (row->has_result) {
			const char *text = qmac_json_text(row->stored.summary, column->key);

			qmac_csv_write_text(out, text ? text : "");
		}
	}
	fputc('\n', out);
}

enum qmac_status qmac_sweep_write_csv(const char *folder, const struct qmac_sweep_row *rows, int count,
                                      struct qmac_atomic_file *file, struct qmac_error *err)
{
	enum qmac_status status = qmac_atomic_open(file, folder, "results.csv", err);

	if (status)
		return status;
	for (int i = 0; i < COLUMNS; i++)
		fprintf(file->stream, "%s%s", i ? "," : "", columns[i].name);
	fputc('\n', file->stream);
	for (int i = 0; i < count; i++)
		write_row(file->stream, &rows[i]);
	return qmac_atomic_finish(file, NULL, err);
}
