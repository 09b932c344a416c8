/*
 * A part of what a clock was told, up to a SYNC, and what it said; parts make a tree (memo.h). For
 * cmodel/time/memo.c only.
 */
#ifndef QMAC_TIME_MEMO_PART_H
#define QMAC_TIME_MEMO_PART_H

#include "time/clock.h"

/* A command that retired: its place in the part. */
struct qmac_memo_retired {
	struct qmac_clock_retire time;
	uint64_t index;
};

struct qmac_memo_part {
	struct qmac_memo_part *parent, *children;
	struct qmac_memo_part *next;           /* of the same parent; the one that was asked for last is first */
	struct qmac_memo_part *onward;         /* on the way from the root, while it is gone */
	/* what the clock is told */
	struct {
		bool rung;
		int ring_log2;
		uint32_t tail;
		uint64_t ring_base;
	} bell;                                /* in front of the commands */
	bool paused;                           /* in front of it, since the SYNC before */
	uint32_t count, room;
	struct qmac_clock_work *work;          /* the last one of a whole part is its SYNC */
	/* what it says */
	uint32_t retired_count;
	struct qmac_memo_retired *retired;     /* one behind the other; NULL where nobody asks */
	struct qmac_clock_retire sync;
	struct qmac_memo_end {
		bool known;
		struct qmac_clock_totals totals;
	} end[2];                              /* behind it, without and with a pause */
};

/* What a part of so many commands takes, with room for what is said of each (`asked`) or without. */
uint64_t qmac_memo_part_bytes(uint32_t room, bool asked);

/* Empty. `spare` (may be NULL) is used for it where it has the room, else freed. NULL: out of memory. */
struct qmac_memo_part *qmac_memo_part_create(struct qmac_memo_part *spare, uint32_t room, bool asked);
void qmac_memo_part_destroy(struct qmac_memo_part *part);

/* Gives back the room that it did not need. */
void qmac_memo_part_shrink(struct qmac_memo_part *part);

/* All below a part are destroyed. */
void qmac_memo_part_clear(struct qmac_memo_part *part);

/* The part behind `parent` that was told the same, made the first of them; NULL: there is none. */
struct qmac_memo_part *qmac_memo_part_find(struct qmac_memo_part *parent, const struct qmac_memo_part *told);

#endif
