/*
 * How the device's inner steps come to their residuals: from m, what its integers give for x_i Z, to m',
 * the scaled residual. Either the device makes them (squared error: m less an integer k_i, scaled), or it
 * hands m to the host and gets m' back (a softmax).
 *
 * On the device (linear_arithmetic.h), with fraction bits e:
 *   SGD             k_i = nearest( 2^e y_i / (dx delta) )
 *   SVRG, Z = W     k_i = x_i W~, exact: both lie on grids
 *   SVRG, centred   no k_i
 *
 * On the host (logistic_arithmetic.h): m'_ic = clamp( nearest( 2^p c r_ic ) ), c = alpha dx / (batch delta),
 * r_i of loss.h from dx delta m_i:
 *   SGD             qmac_loss_residual
 *   SVRG, Z = W     qmac_loss_against
 *   SVRG, centred   qmac_loss_centred
 */
#ifndef QMAC_TRAIN_RESIDUAL_H
#define QMAC_TRAIN_RESIDUAL_H

#include "step/inner_loop.h"
#include "train/state.h"
#include "train/training.h"

struct qmac_residual {
	const struct qmac_residual_operations *operations;
};

struct qmac_residual_operations {
	/* Completes the shape of the inner loop. Refuses, naming the key to change, what has no integers. */
	enum qmac_status (*create)(struct qmac_training *training, struct qmac_linear_shape *shape,
	                           struct qmac_residual **residual, struct qmac_error *err);
	void (*destroy)(struct qmac_residual *residual);
	/* With the loop on the device: what it needs once. */
	void (*open)(struct qmac_residual *residual, const struct qmac_inner_plan *plan,
	             struct qmac_inner_loop *inner);
	/* Before the steps of an epoch, its delta known; z: the integers of W~. Returns p, 0 on the device. */
	int (*begin)(struct qmac_residual *residual, const int32_t *z);
	/* The `residual` of struct qmac_linear_loop, its context the struct qmac_residual; NULL on the device. */
	void (*run)(void *context, const uint32_t *samples, int count, const int64_t *m, int64_t *scaled);
	/* Adds what steps within an epoch go on from, and what the next epoch begins with. */
	void (*state)(struct qmac_residual *residual, struct qmac_state *state);
	/* Within an epoch whose state was loaded: leaves on the device what begin() does. */
	void (*resume)(struct qmac_residual *residual);
	/* After the steps of an epoch. */
	void (*end)(struct qmac_residual *residual);
};

extern const struct qmac_residual_operations qmac_residual_on_device, qmac_residual_on_host;

#endif
