/*
 * The generated regression problems: `informative` coefficients are 100 * U(0,1) at
 * random places, the others 0, y = X w + noise * N(0,1). Figure 1 has an X of N x d
 * standard normal numbers (the law of scikit-learn's make_regression); other X are in
 * data/conditioned.h.
 *
 * X is quantised first: symmetric, dx = max|X| / (2^(x_bits-1) - 1), nearest;
 * y, f and its gradient use the quantised X, so that w is the exact minimiser
 * where noise is 0.
 */
#ifndef QMAC_DATA_REGRESSION_H
#define QMAC_DATA_REGRESSION_H

#include "data/dataset.h"

/*
 * The problem of Figure 1: all samples in the training part; truth holds the coefficients. Free also
 * after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_regression_generate(struct qmac_dataset *data, int64_t samples,
                                                          int64_t features, int64_t informative, double noise,
                                                          int x_bits, uint32_t seed, struct qmac_error *err);

/* The same with the X that run->data, kappa and the sizes say. */
QMAC_MUST_CHECK enum qmac_status qmac_regression_make(struct qmac_dataset *data, const struct qmac_run *run,
                                                      struct qmac_error *err);

#endif
