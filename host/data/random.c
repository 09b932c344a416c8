#include "data/random.h"

#include <assert.h>
#include <math.h>

#include "base/splitmix.h"

struct qmac_random qmac_random_stream(uint32_t seed, enum qmac_stream stream)
{
	return (struct qmac_random){.key = qmac_splitmix_mix(qmac_splitmix_mix(seed) + (uint64_t)stream)};
}

uint64_t qmac_random_bits(struct qmac_random *random)
{
	return qmac_splitmix_mix(random->key + ++random->counter * QMAC_SPLITMIX_STEP);
}

uint64_t qmac_random_below(struct qmac_random *random, uint64_t bound)
{
	uint64_t excess, bits;

	assert(bound > 0);
	excess = -bound % bound; /* 2^64 mod bound: so many of the 2^64 values would favour small results */
	do
		bits = qmac_random_bits(random);
	while (bits < excess);
	return bits % bound;
}

double qmac_random_uniform(struct qmac_random *random)
{
	return (double)(qmac_random_bits(random) >> 11) * 0x1p-53;
}

/* A point in the unit disc, its radius turned into a Gaussian one (Marsaglia's polar method). */
double qmac_random_normal(struct qmac_random *random)
{
	double u, v, square;

	do {
		u = 2 * qmac_random_uniform(random) - 1;
		v = 2 * qmac_random_uniform(random) - 1;
		square = u * u + v * v;
	} while (square >= 1 || square == 0);
	return u * sqrt(-2 * qmac_log(square) / square);
}

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
