/*
 * The programs that the inner loop of linear regression consists of, one sample a step: what is due before
 * the loop, a step, and Z to memory. Each is compiled once and replayed with other samples, seeds and tags.
 */
#ifndef QMAC_STEP_LINEAR_UNIT_H
#define QMAC_STEP_LINEAR_UNIT_H

#include "driver/driver.h"
#include "step/linear_plan.h"
#include "step/step_writer.h"

/* Where the vectors lie in device memory, and in which containers. */
struct qmac_linear_memory {
	struct qmac_buffer x, z, h, targets; /* bytes 0: there is none */
	unsigned x_container, z_container, h_container;
};

/* What a program does; parts of BEGIN may be combined, the others stand alone. */
enum qmac_linear_unit_key {
	QMAC_LINEAR_X_DUE = 1 << 0,   /* BEGIN: all of X, H, Z to the chip; Z = 0 */
	QMAC_LINEAR_H_DUE = 1 << 1,
	QMAC_LINEAR_Z_DUE = 1 << 2,
	QMAC_LINEAR_Z_CLEAR = 1 << 3,
	QMAC_LINEAR_LOADS = 1 << 4,   /* brings what a step needs: BEGIN the first one, STEP the next one */
	QMAC_LINEAR_STEP = 1 << 5,
	QMAC_LINEAR_SLOT = 1 << 6,    /* STEP: in slot 1 */
	QMAC_LINEAR_KEEP = 1 << 7,    /* Z to memory */
	QMAC_LINEAR_UNIT_KEYS = 1 << 8
};

struct qmac_linear_unit {
	struct qmac_program *program; /* NULL: not made yet */
	struct qmac_step_note *notes;
	int64_t count;
};

/* Makes the program of a key, not compiled. */
QMAC_MUST_CHECK enum qmac_status qmac_linear_unit_make(struct qmac_linear_unit *unit,
                                                       const struct qmac_linear_plan *plan,
                                                       const struct qmac_hw *hw,
                                                       const struct qmac_linear_memory *memory, unsigned key,
                                                       struct qmac_error *err);
void qmac_linear_unit_destroy(struct qmac_linear_unit *unit);

/* What a replay has that is its own. */
struct qmac_linear_replay {
	uint32_t step, seed;
	uint32_t sample, loaded;       /* of the step; of the one that is brought */
	int32_t target;                /* k of the step's sample, where it is an immediate */
	const struct qmac_units *units;
};

/* Renews the fields of its commands. */
void qmac_linear_unit_patch(struct qmac_linear_unit *unit, const struct qmac_linear_plan *plan,
                            const struct qmac_linear_memory *memory, const struct qmac_linear_replay *replay);

/* Bytes of a vector in device memory. */
static inline uint64_t qmac_linear_vector_bytes(const struct qmac_linear_plan *plan, unsigned container)
{
	return ((uint64_t)plan->rows * (uint64_t)plan->lanes) << container;
}

/* Does a step need something that does not stay on chip? */
static inline bool qmac_linear_steps_load(const struct qmac_linear_plan *plan)
{
	return !plan->x_resident || plan->target_table;
}

#endif
