/*
 * What a step does between its two products and behind them: the law of its residual and of its update,
 * as vector commands (step/linear_arithmetic.h, step/logistic_arithmetic.h have the formulas).
 */
#ifndef QMAC_STEP_STEP_LAW_H
#define QMAC_STEP_STEP_LAW_H

#include "step/step_plan.h"
#include "step/step_writer.h"

/* A unit in the making. */
struct qmac_step_maker {
	struct qmac_step_writer writer;
	const struct qmac_step_plan *plan;
	int point; /* p of logistic regression */
};

struct qmac_step_law {
	/* The integers of the step, and whether accumulators hold them, as qmac_linear_arithmetic_*(). */
	enum qmac_status (*make)(struct qmac_linear_arithmetic *step, const struct qmac_linear_shape *shape,
	                         struct qmac_error *err);
	enum qmac_status (*check)(const struct qmac_linear_arithmetic *step,
	                          const struct qmac_linear_shape *shape, int acc_bits, bool target_in_acc,
	                          struct qmac_error *err);
	/* Fraction bits of the sum where m' has p. */
	int (*fraction)(const struct qmac_linear_shape *shape, int p);
	/* m' of m of a chunk on the device, to W where all is resident, else in place; NULL: the host's. */
	void (*scale)(struct qmac_step_maker *maker, const struct qmac_step_part *part,
	              const struct qmac_step_chunk *chunk);
	/* What the sum starts from, where it does not start from 0. */
	void (*start)(struct qmac_step_maker *maker, const struct qmac_step_part *part);
	/* Of Z and the sum the new Z, in its place in ACC; NULL: the sum is all that is wanted. */
	void (*finish)(struct qmac_step_maker *maker, const struct qmac_step_part *part);
};

const struct qmac_step_law *qmac_step_law_of(enum qmac_step_kind kind);

/* Z = 0, of a resident plan. */
void qmac_step_clear(struct qmac_step_maker *maker);

/* Copies Z in ACC to its operands in W. */
void qmac_step_copy_z(struct qmac_step_maker *maker, enum qmac_direction direction,
                      const struct qmac_step_part *part);

#endif
