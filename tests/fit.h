/*
 * The fit of a cost model to measured rows, for the tables of configs/area and configs/energy.
 */
#ifndef QMAC_TESTS_FIT_H
#define QMAC_TESTS_FIT_H

#include <string.h>

enum { FIT_ROWS = 128, FIT_SWEEPS = 200000 };

/*
 * The least sum of squared relative errors with no coefficient below 0: one coefficient at a time, to the
 * best that it can be while the others stay, again and again. x[r * count + i] is how often coefficient i is
 * in row r, over what was measured of it.
 */
static inline void fit_relative(const double *x, int rows, int count, double *coefficients)
{
	double left[FIT_ROWS];

	for (int r = 0; r < rows; r++)
		left[r] = 1;
	memset(coefficients, 0, (size_t)count * sizeof *coefficients);
	for (int sweep = 0; sweep < FIT_SWEEPS; sweep++)
		for (int i = 0; i < count; i++) {
			double along = 0, square = 0, before = coefficients[i];

			for (int r = 0; r < rows; r++) {
				along += x[r * count + i] * left[r];
				square += x[r * count + i] * x[r * count + i];
			}
			coefficients[i] += square > 0 ? along / square : 0;
			if (coefficients[i] < 0)
				coefficients[i] = 0;
			for (int r = 0; r < rows; r++)
				left[r] -= (coefficients[i] - before) * x[r * count + i];
		}
}

#endif
