/*
 * What a PE of this RTL takes by the widths of its operands: the rows of MAC_CSV, as rtl/synth/power.sh
 * prints them, and the coefficients of a MAC that they give; for table_energy, which prints them, and
 * test_energy, which compares.
 */
#ifndef QMAC_TESTS_MAC_ROWS_H
#define QMAC_TESTS_MAC_ROWS_H

#include <stdio.h>
#include <stdlib.h>

#include "cost/energy.h"
#include "fit.h"

enum { MAC_ROWS = 16, MAC_COEFFICIENTS = 3, MAC_BITS = 8 };

#define MAC_CSV "configs/energy/rtl_180nm.csv"

/* Of one PE and one multiply-add; psum: bits of its sum. */
struct mac_row {
	int a, w, psum;
	double gates, toggles, pj, pj_delays;
};

struct mac_rows {
	struct mac_row row[MAC_ROWS];
	int count, pinned; /* pinned: the row of MAC_BITS by MAC_BITS, the first of them */
};

static const enum qmac_energy_coefficient mac_coefficients[MAC_COEFFICIENTS] = {
	QMAC_ENERGY_MULTIPLIER, QMAC_ENERGY_ACCUMULATOR, QMAC_ENERGY_REGISTER,
};

static inline void mac_read(struct mac_rows *rows)
{
	FILE *file = fopen(MAC_CSV, "r");
	char line[256];

	rows->count = 0;
	rows->pinned = -1;
	if (!file || !fgets(line, sizeof line, file)) {
		perror(MAC_CSV);
		exit(3);
	}
	while (rows->count < MAC_ROWS && fgets(line, sizeof line, file)) {
		struct mac_row *row = &rows->row[rows->count++];

		if (sscanf(line, "%d,%d,%d,%lf,%lf,%lf,%lf", &row->a, &row->w, &row->psum, &row->gates,
		           &row->toggles, &row->pj, &row->pj_delays) != 7) {
			printf("%s: row %d is not as rtl/synth/power.sh writes it\n", MAC_CSV, rows->count);
			exit(3);
		}
		if (rows->pinned < 0 && row->a == MAC_BITS && row->w == MAC_BITS)
			rows->pinned = rows->count - 1;
	}
	fclose(file);
	if (rows->pinned < 0) {
		printf("%s: no row of %d bits\n", MAC_CSV, MAC_BITS);
		exit(3);
	}
}

static inline double mac_energy(const struct qmac_energy_table *table, const struct mac_row *row)
{
	return qmac_energy_of_mac(table, row->a, row->w, row->psum).nominal;
}

/*
 * Puts coefficients of a MAC into `table`, which has others: fitted to the rows, then scaled so that a MAC of
 * the pinned row costs what it costs by the table; low and high as far from nominal as they are there.
 */
static inline void mac_calibrate(const struct mac_rows *rows, struct qmac_energy_table *table)
{
	const struct mac_row *pinned = &rows->row[rows->pinned];
	const double wanted = mac_energy(table, pinned);
	double x[MAC_ROWS][MAC_COEFFICIENTS], k[MAC_COEFFICIENTS], scale;

	for (int r = 0; r < rows->count; r++) {
		const struct mac_row *row = &rows->row[r];

		x[r][0] = row->a * row->w / row->pj;
		x[r][1] = row->psum / row->pj;
		x[r][2] = (row->a + row->w) / row->pj;
	}
	fit_relative(x[0], rows->count, MAC_COEFFICIENTS, k);
	scale = wanted / (k[0] * pinned->a * pinned->w + k[1] * pinned->psum + k[2] * (pinned->a + pinned->w));
	for (int i = 0; i < MAC_COEFFICIENTS; i++) {
		struct qmac_band *band = &table->of[mac_coefficients[i]].band;
		double times = scale * k[i] / band->nominal;

		*band = (struct qmac_band){band->low * times, band->nominal * times, band->high * times};
	}
}

#endif
