/*
 * What a command of a training works for: a layer in a direction, in a step. The records are kept by layer
 * and direction (host/record); the 16-bit tag of the descriptor, which the device only echoes in retire
 * records and traces, has as much of it as fits. Random commands have random tags.
 */
#ifndef QMAC_BACKEND_TAG_H
#define QMAC_BACKEND_TAG_H

#include <stdint.h>

enum qmac_direction {
	QMAC_DIRECTION_NONE,     /* before, after or between steps */
	QMAC_DIRECTION_FORWARD,  /* Y = X W, the data for it, and the residual */
	QMAC_DIRECTION_DATA,     /* dX = dY W^T */
	QMAC_DIRECTION_WEIGHTS,  /* dW = X^T dY */
	QMAC_DIRECTION_UPDATE,   /* W of W and dW */
	QMAC_DIRECTION_EVAL,     /* Y = X W, to measure and not to train */
	QMAC_DIRECTIONS
};

/*
 * Bits 15:14 the direction, 13:8 the layer, 7:0 the step of the run, each modulo its width. An update has
 * the code of WEIGHTS, an evaluation that of FORWARD.
 */
static inline uint32_t qmac_tag(enum qmac_direction direction, unsigned layer, uint32_t step)
{
	uint32_t code = direction == QMAC_DIRECTION_UPDATE ? QMAC_DIRECTION_WEIGHTS :
	                direction == QMAC_DIRECTION_EVAL ? QMAC_DIRECTION_FORWARD : (uint32_t)direction;

	return code << 14 | (layer & 63) << 8 | (step & 255);
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
