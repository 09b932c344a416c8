/*
 * Random stalls of ready/valid pairs: each is by turns never, seldom, often or mostly held up.
 */
#ifndef QMAC_BACKEND_STALLS_H
#define QMAC_BACKEND_STALLS_H

#include <stdbool.h>
#include <stdint.h>

enum { QMAC_STALLS_MAX = 16 };

struct qmac_stalls {
	uint64_t random;            /* 0: none */
	unsigned count;             /* pairs */
	unsigned cycles;            /* since the chances were drawn */
	uint8_t chance[QMAC_STALLS_MAX]; /* of 256 */
	uint32_t held;              /* a bit per pair in this cycle */
};

/* seed: 0 for none. count: of pairs, at most QMAC_STALLS_MAX. Nothing is held up before the first draw. */
void qmac_stalls_init(struct qmac_stalls *stalls, uint64_t seed, unsigned count);

/* A new cycle: who is held up in it. */
void qmac_stalls_draw(struct qmac_stalls *stalls);

/* Is that pair held up in this cycle? */
bool qmac_stalls_hold(const struct qmac_stalls *stalls, unsigned which);

#endif
