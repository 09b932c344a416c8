/* How much faster a network's run was than one in 32 bits: what train_net/speed.h finds. */
#ifndef QMAC_TRAIN_SPEED_H
#define QMAC_TRAIN_SPEED_H

#include <stdbool.h>
#include <stdint.h>

#include "count/count.h"
#include "policy/analytic.h"

/* Of the accumulators with which a run in 32 bits is timed: the widest that hardware may have. */
enum { QMAC_NET_WIDE_ACC_BITS = 64 };

/* What the device spent: without cycles nothing is known. */
struct qmac_net_spending {
	uint64_t training[QMAC_COUNTS];  /* without evaluations, and without updates of masters on the device */
	uint64_t inference[QMAC_COUNTS]; /* of the test part once, the last time */
};

struct qmac_net_speed {
	bool is_known;               /* of a network: on the device, or compared with itself in 32 bits there */
	/* Of the run; of the same minibatches in 32 bits (train_net/reference.h). */
	struct qmac_net_spending own, wide;
	int64_t inferences;          /* minibatches of the test part */
	bool is_modelled;            /* not in an estimate, where nobody knows which weights are zero */
	struct qmac_analytic_result model[2]; /* by enum qmac_analytic_variant */
};

#endif
