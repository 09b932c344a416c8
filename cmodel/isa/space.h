/*
 * Sizes of the spaces of SPACE_* on given hardware; IMM has none.
 */
#ifndef QMAC_ISA_SPACE_H
#define QMAC_ISA_SPACE_H

#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

static inline uint32_t qmac_space_rows(const struct qmac_hw *hw, unsigned space)
{
	switch (space) {
	case QMAC_SPACE_A:
		return (uint32_t)hw->a_depth;
	case QMAC_SPACE_W:
		return (uint32_t)hw->w_depth;
	case QMAC_SPACE_ACC:
		return (uint32_t)hw->acc_depth;
	default:
		return 1U << hw->lut_bits;
	}
}

static inline uint32_t qmac_space_lanes(const struct qmac_hw *hw, unsigned space)
{
	return space == QMAC_SPACE_LUT ? 1U : (uint32_t)(space == QMAC_SPACE_A ? hw->rows : hw->cols);
}

/* Bits of a lane. */
static inline int qmac_space_bits(const struct qmac_hw *hw, unsigned space)
{
	switch (space) {
	case QMAC_SPACE_A:
		return hw->a_bits;
	case QMAC_SPACE_W:
		return hw->w_bits;
	case QMAC_SPACE_ACC:
		return hw->acc_bits;
	default:
		return 32;
	}
}

#endif
