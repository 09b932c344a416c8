/* tanh and sigmoid: lookups, and the derivatives from their outputs. */
#include <assert.h>

#include "net/lowering.h"
#include "num/whole.h"

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

/* The first and the last code of in_bits bits. */
static int32_t low_of(int in_bits)
{
	return (int32_t)-((int64_t)1 << (in_bits - 1));
}

static int32_t high_of(int in_bits)
{
	return -1 - low_of(in_bits);
}

/* The lookup of panel `from` in so many words, of codes that they are for. */
static struct qmac_map_op lookup(const struct qmac_net_plan *plan, int to, int from, int bits, int in_bits)
{
	struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_LOOKUP, to, from, -1);

	op.in_bits = (uint32_t)in_bits;
	op.lut_n = (uint32_t)bits;
	return op;
}

/* Appends the lookup in all of a table: codes beyond it count as its first or its last one, no saturation. */
static enum qmac_status begin_lookup(const struct qmac_net_plan *plan, struct qmac_map *map, int layer, int y,
                                     struct qmac_map_op *op, int *x, struct qmac_error *err)
{
	const struct qmac_net_table *table = &plan->layers[layer].amounts.table;
	int input = plan->net->layers[layer].input;
	enum qmac_status status = QMAC_OK;

	*x = qmac_map_load(map, qmac_net_output(plan, input), qmac_map_same);
	*op = lookup(plan, y, *x, table->bits, table->in_bits);
	if (qmac_net_format(plan, input).bw > table->in_bits) {
		status = qmac_net_exact(plan, map, QMAC_OP_MIN, *x, *x, -1, high_of(table->in_bits), err);
		if (status == QMAC_OK)
			status = qmac_net_exact(plan, map, QMAC_OP_MAX, *x, *x, -1, low_of(table->in_bits), err);
	}
	return status;
}

static enum qmac_status look_up(const struct qmac_net_plan *plan, struct qmac_map *map, int layer,
                                struct qmac_error *err)
{
	int y = qmac_map_store(map, qmac_net_output(plan, layer), qmac_map_same), x;
	struct qmac_map_op op;
	enum qmac_status status = begin_lookup(plan, map, layer, y, &op, &x, err);

	return status == QMAC_OK ? qmac_net_requantise(plan, layer, map, op, x, err) : status;
}

/* In two maps, where ACC holds what is looked up. */
static bool is_apart(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_table *table = &plan->layers[layer].amounts.table;

	return qmac_net_looks_up_apart(plan, layer) && table->bits <= plan->hw.lut_bits &&
	       QMAC_NET_TABLE_FRACTION + 1 + table->m <= plan->hw.acc_bits;
}

static enum qmac_status look_up_apart(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	struct qmac_map map = qmac_net_map(to, layer, p->out);
	int x, y = qmac_map_store(&map, &p->looked_up, qmac_map_same);
	struct qmac_map_op op;
	enum qmac_status status = begin_lookup(plan, &map, layer, y, &op, &x, err);

	if (status == QMAC_OK)
		status = qmac_map_add(&map, &op, err);
	status = qmac_net_map_end(to, &map, layer, status, err);
	if (status != QMAC_OK)
		return status;
	map = qmac_net_map(to, layer, p->out);
	x = qmac_map_load(&map, &p->looked_up, qmac_map_same);
	y = qmac_map_store(&map, qmac_net_output(plan, layer), qmac_map_same);
	status = qmac_net_requantise(plan, layer, &map, qmac_net_op(plan, QMAC_OP_ADD, y, x, -1), x, err);
	return qmac_net_map_end(to, &map, layer, status, err);
}

/* Appends what makes t of codes x those that a piece has, and `inside` 1 where they are the same. */
static enum qmac_status limit(const struct qmac_net_plan *plan, struct qmac_map *map, const int panels[3],
                              int in_bits, bool is_first, bool is_last, struct qmac_error *err)
{
	int x = panels[0], t = panels[1], inside = panels[2];
	int32_t low = low_of(in_bits), high = high_of(in_bits);
	/* the first piece has all that lies below, the last one all above */
	enum qmac_status status = qmac_net_exact(plan, map, is_first ? QMAC_OP_MIN : QMAC_OP_MAX, t, x, -1,
	                                         is_first ? high : low, err);

	if (status == QMAC_OK && !is_first && !is_last)
		status = qmac_net_exact(plan, map, QMAC_OP_MIN, t, t, -1, high, err);
	if (status == QMAC_OK)
		status = qmac_net_exact(plan, map, QMAC_OP_EQ, inside, t, x, 0, err);
	if (status == QMAC_OK && is_first)
		status = qmac_net_exact(plan, map, QMAC_OP_MAX, t, t, -1, low, err);
	if (status == QMAC_OK && is_last)
		status = qmac_net_exact(plan, map, QMAC_OP_MIN, t, t, -1, high, err);
	return status;
}

/*
 * A piece of a table that is larger than the LUT, in a map of its own: what it gives where x is inside, 0
 * elsewhere, is added to what the pieces before gave.
 */
static enum qmac_status look_up_piece(const struct qmac_net_plan *plan, struct qmac_map *map, int layer,
                                      int64_t piece, struct qmac_error *err)
{
	const struct qmac_net_amounts *amounts = &plan->layers[layer].amounts;
	int bits = plan->hw.lut_bits, in_bits = bits + amounts->table.m, up = amounts->up;
	int64_t pieces = (int64_t)1 << (amounts->table.bits - bits);
	int64_t centre = low_of(amounts->table.in_bits) + (piece << in_bits) - low_of(in_bits);
	int x = qmac_map_load(map, qmac_net_output(plan, plan->net->layers[layer].input), qmac_map_same);
	int t = qmac_map_temporary(map, qmac_map_same), inside = qmac_map_temporary(map, qmac_map_same);
	int y = qmac_map_store(map, qmac_net_output(plan, layer), qmac_map_same), before;
	struct qmac_map_op round = lookup(plan, t, t, bits, in_bits);
	struct qmac_map_op take = qmac_net_op(plan, QMAC_OP_SELECT, y, t, inside);
	enum qmac_status status = qmac_net_exact(plan, map, QMAC_OP_SUB, x, x, -1, (int32_t)centre, err);

	if (status == QMAC_OK)
		status = limit(plan, map, (const int[]){x, t, inside}, in_bits, piece == 0, piece == pieces - 1, err);
	if (status == QMAC_OK && up > 0) {
		status = qmac_map_add(map, &round, err);
		round = qmac_net_op(plan, QMAC_OP_ADD, t, t, -1);
		round.scale.left = up;
	}
	round.scale.rounding = plan->formats->activation_rounding;
	round.label = QMAC_NET_LABEL_ROUND;
	take.scale.bits = qmac_net_format(plan, layer).bw;
	take.label = QMAC_NET_LABEL_LIMIT;
	if (status == QMAC_OK)
		status = qmac_map_add(map, &round, err);
	if (status == QMAC_OK)
		status = qmac_map_add(map, &take, err);
	if (status != QMAC_OK || piece == 0)
		return status;
	before = qmac_map_load(map, qmac_net_output(plan, layer), qmac_map_same);
	return qmac_net_exact(plan, map, QMAC_OP_ADD, y, y, before, 0, err);
}

enum qmac_status qmac_net_table_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	int whole = plan->layers[layer].amounts.table.bits, bits = qmac_smaller_int(whole, plan->hw.lut_bits);
	enum qmac_status status = QMAC_OK;

	if (is_apart(plan, layer)) {
		status = load_words(to, layer, 0, (int64_t)1 << bits, err);
		return status == QMAC_OK ? look_up_apart(to, layer, err) : status;
	}
	for (int64_t i = 0; status == QMAC_OK && i < (int64_t)1 << (whole - bits); i++) {
		struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].out);

		status = load_words(to, layer, i << bits, (int64_t)1 << bits, err);
		if (status == QMAC_OK)
			status = whole == bits ? look_up(plan, &map, layer, err) :
			         look_up_piece(plan, &map, layer, i, err);
		status = qmac_net_map_end(to, &map, layer, status, err);
	}
	return status;
}

/* ---- back ------------------------------------------------------------------------------ */

enum qmac_status qmac_net_derivative(const struct qmac_net_plan *plan, struct qmac_map *map, int reader,
                                     int to, int y, struct qmac_error *err)
{
	const struct qmac_net_amounts *amounts = &plan->layers[reader].amounts;
	struct qmac_net_derivative d = amounts->derivative;
	bool is_tanh = plan->net->layers[reader].kind == QMAC_LAYER_TANH;
	struct qmac_map_op shorten = qmac_net_op(plan, QMAC_OP_ADD, y, y, -1);
	struct qmac_map_op rest = is_tanh ? qmac_net_op(plan, QMAC_OP_SUB, to, to, -1) :
	                            qmac_net_op(plan, QMAC_OP_SUB, to, y, to);
	enum qmac_status status = QMAC_OK;

	shorten.scale.shift = amounts->shorten;
	rest.scale.shift = 2 * d.fl_y - d.fl_d;
	shorten.scale.rounding = rest.scale.rounding = QMAC_ROUND_NEAREST;
	if (is_tanh) {
		rest.number = (int32_t)1 << (2 * d.fl_y);
		rest.scale.mult = -1;
	} else {
		rest.scale.left = d.fl_y;
	}
	if (amounts->shorten > 0)
		status = qmac_map_add(map, &shorten, err);
	if (status == QMAC_OK)
		status = qmac_net_exact(plan, map, QMAC_OP_MUL, to, y, y, 0, err);
	return status == QMAC_OK ? qmac_map_add(map, &rest, err) : status;
}
