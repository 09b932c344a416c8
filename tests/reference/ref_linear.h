/*
 * A slow model of the low-precision inner step of linear regression, written from
 * docs/algorithms.md in plain integers; it knows no device, limbs or chunks.
 */
#ifndef REF_LINEAR_H
#define REF_LINEAR_H

#include <stdint.h>

#include "step/linear_arithmetic.h"

enum { REF_FEATURES_MAX = 60, REF_SAMPLES_MAX = 40 };

struct ref_linear {
	struct qmac_linear_shape shape; /* target_bits is not looked at */
	int64_t x[REF_SAMPLES_MAX][REF_FEATURES_MAX], k[REF_SAMPLES_MAX];
	int64_t h[REF_FEATURES_MAX], z[REF_FEATURES_MAX];
	uint32_t run_seed, step;
	uint64_t clamped;               /* residuals m' so far that were clamped */
};

/* One step on shape.batch samples: moves z and counts the step. */
void ref_linear_step(struct ref_linear *model, const uint32_t *samples);

#endif
