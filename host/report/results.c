#define _POSIX_C_SOURCE 200809L
#include "report/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/temporary.h"
#include "config/cost_tables.h"
#include "config/hw_file.h"
#include "config/input.h"
#include "report/atomic_file.h"
#include "report/files.h"
#include "report/folder_lock.h"
#include "report/members.h"
#include "report/plot.h"
#include "report/tensors.h"
#include "report/values.h"
#include "report/zeros.h"

struct qmac_results {
	char folder[QMAC_PATH_MAX];
	struct qmac_run_config config;
	struct qmac_hw_file hw;
	struct qmac_cost_tables tables;
	uint64_t spent[QMAC_COUNTS];                      /* of all records so far */
	struct qmac_atomic_file files[QMAC_RESULT_FILES]; /* those without a stream are not written, or not yet */
	int64_t timeline_records;
	struct qmac_timeline lanes;
	char *so_far[QMAC_RESULT_FILES];                  /* those that grow, at the last checkpoint */
	struct qmac_tensors tensors;                      /* of a network */
	struct qmac_atomic_file picture;
	struct qmac_folder_lock lock;
	struct qmac_zeros *zeros;                         /* of an estimate; NULL: it is a training */
	struct qmac_values *values;                       /* that an estimate gets; NULL: none */
	char warning[512];
};

static enum qmac_status open_file(struct qmac_results *results, enum qmac_result_file file,
                                  struct qmac_error *err)
{
	return qmac_atomic_open(&results->files[file], results->folder, qmac_member_names[file], err);
}

static FILE *stream_of(const struct qmac_results *results, enum qmac_result_file file)
{
	return results->files[file].stream;
}

static enum qmac_status check_stream(const struct qmac_atomic_file *file, struct qmac_error *err)
{
	/* Flushed row by row: a full disk ends the run at once, and the file can be followed. */
	if (fflush(file->stream) || ferror(file->stream))
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", file->path, strerror(errno));
	return QMAC_OK;
}

/* What cannot be replaced in the end is found before the run. */
static enum qmac_status check_names(const struct qmac_results *results, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	char path[QMAC_MEMBER_PATH];

	for (int i = 0; !status && qmac_member_path(results->folder, i, path); i++)
		status = qmac_atomic_check(path, err);
	return status;
}

/* The network as it is now, whatever becomes of its file. */
static enum qmac_status copy_net(struct qmac_results *results, struct qmac_error *err)
{
	enum qmac_status status;

	if (!results->config.run.network[0])
		return QMAC_OK;
	status = open_file(results, QMAC_RESULT_NET, err);
	if (!status)
		status = qmac_input_copy(results->config.run.network, stream_of(results, QMAC_RESULT_NET), err);
	return status ? status : check_stream(&results->files[QMAC_RESULT_NET], err);
}

/* Those that grow during the run. */
static enum qmac_status open_growing(struct qmac_results *results, struct qmac_error *err)
{
	enum qmac_status status = open_file(results, QMAC_RESULT_METRICS, err);

	if (!status)
		status = open_file(results, QMAC_RESULT_LAYERS, err);
	if (!status && qmac_run_switches_formats(&results->config.run))
		status = open_file(results, QMAC_RESULT_SWITCHES, err);
	if (!status && qmac_run_switches_formats(&results->config.run))
		status = open_file(results, QMAC_RESULT_FORMATS, err);
	if (!status && results->config.run.timeline > 0)
		status = open_file(results, QMAC_RESULT_TIMELINE, err);
	if (status)
		return status;
	qmac_metrics_csv_head(stream_of(results, QMAC_RESULT_METRICS));
	qmac_layers_csv_head(stream_of(results, QMAC_RESULT_LAYERS));
	if (stream_of(results, QMAC_RESULT_SWITCHES))
		qmac_switches_csv_head(stream_of(results, QMAC_RESULT_SWITCHES));
	if (stream_of(results, QMAC_RESULT_FORMATS))
		qmac_formats_csv_head(stream_of(results, QMAC_RESULT_FORMATS));
	if (stream_of(results, QMAC_RESULT_TIMELINE))
		qmac_timeline_head(&results->lanes, stream_of(results, QMAC_RESULT_TIMELINE));
	return check_stream(&results->files[QMAC_RESULT_METRICS], err);
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
	status = qmac_cost_tables_load(&fresh->tables, &config->run, err);
	if (!status)
		status = check_names(fresh, err);
	if (!status)
		status = open_growing(fresh, err);
	if (!status)
		status = copy_net(fresh, err);
	if (status) {
		qmac_results_destroy(fresh);
		return status;
	}
	*results = fresh;
	return QMAC_OK;
}

static struct qmac_tariff tariff_of(const struct qmac_results *results)
{
	const struct qmac_zeros *zeros = results->zeros;

	return (struct qmac_tariff){
		.table = &results->tables.energy, .hw = &results->hw,
		.uses_device = qmac_run_uses_device(&results->config.run),
		.zeros_by_share = zeros && !zeros->is_exact,
		.no_zeros = zeros && zeros->why[0] ? zeros->why : NULL,
	};
}

void qmac_results_are_estimated(struct qmac_results *results, struct qmac_zeros *zeros,
                                struct qmac_values *values)
{
	results->zeros = zeros;
	results->values = values;
}

enum qmac_status qmac_results_metrics(struct qmac_results *results, const struct qmac_metrics *metrics,
                                      const struct qmac_records *records, struct qmac_error *err)
{
	struct qmac_tariff tariff;
	struct qmac_metrics row = *metrics;
	struct qmac_records layers = *records;
	enum qmac_status status = QMAC_OK;

	if (results->zeros)
		status = qmac_zeros_epoch(results->zeros, &layers, err);
	if (!status && results->values)
		status = qmac_values_epoch(results->values, &row, &layers, err);
	if (status)
		return status;
	tariff = tariff_of(results);
	qmac_records_add(records, results->spent);
	qmac_metrics_csv_row(stream_of(results, QMAC_RESULT_METRICS), &row,
	                     qmac_tariff_joules(&tariff, results->spent));
	status = check_stream(&results->files[QMAC_RESULT_METRICS], err);
	if (status)
		return status;
	qmac_layers_csv_rows(stream_of(results, QMAC_RESULT_LAYERS), &layers, &tariff);
	return check_stream(&results->files[QMAC_RESULT_LAYERS], err);
}

enum qmac_status qmac_results_switch(struct qmac_results *results, const struct qmac_format_switch *row,
                                     struct qmac_error *err)
{
	qmac_switches_csv_row(stream_of(results, QMAC_RESULT_SWITCHES), row);
	return check_stream(&results->files[QMAC_RESULT_SWITCHES], err);
}

enum qmac_status qmac_results_format(struct qmac_results *results, const struct qmac_format_change *row,
                                     struct qmac_error *err)
{
	qmac_formats_csv_row(stream_of(results, QMAC_RESULT_FORMATS), row);
	return check_stream(&results->files[QMAC_RESULT_FORMATS], err);
}

void qmac_results_retire(struct qmac_results *results, const struct qmac_retire *record)
{
	if (results->timeline_records >= results->config.run.timeline)
		return;
	results->timeline_records++;
	qmac_timeline_record(&results->lanes, stream_of(results, QMAC_RESULT_TIMELINE), record);
}

/* ---- checkpoints ---------------------------------------------------------------- */

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

	for (int i = 0; !status && i < QMAC_RESULT_FILES; i++) {
		struct qmac_atomic_file *file = &results->files[i];
		size_t bytes = 0;

		if (!file->stream)
			continue;
		status = read_back(file, &results->so_far[i], &bytes, err);
		qmac_state_add(state, qmac_member_names[i], results->so_far[i], bytes);
	}
	QMAC_STATE_VALUE(state, "results.spent", results->spent);
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

	for (int i = 0; !status && i < QMAC_RESULT_FILES; i++) {
		const struct qmac_atomic_file *file = &results->files[i];
		const void *text = file->stream ? piece(context, qmac_member_names[i], &bytes) : NULL;

		if (!text)
			continue;
		rewind(file->stream); /* over the head, which is the same */
		fwrite(text, 1, bytes, file->stream);
		status = check_stream(file, err);
	}
	if (!status && !(take_piece(piece, context, "results.timeline", &results->timeline_records,
	                            sizeof results->timeline_records)
	                 && take_piece(piece, context, "results.lanes", &results->lanes.lanes,
	                               sizeof results->lanes.lanes)
	                 && take_piece(piece, context, "results.spent", &results->spent,
	                               sizeof results->spent)))
		return qmac_fail(err, QMAC_BAD_INPUT, "the checkpoint in %s has no results: start over without"
		                 " --resume", results->folder);
	return status;
}

/* ---- the end --------------------------------------------------------------------- */

static enum qmac_status write_tensors(struct qmac_results *results, const struct qmac_trained_net *net,
                                      char weights_sha256[QMAC_SHA256_TEXT], struct qmac_error *err)
{
	struct qmac_values *values = results->values;
	FILE *manifest;
	char path[QMAC_MEMBER_PATH];
	enum qmac_status status;

	snprintf(path, sizeof path, "%s/weights", results->folder);
	status = qmac_make_folder(path, err);
	qmac_temporary_clean(path); /* before there is one of ours */
	if (!status)
		status = open_file(results, QMAC_RESULT_MANIFEST, err);
	manifest = stream_of(results, QMAC_RESULT_MANIFEST);
	if (status)
		return status;
	return values ?
	       qmac_values_copy(values, &results->tensors, results->folder, manifest, weights_sha256, err) :
	       qmac_tensors_write(&results->tensors, results->folder, net, manifest, weights_sha256, err);
}

/* The text of those that are written at once, and the end of those that grew. */
static enum qmac_status write_files(struct qmac_results *results, const struct qmac_train_result *result,
                                    char weights_sha256[QMAC_SHA256_TEXT], struct qmac_error *err)
{
	static const enum qmac_result_file always[] = {QMAC_RESULT_CONFIG, QMAC_RESULT_HW, QMAC_RESULT_ENERGY,
	                                               QMAC_RESULT_AREA};
	enum qmac_status status = QMAC_OK;
	FILE *weights;

	for (size_t i = 0; !status && i < sizeof always / sizeof always[0]; i++)
		status = open_file(results, always[i], err);
	if (!status && (result->weights || (results->values && !result->net)))
		status = open_file(results, QMAC_RESULT_WEIGHTS, err);
	weights = stream_of(results, QMAC_RESULT_WEIGHTS);
	if (!status && weights && results->values)
		status = qmac_values_copy(results->values, NULL, NULL, weights, weights_sha256, err);
	if (!status && result->net && !result->last.estimated)
		status = write_tensors(results, result->net, weights_sha256, err);
	if (status)
		return status;
	qmac_run_config_print(&results->config, &qmac_member_copies, stream_of(results, QMAC_RESULT_CONFIG));
	qmac_hw_file_print(&results->hw, stream_of(results, QMAC_RESULT_HW));
	qmac_energy_print(&results->tables.energy, stream_of(results, QMAC_RESULT_ENERGY));
	qmac_area_print(&results->tables.area, stream_of(results, QMAC_RESULT_AREA));
	if (result->weights)
		qmac_npy_write(weights, result->weights, result->weight_count, result->weight_columns,
		               weights_sha256);
	if (stream_of(results, QMAC_RESULT_TIMELINE))
		qmac_timeline_tail(stream_of(results, QMAC_RESULT_TIMELINE));
	return QMAC_OK;
}

/* Every file of the result is on the disk, under its temporary name. */
static enum qmac_status write_all(struct qmac_results *results, const struct qmac_train_result *result,
                                  double wall_seconds, struct qmac_error *err)
{
	struct qmac_atomic_file *summary_file = &results->files[QMAC_RESULT_SUMMARY];
	char weights_sha256[QMAC_SHA256_TEXT] = "", sha256[QMAC_RESULT_FILES][QMAC_SHA256_TEXT] = {""};
	const struct qmac_tariff tariff = tariff_of(results);
	const struct qmac_summary summary = {
		.run = &results->config.run, .hw = &results->hw, .result = result, .tariff = &tariff,
		.area = &results->tables.area, .spent = results->spent, .sha256 = sha256,
		.wall_seconds = wall_seconds, .weights_sha256 = weights_sha256,
		.timed_from = results->values ? results->values->name : NULL,
	};
	enum qmac_status status = write_files(results, result, weights_sha256, err);

	for (int i = 0; !status && i < QMAC_RESULT_SUMMARY; i++)
		if (results->files[i].stream)
			status = qmac_atomic_finish(&results->files[i], sha256[i], err);
	if (!status)
		status = open_file(results, QMAC_RESULT_SUMMARY, err);
	if (status)
		return status;
	qmac_summary_write(summary_file->stream, &summary);
	status = qmac_atomic_finish(summary_file, sha256[QMAC_RESULT_SUMMARY], err);
	if (status)
		return status;
	qmac_summary_seal(summary_file->stream, sha256[QMAC_RESULT_SUMMARY]);
	return qmac_atomic_finish(summary_file, NULL, err);
}

enum { PLOT_NAME = 64 };

/* The plot of a figure against epochs. */
static void plot_name(enum qmac_figure figure, char name[PLOT_NAME])
{
	snprintf(name, PLOT_NAME, "%s.svg", qmac_figure_kinds[figure].name);
}

/* Of the rows that are on the disk by now. */
static void draw(struct qmac_results *results, enum qmac_figure headline)
{
	const struct qmac_figure_kind *kind = &qmac_figure_kinds[headline];
	const struct qmac_series series = {
		.title = qmac_run_method(&results->config.run),
		.file = results->files[QMAC_RESULT_METRICS].temporary,
	};
	const struct qmac_plot picture = {
		.title = kind->title, .x = "epoch", .y = kind->name, .log_y = kind->over_magnitudes,
		.series = &series, .series_count = 1,
	};
	char name[PLOT_NAME];

	plot_name(headline, name);
	(void)qmac_plot_draw(&picture, results->folder, name, &results->picture, results->warning,
	                     sizeof results->warning);
}

static enum qmac_status remove_file(const struct qmac_results *results, const char *name,
                                    struct qmac_error *err)
{
	char path[QMAC_PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s", results->folder, name);
	if (unlink(path) && errno != ENOENT && errno != ENOTDIR)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot replace %s: %s", path, strerror(errno));
	return QMAC_OK;
}

/* Puts the new files in the place of those of an older run, and removes what this run has none of. */
static enum qmac_status place_files(struct qmac_results *results, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	struct qmac_error objection;

	for (int i = 0; !status && i < QMAC_FIGURES; i++) {
		char name[PLOT_NAME];

		plot_name((enum qmac_figure)i, name);
		status = remove_file(results, name, err);
	}
	if (!status)
		status = qmac_tensors_remove(results->folder, err);
	if (!status)
		status = qmac_tensors_place(&results->tensors, results->folder, err);
	for (int i = 0; !status && i < QMAC_RESULT_SUMMARY; i++)
		status = results->files[i].stream ? qmac_atomic_place(&results->files[i], err)
		                                  : remove_file(results, qmac_member_names[i], err);
	if (!status && results->picture.stream && qmac_atomic_place(&results->picture, &objection))
		snprintf(results->warning, sizeof results->warning, "no plot: %.400s", objection.message);
	return status;
}

/*
 * From the old result to the new one: in between there is no summary.json, in the folder as on the disk, and
 * so nothing that looks like a result.
 */
static enum qmac_status replace(struct qmac_results *results, struct qmac_error *err)
{
	enum qmac_status status = remove_file(results, qmac_member_names[QMAC_RESULT_SUMMARY], err);

	if (!status)
		status = qmac_folder_sync(results->folder, err);
	if (!status)
		status = place_files(results, err);
	if (!status)
		status = qmac_folder_sync(results->folder, err);
	if (!status)
		status = qmac_atomic_place(&results->files[QMAC_RESULT_SUMMARY], err);
	return status ? status : qmac_folder_sync(results->folder, err);
}

static enum qmac_status check_lock(const struct qmac_results *results, struct qmac_error *err)
{
	return qmac_folder_lock_holds(&results->lock, results->folder) ? QMAC_OK
	       : qmac_folder_lock_lost(results->folder, err);
}

enum qmac_status qmac_results_finish(struct qmac_results *results, const struct qmac_train_result *result,
                                     double wall_seconds, struct qmac_error *err)
{
	enum qmac_status status = check_lock(results, err);
	struct qmac_train_result whole = *result;

	if (results->values)
		qmac_values_end(results->values, &whole);
	if (!status)
		status = write_all(results, &whole, wall_seconds, err);
	if (!status && !whole.last.estimated)
		draw(results, whole.last.headline);
	if (!status)
		status = check_lock(results, err); /* to write and to draw may have taken a while */
	if (!status)
		status = replace(results, err);
	return status;
}

const char *qmac_results_warning(const struct qmac_results *results)
{
	return results->warning;
}

void qmac_results_destroy(struct qmac_results *results)
{
	if (!results)
		return;
	qmac_atomic_abandon(&results->picture);
	qmac_tensors_abandon(&results->tensors);
	for (int i = 0; i < QMAC_RESULT_FILES; i++) {
		qmac_atomic_abandon(&results->files[i]);
		free(results->so_far[i]);
	}
	if (results->lock.made && qmac_folder_lock_holds(&results->lock, results->folder))
		(void)rmdir(results->folder); /* a run that was refused leaves nothing; others fill it */
	qmac_folder_lock_release(&results->lock);
	free(results);
}
