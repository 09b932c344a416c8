/*
 * What becomes of the contributions that readers give back, and where they are gathered: decided once for a
 * plan, from its shapes and its hardware, never from formats.
 */
#include <assert.h>

#include "net/plan.h"

/* Links of a tensor whose contributions are gathered for the error of another one: each is a panel. */
enum { SEVERAL = 4 };

/*
 * One position and block of an error takes 16 rows at most, coefficients and sums among them, besides what
 * the links bring; and the smallest panel of B takes `rows` rows of W. With 2 x 2 pixels to a position all
 * of that four times.
 */
static bool has_room(const struct qmac_hw *hw, int links, int pixels)
{
	int rows = (16 + links) * pixels;

	return hw->acc_depth / 2 > rows && hw->w_depth / 2 >= hw->rows + rows;
}

/* ---- what becomes of a link ------------------------------------------------------------- */

bool qmac_net_is_quarter(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	enum qmac_layer_kind kind = plan->net->layers[layer].kind;

	return (kind == QMAC_LAYER_AVG_POOL || kind == QMAC_LAYER_GLOBAL_POOL) && p->kernel[0] == 2 &&
	       p->kernel[1] == 2 && p->stride == 2 && p->in.height == 2 * p->out.height &&
	       p->in.width == 2 * p->out.width;
}

/* Such a pool is, where an error is made of what it gives back, and of no other such pool. */
static bool is_spread(const struct qmac_net_plan *plan, int layer, int reader)
{
	int gatherer = qmac_net_gatherer(plan, layer);

	return qmac_net_is_quarter(plan, reader) && plan->flow.layers[gatherer].has_error &&
	       qmac_net_times(plan, gatherer) == 1 && has_room(&plan->hw, SEVERAL, 4);
}

/* The uses of links to layers in front are known. */
static bool is_inline(const struct qmac_net_plan *plan, int layer, int by)
{
	enum qmac_layer_kind reader = plan->net->layers[by].kind;

	if (plan->flow.layers[layer].count > 1)
		return false;
	return is_spread(plan, layer, by) || reader == QMAC_LAYER_TANH || reader == QMAC_LAYER_SIGMOID ||
	       (reader == QMAC_LAYER_BATCH_NORM && plan->flow.layers[layer].has_error) ||
	       (reader == QMAC_LAYER_RELU && plan->layers[layer].relu != QMAC_NET_NONE);
}

static enum qmac_net_use use_of(const struct qmac_net_plan *plan, int layer, int link)
{
	int by = plan->flow.links[link].reader;
	enum qmac_layer_kind reader = plan->net->layers[by].kind;

	if (reader == QMAC_LAYER_BIAS || reader == QMAC_LAYER_ADD || reader == QMAC_LAYER_FLATTEN)
		return QMAC_NET_USE_PASSED;
	return is_inline(plan, layer, by) ? QMAC_NET_USE_INLINE : QMAC_NET_USE_STORED;
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

/* The layer whose links are looked at for the error of another one. */
static int gathered(const struct qmac_net_plan *plan, int layer)
{
	for (int behind; (behind = qmac_net_behind(plan, layer)) != QMAC_NET_NONE;)
		layer = behind;
	return layer;
}

int64_t qmac_net_times(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f;
	int from = layer, last = gathered(plan, layer);

	for (;; from = qmac_net_behind(plan, from)) {
		f = &plan->flow.layers[from];
		if (f->count == 1 && plan->use[f->first] == QMAC_NET_USE_INLINE &&
		    qmac_net_is_quarter(plan, plan->flow.links[f->first].reader))
			return 2;
		if (from == last)
			break;
	}
	for (int i = f->first; i < f->first + f->count; i++)
		if (plan->use[i] == QMAC_NET_USE_SPLIT)
			return 2;
	return 1;
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

	/* that of the last layer comes from the host; slices are of pixels, a coarse map's positions of four */
	return f->has_error && f->count > 0 && links <= SEVERAL && has_room(&plan->hw, links, 1) &&
	       (slices->count == 1 ||
	        (qmac_net_ended(plan, layer) == QMAC_NET_NONE && qmac_net_times(plan, layer) == 1));
}

int qmac_net_sums_output(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[layer];
	int reader = f->count == 1 ? plan->flow.links[f->first].reader : QMAC_NET_NONE;
	enum qmac_layer_kind kind = plan->net->layers[layer].kind;

	if (reader == QMAC_NET_NONE || plan->net->layers[reader].kind != QMAC_LAYER_BATCH_NORM)
		return QMAC_NET_NONE;
	if ((kind != QMAC_LAYER_CONV && kind != QMAC_LAYER_LINEAR) || !has_room(&plan->hw, 0, 1))
		return QMAC_NET_NONE;
	return plan->layers[reader].norm[QMAC_NET_PASS_FORWARD].slices.count == 1 ? reader : QMAC_NET_NONE;
}

/* ---- choosing products ------------------------------------------------------------------------ */

bool qmac_net_sees(const struct qmac_net_plan_layer *p, int64_t class)
{
	const int64_t place[2] = {class / p->conv.stride, class % p->conv.stride};

	return (place[0] + p->conv.pad) % p->conv.stride < p->conv.kernel[0] &&
	       (place[1] + p->conv.pad) % p->conv.stride < p->conv.kernel[1];
}

/* A data gradient with stride 2 of images with even sides. */
static bool is_split(const struct qmac_net_plan *plan, int reader)
{
	const struct qmac_net_plan_layer *p = &plan->layers[reader];

	return plan->net->layers[reader].kind == QMAC_LAYER_CONV && p->conv.stride == 2 &&
	       !qmac_net_is_whole(p) && p->in.height % 2 == 0 && p->in.width % 2 == 0;
}

/* Classes of pixels that lie apart in memory are stored in long runs, and those without a tap not at all. */
static bool split(struct qmac_net_plan *plan, int layer)
{
	enum { MOST = 2 }; /* four panels each */
	const struct qmac_net_flow_layer *f = &plan->flow.layers[gathered(plan, layer)];
	bool found = false;

	if (f->count > MOST || qmac_net_times(plan, layer) > 1 || !has_room(&plan->hw, f->count, 4))
		return false;
	for (int i = f->first; i < f->first + f->count; i++)
		if (plan->use[i] == QMAC_NET_USE_STORED && is_split(plan, plan->flow.links[i].reader)) {
			plan->use[i] = QMAC_NET_USE_SPLIT;
			found = true;
		}
	return found;
}

/* The product among the contributions to a layer's error that does most. */
static void choose_product(struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[gathered(plan, layer)];
	int best = QMAC_NET_NONE, pixels = qmac_net_times(plan, layer) > 1 ? 4 : 1;
	double most = 0;

	for (int i = f->first; i < f->first + f->count; i++) {
		double work = plan->use[i] == QMAC_NET_USE_STORED ? work_of(plan, plan->flow.links[i].reader) : 0;

		if (work > most) {
			most = work;
			best = i;
		}
	}
	if (best != QMAC_NET_NONE && f->count <= SEVERAL && has_room(&plan->hw, f->count, pixels))
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

		if (f->needed && (f->has_error || f->count > 1) && qmac_net_gatherer(plan, l) == l && !split(plan, l))
			choose_product(plan, l);
	}
}
