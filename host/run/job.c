#define _POSIX_C_SOURCE 200809L
#include "run/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/hw_file.h"
#include "cosim/open.h"
#include "process/stop.h"
#include "report/folder_lock.h"
#include "report/json.h"
#include "report/recorded.h"
#include "report/results.h"
#include "report/values.h"
#include "report/zeros.h"
#include "run/checkpoint.h"
#include "run/inputs.h"
#include "run/train.h"

/* What the observer's callbacks share. */
struct watch {
	const struct qmac_job *job;
	struct qmac_results *results;
	struct qmac_error *err;
	enum qmac_status status; /* of writing the metrics */
	bool stopped;
	int64_t epoch;                  /* the last one that is whole; -1: not even row 0 */
	struct qmac_recorder *recorder; /* NULL: no trace is wanted */
	char digest[QMAC_SHA256_TEXT];  /* of the configuration */
	struct qmac_checkpoint *from;   /* NULL: from the beginning */
	bool kept;                      /* there is a checkpoint of this run, taken behind this epoch: */
	int64_t kept_epoch;
	double start, before;           /* when this process began; wall seconds of those before it */
	double writable;                /* when the next checkpoint may be written */
	struct qmac_lockstep_settings settings;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Nothing is computed. */
static bool is_estimate(const struct qmac_job *job)
{
	return job->estimate || job->timed_from;
}

static bool is_asked(const struct qmac_job *job)
{
	return job->stop && *job->stop;
}

/* A stop waits for a checkpoint to go on from, where one may still come. */
static bool ends_here(const struct qmac_job *job)
{
	const struct qmac_run *run = &job->config->run;
	bool checkpoints = !is_estimate(job) && (run->checkpoint_every > 0 || run->checkpoint_steps > 0);

	return is_asked(job) && (!checkpoints || qmac_stop_is_due());
}

static int on_metrics(void *context, const struct qmac_metrics *metrics, const struct qmac_records *records)
{
	struct watch *watch = context;
	const struct qmac_job *job = watch->job;

	watch->epoch = metrics->epoch;
	watch->status = qmac_results_metrics(watch->results, metrics, records, watch->err);
	watch->stopped = (job->on_metrics && job->on_metrics(job->context, metrics)) || ends_here(job);
	return watch->status || watch->stopped;
}

static void on_step(void *context, const struct qmac_train_step *step)
{
	const struct watch *watch = context;

	if (watch->job->on_step)
		watch->job->on_step(watch->job->context, step);
}

static int on_switch(void *context, const struct qmac_format_switch *row)
{
	struct watch *watch = context;

	if (!watch->status)
		watch->status = qmac_results_switch(watch->results, row, watch->err);
	return watch->status != QMAC_OK;
}

static int on_format(void *context, const struct qmac_format_change *row)
{
	struct watch *watch = context;

	if (!watch->status)
		watch->status = qmac_results_format(watch->results, row, watch->err);
	return watch->status != QMAC_OK;
}

/* ---- checkpoints ---------------------------------------------------------------- */

/* Of the time that a run takes, so little goes into files that only an accident needs. */
static const double writing_share = 0.05;

/*
 * Which checkpoints are written is no matter for the results: one that comes too soon behind another is
 * left out, but for the last one of a run that is being stopped.
 */
static int on_checkpoint(void *context, struct qmac_state *state)
{
	struct watch *watch = context;
	const char *folder = watch->job->folder;
	double now = seconds(), wall = watch->before + now - watch->start;

	watch->stopped |= is_asked(watch->job);
	if (watch->status || (!watch->stopped && now < watch->writable))
		return watch->status || watch->stopped;
	watch->status = qmac_results_state(watch->results, state, watch->err);
	QMAC_STATE_VALUE(state, "wall_seconds", wall);
	if (!watch->status)
		watch->status = qmac_checkpoint_write(folder, watch->digest, state, watch->err);
	watch->kept |= !watch->status;
	watch->kept_epoch = watch->status ? watch->kept_epoch : watch->epoch;
	watch->writable = seconds() + (seconds() - now) / writing_share;
	return watch->status || watch->stopped;
}

static const void *piece_of(const void *context, const char *name, size_t *bytes)
{
	return qmac_checkpoint_piece(context, name, bytes);
}

static enum qmac_status on_start(void *context, struct qmac_state *state, bool *loaded,
                                 struct qmac_error *err)
{
	struct watch *watch = context;
	enum qmac_status status;
	size_t bytes;

	if (!watch->from)
		return QMAC_OK;
	QMAC_STATE_VALUE(state, "wall_seconds", watch->before);
	status = qmac_checkpoint_load(watch->from, state, err);
	if (!status)
		status = qmac_results_go_on(watch->results, piece_of, watch->from, err);
	if (!status)
		memcpy(&watch->epoch, qmac_checkpoint_piece(watch->from, "epoch", &bytes), sizeof watch->epoch);
	*loaded = watch->kept = !status;
	watch->kept_epoch = watch->epoch;
	return status;
}

/* What is there from an earlier process; a run that does not go on from it has no use for it. */
static enum qmac_status find_checkpoint(struct watch *watch, const struct qmac_hw_file *hw,
                                        struct qmac_error *err)
{
	const struct qmac_job *job = watch->job;
	enum qmac_status status = qmac_results_digest(job->config, hw, watch->digest, err);

	if (!status && job->resume)
		status = qmac_checkpoint_read(job->folder, watch->digest, &watch->from, err);
	if (job->start_over && status == QMAC_BAD_INPUT)
		status = QMAC_OK;
	if (!status && !watch->from)
		qmac_checkpoint_remove(job->folder);
	return status;
}

/* ---- what a training tells ------------------------------------------------------- */

static void on_note(void *context, const char *text)
{
	const struct watch *watch = context;

	if (watch->job->on_note)
		watch->job->on_note(watch->job->context, text);
}

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct watch *watch = context;

	qmac_results_retire(watch->results, record);
}

static enum qmac_status open_device(void *context, const char *name, const struct qmac_hw *hw,
                                    const struct qmac_device_options *options,
                                    struct qmac_backend **backend, struct qmac_error *err)
{
	struct watch *watch = context;
	struct qmac_backend_source source;

	/* To open it may take a build of minutes. */
	if (is_asked(watch->job))
		return qmac_stop_give_up(err);
	source = qmac_cosim_source(&watch->settings);
	if (watch->recorder)
		return qmac_recorder_open(watch->recorder, name, hw, options, &source, backend, err);
	return qmac_backend_open_from(&source, name, hw, options, backend, err);
}

/* Before the run: is a trace possible? */
static enum qmac_status create_recorder(const struct qmac_job *job, struct qmac_recorder **recorder,
                                        struct qmac_error *err)
{
	const struct qmac_run *run = &job->config->run;

	*recorder = NULL;
	if (!job->trace_file)
		return QMAC_OK;
	if (!qmac_run_uses_device(run))
		return qmac_fail(err, QMAC_BAD_INPUT, "there is nothing to trace: %s does not use the device",
		                 qmac_run_method(run));
	*recorder = qmac_recorder_create(&job->window);
	return *recorder ? qmac_trace_write_probe(job->trace_file, err) :
	       qmac_fail(err, QMAC_INTERNAL, "out of memory for a trace");
}

static enum qmac_status write_trace(const struct qmac_job *job, struct qmac_recorder *recorder,
                                    struct qmac_job_result *result, struct qmac_error *err)
{
	const struct qmac_trace *trace;
	enum qmac_status status = qmac_recorder_finish(recorder, &trace, err);

	if (!status)
		status = qmac_trace_write(trace, job->trace_file, err);
	result->traced = status ? 0 : trace->command_count;
	return status;
}

/* Where the run was stopped, and where it goes on. given_up: within an epoch, or before the first. */
static enum qmac_status fail_stopped(const struct watch *watch, bool given_up, struct qmac_error *err)
{
	char where[64] = "before the first epoch", how[80] = "";

	if (watch->epoch >= 0)
		snprintf(where, sizeof where, "%s epoch %" PRId64, given_up ? "in" : "after",
		         watch->epoch + given_up);
	if (watch->kept && watch->kept_epoch == watch->epoch)
		snprintf(how, sizeof how, ": go on with --resume");
	else if (watch->kept)
		snprintf(how, sizeof how, ": go on with --resume, behind epoch %" PRId64, watch->kept_epoch);
	return qmac_fail(err, QMAC_CHECK_FAILED, "stopped %s; %s has no new results%s", where, watch->job->folder,
	                 how);
}

static enum qmac_status estimate(const struct qmac_job *job, const struct qmac_hw_file *hw,
                                 const struct qmac_train_observer *observer,
                                 struct qmac_train_result *trained, struct qmac_error *err)
{
	const char *folder = job->recorded;
	struct qmac_recorded recorded = {.epochs = 0};
	enum qmac_status status = QMAC_OK;

	if (job->timed_from && qmac_run_switches_formats(&job->config->run))
		folder = job->timed_from;
	if (folder)
		status = qmac_recorded_read(folder, &recorded, err);
	if (!status)
		status = qmac_estimate(&job->config->run, &hw->hw, folder ? &recorded : NULL, observer, trained, err);
	if (folder)
		qmac_recorded_free(&recorded);
	return status;
}

/* Trains, or does without, as the job says. */
static enum qmac_status compute(struct watch *watch, const struct qmac_hw_file *hw,
                                const struct qmac_train_observer *observer, struct qmac_train_result *trained,
                                struct qmac_error *err)
{
	const struct qmac_job *job = watch->job;
	enum qmac_status status;

	if (is_estimate(job))
		return estimate(job, hw, observer, trained, err);
	status = find_checkpoint(watch, hw, err);
	if (!status)
		status = qmac_train(&job->config->run, &hw->hw, observer, trained, err);
	qmac_checkpoint_free(watch->from);
	return status;
}

/* Trains into results that are open already. */
static enum qmac_status train(const struct qmac_job *job, const struct qmac_hw_file *hw,
                              struct qmac_results *results, const struct qmac_values *values,
                              struct qmac_recorder *recorder, struct qmac_job_result *result,
                              struct qmac_error *err)
{
	const struct qmac_run *run = &job->config->run;
	static const struct qmac_lockstep_settings no_settings;
	struct watch watch = {.job = job, .results = results, .err = err, .status = QMAC_OK, .epoch = -1,
	                      .recorder = recorder, .settings = job->settings ? *job->settings : no_settings};
	const struct qmac_train_observer observer = {
		.on_step = on_step, .on_metrics = on_metrics, .on_start = on_start,
		.on_checkpoint = is_estimate(job) ? NULL : on_checkpoint,
		.on_switch = on_switch, .on_format = on_format, .on_note = on_note,
		.on_retire = run->timeline > 0 ? on_retire : NULL, .context = &watch, .open = open_device,
	};
	struct qmac_train_result trained = {0};
	enum qmac_status status, traced = QMAC_OK;
	struct qmac_error trace_error;
	char failure_trace[QMAC_PATH_MAX + 32];

	snprintf(failure_trace, sizeof failure_trace, "%s/mismatch.trace", job->folder);
	watch.settings.failure_trace = failure_trace;
	watch.start = seconds();
	status = compute(&watch, hw, &observer, &trained, err);
	if (recorder)
		traced = write_trace(job, recorder, result, &trace_error);
	if (!status)
		status = watch.status;
	if (!status && trained.stopped)
		status = fail_stopped(&watch, false, err);
	else if (status == QMAC_CHECK_FAILED && qmac_stop_has_given_up())
		status = fail_stopped(&watch, true, err);
	if (!status)
		status = qmac_results_finish(results, &trained, watch.before + seconds() - watch.start, err);
	if (!status)
		qmac_checkpoint_remove(job->folder);
	result->diverged = !status && (values ? qmac_values_diverged(values) : trained.diverged);
	free(trained.weights);
	qmac_trained_net_destroy(trained.net);
	if (status || !traced)
		return status;
	*err = trace_error;
	return traced;
}

/*
 * Whether the result that is there already says that its run diverged; and from which run its values are, ""
 * where it was trained.
 */
static enum qmac_status read_summary(const char *folder, bool *diverged, char *from, size_t from_size,
                                     struct qmac_error *err)
{
	struct qmac_json *summary;
	char path[QMAC_PATH_MAX + 32];
	enum qmac_status status;
	const char *text;

	snprintf(path, sizeof path, "%s/summary.json", folder);
	status = qmac_json_read(path, &summary, err);
	if (status)
		return status;
	text = qmac_json_text(summary, "diverged");
	*diverged = text && strcmp(text, "true") == 0;
	text = qmac_json_text(summary, "timed_from");
	snprintf(from, from_size, "%s", text ? text : "");
	qmac_json_free(summary);
	return QMAC_OK;
}

/* A process that was killed between its last two acts left a result and, still, its checkpoint. */
static void forget_checkpoint(const struct qmac_job *job, const struct qmac_hw_file *hw)
{
	struct qmac_checkpoint *checkpoint = NULL;
	struct qmac_folder_lock lock;
	char digest[QMAC_SHA256_TEXT];

	if (qmac_results_digest(job->config, hw, digest, NULL)
	    || qmac_checkpoint_read(job->folder, digest, &checkpoint, NULL) || !checkpoint)
		return;
	qmac_checkpoint_free(checkpoint);
	if (qmac_folder_lock_take(&lock, job->folder, NULL))
		return; /* another process has a use for it */
	qmac_checkpoint_remove(job->folder);
	qmac_folder_lock_release(&lock);
}

/* Is there nothing to do? */
static enum qmac_status find_result(const struct qmac_job *job, const struct qmac_hw_file *hw,
                                    struct qmac_job_result *result, struct qmac_error *err)
{
	struct qmac_match match;
	enum qmac_status status;
	char text[sizeof match.why + QMAC_PATH_MAX + 64], from[64] = "";

	if (!job->resume)
		return QMAC_OK;
	status = qmac_results_match(job->folder, job->config, hw, &match, err);
	if (!status && match.kept)
		status = read_summary(job->folder, &result->diverged, from, sizeof from, err);
	result->kept = !status && match.kept && (job->timed_from || !from[0]);
	if (result->kept)
		forget_checkpoint(job, hw);
	else if (match.kept)
		snprintf(match.why, sizeof match.why, "its values are those of %s: it is trained now", from);
	if (!status && match.why[0] && job->on_lost) {
		snprintf(text, sizeof text, "the result in %s is not kept: %s", job->folder, match.why);
		job->on_lost(job->context, text);
	}
	return status;
}

/* The run into its folder. */
static enum qmac_status make_result(const struct qmac_job *job, const struct qmac_hw_file *hw,
                                    struct qmac_job_result *result, struct qmac_error *err)
{
	struct qmac_recorder *recorder = NULL;
	struct qmac_results *results = NULL;
	struct qmac_values values = {.known = NULL}, *from = job->timed_from ? &values : NULL;
	struct qmac_zeros zeros;
	enum qmac_status status = qmac_zeros_read(from ? job->timed_from : job->counted, &hw->hw, &zeros, err);

	if (!status && from)
		status = qmac_values_read(job->timed_from, from, err);
	if (!status)
		status = create_recorder(job, &recorder, err);
	if (!status)
		status = qmac_results_create(job->folder, job->config, hw, &results, err);
	if (!status) {
		if (is_estimate(job))
			qmac_results_are_estimated(results, &zeros, from);
		status = train(job, hw, results, from, recorder, result, err);
		snprintf(result->warning, sizeof result->warning, "%s", qmac_results_warning(results));
		qmac_results_destroy(results);
	}
	qmac_recorder_destroy(recorder);
	if (from)
		qmac_values_free(from);
	qmac_zeros_free(&zeros);
	return status;
}

enum qmac_status qmac_job_run(const struct qmac_job *job, struct qmac_job_result *result,
                              struct qmac_error *err)
{
	enum qmac_status status;
	struct qmac_hw_file hw;

	memset(result, 0, sizeof *result);
	status = qmac_run_check_outputs(job->config, job->folder, job->trace_file, err);
	if (!status)
		status = qmac_hw_file_load(&hw, job->config->run.hw, err);
	if (!status)
		status = find_result(job, &hw, result, err);
	if (status)
		return status;
	if (!result->kept)
		status = make_result(job, &hw, result, err);
	if (!status && result->diverged && job->config->run.divergence == QMAC_DIVERGENCE_FAIL)
		status = qmac_fail(err, QMAC_CHECK_FAILED, "the run diverged, which divergence: fail forbids; see %s",
		                   job->folder);
	return status;
}
