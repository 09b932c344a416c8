/*
 * The shapes of a network's layers as SCALE-Sim's topology files have them (docs/shapes.md): a header, then
 * a layer a line, of which every field ends in a comma.
 *
 *   convolution  name, IFMAP height, IFMAP width, filter height, filter width, channels, filters, stride,
 *   product      name, M, N, K,
 *
 * A product is M x K by K x N: M images of one pixel with K channels, and N filters of one pixel.
 */
#ifndef QMAC_TOPOLOGY_TOPOLOGY_H
#define QMAC_TOPOLOGY_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
	QMAC_TOPOLOGY_NAME = 64,       /* bytes of a layer's name, with the NUL */
	QMAC_TOPOLOGY_SIZE_MAX = 1 << 20,
	QMAC_TOPOLOGY_STRIDE_MAX = 64,
	QMAC_TOPOLOGY_LAYERS_MAX = 1 << 16
};

struct qmac_topology_layer {
	char name[QMAC_TOPOLOGY_NAME];
	int line;                      /* of the file */
	int64_t images;                /* 1 of a convolution, M of a product */
	int64_t image[2], kernel[2];   /* height, width, in pixels; kernel[d] <= image[d] */
	int64_t channels, filters, stride;
	/*
	 * A name with "DP" in it is a depthwise layer: `copies` equal ones of one channel each, which are called
	 * nameChannel_0, nameChannel_1, ... Otherwise 1.
	 */
	int64_t copies;
	bool is_depthwise;
};

struct qmac_topology {
	struct qmac_topology_layer *layers;
	int count;
	char note[1024];               /* what a user should know although the file can be taken; or "" */
};

/*
 * Reads such a file, plain or gzip. All its layers are of one form, that of the first. Errors name
 * file:line:column, columns in bytes. Free also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_topology_read(struct qmac_topology *topology, const char *path,
                                                    struct qmac_error *err);
void qmac_topology_free(struct qmac_topology *topology);

/* Height (d 0) or width (d 1) of what a layer makes: the last window may reach beyond the image. */
static inline int64_t qmac_topology_out(const struct qmac_topology_layer *layer, int d)
{
	return (layer->image[d] - layer->kernel[d] + layer->stride - 1) / layer->stride + 1;
}

#endif
