/* What the costs of a topology's layers are printed as, for people and for SCALE-Sim's readers. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/record.h"
#include "report/atomic_file.h"
#include "report/table.h"
#include "topology/estimate.h"

const char *const qmac_topology_report_names[QMAC_TOPOLOGY_DIRECTIONS] = {
	"COMPUTE_REPORT.csv", "DATA_GRAD_COMPUTE_REPORT.csv", "WEIGHT_GRAD_COMPUTE_REPORT.csv",
};

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

/* MACs that the array could do in so many cycles. */
static double capacity(const struct qmac_hw *hw, uint64_t cycles)
{
	return (double)cycles * hw->rows * hw->cols;
}

/* ---- the table --------------------------------------------------------------------------- */

struct printer {
	const struct qmac_topology_estimate *estimate;
	const struct qmac_energy_table *energy; /* NULL: none */
	enum qmac_dram_kind dram;
	struct qmac_table *table;
};

static struct qmac_band energy_of(const struct printer *p, const struct qmac_layer_cost *cost)
{
	return qmac_energy(p->energy, &p->estimate->hw, p->dram, cost->counts, NULL);
}

static void add_row(const struct printer *p, const char *layer, const char *direction,
                    const struct qmac_layer_cost *cost)
{
	const uint64_t *c = cost->counts;
	const struct qmac_cost_cycles cycles = cost->cycles;
	const uint64_t counts[] = {
		c[QMAC_COUNTER_MACS], cycles.all, cycles.other, cycles.waits, cycles.starved, cycles.idle,
		c[QMAC_COUNTER_DRAM_READ_BYTES], c[QMAC_COUNTER_DRAM_WRITE_BYTES], c[QMAC_COUNTER_FETCH_BYTES],
	};

	qmac_table_add(p->table, "%s", layer);
	qmac_table_add(p->table, "%s", direction);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		qmac_table_add_count(p->table, (double)counts[i]);
		if (i == 1)
			qmac_table_add(p->table, "%.1f %%", percent((double)c[QMAC_COUNTER_MACS],
			                                            capacity(&p->estimate->hw, cycles.all)));
	}
	if (p->energy)
		qmac_table_add(p->table, "%.3e", energy_of(p, cost).nominal);
}

static void add_layer(const struct printer *p, int i)
{
	const struct qmac_topology_estimate *e = p->estimate;
	const struct qmac_topology_layer *layer = &e->topology.layers[i];
	char name[QMAC_TOPOLOGY_NAME + 24];

	snprintf(name, sizeof name, "%s", layer->name);
	if (layer->is_depthwise)
		snprintf(name, sizeof name, "%s (%" PRId64 " x)", layer->name, layer->copies);
	for (int d = 0; d < QMAC_TOPOLOGY_DIRECTIONS; d++) {
		struct qmac_layer_cost all = {.cycles = {0}};

		if (!e->has[i][d])
			continue;
		qmac_layer_cost_add(&all, &e->cost[i][d], layer->copies);
		add_row(p, name, qmac_direction_name(qmac_topology_directions[d]), &all);
	}
}

void qmac_topology_print(const struct qmac_topology_estimate *estimate,
                         const struct qmac_energy_table *energy, enum qmac_dram_kind dram, FILE *out)
{
	static const char *const heads[] = {"layer", "direction", "MACs", "cycles", "array", "other", "waits",
	                                    "starved", "idle", "bytes read", "written", "descriptors", "joules"};
	int columns = (int)(sizeof heads / sizeof heads[0]) - !energy;
	struct printer p = {estimate, energy, dram, qmac_table_create(columns)};
	struct qmac_layer_cost total = qmac_topology_total(estimate, -1);
	struct qmac_band band;

	if (!p.table)
		return;
	for (int i = 0; i < columns; i++)
		qmac_table_add(p.table, "%s", heads[i]);
	for (int i = 0; i < estimate->topology.count; i++)
		add_layer(&p, i);
	add_row(&p, "total", "", &total);
	qmac_table_print(p.table, out);
	qmac_table_destroy(p.table);
	if (!energy)
		return;
	band = energy_of(&p, &total);
	fprintf(out, "energy: %.3e J, by other sources from %.3e to %.3e\n", band.nominal, band.low, band.high);
}

/* ---- COMPUTE_REPORT.csv ------------------------------------------------------------------ */

static void report_line(int64_t id, const struct qmac_layer_cost *cost, const struct qmac_hw *hw, FILE *out)
{
	struct qmac_cost_cycles cycles = cost->cycles;
	double macs = (double)cost->counts[QMAC_COUNTER_MACS], of_array = capacity(hw, cycles.array);
	uint64_t total = cycles.all - cycles.prefetch, busy = cycles.array + cycles.other;

	fprintf(out, "%" PRId64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %.6f, %.6f, %.6f,\n", id, cycles.all,
	        total, total - busy, percent(macs, capacity(hw, total)), percent(macs, of_array),
	        percent(macs, capacity(hw, busy)));
}

void qmac_topology_report(const struct qmac_topology_estimate *estimate, int direction, FILE *out)
{
	int64_t id = 0;

	fputs("LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles, Overall Util %, "
	      "Mapping Efficiency %, Compute Util %,\n", out);
	for (int i = 0; i < estimate->topology.count; i++)
		for (int64_t copy = 0; copy < estimate->topology.layers[i].copies; copy++, id++)
			if (estimate->has[i][direction])
				report_line(id, &estimate->cost[i][direction], &estimate->hw, out);
}

/* Of an earlier estimate, for a direction that this one has not. */
static enum qmac_status remove_report(const char *folder, const char *name, struct qmac_error *err)
{
	char path[1200];

	if (snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && unlink(path) &&
	    errno != ENOENT)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot remove %s: %s", path, strerror(errno));
	return QMAC_OK;
}

enum qmac_status qmac_topology_write(const struct qmac_topology_estimate *estimate, const char *folder,
                                     struct qmac_error *err)
{
	struct qmac_atomic_file files[QMAC_TOPOLOGY_DIRECTIONS] = {{.stream = NULL}};
	int count = estimate->training ? QMAC_TOPOLOGY_DIRECTIONS : 1;
	enum qmac_status status = qmac_make_folder(folder, err);

	for (int d = 0; !status && d < count; d++) {
		status = qmac_atomic_open(&files[d], folder, qmac_topology_report_names[d], err);
		if (!status) {
			qmac_topology_report(estimate, d, files[d].stream);
			status = qmac_atomic_finish(&files[d], NULL, err);
		}
	}
	for (int d = 0; !status && d < count; d++)
		status = qmac_atomic_place(&files[d], err);
	for (int d = 0; d < count; d++)
		qmac_atomic_abandon(&files[d]);
	for (int d = count; !status && d < QMAC_TOPOLOGY_DIRECTIONS; d++)
		status = remove_report(folder, qmac_topology_report_names[d], err);
	return status ? status : qmac_folder_sync(folder, err);
}
