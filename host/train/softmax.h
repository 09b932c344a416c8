/*
 * The softmax and what it needs, with the same bits on every machine: nothing here
 * calls the mathematical library.
 */
#ifndef QMAC_TRAIN_SOFTMAX_H
#define QMAC_TRAIN_SOFTMAX_H

#include <stdint.h>

/* Additions and multiplications of qmac_exp(), and of qmac_softmax() over n classes, its loss left out. */
enum { QMAC_EXP_FLOPS = 30 };

static inline uint64_t qmac_softmax_flops(int n)
{
	return (uint64_t)n * (QMAC_EXP_FLOPS + 3);
}

/* e^x for x <= 0, error below 2 ulp; 0 where that is below the smallest normal number. Otherwise NaN. */
double qmac_exp(double x);

/*
 * p[i] = e^a[i] / sum of e^a, n >= 1. Returns the logarithm of that sum where `wants_log`, otherwise 0.
 * p may be a. Infinite or undefined logits give NaN.
 */
double qmac_softmax(const double *a, double *p, int n, int wants_log);

#endif
