/*
 * The commands of the inner loop of linear regression, as functions of its plan.
 * They come without waits, tags and addresses of samples, which linear_unit.c adds.
 */
#ifndef QMAC_STEP_LINEAR_COMMANDS_H
#define QMAC_STEP_LINEAR_COMMANDS_H

#include "isa/command.h"
#include "step/linear_plan.h"

/* The commands of a step, in order. */
enum qmac_linear_command {
	QMAC_LINEAR_DOT,      /* m = X_i.Z; src1 is the sample's row */
	QMAC_LINEAR_SCALE,    /* m'; the target is imm, or src1 */
	QMAC_LINEAR_MULTIPLY, /* T = m' X_i; src1 is the sample's row */
	QMAC_LINEAR_OFFSET,   /* U = T + H; left out where it would change nothing */
	QMAC_LINEAR_ROUND,    /* Z - U, rounded with `seed` */
	QMAC_LINEAR_COMMANDS
};

void qmac_linear_step(const struct qmac_linear_plan *plan, struct qmac_command step[QMAC_LINEAR_COMMANDS]);

/* Whether the step has its command OFFSET. */
bool qmac_linear_has_offset(const struct qmac_linear_plan *plan);

/* Z = 0 */
struct qmac_command qmac_linear_clear(const struct qmac_linear_plan *plan);

#endif
