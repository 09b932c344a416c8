#define _POSIX_C_SOURCE 200809L
#include "sweep/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/cost_tables.h"
#include "config/hw_file.h"
#include "config/text.h"
#include "process/pool.h"
#include "report/atomic_file.h"
#include "report/folder_lock.h"
#include "report/members.h"
#include "report/results.h"
#include "run/inputs.h"
#include "sweep/curve.h"
#include "sweep/findings.h"
#include "sweep/group.h"
#include "sweep/row.h"
#include "sweep/unused.h"

_Static_assert(sizeof(struct qmac_sweep_answer) <= QMAC_POOL_ANSWER_MAX, "an answer fits the pool's pipe");

struct running {
	const struct qmac_sweep_options *options;
	struct qmac_sweep_row *rows;
	int count, ended;
	int *tasks;  /* rows of the present round */
	pid_t parent;
};

static int parent_is_gone(void *context, const struct qmac_metrics *metrics)
{
	const struct running *running = context;

	(void)metrics;
	return getppid() != running->parent;
}

static void on_note(void *context, const char *text)
{
	const struct running *running = context;

	running->options->on_note(running->options->context, text);
}

/* Has no earlier run the data file of this one? */
static bool is_first_of_file(const struct running *running, int index)
{
	const char *file = running->rows[index].config.run.file;

	while (--index >= 0 && strcmp(running->rows[index].config.run.file, file) != 0)
		;
	return index < 0;
}

/* Have all others of its group whole results, which are to be kept? */
static bool are_kept(const struct running *running, int index)
{
	const struct qmac_sweep_row *rows = running->rows;
	struct qmac_match match = {.kept = running->options->resume};
	struct qmac_hw_file hw;

	for (int i = 0; match.kept && i < running->count; i++)
		if (i != index && !rows[i].ended && rows[i].group == rows[index].group &&
		    (qmac_hw_file_load(&hw, rows[i].config.run.hw, NULL) ||
		     qmac_results_match(rows[i].folder, &rows[i].config, &hw, &match, NULL)))
			return false;
	return match.kept;
}

/* In a process of its own. */
static void work(void *context, int task, void *into)
{
	struct running *running = context;
	int index = running->tasks[task];
	const struct qmac_sweep_row *row = &running->rows[index];
	const struct qmac_job job = {
		.config = &row->config, .folder = row->folder, .timed_from = row->timed_from,
		.resume = running->options->resume,
		.start_over = true, .stop = running->options->stop, .on_metrics = parent_is_gone,
		.on_note = running->options->on_note && is_first_of_file(running, index) ? on_note : NULL,
		.on_lost = running->options->on_note ? on_note : NULL,
		.context = running,
	};
	struct qmac_sweep_answer *answer = into;
	struct qmac_error err;

	answer->status = qmac_job_run(&job, &answer->result, &answer->err);
	if ((!answer->status || answer->result.diverged) &&
	    qmac_sweep_leads(running->rows, running->count, index) && !are_kept(running, index) &&
	    qmac_retime_check(&job, answer->why, &err))
		snprintf(answer->why, sizeof answer->why, "%.150s", err.message);
}

static bool is_stopped(const struct qmac_sweep_options *options)
{
	return options->stop && *options->stop;
}

/* Says why runs are trained that could have had the values of another. */
static void note_training(const struct running *running, const struct qmac_sweep_row *row, const char *why)
{
	char text[512];

	if (!running->options->on_note || is_stopped(running->options))
		return;
	snprintf(text, sizeof text, "other hardware is trained, too, beside run %.120s: %.200s", row->name, why);
	running->options->on_note(running->options->context, text);
}

static void on_end(void *context, int task, const void *answer, const struct qmac_error *err)
{
	struct running *running = context;
	const struct qmac_sweep_options *options = running->options;
	int index = running->tasks[task];
	struct qmac_sweep_row *row = &running->rows[index];
	char text[1400];

	if (answer)
		memcpy(&row->answer, answer, sizeof row->answer);
	else
		row->answer = (struct qmac_sweep_answer){.status = QMAC_INTERNAL, .err = *err};
	if (!qmac_sweep_ended(running->rows, index)) {
		note_training(running, row, row->answer.err.message);
		return;
	}
	if (row->answer.why[0])
		note_training(running, row, row->answer.why);
	running->ended++;
	if (options->on_done && !is_stopped(options))
		options->on_done(options->context, row->name,
		                 row->answer.status ? qmac_error_text(&row->answer.err, text, sizeof text) : "",
		                 running->ended, running->count);
}

static enum qmac_status run_all(struct running *running, struct qmac_error *err)
{
	const struct qmac_sweep_options *options = running->options;
	struct qmac_pool pool = {
		.jobs = options->jobs, .answer_size = sizeof(struct qmac_sweep_answer),
		.work = work, .on_end = on_end, .context = running, .stop = options->stop,
	};
	int started;
	enum qmac_status status = QMAC_OK;

	running->parent = getpid();
	while (!status && !is_stopped(options)) {
		pool.count = qmac_sweep_round(running->rows, running->count, running->tasks);
		if (!pool.count)
			break;
		status = qmac_pool_run(&pool, &started, err);
	}
	if (status || !is_stopped(options))
		return status;
	return qmac_fail(err, QMAC_CHECK_FAILED, "stopped; %s has no results.csv, its complete runs are kept: "
	                 "go on with --resume", options->folder);
}

/* A name of `plot` that is no column of metrics.csv. */
static enum qmac_status check_column(const struct qmac_sweep *sweep, const char *name, const char *what,
                                     struct qmac_error *err)
{
	if (!name[0] || qmac_words_find(qmac_metrics_columns, name) >= 0)
		return QMAC_OK;
	(void)qmac_text_unknown(what, name, qmac_metrics_columns, err);
	return qmac_sweep_blame(sweep, name, err);
}

static enum qmac_status check_plot(const struct qmac_sweep *sweep, struct qmac_error *err)
{
	enum qmac_status status;

	if (qmac_curve_is_wanted(sweep))
		return qmac_curve_check(sweep, err);
	if (sweep->plot_best[0]) {
		(void)qmac_fail(err, QMAC_BAD_INPUT, "plot has a best, but its x, '%s', is no key of run files to"
		                " choose at", sweep->plot_x);
		return qmac_sweep_blame(sweep, sweep->plot_x, err);
	}
	status = check_column(sweep, sweep->plot_x, "column of metrics.csv for the x of plot", err);
	if (!status)
		status = check_column(sweep, sweep->plot_y, "column of metrics.csv for the y of plot", err);
	return status;
}

/* Every hardware file can be read; each is looked at once. */
static enum qmac_status check_hardware(const struct qmac_sweep_row *rows, int count, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	struct qmac_hw hw;

	for (int i = 0; !status && i < count; i++) {
		const char *file = rows[i].config.run.hw;
		int same = i - 1; /* backwards: rows of one file are mostly neighbours */

		while (same >= 0 && strcmp(rows[same].config.run.hw, file) != 0)
			same--;
		if (same < 0)
			status = qmac_hw_load(&hw, file, err);
	}
	return status;
}

static bool has_tables_of(const struct qmac_run *run, const struct qmac_run *other)
{
	return strcmp(qmac_run_energy(run), qmac_run_energy(other)) == 0 &&
	       strcmp(qmac_run_area(run), qmac_run_area(other)) == 0;
}

/* Every table of costs, likewise. */
static enum qmac_status check_tables(const struct qmac_sweep_row *rows, int count, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	struct qmac_cost_tables tables;

	for (int i = 0; !status && i < count; i++)
		if (i == 0 || !has_tables_of(&rows[i - 1].config.run, &rows[i].config.run))
			status = qmac_cost_tables_load(&tables, &rows[i].config.run, err);
	return status;
}

static void own_path(const struct qmac_sweep_options *options, int i, char path[QMAC_MEMBER_PATH])
{
	snprintf(path, QMAC_MEMBER_PATH, "%s/%s", options->folder, qmac_sweep_member_names[i]);
}

/* Nothing that any run reads is written over. */
static enum qmac_status check_outputs(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                                      const struct qmac_sweep_options *options, struct qmac_error *err)
{
	struct qmac_inputs inputs = {0};
	char path[QMAC_MEMBER_PATH];
	enum qmac_status status = qmac_inputs_add(&inputs, "the sweep file", sweep->file, err);

	for (int i = 0; !status && i < sweep->run_count; i++)
		status = qmac_run_inputs(&inputs, &rows[i].config, err);
	for (int i = 0; !status && i < QMAC_SWEEP_MEMBERS; i++) {
		own_path(options, i, path);
		status = qmac_inputs_spare(&inputs, "results", path, err);
	}
	for (int i = 0; !status && i < sweep->run_count; i++)
		status = qmac_members_spare(&inputs, rows[i].folder, err);
	qmac_inputs_free(&inputs);
	return status;
}

/* What can be known of all runs before one of them starts. */
static enum qmac_status check(const struct qmac_sweep *sweep, const struct qmac_sweep_options *options,
                              struct qmac_sweep_row *rows, struct qmac_error *err)
{
	enum qmac_status status = check_plot(sweep, err);
	struct qmac_goal goal;

	if (!status)
		status = qmac_sweep_check_pareto(sweep, err);
	if (!status)
		status = qmac_sweep_read_goal(sweep, &goal, err);
	for (int i = 0; !status && i < sweep->run_count; i++) {
		const struct qmac_sweep_run *run = &sweep->runs[i];

		rows[i].name = run->name;
		if (snprintf(rows[i].folder, sizeof rows[i].folder, "%s/%s", options->folder, run->name)
		    >= QMAC_PATH_MAX)
			return qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long");
		status = qmac_run_config_load(&rows[i].config, sweep->base, run->settings, run->setting_count, err);
	}
	if (!status)
		status = check_hardware(rows, sweep->run_count, err);
	if (!status)
		status = check_tables(rows, sweep->run_count, err);
	return status ? status : check_outputs(sweep, rows, options, err);
}

/* Locks the folder; nothing old stays in it that a reader could take for new. */
static enum qmac_status open_folder(const struct qmac_sweep_options *options, struct qmac_folder_lock *lock,
                                    struct qmac_error *err)
{
	enum qmac_status status = qmac_folder_lock_take(lock, options->folder, err);
	char path[QMAC_MEMBER_PATH];

	for (int i = 0; !status && i < QMAC_SWEEP_MEMBERS; i++) {
		own_path(options, i, path);
		status = qmac_atomic_check(path, err);
	}
	for (int i = 0; !status && i < QMAC_SWEEP_MEMBERS; i++) {
		own_path(options, i, path);
		if (unlink(path) && errno != ENOENT)
			status = qmac_fail(err, QMAC_BAD_INPUT, "cannot replace %s: %s", path, strerror(errno));
	}
	return status ? status : qmac_folder_sync(options->folder, err);
}

/* Reads the results; a diverged run that failed by its own rule has some, too. */
static void read_results(const struct running *running)
{
	const struct qmac_sweep_options *options = running->options;
	char text[1400];

	for (int i = 0; i < running->count; i++) {
		struct qmac_sweep_row *row = &running->rows[i];

		if (row->answer.status && !row->answer.result.diverged)
			continue;
		row->has_result = qmac_stored_read(row->folder, &row->stored, &row->answer.err) == QMAC_OK;
		if (row->has_result)
			continue;
		if (!row->answer.status)
			row->answer.status = QMAC_BAD_INPUT;
		if (options->on_done)
			options->on_done(options->context, row->name,
			                 qmac_error_text(&row->answer.err, text, sizeof text), running->ended,
			                 running->count);
	}
}

/*
 * The worst status of all runs, with a message that counts them. Runs that another process has locked are
 * none of ours, and their status is the least of all.
 */
static enum qmac_status verdict(const struct qmac_sweep_row *rows, int count, struct qmac_error *err)
{
	enum qmac_status worst = QMAC_OK;
	int failed = 0, locked = 0;

	for (int i = 0; i < count; i++) {
		enum qmac_status status = rows[i].answer.status;

		locked += status == QMAC_LOCKED;
		if (status == QMAC_OK || status == QMAC_LOCKED)
			continue;
		failed++;
		worst = status > worst ? status : worst;
	}
	if (failed)
		return qmac_fail(err, worst, "%d of %d runs failed", failed + locked, count);
	return locked ? qmac_fail(err, QMAC_LOCKED, "%d of %d runs are locked by another process: run it again"
	                          " with --resume when that has ended", locked, count) : QMAC_OK;
}

enum qmac_status qmac_sweep_run(const struct qmac_sweep *sweep, const struct qmac_sweep_options *options,
                                char *warning, size_t warning_size, struct qmac_error *err)
{
	struct running running = {.options = options, .count = sweep->run_count};
	struct qmac_folder_lock lock = {.folder = -1};
	enum qmac_status status;

	warning[0] = 0;
	running.rows = calloc((size_t)sweep->run_count, sizeof *running.rows);
	running.tasks = calloc((size_t)sweep->run_count, sizeof *running.tasks);
	if (!running.rows || !running.tasks) {
		free(running.rows);
		free(running.tasks);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	}
	status = check(sweep, options, running.rows, err);
	if (!status)
		qmac_sweep_group(sweep, running.rows);
	if (!status && options->on_note)
		qmac_sweep_note_unused(sweep, running.rows, options->on_note, options->context);
	if (!status)
		status = open_folder(options, &lock, err);
	if (!status)
		status = run_all(&running, err);
	if (!status && !qmac_folder_lock_holds(&lock, options->folder))
		status = qmac_folder_lock_lost(options->folder, err);
	if (status)
		goto out;
	read_results(&running);
	if (sweep->pareto_x[0] && sweep->pareto_y[0])
		qmac_sweep_mark_pareto(running.rows, sweep->run_count, sweep->pareto_x, sweep->pareto_y);
	status = qmac_sweep_conclude(sweep, running.rows, options, warning, warning_size, err);
	if (!status)
		status = verdict(running.rows, sweep->run_count, err);
out:
	for (int i = 0; i < sweep->run_count; i++)
		if (running.rows[i].has_result)
			qmac_stored_free(&running.rows[i].stored);
	free(running.rows);
	free(running.tasks);
	qmac_folder_lock_release(&lock);
	return status;
}
