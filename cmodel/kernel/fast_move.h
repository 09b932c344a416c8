/*
 * Containers of memory to operands and words, and back, of the fast kernels: plain loops that compilers make
 * vectors of, on hosts that have numbers as memory has them. Included by fast.h.
 */
#ifndef QMAC_KERNEL_FAST_MOVE_H
#define QMAC_KERNEL_FAST_MOVE_H

#include <string.h>

#include "kernel/kernel.h"

enum { CUT_BLOCK = 16 };

/* Halves that are shifted as halves: C would make int of each. */
typedef uint8_t cut_bytes __attribute__((vector_size(CUT_BLOCK)));
typedef uint16_t cut_halves __attribute__((vector_size(2 * CUT_BLOCK)));

/* CUT_BLOCK operands; cut by value, for it cannot be what `to` points at. */
FAST_INLINE void cut_block(bool of_halves, struct qmac_cut cut, const uint8_t *from, int16_t *to)
{
	cut_halves raw;
	cut_bytes bytes;

	if (of_halves) {
		memcpy(&raw, from, sizeof raw);
	} else {
		memcpy(&bytes, from, sizeof bytes);
		raw = __builtin_convertvector(bytes, cut_halves);
	}
	raw = ((raw >> (uint16_t)cut.lsb & cut.mask) ^ cut.sign) - cut.sign;
	memcpy(to, &raw, sizeof raw);
}

FAST_INLINE void cut_all(bool of_halves, struct qmac_cut cut, size_t count, const uint8_t *from, int16_t *to)
{
	uint8_t rest[2 * CUT_BLOCK] = {0};
	int16_t operands[CUT_BLOCK];
	size_t j = 0;

	for (; j + CUT_BLOCK <= count; j += CUT_BLOCK)
		cut_block(of_halves, cut, from + (j << of_halves), to + j);
	if (j == count)
		return;
	memcpy(rest, from + (j << of_halves), (count - j) << of_halves);
	cut_block(of_halves, cut, rest, operands);
	memcpy(to + j, operands, (count - j) * sizeof *operands);
}

static void fast_cut(const struct qmac_cut *cut, size_t count, const uint8_t *from, int16_t *to)
{
	if (cut->container == QMAC_CONTAINER_HALF)
		cut_all(true, *cut, count, from, to);
	else
		cut_all(false, *cut, count, from, to);
}

static void fast_widen(unsigned container, size_t count, const uint8_t *from, int64_t *to)
{
	int16_t half;
	int32_t long_word;

	switch (container) {
	case QMAC_CONTAINER_BYTE:
		for (size_t j = 0; j < count; j++)
			to[j] = (int8_t)from[j];
		return;
	case QMAC_CONTAINER_HALF:
		for (size_t j = 0; j < count; j++) {
			memcpy(&half, from + 2 * j, sizeof half);
			to[j] = half;
		}
		return;
	case QMAC_CONTAINER_WORD:
		for (size_t j = 0; j < count; j++) {
			memcpy(&long_word, from + 4 * j, sizeof long_word);
			to[j] = long_word;
		}
		return;
	default:
		memcpy(to, from, count * sizeof *to);
	}
}

static void fast_fit(unsigned container, size_t count, const int64_t *from, uint8_t *to)
{
	uint16_t half;
	uint32_t long_word;

	switch (container) {
	case QMAC_CONTAINER_BYTE:
		for (size_t j = 0; j < count; j++)
			to[j] = (uint8_t)from[j];
		return;
	case QMAC_CONTAINER_HALF:
		for (size_t j = 0; j < count; j++) {
			half = (uint16_t)from[j];
			memcpy(to + 2 * j, &half, sizeof half);
		}
		return;
	case QMAC_CONTAINER_WORD:
		for (size_t j = 0; j < count; j++) {
			long_word = (uint32_t)from[j];
			memcpy(to + 4 * j, &long_word, sizeof long_word);
		}
		return;
	default:
		memcpy(to, from, count * sizeof *from);
	}
}

#endif
