/*
 * The layers of a topology file, in the directions asked for, on one device: what each takes, as a table and
 * as SCALE-Sim's COMPUTE_REPORT.csv (docs/shapes.md).
 */
#ifndef QMAC_TOPOLOGY_ESTIMATE_H
#define QMAC_TOPOLOGY_ESTIMATE_H

#include <stdio.h>

#include "cost/energy.h"
#include "topology/cost.h"

/* Forward, data gradient, weight gradient. */
enum { QMAC_TOPOLOGY_DIRECTIONS = 3 };
extern const enum qmac_direction qmac_topology_directions[QMAC_TOPOLOGY_DIRECTIONS];

struct qmac_topology_estimate {
	struct qmac_hw hw;
	struct qmac_topology topology;
	bool training;
	/* Of one of its copies, by layer, then by direction; false in `has`: nobody needs it. */
	struct qmac_layer_cost (*cost)[QMAC_TOPOLOGY_DIRECTIONS];
	bool (*has)[QMAC_TOPOLOGY_DIRECTIONS];
};

/*
 * Takes the topology over. Without `training` every layer has its forward direction alone; with it all but
 * the first have a data gradient, and all a weight gradient. Free also after a failure. Fails, too, when the
 * process is asked to stop.
 */
QMAC_MUST_CHECK enum qmac_status qmac_topology_estimate(struct qmac_topology_estimate *estimate,
                                                        struct qmac_topology *topology,
                                                        const struct qmac_topology_options *options,
                                                        bool training, const struct qmac_hw *hw,
                                                        struct qmac_error *err);
void qmac_topology_estimate_free(struct qmac_topology_estimate *estimate);

/* Over all layers, copies and directions; direction -1: all, else 0 .. QMAC_TOPOLOGY_DIRECTIONS - 1. */
struct qmac_layer_cost qmac_topology_total(const struct qmac_topology_estimate *estimate, int direction);

/*
 * A row for each layer and direction, and their sum; with a table of energies also the joules of each, with
 * this memory, and their band under the table of rows. energy NULL: without. Nothing where memory is short.
 */
void qmac_topology_print(const struct qmac_topology_estimate *estimate,
                         const struct qmac_energy_table *energy, enum qmac_dram_kind dram, FILE *out);

/* A direction's report: a line for each layer, and each copy, that has it. */
void qmac_topology_report(const struct qmac_topology_estimate *estimate, int direction, FILE *out);

/* The name of that file. */
extern const char *const qmac_topology_report_names[QMAC_TOPOLOGY_DIRECTIONS];

/*
 * Writes the reports into the folder, which it makes: all of them, or none. Those of an earlier estimate for
 * directions that this one has not are removed.
 */
QMAC_MUST_CHECK enum qmac_status qmac_topology_write(const struct qmac_topology_estimate *estimate,
                                                     const char *folder, struct qmac_error *err);

#endif
