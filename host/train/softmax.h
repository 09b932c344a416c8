/*
 * The softmax and what it needs, with the same bits on every machine: nothing here
 * calls the mathematical library.
 */
#ifndef QMAC_TRAIN_SOFTMAX_H
#define QMAC_TRAIN_SOFTMAX_H

#include <stdint.h>

#include "num/elementary.h"

/* Additions, multiplications and divisions of qmac_softmax() over n classes, its loss left out. */
static inline uint64_t qmac_softmax_flops(int n)
{
	return (uint64_t)n * (QMAC_EXP_FLOPS + 3);
}

/*
 * p[i] = e^a[i] / sum of e^a, n >= 1. Returns the logarithm of that sum where `wants_log`, otherwise 0.
 * p may be a. Infinite or undefined logits give NaN.
 */
double qmac_softmax(const double *a, double *p, int n, int wants_log);

#endif
