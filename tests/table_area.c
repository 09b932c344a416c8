/*
 * Prints the tables of docs/area.md: the model's error for each part, on the rows that it is fitted to and on
 * those that it is not. With the argument --yaml, the coefficients as configs/area/ has them.
 */
#include <math.h>

#include "area_fit.h"

static void print_yaml(const double gates[QMAC_AREA_COEFFICIENTS])
{
	for (int i = 0; i < QMAC_AREA_COEFFICIENTS; i++)
		printf("%s: # of %s\n"
		       "  {value: %.*f, unit: gates, source: \"fit to osu018_180nm.csv\", node: 180 nm}\n",
		       qmac_area_coefficient_names[i], qmac_area_coefficient_meanings[i],
		       gates[i] < 1000 ? 2 : 0, gates[i]);
}

/* The worst relative error of a part's rows; n of them. */
static double worst(const struct area_rows *rows, const double gates[QMAC_AREA_COEFFICIENTS], int part,
                    bool held, int *n)
{
	double most = 0;

	*n = 0;
	for (int r = 0; r < rows->count; r++) {
		const struct area_row *row = &rows->row[r];

		if ((int)row->part == part && row->held == held) {
			most = fmax(most, fabs(area_error(gates, row)));
			++*n;
		}
	}
	return 100 * most;
}

static void print_errors(const struct area_rows *rows, const double gates[QMAC_AREA_COEFFICIENTS])
{
	printf("| part | rows fitted | largest error | rows held out | largest error |\n|---|--:|--:|--:|--:|\n");
	for (int part = 0; part < QMAC_AREA_PARTS; part++) {
		int fitted, held;
		double error = worst(rows, gates, part, false, &fitted);
		double other = worst(rows, gates, part, true, &held);

		if (fitted + held == 0)
			continue; /* W's scratchpad is fitted with that of A */
		printf("| %s | %d | %.1f %% | %d | ", qmac_area_part_names[part], fitted, error, held);
		if (held > 0)
			printf("%.1f %% |\n", other);
		else
			printf("|\n");
	}
}

static void print_held(const struct area_rows *rows, const double gates[QMAC_AREA_COEFFICIENTS])
{
	printf("\n| part held out | device | gates | model | error |\n|---|---|--:|--:|--:|\n");
	for (int r = 0; r < rows->count; r++) {
		const struct area_row *row = &rows->row[r];

		if (row->held)
			printf("| %s | %dx%d, %d and %d bits, ACC %d | %.0f | %.0f | %+.1f %% |\n",
			       qmac_area_part_names[row->part], row->hw.rows, row->hw.cols, row->hw.a_bits,
			       row->hw.w_bits, row->hw.acc_bits, row->gates, area_predict(gates, row),
			       100 * area_error(gates, row));
	}
}

int main(int argc, char **argv)
{
	static struct area_rows rows;
	double gates[QMAC_AREA_COEFFICIENTS];

	area_read(&rows);
	area_fit(&rows, gates);
	if (argc > 1 && strcmp(argv[1], "--yaml") == 0) {
		print_yaml(gates);
		return 0;
	}
	print_errors(&rows, gates);
	print_held(&rows, gates);
	return 0;
}
