/*
 * The engine in integers on the device: docs/network-numerics.md. Of a minibatch the device computes all
 * layers, forward (device_forward.c) and backward; the host makes codes of images, weights and of what the
 * loss gives back, coefficients of batch norms (device_norm.c), chooses the scales of errors (scale.h), and
 * adds up the sums for the weights.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/values.h"
#include "process/stop.h"
#include "train_net/codes.h"
#include "train_net/device_engine.h"
#include "train_net/ranges.h"
#include "train_net/weights.h"

static struct qmac_net_device_engine *engine_of(struct qmac_net_engine *base)
{
	return (struct qmac_net_device_engine *)base;
}

/* ---- weights ---------------------------------------------------------------------------------- */

void qmac_net_device_count_saturations(struct qmac_net_device_engine *engine, int layer, int64_t count)
{
	engine->training->records.layer[layer].weight_saturations += (uint64_t)count;
	engine->training->weight_saturations += count;
}

/* Brings the codes of a parameter that are for minibatches from `step` on; counted: into the records. */
static enum qmac_status load_parameter(struct qmac_net_device_engine *engine, int p, uint32_t step,
                                       bool counted, struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	const struct qmac_net_parameter *parameter = &training->net.parameters[p];
	uint64_t saturations = 0;
	enum qmac_status status = QMAC_OK;

	if (!training->estimated)
		status = qmac_net_weight_codes(training, p, step, engine->weights, &saturations, err);
	if (!status && !training->estimated && counted) {
		qmac_records_count_codes(&training->records, parameter->layer, parameter->role == QMAC_ROLE_WEIGHT,
		                         engine->weights, parameter->count, saturations);
		training->weight_saturations += (int64_t)saturations;
	}
	return status ? status : qmac_net_load_parameter(&engine->plan, p, engine->weights, err);
}

enum qmac_status qmac_net_device_load_again(struct qmac_net_device_engine *engine, int parameter,
                                            struct qmac_error *err)
{
	return load_parameter(engine, parameter, engine->loaded_step, false, err);
}

/* Of all parameters that have codes: how many numbers. */
static uint64_t count_coded(const struct qmac_net *net)
{
	uint64_t count = 0;

	for (int p = 0; p < net->parameter_count; p++)
		count += qmac_net_has_codes(&net->parameters[p]) ? (uint64_t)net->parameters[p].count : 0;
	return count;
}

/* Of all parameters. */
static enum qmac_status load_weights(struct qmac_net_device_engine *engine, bool trains,
                                     struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && p < training->net.parameter_count; p++)
		if (qmac_net_has_codes(&training->net.parameters[p]))
			status = load_parameter(engine, p, engine->loaded_step, trains, err);
	if (trains)
		training->host_flops += 2 * count_coded(&training->net);
	return status;
}

/* Biases lie as what they are added to, whose scales may be others than when the weights came. */
static enum qmac_status load_biases(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net *net = &engine->training->net;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && p < net->parameter_count; p++)
		if (net->parameters[p].role == QMAC_ROLE_BIAS)
			status = qmac_net_device_load_again(engine, p, err);
	return status;
}

enum qmac_status qmac_net_device_prepare(struct qmac_net_device_engine *engine, enum qmac_net_loaded purpose,
                                         struct qmac_error *err)
{
	bool trains = purpose == QMAC_NET_LOADED_TRAIN, fresh = engine->loaded != purpose;
	enum qmac_status status = QMAC_OK;
	const struct qmac_net_recall_key key = {.what = QMAC_NET_RECALL_WEIGHTS, .purpose = (int32_t)purpose,
	                                        .fresh = fresh};

	if (!fresh && !(trains && engine->training->ranges == QMAC_NET_RANGES_DELAY))
		return QMAC_OK;
	if (fresh)
		engine->loaded_step = trains ? engine->minibatches : QMAC_NET_EVALUATION_STEPS;
	if (qmac_net_recall_find(engine->recall, &key)) {
		qmac_net_recall_add(engine->recall, 0);
	} else {
		qmac_net_recall_watch(engine->recall, 0);
		status = qmac_net_recall_keep(engine->recall, fresh ? load_weights(engine, trains, err) :
		                              load_biases(engine, err));
	}
	if (!status && !trains)
		status = qmac_net_device_norms_evaluate(engine, err); /* its programs are patched by that */
	engine->loaded = status ? QMAC_NET_LOADED_NOTHING : purpose;
	return status;
}

static enum qmac_status load(struct qmac_net_engine *base, struct qmac_error *err)
{
	/* prepare() brings the weights when it is known what for */
	engine_of(base)->loaded = QMAC_NET_LOADED_NOTHING;
	return qmac_net_device_reopen(engine_of(base), err);
}

/* ---- backward --------------------------------------------------------------------------------- */

/* Whether the scales of this minibatch are found in it. */
static bool is_current(const struct qmac_net_device_engine *engine)
{
	return !engine->begun || engine->training->run->precision_err_scale == QMAC_ERR_SCALE_CUR;
}

/* What the rule makes of e, which is the present one where is_current(). */
static int scale_of(const struct qmac_net_device_engine *engine, int l, int current)
{
	enum qmac_err_scale rule = engine->training->run->precision_err_scale;

	if (!is_current(engine))
		return qmac_net_scale_next(rule, &engine->scales[l], engine->plan.flow.layers[l].bits);
	return rule == QMAC_ERR_SCALE_FIXED ? current - 1 : current;
}

/* The last layer's error, from the derivative of a sample's loss: `residual` is that of the mean's. */
static void put_residual(struct qmac_net_device_engine *engine, const float *residual)
{
	const struct qmac_net_training *training = engine->training;
	int last = training->net.layer_count - 1, bits = engine->plan.flow.layers[last].bits, e;
	struct qmac_net_tensor error = qmac_net_device_tensor(engine, last, QMAC_NET_SITE_ERROR);
	int64_t samples = training->run->batch, count = samples * qmac_shape_count(error.shape);
	enum qmac_err_scale rule = training->run->precision_err_scale;
	double most = 0;

	for (int64_t i = 0; !training->estimated && i < count; i++)
		most = fmax(most, fabs((double)residual[i] * (double)samples));
	e = qmac_net_scale_last(most, bits);
	if (rule == QMAC_ERR_SCALE_FIXED)
		e = engine->begun ? engine->scales[last].e : e - 1;
	engine->scales[last].e = engine->of.fl[last] = e;
	error.format = (struct qmac_format){bits, e};
	error.rounding = engine->formats.error_rounding;
	if (training->estimated)
		memset(engine->codes, 0, (size_t)count * sizeof engine->codes[0]);
	else
		qmac_net_encode(&error, residual, (double)samples, samples, engine->codes);
	if (engine->formats.clip && qmac_net_adds(training->net.layers[last].kind))
		qmac_net_mask(engine->output, engine->formats.output[last + 1].bw, count, engine->codes);
	qmac_net_put(engine->device.driver, &engine->plan.layers[last].error, engine->codes);
}

/* The scale `cur`, by the errors of this minibatch, which are made for it and made again later. */
static enum qmac_status find_current(struct qmac_net_device_engine *engine, int l, int *e,
                                     struct qmac_error *err)
{
	int shift = qmac_net_error_range_shift(&engine->plan, l), top = -1;
	enum qmac_status status = qmac_net_device_find_range(engine, qmac_net_submit_range, l, shift, &top, err);

	*e = status ? 0 : qmac_net_scale_current(qmac_net_gradient_fl(&engine->plan, &engine->of, l), shift,
	                                         engine->plan.flow.layers[l].bits, top);
	return status;
}

/* What layer l gives back to those in front of it needs its error, or the sum of its gradient. */
static enum qmac_status make_error(struct qmac_net_device_engine *engine, int l, struct qmac_error *err)
{
	enum qmac_err_scale rule = engine->training->run->precision_err_scale;
	unsigned monitor = 0;
	int e = 0;
	enum qmac_status status = QMAC_OK;

	if (!engine->plan.flow.layers[l].has_error)
		return qmac_net_submit_error(&engine->plan, &engine->of, l, 0, err);
	if (is_current(engine))
		status = find_current(engine, l, &e, err);
	if (status)
		return status;
	e = scale_of(engine, l, e);
	engine->of.fl[l] = qmac_net_scale_limited(e, qmac_net_gradient_fl(&engine->plan, &engine->of, l));
	engine->scales[l].e = rule == QMAC_ERR_SCALE_FIXED ? e : engine->of.fl[l];
	if (rule == QMAC_ERR_SCALE_DELAY)
		status = qmac_net_device_watch(engine, &engine->scales[l].top, &monitor, err);
	return status ? status : qmac_net_submit_error(&engine->plan, &engine->of, l, monitor, err);
}

/* Adds the sums of this minibatch, in double: exact as long as 53 bits hold them in the finest unit. */
static enum qmac_status add_gradient(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	double *gradient = engine->gradient;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && p < training->net.parameter_count; p++) {
		int64_t count = training->net.parameters[p].count;
		double unit;

		if (!qmac_net_has_codes(&training->net.parameters[p])) { /* they came with the coefficients */
			gradient += count;
			continue;
		}
		unit = ldexp(1, -qmac_net_sum_fl(&engine->plan, &engine->of, p));
		status = qmac_net_read_sum(&engine->plan, p, engine->codes, err);
		for (int64_t i = 0; !status && i < count; i++)
			*gradient++ += (double)engine->codes[i] * unit;
	}
	training->host_flops += 2 * (uint64_t)training->weight_count;
	return status;
}

static enum qmac_status run_backward(struct qmac_net_device_engine *engine, const float *residual,
                                     struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	int last = training->net.layer_count - 1;
	enum qmac_status status = QMAC_OK;

	if (engine->plan.flow.layers[last].needed)
		put_residual(engine, residual);
	for (int l = last; !status && l >= 0; l--) {
		if (!engine->plan.flow.layers[l].needed)
			continue;
		if (l < last)
			status = make_error(engine, l, err);
		if (!status && training->net.layers[l].kind == QMAC_LAYER_BATCH_NORM)
			status = qmac_net_device_norm_back(engine, l, err);
		if (!status)
			status = qmac_net_submit_back(&engine->plan, &engine->of, l, err);
	}
	if (!status)
		status = qmac_net_device_collect(engine, err);
	if (!status)
		status = training->masters ? qmac_net_device_update(engine, err) : add_gradient(engine, err);
	training->host_flops += (uint64_t)(4 * training->run->batch *
	                                   qmac_shape_count(engine->plan.layers[last].out));
	if (training->ranges == QMAC_NET_RANGES_DELAY && !training->estimated)
		qmac_net_ranges_delay(training);
	return status;
}

static enum qmac_status backward(struct qmac_net_engine *base, const float *residual, struct qmac_error *err)
{
	enum { BACKWARD = 1 };
	struct qmac_net_device_engine *engine = engine_of(base);
	enum qmac_status status = QMAC_OK;

	if (qmac_stop_is_asked())
		return qmac_stop_give_up(err);
	if (engine->recalled) {
		qmac_net_recall_add(engine->recall, BACKWARD);
	} else {
		qmac_net_recall_watch(engine->recall, BACKWARD);
		status = qmac_net_recall_keep(engine->recall, run_backward(engine, residual, err));
	}
	engine->begun = true;
	engine->minibatches++;
	return status;
}

static enum qmac_status take_gradient(struct qmac_net_engine *base, float *gradient, struct qmac_error *err)
{
	struct qmac_net_device_engine *engine = engine_of(base);
	struct qmac_net_training *training = engine->training;

	(void)err;
	if (training->masters) {
		memset(gradient, 0, (size_t)training->weight_count * sizeof gradient[0]);
		return QMAC_OK;
	}
	training->host_flops += (uint64_t)training->weight_count;
	if (training->estimated)
		return QMAC_OK; /* nobody looks at it */
	for (int64_t i = 0; i < training->weight_count; i++)
		gradient[i] = (float)(engine->gradient[i] / (double)training->run->batch);
	memset(engine->gradient, 0, (size_t)training->weight_count * sizeof engine->gradient[0]);
	return QMAC_OK;
}

/* ---- figures and checkpoints ------------------------------------------------------------------ */

static void spent(const struct qmac_net_engine *base, uint64_t *cycles, uint64_t *host_bytes)
{
	struct qmac_driver *driver = ((const struct qmac_net_device_engine *)base)->device.driver;
	uint64_t counters[QMAC_COUNTERS];

	qmac_driver_counters(driver, counters);
	*cycles = counters[QMAC_COUNTER_CYCLES];
	*host_bytes = qmac_driver_host_bytes(driver);
}

static void cost(struct qmac_net_engine *base, struct qmac_metrics *metrics)
{
	struct qmac_net_device_engine *engine = engine_of(base);

	qmac_driver_counters(engine->device.driver, metrics->counters);
	qmac_train_device_share_zeros(&engine->device);
	metrics->host_bytes = qmac_driver_host_bytes(engine->device.driver);
}

static enum qmac_status save(struct qmac_net_engine *base, struct qmac_error *err)
{
	return qmac_net_device_get_velocities(engine_of(base), err);
}

static void state(struct qmac_net_engine *base, struct qmac_state *pieces)
{
	struct qmac_net_device_engine *engine = engine_of(base);
	size_t layers = (size_t)engine->training->net.layer_count;

	qmac_train_device_state(&engine->device, pieces);
	QMAC_STATE_VALUE(pieces, "minibatches", engine->minibatches);
	QMAC_STATE_VALUE(pieces, "begun", engine->begun);
	if (engine->velocities)
		qmac_state_add(pieces, "velocities", engine->velocities,
		               (size_t)engine->training->weight_count * sizeof engine->velocities[0]);
	qmac_state_add(pieces, "scales", engine->scales, layers * sizeof engine->scales[0]);
}

void qmac_net_device_reset(struct qmac_net_device_engine *engine)
{
	qmac_train_device_reset(&engine->device);
	engine->plan.sequence.last = NULL;
}

/* The next minibatch does it as well: here it is for whoever goes on from the checkpoint. */
static void reset(struct qmac_net_engine *base)
{
	qmac_net_device_reset(engine_of(base));
}

static enum qmac_status resume(struct qmac_net_engine *base, struct qmac_error *err)
{
	enum qmac_status status = qmac_net_device_put_masters(engine_of(base), err);

	qmac_train_device_resume(&engine_of(base)->device);
	engine_of(base)->plan.sequence.last = NULL;
	return status;
}

static const char *kernel(const struct qmac_net_engine *base)
{
	struct qmac_backend *backend = ((const struct qmac_net_device_engine *)base)->device.backend;

	return backend->operations->kernel(backend);
}

const struct qmac_net_engine_operations qmac_net_device_engine = {
	.create = qmac_net_device_create, .destroy = qmac_net_device_destroy, .load = load,
	.forward = qmac_net_device_forward,
	.backward = backward, .gradient = take_gradient, .spent = spent, .cost = cost, .save = save,
	.state = state, .reset = reset, .resume = resume, .kernel = kernel,
};
