#include "step/sum_arithmetic.h"

enum qmac_status qmac_sum_arithmetic_make(struct qmac_linear_arithmetic *step,
                                          const struct qmac_linear_shape *shape, struct qmac_error *err)
{
	(void)err;
	*step = (struct qmac_linear_arithmetic){
		.mp_bits = shape->mp_bits, .m_bits = qmac_linear_m_bits(shape->bits, shape->x_bits, shape->features),
		.sum_bits = qmac_linear_m_bits(shape->mp_bits, shape->x_bits, shape->batch),
	};
	step->u_bits = step->sum_bits;
	return QMAC_OK;
}

/* bits and mp_bits are no keys of the run here, and to name them would be no help. */
enum qmac_status qmac_sum_arithmetic_check(const struct qmac_linear_arithmetic *step,
                                           const struct qmac_linear_shape *shape, int acc_bits,
                                           bool target_in_acc, struct qmac_error *err)
{
	int needed = step->m_bits > step->sum_bits ? step->m_bits : step->sum_bits;
	bool hardware = needed <= QMAC_STEP_SUM_BITS_MAX; /* could have them */

	(void)target_in_acc;
	if (needed <= qmac_step_widest_sum(acc_bits))
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "sums of %d-bit numbers over features %lld and %lld samples, with x_bits %d, take %d"
	                 " bits; %s %d: %s", shape->bits, (long long)shape->features, (long long)shape->batch,
	                 shape->x_bits, needed,
	                 hardware ? "acc_bits of the hardware is" : "the widest of a device is",
	                 hardware ? acc_bits : QMAC_STEP_SUM_BITS_MAX,
	                 hardware ? "raise acc_bits" : "lower x_bits");
}
