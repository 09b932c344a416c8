#include "train_net/update.h"

#include <math.h>
#include <stdlib.h>

#include "net/formats.h"
#include "net/values.h"
#include "num/dither.h"
#include "policy/gradient.h"
#include "policy/muppet.h"
#include "train_net/weights.h"

enum qmac_status qmac_net_update_create(struct qmac_net_update *update,
                                        const struct qmac_net_training *training, struct qmac_error *err)
{
	size_t count = (size_t)qmac_net_parameter_at(&training->net, training->net.parameter_count);

	*update = (struct qmac_net_update){
		.training = training, .velocity = calloc(count + 1, sizeof update->velocity[0]),
		.codes = calloc(count + 1, sizeof update->codes[0]),
	};
	return update->velocity && update->codes ? QMAC_OK :
	       qmac_fail(err, QMAC_INTERNAL, "out of memory for %zu weights", count);
}

void qmac_net_update_free(struct qmac_net_update *update)
{
	free(update->velocity);
	free(update->codes);
	*update = (struct qmac_net_update){.velocity = NULL};
}

static void scale(float *v, int64_t count, float factor)
{
	for (int64_t i = 0; i < count; i++)
		v[i] *= factor;
}

/* The derivative of l1 |W|, of the masters or of the codes that the step's minibatches had. */
static enum qmac_status add_l1(struct qmac_net_update *update, int p, uint32_t step, float *g,
                               struct qmac_error *err)
{
	const struct qmac_net_training *training = update->training;
	const struct qmac_run *run = training->run;
	const float *w = training->weights + qmac_net_parameter_at(&training->net, p);
	int64_t count = training->net.parameters[p].count;
	bool has_codes = training->formats && !training->in_float &&
	                 qmac_net_has_codes(&training->net.parameters[p]);
	bool of_codes = has_codes && run->precision_l1_of == QMAC_L1_OF_CODES;
	float l1 = (float)run->l1;
	enum qmac_status status = QMAC_OK;

	if (of_codes)
		status = qmac_net_weight_codes(training, p, (step - 1) * (uint32_t)run->accumulate, update->codes,
		                               NULL, err);
	for (int64_t i = 0; !status && i < count; i++) {
		float value = of_codes ? (float)update->codes[i] : w[i];

		g[i] += value > 0 ? l1 : value < 0 ? -l1 : 0;
	}
	return status;
}

static bool is_quantised(const struct qmac_net_training *training)
{
	return training->formats && !training->in_float &&
	       training->run->precision_grad_quant != QMAC_GRAD_QUANT_EXACT;
}

/* Q of a parameter: stochastic rounding to its own format, or to its width with a scale of its own. */
static enum qmac_status quantise(struct qmac_net_update *update, int p, uint32_t step, float *g,
                                 struct qmac_error *err)
{
	const struct qmac_net_training *training = update->training;
	const struct qmac_net_parameter *parameter = &training->net.parameters[p];
	struct qmac_format format = training->formats[p];
	bool is_weight = parameter->role == QMAC_ROLE_WEIGHT;
	uint32_t site = qmac_net_site(parameter->layer, is_weight ? QMAC_NET_SITE_WEIGHT_GRADIENT :
	                              QMAC_NET_SITE_BIAS_GRADIENT);
	enum qmac_status status = QMAC_OK;

	if (training->run->precision_grad_quant == QMAC_GRAD_QUANT_SCALED)
		status = qmac_muppet_format(format.bw, g, parameter->count, &format, err);
	if (!status)
		status = qmac_format_encode_floats(format, QMAC_ROUND_STOCHASTIC,
		                                   qmac_dither_key(training->run->seed, step, site), g,
		                                   parameter->count, update->codes, NULL, err);
	for (int64_t i = 0; !status && i < parameter->count; i++)
		g[i] = (float)qmac_format_value(format, update->codes[i]);
	return status;
}

enum qmac_status qmac_net_update_gradient(struct qmac_net_update *update, uint32_t step, float *gradient,
                                          double *norm, struct qmac_error *err)
{
	const struct qmac_net_training *training = update->training;
	const struct qmac_run *run = training->run;
	enum qmac_status status = QMAC_OK;
	double square = 0;

	for (int p = 0; !status && p < training->net.parameter_count; p++) {
		int64_t at = qmac_net_parameter_at(&training->net, p), count = training->net.parameters[p].count;
		float *g = gradient + at;

		if (run->accumulate > 1)
			scale(g, count, 1 / (float)run->accumulate);
		square += qmac_square(g, count);
		if (run->l1 > 0)
			status = add_l1(update, p, step, g, err);
		if (!status && is_quantised(training) && qmac_net_has_codes(&training->net.parameters[p]))
			status = quantise(update, p, step, g, err);
		if (run->normalise)
			(void)qmac_normalise(g, count);
	}
	*norm = sqrt(square);
	return status;
}

void qmac_net_update_weights(struct qmac_net_update *update, const float *g, double rate, float *w)
{
	const struct qmac_run *run = update->training->run;
	const float l2 = (float)run->l2, momentum = (float)run->momentum, step = (float)rate;
	float *v = update->velocity;

	for (int64_t i = 0; i < update->training->weight_count; i++) {
		v[i] = momentum * v[i] + (g[i] + l2 * w[i]);
		w[i] -= step * v[i];
	}
}

/* Of each weight 6 of the step, and what is asked for; Q scales and rounds, there and back. */
uint64_t qmac_net_update_flops(const struct qmac_net_training *training)
{
	const struct qmac_run *run = training->run;
	int each = 6 + QMAC_SQUARE_FLOPS + (run->normalise ? QMAC_NORMALISE_FLOPS : 0) + (run->l1 > 0) +
	           (run->accumulate > 1) + (is_quantised(training) ? 3 : 0);

	return training->masters ? 0 : (uint64_t)training->weight_count * (uint64_t)each;
}

void qmac_net_update_state(struct qmac_net_update *update, struct qmac_state *state)
{
	qmac_state_add(state, "velocity", update->velocity,
	               (size_t)update->training->weight_count * sizeof update->velocity[0]);
}
