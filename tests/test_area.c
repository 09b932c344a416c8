/*
 * The area model: against the rows of the synthesis that it was fitted to and others; by hand; that nothing
 * becomes smaller when a parameter grows; its tables with every kind of fault.
 */
#include <math.h>

#include "area_fit.h"
#include "config/area_file.h"
#include "config/hw_file.h"
#include "config_files.h"

#define TABLE "configs/area/osu018_180nm.yaml"

static void load(struct qmac_area_table *table, const char *file)
{
	struct qmac_error err = {0};

	if (qmac_area_load(table, file, &err)) {
		printf("\n    %s:%d:%d: %s\n", err.file, err.line, err.column, err.message);
		CU_FAIL_FATAL("the table must load");
	}
}

/* The table is what a fit to the rows gives, to the digits that it has. */
static void fitted(void)
{
	static struct area_rows rows;
	struct qmac_area_table table;
	double gates[QMAC_AREA_COEFFICIENTS];

	load(&table, TABLE);
	area_read(&rows);
	area_fit(&rows, gates);
	CU_ASSERT(rows.count > 30);
	CU_ASSERT_EQUAL(table.um2_per_gate.value, AREA_GATE_UM2);
	for (int i = 0; i < QMAC_AREA_COEFFICIENTS; i++)
		if (fabs(table.gates[i].value - gates[i]) > 1e-3 * gates[i]) {
			printf("\n    %s: %g in %s, %g by the fit\n", qmac_area_coefficient_names[i],
			       table.gates[i].value, TABLE, gates[i]);
			CU_FAIL("make tables has others");
		}
}

/* Fitted rows within 6 %, those held out within 10 %. */
static void predicts(void)
{
	static struct area_rows rows;
	struct qmac_area_table table;
	double gates[QMAC_AREA_COEFFICIENTS];
	int held = 0;

	load(&table, TABLE);
	for (int i = 0; i < QMAC_AREA_COEFFICIENTS; i++)
		gates[i] = table.gates[i].value;
	area_read(&rows);
	for (int r = 0; r < rows.count; r++) {
		const struct area_row *row = &rows.row[r];
		double error = area_error(gates, row);

		held += row->held;
		if (fabs(error) > (row->held ? 0.10 : 0.06)) {
			printf("\n    row %d, %s: %+.1f %%\n", r + 2, qmac_area_part_names[row->part],
			       100 * error);
			CU_FAIL("the model is off");
		}
	}
	CU_ASSERT(held >= 5);
}

static const struct qmac_hw small = {
	.rows = 2, .cols = 3, .a_bits = 4, .w_bits = 6, .acc_bits = 20, .os_max = 256, .a_depth = 8,
	.w_depth = 16, .acc_depth = 32, .bus_bytes = 4, .burst_beats = 2, .outstanding = 3, .queue_depth = 5,
	.lut_bits = 4,
	.lut_ports = 1,
};

/* One coefficient at a time is 1, all others 0: amounts by hand. The width of a sum is 4 + 6 + 1 + 8. */
static void by_hand(void)
{
	static const struct {
		enum qmac_area_coefficient coefficient;
		double total;
	} cases[] = {
		{QMAC_AREA_COEFFICIENT_array_product, 6 * 5 * 7},
		{QMAC_AREA_COEFFICIENT_array_register, 6 * (5 + 3 * 7 + 2 * 19)},
		{QMAC_AREA_COEFFICIENT_array_edge, 5},
		{QMAC_AREA_COEFFICIENT_gemm_column_bit, 3 * (20 + 19)},
		{QMAC_AREA_COEFFICIENT_gemm_row, 2},
		{QMAC_AREA_COEFFICIENT_vec_lane, 3},
		{QMAC_AREA_COEFFICIENT_vec_lane_bit, 60},
		{QMAC_AREA_COEFFICIENT_pad_bit, 2 * 4 + 3 * 6 + 3 * 20},
		{QMAC_AREA_COEFFICIENT_pad_address, 2 * 3 + 3 * 4 + 3 * 5},
		{QMAC_AREA_COEFFICIENT_load_fifo_bit, 8 * 3 * 2 * 4},
		{QMAC_AREA_COEFFICIENT_load_lane, 3},
		{QMAC_AREA_COEFFICIENT_store_column, 3},
		{QMAC_AREA_COEFFICIENT_fetch_base, 1},
		{QMAC_AREA_COEFFICIENT_queue_choice, 12},
		{QMAC_AREA_COEFFICIENT_queue_entry, 15},
		{QMAC_AREA_COEFFICIENT_control_base, 1},
	};
	struct qmac_area area;

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_area_table table = {.um2_per_gate.value = 2, .um2_per_bit.value = 0.5};

		table.gates[cases[i].coefficient].value = 1;
		qmac_area(&table, &small, &area);
		CU_ASSERT_EQUAL(area.total_gates, cases[i].total);
		CU_ASSERT_EQUAL(area.total_um2, 2 * cases[i].total);
	}
	CU_ASSERT_EQUAL(area.bits[0], 2 * 4 * 8);
	CU_ASSERT_EQUAL(area.bits[1], 3 * 6 * 16);
	CU_ASSERT_EQUAL(area.bits[2], 3 * 20 * 32);
	CU_ASSERT_EQUAL(area.bits[3], 16 * 32);
	CU_ASSERT_EQUAL(area.memory_um2[2], 960);
}

/* The next value of a parameter that a size depends on; false where there is none. */
static bool grow(const struct qmac_key *param, int *value)
{
	int next = param->kind == QMAC_KIND_POWER2 ? 2 * *value : param->kind == QMAC_KIND_EVEN ? *value + 2 :
	           param->kind == QMAC_KIND_INT    ? *value + 1 : *value;

	if (param->group[0] || next == *value || next > param->high)
		return false;
	*value = next;
	return true;
}

static void draw(struct qmac_hw *hw, uint64_t *state)
{
	for (int i = 0; i < qmac_param_count; i++) {
		const struct qmac_key *param = &qmac_params[i];
		int *value = qmac_hw_member(hw, param);
		int64_t steps = test_between(state, 0, 60);

		*value = (int)(param->kind == QMAC_KIND_EVEN ? param->low + param->low % 2 : param->low);
		while (steps-- > 0 && grow(param, value)) {}
	}
}

/* The smallest device, whose synthesis as a whole gives 345,068 gates: most of them in parts fitted apart. */
static void whole(void)
{
	static const struct qmac_hw smallest = {
		.rows = 2, .cols = 2, .a_bits = 2, .w_bits = 2, .acc_bits = 16, .os_max = 256, .a_depth = 4,
		.w_depth = 4, .acc_depth = 4, .bus_bytes = 4, .burst_beats = 2, .outstanding = 1, .queue_depth = 1,
		.lut_bits = 4, .lut_ports = 1,
	};
	struct qmac_area_table table;
	struct qmac_area area;

	load(&table, TABLE);
	qmac_area(&table, &smallest, &area);
	printf("%.0f gates, %+.1f %% ", area.total_gates, area.total_gates / 3450.68 - 100);
	CU_ASSERT(fabs(area.total_gates / 345068 - 1) < 0.05);
}

/* No part and no memory becomes smaller; what shapes the logic makes it larger. */
static void monotone(void)
{
	static const char larger[] = "rows|cols|a_bits|w_bits|acc_bits|os_max|bus_bytes|burst_beats|outstanding|"
		"queue_depth";
	uint64_t state = test_seed();
	struct qmac_area_table table;

	load(&table, TABLE);
	for (int n = 0; n < 2000; n++) {
		struct qmac_area before, after;
		struct qmac_hw hw = {0};
		int i = (int)test_between(&state, 0, qmac_param_count - 1);
		bool shapes = strstr(larger, qmac_params[i].name) != NULL;

		draw(&hw, &state);
		qmac_area(&table, &hw, &before);
		if (!grow(&qmac_params[i], qmac_hw_member(&hw, &qmac_params[i])))
			continue;
		qmac_area(&table, &hw, &after);
		for (int p = 0; p < QMAC_AREA_PARTS; p++)
			CU_ASSERT(after.gates[p] >= before.gates[p]);
		for (int m = 0; m < QMAC_AREA_MEMORIES; m++)
			CU_ASSERT(after.bits[m] >= before.bits[m]);
		CU_ASSERT(after.total_gates > before.total_gates || !shapes);
	}
}

/* Parts sum to the total; on shipped hardware, with both tables. */
static void sums(void)
{
	static const char *const files[] = {TABLE, "configs/area/nangate_45nm.yaml"};
	struct qmac_area areas[2];
	struct qmac_hw hw;

	CU_ASSERT_FATAL(!qmac_hw_load(&hw, "configs/hw/16x16_w16.yaml", NULL));
	for (int f = 0; f < 2; f++) {
		struct qmac_area_table table;
		double gates = 0, um2 = 0;

		load(&table, files[f]);
		qmac_area(&table, &hw, &areas[f]);
		for (int p = 0; p < QMAC_AREA_PARTS; p++) {
			CU_ASSERT(areas[f].gates[p] > 0);
			gates += areas[f].gates[p];
			um2 += areas[f].um2[p];
		}
		CU_ASSERT_EQUAL(gates, areas[f].total_gates);
		CU_ASSERT_EQUAL(um2, areas[f].total_um2);
		CU_ASSERT_EQUAL(areas[f].memory_um2[0], 0);
	}
	CU_ASSERT_EQUAL(areas[0].total_gates, areas[1].total_gates);
	CU_ASSERT(areas[1].total_um2 < areas[0].total_um2 / 20);
}

/* A table of FIGURE lines from line 2 on; what stands in place of the line that begins with `key`. */
static const char *table_text(const char *key, const char *instead)
{
	static char text[16384];
	char line[256];
	size_t used = (size_t)snprintf(text, sizeof text, "library: l\n");

	for (int i = -2; i < QMAC_AREA_COEFFICIENTS; i++) {
		const char *name = i == -2 ? "um2_per_gate" : i == -1 ? "um2_per_bit" :
		                   qmac_area_coefficient_names[i];

		snprintf(line, sizeof line, "%s: {value: 1, unit: %s, source: s, node: 45 nm}", name,
		         i < 0 ? "um2" : "gates");
		used += (size_t)snprintf(text + used, sizeof text - used, "%s\n",
		                         strcmp(name, key) == 0 ? instead : line);
	}
	return text;
}

static void refused(const char *text, int line, int column, const char *part)
{
	const char *file = config_file("area.yaml", text);
	struct qmac_area_table table;
	struct qmac_error err = {0};

	CU_ASSERT(qmac_area_load(&table, file, &err) == QMAC_BAD_INPUT);
	check_error(&err, file, line, column, part);
}

static void faults(void)
{
	static const struct {
		const char *key, *instead;
		int line, column;
		const char *message;
	} cases[] = {
		{"um2_per_bit", "", 1, 1, "missing key 'um2_per_bit'"},
		{"array_edge", "", 1, 1, "missing key 'array_edge' (a row or column of the array; in gates)"},
		{"array_edge", "array_egde: {}", 6, 1, "array_edge"},
		{"array_edge", "array_edge: 3", 6, 13, "expected a mapping"},
		{"array_edge", "array_edge: {value: 3, unit: gates, source: s}", 6, 13,
		 "missing key 'array_edge.node'"},
		{"array_edge", "array_edge: {value: 3, unit: gates, node: 45 nm}", 6, 13,
		 "missing key 'array_edge.source'"},
		{"array_edge", "array_edge: {value: 3, unit: gates, source: , node: 45 nm}", 6, 0, "source"},
		{"array_edge", "array_edge: {value: 3, unit: um2, source: s, node: 45 nm}", 6, 30, "expected gates"},
		{"array_edge", "array_edge: {value: -3, unit: gates, source: s, node: 45 nm}", 6, 21,
		 "of at least 0"},
		{"array_edge", "array_edge: {value: x, unit: gates, source: s, node: 45 nm}", 6, 21, "value"},
		{"array_edge", "array_edge: {value: 1, unit: gates, source: s, node: x, low: 1}", 6, 57,
		 "low"},
		{"um2_per_gate", "um2_per_gate: {value: 0, unit: um2, source: s, node: 45 nm}", 2, 23, "above 0"},
		{"um2_per_bit", "um2_per_bit: {value: 0, unit: um2, source: s, node: 45 nm}", 3, 22, "above 0"},
		{"array_edge", "array_product: {}", 6, 1, "duplicate"},
		{"um2_per_bit", "base: nowhere.yaml", 0, 0, ""},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		const char *text = table_text(cases[i].key, cases[i].instead);
		struct qmac_area_table table;
		struct qmac_error err = {0};

		if (cases[i].column > 0) {
			refused(text, cases[i].line, cases[i].column, cases[i].message);
			continue;
		}
		CU_ASSERT(qmac_area_load(&table, config_file("area.yaml", text), &err) != QMAC_OK);
		CU_ASSERT(strstr(err.message, cases[i].message) != NULL);
	}
}

/* What a base has holds where the file has nothing; a bit of memory may be without an area. */
static void base(void)
{
	struct qmac_area_table table;
	char first[512];

	snprintf(first, sizeof first, "%s",
	         config_file("base.yaml", table_text("um2_per_bit", "um2_per_bit: {value: not established, "
	                                             "unit: um2, source: s, node: 45 nm}")));
	load(&table, first);
	CU_ASSERT_EQUAL(table.um2_per_bit.value, 0);
	CU_ASSERT_STRING_EQUAL(table.um2_per_gate.node, "45 nm");
	load(&table, config_file("area.yaml", "base: base.yaml\nlibrary: other\n"
	                         "um2_per_gate: {value: 7, unit: um2, source: s, node: 28 nm}\n"));
	CU_ASSERT_STRING_EQUAL(table.library, "other");
	CU_ASSERT_EQUAL(table.um2_per_gate.value, 7);
	CU_ASSERT_STRING_EQUAL(table.um2_per_gate.node, "28 nm");
	CU_ASSERT_EQUAL(table.gates[0].value, 1);
}

/* The program's own table is the shipped file; what is printed reads back to the same. */
static void own(void)
{
	struct qmac_area_table own, file;
	const char *copy = config_file("copy.yaml", "");
	FILE *out = fopen(copy, "w");

	load(&own, "");
	load(&file, TABLE);
	CU_ASSERT(memcmp(&own, &file, sizeof own) == 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	qmac_area_print(&own, out);
	CU_ASSERT_EQUAL(fclose(out), 0);
	load(&file, copy);
	CU_ASSERT(memcmp(&own, &file, sizeof own) == 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"the table is the fit", fitted},
		{"the model and the synthesis", predicts},
		{"amounts by hand", by_hand},
		{"the smallest device", whole},
		{"no parameter makes a device smaller", monotone},
		{"parts and total", sums},
		{"faults of a table", faults},
		{"a table with a base", base},
		{"the program's own table", own},
	};

	return test_main("test_area", cases, TEST_COUNT(cases));
}
