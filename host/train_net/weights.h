/* The codes of a network's weights and biases, and their masters. */
#ifndef QMAC_TRAIN_NET_WEIGHTS_H
#define QMAC_TRAIN_NET_WEIGHTS_H

#include "train_net/training.h"

/*
 * codes[0..count) of the masters of parameter p in its format, as docs/network-numerics.md has them: with the
 * random numbers of the minibatch `step`, the first that they are for. Adds to *saturations. Fails where a
 * master is not finite.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_weight_codes(const struct qmac_net_training *training, int p,
                                                       uint32_t step, int32_t *codes, uint64_t *saturations,
                                                       struct qmac_error *err);

/* Where there are masters in integers: the weights follow them. */
void qmac_net_follow_masters(struct qmac_net_training *training);

#endif
