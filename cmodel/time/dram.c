#include "time/dram.h"

#include <string.h>

enum { INTERLEAVE = 2048 }; /* bytes of one bank before those of the next, as far as a row has so many */

static int log2_of(int power)
{
	int n = 0;

	while (power >> (n + 1))
		n++;
	return n;
}

void qmac_dram_init(struct qmac_dram *dram, const struct qmac_hw *hw)
{
	uint64_t step = ((uint64_t)hw->bus_bytes * 65536 + (uint64_t)hw->dram_bytes_per_cycle - 1) /
	                (uint64_t)hw->dram_bytes_per_cycle;

	memset(dram, 0, sizeof *dram);
	dram->step = step > 256 ? step : 256;
	dram->latency = (uint64_t)hw->dram_latency * 256;
	dram->miss = (uint64_t)hw->dram_miss * 256;
	dram->turnaround = (uint64_t)hw->dram_turnaround * 256;
	dram->bank_mask = hw->dram_banks - 1;
	dram->bank_shift = log2_of(hw->dram_row_bytes < INTERLEAVE ? hw->dram_row_bytes : INTERLEAVE);
	/* One row of every bank together covers banks * row_bytes consecutive bytes. */
	dram->row_shift = log2_of(hw->dram_banks) + log2_of(hw->dram_row_bytes);
}

uint64_t qmac_dram_burst(struct qmac_dram *dram, uint64_t cycle, uint64_t address, uint32_t beats,
                         bool is_write)
{
	uint64_t *open = &dram->open_row[address >> dram->bank_shift & (uint64_t)dram->bank_mask];
	uint64_t row = (address >> dram->row_shift) + 1;
	uint64_t first = cycle * 256 + dram->latency + (*open == row ? 0 : dram->miss);
	uint64_t bus = dram->data_free + (dram->last_write != is_write ? dram->turnaround : 0);

	if (first < bus)
		first = bus;
	*open = row;
	dram->last_write = is_write;
	dram->data_free = first + beats * dram->step;
	return first;
}
