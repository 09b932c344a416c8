#include "fuzz/hardware.h"

#include <string.h>

#include "fuzz/random.h"

/* Of an operand; wide ones, whose sums leave 32 bits, as often as narrow ones. */
static int operand_bits(uint64_t *rng)
{
	return (int)qmac_fuzz_pick(rng, qmac_fuzz_chance(rng, 3) ? 12 : 2, 16);
}

/* Often hardly wider than one product, so that a few of them fill it. */
static int acc_bits(uint64_t *rng, int product_bits)
{
	int low = product_bits < 16 ? 16 : product_bits;

	return (int)qmac_fuzz_pick(rng, qmac_fuzz_chance(rng, 2) ? low : 16, 64);
}

/* All but the size of the array. */
static void fill(uint64_t *rng, struct qmac_hw *hw)
{
	int longest;

	hw->a_bits = operand_bits(rng);
	hw->w_bits = operand_bits(rng);
	hw->acc_bits = acc_bits(rng, hw->a_bits + hw->w_bits);
	hw->acc_overflow = (int)qmac_fuzz_below(rng, 2);
	hw->os_max = 256 << qmac_fuzz_below(rng, 9);
	longest = hw->rows > hw->cols ? hw->rows : hw->cols;
	hw->a_depth = (int)(2 * longest + 2 * qmac_fuzz_pick(rng, 0, 96));
	hw->w_depth = (int)(2 * longest + 2 * qmac_fuzz_pick(rng, 0, 96));
	hw->acc_depth = (int)(2 * longest + 2 * qmac_fuzz_pick(rng, 0, 96));
	hw->bus_bytes = 4 << qmac_fuzz_below(rng, 5);
	hw->burst_beats = (int)qmac_fuzz_pick(rng, 1, 256);
	hw->outstanding = (int)qmac_fuzz_pick(rng, 1, 16);
	hw->queue_depth = (int)qmac_fuzz_pick(rng, 1, 16);
	hw->lut_bits = (int)qmac_fuzz_pick(rng, 4, qmac_fuzz_chance(rng, 8) ? 12 : 6);
	hw->lut_ports = (int)qmac_fuzz_pick(rng, 1, hw->cols);
	hw->mac_style = QMAC_STYLE_PARALLEL;
	hw->zero_gating = (int)qmac_fuzz_below(rng, 2);
	hw->clock_mhz = (int)qmac_fuzz_pick(rng, 1, 5000);
	hw->dram_latency = (int)qmac_fuzz_pick(rng, 0, 200);
	hw->dram_bytes_per_cycle = (int)qmac_fuzz_pick(rng, 256, 64 * 256);
	hw->dram_banks = 1 << qmac_fuzz_below(rng, 7);
	hw->dram_row_bytes = 256 << qmac_fuzz_below(rng, 9);
	hw->dram_miss = (int)qmac_fuzz_pick(rng, 0, 60);
	hw->dram_turnaround = (int)qmac_fuzz_pick(rng, 0, 20);
}

void qmac_fuzz_hw(uint64_t *rng, struct qmac_hw *hw)
{
	memset(hw, 0, sizeof *hw);
	hw->rows = (int)qmac_fuzz_pick(rng, 1, qmac_fuzz_chance(rng, 4) ? 64 : 12);
	hw->cols = (int)qmac_fuzz_pick(rng, 1, qmac_fuzz_chance(rng, 4) ? 64 : 12);
	fill(rng, hw);
}

void qmac_fuzz_hw_small(uint64_t *rng, struct qmac_hw *hw)
{
	/* PEs, about what a compiler takes its time for. */
	static const int most[] = {16, 16, 64, 64, 64, 64, 64, 144, 144, 400};
	int64_t pes = most[qmac_fuzz_below(rng, 10)], longest, one, other;

	memset(hw, 0, sizeof *hw);
	longest = qmac_fuzz_chance(rng, 6) ? 64 : 12; /* a side of 64 leaves few for the other one */
	longest = longest < pes ? longest : pes;
	one = qmac_fuzz_pick(rng, 1, longest);
	other = qmac_fuzz_pick(rng, 1, pes / one < longest ? pes / one : longest);
	if (qmac_fuzz_chance(rng, 2)) {
		hw->rows = (int)one;
		hw->cols = (int)other;
	} else {
		hw->rows = (int)other;
		hw->cols = (int)one;
	}
	fill(rng, hw);
}
