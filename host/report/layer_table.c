#include "report/layer_table.h"

#include <math.h>

#include "report/table.h"

/* Columns of cycles; what is in no direction has none, but is part of the sum. */
static const enum qmac_direction directions[] = {
	QMAC_DIRECTION_FORWARD, QMAC_DIRECTION_DATA, QMAC_DIRECTION_WEIGHTS, QMAC_DIRECTION_UPDATE,
	QMAC_DIRECTION_EVAL,
};
enum { DIRECTIONS = sizeof directions / sizeof directions[0] };

static const char *const heads[] = {"layer", "first", "last", "switches", "mean BW", "sparsity"};
enum { HEADS = sizeof heads / sizeof heads[0] };

static double sum_of(const double cycles[QMAC_DIRECTIONS])
{
	double sum = 0;

	for (int d = 0; d < QMAC_DIRECTIONS; d++)
		sum += cycles[d];
	return sum;
}

static double mean_width(const struct qmac_net_history *history, const struct qmac_layer_history *layer)
{
	double sum = 0;

	for (int i = 0; i < layer->format_count; i++) {
		int64_t end = i + 1 < layer->format_count ? layer->formats[i + 1].step : history->steps;

		sum += (double)(end - layer->formats[i].step) * layer->formats[i].format.bw;
	}
	return sum / (double)history->steps;
}

static void add_format(struct qmac_table *table, const struct qmac_format_since *format)
{
	if (format->is_float)
		qmac_table_add(table, "float32");
	else
		qmac_table_add(table, "<%d,%d>", format->format.bw, format->format.fl);
}

static void add_formats(struct qmac_table *table, const struct qmac_net_history *history,
                        const struct qmac_layer_history *layer)
{
	double first = layer->sparsity[0], last = layer->sparsity[history->epochs - 1];

	add_format(table, &layer->formats[0]);
	add_format(table, &layer->formats[layer->format_count - 1]);
	qmac_table_add(table, "%d", layer->format_count - 1);
	qmac_table_add(table, "%.1f", mean_width(history, layer));
	if (isnan(first) || isnan(last))
		qmac_table_add(table, "-");
	else
		qmac_table_add(table, "%.3f .. %.3f", first, last);
}

/* What a layer takes: cycles in those directions that any layer has some in, and joules. */
static void add_costs(struct qmac_table *table, const double cycles[QMAC_DIRECTIONS],
                      const double total[QMAC_DIRECTIONS], double joules)
{
	for (int d = 0; d < DIRECTIONS; d++)
		if (total[directions[d]] > 0)
			qmac_table_add_count(table, cycles[directions[d]]);
	qmac_table_add(table, "%.1f %%", 100 * sum_of(cycles) / sum_of(total));
	qmac_table_add_figure(table, joules);
}

static double joules_of(const struct qmac_layer_history *layer)
{
	double sum = 0;

	for (int d = 0; d < QMAC_DIRECTIONS; d++)
		sum += layer->use[d].joules;
	return sum;
}

void qmac_layer_table_print(const struct qmac_net_history *history, FILE *out)
{
	double total[QMAC_DIRECTIONS] = {0}, joules = 0;
	struct qmac_table *table;
	int columns = HEADS + 2;

	for (int l = 0; l < history->layer_count; l++) {
		for (int d = 0; d < QMAC_DIRECTIONS; d++)
			total[d] += history->layers[l].cycles[d];
		joules += joules_of(&history->layers[l]);
	}
	for (int d = 0; d < DIRECTIONS; d++)
		columns += total[directions[d]] > 0;
	table = qmac_table_create(columns);
	if (!table)
		return;
	for (int i = 0; i < HEADS; i++)
		qmac_table_add(table, "%s", heads[i]);
	for (int d = 0; d < DIRECTIONS; d++)
		if (total[directions[d]] > 0)
			qmac_table_add(table, "%s", qmac_direction_name(directions[d]));
	qmac_table_add(table, "cycles");
	qmac_table_add(table, "joules");
	for (int l = 0; l < history->layer_count; l++) {
		const struct qmac_layer_history *layer = &history->layers[l];

		if (!(sum_of(layer->cycles) > 0))
			continue;
		qmac_table_add(table, "%s", layer->name);
		if (layer->format_count)
			add_formats(table, history, layer);
		for (int i = 1; i < HEADS && !layer->format_count; i++)
			qmac_table_add(table, "%s", "");
		add_costs(table, layer->cycles, total, joules_of(layer));
	}
	qmac_table_add(table, "all layers");
	for (int i = 1; i < HEADS; i++)
		qmac_table_add(table, "%s", "");
	add_costs(table, total, total, joules);
	qmac_table_print(table, out);
	qmac_table_destroy(table);
}
