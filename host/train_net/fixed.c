/*
 * Widths that stay: one for all layers, or of some of them their own (precision.layers). Fraction bits stay,
 * too, where the range decides as many as the initial weights and biases of the layer leave; with
 * `fl_rule: current` they are, behind every update, those that the masters leave then.
 */
#include <stdlib.h>
#include <string.h>

#include "config/layer_formats.h"
#include "config/text.h"
#include "net/flow.h"
#include "net/values.h"
#include "num/whole.h"
#include "policy/muppet.h"
#include "train_net/precision.h"

enum {
	FL_MAX = 31,     /* either way */
	COMPARISONS = 2  /* operations for each weight whose range is looked at */
};

struct fixed {
	struct qmac_net_precision base;
	bool *follows; /* of each layer: its fraction bits are those of its masters now */
	bool looked;   /* at masters that stay, with so many operations */
	uint64_t look_flops;
};

static struct fixed *fixed_of(struct qmac_net_precision *base)
{
	return (struct fixed *)base;
}

/* The finest format of that width that holds all parameters of the layer. */
static enum qmac_status find_range(struct qmac_net_training *training, int l, int bw,
                                   struct qmac_format *format, struct qmac_error *err)
{
	const struct qmac_net *net = &training->net;
	enum qmac_status status = QMAC_OK;

	*format = (struct qmac_format){bw, FL_MAX};
	for (int p = 0; !status && p < net->parameter_count; p++) {
		struct qmac_format own;

		if (net->parameters[p].layer != l || !qmac_net_has_codes(&net->parameters[p]))
			continue;
		status = qmac_muppet_format(bw, training->weights + qmac_net_parameter_at(net, p),
		                            net->parameters[p].count, &own, err);
		if (!status && own.fl < format->fl)
			format->fl = own.fl < -FL_MAX ? -FL_MAX : own.fl;
		training->host_flops += COMPARISONS * (uint64_t)net->parameters[p].count;
	}
	return status;
}

static enum qmac_status set_layer(struct qmac_net_training *training, int l,
                                  const struct qmac_layer_format *entry, struct qmac_error *err)
{
	struct qmac_format format = {entry->bw, entry->fl};
	enum qmac_status status = entry->by_range ? find_range(training, l, entry->bw, &format, err) : QMAC_OK;

	for (int p = 0; !status && p < training->net.parameter_count; p++)
		if (training->net.parameters[p].layer == l && qmac_net_has_codes(&training->net.parameters[p]))
			training->formats[p] = format;
	return status;
}

/* Whether the layer has parameters with a format. */
static bool has_format(const struct qmac_net *net, int l)
{
	return qmac_net_has_parameters(&net->layers[l]) && net->layers[l].kind != QMAC_LAYER_BATCH_NORM;
}

/* The names of all of them, "a|b|c". */
static char *names_of(const struct qmac_net *net)
{
	size_t room = (size_t)net->layer_count * (QMAC_NET_NAME_SIZE + 1) + 1;
	char *names = calloc(room, 1);

	for (int l = 0; names && l < net->layer_count; l++)
		if (has_format(net, l)) {
			strcat(names, names[0] ? "|" : "");
			strcat(names, net->layers[l].name);
		}
	return names;
}

/* l: the layer of that name, if there is one. */
static enum qmac_status refuse_layer(const struct qmac_net *net, int l, const char *layer,
                                     struct qmac_error *err)
{
	char *names;

	if (l != QMAC_NET_NONE)
		return qmac_fail(err, QMAC_BAD_INPUT, "precision.layers: layer '%s' has no weights or biases, and"
		                 " no format of its own: leave it out", layer);
	names = names_of(net);
	if (!names)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	(void)qmac_text_unknown("layer", layer, names, err);
	free(names);
	qmac_text_blame("precision.layers", err);
	return QMAC_BAD_INPUT;
}

static enum qmac_status set_layers(struct fixed *fixed, struct qmac_error *err)
{
	struct qmac_net_training *training = fixed->base.training;
	const struct qmac_net *net = &training->net;
	const char *text = training->run->precision_layers;
	struct qmac_layer_format entry;
	bool found = true;
	enum qmac_status status = qmac_layer_formats_next(&text, &entry, &found, err);

	while (!status && found) {
		int l = qmac_net_find(net, entry.layer);

		status = l != QMAC_NET_NONE && has_format(net, l) ? set_layer(training, l, &entry, err) :
		         refuse_layer(net, l, entry.layer, err);
		if (!status)
			fixed->follows[l] = false;
		if (!status)
			status = qmac_layer_formats_next(&text, &entry, &found, err);
	}
	return status;
}

/* The formats of the masters as they are now, of layers that follow them. */
static enum qmac_status follow_masters(struct fixed *fixed, const struct qmac_net_observation *seen,
                                       struct qmac_error *err)
{
	struct qmac_net_training *training = fixed->base.training;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && p < training->net.parameter_count; p++)
		if (fixed->follows[training->net.parameters[p].layer] &&
		    qmac_net_has_codes(&training->net.parameters[p]))
			status = qmac_net_precision_rescale(&fixed->base, seen, p, training->formats[p].bw, err);
	return status;
}

/* Fraction bits may become as many as those of masters that are next to nothing, or as are given. */
static void set_widest(struct qmac_net_training *training)
{
	training->widths_stay = true;
	training->widest.fl = QMAC_NET_SCALED_FL_MAX;
	for (int p = 0; p < training->net.parameter_count; p++) {
		training->widest.bw = qmac_larger_int(training->widest.bw, training->formats[p].bw);
		training->widest.fl = qmac_larger_int(training->widest.fl, training->formats[p].fl);
	}
}

static enum qmac_status start(struct qmac_net_precision *base, struct qmac_error *err)
{
	struct fixed *fixed = fixed_of(base);
	struct qmac_net_training *training = base->training;
	const struct qmac_run *run = training->run;
	bool current = run->precision_fl_rule == QMAC_FL_CURRENT;
	const struct qmac_layer_format all = {
		.bw = run->precision_bw, .fl = run->precision_fl, .by_range = run->precision_fl_rule == QMAC_FL_RANGE,
	};
	enum qmac_status status = QMAC_OK;

	fixed->follows = calloc((size_t)training->net.layer_count + 1, sizeof fixed->follows[0]);
	if (!fixed->follows)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	for (int l = 0; !status && l < training->net.layer_count; l++) {
		fixed->follows[l] = current;
		status = set_layer(training, l, &all, err);
	}
	if (!status)
		status = set_layers(fixed, err);
	if (!status)
		status = follow_masters(fixed, NULL, err);
	if (current)
		set_widest(training);
	return status;
}

static void stop(struct qmac_net_precision *base)
{
	free(fixed_of(base)->follows);
}

static enum qmac_status masters(struct qmac_net_precision *base, const struct qmac_net_observation *seen,
                                struct qmac_error *err)
{
	struct fixed *fixed = fixed_of(base);
	struct qmac_net_training *training = base->training;
	uint64_t before = training->host_flops;
	enum qmac_status status = QMAC_OK;

	if (fixed->looked)
		training->host_flops += fixed->look_flops;
	else
		status = follow_masters(fixed, seen, err);
	/* in an estimate they do, but for those on the device, and looking again finds the same */
	fixed->looked = training->estimated && !training->masters;
	fixed->look_flops = training->host_flops - before;
	return status;
}

const struct qmac_net_precision_operations qmac_net_fixed_precision = {
	.size = sizeof(struct fixed), .start = start, .masters = masters, .stop = stop,
};
