/*
 * Device time: when each command is dispatched, starts and retires
 * (docs/timing.md). Computed from descriptors alone, never from data.
 *
 * This revision gives every master (fetch, LOAD, STORE) a memory of its own:
 * bursts of different masters do not delay each other.
 */
#ifndef QMAC_TIME_CLOCK_H
#define QMAC_TIME_CLOCK_H

#include <stdint.h>

#include "hw/hw.h"
#include "isa/command.h"
#include "time/dram.h"

enum { QMAC_CLOCK_HISTORY = 65536, QMAC_QUEUE_MAX = 16 };

/* One engine's past. */
struct qmac_clock_engine {
	uint64_t count;                         /* commands dispatched */
	uint64_t start[QMAC_QUEUE_MAX];         /* start cycle of command n at n % QMAC_QUEUE_MAX */
	uint64_t retire[QMAC_CLOCK_HISTORY];    /* retire cycle of command n (from 0) at n % 2^16 */
	uint64_t last_retire, busy, wait;
};

struct qmac_clock {
	const struct qmac_hw *hw;
	uint64_t now;            /* latest retire: everything up to here has happened */
	uint64_t resumed;        /* cycle of the last doorbell that found the device idle */
	struct qmac_dram fetch_memory, load_memory, store_memory;
	/* fetch */
	uint64_t fetch_issue, fetch_bytes;
	uint32_t fetched;        /* descriptors requested so far */
	uint64_t ready[2 * QMAC_FETCH_CHUNK]; /* cycle in which descriptor n is complete, at n % size */
	uint64_t freed[2 * QMAC_FETCH_CHUNK]; /* cycle in which its place became free again */
	uint64_t last_dispatch;
	struct qmac_clock_engine engine[3];
	/* EXECUTE: the array's recurrence */
	uint64_t slot_start, slot_out, slot_count; /* previous GEMM: s, o, T */
	unsigned slot_mode;
	uint64_t vec_retire;     /* next EXECUTE command starts after it */
};

struct qmac_time {
	uint64_t start, retire;
};

void qmac_clock_init(struct qmac_clock *clock, const struct qmac_hw *hw);

/* A doorbell at an idle device: time, which stood still, goes on. */
void qmac_clock_resume(struct qmac_clock *clock);

/*
 * Fetches, dispatches and executes descriptor `number` (in order, from 0) of a
 * ring at ring_base with 2^ring_log2 entries, of which those before `tail` are written.
 */
struct qmac_time qmac_clock_command(struct qmac_clock *clock, const struct qmac_command *command,
                                    uint32_t number, uint32_t tail, uint64_t ring_base, int ring_log2);

/* Bursts of one run of bytes, in order: the first ends at floor_bus(start) + burst_beats * bus_bytes or at
 * the next 4 KB boundary, later ones start there. Returns the number of bursts. */
uint64_t qmac_burst_count(const struct qmac_hw *hw, uint64_t address, uint64_t bytes);

/* Bytes of the burst that begins at address, at most `bytes`. */
uint64_t qmac_burst_bytes(const struct qmac_hw *hw, uint64_t address, uint64_t bytes);

#endif
