/*
 * Formats of a network's outputs by their ranges (docs/networks.md, "Activations by their ranges"). The
 * device has to know them beforehand, so they are those of an earlier minibatch: the engine leaves
 * training->tops of a step that is measured, behind which training->outputs follow them.
 */
#ifndef QMAC_TRAIN_NET_RANGES_H
#define QMAC_TRAIN_NET_RANGES_H

#include "train_net/training.h"

/*
 * Creates training->outputs and tops, for the formats of the parameters as they are: at first all outputs lie
 * in -8..8. What it creates is the training's.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_ranges_start(struct qmac_net_training *training,
                                                       struct qmac_error *err);

/* A step begins, behind so many of the training and of its epoch: is it measured? */
void qmac_net_ranges_begin_step(struct qmac_net_training *training, int64_t steps, int64_t within);

/*
 * Widths by the layers (docs/network-numerics.md) as they are now, fraction bits by what was measured since
 * the last call. Does nothing where there are no outputs.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_ranges_follow(struct qmac_net_training *training,
                                                        struct qmac_error *err);

#endif
