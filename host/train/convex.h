/* Training of linear models, at first hand or as an estimate: run/train.h, without a network. */
#ifndef QMAC_TRAIN_CONVEX_H
#define QMAC_TRAIN_CONVEX_H

#include "train/train.h"

QMAC_MUST_CHECK enum qmac_status qmac_convex_train(const struct qmac_run *run, const struct qmac_hw *hw,
                                                   bool estimated, const struct qmac_train_observer *observer,
                                                   struct qmac_train_result *result, struct qmac_error *err);

#endif
