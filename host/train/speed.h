/* How much faster a network's run was than one in 32 bits: what train_net/speed.h finds. */
#ifndef QMAC_TRAIN_SPEED_H
#define QMAC_TRAIN_SPEED_H

#include <stdbool.h>

#include "policy/analytic.h"

/* What is not known is NaN. */
struct qmac_net_speed {
	bool is_known;    /* of a network on the device */
	/*
	 * Device cycles of the training without evaluations and updates, and of a minibatch of its last
	 * evaluation; the same in 32 bits (train_net/reference.h).
	 */
	double training_cycles, training_cycles_32, inference_cycles, inference_cycles_32;
	bool is_modelled; /* not in an estimate, where nobody knows which weights are zero */
	struct qmac_analytic_result model[2]; /* by enum qmac_analytic_variant */
};

#endif
