/* tanh and sigmoid: lookups, and the derivatives from their outputs. */
#include <assert.h>

#include "net/lowering.h"
#include "net/table.h"

/* ---- forward --------------------------------------------------------------------------- */

/* The words of a piece of the table, from the LUT's first on. */
static enum qmac_status load_words(struct qmac_net_lowering *to, int layer, int64_t first, int64_t count,
                                   struct qmac_error *err)
{
	struct qmac_command command = {
		.opcode = QMAC_OPCODE_LOAD, .space = QMAC_SPACE_LUT, .container = QMAC_CONTAINER_WORD, .len = 1,
		.base = to->plan->layers[layer].table.address + 4 * (uint64_t)first, .n0 = (uint32_t)count, .n1 = 1,
		.n2 = 1, .s0 = 4, .ds0 = 1, .hi0 = (uint32_t)count - 1, .coalesce = 1,
	};

	qmac_command_note(&command, to->direction, (unsigned)layer, 0, 0);
	return qmac_program_add(to->program, &command, NULL, NULL, err);
}

/* x within low..high, without counting what is not. */
static enum qmac_status limit(const struct qmac_net_plan *plan, struct qmac_map *map, int x, int bits,
                              struct qmac_error *err)
{
	int32_t high = (int32_t)(((int64_t)1 << (bits - 1)) - 1);
	enum qmac_status status = qmac_net_exact(plan, map, QMAC_OP_MIN, x, x, -1, high, err);

	return status == QMAC_OK ? qmac_net_exact(plan, map, QMAC_OP_MAX, x, x, -1, -high - 1, err) : status;
}

/*
 * A table that is larger than the LUT comes in pieces, each in a map of its own: the later one has the say
 * where x reaches it.
 */
static enum qmac_status look_up(struct qmac_net_lowering *to, struct qmac_map *map, int layer, int64_t piece,
                                struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	int input = plan->net->layers[layer].input;
	struct qmac_format from = qmac_net_format(plan, input), format = qmac_net_format(plan, layer);
	struct qmac_net_table table = qmac_net_table_of(plan->net->layers[layer].kind, from);
	int bits = table.bits < plan->hw.lut_bits ? table.bits : plan->hw.lut_bits;
	int in_bits = bits + table.m;
	int64_t begin = (piece << in_bits) - ((int64_t)1 << (table.in_bits - 1));
	int x = qmac_map_load(map, qmac_net_output(plan, input), qmac_map_same), y, old = 0, reached = 0;
	struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_LOOKUP, 0, x, -1);
	enum qmac_status status = QMAC_OK;

	y = qmac_map_store(map, qmac_net_output(plan, layer), qmac_map_same);
	if (piece > 0) {
		old = qmac_map_load(map, qmac_net_output(plan, layer), qmac_map_same);
		reached = qmac_map_temporary(map, qmac_map_same);
		status = qmac_net_exact(plan, map, QMAC_OP_SUB, reached, x, -1, (int32_t)(begin - 1), err);
	}
	if (status == QMAC_OK && table.bits > bits)
		status = qmac_net_exact(plan, map, QMAC_OP_SUB, x, x, -1,
		                        (int32_t)(begin + ((int64_t)1 << (in_bits - 1))), err);
	if (status == QMAC_OK && (table.bits > bits || from.bw > in_bits))
		status = limit(plan, map, x, in_bits, err);
	op.to = qmac_map_whole(y);
	op.in_bits = (uint32_t)in_bits;
	op.lut_n = (uint32_t)bits;
	if (status == QMAC_OK)
		status = qmac_net_requantise(plan, map, op, x, plan->layers[layer].fl, format, err);
	if (status != QMAC_OK || piece == 0)
		return status;
	status = qmac_net_exact(plan, map, QMAC_OP_SUB, y, y, old, 0, err);
	if (status == QMAC_OK)
		status = qmac_net_exact(plan, map, QMAC_OP_SELECT, y, y, reached, 0, err);
	return status == QMAC_OK ? qmac_net_exact(plan, map, QMAC_OP_ADD, y, y, old, 0, err) : status;
}

enum qmac_status qmac_net_table_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	struct qmac_net_table table = qmac_net_table_of(of->kind, qmac_net_format(plan, of->input));
	int bits = table.bits < plan->hw.lut_bits ? table.bits : plan->hw.lut_bits;
	enum qmac_status status = QMAC_OK;

	for (int64_t i = 0; status == QMAC_OK && i < (int64_t)1 << (table.bits - bits); i++) {
		struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].out);

		status = load_words(to, layer, i << bits, (int64_t)1 << bits, err);
		if (status == QMAC_OK)
			status = look_up(to, &map, layer, i, err);
		status = qmac_net_map_end(to, &map, layer, status, err);
	}
	return status;
}

/* ---- back ------------------------------------------------------------------------------ */

enum qmac_status qmac_net_derivative(const struct qmac_net_plan *plan, struct qmac_map *map, int reader,
                                     int to, int y, struct qmac_error *err)
{
	int fl = qmac_net_format(plan, reader).fl;
	struct qmac_net_derivative d = qmac_net_derivative_of(fl);
	bool is_tanh = plan->net->layers[reader].kind == QMAC_LAYER_TANH;
	struct qmac_map_op shorten = qmac_net_op(plan, QMAC_OP_ADD, y, y, -1);
	struct qmac_map_op rest = is_tanh ? qmac_net_op(plan, QMAC_OP_SUB, to, to, -1) :
	                            qmac_net_op(plan, QMAC_OP_SUB, to, y, to);
	enum qmac_status status = QMAC_OK;

	shorten.scale.shift = fl - d.fl_y;
	rest.scale.shift = 2 * d.fl_y - d.fl_d;
	shorten.scale.rounding = rest.scale.rounding = QMAC_ROUND_NEAREST;
	if (is_tanh) {
		rest.number = (int32_t)1 << (2 * d.fl_y);
		rest.scale.mult = -1;
	} else {
		rest.scale.left = d.fl_y;
	}
	if (fl > d.fl_y)
		status = qmac_map_add(map, &shorten, err);
	if (status == QMAC_OK)
		status = qmac_net_exact(plan, map, QMAC_OP_MUL, to, y, y, 0, err);
	return status == QMAC_OK ? qmac_map_add(map, &rest, err) : status;
}
