/*
 * MuPPET as the policy of a network's training on the device: block floating point of one width for all
 * tensors. Weights have the scale of their masters after every update, activations that of an earlier
 * minibatch, since the device has to know it beforehand. There is no float32 on the device: the last width
 * stays.
 */
#include <stdlib.h>

#include "config/milestones.h"
#include "net/values.h"
#include "num/whole.h"
#include "policy/muppet.h"
#include "train/net_precision.h"

enum {
	FIRST_MEASURES = 4,  /* steps at the beginning that scale activations; later the first of an epoch does */
	FIRST_RANGE = 3,     /* at first activations lie in -2^3..2^3 */
	WEIGHT_FL_MAX = 20,  /* of blocks that are all but zero */
	COMPARISONS = 2      /* operations for each element of a block */
};

struct muppet {
	struct qmac_net_precision base;
	struct qmac_muppet policy;
};

static int bits_of(const struct muppet *muppet)
{
	const struct qmac_muppet_settings *settings = &muppet->policy.settings;
	int level = muppet->policy.now.level;

	return settings->levels[level < settings->level_count ? level : settings->level_count - 1];
}

/* ---- scales ------------------------------------------------------------------------------------ */

/* Formats of the masters as they are now. A bias is not finer than the weights of its layer. */
static enum qmac_status scale_masters(struct muppet *muppet, const struct qmac_net_observation *seen,
                                      struct qmac_error *err)
{
	struct qmac_net_training *training = muppet->base.training;
	const struct qmac_net *net = &training->net;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && p < net->parameter_count; p++) {
		bool is_first = p == 0 || net->parameters[p].layer != net->parameters[p - 1].layer;
		uint64_t flops = COMPARISONS * (uint64_t)net->parameters[p].count;
		struct qmac_format *now = &training->formats[p], next;

		status = qmac_muppet_format(bits_of(muppet), training->weights + qmac_net_parameter_at(net, p),
		                            net->parameters[p].count, &next, err);
		if (status)
			break;
		next.fl = qmac_smaller_int(next.fl, is_first ? WEIGHT_FL_MAX : training->formats[p - 1].fl);
		training->host_flops += flops;
		if (seen && is_first && (next.bw != now->bw || next.fl != now->fl))
			qmac_net_precision_note(&muppet->base, seen, p, next, flops);
		*now = next;
	}
	return status;
}

static bool has_own_scale(const struct qmac_net *net, int tensor)
{
	enum qmac_layer_kind kind = tensor < 0 ? QMAC_LAYER_ADD : net->layers[tensor].kind;

	return kind != QMAC_LAYER_RELU && kind != QMAC_LAYER_MAX_POOL && kind != QMAC_LAYER_FLATTEN;
}

/*
 * Formats of the outputs. A tensor whose largest magnitude had its highest bit at t gets one with a bit of
 * headroom; where it was saturated, t is taken to be one more. Where nothing was measured, ranges stay.
 */
static void scale_outputs(struct muppet *muppet)
{
	struct qmac_net_training *training = muppet->base.training;
	int bits = bits_of(muppet);

	for (int t = -1; t < training->net.layer_count; t++) {
		struct qmac_format *output = &training->outputs[t + 1];
		int *top = &training->tops[t + 1];

		if (!has_own_scale(&training->net, t)) {
			*output = training->outputs[training->net.layers[t].input + 1];
			continue;
		}
		output->fl += *top < 0 ? bits - output->bw : bits - 3 - *top - (*top >= output->bw - 2);
		output->fl = qmac_larger_int(0, qmac_smaller_int(output->fl, bits - 1));
		output->bw = bits;
		*top = -1;
	}
}

/* ---- the policy --------------------------------------------------------------------------------- */

static enum qmac_status read_settings(const struct qmac_run *run, struct qmac_muppet_settings *settings,
                                      struct qmac_error *err)
{
	*settings = qmac_muppet_defaults();
	settings->alpha = run->precision_threshold_alpha;
	settings->beta = run->precision_threshold_beta;
	settings->lambda = run->precision_threshold_lambda;
	settings->resolution = run->precision_resolution;
	settings->patience = run->precision_patience;
	settings->lr = run->alpha;
	return qmac_milestones_read(run->precision_levels, settings->levels, QMAC_MUPPET_LEVELS_MAX,
	                            &settings->level_count, err);
}

static enum qmac_status start(struct qmac_net_precision *base, struct qmac_error *err)
{
	struct muppet *muppet = (struct muppet *)base;
	struct qmac_net_training *training = base->training;
	const struct qmac_net *net = &training->net;
	struct qmac_muppet_settings settings;
	int64_t *counts = calloc((size_t)net->parameter_count + 1, sizeof *counts);
	size_t tensors = (size_t)net->layer_count + 1;
	enum qmac_status status = read_settings(training->run, &settings, err);

	training->outputs = calloc(tensors, sizeof training->outputs[0]);
	training->tops = calloc(tensors, sizeof training->tops[0]);
	if (!status && (!counts || !training->outputs || !training->tops))
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	for (int p = 0; !status && p < net->parameter_count; p++)
		counts[p] = net->parameters[p].count;
	if (!status)
		status = qmac_muppet_create(&muppet->policy, &settings, counts, net->parameter_count, err);
	free(counts);
	if (status)
		return status;
	for (size_t t = 0; t < tensors; t++) {
		training->outputs[t] = (struct qmac_format){bits_of(muppet), bits_of(muppet) - 1 - FIRST_RANGE};
		training->tops[t] = -1;
	}
	scale_outputs(muppet);
	training->widest = (struct qmac_format){settings.levels[settings.level_count - 1], WEIGHT_FL_MAX};
	training->measured = true;
	return scale_masters(muppet, NULL, err);
}

static void stop(struct qmac_net_precision *base)
{
	qmac_muppet_free(&((struct muppet *)base)->policy);
}

static enum qmac_status masters(struct qmac_net_precision *base, const struct qmac_net_observation *seen,
                                struct qmac_error *err)
{
	struct muppet *muppet = (struct muppet *)base;

	scale_outputs(muppet);
	base->training->measured = seen->step < FIRST_MEASURES;
	return scale_masters(muppet, seen, err);
}

static enum qmac_status epoch(struct qmac_net_precision *base, const struct qmac_net_observation *seen,
                              struct qmac_error *err)
{
	struct muppet *muppet = (struct muppet *)base;
	struct qmac_net_training *training = base->training;
	const struct qmac_net *net = &training->net;
	struct qmac_switch event;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && p < net->parameter_count; p++)
		status = qmac_muppet_gradient(&muppet->policy, p, seen->gradient + qmac_net_parameter_at(net, p),
		                              &training->host_flops, err);
	if (status)
		return status;
	qmac_muppet_epoch(&muppet->policy, &event);
	training->host_flops += event.host_flops;
	training->measured = true;
	scale_outputs(muppet);
	return scale_masters(muppet, seen, err);
}

static void state(struct qmac_net_precision *base, struct qmac_state *pieces)
{
	struct qmac_net_training *training = base->training;

	qmac_state_add(pieces, "outputs", training->outputs,
	               ((size_t)training->net.layer_count + 1) * sizeof training->outputs[0]);
	QMAC_STATE_VALUE(pieces, "measured", training->measured);
	qmac_muppet_state(&((struct muppet *)base)->policy, qmac_net_precision_piece, pieces);
}

const struct qmac_net_precision_operations qmac_net_muppet_precision = {
	.size = sizeof(struct muppet), .start = start, .masters = masters, .epoch = epoch, .state = state,
	.stop = stop,
};
