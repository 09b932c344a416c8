/*
 * Random numbers of the host: counter-based streams keyed by (seed, stream), so
 * that data, sample order and noise never depend on each other or on threads.
 * Bits are the same on every machine: normal deviates use our own logarithm (num/elementary.h).
 */
#ifndef QMAC_DATA_RANDOM_H
#define QMAC_DATA_RANDOM_H

#include <stdint.h>

struct qmac_random {
	uint64_t key, counter;
};

/* Streams in use; one fact, one place. */
enum qmac_stream {
	QMAC_STREAM_DATA = 1,    /* generated inputs and coefficients */
	QMAC_STREAM_SAMPLES = 2, /* order of the samples */
	QMAC_STREAM_OPTION = 3,  /* the inner iterate that option II keeps */
	QMAC_STREAM_SPLIT = 4,   /* which samples are for testing */
	QMAC_STREAM_WEIGHTS = 5, /* initial weights */
	QMAC_STREAM_AUGMENT = 6  /* how images are shifted and mirrored */
};

struct qmac_random qmac_random_stream(uint32_t seed, enum qmac_stream stream);

uint64_t qmac_random_bits(struct qmac_random *random);   /* 64 uniform bits */
double qmac_random_uniform(struct qmac_random *random);  /* multiple of 2^-53 in [0, 1) */
double qmac_random_normal(struct qmac_random *random);   /* mean 0, variance 1 */

/* Uniform in [0, bound), exactly; bound > 0. */
uint64_t qmac_random_below(struct qmac_random *random, uint64_t bound);

#endif
