/*
 * splitmix64: 64 random bits from a state that steps by a constant (Steele, Lea and Flood, 2014). For
 * streams of the host, the fuzzer and the tests; the device's random numbers are num/dither.h.
 */
#ifndef QMAC_BASE_SPLITMIX_H
#define QMAC_BASE_SPLITMIX_H

#include <stdint.h>

#define QMAC_SPLITMIX_STEP 0x9E3779B97F4A7C15ULL

/* The output for a state. */
static inline uint64_t qmac_splitmix_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
	x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
	return x ^ x >> 31;
}

static inline uint64_t qmac_splitmix_next(uint64_t *state)
{
	return qmac_splitmix_mix(*state += QMAC_SPLITMIX_STEP);
}

#endif
