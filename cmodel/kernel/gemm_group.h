/*
 * What the kernels are told of many weight-stationary GEMMs that add to the same rows of ACC.
 */
#ifndef QMAC_KERNEL_GEMM_GROUP_H
#define QMAC_KERNEL_GEMM_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Points of a loop nest, with a row of A and a row of ACC for each. The arrays go on to a whole number of
 * QMAC_POINTS_STEP with copies of the last point.
 */
enum { QMAC_POINTS_STEP = 16, QMAC_PASSES_MAX = 64 };

struct qmac_points {
	int count;
	int32_t *a;      /* operands from the row of A of the first point to that of each */
	int32_t *acc;    /* rows of ACC, as well */
	int32_t *at[3];  /* the indices of the loops, innermost first */
};

/*
 * How operands are packed. A unit is 32 bits for each lane: numbers of 16 bits from two rows, or of 8 from
 * four, that of the first row in the lowest bits.
 */
enum qmac_packing {
	QMAC_SINGLES,        /* not packed at all; their sums have 64 bits. Not for gemm_group() */
	QMAC_PAIRS,          /* signed */
	QMAC_SPLIT_PAIRS,    /* every unit twice: first the low 8 bits, unsigned, then what is above */
	QMAC_QUADS,          /* signed; these read A as bytes */
	QMAC_UNSIGNED_QUADS
};

/* One weight-stationary GEMM at those of the points that lie in a box. */
struct qmac_pass {
	int32_t a;                   /* operands from the start of A to the first point's row, 0 or not */
	int32_t first[3], count[3];  /* the box, innermost loop first */
	bool everywhere;             /* all points lie in it */
	int units;                   /* of the weights */
	const int32_t *weights;      /* packed */
};

/* Passes that add to the same rows of ACC with one shift. */
struct qmac_gemm_group {
	const struct qmac_points *points;
	const struct qmac_pass *const *passes; /* QMAC_PASSES_MAX at most */
	int pass_count;
	const int16_t *a;
	const uint8_t *a_bytes; /* as struct qmac_bytes, for quads; may be NULL for others */
	int32_t zeros;      /* operands from a, or a_bytes, to QMAC_LANES_MAX zeros */
	int n, a_mask;      /* as in struct qmac_gemm */
	int shift;          /* 0..63 */
	bool accumulate;
	enum qmac_packing packing; /* of the weights */
	int64_t *acc;       /* the row of the first point */
	ptrdiff_t acc_step; /* from row to row */
};

#endif
