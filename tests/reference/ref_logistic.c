#include "reference/ref_logistic.h"

#include <math.h>

#include "qmac_isa.h"
#include "reference/ref_num.h"

enum { SITE_WEIGHTS = 1 };

void ref_logistic_product(const struct ref_logistic *model, const int64_t *x, int64_t *m)
{
	for (int64_t c = 0; c < model->classes; c++) {
		m[c] = 0;
		for (int64_t j = 0; j < model->features; j++)
			m[c] += x[j] * model->z[j][c];
	}
}

/* decay z with `point` fraction bits, to nearest; decay is first rounded to 17 significant bits */
static ref_int shrink(double decay, int64_t z, int point)
{
	int exponent = 0;

	if (decay == 0)
		return 0;
	for (; decay < 65536; decay *= 2)
		exponent++;
	decay = rint(decay);
	if (decay == 131072) {
		decay = 65536;
		exponent--;
	}
	if (exponent <= point)
		return (ref_int)decay * z * ref_power(point - exponent);
	if (exponent - point > 63) /* less than half a unit */
		return 0;
	return ref_round((int64_t)((ref_int)decay * z), exponent - point, QMAC_ROUND_NEAREST, 0);
}

void ref_logistic_step(struct ref_logistic *model, const int64_t *const *x, const int64_t *const *scaled)
{
	uint32_t key = ref_dither_key(model->run_seed, model->step, SITE_WEIGHTS);
	int point = model->p > model->frac_bits ? model->p : model->frac_bits;

	for (int64_t j = 0; j < model->features; j++)
		for (int64_t c = 0; c < model->classes; c++) {
			ref_int u = 0;

			for (int64_t b = 0; b < model->batch; b++)
				u += (ref_int)scaled[b][c] * x[b][j];
			u = u * ref_power(point - model->p) + model->h[j][c];
			u += shrink(model->decay, model->z[j][c], point);
			u = model->z[j][c] * ref_power(point) - u;
			model->z[j][c] = ref_clamp(ref_round((int64_t)u, point, QMAC_ROUND_STOCHASTIC,
			                                     ref_dither(key, (uint32_t)j, (uint32_t)c)), model->bits,
			                           &model->clamped);
		}
	model->step++;
}
