#include <math.h>
#include <stdlib.h>

#include "train/optimiser.h"
#include "train/residual.h"

struct on_device {
	struct qmac_residual base;
	struct qmac_training *training;
	struct qmac_inner_loop *inner;
	int64_t *targets;  /* samples: k_i */
	int16_t *codes;    /* inputs: room for a row of X */
};

static struct on_device *residual_of(struct qmac_residual *residual)
{
	return (struct on_device *)residual;
}

static void destroy(struct qmac_residual *residual)
{
	struct on_device *on_device = residual_of(residual);

	free(on_device->targets);
	free(on_device->codes);
	free(on_device);
}

/* SGD: k_i = y_i in units of dx delta, with e fraction bits. *bits: the signed width of the largest. */
static enum qmac_status scale_targets(struct on_device *on_device, int *bits, struct qmac_error *err)
{
	struct qmac_training *training = on_device->training;
	const struct qmac_run *run = training->run;
	const struct qmac_dataset *data = &training->data;
	double unit = ldexp(data->dx * run->delta, -run->y_frac_bits), largest = 0;

	for (int64_t i = 0; i < data->samples; i++) {
		double k = rint(data->y[i] / unit);

		if (!(fabs(k) < 0x1p62))
			return qmac_fail(err, QMAC_BAD_INPUT, "delta %g is too fine for the targets: %g is more than 2^62"
			                 " units of the residual; raise delta", run->delta, data->y[i]);
		largest = fmax(largest, fabs(k));
		on_device->targets[i] = (int64_t)k;
	}
	for (*bits = 1; ldexp(1, *bits - 1) <= largest; ++*bits)
		;
	training->host_flops += 2 * (uint64_t)data->samples;
	return QMAC_OK;
}

static enum qmac_status create(struct qmac_training *training, struct qmac_linear_shape *shape,
                               struct qmac_residual **residual, struct qmac_error *err)
{
	struct on_device *made = calloc(1, sizeof *made);
	enum qmac_status status = QMAC_OK;

	if (made) {
		made->base.operations = &qmac_residual_on_device;
		made->training = training;
		made->targets = calloc((size_t)training->data.samples, sizeof made->targets[0]);
		made->codes = calloc((size_t)training->data.features, sizeof made->codes[0]);
	}
	if (!made || !made->targets || !made->codes)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld targets",
		                   (long long)training->data.samples);
	shape->has_targets = !training->optimiser->reduces || !training->precision.operations->centred;
	if (status == QMAC_OK && !training->optimiser->reduces) {
		shape->y_frac_bits = training->run->y_frac_bits;
		status = scale_targets(made, &shape->target_bits, err);
	}
	if (status == QMAC_OK)
		*residual = &made->base;
	else if (made)
		destroy(&made->base);
	return status;
}

static void open(struct qmac_residual *residual, const struct qmac_inner_plan *plan,
                 struct qmac_inner_loop *inner)
{
	struct on_device *on_device = residual_of(residual);

	(void)plan;
	on_device->inner = inner;
	if (!on_device->training->optimiser->reduces)
		qmac_inner_loop_set_targets(inner, on_device->targets);
}

/* Whether each epoch has its own k_i. */
static bool are_of_epoch(const struct on_device *on_device)
{
	const struct qmac_training *training = on_device->training;

	return training->optimiser->reduces && !training->precision.operations->centred;
}

static int begin(struct qmac_residual *residual, const int32_t *z)
{
	struct on_device *on_device = residual_of(residual);
	struct qmac_training *training = on_device->training;
	const struct qmac_dataset *data = &training->data;

	if (!are_of_epoch(on_device))
		return 0;
	for (int64_t i = 0; !training->estimated && i < data->samples; i++) {
		qmac_dataset_codes(data, i, on_device->codes);
		on_device->targets[i] = 0;
		for (int64_t j = 0; j < data->features; j++)
			on_device->targets[i] += (int64_t)on_device->codes[j] * z[j];
	}
	training->host_flops += 2 * (uint64_t)(data->samples * data->features);
	qmac_inner_loop_set_targets(on_device->inner, on_device->targets);
	return 0;
}

static void state(struct qmac_residual *residual, struct qmac_state *into)
{
	struct on_device *on_device = residual_of(residual);
	const struct qmac_training *training = on_device->training;

	if (are_of_epoch(on_device) && training->run->checkpoint_steps > 0)
		qmac_state_add(into, "targets", on_device->targets,
		               (size_t)training->data.samples * sizeof on_device->targets[0]);
}

static void resume(struct qmac_residual *residual)
{
	struct on_device *on_device = residual_of(residual);

	if (are_of_epoch(on_device))
		qmac_inner_loop_set_targets(on_device->inner, on_device->targets);
}

static void end(struct qmac_residual *residual)
{
	(void)residual;
}

const struct qmac_residual_operations qmac_residual_on_device = {
	.create = create, .destroy = destroy, .open = open, .begin = begin, .state = state,
	.resume = resume, .end = end,
};
