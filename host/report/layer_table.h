/* The layers of a network's run as a table for a terminal. */
#ifndef QMAC_REPORT_LAYER_TABLE_H
#define QMAC_REPORT_LAYER_TABLE_H

#include <stdio.h>

#include "report/net_history.h"

/*
 * Of each layer that spent cycles: the first and the last format of its weights, how often it changed, the
 * mean word length over the steps, the sparsity of the first and of the last epoch, cycles by direction with
 * their share of all, and joules; the last row has the sums. Directions in which no layer spent anything are
 * left out.
 */
void qmac_layer_table_print(const struct qmac_net_history *history, FILE *out);

#endif
