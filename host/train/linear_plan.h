/*
 * How the low-precision inner step of linear regression fits on a device:
 * widths, shifts and scratchpad rows. A plain value made by one function, which
 * also decides whether the hardware can hold the run.
 *
 * The step on integers (docs/algorithms.md): with m = sum_j X_ij Z_j,
 *   m'  = clamp( nearest( ((m << e) - k_i) * mult / 2^m_shift ) )
 *   T_j = nearest( m' X_ij / 2^t_shift )
 *   U_j = (T_j << t_left) + H_j
 *   Z_j = clamp( stochastic( ((Z_j << F) - U_j) / 2^F ) )
 */
#ifndef QMAC_TRAIN_LINEAR_PLAN_H
#define QMAC_TRAIN_LINEAR_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/hw.h"

/* What is to be computed. */
struct qmac_linear_shape {
	int64_t samples, features;
	int bits, x_bits;      /* widths of Z and X */
	int frac_bits;         /* F */
	int mp_bits;           /* width of m' */
	int y_frac_bits;       /* e */
	double c1;             /* alpha dx^2: step per grid unit of residual and code of X */
	bool has_offset;       /* H; otherwise 0 */
	bool has_targets;      /* k_i; otherwise 0 */
	int target_bits;       /* signed width that every k_i fits; 0: as m */
};

struct qmac_linear_plan {
	struct qmac_linear_shape shape;
	/* arithmetic */
	int m_bits, mp_bits, t_bits, u_bits; /* signed widths of m, m', T, U (and H) */
	int mult, m_shift, t_shift, t_left;
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

/* Signed width of m = sum of `features` products. */
int qmac_linear_m_bits(int bits, int x_bits, int64_t features);

#endif
