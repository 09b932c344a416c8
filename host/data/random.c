#include "data/random.h"

#include <assert.h>
#include <math.h>

#include "base/splitmix.h"
#include "num/elementary.h"

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
