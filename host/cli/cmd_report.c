#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "report/collect.h"
#include "report/folder_lock.h"
#include "report/members.h"
#include "report/plot.h"
#include "report/results.h"
#include "report/stored.h"

#define DEFAULT_OUT "qmac-out/report.svg"

/* The plot must not take the place of what it is drawn from. */
static enum qmac_status check_out(const struct qmac_cli_options *options,
                                  const struct qmac_collection *folders, struct qmac_error *err)
{
	struct qmac_inputs inputs = {0};
	enum qmac_status status = QMAC_OK;
	char path[QMAC_MEMBER_PATH];

	for (int i = 0; i < folders->count; i++)
		for (int k = 0; !status && qmac_member_path(folders->items[i].folder, k, path); k++)
			status = qmac_inputs_add(&inputs, "a file of the result", path, err);
	for (int i = 0; !status && i < options->file_count; i++)
		if (snprintf(path, sizeof path, "%s/results.csv", options->files[i]) < (int)sizeof path)
			status = qmac_inputs_add(&inputs, "the table of the sweep", path, err);
	if (!status)
		status = qmac_output_check(&inputs, "the plot", options->out ? options->out : DEFAULT_OUT, err);
	qmac_inputs_free(&inputs);
	return status;
}

/* The lines that tell the figure of the first one with a result. */
static void choose_series(const struct qmac_comparison *lines, int count, struct qmac_series *series,
                          struct qmac_plot *plot)
{
	const struct qmac_figure_kind *headline = qmac_comparison_headline(lines, count);
	int others = 0;

	plot->series = series;
	for (int i = 0; i < count; i++) {
		const struct qmac_stored *stored = lines[i].stored;

		if (!stored)
			continue;
		if (qmac_stored_headline(stored) == headline)
			series[plot->series_count++] = (struct qmac_series){.title = lines[i].name,
			                                                    .file = stored->metrics_path};
		else
			others++;
	}
	plot->title = headline->title;
	plot->y = headline->name;
	plot->log_y = headline->over_magnitudes;
	if (others)
		qmac_cli_warn("qmac: the plot is of %s: without %d of the runs, which tell another figure\n",
		        headline->title, others);
}

/* Draws to a file; a plot that was asked for by name must succeed. */
static enum qmac_status draw(const struct qmac_cli_options *options, const struct qmac_comparison *lines,
                             int count, struct qmac_error *err)
{
	const char *file = options->out ? options->out : DEFAULT_OUT, *slash = strrchr(file, '/');
	struct qmac_plot plot = {.x = "epoch"};
	char folder[QMAC_PATH_MAX] = ".", warning[512];
	struct qmac_folder_lock lock;
	struct qmac_series *series;
	enum qmac_status status;
	struct stat there;

	if (slash && (size_t)(slash - file) < sizeof folder)
		snprintf(folder, sizeof folder, "%.*s", slash == file ? 1 : (int)(slash - file), file);
	if ((slash && !slash[1]) || !file[0] || (stat(file, &there) == 0 && S_ISDIR(there.st_mode)))
		return qmac_fail(err, QMAC_BAD_INPUT, "--out wants the name of an SVG file, not a folder");
	status = qmac_folder_lock_share(&lock, folder, err);
	if (status)
		return status;
	series = calloc((size_t)count, sizeof *series);
	if (!series) {
		qmac_folder_lock_release(&lock);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	}
	choose_series(lines, count, series, &plot);
	if (qmac_plot_write(&plot, folder, slash ? slash + 1 : file, warning, sizeof warning))
		qmac_cli_say("plot in %s\n", file);
	else if (options->out)
		status = qmac_fail(err, QMAC_BAD_INPUT, "%s", warning);
	else
		qmac_cli_warn("qmac: %s\n", warning);
	free(series);
	qmac_folder_lock_release(&lock);
	return status;
}

static bool has_diverged(const struct qmac_stored *stored)
{
	const char *text = qmac_json_text(stored->summary, "diverged");

	return text && strcmp(text, "true") == 0;
}

/* What is shown may not be what was computed. */
static void warn_damaged(const char *folder)
{
	char why[128];

	if (qmac_results_check(folder, why, sizeof why, NULL) == QMAC_OK && why[0])
		qmac_cli_warn("qmac: the result in %s is not as it was written: %s\n", folder, why);
}

/*
 * Reads the folders. One that was given by its own path must be complete; of those found in another, what is
 * not complete is named. complete: how many are.
 */
static enum qmac_status read_all(const struct qmac_collection *folders, struct qmac_stored *stored,
                                 struct qmac_comparison *lines, int *complete, struct qmac_error *err)
{
	char text[3200];

	*complete = 0;
	for (int i = 0; i < folders->count; i++) {
		const struct qmac_collected *item = &folders->items[i];
		enum qmac_status status = item->failed ?
			qmac_fail(err, QMAC_BAD_INPUT, "%s holds no result: the run failed", item->folder) :
			qmac_stored_read(item->folder, &stored[i], err);

		lines[i].name = item->folder;
		lines[i].note = item->failed ? "failed" : "incomplete";
		if (status && (item->named || status != QMAC_BAD_INPUT))
			return status;
		if (status) {
			qmac_cli_warn("qmac: %s\n", qmac_error_text(err, text, sizeof text));
			continue;
		}
		warn_damaged(item->folder);
		lines[i].stored = &stored[i];
		lines[i].note = has_diverged(&stored[i]) ? "diverged" : "";
		++*complete;
	}
	return QMAC_OK;
}

static enum qmac_status report(const struct qmac_cli_options *options, const struct qmac_collection *folders,
                               struct qmac_stored *stored, struct qmac_comparison *lines,
                               struct qmac_error *err)
{
	int complete;
	enum qmac_status status = read_all(folders, stored, lines, &complete, err);

	if (status)
		return status;
	if (!complete)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s holds no complete result%s", options->files[0],
		                 options->file_count > 1 ? ", nor do the others" : "");
	qmac_comparison_print(lines, folders->count, stdout);
	return draw(options, lines, folders->count, err);
}

enum qmac_status qmac_cli_report(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_collection folders = {0};
	struct qmac_stored *stored = NULL;
	struct qmac_comparison *lines = NULL;
	enum qmac_status status = QMAC_OK;

	for (int i = 0; !status && i < options->file_count; i++)
		status = qmac_collect(&folders, options->files[i], err);
	if (!status)
		status = check_out(options, &folders, err);
	if (!status) {
		stored = calloc((size_t)folders.count, sizeof *stored);
		lines = calloc((size_t)folders.count, sizeof *lines);
		status = stored && lines ? report(options, &folders, stored, lines, err)
		         : qmac_fail(err, QMAC_INTERNAL, "out of memory");
	}
	for (int i = 0; stored && i < folders.count; i++)
		qmac_stored_free(&stored[i]);
	free(lines);
	free(stored);
	qmac_collection_free(&folders);
	return status;
}
