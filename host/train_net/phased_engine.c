/*
 * The engine of a training that may go on in float32 (training->in_float): on the device, and from then on on
 * the host. The device's counts stay as they are, and are told and kept in checkpoints as before.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train_net/engine.h"

struct phased {
	struct qmac_net_engine base;
	struct qmac_net_training *training;
	const struct qmac_hw *hw;
	struct qmac_net_engine *device, *host; /* host: NULL as long as it is not needed */
	char kernels[32];                      /* of both */
};

static struct phased *phased_of(struct qmac_net_engine *base)
{
	return (struct phased *)base;
}

/* The one that computes now. */
static struct qmac_net_engine *active(struct phased *phased)
{
	return phased->training->in_float ? phased->host : phased->device;
}

static void destroy(struct qmac_net_engine *base)
{
	struct phased *phased = phased_of(base);

	if (phased->device)
		phased->device->operations->destroy(phased->device);
	if (phased->host)
		phased->host->operations->destroy(phased->host);
	free(phased);
}

static enum qmac_status create(struct qmac_net_training *training, const struct qmac_hw *hw,
                               const struct qmac_train_observer *observer, struct qmac_net_engine **made,
                               struct qmac_error *err)
{
	struct phased *phased = calloc(1, sizeof *phased);
	enum qmac_status status;

	if (!phased)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	phased->base.operations = &qmac_net_phased_engine;
	phased->training = training;
	phased->hw = hw;
	status = qmac_net_device_engine.create(training, hw, observer, &phased->device, err);
	if (status)
		destroy(&phased->base);
	else
		*made = &phased->base;
	return status;
}

/* The host's computing is no matter of an estimate; its operations are counted elsewhere (replay.h). */
static bool is_idle(const struct phased *phased)
{
	return phased->training->estimated && phased->training->in_float;
}

/* Layers have no formats any more. */
static void tell_formats(const struct qmac_net_training *training)
{
	for (int l = 0; l < training->records.layers; l++) {
		training->records.layer[l].w_bits = training->records.layer[l].x_bits = 0;
		training->records.layer[l].delta = (double)NAN;
	}
}

static enum qmac_status load(struct qmac_net_engine *base, struct qmac_error *err)
{
	struct phased *phased = phased_of(base);
	enum qmac_status status = QMAC_OK;

	if (phased->training->in_float && !phased->host) {
		status = qmac_net_float_engine.create(phased->training, phased->hw, NULL, &phased->host, err);
		tell_formats(phased->training);
	}
	return status ? status : active(phased)->operations->load(active(phased), err);
}

static enum qmac_status forward(struct qmac_net_engine *base, const struct qmac_image_batch *batch,
                                enum qmac_net_purpose purpose, float *logits, struct qmac_error *err)
{
	struct qmac_net_engine *engine = active(phased_of(base));

	return is_idle(phased_of(base)) ? QMAC_OK :
	       engine->operations->forward(engine, batch, purpose, logits, err);
}

static enum qmac_status backward(struct qmac_net_engine *base, const float *residual, struct qmac_error *err)
{
	struct qmac_net_engine *engine = active(phased_of(base));

	return is_idle(phased_of(base)) ? QMAC_OK : engine->operations->backward(engine, residual, err);
}

static enum qmac_status take_gradient(struct qmac_net_engine *base, float *gradient, struct qmac_error *err)
{
	struct qmac_net_engine *engine = active(phased_of(base));

	return is_idle(phased_of(base)) ? QMAC_OK : engine->operations->gradient(engine, gradient, err);
}

/* ---- the device, whatever computes ------------------------------------------------------------ */

static void spent(const struct qmac_net_engine *base, uint64_t *cycles, uint64_t *host_bytes)
{
	const struct qmac_net_engine *device = ((const struct phased *)base)->device;

	device->operations->spent(device, cycles, host_bytes);
}

static void cost(struct qmac_net_engine *base, struct qmac_metrics *metrics)
{
	struct qmac_net_engine *device = phased_of(base)->device;

	device->operations->cost(device, metrics);
}

static void state(struct qmac_net_engine *base, struct qmac_state *pieces)
{
	struct qmac_net_engine *device = phased_of(base)->device;

	device->operations->state(device, pieces);
}

static void reset(struct qmac_net_engine *base)
{
	struct qmac_net_engine *device = phased_of(base)->device;

	device->operations->reset(device);
}

static enum qmac_status resume(struct qmac_net_engine *base, struct qmac_error *err)
{
	struct qmac_net_engine *device = phased_of(base)->device;

	return device->operations->resume(device, err);
}

/* "avx2", or "avx2, haswell" where both have computed. */
static const char *kernel(const struct qmac_net_engine *base)
{
	struct phased *phased = phased_of((struct qmac_net_engine *)base);
	const struct qmac_net_engine *device = phased->device, *host = phased->host;

	snprintf(phased->kernels, sizeof phased->kernels, "%.14s%s%.14s", device->operations->kernel(device),
	         host ? ", " : "", host ? host->operations->kernel(host) : "");
	return phased->kernels;
}

const struct qmac_net_engine_operations qmac_net_phased_engine = {
	.create = create, .destroy = destroy, .load = load, .forward = forward, .backward = backward,
	.gradient = take_gradient, .spent = spent, .cost = cost, .state = state, .reset = reset,
	.resume = resume, .kernel = kernel,
};
