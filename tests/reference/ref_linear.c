#include "reference/ref_linear.h"

#include <math.h>

#include "qmac_isa.h"
#include "reference/ref_num.h"

enum { SITE_WEIGHTS = 1 };

/* c1 = mult * 2^-shift, 2^16 <= mult < 2^17 */
static int64_t split(double c1, int *shift)
{
	for (*shift = 0; c1 < 65536; c1 *= 2)
		++*shift;
	for (; c1 >= 131072; c1 /= 2)
		--*shift;
	if (rint(c1) == 131072) {
		--*shift;
		return 65536;
	}
	return (int64_t)rint(c1);
}

/* m' of sample i, with *point fraction bits. */
static int64_t scaled_residual(struct ref_linear *model, int64_t i, int *point)
{
	const struct qmac_linear_shape *s = &model->shape;
	int shift, width = s->mp_bits;
	int64_t mult = split(s->c1, &shift);
	ref_int m = 0;

	for (int64_t j = 0; j < s->features; j++)
		m += model->x[i][j] * model->z[j];
	m = m * ref_power(s->y_frac_bits) - (s->has_targets ? model->k[i] : 0);
	*point = s->mp_bits - 1 - s->bits + s->x_bits;
	for (int64_t root = 4; root <= s->batch; root *= 4)
		++*point;
	shift += s->y_frac_bits - *point;
	if (shift < 0) { /* m' would end in zeros: it is made narrower */
		*point += shift;
		width += shift;
		shift = 0;
	}
	return ref_clamp(ref_round((int64_t)(m * mult), shift, QMAC_ROUND_NEAREST, 0), width, &model->clamped);
}

void ref_linear_step(struct ref_linear *model, const uint32_t *samples)
{
	const struct qmac_linear_shape *s = &model->shape;
	uint32_t key = ref_dither_key(model->run_seed, model->step, SITE_WEIGHTS);
	ref_int sum[REF_FEATURES_MAX] = {0};
	uint64_t clamps = 0;
	int point = 0;

	for (int64_t b = 0; b < s->batch; b++) {
		int64_t residual = scaled_residual(model, samples[b], &point);

		for (int64_t j = 0; j < s->features; j++)
			sum[j] += (ref_int)residual * model->x[samples[b]][j];
	}
	for (int64_t j = 0; j < s->features; j++) {
		ref_int u;

		if (point >= s->frac_bits)
			u = ref_round((int64_t)sum[j], point - s->frac_bits, QMAC_ROUND_NEAREST, 0);
		else
			u = sum[j] * ref_power(s->frac_bits - point);
		if (s->has_offset)
			u += model->h[j];
		u = model->z[j] * ref_power(s->frac_bits) - u;
		model->z[j] = ref_clamp(ref_round((int64_t)u, s->frac_bits, QMAC_ROUND_STOCHASTIC,
		                                  ref_dither(key, 0, (uint32_t)j)), s->bits, &clamps);
	}
	model->step++;
}
