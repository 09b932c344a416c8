/*
 * Elementary functions with the same bits on every machine: additions, multiplications and divisions
 * only, so that nothing which decides a format, a weight or a sample depends on a mathematical library.
 */
#ifndef QMAC_NUM_ELEMENTARY_H
#define QMAC_NUM_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Additions, multiplications and divisions of one call. */
enum { QMAC_EXP_FLOPS = 30, QMAC_LOG_FLOPS = 32 };

/* Natural logarithm of a finite x > 0; error below 2 ulp. */
double qmac_log(double x);

/*
 * e^x for x <= 709, error below 2 ulp; 0 where that is below the smallest normal number. Otherwise NaN.
 *
 * x = k ln 2 + r, |r| <= ln(2)/2; e^r by its series, whose 14th term is below 2^-58.
 * k ln2_high is exact: ln2_high has 32 bits, k at most 11. A sum with 1.5 * 2^52 is rounded to a whole
 * number, which its lowest bits then show. Without branches and calls and in the header, so that the
 * compiler can do several numbers at once: this is most of what a softmax of many classes costs.
 */
static inline double qmac_exp(double x)
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
	return x < -708 ? 0 : x <= 709 ? sum * power : NAN;
}

#endif
