/*
 * The three streams of a program, one for each engine, merged into one ring order.
 *
 * Descriptors are dispatched in ring order, and one whose queue is full holds up everything behind it. So a
 * command should stand where its engine has room for it: earlier, it keeps other engines from their work;
 * later, it comes late itself. The merge takes next the command that is due first, by estimated times or by
 * those that a rehearsal found (docs/lowering.md).
 */
#ifndef QMAC_LOWER_MERGE_H
#define QMAC_LOWER_MERGE_H

#include "hw/hw.h"
#include "lower/item.h"

struct qmac_merge;

/*
 * When a command is due: as soon as no more than so many of its engine wait in the queue before it (0 ..
 * queue_depth - 1) or, with QMAC_LEAD_NONE, in the cycle in which it can start.
 */
enum { QMAC_LEAD_NONE = -1 };
struct qmac_lead {
	int execute, moves; /* EXECUTE; LOAD and STORE */
};

/* Items, their hardware included, must outlive it. NULL: out of memory. */
struct qmac_merge *qmac_merge_create(const struct qmac_hw *hw, const struct qmac_item *items, int64_t count);
void qmac_merge_destroy(struct qmac_merge *merge);

/*
 * Fills ring[0 .. count-1] with the indices of the items in ring order. Commands of one engine keep their
 * order; what a command of the program waits for stands before it. starts[i] is the cycle in which item i
 * starts; NULL: times are estimated.
 */
void qmac_merge_make(struct qmac_merge *merge, struct qmac_lead lead, const uint64_t *starts, int64_t *ring);

#endif
