/*
 * Batch norm: affine maps, with coefficients that the host computes from sums over tensors
 * (docs/network-numerics.md, "Batch norm").
 */
#include <assert.h>

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

void qmac_net_sum(struct qmac_map *map, struct qmac_map_op *op, const struct qmac_view *sum,
                  uint64_t slice_bytes, int64_t terms, const struct qmac_slices *slices)
{
	assert(qmac_slices_of(map->positions, terms).count == slices->count);
	/* sums want two panels: the larger one of x and x is x */
	if (op->other.panel < 0) {
		assert(op->op == QMAC_OP_ADD && op->number == 0 && op->scale.left == 0);
		op->op = QMAC_OP_MAX;
		op->other = op->from;
	}
	op->sums = true;
	op->sum = qmac_map_sums(map, sum, slice_bytes);
	map->terms = terms;
}

enum qmac_status qmac_net_norm_summed(const struct qmac_net_plan *plan, struct qmac_map *map, int norm,
                                      enum qmac_net_pass pass, struct qmac_map_op op, int factor,
                                      struct qmac_error *err)
{
	const struct qmac_net_norm_place *place = &plan->layers[norm].norm[pass];
	int product = qmac_map_sums(map, &place->product, place->slice_bytes);
	enum qmac_status status;

	qmac_net_sum(map, &op, &place->sum, place->slice_bytes, place->terms, &place->slices);
	status = qmac_map_add(map, &op, err);
	return status == QMAC_OK ? sum_up(plan, map, product, op.to.panel, factor, err) : status;
}

/* Whether the sums are made with the tensor that they are over. */
static bool are_made(const struct qmac_net_plan *plan, int norm, enum qmac_net_pass pass)
{
	const struct qmac_slices *slices = &plan->layers[norm].norm[pass].slices;
	int input = plan->net->layers[norm].input;

	if (pass == QMAC_NET_PASS_BACK)
		return qmac_net_sums_error(plan, qmac_net_flow_error_of(&plan->flow, norm), slices);
	return input >= 0 && qmac_net_sums_output(plan, input) == norm;
}

enum qmac_status qmac_net_norm_sums(struct qmac_net_lowering *to, int layer, enum qmac_net_pass pass,
                                    struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_norm_place *place = &plan->layers[layer].norm[pass];
	struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].in);
	int x, from, sum, product;
	enum qmac_status status;

	if (are_made(plan, layer, pass))
		return QMAC_OK;
	x = qmac_map_load(&map, qmac_net_output(plan, plan->net->layers[layer].input), qmac_map_same);
	from = pass == QMAC_NET_PASS_FORWARD ? x :
	       qmac_map_load(&map, qmac_net_back(plan, layer), qmac_map_same);
	sum = qmac_map_sums(&map, &place->sum, place->slice_bytes);
	product = qmac_map_sums(&map, &place->product, place->slice_bytes);
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
