#include <assert.h>
#include <string.h>

#include "lower/chunk.h"

struct job {
	struct qmac_program *program;
	const struct qmac_product_plan *plan;
	int64_t bias[2]; /* first channel of the bias that each half of ACC holds, -1: none */
	struct qmac_map_work end;
};

/* unit: of the numbers that the command writes, or takes a limb of. index: as qmac_program_add(). */
static enum qmac_status add_indexed(const struct job *job, struct qmac_command *command, double unit,
                                    int64_t *index, struct qmac_error *err)
{
	const struct qmac_product_note *note = &job->plan->product.note;

	qmac_command_note(command, note->direction, note->layer, note->step, unit);
	return qmac_program_add(job->program, command, NULL, index, err);
}

static enum qmac_status add(const struct job *job, struct qmac_command *command, double unit,
                            struct qmac_error *err)
{
	return add_indexed(job, command, unit, NULL, err);
}

static enum qmac_status add_move(const struct job *job, struct qmac_move move, double unit,
                                 struct qmac_error *err)
{
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	while (status == QMAC_OK && qmac_move_next(&move, &command))
		status = add(job, &command, unit, err);
	return status;
}

static enum qmac_status add_passes(const struct job *job, const struct qmac_chunk *chunk,
                                   struct qmac_error *err)
{
	struct qmac_passes passes = qmac_chunk_passes(job->plan, chunk);
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	while (status == QMAC_OK && qmac_passes_next(&passes, &command))
		status = add(job, &command, job->plan->product.note.sum, err);
	return status;
}

static enum qmac_status add_vector(const struct job *job, struct qmac_vector vector, double unit,
                                   struct qmac_error *err)
{
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	while (status == QMAC_OK && qmac_vector_next(&vector, &command))
		status = add(job, &command, unit, err);
	return status;
}

/* What makes the results, with the product's label. */
static enum qmac_status add_rescale(const struct job *job, struct qmac_vector vector, struct qmac_error *err)
{
	const struct qmac_product *p = &job->plan->product;
	struct qmac_command command;
	enum qmac_status status = QMAC_OK;

	while (status == QMAC_OK && qmac_vector_next(&vector, &command)) {
		int64_t index;

		status = add_indexed(job, &command, p->note.c, &index, err);
		if (status == QMAC_OK && p->label)
			status = p->labels->tell(p->labels->context, p->label, index, err);
	}
	return status;
}

/* ---- the end of a tile -------------------------------------------------------------- */

/* The bias of the tile's channels, a row for each block, behind the tile. */
static enum qmac_status load_bias(struct job *job, const struct qmac_chunk *chunk,
                                  const struct qmac_panel *tile, struct qmac_error *err)
{
	const struct qmac_product_plan *plan = job->plan;
	struct qmac_move move = {
		.opcode = QMAC_OPCODE_LOAD, .view = plan->product.bias, .channel0 = chunk->n.first,
		.step = {1, 1, 1}, .count = {1, 1, 1},
	};
	/* a tile that takes both halves has its bias in one place */
	int half = plan->half[QMAC_SPACE_ACC][1] == plan->half[QMAC_SPACE_ACC][0] ? 0 : chunk->c_half;

	if (job->bias[half] == chunk->n.first)
		return QMAC_OK;
	job->bias[half] = chunk->n.first;
	move.panel = qmac_panel_dense(QMAC_SPACE_ACC, plan->half[QMAC_SPACE_ACC][half] + plan->bias_row,
	                              (struct qmac_limbs){.count = 1}, tile->channels, tile->lanes, move.count);
	return add_move(job, move, plan->product.note.sum, err);
}

/* The tile's scale: its own coordinates of random numbers. */
static struct qmac_rescale tile_scale(const struct qmac_product_plan *plan, const struct qmac_move *tile)
{
	const struct qmac_product *p = &plan->product;
	struct qmac_rescale scale = {.mult = 1, .bits = plan->hw.acc_bits < 63 ? plan->hw.acc_bits : 63};
	const int64_t *whole = p->form == QMAC_FORM_AB ? p->positions : p->c.positions;

	if (!p->rescales)
		return scale;
	scale = p->scale;
	scale.rows[2] = 1;
	scale.rows[1] = (uint32_t)whole[2];
	scale.rows[0] = (uint32_t)(whole[1] * whole[2]);
	for (int d = 0; d < 3; d++)
		scale.row0 += (uint32_t)tile->first[d] * scale.rows[d];
	scale.channel0 += (uint32_t)tile->channel0;
	return scale;
}

/* The tile's part of the map that the product ends in; sums of other channels are complete then. */
static enum qmac_status begin_end(struct job *job, const struct qmac_chunk *chunk, struct qmac_error *err)
{
	const struct qmac_product_plan *plan = job->plan;
	struct qmac_panel tile = qmac_chunk_move_c(plan, chunk, QMAC_OPCODE_STORE).panel;
	struct qmac_map_piece piece = {.channel = chunk->n.first, .channels = chunk->n.count};
	const uint32_t row[2] = {tile.row + (uint32_t)qmac_panel_rows(&tile),
	                         plan->half[QMAC_SPACE_W][chunk->c_half] + plan->end_row};
	enum qmac_status status = QMAC_OK;

	for (int d = 0; d < 3; d++) {
		piece.first[d] = chunk->positions[d].first;
		piece.count[d] = chunk->positions[d].count;
	}
	if (job->end.piece.channel != piece.channel)
		status = qmac_map_store_sums(&job->end, 0, err);
	return status == QMAC_OK ? qmac_map_begin(&job->end, &piece, chunk->c_half, &tile, row, err) : status;
}

/* Everything that a tile's sums go through, and where they go. */
static enum qmac_status finish_tile(struct job *job, const struct qmac_chunk *chunk, struct qmac_error *err)
{
	const struct qmac_product *p = &job->plan->product;
	struct qmac_move tile = qmac_chunk_move_c(job->plan, chunk, QMAC_OPCODE_STORE);
	struct qmac_vector vector = {.from = tile.panel, .to = tile.panel, .has_bias = p->has_bias};
	enum qmac_status status = QMAC_OK;

	memcpy(vector.n, tile.count, sizeof vector.n);
	vector.scale = tile_scale(job->plan, &tile);
	/* nothing but padding was seen: the tile is 0 */
	if (chunk->assigns && chunk->is_empty && !p->accumulate) {
		struct qmac_vector clear = vector;

		clear.has_bias = false;
		clear.scale = (struct qmac_rescale){.mult = 0, .bits = 1};
		status = add_vector(job, clear, p->note.sum, err);
	}
	if (status == QMAC_OK && p->has_bias) {
		status = load_bias(job, chunk, &tile.panel, err);
		vector.bias_row = job->plan->half[QMAC_SPACE_ACC][chunk->c_half] + job->plan->bias_row;
	}
	if (status == QMAC_OK && p->end) {
		status = qmac_map_operate(&job->end, err);
		return status == QMAC_OK ? qmac_map_end(&job->end, err) : status;
	}
	if (p->keeps)
		vector.to = qmac_chunk_kept(job->plan, &tile);
	if (status == QMAC_OK && (p->keeps || p->rescales) && !qmac_product_in_place(p))
		status = add_rescale(job, vector, err);
	if (status == QMAC_OK && !p->keeps)
		status = add_move(job, tile, p->note.c, err);
	return status;
}

/* ---- the whole ---------------------------------------------------------------------- */

static enum qmac_status add_chunk(struct job *job, const struct qmac_chunk *chunk, struct qmac_error *err)
{
	const struct qmac_product_plan *plan = job->plan;
	const struct qmac_product *p = &plan->product;
	enum qmac_status status = QMAC_OK;

	if (chunk->loads_a)
		status = add_move(job, qmac_chunk_load_a(plan, chunk), p->note.a, err);
	if (status == QMAC_OK && chunk->loads_b)
		status = add_move(job, qmac_chunk_load_b(plan, chunk), p->note.b, err);
	/* last: it has to wait for the STORE of the tile before the last */
	if (status == QMAC_OK && chunk->starts_tile && p->accumulate && !p->keeps)
		status = add_move(job, qmac_chunk_move_c(plan, chunk, QMAC_OPCODE_LOAD), p->note.c, err);
	if (status == QMAC_OK && chunk->starts_tile && p->end)
		status = begin_end(job, chunk, err);
	if (status == QMAC_OK && !chunk->is_empty)
		status = add_passes(job, chunk, err);
	if (status == QMAC_OK && chunk->ends_tile)
		status = finish_tile(job, chunk, err);
	return status;
}

enum qmac_status qmac_product_lower(struct qmac_program *program, const struct qmac_product_plan *plan,
                                    struct qmac_error *err)
{
	struct job job = {.program = program, .plan = plan, .bias = {-1, -1}};
	struct qmac_chunk chunk = {.at = 0};
	enum qmac_status status = QMAC_OK;

	if (plan->product.end) {
		job.end = qmac_product_end(plan);
		job.end.program = program;
	}
	while (status == QMAC_OK && qmac_chunk_next(plan, &chunk))
		status = add_chunk(&job, &chunk, err);
	if (status == QMAC_OK && plan->product.end)
		status = qmac_map_store_sums(&job.end, 0, err);
	return status;
}

enum qmac_status qmac_product_submit(struct qmac_driver *driver, const struct qmac_product_plan *plan,
                                     struct qmac_error *err)
{
	struct qmac_program *program = qmac_program_create(&plan->hw);
	enum qmac_status status = QMAC_OK;

	if (!program)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a product");
	status = qmac_product_lower(program, plan, err);
	if (status == QMAC_OK)
		status = qmac_program_compile(program, NULL, 0, err);
	if (status == QMAC_OK)
		status = qmac_program_submit(program, driver, err);
	qmac_program_destroy(program);
	return status;
}
