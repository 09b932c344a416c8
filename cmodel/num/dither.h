/*
 * The counter-based random numbers of stochastic rounding (docs/numerics.md):
 * a pure function of a 32-bit key and of the row and channel coordinates of a
 * tensor element. No state, so any order and any thread gives the same bits.
 */
#ifndef QMAC_NUM_DITHER_H
#define QMAC_NUM_DITHER_H

#include <stdint.h>

enum { QMAC_DITHER_CHANNEL_ROUNDS = 10, QMAC_DITHER_ROW_ROUNDS = 12 };

/* RC[0..15]. In the header, so that compilers can put them into the instructions. */
static const uint16_t qmac_dither_constants[16] = {
	0x9E37, 0x79B9, 0x7F4A, 0x7C15, 0xF39C, 0xC060, 0x5CED, 0xC834,
	0x1082, 0x276B, 0xF3A2, 0x7251, 0xF86C, 0x6A11, 0xD0C1, 0x8E95,
};

/* One round R of docs/numerics.md; a bijection of x for every k. */
static inline uint32_t qmac_dither_round(uint32_t x, uint32_t k)
{
	uint32_t a = x >> 16;
	uint32_t twice = a | a << 16; /* rotations of 16 bits are shifts of this */

	return ((x ^ (twice >> 15 & twice >> 8) ^ twice >> 14 ^ k) & 0xFFFF) << 16 | a;
}

/* M_n of docs/numerics.md; 0 <= rounds <= 16. */
uint32_t qmac_dither_mix(uint32_t x, int rounds);

/* The descriptor's seed for one step of a run at one site (tensor and direction). */
uint32_t qmac_dither_key(uint32_t run_seed, uint32_t step, uint32_t site);

/* State shared by all channels of a row. */
uint32_t qmac_dither_row(uint32_t key, uint32_t row);

/* The states of so many rows, in halves. */
enum { QMAC_DITHER_ROWS = 32 };

struct qmac_dither_states {
	uint16_t high[QMAC_DITHER_ROWS], low[QMAC_DITHER_ROWS];
};

/* Of rows row0, row0 + 1, ... */
void qmac_dither_rows(uint32_t key, uint32_t row0, struct qmac_dither_states *states);

/* The random numbers of one channel in all of them, as qmac_dither_channel() has them. */
void qmac_dither_channels(const struct qmac_dither_states *states, uint32_t channel,
                          uint32_t number[QMAC_DITHER_ROWS]);

/* The 24-bit random number of one channel, from the row's state. */
static inline uint32_t qmac_dither_channel(uint32_t row_state, uint32_t channel)
{
	uint32_t x = row_state;

	for (int i = 0; i < QMAC_DITHER_CHANNEL_ROUNDS; i++)
		x = qmac_dither_round(x, channel ^ qmac_dither_constants[i]);
	return x >> 8;
}

#endif
