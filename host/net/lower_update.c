/*
 * The update of a layer's masters from the sums for its parameters (docs/network-numerics.md, "Update on the
 * device"). Masters, velocities and sums lie alike, row by row.
 */
#include "lower/whole.h"
#include "net/lowering.h"

enum { MASTER_BITS = 32 };

/* Labels are the numbers of factors, from 1. */
static enum qmac_status tell(void *context, int label, int64_t command, struct qmac_error *err)
{
	const struct qmac_net_labelled *of = context;
	struct qmac_net_patch patch = {
		.kind = QMAC_NET_PATCH_FACTOR, .command = command, .layer = of->layer, .link = label - 1,
	};

	return qmac_net_add_patch(of->part, &patch, err);
}

/* Appends to = from times a factor, which is patched. */
static enum qmac_status times(const struct qmac_net_plan *plan, struct qmac_map *map, int to, int from,
                              enum qmac_net_factor_kind factor, struct qmac_error *err)
{
	struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_ADD, to, from, -1);

	op.scale.bits = MASTER_BITS;
	op.scale.rounding = QMAC_ROUND_NEAREST;
	op.label = (int)factor + 1;
	return qmac_map_add(map, &op, err);
}

/* Appends to = to op other, limited to a master's width. */
static enum qmac_status change(const struct qmac_net_plan *plan, struct qmac_map *map, unsigned operation,
                               int to, int other, struct qmac_error *err)
{
	struct qmac_map_op op = qmac_net_op(plan, operation, to, to, other);

	op.scale.bits = MASTER_BITS;
	return qmac_map_add(map, &op, err);
}

/* All rows of a view of weights or biases, one behind the other. */
static struct qmac_view rows_of(const struct qmac_view *view)
{
	int64_t rows = view->positions[0] * view->positions[1] * view->positions[2];

	return qmac_view_matrix(view->address, view->element, rows, view->channels,
	                        (uint64_t)view->channels << view->element.container);
}

static int updated(struct qmac_map *map, const struct qmac_view *view)
{
	const struct qmac_view rows = rows_of(view);
	int panel = qmac_map_load(map, &rows, qmac_map_same);

	map->panels[panel].stores = true;
	return panel;
}

static enum qmac_status lower(struct qmac_net_lowering *to, int layer, bool is_bias, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	struct qmac_view sums = rows_of(is_bias ? &p->bias_sum : &p->weight_sum);
	struct qmac_map map = {
		.positions = {1, 1, sums.positions[2]}, .channels = sums.channels, .direction = to->direction,
		.layer = (unsigned)layer,
	};
	struct qmac_net_labelled labelled = {to->part, layer};
	const struct qmac_map_labels labels = {tell, &labelled};
	enum qmac_net_factor_kind gradient = is_bias ? QMAC_NET_FACTOR_BIAS : QMAC_NET_FACTOR_WEIGHT;
	int s, v, m, part;
	enum qmac_status status;

	sums.element.bits = (int)qmac_smaller(sums.element.bits, plan->hw.acc_bits);
	s = qmac_map_load(&map, &sums, qmac_map_same);
	v = updated(&map, &p->velocity[is_bias]);
	m = updated(&map, &p->master[is_bias]);
	part = qmac_map_temporary(&map, qmac_map_same);
	status = times(plan, &map, v, v, QMAC_NET_FACTOR_MOMENTUM, err);
	if (status == QMAC_OK)
		status = times(plan, &map, part, s, gradient, err);
	if (status == QMAC_OK)
		status = change(plan, &map, QMAC_OP_ADD, v, part, err);
	if (status == QMAC_OK)
		status = times(plan, &map, part, m, QMAC_NET_FACTOR_DECAY, err);
	if (status == QMAC_OK)
		status = change(plan, &map, QMAC_OP_ADD, v, part, err);
	if (status == QMAC_OK)
		status = times(plan, &map, part, v, QMAC_NET_FACTOR_RATE, err);
	if (status == QMAC_OK)
		status = change(plan, &map, QMAC_OP_SUB, m, part, err);
	if (status == QMAC_OK)
		status = qmac_map_lower(to->program, &plan->hw, &map, &labels, err);
	qmac_map_free(&map);
	return qmac_net_in_layer(plan, layer, status, err);
}

enum qmac_status qmac_net_lower_update(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_layer *of = &to->plan->net->layers[layer];
	enum qmac_status status = QMAC_OK;

	if (!to->plan->formats->masters)
		return QMAC_OK;
	if (of->weight != QMAC_NET_NONE)
		status = lower(to, layer, false, err);
	if (status == QMAC_OK && of->bias != QMAC_NET_NONE)
		status = lower(to, layer, true, err);
	return status;
}
