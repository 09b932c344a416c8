/*
 * Device time: when each command is dispatched, starts and retires, and how the
 * three masters share the memory (docs/timing.md). Computed from descriptors
 * alone, never from data.
 *
 * An event simulation: every unit knows the cycle of its next action, or that
 * it waits for another unit; the earliest action is carried out. An action never
 * causes an earlier one, so the order of bursts at the memory is exact.
 */
#ifndef QMAC_TIME_CLOCK_H
#define QMAC_TIME_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/hw.h"
#include "isa/command.h"
#include "time/transfer.h"

struct qmac_clock;

/*
 * All that the time of a command depends on, the hardware apart. Its bytes are equal where its members are:
 * there are none between them, and those that an opcode does not use are 0.
 */
struct qmac_clock_work {
	uint8_t opcode, wait_mask;
	uint16_t wait[3];                /* of LOAD, EXECUTE, STORE; modulo 2^16 */
	union {
		struct {
			uint64_t slots;
			uint32_t k, mode;
		} gemm;
		uint64_t vec_cycles;
		struct qmac_transfer transfer; /* of LOAD and STORE */
	};
};

struct qmac_clock_work qmac_clock_work_of(const struct qmac_hw *hw, const struct qmac_command *command);

/* One retired command. */
struct qmac_clock_retire {
	uint64_t start, cycle;
};

/*
 * on_retire (may be NULL) is called for every command but SYNC, per engine in order, with the
 * `record` that came with it, which it may complete. Owns all it allocates; hw must outlive it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_clock_create(const struct qmac_hw *hw,
                                                   void (*on_retire)(void *context, void *record,
                                                                     struct qmac_clock_retire time),
                                                   void *context, size_t record_bytes,
                                                   struct qmac_clock **clock, struct qmac_error *err);
void qmac_clock_destroy(struct qmac_clock *clock);
void qmac_clock_reset(struct qmac_clock *clock);

/* The doorbell: descriptors before `tail` exist, in a ring of 2^ring_log2 at ring_base. */
void qmac_clock_doorbell(struct qmac_clock *clock, uint32_t tail, uint64_t ring_base, int ring_log2);

/*
 * The next descriptor in ring order: time advances until it has been dispatched. For SYNC the
 * result is its retirement; for other commands it is zero. record is copied.
 */
struct qmac_clock_retire qmac_clock_push(struct qmac_clock *clock, const struct qmac_clock_work *work,
                                         const void *record);

/* Time advances until everything pushed has retired, or to the pause. */
void qmac_clock_drain(struct qmac_clock *clock);

/*
 * A fault: nothing more is dispatched until reset, what was dispatched retires. `fetches`: descriptors are
 * still fetched as far as there are places; not where the ring is at fault.
 */
void qmac_clock_halt(struct qmac_clock *clock, bool fetches);

/* Time stands still after `cycle`, in which a SYNC called the host, until the next doorbell or push. */
void qmac_clock_pause(struct qmac_clock *clock, uint64_t cycle);

/* Latest retire cycle so far. */
uint64_t qmac_clock_now(const struct qmac_clock *clock);

/* What the time counters of isa.def count. */
struct qmac_clock_totals {
	uint64_t now, fetch_bytes;
	struct {
		uint64_t busy, wait, starved, memory;
	} engine[3];
};

struct qmac_clock_totals qmac_clock_totals(const struct qmac_clock *clock);

/* Writes them into their places; the others stay as they are. */
void qmac_clock_put_totals(const struct qmac_clock_totals *totals, uint64_t counters[QMAC_COUNTERS]);

#endif
