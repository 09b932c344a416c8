#define _POSIX_C_SOURCE 200809L
#include "report/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/hw_file.h"
#include "report/atomic_file.h"
#include "report/files.h"
#include "report/json.h"
#include "report/plot.h"

struct qmac_results {
	char folder[QMAC_PATH_MAX];
	struct qmac_run_config config;
	struct qmac_hw hw;
	struct qmac_atomic_file metrics, layers, timeline; /* grow during the run; timeline only where asked */
	int64_t timeline_records;
	struct qmac_metrics before;                        /* the last row, for layers.csv */
	bool made;                                         /* the folder was not there before */
	char warning[512];
};

static enum qmac_status check_stream(const struct qmac_atomic_file *file, struct qmac_error *err)
{
	/* Flushed row by row: a full disk ends the run at once, and the file can be followed. */
	if (fflush(file->stream) || ferror(file->stream))
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", file->path, strerror(errno));
	return QMAC_OK;
}

static enum qmac_status open_growing(struct qmac_results *results, struct qmac_error *err)
{
	enum qmac_status status = qmac_atomic_open(&results->metrics, results->folder, "metrics.csv", err);

	if (!status)
		status = qmac_atomic_open(&results->layers, results->folder, "layers.csv", err);
	if (!status && results->config.run.timeline > 0)
		status = qmac_atomic_open(&results->timeline, results->folder, "timeline.json", err);
	if (status)
		return status;
	qmac_metrics_csv_head(results->metrics.stream);
	qmac_layers_csv_head(results->layers.stream);
	if (results->timeline.stream)
		qmac_timeline_head(results->timeline.stream);
	return check_stream(&results->metrics, err);
}

enum qmac_status qmac_results_create(const char *folder, const struct qmac_run_config *config,
                                     const struct qmac_hw *hw, struct qmac_results **results,
                                     struct qmac_error *err)
{
	struct qmac_results *fresh = NULL;
	bool made = access(folder, F_OK) != 0;
	enum qmac_status status;

	if (strlen(folder) >= sizeof fresh->folder)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long: %.200s...", folder);
	status = qmac_make_folder(folder, err);
	if (status)
		return status;
	fresh = calloc(1, sizeof *fresh);
	if (!fresh)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	strcpy(fresh->folder, folder);
	fresh->config = *config;
	fresh->hw = *hw;
	fresh->made = made;
	status = open_growing(fresh, err);
	if (status) {
		qmac_results_destroy(fresh);
		return status;
	}
	*results = fresh;
	return QMAC_OK;
}

enum qmac_status qmac_results_metrics(struct qmac_results *results, const struct qmac_metrics *metrics,
                                      struct qmac_error *err)
{
	enum qmac_status status;

	qmac_metrics_csv_row(results->metrics.stream, metrics);
	status = check_stream(&results->metrics, err);
	if (!status && metrics->epoch > 0) {
		qmac_layers_csv_row(results->layers.stream, &results->config.run, metrics, &results->before);
		status = check_stream(&results->layers, err);
	}
	results->before = *metrics;
	return status;
}

void qmac_results_retire(struct qmac_results *results, const struct qmac_retire *record)
{
	if (results->timeline_records >= results->config.run.timeline)
		return;
	results->timeline_records++;
	qmac_timeline_record(results->timeline.stream, record);
}

/* Removes files of an older run that this one might not write again, the mark of completeness first. */
static enum qmac_status remove_old(const struct qmac_results *results, struct qmac_error *err)
{
	static const char *const names[] = {"summary.json", "timeline.json", "grad_norm.svg"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[QMAC_PATH_MAX + 32];

		snprintf(path, sizeof path, "%s/%s", results->folder, names[i]);
		if (remove(path) && errno != ENOENT)
			return qmac_fail(err, QMAC_BAD_INPUT, "cannot replace %s: %s", path, strerror(errno));
	}
	return QMAC_OK;
}

static void print_config(const struct qmac_results *results, FILE *out)
{
	qmac_run_config_print(&results->config, out);
}

static void print_hw(const struct qmac_results *results, FILE *out)
{
	qmac_hw_print(&results->hw, out);
}

/* A file that is written at once. */
static enum qmac_status write_printed(const struct qmac_results *results, const char *name,
                                      void (*print)(const struct qmac_results *results, FILE *out),
                                      struct qmac_error *err)
{
	struct qmac_atomic_file file;
	enum qmac_status status = qmac_atomic_open(&file, results->folder, name, err);

	if (status)
		return status;
	print(results, file.stream);
	return qmac_atomic_commit(&file, err);
}

static enum qmac_status write_weights(const struct qmac_results *results,
                                      const struct qmac_train_result *result, char sha256[QMAC_SHA256_TEXT],
                                      struct qmac_error *err)
{
	struct qmac_atomic_file file;
	enum qmac_status status = qmac_atomic_open(&file, results->folder, "weights.npy", err);

	if (status)
		return status;
	qmac_npy_write(file.stream, result->weights, result->weight_count, sha256);
	return qmac_atomic_commit(&file, err);
}

static enum qmac_status write_summary(const struct qmac_results *results, const struct qmac_summary *summary,
                                      struct qmac_error *err)
{
	struct qmac_atomic_file file;
	enum qmac_status status = qmac_atomic_open(&file, results->folder, "summary.json", err);

	if (status)
		return status;
	qmac_summary_write(file.stream, summary);
	return qmac_atomic_commit(&file, err);
}

static enum qmac_status commit_growing(struct qmac_results *results, struct qmac_error *err)
{
	enum qmac_status status = qmac_atomic_commit(&results->metrics, err);

	if (!status)
		status = qmac_atomic_commit(&results->layers, err);
	if (!status && results->timeline.stream) {
		qmac_timeline_tail(results->timeline.stream);
		status = qmac_atomic_commit(&results->timeline, err);
	}
	return status;
}

static void plot(struct qmac_results *results)
{
	const struct qmac_series series = {
		.title = qmac_algorithm_name(results->config.run.algorithm),
		.file = results->metrics.path,
	};
	const struct qmac_plot picture = {
		.title = "gradient norm", .x = "epoch", .y = "grad_norm", .log_y = true,
		.series = &series, .series_count = 1,
	};

	qmac_plot_write(&picture, results->folder, "grad_norm.svg", results->warning, sizeof results->warning);
}

enum qmac_status qmac_results_finish(struct qmac_results *results, const struct qmac_train_result *result,
                                     double wall_seconds, struct qmac_error *err)
{
	char sha256[QMAC_SHA256_TEXT];
	const struct qmac_summary summary = {
		.run = &results->config.run, .hw = &results->hw, .result = result,
		.weights_sha256 = sha256, .wall_seconds = wall_seconds,
	};
	enum qmac_status status = remove_old(results, err);

	if (!status)
		status = write_printed(results, "config.yaml", print_config, err);
	if (!status)
		status = write_printed(results, "hw.yaml", print_hw, err);
	if (!status)
		status = commit_growing(results, err);
	if (!status)
		status = write_weights(results, result, sha256, err);
	if (status)
		return status;
	plot(results);
	return write_summary(results, &summary, err);
}

const char *qmac_results_warning(const struct qmac_results *results)
{
	return results->warning;
}

void qmac_results_destroy(struct qmac_results *results)
{
	if (!results)
		return;
	qmac_atomic_abandon(&results->timeline);
	qmac_atomic_abandon(&results->layers);
	qmac_atomic_abandon(&results->metrics);
	if (results->made)
		(void)rmdir(results->folder); /* a run that was refused leaves nothing; others fill it */
	free(results);
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
static bool same_values(const struct qmac_results *results, const char *name,
                      void (*print)(const struct qmac_results *results, FILE *out))
{
	char path[QMAC_PATH_MAX + 32];
	char *texts[2] = {NULL}, *a = NULL, *b = NULL;
	size_t sizes[2] = {0};
	FILE *fresh = tmpfile(), *old;
	bool same = false;

	snprintf(path, sizeof path, "%s/%s", results->folder, name);
	old = fopen(path, "r");
	if (fresh && old) {
		print(results, fresh);
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

bool qmac_results_match(const char *folder, const struct qmac_run_config *config, const struct qmac_hw *hw)
{
	struct qmac_results *wanted = calloc(1, sizeof *wanted);
	struct qmac_json *summary = NULL;
	bool match = false;

	if (!wanted)
		return false;
	wanted->config = *config;
	wanted->hw = *hw;
	if ((size_t)snprintf(wanted->folder, sizeof wanted->folder, "%s", folder) < sizeof wanted->folder) {
		char path[QMAC_PATH_MAX + 32];

		snprintf(path, sizeof path, "%s/summary.json", folder);
		match = same_values(wanted, "config.yaml", print_config)
		        && same_values(wanted, "hw.yaml", print_hw)
		        && qmac_json_read(path, &summary, NULL) == QMAC_OK;
	}
	qmac_json_free(summary);
	free(wanted);
	return match;
}
