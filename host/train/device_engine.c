/*
 * Inner steps in integers on the device (inner_loop.h), the scales around them in double on the host.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/fixed.h"
#include "process/stop.h"
#include "step/step.h"
#include "train/device.h"
#include "train/device_gradient.h"
#include "train/engine.h"
#include "step/logistic_arithmetic.h"
#include "train/optimiser.h"
#include "train/residual.h"

/* The layers of the records; the second where full gradients are computed on the device. */
enum { LAYER_INNER, LAYER_GRADIENT, LAYERS };

struct device_engine {
	struct qmac_engine base;
	struct qmac_training *training;
	struct qmac_train_device under; /* the device itself */
	struct qmac_inner_plan plan;
	struct qmac_inner_loop *inner;
	struct qmac_residual *residual;
	struct qmac_device_gradient *gradient;  /* NULL: on the host */
	uint64_t outer[QMAC_COUNTERS]; /* what gradients on the device have spent */
	int point;         /* p of the running epoch; 0 where the device makes the residuals */
	uint32_t *order;   /* inner_steps * batch: samples of the epoch */
	int32_t *z, *kept; /* weights: Z, and that after keep_after steps of the epoch */
	int64_t *h;        /* weights */
	int16_t *codes;    /* inputs: room for a row of X */
};

static struct device_engine *engine_of(struct qmac_engine *engine)
{
	return (struct device_engine *)engine;
}

/* Whether Z is the way from the centre. */
static bool is_centred(const struct device_engine *device)
{
	return device->training->precision.operations->centred;
}

/* ---- an epoch ------------------------------------------------------------------- */

/*
 * The full gradient at w: training->gradient has it from the host. From the device it takes the
 * scratchpads, so that what was on chip must come there anew.
 */
static enum qmac_status take_gradient(struct qmac_engine *engine, struct qmac_error *err)
{
	struct device_engine *device = engine_of(engine);
	enum qmac_status status;

	if (!device->gradient) {
		qmac_training_use_gradient(device->training);
		return QMAC_OK;
	}
	qmac_train_device_share_zeros(&device->under);
	qmac_ledger_set_first_layer(device->under.ledger, LAYER_GRADIENT);
	status = qmac_device_gradient_run(device->gradient, err);
	if (status != QMAC_OK)
		return status;
	qmac_ledger_set_first_layer(device->under.ledger, LAYER_INNER);
	qmac_train_device_share_zeros(&device->under);
	device->training->data_passes += 1;
	qmac_inner_loop_reload(device->inner);
	qmac_inner_loop_set_z(device->inner, device->z);
	return QMAC_OK;
}

/*
 * h, a whole number, limited to +-(2^(bits-1) - 1), 2 <= bits <= 63. Of that limit there need not be a
 * double, but 2^(bits-1) is one, and whole numbers below it are within the limit.
 */
static int64_t limited(double h, int bits)
{
	double beyond = ldexp(1, bits - 1);

	if (h >= beyond)
		return qmac_max_of(bits);
	return h > -beyond ? (int64_t)h : -qmac_max_of(bits);
}

/*
 * h = alpha g / delta with so many fraction bits; limited where it drives Z to the end of its range. With
 * a regulariser, where Z is W: g without its part lambda W~, for the device takes off alpha lambda W where
 * the step has alpha lambda (W - W~).
 */
static void set_offset(struct device_engine *device, const double *gradient)
{
	struct qmac_training *training = device->training;
	const struct qmac_run *run = training->run;
	bool whole = !training->loss->operations->regularised || is_centred(device);
	int fraction = qmac_logistic_fraction(&device->plan.shape, device->point);
	int u_bits = qmac_logistic_u_bits(&device->plan.shape, fraction);

	for (int64_t k = 0; !training->estimated && k < training->weights; k++) {
		double g = gradient[k] - (whole ? 0 : run->lambda * training->w[k]);
		double h = rint(ldexp(run->alpha * g / training->precision.delta, fraction));

		device->h[k] = limited(h, u_bits);
	}
	training->host_flops += (whole ? 2 : 4) * (uint64_t)training->weights;
	qmac_inner_loop_set_offset(device->inner, device->h);
}

static void begin(struct qmac_engine *engine, const double *gradient)
{
	struct device_engine *device = engine_of(engine);

	device->point = device->residual->operations->begin(device->residual, device->z);
	if (gradient)
		set_offset(device, gradient);
	if (is_centred(device)) {
		memset(device->z, 0, (size_t)device->training->weights * sizeof device->z[0]);
		qmac_inner_loop_set_z(device->inner, NULL);
	}
}

/* Steps [first, first + count) of the epoch; z: Z after keep_after - first of them. */
static enum qmac_status run_loop(struct device_engine *device, int64_t first, int64_t count,
                                 int64_t keep_after, int32_t *z, struct qmac_error *err)
{
	struct qmac_training *training = device->training;
	int64_t batch = training->run->batch;
	const struct qmac_linear_loop loop = {
		.order = device->order, .steps = count, .keep_after = keep_after - first,
		.run_seed = training->run->seed, .first_step = (uint32_t)(training->step + first),
		.x_unit = training->data.dx, .z_unit = training->precision.delta, .z = z,
		.residual = device->residual->operations->run, .context = device->residual, .point = device->point,
	};

	for (int64_t t = 0; t < count * batch; t++) {
		if (qmac_stop_is_due())
			return qmac_stop_give_up(err);
		device->order[t] = (uint32_t)qmac_training_sample(training);
	}
	qmac_step_sort(device->order, count, batch);
	return qmac_inner_loop_run(device->inner, &loop, err);
}

/*
 * A loop gives one Z. The last loop of an epoch need not give its last Z, which nobody wants, but for the
 * one that is kept; others give theirs, and are cut in two where one is kept within.
 */
static enum qmac_status run_steps(struct qmac_engine *engine, int64_t first, int64_t count,
                                  struct qmac_error *err)
{
	struct device_engine *device = engine_of(engine);
	struct qmac_training *training = device->training;
	int64_t end = first + count, keep_after = training->keep_after;
	size_t bytes = (size_t)training->weights * sizeof device->z[0];
	enum qmac_status status = QMAC_OK;

	if (end == training->run->inner_steps && keep_after >= first)
		return run_loop(device, first, count, keep_after, device->kept, err);
	if (keep_after == first)
		memcpy(device->kept, device->z, bytes);
	if (keep_after > first && keep_after < end) {
		status = run_loop(device, first, keep_after - first, keep_after, device->kept, err);
		first = keep_after;
	}
	if (status == QMAC_OK)
		status = run_loop(device, first, end - first, end, device->z, err);
	if (keep_after == end)
		memcpy(device->kept, device->z, bytes);
	return status;
}

/* Where the Z that was kept is not the last one, it has to come back. */
static void leave_z(struct device_engine *device)
{
	const struct qmac_training *training = device->training;

	if (!is_centred(device) && training->keep_after < training->run->inner_steps)
		qmac_inner_loop_set_z(device->inner, device->z);
}

static void end(struct qmac_engine *engine)
{
	struct device_engine *device = engine_of(engine);
	struct qmac_training *training = device->training;
	bool centred = is_centred(device);

	device->residual->operations->end(device->residual);
	memcpy(device->z, device->kept, (size_t)training->weights * sizeof device->z[0]);
	for (int64_t k = 0; !training->estimated && k < training->weights; k++)
		training->w[k] = (centred ? training->w[k] : 0) + training->precision.delta * device->z[k];
	training->host_flops += (centred ? 2 : 1) * (uint64_t)training->weights;
	leave_z(device);
}

/* ---- life --------------------------------------------------------------------- */

static void destroy(struct qmac_engine *engine)
{
	struct device_engine *device = engine_of(engine);

	qmac_inner_loop_destroy(device->inner);
	if (device->residual)
		device->residual->operations->destroy(device->residual);
	qmac_device_gradient_destroy(device->gradient);
	qmac_train_device_close(&device->under);
	free(device->order);
	free(device->z);
	free(device->kept);
	free(device->h);
	free(device->codes);
	free(device);
}

static enum qmac_status allocate(struct device_engine *device, struct qmac_error *err)
{
	const struct qmac_run *run = device->training->run;
	size_t weights = (size_t)device->training->weights;

	device->order = calloc((size_t)(run->inner_steps * run->batch), sizeof device->order[0]);
	device->z = calloc(weights, sizeof device->z[0]);
	device->kept = calloc(weights, sizeof device->kept[0]);
	device->h = calloc(weights, sizeof device->h[0]);
	device->codes = calloc((size_t)device->training->data.features, sizeof device->codes[0]);
	if (device->order && device->z && device->kept && device->h && device->codes)
		return QMAC_OK;
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld inner steps",
	                 (long long)run->inner_steps);
}

static enum qmac_status plan_loop(struct device_engine *device, const struct qmac_hw *hw,
                                  struct qmac_error *err)
{
	struct qmac_training *training = device->training;
	const struct qmac_run *run = training->run;
	const struct qmac_dataset *data = &training->data;
	struct qmac_linear_shape shape = {
		.samples = data->samples, .features = data->features, .batch = run->batch, .bits = run->bits,
		.x_bits = run->x_bits, .frac_bits = run->frac_bits, .mp_bits = run->mp_bits,
		.c1 = run->alpha * data->dx * data->dx / (double)run->batch,
		.has_offset = training->optimiser->reduces,
	};
	enum qmac_status status = training->loss->operations->on_device->create(training, &shape,
	                                                                        &device->residual, err);

	if (status == QMAC_OK)
		status = qmac_inner_plan_make(&device->plan, &shape, hw, err);
	if (status == QMAC_OK && run->outer == QMAC_OUTER_DEVICE && training->optimiser->reduces)
		status = qmac_device_gradient_create(training, hw, &device->gradient, err);
	return status;
}

/* X, row by row: at no time does the host have all of it in codes. */
static void upload_inputs(struct device_engine *device)
{
	const struct qmac_dataset *data = &device->training->data;

	for (int64_t i = 0; i < data->samples && !qmac_stop_is_asked(); i++) {
		if (!device->training->estimated)
			qmac_dataset_codes(data, i, device->codes);
		qmac_inner_loop_set_x(device->inner, i, 1, device->codes);
	}
}

static enum qmac_status create_records(struct device_engine *device, struct qmac_error *err)
{
	struct qmac_training *training = device->training;
	enum qmac_status status = qmac_records_create(&training->records, device->gradient ? LAYERS : 1, err);

	if (status != QMAC_OK)
		return status;
	qmac_training_name_layer(training, LAYER_INNER, training->loss->layer.name, training->run->bits);
	if (device->gradient)
		qmac_training_name_layer(training, LAYER_GRADIENT, "gradient", QMAC_GRADIENT_BITS);
	return QMAC_OK;
}

static enum qmac_status open_device(struct device_engine *device, const struct qmac_hw *hw,
                                    struct qmac_error *err)
{
	uint64_t memory = qmac_inner_loop_memory(&device->plan) +
	                  (device->gradient ? qmac_device_gradient_memory(device->gradient) : 0);
	enum qmac_status status = qmac_train_device_open(&device->under, device->training->run, hw, memory, err);

	if (status == QMAC_OK)
		status = qmac_inner_loop_create(device->under.driver, &device->plan, &device->inner, err);
	if (status == QMAC_OK && device->gradient)
		status = qmac_device_gradient_open(device->gradient, device->under.driver, err);
	if (status != QMAC_OK)
		return status;
	upload_inputs(device);
	if (qmac_stop_is_asked())
		return qmac_stop_give_up(err);
	device->residual->operations->open(device->residual, &device->plan, device->inner);
	if (!is_centred(device))
		qmac_inner_loop_set_z(device->inner, NULL);
	return QMAC_OK;
}

static enum qmac_status create(struct qmac_training *training, const struct qmac_hw *hw,
                               const struct qmac_train_observer *observer, struct qmac_engine **engine,
                               struct qmac_error *err)
{
	struct device_engine *made = calloc(1, sizeof *made);
	enum qmac_status status;

	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a run");
	made->base.operations = &qmac_device_engine;
	made->training = training;
	made->under.observer = observer;
	made->under.records = &training->records;
	made->under.estimated = training->estimated;
	status = allocate(made, err);
	if (status == QMAC_OK)
		status = plan_loop(made, hw, err);
	if (status == QMAC_OK)
		status = create_records(made, err);
	if (status == QMAC_OK)
		status = open_device(made, hw, err);
	if (status == QMAC_OK)
		*engine = &made->base;
	else
		destroy(&made->base);
	return status;
}

static void cost(struct qmac_engine *engine, struct qmac_metrics *metrics)
{
	struct device_engine *device = engine_of(engine);
	struct qmac_records *records = &device->training->records;

	qmac_driver_counters(device->under.driver, metrics->counters);
	qmac_train_device_share_zeros(&device->under);
	records->layer[LAYER_INNER].delta = metrics->delta;
	if (device->gradient)
		qmac_records_add_layer(records, LAYER_GRADIENT, device->outer);
	memcpy(metrics->outer, device->outer, sizeof metrics->outer);
	metrics->host_bytes = qmac_driver_host_bytes(device->under.driver);
}

static void state(struct qmac_engine *engine, struct qmac_state *into)
{
	struct device_engine *device = engine_of(engine);
	size_t weights = (size_t)device->training->weights;

	qmac_train_device_state(&device->under, into);
	QMAC_STATE_VALUE(into, "outer", device->outer);
	QMAC_STATE_VALUE(into, "point", device->point);
	qmac_state_add(into, "z", device->z, weights * sizeof device->z[0]);
	if (device->training->run->checkpoint_steps > 0) {
		qmac_state_add(into, "kept", device->kept, weights * sizeof device->kept[0]);
		qmac_state_add(into, "h", device->h, weights * sizeof device->h[0]);
	}
	device->residual->operations->state(device->residual, into);
	if (device->gradient)
		qmac_device_gradient_state(device->gradient, into);
}

static void reset(struct qmac_engine *engine)
{
	qmac_train_device_reset(&engine_of(engine)->under);
}

/*
 * A loop without steps brings on chip what was there. It is no part of the run: nobody is told of it, and
 * the totals are those that were loaded.
 */
static enum qmac_status resume(struct qmac_engine *engine, struct qmac_error *err)
{
	struct device_engine *device = engine_of(engine);
	const struct qmac_training *training = device->training;
	bool within = training->within > 0, has_z = within || !is_centred(device);
	enum qmac_status status;

	if (within)
		device->residual->operations->resume(device->residual);
	if (training->optimiser->reduces)
		qmac_inner_loop_set_offset(device->inner, device->h);
	qmac_inner_loop_set_z(device->inner, has_z ? device->z : NULL);
	qmac_train_device_hide(&device->under, true);
	status = run_loop(device, 0, 0, 0, device->z, err);
	qmac_train_device_hide(&device->under, false);
	if (status != QMAC_OK)
		return status;
	if (!within)
		leave_z(device);
	qmac_train_device_resume(&device->under);
	return QMAC_OK;
}

static const char *kernel(const struct qmac_engine *engine)
{
	const struct device_engine *device = (const struct device_engine *)engine;

	return device->under.backend->operations->kernel(device->under.backend);
}

const struct qmac_engine_operations qmac_device_engine = {
	.create = create, .destroy = destroy, .take_gradient = take_gradient, .begin = begin, .run = run_steps,
	.end = end, .cost = cost, .state = state, .reset = reset, .resume = resume, .kernel = kernel,
};
