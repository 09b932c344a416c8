/*
 * Reads a table of the area model (configs/area/) from YAML: docs/area.md.
 */
#ifndef QMAC_CONFIG_AREA_FILE_H
#define QMAC_CONFIG_AREA_FILE_H

#include <stdio.h>

#include "cost/area.h"

/*
 * file "": the table that is part of the program, configs/area/osu018_180nm.yaml as it was when it was built.
 * A file has `library`, `um2_per_gate`, `um2_per_bit` and every coefficient of area.def. Each of them but the
 * first has value, unit, node and source: the value is a number of at least 0 (um2_per_gate: above 0;
 * um2_per_bit: above 0, or `not established`). `base`, and what is refused: config/cost_file.h.
 */
QMAC_MUST_CHECK enum qmac_status qmac_area_load(struct qmac_area_table *table, const char *file,
                                                struct qmac_error *err);

/* Writes YAML that qmac_area_load reads back to the same values; never with a base. */
void qmac_area_print(const struct qmac_area_table *table, FILE *out);

#endif
