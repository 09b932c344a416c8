#include "num/elementary.h"

#include <assert.h>

/*
 * x = (1 + g) 2^e with 1 + g in [sqrt(1/2), sqrt(2)); g is exact. With
 * f = g / (2 + g), log(1 + g) = 2 atanh(f) = 2f + f r, r = 2 (f^2/3 + f^4/5 + ...),
 * and 2f = g - f g: only the small correction f (g - r) is rounded more than once.
 */
double qmac_log(double x)
{
	static const double ln2_high = 0x1.62e42feep-1;         /* 32 bits: times e is exact */
	static const double ln2_low = 0x1.a39ef35793c76p-33;
	int e;
	double g, f, square, r = 0;

	assert(x > 0 && isfinite(x));
	x = frexp(x, &e);
	if (x < 0.70710678118654752) {
		x *= 2;
		e--;
	}
	g = x - 1;
	f = g / (2 + g);
	square = f * f;
	for (int k = 23; k >= 3; k -= 2)
		r = square * (r + 2.0 / k);
	return e * ln2_high + (g - (f * (g - r) - e * ln2_low));
}
