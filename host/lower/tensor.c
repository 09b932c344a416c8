#include "lower/tensor.h"

#include <assert.h>
#include <math.h>

#include "isa/command.h"

struct qmac_tensor qmac_tensor_make(const char *name, int64_t n, int64_t h, int64_t w, int64_t c,
                                    struct qmac_format format, int lanes)
{
	assert(n > 0 && h > 0 && w > 0 && c > 0 && lanes > 0);
	return (struct qmac_tensor){
		.name = name, .n = n, .h = h, .w = w, .c = c, .format = format,
		.container = qmac_container_for(format.bw), .lanes = lanes, .unit = ldexp(1, -format.fl),
	};
}

int64_t qmac_tensor_blocks(const struct qmac_tensor *t)
{
	return (t->c + t->lanes - 1) / t->lanes;
}

int qmac_tensor_channels(const struct qmac_tensor *t, int64_t block)
{
	int64_t left = t->c - block * t->lanes;

	assert(block >= 0 && left > 0);
	return left < t->lanes ? (int)left : t->lanes;
}

uint64_t qmac_tensor_row_bytes(const struct qmac_tensor *t)
{
	return (uint64_t)t->lanes << t->container;
}

uint64_t qmac_tensor_line_bytes(const struct qmac_tensor *t)
{
	return (uint64_t)t->w * qmac_tensor_row_bytes(t);
}

uint64_t qmac_tensor_block_bytes(const struct qmac_tensor *t)
{
	return (uint64_t)t->h * qmac_tensor_line_bytes(t);
}

uint64_t qmac_tensor_sample_bytes(const struct qmac_tensor *t)
{
	return (uint64_t)qmac_tensor_blocks(t) * qmac_tensor_block_bytes(t);
}

uint64_t qmac_tensor_bytes(const struct qmac_tensor *t)
{
	return (uint64_t)t->n * qmac_tensor_sample_bytes(t);
}

/* Rows before the one of pixel (y, x). */
static int64_t row_of(const struct qmac_tensor *t, int64_t sample, int64_t block, int64_t y, int64_t x)
{
	assert(sample >= 0 && sample < t->n && block >= 0 && block < qmac_tensor_blocks(t));
	assert(y >= 0 && y < t->h && x >= 0 && x < t->w);
	return ((sample * qmac_tensor_blocks(t) + block) * t->h + y) * t->w + x;
}

uint64_t qmac_tensor_address(const struct qmac_tensor *t, int64_t sample, int64_t block, int64_t y, int64_t x)
{
	uint64_t row = (uint64_t)row_of(t, sample, block, y, x);

	assert(t->offset + qmac_tensor_bytes(t) <= t->buffer.bytes);
	return t->buffer.address + t->offset + row * qmac_tensor_row_bytes(t);
}

int64_t qmac_tensor_index(const struct qmac_tensor *t, int64_t sample, int64_t y, int64_t x, int64_t channel)
{
	return row_of(t, sample, channel / t->lanes, y, x) * t->lanes + channel % t->lanes;
}
