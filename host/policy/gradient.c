#include "policy/gradient.h"

#include <math.h>

enum { LANES = 8 };

double qmac_square(const float *g, int64_t count)
{
	double lane[LANES] = {0};
	int64_t whole = count - count % LANES;

	for (int64_t i = 0; i < whole; i += LANES)
		for (int k = 0; k < LANES; k++)
			lane[k] += (double)g[i + k] * (double)g[i + k];
	for (int64_t i = whole; i < count; i++)
		lane[i - whole] += (double)g[i] * (double)g[i];
	for (int half = LANES / 2; half > 0; half /= 2)
		for (int k = 0; k < half; k++)
			lane[k] += lane[k + half];
	return lane[0];
}

double qmac_normalise(float *g, int64_t count)
{
	double norm = sqrt(qmac_square(g, count));

	if (norm > 0 && isfinite(norm))
		for (int64_t i = 0; i < count; i++)
			g[i] = (float)((double)g[i] / norm);
	return norm;
}

void qmac_accumulate(float *sum, const float *g, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		sum[i] += g[i];
}
