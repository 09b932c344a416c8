/*
 * How a mini-batch step of a linear model fits on a device: limbs, chunks and
 * scratchpad rows. A plain value made by one function, which also decides whether
 * the hardware can hold the run. docs/algorithms.md gives the mapping.
 *
 * A: the samples of a chunk in one of two slots, limb by limb, sample by sample;
 * a sample is `blocks` rows of `block` features. W: a row holds one operand of each
 * output, first those of Z, limb by limb, then those of m'. ACC: a row holds one element
 * of each output of Z, H, the sum over the batch, m or k. A regression has one output, in
 * lane 0. More outputs than the array has columns make several groups: what a single group has in
 * ACC, or in W as one limb, the groups then have one behind the other.
 */
#ifndef QMAC_TRAIN_BATCH_PLAN_H
#define QMAC_TRAIN_BATCH_PLAN_H

#include "hw/hw.h"
#include "lower/limbs.h"
#include "train/linear_arithmetic.h"

struct qmac_batch_plan {
	struct qmac_linear_shape shape;
	struct qmac_linear_arithmetic step;
	struct qmac_limbs x, z, m;      /* X in A; Z and m' in W */
	int outputs, groups;            /* columns of Z; in so many groups of at most `cols` */
	int cols;                       /* outputs of every group but the last */
	int block, blocks;              /* features of an A row; rows of a sample */
	int chunk, chunks;              /* samples of a chunk, fewer in the last; chunks of a step */
	uint32_t slot_rows;             /* rows of A of a slot; slot 0 begins at row 0 */
	uint32_t z_operand, m_operand;  /* first rows in W */
	uint32_t z_row, h_row, sum_row, m_row, target_row; /* first rows in ACC */
};

/* Refuses, naming the key to change, what does not fit hw or has no integer form. */
QMAC_MUST_CHECK enum qmac_status qmac_batch_plan_make(struct qmac_batch_plan *plan,
                                                      const struct qmac_linear_shape *shape,
                                                      const struct qmac_hw *hw, struct qmac_error *err);

/* LOADs that bring `samples` samples into a slot, two at a time. */
int qmac_batch_plan_loads(const struct qmac_batch_plan *plan, int samples);

/* Most commands that EXECUTE gets for a chunk. */
int qmac_batch_plan_commands(const struct qmac_batch_plan *plan);

/* Outputs of a group. */
static inline int qmac_batch_plan_lanes(const struct qmac_batch_plan *plan, int group)
{
	int left = plan->outputs - group * plan->cols;

	return left < plan->cols ? left : plan->cols;
}

/* Logistic regression: whether the sum starts from L + H, of which at least one exists. */
static inline bool qmac_batch_plan_starts_sum(const struct qmac_batch_plan *plan)
{
	return plan->shape.host_residual && (plan->shape.decay > 0 || plan->shape.has_offset);
}

/* Rows that a matrix of Z's shape takes in ACC, and each of its limbs in W. */
static inline int64_t qmac_batch_plan_rows(const struct qmac_batch_plan *plan)
{
	return plan->groups * plan->shape.features;
}

/* First A row of a sample's limb. */
static inline uint32_t qmac_batch_plan_x_row(const struct qmac_batch_plan *plan, int slot, int limb,
                                             int sample)
{
	return (uint32_t)slot * plan->slot_rows + (uint32_t)((limb * plan->chunk + sample) * plan->blocks);
}

#endif
