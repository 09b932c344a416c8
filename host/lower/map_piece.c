#include "lower/map_piece.h"

#include <assert.h>
#include <string.h>

#include "lower/whole.h"

/* ---- rows ------------------------------------------------------------------------------ */

/* Positions of a panel for so many of the map. */
static void panel_positions(const struct qmac_map_panel *panel, const int64_t count[3], int64_t positions[3])
{
	positions[0] = panel->shared ? 1 : count[0];
	for (int d = 0; d < 2; d++)
		positions[d + 1] = count[d + 1] * panel->reach.scale[d] + panel->reach.extra[d];
}

int64_t qmac_map_panel_rows(const struct qmac_map_panel *panel, const int64_t count[3], int64_t blocks)
{
	int64_t p[3];

	panel_positions(panel, count, p);
	return p[0] * p[1] * p[2] * blocks;
}

int64_t qmac_map_rows(const struct qmac_map_work *work, bool of_w, const int64_t count[3], int64_t blocks)
{
	const struct qmac_map *map = work->map;
	int64_t rows = 0;

	for (int i = 0; i < map->panel_count; i++)
		if (work->in_w[i] == of_w && !map->panels[i].sums && !map->panels[i].tile)
			rows += qmac_map_panel_rows(&map->panels[i], count, blocks);
	return rows;
}

enum { SUM_ROWS = 2 }; /* of a block: the sum so far, and what a command adds to it */

int64_t qmac_map_sum_rows(const struct qmac_map *map, int64_t blocks)
{
	int64_t rows = 0;

	for (int i = 0; i < map->panel_count; i++)
		rows += map->panels[i].sums * SUM_ROWS * blocks;
	return rows;
}

void qmac_map_choose_w(struct qmac_map_work *work)
{
	const struct qmac_map *map = work->map;

	for (int i = 0; i < map->panel_count; i++)
		work->in_w[i] = map->panels[i].narrow ||
		                (map->panels[i].loads && map->panels[i].view.element.bits <= work->hw->w_bits);
	for (int i = 0; i < map->op_count; i++) {
		const struct qmac_map_op *op = &map->ops[i];

		work->in_w[op->to.panel] = map->panels[op->to.panel].narrow;
		if (!op->move && op->op == QMAC_OP_AFFINE)
			work->in_w[op->coefficients] = false;
	}
}

/* Where the panels of the piece lie. */
static void place(struct qmac_map_work *work, const struct qmac_panel *tile, const uint32_t first[2])
{
	const struct qmac_map *map = work->map;
	const struct qmac_map_piece *piece = &work->piece;
	uint32_t row[2] = {first[0], first[1]}, sums = work->sum_row[work->half];

	for (int i = 0; i < map->panel_count; i++) {
		const struct qmac_map_panel *panel = &map->panels[i];
		const struct qmac_element *element = &panel->view.element;
		struct qmac_limbs one = {.count = 1};
		uint32_t positions[3] = {1, 1, 1};
		int64_t p[3];

		if (panel->tile) {
			work->panels[i] = *tile;
			continue;
		}
		if (panel->sums) {
			work->panels[i] = qmac_panel_dense(QMAC_SPACE_ACC, sums, one, piece->channels, work->hw->cols,
			                                   positions);
			sums += SUM_ROWS * work->panels[i].limb_rows;
			continue;
		}
		if (work->in_w[i])
			one = qmac_limbs_of(element->bits, work->hw->w_bits, element->is_signed);
		panel_positions(panel, piece->count, p);
		for (int d = 0; d < 3; d++)
			positions[d] = (uint32_t)p[d];
		work->panels[i] = qmac_panel_dense(work->in_w[i] ? QMAC_SPACE_W : QMAC_SPACE_ACC, row[work->in_w[i]],
		                                   one, piece->channels, work->hw->cols, positions);
		row[work->in_w[i]] += (uint32_t)qmac_panel_rows(&work->panels[i]);
	}
}

/* ---- commands ------------------------------------------------------------------------ */

static enum qmac_status add(const struct qmac_map_work *work, struct qmac_command *command, double unit,
                            int64_t *index, struct qmac_error *err)
{
	qmac_command_note(command, work->map->direction, work->map->layer, 0, unit);
	return qmac_program_add(work->program, command, NULL, index, err);
}

static enum qmac_status add_moves(const struct qmac_map_work *work, struct qmac_move *move,
                                  struct qmac_error *err)
{
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	while (status == QMAC_OK && qmac_move_next(move, &command))
		status = add(work, &command, 0, NULL, err);
	return status;
}

static enum qmac_status add_vectors(const struct qmac_map_work *work, struct qmac_vector *vector,
                                    struct qmac_error *err)
{
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	while (status == QMAC_OK && qmac_vector_next(vector, &command))
		status = add(work, &command, 0, NULL, err);
	return status;
}

/* A panel of zeros. */
static enum qmac_status clear(const struct qmac_map_work *work, const struct qmac_panel *panel,
                              const uint32_t count[3], struct qmac_error *err)
{
	struct qmac_vector vector = {.from = *panel, .to = *panel, .scale = {.bits = 1}};

	memcpy(vector.n, count, sizeof vector.n);
	return add_vectors(work, &vector, err);
}

/* LOAD or STORE of a piece's part of a panel. */
static enum qmac_status move(const struct qmac_map_work *work, int number, unsigned opcode,
                             struct qmac_error *err)
{
	const struct qmac_map_panel *from = &work->map->panels[number];
	const struct qmac_map_piece *piece = &work->piece;
	const struct qmac_panel *panel = &work->panels[number];
	struct qmac_move move = {.opcode = opcode, .view = from->view, .panel = *panel, .step = {1, 1, 1},
	                         .channel0 = piece->channel, .count = {1, 1, 1}};
	const struct qmac_map_reach *reach = &from->reach;

	if (!from->shared) {
		move.first[0] = piece->first[0];
		move.count[0] = (uint32_t)piece->count[0];
	}
	for (int d = 0; d < 2; d++) {
		int64_t u = piece->first[d + 1] * reach->scale[d], n = piece->count[d + 1] * reach->scale[d];

		if (opcode == QMAC_OPCODE_LOAD) {
			move.first[d + 1] = u + reach->first[d];
			move.count[d + 1] = (uint32_t)(n + reach->extra[d]);
		} else {
			/* the rest of the panel has only a part of what belongs there */
			move.first[d + 1] = u;
			move.count[d + 1] = (uint32_t)n;
			move.panel.row += (uint32_t)-reach->first[d] * panel->step[d + 1];
		}
	}
	if (!qmac_move_is_inside(&move))
		return opcode == QMAC_OPCODE_LOAD ? clear(work, panel, move.count, err) : QMAC_OK;
	return add_moves(work, &move, err);
}

/* The piece's lines and pixels of a tensor that an operation names. */
static enum qmac_status move_part(const struct qmac_map_work *work, const struct qmac_map_op *op,
                                  struct qmac_error *err)
{
	const struct qmac_map_piece *piece = &work->piece;
	struct qmac_move move = {.opcode = op->move, .view = work->map->panels[op->to.panel].view,
	                         .panel = work->panels[op->to.panel], .channel0 = piece->channel};

	for (int d = 0; d < 3; d++) {
		int64_t step = d > 0 ? op->to.step[d - 1] : 1;

		move.first[d] = piece->first[d] * step + (d > 0 ? op->to.at[d - 1] : 0);
		move.step[d] = step;
		move.count[d] = (uint32_t)piece->count[d];
	}
	return add_moves(work, &move, err);
}

/* The rows that an operand goes through, as a panel. */
static struct qmac_panel rows_of(const struct qmac_map_work *work, const struct qmac_map_operand *operand)
{
	const struct qmac_map_panel *of = &work->map->panels[operand->panel];
	struct qmac_panel panel = work->panels[operand->panel];

	if (of->shared)
		panel.step[0] = 0;
	for (int d = 0; d < 2; d++) {
		panel.row += (uint32_t)operand->at[d] * panel.step[d + 1];
		panel.step[d + 1] *= (uint32_t)operand->step[d];
	}
	if (of->sums)
		memset(panel.step, 0, sizeof panel.step);
	return panel;
}

/* Of random numbers: positions of a tensor that is so many times as large as the map in lines and pixels. */
static void put_coordinates(const struct qmac_map_work *work, const int64_t times[2],
                            struct qmac_rescale *scale)
{
	const int64_t *whole = work->map->positions, *first = work->piece.first;

	scale->rows[2] = 1;
	scale->rows[1] = (uint32_t)(whole[2] * times[1]);
	scale->rows[0] = (uint32_t)(whole[1] * times[0]) * scale->rows[1];
	scale->channel0 = (uint32_t)work->piece.channel;
	scale->row0 += (uint32_t)first[0] * scale->rows[0] + (uint32_t)(first[1] * times[0]) * scale->rows[1] +
	               (uint32_t)(first[2] * times[1]);
}

static struct qmac_vector vector_of(const struct qmac_map_work *work, const struct qmac_map_op *op)
{
	const struct qmac_map_piece *piece = &work->piece;
	struct qmac_vector vector = {
		.from = rows_of(work, &op->from), .to = rows_of(work, &op->to), .op = op->op,
		.scale = op->scale, .number = op->number, .in_bits = op->in_bits, .lut_n = op->lut_n,
		.lut_base = op->lut_base, .has_other = op->other.panel >= 0, .has_sum = op->sums,
		.reduces = op->reduces,
	};
	int64_t count[3], scale[2] = {1, 1};

	if (vector.has_other)
		vector.other = rows_of(work, &op->other);
	if (op->op == QMAC_OP_AFFINE)
		vector.coef_row = work->panels[op->coefficients].row;
	for (int d = 0; d < 3; d++)
		vector.n[d] = (uint32_t)(piece->count[d] + (d > 0 ? op->more[d - 1] : 0));
	if (op->all) {
		const struct qmac_map_panel *over = &work->map->panels[op->reduces ? op->from.panel : op->to.panel];

		panel_positions(over, piece->count, count);
		memcpy(scale, over->reach.scale, sizeof scale);
		for (int d = 0; d < 3; d++)
			vector.n[d] = (uint32_t)count[d];
	}
	put_coordinates(work, scale, &vector.scale);
	return vector;
}

/* Adds what stands `distance` rows behind the sums of blocks `first` to `end` - 1 to these. */
static enum qmac_status add_up(const struct qmac_map_work *work, const struct qmac_panel *sums,
                               uint32_t distance, int64_t first, int64_t end, struct qmac_error *err)
{
	int bits = work->hw->acc_bits < 63 ? work->hw->acc_bits : 63;
	struct qmac_vector vector = {
		.from = *sums, .to = *sums, .other = *sums, .has_other = true, .n = {1, 1, 1},
		.scale = {.mult = 1, .bits = bits},
	};
	int64_t last = qmac_smaller(end * sums->lanes, sums->channels);

	vector.from.row += (uint32_t)first;
	vector.from.channels = last - first * sums->lanes;
	vector.to = vector.from;
	vector.other.row += distance + (uint32_t)first;
	return add_vectors(work, &vector, err);
}

static enum qmac_status operate(const struct qmac_map_work *work, const struct qmac_map_op *op,
                                struct qmac_error *err)
{
	struct qmac_vector vector = vector_of(work, op);
	const struct qmac_panel *sums = op->sums ? &work->panels[op->sum] :
	                                op->reduces ? &work->panels[op->to.panel] : NULL;
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	assert(!op->sums || (vector.has_other && op->op != QMAC_OP_LOOKUP));
	while (status == QMAC_OK) {
		bool adds = sums && (work->has_sums[work->half] || !qmac_vector_begins_block(&vector));
		int64_t block = vector.block, index;

		if (sums)
			*(op->sums ? &vector.sum_row : &vector.to.row) = sums->row + (adds ? sums->limb_rows : 0);
		if (!qmac_vector_next(&vector, &command))
			break;
		status = add(work, &command, op->unit, &index, err);
		if (status == QMAC_OK && op->label)
			status = work->labels->tell(work->labels->context, op->label, index, err);
		if (status == QMAC_OK && adds)
			status = add_up(work, sums, sums->limb_rows, block,
			                vector.block > block ? vector.block : block + 1, err);
	}
	return status;
}

/* ---- a piece --------------------------------------------------------------------------- */

enum qmac_status qmac_map_begin(struct qmac_map_work *work, const struct qmac_map_piece *piece,
                                int half, const struct qmac_panel *tile, const uint32_t row[2],
                                struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	work->piece = *piece;
	work->half = work->sum_row[1] != work->sum_row[0] ? half : 0;
	place(work, tile, row);
	for (int i = 0; status == QMAC_OK && i < work->map->panel_count; i++)
		if (work->map->panels[i].loads)
			status = move(work, i, QMAC_OPCODE_LOAD, err);
	return status;
}

enum qmac_status qmac_map_operate(struct qmac_map_work *work, struct qmac_error *err)
{
	const struct qmac_map *map = work->map;
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < map->op_count; i++)
		status = map->ops[i].move ? move_part(work, &map->ops[i], err) : operate(work, &map->ops[i], err);
	work->has_sums[work->half] = true;
	return status;
}

enum qmac_status qmac_map_end(struct qmac_map_work *work, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < work->map->panel_count; i++)
		if (work->map->panels[i].stores)
			status = move(work, i, QMAC_OPCODE_STORE, err);
	return status;
}

/* One panel of sums: those of the halves are added, where both have some. */
static enum qmac_status store_sum(const struct qmac_map_work *work, const struct qmac_map_panel *panel,
                                  struct qmac_panel sums, int64_t slice, struct qmac_error *err)
{
	struct qmac_move move = {
		.opcode = QMAC_OPCODE_STORE, .view = panel->view, .channel0 = work->piece.channel, .count = {1, 1, 1},
		.step = {1, 1, 1},
	};
	uint32_t distance = work->sum_row[1] - work->sum_row[0];
	enum qmac_status status = QMAC_OK;

	if (work->half == 1 && work->has_sums[0])
		sums.row -= distance;
	if (work->has_sums[0] && work->has_sums[1])
		status = add_up(work, &sums, distance, 0, qmac_panel_blocks(&sums), err);
	move.view.address += (uint64_t)slice * panel->slice_bytes;
	move.panel = sums;
	return status == QMAC_OK ? add_moves(work, &move, err) : status;
}

enum qmac_status qmac_map_store_sums(struct qmac_map_work *work, int64_t slice, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < work->map->panel_count; i++)
		if (work->map->panels[i].sums && (work->has_sums[0] || work->has_sums[1]))
			status = store_sum(work, &work->map->panels[i], work->panels[i], slice, err);
	work->has_sums[0] = work->has_sums[1] = false;
	return status;
}
