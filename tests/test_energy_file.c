/* Energy tables: the shipped ones, and every fault of every coefficient with its place. */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>

#include "config/energy_file.h"
#include "config_files.h"

enum { TEXT = 1 << 16, PARTS = 6 };

static char text[TEXT];

/* What is printed of the default table: its name, then seven lines of each coefficient. */
static void print_default(void)
{
	struct qmac_energy_table table;
	FILE *out = fmemopen(text, sizeof text, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&table, "", NULL), QMAC_OK);
	qmac_energy_print(&table, out);
	fclose(out);
}

/* The line of part `part` of a coefficient, low being 0; -1: of the line of its group. */
static int line_of(int coefficient, int part)
{
	return 2 + coefficient * (PARTS + 1) + part + 1;
}

/* The text with that line replaced, or left out for NULL, or with more behind it. */
static const char *changed(int line, const char *instead)
{
	static char result[TEXT + 256];
	const char *at = text;

	for (int i = 1; i < line; i++)
		at = strchr(at, '\n') + 1;
	snprintf(result, sizeof result, "%.*s%s%s%s", (int)(at - text), text, instead ? instead : "",
	         instead ? "\n" : "", strchr(at, '\n') + 1);
	return config_file("energy.yaml", result);
}

static void expect_refusal(const char *file, int line, int column, const char *part)
{
	struct qmac_energy_table table;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_energy_load(&table, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, line, column, part);
}

/* The program's own table is the shipped file; what is printed reads back to the same. */
static void test_default(void)
{
	struct qmac_energy_table own, file, again;

	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&own, "", NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&file, "configs/energy/default_45nm.yaml", NULL), QMAC_OK);
	CU_ASSERT(memcmp(&own, &file, sizeof own) == 0);
	print_default();
	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&again, config_file("energy.yaml", text), NULL), QMAC_OK);
	CU_ASSERT(memcmp(&own, &again, sizeof own) == 0);
}

static void test_scaled(void)
{
	static const struct {
		const char *file;
		double energy, leakage;
	} cases[] = {
		{"configs/energy/scaled_32nm.yaml", .641, .46}, {"configs/energy/scaled_16nm.yaml", .142, .19},
		{"configs/energy/scaled_7nm.yaml", .057, .059},
	};
	struct qmac_energy_table base, scaled;

	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&base, "", NULL), QMAC_OK);
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&scaled, cases[i].file, NULL), QMAC_OK);
		for (int c = 0; c < QMAC_ENERGY_COEFFICIENTS; c++) {
			bool leaks = c >= QMAC_ENERGY_SRAM_LEAK_128 && c <= QMAC_ENERGY_LEAK_REGISTER;
			double factor = c >= QMAC_ENERGY_DDR3_READ ? 1 : leaks ? cases[i].leakage : cases[i].energy;

			CU_ASSERT_EQUAL(scaled.of[c].band.low, base.of[c].band.low * factor);
			CU_ASSERT_EQUAL(scaled.of[c].band.high,
			                base.of[c].band.high * (leaks ? 1 : factor));
		}
	}
	CU_ASSERT_EQUAL(qmac_energy_load(&scaled, "configs/energy/aladdin_40nm.yaml", NULL), QMAC_OK);
}

/* Each part of each coefficient: missing, and with every fault it can have. */
static void test_coefficients(void)
{
	static const char *const parts[PARTS] = {"low", "nominal", "high", "unit", "node", "source"};
	static const char *const names[] = {
#define COEFFICIENT(upper, lower, scale, unit, help) #lower,
#include "cost/coefficients.def"
#undef COEFFICIENT
	};
	char want[256];

	print_default();
	for (int c = 0; c < QMAC_ENERGY_COEFFICIENTS; c++) {
		for (int p = 0; p < PARTS; p++) {
			snprintf(want, sizeof want, "missing key '%s.%s'", names[c], parts[p]);
			/* the place of the group is that of its first key */
			expect_refusal(changed(line_of(c, p), NULL), line_of(c, 0), 3, want);
		}
		snprintf(want, sizeof want, "%s.low: 0 is out of range; expected a number above 0", names[c]);
		expect_refusal(changed(line_of(c, 0), "  low: 0"), line_of(c, 0), 8, want);
		expect_refusal(changed(line_of(c, 1), "  nominal: -1"), line_of(c, 1), 12, "is out of range");
		snprintf(want, sizeof want, "%s.nominal: 1e-09 is less than %s.low", names[c], names[c]);
		expect_refusal(changed(line_of(c, 1), "  nominal: 1e-9"), line_of(c, 1), 12, want);
		snprintf(want, sizeof want, "%s.high: 1e-09 is less than %s.nominal", names[c], names[c]);
		expect_refusal(changed(line_of(c, 2), "  high: 1e-9"), line_of(c, 2), 9, want);
		expect_refusal(changed(line_of(c, 2), "  high: much"), line_of(c, 2), 9, "high");
		expect_refusal(changed(line_of(c, 3), "  unit: fJ"), line_of(c, 3), 9, "unit");
		expect_refusal(changed(line_of(c, 5), "  source: ''"), line_of(c, 5), 11, "no value given");
		expect_refusal(changed(line_of(c, 5), "  sauce: mine"), line_of(c, 5), 3, "unknown key");
	}
}

static void test_bases(void)
{
#define SCALE "{low: 1, nominal: 2, high: 3, unit: factor, node: x, source: y}\n"
	char line[2048];
	struct qmac_energy_table table;

	print_default();
	(void)config_file("base.yaml", text);
	CU_ASSERT_EQUAL(qmac_energy_load(&table, config_file("scaled.yaml", "name: s\nbase: base.yaml\n"
	                                                     "scale_dynamic: " SCALE "scale_leakage: " SCALE),
	                                 NULL), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(table.name, "s");
	CU_ASSERT(strstr(table.of[0].source, "; scaled") != NULL && strcmp(table.of[0].node, "x") == 0);
	expect_refusal(config_file("scaled.yaml", "name: s\nbase: base.yaml\nadder: {low: 1}\n"), 3, 8,
	               "missing key 'adder.nominal'");
	/* itself: a base with a base */
	expect_refusal(config_file("scaled.yaml", "name: s\nbase: scaled.yaml\nscale_dynamic: "
	                           SCALE "scale_leakage: " SCALE), 2, 7, "cannot be one");
	expect_refusal(config_file("scaled.yaml", "base: base.yaml\n"), 1, 1, "missing key 'name'");
	snprintf(line, sizeof line, "name: s\nscale_dynamic: " SCALE);
	expect_refusal(config_file("scaled.yaml", line), 2, 16, "nothing to scale");
}

/* A file's own coefficients are not scaled, and the others by those factors that there are. */
static void test_own(void)
{
	struct qmac_energy_table base, table;

	print_default();
	(void)config_file("base.yaml", text);
	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&base, "", NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&table, config_file("own.yaml", "name: o\nbase: base.yaml\n"
	                                       "scale_dynamic: " SCALE
	                                       "adder: {low: 4, nominal: 5, high: 6, unit: pJ/bit, node: n,"
	                                       " source: mine}\n"), NULL), QMAC_OK);
	CU_ASSERT(table.of[QMAC_ENERGY_ADDER].band.nominal == 5);
	CU_ASSERT_STRING_EQUAL(table.of[QMAC_ENERGY_ADDER].source, "mine");
	CU_ASSERT(table.of[QMAC_ENERGY_SHIFTER].band.nominal == 2 * base.of[QMAC_ENERGY_SHIFTER].band.nominal);
	CU_ASSERT(memcmp(&table.of[QMAC_ENERGY_LEAK_REGISTER], &base.of[QMAC_ENERGY_LEAK_REGISTER],
	                 sizeof base.of[0]) == 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"the default table", test_default},
		{"scaled tables", test_scaled},
		{"faults of every coefficient", test_coefficients},
		{"tables with a base", test_bases},
		{"coefficients beside a base", test_own},
	};

	return test_main("test_energy_file", cases, TEST_COUNT(cases));
}
