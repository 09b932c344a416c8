/*
 * The loss of a minibatch of a network, from its logits: the mean over samples of the cross-entropy
 *
 *   single   l = log sum_c e^(a_c) - a_y
 *   double   the same with p = softmax(a) in place of a: what AdaPT's LeNet-5 is trained with, which ends in
 *            a softmax and whose loss has one, too; it cannot fall below log(e + C - 1) - 1 with C classes
 *
 * a the logits, y the class. In double, sample by sample in their order, with the same bits on every machine.
 */
#ifndef QMAC_TRAIN_NET_LOSS_H
#define QMAC_TRAIN_NET_LOSS_H

#include "base/error.h"
#include "config/run_config.h"

/* Sums over samples. */
struct qmac_net_figures {
	double loss;      /* of l */
	int64_t hits;     /* samples whose largest logit, of equal ones the first, is that of their class */
	int64_t samples;
};

/*
 * Adds `count` samples to the figures: logits (count x classes), their classes 0 .. classes-1, at most
 * QMAC_CLASSES_MAX. residual, of the same size, where it is not NULL becomes the derivative of the
 * minibatch's mean loss by the logits.
 */
void qmac_net_loss(enum qmac_softmax_count softmax, const float *logits, const int *classes, int64_t count,
                   int class_count, struct qmac_net_figures *figures, float *residual);

/* Additions and multiplications for one sample, residual and loss. */
uint64_t qmac_net_loss_flops(enum qmac_softmax_count softmax, int class_count);

#endif
