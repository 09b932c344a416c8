#include "train/net_codes.h"

#include <math.h>

#include "num/dither.h"
#include "num/fixed.h"

void qmac_net_encode(const struct qmac_net_tensor *tensor, const float *x, double factor, int64_t samples,
                     int64_t *codes)
{
	int64_t pixels = tensor->shape.height * tensor->shape.width, channels = tensor->shape.channels;
	bool draws = tensor->rounding == QMAC_ROUND_STOCHASTIC;

	for (int64_t row = 0; row < samples * pixels; row++) {
		const float *first = x + row / pixels * pixels * channels + row % pixels;
		uint32_t state = draws ? qmac_dither_row(tensor->key, (uint32_t)row) : 0;

		for (int64_t c = 0; c < channels; c++) {
			uint32_t r = draws ? qmac_dither_channel(state, (uint32_t)(c & 0xFFFF)) : 0;

			*codes++ = qmac_format_code(tensor->format, tensor->rounding, r,
			                            (double)first[c * pixels] * factor, NULL);
		}
	}
}

void qmac_net_decode(const struct qmac_net_tensor *tensor, const int64_t *codes, int64_t samples, float *x)
{
	int64_t pixels = tensor->shape.height * tensor->shape.width, channels = tensor->shape.channels;

	for (int64_t row = 0; row < samples * pixels; row++)
		for (int64_t c = 0; c < channels; c++)
			x[(row / pixels * channels + c) * pixels + row % pixels] =
				(float)ldexp((double)*codes++, -tensor->format.fl);
}

void qmac_net_mask(const int64_t *output, int bits, int64_t count, int64_t *codes)
{
	for (int64_t i = 0; i < count; i++)
		if (output[i] == qmac_min_of(bits) || output[i] == qmac_max_of(bits))
			codes[i] = 0;
}
