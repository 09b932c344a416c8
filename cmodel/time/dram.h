/*
 * The DRAM model: when the beats of one burst arrive (docs/timing.md).
 *
 * Plain state, called once per burst in request order; times are in 1/256 of a
 * device cycle so that any ratio of bus to memory bandwidth stays exact.
 */
#ifndef QMAC_TIME_DRAM_H
#define QMAC_TIME_DRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/hw.h"

enum { QMAC_DRAM_BANKS_MAX = 64 };

struct qmac_dram {
	uint64_t step;              /* 1/256 cycles from beat to beat */
	uint64_t latency, miss, turnaround;
	uint64_t data_free;         /* when the data bus is free again */
	bool last_write;
	int bank_shift, bank_mask;  /* bank = address >> bank_shift & bank_mask */
	int row_shift;              /* row = address >> row_shift */
	uint64_t open_row[QMAC_DRAM_BANKS_MAX]; /* row + 1; 0: none */
};

void qmac_dram_init(struct qmac_dram *dram, const struct qmac_hw *hw);

/*
 * A burst requested in `cycle`: returns the time (1/256 cycles) of beat 0. Beat i is there in cycle
 * (first + i * step) / 256, a write's response in cycle (first + beats * step) / 256.
 */
uint64_t qmac_dram_burst(struct qmac_dram *dram, uint64_t cycle, uint64_t address, uint32_t beats,
                         bool is_write);

#endif
