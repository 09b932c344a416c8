/*
 * The low-precision algorithms LP-SGD, LP-SVRG and HALP: the outer loop on the
 * host in double, the inner loop on the device (inner_loop.h).
 */
#ifndef QMAC_TRAIN_LOW_PRECISION_H
#define QMAC_TRAIN_LOW_PRECISION_H

#include "train/train.h"
#include "train/training.h"

struct qmac_low_precision;

/*
 * Plans the run, opens the device, uploads the inputs. Refuses a run that the hardware cannot
 * hold. training must outlive the object; on_retire of observer (may be NULL) is passed on.
 */
QMAC_MUST_CHECK enum qmac_status qmac_low_precision_create(struct qmac_training *training,
                                                           const struct qmac_hw *hw,
                                                           const struct qmac_train_observer *observer,
                                                           struct qmac_low_precision **low,
                                                           struct qmac_error *err);
void qmac_low_precision_destroy(struct qmac_low_precision *low);

/* One epoch of training->run's algorithm. */
QMAC_MUST_CHECK enum qmac_status qmac_low_precision_epoch(struct qmac_low_precision *low,
                                                          struct qmac_error *err);

/* Fills in what the device has spent so far. */
void qmac_low_precision_cost(struct qmac_low_precision *low, struct qmac_metrics *metrics);

/* Name of the kernel that the device runs. */
const char *qmac_low_precision_kernel(const struct qmac_low_precision *low);

#endif
