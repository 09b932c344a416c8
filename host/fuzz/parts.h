/*
 * What random commands are made of: loop nests and limbs.
 */
#ifndef QMAC_FUZZ_PARTS_H
#define QMAC_FUZZ_PARTS_H

#include <stdint.h>

#include "qmac_isa.h"

/* A nest of three loops, inner first, within [first, first + sum of (n-1)*s]. */
struct qmac_fuzz_nest {
	int64_t n[3], s[3], first;
};

/* Three counts, of which `loops` may be above 1, with a product of at most limit. */
void qmac_fuzz_counts(uint64_t *rng, int loops, int64_t limit, struct qmac_fuzz_nest *nest);

/*
 * Strides and first place of a nest that stays within [0, size), in units of one
 * row (one container); a loop of several iterations has stride least or more, a loop
 * of one iteration any stride up to most.
 */
void qmac_fuzz_strides(uint64_t *rng, int64_t size, int64_t least, int64_t most, struct qmac_fuzz_nest *nest);

/* A limb of a value of value_bits bits; from a VEC result (64 bits) it may reach beyond the top. */
void qmac_fuzz_limb(uint64_t *rng, int word_bits, int value_bits, struct qmac_command *command);

#endif
