/*
 * The full-precision algorithms: inner loops in double on the host.
 * Each function runs one epoch of inner_steps steps on training->w.
 */
#ifndef QMAC_TRAIN_FULL_PRECISION_H
#define QMAC_TRAIN_FULL_PRECISION_H

#include "train/training.h"

/* w <- w - alpha mean over the batch of (x_i.w - y_i) x_i */
void qmac_sgd_epoch(struct qmac_training *training);

/*
 * z <- z - alpha (mean of (x_i.z) x_i + grad f(w)) from z = 0, then w <- w + z. The
 * deviation z is kept apart from w: so its digits are not lost in those of w.
 */
void qmac_svrg_epoch(struct qmac_training *training);

#endif
