#include "train/convex.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/stop.h"
#include "train/engine.h"
#include "train/optimiser.h"
#include "train/training.h"

/* A gradient norm above so many times that of row 0 is called a divergence. */
static const double divergence_factor = 10;

/* The algorithms (optimiser.h). */
static const struct {
	const struct qmac_optimiser_operations *optimiser;
	const struct qmac_precision_operations *precision;
} algorithms[] = {
	[QMAC_SGD] = {&qmac_sgd, &qmac_float},
	[QMAC_SVRG] = {&qmac_svrg, &qmac_float},
	[QMAC_LP_SGD] = {&qmac_sgd, &qmac_fixed},
	[QMAC_LP_SVRG] = {&qmac_svrg, &qmac_fixed},
	[QMAC_HALP] = {&qmac_svrg, &qmac_bit_centering},
};

static const struct qmac_loss_operations *const losses[] = {
	[QMAC_PROBLEM_LINEAR_REGRESSION] = &qmac_squared_error,
	[QMAC_PROBLEM_LOGISTIC_REGRESSION] = &qmac_cross_entropy,
};

static enum qmac_status check_run(const struct qmac_run *run, struct qmac_error *err)
{
	if (run->lambda != 0 && !losses[run->problem]->regularised)
		return qmac_fail(err, QMAC_BAD_INPUT, "lambda %g is not available yet for %s: set lambda to 0",
		                 run->lambda, qmac_problem_name(run->problem));
	return QMAC_OK;
}

/* What only the data can tell: their sizes, and how many steps two passes take. */
static enum qmac_status adopt_sizes(struct qmac_run *run, const struct qmac_dataset *data,
                                    struct qmac_error *err)
{
	int64_t steps = 2 * data->samples / run->batch;

	run->samples = data->samples;
	run->features = data->features;
	if (run->inner_steps == 0)
		run->inner_steps = steps > 1 ? steps : 1;
	if (run->inner_steps > INT32_MAX || run->epochs * run->inner_steps > UINT32_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "%lld epochs of %lld inner steps are more than 2^32 - 1 steps, or an epoch more than"
		                 " 2^31 - 1: lower epochs or inner_steps", (long long)run->epochs,
		                 (long long)run->inner_steps);
	return QMAC_OK;
}

static enum qmac_status allocate(double **vector, int64_t count, struct qmac_error *err)
{
	*vector = calloc((size_t)count, sizeof **vector);
	return *vector ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights",
	                                     (long long)count);
}

static enum qmac_status set_up(struct qmac_training *training, struct qmac_run *run,
                               struct qmac_error *err)
{
	enum qmac_status status;

	training->run = run;
	training->optimiser = algorithms[run->algorithm].optimiser;
	training->precision.operations = algorithms[run->algorithm].precision;
	training->precision.run = run;
	training->precision.delta = training->precision.operations->start(run);
	training->samples = qmac_random_stream(run->seed, QMAC_STREAM_SAMPLES);
	training->option = qmac_random_stream(run->seed, QMAC_STREAM_OPTION);
	status = qmac_dataset_load(&training->data, run, err);
	if (status == QMAC_OK)
		status = adopt_sizes(run, &training->data, err);
	if (status == QMAC_OK)
		status = qmac_loss_create(losses[run->problem], &training->data, run->lambda, run->threads,
		                          &training->loss, err);
	if (status == QMAC_OK && training->optimiser->reduces)
		status = qmac_loss_keep_centre(training->loss, err);
	if (status != QMAC_OK)
		return status;
	training->weights = qmac_layer_weights(&training->loss->layer);
	status = allocate(&training->w, training->weights, err);
	if (status == QMAC_OK)
		status = allocate(&training->gradient, training->weights, err);
	return status;
}

static void tear_down(struct qmac_training *training)
{
	if (training->engine)
		training->engine->operations->destroy(training->engine);
	qmac_loss_destroy(training->loss);
	qmac_dataset_free(&training->data);
	free(training->w);
	free(training->gradient);
	qmac_records_free(&training->records);
}

/* Whether steps are left; after divergence to infinity nothing is to be had. */
static bool goes_on(const struct qmac_training *training)
{
	return (training->epoch < training->run->epochs || training->within > 0) &&
	       (training->estimated || isfinite(training->norm));
}

/* Evaluates f and its gradient at w and fills the row of this epoch. */
static enum qmac_status measure(struct qmac_training *training, struct qmac_metrics *row,
                                struct qmac_error *err)
{
	struct qmac_test_figures test = {NAN, NAN};

	training->value = training->norm = NAN;
	if (!training->estimated) {
		if (!qmac_loss_evaluate(training->loss, training->w, training->gradient, &training->value,
		                        &training->norm))
			return qmac_stop_give_up(err);
		test = qmac_loss_test(training->loss, training->w);
	}
	*row = (struct qmac_metrics){
		.epoch = training->epoch, .step = training->step, .data_passes = training->data_passes,
		.train_loss = training->value, .grad_norm = training->norm, .test_loss = test.loss,
		.test_accuracy = test.accuracy, .train_accuracy = NAN, .weight_saturations = -1,
		.headline = training->loss->operations->headline,
		.delta = training->epoch > 0 ? training->precision.delta : NAN, .host_flops = training->host_flops,
		.estimated = training->estimated,
	};
	training->engine->operations->cost(training->engine, row);
	return QMAC_OK;
}

static double largest_coefficient(const struct qmac_dataset *data)
{
	double largest = data->truth ? 0 : NAN;

	for (int64_t j = 0; data->truth && j < data->features; j++)
		largest = fmax(largest, fabs(data->truth[j]));
	return largest;
}

/* ---- checkpoints ------------------------------------------------------------------- */

/* What a run has beside its training. */
struct course {
	struct qmac_training *training;
	const struct qmac_train_observer *observer; /* may be NULL */
	struct qmac_train_result *result;
	double first_norm;  /* of row 0 */
	bool stopped;
};

/* All that the run goes on from. */
static void list_state(struct course *course, struct qmac_state *state)
{
	struct qmac_training *training = course->training;
	const struct qmac_loss *loss = training->loss;

	state->count = 0;
	qmac_state_add(state, "w", training->w, (size_t)training->weights * sizeof training->w[0]);
	QMAC_STATE_VALUE(state, "f", training->value);
	QMAC_STATE_VALUE(state, "norm", training->norm);
	QMAC_STATE_VALUE(state, "delta", training->precision.delta);
	QMAC_STATE_VALUE(state, "samples", training->samples);
	QMAC_STATE_VALUE(state, "samples.next", training->next);
	QMAC_STATE_VALUE(state, "samples.left", training->left);
	QMAC_STATE_VALUE(state, "option", training->option);
	QMAC_STATE_VALUE(state, "epoch", training->epoch);
	QMAC_STATE_VALUE(state, "step", training->step);
	QMAC_STATE_VALUE(state, "within", training->within);
	QMAC_STATE_VALUE(state, "keep_after", training->keep_after);
	QMAC_STATE_VALUE(state, "data_passes", training->data_passes);
	QMAC_STATE_VALUE(state, "host_flops", training->host_flops);
	QMAC_STATE_VALUE(state, "first_norm", course->first_norm);
	QMAC_STATE_VALUE(state, "last", course->result->last);
	QMAC_STATE_VALUE(state, "diverged", course->result->diverged);
	if (training->run->checkpoint_steps > 0 && loss->logits)
		qmac_state_add(state, "logits", loss->logits, (size_t)(training->data.samples * loss->layer.outputs) *
		                                              sizeof loss->logits[0]);
	QMAC_STATE_VALUE(state, "records.epoch", training->records.epoch);
	qmac_state_add(state, "records.layers", training->records.layer,
	               (size_t)training->records.layers * sizeof training->records.layer[0]);
	qmac_state_add(state, "records.spent", training->records.spent,
	               (size_t)training->records.layers * QMAC_DIRECTIONS * sizeof training->records.spent[0]);
	training->engine->operations->state(training->engine, state);
}

static void checkpoint(struct course *course)
{
	const struct qmac_train_observer *observer = course->observer;
	struct qmac_engine *engine = course->training->engine;
	struct qmac_state state;

	if (observer && observer->on_checkpoint) {
		list_state(course, &state);
		course->stopped |= observer->on_checkpoint(observer->context, &state) != 0;
	}
	engine->operations->reset(engine);
}

/*
 * What the state does not hold: between epochs, the gradient at w, whose evaluation also tells whether the
 * data are those of the checkpoint.
 */
static enum qmac_status resume(struct course *course, struct qmac_error *err)
{
	struct qmac_training *training = course->training;
	double value = training->value, norm = training->norm;

	if (training->within == 0 &&
	    !qmac_loss_evaluate(training->loss, training->w, training->gradient, &training->value,
	                        &training->norm))
		return qmac_stop_give_up(err);
	if (memcmp(&value, &training->value, sizeof value) != 0 ||
	    memcmp(&norm, &training->norm, sizeof norm) != 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "the data are not those of the checkpoint: f of its weights is"
		                 " %.17g, was %.17g; start over without --resume", training->value, value);
	return training->engine->operations->resume(training->engine, err);
}

/* ---- the course of a run ------------------------------------------------------------- */

/* After an epoch, and before the first. */
static enum qmac_status report(struct course *course, struct qmac_error *err)
{
	struct qmac_training *training = course->training;
	const struct qmac_train_observer *observer = course->observer;
	int64_t every = training->run->checkpoint_every;
	enum qmac_status status = measure(training, &course->result->last, err);

	if (status != QMAC_OK)
		return status;
	if (training->epoch == 0)
		course->first_norm = training->norm;
	course->result->diverged = !training->estimated &&
	                           !(isfinite(training->norm) &&
	                             training->norm <= divergence_factor * course->first_norm);
	if (observer && observer->on_metrics)
		course->stopped |= observer->on_metrics(observer->context, &course->result->last,
		                                        &training->records) != 0;
	if (every > 0 && training->epoch > 0 && training->epoch % every == 0 && goes_on(training))
		checkpoint(course);
	return QMAC_OK;
}

static enum qmac_status run_epoch(struct course *course, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	bool done = false;

	while (status == QMAC_OK && !done && !course->stopped) {
		status = qmac_optimiser_epoch(course->training, &done, err);
		if (status == QMAC_OK && !done)
			checkpoint(course);
	}
	return done ? report(course, err) : status;
}

static enum qmac_status run_epochs(struct course *course, struct qmac_error *err)
{
	struct qmac_training *training = course->training;
	const struct qmac_train_observer *observer = course->observer;
	enum qmac_status status = QMAC_OK;
	struct qmac_state state;
	bool loaded = false;

	if (observer && observer->on_start) {
		list_state(course, &state);
		status = observer->on_start(observer->context, &state, &loaded, err);
	}
	if (status != QMAC_OK)
		return status;
	if (loaded)
		status = resume(course, err);
	else
		status = report(course, err);
	while (status == QMAC_OK && !course->stopped && goes_on(training)) {
		if (training->within == 0)
			qmac_records_begin(&training->records, ++training->epoch);
		status = run_epoch(course, err);
	}
	return status;
}

enum qmac_status qmac_convex_train(const struct qmac_run *run, const struct qmac_hw *hw, bool estimated,
                                   const struct qmac_train_observer *observer,
                                   struct qmac_train_result *result, struct qmac_error *err)
{
	struct qmac_run own = *run; /* with what the data tell */
	struct qmac_training training = {.estimated = estimated};
	struct course course = {.training = &training, .observer = observer, .result = result};
	enum qmac_status status;

	memset(result, 0, sizeof *result);
	status = check_run(run, err);
	if (status == QMAC_OK)
		status = set_up(&training, &own, err);
	if (status == QMAC_OK && training.data.note[0] && observer && observer->on_note)
		observer->on_note(observer->context, training.data.note);
	if (status == QMAC_OK)
		status = training.precision.operations->engine->create(&training, hw, observer, &training.engine,
		                                                       err);
	if (status == QMAC_OK)
		training.records.estimated = estimated;
	if (status == QMAC_OK)
		status = run_epochs(&course, err);
	if (status != QMAC_OK)
		goto out;
	result->stopped = course.stopped && goes_on(&training);
	result->coefficient_max = estimated ? NAN : largest_coefficient(&training.data);
	snprintf(result->kernel, sizeof result->kernel, "%s",
	         training.engine->operations->kernel(training.engine));
	if (estimated)
		goto out;
	result->weights = training.w;
	result->weight_count = training.weights;
	result->weight_columns = training.loss->layer.outputs > 1 ? training.loss->layer.outputs : 0;
	training.w = NULL;
out:
	tear_down(&training);
	return status;
}
