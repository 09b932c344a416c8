/*
 * A clock that is advanced on a thread of its own: while the device carries a command out, the time of those
 * before it is found. Times are the same; they are known later.
 *
 * Whoever pushes commands asks for nothing of the clock until qmac_beside_wait() has returned, and what the
 * clock calls (on_retire) is called on that thread, before it returns. Threads sleep where they wait.
 */
#ifndef QMAC_TIME_BESIDE_H
#define QMAC_TIME_BESIDE_H

#include "time/clock.h"

struct qmac_beside;

/* For records of so many bytes, those of the clock, which must outlive it. NULL: no thread to be had. */
struct qmac_beside *qmac_beside_create(struct qmac_clock *clock, size_t record_bytes);
void qmac_beside_destroy(struct qmac_beside *beside);

/* qmac_clock_push() of a command that is no SYNC, sooner or later. Copies both. */
void qmac_beside_push(struct qmac_beside *beside, const struct qmac_clock_work *work, const void *record);

/* Until the clock has taken all that was pushed. */
void qmac_beside_wait(struct qmac_beside *beside);

#endif
