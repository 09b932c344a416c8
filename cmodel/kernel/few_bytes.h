/*
 * Up to 8 bytes of memory as one number, little endian, with no byte beyond them touched; and made of these
 * what fast_move.h asks for of MOVE_LANES operands, where there are no masks.
 */
#ifndef QMAC_KERNEL_FEW_BYTES_H
#define QMAC_KERNEL_FEW_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* From 2 bytes on the first and the last few, which may be the same ones. */
static inline uint64_t few_load(const uint8_t *p, int n)
{
	uint64_t low = 0, high = 0;
	int half = n >= 8 ? 8 : n >= 4 ? 4 : 2;

	if (n < 2)
		return n > 0 ? *p : 0;
	if (n >= 8) {
		memcpy(&low, p, 8);
		return low;
	}
	if (n >= 4) {
		memcpy(&low, p, 4);
		memcpy(&high, p + n - 4, 4);
	} else {
		memcpy(&low, p, 2);
		memcpy(&high, p + n - 2, 2);
	}
	return low | high << 8 * (n - half);
}

static inline void few_store(uint8_t *p, int n, uint64_t value)
{
	uint64_t high;

	if (n >= 8) {
		memcpy(p, &value, 8);
	} else if (n >= 4) {
		high = value >> 8 * (n - 4);
		memcpy(p, &value, 4);
		memcpy(p + n - 4, &high, 4);
	} else if (n >= 2) {
		high = value >> 8 * (n - 2);
		memcpy(p, &value, 2);
		memcpy(p + n - 2, &high, 2);
	} else if (n > 0) {
		*p = (uint8_t)value;
	}
}

typedef uint8_t move_bytes __attribute__((vector_size(MOVE_LANES)));
typedef uint16_t move_halves __attribute__((vector_size(2 * MOVE_LANES)));

static inline move_halves move_load(bool of_halves, const uint8_t *p, int n)
{
	uint64_t words[MOVE_LANES / 4] = {0};
	move_halves halves;
	move_bytes bytes;

	n <<= of_halves;
	for (int i = 0; 8 * i < n; i++)
		words[i] = few_load(p + 8 * i, n - 8 * i);
	memcpy(&halves, words, sizeof halves);
	memcpy(&bytes, words, sizeof bytes);
	return of_halves ? halves : __builtin_convertvector(bytes, move_halves);
}

static inline void move_operands(int16_t *p, int n, move_halves v)
{
	uint64_t words[MOVE_LANES / 4];

	if (n == MOVE_LANES) {
		memcpy(p, &v, sizeof v);
		return;
	}
	memcpy(words, &v, sizeof v);
	for (int i = 0; 4 * i < n; i++)
		few_store((uint8_t *)(p + 4 * i), 2 * (n - 4 * i), words[i]);
}

#endif
