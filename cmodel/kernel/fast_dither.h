/*
 * The random numbers of stochastic rounding (num/dither.h), of many rows at a time. Both halves of the state
 * are lanes of 16 bits. Included by fast.h.
 *
 * The first round of a channel has no more of the channel in it than one exclusive or, so all else of that
 * round is done once a row.
 */
#ifndef QMAC_KERNEL_FAST_DITHER_H
#define QMAC_KERNEL_FAST_DITHER_H

#include <string.h>

#include "num/dither.h"

/* Rows that are worked on together. */
enum { SWEEP_ROWS = 32 };

/* Lanes from one row to the next in what is worked on, for `lanes` of them. */
FAST_INLINE int sweep_pitch(int lanes)
{
	return lanes <= 16 ? 16 : lanes <= 32 ? 32 : 64;
}

/* Of each row, twice in 32 bits: the state behind the first round of channel 0, and the first channel. */
struct dither_states {
	uint32_t a[SWEEP_ROWS], b[SWEEP_ROWS], channel[SWEEP_ROWS];
};

FAST_INLINE dither_word dither_bend(dither_word a)
{
	return (dither_turn(a, 1) & dither_turn(a, 8)) ^ dither_turn(a, 2);
}

/* Rows first, first + 1, ..., DITHER_LANES of them, to places from `at` on. */
FAST_INLINE void dither_hash(const struct qmac_draws *draws, uint32_t first, struct dither_states *states,
                             int at)
{
	uint16_t high[DITHER_LANES], low[DITHER_LANES];
	dither_word a, b, next;

	for (int i = 0; i < DITHER_LANES; i++) {
		uint32_t x = draws->key ^ (draws->row0 + (first + (uint32_t)i) * draws->row_step);

		high[i] = (uint16_t)(x >> 16);
		low[i] = (uint16_t)x;
	}
	memcpy(&a, high, sizeof a);
	memcpy(&b, low, sizeof b);
	for (int k = 0; k <= QMAC_DITHER_ROW_ROUNDS; k++) {
		next = b ^ dither_bend(a) ^ qmac_dither_constants[k < QMAC_DITHER_ROW_ROUNDS ? k : 0];
		b = a;
		a = next;
	}
	memcpy(high, &a, sizeof a);
	memcpy(low, &b, sizeof b);
	for (int i = 0; i < DITHER_LANES; i++) {
		uint32_t channel = draws->channel0 + (first + (uint32_t)i) * draws->channel_step;

		states->a[at + i] = high[i] * 0x10001U;
		states->b[at + i] = low[i] * 0x10001U;
		states->channel[at + i] = (channel & 0xFFFFU) * 0x10001U;
	}
}

/* Random numbers of rows first .. first + rows - 1: that of lane j of row first + i is r[i * pitch + j]. */
FAST_INLINE void dither_block(const struct qmac_draws *draws, int first, int rows, int lanes, uint32_t *r)
{
	const dither_word number = DITHER_NUMBERS;
	int pitch = sweep_pitch(lanes), together = pitch < DITHER_LANES ? 2 : 1;
	dither_word keyed[QMAC_DITHER_CHANNEL_ROUNDS], channel = number, a, b, next;
	struct dither_states states;

	for (int i = 0; i < rows; i += DITHER_LANES)
		dither_hash(draws, (uint32_t)(first + i), &states, i);
	for (int j = 0; j < lanes; j += DITHER_LANES)
		for (int i = 0; i < rows; i += together) {
			if (i == 0 || draws->channel_step) {
				channel = (number & (uint16_t)(pitch - 1)) + (uint16_t)j;
				channel += dither_rows(states.channel + i, together == 2);
				for (int k = 1; k < QMAC_DITHER_CHANNEL_ROUNDS; k++)
					keyed[k] = channel ^ qmac_dither_constants[k];
			}
			a = dither_rows(states.a + i, together == 2) ^ channel;
			b = dither_rows(states.b + i, together == 2);
			for (int k = 1; k < QMAC_DITHER_CHANNEL_ROUNDS; k++) {
				next = b ^ dither_bend(a) ^ keyed[k];
				b = a;
				a = next;
			}
			dither_store(r + i * pitch + j, a, b);
		}
}

#endif
