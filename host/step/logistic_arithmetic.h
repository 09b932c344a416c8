/*
 * The integers of the low-precision inner step of logistic regression. Like those of
 * linear_arithmetic.h they depend on what is to be computed, never on the hardware.
 *
 * The step on integers (docs/algorithms.md): for each sample i of the batch and class c,
 *   m_ic = sum_j X_ij Z_jc                                     device
 *   m'_ic = clamp( nearest( 2^p c r_ic ) )                     host, r_ic from m_ic
 * and then, with P = max(p, F) fraction bits,
 *   L_jc = clamp( nearest( 2^P decay Z_jc ) )
 *   U_jc = ( sum_i m'_ic X_ij << (P - p) ) + L_jc + H_jc
 *   Z_jc = clamp( stochastic( ((Z_jc << P) - U_jc) / 2^P ) )
 * p may be chosen anew for each loop, between p_min and p_max.
 */
#ifndef QMAC_STEP_LOGISTIC_ARITHMETIC_H
#define QMAC_STEP_LOGISTIC_ARITHMETIC_H

#include "step/linear_arithmetic.h"

/* Refuses, naming the key to change, a step that has no such form. */
QMAC_MUST_CHECK enum qmac_status qmac_logistic_arithmetic_make(struct qmac_linear_arithmetic *step,
                                                               const struct qmac_linear_shape *shape,
                                                               struct qmac_error *err);

/* Refuses accumulators too narrow for the step; target_in_acc is not looked at. */
QMAC_MUST_CHECK enum qmac_status qmac_logistic_arithmetic_check(const struct qmac_linear_arithmetic *step,
                                                                const struct qmac_linear_shape *shape,
                                                                int acc_bits, bool target_in_acc,
                                                                struct qmac_error *err);

/*
 * p for residuals that are at most `largest`, each worth `quanta` of Z per code of X: m' has twice the
 * range that they need, to the next power of two; limited to p_min .. p_max.
 */
int qmac_logistic_point(const struct qmac_linear_arithmetic *step, double largest, double quanta);

/* P: the fraction bits of H, L and U where m' has p. */
static inline int qmac_logistic_fraction(const struct qmac_linear_shape *shape, int p)
{
	return p > shape->frac_bits ? p : shape->frac_bits;
}

/* Signed width of U and H with P fraction bits. */
int qmac_logistic_u_bits(const struct qmac_linear_shape *shape, int fraction);

#endif
