/*
 * What a LOAD, a STORE or a fetch moves, cut into runs and bursts
 * (docs/timing.md, "Bursts").
 */
#ifndef QMAC_TIME_TRANSFER_H
#define QMAC_TIME_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/hw.h"
#include "isa/command.h"

/* The loops of a LOAD or STORE; members as in its descriptor. Without gaps between them. */
struct qmac_transfer {
	uint64_t base;
	uint32_t s0, s1, s2, n0, n1, n2, lo0, hi0, lo1, hi1;
	uint32_t row_bytes;
	uint32_t coalesce;  /* 0 or 1 */
};

struct qmac_transfer qmac_transfer_of(const struct qmac_command *command);

/* A place in the loops. */
struct qmac_place {
	uint32_t i0, i1, i2;
};

/*
 * Takes the next run, the bytes of one row inside the window or of a coalesced i0 loop; *outside is
 * the number of rows outside the window before it. Returns false behind the last one, with the
 * number of rows outside that were left.
 */
bool qmac_transfer_run(const struct qmac_transfer *transfer, struct qmac_place *place, uint64_t *address,
                       uint64_t *bytes, uint64_t *outside);

/* Bytes of the burst that begins at address, at most `bytes`. */
uint64_t qmac_burst_bytes(const struct qmac_hw *hw, uint64_t address, uint64_t bytes);

/* Bursts of a whole transfer. */
uint64_t qmac_transfer_bursts(const struct qmac_hw *hw, const struct qmac_transfer *transfer);

#endif
