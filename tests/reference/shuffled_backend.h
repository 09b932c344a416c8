/*
 * A backend that executes commands in another order.
 *
 * Engines run side by side; a race-free program gives the same result in every
 * order that its waits allow. This backend stands before another one and, at each
 * doorbell, permutes the new descriptors at random within what the contract
 * promises: each engine in ring order, no command before the counts it waits for,
 * SYNC after everything before it. A missing wait then shows as a wrong result.
 */
#ifndef SHUFFLED_BACKEND_H
#define SHUFFLED_BACKEND_H

#include "backend/backend.h"

/* Takes over `inner`. Aborts where memory is short. */
struct qmac_backend *shuffled_backend(struct qmac_backend *inner, uint64_t seed);

#endif
