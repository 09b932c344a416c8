/*
 * Codes of real numbers that the host gives to a network's device: images, and what the loss gives back. As
 * docs/network-numerics.md has them.
 */
#ifndef QMAC_TRAIN_NET_CODES_H
#define QMAC_TRAIN_NET_CODES_H

#include <stdint.h>

#include "data/images.h"
#include "net/net.h"
#include "num/format.h"

/* A tensor of codes. */
struct qmac_net_tensor {
	struct qmac_shape shape;  /* of a sample, as it lies */
	struct qmac_format format;
	unsigned rounding;        /* QMAC_ROUND_* */
	uint32_t key;             /* of its random numbers */
};

/* codes[n][y][x][c] of the numbers x[n][c][y][x] * factor, none of them NaN. */
void qmac_net_encode(const struct qmac_net_tensor *tensor, const float *x, double factor, int64_t samples,
                     int64_t *codes);

/* The same of the numbers that qmac_images_values() makes of a batch, whose images fit the shape. */
void qmac_net_encode_images(const struct qmac_net_tensor *tensor, const struct qmac_images *images,
                            const struct qmac_image_batch *batch, int64_t *codes);

/* The other way: x[n][c][y][x]. */
void qmac_net_decode(const struct qmac_net_tensor *tensor, const int64_t *codes, int64_t samples, float *x);

/* Puts 0 where the output's code, of that width, is the lowest or the highest: what `ste: clip` masks. */
void qmac_net_mask(const int64_t *output, int bits, int64_t count, int64_t *codes);

#endif
