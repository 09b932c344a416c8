/*
 * Training a network (run->network): the loop over epochs, minibatches and steps, whatever numbers the
 * network has. An epoch is one pass over the training part in an order of its own (data/images.h); a step
 * takes run->accumulate minibatches of run->batch images, and what is left over behind the last whole step
 * is left out. Figures of the training part are those of the minibatches as they come, so the weights move
 * meanwhile; grad_norm is the mean over the steps of the norm of their gradient, without regularisers.
 */
#ifndef QMAC_TRAIN_NET_TRAIN_H
#define QMAC_TRAIN_NET_TRAIN_H

#include "train_net/loss.h"
#include "train/train.h"

/*
 * qmac_train() of a run with a network, or qmac_estimate() of one on the device, with what was recorded where
 * its formats change; the result has `net` in place of weights.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_train(const struct qmac_run *run, const struct qmac_hw *hw,
                                                bool estimated, const struct qmac_recorded *recorded,
                                                const struct qmac_train_observer *observer,
                                                struct qmac_train_result *result, struct qmac_error *err);

/*
 * The figures of the test part with weights and statistics that `read` puts into a network of the run:
 * loads it and the images, and nothing is trained.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_evaluate(const struct qmac_run *run, const struct qmac_hw *hw,
                                                   enum qmac_status (*read)(void *context,
                                                                            struct qmac_trained_net *trained,
                                                                            struct qmac_error *err),
                                                   void *context, struct qmac_net_figures *figures,
                                                   struct qmac_error *err);

#endif
