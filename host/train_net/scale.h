/*
 * Scales of errors: the fraction length e of an error tensor in a minibatch, from what was seen of it
 * (docs/network-numerics.md, "Scales of errors").
 */
#ifndef QMAC_TRAIN_NET_SCALE_H
#define QMAC_TRAIN_NET_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/run_config.h"

/* Of an error tensor. */
struct qmac_net_scale {
	int32_t e;   /* of the minibatch before; of the first one where the rule is `fixed` */
	int32_t top; /* the highest bit of the rounded values of the minibatch before, -1: all were 0 */
};

/* The highest bit that is set in the magnitudes that a range monitor shows; -1: none. */
int qmac_net_scale_top(uint32_t magnitudes);

/* `cur`: e from `top`, which was found for a fraction length of sum_fl - k. */
int qmac_net_scale_current(int sum_fl, int k, int bits, int top);

/* The other two, from the second minibatch on. */
int qmac_net_scale_next(enum qmac_err_scale rule, const struct qmac_net_scale *scale, int bits);

/* e as it may be for a sum of that fraction length. */
int qmac_net_scale_limited(int e, int sum_fl);

/* Of the last layer: the largest e with m 2^e <= 2^(bits-1) - 1, 0 for m = 0; m >= 0 is finite. */
int qmac_net_scale_last(double m, int bits);

#endif
