#include "train/softmax.h"

#include <math.h>
#include <string.h>

#include "data/random.h"

/*
 * x = k ln 2 + r, |r| <= ln(2)/2; e^r by its series, whose 14th term is below 2^-58.
 * k ln2_high is exact: ln2_high has 32 bits, k at most 11. A sum with 1.5 * 2^52 is rounded to a whole
 * number, which its lowest bits then show. Without branches and calls, so that the compiler can do
 * several classes at once: this is most of what a sample costs that has many.
 */
static inline double exponential(double x)
{
	static const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33, whole = 0x1.8p52;
	static const double reciprocal[] = {
		1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
		1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0,
	};
	double rounded = x * 0x1.71547652b82fep+0 + whole, k = rounded - whole;
	double r = (x - k * ln2_high) - k * ln2_low, sum = reciprocal[13], power;
	uint64_t bits;

	for (int i = 12; i >= 0; i--)
		sum = sum * r + reciprocal[i];
	memcpy(&bits, &rounded, sizeof bits);
	bits = (bits + 1023) << 52;
	memcpy(&power, &bits, sizeof power);
	return x < -708 ? 0 : x <= 0 ? sum * power : NAN;
}

double qmac_exp(double x)
{
	return exponential(x);
}

double qmac_softmax(const double *a, double *p, int n, int wants_log)
{
	double largest = a[0], sum = 0;

	for (int i = 1; i < n; i++)
		largest = a[i] > largest ? a[i] : largest;
	for (int i = 0; i < n; i++)
		p[i] = exponential(a[i] - largest);
	for (int i = 0; i < n; i++)
		sum += p[i];
	for (int i = 0; i < n; i++)
		p[i] /= sum;
	if (!wants_log)
		return 0;
	return sum >= 1 && isfinite(sum) ? largest + qmac_log(sum) : NAN;
}
