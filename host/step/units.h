/*
 * What 1 in each integer of the low-precision inner step is worth as a real number. Nothing is computed
 * with it: reports show real values beside the integers.
 */
#ifndef QMAC_STEP_UNITS_H
#define QMAC_STEP_UNITS_H

#include "backend/tag.h"
#include "isa/command.h"
#include "step/linear_arithmetic.h"

/* The integers as linear_arithmetic.h and logistic_arithmetic.h name them; all 0 where it is not known. */
struct qmac_units {
	double x, z;
	double m, k;
	double scaled;   /* m': of the step's share of a residual, alpha r / batch; of QMAC_STEP_SUM, of r itself */
	double sum;      /* over the batch, of m' X as the array leaves it */
	double t, u;
};

/* x and z are given, 0 where not known; point is p in logistic regression. */
struct qmac_units qmac_units_of(const struct qmac_linear_shape *shape,
                                const struct qmac_linear_arithmetic *step, double x, double z, int point);

/* What a command of the one layer says of itself. unit: of the numbers that it writes, or takes a limb of. */
static inline void qmac_command_note(struct qmac_command *command, enum qmac_direction direction, uint32_t step,
                                     double unit)
{
	command->tag = qmac_tag(direction, 0, step);
	command->direction = (uint8_t)direction;
	command->unit = unit * (double)(UINT64_C(1) << command->lsb);
}

#endif
