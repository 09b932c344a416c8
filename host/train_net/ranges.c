#include "train_net/ranges.h"

#include <stdlib.h>

#include "net/flow.h"
#include "net/formats.h"
#include "num/whole.h"

enum {
	FIRST_MEASURES = 4, /* steps at the beginning that are measured; later the first of an epoch is */
	FIRST_RANGE = 3,    /* at first outputs lie in -2^3..2^3 */
	HEADROOM = 1        /* bits above the highest that was seen */
};

static bool has_own_scale(const struct qmac_net *net, int tensor)
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

/* No output of conv, linear and bias is finer than what it is rounded from. */
static int finest(const struct qmac_net_training *training, int tensor, int bw)
{
	const struct qmac_net_layer *layer = tensor < 0 ? NULL : &training->net.layers[tensor];
	int sum;

	if (!layer || !qmac_net_has_parameters(layer))
		return bw - 1;
	sum = training->outputs[layer->input + 1].fl;
	if (layer->weight != QMAC_NET_NONE)
		sum += training->formats[layer->weight].fl;
	if (layer->bias != QMAC_NET_NONE)
		sum = qmac_larger_int(sum, training->formats[layer->bias].fl);
	return qmac_smaller_int(sum, bw - 1);
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
		if (has_own_scale(net, t))
			scale(training, t, widths[t + 1].bw);
		else
			training->outputs[t + 1] = training->outputs[net->layers[t].input + 1];
	free(widths);
	return status;
}

enum qmac_status qmac_net_ranges_start(struct qmac_net_training *training, struct qmac_error *err)
{
	size_t tensors = (size_t)training->net.layer_count + 1;
	enum qmac_status status;

	training->outputs = calloc(tensors, sizeof training->outputs[0]);
	training->tops = calloc(tensors, sizeof training->tops[0]);
	if (!training->outputs || !training->tops)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the formats of %zu tensors", tensors);
	status = find_widths(training, training->outputs, err);
	for (size_t t = 0; t < tensors; t++) {
		training->outputs[t].fl = training->outputs[t].bw - 1 - FIRST_RANGE;
		training->tops[t] = -1;
	}
	return status ? status : qmac_net_ranges_follow(training, err);
}

void qmac_net_ranges_begin_step(struct qmac_net_training *training, int64_t steps, int64_t within)
{
	training->measured = training->outputs && !training->in_float &&
	                     (steps < FIRST_MEASURES || within == 0);
}
