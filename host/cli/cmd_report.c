#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "report/folder_lock.h"
#include "report/members.h"
#include "report/plot.h"
#include "report/stored.h"

#define DEFAULT_OUT "qmac-out/report.svg"

/* The plot must not take the place of what it is drawn from. */
static enum qmac_status check_out(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_inputs inputs = {0};
	enum qmac_status status = QMAC_OK;
	char path[QMAC_MEMBER_PATH];

	for (int i = 0; i < options->file_count; i++)
		for (int k = 0; !status && qmac_member_path(options->files[i], k, path); k++)
			status = qmac_inputs_add(&inputs, "a file of the result", path, err);
	if (!status)
		status = qmac_output_check(&inputs, "the plot", options->out ? options->out : DEFAULT_OUT, err);
	qmac_inputs_free(&inputs);
	return status;
}

/* Draws to a file; a plot that was asked for by name must succeed. */
static enum qmac_status draw(const struct qmac_cli_options *options, const struct qmac_comparison *lines,
                             int count, struct qmac_error *err)
{
	const char *file = options->out ? options->out : DEFAULT_OUT, *slash = strrchr(file, '/');
	const struct qmac_figure_kind *headline = count ? qmac_stored_headline(lines[0].stored) : NULL;
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
	for (int i = 0; i < count; i++)
		if (qmac_stored_headline(lines[i].stored) == headline)
			series[plot.series_count++] = (struct qmac_series){
				.title = lines[i].name, .file = lines[i].stored->metrics_path,
			};
	if (plot.series_count < count)
		fprintf(stderr, "qmac: the plot is of %s: without %d of the runs, which tell another figure\n",
		        headline->title, count - plot.series_count);
	plot.title = headline->title;
	plot.y = headline->name;
	plot.log_y = headline->over_magnitudes;
	plot.series = series;
	if (qmac_plot_write(&plot, folder, slash ? slash + 1 : file, warning, sizeof warning))
		printf("plot in %s\n", file);
	else if (options->out)
		status = qmac_fail(err, QMAC_BAD_INPUT, "%s", warning);
	else
		fprintf(stderr, "qmac: %s\n", warning);
	free(series);
	qmac_folder_lock_release(&lock);
	return status;
}

enum qmac_status qmac_cli_report(const struct qmac_cli_options *options, struct qmac_error *err)
{
	int count = options->file_count, read = 0;
	struct qmac_stored *stored = calloc((size_t)count, sizeof *stored);
	struct qmac_comparison *lines = calloc((size_t)count, sizeof *lines);
	enum qmac_status status = check_out(options, err);

	if (!status && (!stored || !lines))
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory");
	for (; !status && read < count; read += !status) {
		const char *diverged;

		status = qmac_stored_read(options->files[read], &stored[read], err);
		if (status)
			break;
		diverged = qmac_json_text(stored[read].summary, "diverged");
		lines[read] = (struct qmac_comparison){
			.name = options->files[read],
			.stored = &stored[read],
			.note = diverged && strcmp(diverged, "true") == 0 ? "diverged" : "",
		};
	}
	if (!status) {
		qmac_comparison_print(lines, count, stdout);
		status = draw(options, lines, count, err);
	}
	for (int i = 0; i < read; i++)
		qmac_stored_free(&stored[i]);
	free(lines);
	free(stored);
	return status;
}
