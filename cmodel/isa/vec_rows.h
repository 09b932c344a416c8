/*
 * Which rows a VEC reads and writes beside those of src0 and of its destination (docs/command-set.md,
 * "How often a row is read"): for the check, counts, times and races.
 *
 * Commands are legal (qmac_command_fault: none) where nothing else is said.
 */
#ifndef QMAC_ISA_VEC_ROWS_H
#define QMAC_ISA_VEC_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

/* Is src1 a row? Of any VEC. */
static inline bool qmac_vec_has_src1(const struct qmac_command *c)
{
	return c->op != QMAC_OP_LOOKUP && c->s1space != QMAC_SPACE_IMM;
}

/* How often the QMAC_COEFFICIENTS rows of coefficients are latched: 0, 1 or n1 times. Of any VEC. */
static inline uint32_t qmac_vec_latches(const struct qmac_command *c)
{
	return c->op != QMAC_OP_AFFINE ? 0 : c->coef_step ? c->n1 : 1;
}

/* How many rows of sums are written: 0 or n1. Of any VEC. */
static inline uint32_t qmac_vec_sums(const struct qmac_command *c)
{
	return c->sum ? c->n1 : 0;
}

/*
 * The iterations in which a row of src1 is read, one that is held or is that of src0 is not; and those of
 * them in which the row of src0 lies in the same bank of the same scratchpad: they share a read port. In
 * closed form, but where loops of both sources meet with different strides, or cross a bank: then in 256
 * turns at most.
 */
uint32_t qmac_vec_src1_reads(const struct qmac_command *command);
uint32_t qmac_vec_shared_reads(const struct qmac_hw *hw, const struct qmac_command *command);

#endif
