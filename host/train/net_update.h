/*
 * How a step changes a network's masters, in float32 on the host. With g the mean over a step's minibatches
 * of the gradient of their mean loss, parameter by parameter:
 *
 *   g += l1 sign(W)
 *   g /= ||g||                     where run->normalise, unless ||g|| is 0 or not finite
 *   v  = momentum v + g + l2 W     v = 0 at first
 *   W -= rate v
 */
#ifndef QMAC_TRAIN_NET_UPDATE_H
#define QMAC_TRAIN_NET_UPDATE_H

#include "train/net_training.h"
#include "train/state.h"

struct qmac_net_update {
	const struct qmac_run *run;
	const struct qmac_net *net;
	float *velocity; /* v, as the masters lie */
};

/* run and net must outlive it. */
QMAC_MUST_CHECK enum qmac_status qmac_net_update_create(struct qmac_net_update *update,
                                                        const struct qmac_run *run,
                                                        const struct qmac_net *net, struct qmac_error *err);
void qmac_net_update_free(struct qmac_net_update *update);

/*
 * A step. gradient: the sum over run->accumulate minibatches; it becomes g. Returns its norm over all
 * parameters before anything is added to it.
 */
double qmac_net_update_step(struct qmac_net_update *update, float *gradient, double rate, float *weights);

/* Additions, multiplications and divisions of one step. */
uint64_t qmac_net_update_flops(const struct qmac_run *run, int64_t weight_count);

/* What it goes on from. */
void qmac_net_update_state(struct qmac_net_update *update, struct qmac_state *state);

#endif
