/*
 * What a network's minibatches would take of the device in 32 bits: weights, activations and errors as wide
 * as float32, with the accumulators that they need. The measure of what fewer bits save.
 */
#ifndef QMAC_TRAIN_NET_REFERENCE_H
#define QMAC_TRAIN_NET_REFERENCE_H

#include "hw/hw.h"
#include "train/speed.h"
#include "train_net/training.h"

struct qmac_net_reference {
	/* What the device spends for a minibatch of run->batch: forward and backward; forward. */
	uint64_t training[QMAC_COUNTS], inference[QMAC_COUNTS];
};

enum { QMAC_NET_REFERENCE_BITS = 32 };

/*
 * Of the training's run and network with <bits, bits / 2> everywhere, on hardware as it is but with
 * accumulators of 64 bits: where a sum needs more (of two operands of 32 bits it does), it is timed as if
 * they had these. All minibatches take the same time, behind the first, which finds scales and is left out.
 * Nothing is computed, and no product is known to have a zero operand. Refuses what does not fit into device
 * memory.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_reference_find(const struct qmac_net_training *training,
                                                         const struct qmac_hw *hw, int bits,
                                                         struct qmac_net_reference *reference,
                                                         struct qmac_error *err);

#endif
