#include "report/array_table.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "report/table.h"

enum { LANES, VECTORS, WAITS, LOSSES };
enum { ARITHMETIC, SCRATCHPADS, STANDING, MEMORY, GROUPS };

static const int group_of[QMAC_ENERGY_COMPONENTS] = {
	[QMAC_ENERGY_MAC] = ARITHMETIC,       [QMAC_ENERGY_VEC] = ARITHMETIC,
	[QMAC_ENERGY_REQUANTISE] = ARITHMETIC, [QMAC_ENERGY_RANDOM] = ARITHMETIC,
	[QMAC_ENERGY_LOOKUP] = ARITHMETIC,    [QMAC_ENERGY_A] = SCRATCHPADS,
	[QMAC_ENERGY_W] = SCRATCHPADS,        [QMAC_ENERGY_ACC] = SCRATCHPADS,
	[QMAC_ENERGY_CONTROL] = STANDING,     [QMAC_ENERGY_LEAKAGE] = STANDING,
	[QMAC_ENERGY_DRAM_DATA] = MEMORY,     [QMAC_ENERGY_DRAM_DESCRIPTORS] = MEMORY,
};

/* What a row of the table is of. */
struct spent {
	double cycles;
	struct qmac_layer_use use;
};

struct report {
	struct qmac_table *table;
	const struct qmac_net_history *history;
	const struct qmac_hw *hw;
	struct spent all; /* sum over layers and directions */
};

struct shares {
	double array, loss[LOSSES];
};

/* Takes a share off what is left. */
static double take(double *left, double share)
{
	double taken = fmin(fmax(share, 0), *left);

	*left -= taken;
	return taken;
}

static struct shares shares_of(const struct spent *spent, const struct qmac_hw *hw)
{
	const struct qmac_layer_use *use = &spent->use;
	struct shares shares;
	double left = 1;

	shares.array = take(&left, use->macs / spent->cycles / hw->rows / hw->cols);
	shares.loss[LANES] = take(&left, use->a_reads / spent->cycles - shares.array);
	shares.loss[VECTORS] = take(&left, (use->execute_busy - use->a_reads) / spent->cycles);
	shares.loss[WAITS] = left;
	return shares;
}

static const char *reason(int loss, const struct spent *spent)
{
	const struct qmac_layer_use *use = &spent->use;

	if (loss == LANES)
		return "fewer channels than lanes";
	if (loss == VECTORS)
		return use->macs > 0 ? "vector work, preloads and fills" : "vector work alone";
	if (fmax(use->load_busy, use->store_busy) < spent->cycles / 2)
		return "short programs: starts and ends";
	return use->load_busy >= use->store_busy ? "waits for what LOAD brings" : "waits for STORE";
}

/* Where most of what the array does not use goes to. */
static void add_most(struct qmac_table *table, const struct shares *shares, const struct spent *spent)
{
	int most = LANES;

	for (int i = 0; i < LOSSES; i++)
		if (shares->loss[i] > shares->loss[most])
			most = i;
	qmac_table_add(table, "%.1f %% %s", 100 * shares->loss[most], reason(most, spent));
}

static void add_share(struct qmac_table *table, double share)
{
	if (isfinite(share))
		qmac_table_add(table, "%.1f %%", 100 * share);
	else
		qmac_table_add(table, "-");
}

static void add_joules(const struct report *report, const struct qmac_layer_use *use)
{
	double groups[GROUPS] = {0};

	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++)
		groups[group_of[c]] += use->parts[c];
	qmac_table_add_figure(report->table, use->joules);
	add_share(report->table, use->joules / report->all.use.joules);
	for (int g = 0; g < GROUPS; g++)
		add_share(report->table, groups[g] / use->joules);
}

static void add_row(const struct report *report, const char *layer, const char *direction,
                    const struct spent *spent)
{
	struct shares shares = shares_of(spent, report->hw);

	qmac_table_add(report->table, "%s", layer);
	qmac_table_add(report->table, "%s", direction);
	qmac_table_add_count(report->table, spent->cycles);
	add_share(report->table, spent->cycles / report->all.cycles);
	add_share(report->table, shares.array);
	add_most(report->table, &shares, spent);
	add_joules(report, &spent->use);
}

static void add_rows(const struct report *report, const char *layer, const struct spent by[QMAC_DIRECTIONS])
{
	for (int d = 0; d < QMAC_DIRECTIONS; d++)
		if (d != QMAC_DIRECTION_NONE && by[d].cycles > 0)
			add_row(report, layer, qmac_direction_name((enum qmac_direction)d), &by[d]);
}

static void add_spent(struct spent *sum, const struct spent *spent)
{
	sum->cycles += spent->cycles;
	sum->use.macs += spent->use.macs;
	sum->use.a_reads += spent->use.a_reads;
	sum->use.load_busy += spent->use.load_busy;
	sum->use.execute_busy += spent->use.execute_busy;
	sum->use.store_busy += spent->use.store_busy;
	sum->use.joules += spent->use.joules;
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++)
		sum->use.parts[c] += spent->use.parts[c];
}

/* Of conv12 the length of "conv". */
static size_t stem_of(const char *name)
{
	size_t length = strlen(name);

	while (length > 0 && isdigit((unsigned char)name[length - 1]))
		length--;
	return length;
}

/* Whether names differ in their numbers alone. */
static bool is_alike(const char *one, const char *other)
{
	return stem_of(one) == stem_of(other) && strncmp(one, other, stem_of(one)) == 0;
}

/* What the layers spent whose names are like that one, NULL: all; how many they are. */
static int sum_layers(const struct qmac_net_history *history, const char *name,
                      struct spent by[QMAC_DIRECTIONS])
{
	int count = 0;

	for (int d = 0; d < QMAC_DIRECTIONS; d++)
		by[d] = (struct spent){.cycles = 0};
	for (int l = 0; l < history->layer_count; l++) {
		const struct qmac_layer_history *layer = &history->layers[l];

		if (name && !is_alike(layer->name, name))
			continue;
		count++;
		for (int d = 0; d < QMAC_DIRECTIONS; d++)
			add_spent(&by[d], &(const struct spent){layer->cycles[d], layer->use[d]});
	}
	return count;
}

/* Sums over layers whose names differ in their numbers alone: at the first of several. */
static void add_kinds(const struct report *report)
{
	const struct qmac_net_history *history = report->history;
	struct spent by[QMAC_DIRECTIONS];

	for (int l = 0; l < history->layer_count; l++) {
		const char *name = history->layers[l].name;
		char title[QMAC_LAYER_NAME + 8];
		bool seen = false;

		for (int k = 0; k < l; k++)
			seen = seen || is_alike(history->layers[k].name, name);
		if (seen || sum_layers(history, name, by) < 2)
			continue;
		snprintf(title, sizeof title, "all %.*s", (int)stem_of(name), name);
		add_rows(report, title, by);
	}
}

static void add_heads(struct qmac_table *table)
{
	static const char *const heads[] = {"layer", "direction", "cycles", "share", "array", "most of the rest",
	                                    "joules", "share", "arithmetic", "scratchpads", "standing", "memory"};

	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
		qmac_table_add(table, "%s", heads[i]);
}

enum { COLUMNS = 8 + GROUPS };

void qmac_array_table_print(const struct qmac_net_history *history, const struct qmac_hw *hw, FILE *out)
{
	struct report report = {.table = qmac_table_create(COLUMNS), .history = history, .hw = hw};
	struct spent by[QMAC_DIRECTIONS];

	if (!report.table)
		return;
	(void)sum_layers(history, NULL, by);
	for (int d = 0; d < QMAC_DIRECTIONS; d++)
		add_spent(&report.all, &by[d]);
	add_heads(report.table);
	for (int l = 0; l < history->layer_count; l++) {
		const struct qmac_layer_history *layer = &history->layers[l];
		struct spent own[QMAC_DIRECTIONS];

		for (int d = 0; d < QMAC_DIRECTIONS; d++)
			own[d] = (struct spent){layer->cycles[d], layer->use[d]};
		add_rows(&report, layer->name, own);
	}
	add_kinds(&report);
	add_rows(&report, "all layers", by);
	if (report.all.cycles > 0 && !isnan(report.all.use.a_reads)) {
		add_row(&report, "all layers", "", &report.all);
		qmac_table_print(report.table, out);
	}
	qmac_table_destroy(report.table);
}
