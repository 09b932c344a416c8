/*
 * A clock that remembers. What a clock says follows from the hardware and from what it was told since its
 * last reset: doorbells, commands, pauses. Told the same once more, it need not find out again.
 *
 * Time is cut into parts, each up to a SYNC, behind which all has retired. Parts make a tree whose root is
 * the reset: a part is known where the same parts led to it. What it was told is kept whole and compared byte
 * by byte; of commands that is what time depends on (struct qmac_clock_work), so that seeds, scales and rows
 * of scratchpads may differ. While parts are known, commands wait until their SYNC comes and then retire all
 * at once; nothing is simulated. With the first that is not, the clock is told all since the reset, and goes
 * on.
 *
 * The tree has a bound of memory. Where it is reached, nothing more is kept until the next reset, which
 * empties the tree.
 */
#ifndef QMAC_TIME_MEMO_H
#define QMAC_TIME_MEMO_H

#include "time/clock.h"

struct qmac_memo;

struct qmac_memo_options {
	/* As of qmac_clock_create(), and in its order; called at the latest at the SYNC behind the command. */
	void (*on_retire)(void *context, void *record, struct qmac_clock_retire time);
	void *context;
	size_t record_bytes;
	uint64_t limit;     /* bytes of the tree; 0: nothing is remembered */
};

/* hw must outlive it. */
QMAC_MUST_CHECK enum qmac_status qmac_memo_create(const struct qmac_hw *hw,
                                                  const struct qmac_memo_options *options,
                                                  struct qmac_memo **memo, struct qmac_error *err);
void qmac_memo_destroy(struct qmac_memo *memo);

/* Each as the function of clock.h of that name. */
void qmac_memo_reset(struct qmac_memo *memo);
void qmac_memo_doorbell(struct qmac_memo *memo, uint32_t tail, uint64_t ring_base, int ring_log2);
struct qmac_clock_retire qmac_memo_push(struct qmac_memo *memo, const struct qmac_clock_work *work,
                                        const void *record);
void qmac_memo_halt(struct qmac_memo *memo, bool fetches);
void qmac_memo_pause(struct qmac_memo *memo, uint64_t cycle);

/* Time advances as far as is known, and its counters are written into their places. */
void qmac_memo_settle(struct qmac_memo *memo, uint64_t counters[QMAC_COUNTERS]);

/* The latest retire cycle that is known: while commands wait that of the SYNC before. */
uint64_t qmac_memo_now(const struct qmac_memo *memo);

/* For tests: the clock, which was told all so far. Nothing is kept until the next reset. */
struct qmac_clock *qmac_memo_clock(struct qmac_memo *memo);

/* Commands whose time was remembered, since create; for tests and measurements. */
uint64_t qmac_memo_remembered(const struct qmac_memo *memo);

#endif
