/*
 * What VEC reads: rows of its sources, widened to 64 bits, with bounds of what is in them; and which kernel
 * they allow. Internal to the C model.
 */
#ifndef QMAC_DEVICE_VEC_SOURCE_H
#define QMAC_DEVICE_VEC_SOURCE_H

#include "device/internal.h"

/* Rows of coefficients, c0 and c1 clamped, and widths that every lane of each fits. */
struct qmac_coefficients {
	int64_t rows[QMAC_COEFFICIENTS][QMAC_LANES_MAX];
	int bits[QMAC_COEFFICIENTS];
};

/* The sums of one i1: in 64 bits where bounds prove that they fit, else in 128. */
struct qmac_row_sums {
	int64_t limit;            /* -limit-1 <= sum <= limit where fit, else no bound */
	bool fit;
	int64_t sum[QMAC_LANES_MAX];
	qmac_int128 wide[QMAC_LANES_MAX];
};

struct qmac_vec {
	struct qmac_device *device;
	const struct qmac_command *c;
	struct qmac_tail tail;
	int lanes, mult_bits;
	int imm_bits;             /* width of imm */
	int x_bits;               /* a width that every x fits, before it is rounded */
	uint64_t saturations, magnitudes;
	int64_t *imm;             /* in every lane; not set where src1 is a row */
	struct qmac_coefficients *coefficients; /* NULL: not affine */
	struct qmac_row_sums *sums;    /* NULL: none */
};

/* Rows of a source, widened to 64 bits, and a width that every lane fits. */
struct qmac_source {
	struct qmac_sources rows;
	int bits;
	uint32_t acc_row, acc_step; /* of ACC: where they lie, */
	int acc_rows;               /* and how many, else 0 */
	int64_t widened[QMAC_ROWS_MAX][QMAC_LANES_MAX];
};

/* Of iterations (i1, i0), ..., (i1, i0 + count - 1). */
void qmac_vec_read_src0(struct qmac_vec *v, uint32_t i1, uint32_t i0, int count, struct qmac_source *source);
void qmac_vec_read_src1(struct qmac_vec *v, uint32_t i1, uint32_t i0, int count, struct qmac_source *source);

/* A width that every lane of `count` rows fits, without reading them. */
int qmac_vec_rows_bits(const struct qmac_vec *v, uint32_t space, uint32_t row, uint32_t step, int count,
                       bool is_unsigned);

/*
 * The kernel for an operation other than lookup and affine, of rows a and b; notes how wide x is. Where
 * bounds do not prove that the fast one may take them, the words are looked at.
 */
const struct qmac_kernel *qmac_vec_kernel(struct qmac_vec *v, struct qmac_source *a, struct qmac_source *b);

/* The same for affine. */
const struct qmac_kernel *qmac_vec_affine_kernel(struct qmac_vec *v, const struct qmac_source *a,
                                                 const struct qmac_source *b);

#endif
