/*
 * MuPPET as the policy of a network's training on the device: block floating point of one width for all
 * tensors. Weights have the scale of their masters after every update, activations one of their own
 * (ranges.h). Behind the last width the training goes on in float32, with learning rates of its own.
 */
#include <stdlib.h>

#include "config/milestones.h"
#include "net/values.h"
#include "policy/muppet.h"
#include "train_net/precision.h"

struct muppet {
	struct qmac_net_precision base;
	struct qmac_muppet policy;
};

/* ---- scales ------------------------------------------------------------------------------------ */

/* Formats of the masters as they are now. */
static enum qmac_status scale_masters(struct muppet *muppet, const struct qmac_net_observation *seen,
                                      struct qmac_error *err)
{
	const struct qmac_net *net = &muppet->base.training->net;
	int bits = qmac_muppet_bits(&muppet->policy);
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && p < net->parameter_count; p++)
		if (qmac_net_has_codes(&net->parameters[p]))
			status = qmac_net_precision_rescale(&muppet->base, seen, p, bits, err);
	return status;
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
	settings->lr_min = run->precision_float_lr_min;
	settings->lr_factor = run->precision_float_factor;
	settings->float_epochs = run->precision_float_epochs;
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
	enum qmac_status status = read_settings(training->run, &settings, err);

	if (!status && !counts)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	for (int p = 0; !status && p < net->parameter_count; p++)
		counts[p] = net->parameters[p].count;
	if (!status)
		status = qmac_muppet_create(&muppet->policy, &settings, counts, net->parameter_count, err);
	free(counts);
	if (status)
		return status;
	training->widest = (struct qmac_format){settings.levels[settings.level_count - 1],
	                                        QMAC_NET_SCALED_FL_MAX};
	return scale_masters(muppet, NULL, err);
}

static void stop(struct qmac_net_precision *base)
{
	qmac_muppet_free(&((struct muppet *)base)->policy);
}

static enum qmac_status masters(struct qmac_net_precision *base, const struct qmac_net_observation *seen,
                                struct qmac_error *err)
{
	return base->training->in_float ? QMAC_OK : scale_masters((struct muppet *)base, seen, err);
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
	if (training->in_float)
		return QMAC_OK;
	if (!qmac_muppet_is_float(&muppet->policy))
		return scale_masters(muppet, seen, err);
	qmac_net_precision_end_formats(base, seen);
	return QMAC_OK;
}

static double rate(const struct qmac_net_precision *base)
{
	const struct qmac_muppet *policy = &((const struct muppet *)base)->policy;

	return policy->now.lr / policy->settings.lr;
}

static bool is_last(const struct qmac_net_precision *base)
{
	return qmac_muppet_is_last(&((const struct muppet *)base)->policy);
}

static bool is_over(const struct qmac_net_precision *base)
{
	return ((const struct muppet *)base)->policy.now.finished;
}

static void state(struct qmac_net_precision *base, struct qmac_state *pieces)
{
	QMAC_STATE_VALUE(pieces, "in_float", base->training->in_float);
	qmac_muppet_state(&((struct muppet *)base)->policy, qmac_net_precision_piece, pieces);
}

const struct qmac_net_precision_operations qmac_net_muppet_precision = {
	.size = sizeof(struct muppet), .start = start, .masters = masters, .epoch = epoch, .rate = rate,
	.is_last = is_last, .is_over = is_over, .state = state, .stop = stop,
};
