/*
 * The ring order of a program: its three streams, one for each engine, merged into one.
 *
 * Descriptors are dispatched in ring order, and one whose queue is full holds up everything behind it. So
 * a command stands where its engine is expected to have room for it, neither much earlier, where it would
 * keep other engines from their work, nor later, where it would be late itself (docs/lowering.md).
 */
#ifndef QMAC_LOWER_ORDER_H
#define QMAC_LOWER_ORDER_H

#include <stdint.h>

#include "base/error.h"
#include "hw/hw.h"
#include "lower/past.h"
#include "qmac_isa.h"

/* A command of the program and what it waits for. */
struct qmac_item {
	struct qmac_command command;
	bool has_hull;
	struct qmac_hull hull;
	int32_t wait[QMAC_ENGINES]; /* that command of the engine, its first in this program being 1 */
	bool waits[QMAC_ENGINES];   /* wait counts */
};

/*
 * Fills ring[0 .. count-1] with the indices of the items in ring order. Commands of one engine keep their
 * order; what a command of the program waits for stands before it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_order_make(const struct qmac_hw *hw, const struct qmac_item *items,
                                                 int64_t count, int64_t *ring, struct qmac_error *err);

#endif
