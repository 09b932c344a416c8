/*
 * The commands of a mini-batch step, as functions of its plan: what EXECUTE does
 * for one chunk of a batch, and what LOAD brings for it. They come without waits,
 * which batch_loop.c adds, and those outside a chunk without tags and units.
 */
#ifndef QMAC_TRAIN_BATCH_COMMANDS_H
#define QMAC_TRAIN_BATCH_COMMANDS_H

#include "isa/command.h"
#include "train/batch_plan.h"
#include "train/units.h"

struct qmac_batch_chunk {
	int slot;          /* 0 or 1: where its samples lie */
	int samples;
	bool first, last;  /* of its step */
	uint32_t step;     /* its number in the run */
	uint32_t seed;     /* of the step's rounding; used by the last */
	const struct qmac_units *units;
	int point;         /* logistic regression: p, the fraction bits of m' */
};

/*
 * m and m' of the chunk's samples, their part of the sum over the batch and, in
 * the last chunk, the new Z. Returns the number of commands, at most
 * qmac_batch_plan_commands(); *last_read is the last one that reads the slot.
 */
int qmac_batch_execute(const struct qmac_batch_plan *plan, const struct qmac_batch_chunk *chunk,
                       struct qmac_command *commands, int *last_read);

/*
 * The two parts of it in logistic regression, which the host's m' divides: m; and all that follows, of
 * which *first_read is the first command that reads m' in W.
 */
int qmac_batch_forward(const struct qmac_batch_plan *plan, const struct qmac_batch_chunk *chunk,
                       struct qmac_command *commands);
int qmac_batch_update(const struct qmac_batch_plan *plan, const struct qmac_batch_chunk *chunk,
                      struct qmac_command *commands, int *first_read, int *last_read);

/*
 * LOAD or STORE of a group's part of a matrix of `rows` rows of `outputs` containers, which lies at
 * `address`, between memory and ACC, where the matrix begins at `row`.
 */
struct qmac_command qmac_batch_move(const struct qmac_batch_plan *plan, unsigned opcode, uint64_t address,
                                    unsigned container, uint32_t row, int64_t rows, int group);

/* LOAD of a limb of a group's part of m', a matrix of `samples` rows, from `address` to W. */
struct qmac_command qmac_batch_load_m(const struct qmac_batch_plan *plan, uint64_t address,
                                      unsigned container, int samples, int limb, int group);

/*
 * LOAD of a limb of X of sample number `sample` of the chunk, whose features lie at `address`, to its
 * place in the slot.
 */
struct qmac_command qmac_batch_load_x(const struct qmac_batch_plan *plan, uint64_t address,
                                      unsigned container, int slot, int limb, int sample);

/* Makes a LOAD of one sample one of two: that of the next one, too, `distance` bytes further in memory. */
void qmac_batch_load_pair(struct qmac_command *command, uint64_t distance);

/* Z = 0 */
struct qmac_command qmac_batch_clear(const struct qmac_batch_plan *plan);

/* Copies a limb of a group of Z to where GEMM reads it. */
struct qmac_command qmac_batch_copy_z(const struct qmac_batch_plan *plan, int limb, int group);

#endif
