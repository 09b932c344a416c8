/* A network that was trained before, on its test part again: `qmac train --eval-only`. */
#ifndef QMAC_RUN_EVALUATE_H
#define QMAC_RUN_EVALUATE_H

#include "config/run_config.h"
#include "train_net/loss.h"

/*
 * The figures of the test part with the weights in that result folder. Refuses a run without a network, and
 * weights of another network. On the same machine they are those of the training, to the last image.
 */
QMAC_MUST_CHECK enum qmac_status qmac_run_evaluate(const struct qmac_run_config *config, const char *folder,
                                                   struct qmac_net_figures *figures, struct qmac_error *err);

#endif
