#include "step/logistic_arithmetic.h"

#include <assert.h>
#include <math.h>

#include "num/whole.h"
#include "qmac_isa.h"

int qmac_logistic_u_bits(const struct qmac_linear_shape *shape, int fraction)
{
	return shape->bits + fraction + 2 + qmac_log2_ceil(shape->batch);
}

/*
 * p_min: m' of one sample at full scale moves an element by half the range of Z, no further, and
 * the device can shift by F - p. p_max: a code of m' times the largest X is one unit of the F
 * fraction bits, so that more of p would be lost; and the device can shift Z by P. Where p_min is
 * above p_max, m' has fewer bits instead.
 */
enum qmac_status qmac_logistic_arithmetic_make(struct qmac_linear_arithmetic *step,
                                               const struct qmac_linear_shape *shape, struct qmac_error *err)
{
	int limit = (int)QMAC_L0_MAX, highest = shape->frac_bits + shape->x_bits;

	assert(!shape->has_targets && shape->decay >= 0);
	if (!(shape->decay < 1))
		return qmac_fail(err, QMAC_BAD_INPUT, "alpha * lambda = %g is 1 or more: a step would take off more"
		                 " than all of the weights; lower alpha or lambda", shape->decay);
	*step = (struct qmac_linear_arithmetic){.mp_bits = shape->mp_bits};
	step->p_max = highest < limit ? highest : limit;
	step->p_min = qmac_larger_int(shape->mp_bits - 1 - shape->bits + shape->x_bits, shape->frac_bits - limit);
	if (step->p_min > step->p_max) {
		step->mp_bits -= step->p_min - step->p_max;
		step->p_min = step->p_max;
	}
	if (shape->decay > 0)
		step->decay_exponent = qmac_linear_split(shape->decay, &step->decay_mult);
	step->m_bits = qmac_linear_m_bits(shape->bits, shape->x_bits, shape->features);
	step->sum_bits = step->mp_bits + shape->x_bits - 1 + qmac_log2_ceil(shape->batch);
	step->u_bits = qmac_logistic_u_bits(shape, qmac_logistic_fraction(shape, step->p_max));
	return QMAC_OK;
}

enum qmac_status qmac_logistic_arithmetic_check(const struct qmac_linear_arithmetic *step,
                                                const struct qmac_linear_shape *shape, int acc_bits,
                                                bool target_in_acc, struct qmac_error *err)
{
	(void)target_in_acc;
	return qmac_step_check_widths(step, shape, acc_bits, err);
}

int qmac_logistic_point(const struct qmac_linear_arithmetic *step, double largest, double quanta)
{
	int exponent;

	/* 2 largest quanta 2^p <= 2^(mp_bits-1) */
	if (!(largest * quanta > 0))
		return step->p_max;
	if (!isfinite(largest * quanta))
		return step->p_min;
	if (frexp(largest * quanta, &exponent) == 0.5)
		exponent--;
	exponent = step->mp_bits - 2 - exponent;
	return exponent < step->p_min ? step->p_min : exponent > step->p_max ? step->p_max : exponent;
}
