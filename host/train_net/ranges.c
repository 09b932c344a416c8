#include "train_net/ranges.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "net/flow.h"
#include "net/formats.h"
#include "num/whole.h"
#include "train_net/scale.h"

enum {
	FIRST_MEASURES = 4, /* steps at the beginning that are measured; later the first of an epoch is */
	FIRST_RANGE = 3,    /* at first outputs lie in -2^3..2^3 */
	HEADROOM = 1        /* bits above the highest that was seen */
};

bool qmac_net_ranges_has_own(const struct qmac_net *net, int tensor)
{
	enum qmac_layer_kind kind = tensor < 0 ? QMAC_LAYER_ADD : net->layers[tensor].kind;

	return kind != QMAC_LAYER_RELU && kind != QMAC_LAYER_MAX_POOL && kind != QMAC_LAYER_FLATTEN;
}

/* The formats of `activation_fl: layer`, whose widths are also those of outputs with a scale of their own. */
static enum qmac_status find_widths(const struct qmac_net_training *training, struct qmac_format *outputs,
                                    struct qmac_error *err)
{
	struct qmac_net_formats formats = {.output = outputs, .parameter = training->formats};
	const struct qmac_format bare = {training->run->precision_bw, training->run->precision_fl};

	return qmac_net_formats_by_layer(&formats, &training->net, bare, err);
}

/* Of conv, linear and bias: fraction bits of the sum that they round. */
static int parameters_fl(const struct qmac_net_training *training, const struct qmac_net_layer *layer)
{
	int fl = training->outputs[layer->input + 1].fl;

	if (layer->weight != QMAC_NET_NONE)
		fl += training->formats[layer->weight].fl;
	return layer->bias == QMAC_NET_NONE ? fl : qmac_larger_int(fl, training->formats[layer->bias].fl);
}

/* Fraction length by a range, as there may be of `bw` bits. */
static int limited(int fl, int bw)
{
	return qmac_smaller_int(qmac_larger_int(0, fl), bw - 1);
}

/* ---- by the first steps of an epoch ---------------------------------------------------------- */

/* No output of conv, linear and bias is finer than what it is rounded from. */
static int finest(const struct qmac_net_training *training, int tensor, int bw)
{
	const struct qmac_net_layer *layer = tensor < 0 ? NULL : &training->net.layers[tensor];

	if (!layer || !qmac_net_has_parameters(layer) || layer->kind == QMAC_LAYER_BATCH_NORM)
		return bw - 1;
	return qmac_smaller_int(parameters_fl(training, layer), bw - 1);
}

/* A tensor whose largest magnitude had its highest bit at `top`; saturated codes count for one bit more. */
static void scale(const struct qmac_net_training *training, int tensor, int bw)
{
	struct qmac_format *output = &training->outputs[tensor + 1];
	int *top = &training->tops[tensor + 1];

	output->fl += *top < 0 ? bw - output->bw : bw - 2 - HEADROOM - *top - (*top >= output->bw - 2);
	output->fl = qmac_smaller_int(qmac_larger_int(0, output->fl), finest(training, tensor, bw));
	output->bw = bw;
	*top = -1;
}

/* ---- by the minibatch before ----------------------------------------------------------------- */

/* An add that a batch norm is merged into (docs/network-numerics.md): its sum is as fine as is wanted. */
static bool has_merged(const struct qmac_net *net, const struct qmac_net_layer *add)
{
	const int inputs[] = {add->input, add->other};

	for (int i = 0; i < 2; i++)
		if (inputs[i] >= 0 && net->layers[inputs[i]].kind == QMAC_LAYER_BATCH_NORM &&
		    qmac_net_readers(net, inputs[i]) == 1)
			return true;
	return false;
}

/* The finest scale of a tensor that rounds a sum to the right: then its range costs no commands. */
static int finest_sum(const struct qmac_net_training *training, int tensor)
{
	const struct qmac_net *net = &training->net;
	const struct qmac_net_layer *layer = tensor < 0 ? NULL : &net->layers[tensor];

	if (!layer)
		return INT_MAX;
	switch (layer->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
	case QMAC_LAYER_BIAS:
		return parameters_fl(training, layer);
	case QMAC_LAYER_ADD:
		return has_merged(net, layer) ? INT_MAX :
		       qmac_larger_int(training->outputs[layer->input + 1].fl,
		                       training->outputs[layer->other + 1].fl);
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return training->outputs[layer->input + 1].fl + qmac_net_mean_of(layer).shift;
	default:
		return INT_MAX;
	}
}

/* The output's scale, those of all tensors in front of it being there. */
static void settle(struct qmac_net_training *training, int tensor)
{
	struct qmac_format *output = &training->outputs[tensor + 1];

	if (qmac_net_ranges_has_own(&training->net, tensor))
		output->fl = qmac_smaller_int(training->wanted[tensor + 1], finest_sum(training, tensor));
	else
		*output = training->outputs[training->net.layers[tensor].input + 1];
}

/* Its range stays. */
static void set_width(struct qmac_net_training *training, int tensor, int bw)
{
	int *wanted = &training->wanted[tensor + 1];

	*wanted = limited(*wanted + bw - training->outputs[tensor + 1].bw, bw);
	training->outputs[tensor + 1].bw = bw;
	settle(training, tensor);
}

/* What the range of its values under fl fraction bits asks for. */
static void want(struct qmac_net_training *training, int tensor, int fl, int top)
{
	int bw = training->outputs[tensor + 1].bw, headroom = training->run->precision_activation_headroom;

	training->wanted[tensor + 1] = limited(fl + bw - 2 - top - headroom, bw);
}

void qmac_net_ranges_set(struct qmac_net_training *training, int tensor, int fl, int top)
{
	want(training, tensor, fl, top);
	for (int t = tensor; t < training->net.layer_count; t++)
		settle(training, t);
}

void qmac_net_ranges_delay(struct qmac_net_training *training)
{
	const struct qmac_net *net = &training->net;

	for (int t = 0; t < net->layer_count; t++) {
		if (qmac_net_ranges_has_own(net, t))
			want(training, t, training->outputs[t + 1].fl, training->tops[t + 1]);
		settle(training, t);
	}
}

/* The finest for whatever pixel there may be. */
static void set_input(struct qmac_net_training *training)
{
	int bw = training->outputs[0].bw;
	double most = 0;

	for (int64_t c = 0; c < training->net.input.channels && c < QMAC_IMAGE_CHANNELS_MAX; c++)
		for (int pixel = 0; pixel < 256; pixel++)
			most = fmax(most, fabs((double)training->images.value[c][pixel]));
	training->wanted[0] = limited(qmac_net_scale_last(most, bw), bw);
}

/* ---- both ------------------------------------------------------------------------------------ */

enum qmac_status qmac_net_ranges_follow(struct qmac_net_training *training, struct qmac_error *err)
{
	const struct qmac_net *net = &training->net;
	struct qmac_format *widths;
	enum qmac_status status;

	if (!training->outputs || training->in_float)
		return QMAC_OK;
	widths = calloc((size_t)net->layer_count + 1, sizeof *widths);
	status = widths ? find_widths(training, widths, err) :
	         qmac_fail(err, QMAC_INTERNAL, "out of memory for the formats of %d layers", net->layer_count);
	for (int t = -1; !status && t < net->layer_count; t++)
		if (!qmac_net_ranges_has_own(net, t))
			training->outputs[t + 1] = training->outputs[net->layers[t].input + 1];
		else if (training->ranges == QMAC_NET_RANGES_DELAY)
			set_width(training, t, widths[t + 1].bw);
		else
			scale(training, t, widths[t + 1].bw);
	free(widths);
	return status;
}

enum qmac_status qmac_net_ranges_start(struct qmac_net_training *training, struct qmac_error *err)
{
	size_t tensors = (size_t)training->net.layer_count + 1;
	enum qmac_status status;

	training->outputs = calloc(tensors, sizeof training->outputs[0]);
	training->tops = calloc(tensors, sizeof training->tops[0]);
	training->wanted = calloc(tensors, sizeof training->wanted[0]);
	if (!training->outputs || !training->tops || !training->wanted)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the formats of %zu tensors", tensors);
	status = find_widths(training, training->outputs, err);
	for (size_t t = 0; t < tensors; t++) {
		training->outputs[t].fl = training->outputs[t].bw - 1 - FIRST_RANGE;
		training->wanted[t] = training->outputs[t].fl;
		training->tops[t] = -1;
	}
	if (!status && training->ranges == QMAC_NET_RANGES_DELAY)
		set_input(training);
	return status ? status : qmac_net_ranges_follow(training, err);
}

void qmac_net_ranges_begin_step(struct qmac_net_training *training, int64_t steps, int64_t within)
{
	training->measured = training->ranges == QMAC_NET_RANGES_EPOCH && !training->in_float &&
	                     (steps < FIRST_MEASURES || within == 0);
}
