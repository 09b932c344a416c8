#define _POSIX_C_SOURCE 200809L
/*
 * Does a folder hold the whole result of a configuration? A result that was damaged since it was written
 * is none: its run is done again, which is what --resume is for.
 */
#include <stdlib.h>
#include <string.h>

#include "config/hw_file.h"
#include "config/input.h"
#include "config/text.h"
#include "report/csv.h"
#include "report/files.h"
#include "report/json.h"
#include "report/members.h"
#include "report/results.h"
#include "report/version.h"

struct wanted {
	const char *folder;
	const struct qmac_run_config *config;
	const struct qmac_hw_file *hw;
	struct qmac_json *summary;
};

static void print_config(const struct wanted *wanted, FILE *out)
{
	qmac_run_config_print(wanted->config, QMAC_MEMBER_HW, out);
}

static void print_hw(const struct wanted *wanted, FILE *out)
{
	qmac_hw_file_print(wanted->hw, out);
}

static const char *path_of(const struct wanted *wanted, const char *name, char path[QMAC_PATH_MAX + 32])
{
	snprintf(path, QMAC_PATH_MAX + 32, "%s/%s", wanted->folder, name);
	return path;
}

static FILE *open_file(const struct wanted *wanted, const char *name)
{
	char path[QMAC_PATH_MAX + 32];
	FILE *file;

	return qmac_input_stream(path_of(wanted, name, path), &file, NULL) ? NULL : file;
}

/* The next line without the comment that says where its value comes from; NULL at the end. */
static char *next_line(FILE *in, char **line, size_t *size)
{
	char *comment = NULL;

	if (getline(line, size, in) < 0)
		return NULL;
	(*line)[strcspn(*line, "\n")] = 0;
	for (char *at = *line; (at = strstr(at, "  # ")) != NULL; at++)
		comment = at;
	if (comment)
		*comment = 0;
	return *line;
}

/* True where the file has the values that print would write, whatever place they come from. */
static bool same_values(const struct wanted *wanted, const char *name,
                        void (*print)(const struct wanted *wanted, FILE *out))
{
	char *texts[2] = {NULL}, *a = NULL, *b = NULL;
	size_t sizes[2] = {0};
	FILE *fresh = tmpfile(), *old = open_file(wanted, name);
	bool same = false;

	if (fresh && old) {
		print(wanted, fresh);
		rewind(fresh);
		do {
			a = next_line(fresh, &texts[0], &sizes[0]);
			b = next_line(old, &texts[1], &sizes[1]);
		} while (a && b && strcmp(a, b) == 0);
		same = !a && !b && !ferror(fresh) && !ferror(old);
	}
	free(texts[0]);
	free(texts[1]);
	if (old)
		fclose(old);
	if (fresh)
		fclose(fresh);
	return same;
}

static bool has_summary(struct wanted *wanted)
{
	char path[QMAC_PATH_MAX + 32];

	return qmac_json_read(path_of(wanted, "summary.json", path), &wanted->summary, NULL) == QMAC_OK;
}

/* Our columns in their order, and the epochs 0, 1, ... of the summary. */
static bool is_whole_table(const struct qmac_csv *csv, int64_t epochs)
{
	const char *last;
	size_t length;

	for (int i = 0; i < csv->columns; i++)
		if (qmac_words_find(qmac_metrics_columns, csv->names[i]) != i)
			return false;
	last = qmac_words_at(qmac_metrics_columns, csv->columns - 1, &length);
	if (last[length] || csv->rows != epochs + 1)
		return false;
	for (int64_t row = 0; row < csv->rows; row++)
		if (csv->values[row * csv->columns] != (double)row)
			return false;
	return true;
}

static bool has_metrics(const struct wanted *wanted, int64_t epochs)
{
	char path[QMAC_PATH_MAX + 32];
	struct qmac_csv csv;
	bool whole;

	if (qmac_csv_read(path_of(wanted, "metrics.csv", path), &csv, NULL))
		return false;
	whole = is_whole_table(&csv, epochs);
	qmac_csv_free(&csv);
	return whole;
}

static bool has_layers(const struct wanted *wanted, int64_t epochs)
{
	FILE *in = open_file(wanted, "layers.csv");
	bool whole = in && qmac_layers_csv_is_whole(in, epochs, qmac_json_real(wanted->summary, "cycles"));

	if (in)
		fclose(in);
	return whole;
}

static bool has_weights(const struct wanted *wanted)
{
	const char *sha256 = qmac_json_text(wanted->summary, "weights_sha256");
	FILE *in = open_file(wanted, "weights.npy");
	bool whole = in && sha256 && qmac_npy_is_whole(in, sha256);

	if (in)
		fclose(in);
	return whole;
}

static bool has_timeline(const struct wanted *wanted)
{
	FILE *in;
	bool whole;

	if (wanted->config->run.timeline <= 0)
		return true;
	in = open_file(wanted, "timeline.json");
	whole = in && qmac_timeline_is_whole(in);
	if (in)
		fclose(in);
	return whole;
}

bool qmac_results_match(const char *folder, const struct qmac_run_config *config,
                        const struct qmac_hw_file *hw)
{
	struct wanted wanted = {.folder = folder, .config = config, .hw = hw};
	bool match = false;

	if (strlen(folder) < QMAC_PATH_MAX && same_values(&wanted, "config.yaml", print_config)
	    && same_values(&wanted, QMAC_MEMBER_HW, print_hw) && has_summary(&wanted)) {
		double epochs = qmac_json_real(wanted.summary, "epochs");

		match = epochs >= 0 && epochs <= (double)config->run.epochs && has_metrics(&wanted, (int64_t)epochs)
		        && has_layers(&wanted, (int64_t)epochs) && has_weights(&wanted) && has_timeline(&wanted);
	}
	qmac_json_free(wanted.summary);
	return match;
}

bool qmac_results_are_of_another(const char *folder, const struct qmac_run_config *config,
                                 const struct qmac_hw_file *hw)
{
	const struct wanted wanted = {.folder = folder, .config = config, .hw = hw};
	FILE *summary = strlen(folder) < QMAC_PATH_MAX ? open_file(&wanted, "summary.json") : NULL;

	if (!summary)
		return false;
	fclose(summary);
	return !same_values(&wanted, "config.yaml", print_config) || !same_values(&wanted, QMAC_MEMBER_HW, print_hw);
}

static enum qmac_status add_values(struct qmac_sha256 *hash, const struct wanted *wanted,
                                   void (*print)(const struct wanted *wanted, FILE *out),
                                   struct qmac_error *err)
{
	FILE *text = tmpfile();
	char *line = NULL;
	size_t size = 0;
	bool failed;

	if (text) {
		print(wanted, text);
		rewind(text);
		while (next_line(text, &line, &size))
			qmac_sha256_add(hash, line, strlen(line) + 1);
	}
	failed = !text || ferror(text);
	free(line);
	if (text)
		fclose(text);
	return failed ? qmac_fail(err, QMAC_INTERNAL, "cannot write a temporary file") : QMAC_OK;
}

enum qmac_status qmac_results_digest(const struct qmac_run_config *config, const struct qmac_hw_file *hw,
                                     char digest[QMAC_SHA256_TEXT], struct qmac_error *err)
{
	const struct wanted wanted = {.config = config, .hw = hw};
	struct qmac_sha256 hash;
	enum qmac_status status;

	qmac_sha256_start(&hash);
	qmac_sha256_add(&hash, QMAC_VERSION, sizeof QMAC_VERSION);
	status = add_values(&hash, &wanted, print_config, err);
	if (!status)
		status = add_values(&hash, &wanted, print_hw, err);
	qmac_sha256_text(&hash, digest);
	return status;
}
