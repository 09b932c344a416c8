/*
 * Products of float32 matrices, row-major, each on the thread that asks for it.
 *
 * OpenBLAS computes them where its library is installed, which is looked for at the first product; its sums
 * have the order of its kernel for this CPU, so the last bits differ between machines, not between numbers
 * of threads. Elsewhere plain loops do it, several times slower.
 */
#ifndef QMAC_FLOAT_MATRIX_H
#define QMAC_FLOAT_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

enum qmac_float_form {
	QMAC_FLOAT_AB,  /* C += A B:   A m x k, B k x n */
	QMAC_FLOAT_ATB, /* C += A^T B: A k x m, B k x n */
	QMAC_FLOAT_ABT  /* C += A B^T: A m x k, B n x k */
};

/* A matrix as it lies in memory: `stride` numbers from one row to the next. */
struct qmac_float_matrix {
	const float *at;
	int64_t stride;
};

/* C is m x n, and is added to. All sizes at least 1, below 2^31. */
void qmac_float_product(enum qmac_float_form form, int64_t m, int64_t n, int64_t k,
                        struct qmac_float_matrix a, struct qmac_float_matrix b, float *c, int64_t c_stride);

/* The same by plain loops: sums in rising order of k, but for ABT, which has 16 sums side by side. */
void qmac_float_product_plain(enum qmac_float_form form, int64_t m, int64_t n, int64_t k,
                              struct qmac_float_matrix a, struct qmac_float_matrix b, float *c,
                              int64_t c_stride);

/* "openblas-haswell", the kernel that OpenBLAS has chosen, or "plain". */
const char *qmac_float_product_kernel(void);

#endif
