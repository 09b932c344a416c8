/*
 * The inner loop of linear regression, one sample a step, as device commands: five vector commands
 * a step, Z on chip during the loop, exactly one stochastic rounding a step.
 * docs/algorithms.md gives the mapping, linear_plan.h the arithmetic.
 *
 * The random number of element j in step s depends on (run seed, s, j) only:
 * Z is the same on every device shape and with every placement of X.
 */
#ifndef QMAC_STEP_LINEAR_PROGRAM_H
#define QMAC_STEP_LINEAR_PROGRAM_H

#include "step/inner_loop.h"

/* This kind of loop. */
extern const struct qmac_inner_loop_operations qmac_linear_operations;

/* Its memory and create. */
uint64_t qmac_linear_program_memory(const struct qmac_linear_plan *plan);
QMAC_MUST_CHECK enum qmac_status qmac_linear_program_create(struct qmac_driver *driver,
                                                            const struct qmac_linear_plan *plan,
                                                            struct qmac_inner_loop **inner,
                                                            struct qmac_error *err);

#endif
