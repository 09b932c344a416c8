/*
 * What the two halves of the clock share; for cmodel/time only.
 */
#ifndef QMAC_TIME_CLOCK_STATE_H
#define QMAC_TIME_CLOCK_STATE_H

#include "time/array.h"
#include "time/clock.h"
#include "time/dram.h"
#include "time/mover.h"

enum { HISTORY = 65536, QUEUE_MAX = 16, QUEUE_PLACES = 2 * QUEUE_MAX, PLACES = 2 * QMAC_FETCH_CHUNK };

/* Commands of an engine on their way: one at work, a full queue, one that waits for a place in it. */
enum { RECORDS = QUEUE_MAX + 2 };

#define NEVER UINT64_MAX /* the cycle of an action that waits for another unit */

/* A command as time sees it. */
struct timed {
	struct qmac_clock_work work;
	uint64_t wait[3];                    /* commands each engine must have retired; absolute, 0: none */
	uint64_t fetched, dispatched;        /* cycles: descriptor complete, handed to its engine */
};

/* An engine: its queue and its past. */
struct engine {
	struct timed queue[QUEUE_PLACES];      /* command n at n % QUEUE_PLACES, the next one to come included */
	uint64_t dispatched, started, retired; /* commands so far; retired: those whose retire cycle is known */
	uint64_t start[QUEUE_MAX];             /* of command n at n % QUEUE_MAX: when it left the queue */
	uint64_t *retire;                      /* of command n at n % HISTORY */
	/* Of the next command to start, once they are known, which they stay; 0 before: no start is that early */
	uint64_t next_start, offered;
	uint64_t tried;                        /* clock.retired + 1 when it could not be known; 0: at no time */
	uint64_t last_retire, began;           /* began: start of the running command */
	uint64_t pairs;                        /* of the mover when it began */
	uint64_t busy, wait, starved, memory;
};

struct qmac_clock {
	const struct qmac_hw *hw;
	void (*on_retire)(void *context, void *record, struct qmac_clock_retire time);
	void *context;
	size_t record_bytes;
	uint8_t *records;        /* 3 engines x RECORDS */

	uint64_t now, resumed;
	uint64_t pause;          /* no action after this cycle until the next doorbell or descriptor */
	struct qmac_dram dram;
	uint64_t read_request;   /* last cycle in which a read was requested: FETCH and LOAD share the channel */

	/* fetch */
	struct qmac_mover fetch;
	uint32_t fetched, tail;  /* descriptors requested; written */
	uint64_t ring_base;
	uint32_t ring_entries;
	uint64_t complete;       /* descriptors whose ready cycle is known */
	uint64_t ready[PLACES];  /* of descriptor n at n % PLACES */
	uint64_t fetch_bytes;

	/* dispatch */
	uint32_t number;         /* of the next descriptor */
	uint64_t left[PLACES];   /* dispatch cycle of descriptor n at n % PLACES: its place is free */
	uint64_t last_dispatch;
	unsigned next;           /* engine of the next command; the command is in its queue, behind the last */
	bool has_next, halted;
	bool settled;            /* no action is due before the next descriptor or doorbell is known */

	struct engine engine[3];
	uint64_t retired;        /* commands of all engines */
	struct qmac_array array;
	uint64_t vec_retire;
	struct qmac_mover load, store;
	uint64_t *storage;
};

/*
 * Carries out actions until the next descriptor has to be known, or to the pause, or until
 * nothing is left to do.
 */
void qmac_clock_advance(struct qmac_clock *clock);

/* Where the record of command `index` of engine e is kept until it has retired. */
void *qmac_clock_record(struct qmac_clock *clock, unsigned e, uint64_t index);

#endif
