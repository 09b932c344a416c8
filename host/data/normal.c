#include "data/normal.h"

#include <assert.h>
#include <math.h>

#include "num/elementary.h"

/*
 * For z >= 0 the normal number lies in 0..z with probability density(z) (z + z^3/3 + z^5/15 + ...), each
 * term z^2 / (2k + 1) times the one before it. All are positive: nothing cancels.
 */
static double series(double z)
{
	double term = z, sum = z;

	for (int k = 3; term > sum * 0x1p-56; k += 2) {
		term *= z * z / k;
		sum += term;
	}
	return sum;
}

/*
 * A rational approximation of Hastings (Abramowitz and Stegun 26.2.23, error below 4.5e-4), and two steps
 * of Halley's method, each of which makes of an error e one of about e^3.
 */
double qmac_normal_quantile(double p)
{
	static const double sqrt_2_pi = 2.5066282746310005;
	double part = fabs(p - 0.5), t, z;

	assert(p >= 0x1p-40 && p <= 1 - 0x1p-40);
	t = sqrt(-2 * qmac_log(0.5 - part));
	z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
	z = z > 0 ? z : 0;
	for (int i = 0; i < 2; i++) {
		double newton = series(z) - part * sqrt_2_pi / qmac_exp(-z * z / 2);

		z -= newton / (1 + z * newton / 2);
	}
	return p < 0.5 ? -z : z;
}

double qmac_truncated_normal(struct qmac_random *random, double gain, int64_t fan_in)
{
	static const double bound = 1.7320508075688772, below = 0.0416322583317752; /* of sqrt(3), of -sqrt(3) */
	double z;

	assert(gain > 0 && isfinite(gain) && fan_in > 0);
	z = qmac_normal_quantile(below + qmac_random_uniform(random) * (1 - 2 * below));
	z = z > bound ? bound : z < -bound ? -bound : z;
	return z * sqrt(gain / (double)fan_in);
}
