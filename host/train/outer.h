/*
 * The full-precision outer quantities of linear regression,
 * f(w) = 1/(2N) sum (x_i.w - y_i)^2: gradient, loss and norm, in double.
 *
 * The samples are cut into a fixed number of blocks; threads share out the
 * blocks, the blocks' sums are added in block order. So the bits do not depend
 * on the number of threads.
 */
#ifndef QMAC_TRAIN_OUTER_H
#define QMAC_TRAIN_OUTER_H

#include "data/dataset.h"

struct qmac_outer;

/* data must outlive the object; threads >= 1. */
QMAC_MUST_CHECK enum qmac_status qmac_outer_create(const struct qmac_dataset *data, int threads,
                                                   struct qmac_outer **outer, struct qmac_error *err);
void qmac_outer_destroy(struct qmac_outer *outer);

/* gradient[features] = grad f(w), *loss = f(w), *norm = ||grad f(w)||_2. */
void qmac_outer_evaluate(struct qmac_outer *outer, const double *w, double *gradient, double *loss,
                         double *norm);

/* Additions and multiplications of one gradient with its norm, the loss left out. */
uint64_t qmac_outer_flops(const struct qmac_outer *outer);

#endif
