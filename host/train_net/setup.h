/* What a network's training, or its evaluation, begins with. */
#ifndef QMAC_TRAIN_NET_SETUP_H
#define QMAC_TRAIN_NET_SETUP_H

#include "policy/schedule.h"
#include "train_net/engine.h"
#include "train_net/loss.h"

/*
 * Loads the network and the images of the run, which must fit each other, and draws initial weights: those of
 * conv and linear as qmac_truncated_normal() with run->init_gain, biases uniform up to run->init_biases,
 * gamma 1, beta 0; running means 0, variances 1. Resolves the keys that depend on the network: dy_bits is 16
 * in a network that adds, else err_bits; outputs have ranges of their own where it has a batch norm. Free
 * also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_setup(struct qmac_net_training *training,
                                                const struct qmac_run *run, struct qmac_error *err);
void qmac_net_training_free(struct qmac_net_training *training);

/* The learning rates of the run. */
QMAC_MUST_CHECK enum qmac_status qmac_net_start_schedule(const struct qmac_run *run,
                                                         struct qmac_schedule *schedule,
                                                         struct qmac_error *err);

/* The engine of the run's precision policy. */
const struct qmac_net_engine_operations *qmac_net_engine_of(const struct qmac_run *run);

/* A minibatch at work, and the loss of one. */
struct qmac_net_room {
	float *logits, *residual; /* run->batch x outputs */
	int *classes;             /* run->batch */
};

QMAC_MUST_CHECK enum qmac_status qmac_net_room_create(struct qmac_net_room *room,
                                                      const struct qmac_net_training *training,
                                                      struct qmac_error *err);
void qmac_net_room_free(struct qmac_net_room *room);

/* Adds the figures of a minibatch whose logits are there; residual: NULL where nobody wants it. */
void qmac_net_room_loss(struct qmac_net_room *room, const struct qmac_net_training *training,
                        const struct qmac_image_batch *batch, struct qmac_net_figures *figures,
                        float *residual);

/* The figures of the test part, which may be empty; behind load(). */
QMAC_MUST_CHECK enum qmac_status qmac_net_test(struct qmac_net_engine *engine,
                                               const struct qmac_net_training *training,
                                               struct qmac_net_room *room, struct qmac_net_figures *figures,
                                               struct qmac_error *err);

#endif
