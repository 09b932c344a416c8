/*
 * The random numbers of a sweep, block after block: in slices, and what these would not fill row by row.
 * Included by fast.h.
 */
#ifndef QMAC_KERNEL_FAST_DRAW_H
#define QMAC_KERNEL_FAST_DRAW_H

#include "kernel/fast_dither.h"
#ifdef PLANE_TRANSPOSED
#include "kernel/fast_slices.h"
#endif

/* How a tail rounds. Random numbers of 16 bits suffice for as many bits that are cut off. */
enum rounding { NOT_AT_ALL, BY_FLOOR, TO_NEAREST, BY_TOP, BY_WHOLE };

FAST_INLINE enum rounding rounding_of(const struct qmac_tail *tail)
{
	if (tail->shift == 0)
		return NOT_AT_ALL;
	if (tail->rnd == QMAC_ROUND_FLOOR)
		return BY_FLOOR;
	if (tail->rnd == QMAC_ROUND_NEAREST)
		return TO_NEAREST;
	return tail->shift <= DITHER_TOP ? BY_TOP : BY_WHOLE;
}

struct drawn {
	struct dither_numbers numbers;  /* of the block */
	struct dither_states states;
#ifdef PLANE_TRANSPOSED
	struct slice_channels channels;
	bool has_channels;              /* those of all rows */
#endif
};

/* Before the first block. */
FAST_INLINE void drawn_begin(struct drawn *drawn)
{
#ifdef PLANE_TRANSPOSED
	drawn->has_channels = false;
#else
	(void)drawn;
#endif
}

#ifdef PLANE_TRANSPOSED
/* As many slices as are worth it; returns the first row behind them. */
FAST_INLINE int draw_slices(const struct qmac_sweep *s, const struct block *block, int at,
                            struct drawn *drawn)
{
	int at_a_time = PLANE_ELEMENTS >> block->pitch_log2, i = 0;

	for (; 4 * (block->rows - i) >= 3 * at_a_time; i += at_a_time) {
		if (!drawn->has_channels)
			slice_channels_find(drawn->states.channel + at + i, block->pitch_log2, &drawn->channels);
		drawn->has_channels = dither_alike(&s->draws);
		slice_draw(&drawn->states, at + i, &drawn->channels, block->pitch, i, s->tail.shift,
		           &drawn->numbers);
	}
	return i;
}
#else
FAST_INLINE int draw_slices(const struct qmac_sweep *s, const struct block *block, int at,
                            struct drawn *drawn)
{
	(void)s;
	(void)block;
	(void)at;
	(void)drawn;
	return 0;
}
#endif

/* The numbers of a block of a sweep of so many iterations, after those of the block before. */
static void draw_block(const struct qmac_sweep *s, int iterations, const struct block *block,
                       struct drawn *drawn)
{
	struct dither_states *states = &drawn->states;
	int together = block->pitch < DITHER_LANES ? DITHER_LANES >> block->pitch_log2 : 1, at;

	if (block->first == 0 || block->first + block->rows > states->first + states->rows)
		dither_begin(s, block->first, iterations, states);
	at = block->first - states->first;
	for (int i = draw_slices(s, block, at, drawn); i < block->rows; i += together)
		for (int j = 0; j < s->lanes; j += DITHER_LANES)
			dither_direct(states, at + i, block->pitch, i, j, s->tail.shift, &drawn->numbers);
}

#endif
