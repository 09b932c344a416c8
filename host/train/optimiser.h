/*
 * The optimisers: stochastic gradient descent, and its variance-reduced form SVRG. An epoch is
 * inner_steps steps of the engine; the optimisers differ in what it begins with. The five algorithms are
 * an optimiser and a precision each:
 *
 *            float   fixed     bit centering
 *   SGD      sgd     lp_sgd
 *   SVRG     svrg    lp_svrg   halp
 */
#ifndef QMAC_TRAIN_OPTIMISER_H
#define QMAC_TRAIN_OPTIMISER_H

#include "train/training.h"

struct qmac_optimiser_operations {
	const char *name;
	bool reduces;  /* variance: steps are against a centre */
	/* Begins an epoch of the engine and sets keep_after. *moves false: there are no steps, w stays. */
	enum qmac_status (*begin_epoch)(struct qmac_training *training, bool *moves, struct qmac_error *err);
};

extern const struct qmac_optimiser_operations qmac_sgd, qmac_svrg;

/*
 * An epoch of training->optimiser, or its part up to the next of the checkpoints that run->checkpoint_steps
 * asks for: reads `gradient` at w where it begins, moves w where it ends, and adds what it spent. *done:
 * the epoch has ended. Fails only where the device does.
 */
QMAC_MUST_CHECK enum qmac_status qmac_optimiser_epoch(struct qmac_training *training, bool *done,
                                                      struct qmac_error *err);

#endif
