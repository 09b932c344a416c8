/*
 * Norms and sums of gradients, in an order that is fixed: element i belongs to partial sum i mod 8, and
 * the eight are added in pairs. Squares and sums are double.
 */
#ifndef QMAC_POLICY_GRADIENT_H
#define QMAC_POLICY_GRADIENT_H

#include <stdint.h>

/* Additions and multiplications for each element. */
enum { QMAC_SQUARE_FLOPS = 2, QMAC_NORMALISE_FLOPS = 3, QMAC_ACCUMULATE_FLOPS = 1 };

/* The sum of g[i]^2. */
double qmac_square(const float *g, int64_t count);

/* Makes g's norm 1, but for rounding, and returns what it was; a norm of 0, or not finite, leaves g alone. */
double qmac_normalise(float *g, int64_t count);

/* sum[i] += g[i] */
void qmac_accumulate(float *sum, const float *g, int64_t count);

#endif
