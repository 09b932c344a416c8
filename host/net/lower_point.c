/* Layers that work element by element, and what all maps of host/net have in common. */
#include <assert.h>
#include <stdio.h>

#include "net/lowering.h"
#include "net/table.h"

enum qmac_status qmac_net_in_layer(const struct qmac_net_plan *plan, int layer, enum qmac_status status,
                                   struct qmac_error *err)
{
	char message[sizeof err->message / 2];

	if (status == QMAC_OK || status == QMAC_INTERNAL || !err)
		return status;
	snprintf(message, sizeof message, "%.*s", (int)sizeof message - 1, err->message);
	return qmac_fail(err, status, "layer '%s': %s", plan->net->layers[layer].name, message);
}

/* ---- maps ---------------------------------------------------------------------------- */

int qmac_net_wide(const struct qmac_net_plan *plan)
{
	return plan->hw.acc_bits < 63 ? plan->hw.acc_bits : 63;
}

struct qmac_map qmac_net_map(const struct qmac_net_lowering *to, int layer, struct qmac_shape shape)
{
	return (struct qmac_map){
		.positions = {to->plan->batch, shape.height, shape.width}, .channels = shape.channels,
		.direction = to->direction, .layer = (unsigned)layer,
	};
}

enum qmac_status qmac_net_tell(void *context, int label, int64_t command, struct qmac_error *err)
{
	const struct qmac_net_labelled *of = context;
	static const enum qmac_net_patch_kind kinds[QMAC_NET_LABEL_ALIGN] = {
		[QMAC_NET_LABEL_SHIFT] = QMAC_NET_PATCH_SHIFT, [QMAC_NET_LABEL_ROUND] = QMAC_NET_PATCH_ROUND,
		[QMAC_NET_LABEL_LIMIT] = QMAC_NET_PATCH_LIMIT,
	};
	struct qmac_net_patch patch = {
		.kind = label < QMAC_NET_LABEL_ALIGN ? kinds[label] : QMAC_NET_PATCH_ALIGN,
		.command = command, .layer = of->layer, .link = label - QMAC_NET_LABEL_ALIGN,
	};

	return qmac_net_add_patch(of->part, &patch, err);
}

enum qmac_status qmac_net_map_end(struct qmac_net_lowering *to, struct qmac_map *map, int layer,
                                    enum qmac_status status, struct qmac_error *err)
{
	struct qmac_net_labelled labelled = {to->part, layer};
	const struct qmac_map_labels labels = {qmac_net_tell, &labelled};

	if (status == QMAC_OK)
		status = qmac_map_lower(to->program, &to->plan->hw, map, &labels, err);
	qmac_map_free(map);
	return qmac_net_in_layer(to->plan, layer, status, err);
}

struct qmac_map_op qmac_net_op(const struct qmac_net_plan *plan, unsigned op, int to, int from, int other)
{
	return (struct qmac_map_op){
		.op = op, .to = qmac_map_whole(to), .from = qmac_map_whole(from),
		.other = other < 0 ? qmac_map_number : qmac_map_whole(other),
		.scale = {.mult = 1, .bits = qmac_net_wide(plan)},
	};
}

enum qmac_status qmac_net_exact(const struct qmac_net_plan *plan, struct qmac_map *map, unsigned op,
                                int to, int from, int other, int32_t number, struct qmac_error *err)
{
	struct qmac_map_op exact = qmac_net_op(plan, op, to, from, other);

	exact.number = number;
	return qmac_map_add(map, &exact, err);
}

void qmac_net_round(const struct qmac_net_plan *plan, int layer, struct qmac_map_op *op)
{
	op->scale.bits = qmac_net_format(plan, layer).bw;
	op->scale.rounding = plan->formats->activation_rounding;
	op->scale.relu = plan->layers[layer].relu != QMAC_NET_NONE;
	op->label = QMAC_NET_LABEL_SHIFT;
}

enum qmac_status qmac_net_requantise(const struct qmac_net_plan *plan, int layer, struct qmac_map *map,
                                     struct qmac_map_op op, int temporary, struct qmac_error *err)
{
	int up = plan->layers[layer].amounts.up;
	struct qmac_map_op last = op;

	if (up > 0) {
		enum qmac_status status;

		last = qmac_net_op(plan, QMAC_OP_ADD, temporary, temporary, -1);
		last.to = op.to;
		last.scale.mult = op.scale.mult;
		last.scale.left = up;
		op.to = qmac_map_whole(temporary);
		op.scale.mult = 1;
		status = qmac_map_add(map, &op, err);
		if (status != QMAC_OK)
			return status;
	}
	qmac_net_round(plan, layer, &last);
	return qmac_map_add(map, &last, err);
}

/* ---- forward --------------------------------------------------------------------------- */

/* The input with fewer fraction bits is shifted to those of the other one. */
static enum qmac_status forward_add(struct qmac_net_lowering *to, struct qmac_map *map, int layer,
                                    struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	const struct qmac_net_amounts *amounts = &plan->layers[layer].amounts;
	int first = qmac_map_load(map, qmac_net_output(plan, of->input), qmac_map_same);
	int x[2] = {first, qmac_map_load(map, qmac_net_output(plan, of->other), qmac_map_same)};
	int y = qmac_map_store(map, qmac_net_output(plan, layer), qmac_map_same);
	int coarse = amounts->left[1] > 0;
	struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_ADD, y, x[coarse], x[!coarse]);

	op.scale.left = amounts->left[coarse];
	return qmac_net_requantise(plan, layer, map, op, first, err);
}

static enum qmac_status forward_bias(struct qmac_net_lowering *to, struct qmac_map *map, int layer,
                                     struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	int x = qmac_map_load(map, qmac_net_output(plan, plan->net->layers[layer].input), qmac_map_same);
	bool one = p->bias.positions[1] * p->bias.positions[2] == 1;
	int bias = qmac_map_load_shared(map, &p->bias, one ? qmac_map_point : qmac_map_same);
	int y = qmac_map_store(map, qmac_net_output(plan, layer), qmac_map_same);
	struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_ADD, y, x, bias);

	if (one)
		op.other = qmac_map_tap(bias, 0, 0, 0);
	op.scale.left = p->amounts.left[0];
	return qmac_net_requantise(plan, layer, map, op, x, err);
}

enum qmac_status qmac_net_point_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].out);
	enum qmac_status status;

	if (of->kind == QMAC_LAYER_ADD) {
		status = forward_add(to, &map, layer, err);
	} else if (of->kind == QMAC_LAYER_BIAS) {
		status = forward_bias(to, &map, layer, err);
	} else {
		int x = qmac_map_load(&map, qmac_net_output(plan, of->input), qmac_map_same);
		int y = qmac_map_store(&map, qmac_net_output(plan, layer), qmac_map_same);
		struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_ADD, y, x, -1);

		assert(of->kind == QMAC_LAYER_RELU);
		op.scale.relu = true;
		status = qmac_map_add(&map, &op, err);
	}
	return qmac_net_map_end(to, &map, layer, status, err);
}

/* ---- back ------------------------------------------------------------------------------ */

/* What a relu, tanh or sigmoid gives back, where it is stored. */
enum qmac_status qmac_net_point_back(struct qmac_net_lowering *to, int layer, int link,
                                     struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].out);
	int g = qmac_map_load(&map, qmac_net_back(plan, layer), qmac_map_same);
	int y = qmac_map_load(&map, qmac_net_output(plan, layer), qmac_map_same);
	int c = qmac_map_store(&map, &plan->contribution[link], qmac_map_same);
	enum qmac_status status;

	if (plan->net->layers[layer].kind == QMAC_LAYER_RELU) {
		status = qmac_net_exact(plan, &map, QMAC_OP_SELECT, c, g, y, 0, err);
	} else {
		struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_MUL, c, g, c);

		op.scale.shift = plan->layers[layer].amounts.derivative.fl_d;
		op.scale.rounding = QMAC_ROUND_NEAREST;
		status = qmac_net_derivative(plan, &map, layer, c, y, err);
		if (status == QMAC_OK)
			status = qmac_map_add(&map, &op, err);
	}
	return qmac_net_map_end(to, &map, layer, status, err);
}
