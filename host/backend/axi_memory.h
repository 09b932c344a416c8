/*
 * Device memory at the pins of the AXI master: beats and responses come in the cycles that
 * the DRAM model gives (docs/timing.md, "The memory"), the same model that times the C model.
 *
 * One device cycle:
 *   drive()     what the memory puts on its pins; then the device settles
 *   requests()  takes what the device asks for; true: the pins have changed (an answer in the very
 *               cycle of its request), the device settles again
 *   advance()   at the end of the cycle: what was taken is gone
 *
 * Bytes are read when their beat is shown and written when theirs is taken. An address at or
 * beyond the end of memory is answered with an error, and changes nothing.
 */
#ifndef QMAC_BACKEND_AXI_MEMORY_H
#define QMAC_BACKEND_AXI_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/stalls.h"
#include "sim/device.h"
#include "time/dram.h"

/* Bursts that can wait; the device has at most 16 in flight per master. */
enum { QMAC_AXI_BURSTS = 64 };

/* The ready/valid pairs that can be held up, and the internal streams of qmac_top behind them. */
enum qmac_axi_stall { QMAC_STALL_AR, QMAC_STALL_R, QMAC_STALL_AW, QMAC_STALL_W, QMAC_STALL_B,
                      QMAC_STALL_HOLD, QMAC_STALLS = QMAC_STALL_HOLD + QMAC_RTL_HOLDS };

struct qmac_axi_burst {
	uint64_t first;             /* 1/256 cycles, of beat 0 */
	uint64_t address;           /* of beat 0, aligned to the bus */
	uint32_t beats, done;       /* beats in all; shown and taken (read), taken (write) */
	uint8_t id;
	bool failed;
};

/* Bursts in the order of their requests. */
struct qmac_axi_queue {
	struct qmac_axi_burst burst[QMAC_AXI_BURSTS];
	unsigned head, count;
};

struct qmac_axi_memory {
	const struct qmac_hw *hw;
	uint8_t *bytes;             /* the caller's */
	uint64_t size;
	struct qmac_dram dram;
	struct qmac_axi_queue reads, writes;
	unsigned written;           /* of the writes: those whose data have come whole */
	struct qmac_stalls stalls;  /* pairs: QMAC_STALL_* */
	/* Called before a beat changes bytes; NULL where nobody must know. To be set after init. */
	void (*on_write)(void *context, uint64_t address, uint64_t bytes);
	void *context;
};

/* hw and bytes must outlive it. stalls: seed, or 0 for none. */
void qmac_axi_memory_init(struct qmac_axi_memory *memory, const struct qmac_hw *hw, uint8_t *bytes,
                          uint64_t size, uint64_t stalls);

/* The device was reset: nothing is under way, no row is open. The bytes stay. */
void qmac_axi_memory_reset(struct qmac_axi_memory *memory, struct qmac_rtl_inputs *in);

/* cycle: the number of the device cycle. */
void qmac_axi_memory_drive(struct qmac_axi_memory *memory, uint64_t cycle, struct qmac_rtl_inputs *in);
bool qmac_axi_memory_requests(struct qmac_axi_memory *memory, uint64_t cycle, struct qmac_rtl_inputs *in,
                              const struct qmac_rtl_outputs *out);
void qmac_axi_memory_advance(struct qmac_axi_memory *memory, struct qmac_rtl_inputs *in,
                             const struct qmac_rtl_outputs *out);

#endif
