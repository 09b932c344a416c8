/*
 * The inner loop of a low-precision run on the device: one sample a step by vector
 * commands (linear_program.h), mini-batches and logistic regression through the array
 * (batch_program.h).
 */
#ifndef QMAC_TRAIN_INNER_LOOP_H
#define QMAC_TRAIN_INNER_LOOP_H

#include "train/batch_program.h"
#include "train/linear_program.h"

struct qmac_inner_loop {
	bool batched;
	struct qmac_linear_arithmetic step;
	/* of the two kinds, the one that `batched` says */
	struct qmac_linear_plan linear_plan;
	struct qmac_batch_plan batch_plan;
	struct qmac_linear_program *linear;
	struct qmac_batch_program *batch;
};

/* Decides how the loop runs on hw; refuses, naming the key to change, what does not fit. */
QMAC_MUST_CHECK enum qmac_status qmac_inner_loop_plan(struct qmac_inner_loop *inner,
                                                      const struct qmac_linear_shape *shape,
                                                      const struct qmac_hw *hw, struct qmac_error *err);

/* Bytes of device memory that the planned loop takes at most. */
uint64_t qmac_inner_loop_memory(const struct qmac_inner_loop *inner);

/* After planning; the others as in linear_program.h. destroy() leaves the struct to its owner. */
QMAC_MUST_CHECK enum qmac_status qmac_inner_loop_create(struct qmac_inner_loop *inner,
                                                        struct qmac_driver *driver, struct qmac_error *err);
void qmac_inner_loop_destroy(struct qmac_inner_loop *inner);
void qmac_inner_loop_reload(struct qmac_inner_loop *inner);
void qmac_inner_loop_set_x(struct qmac_inner_loop *inner, int64_t first, int64_t count, const int16_t *codes);
void qmac_inner_loop_set_z(struct qmac_inner_loop *inner, const int32_t *z);
void qmac_inner_loop_set_offset(struct qmac_inner_loop *inner, const int64_t *h);
void qmac_inner_loop_set_targets(struct qmac_inner_loop *inner, const int64_t *k);
QMAC_MUST_CHECK enum qmac_status qmac_inner_loop_run(struct qmac_inner_loop *inner,
                                                     const struct qmac_linear_loop *loop,
                                                     struct qmac_error *err);

#endif
