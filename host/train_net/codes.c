#include "train_net/codes.h"

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

/* ---- images ------------------------------------------------------------------------------------ */

enum { PIXELS = QMAC_DITHER_ROWS }; /* that are worked on together */

/*
 * `fine` of each value of a pixel becomes what a code is, shifted left by 24: so a random number of 24 bits
 * may be added, 0 in other modes of rounding.
 */
static void make_table(const struct qmac_net_tensor *tensor, const float *value, int64_t *fine)
{
	for (int pixel = 0; pixel < 256; pixel++) {
		int64_t code;

		if (tensor->rounding == QMAC_ROUND_STOCHASTIC) {
			fine[pixel] = qmac_format_fine(ldexp((double)value[pixel], tensor->format.fl));
			continue;
		}
		code = qmac_format_code(tensor->format, tensor->rounding, 0, (double)value[pixel], NULL);
		fine[pixel] = (int64_t)((uint64_t)code << 24);
	}
}

/* `n` pixels of one channel of an image; states: of their rows of random numbers. */
static void encode_pixels(const struct qmac_net_tensor *tensor, const int64_t *fine,
                          const struct qmac_dither_states *states, int64_t channel, const uint8_t *pixel,
                          int n, int64_t *codes)
{
	int64_t low = qmac_min_of(tensor->format.bw), high = qmac_max_of(tensor->format.bw);
	uint32_t r[PIXELS] = {0};

	if (tensor->rounding == QMAC_ROUND_STOCHASTIC)
		qmac_dither_channels(states, (uint32_t)(channel & 0xFFFF), r);
	for (int i = 0; i < n; i++) {
		int64_t code = qmac_shift_right(fine[pixel[i]] + r[i], 24);

		codes[i * tensor->shape.channels + channel] = code < low ? low : code > high ? high : code;
	}
}

void qmac_net_encode_images(const struct qmac_net_tensor *tensor, const struct qmac_images *images,
                            const struct qmac_image_batch *batch, int64_t *codes)
{
	int64_t pixels = tensor->shape.height * tensor->shape.width, channels = tensor->shape.channels;
	int64_t fine[QMAC_IMAGE_CHANNELS_MAX][256];
	struct qmac_dither_states states;

	for (int64_t c = 0; c < channels; c++)
		make_table(tensor, images->value[c], fine[c]);
	for (int64_t i = 0; i < batch->count; i++) {
		const uint8_t *image = qmac_images_pixels(images, batch, i);

		for (int64_t p = 0; p < pixels; p += PIXELS) {
			int n = pixels - p < PIXELS ? (int)(pixels - p) : PIXELS;

			if (tensor->rounding == QMAC_ROUND_STOCHASTIC)
				qmac_dither_rows(tensor->key, (uint32_t)(i * pixels + p), &states);
			for (int64_t c = 0; c < channels; c++)
				encode_pixels(tensor, fine[c], &states, c, image + c * pixels + p, n, codes + p * channels);
		}
		codes += pixels * channels;
	}
}

/* ---- the way back ------------------------------------------------------------------------------ */

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
