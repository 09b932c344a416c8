/*
 * VEC work on a whole panel: the end of a product, copies of limbs, an operation between two panels.
 *
 *   y = clamp to `bits` of ( relu of ( op(x << left, b) * mult / 2^shift, rounded ) )
 *
 * b is a bias, the same at every position, or a panel, or a number; op is `add` where nothing is said.
 * `left` and mult are of add, sub, min and max.
 *
 * The result goes to another panel of the same channels and lanes: ACC, or a limb of it straight into
 * A or W, where the lanes behind a block's become zero. An integer of several limbs is made in ACC
 * first and then copied limb by limb, so that a saturation counts once.
 */
#ifndef QMAC_LOWER_VECTOR_H
#define QMAC_LOWER_VECTOR_H

#include "lower/panel.h"

/* mult 1 and all else 0 but bits: a clamp. */
struct qmac_rescale {
	int left;            /* 0..31 */
	int32_t mult;        /* of MULT_BITS bits */
	int shift;           /* 0..63 */
	unsigned rounding;   /* QMAC_ROUND_* */
	bool relu;
	int bits;            /* signed width of the result, 1..63, at most acc_bits */
	/*
	 * Stochastic: element (position, channel) has the random number of row coordinate row0 + i2*rows[0] +
	 * i1*rows[1] + i0*rows[2] and channel coordinate channel0 + channel; rows[2] is 0 or 1.
	 */
	uint32_t seed, row0, rows[3], channel0;
};

struct qmac_vector {
	struct qmac_panel from, to; /* of one limb, signed; steps as they please */
	uint32_t n[3];              /* positions: i2, i1, i0 */
	struct qmac_rescale scale;
	bool has_bias;
	uint32_t bias_row;          /* ACC row of the first block's bias; the next ones follow */
	unsigned op;                /* QMAC_OP_* */
	bool has_other;             /* of the channels and lanes of `from`, as that; no bias then */
	struct qmac_panel other;
	int32_t number;             /* where there is neither */
	uint32_t in_bits, lut_n, lut_base; /* lookup */
	uint32_t coef_row;          /* affine: ACC row of the first block's three; the next ones follow */
	/*
	 * Sums over positions, a row of ACC for each block: of the results, besides them (has_sum), or in their
	 * place (reduces: what `op` makes, summed, then shifted, rounded and clamped, goes to `to`, which has one
	 * row for all positions, its steps being 0). Each command gives the sums over its own positions: where
	 * those are not all of a block, whoever asks for the next command may change sum_row, or to.row, before.
	 */
	bool has_sum, reduces;
	uint32_t sum_row;           /* of the first block's sums; the next ones follow */
	/* where qmac_vector_next() is; 0 at first */
	int64_t block;
	uint32_t at[2];
};

/* Whether the next command begins a block. */
bool qmac_vector_begins_block(const struct qmac_vector *vector);

/* The next VEC, without waits; false, leaving *command as it is, after the last. */
bool qmac_vector_next(struct qmac_vector *vector, struct qmac_command *command);

/* Copies limb i of integers of to->limbs.bits bits from ACC to where `to` has it, over n positions. */
struct qmac_vector qmac_vector_copy_limb(const struct qmac_panel *from, const struct qmac_panel *to, int i,
                                         const uint32_t n[3]);

#endif
