#include "train/low_precision.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/fixed.h"
#include "train/device_gradient.h"
#include "train/inner_loop.h"
#include "train/logistic_arithmetic.h"
#include "train/logistic_residual.h"

enum { RING_LOG2 = 14 };

struct qmac_low_precision {
	struct qmac_training *training;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_inner_plan plan;
	struct qmac_inner_loop *inner;
	struct qmac_logistic_residual residual; /* logistic regression */
	struct qmac_device_gradient *gradient;  /* NULL: on the host */
	uint64_t outer[QMAC_COUNTERS]; /* what gradients on the device have spent */
	int point;         /* logistic regression: p of the running epoch */
	uint32_t *order;   /* inner_steps * batch: samples of the epoch */
	int32_t *z;        /* weights: z of HALP, w/delta of the others */
	int64_t *h;        /* weights */
	int64_t *targets;  /* samples: k_i of a linear regression */
	int16_t *codes;    /* features: room for a row of X */
};

/* ---- what the device is given ------------------------------------------------- */

/* LP-SGD: k_i = y_i in units of dx delta, with e fraction bits. *bits: the signed width of the largest. */
static enum qmac_status scale_targets(struct qmac_low_precision *low, int *bits, struct qmac_error *err)
{
	const struct qmac_run *run = low->training->run;
	const struct qmac_dataset *data = &low->training->data;
	double unit = ldexp(data->dx * run->delta, -run->y_frac_bits), largest = 0;

	for (int64_t i = 0; i < data->samples; i++) {
		double k = rint(data->y[i] / unit);

		if (!(fabs(k) < 0x1p62))
			return qmac_fail(err, QMAC_BAD_INPUT, "delta %g is too fine for the targets: %g is more than 2^62"
			                 " units of the residual; raise delta", run->delta, data->y[i]);
		largest = fmax(largest, fabs(k));
		low->targets[i] = (int64_t)k;
	}
	for (*bits = 1; ldexp(1, *bits - 1) <= largest; ++*bits)
		;
	low->training->host_flops += 2 * (uint64_t)data->samples;
	return QMAC_OK;
}

/* LP-SVRG: k_i = sum_j X_ij W_j, exact: both lie on grids. */
static void dot_targets(struct qmac_low_precision *low)
{
	const struct qmac_dataset *data = &low->training->data;

	for (int64_t i = 0; i < data->samples; i++) {
		qmac_dataset_codes(data, i, low->codes);
		low->targets[i] = 0;
		for (int64_t j = 0; j < data->features; j++)
			low->targets[i] += (int64_t)low->codes[j] * low->z[j];
	}
	low->training->host_flops += 2 * (uint64_t)(data->samples * data->features);
	qmac_inner_loop_set_targets(low->inner, low->targets);
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
 * h = alpha g / delta with so many fraction bits; limited where it drives Z to the end of its range.
 * Logistic regression, LP-SVRG: g without its part lambda w~, for the device takes off alpha lambda W
 * where the step has alpha lambda (W - W~).
 */
static void set_offset(struct qmac_low_precision *low)
{
	struct qmac_training *training = low->training;
	const struct qmac_run *run = training->run;
	bool whole = !training->logistic || run->algorithm == QMAC_HALP;
	int fraction = run->frac_bits, u_bits = low->plan.step.u_bits;

	if (training->logistic) {
		fraction = qmac_logistic_fraction(&low->plan.shape, low->point);
		u_bits = qmac_logistic_u_bits(&low->plan.shape, fraction);
	}
	for (int64_t j = 0; j < training->weights; j++) {
		double g = training->gradient[j] - (whole ? 0 : run->lambda * training->w[j]);
		double h = rint(ldexp(run->alpha * g / training->delta, fraction));

		low->h[j] = limited(h, u_bits);
	}
	training->host_flops += (whole ? 2 : 4) * (uint64_t)training->weights;
	qmac_inner_loop_set_offset(low->inner, low->h);
}

/* ---- epochs ------------------------------------------------------------------- */

/* Runs inner_steps steps; low->z becomes the Z after keep_after of them. */
static enum qmac_status run_loop(struct qmac_low_precision *low, int64_t keep_after, struct qmac_error *err)
{
	struct qmac_training *training = low->training;
	int64_t batch = training->run->batch;
	const struct qmac_linear_loop loop = {
		.order = low->order, .steps = training->run->inner_steps, .keep_after = keep_after,
		.run_seed = training->run->seed, .first_step = (uint32_t)training->step,
		.x_unit = training->data.dx, .z_unit = training->delta, .z = low->z,
		.residual = qmac_logistic_residual_run, .context = &low->residual, .point = low->point,
	};
	enum qmac_status status;

	for (int64_t t = 0; t < loop.steps * batch; t++)
		low->order[t] = (uint32_t)qmac_training_sample(training);
	qmac_batch_sort(low->order, loop.steps, batch);
	status = qmac_inner_loop_run(low->inner, &loop, err);
	if (training->logistic)
		qmac_logistic_residual_end(&low->residual);
	qmac_training_use_steps(training);
	return status;
}

/*
 * The full gradient at w: training->gradient has it from the host. From the device it takes the
 * scratchpads, so that what was on chip must come there anew.
 */
static enum qmac_status take_gradient(struct qmac_low_precision *low, struct qmac_error *err)
{
	struct qmac_training *training = low->training;
	uint64_t before[QMAC_COUNTERS], after[QMAC_COUNTERS];
	enum qmac_status status;

	if (!low->gradient) {
		qmac_training_use_gradient(training);
		return QMAC_OK;
	}
	qmac_driver_counters(low->driver, before);
	status = qmac_device_gradient_run(low->gradient, err);
	if (status != QMAC_OK)
		return status;
	qmac_driver_counters(low->driver, after);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		low->outer[i] += after[i] - before[i];
	training->data_passes += 1;
	qmac_inner_loop_reload(low->inner);
	qmac_inner_loop_set_z(low->inner, low->z);
	return QMAC_OK;
}

/* w = delta W */
static void read_weights(struct qmac_low_precision *low)
{
	struct qmac_training *training = low->training;

	for (int64_t j = 0; j < training->weights; j++)
		training->w[j] = training->delta * low->z[j];
	training->host_flops += (uint64_t)training->weights;
}

/* Logistic regression, with the epoch's delta known: the point of m'. */
static void begin_residuals(struct qmac_low_precision *low)
{
	if (low->training->logistic)
		low->point = qmac_logistic_residual_begin(&low->residual, &low->plan.step);
}

static enum qmac_status lp_sgd_epoch(struct qmac_low_precision *low, struct qmac_error *err)
{
	enum qmac_status status;

	begin_residuals(low);
	status = run_loop(low, low->training->run->inner_steps, err);
	if (status == QMAC_OK)
		read_weights(low);
	return status;
}

static enum qmac_status lp_svrg_epoch(struct qmac_low_precision *low, struct qmac_error *err)
{
	struct qmac_training *training = low->training;
	enum qmac_status status = take_gradient(low, err);

	if (status != QMAC_OK)
		return status;
	begin_residuals(low);
	if (!training->logistic)
		dot_targets(low);
	set_offset(low);
	status = run_loop(low, qmac_training_keep_after(training), err);
	if (status != QMAC_OK)
		return status;
	read_weights(low);
	if (training->run->option == QMAC_OPTION_II)
		qmac_inner_loop_set_z(low->inner, low->z);
	return QMAC_OK;
}

static enum qmac_status halp_epoch(struct qmac_low_precision *low, struct qmac_error *err)
{
	struct qmac_training *training = low->training;
	const struct qmac_run *run = training->run;
	enum qmac_status status = take_gradient(low, err);

	if (status != QMAC_OK)
		return status;
	training->delta = training->norm / run->mu / (double)qmac_max_of(run->bits);
	if (!(training->delta > 0) || !isfinite(training->delta))
		return QMAC_OK; /* at a minimum, or beyond all numbers: there is no grid to move on, w stays */
	begin_residuals(low);
	set_offset(low);
	qmac_inner_loop_set_z(low->inner, NULL);
	status = run_loop(low, qmac_training_keep_after(training), err);
	if (status != QMAC_OK)
		return status;
	for (int64_t j = 0; j < training->weights; j++)
		training->w[j] += training->delta * low->z[j];
	training->host_flops += 2 * (uint64_t)training->weights;
	return QMAC_OK;
}

enum qmac_status qmac_low_precision_epoch(struct qmac_low_precision *low, struct qmac_error *err)
{
	switch (low->training->run->algorithm) {
	case QMAC_LP_SGD:
		return lp_sgd_epoch(low, err);
	case QMAC_LP_SVRG:
		return lp_svrg_epoch(low, err);
	default:
		return halp_epoch(low, err);
	}
}

/* ---- life --------------------------------------------------------------------- */

static enum qmac_status allocate(struct qmac_low_precision *low, struct qmac_error *err)
{
	const struct qmac_run *run = low->training->run;
	size_t weights = (size_t)low->training->weights, samples = (size_t)low->training->data.samples;

	low->order = calloc((size_t)(run->inner_steps * run->batch), sizeof low->order[0]);
	low->z = calloc(weights, sizeof low->z[0]);
	low->h = calloc(weights, sizeof low->h[0]);
	low->targets = calloc(samples, sizeof low->targets[0]);
	low->codes = calloc((size_t)low->training->data.features, sizeof low->codes[0]);
	if (low->order && low->z && low->h && low->targets && low->codes)
		return QMAC_OK;
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld inner steps",
	                 (long long)run->inner_steps);
}

static enum qmac_status plan_loop(struct qmac_low_precision *low, const struct qmac_hw *hw,
                                  struct qmac_error *err)
{
	const struct qmac_run *run = low->training->run;
	const struct qmac_dataset *data = &low->training->data;
	struct qmac_linear_shape shape = {
		.samples = data->samples, .features = data->features, .batch = run->batch, .bits = run->bits,
		.x_bits = run->x_bits, .frac_bits = run->frac_bits, .mp_bits = run->mp_bits,
		.c1 = run->alpha * data->dx * data->dx / (double)run->batch,
		.has_offset = run->algorithm != QMAC_LP_SGD, .has_targets = run->algorithm != QMAC_HALP,
	};
	enum qmac_status status = QMAC_OK;

	if (low->training->logistic) {
		shape.outputs = data->classes;
		shape.host_residual = true;
		shape.decay = run->alpha * run->lambda;
		shape.has_targets = false;
	} else if (run->algorithm == QMAC_LP_SGD) {
		shape.y_frac_bits = run->y_frac_bits;
		status = scale_targets(low, &shape.target_bits, err);
	}
	if (status == QMAC_OK)
		status = qmac_inner_plan_make(&low->plan, &shape, hw, err);
	return status;
}

/* X, row by row: at no time does the host have all of it in codes. */
static void upload_inputs(struct qmac_low_precision *low)
{
	const struct qmac_dataset *data = &low->training->data;

	for (int64_t i = 0; i < data->samples; i++) {
		qmac_dataset_codes(data, i, low->codes);
		qmac_inner_loop_set_x(low->inner, i, 1, low->codes);
	}
}

static enum qmac_status open_device(struct qmac_low_precision *low, const struct qmac_hw *hw,
                                    const struct qmac_train_observer *observer, struct qmac_error *err)
{
	const struct qmac_run *run = low->training->run;
	uint64_t megabyte = 1 << 20, ring = (uint64_t)QMAC_COMMAND_BYTES << RING_LOG2;
	uint64_t memory = ring + qmac_inner_loop_memory(&low->plan) +
	                  (low->gradient ? qmac_device_gradient_memory(low->gradient) : 0);
	struct qmac_device_options options = {
		.memory_bytes = (memory / megabyte + 2) * megabyte, .kernel = run->kernel,
		.on_retire = observer ? observer->on_retire : NULL, .context = observer ? observer->context : NULL,
	};
	enum qmac_status status;

	if (observer && observer->open)
		status = observer->open(observer->context, run->backend, hw, &options, &low->backend, err);
	else
		status = qmac_backend_create(run->backend, hw, &options, &low->backend, err);
	if (status == QMAC_OK)
		status = qmac_driver_open(low->backend, hw, RING_LOG2, &low->driver, err);
	if (status == QMAC_OK)
		status = qmac_inner_loop_create(low->driver, &low->plan, &low->inner, err);
	if (status == QMAC_OK && low->gradient)
		status = qmac_device_gradient_open(low->gradient, low->driver, err);
	if (status == QMAC_OK)
		upload_inputs(low);
	return status;
}

enum qmac_status qmac_low_precision_create(struct qmac_training *training, const struct qmac_hw *hw,
                                           const struct qmac_train_observer *observer,
                                           struct qmac_low_precision **low, struct qmac_error *err)
{
	struct qmac_low_precision *made = calloc(1, sizeof *made);
	enum qmac_status status;

	*low = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a run");
	made->training = training;
	qmac_logistic_residual_create(&made->residual, training);
	status = allocate(made, err);
	if (status == QMAC_OK)
		status = plan_loop(made, hw, err);
	if (status == QMAC_OK && training->run->outer == QMAC_OUTER_DEVICE &&
	    training->run->algorithm != QMAC_LP_SGD)
		status = qmac_device_gradient_create(training, hw, &made->gradient, err);
	if (status == QMAC_OK)
		status = open_device(made, hw, observer, err);
	if (status != QMAC_OK) {
		qmac_low_precision_destroy(made);
		return status;
	}
	if (training->run->algorithm != QMAC_HALP) {
		training->delta = training->run->delta;
		qmac_inner_loop_set_z(made->inner, NULL);
	}
	if (training->run->algorithm == QMAC_LP_SGD && !training->logistic)
		qmac_inner_loop_set_targets(made->inner, made->targets);
	*low = made;
	return QMAC_OK;
}

void qmac_low_precision_destroy(struct qmac_low_precision *low)
{
	if (!low)
		return;
	qmac_inner_loop_destroy(low->inner);
	qmac_device_gradient_destroy(low->gradient);
	qmac_driver_close(low->driver);
	qmac_backend_destroy(low->backend);
	free(low->order);
	free(low->z);
	free(low->h);
	free(low->targets);
	free(low->codes);
	free(low);
}

void qmac_low_precision_cost(struct qmac_low_precision *low, struct qmac_metrics *metrics)
{
	qmac_driver_counters(low->driver, metrics->counters);
	memcpy(metrics->outer, low->outer, sizeof metrics->outer);
	metrics->host_bytes = qmac_driver_host_bytes(low->driver);
}

const char *qmac_low_precision_kernel(const struct qmac_low_precision *low)
{
	return low->backend->operations->kernel(low->backend);
}
