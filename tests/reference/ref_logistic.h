/*
 * A slow model of the low-precision inner step of logistic regression, written from
 * docs/algorithms.md in plain integers; it knows no device, limbs, groups or chunks. m' comes
 * from the test.
 */
#ifndef REF_LOGISTIC_H
#define REF_LOGISTIC_H

#include <stdint.h>

enum { REF_ROWS_MAX = 40, REF_CLASSES_MAX = 30 };

struct ref_logistic {
	int64_t features, classes, batch;
	int bits, frac_bits;    /* of Z; F */
	int p;                  /* fraction bits of m' */
	double decay;           /* alpha lambda */
	int64_t z[REF_ROWS_MAX][REF_CLASSES_MAX], h[REF_ROWS_MAX][REF_CLASSES_MAX];
	uint32_t run_seed, step;
	uint64_t clamped;       /* elements of Z that reached an end of their range */
};

/* *m = sum over j of x_j Z_jc */
void ref_logistic_product(const struct ref_logistic *model, const int64_t *x, int64_t *m);

/* One step: sample b of the batch has inputs x[b] and residuals scaled[b]. Moves z, counts the step. */
void ref_logistic_step(struct ref_logistic *model, const int64_t *const *x, const int64_t *const *scaled);

#endif
