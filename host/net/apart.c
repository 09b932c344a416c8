/* What is done apart: decided once for a plan, from its shapes, roundings and hardware. */
#include "lower/whole.h"
#include "net/plan.h"

static bool is_table(const struct qmac_net_plan *plan, int layer)
{
	enum qmac_layer_kind kind = plan->net->layers[layer].kind;

	return kind == QMAC_LAYER_TANH || kind == QMAC_LAYER_SIGMOID;
}

/*
 * A row is looked up in as many cycles as it takes the ports to serve all its lanes, used or not. Storing and
 * loading the results costs two cycles a row more, not all of them at the same place.
 */
bool qmac_net_looks_up_apart(const struct qmac_net_plan *plan, int layer)
{
	int64_t cols = plan->hw.cols, spare = cols - plan->layers[layer].out.channels;

	return is_table(plan, layer) && plan->formats->activation_rounding == QMAC_ROUND_STOCHASTIC &&
	       spare * qmac_ceil_div(cols, plan->hw.lut_ports) >= 2 * cols;
}

/* Four or five operations, of which half the cycles are saved at least. */
bool qmac_net_derives_apart(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[layer];

	return f->needed && f->count == 1 && plan->use[f->first] == QMAC_NET_USE_INLINE &&
	       is_table(plan, plan->flow.links[f->first].reader) &&
	       plan->formats->error_rounding == QMAC_ROUND_STOCHASTIC &&
	       2 * plan->layers[layer].out.channels <= plan->hw.cols;
}
