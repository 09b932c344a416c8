/* The table of what a network saved against a run in 32 bits, from its summary. */
#include <math.h>

#include "cli/cli.h"
#include "report/json.h"
#include "report/table.h"

enum { COLUMNS = 8 };

/* Of the table, and of the objects of summary.json; the device has the first two. */
static const char *const heads[COLUMNS][2] = {
	{"training", "training"}, {"inference", "inference"}, {"until target", "until_target"},
	{"against MuPPET", "against_muppet"}, {"training memory", "training_memory"},
	{"model size", "model_size"}, {"mean size", "mean_model_size"}, {"overhead", "overhead"},
};

static bool has_column(const struct qmac_json *summary, int column)
{
	char path[64];

	snprintf(path, sizeof path, "speedup.clean.%s", heads[column][1]);
	return column < 2 || qmac_json_text(summary, path);
}

static void add_row(struct qmac_table *table, const struct qmac_json *summary, const char *label,
                    const char *object)
{
	qmac_table_add(table, "%s", label);
	for (int i = 0; i < COLUMNS; i++) {
		char path[64];
		double value;

		if (!has_column(summary, i))
			continue;
		snprintf(path, sizeof path, "speedup.%s.%s", object, heads[i][1]);
		value = qmac_json_real(summary, path);
		if (isnan(value))
			qmac_table_add(table, "-");
		else
			qmac_table_add(table, "%.4g", value);
	}
}

void qmac_cli_print_speedup(const struct qmac_json *summary)
{
	bool modelled = qmac_json_text(summary, "speedup.clean.training") != NULL;
	struct qmac_table *table;
	int columns = 1;

	for (int i = 0; i < COLUMNS; i++)
		columns += has_column(summary, i);
	if (!modelled && !qmac_json_text(summary, "speedup.device.training"))
		return;
	table = qmac_table_create(columns);
	if (!table)
		return;
	qmac_table_add(table, "%-19s", "against 32 bits");
	for (int i = 0; i < COLUMNS; i++)
		if (has_column(summary, i))
			qmac_table_add(table, "%s", heads[i][0]);
	add_row(table, summary, "device cycles", "device");
	if (qmac_json_text(summary, "speedup.joules.training"))
		add_row(table, summary, "device joules", "joules");
	if (modelled) {
		add_row(table, summary, "model, clean", "clean");
		add_row(table, summary, "model, published", "published");
	}
	qmac_table_print(table, stdout);
	qmac_table_destroy(table);
}
