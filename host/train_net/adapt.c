/*
 * AdaPT as the policy of a network's training: every layer has the format of its weights. gamma and beta of a
 * batch norm, which have none, are to the policy what a bias is.
 */
#include <stdlib.h>

#include "net/values.h"
#include "policy/adapt.h"
#include "train_net/precision.h"

struct adapt {
	struct qmac_net_precision base;
	struct qmac_adapt policy;
};

static struct qmac_adapt_settings settings_of(const struct qmac_run *run)
{
	static const enum qmac_kl kl[] = {
		[QMAC_PRECISION_KL_TRUE] = QMAC_KL_TRUE, [QMAC_PRECISION_KL_REPO] = QMAC_KL_REPO,
	};
	static const enum qmac_bisect bisect[] = {
		[QMAC_PRECISION_BISECT_FIXED] = QMAC_BISECT_FIXED, [QMAC_PRECISION_BISECT_REPO] = QMAC_BISECT_REPO,
	};
	static const enum qmac_eagerness strategy[] = {
		[QMAC_STRATEGY_MIN] = QMAC_EAGERNESS_MIN, [QMAC_STRATEGY_MEAN] = QMAC_EAGERNESS_MEAN,
		[QMAC_STRATEGY_MAX] = QMAC_EAGERNESS_MAX,
	};

	return (struct qmac_adapt_settings){
		.start = {run->precision_bw, run->precision_fl}, .bw_max = run->precision_bw_max,
		.buffer_bits = run->precision_buffer_bits, .lookback_min = run->precision_lookback_low,
		.lookback_max = run->precision_lookback_high, .lookback_momentum = run->precision_lookback_momentum,
		.resolution_min = run->precision_resolution_low, .resolution_max = run->precision_resolution_high,
		.eagerness = strategy[run->precision_strategy], .kl = kl[run->precision_kl],
		.kl_tol = run->precision_kl_tol, .bisect = bisect[run->precision_bisect], .seed = run->seed,
	};
}

static enum qmac_status start(struct qmac_net_precision *base, struct qmac_error *err)
{
	struct adapt *adapt = (struct adapt *)base;
	const struct qmac_net *net = &base->training->net;
	const struct qmac_adapt_settings settings = settings_of(base->training->run);
	struct qmac_adapt_shape *shapes = calloc((size_t)net->parameter_count + 1, sizeof *shapes);
	int fl = settings.bw_max - settings.buffer_bits;
	enum qmac_status status;

	if (!shapes)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	for (int p = 0; p < net->parameter_count; p++) {
		const struct qmac_net_parameter *parameter = &net->parameters[p];

		shapes[p] = (struct qmac_adapt_shape){
			.count = parameter->count, .row = parameter->count / parameter->dims[0],
			.follows = parameter->dim_count == 1,
		};
	}
	status = qmac_adapt_create(&adapt->policy, &settings, shapes, net->parameter_count, err);
	free(shapes);
	base->training->widest = (struct qmac_format){settings.bw_max,
	                                              settings.start.fl > fl ? settings.start.fl : fl};
	qmac_net_precision_set_all(base, settings.start);
	return status;
}

static void stop(struct qmac_net_precision *base)
{
	qmac_adapt_free(&((struct adapt *)base)->policy);
}

static enum qmac_status step(struct qmac_net_precision *base, const struct qmac_net_observation *seen,
                             struct qmac_error *err)
{
	struct adapt *adapt = (struct adapt *)base;
	struct qmac_net_training *training = base->training;
	const struct qmac_net *net = &training->net;
	enum qmac_status status = qmac_adapt_loss(&adapt->policy, seen->loss, err);

	for (int p = 0; !status && p < net->parameter_count; p++) {
		int64_t at = qmac_net_parameter_at(net, p);
		struct qmac_switch event;

		status = qmac_adapt_gradient(&adapt->policy, p, seen->gradient + at, training->weights + at, &event,
		                             err);
		if (status)
			break;
		training->host_flops += event.host_flops;
		if (qmac_net_precision_leads(base, p) && qmac_switched(&event))
			qmac_net_precision_note(base, seen, p, event.after, event.host_flops);
		if (qmac_net_has_codes(&net->parameters[p]))
			training->formats[p] = event.after;
	}
	return status;
}

static void effort(const struct qmac_net_precision *base, int parameter, int *lookback, int *resolution)
{
	const struct qmac_adapt_tensor *tensor = &((const struct adapt *)base)->policy.tensor[parameter];

	*lookback = tensor->lookback;
	*resolution = tensor->resolution;
}

static void state(struct qmac_net_precision *base, struct qmac_state *pieces)
{
	qmac_adapt_state(&((struct adapt *)base)->policy, qmac_net_precision_piece, pieces);
}

const struct qmac_net_precision_operations qmac_net_adapt_precision = {
	.size = sizeof(struct adapt), .start = start, .step = step, .effort = effort, .state = state,
	.stop = stop,
};
