/* Trains what a run asks for, or says what that would cost: train/convex.h, train_net/train.h. */
#ifndef QMAC_RUN_TRAIN_H
#define QMAC_RUN_TRAIN_H

#include "train/train.h"

/*
 * Runs the whole training. Fails for a configuration the hardware cannot hold (naming the key to
 * change), a device error, lack of memory, or a stop of the process (process/stop.h). Divergence is a
 * result, not a failure; the run stops after the epoch in which the gradient norm is no longer finite.
 * result->weights and net are NULL on failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_train(const struct qmac_run *run, const struct qmac_hw *hw,
                                            const struct qmac_train_observer *observer,
                                            struct qmac_train_result *result, struct qmac_error *err);

/*
 * What the training would cost, without the training: the same commands on the backend "time", whatever
 * run->backend is, and the operations of the host by their formulas. Cycles, bytes and all counters that do
 * not depend on data are those of qmac_train(); losses, norms, delta of HALP and accuracy are NaN. There are
 * no weights. An epoch that HALP would leave out because its gradient is exactly zero, and the end of a run
 * that diverges to infinity, are not foreseen, nor the scales that ranges choose, on which tables of tanh and
 * sigmoid and the widths of biases depend (docs/networks.md). observer->open is not used. Of a network that
 * is trained in float there is nothing to estimate: it is refused. Where the training chooses the formats
 * they are those that it has chosen before, `recorded`, and so are the operations that it took to choose
 * them; epochs that were not trained are left out. Without them it is refused, too, but where it is the
 * ranges of activations alone that change, which are then those that a run begins with. Other runs do not
 * look at them.
 */
QMAC_MUST_CHECK enum qmac_status qmac_estimate(const struct qmac_run *run, const struct qmac_hw *hw,
                                               const struct qmac_recorded *recorded,
                                               const struct qmac_train_observer *observer,
                                               struct qmac_train_result *result, struct qmac_error *err);

#endif
