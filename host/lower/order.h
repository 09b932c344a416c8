/*
 * The ring order of a program: the best of a few.
 *
 * How early a command should stand in the ring depends on how far estimates can be trusted, and on what
 * holds up whom. So several orders are made, each is tried on the device's own time, and the fastest one
 * is kept (docs/lowering.md). The same program always gets the same order.
 */
#ifndef QMAC_LOWER_ORDER_H
#define QMAC_LOWER_ORDER_H

#include "base/error.h"
#include "hw/hw.h"
#include "lower/item.h"

/*
 * Fills ring[0 .. count-1] with the indices of the items in ring order, in which commands of one engine keep
 * their order and what a command of the program waits for stands before it. Each order is tried with the
 * program `copies` times back to back.
 */
QMAC_MUST_CHECK enum qmac_status qmac_order_make(const struct qmac_hw *hw, const struct qmac_item *items,
                                                 int64_t count, int copies, int64_t *ring,
                                                 struct qmac_error *err);

/* The same by estimated times, without a try. */
QMAC_MUST_CHECK enum qmac_status qmac_order_estimate(const struct qmac_hw *hw, const struct qmac_item *items,
                                                     int64_t count, int64_t *ring, struct qmac_error *err);

#endif
