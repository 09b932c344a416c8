/*
 * A tensor in device memory: N samples of H x W pixels of C channels, integers of one fixed-point format.
 *
 * Channels lie in blocks of L, the lanes of a scratchpad row: (N, C/L, H, W, L), the last block filled up
 * with zeros. So a *row*, the block of one pixel, is L neighbours in memory, and a block of an image is one
 * run. A matrix is a tensor of 1 x 1 pixels: sample after sample, each filled up to whole blocks; a vector
 * has one sample.
 */
#ifndef QMAC_LOWER_TENSOR_H
#define QMAC_LOWER_TENSOR_H

#include <stdint.h>

#include "driver/driver.h"
#include "num/format.h"

struct qmac_tensor {
	const char *name;          /* for messages and reports; not owned */
	int64_t n, h, w, c;        /* each at least 1 */
	struct qmac_format format; /* <BW,FL> of the integers */
	unsigned container;        /* QMAC_CONTAINER_*: the smallest that holds BW */
	int lanes;                 /* L, channels of a block */
	double unit;               /* real value of 1 in it: 2^-FL times its scale; 0 where it is not known */
	struct qmac_buffer buffer; /* where it lies: set by its owner */
	uint64_t offset;           /* of its first byte in the buffer, a multiple of the container */
};

/* A tensor of that shape that lies nowhere yet; unit is 2^-FL. */
struct qmac_tensor qmac_tensor_make(const char *name, int64_t n, int64_t h, int64_t w, int64_t c,
                                    struct qmac_format format, int lanes);

/* Blocks of channels: C / L, rounded up. */
int64_t qmac_tensor_blocks(const struct qmac_tensor *tensor);

/* Channels of a block: L, or what is left for the last one. */
int qmac_tensor_channels(const struct qmac_tensor *tensor, int64_t block);

/* Bytes from row to row along W, from line to line along H, from block to block, from sample to sample. */
uint64_t qmac_tensor_row_bytes(const struct qmac_tensor *tensor);
uint64_t qmac_tensor_line_bytes(const struct qmac_tensor *tensor);
uint64_t qmac_tensor_block_bytes(const struct qmac_tensor *tensor);
uint64_t qmac_tensor_sample_bytes(const struct qmac_tensor *tensor);
uint64_t qmac_tensor_bytes(const struct qmac_tensor *tensor);

/* Device address of the row of pixel (y, x) of a block of a sample. */
uint64_t qmac_tensor_address(const struct qmac_tensor *tensor, int64_t sample, int64_t block, int64_t y,
                             int64_t x);

/* Number of a value among the containers of the tensor: for the host, which packs and unpacks them. */
int64_t qmac_tensor_index(const struct qmac_tensor *tensor, int64_t sample, int64_t y, int64_t x,
                          int64_t channel);

#endif
