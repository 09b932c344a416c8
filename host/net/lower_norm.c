/*
 * Batch norm: affine maps, with coefficients that the host computes from sums over tensors
 * (docs/network-numerics.md, "Batch norm").
 */
#include "net/lowering.h"

/* ---- sums ------------------------------------------------------------------------------ */

/* Appends the sum over all positions of `from` op `other`, or, without an operand `other`, of `from`. */
static enum qmac_status sum_up(const struct qmac_net_plan *plan, struct qmac_map *map, int sums, int from,
                               int other, struct qmac_error *err)
{
	struct qmac_map_op op = qmac_net_op(plan, other < 0 ? QMAC_OP_ADD : QMAC_OP_MUL, sums, from, other);

	op.reduces = true;
	return qmac_map_add(map, &op, err);
}

enum qmac_status qmac_net_norm_sums(struct qmac_net_lowering *to, int layer, enum qmac_net_pass pass,
                                    struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_norm_place *place = &plan->layers[layer].norm[pass];
	struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].in);
	int x = qmac_map_load(&map, qmac_net_output(plan, plan->net->layers[layer].input), qmac_map_same);
	int from = pass == QMAC_NET_PASS_FORWARD ? x :
	           qmac_map_load(&map, qmac_net_back(plan, layer), qmac_map_same);
	int sum = qmac_map_sums(&map, &place->sum, place->slice_bytes);
	int product = qmac_map_sums(&map, &place->product, place->slice_bytes);
	enum qmac_status status;

	map.terms = place->terms;
	status = sum_up(plan, &map, sum, from, -1, err);
	if (status == QMAC_OK)
		status = sum_up(plan, &map, product, from, x, err);
	return qmac_net_map_end(to, &map, layer, status, err);
}

/* ---- affine ---------------------------------------------------------------------------- */

struct qmac_map_op qmac_net_norm_op(const struct qmac_net_plan *plan, struct qmac_map *map, int norm,
                                    enum qmac_net_pass pass, int to, int from, int other)
{
	struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_AFFINE, to, from, other);

	op.coefficients = qmac_map_coefficients(map, &plan->layers[norm].norm[pass].coefficients);
	return op;
}

enum qmac_status qmac_net_norm_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	int merged = plan->flow.layers[layer].merged, norm = merged == QMAC_NET_NONE ? layer : merged;
	const struct qmac_view *view = qmac_net_output(plan, plan->net->layers[norm].input);
	struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].out);
	int x = qmac_map_load(&map, view, qmac_map_same), other = x;
	int y = qmac_map_store(&map, qmac_net_output(plan, layer), qmac_map_same);
	struct qmac_map_op op;

	if (norm == merged) {
		const struct qmac_view *added = qmac_net_output(plan, qmac_net_flow_other(&plan->flow, layer));

		if (added != view)
			other = qmac_map_load(&map, added, qmac_map_same);
	}
	op = qmac_net_norm_op(plan, &map, norm, QMAC_NET_PASS_FORWARD, y, x, other);
	qmac_net_round(plan, layer, &op);
	return qmac_net_map_end(to, &map, layer, qmac_map_add(&map, &op, err), err);
}

enum qmac_status qmac_net_norm_back(struct qmac_net_lowering *to, int layer, int link, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].in);
	int e = qmac_map_load(&map, qmac_net_back(plan, layer), qmac_map_same);
	int x = qmac_map_load(&map, qmac_net_output(plan, plan->net->layers[layer].input), qmac_map_same);
	int c = qmac_map_store(&map, &plan->contribution[link], qmac_map_same);
	struct qmac_map_op op = qmac_net_norm_op(plan, &map, layer, QMAC_NET_PASS_BACK, c, e, x);

	return qmac_net_map_end(to, &map, layer, qmac_map_add(&map, &op, err), err);
}

/* ---- where it lies --------------------------------------------------------------------- */

void qmac_net_norm_slice(struct qmac_net_plan *plan, int layer)
{
	struct qmac_net_plan_layer *p = &plan->layers[layer];
	const int64_t whole[3] = {plan->batch, p->in.height, p->in.width};
	int x = qmac_net_format(plan, plan->net->layers[layer].input).bw;
	int e = plan->flow.layers[qmac_net_flow_error_of(&plan->flow, layer)].bits;

	for (int pass = 0; pass < QMAC_NET_PASSES; pass++) {
		int bits = x - 1 + (pass == QMAC_NET_PASS_FORWARD ? x : e) - 1;

		p->norm[pass].terms = plan->formats->unbounded ? 0 : qmac_slices_terms(plan->hw.acc_bits, bits);
		p->norm[pass].slices = qmac_slices_of(whole, p->norm[pass].terms);
	}
}
