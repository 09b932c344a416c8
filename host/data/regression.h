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

#include "data/dataset.h"

/* All samples in the training part; truth holds the coefficients. Free also after a failure. */
QMAC_MUST_CHECK enum qmac_status qmac_regression_generate(struct qmac_dataset *data, int64_t samples,
                                                          int64_t features, int64_t informative, double noise,
                                                          int x_bits, uint32_t seed, struct qmac_error *err);

#endif
