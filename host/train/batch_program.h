/*
 * The inner loop of linear regression with mini-batches, and of logistic regression, as
 * device commands: forward and update products on the array, Z on chip during the loop,
 * exactly one stochastic rounding a step. docs/algorithms.md gives the mapping,
 * batch_plan.h the layout, linear_arithmetic.h and logistic_arithmetic.h the arithmetic.
 *
 * The random number of an element of Z in step s depends on (run seed, s, element) only,
 * sums are exact: Z is the same on every device shape, with any limbs and chunks.
 *
 * A loop's `order` has steps * batch samples, those of a step behind one another and in rising order:
 * LOAD brings two at a time. In logistic regression Z and H have features x outputs elements, row by
 * row, and the loop's `residual` is called once for each chunk, in order, while the device waits.
 */
#ifndef QMAC_TRAIN_BATCH_PROGRAM_H
#define QMAC_TRAIN_BATCH_PROGRAM_H

#include "train/inner_loop.h"

/* This kind of loop. */
extern const struct qmac_inner_loop_operations qmac_batch_operations;

/* Its memory and create. */
uint64_t qmac_batch_program_memory(const struct qmac_batch_plan *plan);
QMAC_MUST_CHECK enum qmac_status qmac_batch_program_create(struct qmac_driver *driver,
                                                           const struct qmac_batch_plan *plan,
                                                           struct qmac_inner_loop **inner,
                                                           struct qmac_error *err);

/* Puts the samples of each step into rising order. */
void qmac_batch_sort(uint32_t *order, int64_t steps, int64_t batch);

#endif
