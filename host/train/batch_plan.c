#include "train/batch_plan.h"

#include <stdio.h>
#include <string.h>

#include "qmac_isa.h"
#include "train/free_rows.h"
#include "train/logistic_arithmetic.h"

enum {
	SLOTS = 2,             /* one is read while the other is loaded */
	CHUNK_COMMANDS = 8192, /* of one engine: what a wait names has to be less than 2^15 commands old */
	VECTORS = 10           /* most VECs of a chunk beside the copies of limbs */
};

int qmac_batch_plan_loads(const struct qmac_batch_plan *plan, int samples)
{
	return (samples + 1) / 2 * (plan->x.count + (plan->shape.has_targets ? 1 : 0));
}

int qmac_batch_plan_commands(const struct qmac_batch_plan *plan)
{
	return plan->groups * (plan->blocks * plan->x.count * (plan->z.count + plan->m.count) + plan->z.count +
	                       plan->m.count + VECTORS);
}

/* ---- accumulators --------------------------------------------------------------- */

/*
 * Limbs ask for no further bits: they are added from the lowest up, those of the
 * first factor in the outer loop (docs/tiling.md). So far a product is then low * z + limb * z_low,
 * with low + limb a part of x and z_low a part of z, which in both signs of either
 * factor stays within 2^(x_bits-1) * 2^(z_bits-1), the bound of the whole. In logistic regression the
 * sum is added to L + H: at its place of the point it is at most an eighth of the range of u_bits
 * (logistic_arithmetic.c), so that one more bit is enough.
 */
static enum qmac_status check_sum(const struct qmac_batch_plan *plan, int acc_bits, struct qmac_error *err)
{
	const struct qmac_linear_shape *shape = &plan->shape;
	int start_bits = qmac_batch_plan_starts_sum(plan) ? plan->step.u_bits + 1 : 0;
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

/* ---- rows ------------------------------------------------------------------------ */

/*
 * Rows of ACC. Where LOAD fills k while EXECUTE runs, k must not share a bank with
 * rows that EXECUTE writes. Elsewhere the two sources of a command are put into
 * different banks, which reads them at twice the speed.
 */
static bool place(struct qmac_batch_plan *plan, struct qmac_free_rows *low, struct qmac_free_rows *high)
{
	bool loads = plan->shape.has_targets;
	int64_t rows = qmac_batch_plan_rows(plan);

	plan->z_row = qmac_take_rows(low, rows);
	plan->m_row = qmac_take_rows(low, plan->groups * plan->chunk);
	plan->sum_row = qmac_take_rows(loads ? low : high, rows);
	plan->h_row = qmac_take_rows(loads ? high : low, plan->shape.has_offset ? rows : 0);
	plan->target_row = qmac_take_rows(high, loads ? SLOTS * plan->chunk : 0);
	return low->next <= low->end && high->next <= high->end;
}

static bool place_in_acc(struct qmac_batch_plan *plan, int64_t depth)
{
	struct qmac_free_rows low = {0, depth / 2}, high = {depth / 2, depth}, all = {0, depth};

	return place(plan, &low, &high) || (!plan->shape.has_targets && place(plan, &all, &all));
}

/* Rows for chunks of plan->chunk samples. */
static bool place_chunk(struct qmac_batch_plan *plan, const struct qmac_hw *hw)
{
	int64_t slot_rows = (int64_t)plan->x.count * plan->chunk * plan->blocks;
	int64_t z_rows = plan->z.count * qmac_batch_plan_rows(plan);
	int64_t m_rows = (int64_t)plan->m.count * plan->groups * plan->chunk;

	plan->slot_rows = (uint32_t)slot_rows;
	plan->z_operand = 0;
	plan->m_operand = (uint32_t)z_rows;
	return SLOTS * slot_rows <= hw->a_depth && z_rows + m_rows <= hw->w_depth &&
	       qmac_batch_plan_loads(plan, plan->chunk) <= CHUNK_COMMANDS && place_in_acc(plan, hw->acc_depth);
}

/* The longest chunks that fit, then all of them as long as one another. */
static bool place_chunks(struct qmac_batch_plan *plan, const struct qmac_hw *hw)
{
	int64_t batch = plan->shape.batch;

	plan->chunk = batch < hw->os_max ? (int)batch : hw->os_max;
	if (plan->chunk > CHUNK_COMMANDS)
		plan->chunk = CHUNK_COMMANDS;
	while (plan->chunk > 0 && !place_chunk(plan, hw))
		plan->chunk--;
	if (plan->chunk == 0)
		return false;
	plan->chunks = (int)((batch + plan->chunk - 1) / plan->chunk);
	plan->chunk = (int)((batch + plan->chunks - 1) / plan->chunks);
	return place_chunk(plan, hw);
}

static enum qmac_status place_all(struct qmac_batch_plan *plan, const struct qmac_hw *hw,
                                  struct qmac_error *err)
{
	long long features = plan->shape.features;
	int64_t sample_rows = (int64_t)SLOTS * plan->x.count * plan->blocks;
	int64_t operands = plan->z.count * qmac_batch_plan_rows(plan) + plan->m.count * plan->groups;

	if (place_chunks(plan, hw) && qmac_batch_plan_commands(plan) <= CHUNK_COMMANDS)
		return QMAC_OK;
	if (sample_rows > hw->a_depth)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "two samples of features %lld take %lld rows; a_depth of the hardware is %d: lower"
		                 " features or take other hardware", features, (long long)sample_rows, hw->a_depth);
	if (operands > hw->w_depth)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "features %lld of bits %d take %lld rows; w_depth of the hardware is %d: lower"
		                 " features or take other hardware", features, plan->shape.bits,
		                 (long long)operands, hw->w_depth);
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "a batch step on features %lld and %d outputs does not fit the accumulators and queues:"
	                 " acc_depth of the hardware is %d, its rows have %d operands: lower features or take"
	                 " other hardware", features, plan->outputs, hw->acc_depth, hw->rows);
}

enum qmac_status qmac_batch_plan_make(struct qmac_batch_plan *plan, const struct qmac_linear_shape *shape,
                                      const struct qmac_hw *hw, struct qmac_error *err)
{
	enum qmac_status status;

	memset(plan, 0, sizeof *plan);
	plan->shape = *shape;
	plan->outputs = shape->outputs > 0 ? shape->outputs : 1;
	plan->cols = plan->outputs < hw->cols ? plan->outputs : hw->cols;
	plan->groups = (plan->outputs + plan->cols - 1) / plan->cols;
	status = (shape->host_residual ? qmac_logistic_arithmetic_make : qmac_linear_arithmetic_make)
	         (&plan->step, shape, err);
	if (status == QMAC_OK)
		status = qmac_linear_arithmetic_check(&plan->step, shape, hw->acc_bits, true, err);
	if (status != QMAC_OK)
		return status;
	plan->x = qmac_limbs_of(shape->x_bits, hw->a_bits, true);
	plan->z = qmac_limbs_of(shape->bits, hw->w_bits, true);
	plan->m = qmac_limbs_of(plan->step.mp_bits, hw->w_bits, true);
	plan->block = shape->features < hw->rows ? (int)shape->features : hw->rows;
	plan->blocks = (int)((shape->features + plan->block - 1) / plan->block);
	status = check_sum(plan, hw->acc_bits, err);
	if (status == QMAC_OK)
		status = place_all(plan, hw, err);
	return status;
}
