#include "train/linear_plan.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "qmac_isa.h"

enum {
	MANTISSA_BITS = 17,            /* of c1: the unsigned part of the device's 18-bit multiplier */
	IMMEDIATE_BITS = 32,
	CHANNELS_MAX = 65536,          /* element numbers that the device's random numbers tell apart */
	MOVING_SLOTS = 2               /* one is read while the other is loaded */
};

int qmac_linear_m_bits(int bits, int x_bits, int64_t features)
{
	int log2_features = 0;

	while (INT64_C(1) << log2_features < features)
		log2_features++;
	/* |X| stays below 2^(x_bits-1), so that even the most negative Z leaves a bit unused */
	return bits + x_bits - 1 + log2_features;
}

/* c1 = *mult * 2^-shift with a mantissa of full length; returns shift. */
static int split_step(double c1, int *mult)
{
	int exponent;
	double mantissa = rint(ldexp(frexp(c1, &exponent), MANTISSA_BITS));

	if (mantissa == ldexp(1, MANTISSA_BITS)) {
		mantissa /= 2;
		exponent++;
	}
	*mult = (int)mantissa;
	return MANTISSA_BITS - exponent;
}

/*
 * The multiplier and the place of the point in m'. m' at full scale moves an
 * element by half the range of Z, no further; where c1 is so large that
 * its last bits would then be zeros, m' is made narrower instead.
 */
static enum qmac_status place_points(struct qmac_linear_plan *plan, struct qmac_error *err)
{
	const struct qmac_linear_shape *shape = &plan->shape;
	int m_frac_bits = shape->mp_bits - 1 - shape->bits + shape->x_bits;
	/* to numbers of which a double has the logarithm; both ends are refused below */
	double c1 = fmin(fmax(shape->c1, DBL_MIN), DBL_MAX);

	plan->mp_bits = shape->mp_bits;
	plan->m_shift = split_step(c1, &plan->mult) + shape->y_frac_bits - m_frac_bits;
	if (plan->m_shift < 0) {
		m_frac_bits += plan->m_shift;
		plan->mp_bits += plan->m_shift;
		plan->m_shift = 0;
	}
	if (plan->mp_bits < 2)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "alpha is too large for %d-bit weights: a step moves a weight by %g quanta per unit"
		                 " of the integer residual; lower alpha", shape->bits, shape->c1);
	if (plan->m_shift > 63)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "alpha is too small for the device: a step moves a weight by %g quanta per unit of"
		                 " the integer residual, which its 63-bit shift makes 0; raise alpha", shape->c1);
	plan->t_shift = m_frac_bits > shape->frac_bits ? m_frac_bits - shape->frac_bits : 0;
	plan->t_left = m_frac_bits < shape->frac_bits ? shape->frac_bits - m_frac_bits : 0;
	if (plan->t_left > (int)QMAC_L0_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "mp_bits %d gives the step %d fraction bits, frac_bits is %d, and the device bridges"
		                 " %u: raise mp_bits or lower frac_bits", shape->mp_bits, m_frac_bits,
		                 shape->frac_bits, QMAC_L0_MAX);
	plan->t_bits = shape->bits + shape->frac_bits - plan->t_left + 1;
	return QMAC_OK;
}

static enum qmac_status check_widths(const struct qmac_linear_plan *plan, const struct qmac_hw *hw,
                                     struct qmac_error *err)
{
	const struct qmac_linear_shape *shape = &plan->shape;
	int e = shape->y_frac_bits, m_bits = plan->m_bits, target_bits = shape->target_bits;
	int residual_bits = (m_bits + e > target_bits ? m_bits + e : target_bits) + 1;
	int widest = hw->acc_bits < 63 ? hw->acc_bits : 63;

	if (m_bits > widest)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "x.w with bits %d, x_bits %d and features %lld needs accumulators of %d bits;"
		                 " acc_bits of the hardware is %d: lower bits, x_bits or features", shape->bits,
		                 shape->x_bits, (long long)shape->features, m_bits, hw->acc_bits);
	if (plan->mp_bits > widest)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "mp_bits %d is wider than acc_bits of the hardware, %d: lower mp_bits",
		                 plan->mp_bits, hw->acc_bits);
	if (plan->u_bits > widest)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "frac_bits %d with bits %d needs accumulators of %d bits; acc_bits of the hardware"
		                 " is %d: lower frac_bits", shape->frac_bits, shape->bits, plan->u_bits,
		                 hw->acc_bits);
	if (plan->target_table && target_bits > hw->acc_bits)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "a target with y_frac_bits %d takes %d bits; acc_bits of the hardware is %d: lower"
		                 " y_frac_bits or raise delta", e, target_bits, hw->acc_bits);
	if (residual_bits + MANTISSA_BITS > 64)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "the residual x.w - y with y_frac_bits %d takes %d bits, and the device can scale"
		                 " %d: lower y_frac_bits, bits or x_bits", e, residual_bits, 64 - MANTISSA_BITS);
	return QMAC_OK;
}

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

struct free_rows {
	int64_t next, end;
};

static uint32_t take(struct free_rows *rows, int64_t count)
{
	int64_t first = rows->next;

	rows->next += count;
	return (uint32_t)first;
}

/*
 * Rows of ACC. Where LOAD fills slots in ACC while EXECUTE runs, the slots must
 * not share a bank with rows that EXECUTE writes. Elsewhere the two sources of a
 * command are put into different banks, which reads them at twice the speed.
 */
static bool place_rows(struct qmac_linear_plan *plan, bool resident, struct free_rows *low,
                       struct free_rows *high)
{
	bool x_moves = plan->x_space == QMAC_SPACE_ACC && !resident;
	bool loads = x_moves || plan->target_table;

	plan->x_resident = resident;
	plan->z_row = take(low, plan->rows);
	plan->m_row = take(low, 1);
	plan->t_row = take(loads ? low : high, plan->rows);
	plan->h_row = take(loads ? high : low, plan->shape.has_offset ? plan->rows : 0);
	plan->target_row = take(high, plan->target_table ? MOVING_SLOTS : 0);
	plan->x_row = 0;
	if (plan->x_space == QMAC_SPACE_ACC)
		plan->x_row = take(high, x_rows(plan, resident));
	return low->next <= low->end && high->next <= high->end;
}

static bool place_all(struct qmac_linear_plan *plan, bool resident, int64_t depth)
{
	struct free_rows low = {0, depth / 2}, high = {depth / 2, depth}, all = {0, depth};
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
	if (shape->features > CHANNELS_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "features %lld: the device's random numbers tell %d elements of a vector apart;"
		                 " lower features", (long long)shape->features, CHANNELS_MAX);
	plan->m_bits = qmac_linear_m_bits(shape->bits, shape->x_bits, shape->features);
	/* wide enough that a clamped U, or H, still drives Z to the end of its range */
	plan->u_bits = shape->bits + shape->frac_bits + 2;
	if (!shape->has_targets)
		plan->shape.target_bits = 0;
	else if (!shape->target_bits)
		plan->shape.target_bits = plan->m_bits;
	plan->target_table = plan->shape.target_bits > IMMEDIATE_BITS;
	status = place_points(plan, err);
	if (status == QMAC_OK)
		status = check_widths(plan, hw, err);
	if (status == QMAC_OK)
		status = place(plan, hw, err);
	return status;
}
