/*
 * The integers of a sum over the batch alone, of residuals times X: a full gradient. m and m' as in
 * logistic_arithmetic.h; the sum is exact and has the fraction bits of m'.
 */
#ifndef QMAC_STEP_SUM_ARITHMETIC_H
#define QMAC_STEP_SUM_ARITHMETIC_H

#include "step/linear_arithmetic.h"

QMAC_MUST_CHECK enum qmac_status qmac_sum_arithmetic_make(struct qmac_linear_arithmetic *step,
                                                          const struct qmac_linear_shape *shape,
                                                          struct qmac_error *err);

/* Refuses accumulators too narrow for m and the sum; target_in_acc is not looked at. */
QMAC_MUST_CHECK enum qmac_status qmac_sum_arithmetic_check(const struct qmac_linear_arithmetic *step,
                                                           const struct qmac_linear_shape *shape,
                                                           int acc_bits, bool target_in_acc,
                                                           struct qmac_error *err);

#endif
