/*
 * The inner loop of linear regression with mini-batches, and of logistic regression, as
 * device commands: forward and update products on the array, Z on chip during the loop,
 * exactly one stochastic rounding a step. docs/algorithms.md gives the mapping,
 * batch_plan.h the layout, linear_arithmetic.h and logistic_arithmetic.h the arithmetic.
 *
 * The random number of an element of Z in step s depends on (run seed, s, element) only,
 * sums are exact: Z is the same on every device shape, with any limbs and chunks.
 *
 * The functions are those of linear_program.h, with `order` of steps * batch
 * samples, those of a step behind one another and in rising order: LOAD brings two at
 * a time. In logistic regression Z and H have features x outputs elements, row by row,
 * and the loop's `residual` is called once for each chunk, in order, while the device waits.
 */
#ifndef QMAC_TRAIN_BATCH_PROGRAM_H
#define QMAC_TRAIN_BATCH_PROGRAM_H

#include "driver/driver.h"
#include "train/batch_plan.h"
#include "train/linear_program.h"

struct qmac_batch_program;

/* Bytes of device memory that a program's buffers take at most. */
uint64_t qmac_batch_program_memory(const struct qmac_batch_plan *plan);

/* Allocates the buffers. */
QMAC_MUST_CHECK enum qmac_status qmac_batch_program_create(struct qmac_driver *driver,
                                                           const struct qmac_batch_plan *plan,
                                                           struct qmac_batch_program **program,
                                                           struct qmac_error *err);
void qmac_batch_program_destroy(struct qmac_batch_program *program);

void qmac_batch_program_set_x(struct qmac_batch_program *program, int64_t first, int64_t count,
                              const int16_t *codes);
void qmac_batch_program_set_z(struct qmac_batch_program *program, const int32_t *z);
void qmac_batch_program_set_offset(struct qmac_batch_program *program, const int64_t *h);
void qmac_batch_program_set_targets(struct qmac_batch_program *program, const int64_t *k);

/* Puts the samples of each step into rising order. */
void qmac_batch_sort(uint32_t *order, int64_t steps, int64_t batch);

QMAC_MUST_CHECK enum qmac_status qmac_batch_program_run(struct qmac_batch_program *program,
                                                        const struct qmac_linear_loop *loop,
                                                        struct qmac_error *err);

#endif
