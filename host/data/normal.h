/*
 * The normal distribution, with the same bits on every machine: its quantiles, and initial weights drawn
 * by them.
 */
#ifndef QMAC_DATA_NORMAL_H
#define QMAC_DATA_NORMAL_H

#include <stdint.h>

#include "data/random.h"

/*
 * The z below which a standard normal number lies with probability p, 2^-40 <= p <= 1 - 2^-40. Its error
 * is below 2^-52 (1 + z^2) / density(z), density(z) = exp(-z^2/2) / sqrt(2 pi): 1e-14 for |z| <= sqrt(3).
 */
double qmac_normal_quantile(double p);

/*
 * One weight of a layer with fan_in >= 1 inputs to each output: a normal number of mean 0 and variance
 * gain / fan_in, gain > 0, truncated at sqrt(3) standard deviations ("TNVS" in the AdaPT paper). By the
 * inverse of the distribution function, so that one number is one uniform one.
 */
double qmac_truncated_normal(struct qmac_random *random, double gain, int64_t fan_in);

#endif
