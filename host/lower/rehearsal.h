/*
 * Ring orders of a program, tried on the device's time: how many cycles one takes and when every command
 * starts.
 */
#ifndef QMAC_LOWER_REHEARSAL_H
#define QMAC_LOWER_REHEARSAL_H

#include "base/error.h"
#include "hw/hw.h"
#include "lower/item.h"

struct qmac_rehearsal;

/* Hardware and items must outlive it. */
QMAC_MUST_CHECK enum qmac_status qmac_rehearsal_create(const struct qmac_hw *hw,
                                                       const struct qmac_item *items, int64_t count,
                                                       struct qmac_rehearsal **rehearsal,
                                                       struct qmac_error *err);
void qmac_rehearsal_destroy(struct qmac_rehearsal *rehearsal);

/*
 * Runs the items in ring order, the whole program `copies` times back to back on a device that was idle.
 * Returns what cycles that takes; starts[i] is the cycle in which item i starts in the last copy.
 */
uint64_t qmac_rehearsal_run(struct qmac_rehearsal *rehearsal, const int64_t *ring, int copies,
                            uint64_t *starts);

#endif
