/*
 * Random numbers of PLANE_ELEMENTS elements at a time, in slices: plane i holds bit i of the same half of
 * every state, so that a rotation is another order of the planes, and a round is a few operations of whole
 * vectors for each of them. Included by fast.h where a kernel has planes.
 *
 * Where an element lies in a plane is chosen so that numbers come out in order: elements PLANE_BYTES*m +
 * PLANE_BYTES/2*h + 8*l .. + 7 in byte 2*m + h of the 16 bytes number l.
 */
#ifndef QMAC_KERNEL_FAST_SLICES_H
#define QMAC_KERNEL_FAST_SLICES_H

#include "kernel/fast_dither.h"

enum { SLICE_BITS = 16, OCTET = 8, PLANE_ELEMENTS = 8 * PLANE_BYTES };

/* The planes of channels, and those of their complements. */
struct slice_channels {
	plane bit[2][SLICE_BITS];
};

/* Swaps bits of v that are n apart: those of `mask`, and those n above. */
FAST_INLINE plane plane_swap(plane v, int n, uint64_t mask)
{
	plane differ = (v ^ v >> (uint64_t)n) & ((plane){0} + mask);

	return v ^ differ ^ differ << (uint64_t)n;
}

/* plane_transpose() of kernels that have no instruction for it. */
FAST_INLINE plane plane_transpose_by_swaps(plane v)
{
	v = plane_swap(v, 7, 0x00AA00AA00AA00AAULL);
	v = plane_swap(v, 14, 0x0000CCCC0000CCCCULL);
	return plane_swap(v, 28, 0x00000000F0F0F0F0ULL);
}

/* The planes of a number of each row. */
FAST_INLINE void slice_rows(const uint16_t *number, int pitch, plane *bit)
{
	plane low = plane_rows(number, pitch, 0), high = plane_rows(number, pitch, 1);

	for (int i = 0; i < OCTET; i++) {
		bit[i] = plane_bit(low, i);
		bit[OCTET + i] = plane_bit(high, i);
	}
}

/* Of rows whose lane 0 has channel[]: the channels of every eighth lane, and the others by addition. */
FAST_INLINE void slice_channels_find(const uint16_t *channel, int pitch_log2, struct slice_channels *to)
{
	const uint64_t lane[3] = {0xAAAAAAAAAAAAAAAAULL, 0xCCCCCCCCCCCCCCCCULL, 0xF0F0F0F0F0F0F0F0ULL};
	plane base[SLICE_BITS], carry = {0}, offset;
	uint16_t octet[PLANE_BYTES];

	for (int n = 0; n < PLANE_BYTES; n++)
		octet[n] = (uint16_t)(channel[n * OCTET >> pitch_log2] + (n * OCTET & ((1 << pitch_log2) - 1)));
	slice_rows(octet, OCTET, base);
	for (int i = 0; i < SLICE_BITS; i++) {
		offset = (plane){0} + (i < 3 ? lane[i] : 0);
		to->bit[0][i] = base[i] ^ offset ^ carry;
		to->bit[1][i] = ~to->bit[0][i];
		carry = (base[i] & offset) | (carry & (base[i] ^ offset));
	}
}

/* One round, with what becomes a in place of b. */
FAST_INLINE void slice_round(const plane *a, plane *b, const struct slice_channels *channels, int k)
{
	enum { LAST = SLICE_BITS - 1 };

	for (int i = 0; i < SLICE_BITS; i++)
		b[i] = plane_xor3(plane_xor_and(b[i], a[(i - 1) & LAST], a[(i - 8) & LAST]), a[(i - 2) & LAST],
		                  channels->bit[qmac_dither_constants[k] >> i & 1][i]);
}

/* Numbers of OCTET bits of all elements from their planes, a vector of bytes for each. */
FAST_INLINE void slice_weave(const plane *bit, plane *to)
{
	plane one[OCTET], two[OCTET], four[OCTET]; /* so many planes, a byte of each in turn */

	for (int j = 0; j < OCTET; j++)
		one[j] = bit[PLANE_TRANSPOSED(j)];
	for (int j = 0; j < OCTET; j += 2) {
		two[j] = plane_low_bytes(one[j], one[j + 1]);
		two[j + 1] = plane_high_bytes(one[j], one[j + 1]);
	}
	for (int j = 0; j < OCTET; j++) /* half j / 4 of the bytes, half j / 2 % 2 of that, planes j % 2 * 4 .. */
		four[j] = j / 2 % 2 ? plane_high_halves(two[j % 2 * 4 + j / 4], two[j % 2 * 4 + 2 + j / 4])
		                    : plane_low_halves(two[j % 2 * 4 + j / 4], two[j % 2 * 4 + 2 + j / 4]);
	for (int j = 0; j < OCTET; j += 2) {
		to[j] = plane_transpose(plane_low_words(four[j], four[j + 1]));
		to[j + 1] = plane_transpose(plane_high_words(four[j], four[j + 1]));
	}
}

/* The numbers of elements from `at` on: a is the upper half of each, b the lower one. */
FAST_INLINE void slice_store(const plane *a, const plane *b, int shift, int at, struct dither_numbers *to)
{
	const int half = PLANE_BYTES / 2, down = shift < DITHER_TOP ? DITHER_TOP - shift : 0;
	plane low[OCTET], high[OCTET];
	uint8_t rest[PLANE_ELEMENTS];
	uint16_t *top = to->top + at;

	slice_weave(a, low);
	slice_weave(a + OCTET, high);
	for (int m = 0; m < OCTET; m++) {
		plane_put_halves(top + m * PLANE_BYTES, plane_low_bytes(low[m], high[m]), down);
		plane_put_halves(top + m * PLANE_BYTES + half, plane_high_bytes(low[m], high[m]), down);
	}
	if (shift <= DITHER_TOP)
		return;
	slice_weave(b + OCTET, low);
	for (int m = 0; m < OCTET; m++)
		plane_put_bytes(rest + m * PLANE_BYTES, low[m]);
	for (int i = 0; i < PLANE_ELEMENTS; i++)
		to->whole[at + i] = (uint32_t)top[i] << OCTET | rest[i];
}

/* Numbers of PLANE_ELEMENTS elements of a block's rows from row i on, which has state number `at`. */
FAST_INLINE void slice_draw(const struct dither_states *states, int at, const struct slice_channels *channels,
                            int pitch, int i, int shift, struct dither_numbers *to)
{
	plane a[SLICE_BITS], b[SLICE_BITS];

	slice_rows(states->a + at, pitch, a);
	slice_rows(states->b + at, pitch, b);
	for (int k = 0; k < SLICE_BITS; k++)
		a[k] ^= channels->bit[0][k];
	slice_round(a, b, channels, 1);
	slice_round(b, a, channels, 2);
	slice_round(a, b, channels, 3);
	slice_round(b, a, channels, 4);
	slice_round(a, b, channels, 5);
	slice_round(b, a, channels, 6);
	slice_round(a, b, channels, 7);
	slice_round(b, a, channels, 8);
	slice_round(a, b, channels, QMAC_DITHER_CHANNEL_ROUNDS - 1);
	slice_store(b, a, shift, i * pitch, to);
}

#endif
