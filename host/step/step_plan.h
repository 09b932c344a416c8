/*
 * How a mini-batch step of a linear model fits on a device: limbs, chunks of samples, parts of the
 * weights, and scratchpad rows. A plain value made by one function, which also decides whether the
 * hardware can hold the run. docs/algorithms.md gives the mapping.
 *
 * Z, the weights, has d = features rows of C = outputs columns. On the array its features lie in blocks
 * of at most `rows`, its columns in groups of at most `cols`. Where all of them fit the scratchpads they
 * stay there for the whole loop: the plan is resident. Where they do not, a step goes through Z part by
 * part, part_blocks blocks by part_groups groups at a time, which come from memory and go back to it;
 * parts take turns in the two banks of W and ACC, so that one is moved while the other is worked on.
 *
 * A: the samples of a chunk in one of two slots, limb by limb, sample by sample; a sample is part_blocks
 * rows of `block` features. W: a row holds one operand of each output of a group, those of Z limb by
 * limb, and those of m'. ACC: a row holds one element of each output of a group: of Z, H, the sum over
 * the batch, m or k. Groups of a part lie one behind the other. A regression has one output, in lane 0.
 */
#ifndef QMAC_STEP_STEP_PLAN_H
#define QMAC_STEP_STEP_PLAN_H

#include "hw/hw.h"
#include "lower/panel.h"
#include "step/linear_arithmetic.h"

struct qmac_step_plan {
	struct qmac_linear_shape shape;
	struct qmac_linear_arithmetic step;
	struct qmac_limbs x, z, m;      /* X in A; Z and m' in W */
	int outputs, groups;            /* columns of Z; in so many groups of at most `cols` */
	int cols;                       /* outputs of every group but the last */
	int block, blocks;              /* features of an A row; rows of a sample */
	int chunk, chunks;              /* samples of a chunk, fewer in the last; chunks of a step */
	int load_samples;               /* samples of a LOAD: 2, or 1 where two can lie too far apart */
	int part_blocks, part_groups;   /* of a part, fewer in the last ones; resident: all */
	uint32_t slot_rows;             /* rows of A of a slot; slot 0 begins at row 0 */
	uint32_t z_operand, m_operand;  /* first rows in W */
	uint32_t z_row, h_row, sum_row, m_row, target_row; /* first rows in ACC */
	/* rows between the two places that parts, and chunks of m, take turns in; 0 where all is resident */
	uint32_t w_turn, acc_turn;
};

/* What is worked on at once. */
struct qmac_step_part {
	int block, blocks; /* first, and how many */
	int group, groups;
	int turn;          /* 0 or 1: which of the two places in ACC */
	int operand_turn;  /* the same for its operands in W */
};

/* Samples that are worked on at once: which slot of A they have, and which place of ACC their m and k. */
struct qmac_step_chunk {
	int slot, turn, samples;
};

/* Refuses, naming the key to change, what does not fit hw or has no integer form. */
QMAC_MUST_CHECK enum qmac_status qmac_step_plan_make(struct qmac_step_plan *plan,
                                                     const struct qmac_linear_shape *shape,
                                                     const struct qmac_hw *hw, struct qmac_error *err);

/* The whole of Z stays on chip. */
static inline bool qmac_step_plan_resident(const struct qmac_step_plan *plan)
{
	return plan->acc_turn == 0;
}

/* Bytes of a sample in device memory: its last row is filled up. */
static inline uint64_t qmac_step_plan_sample_bytes(const struct qmac_step_plan *plan)
{
	return (uint64_t)plan->blocks * (uint64_t)plan->block << qmac_container_for(plan->shape.x_bits);
}

/* Samples of chunk `chunk` of a step. */
static inline int qmac_step_plan_samples(const struct qmac_step_plan *plan, int64_t chunk)
{
	int64_t left = plan->shape.batch - chunk * plan->chunk;

	return left < plan->chunk ? (int)left : plan->chunk;
}

/* Features of `blocks` blocks from `block` on. */
static inline int64_t qmac_step_plan_features(const struct qmac_step_plan *plan, int block, int blocks)
{
	int64_t left = plan->shape.features - (int64_t)block * plan->block, most = (int64_t)blocks * plan->block;

	return left < most ? left : most;
}

/* Columns of the groups of a part. */
static inline int qmac_step_plan_columns(const struct qmac_step_plan *plan, const struct qmac_step_part *part)
{
	int left = plan->outputs - part->group * plan->cols, most = part->groups * plan->cols;

	return left < most ? left : most;
}

/*
 * Where element (row, column) of a matrix of `rows` rows and the columns of Z lies in memory, counted in
 * elements: group after group, so that a group's rows are one run of bytes.
 */
static inline int64_t qmac_step_plan_place(const struct qmac_step_plan *plan, int64_t rows, int64_t row,
                                           int column)
{
	int group = column / plan->cols, first = group * plan->cols, left = plan->outputs - first;

	return first * rows + row * (left < plan->cols ? left : plan->cols) + (column - first);
}

/* Rows of m and m' in memory: of a chunk; part by part of the whole batch. */
static inline int64_t qmac_step_plan_stored_rows(const struct qmac_step_plan *plan)
{
	return qmac_step_plan_resident(plan) ? plan->chunk : plan->shape.batch;
}

/* X of a chunk: the part's features of its samples. */
struct qmac_panel qmac_step_plan_x(const struct qmac_step_plan *plan, const struct qmac_step_part *part,
                                   const struct qmac_step_chunk *chunk);

/* Operands of the part's Z, feature by feature, and of its columns of m' of a chunk, sample by sample. */
struct qmac_panel qmac_step_plan_z_operand(const struct qmac_step_plan *plan,
                                           const struct qmac_step_part *part);
struct qmac_panel qmac_step_plan_m_operand(const struct qmac_step_plan *plan,
                                           const struct qmac_step_part *part);

/* A matrix of the part's shape in ACC, which the plan has at `row`: z_row, h_row or sum_row. */
struct qmac_panel qmac_step_plan_matrix(const struct qmac_step_plan *plan, const struct qmac_step_part *part,
                                        uint32_t row);

/* The part's columns of m of a chunk in ACC. */
struct qmac_panel qmac_step_plan_m(const struct qmac_step_plan *plan, const struct qmac_step_part *part,
                                   const struct qmac_step_chunk *chunk);

/* First ACC row of the chunk's k: where all is resident, by slot; otherwise beside m. */
static inline uint32_t qmac_step_plan_target_row(const struct qmac_step_plan *plan,
                                                 const struct qmac_step_chunk *chunk)
{
	return plan->target_row + (qmac_step_plan_resident(plan) ? (uint32_t)(chunk->slot * plan->chunk) :
	                                                           (uint32_t)chunk->turn * plan->acc_turn);
}

/* Logistic regression: whether the sum starts from L + H, of which at least one exists. */
static inline bool qmac_step_plan_starts_sum(const struct qmac_step_plan *plan)
{
	return plan->shape.kind == QMAC_STEP_LOGISTIC && (plan->shape.decay > 0 || plan->shape.has_offset);
}

#endif
