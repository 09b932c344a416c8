/*
 * The generated regression problem of Figure 1: X is N x d standard normal,
 * `informative` coefficients are 100 * U(0,1) at random places, the others 0,
 * y = X w + noise * N(0,1). (The law of scikit-learn's make_regression.)
 *
 * X is quantised first: symmetric, dx = max|X| / (2^(x_bits-1) - 1), nearest;
 * y, f and its gradient use the quantised X, so that w is the exact minimiser
 * where noise is 0.
 */
#ifndef QMAC_DATA_REGRESSION_H
#define QMAC_DATA_REGRESSION_H

#include <stdint.h>

#include "base/error.h"

struct qmac_regression {
	int64_t samples, features;
	double dx;       /* quantum of x */
	int16_t *codes;  /* samples x features, x = dx * code */
	double *x;       /* samples x features, dx * code */
	double *y;       /* samples */
	double *truth;   /* features: the coefficients */
};

QMAC_MUST_CHECK enum qmac_status qmac_regression_generate(struct qmac_regression *data, int64_t samples,
                                                          int64_t features, int64_t informative, double noise,
                                                          int x_bits, uint32_t seed, struct qmac_error *err);
void qmac_regression_free(struct qmac_regression *data);

#endif
