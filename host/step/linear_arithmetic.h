/*
 * The integers of the low-precision inner step of a linear model: widths,
 * shifts and the multiplier. They depend on what is to be computed, never on the
 * hardware, so that every device computes the same bits.
 *
 * The step on integers (docs/algorithms.md): for each sample i of the batch, with
 * m_i = sum_j X_ij Z_j,
 *   m'_i = clamp( nearest( ((m_i << e) - k_i) * mult / 2^m_shift ) )
 * and then
 *   T_j = nearest( sum_i m'_i X_ij / 2^t_shift )
 *   U_j = (T_j << t_left) + H_j
 *   Z_j = clamp( stochastic( ((Z_j << F) - U_j) / 2^F ) )
 *
 * That is linear regression. In logistic regression Z has a column for each class, and the
 * host makes m' of m: logistic_arithmetic.h.
 */
#ifndef QMAC_STEP_LINEAR_ARITHMETIC_H
#define QMAC_STEP_LINEAR_ARITHMETIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Who makes m' of m, and what becomes of the sum (step_law.h). */
enum qmac_step_kind {
	QMAC_STEP_REGRESSION, /* linear regression: the device; a new Z */
	QMAC_STEP_LOGISTIC,   /* the host, so that c1, k_i and e are not looked at; a new Z */
	QMAC_STEP_SUM         /* the host; the sum itself, a full gradient: no step */
};

/* What is to be computed. */
struct qmac_linear_shape {
	int64_t samples, features;
	int64_t batch;         /* samples of a step, at least 1 */
	int outputs;           /* columns of Z; 0: one, a regression */
	enum qmac_step_kind kind;
	double decay;          /* logistic regression: alpha lambda, the share of Z that a step takes off */
	int bits, x_bits;      /* widths of Z and X */
	int frac_bits;         /* F */
	int mp_bits;           /* width of m' */
	int y_frac_bits;       /* e */
	double c1;             /* alpha dx^2 / batch: step per grid unit of residual and code of X */
	bool has_offset;       /* H; otherwise 0 */
	bool has_targets;      /* k_i; otherwise 0 */
	int target_bits;       /* signed width that every k_i fits; 0: as m */
};

struct qmac_linear_arithmetic {
	int m_bits, mp_bits, t_bits, u_bits; /* signed widths of m, m', T, U (and H) */
	int sum_bits;          /* of the sum of m' X over the batch */
	int target_bits;       /* of k_i; 0 where there are none */
	int mult, m_shift, t_shift, t_left;
	/* logistic regression: limits of p and P, and decay = decay_mult * 2^-decay_exponent */
	int p_min, p_max, decay_mult, decay_exponent;
};

/* Refuses, naming the key to change, a step that has no such form. */
QMAC_MUST_CHECK enum qmac_status qmac_linear_arithmetic_make(struct qmac_linear_arithmetic *step,
                                                             const struct qmac_linear_shape *shape,
                                                             struct qmac_error *err);

/* Refuses accumulators too narrow for m, U and H. */
QMAC_MUST_CHECK enum qmac_status qmac_step_check_widths(const struct qmac_linear_arithmetic *step,
                                                        const struct qmac_linear_shape *shape, int acc_bits,
                                                        struct qmac_error *err);

/* Refuses accumulators too narrow for the step; target_in_acc: k_i has to fit one too. */
QMAC_MUST_CHECK enum qmac_status qmac_linear_arithmetic_check(const struct qmac_linear_arithmetic *step,
                                                              const struct qmac_linear_shape *shape,
                                                              int acc_bits, bool target_in_acc,
                                                              struct qmac_error *err);

/* The widest sum, whatever the accumulators; and on such accumulators. */
enum { QMAC_STEP_SUM_BITS_MAX = 63 };
int qmac_step_widest_sum(int acc_bits);

/* ceil(log2(n)), n >= 1. */
static inline int qmac_log2_ceil(int64_t n)
{
	int log2 = 0;

	while (INT64_C(1) << log2 < n)
		log2++;
	return log2;
}

/* Signed width of m = sum of `features` products. */
int qmac_linear_m_bits(int bits, int x_bits, int64_t features);

/* factor = *mult * 2^-exponent for a factor above 0, *mult of 17 bits, nearest; returns the exponent. */
int qmac_linear_split(double factor, int *mult);

#endif
