/*
 * In place of what a precision policy decides from data: what it has decided in a training that was recorded
 * (record/recorded.h). Whatever does not fit the network or its steps is refused with file and line.
 */
#ifndef QMAC_TRAIN_NET_REPLAY_H
#define QMAC_TRAIN_NET_REPLAY_H

#include "train_net/precision.h"

/* The formats that all tensors have at first. */
QMAC_MUST_CHECK enum qmac_status qmac_net_replay_start(struct qmac_net_precision *precision,
                                                       struct qmac_error *err);
/* Those that came behind this step, before (ended: behind) the figures of its epoch; and their switches. */
QMAC_MUST_CHECK enum qmac_status qmac_net_replay_step(struct qmac_net_precision *precision,
                                                      const struct qmac_net_observation *seen, bool ended,
                                                      struct qmac_error *err);
/* At the figures of an epoch: training->host_flops are those that the run had. */
QMAC_MUST_CHECK enum qmac_status qmac_net_replay_figures(struct qmac_net_precision *precision,
                                                         int64_t epoch, int64_t step,
                                                         struct qmac_error *err);
/* At the end: all that was recorded has come. */
QMAC_MUST_CHECK enum qmac_status qmac_net_replay_end(const struct qmac_net_precision *precision,
                                                     struct qmac_error *err);

#endif
