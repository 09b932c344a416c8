#include "step/units.h"

#include <math.h>

#include "step/step_law.h"

struct qmac_units qmac_units_of(const struct qmac_linear_shape *shape,
                                const struct qmac_linear_arithmetic *step, double x, double z, int point)
{
	struct qmac_units units = {0};

	if (!(x > 0) || !(z > 0))
		return units;
	units.x = x;
	units.z = z;
	units.m = x * z;
	units.k = ldexp(units.m, -shape->y_frac_bits);
	if (shape->kind != QMAC_STEP_REGRESSION) {
		/* a step moves Z; a sum alone is a gradient, of residuals times X */
		double moved = shape->kind == QMAC_STEP_SUM ? x : z;

		units.scaled = ldexp(moved, -point) / x;
		units.sum = units.t = units.u = ldexp(moved, -qmac_step_law_of(shape->kind)->fraction(shape, point));
		return units;
	}
	units.u = ldexp(z, -shape->frac_bits);
	units.t = ldexp(units.u, step->t_left);
	units.sum = ldexp(units.t, -step->t_shift);
	units.scaled = units.sum / x;
	return units;
}
