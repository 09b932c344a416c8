/*
 * What VEC reads: rows of its sources, with bounds of what is in them; and what these prove of a loop over
 * them. Internal to the C model.
 */
#ifndef QMAC_DEVICE_VEC_SOURCE_H
#define QMAC_DEVICE_VEC_SOURCE_H

#include "device/internal.h"

/* Rows of coefficients, c0 and c1 clamped, and widths that every lane of each fits. */
struct qmac_coefficients {
	int64_t rows[QMAC_COEFFICIENTS][QMAC_LANES_MAX];
	int bits[QMAC_COEFFICIENTS];
};

struct qmac_vec {
	struct qmac_unit *unit;
	struct qmac_device *device;  /* the unit's */
	const struct qmac_command *c;
	int lanes, mult_bits;
	int imm_bits;             /* width of imm */
	uint64_t saturations, magnitudes;
	int64_t *imm;             /* in every lane; not set where src1 is a row */
	struct qmac_coefficients *coefficients; /* NULL: not affine */
};

/* Iterations of a VEC that are done together: (i1, i0), ..., (i1 + n1 - 1, i0 + n0 - 1). */
struct qmac_turns {
	uint32_t i1, i0, n1, n0;
};

/* Rows of a loop nest in a scratchpad. */
struct qmac_vec_nest {
	uint32_t row, n1, outer, n0, step;
};

/* Rows of a source, and a width that every lane fits. */
struct qmac_source {
	struct qmac_sources rows;
	int bits;
	struct qmac_vec_nest acc;   /* where they lie; n1 0: not in ACC */
};

void qmac_vec_read_src0(const struct qmac_vec *v, const struct qmac_turns *turns, struct qmac_source *source);
void qmac_vec_read_src1(const struct qmac_vec *v, const struct qmac_turns *turns, struct qmac_source *source);

/*
 * The kernel for `rows` rows of a and b; `sweep` says already what is done with them, `summed` whether y is
 * added up. Notes there what bounds prove, and in *y_bits a width that every y fits. Where bounds do not
 * prove that the fast kernel may take them, the words are looked at.
 */
const struct qmac_kernel *qmac_vec_prove(struct qmac_vec *v, struct qmac_source *a, struct qmac_source *b,
                                         uint32_t rows, bool summed, struct qmac_sweep *sweep, int *y_bits);

/* The same of rows of words of at most x_bits bits that are only finished. */
const struct qmac_kernel *qmac_vec_prove_finish(struct qmac_vec *v, int x_bits, struct qmac_sweep *sweep,
                                                int *y_bits);

/* Notes that words of at most `bits` bits were written to the lanes of v of these rows of ACC. */
void qmac_vec_note_acc(struct qmac_vec *v, const struct qmac_vec_nest *rows, int bits);

#endif
