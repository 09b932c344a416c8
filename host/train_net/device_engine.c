/*
 * The engine in integers on the device: docs/network-numerics.md. Of a minibatch the device computes all
 * layers, forward and backward; the host makes codes of images, weights and of what the loss gives back,
 * chooses the scales of errors (scale.h), and adds up the sums for the weights.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/values.h"
#include "num/dither.h"
#include "process/stop.h"
#include "train_net/codes.h"
#include "train_net/device_engine.h"
#include "train_net/weights.h"

static struct qmac_net_device_engine *engine_of(struct qmac_net_engine *base)
{
	return (struct qmac_net_device_engine *)base;
}

/* ---- weights ---------------------------------------------------------------------------------- */

/* What the records of the training tell of a parameter's codes; those of an evaluation are left out. */
static void count_codes(struct qmac_net_device_engine *engine, int p, uint64_t saturations)
{
	struct qmac_net_training *training = engine->training;
	const struct qmac_net_parameter *parameter = &training->net.parameters[p];

	qmac_records_count_codes(&training->records, parameter->layer, parameter->role == QMAC_ROLE_WEIGHT,
	                         engine->weights, parameter->count, saturations);
	training->weight_saturations += (int64_t)saturations;
}

static enum qmac_status load_parameter(struct qmac_net_device_engine *engine, int p, uint32_t step,
                                       struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	uint64_t saturations = 0;
	enum qmac_status status = QMAC_OK;

	if (!training->estimated)
		status = qmac_net_weight_codes(training, p, step, engine->weights, &saturations, err);
	if (!status && !training->estimated && step < QMAC_NET_EVALUATION_STEPS)
		count_codes(engine, p, saturations);
	return status ? status : qmac_net_load_parameter(&engine->plan, p, engine->weights, err);
}

/*
 * Weights and programs for that purpose. Those of an evaluation have random numbers of their own: so its
 * figures depend on the masters alone.
 */
static enum qmac_status prepare(struct qmac_net_device_engine *engine, enum qmac_net_loaded purpose,
                                struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	bool trains = purpose == QMAC_NET_LOADED_TRAIN;
	uint32_t step = trains ? engine->minibatches : QMAC_NET_EVALUATION_STEPS;
	enum qmac_status status = QMAC_OK;

	if (engine->loaded == purpose)
		return QMAC_OK;
	for (int p = 0; !status && p < training->net.parameter_count; p++)
		status = load_parameter(engine, p, step, err);
	qmac_net_forward_counts_as(&engine->plan, trains ? QMAC_DIRECTION_FORWARD : QMAC_DIRECTION_EVAL);
	if (trains)
		training->host_flops += 2 * (uint64_t)training->weight_count;
	engine->loaded = status ? QMAC_NET_LOADED_NOTHING : purpose;
	return status;
}

static enum qmac_status load(struct qmac_net_engine *base, struct qmac_error *err)
{
	/* prepare() brings the weights when it is known what for */
	engine_of(base)->loaded = QMAC_NET_LOADED_NOTHING;
	return qmac_net_device_reopen(engine_of(base), err);
}

/* ---- forward ---------------------------------------------------------------------------------- */

/* The output of a layer, -1: the network's input, with the random numbers of that site. */
static struct qmac_net_tensor tensor_of(const struct qmac_net_device_engine *engine, int layer,
                                        enum qmac_net_site site)
{
	const struct qmac_net_plan *plan = &engine->plan;

	return (struct qmac_net_tensor){
		.shape = layer < 0 ? plan->net->input : plan->layers[layer].out,
		.format = engine->formats.output[layer + 1], .rounding = engine->formats.activation_rounding,
		.key = qmac_dither_key(engine->of.run_seed, engine->of.step, qmac_net_site(layer, site)),
	};
}

static enum qmac_status put_images(struct qmac_net_device_engine *engine,
                                   const struct qmac_image_batch *batch, struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	const struct qmac_net_tensor input = tensor_of(engine, QMAC_NET_INPUT, QMAC_NET_SITE_OUTPUT);
	int64_t count = qmac_shape_count(input.shape), rest = (training->run->batch - batch->count) * count;

	memset(engine->codes + batch->count * count, 0, (size_t)rest * sizeof engine->codes[0]);
	if (!training->estimated)
		qmac_net_encode_images(&input, &training->images, batch, engine->codes);
	return qmac_net_put_input(&engine->plan, engine->codes, err);
}

/* How large the codes of a tensor are, which the host looks at. */
static enum qmac_status measure(struct qmac_net_device_engine *engine, int tensor, struct qmac_error *err)
{
	const struct qmac_view *view = qmac_net_output(&engine->plan, tensor);
	int64_t count = qmac_net_count(view);
	int64_t *codes = malloc((size_t)count * sizeof *codes);
	uint64_t all = 0;
	int top = -1;

	if (!codes)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld codes", (long long)count);
	qmac_net_get(engine->device.driver, view, codes);
	for (int64_t i = 0; i < count; i++)
		all |= (uint64_t)(codes[i] < 0 ? -codes[i] : codes[i]);
	for (; all; all >>= 1)
		top++;
	free(codes);
	engine->training->tops[tensor + 1] = top;
	engine->training->host_flops += (uint64_t)count;
	return QMAC_OK;
}

static enum qmac_status forward(struct qmac_net_engine *base, const struct qmac_image_batch *batch,
                                enum qmac_net_purpose purpose, float *logits, struct qmac_error *err)
{
	struct qmac_net_device_engine *engine = engine_of(base);
	struct qmac_net_training *training = engine->training;
	struct qmac_driver *driver = engine->device.driver;
	bool trains = purpose == QMAC_NET_TRAIN;
	int last = training->net.layer_count - 1;
	struct qmac_net_tensor output;
	enum qmac_status status = prepare(engine, trains ? QMAC_NET_LOADED_TRAIN : QMAC_NET_LOADED_EVALUATE, err);

	if (qmac_stop_is_asked())
		return qmac_stop_give_up(err);
	engine->of.step = trains ? engine->minibatches :
	                  QMAC_NET_EVALUATION_STEPS + (uint32_t)(batch->first / training->run->batch);
	if (!status)
		status = put_images(engine, batch, err);
	if (!status)
		status = qmac_net_submit_forward(&engine->plan, &engine->of, err);
	if (!status)
		status = qmac_driver_finish(driver, err);
	if (status)
		return status;
	qmac_net_get(driver, qmac_net_output(&engine->plan, last), engine->output);
	for (int t = -1; !status && trains && training->measured && t <= last; t++)
		status = measure(engine, t, err);
	if (status)
		return status;
	output = tensor_of(engine, last, QMAC_NET_SITE_OUTPUT);
	qmac_net_decode(&output, engine->output, batch->count, logits);
	if (trains)
		training->host_flops += (uint64_t)(batch->count * (2 * qmac_shape_count(training->net.input) +
		                                                   qmac_shape_count(output.shape)));
	return QMAC_OK;
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
	struct qmac_net_tensor error = tensor_of(engine, last, QMAC_NET_SITE_ERROR);
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

/* Waits, and takes the ranges of the errors that are watched. */
static enum qmac_status collect_ranges(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	enum qmac_status status = qmac_driver_finish(engine->device.driver, err);

	for (int i = 0; !status && i < engine->watched_count; i++) {
		unsigned number = (unsigned)i + 1;

		engine->scales[engine->watched[i]].top =
			qmac_net_scale_top(qmac_driver_monitor(engine->device.driver, number));
		qmac_driver_clear_monitor(engine->device.driver, number);
	}
	engine->watched_count = 0;
	return status;
}

/* The scale `cur`, by the errors of this minibatch, which are made for it and made again later. */
static enum qmac_status find_current(struct qmac_net_device_engine *engine, int l, int *e,
                                     struct qmac_error *err)
{
	struct qmac_driver *driver = engine->device.driver;
	int sum_fl = qmac_net_gradient_fl(&engine->plan, &engine->of, l), top = 31, k;
	unsigned monitor = (unsigned)engine->watched_count + 1;
	enum qmac_status status = QMAC_OK;

	for (k = -24; !status && top == 31 && k < 48;) {
		k += 24;
		status = qmac_net_submit_range(&engine->plan, &engine->of, l, k, monitor, err);
		if (!status)
			status = qmac_driver_finish(driver, err);
		if (status)
			return status;
		top = qmac_net_scale_top(qmac_driver_monitor(driver, monitor));
		qmac_driver_clear_monitor(driver, monitor);
	}
	*e = qmac_net_scale_current(sum_fl, k, engine->plan.flow.layers[l].bits, top);
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
	if (engine->watched_count == QMAC_MONITORS - 1)
		status = collect_ranges(engine, err);
	if (!status && is_current(engine))
		status = find_current(engine, l, &e, err);
	if (status)
		return status;
	e = scale_of(engine, l, e);
	engine->of.fl[l] = qmac_net_scale_limited(e, qmac_net_gradient_fl(&engine->plan, &engine->of, l));
	engine->scales[l].e = rule == QMAC_ERR_SCALE_FIXED ? e : engine->of.fl[l];
	if (rule == QMAC_ERR_SCALE_DELAY) {
		engine->watched[engine->watched_count++] = l;
		monitor = (unsigned)engine->watched_count;
	}
	return qmac_net_submit_error(&engine->plan, &engine->of, l, monitor, err);
}

/* Adds the sums of this minibatch, in double: exact as long as 53 bits hold them in the finest unit. */
static enum qmac_status add_gradient(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	double *gradient = engine->gradient;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && p < training->net.parameter_count; p++) {
		int64_t count = training->net.parameters[p].count;
		double unit = ldexp(1, -qmac_net_sum_fl(&engine->plan, &engine->of, p));

		status = qmac_net_read_sum(&engine->plan, p, engine->codes, err);
		for (int64_t i = 0; !status && i < count; i++)
			*gradient++ += (double)engine->codes[i] * unit;
	}
	training->host_flops += 2 * (uint64_t)training->weight_count;
	return status;
}

static enum qmac_status backward(struct qmac_net_engine *base, const float *residual, struct qmac_error *err)
{
	struct qmac_net_device_engine *engine = engine_of(base);
	struct qmac_net_training *training = engine->training;
	int last = training->net.layer_count - 1;
	enum qmac_status status = QMAC_OK;

	if (qmac_stop_is_asked())
		return qmac_stop_give_up(err);
	if (engine->plan.flow.layers[last].needed)
		put_residual(engine, residual);
	for (int l = last; !status && l >= 0; l--) {
		if (!engine->plan.flow.layers[l].needed)
			continue;
		if (l < last)
			status = make_error(engine, l, err);
		if (!status)
			status = qmac_net_submit_back(&engine->plan, &engine->of, l, err);
	}
	if (!status)
		status = collect_ranges(engine, err);
	if (!status)
		status = training->masters ? qmac_net_device_update(engine, err) : add_gradient(engine, err);
	training->host_flops += (uint64_t)(4 * training->run->batch *
	                                   qmac_shape_count(engine->plan.layers[last].out));
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
	for (int64_t i = 0; i < training->weight_count; i++)
		gradient[i] = (float)(engine->gradient[i] / (double)training->run->batch);
	memset(engine->gradient, 0, (size_t)training->weight_count * sizeof engine->gradient[0]);
	training->host_flops += (uint64_t)training->weight_count;
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
	qmac_train_device_count_zeros(&engine->device);
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

static void reset(struct qmac_net_engine *base)
{
	qmac_train_device_reset(&engine_of(base)->device);
	engine_of(base)->plan.sequence.last = NULL;
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
	.create = qmac_net_device_create, .destroy = qmac_net_device_destroy, .load = load, .forward = forward,
	.backward = backward, .gradient = take_gradient, .spent = spent, .cost = cost, .save = save,
	.state = state, .reset = reset, .resume = resume, .kernel = kernel,
};
