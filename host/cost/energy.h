/*
 * Energy: counts of what a device did, times energy per action. docs/cost.md has every equation, the sources
 * of the coefficients, and what is not modelled.
 *
 * Every coefficient has a low, a nominal and a high value, and so has every result: the band of the sources.
 * A result is linear in the counts. So what parts have spent, layers, directions or epochs, whose counts sum
 * to those of the whole, sums to what the whole has spent, but for the rounding of doubles.
 */
#ifndef QMAC_COST_ENERGY_H
#define QMAC_COST_ENERGY_H

#include <stdint.h>

#include "count/count.h"
#include "hw/hw.h"

enum qmac_energy_coefficient {
#define COEFFICIENT(upper, lower, scale, unit, help) QMAC_ENERGY_##upper,
#include "cost/coefficients.def"
#undef COEFFICIENT
	QMAC_ENERGY_COEFFICIENTS
};

struct qmac_band {
	double low, nominal, high;
};

struct qmac_energy_coefficient_value {
	struct qmac_band band;   /* 0 < low <= nominal <= high, in the unit of coefficients.def */
	char unit[16];
	char node[32];           /* "45 nm, 0.9 V" */
	char source[256];
};

/* All coefficients; host/config/energy_file.h reads one from YAML. */
struct qmac_energy_table {
	char name[64];
	struct qmac_energy_coefficient_value of[QMAC_ENERGY_COEFFICIENTS];
};

/* Memory chips that a table knows, in the order of the words; NONE: another one, of no known energy. */
#define QMAC_DRAM_ENERGY_WORDS "ddr3|ddr4|gddr5|lpddr4|hbm2|none"
enum qmac_dram_kind {
	QMAC_DRAM_DDR3, QMAC_DRAM_DDR4, QMAC_DRAM_GDDR5, QMAC_DRAM_LPDDR4, QMAC_DRAM_HBM2, QMAC_DRAM_NONE
};

/* Parts of a device, and its memory, that spend energy. */
enum qmac_energy_component {
	QMAC_ENERGY_MAC,              /* products, their sums, and ACC's additions */
	QMAC_ENERGY_VEC,              /* multiplications, additions and pipeline of VEC */
	QMAC_ENERGY_REQUANTISE,       /* shift, rounding and clamp behind it */
	QMAC_ENERGY_RANDOM,           /* random bits of stochastic rounding */
	QMAC_ENERGY_LOOKUP,           /* the lookup table */
	QMAC_ENERGY_A, QMAC_ENERGY_W, QMAC_ENERGY_ACC, /* scratchpads */
	QMAC_ENERGY_CONTROL,          /* clock of the registers outside of the array */
	QMAC_ENERGY_LEAKAGE,
	QMAC_ENERGY_DRAM_DATA,
	QMAC_ENERGY_DRAM_DESCRIPTORS,
	QMAC_ENERGY_COMPONENTS
};

/* In files: "mac", "dram_data". */
extern const char *const qmac_energy_component_names[QMAC_ENERGY_COMPONENTS];

/*
 * Joules for these counts (count/count.h: counters and actions) on hw, by component, and of all together.
 * Of the counters it looks at MACS, ZERO_MACS (only with hw->zero_gating), VEC_MULTS, those of rows, of table
 * words and of bytes, and at CYCLES. by_component may be NULL. dram is not NONE.
 */
struct qmac_band qmac_energy(const struct qmac_energy_table *table, const struct qmac_hw *hw,
                             enum qmac_dram_kind dram, const uint64_t counts[QMAC_COUNTS],
                             struct qmac_band by_component[QMAC_ENERGY_COMPONENTS]);

/*
 * Picojoules of one MAC of operands of a_bits and w_bits, whose sum has acc_bits:
 * k1 a_bits w_bits + k2 acc_bits + k3 (a_bits + w_bits), k1 to k3 being the coefficients multiplier,
 * accumulator and register.
 */
struct qmac_band qmac_energy_of_mac(const struct qmac_energy_table *table, int a_bits, int w_bits,
                                    int acc_bits);

#endif
