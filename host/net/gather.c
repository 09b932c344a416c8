/*
 * What becomes of the contributions that readers give back, and where they are gathered: decided once for a
 * plan, from its shapes and its hardware, never from formats.
 */
#include <assert.h>

#include "net/plan.h"

/* Links of a tensor whose contributions are gathered for the error of another one: each is a panel. */
enum { SEVERAL = 4 };

/* ---- what becomes of a link ------------------------------------------------------------- */

static bool is_inline(const struct qmac_net_plan *plan, int layer, enum qmac_layer_kind reader)
{
	if (plan->flow.layers[layer].count > 1)
		return false;
	return reader == QMAC_LAYER_TANH || reader == QMAC_LAYER_SIGMOID ||
	       (reader == QMAC_LAYER_BATCH_NORM && plan->flow.layers[layer].has_error) ||
	       (reader == QMAC_LAYER_RELU && plan->layers[layer].relu != QMAC_NET_NONE);
}

static enum qmac_net_use use_of(const struct qmac_net_plan *plan, int layer, int link)
{
	enum qmac_layer_kind reader = plan->net->layers[plan->flow.links[link].reader].kind;

	if (reader == QMAC_LAYER_BIAS || reader == QMAC_LAYER_ADD || reader == QMAC_LAYER_FLATTEN)
		return QMAC_NET_USE_PASSED;
	return is_inline(plan, layer, reader) ? QMAC_NET_USE_INLINE : QMAC_NET_USE_STORED;
}

/* ---- who gathers -------------------------------------------------------------------------- */

int qmac_net_behind(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[layer], *behind;
	int reader;

	if (f->count != 1)
		return QMAC_NET_NONE;
	reader = plan->flow.links[f->first].reader;
	behind = &plan->flow.layers[reader];
	if (behind->has_error || plan->net->layers[reader].kind == QMAC_LAYER_BATCH_NORM)
		return QMAC_NET_NONE;
	if (plan->net->layers[reader].kind == QMAC_LAYER_FLATTEN)
		return behind->count == 1 ? reader : QMAC_NET_NONE;
	return plan->use[f->first] == QMAC_NET_USE_INLINE && behind->count <= SEVERAL ? reader : QMAC_NET_NONE;
}

int qmac_net_gatherer(const struct qmac_net_plan *plan, int layer)
{
	for (int input; (input = plan->net->layers[layer].input) >= 0; layer = input)
		if (qmac_net_behind(plan, input) != layer)
			break;
	return layer;
}

/* ---- products that end in an error ---------------------------------------------------------- */

bool qmac_net_is_whole(const struct qmac_net_plan_layer *p)
{
	return p->kernel[0] * p->kernel[1] > 1 && p->conv.pad == 0 && p->kernel[0] == p->in.height &&
	       p->kernel[1] == p->in.width;
}

/* Of a data gradient whose tiles are of neighbouring pixels: MACs of an image; otherwise 0. */
static double work_of(const struct qmac_net_plan *plan, int reader)
{
	const struct qmac_net_plan_layer *p = &plan->layers[reader];
	enum qmac_layer_kind kind = plan->net->layers[reader].kind;

	if (kind != QMAC_LAYER_CONV && kind != QMAC_LAYER_LINEAR)
		return 0;
	if (p->conv.stride > 1 || qmac_net_is_whole(p))
		return 0;
	return (double)(p->kernel[0] * p->kernel[1] * p->out.channels) *
	       (double)(p->in.height * p->in.width * p->in.channels);
}

/*
 * One position and block of an error takes 16 rows at most, coefficients and sums among them, besides what
 * the links bring; and the smallest panel of B takes `rows` rows of W.
 */
static bool has_room(const struct qmac_hw *hw, int links)
{
	int rows = 16 + links;

	return hw->acc_depth / 2 > rows && hw->w_depth / 2 >= hw->rows + rows;
}

/* The layer whose links are looked at for the error of another one. */
static int gathered(const struct qmac_net_plan *plan, int layer)
{
	for (int behind; (behind = qmac_net_behind(plan, layer)) != QMAC_NET_NONE;)
		layer = behind;
	return layer;
}

int qmac_net_ended(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[gathered(plan, layer)];

	for (int i = f->first; i < f->first + f->count; i++)
		if (plan->use[i] == QMAC_NET_USE_ENDED)
			return i;
	return QMAC_NET_NONE;
}

/* ---- sums ------------------------------------------------------------------------------------ */

bool qmac_net_sums_error(const struct qmac_net_plan *plan, int layer, const struct qmac_slices *slices)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[layer];
	int links = plan->flow.layers[gathered(plan, layer)].count;

	/* that of the last layer comes from the host */
	return f->has_error && f->count > 0 && links <= SEVERAL && has_room(&plan->hw, links) &&
	       (slices->count == 1 || qmac_net_ended(plan, layer) == QMAC_NET_NONE);
}

int qmac_net_sums_output(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[layer];
	int reader = f->count == 1 ? plan->flow.links[f->first].reader : QMAC_NET_NONE;
	enum qmac_layer_kind kind = plan->net->layers[layer].kind;

	if (reader == QMAC_NET_NONE || plan->net->layers[reader].kind != QMAC_LAYER_BATCH_NORM)
		return QMAC_NET_NONE;
	if ((kind != QMAC_LAYER_CONV && kind != QMAC_LAYER_LINEAR) || !has_room(&plan->hw, 0))
		return QMAC_NET_NONE;
	return plan->layers[reader].norm[QMAC_NET_PASS_FORWARD].slices.count == 1 ? reader : QMAC_NET_NONE;
}

/* ---- choosing products ------------------------------------------------------------------------ */

/* The product among the contributions to a layer's error that does most. */
static void choose_product(struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[gathered(plan, layer)];
	int best = QMAC_NET_NONE;
	double most = 0;

	for (int i = f->first; i < f->first + f->count; i++) {
		double work = plan->use[i] == QMAC_NET_USE_STORED ? work_of(plan, plan->flow.links[i].reader) : 0;

		if (work > most) {
			most = work;
			best = i;
		}
	}
	if (best != QMAC_NET_NONE && f->count <= SEVERAL && has_room(&plan->hw, f->count))
		plan->use[best] = QMAC_NET_USE_ENDED;
}

void qmac_net_find_uses(struct qmac_net_plan *plan)
{
	const struct qmac_net_flow *flow = &plan->flow;

	for (int l = 0; l < plan->net->layer_count; l++)
		for (int i = flow->layers[l].first; i < flow->layers[l].first + flow->layers[l].count; i++)
			plan->use[i] = use_of(plan, l, i);
	for (int l = 0; l < plan->net->layer_count; l++) {
		const struct qmac_net_flow_layer *f = &flow->layers[l];

		if (f->needed && (f->has_error || f->count > 1) && qmac_net_gatherer(plan, l) == l)
			choose_product(plan, l);
	}
}
