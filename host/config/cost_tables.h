/*
 * The tables of costs that a run looks at.
 */
#ifndef QMAC_CONFIG_COST_TABLES_H
#define QMAC_CONFIG_COST_TABLES_H

#include "config/area_file.h"
#include "config/energy_file.h"
#include "config/run_config.h"

struct qmac_cost_tables {
	struct qmac_energy_table energy;
	struct qmac_area_table area;
};

/* Those of qmac_run_energy() and qmac_run_area(). */
QMAC_MUST_CHECK enum qmac_status qmac_cost_tables_load(struct qmac_cost_tables *tables,
                                                       const struct qmac_run *run, struct qmac_error *err);

#endif
