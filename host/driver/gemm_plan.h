/*
 * How one matrix product is cut to fit a device: limbs, tiles, passes.
 *
 * C = A B (weight stationary) or C = A^T B (output stationary) of integer
 * matrices, any shape, operands of 2..32 bits. A plan is a plain value made by
 * one function; running it is gemm.h. How and why: docs/tiling.md.
 *
 *   matrix   AB      ATB     a row of the scratchpad holds
 *   A        m x k   k x m   `rows` neighbours of a row, one limb
 *   B        k x n   k x n   `cols` neighbours of a row, one limb
 *   C        m x n   m x n   `cols` neighbours of a row
 */
#ifndef QMAC_DRIVER_GEMM_PLAN_H
#define QMAC_DRIVER_GEMM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/hw.h"
#include "lower/view.h"

enum qmac_gemm_form {
	QMAC_GEMM_AB,  /* C = A B: tiles of B are held, rows of A are streamed */
	QMAC_GEMM_ATB  /* C = A^T B: rows of A and of B are streamed side by side (weight gradient) */
};

/* What is to be computed. Every size is 1..2^31-1. */
struct qmac_gemm_shape {
	enum qmac_gemm_form form;
	int64_t m, n, k;       /* C is m x n, sums have k terms */
	struct qmac_element a, b;
	unsigned c_container;  /* WORD or DOUBLE, signed */
	bool accumulate;       /* C += product, otherwise C = product */
	int c_bits;            /* accumulate: signed width that C fits before */
	bool allow_saturation; /* go on where a sum may not fit ACC or the container; counters tell if so */
};

/* One tile of C is worked on in chunks: a panel of A and a panel of B each. */
struct qmac_gemm_plan {
	struct qmac_hw hw;           /* made for this device */
	struct qmac_gemm_shape shape;
	int result_bits;             /* signed width that every sum fits, on its way too */
	int a_limbs, b_limbs;        /* an operand is split into so many */
	/* sizes of tiles and panels; the last ones may be smaller */
	int64_t tile_m, tile_n, tile_k;
	int a_held, b_held;          /* limbs in a panel: all, or 1 */
	bool n_inner;                /* order of the tiles: along a row of C, otherwise along a column */
	/* what the run adds to the device's counters */
	uint64_t passes;             /* GEMM commands */
	uint64_t macs;               /* MACS: m n k a_limbs b_limbs */
	uint64_t slots;              /* A_READS: cycles that a never waiting array needs, pipeline aside */
	uint64_t read_bytes;         /* DRAM_READ_BYTES */
	uint64_t write_bytes;        /* DRAM_WRITE_BYTES */
};

/*
 * Chooses the tiles for which the run is estimated to be fastest. Refuses, naming
 * acc_bits and the width that is needed, sums that ACC could not hold, and
 * likewise a container of C that is too narrow, unless shape allows saturation.
 */
QMAC_MUST_CHECK enum qmac_status qmac_gemm_plan_make(struct qmac_gemm_plan *plan,
                                                     const struct qmac_gemm_shape *shape,
                                                     const struct qmac_hw *hw, struct qmac_error *err);

/* Signed width that holds every sum of `shape`, whatever the data, and every partial sum. */
int qmac_gemm_result_bits(const struct qmac_gemm_shape *shape);

#endif
