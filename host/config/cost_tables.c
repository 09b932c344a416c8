#include "config/cost_tables.h"

enum qmac_status qmac_cost_tables_load(struct qmac_cost_tables *tables, const struct qmac_run *run,
                                       struct qmac_error *err)
{
	enum qmac_status status = qmac_energy_load(&tables->energy, qmac_run_energy(run), err);

	return status ? status : qmac_area_load(&tables->area, qmac_run_area(run), err);
}
