/*
 * How a step changes a network's masters, in float32 on the host. With g the mean over a step's minibatches
 * of the gradient of their mean loss, parameter by parameter:
 *
 *   g += l1 sign(W)                of the masters, or of their codes: run->precision_l1_of
 *   g  = Q(g)                      run->precision_grad_quant, where there are formats
 *   g /= ||g||                     where run->normalise, unless ||g|| is 0 or not finite
 *   v  = momentum v + g + l2 W     v = 0 at first
 *   W -= rate v
 *
 * gamma and beta of a batch norm have no codes: l1 is of their masters, and Q leaves them as they are.
 */
#ifndef QMAC_TRAIN_NET_UPDATE_H
#define QMAC_TRAIN_NET_UPDATE_H

#include "train_net/training.h"
#include "train/state.h"

struct qmac_net_update {
	const struct qmac_net_training *training;
	float *velocity; /* v, as the masters lie */
	int32_t *codes;  /* of a parameter, or its gradient */
};

/* training, with its network, masters and formats, must outlive it. */
QMAC_MUST_CHECK enum qmac_status qmac_net_update_create(struct qmac_net_update *update,
                                                        const struct qmac_net_training *training,
                                                        struct qmac_error *err);
void qmac_net_update_free(struct qmac_net_update *update);

/*
 * gradient: the sum over run->accumulate minibatches; it becomes g. step: of the whole training, from 1, for
 * the random numbers of Q and of the codes. *norm: that of the mean over all parameters, before anything is
 * added to it. Fails where Q, or a code, meets what is not finite.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_update_gradient(struct qmac_net_update *update, uint32_t step,
                                                          float *gradient, double *norm,
                                                          struct qmac_error *err);

/* The step itself: v, and the masters. */
void qmac_net_update_weights(struct qmac_net_update *update, const float *gradient, double rate,
                             float *weights);

/* Additions, multiplications and divisions of one step; none where the device takes it. */
uint64_t qmac_net_update_flops(const struct qmac_net_training *training);

/* What it goes on from. */
void qmac_net_update_state(struct qmac_net_update *update, struct qmac_state *state);

#endif
