#include "net/norm.h"

#include <math.h>

#include "net/net.h"
#include "num/whole.h"
#include "qmac_isa.h"

enum { FACTOR_BITS = 18, TERM_BITS = 32 }; /* of what multiplies a code, and of what is added */

/* ---- statistics ------------------------------------------------------------------------ */

void qmac_net_norm_statistics(const struct qmac_net_norm *norm, const int64_t *sum, const int64_t *square,
                              double *mean, double *variance)
{
	double n = (double)norm->count;

	for (int64_t c = 0; c < norm->channels; c++) {
		double m = (double)sum[c] / n, v = (double)square[c] / n - m * m;

		mean[c] = ldexp(m, -norm->x_fl);
		variance[c] = ldexp(v > 0 ? v : 0, -2 * norm->x_fl);
	}
}

void qmac_net_norm_run(int64_t channels, const double *mean, const double *variance, float *running_mean,
                       float *running_variance)
{
	double share = QMAC_BATCH_NORM_SHARE; /* 1 less it is the double 0.9 */

	for (int64_t c = 0; c < channels; c++) {
		running_mean[c] = (float)((1 - share) * (double)running_mean[c] + share * mean[c]);
		running_variance[c] = (float)((1 - share) * (double)running_variance[c] + share * variance[c]);
	}
}

enum qmac_status qmac_net_norm_stored(int64_t channels, const float *running,
                                      const struct qmac_format *format, double *stored,
                                      struct qmac_error *err)
{
	for (int64_t c = 0; c < channels; c++) {
		double value = (double)running[c];

		if (isnan(value))
			return qmac_fail(err, QMAC_INTERNAL, "the running statistics of channel %lld are no number",
			                 (long long)c);
		if (format)
			value = qmac_format_value(*format, qmac_format_code(*format, QMAC_ROUND_NEAREST, 0, value, NULL));
		stored[c] = value;
	}
	return QMAC_OK;
}

void qmac_net_norm_inverse(const struct qmac_net_norm *norm, const double *variance, double *inverse)
{
	double epsilon = fmax(QMAC_BATCH_NORM_EPSILON, ldexp(1, -2 * norm->x_fl) / 12);

	for (int64_t c = 0; c < norm->channels; c++)
		inverse[c] = 1 / sqrt(variance[c] + epsilon);
}

/* ---- coefficients ---------------------------------------------------------------------- */

/* The largest k with |v| 2^k <= 2^(bits-1) - 1; where v is 0 or not finite, it does not matter: `any`. */
static int finest(double v, int bits, int any)
{
	double high = ldexp(1, bits - 1) - 1;
	int exponent, k;

	if (v == 0 || !isfinite(v))
		return any;
	(void)frexp(v, &exponent);
	k = bits - 1 - exponent; /* |v| 2^k is 2^(bits-2) to 2^(bits-1) */
	return ldexp(fabs(v), k) <= high ? k : k - 1;
}

/* v 2^k, rounded and clamped. */
static int64_t coefficient(double v, int k, int bits, int64_t *clamps)
{
	double high = ldexp(1, bits - 1) - 1, scaled = rint(ldexp(v, k));

	if (!isfinite(scaled))
		return 0;
	*clamps += scaled > high || scaled < -high - 1;
	return (int64_t)fmax(fmin(scaled, high), -high - 1);
}

/* A and B of a channel. */
static void line_of(const struct qmac_net_norm *norm, const double *mean, const double *inverse, int64_t c,
                    double *a, double *b)
{
	*a = (double)norm->gamma[c] * inverse[c];
	*b = (double)norm->beta[c] - mean[c] * *a;
}

/* p: as fine as the coefficients can be, and fine enough that no term has to be shifted left. */
static int forward_fl(const struct qmac_net_norm *norm, const double *mean, const double *inverse)
{
	int p = norm->x_fl + QMAC_NET_NORM_FINER;

	for (int64_t c = 0; c < norm->channels; c++) {
		double a, b;

		line_of(norm, mean, inverse, c, &a, &b);
		p = qmac_smaller_int(p, norm->x_fl + finest(a, FACTOR_BITS, QMAC_NET_NORM_FINER));
		p = qmac_smaller_int(p, finest(b, TERM_BITS, p));
	}
	if (norm->merged)
		p = qmac_larger_int(qmac_smaller_int(p, norm->other_fl + QMAC_NET_NORM_OTHER), norm->other_fl);
	return qmac_larger_int(p, norm->y_fl);
}

int64_t qmac_net_norm_coefficients(const struct qmac_net_norm *norm, const double *mean,
                                   const double *inverse, int64_t *coefficients, int *sum_fl)
{
	int64_t channels = norm->channels, clamps = 0;
	int p = forward_fl(norm, mean, inverse);

	for (int64_t c = 0; c < channels; c++) {
		double a, b;

		line_of(norm, mean, inverse, c, &a, &b);
		coefficients[c] = coefficient(a, p - norm->x_fl, FACTOR_BITS, &clamps);
		coefficients[channels + c] = norm->merged ? (int64_t)1 << (p - norm->other_fl) : 0;
		coefficients[2 * channels + c] = coefficient(b, p, TERM_BITS, &clamps);
	}
	*sum_fl = p;
	return clamps;
}

/* a, b and c' of a channel. */
static void slopes_of(const struct qmac_net_norm *norm, const double *mean, const double *inverse, int64_t c,
                      double dgamma, double d, double slopes[3])
{
	double n = (double)norm->count, a = (double)norm->gamma[c] * inverse[c];
	double b = -a * inverse[c] * dgamma / n;

	slopes[0] = a;
	slopes[1] = b;
	slopes[2] = -a * d / n - b * mean[c];
}

void qmac_net_norm_gradient(const struct qmac_net_norm *norm, const double *mean, const double *inverse,
                            const int64_t *sum, const int64_t *product, int error_fl, double *dgamma,
                            double *dbeta, int64_t *coefficients, int *back_fl)
{
	static const int bits[3] = {FACTOR_BITS, FACTOR_BITS, TERM_BITS};
	/* fraction bits of the unit that each coefficient is counted from, at u = 0 */
	const int fl[3] = {0, error_fl - norm->x_fl, error_fl};
	int64_t channels = norm->channels, clamps = 0;
	int u = QMAC_NET_NORM_FINER;
	double slopes[3];

	for (int64_t c = 0; c < channels; c++) {
		double q = ldexp((double)product[c], -(error_fl + norm->x_fl));

		dbeta[c] = ldexp((double)sum[c], -error_fl);
		dgamma[c] = inverse[c] * (q - mean[c] * dbeta[c]);
		slopes_of(norm, mean, inverse, c, dgamma[c], dbeta[c], slopes);
		for (int i = 0; i < 3; i++)
			u = qmac_smaller_int(u, finest(slopes[i], bits[i], u + fl[i]) - fl[i]);
	}
	for (int64_t c = 0; c < channels; c++) {
		slopes_of(norm, mean, inverse, c, dgamma[c], dbeta[c], slopes);
		for (int i = 0; i < 3; i++)
			coefficients[i * channels + c] = coefficient(slopes[i], u + fl[i], bits[i], &clamps);
	}
	*back_fl = error_fl + u;
}
