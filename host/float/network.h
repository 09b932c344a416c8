/*
 * A network in float32 on the host, a minibatch at a time.
 *
 * A minibatch is cut into QMAC_FLOAT_SHARES shares of its images, whatever the number of threads is; sums
 * over images are added share by share. So the bits depend on the machine (matrix.h) and on the minibatch.
 */
#ifndef QMAC_FLOAT_NETWORK_H
#define QMAC_FLOAT_NETWORK_H

#include "base/error.h"
#include "net/net.h"

enum { QMAC_FLOAT_SHARES = 8 };

struct qmac_float_network;

/* For minibatches of at most `images`. The net must outlive it. All memory is allocated here. */
QMAC_MUST_CHECK enum qmac_status qmac_float_network_create(const struct qmac_net *net, int64_t images,
                                                           int threads, struct qmac_float_network **network,
                                                           struct qmac_error *err);
void qmac_float_network_destroy(struct qmac_float_network *network);

/*
 * logits (images x outputs) of x (images x channels x height x width). weights and statistics are as in
 * net/values.h. In training, batch norm takes the mean and the variance of the minibatch and adds them to the
 * running statistics; otherwise it takes these. False where it was cut short, because a stop of the process
 * was due; then nothing of it is of use.
 */
bool qmac_float_network_forward(struct qmac_float_network *network, const float *weights, float *statistics,
                                const float *x, int64_t images, bool training, float *logits);

/*
 * Of the last forward pass, which was one of training, with the same weights: gradient (as the weights)
 * += the derivative of the loss, whose derivative by the logits is residual (images x outputs).
 */
bool qmac_float_network_backward(struct qmac_float_network *network, const float *weights,
                                 const float *residual, float *gradient);

/* Additions and multiplications of these two for one image. */
uint64_t qmac_float_network_forward_flops(const struct qmac_net *net);
uint64_t qmac_float_network_backward_flops(const struct qmac_net *net);

#endif
