/*
 * Formats of a network's outputs by their ranges (docs/networks.md, "Activations by their ranges"). The
 * device has to know them beforehand, so they are those of an earlier minibatch: the engine leaves
 * training->tops of a minibatch that is measured, and training->outputs follow them, behind a step
 * (QMAC_NET_RANGES_EPOCH) or behind the minibatch (QMAC_NET_RANGES_DELAY).
 */
#ifndef QMAC_TRAIN_NET_RANGES_H
#define QMAC_TRAIN_NET_RANGES_H

#include "train_net/training.h"

/*
 * Creates training->outputs and tops, for the formats of the parameters as they are: at first all outputs lie
 * in -8..8; with QMAC_NET_RANGES_DELAY the network's input has the finest scale for all values that a pixel
 * may have, which it keeps. What it creates is the training's.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_ranges_start(struct qmac_net_training *training,
                                                       struct qmac_error *err);

/* Whether a tensor, -1: the network's input, has a scale of its own; others have that of what they read. */
bool qmac_net_ranges_has_own(const struct qmac_net *net, int tensor);

/* A step begins, behind so many of the training and of its epoch: is it measured? */
void qmac_net_ranges_begin_step(struct qmac_net_training *training, int64_t steps, int64_t within);

/*
 * Widths by the layers (docs/network-numerics.md) as they are now, fraction bits by what was measured since
 * the last call, of QMAC_NET_RANGES_EPOCH. Does nothing where there are no outputs.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_ranges_follow(struct qmac_net_training *training,
                                                        struct qmac_error *err);

/*
 * QMAC_NET_RANGES_DELAY: the scale of a tensor whose values, under fl fraction bits and before they were
 * limited to codes, had their highest bit at `top`, -1: all were 0. Those of what is behind it follow.
 */
void qmac_net_ranges_set(struct qmac_net_training *training, int tensor, int fl, int top);

/* Behind a minibatch of the training, whose tops are there: the scales of the next one. */
void qmac_net_ranges_delay(struct qmac_net_training *training);

#endif
