/*
 * What the kernels are told of one output-stationary GEMM.
 */
#ifndef QMAC_KERNEL_GEMM_OS_H
#define QMAC_KERNEL_GEMM_OS_H

#include "kernel/gemm_group.h"

/* Iterations of a loop nest, innermost loop first, and the steps of rows of two spaces in each loop. */
struct qmac_nest {
	uint32_t count[3], a[3], other[3];
};

struct qmac_gemm_os {
	const struct qmac_nest *nest;     /* other: W */
	int a_lanes, w_lanes;             /* of whole rows */
	const int16_t *a, *w;             /* the rows of the first iteration */
	const uint8_t *a_bytes, *w_bytes; /* as struct qmac_bytes, for quads; may be NULL for others */
	int k, n;                         /* array rows and columns in use, 1..QMAC_LANES_MAX */
	int a_mask, w_mask;               /* an operand is `kept & mask`; -1: signed, else 2^bits - 1 */
	enum qmac_packing packing;        /* of A as well, which is never split */
	/*
	 * But for QMAC_SINGLES the caller has proved that sums of so many products, each of A with what is
	 * packed, fit 32 bits in any order: QMAC_OS_SLOTS at least.
	 */
	uint32_t together;
	int shift;                        /* 0..63 */
	bool accumulate;
	int64_t *acc;                     /* the first of k rows */
	ptrdiff_t acc_step;               /* from row to row */
};

/* Iterations that kernels take at a time. */
enum { QMAC_OS_SLOTS = 128 };

#endif
