/*
 * Reads an energy table (configs/energy/) from YAML: docs/cost.md.
 */
#ifndef QMAC_CONFIG_ENERGY_FILE_H
#define QMAC_CONFIG_ENERGY_FILE_H

#include <stdio.h>

#include "config/key_table.h"
#include "cost/energy.h"

/* The keys of such a file, six of each coefficient, and of one that scales another. */
extern const struct qmac_key_table qmac_energy_key_table;

/*
 * file "": the table that is part of the program, configs/energy/default_45nm.yaml as it was when it was
 * built. A coefficient has low, nominal, high, unit, source and node; `base`, another table, and two factors
 * may stand for coefficients. What is refused: config/cost_file.h.
 */
QMAC_MUST_CHECK enum qmac_status qmac_energy_load(struct qmac_energy_table *table, const char *file,
                                                  struct qmac_error *err);

/* Writes YAML that qmac_energy_load reads back to the same values; never with a base. */
void qmac_energy_print(const struct qmac_energy_table *table, FILE *out);

#endif
