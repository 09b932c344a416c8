/*
 * What the files of the batch program share: batch_program.c has its buffers, batch_loop.c
 * its commands in order.
 */
#ifndef QMAC_TRAIN_BATCH_INTERNAL_H
#define QMAC_TRAIN_BATCH_INTERNAL_H

#include "train/batch_program.h"
#include "train/pack.h"
#include "train/units.h"

struct qmac_batch_program {
	struct qmac_inner_loop base;
	struct qmac_driver *driver;
	struct qmac_batch_plan plan;
	struct qmac_buffer x, z, h, targets, m, scaled, sum;
	unsigned x_container, z_container, h_container, target_container, m_container, scaled_container;
	uint8_t *staging;              /* so many integers as any buffer but x has, as in device memory */
	uint8_t *sample;               /* of x, as in device memory; its last row is filled up with zeros */
	int64_t *values;               /* of m and of m' of a chunk; logistic regression */
	struct qmac_command *commands; /* of a chunk */
	struct qmac_units units;       /* of the running loop */
	bool h_due, z_due, z_clear;    /* to be done on the device before the next loop */
	struct qmac_token executed;    /* last command of EXECUTE; valid where has_executed */
	bool has_executed;
	struct qmac_token slot_loaded[2], slot_read[2]; /* last LOAD into a slot, its last reader */
};

static inline uint64_t qmac_batch_bytes(int64_t count, unsigned container)
{
	return (uint64_t)count << container;
}

/* Elements of Z. */
static inline int64_t qmac_batch_weights(const struct qmac_batch_plan *plan)
{
	return plan->shape.features * plan->outputs;
}

/* Bytes of a sample in device memory: its last row is filled up. */
static inline uint64_t qmac_batch_sample_bytes(const struct qmac_batch_plan *plan)
{
	return (uint64_t)plan->blocks * (uint64_t)plan->block << qmac_container_for(plan->shape.x_bits);
}

/* Packs integers into program->staging and sends them to a buffer. */
void qmac_batch_upload(struct qmac_batch_program *program, struct qmac_buffer buffer, const int64_t *values,
                       int64_t count, unsigned container);

/* The `run` of struct qmac_inner_loop_operations. */
QMAC_MUST_CHECK enum qmac_status qmac_batch_run(struct qmac_inner_loop *inner,
                                                const struct qmac_linear_loop *loop,
                                                struct qmac_error *err);

#endif
