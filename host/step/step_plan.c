#include "step/step_plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "qmac_isa.h"
#include "step/free_rows.h"
#include "step/step_law.h"

enum {
	SLOTS = 2,           /* one is read while the other is loaded */
	CHUNK_MAX = 8192,    /* samples of a chunk: more would make no pass more efficient */
	PART_BLOCKS = 8      /* a part of fewer blocks spends its time on the latency of memory */
};

/* ---- accumulators --------------------------------------------------------------- */

/*
 * Limbs ask for no further bits: they are added from the lowest up, those of the
 * first factor in the outer loop (docs/tiling.md). So far a product is then low * z + limb * z_low,
 * with low + limb a part of x and z_low a part of z, which in both signs of either
 * factor stays within 2^(x_bits-1) * 2^(z_bits-1), the bound of the whole. In logistic regression the
 * sum is added to L + H: at its place of the point it is at most an eighth of the range of u_bits
 * (logistic_arithmetic.c), so that one more bit is enough.
 */
static enum qmac_status check_sum(const struct qmac_step_plan *plan, int acc_bits, struct qmac_error *err)
{
	const struct qmac_linear_shape *shape = &plan->shape;
	int start_bits = qmac_step_plan_starts_sum(plan) ? plan->step.u_bits + 1 : 0;
	/* of the key, which the step may have made narrower, but not below this */
	int mp_bits_max = acc_bits - (plan->step.sum_bits - plan->step.mp_bits);
	char remedy[48] = "";

	if (start_bits > acc_bits)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "frac_bits %d with bits %d and batch %lld needs accumulators of %d bits; acc_bits of"
		                 " the hardware is %d: lower frac_bits or batch", shape->frac_bits, shape->bits,
		                 (long long)shape->batch, start_bits, acc_bits);
	if (plan->step.sum_bits <= acc_bits)
		return QMAC_OK;
	if (mp_bits_max >= 2)
		snprintf(remedy, sizeof remedy, "mp_bits to at most %d, or ", mp_bits_max);
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "a gradient with mp_bits %d, x_bits %d and batch %lld needs accumulators of %d bits;"
	                 " acc_bits of the hardware is %d: lower %sx_bits or batch", shape->mp_bits,
	                 shape->x_bits, (long long)shape->batch, plan->step.sum_bits, acc_bits, remedy);
}

/* ---- rows, where all of Z stays on chip --------------------------------------------- */

/* Rows that a matrix of Z's shape takes in ACC, and each of its limbs in W. */
static int64_t rows_of_z(const struct qmac_step_plan *plan)
{
	return plan->groups * plan->shape.features;
}

/*
 * Rows of ACC. Where LOAD fills k while EXECUTE runs, k must not share a bank with
 * rows that EXECUTE writes. Elsewhere the two sources of a command are put into
 * different banks, which reads them at twice the speed.
 */
static bool place(struct qmac_step_plan *plan, struct qmac_free_rows *low, struct qmac_free_rows *high)
{
	bool loads = plan->shape.has_targets;
	int64_t rows = rows_of_z(plan);

	plan->z_row = qmac_take_rows(low, rows);
	plan->m_row = qmac_take_rows(low, plan->groups * plan->chunk);
	plan->sum_row = qmac_take_rows(loads ? low : high, rows);
	plan->h_row = qmac_take_rows(loads ? high : low, plan->shape.has_offset ? rows : 0);
	plan->target_row = qmac_take_rows(high, loads ? SLOTS * plan->chunk : 0);
	return low->next <= low->end && high->next <= high->end;
}

static bool place_in_acc(struct qmac_step_plan *plan, int64_t depth)
{
	struct qmac_free_rows low = {0, depth / 2}, high = {depth / 2, depth}, all = {0, depth};

	return place(plan, &low, &high) || (!plan->shape.has_targets && place(plan, &all, &all));
}

/* Rows for chunks of plan->chunk samples. */
static bool place_chunk(struct qmac_step_plan *plan, const struct qmac_hw *hw)
{
	int64_t slot_rows = (int64_t)plan->x.count * plan->chunk * plan->blocks;
	int64_t z_rows = plan->z.count * rows_of_z(plan);
	int64_t m_rows = (int64_t)plan->m.count * plan->groups * plan->chunk;

	plan->slot_rows = (uint32_t)slot_rows;
	plan->z_operand = 0;
	plan->m_operand = (uint32_t)z_rows;
	return SLOTS * slot_rows <= hw->a_depth && z_rows + m_rows <= hw->w_depth &&
	       place_in_acc(plan, hw->acc_depth);
}

/* Chunks as long as one another, the longest being plan->chunk. */
static void level_chunks(struct qmac_step_plan *plan)
{
	plan->chunks = (int)((plan->shape.batch + plan->chunk - 1) / plan->chunk);
	plan->chunk = (int)((plan->shape.batch + plan->chunks - 1) / plan->chunks);
}

static int longest_chunk(const struct qmac_step_plan *plan, const struct qmac_hw *hw)
{
	int64_t chunk = plan->shape.batch < hw->os_max ? plan->shape.batch : hw->os_max;

	return chunk < CHUNK_MAX ? (int)chunk : CHUNK_MAX;
}

/* The longest chunks that fit. */
static bool place_resident(struct qmac_step_plan *plan, const struct qmac_hw *hw)
{
	plan->part_blocks = plan->blocks;
	plan->part_groups = plan->groups;
	plan->chunk = longest_chunk(plan, hw);
	while (plan->chunk > 0 && !place_chunk(plan, hw))
		plan->chunk--;
	if (plan->chunk == 0)
		return false;
	level_chunks(plan);
	return place_chunk(plan, hw);
}

/* ---- rows, where Z comes part by part ------------------------------------------------ */

/* Matrices of a part's shape that ACC holds at once: Z, H and the sum, or the sum alone. */
static int matrices(const struct qmac_step_plan *plan)
{
	return qmac_step_law_of(plan->shape.kind)->finish ? 2 + plan->shape.has_offset : 1;
}

/*
 * The most blocks that a part of `groups` groups can have with chunks of `chunk` samples, in one of the
 * two places of each scratchpad; 0: none. The forward products have m of all groups in ACC, and operands of
 * Z in W; after them ACC has the matrices of the part, and W m'.
 */
static int64_t blocks_that_fit(const struct qmac_step_plan *plan, const struct qmac_hw *hw, int64_t chunk,
                               int64_t groups)
{
	int64_t a = hw->a_depth / SLOTS / (plan->x.count * chunk);
	int64_t w = hw->w_depth / 2 / (plan->z.count * groups * plan->block);
	int64_t acc = hw->acc_depth / 2 / (matrices(plan) * groups * plan->block);
	int64_t m_rows = (plan->groups + plan->shape.has_targets) * chunk;
	int64_t most = a < w ? a : w;

	if (plan->m.count * groups * chunk > hw->w_depth / 2 || m_rows > hw->acc_depth / 2)
		return 0;
	most = most < acc ? most : acc;
	return most < plan->blocks ? most : plan->blocks;
}

/* The widest parts of at least `blocks` blocks with chunks of plan->chunk samples. */
static bool place_part(struct qmac_step_plan *plan, const struct qmac_hw *hw, int64_t blocks)
{
	for (int groups = plan->groups; groups > 0; groups = groups > 1 ? (groups + 1) / 2 : 0) {
		int64_t fit = blocks_that_fit(plan, hw, plan->chunk, groups);

		plan->part_groups = groups;
		plan->part_blocks = (int)fit;
		if (fit >= blocks)
			return true;
	}
	return false;
}

static bool place_chunks_for(struct qmac_step_plan *plan, const struct qmac_hw *hw, int64_t blocks)
{
	for (plan->chunk = longest_chunk(plan, hw); !place_part(plan, hw, blocks);
	     plan->chunk = (plan->chunk + 1) / 2)
		if (plan->chunk == 1)
			return false;
	return true;
}

static bool place_parts(struct qmac_step_plan *plan, const struct qmac_hw *hw)
{
	int64_t wanted = plan->blocks < PART_BLOCKS ? plan->blocks : PART_BLOCKS, rows;

	if (!place_chunks_for(plan, hw, wanted) && !place_chunks_for(plan, hw, 1))
		return false;
	level_chunks(plan);
	rows = plan->part_groups * qmac_step_plan_features(plan, 0, plan->part_blocks);
	plan->slot_rows = (uint32_t)(plan->x.count * plan->chunk * plan->part_blocks);
	plan->w_turn = (uint32_t)hw->w_depth / 2;
	plan->acc_turn = (uint32_t)hw->acc_depth / 2;
	plan->z_operand = plan->m_operand = 0;
	plan->sum_row = plan->m_row = 0;
	plan->z_row = (uint32_t)rows;
	plan->h_row = (uint32_t)(2 * rows);
	plan->target_row = (uint32_t)(plan->groups * plan->chunk);
	return true;
}

/* Not even one sample with one block of one group fits: says which scratchpad is too small. */
static enum qmac_status refuse(const struct qmac_step_plan *plan, const struct qmac_hw *hw,
                               struct qmac_error *err)
{
	const struct { const char *key; long long needed; int depth; } limits[] = {
		{"a_depth", (long long)SLOTS * plan->x.count, hw->a_depth},
		{"w_depth", 2LL * (plan->z.count * plan->block > plan->m.count ? plan->z.count * plan->block :
		                   plan->m.count), hw->w_depth},
		{"acc_depth", 2LL * (matrices(plan) * plan->block > plan->groups + plan->shape.has_targets ?
		                     matrices(plan) * plan->block : plan->groups + plan->shape.has_targets),
		 hw->acc_depth},
	};
	size_t i = 0;

	while (i < 2 && limits[i].needed <= limits[i].depth)
		i++;
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "a step with x_bits %d, bits %d and mp_bits %d takes at least %lld rows; %s of the"
	                 " hardware is %d: take other hardware", plan->shape.x_bits, plan->shape.bits,
	                 plan->shape.mp_bits, limits[i].needed, limits[i].key, limits[i].depth);
}

/* ---- panels ---------------------------------------------------------------------------- */

struct qmac_panel qmac_step_plan_x(const struct qmac_step_plan *plan, const struct qmac_step_part *part,
                                   const struct qmac_step_chunk *chunk)
{
	return (struct qmac_panel){
		.space = QMAC_SPACE_A, .row = (uint32_t)chunk->slot * plan->slot_rows, .limbs = plan->x,
		.channels = qmac_step_plan_features(plan, part->block, part->blocks), .lanes = plan->block,
		.limb_rows = (uint32_t)(plan->chunk * plan->part_blocks), .block_rows = 1,
		.step = {0, 0, (uint32_t)plan->part_blocks},
	};
}

/* A matrix with a row of the part's columns at each position, `rows` for each group, from limb to limb. */
static struct qmac_panel columns(const struct qmac_step_plan *plan, const struct qmac_step_part *part,
                                 unsigned space, uint32_t row, struct qmac_limbs limbs, int64_t rows)
{
	return (struct qmac_panel){
		.space = space, .row = row, .limbs = limbs, .channels = qmac_step_plan_columns(plan, part),
		.lanes = plan->cols, .limb_rows = (uint32_t)(part->groups * rows), .block_rows = (uint32_t)rows,
		.step = {0, 0, 1},
	};
}

struct qmac_panel qmac_step_plan_z_operand(const struct qmac_step_plan *plan,
                                           const struct qmac_step_part *part)
{
	return columns(plan, part, QMAC_SPACE_W, plan->z_operand + (uint32_t)part->operand_turn * plan->w_turn,
	               plan->z, qmac_step_plan_features(plan, part->block, part->blocks));
}

struct qmac_panel qmac_step_plan_m_operand(const struct qmac_step_plan *plan,
                                           const struct qmac_step_part *part)
{
	return columns(plan, part, QMAC_SPACE_W, plan->m_operand + (uint32_t)part->operand_turn * plan->w_turn,
	               plan->m, plan->chunk);
}

/* Numbers in ACC are whole. */
static const struct qmac_limbs whole = {.count = 1};

struct qmac_panel qmac_step_plan_matrix(const struct qmac_step_plan *plan, const struct qmac_step_part *part,
                                        uint32_t row)
{
	return columns(plan, part, QMAC_SPACE_ACC, row + (uint32_t)part->turn * plan->acc_turn, whole,
	               qmac_step_plan_features(plan, part->block, part->blocks));
}

struct qmac_panel qmac_step_plan_m(const struct qmac_step_plan *plan, const struct qmac_step_part *part,
                                   const struct qmac_step_chunk *chunk)
{
	uint32_t row = plan->m_row + (uint32_t)chunk->turn * plan->acc_turn +
	               (uint32_t)(part->group * chunk->samples);

	return columns(plan, part, QMAC_SPACE_ACC, row, whole, chunk->samples);
}

/* ---- the plan ------------------------------------------------------------------------- */

enum qmac_status qmac_step_plan_make(struct qmac_step_plan *plan, const struct qmac_linear_shape *shape,
                                     const struct qmac_hw *hw, struct qmac_error *err)
{
	const struct qmac_step_law *law = qmac_step_law_of(shape->kind);
	enum qmac_status status;
	uint64_t farthest;

	memset(plan, 0, sizeof *plan);
	plan->shape = *shape;
	plan->outputs = shape->outputs > 0 ? shape->outputs : 1;
	plan->cols = plan->outputs < hw->cols ? plan->outputs : hw->cols;
	plan->groups = (plan->outputs + plan->cols - 1) / plan->cols;
	status = law->make(&plan->step, shape, err);
	if (status == QMAC_OK)
		status = law->check(&plan->step, shape, hw->acc_bits, true, err);
	if (status != QMAC_OK)
		return status;
	plan->x = qmac_limbs_of(shape->x_bits, hw->a_bits, true);
	plan->z = qmac_limbs_of(shape->bits, hw->w_bits, true);
	plan->m = qmac_limbs_of(plan->step.mp_bits, hw->w_bits, true);
	plan->block = shape->features < hw->rows ? (int)shape->features : hw->rows;
	plan->blocks = (int)((shape->features + plan->block - 1) / plan->block);
	/* a LOAD steps from one sample to the next by so many bytes, of 32 bits */
	farthest = (uint64_t)(shape->samples - 1) * qmac_step_plan_sample_bytes(plan);
	plan->load_samples = farthest <= UINT32_MAX ? 2 : 1;
	status = check_sum(plan, hw->acc_bits, err);
	if (status == QMAC_OK && !place_resident(plan, hw) && !place_parts(plan, hw))
		status = refuse(plan, hw, err);
	return status;
}
