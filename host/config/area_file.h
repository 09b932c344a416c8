/*
 * Reads a table of the area model (configs/area/) from YAML.
 */
#ifndef QMAC_CONFIG_AREA_FILE_H
#define QMAC_CONFIG_AREA_FILE_H

#include "cost/area.h"

/*
 * The file has `library`, `um2_per_gate`, `um2_per_bit` and every coefficient of area.def. Each of them but
 * the first is a mapping {value, unit, source, node_nm}, all of which must be there: the value is a number
 * of at least 0 (um2_per_gate: above 0; um2_per_bit: above 0, or `not established`), the unit the one that is
 * expected, the source a text that is not empty. With the key `base`, a path from the file's folder, another
 * file's figures hold where this one has none; a base has no base.
 * Missing, unknown (with the nearest), duplicate and wrong keys are refused with file:line:column.
 */
QMAC_MUST_CHECK enum qmac_status qmac_area_load(struct qmac_area_table *table, const char *file,
                                                struct qmac_error *err);

#endif
