#include "cost/energy.h"

#include <assert.h>
#include <stddef.h>

/* Widths that are those of the RTL (rtl/qmac_vec_lane.v, rtl/qmac_dither_lane.v). */
enum {
	VEC_STAGES = 6,        /* registers that an element passes in its lane */
	VEC_MULTIPLIERS = 2,   /* of a lane: affine has two products */
	FACTOR_BITS = QMAC_MULT_BITS,
	TAIL_BITS = 64,        /* of x, before it is shifted, rounded and clamped */
	DRAW_BITS = 10 * 16 * 4, /* ten rounds of four operations of 16 bits */
	WORD_BITS = 32,        /* of a memory's port */
	WORD_BYTES = 4,
	COMMAND_BITS = 8 * QMAC_COMMAND_BYTES
};

const char *const qmac_energy_component_names[QMAC_ENERGY_COMPONENTS] = {
	[QMAC_ENERGY_MAC] = "mac", [QMAC_ENERGY_VEC] = "vec", [QMAC_ENERGY_REQUANTISE] = "requantise",
	[QMAC_ENERGY_RANDOM] = "random", [QMAC_ENERGY_LOOKUP] = "lookup", [QMAC_ENERGY_A] = "sram_a",
	[QMAC_ENERGY_W] = "sram_w", [QMAC_ENERGY_ACC] = "sram_acc", [QMAC_ENERGY_CONTROL] = "control",
	[QMAC_ENERGY_LEAKAGE] = "leakage", [QMAC_ENERGY_DRAM_DATA] = "dram_data",
	[QMAC_ENERGY_DRAM_DESCRIPTORS] = "dram_descriptors",
};

/* One of the three values of a band, after the other. */
struct pricing {
	const struct qmac_energy_table *table;
	size_t value; /* offset in a band */
	const struct qmac_hw *hw;
	const uint64_t *counts;
};

static double price(const struct pricing *p, int coefficient)
{
	return *(const double *)(const void *)((const char *)&p->table->of[coefficient].band + p->value);
}

static double count(const struct pricing *p, int counter)
{
	return (double)p->counts[counter];
}

/* ---- memories ------------------------------------------------------------------- */

/*
 * Of a memory of so many bytes with a port of 32 bits, from the coefficients of six sizes, the first of which
 * is `first`: on the straight line between two sizes. A larger memory consists of blocks of the largest.
 */
static double of_size(const struct pricing *p, int first, double bytes)
{
	static const double sizes[] = {128, 512, 1024, 2048, 4096, 16384};
	enum { SIZES = sizeof sizes / sizeof sizes[0] };
	int i = 0;
	double low, high;

	if (bytes <= sizes[0])
		return price(p, first);
	while (i < SIZES - 2 && bytes > sizes[i + 1])
		i++;
	if (bytes > sizes[SIZES - 1])
		bytes = sizes[SIZES - 1];
	low = price(p, first + i);
	high = price(p, first + i + 1);
	return low + (high - low) * (bytes - sizes[i]) / (sizes[i + 1] - sizes[i]);
}

static double largest_block(double bytes)
{
	return bytes < 16384 ? bytes : 16384;
}

/* A scratchpad: two banks of `depth` / 2 rows, a row being words of 32 bits side by side. */
struct scratchpad {
	double row_bits, bank_bytes; /* bank_bytes: of one word's column */
};

static struct scratchpad scratchpad_of(int depth, int lanes, int bits)
{
	return (struct scratchpad){(double)lanes * bits, (double)depth / 2 * WORD_BYTES};
}

static double row_energy(const struct pricing *p, struct scratchpad pad, int reads, int writes)
{
	double read = of_size(p, QMAC_ENERGY_SRAM_READ_128, pad.bank_bytes);
	double write = of_size(p, QMAC_ENERGY_SRAM_WRITE_128, pad.bank_bytes);

	return pad.row_bits / WORD_BITS * (count(p, reads) * read + count(p, writes) * write);
}

/* Milliwatts of both banks. */
static double pad_leakage(const struct pricing *p, struct scratchpad pad)
{
	double block = largest_block(pad.bank_bytes);

	return 2 * pad.row_bits / WORD_BITS * pad.bank_bytes / block *
	       of_size(p, QMAC_ENERGY_SRAM_LEAK_128, block);
}

static double table_bytes(const struct qmac_hw *hw)
{
	return (double)(1 << hw->lut_bits) * WORD_BYTES;
}

/* ---- the array, VEC and the rest --------------------------------------------------- */

/* Lanes of VEC, and the width of their operands. */
static int lanes_of(const struct qmac_hw *hw)
{
	return hw->rows > hw->cols ? hw->rows : hw->cols;
}

static int source_bits(const struct qmac_hw *hw)
{
	return hw->acc_bits > WORD_BITS ? hw->acc_bits : WORD_BITS;
}

static double sum_energy(const struct pricing *p, int a_bits, int w_bits, int acc_bits)
{
	return price(p, QMAC_ENERGY_ACCUMULATOR) * acc_bits + price(p, QMAC_ENERGY_REGISTER) * (a_bits + w_bits);
}

static double product_energy(const struct pricing *p, int a_bits, int w_bits)
{
	return price(p, QMAC_ENERGY_MULTIPLIER) * a_bits * w_bits;
}

static double mac_energy(const struct pricing *p)
{
	const struct qmac_hw *hw = p->hw;
	double macs = count(p, QMAC_COUNTER_MACS);
	double products = hw->zero_gating ? macs - count(p, QMAC_COUNTER_ZERO_MACS) : macs;

	return products * product_energy(p, hw->a_bits, hw->w_bits) +
	       macs * sum_energy(p, hw->a_bits, hw->w_bits, qmac_hw_psum_bits(hw)) +
	       count(p, QMAC_ACTION_PRELOADS) * price(p, QMAC_ENERGY_REGISTER) * hw->rows * hw->w_bits +
	       count(p, QMAC_ACTION_ACC_SUMS) * hw->acc_bits *
	       (price(p, QMAC_ENERGY_ADDER) + price(p, QMAC_ENERGY_SHIFTER));
}

static double vec_energy(const struct pricing *p)
{
	int bits = source_bits(p->hw);

	return count(p, QMAC_COUNTER_VEC_MULTS) * product_energy(p, bits, FACTOR_BITS) +
	       count(p, QMAC_ACTION_VEC_ADDS) * price(p, QMAC_ENERGY_ADDER) * bits +
	       count(p, QMAC_ACTION_VEC_ELEMENTS) * price(p, QMAC_ENERGY_REGISTER) * VEC_STAGES * bits;
}

static double requantise_energy(const struct pricing *p)
{
	return count(p, QMAC_ACTION_REQUANTISATIONS) * TAIL_BITS *
	       (price(p, QMAC_ENERGY_SHIFTER) + price(p, QMAC_ENERGY_ADDER) + price(p, QMAC_ENERGY_COMPARATOR));
}

static double lookup_energy(const struct pricing *p)
{
	double bytes = table_bytes(p->hw);

	return count(p, QMAC_COUNTER_LUT_READS) * of_size(p, QMAC_ENERGY_SRAM_READ_128, bytes) +
	       count(p, QMAC_COUNTER_LUT_WRITES) * of_size(p, QMAC_ENERGY_SRAM_WRITE_128, bytes);
}

/* The queues of the engines and the command that each has under way; the memory's streams. */
static double control_energy(const struct pricing *p)
{
	const struct qmac_hw *hw = p->hw;
	double bits = 3.0 * (hw->queue_depth + 1) * COMMAND_BITS + 2.0 * 8 * hw->bus_bytes;

	return count(p, QMAC_COUNTER_CYCLES) * bits * price(p, QMAC_ENERGY_CLOCK);
}

/* Milliwatts of the logic. */
static double logic_leakage(const struct pricing *p)
{
	const struct qmac_hw *hw = p->hw;
	double multiplier = price(p, QMAC_ENERGY_LEAK_MULTIPLIER), bit = price(p, QMAC_ENERGY_LEAK_REGISTER);
	int bits = source_bits(hw);
	int registers = hw->a_bits + hw->w_bits + qmac_hw_psum_bits(hw);
	double pe = multiplier * hw->a_bits * hw->w_bits + bit * registers;
	double lane = multiplier * VEC_MULTIPLIERS * bits * FACTOR_BITS + bit * VEC_STAGES * bits;

	return 1e-3 * (pe * hw->rows * hw->cols + lane * lanes_of(hw));
}

/* ---- the whole --------------------------------------------------------------------- */

/* A milliwatt for a microsecond is a nanojoule: 1,000 pJ. */
static double leakage_energy(const struct pricing *p)
{
	const struct qmac_hw *hw = p->hw;
	double block = largest_block(table_bytes(hw));
	double power = logic_leakage(p) + pad_leakage(p, scratchpad_of(hw->a_depth, hw->rows, hw->a_bits)) +
	               pad_leakage(p, scratchpad_of(hw->w_depth, hw->cols, hw->w_bits)) +
	               pad_leakage(p, scratchpad_of(hw->acc_depth, hw->cols, hw->acc_bits)) +
	               of_size(p, QMAC_ENERGY_SRAM_LEAK_128, block);

	return 1e3 * power * count(p, QMAC_COUNTER_CYCLES) / hw->clock_mhz;
}

/* Picojoules. */
static double component_energy(const struct pricing *p, int read, enum qmac_energy_component component)
{
	const struct qmac_hw *hw = p->hw;

	switch (component) {
	case QMAC_ENERGY_MAC:
		return mac_energy(p);
	case QMAC_ENERGY_VEC:
		return vec_energy(p);
	case QMAC_ENERGY_REQUANTISE:
		return requantise_energy(p);
	case QMAC_ENERGY_RANDOM:
		return count(p, QMAC_ACTION_DRAWS) * price(p, QMAC_ENERGY_LOGIC) * DRAW_BITS;
	case QMAC_ENERGY_LOOKUP:
		return lookup_energy(p);
	case QMAC_ENERGY_A:
		return row_energy(p, scratchpad_of(hw->a_depth, hw->rows, hw->a_bits), QMAC_COUNTER_A_READS,
		                  QMAC_COUNTER_A_WRITES);
	case QMAC_ENERGY_W:
		return row_energy(p, scratchpad_of(hw->w_depth, hw->cols, hw->w_bits), QMAC_COUNTER_W_READS,
		                  QMAC_COUNTER_W_WRITES);
	case QMAC_ENERGY_ACC:
		return row_energy(p, scratchpad_of(hw->acc_depth, hw->cols, hw->acc_bits), QMAC_COUNTER_ACC_READS,
		                  QMAC_COUNTER_ACC_WRITES);
	case QMAC_ENERGY_CONTROL:
		return control_energy(p);
	case QMAC_ENERGY_LEAKAGE:
		return leakage_energy(p);
	case QMAC_ENERGY_DRAM_DATA:
		return 8 * (count(p, QMAC_COUNTER_DRAM_READ_BYTES) * price(p, read) +
		            count(p, QMAC_COUNTER_DRAM_WRITE_BYTES) * price(p, read + 1));
	case QMAC_ENERGY_DRAM_DESCRIPTORS:
		return 8 * count(p, QMAC_COUNTER_FETCH_BYTES) * price(p, read);
	default:
		assert(0);
		return 0;
	}
}

static const size_t values[] = {
	offsetof(struct qmac_band, low), offsetof(struct qmac_band, nominal), offsetof(struct qmac_band, high),
};
enum { VALUES = sizeof values / sizeof values[0] };

static double *value_of(struct qmac_band *band, int i)
{
	return (double *)(void *)((char *)band + values[i]);
}

struct qmac_band qmac_energy(const struct qmac_energy_table *table, const struct qmac_hw *hw,
                             enum qmac_dram_kind dram, const uint64_t counts[QMAC_COUNTS],
                             struct qmac_band by_component[QMAC_ENERGY_COMPONENTS])
{
	int read = QMAC_ENERGY_DDR3_READ + 2 * (int)dram;
	struct qmac_band total = {0, 0, 0};

	assert(dram < QMAC_DRAM_NONE);
	for (int i = 0; i < VALUES; i++) {
		const struct pricing p = {table, values[i], hw, counts};

		for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++) {
			double joules = 1e-12 * component_energy(&p, read, (enum qmac_energy_component)c);

			*value_of(&total, i) += joules;
			if (by_component)
				*value_of(&by_component[c], i) = joules;
		}
	}
	return total;
}

struct qmac_band qmac_energy_of_mac(const struct qmac_energy_table *table, int a_bits, int w_bits,
                                    int acc_bits)
{
	struct qmac_band mac;

	for (int i = 0; i < VALUES; i++) {
		const struct pricing p = {table, values[i], NULL, NULL};

		*value_of(&mac, i) = product_energy(&p, a_bits, w_bits) + sum_energy(&p, a_bits, w_bits, acc_bits);
	}
	return mac;
}
