/*
 * How much faster a network's run was than one in 32 bits: by the cycles of the device, and by AdaPT's
 * performance model (policy/analytic.h) at the formats that the run had, step by step.
 */
#ifndef QMAC_TRAIN_NET_SPEED_H
#define QMAC_TRAIN_NET_SPEED_H

#include "train_net/precision.h"
#include "train/train.h"

/* Of a run so far. */
struct qmac_net_tally {
	struct qmac_analytic_layer *layers; /* those of the network that have weights */
	struct qmac_analytic_record *records;
	int *numbers, count;                /* their numbers in the network */
	struct qmac_analytic model[2];
	uint64_t (*codes)[2];               /* weights of each, and zeros among them, before the step */
	struct {
		int64_t minibatches;            /* on the device; of float32, that would be */
		struct qmac_net_spending spent;
		int64_t tests, reached;         /* behind epochs; the first with the target's accuracy, -1: none */
	} now;
};

/*
 * Those layers of a network that have weights, as the model sees them, and their numbers in it; both have
 * room for all. The image of a linear layer is the last one before it. Returns how many.
 */
int qmac_net_analytic_layers(const struct qmac_net *net, struct qmac_analytic_layer *layers, int *numbers);

/* Of a run on the device, or in float32. Free also after a failure. */
QMAC_MUST_CHECK enum qmac_status qmac_net_tally_create(struct qmac_net_tally *tally,
                                                       const struct qmac_net_training *training,
                                                       struct qmac_error *err);
void qmac_net_tally_free(struct qmac_net_tally *tally);
void qmac_net_tally_state(struct qmac_net_tally *tally, struct qmac_state *state);

/* Around the minibatches of a step, before the policy changes formats. */
void qmac_net_tally_begin(struct qmac_net_tally *tally, const struct qmac_net_training *training);
void qmac_net_tally_step(struct qmac_net_tally *tally, const struct qmac_net_training *training,
                         const struct qmac_net_precision *precision);
/* At the figures of an epoch, or of the state before the first: its row, with the records of that epoch. */
void qmac_net_tally_epoch(struct qmac_net_tally *tally, const struct qmac_net_training *training,
                          const struct qmac_metrics *row, bool tested);

/* At the end. Where the run in 32 bits does not fit hw the observer (may be NULL) is told why. */
void qmac_net_tally_find(const struct qmac_net_tally *tally, const struct qmac_net_training *training,
                         const struct qmac_metrics *last, const struct qmac_hw *hw,
                         const struct qmac_train_observer *observer, struct qmac_net_speed *speed);

#endif
