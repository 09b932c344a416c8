/*
 * The inner loop of linear regression with mini-batches, and of logistic regression, as device commands:
 * two matrix products a step, exactly one stochastic rounding. docs/algorithms.md gives the mapping,
 * step_plan.h the layout, step/linear_arithmetic.h and step/logistic_arithmetic.h the arithmetic.
 *
 * The random number of an element of Z in step s depends on (run seed, s, element) only,
 * sums are exact: Z is the same on every device shape, with any limbs, chunks and parts.
 *
 * A loop's `order` has steps * batch samples, those of a step behind one another and in rising order:
 * a LOAD brings two at a time. In logistic regression Z and H have features x outputs elements, row by
 * row, and the loop's `residual` is called once for each chunk, in order, while the device waits.
 */
#ifndef QMAC_STEP_STEP_H
#define QMAC_STEP_STEP_H

#include "step/inner_loop.h"

/* This kind of loop. */
extern const struct qmac_inner_loop_operations qmac_step_operations;

/* Its memory and create. */
uint64_t qmac_step_memory_bytes(const struct qmac_step_plan *plan);
QMAC_MUST_CHECK enum qmac_status qmac_step_create(struct qmac_driver *driver,
                                                  const struct qmac_step_plan *plan,
                                                  struct qmac_inner_loop **inner, struct qmac_error *err);

/* Puts the samples of each step into rising order. */
void qmac_step_sort(uint32_t *order, int64_t steps, int64_t batch);

#endif
