#include "reference/ref_update.h"

#include "reference/ref_num.h"

struct ref_factor ref_factor_of(double z)
{
	struct ref_factor factor = {0, 0};
	double rest;

	if (z == 0)
		return factor;
	/* 2^16 <= z 2^s < 2^17 */
	while (z < 65536 && factor.s < 2000) {
		z *= 2;
		factor.s++;
	}
	while (z >= 131072) {
		z /= 2;
		factor.s--;
	}
	factor.c = (int64_t)z;
	rest = z - (double)factor.c;
	if (rest > 0.5 || (rest == 0.5 && factor.c % 2))
		factor.c++;
	if (factor.c == 131072) {
		factor.c = 65536;
		factor.s--;
	}
	if (factor.s > 63)
		factor = (struct ref_factor){0, 0};
	return factor;
}

static int64_t times(int64_t a, double z, uint64_t *count)
{
	struct ref_factor factor = ref_factor_of(z);
	int left = factor.s < -31 ? 31 : factor.s < 0 ? -factor.s : 0;
	ref_int product = (ref_int)a * factor.c;

	for (int i = 0; i < left; i++)
		product *= 2;
	return ref_clamp(ref_round(ref_clamp(product, 64, count), factor.s > 0 ? factor.s : 0, 1, 0), 32, count);
}

void ref_update(const struct ref_update *update, int64_t sum, int fl, int32_t *master, int32_t *velocity,
                uint64_t *count)
{
	double gradient = update->share;
	int64_t v, m = *master;

	for (int i = fl; i < 24; i++)
		gradient *= 2;
	for (int i = 24; i < fl; i++)
		gradient /= 2;
	v = times(*velocity, update->mu, count);
	v = ref_clamp((ref_int)v + times(sum, gradient, count), 32, count);
	v = ref_clamp((ref_int)v + times(m, update->lambda, count), 32, count);
	m = ref_clamp((ref_int)m - times(v, update->rho, count), 32, count);
	*velocity = (int32_t)v;
	*master = (int32_t)m;
}
