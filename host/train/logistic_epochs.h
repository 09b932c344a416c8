/*
 * The full-precision algorithms on logistic regression: inner loops in double on the
 * host. Each function runs one epoch of inner_steps steps on training->w.
 */
#ifndef QMAC_TRAIN_LOGISTIC_EPOCHS_H
#define QMAC_TRAIN_LOGISTIC_EPOCHS_H

#include "train/training.h"

/* W <- W - alpha ( mean over the batch of x_i^T (softmax(x_i W) - e_y) + lambda W ) */
void qmac_logistic_sgd_epoch(struct qmac_training *training);

/*
 * Z <- Z - alpha ( mean of x_i^T (softmax(a_i + x_i Z) - softmax(a_i)) + lambda Z + grad f(W) ) from
 * Z = 0, a_i = x_i W; then W <- W + Z.
 */
void qmac_logistic_svrg_epoch(struct qmac_training *training);

#endif
