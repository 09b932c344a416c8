/*
 * Prints the tables of docs/cost.md: "A MAC", the fit to Bit Fusion's processing elements, and what it says
 * of 8 bits, which are not among them; "This RTL", MACs by the widths of their operands as its netlist spends
 * them, and as the tables of energies have it. With the argument --yaml, the coefficients of
 * configs/energy/rtl_45nm.yaml.
 */
#include <stdio.h>

#include "bit_fusion.h"
#include "config/energy_file.h"
#include "mac_rows.h"
#include "test.h"

static struct qmac_energy_table load(const char *file)
{
	struct qmac_energy_table table;
	struct qmac_error err;

	if (qmac_energy_load(&table, file, &err)) {
		printf("%s:%d:%d: %s\n", err.file, err.line, err.column, err.message);
		exit(3);
	}
	return table;
}

static void print_yaml(const struct mac_rows *rows)
{
	static const char *const names[MAC_COEFFICIENTS] = {"multiplier", "accumulator", "register"};
	struct qmac_energy_table table = load("");

	mac_calibrate(rows, &table);
	for (int i = 0; i < MAC_COEFFICIENTS; i++) {
		const struct qmac_energy_coefficient_value *value = &table.of[mac_coefficients[i]];

		printf("%s:\n  {low: %.4g, nominal: %.4g, high: %.4g, unit: %s, node: \"45 nm, 0.9 V\",\n"
		       "   source: \"fit to rtl_180nm.csv, a MAC of 8 bits as in default_45nm\"}\n", names[i],
		       value->band.low, value->band.nominal, value->band.high, value->unit);
	}
}

/* Energies against that of a MAC of 8 bits. */
static void print_rows(const struct mac_rows *rows)
{
	const struct qmac_energy_table rtl = load("configs/energy/rtl_45nm.yaml"), own = load("");
	const struct mac_row *pinned = &rows->row[rows->pinned];

	printf("\n| operands | bits of a sum | gates | toggles | pJ at 180 nm | netlist | with delays | rtl_45nm "
	       "| default_45nm |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (int r = 0; r < rows->count; r++) {
		const struct mac_row *row = &rows->row[r];

		printf("| %dx%d | %d | %.0f | %.1f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", row->a, row->w, row->psum,
		       row->gates, row->toggles, row->pj, row->pj / pinned->pj,
		       row->pj_delays / pinned->pj_delays, mac_energy(&rtl, row) / mac_energy(&rtl, pinned),
		       mac_energy(&own, row) / mac_energy(&own, pinned));
	}
}

static void print_fits(void)
{
	static const int more[] = {4, 8};

	printf("| sums of | k1, pJ/bit^2 | k2, pJ/bit | k3, pJ/bit | 2 bits | 4 bits | 8 bits | 16 bits |\n");
	printf("|---|---|---|---|---|---|---|---|\n");
	for (int i = 0; i < TEST_COUNT(more); i++) {
		struct mac_fit fit = fit_macs(more[i]);

		printf("| 2 n + %d bits | %.5g | %.5g | %.5g |", more[i], fit.k[0], fit.k[1], fit.k[2]);
		for (int n = 2; n <= 16; n *= 2)
			printf(" %.4f |", fitted_energy(&fit, n, more[i]));
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	struct mac_rows rows;

	mac_read(&rows);
	if (argc > 1 && strcmp(argv[1], "--yaml") == 0) {
		print_yaml(&rows);
		return 0;
	}
	print_fits();
	print_rows(&rows);
	return 0;
}
