/*
 * What the host computes of a batch norm: statistics, the coefficients of the maps that the device goes
 * through, and the sums for gamma and beta. docs/network-numerics.md, "Batch norm", is the law of all of it,
 * of the order of operations, too; everything is in double.
 *
 * Arrays have a number for each channel. Coefficients are three rows of them, c0, c1, c2 of
 *   forward   S = x c0 + x' c1 + c2       x' the other input of the add that the batch norm is merged into
 *   back      E c0 + x c1 + c2
 * as qmac_net_put_norm() takes them.
 */
#ifndef QMAC_NET_NORM_H
#define QMAC_NET_NORM_H

#include <stdbool.h>
#include <stdint.h>

#include "num/format.h"

enum {
	QMAC_NET_NORM_BITS = 16,       /* most bits of the codes that it reads, and of those that it makes */
	QMAC_NET_NORM_COUNT = 1 << 22, /* most elements of a channel in a minibatch */
	QMAC_NET_NORM_FINER = 24,      /* t and u: most bits that coefficients are finer than their unit */
	QMAC_NET_NORM_OTHER = 16       /* x' is multiplied by 2^QMAC_NET_NORM_OTHER at most */
};

struct qmac_net_norm {
	int64_t channels;
	int64_t count;       /* n: elements of a channel in the minibatch */
	int x_fl, y_fl;      /* fraction lengths of what it reads, and of the tensor that its sum is rounded to */
	bool merged;         /* into an add, whose other input has other_fl */
	int other_fl;
	const float *gamma, *beta;
};

/* Mean and variance of a minibatch from the exact sums of x and of x^2. */
void qmac_net_norm_statistics(const struct qmac_net_norm *norm, const int64_t *sum, const int64_t *square,
                              double *mean, double *variance);

/* What runs, behind a minibatch with these statistics; at first means are 0 and variances 1. */
void qmac_net_norm_run(int64_t channels, const double *mean, const double *variance, float *running_mean,
                       float *running_variance);

/*
 * Statistics of an evaluation from `channels` of those that run, means or variances: in that format, to
 * nearest; NULL: as they are. A NaN is an internal error.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_norm_stored(int64_t channels, const float *running,
                                                      const struct qmac_format *format, double *stored,
                                                      struct qmac_error *err);

/* i[c] = 1 / sqrt(v + max(epsilon, 2^(-2 f_x) / 12)), which the way back needs, too. */
void qmac_net_norm_inverse(const struct qmac_net_norm *norm, const double *variance, double *inverse);

/*
 * The coefficients of the forward pass; *sum_fl becomes p, the fraction length of the sum. How many of them
 * were clamped: saturations of the layer's weights.
 */
int64_t qmac_net_norm_coefficients(const struct qmac_net_norm *norm, const double *mean,
                                   const double *inverse, int64_t *coefficients, int *sum_fl);

/*
 * From the exact sums of E, of fraction length error_fl, and of E x: the sums for gamma and beta, real
 * numbers, and the coefficients of what goes back; *back_fl becomes e + u, its fraction length. mean and
 * inverse are those of the forward pass.
 */
void qmac_net_norm_gradient(const struct qmac_net_norm *norm, const double *mean, const double *inverse,
                            const int64_t *sum, const int64_t *product, int error_fl, double *dgamma,
                            double *dbeta, int64_t *coefficients, int *back_fl);

#endif
