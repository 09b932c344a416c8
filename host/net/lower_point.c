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
	struct qmac_net_patch patch = {
		.kind = label == QMAC_NET_LABEL_SHIFT ? QMAC_NET_PATCH_SHIFT : QMAC_NET_PATCH_ALIGN,
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

enum qmac_status qmac_net_requantise(const struct qmac_net_plan *plan, struct qmac_map *map,
                                     struct qmac_map_op op, int temporary, int p, struct qmac_format format,
                                     struct qmac_error *err)
{
	struct qmac_map_operand to = op.to;

	if (p - format.fl > QMAC_NET_SHIFT_MAX || format.fl - p > (int)QMAC_L0_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "sums with %d fraction bits cannot be rounded to %d: give the "
		                 "formats fraction lengths that are less far apart", p, format.fl);
	if (p < format.fl) {
		enum qmac_status status;

		int32_t mult = op.scale.mult;

		op.to = qmac_map_whole(temporary);
		op.scale.mult = 1;
		status = qmac_map_add(map, &op, err);
		if (status != QMAC_OK)
			return status;
		op = qmac_net_op(plan, QMAC_OP_ADD, temporary, temporary, -1);
		op.scale.mult = mult;
		op.to = to;
		op.scale.left = format.fl - p;
	} else {
		op.scale.shift = p - format.fl;
	}
	op.scale.rounding = plan->formats->activation_rounding;
	op.scale.bits = format.bw;
	op.label = QMAC_NET_LABEL_SHIFT;
	return qmac_map_add(map, &op, err);
}

/* ---- forward --------------------------------------------------------------------------- */

/* The input with fewer fraction bits is shifted to those of the other one. */
static enum qmac_status forward_add(struct qmac_net_lowering *to, struct qmac_map *map, int layer,
                                    struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	int inputs[2] = {of->input, of->other}, fl[2], x[2], y, temporary;
	struct qmac_map_op op;
	int fine;

	for (int i = 0; i < 2; i++) {
		fl[i] = qmac_net_format(plan, inputs[i]).fl;
		x[i] = qmac_map_load(map, qmac_net_output(plan, inputs[i]), qmac_map_same);
	}
	fine = fl[1] > fl[0];
	y = qmac_map_store(map, qmac_net_output(plan, layer), qmac_map_same);
	temporary = x[0];
	op = qmac_net_op(plan, QMAC_OP_ADD, y, x[!fine], x[fine]);
	op.scale.left = fl[fine] - fl[!fine];
	op.scale.relu = plan->layers[layer].relu != QMAC_NET_NONE;
	if (op.scale.left > (int)QMAC_L0_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "its inputs have %d and %d fraction bits: give them formats "
		                 "that are less far apart", fl[0], fl[1]);
	return qmac_net_requantise(plan, map, op, temporary, plan->layers[layer].fl,
	                           qmac_net_format(plan, layer), err);
}

static enum qmac_status forward_bias(struct qmac_net_lowering *to, struct qmac_map *map, int layer,
                                     struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	int input = plan->net->layers[layer].input;
	int x = qmac_map_load(map, qmac_net_output(plan, input), qmac_map_same);
	bool one = p->bias.positions[1] * p->bias.positions[2] == 1;
	int bias = qmac_map_load_shared(map, &p->bias, one ? qmac_map_point : qmac_map_same);
	int y = qmac_map_store(map, qmac_net_output(plan, layer), qmac_map_same);
	struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_ADD, y, x, bias);

	if (one)
		op.other = qmac_map_tap(bias, 0, 0, 0);
	op.scale.left = p->fl - qmac_net_format(plan, input).fl;
	op.scale.relu = p->relu != QMAC_NET_NONE;
	return qmac_net_requantise(plan, map, op, x, p->fl, qmac_net_format(plan, layer), err);
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

		op.scale.shift = qmac_net_derivative_of(qmac_net_format(plan, layer).fl).fl_d;
		op.scale.rounding = QMAC_ROUND_NEAREST;
		status = qmac_net_derivative(plan, &map, layer, c, y, err);
		if (status == QMAC_OK)
			status = qmac_map_add(&map, &op, err);
	}
	return qmac_net_map_end(to, &map, layer, status, err);
}
