#define _POSIX_C_SOURCE 200809L
#include "report/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/hw_file.h"
#include "report/atomic_file.h"
#include "report/files.h"
#include "report/folder_lock.h"
#include "report/members.h"
#include "report/plot.h"

struct qmac_results {
	char folder[QMAC_PATH_MAX];
	struct qmac_run_config config;
	struct qmac_hw_file hw;
	struct qmac_atomic_file metrics, layers, timeline; /* grow during the run; timeline only where asked */
	int64_t timeline_records;
	struct qmac_timeline lanes;
	char *so_far[3];                                   /* the growing files at the last checkpoint */
	struct qmac_folder_lock lock;
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
		qmac_timeline_head(&results->lanes, results->timeline.stream);
	return check_stream(&results->metrics, err);
}

enum qmac_status qmac_results_create(const char *folder, const struct qmac_run_config *config,
                                     const struct qmac_hw_file *hw, struct qmac_results **results,
                                     struct qmac_error *err)
{
	struct qmac_results *fresh = NULL;
	enum qmac_status status;

	if (strlen(folder) >= sizeof fresh->folder)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long: %.200s...", folder);
	fresh = calloc(1, sizeof *fresh);
	if (!fresh)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	status = qmac_folder_lock_take(&fresh->lock, folder, err);
	if (status) {
		free(fresh);
		return status;
	}
	strcpy(fresh->folder, folder);
	fresh->config = *config;
	fresh->hw = *hw;
	status = open_growing(fresh, err);
	if (status) {
		qmac_results_destroy(fresh);
		return status;
	}
	*results = fresh;
	return QMAC_OK;
}

enum qmac_status qmac_results_metrics(struct qmac_results *results, const struct qmac_metrics *metrics,
                                      const struct qmac_records *records, struct qmac_error *err)
{
	enum qmac_status status;

	qmac_metrics_csv_row(results->metrics.stream, metrics);
	status = check_stream(&results->metrics, err);
	if (!status && metrics->epoch > 0) {
		qmac_layers_csv_rows(results->layers.stream, records);
		status = check_stream(&results->layers, err);
	}
	return status;
}

void qmac_results_retire(struct qmac_results *results, const struct qmac_retire *record)
{
	if (results->timeline_records >= results->config.run.timeline)
		return;
	results->timeline_records++;
	qmac_timeline_record(&results->lanes, results->timeline.stream, record);
}

/* ---- checkpoints ---------------------------------------------------------------- */

/* The growing files in the order of so_far; NULL: there is none. */
static struct qmac_atomic_file *growing(struct qmac_results *results, int i, const char **name)
{
	static const char *const names[] = {"metrics.csv", "layers.csv", "timeline.json"};
	struct qmac_atomic_file *files[] = {&results->metrics, &results->layers, &results->timeline};

	*name = names[i];
	return files[i]->stream ? files[i] : NULL;
}

/* All of a growing file; the next write goes behind it. */
static enum qmac_status read_back(struct qmac_atomic_file *file, char **text, size_t *bytes,
                                  struct qmac_error *err)
{
	long size = fflush(file->stream) ? -1 : ftell(file->stream);

	free(*text);
	*text = size < 0 ? NULL : malloc((size_t)size + 1);
	if (!*text || fseek(file->stream, 0, SEEK_SET))
		return qmac_fail(err, QMAC_INTERNAL, "cannot read %s back: %s", file->temporary, strerror(errno));
	*bytes = fread(*text, 1, (size_t)size, file->stream);
	if (*bytes != (size_t)size || fseek(file->stream, 0, SEEK_END))
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot read %s back: %s", file->temporary, strerror(errno));
	return QMAC_OK;
}

enum qmac_status qmac_results_state(struct qmac_results *results, struct qmac_state *state,
                                    struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int i = 0; !status && i < 3; i++) {
		const char *name;
		struct qmac_atomic_file *file = growing(results, i, &name);
		size_t bytes = 0;

		if (!file)
			continue;
		status = read_back(file, &results->so_far[i], &bytes, err);
		qmac_state_add(state, name, results->so_far[i], bytes);
	}
	QMAC_STATE_VALUE(state, "results.timeline", results->timeline_records);
	QMAC_STATE_VALUE(state, "results.lanes", results->lanes.lanes);
	return status;
}

/* A piece of a size that is known; false where there is none. */
static bool take_piece(const void *(*piece)(const void *context, const char *name, size_t *bytes),
                       const void *context, const char *name, void *value, size_t size)
{
	size_t bytes;
	const void *data = piece(context, name, &bytes);

	if (!data || bytes != size)
		return false;
	memcpy(value, data, size);
	return true;
}

enum qmac_status qmac_results_go_on(struct qmac_results *results,
                                    const void *(*piece)(const void *context, const char *name,
                                                         size_t *bytes),
                                    const void *context, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	size_t bytes;

	for (int i = 0; !status && i < 3; i++) {
		const char *name;
		struct qmac_atomic_file *file = growing(results, i, &name);
		const void *text = file ? piece(context, name, &bytes) : NULL;

		if (!text)
			continue;
		rewind(file->stream); /* over the head, which is the same */
		fwrite(text, 1, bytes, file->stream);
		status = check_stream(file, err);
	}
	if (!status && !(take_piece(piece, context, "results.timeline", &results->timeline_records,
	                            sizeof results->timeline_records)
	                 && take_piece(piece, context, "results.lanes", &results->lanes.lanes,
	                               sizeof results->lanes.lanes)))
		return qmac_fail(err, QMAC_BAD_INPUT, "the checkpoint in %s has no results: start over without"
		                 " --resume", results->folder);
	return status;
}

/* ---- the end --------------------------------------------------------------------- */

enum { PLOT_NAME = 64 };

/* The plot of a figure against epochs. */
static void plot_name(enum qmac_figure figure, char name[PLOT_NAME])
{
	snprintf(name, PLOT_NAME, "%s.svg", qmac_figure_kinds[figure].name);
}

static enum qmac_status remove_file(const struct qmac_results *results, const char *name,
                                    struct qmac_error *err)
{
	char path[QMAC_PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s", results->folder, name);
	if (remove(path) && errno != ENOENT)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot replace %s: %s", path, strerror(errno));
	return QMAC_OK;
}

/* Removes files of an older run that this one might not write again, the mark of completeness first. */
static enum qmac_status remove_old(const struct qmac_results *results, struct qmac_error *err)
{
	enum qmac_status status = remove_file(results, "summary.json", err);

	if (!status)
		status = remove_file(results, "timeline.json", err);
	if (!status)
		status = remove_file(results, "weights.npy", err);
	for (int i = 0; !status && i < QMAC_FIGURES; i++) {
		char name[PLOT_NAME];

		plot_name((enum qmac_figure)i, name);
		status = remove_file(results, name, err);
	}
	return status;
}

static void print_config(const struct qmac_results *results, FILE *out)
{
	qmac_run_config_print(&results->config, QMAC_MEMBER_HW, out);
}

static void print_hw(const struct qmac_results *results, FILE *out)
{
	qmac_hw_file_print(&results->hw, out);
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
	qmac_npy_write(file.stream, result->weights, result->weight_count, result->weight_columns, sha256);
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

static void plot(struct qmac_results *results, enum qmac_figure headline)
{
	const struct qmac_figure_kind *kind = &qmac_figure_kinds[headline];
	const struct qmac_series series = {
		.title = qmac_algorithm_name(results->config.run.algorithm),
		.file = results->metrics.path,
	};
	const struct qmac_plot picture = {
		.title = kind->title, .x = "epoch", .y = kind->name, .log_y = kind->over_magnitudes,
		.series = &series, .series_count = 1,
	};
	char name[PLOT_NAME];

	plot_name(headline, name);
	qmac_plot_write(&picture, results->folder, name, results->warning, sizeof results->warning);
}

enum qmac_status qmac_results_finish(struct qmac_results *results, const struct qmac_train_result *result,
                                     double wall_seconds, struct qmac_error *err)
{
	char sha256[QMAC_SHA256_TEXT];
	const struct qmac_summary summary = {
		.run = &results->config.run, .hw = &results->hw, .result = result,
		.weights_sha256 = sha256, .wall_seconds = wall_seconds,
	};
	enum qmac_status status = QMAC_OK;

	if (!qmac_folder_lock_holds(&results->lock, results->folder))
		return qmac_folder_lock_lost(results->folder, err);
	status = remove_old(results, err);
	if (!status)
		status = write_printed(results, "config.yaml", print_config, err);
	if (!status)
		status = write_printed(results, QMAC_MEMBER_HW, print_hw, err);
	if (!status)
		status = commit_growing(results, err);
	if (!status && result->weights)
		status = write_weights(results, result, sha256, err);
	if (status)
		return status;
	if (!result->last.estimated)
		plot(results, result->last.headline);
	return write_summary(results, &summary, err);
}

const char *qmac_results_warning(const struct qmac_results *results)
{
	return results->warning;
}

/* In a folder that is another one by now, a file of that name is not ours. */
static void abandon(struct qmac_atomic_file *file, bool ours)
{
	if (!ours)
		file->temporary[0] = 0;
	qmac_atomic_abandon(file);
}

void qmac_results_destroy(struct qmac_results *results)
{
	bool ours;

	if (!results)
		return;
	ours = qmac_folder_lock_holds(&results->lock, results->folder);
	abandon(&results->timeline, ours);
	abandon(&results->layers, ours);
	abandon(&results->metrics, ours);
	if (results->lock.made && ours)
		(void)rmdir(results->folder); /* a run that was refused leaves nothing; others fill it */
	for (int i = 0; i < 3; i++)
		free(results->so_far[i]);
	qmac_folder_lock_release(&results->lock);
	free(results);
}
