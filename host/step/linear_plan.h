/*
 * How the low-precision inner step of linear regression fits on a device:
 * widths, shifts and scratchpad rows. A plain value made by one function, which
 * also decides whether the hardware can hold the run.
 */
#ifndef QMAC_STEP_LINEAR_PLAN_H
#define QMAC_STEP_LINEAR_PLAN_H

#include "hw/hw.h"
#include "step/linear_arithmetic.h"

struct qmac_linear_plan {
	struct qmac_linear_shape shape;
	struct qmac_linear_arithmetic step;
	/* a vector lies in `rows` rows of `lanes` lanes, the last one filled up with zeros */
	int lanes, rows;
	unsigned x_space;      /* QMAC_SPACE_A, W or ACC */
	bool x_resident;       /* all of X on chip; otherwise two slots, loaded step by step */
	bool target_table;     /* k_i from memory through two slots in ACC; otherwise an immediate */
	/* first rows: X in x_space, the others in ACC */
	uint32_t x_row, z_row, h_row, t_row, m_row, target_row;
};

/* Refuses, naming the key to change, what does not fit hw or has no integer form. */
QMAC_MUST_CHECK enum qmac_status qmac_linear_plan_make(struct qmac_linear_plan *plan,
                                                       const struct qmac_linear_shape *shape,
                                                       const struct qmac_hw *hw, struct qmac_error *err);

#endif
