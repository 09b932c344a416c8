#define _POSIX_C_SOURCE 200809L
#include "sweep/sweep.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/text.h"
#include "report/atomic_file.h"
#include "report/plot.h"
#include "report/results.h"
#include "sweep/curve.h"
#include "sweep/row.h"
#include "sweep/seeds.h"

/* An answer goes through the pipe in one piece and never blocks the writer. */
_Static_assert(sizeof(struct qmac_sweep_answer) <= PIPE_BUF, "an answer fits one pipe write");

struct running {
	const struct qmac_sweep_options *options;
	struct qmac_sweep_row *rows;
	int count, started, ended, active;
	bool stopping;
};

static int parent_is_gone(void *context, const struct qmac_metrics *metrics)
{
	const pid_t *parent = context;

	(void)metrics;
	return getppid() != *parent;
}

/* In the child: runs the job, answers, ends without touching what it shares with the parent. */
static void work(const struct running *running, struct qmac_sweep_row *row, int out, pid_t parent)
{
	const struct qmac_job job = {
		.config = &row->config, .folder = row->folder, .resume = running->options->resume,
		.stop = running->options->stop, .on_metrics = parent_is_gone, .context = &parent,
	};
	struct qmac_sweep_answer answer;

	memset(&answer, 0, sizeof answer);
	answer.status = qmac_job_run(&job, &answer.result, &answer.err);
	_exit(write(out, &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : QMAC_INTERNAL);
}

static void start(struct running *running)
{
	struct qmac_sweep_row *row = &running->rows[running->started];
	pid_t parent = getpid();
	int ends[2], reason;

	running->started++;
	running->active++;
	if (pipe(ends) == 0) {
		row->process = fork();
		if (row->process == 0)
			work(running, row, ends[1], parent);
		reason = errno;
		close(ends[1]);
		row->pipe = ends[0];
		if (row->process > 0)
			return;
		close(ends[0]);
	} else {
		reason = errno;
	}
	row->process = 0;
	row->answer.status = qmac_fail(&row->answer.err, QMAC_INTERNAL, "cannot start a process: %s",
	                               strerror(reason));
}

/* Takes the answer of a process that has ended with `status`. */
static void collect(struct qmac_sweep_row *row, int status)
{
	ssize_t got = read(row->pipe, &row->answer, sizeof row->answer);

	close(row->pipe);
	row->process = 0;
	if (got == (ssize_t)sizeof row->answer)
		return;
	memset(&row->answer, 0, sizeof row->answer);
	row->answer.status = QMAC_INTERNAL;
	if (WIFSIGNALED(status))
		qmac_fail(&row->answer.err, QMAC_INTERNAL, "its process was ended by signal %d", WTERMSIG(status));
	else
		qmac_fail(&row->answer.err, QMAC_INTERNAL, "its process ended without an answer");
}

static void report(struct running *running, struct qmac_sweep_row *row)
{
	const struct qmac_sweep_options *options = running->options;
	char text[1400];

	row->ended = true;
	running->active--;
	running->ended++;
	if (options->on_done && !running->stopping)
		options->on_done(options->context, row->name,
		                 row->answer.status ? qmac_error_text(&row->answer.err, text, sizeof text) : "",
		                 running->ended, running->count);
}

/* Looks at every process once. */
static void look(struct running *running)
{
	for (int i = 0; i < running->started; i++) {
		struct qmac_sweep_row *row = &running->rows[i];
		int status = 0;

		if (row->ended)
			continue;
		if (row->process) {
			if (waitpid(row->process, &status, WNOHANG) == 0)
				continue;
			collect(row, status);
		}
		report(running, row);
	}
}

static void stop_all(struct running *running)
{
	running->stopping = true;
	running->count = running->started;
	for (int i = 0; i < running->started; i++)
		if (running->rows[i].process)
			kill(running->rows[i].process, SIGTERM);
}

/*
 * Keeps `jobs` processes busy until all rows have ended. Polling, not a
 * blocking wait: a signal between the look at `stop` and the wait would be lost.
 */
static enum qmac_status run_all(struct running *running, struct qmac_error *err)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	const volatile sig_atomic_t *stop = running->options->stop;

	while (running->ended < running->count) {
		if (stop && *stop && !running->stopping)
			stop_all(running);
		while (running->started < running->count && running->active < running->options->jobs)
			start(running);
		look(running);
		nanosleep(&pause, NULL);
	}
	if (!running->stopping)
		return QMAC_OK;
	return qmac_fail(err, QMAC_CHECK_FAILED, "stopped; %s has no results.csv, its complete runs are kept: "
	                 "go on with --resume", running->options->folder);
}

static enum qmac_status check_plot(const struct qmac_sweep *sweep, struct qmac_error *err)
{
	const char *words = qmac_metrics_columns;

	if (qmac_curve_is_wanted(sweep))
		return qmac_curve_check(sweep, err);
	if (sweep->plot_best[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "plot has a best, but its x, '%s', is no key of run files to"
		                 " choose at", sweep->plot_x);
	if (sweep->plot_x[0] && qmac_words_find(words, sweep->plot_x) < 0)
		return qmac_text_unknown("column of metrics.csv for the x of plot", sweep->plot_x, words, err);
	if (sweep->plot_y[0] && qmac_words_find(words, sweep->plot_y) < 0)
		return qmac_text_unknown("column of metrics.csv for the y of plot", sweep->plot_y, words, err);
	return QMAC_OK;
}

/* Configurations of all rows, the folder, and nothing old in it that a reader could take for new. */
static enum qmac_status prepare(const struct qmac_sweep *sweep, const struct qmac_sweep_options *options,
                                struct qmac_sweep_row *rows, struct qmac_error *err)
{
	static const char *const old[] = {"results.csv", "sweep.svg", "curve.csv", "seeds.csv"};
	enum qmac_status status = check_plot(sweep, err);

	if (!status)
		status = qmac_sweep_check_pareto(sweep, err);
	for (int i = 0; !status && i < sweep->run_count; i++) {
		const struct qmac_sweep_run *run = &sweep->runs[i];

		rows[i].name = run->name;
		if (snprintf(rows[i].folder, sizeof rows[i].folder, "%s/%s", options->folder, run->name)
		    >= QMAC_PATH_MAX)
			return qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long");
		status = qmac_run_config_load(&rows[i].config, sweep->base, run->settings, run->setting_count, err);
	}
	if (!status)
		status = qmac_make_folder(options->folder, err);
	for (size_t i = 0; !status && i < sizeof old / sizeof old[0]; i++) {
		char path[1200];

		snprintf(path, sizeof path, "%s/%s", options->folder, old[i]);
		if (remove(path) && errno != ENOENT)
			status = qmac_fail(err, QMAC_BAD_INPUT, "cannot replace %s: %s", path, strerror(errno));
	}
	return status;
}

/* Reads the results; a diverged run that failed by its own rule has some, too. */
static void read_results(struct qmac_sweep_row *rows, int count)
{
	for (int i = 0; i < count; i++) {
		struct qmac_sweep_row *row = &rows[i];

		if (row->answer.status && !row->answer.result.diverged)
			continue;
		row->has_result = qmac_stored_read(row->folder, &row->stored, &row->answer.err) == QMAC_OK;
		if (!row->has_result && !row->answer.status)
			row->answer.status = QMAC_BAD_INPUT;
	}
}

static void plot(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows, const char *folder,
                 char *warning, size_t warning_size)
{
	struct qmac_series *series = calloc((size_t)sweep->run_count, sizeof *series);
	struct qmac_plot picture = {
		.x = sweep->plot_x, .y = sweep->plot_y, .log_y = true, .series = series,
	};

	for (int i = 0; series && i < sweep->run_count; i++)
		if (rows[i].has_result)
			series[picture.series_count++] = (struct qmac_series){.title = rows[i].name,
			                                                      .file = rows[i].stored.metrics_path};
	if (picture.series_count)
		qmac_plot_write(&picture, folder, "sweep.svg", warning, warning_size);
	free(series);
}

static void print_table(const struct qmac_sweep_row *rows, int count, FILE *out)
{
	struct qmac_comparison *lines = calloc((size_t)count, sizeof *lines);

	for (int i = 0; lines && i < count; i++) {
		const struct qmac_sweep_row *row = &rows[i];

		lines[i].name = row->name;
		lines[i].stored = row->has_result ? &row->stored : NULL;
		lines[i].note = row->answer.result.diverged ? "diverged" : row->answer.status ? "failed"
		                : row->pareto ? "pareto" : "";
	}
	if (lines)
		qmac_comparison_print(lines, count, out);
	free(lines);
}

/* The plot of final figures against a setting, the same as a file and as a table. */
static enum qmac_status draw_curve(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                                   const struct qmac_seeds *seeds, const struct qmac_sweep_options *options,
                                   char *warning, size_t warning_size, struct qmac_error *err)
{
	struct qmac_curve_point *points;
	int count = qmac_curve_make(sweep, rows, seeds, &points);
	enum qmac_status status = qmac_curve_write_csv(sweep, points, count, options->folder, err);

	if (!status) {
		qmac_curve_plot(sweep, points, count, options->folder, warning, warning_size);
		if (options->table)
			qmac_curve_print(sweep, points, count, options->table);
	}
	free(points);
	return status;
}

/* Files and tables of all runs together. */
static enum qmac_status conclude(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                                 const struct qmac_sweep_options *options, char *warning,
                                 size_t warning_size, struct qmac_error *err)
{
	const char *folder = options->folder;
	bool curve = qmac_curve_is_wanted(sweep);
	struct qmac_seeds seeds;
	enum qmac_status status = qmac_seeds_make(sweep, rows, &seeds, err);

	if (!status)
		status = qmac_sweep_write_csv(folder, rows, sweep->run_count, err);
	if (!status && seeds.count)
		status = qmac_seeds_write_csv(sweep, &seeds, rows, folder, err);
	if (status)
		goto out;
	if (sweep->plot_x[0] && sweep->plot_y[0] && !curve && seeds.count)
		qmac_seeds_plot(sweep, &seeds, rows, folder, warning, warning_size);
	else if (sweep->plot_x[0] && sweep->plot_y[0] && !curve)
		plot(sweep, rows, folder, warning, warning_size);
	if (options->table)
		print_table(rows, sweep->run_count, options->table);
	if (options->table && seeds.count)
		qmac_seeds_print(sweep, &seeds, rows, options->table);
	if (curve)
		status = draw_curve(sweep, rows, &seeds, options, warning, warning_size, err);
out:
	qmac_seeds_free(&seeds);
	return status;
}

/* The worst status of all runs, with a message that counts them. */
static enum qmac_status verdict(const struct qmac_sweep_row *rows, int count, struct qmac_error *err)
{
	enum qmac_status worst = QMAC_OK;
	int failed = 0;

	for (int i = 0; i < count; i++) {
		failed += rows[i].answer.status != QMAC_OK;
		if (rows[i].answer.status > worst)
			worst = rows[i].answer.status;
	}
	return worst ? qmac_fail(err, worst, "%d of %d runs failed", failed, count) : QMAC_OK;
}

enum qmac_status qmac_sweep_run(const struct qmac_sweep *sweep, const struct qmac_sweep_options *options,
                                char *warning, size_t warning_size, struct qmac_error *err)
{
	struct running running = {.options = options, .count = sweep->run_count};
	enum qmac_status status;

	warning[0] = 0;
	running.rows = calloc((size_t)sweep->run_count, sizeof *running.rows);
	if (!running.rows)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	status = prepare(sweep, options, running.rows, err);
	if (!status)
		status = run_all(&running, err);
	if (status)
		goto out;
	read_results(running.rows, sweep->run_count);
	if (sweep->pareto_x[0] && sweep->pareto_y[0])
		qmac_sweep_mark_pareto(running.rows, sweep->run_count, sweep->pareto_x, sweep->pareto_y);
	status = conclude(sweep, running.rows, options, warning, warning_size, err);
	if (!status)
		status = verdict(running.rows, sweep->run_count, err);
out:
	for (int i = 0; i < sweep->run_count; i++)
		if (running.rows[i].has_result)
			qmac_stored_free(&running.rows[i].stored);
	free(running.rows);
	return status;
}
