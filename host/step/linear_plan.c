#include "step/linear_plan.h"

#include <string.h>

#include "qmac_isa.h"
#include "step/free_rows.h"

enum {
	IMMEDIATE_BITS = 32,
	MOVING_SLOTS = 2               /* one is read while the other is loaded */
};

/* The array operand space that X fits, so that VEC reads it beside ACC; and the lanes that both have. */
static void choose_space(struct qmac_linear_plan *plan, const struct qmac_hw *hw, int64_t *depth)
{
	plan->lanes = hw->cols;
	if (plan->shape.x_bits <= hw->a_bits) {
		plan->x_space = QMAC_SPACE_A;
		plan->lanes = hw->rows < hw->cols ? hw->rows : hw->cols;
		*depth = hw->a_depth;
	} else if (plan->shape.x_bits <= hw->w_bits) {
		plan->x_space = QMAC_SPACE_W;
		*depth = hw->w_depth;
	} else {
		plan->x_space = QMAC_SPACE_ACC;
		*depth = hw->acc_depth;
	}
	plan->rows = (int)((plan->shape.features + plan->lanes - 1) / plan->lanes);
}

static int64_t x_rows(const struct qmac_linear_plan *plan, bool resident)
{
	return (resident ? plan->shape.samples : MOVING_SLOTS) * plan->rows;
}

/*
 * Rows of ACC. Where LOAD fills slots in ACC while EXECUTE runs, the slots must
 * not share a bank with rows that EXECUTE writes. Elsewhere the two sources of a
 * command are put into different banks, which reads them at twice the speed.
 */
static bool place_rows(struct qmac_linear_plan *plan, bool resident, struct qmac_free_rows *low,
                       struct qmac_free_rows *high)
{
	bool x_moves = plan->x_space == QMAC_SPACE_ACC && !resident;
	bool loads = x_moves || plan->target_table;

	plan->x_resident = resident;
	plan->z_row = qmac_take_rows(low, plan->rows);
	plan->m_row = qmac_take_rows(low, 1);
	plan->t_row = qmac_take_rows(loads ? low : high, plan->rows);
	plan->h_row = qmac_take_rows(loads ? high : low, plan->shape.has_offset ? plan->rows : 0);
	plan->target_row = qmac_take_rows(high, plan->target_table ? MOVING_SLOTS : 0);
	plan->x_row = 0;
	if (plan->x_space == QMAC_SPACE_ACC)
		plan->x_row = qmac_take_rows(high, x_rows(plan, resident));
	return low->next <= low->end && high->next <= high->end;
}

static bool place_all(struct qmac_linear_plan *plan, bool resident, int64_t depth)
{
	struct qmac_free_rows low = {0, depth / 2}, high = {depth / 2, depth}, all = {0, depth};
	bool x_moves = plan->x_space == QMAC_SPACE_ACC && !resident;

	if (place_rows(plan, resident, &low, &high))
		return true;
	return !x_moves && !plan->target_table && place_rows(plan, resident, &all, &all);
}

static enum qmac_status place(struct qmac_linear_plan *plan, const struct qmac_hw *hw, struct qmac_error *err)
{
	static const char *const depth_key[] = {"a_depth", "w_depth", "acc_depth"};
	int64_t depth;

	choose_space(plan, hw, &depth);
	if (x_rows(plan, true) <= depth && place_all(plan, true, hw->acc_depth))
		return QMAC_OK;
	if (x_rows(plan, false) > depth)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "two samples of features %lld take %lld rows; %s of the hardware is %lld: lower"
		                 " features or take other hardware", (long long)plan->shape.features,
		                 (long long)x_rows(plan, false), depth_key[plan->x_space], (long long)depth);
	if (place_all(plan, false, hw->acc_depth))
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "features %lld in rows of %d lanes take several times %d accumulator rows; acc_depth of"
	                 " the hardware is %d: lower features or take other hardware",
	                 (long long)plan->shape.features, plan->lanes, plan->rows, hw->acc_depth);
}

enum qmac_status qmac_linear_plan_make(struct qmac_linear_plan *plan, const struct qmac_linear_shape *shape,
                                       const struct qmac_hw *hw, struct qmac_error *err)
{
	enum qmac_status status;

	memset(plan, 0, sizeof *plan);
	plan->shape = *shape;
	status = qmac_linear_arithmetic_make(&plan->step, shape, err);
	if (status != QMAC_OK)
		return status;
	plan->target_table = plan->step.target_bits > IMMEDIATE_BITS;
	status = qmac_linear_arithmetic_check(&plan->step, shape, hw->acc_bits, plan->target_table, err);
	if (status == QMAC_OK)
		status = place(plan, hw, err);
	return status;
}
