/* For tests of estimates: whether two results have the same costs, to the last digit, in every row. */
#ifndef QMAC_TESTS_NET_COSTS_H
#define QMAC_TESTS_NET_COSTS_H

#include <math.h>

#include "config/text.h"
#include "net_runs.h"

enum { COST_ROWS = 600, COST_FIELDS = 48, COST_TEXT = 1 << 17 };

struct cost_table {
	char text[COST_TEXT];
	char *field[COST_ROWS][COST_FIELDS];
	int rows, columns;
};

static inline void read_table(const char *folder, const char *file, struct cost_table *table)
{
	char name[100], *at = table->text;

	snprintf(name, sizeof name, "%s/%s", folder, file);
	CU_ASSERT_FATAL(strlen(test_text(name)) < COST_TEXT - 1);
	strcpy(table->text, test_text(name));
	table->rows = table->columns = 0;
	while (*at) {
		int column = 0;

		CU_ASSERT_FATAL(table->rows < COST_ROWS);
		for (bool more = true; more; column++) {
			size_t length = strcspn(at, ",\n");

			CU_ASSERT_FATAL(column < COST_FIELDS && at[length]);
			more = at[length] == ',';
			table->field[table->rows][column] = at;
			at[length] = 0;
			at += length + 1;
		}
		CU_ASSERT(table->rows == 0 || column == table->columns);
		table->columns = column;
		table->rows++;
	}
}

/* These columns, in every row. */
static inline void check_columns(const char *one, const char *other, const char *file, const char *columns)
{
	static struct cost_table a, b;
	int compared = 0, wanted = 1, different = 0;

	read_table(one, file, &a);
	read_table(other, file, &b);
	for (const char *c = columns; *c; c++)
		wanted += *c == '|';
	CU_ASSERT_EQUAL_FATAL(a.rows, b.rows);
	for (int column = 0; column < a.columns; column++) {
		if (qmac_words_find(columns, a.field[0][column]) < 0)
			continue;
		compared++;
		for (int row = 0; row < a.rows; row++)
			if (strcmp(a.field[row][column], b.field[row][column]) != 0 && !different++)
				printf("%s/%s:%d: %s is %s in place of %s\n", other, file, row + 1, a.field[0][column],
				       b.field[row][column], a.field[row][column]);
	}
	CU_ASSERT_EQUAL(compared, wanted);
	CU_ASSERT_EQUAL(different, 0);
}

/*
 * Every counter of the whole run but those that depend on data, which the estimate does not know: of products
 * with a zero operand it may (check_energies() of test_recorded.c).
 */
static inline void check_counters(const char *trained, const char *estimated)
{
	static const char *const data[] = {"acc_saturations", "requant_saturations", "container_saturations"};
	struct qmac_json *a = json_of(trained, "summary.json"), *b = json_of(estimated, "summary.json");
	int counters = 0;

#define COMPARE(upper, lower, timed, help) \
	{ \
		double one = qmac_json_real(a, "counters." #lower), two = qmac_json_real(b, "counters." #lower); \
		bool of_data = false; \
		for (int i = 0; i < TEST_COUNT(data); i++) \
			of_data = of_data || strcmp(data[i], #lower) == 0; \
		CU_ASSERT(of_data ? isnan(two) : one == two || QMAC_COUNTER_##upper == QMAC_COUNTER_ZERO_MACS); \
		counters++; \
	}
	QMAC_COUNTER_TABLE(COMPARE)
#undef COMPARE
	CU_ASSERT(counters > 10);
	CU_ASSERT(qmac_json_real(b, "cycles") > 0);
	CU_ASSERT_STRING_EQUAL(qmac_json_text(b, "estimated"), "true");
	qmac_json_free(a);
	qmac_json_free(b);
}

/* All costs that an estimate tells; layer_columns: what it knows of layers beside these, "delta|". */
static inline void check_all_costs(const char *trained, const char *estimated, const char *layer_columns)
{
	char columns[400];

	snprintf(columns, sizeof columns, "%sepoch|layer|direction|w_bits|x_bits|cycles|macs|vec_mults|commands|"
	         "dram_read_bytes|dram_write_bytes|fetch_bytes|load_busy|execute_busy|store_busy|a_reads",
	         layer_columns);
	check_columns(trained, estimated, "metrics.csv", "epoch|step|data_passes|cycles|commands|macs|vec_mults|"
	              "dram_read_bytes|dram_write_bytes|host_flops|host_bytes|fetch_bytes");
	check_columns(trained, estimated, "layers.csv", columns);
	check_counters(trained, estimated);
}

#endif
