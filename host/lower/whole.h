/*
 * Whole numbers that count and place things: pieces, blocks, positions.
 */
#ifndef QMAC_LOWER_WHOLE_H
#define QMAC_LOWER_WHOLE_H

#include <stdint.h>

/* a / b, rounded up; b > 0. */
static inline int64_t qmac_ceil_div(int64_t a, int64_t b)
{
	return a > 0 ? (a - 1) / b + 1 : a / b;
}

static inline int64_t qmac_smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Takes the innermost wheel, of `size` places, off a count: returns its place. */
static inline int64_t qmac_turn(int64_t *count, int64_t size)
{
	int64_t place = *count % size;

	*count /= size;
	return place;
}

#endif
