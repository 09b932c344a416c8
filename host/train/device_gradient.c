#include "train/device_gradient.h"

#include <math.h>
#include <stdlib.h>

#include "num/fixed.h"
#include "process/stop.h"
#include "train/train.h"

enum { BITS = QMAC_GRADIENT_BITS };

struct qmac_device_gradient {
	struct qmac_training *training;
	struct qmac_step_plan plan;
	struct qmac_inner_loop *program;
	uint32_t *order;   /* samples: 0, 1, 2, ... */
	int32_t *codes;    /* weights: W */
	int64_t *sum;      /* weights */
	int16_t *row;      /* features: room for a row of X */
	double unit;       /* of W */
	int point;         /* p */
	double largest;    /* |r| of this pass */
	double expected;   /* that p is chosen for */
};

/* The exponent e of the smallest power of two above |x|. */
static int exponent_above(double x)
{
	int exponent = 0;

	(void)frexp(x, &exponent);
	return exponent;
}

static double largest_of(const double *x, int64_t count)
{
	double largest = 0;

	for (int64_t i = 0; i < count; i++)
		largest = fmax(largest, fabs(x[i]));
	return largest;
}

/* The largest |t|, of residuals at W = 0 that predict nothing. */
static double largest_target(const struct qmac_loss *loss)
{
	double largest = 0;

	for (int64_t i = 0; i < loss->data->samples; i++)
		for (int c = 0; c < loss->layer.outputs; c++)
			largest = fmax(largest, fabs(loss->operations->target(loss->data->y[i], c)));
	return largest;
}

static enum qmac_status allocate(struct qmac_device_gradient *gradient, struct qmac_error *err)
{
	size_t samples = (size_t)gradient->training->data.samples, weights = (size_t)gradient->training->weights;

	gradient->order = calloc(samples, sizeof gradient->order[0]);
	gradient->codes = calloc(weights, sizeof gradient->codes[0]);
	gradient->sum = calloc(weights, sizeof gradient->sum[0]);
	gradient->row = calloc((size_t)gradient->training->data.features, sizeof gradient->row[0]);
	if (!gradient->order || !gradient->codes || !gradient->sum || !gradient->row)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the gradient on the device");
	for (size_t i = 0; i < samples; i++)
		gradient->order[i] = (uint32_t)i;
	return QMAC_OK;
}

enum qmac_status qmac_device_gradient_create(struct qmac_training *training, const struct qmac_hw *hw,
                                             struct qmac_device_gradient **gradient, struct qmac_error *err)
{
	const struct qmac_dataset *data = &training->data;
	const struct qmac_linear_shape shape = {
		.samples = data->samples, .features = data->features, .batch = data->samples,
		.outputs = training->loss->layer.outputs, .kind = QMAC_STEP_SUM,
		.bits = BITS, .mp_bits = BITS, .x_bits = training->run->x_bits,
	};
	struct qmac_device_gradient *made = calloc(1, sizeof *made);
	struct qmac_error cause;
	enum qmac_status status;

	*gradient = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the gradient on the device");
	made->training = training;
	made->expected = largest_target(training->loss);
	status = qmac_step_plan_make(&made->plan, &shape, hw, &cause);
	if (status != QMAC_OK)
		status = qmac_fail(err, status, "gradient on the device: %s; or set outer to host", cause.message);
	if (status == QMAC_OK)
		status = allocate(made, err);
	if (status != QMAC_OK) {
		qmac_device_gradient_destroy(made);
		return status;
	}
	*gradient = made;
	return QMAC_OK;
}

void qmac_device_gradient_destroy(struct qmac_device_gradient *gradient)
{
	if (!gradient)
		return;
	qmac_inner_loop_destroy(gradient->program);
	free(gradient->order);
	free(gradient->codes);
	free(gradient->sum);
	free(gradient->row);
	free(gradient);
}

uint64_t qmac_device_gradient_memory(const struct qmac_device_gradient *gradient)
{
	return qmac_step_memory_bytes(&gradient->plan);
}

enum qmac_status qmac_device_gradient_open(struct qmac_device_gradient *gradient, struct qmac_driver *driver,
                                           struct qmac_error *err)
{
	const struct qmac_dataset *data = &gradient->training->data;
	enum qmac_status status = qmac_step_create(driver, &gradient->plan, &gradient->program, err);

	for (int64_t i = 0; status == QMAC_OK && i < data->samples && !qmac_stop_is_asked(); i++) {
		if (!gradient->training->estimated)
			qmac_dataset_codes(data, i, gradient->row);
		qmac_inner_loop_set_x(gradient->program, i, 1, gradient->row);
	}
	return status;
}

/* ---- a pass --------------------------------------------------------------------- */

static int64_t scaled_residual(struct qmac_device_gradient *gradient, double r)
{
	double limit = (double)qmac_max_of(BITS);

	if (isnan(r))
		return 0; /* w is beyond all numbers, and the gradient norm says so */
	gradient->largest = fmax(gradient->largest, fabs(r));
	return (int64_t)fmin(fmax(rint(ldexp(r, gradient->point)), -limit - 1), limit);
}

/* The `residual` of struct qmac_linear_loop. */
static void residual(void *context, const uint32_t *samples, int count, const int64_t *m, int64_t *scaled)
{
	struct qmac_device_gradient *gradient = context;
	struct qmac_training *training = gradient->training;
	int outputs = gradient->plan.outputs;
	double a[QMAC_CLASSES_MAX], r[QMAC_CLASSES_MAX], unit = training->data.dx * gradient->unit;

	if (training->estimated)
		return;
	for (int b = 0; b < count; b++, m += outputs, scaled += outputs) {
		for (int c = 0; c < outputs; c++)
			a[c] = unit * (double)m[c];
		qmac_loss_take(training->loss, samples[b], a, r);
		for (int c = 0; c < outputs; c++)
			scaled[c] = scaled_residual(gradient, r[c]);
	}
}

static void choose_scales(struct qmac_device_gradient *gradient)
{
	const struct qmac_training *training = gradient->training;
	double most = largest_of(training->w, training->weights), limit = (double)qmac_max_of(BITS);

	if (!isfinite(most))
		most = 0;
	gradient->unit = ldexp(1, exponent_above(most) - (BITS - 1));
	for (int64_t k = 0; k < training->weights; k++) {
		double code = rint(training->w[k] / gradient->unit);

		gradient->codes[k] = isfinite(code) ? (int32_t)fmin(fmax(code, -limit), limit) : 0;
	}
	gradient->point = BITS - 2 - exponent_above(gradient->expected);
	gradient->largest = 0;
}

static void finish(struct qmac_device_gradient *gradient)
{
	struct qmac_training *training = gradient->training;
	const struct qmac_dataset *data = &training->data;
	double unit = ldexp(data->dx / (double)data->samples, -gradient->point), square = 0;

	for (int64_t k = 0; k < training->weights; k++) {
		training->gradient[k] = unit * (double)gradient->sum[k] + training->run->lambda * training->w[k];
		square += training->gradient[k] * training->gradient[k];
	}
	training->norm = sqrt(square);
	gradient->expected = gradient->largest;
}

/* Logits, softmax, residuals, scaling; codes, gradient, norm. */
static void count_operations(struct qmac_device_gradient *gradient)
{
	struct qmac_training *training = gradient->training;
	uint64_t samples = (uint64_t)training->data.samples, weights = (uint64_t)training->weights;
	int outputs = gradient->plan.outputs;
	uint64_t predict = training->loss->operations->predict_flops(outputs);

	training->host_flops += samples * (3 * (uint64_t)outputs + predict) + 6 * weights;
}

enum qmac_status qmac_device_gradient_run(struct qmac_device_gradient *gradient, struct qmac_error *err)
{
	struct qmac_training *training = gradient->training;
	struct qmac_linear_loop loop = {
		.order = gradient->order, .steps = 1, .keep_after = 1, .first_step = (uint32_t)training->step,
		.x_unit = training->data.dx, .sum = gradient->sum, .residual = residual, .context = gradient,
	};
	enum qmac_status status;

	if (!training->estimated)
		choose_scales(gradient);
	loop.z_unit = gradient->unit;
	loop.point = gradient->point;
	qmac_inner_loop_set_z(gradient->program, gradient->codes);
	status = qmac_inner_loop_run(gradient->program, &loop, err);
	if (status != QMAC_OK)
		return status;
	count_operations(gradient);
	if (!training->estimated)
		finish(gradient);
	return QMAC_OK;
}

void qmac_device_gradient_state(struct qmac_device_gradient *gradient, struct qmac_state *state)
{
	QMAC_STATE_VALUE(state, "gradient.expected", gradient->expected);
}
