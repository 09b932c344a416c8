#include "cli/cli.h"
#include "config/area_file.h"
#include "config/hw_file.h"
#include "report/table.h"

static void add_part(struct qmac_table *table, const char *name, double gates, double um2, double all)
{
	qmac_table_add(table, "%s", name);
	qmac_table_add_count(table, gates);
	qmac_table_add_count(table, um2);
	qmac_table_add(table, "%.1f %%", 100 * um2 / all);
}

static enum qmac_status print_logic(const struct qmac_area *area, struct qmac_error *err)
{
	static const char *const headings[] = {"part", "gates", "um2", "share"};
	struct qmac_table *table = qmac_table_create(4);

	if (!table)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	for (int i = 0; i < 4; i++)
		qmac_table_add(table, "%s", headings[i]);
	for (int i = 0; i < QMAC_AREA_PARTS; i++)
		add_part(table, qmac_area_part_names[i], area->gates[i], area->um2[i], area->total_um2);
	add_part(table, "total", area->total_gates, area->total_um2, area->total_um2);
	qmac_table_print(table, stdout);
	qmac_table_destroy(table);
	return QMAC_OK;
}

static enum qmac_status print_memories(const struct qmac_area_table *figures, const struct qmac_area *area,
                                       struct qmac_error *err)
{
	struct qmac_table *table = qmac_table_create(3);

	if (!table)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	qmac_table_add(table, "memory");
	qmac_table_add(table, "bits");
	qmac_table_add(table, "um2");
	for (int i = 0; i < QMAC_AREA_MEMORIES; i++) {
		qmac_table_add(table, "%s", qmac_area_memory_names[i]);
		qmac_table_add_count(table, (double)area->bits[i]);
		if (figures->um2_per_bit.value > 0)
			qmac_table_add_count(table, area->memory_um2[i]);
		else
			qmac_table_add(table, "not established");
	}
	qmac_table_print(table, stdout);
	qmac_table_destroy(table);
	return QMAC_OK;
}

enum qmac_status qmac_cli_area(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_area_table table;
	struct qmac_area area;
	struct qmac_hw hw;
	enum qmac_status status = qmac_hw_load(&hw, options->files[0], err);

	if (!status)
		status = qmac_area_load(&table, options->files[1], err);
	if (status)
		return status;
	qmac_area(&table, &hw, &area);
	qmac_cli_say("%s, %s, %g um2 per gate\n", table.library, table.um2_per_gate.node,
	             table.um2_per_gate.value);
	status = print_logic(&area, err);
	return status ? status : print_memories(&table, &area, err);
}
