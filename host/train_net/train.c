#include "train_net/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/values.h"
#include "policy/schedule.h"
#include "process/stop.h"
#include "train_net/format_record.h"
#include "train_net/precision.h"
#include "train_net/ranges.h"
#include "train_net/replay.h"
#include "train_net/setup.h"
#include "train_net/speed.h"
#include "train_net/update.h"

/* A training under way. */
struct course {
	struct qmac_net_training training;
	const struct qmac_train_observer *observer; /* may be NULL */
	bool estimated;
	const struct qmac_recorded *recorded;       /* of an estimate; may be NULL */
	struct qmac_train_result *result;
	struct qmac_net_engine *engine;
	struct qmac_net_precision *precision;
	struct qmac_net_update update;
	struct qmac_net_tally tally;
	struct qmac_schedule schedule;
	struct qmac_net_room room;
	struct qmac_net_format_record formats;      /* that the observer has been told */
	int64_t steps;            /* of an epoch */
	int64_t *order;           /* of the running epoch */
	float *gradient;
	int64_t epoch, step;      /* of the running epoch, from 1; steps done so far */
	int64_t within;           /* steps done of the running epoch; 0 between epochs */
	struct qmac_net_figures figures; /* of the running epoch so far */
	double loss;              /* mean of the last minibatch */
	double norms;             /* of the running epoch: the sum of the norms of its gradients */
	uint64_t data_digest;
	bool stopped;
};

/* ---- checkpoints ------------------------------------------------------------------------ */

/* All that the run goes on from. */
static void list_state(struct course *course, struct qmac_state *state)
{
	struct qmac_net_training *training = &course->training;
	const struct qmac_net *net = &training->net;
	struct qmac_records *records = &training->records;

	state->count = 0;
	qmac_state_add(state, "weights", training->weights,
	               (size_t)training->weight_count * sizeof training->weights[0]);
	if (training->masters)
		qmac_state_add(state, "masters", training->masters,
		               (size_t)training->weight_count * sizeof training->masters[0]);
	qmac_state_add(state, "statistics", training->statistics,
	               (size_t)qmac_net_statistics_at(net, net->layer_count) * sizeof training->statistics[0]);
	QMAC_STATE_VALUE(state, "epoch", course->epoch);
	QMAC_STATE_VALUE(state, "step", course->step);
	QMAC_STATE_VALUE(state, "within", course->within);
	QMAC_STATE_VALUE(state, "figures", course->figures);
	QMAC_STATE_VALUE(state, "norms", course->norms);
	QMAC_STATE_VALUE(state, "schedule", course->schedule.now);
	QMAC_STATE_VALUE(state, "data", course->data_digest);
	QMAC_STATE_VALUE(state, "weight_saturations", training->weight_saturations);
	QMAC_STATE_VALUE(state, "host_flops", training->host_flops);
	QMAC_STATE_VALUE(state, "host_bytes", training->host_bytes);
	QMAC_STATE_VALUE(state, "last", course->result->last);
	QMAC_STATE_VALUE(state, "diverged", course->result->diverged);
	QMAC_STATE_VALUE(state, "records.epoch", records->epoch);
	qmac_state_add(state, "records.layers", records->layer,
	               (size_t)records->layers * sizeof records->layer[0]);
	qmac_state_add(state, "records.spent", records->spent,
	               (size_t)records->layers * QMAC_DIRECTIONS * sizeof records->spent[0]);
	qmac_net_update_state(&course->update, state);
	qmac_net_tally_state(&course->tally, state);
	qmac_net_precision_state(course->precision, state);
	course->engine->operations->state(course->engine, state);
}

static enum qmac_status checkpoint(struct course *course, struct qmac_error *err)
{
	const struct qmac_net_engine_operations *engine = course->engine->operations;
	const struct qmac_train_observer *observer = course->observer;
	enum qmac_status status = engine->save ? engine->save(course->engine, err) : QMAC_OK;
	struct qmac_state state;

	if (status)
		return status;
	if (observer && observer->on_checkpoint) {
		list_state(course, &state);
		course->stopped |= observer->on_checkpoint(observer->context, &state) != 0;
	}
	engine->reset(course->engine);
	return QMAC_OK;
}

static enum qmac_status load(struct course *course, bool *loaded, struct qmac_error *err)
{
	const struct qmac_train_observer *observer = course->observer;
	uint64_t digest = course->data_digest;
	struct qmac_state state;
	enum qmac_status status;

	*loaded = false;
	if (!observer || !observer->on_start)
		return QMAC_OK;
	list_state(course, &state);
	status = observer->on_start(observer->context, &state, loaded, err);
	if (!status && *loaded && digest != course->data_digest)
		return qmac_fail(err, QMAC_BAD_INPUT, "the data are not those of the checkpoint; start over without"
		                 " --resume");
	return status;
}

/* ---- the course of a run ------------------------------------------------------------------ */

/* Whether steps are left; after divergence to infinity nothing is to be had. */
static bool goes_on(const struct course *course)
{
	int64_t epochs = course->recorded ? course->recorded->epochs : course->training.run->epochs;
	bool over = course->epoch >= epochs || qmac_net_precision_is_over(course->precision);

	return (!over || course->within > 0) && !course->result->diverged;
}

static enum qmac_status run_minibatch(struct course *course, int64_t number, struct qmac_error *err)
{
	const struct qmac_net_engine_operations *engine = course->engine->operations;
	struct qmac_net_training *training = &course->training;
	const struct qmac_run *run = training->run;
	const struct qmac_image_batch batch = {.rows = course->order, .first = number * run->batch,
	                                       .count = run->batch, .epoch = course->epoch};
	enum qmac_status status = engine->forward(course->engine, &batch, QMAC_NET_TRAIN, course->room.logits,
	                                          err);
	double before = course->figures.loss;

	if (status)
		return status;
	if (!training->estimated)
		qmac_net_room_loss(&course->room, training, &batch, &course->figures, course->room.residual);
	course->loss = (course->figures.loss - before) / (double)run->batch;
	training->host_flops += (uint64_t)run->batch *
	                        qmac_net_loss_flops(run->softmax, training->images.data.classes);
	return engine->backward(course->engine, course->room.residual, err);
}

static struct qmac_net_observation seen_of(const struct course *course)
{
	return (struct qmac_net_observation){.epoch = course->epoch, .step = course->step, .loss = course->loss,
	                                     .gradient = course->gradient};
}

/* The observer hears of all formats that have changed. */
static void tell_formats(struct course *course, bool ended)
{
	const struct qmac_format_change row = {.epoch = course->epoch, .step = course->step, .ended = ended};

	course->stopped |= qmac_net_format_record_tell(&course->formats, &course->training, course->observer,
	                                               row);
}

/*
 * Weights, and formats that the policy has just changed, go to the engine; the observer hears of switches.
 * ended: behind the figures of an epoch.
 */
static enum qmac_status load_engine(struct course *course, bool ended, struct qmac_error *err)
{
	const struct qmac_net_engine_operations *engine = course->engine->operations;
	const struct qmac_train_observer *observer = course->observer;
	struct qmac_net_precision *precision = course->precision;
	uint64_t cycles = 0, before = 0, after = 0;
	enum qmac_status status;

	if (precision->switch_count)
		engine->spent(course->engine, &cycles, &before);
	status = engine->load(course->engine, err);
	if (!status && precision->switch_count)
		engine->spent(course->engine, &cycles, &after);
	for (int i = 0; !status && i < precision->switch_count; i++) {
		struct qmac_format_switch *row = &precision->switches[i];

		row->bytes = i ? 0 : after - before;
		row->cycles = cycles;
		if (observer && observer->on_switch)
			course->stopped |= observer->on_switch(observer->context, row) != 0;
	}
	if (!status)
		tell_formats(course, ended);
	return status;
}

/* Are formats found, or known from a run that is done? */
static bool has_formats(const struct course *course)
{
	return !course->estimated || course->recorded;
}

static double learning_rate(const struct course *course)
{
	return course->schedule.now.lr * qmac_net_precision_rate(course->precision);
}

/* The masters of the next step, and the policy's formats; of an estimate the formats alone. */
static enum qmac_status update_masters(struct course *course, struct qmac_error *err)
{
	const struct qmac_net_observation seen = seen_of(course);
	/* masters on the device are other ones already, by gradients that the host has not seen */
	bool computed = !course->estimated && !course->training.masters;
	double norm = 0;
	enum qmac_status status = QMAC_OK;

	if (!has_formats(course)) /* they are those of the masters as they began, of which it looks again */
		return qmac_net_precision_masters(course->precision, &seen, err);
	if (computed)
		status = qmac_net_update_gradient(&course->update, (uint32_t)course->step, course->gradient, &norm,
		                                  err);
	course->norms += norm;
	if (!status)
		status = qmac_net_precision_step(course->precision, &seen, err);
	if (status)
		return status;
	if (computed)
		qmac_net_update_weights(&course->update, course->gradient, learning_rate(course),
		                        course->training.weights);
	return qmac_net_precision_masters(course->precision, &seen, err);
}

/* What the device does with masters of its own behind minibatch i of a step. */
static struct qmac_net_step step_of(const struct course *course, int64_t i)
{
	const struct qmac_run *run = course->training.run;
	bool last = i == run->accumulate - 1;

	return (struct qmac_net_step){
		.momentum = i == 0 ? run->momentum : 1, .decay = last ? run->l2 : 0,
		.rate = last ? learning_rate(course) : 0, .share = 1 / (double)(run->batch * run->accumulate),
	};
}

static enum qmac_status run_step(struct course *course, struct qmac_error *err)
{
	const struct qmac_net_engine_operations *engine = course->engine->operations;
	struct qmac_net_training *training = &course->training;
	const struct qmac_run *run = training->run;
	enum qmac_status status = QMAC_OK;

	qmac_net_ranges_begin_step(training, course->step, course->within);
	qmac_net_tally_begin(&course->tally, training);
	for (int64_t i = 0; !status && i < run->accumulate; i++) {
		training->step = step_of(course, i);
		status = run_minibatch(course, course->within * run->accumulate + i, err);
	}
	if (!status)
		status = engine->gradient(course->engine, course->gradient, err);
	if (!status)
		qmac_net_tally_step(&course->tally, training, course->precision);
	course->step++;
	course->within++;
	if (!status)
		status = update_masters(course, err);
	training->host_flops += qmac_net_update_flops(training);
	return status ? status : load_engine(course, false, err);
}

/* Is the test part looked at after this epoch? */
static bool is_tested(const struct course *course)
{
	const struct qmac_run *run = course->training.run;
	bool last = course->epoch == run->epochs || qmac_net_precision_is_last(course->precision);

	return course->training.images.data.test_samples > 0 && run->eval_every >= 0 &&
	       (last || (run->eval_every > 0 && course->epoch % run->eval_every == 0));
}

/* The row of this epoch, or of the state before the first. */
static enum qmac_status measure(struct course *course, struct qmac_metrics *row, struct qmac_error *err)
{
	const struct qmac_net_training *training = &course->training;
	double samples = (double)course->figures.samples, all = (double)training->images.data.samples;
	double images = (double)(course->step * training->run->batch * training->run->accumulate);
	bool has_norm = course->epoch > 0 && !training->estimated && !training->masters;
	struct qmac_net_figures test = {0};
	enum qmac_status status = QMAC_OK;

	if (is_tested(course))
		status = qmac_net_test(course->engine, training, &course->room, &test, err);
	if (!status && course->recorded)
		status = qmac_net_replay_figures(course->precision, course->epoch, course->step, err);
	*row = (struct qmac_metrics){
		.epoch = course->epoch, .step = course->step, .data_passes = images / all,
		.train_loss = course->figures.loss / samples, /* NaN before the first epoch */
		.train_accuracy = (double)course->figures.hits / samples,
		.grad_norm = has_norm ? course->norms / (double)course->steps : NAN,
		.test_loss = test.loss / (double)test.samples, /* NaN where it is not looked at */
		.test_accuracy = (double)test.hits / (double)test.samples,
		.untrained = course->epoch == 0, .unseen = training->masters != NULL,
		.estimated = training->estimated, .delta = NAN,
		.headline = QMAC_FIGURE_TEST_ACCURACY,
		.weight_saturations = training->formats ? training->weight_saturations : -1,
		.host_flops = training->host_flops, .host_bytes = training->host_bytes,
	};
	course->engine->operations->cost(course->engine, row);
	qmac_net_tally_epoch(&course->tally, training, row, is_tested(course));
	return status;
}

/* Behind the figures of an epoch, which are those of its formats, the policy may choose others. */
static enum qmac_status end_epoch(struct course *course, struct qmac_error *err)
{
	const struct qmac_net_observation seen = seen_of(course);
	enum qmac_status status = qmac_net_precision_epoch(course->precision, &seen, err);

	return status ? status : load_engine(course, true, err);
}

/* After an epoch, and before the first. */
static enum qmac_status report(struct course *course, struct qmac_error *err)
{
	const struct qmac_train_observer *observer = course->observer;
	struct qmac_metrics *last = &course->result->last;
	int64_t every = course->training.run->checkpoint_every;
	enum qmac_status status = measure(course, last, err);

	if (status)
		return status;
	if (course->epoch > 0 && !course->training.estimated) {
		qmac_schedule_epoch(&course->schedule, last->train_loss);
		course->result->diverged = !isfinite(last->train_loss) || isinf(last->grad_norm) ||
		                           (isnan(last->grad_norm) && !course->training.masters);
	}
	if (observer && observer->on_metrics)
		course->stopped |= observer->on_metrics(observer->context, last, &course->training.records) != 0;
	if (course->epoch > 0 && has_formats(course))
		status = end_epoch(course, err);
	if (status)
		return status;
	return every > 0 && course->epoch > 0 && course->epoch % every == 0 && goes_on(course) ?
	       checkpoint(course, err) : QMAC_OK;
}

static void begin_epoch(struct course *course)
{
	qmac_records_begin(&course->training.records, ++course->epoch);
	course->figures = (struct qmac_net_figures){0};
	course->norms = 0;
}

static void tell_step(const struct course *course)
{
	double loss = course->figures.loss / (double)course->figures.samples;

	if (course->observer && course->observer->on_step)
		course->observer->on_step(course->observer->context, &(const struct qmac_train_step){
			course->epoch, course->within, course->steps, loss});
}

/* The rest of the running epoch. */
static enum qmac_status run_epoch(struct course *course, struct qmac_error *err)
{
	const struct qmac_run *run = course->training.run;
	enum qmac_status status = QMAC_OK;

	qmac_images_order(run->seed, course->epoch, course->training.images.data.samples, course->order);
	while (!status && course->within < course->steps && !course->stopped) {
		status = run_step(course, err);
		if (!status)
			tell_step(course);
		if (!status && run->checkpoint_steps > 0 && course->within % run->checkpoint_steps == 0 &&
		    course->within < course->steps)
			status = checkpoint(course, err);
	}
	if (status || course->within < course->steps)
		return status;
	course->within = 0;
	return report(course, err);
}

static enum qmac_status run_epochs(struct course *course, struct qmac_error *err)
{
	const struct qmac_net_engine_operations *engine = course->engine->operations;
	bool loaded;
	enum qmac_status status = load(course, &loaded, err);

	if (!status)
		status = engine->load(course->engine, err);
	if (!status && qmac_run_switches_formats(course->training.run))
		status = qmac_net_format_record_create(&course->formats, &course->training, loaded, err);
	if (!status)
		tell_formats(course, false);
	if (!status)
		status = loaded ? engine->resume(course->engine, err) : report(course, err);
	while (!status && !course->stopped && goes_on(course)) {
		if (course->within == 0)
			begin_epoch(course);
		status = run_epoch(course, err);
	}
	return status;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static enum qmac_status set_up(struct course *course, const struct qmac_run *run, const struct qmac_hw *hw,
                               struct qmac_error *err)
{
	struct qmac_net_training *training = &course->training;
	const struct qmac_train_observer *observer = course->observer;
	const struct qmac_dataset *data = &training->images.data;
	enum qmac_status status = qmac_net_start_schedule(run, &course->schedule, err);

	if (!status)
		status = qmac_net_setup(training, run, err);
	if (status)
		return status;
	training->estimated = course->estimated;
	if (data->note[0] && observer && observer->on_note)
		observer->on_note(observer->context, data->note);
	course->steps = run->inner_steps ? run->inner_steps : data->samples / (run->batch * run->accumulate);
	course->order = calloc((size_t)data->samples, sizeof course->order[0]);
	course->gradient = calloc((size_t)training->weight_count + 1, sizeof course->gradient[0]);
	if (!course->estimated && observer && (observer->on_checkpoint || observer->on_start))
		course->data_digest = qmac_images_digest(&training->images);
	status = course->order && course->gradient ? qmac_net_room_create(&course->room, training, err) :
	         qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld samples", (long long)data->samples);
	if (!status)
		status = qmac_net_update_create(&course->update, training, err);
	if (!status)
		status = qmac_net_precision_create(training, course->recorded, &course->precision, err);
	if (!status)
		status = qmac_net_tally_create(&course->tally, training, err);
	if (!status)
		status = qmac_net_engine_of(run)->create(training, hw, observer, &course->engine, err);
	return status;
}

/* Hands the network over to the result. */
static enum qmac_status give_result(struct course *course, struct qmac_error *err)
{
	struct qmac_net_training *training = &course->training;
	struct qmac_train_result *result = course->result;

	result->coefficient_max = NAN;
	result->net = calloc(1, sizeof *result->net);
	if (!result->net)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	if (training->in_float) {
		free(training->formats);
		free(training->outputs);
		training->formats = training->outputs = NULL;
	}
	*result->net = (struct qmac_trained_net){training->net, training->weights, training->masters,
	                                         training->statistics, training->formats, training->outputs};
	training->weights = training->statistics = NULL;
	training->masters = NULL;
	training->formats = training->outputs = NULL;
	memset(&training->net, 0, sizeof training->net);
	return QMAC_OK;
}

enum qmac_status qmac_net_train(const struct qmac_run *run, const struct qmac_hw *hw, bool estimated,
                                const struct qmac_recorded *recorded,
                                const struct qmac_train_observer *observer, struct qmac_train_result *result,
                                struct qmac_error *err)
{
	struct course course = {.observer = observer, .estimated = estimated, .result = result,
	                        .recorded = qmac_run_switches_formats(run) ? recorded : NULL};
	enum qmac_status status;

	memset(result, 0, sizeof *result);
	status = set_up(&course, run, hw, err);
	if (!status)
		status = run_epochs(&course, err);
	if (!status && course.recorded && !course.stopped)
		status = qmac_net_replay_end(course.precision, err);
	if (!status) {
		result->stopped = course.stopped && goes_on(&course);
		snprintf(result->kernel, sizeof result->kernel, "%s",
		         course.engine->operations->kernel(course.engine));
		course.engine->operations->destroy(course.engine); /* what follows needs its memory */
		course.engine = NULL;
		if (!result->stopped)
			qmac_net_tally_find(&course.tally, &course.training, &result->last, hw, observer, &result->speed);
	}
	if (!status)
		status = give_result(&course, err);
	if (course.engine)
		course.engine->operations->destroy(course.engine);
	qmac_net_precision_destroy(course.precision);
	qmac_net_update_free(&course.update);
	qmac_net_tally_free(&course.tally);
	qmac_net_room_free(&course.room);
	qmac_net_format_record_free(&course.formats);
	free(course.order);
	free(course.gradient);
	qmac_net_training_free(&course.training);
	return status;
}
