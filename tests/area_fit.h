/*
 * Coefficients of the area model from the rows of AREA_CSV, as rtl/synth/calibrate.sh prints
 * them: for table_area, which prints them, and test_area, which compares.
 */
#ifndef QMAC_TESTS_AREA_FIT_H
#define QMAC_TESTS_AREA_FIT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cost/area.h"
#include "fit.h"

enum { AREA_ROWS = FIT_ROWS, AREA_VALUES = 16 };

#define AREA_CSV "configs/area/osu018_180nm.csv"
#define AREA_GATE_UM2 24 /* NAND2X1 of the library */

struct area_row {
	enum qmac_area_part part;
	bool held; /* not fitted */
	struct qmac_hw hw;
	double gates, flops;
};

struct area_rows {
	struct area_row row[AREA_ROWS];
	int count;
};

static inline enum qmac_area_part area_part(const char *name)
{
	for (int i = 0; i < QMAC_AREA_PARTS; i++)
		if (strcmp(qmac_area_part_names[i], name) == 0)
			return (enum qmac_area_part)i;
	printf("%s: unknown part '%s'\n", AREA_CSV, name);
	exit(3);
}

/* The columns of the file behind `use`. */
static inline struct qmac_hw area_hardware(const int v[AREA_VALUES])
{
	return (struct qmac_hw){
		.rows = v[0], .cols = v[1], .a_bits = v[2], .w_bits = v[3], .acc_bits = v[4], .acc_overflow = v[5],
		.os_max = v[6], .a_depth = v[7], .w_depth = v[8], .acc_depth = v[9], .bus_bytes = v[10],
		.burst_beats = v[11], .outstanding = v[12], .queue_depth = v[13], .lut_bits = v[14],
		.lut_ports = v[15],
	};
}

static inline void area_unreadable(int row)
{
	printf("%s: row %d is not as rtl/synth/calibrate.sh writes it\n", AREA_CSV, row);
	exit(3);
}

static inline void area_read(struct area_rows *rows)
{
	FILE *file = fopen(AREA_CSV, "r");
	char line[512];

	rows->count = 0;
	if (!file || !fgets(line, sizeof line, file)) {
		perror(AREA_CSV);
		exit(3);
	}
	while (rows->count < AREA_ROWS && fgets(line, sizeof line, file)) {
		struct area_row *row = &rows->row[rows->count++];
		int v[AREA_VALUES], used = 0;
		char part[32], use[8];

		if (sscanf(line, "%31[^,],%7[^,],%n", part, use, &used) != 2)
			area_unreadable(rows->count);
		for (int i = 0, n; i < AREA_VALUES; i++, used += n)
			if (sscanf(line + used, "%d,%n", &v[i], &n) != 1)
				area_unreadable(rows->count);
		if (sscanf(line + used, "%*d,%lf,%lf", &row->gates, &row->flops) != 2)
			area_unreadable(rows->count);
		row->part = area_part(part);
		row->held = strcmp(use, "held") == 0;
		row->hw = area_hardware(v);
		row->gates /= AREA_GATE_UM2;
	}
	fclose(file);
}

static inline double area_predict(const double gates[QMAC_AREA_COEFFICIENTS], const struct area_row *row)
{
	double amounts[QMAC_AREA_COEFFICIENTS], sum = 0;

	qmac_area_amounts(row->part, &row->hw, amounts);
	for (int i = 0; i < QMAC_AREA_COEFFICIENTS; i++)
		sum += gates[i] * amounts[i];
	return sum;
}

/* Relative: 0.1 is 10 % too many gates. */
static inline double area_error(const double gates[QMAC_AREA_COEFFICIENTS], const struct area_row *row)
{
	return area_predict(gates, row) / row->gates - 1;
}

/* To the rows that are not held. */
static inline void area_fit(const struct area_rows *rows, double gates[QMAC_AREA_COEFFICIENTS])
{
	static double x[AREA_ROWS][QMAC_AREA_COEFFICIENTS];
	int n = 0;

	for (int r = 0; r < rows->count; r++) {
		if (rows->row[r].held)
			continue;
		qmac_area_amounts(rows->row[r].part, &rows->row[r].hw, x[n]);
		for (int i = 0; i < QMAC_AREA_COEFFICIENTS; i++)
			x[n][i] /= rows->row[r].gates;
		n++;
	}
	fit_relative(x[0], n, QMAC_AREA_COEFFICIENTS, gates);
}

#endif
