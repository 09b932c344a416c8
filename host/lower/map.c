#include "lower/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lower/whole.h"

const struct qmac_map_reach qmac_map_same = {.scale = {1, 1}};
const struct qmac_map_reach qmac_map_point = {.extra = {1, 1}};
const struct qmac_map_operand qmac_map_number = {.panel = -1};

/* ---- making one ---------------------------------------------------------------------- */

void qmac_map_free(struct qmac_map *map)
{
	free(map->ops);
	map->ops = NULL;
	map->op_count = map->op_room = 0;
}

static int add_panel(struct qmac_map *map, struct qmac_map_panel panel)
{
	assert(map->panel_count < QMAC_MAP_PANELS);
	map->panels[map->panel_count] = panel;
	return map->panel_count++;
}

int qmac_map_load(struct qmac_map *map, const struct qmac_view *view, struct qmac_map_reach reach)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .loads = true, .reach = reach});
}

int qmac_map_load_shared(struct qmac_map *map, const struct qmac_view *view,
                           struct qmac_map_reach reach)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .loads = true, .shared = true,
	                                                  .reach = reach});
}

int qmac_map_store(struct qmac_map *map, const struct qmac_view *view, struct qmac_map_reach reach)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .stores = true, .reach = reach});
}

int qmac_map_part(struct qmac_map *map, const struct qmac_view *view)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .reach = qmac_map_same});
}

int qmac_map_temporary(struct qmac_map *map, struct qmac_map_reach reach)
{
	return add_panel(map, (struct qmac_map_panel){.reach = reach});
}

struct qmac_map_operand qmac_map_tap(int panel, int64_t line, int64_t pixel, int64_t step)
{
	return (struct qmac_map_operand){panel, {line, pixel}, {step, step}};
}

struct qmac_map_operand qmac_map_whole(int panel)
{
	return qmac_map_tap(panel, 0, 0, 1);
}

enum qmac_status qmac_map_add(struct qmac_map *map, const struct qmac_map_op *op,
                                struct qmac_error *err)
{
	if (map->op_count == map->op_room) {
		int room = map->op_room ? 2 * map->op_room : 16;
		struct qmac_map_op *ops = realloc(map->ops, (size_t)room * sizeof *ops);

		if (!ops)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory for a map of %d operations", room);
		map->ops = ops;
		map->op_room = room;
	}
	map->ops[map->op_count++] = *op;
	return QMAC_OK;
}

/* ---- pieces -------------------------------------------------------------------------- */

struct piece {
	int64_t first[3], count[3]; /* images, lines, pixels */
	int64_t channel, channels;
};

struct job {
	struct qmac_program *program;
	const struct qmac_hw *hw;
	const struct qmac_map *map;
	const struct qmac_map_labels *labels;
	bool in_w[QMAC_MAP_PANELS];
	int64_t most[3], most_channels; /* of a piece */
	uint32_t half[2];               /* 1: the second half of ACC and W is another one */
};

/* Positions of a panel for so many of the map. */
static void panel_positions(const struct qmac_map_panel *panel, const int64_t count[3], int64_t positions[3])
{
	positions[0] = panel->shared ? 1 : count[0];
	for (int d = 0; d < 2; d++)
		positions[d + 1] = count[d + 1] * panel->reach.scale[d] + panel->reach.extra[d];
}

/* Rows of W or ACC that a piece of so many positions and blocks takes. */
static int64_t piece_rows(const struct job *job, bool of_w, const int64_t count[3], int64_t blocks)
{
	int64_t rows = 0;

	for (int i = 0; i < job->map->panel_count; i++) {
		int64_t p[3];

		if (job->in_w[i] != of_w)
			continue;
		panel_positions(&job->map->panels[i], count, p);
		rows += p[0] * p[1] * p[2] * blocks;
	}
	return rows;
}

static bool fits(const struct job *job, int64_t blocks, int parts)
{
	return piece_rows(job, false, job->most, blocks) <= job->hw->acc_depth / parts &&
	       piece_rows(job, true, job->most, blocks) <= job->hw->w_depth / parts;
}

/* The most positions that fit, whole images, whole lines of one, or a part of a line; false: not one. */
static bool most_positions(struct job *job, int64_t blocks, int parts)
{
	const int64_t *whole = job->map->positions;

	for (int d = 0; d < 3; d++) {
		int64_t low = 0, high = whole[d];

		for (int e = 0; e < 3; e++)
			job->most[e] = e < d ? 1 : whole[e];
		while (low < high) {
			job->most[d] = low + (high - low + 1) / 2;
			if (fits(job, blocks, parts))
				low = job->most[d];
			else
				high = job->most[d] - 1;
		}
		if (low) {
			/* as even as they can be */
			job->most[d] = qmac_ceil_div(whole[d], qmac_ceil_div(whole[d], low));
			return true;
		}
	}
	return false;
}

/* Whole images of all blocks, of fewer, of one; then less than an image of one block. */
static bool choose_pieces(struct job *job, int parts)
{
	const int64_t *whole = job->map->positions;
	int64_t blocks = qmac_ceil_div(job->map->channels, job->hw->cols);

	for (; blocks > 1; blocks = (blocks + 1) / 2)
		if (most_positions(job, blocks, parts) && job->most[1] == whole[1] && job->most[2] == whole[2])
			break;
	job->most_channels = qmac_smaller(blocks * job->hw->cols, job->map->channels);
	job->half[1] = parts == 2;
	return most_positions(job, blocks, parts);
}

/* What is only read and fits an operand of W lies there: so two sources need not share a bank of ACC. */
static void choose_w(struct job *job)
{
	const struct qmac_map *map = job->map;

	for (int i = 0; i < map->panel_count; i++)
		job->in_w[i] = map->panels[i].loads && map->panels[i].view.element.bits <= job->hw->w_bits;
	for (int i = 0; i < map->op_count; i++)
		job->in_w[map->ops[i].to.panel] = false;
}

static bool plan_fits(struct job *job)
{
	choose_w(job);
	if (choose_pieces(job, 2) || choose_pieces(job, 1))
		return true;
	memset(job->in_w, 0, sizeof job->in_w);
	return choose_pieces(job, 2) || choose_pieces(job, 1);
}

bool qmac_map_fits(const struct qmac_map *map, const struct qmac_hw *hw)
{
	struct job job = {.hw = hw, .map = map};

	return plan_fits(&job);
}

static enum qmac_status plan(struct job *job, struct qmac_error *err)
{
	int64_t one[3] = {1, 1, 1};

	if (plan_fits(job))
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "one position takes %lld rows of ACC, which has %d: take hardware "
	                 "with a larger acc_depth", (long long)piece_rows(job, false, one, 1),
	                 job->hw->acc_depth);
}

/* ---- commands ------------------------------------------------------------------------ */

static enum qmac_status add(const struct job *job, struct qmac_command *command, double unit, int64_t *index,
                            struct qmac_error *err)
{
	qmac_command_note(command, job->map->direction, job->map->layer, 0, unit);
	return qmac_program_add(job->program, command, NULL, index, err);
}

/* A panel of zeros. */
static enum qmac_status clear(const struct job *job, const struct qmac_panel *panel, const uint32_t count[3],
                              struct qmac_error *err)
{
	struct qmac_vector vector = {.from = *panel, .to = *panel, .scale = {.bits = 1}};
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	memcpy(vector.n, count, sizeof vector.n);
	while (status == QMAC_OK && qmac_vector_next(&vector, &command))
		status = add(job, &command, 0, NULL, err);
	return status;
}

/* LOAD or STORE of a piece's part of a panel. */
static enum qmac_status move(const struct job *job, const struct qmac_map_panel *from,
                             const struct qmac_panel *panel, const struct piece *piece, unsigned opcode,
                             struct qmac_error *err)
{
	struct qmac_move move = {.opcode = opcode, .view = from->view, .panel = *panel, .step = {1, 1, 1},
	                         .channel0 = piece->channel, .count = {1, 1, 1}};
	const struct qmac_map_reach *reach = &from->reach;
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

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
		return opcode == QMAC_OPCODE_LOAD ? clear(job, panel, move.count, err) : QMAC_OK;
	while (status == QMAC_OK && qmac_move_next(&move, &command))
		status = add(job, &command, 0, NULL, err);
	return status;
}

/* The piece's lines and pixels of a tensor that an operation names. */
static enum qmac_status move_part(const struct job *job, const struct qmac_map_op *op,
                                  const struct qmac_panel *panels, const struct piece *piece,
                                  struct qmac_error *err)
{
	struct qmac_move move = {.opcode = op->move, .view = job->map->panels[op->to.panel].view,
	                         .panel = panels[op->to.panel], .channel0 = piece->channel};
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	for (int d = 0; d < 3; d++) {
		int64_t step = d > 0 ? op->to.step[d - 1] : 1;

		move.first[d] = piece->first[d] * step + (d > 0 ? op->to.at[d - 1] : 0);
		move.step[d] = step;
		move.count[d] = (uint32_t)piece->count[d];
	}
	while (status == QMAC_OK && qmac_move_next(&move, &command))
		status = add(job, &command, 0, NULL, err);
	return status;
}

/* The rows that an operand goes through, as a panel. */
static struct qmac_panel rows_of(const struct qmac_panel *panels, const struct qmac_map *map,
                                 const struct qmac_map_operand *operand)
{
	struct qmac_panel panel = panels[operand->panel];

	if (map->panels[operand->panel].shared)
		panel.step[0] = 0;
	for (int d = 0; d < 2; d++) {
		panel.row += (uint32_t)operand->at[d] * panel.step[d + 1];
		panel.step[d + 1] *= (uint32_t)operand->step[d];
	}
	return panel;
}

static enum qmac_status operate(const struct job *job, const struct qmac_map_op *op,
                                const struct qmac_panel *panels, const struct piece *piece,
                                struct qmac_error *err)
{
	const struct qmac_map *map = job->map;
	const int64_t *whole = map->positions;
	struct qmac_vector vector = {
		.from = rows_of(panels, map, &op->from), .to = rows_of(panels, map, &op->to), .op = op->op,
		.scale = op->scale, .number = op->number, .in_bits = op->in_bits, .lut_n = op->lut_n,
		.lut_base = op->lut_base, .has_other = op->other.panel >= 0,
	};
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;
	int64_t count[3];

	if (vector.has_other)
		vector.other = rows_of(panels, map, &op->other);
	for (int d = 0; d < 3; d++)
		vector.n[d] = (uint32_t)(piece->count[d] + (d > 0 ? op->more[d - 1] : 0));
	if (op->all) {
		panel_positions(&map->panels[op->to.panel], piece->count, count);
		for (int d = 0; d < 3; d++)
			vector.n[d] = (uint32_t)count[d];
	}
	vector.scale.rows[0] = (uint32_t)(whole[1] * whole[2]);
	vector.scale.rows[1] = (uint32_t)whole[2];
	vector.scale.rows[2] = 1;
	vector.scale.channel0 = (uint32_t)piece->channel;
	for (int d = 0; d < 3; d++)
		vector.scale.row0 += (uint32_t)piece->first[d] * vector.scale.rows[d];
	while (status == QMAC_OK && qmac_vector_next(&vector, &command)) {
		int64_t index;

		status = add(job, &command, op->unit, &index, err);
		if (status == QMAC_OK && op->label)
			status = job->labels->tell(job->labels->context, op->label, index, err);
	}
	return status;
}

static enum qmac_status work(const struct job *job, const struct piece *piece, int half,
                             struct qmac_error *err)
{
	const struct qmac_map *map = job->map;
	struct qmac_panel panels[QMAC_MAP_PANELS];
	const int depths[2] = {job->hw->acc_depth, job->hw->w_depth};
	uint32_t row[2];
	enum qmac_status status = QMAC_OK;

	for (int i = 0; i < 2; i++)
		row[i] = job->half[half] * (uint32_t)depths[i] / 2;
	for (int i = 0; i < map->panel_count; i++) {
		const struct qmac_element *element = &map->panels[i].view.element;
		struct qmac_limbs one = {.count = 1};
		uint32_t positions[3];
		int64_t p[3];

		if (job->in_w[i])
			one = qmac_limbs_of(element->bits, job->hw->w_bits, element->is_signed);
		panel_positions(&map->panels[i], piece->count, p);
		for (int d = 0; d < 3; d++)
			positions[d] = (uint32_t)p[d];
		panels[i] = qmac_panel_dense(job->in_w[i] ? QMAC_SPACE_W : QMAC_SPACE_ACC, row[job->in_w[i]], one,
		                             piece->channels, job->hw->cols, positions);
		row[job->in_w[i]] += (uint32_t)qmac_panel_rows(&panels[i]);
		if (status == QMAC_OK && map->panels[i].loads)
			status = move(job, &map->panels[i], &panels[i], piece, QMAC_OPCODE_LOAD, err);
	}
	for (int i = 0; status == QMAC_OK && i < map->op_count; i++)
		status = map->ops[i].move ? move_part(job, &map->ops[i], panels, piece, err) :
		         operate(job, &map->ops[i], panels, piece, err);
	for (int i = 0; status == QMAC_OK && i < map->panel_count; i++)
		if (map->panels[i].stores)
			status = move(job, &map->panels[i], &panels[i], piece, QMAC_OPCODE_STORE, err);
	return status;
}

enum qmac_status qmac_map_lower(struct qmac_program *program, const struct qmac_hw *hw,
                                  const struct qmac_map *map, const struct qmac_map_labels *labels,
                                  struct qmac_error *err)
{
	struct job job = {.program = program, .hw = hw, .map = map, .labels = labels};
	enum qmac_status status = plan(&job, err);
	int64_t cuts[4], pieces = 1;

	if (status != QMAC_OK)
		return status;
	for (int d = 0; d < 3; d++)
		cuts[d] = qmac_ceil_div(map->positions[d], job.most[d]);
	cuts[3] = qmac_ceil_div(map->channels, job.most_channels);
	for (int d = 0; d < 4; d++)
		pieces *= cuts[d];
	for (int64_t i = 0; status == QMAC_OK && i < pieces; i++) {
		int64_t at = i;
		struct piece piece = {.channel = qmac_turn(&at, cuts[3]) * job.most_channels};

		piece.channels = qmac_smaller(job.most_channels, map->channels - piece.channel);
		for (int d = 2; d >= 0; d--) {
			piece.first[d] = qmac_turn(&at, cuts[d]) * job.most[d];
			piece.count[d] = qmac_smaller(job.most[d], map->positions[d] - piece.first[d]);
		}
		status = work(&job, &piece, (int)(i & 1), err);
	}
	return status;
}
