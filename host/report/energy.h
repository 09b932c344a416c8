/*
 * Energy in result files (docs/cost.md): of a row of a table, and the object `energy` of summary.json.
 */
#ifndef QMAC_REPORT_ENERGY_H
#define QMAC_REPORT_ENERGY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/hw_file.h"
#include "cost/energy.h"

/* By what counts become joules. */
struct qmac_tariff {
	const struct qmac_energy_table *table;
	const struct qmac_hw_file *hw;
	bool uses_device;     /* without a device there is no energy */
	bool zeros_by_share;  /* some products with a zero operand are known by a share alone (zeros.h) */
	const char *no_zeros; /* products with a zero operand are not known: "from epoch 3 on"; NULL: they are */
};

/* Why there is no energy; NULL: there is. */
const char *qmac_tariff_lacks(const struct qmac_tariff *tariff);

/* Joules of these counts, and their band; all three NaN where there is no energy. */
struct qmac_band qmac_tariff_joules(const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS]);

/* The same of each component. */
void qmac_tariff_components(const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS],
                            double joules[QMAC_ENERGY_COMPONENTS]);

/*
 * Members of summary.json: energy_j, energy_low_j, energy_high_j, energy_note, and `energy`, the bands of the
 * components. counts: of the whole run.
 */
void qmac_tariff_write(FILE *out, const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS]);

#endif
