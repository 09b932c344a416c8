/*
 * A ring order, tried on the device's time: how many cycles it takes and when every command starts.
 */
#ifndef QMAC_LOWER_REHEARSAL_H
#define QMAC_LOWER_REHEARSAL_H

#include "base/error.h"
#include "hw/hw.h"
#include "lower/item.h"

/*
 * Runs items in ring order, the whole program `copies` times back to back on a device that was idle.
 * *cycles is what that takes; starts[i] is the cycle in which item i starts
 * in the last copy.
 */
QMAC_MUST_CHECK enum qmac_status qmac_rehearse(const struct qmac_hw *hw, const struct qmac_item *items,
                                               int64_t count, const int64_t *ring, int copies,
                                               uint64_t *starts, uint64_t *cycles, struct qmac_error *err);

#endif
