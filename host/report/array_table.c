#include "report/array_table.h"

#include <math.h>

#include "report/table.h"

enum { LANES, VECTORS, WAITS, LOSSES };

struct use {
	double cycles, array, loss[LOSSES];
};

/* Takes a share off what is left. */
static double take(double *left, double share)
{
	double taken = fmin(fmax(share, 0), *left);

	*left -= taken;
	return taken;
}

static struct use use_of(double cycles, const struct qmac_array_use *spent, const struct qmac_hw *hw)
{
	struct use use = {.cycles = cycles};
	double left = 1;

	use.array = take(&left, spent->macs / cycles / hw->rows / hw->cols);
	use.loss[LANES] = take(&left, spent->a_reads / cycles - use.array);
	use.loss[VECTORS] = take(&left, (spent->execute_busy - spent->a_reads) / cycles);
	use.loss[WAITS] = left;
	return use;
}

/* Where most of what the array does not use goes to. */
static const char *reason(const struct use *use, const struct qmac_array_use *spent)
{
	int most = LANES;

	for (int i = 0; i < LOSSES; i++)
		if (use->loss[i] > use->loss[most])
			most = i;
	if (most == LANES)
		return "fewer channels than lanes";
	if (most == VECTORS)
		return spent->macs > 0 ? "vector work, preloads and fills" : "vector work alone";
	if (fmax(spent->load_busy, spent->store_busy) < use->cycles / 2)
		return "short programs: starts and ends";
	return spent->load_busy >= spent->store_busy ? "waits for what LOAD brings" : "waits for STORE";
}

static void add_row(struct qmac_table *table, const char *layer, const char *direction, double cycles,
                    const struct qmac_array_use *spent, const struct qmac_hw *hw)
{
	struct use use = use_of(cycles, spent, hw);

	qmac_table_add(table, "%s", layer);
	qmac_table_add(table, "%s", direction);
	qmac_table_add_count(table, cycles);
	qmac_table_add(table, "%.1f %%", 100 * use.array);
	for (int i = 0; i < LOSSES; i++)
		qmac_table_add(table, "%.1f %%", 100 * use.loss[i]);
	qmac_table_add(table, "%s", reason(&use, spent));
}

static void add_use(struct qmac_array_use *sum, const struct qmac_array_use *use)
{
	sum->macs += use->macs;
	sum->a_reads += use->a_reads;
	sum->load_busy += use->load_busy;
	sum->execute_busy += use->execute_busy;
	sum->store_busy += use->store_busy;
}

void qmac_array_table_print(const struct qmac_net_history *history, const struct qmac_hw *hw, FILE *out)
{
	static const char *const heads[] = {"layer", "direction", "cycles", "array", "lanes", "vectors", "waits",
	                                    "most of the rest"};
	struct qmac_table *table = qmac_table_create(sizeof heads / sizeof heads[0]);
	struct qmac_array_use all = {0};
	double cycles = 0;

	if (!table)
		return;
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
		qmac_table_add(table, "%s", heads[i]);
	for (int l = 0; l < history->layer_count; l++) {
		const struct qmac_layer_history *layer = &history->layers[l];

		for (int d = 0; d < QMAC_DIRECTIONS; d++) {
			if (d == QMAC_DIRECTION_NONE || !(layer->cycles[d] > 0))
				continue;
			add_row(table, layer->name, qmac_direction_name((enum qmac_direction)d), layer->cycles[d],
			        &layer->use[d], hw);
			add_use(&all, &layer->use[d]);
			cycles += layer->cycles[d];
		}
	}
	if (cycles > 0 && !isnan(all.a_reads)) {
		add_row(table, "all layers", "", cycles, &all, hw);
		qmac_table_print(table, out);
	}
	qmac_table_destroy(table);
}
