/*
 * The full-precision quantities of multi-class logistic regression, in double:
 *
 *   f(W) = 1/N sum_i ( log sum_c e^(a_ic) - a_iy ) + lambda/2 ||W||^2,   a_i = x_i W
 *   grad f(W) = 1/N sum_i x_i^T (softmax(a_i) - e_y) + lambda W
 *
 * W has a row for each feature and a column for each class: element (j, c) is number
 * j * classes + c. Bits do not depend on the number of threads (blocks.h).
 *
 * The last evaluation's a_i and softmax(a_i) stay at hand: the inner loops of SVRG
 * and HALP need them at the centre.
 */
#ifndef QMAC_TRAIN_LOGISTIC_H
#define QMAC_TRAIN_LOGISTIC_H

#include "data/dataset.h"

struct qmac_logistic;

/* data must outlive the object; threads >= 1. */
QMAC_MUST_CHECK enum qmac_status qmac_logistic_create(const struct qmac_dataset *data, double lambda,
                                                      int threads, struct qmac_logistic **logistic,
                                                      struct qmac_error *err);
void qmac_logistic_destroy(struct qmac_logistic *logistic);

/* gradient = grad f(W), *loss = f(W), *norm = ||grad f(W)||_2. */
void qmac_logistic_evaluate(struct qmac_logistic *logistic, const double *w, double *gradient, double *loss,
                            double *norm);

/* a_i and softmax(a_i) of a training sample at the W evaluated last. */
const double *qmac_logistic_logits(const struct qmac_logistic *logistic, int64_t sample);
const double *qmac_logistic_probabilities(const struct qmac_logistic *logistic, int64_t sample);

/* Takes a_i at a W from elsewhere in place of the last evaluation's. */
void qmac_logistic_set_logits(struct qmac_logistic *logistic, int64_t sample, const double *logits);

/*
 * Over the test part: *loss the mean of log sum e^a - a_y, without the regulariser; *accuracy the
 * share of samples whose largest a_ic (of equal ones the first) is the right one. NaN where there is none.
 */
void qmac_logistic_test(const struct qmac_logistic *logistic, const double *w, double *loss,
                        double *accuracy);

/* a = x W for one sample of `features` numbers. */
void qmac_logistic_product(const struct qmac_dataset *data, const double *x, const double *w, double *a);

/* Additions and multiplications of one gradient with its norm, the loss left out. */
uint64_t qmac_logistic_flops(const struct qmac_logistic *logistic);

#endif
