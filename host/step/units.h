/*
 * What 1 in each integer of the low-precision inner step is worth as a real number. Nothing is computed
 * with it: reports show real values beside the integers.
 */
#ifndef QMAC_STEP_UNITS_H
#define QMAC_STEP_UNITS_H

#include "step/linear_arithmetic.h"

/* The integers as linear_arithmetic.h and logistic_arithmetic.h name them; all 0 where it is not known. */
struct qmac_units {
	double x, z;
	double m, k;
	double scaled;   /* m': the step's share of a residual, alpha r / batch; of QMAC_STEP_SUM r itself */
	double sum;      /* over the batch, of m' X as the array leaves it */
	double t, u;
};

/* x and z are given, 0 where not known; point is p in logistic regression. */
struct qmac_units qmac_units_of(const struct qmac_linear_shape *shape,
                                const struct qmac_linear_arithmetic *step, double x, double z, int point);

#endif
