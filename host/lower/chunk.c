#include "lower/chunk.h"

#include <string.h>

#include "lower/whole.h"

static bool is_ab(const struct qmac_product_plan *plan)
{
	return plan->product.form == QMAC_FORM_AB;
}

struct qmac_map_work qmac_product_end(const struct qmac_product_plan *plan)
{
	struct qmac_map_work end = {
		.hw = &plan->hw, .map = plan->product.end, .labels = plan->product.labels,
	};

	for (int half = 0; half < 2; half++)
		end.sum_row[half] = plan->half[QMAC_SPACE_ACC][half] + plan->sum_row;

	qmac_map_choose_w(&end);
	return end;
}

/* ---- pieces ---------------------------------------------------------------------- */

struct qmac_piece_counts qmac_piece_count(const struct qmac_product_plan *plan)
{
	const struct qmac_product *p = &plan->product;
	const struct qmac_pieces *piece = &plan->piece;
	struct qmac_piece_counts c = {
		.positions = 1, .features = qmac_ceil_div(p->a.channels, piece->channels),
		.n = qmac_ceil_div(p->c.channels, piece->n),
		.a_parts = plan->a.count / plan->a_held, .b_parts = plan->b.count / plan->b_held,
	};

	for (int d = 0; d < 3; d++)
		c.positions *= qmac_ceil_div(p->positions[d], piece->positions[d]);
	for (int d = 0; d < 2; d++)
		c.features *= qmac_ceil_div(p->window.taps[d], piece->taps[d]);
	c.tiles = is_ab(plan) ? c.positions : c.features;
	c.sums = is_ab(plan) ? c.features : c.positions;
	c.sums = c.sums ? c.sums : 1;
	return c;
}

/* The range of the innermost wheel of *number, which is taken off. */
static struct qmac_range take(int64_t *number, int64_t whole, int64_t size)
{
	int64_t count = qmac_ceil_div(whole, size), place = count ? *number % count : 0;
	struct qmac_range range = {place * size, whole - place * size};

	*number = count ? *number / count : 0;
	if (range.count > size)
		range.count = size;
	return range;
}

static void set_positions(const struct qmac_product_plan *plan, int64_t number, struct qmac_chunk *chunk)
{
	for (int d = 2; d >= 0; d--)
		chunk->positions[d] = take(&number, plan->product.positions[d], plan->piece.positions[d]);
}

/* Taps turn faster than channels: their parts of A overlap. */
static void set_features(const struct qmac_product_plan *plan, int64_t number, struct qmac_chunk *chunk)
{
	for (int d = 1; d >= 0; d--)
		chunk->taps[d] = take(&number, plan->product.window.taps[d], plan->piece.taps[d]);
	chunk->channels = take(&number, plan->product.a.channels, plan->piece.channels);
}

/* ---- the sequence of chunks ------------------------------------------------------ */

/* Finds panel `id` in one of the halves, or takes the half that the chunk before did not use. */
static bool place(int64_t id, int64_t held[2], int *half)
{
	if (held[*half] == id)
		return false;
	*half = !*half;
	if (held[*half] == id)
		return false;
	held[*half] = id;
	return true;
}

static struct qmac_limbs some(struct qmac_limbs limbs, int64_t part, int held)
{
	limbs.first = (int)part * held;
	limbs.count = held;
	return limbs;
}

struct qmac_region qmac_chunk_region(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk)
{
	const struct qmac_window *w = &plan->product.window;
	struct qmac_region region = {
		.first = {chunk->positions[0].first}, .step = {1, 1, 1},
		.count = {(uint32_t)chunk->positions[0].count},
	};

	for (int d = 1; d < 3; d++) {
		const struct qmac_range *positions = &chunk->positions[d], *taps = &chunk->taps[d - 1];
		int64_t stride = w->stride[d - 1], begin = positions->first * stride + w->first[d - 1];
		/* of one tap only the positions that it sees */
		bool sparse = taps->count == 1;

		region.first[d] = w->flipped ? begin - (taps->first + taps->count - 1) : begin + taps->first;
		region.step[d] = sparse ? stride : 1;
		region.count[d] = (uint32_t)positions->count;
		if (!sparse)
			region.count[d] = (uint32_t)((positions->count - 1) * stride + taps->count);
	}
	return region;
}

static bool sees_only_padding(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk)
{
	struct qmac_move move = {.view = plan->product.a};
	struct qmac_region region;

	if (chunk->taps[0].count == 0 || chunk->taps[1].count == 0)
		return true;
	region = qmac_chunk_region(plan, chunk);
	memcpy(move.first, region.first, sizeof move.first);
	memcpy(move.step, region.step, sizeof move.step);
	memcpy(move.count, region.count, sizeof move.count);
	return !qmac_move_is_inside(&move);
}

/* The limbs of B turn fastest, then those of A, then what is summed over, then the tiles. */
bool qmac_chunk_next(const struct qmac_product_plan *plan, struct qmac_chunk *chunk)
{
	const struct qmac_piece_counts c = qmac_piece_count(plan);
	bool first = chunk->at == 0;
	int64_t at = chunk->at, per_tile = c.b_parts * c.a_parts * c.sums;
	int64_t b_part = qmac_turn(&at, c.b_parts), a_part = qmac_turn(&at, c.a_parts);
	int64_t sum = qmac_turn(&at, c.sums);
	int64_t tile = plan->n_inner ? at / c.n : at % c.tiles, n = plan->n_inner ? at % c.n : at / c.tiles;
	int64_t positions = is_ab(plan) ? tile : sum, features = is_ab(plan) ? sum : tile, number = n;

	if (at == c.tiles * c.n)
		return false;
	for (int half = 0; first && half < 2; half++)
		chunk->a_panel[half] = chunk->b_panel[half] = -1;
	set_positions(plan, positions, chunk);
	set_features(plan, features, chunk);
	chunk->n = take(&number, plan->product.c.channels, plan->piece.n);
	chunk->a = some(plan->a, a_part, plan->a_held);
	chunk->b = some(plan->b, b_part, plan->b_held);
	chunk->starts_tile = chunk->at % per_tile == 0;
	chunk->ends_tile = (chunk->at + 1) % per_tile == 0;
	if (chunk->starts_tile)
		chunk->c_half = first ? 0 : !chunk->c_half;
	/* the chunk before has put something into it, or found it so */
	chunk->assigns = chunk->starts_tile || (chunk->assigns && chunk->is_empty);
	chunk->is_empty = sees_only_padding(plan, chunk);
	chunk->loads_a = !chunk->is_empty &&
	                 place((positions * c.features + features) * c.a_parts + a_part, chunk->a_panel,
	                       &chunk->a_half);
	chunk->loads_b = !chunk->is_empty &&
	                 place(((is_ab(plan) ? features : positions) * c.n + n) * c.b_parts + b_part,
	                       chunk->b_panel, &chunk->b_half);
	chunk->at++;
	return true;
}

/* ---- panels ---------------------------------------------------------------------- */

static void get_features(const struct qmac_chunk *chunk, int64_t first[3], uint32_t count[3])
{
	const struct qmac_range *ranges[3] = {&chunk->taps[0], &chunk->taps[1], &chunk->channels};

	for (int d = 0; d < 3; d++) {
		first[d] = ranges[d]->first;
		count[d] = (uint32_t)ranges[d]->count;
	}
}

static void get_positions(const struct qmac_chunk *chunk, int64_t first[3], uint32_t count[3])
{
	for (int d = 0; d < 3; d++) {
		first[d] = chunk->positions[d].first;
		count[d] = (uint32_t)chunk->positions[d].count;
	}
}

struct qmac_move qmac_chunk_load_a(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk)
{
	struct qmac_region region = qmac_chunk_region(plan, chunk);
	struct qmac_move move = {
		.opcode = QMAC_OPCODE_LOAD, .view = plan->product.a, .channel0 = chunk->channels.first,
	};

	memcpy(move.first, region.first, sizeof move.first);
	memcpy(move.step, region.step, sizeof move.step);
	memcpy(move.count, region.count, sizeof move.count);
	move.panel = qmac_panel_dense(QMAC_SPACE_A, plan->half[QMAC_SPACE_A][chunk->a_half], chunk->a,
	                              chunk->channels.count, plan->hw.rows, region.count);
	return move;
}

struct qmac_move qmac_chunk_load_b(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk)
{
	struct qmac_move move = {
		.opcode = QMAC_OPCODE_LOAD, .view = plan->product.b, .channel0 = chunk->n.first, .step = {1, 1, 1},
	};

	(is_ab(plan) ? get_features : get_positions)(chunk, move.first, move.count);
	move.panel = qmac_panel_dense(QMAC_SPACE_W, plan->half[QMAC_SPACE_W][chunk->b_half], chunk->b,
	                              chunk->n.count, qmac_product_lanes(plan), move.count);
	return move;
}

struct qmac_panel qmac_chunk_kept(const struct qmac_product_plan *plan, const struct qmac_move *tile)
{
	struct qmac_panel part = plan->product.kept;

	for (int d = 0; d < 3; d++)
		part.row += (uint32_t)tile->first[d] * part.step[d];
	part.row += (uint32_t)(tile->channel0 / part.lanes) * part.block_rows;
	part.channels = tile->panel.channels;
	return part;
}

struct qmac_move qmac_chunk_move_c(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk,
                                   unsigned opcode)
{
	struct qmac_move move = {
		.opcode = opcode, .view = plan->product.c, .channel0 = chunk->n.first, .step = {1, 1, 1},
	};

	(is_ab(plan) ? get_positions : get_features)(chunk, move.first, move.count);
	move.panel = qmac_panel_dense(QMAC_SPACE_ACC, plan->half[QMAC_SPACE_ACC][chunk->c_half],
	                              (struct qmac_limbs){.count = 1}, chunk->n.count, qmac_product_lanes(plan),
	                              move.count);
	if (qmac_product_in_place(&plan->product))
		move.panel = qmac_chunk_kept(plan, &move);
	return move;
}

/* Of lines (d = 0) or pixels: what the taps of a chunk see of A, whose positions are those of its tensor. */
static struct qmac_sight sight_of(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk, int d)
{
	const struct qmac_window *w = &plan->product.window;
	int64_t step = w->stride[d], tap = w->flipped ? -1 : 1;

	return (struct qmac_sight){
		.from = chunk->positions[d + 1].first * step + w->first[d] + chunk->taps[d].first * tap, .step = step,
		.tap = tap, .size = plan->product.a.positions[d + 1],
	};
}

static bool sees_padding(const struct qmac_sight *sight, uint32_t n, int64_t taps)
{
	uint32_t first;

	/* what the taps between them see is neither more nor less than both */
	return qmac_sight_range(sight, n, 0, &first) < n || qmac_sight_range(sight, n, taps - 1, &first) < n;
}

struct qmac_passes qmac_chunk_passes(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk)
{
	const struct qmac_window *w = &plan->product.window;
	struct qmac_passes passes = {
		.form = plan->product.form, .a = qmac_chunk_load_a(plan, chunk).panel,
		.b = qmac_chunk_load_b(plan, chunk).panel, .stride = {1, 1, 1},
		.c = qmac_chunk_move_c(plan, chunk, QMAC_OPCODE_STORE).panel,
		.accumulate = plan->product.accumulate || !chunk->assigns,
	};
	const struct qmac_panel *other = is_ab(plan) ? &passes.b : &passes.c;

	for (int d = 0; d < 3; d++)
		passes.n[d] = (uint32_t)chunk->positions[d].count;
	for (int d = 0; d < 2; d++) {
		int64_t taps = chunk->taps[d].count;
		int32_t step = (int32_t)passes.a.step[d + 1];
		struct qmac_sight sight = sight_of(plan, chunk, d);

		passes.stride[d + 1] = taps == 1 ? 1 : (uint32_t)w->stride[d];
		passes.taps.n[d] = (int)taps;
		passes.taps.a[d] = w->flipped ? -step : step;
		passes.taps.other[d] = (int32_t)other->step[d];
		if (sees_padding(&sight, passes.n[d + 1], taps))
			passes.sight[d] = sight;
		if (w->flipped)
			passes.a.row += (uint32_t)((taps - 1) * step);
	}
	return passes;
}
