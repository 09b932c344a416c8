/*
 * What the 16-bit tag of a descriptor says where a training issued it: the layer, the step and the
 * direction. The device only echoes it in retire records and traces. Random commands have random tags.
 */
#ifndef QMAC_BACKEND_TAG_H
#define QMAC_BACKEND_TAG_H

#include <stdint.h>

enum qmac_direction {
	QMAC_DIRECTION_NONE,     /* before, after or between steps */
	QMAC_DIRECTION_FORWARD,  /* Y = X W, the data for it, and the residual */
	QMAC_DIRECTION_DATA,     /* dX = dY W^T */
	QMAC_DIRECTION_WEIGHTS   /* dW = X^T dY, and the update of W */
};

/* Bits 15:14 the direction, 13:8 the layer, 7:0 the step of the run, each modulo its width. */
static inline uint32_t qmac_tag(enum qmac_direction direction, unsigned layer, uint32_t step)
{
	return (uint32_t)direction << 14 | (layer & 63) << 8 | (step & 255);
}

static inline enum qmac_direction qmac_tag_direction(uint32_t tag)
{
	return (enum qmac_direction)(tag >> 14 & 3);
}

static inline unsigned qmac_tag_layer(uint32_t tag)
{
	return tag >> 8 & 63;
}

static inline unsigned qmac_tag_step(uint32_t tag)
{
	return tag & 255;
}

#endif
