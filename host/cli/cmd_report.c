#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "config/hw_file.h"
#include "report/array_table.h"
#include "report/collect.h"
#include "report/folder_lock.h"
#include "report/goal.h"
#include "report/layer_table.h"
#include "report/members.h"
#include "report/page.h"
#include "report/results.h"
#include "report/stored.h"

#define DEFAULT_OUT "qmac-out/report.svg"

enum { TITLE = QMAC_PATH_MAX + 200 };

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

/* What the plots are made of: the lines, and of each what is known of its layers. */
struct subject {
	const struct qmac_comparison *lines;
	const struct qmac_net_history *histories; /* by line; without layers: of no network on the device */
	int count;
};

/* The lines that tell the figure of the first one with a result. */
static void choose_series(const struct subject *subject, struct qmac_series *series, struct qmac_plot *plot)
{
	const struct qmac_figure_kind *headline = qmac_comparison_headline(subject->lines, subject->count);
	int others = 0;

	plot->series = series;
	for (int i = 0; i < subject->count; i++) {
		const struct qmac_stored *stored = subject->lines[i].stored;

		if (!stored)
			continue;
		if (qmac_stored_headline(stored) == headline)
			series[plot->series_count++] = (struct qmac_series){.title = subject->lines[i].name,
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

/* "formats of DIR: lenet5, adapt, seed 1". */
static void title_run(const struct qmac_comparison *line, char *title, size_t size)
{
	const struct qmac_json *summary = line->stored->summary;
	static const char *const keys[] = {"network", "algorithm", "seed"};
	int used = snprintf(title, size, "formats of %s", line->name);

	for (size_t i = 0; i < sizeof keys / sizeof keys[0] && used > 0 && (size_t)used < size; i++) {
		const char *text = qmac_json_text(summary, keys[i]);

		used += snprintf(title + used, size - (size_t)used, "%s%s%s", i ? ", " : ": ",
		                 i == 2 ? "seed " : "", text ? text : "-");
	}
}

/* Of networks: the figure beside the loss, and what is known of the layers of those on the device. */
static bool write_page(const struct subject *subject, const struct qmac_plot *plot, const char *folder,
                       const char *name, char *warning, size_t warning_size)
{
	const struct qmac_figure_kind *loss = &qmac_figure_kinds[QMAC_FIGURE_TRAIN_LOSS];
	struct qmac_plot plots[2] = {*plot, *plot};
	struct qmac_page_run *runs = calloc((size_t)subject->count, sizeof *runs);
	char (*titles)[TITLE] = calloc((size_t)subject->count, sizeof *titles);
	struct qmac_page page = {.plots = plots, .runs = runs};
	bool is_written = false;

	plots[1].title = loss->title;
	plots[1].y = loss->name;
	plots[1].log_y = loss->over_magnitudes;
	plots[0].marks = plots[1].marks = true;
	for (int i = 0; runs && titles && i < subject->count; i++) {
		if (subject->lines[i].stored && !qmac_stored_is_estimate(subject->lines[i].stored))
			page.plot_count = 2; /* estimates have no figures */
		if (!subject->histories[i].layer_count)
			continue;
		title_run(&subject->lines[i], titles[i], sizeof titles[i]);
		runs[page.run_count++] = (struct qmac_page_run){titles[i], &subject->histories[i]};
	}
	if (runs && titles)
		is_written = qmac_page_write(&page, folder, name, warning, warning_size);
	else
		snprintf(warning, warning_size, "no plot: out of memory");
	free(runs);
	free(titles);
	return is_written;
}

static bool write_picture(const struct subject *subject, const char *folder, const char *name, char *warning,
                          size_t warning_size)
{
	struct qmac_series *series = calloc((size_t)subject->count, sizeof *series);
	struct qmac_plot plot = {.x = "epoch"};
	bool networks = false, is_written = false;

	if (series) {
		choose_series(subject, series, &plot);
		for (int i = 0; i < subject->count; i++)
			networks |= subject->lines[i].stored && qmac_stored_is_of_network(subject->lines[i].stored);
		is_written = networks ? write_page(subject, &plot, folder, name, warning, warning_size) :
		             qmac_plot_write(&plot, folder, name, warning, warning_size);
	} else {
		snprintf(warning, warning_size, "no plot: out of memory");
	}
	free(series);
	return is_written;
}

/* Draws to a file; a plot that was asked for by name must succeed. */
static enum qmac_status draw(const struct qmac_cli_options *options, const struct subject *subject,
                             struct qmac_error *err)
{
	const char *file = options->out ? options->out : DEFAULT_OUT, *slash = strrchr(file, '/');
	char folder[QMAC_PATH_MAX] = ".", warning[512];
	struct qmac_folder_lock lock;
	enum qmac_status status;
	struct stat there;

	if (slash && (size_t)(slash - file) < sizeof folder)
		snprintf(folder, sizeof folder, "%.*s", slash == file ? 1 : (int)(slash - file), file);
	if ((slash && !slash[1]) || !file[0] || (stat(file, &there) == 0 && S_ISDIR(there.st_mode)))
		return qmac_fail(err, QMAC_BAD_INPUT, "--out wants the name of an SVG file, not a folder");
	status = qmac_folder_lock_share(&lock, folder, err);
	if (status)
		return status;
	if (write_picture(subject, folder, slash ? slash + 1 : file, warning, sizeof warning))
		qmac_cli_say("plot in %s\n", file);
	else if (options->out)
		status = qmac_fail(err, QMAC_BAD_INPUT, "%s", warning);
	else
		qmac_cli_warn("qmac: %s\n", warning);
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

/* What was read of a folder. */
struct reading {
	struct qmac_stored *stored;
	struct qmac_net_history *histories;
	struct qmac_comparison *lines;
	int complete; /* how many folders hold a complete result */
	struct qmac_goal goal; /* without values: there is none */
};

/* A folder and, of a network, what it tells of the layers. */
static enum qmac_status read_folder(const struct qmac_collected *item, struct qmac_stored *stored,
                                    struct qmac_net_history *history, struct qmac_error *err)
{
	enum qmac_status status;

	if (item->failed)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s holds no result: the run failed", item->folder);
	status = qmac_stored_read(item->folder, stored, err);
	if (!status && (status = qmac_net_history_read(item->folder, stored, history, err)))
		qmac_stored_free(stored);
	return status;
}

/*
 * Reads the folders. One that was given by its own path must be complete; of those found in another, what is
 * not complete is named.
 */
static enum qmac_status read_all(const struct qmac_collection *folders, struct reading *reading,
                                 struct qmac_error *err)
{
	char text[3200];

	for (int i = 0; i < folders->count; i++) {
		const struct qmac_collected *item = &folders->items[i];
		struct qmac_comparison *line = &reading->lines[i];
		enum qmac_status status = read_folder(item, &reading->stored[i], &reading->histories[i], err);

		line->name = item->folder;
		line->note = item->failed ? "failed" : "incomplete";
		if (status && (item->named || status != QMAC_BAD_INPUT))
			return status;
		if (status) {
			qmac_cli_warn("qmac: %s\n", qmac_error_text(err, text, sizeof text));
			continue;
		}
		warn_damaged(item->folder);
		line->stored = &reading->stored[i];
		line->note = has_diverged(line->stored) ? "diverged" : "";
		reading->complete++;
	}
	return QMAC_OK;
}

/* How the layers use the array of the hardware that the folder names. */
static enum qmac_status print_array(const char *folder, const struct qmac_net_history *history,
                                    struct qmac_error *err)
{
	char path[QMAC_MEMBER_PATH];
	struct qmac_hw hw;
	enum qmac_status status;

	(void)qmac_member_path(folder, QMAC_RESULT_HW, path);
	status = qmac_hw_load(&hw, path, err);
	if (status)
		return status;
	qmac_array_table_print(history, &hw, stdout);
	qmac_cli_say("\n");
	return QMAC_OK;
}

static enum qmac_status report(const struct qmac_cli_options *options, const struct qmac_collection *folders,
                               struct reading *reading, struct qmac_error *err)
{
	const struct subject subject = {reading->lines, reading->histories, folders->count};
	enum qmac_status status = read_all(folders, reading, err);

	if (status)
		return status;
	if (!reading->complete)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s holds no complete result%s", options->files[0],
		                 options->file_count > 1 ? ", nor do the others" : "");
	if (options->array && (folders->count > 1 || !reading->histories[0].layer_count))
		return qmac_fail(err, QMAC_BAD_INPUT, "--array needs the folder of one network on the device");
	qmac_comparison_print(reading->lines, folders->count, stdout);
	qmac_goal_print(&reading->goal, reading->lines, folders->count, stdout);
	if (folders->count == 1 && reading->histories[0].layer_count) {
		qmac_cli_say("\n");
		qmac_layer_table_print(&reading->histories[0], stdout);
		qmac_cli_say("\n");
		if (options->array)
			status = print_array(folders->items[0].folder, &reading->histories[0], err);
		if (status)
			return status;
	}
	return draw(options, &subject, err);
}

enum qmac_status qmac_cli_report(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_collection folders = {0};
	struct reading reading = {0};
	enum qmac_status status = QMAC_OK;

	if (options->goal && (status = qmac_goal_read(options->goal, &reading.goal, err)))
		return status;
	for (int i = 0; !status && i < options->file_count; i++)
		status = qmac_collect(&folders, options->files[i], err);
	if (!status)
		status = check_out(options, &folders, err);
	if (!status) {
		size_t count = (size_t)folders.count;

		reading.stored = calloc(count, sizeof *reading.stored);
		reading.histories = calloc(count, sizeof *reading.histories);
		reading.lines = calloc(count, sizeof *reading.lines);
		status = reading.stored && reading.histories && reading.lines ?
		         report(options, &folders, &reading, err) : qmac_fail(err, QMAC_INTERNAL, "out of memory");
	}
	for (int i = 0; reading.stored && i < folders.count; i++)
		qmac_stored_free(&reading.stored[i]);
	for (int i = 0; reading.histories && i < folders.count; i++)
		qmac_net_history_free(&reading.histories[i]);
	free(reading.lines);
	free(reading.histories);
	free(reading.stored);
	qmac_collection_free(&folders);
	return status;
}
