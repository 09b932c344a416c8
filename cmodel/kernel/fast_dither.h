/*
 * The random numbers of stochastic rounding (num/dither.h), of a block of rows. Both halves of the state are
 * lanes of 16 bits. Included by fast.h.
 *
 * The first round of a channel has no more of the channel in it than one exclusive or, so all else of that
 * round is done once a row.
 */
#ifndef QMAC_KERNEL_FAST_DITHER_H
#define QMAC_KERNEL_FAST_DITHER_H

#include <string.h>

#include "kernel/fast_block.h"
#include "num/dither.h"

/* States are made for so many rows at once, and can be read for a vector more. */
enum { STATE_ROWS = BLOCK_ROWS_MAX, STATE_ROOM = STATE_ROWS + DITHER_LANES, FEW = 1 };

/* Of each row: the halves of the state behind the first round of channel 0, and the channel of lane 0. */
struct dither_states {
	int first, rows;        /* iterations first .. first + rows - 1 */
	uint16_t a[STATE_ROOM], b[STATE_ROOM], channel[STATE_ROOM];
};

/*
 * Random numbers of a block, row after row: their first `shift` bits where these are at most 16, in 16 bits,
 * else all.
 */
struct dither_numbers {
	_Alignas(64) uint16_t top[BLOCK_ELEMENTS];
	_Alignas(64) uint32_t whole[BLOCK_ELEMENTS];
};

enum { DITHER_TOP = 16, DITHER_BITS = 24 };

FAST_INLINE dither_word dither_bend(dither_word a)
{
	return (dither_turn(a, 1) & dither_turn(a, 8)) ^ dither_turn(a, 2);
}

/* The states of vectors of rows with these numbers, HASHED at most, side by side: each waits for itself. */
enum { HASHED = 2 };

FAST_INLINE void dither_hash(uint32_t key, const uint32_t *row, int vectors, uint16_t *state_a,
                             uint16_t *state_b)
{
	dither_word a[HASHED], b[HASHED], next;

	for (int i = 0; i < vectors; i++) {
		dither_halves(row + i * DITHER_LANES, &a[i], &b[i]);
		a[i] ^= (uint16_t)(key >> 16);
		b[i] ^= (uint16_t)key;
	}
	for (int k = 0; k <= QMAC_DITHER_ROW_ROUNDS; k++)
		for (int i = 0; i < vectors; i++) {
			next = b[i] ^ dither_bend(a[i]) ^ qmac_dither_constants[k < QMAC_DITHER_ROW_ROUNDS ? k : 0];
			b[i] = a[i];
			a[i] = next;
		}
	for (int i = 0; i < vectors; i++) {
		memcpy(state_a + i * DITHER_LANES, &a[i], sizeof a[i]);
		memcpy(state_b + i * DITHER_LANES, &b[i], sizeof b[i]);
	}
}

FAST_INLINE bool dither_alike(const struct qmac_draws *draws)
{
	return draws->channel_step == 0 && draws->channel_outer == 0;
}

FAST_INLINE void dither_channels(const struct qmac_sweep *s, int first, int rows, uint16_t *channel)
{
	const struct qmac_draws *draws = &s->draws;
	uint32_t number[STATE_ROOM];

	if (dither_alike(draws)) {
		for (int i = 0; i < STATE_ROOM; i++)
			channel[i] = (uint16_t)draws->channel0;
		return;
	}
	block_loop(s, first, rows, draws->channel0, draws->channel_outer, draws->channel_step, number);
	for (int i = 0; i < rows; i++)
		channel[i] = (uint16_t)number[i];
	memset(channel + rows, 0, DITHER_LANES * sizeof *channel);
}

/* The states of so few rows that vectors do not pay. */
FAST_INLINE void dither_few(const struct qmac_sweep *s, int first, int rows, struct dither_states *states)
{
	for (int i = 0; i < rows; i++) {
		uint32_t number[BLOCK_STEP], x;

		block_loop(s, first + i, 1, s->draws.row0, s->draws.row_outer, s->draws.row_step, number);
		x = qmac_dither_round(qmac_dither_row(s->draws.key, number[0]), qmac_dither_constants[0]);
		states->a[i] = (uint16_t)(x >> 16);
		states->b[i] = (uint16_t)x;
	}
}

/* The states of a sweep's rows from `first` on. Where all have the same channels, the first ones stay. */
FAST_INLINE void dither_begin(const struct qmac_sweep *s, int first, int iterations,
                              struct dither_states *states)
{
	const struct qmac_draws *draws = &s->draws;
	int rows = iterations - first < STATE_ROWS ? iterations - first : STATE_ROWS, i = 0;
	uint32_t number[STATE_ROOM];

	states->first = first;
	states->rows = rows;
	if (first == 0 || !dither_alike(draws))
		dither_channels(s, first, rows, states->channel);
	if (rows <= FEW) {
		dither_few(s, first, rows, states);
		return;
	}
	memset(number + rows / DITHER_LANES * DITHER_LANES, 0, DITHER_LANES * sizeof *number);
	block_loop(s, first, rows, draws->row0, draws->row_outer, draws->row_step, number);
	for (; rows - i > DITHER_LANES; i += HASHED * DITHER_LANES)
		dither_hash(draws->key, number + i, HASHED, states->a + i, states->b + i);
	if (i < rows)
		dither_hash(draws->key, number + i, 1, states->a + i, states->b + i);
}

/* Lanes j .. of a block's rows from row i on, as many as fill a vector; row i has state number `at`. */
FAST_INLINE void dither_direct(const struct dither_states *states, int at, int pitch, int i, int j, int shift,
                               struct dither_numbers *to)
{
	const dither_word number = DITHER_NUMBERS;
	dither_word channel = dither_rows(states->channel + at, pitch) + (number & (uint16_t)(pitch - 1));
	dither_word a, b = dither_rows(states->b + at, pitch), next;

	channel += (uint16_t)j;
	a = dither_rows(states->a + at, pitch) ^ channel;
	for (int k = 1; k < QMAC_DITHER_CHANNEL_ROUNDS; k++) {
		next = b ^ dither_bend(a) ^ channel ^ qmac_dither_constants[k];
		b = a;
		a = next;
	}
	if (shift > DITHER_TOP) {
		dither_store(to->whole + i * pitch + j, a, b);
		return;
	}
	a >>= (uint16_t)(DITHER_TOP - shift);
	memcpy(to->top + i * pitch + j, &a, sizeof a);
}

#endif
