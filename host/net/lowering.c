#include "net/lowering.h"

#include <assert.h>

enum qmac_status qmac_net_lower_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_flow_layer *flow = &to->plan->flow.layers[layer];

	if (to->plan->layers[layer].is_made)
		return QMAC_OK;
	switch (to->plan->net->layers[layer].kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		return qmac_net_product_forward(to, layer, err);
	case QMAC_LAYER_BATCH_NORM:
		return flow->merged_into == QMAC_NET_NONE ? qmac_net_norm_forward(to, layer, err) : QMAC_OK;
	case QMAC_LAYER_ADD:
		return flow->merged == QMAC_NET_NONE ? qmac_net_point_forward(to, layer, err) :
		       qmac_net_norm_forward(to, layer, err);
	case QMAC_LAYER_BIAS:
	case QMAC_LAYER_RELU:
		return qmac_net_point_forward(to, layer, err);
	case QMAC_LAYER_TANH:
	case QMAC_LAYER_SIGMOID:
		return qmac_net_table_forward(to, layer, err);
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_MAX_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return qmac_net_pool_forward(to, layer, err);
	default:
		assert(to->plan->net->layers[layer].kind == QMAC_LAYER_FLATTEN);
		return QMAC_OK;
	}
}

/* To one input. */
static enum qmac_status back(struct qmac_net_lowering *to, int layer, int link, struct qmac_error *err)
{
	switch (to->plan->net->layers[layer].kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		return qmac_net_product_back(to, layer, link, err);
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_MAX_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return qmac_net_pool_back(to, layer, link, err);
	case QMAC_LAYER_RELU:
	case QMAC_LAYER_TANH:
	case QMAC_LAYER_SIGMOID:
		return qmac_net_point_back(to, layer, link, err);
	case QMAC_LAYER_BATCH_NORM:
		return qmac_net_norm_back(to, layer, link, err);
	default:
		return QMAC_OK; /* it gives back what it got */
	}
}

enum qmac_status qmac_net_lower_back(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	enum qmac_status status = QMAC_OK;

	to->direction = QMAC_DIRECTION_DATA;
	for (int input = 0; input < layer && status == QMAC_OK; input++) {
		const struct qmac_net_flow_layer *f = &plan->flow.layers[input];

		for (int i = f->first; status == QMAC_OK && f->needed && i < f->first + f->count; i++)
			if (plan->flow.links[i].reader == layer && 
			    (plan->use[i] == QMAC_NET_USE_STORED || plan->use[i] == QMAC_NET_USE_SPLIT))
				status = back(to, layer, i, err);
	}
	if (of->kind == QMAC_LAYER_BATCH_NORM)
		return status; /* its sums are parts of their own */
	to->direction = QMAC_DIRECTION_WEIGHTS;
	if (status == QMAC_OK && of->weight != QMAC_NET_NONE)
		status = qmac_net_product_sums(to, layer, err);
	if (status == QMAC_OK && of->bias != QMAC_NET_NONE)
		status = qmac_net_bias_sums(to, layer, err);
	return status;
}

/* Sums of a batch_norm; other layers have none. */
static enum qmac_status lower_sums(struct qmac_net_lowering *to, int layer, enum qmac_net_pass pass,
                                   struct qmac_error *err)
{
	return to->plan->net->layers[layer].kind == QMAC_LAYER_BATCH_NORM ?
	       qmac_net_norm_sums(to, layer, pass, err) : QMAC_OK;
}

enum qmac_status qmac_net_lower_sums(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	return lower_sums(to, layer, QMAC_NET_PASS_FORWARD, err);
}

enum qmac_status qmac_net_lower_back_sums(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	return lower_sums(to, layer, QMAC_NET_PASS_BACK, err);
}
