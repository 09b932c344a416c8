/*
 * How large the sums of a layer can be, from formats and shapes alone, and so how far they are shifted for a
 * range monitor to show all of them: docs/network-numerics.md, "Ranges".
 */
#include <math.h>

#include "net/lowering.h"
#include "net/minibatch.h"
#include "num/whole.h"

enum {
	MONITOR_BITS = 31, /* a monitor tells magnitudes up to 2^31 */
	FACTOR_LG = 17,    /* of batch norms: |mA| is at most 2^17, */
	TERM_LG = 31       /* and |mB| 2^31 */
};

double qmac_net_magnitude(struct qmac_format format)
{
	return ldexp(1, format.bw - 1);
}

static double input_magnitude(const struct qmac_net_plan *plan, int layer)
{
	return qmac_net_magnitude(qmac_net_format(plan, plan->net->layers[layer].input));
}

double qmac_net_product_bound(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	double taps = (double)layer->kernel[0] * (double)layer->kernel[1];

	return (double)layer->in.channels * taps * input_magnitude(plan, l) *
	       qmac_net_magnitude(plan->formats->parameter[layer->weight]);
}

double qmac_net_add_bound(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const int *left = plan->layers[l].amounts.left;

	return ldexp(qmac_net_magnitude(qmac_net_format(plan, layer->input)), left[0]) +
	       ldexp(qmac_net_magnitude(qmac_net_format(plan, layer->other)), left[1]);
}

/* conv, linear and bias, as they are added to their biases. */
static double biased_bound(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_net_amounts *amounts = &plan->layers[l].amounts;
	double sum = layer->weight == QMAC_NET_NONE ? input_magnitude(plan, l) : qmac_net_product_bound(plan, l);

	sum = ldexp(sum, amounts->left[0]);
	return layer->bias == QMAC_NET_NONE ? sum : sum + ldexp(1, amounts->bias_bits - 1);
}

/* Of a batch_norm, and of the add that it is merged into. */
static double norm_bound(const struct qmac_net_plan *plan, int norm, int add)
{
	double sum = ldexp(input_magnitude(plan, norm), FACTOR_LG) + ldexp(1, TERM_LG);
	struct qmac_format other;

	if (add == QMAC_NET_NONE)
		return sum;
	other = qmac_net_format(plan, qmac_net_flow_other(&plan->flow, add));
	return sum + ldexp(qmac_net_magnitude(other), QMAC_NET_NORM_OTHER);
}

/* |S 2^(P - p)| of a layer that rounds. */
static double layer_bound(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_net_amounts *amounts = &plan->layers[l].amounts;
	int merged = plan->flow.layers[l].merged;

	switch (layer->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
	case QMAC_LAYER_BIAS:
		return biased_bound(plan, l);
	case QMAC_LAYER_ADD:
		return merged == QMAC_NET_NONE ? ldexp(qmac_net_add_bound(plan, l), amounts->up)
		                               : norm_bound(plan, merged, l);
	case QMAC_LAYER_BATCH_NORM:
		return norm_bound(plan, l, QMAC_NET_NONE);
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return ldexp((double)(layer->kernel[0] * layer->kernel[1]) * input_magnitude(plan, l) *
		             qmac_net_mean_of(layer).multiplier, amounts->up);
	default: /* tanh, sigmoid */
		return ldexp(1, QMAC_NET_TABLE_FRACTION + amounts->table.m + amounts->up);
	}
}

static int shift_of(double bound)
{
	int beyond = qmac_net_lg(bound) - MONITOR_BITS;

	return qmac_smaller_int(qmac_larger_int(beyond, 0), QMAC_NET_SHIFT_MAX);
}

int qmac_net_layer_range_shift(const struct qmac_net_plan *plan, int layer)
{
	return shift_of(layer_bound(plan, layer));
}

int qmac_net_error_range_shift(const struct qmac_net_plan *plan, int layer)
{
	return shift_of(qmac_net_flow_sum_bound(&plan->flow, layer));
}
