/*
 * One master of the memory bus: FETCH, LOAD or STORE, burst by burst
 * (docs/timing.md, "Bursts").
 *
 * A mover knows when it may issue its next burst as soon as it has issued the
 * previous one; the clock decides, by the order of all masters, when it does.
 */
#ifndef QMAC_TIME_MOVER_H
#define QMAC_TIME_MOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/hw.h"
#include "time/dram.h"
#include "time/transfer.h"

enum { QMAC_OUTSTANDING_MAX = 16 };

struct qmac_mover {
	const struct qmac_hw *hw;
	bool is_write;
	/* the transfer and the place in it */
	struct qmac_transfer transfer;
	struct qmac_place place;
	uint64_t row_inverse;             /* more than 2^32 / bytes of a row, by at most 1 */
	uint64_t run_address, run_bytes;  /* what is left of the current run */
	uint32_t in_row;                  /* bytes of its row before the next one to be handled: of !one_row */
	bool one_row;                     /* every beat of the run holds bytes of one row */
	bool active;
	/* the burst to be issued next */
	uint64_t burst_address, burst_bytes, earliest;
	uint32_t burst_beats;
	/* history, over all transfers */
	uint64_t issued;                          /* cycle of the last request */
	uint64_t bursts, beats;                   /* so far */
	uint64_t done[QMAC_OUTSTANDING_MAX];      /* completion of burst n at n % QMAC_OUTSTANDING_MAX */
	uint64_t port;                            /* cycle in which the last (beat, row) pair was handled */
	uint64_t sent;                            /* STORE: cycle of the last beat on the write channel */
	uint64_t last_done;                       /* completion of the last burst */
	uint64_t completed;                       /* everything of this transfer issued so far is done */
	uint64_t pairs;                           /* (beat, row) pairs so far */
	uint64_t *freed, freed_mask;              /* cycle in which beat n left the FIFO, at n & freed_mask */
	uint64_t capacity;                        /* of the FIFO, in beats */
};

/*
 * `capacity` is that of the FIFO in beats, at least burst_beats; freed has
 * qmac_mover_places(capacity) values and stays the caller's.
 */
void qmac_mover_init(struct qmac_mover *mover, const struct qmac_hw *hw, bool is_write, uint64_t *freed,
                     uint64_t capacity);

/* The power of two that is not below capacity. */
uint64_t qmac_mover_places(uint64_t capacity);

/* Cycle in which a beat (counted over all transfers, one of the last `capacity`) left the FIFO. */
uint64_t qmac_mover_freed(const struct qmac_mover *mover, uint64_t beat);

/* Begins a transfer in cycle `start` and prepares its first burst. */
void qmac_mover_start(struct qmac_mover *mover, const struct qmac_transfer *transfer, uint64_t start);

/* First cycle in which the limit of bursts in flight allows another one. */
uint64_t qmac_mover_free(const struct qmac_mover *mover);

/* Issues the prepared burst in `cycle` and prepares the next; clears `active` after the last one. */
void qmac_mover_issue(struct qmac_mover *mover, struct qmac_dram *dram, uint64_t cycle);

#endif
