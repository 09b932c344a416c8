/*
 * The host's part of a low-precision step of logistic regression: from m, what the
 * device's integers give for x_i Z, to m', the scaled residual.
 *
 *   a_ic = offset_ic + dx delta m_ic
 *   r_ic = softmax(a_i)_c - q_ic
 *   m'_ic = clamp( nearest( 2^p c r_ic ) )     c = alpha dx / (batch delta)
 *
 *            offset                      q
 * HALP       x_i w~, cached              softmax(x_i w~), cached
 * LP-SVRG    0                           softmax(x_i w~), cached
 * LP-SGD     0                           1 for the right class, else 0
 */
#ifndef QMAC_TRAIN_LOGISTIC_RESIDUAL_H
#define QMAC_TRAIN_LOGISTIC_RESIDUAL_H

#include "train/linear_arithmetic.h"
#include "train/training.h"

struct qmac_logistic_residual {
	struct qmac_training *training;
	double unit, scale;    /* dx delta; 2^p c */
	int mp_bits;
	double largest;        /* |r| in this loop */
	double expected;       /* |r| that the next loop's p is chosen for */
	uint64_t samples;      /* of this loop */
};

void qmac_logistic_residual_create(struct qmac_logistic_residual *residual, struct qmac_training *training);

/* Before a loop with training->delta: chooses and returns p. */
int qmac_logistic_residual_begin(struct qmac_logistic_residual *residual,
                                 const struct qmac_linear_arithmetic *step);

/* The `residual` of struct qmac_linear_loop; context is a struct qmac_logistic_residual. */
void qmac_logistic_residual_run(void *context, const uint32_t *samples, int count, const int64_t *m,
                                int64_t *scaled);

/* After a loop: counts its operations, and learns from its residuals. */
void qmac_logistic_residual_end(struct qmac_logistic_residual *residual);

#endif
