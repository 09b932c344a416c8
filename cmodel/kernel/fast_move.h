/*
 * Rows of containers in memory to operands and words, and back, of the fast kernels. Included by fast.h.
 */
#ifndef QMAC_KERNEL_FAST_MOVE_H
#define QMAC_KERNEL_FAST_MOVE_H

#include <string.h>

#include "kernel/kernel.h"

/*
 * A row in steps of so many lanes: whole ones, one whose `in` lanes, at least 1, have a container, and whose
 * `out` are written, and what lies behind it.
 */
struct move_row {
	uint32_t whole, rest; /* lanes */
	int in, out;
};

FAST_INLINE struct move_row move_row_of(const struct qmac_tile *tile, uint32_t step)
{
	uint32_t whole = (tile->len - 1) / step * step, in = tile->len - whole, out = in + tile->after;

	if (out > step)
		out = step;
	return (struct move_row){whole, in + tile->after - out, (int)in, (int)out};
}

FAST_INLINE int move_lanes(uint32_t left, uint32_t step)
{
	return (int)(left < step ? left : step);
}

/* MOVE_LANES operands from the halves that containers are. */
FAST_INLINE move_halves cut_halves(const struct qmac_cut *cut, move_halves raw)
{
	return ((raw >> (uint16_t)cut->lsb & cut->mask) ^ cut->sign) - cut->sign;
}

FAST_INLINE void cut_step(bool of_halves, struct qmac_cut cut, int in, int out, const uint8_t *from,
                          int16_t *to)
{
	move_operands(to, out, cut_halves(&cut, move_load(of_halves, from, in)));
}

/* Rows of one step, and longer ones. */
FAST_INLINE void cut_rows(bool of_halves, struct qmac_cut cut, struct qmac_tile tile, const uint8_t *from,
                          int16_t *to)
{
	const struct move_row row = move_row_of(&tile, MOVE_LANES);

	if (row.whole + row.rest == 0) {
		for (uint32_t i = 0; i < tile.rows; i++, from += tile.pitch, to += tile.step)
			cut_step(of_halves, cut, row.in, row.out, from, to);
		return;
	}
	for (uint32_t i = 0; i < tile.rows; i++, from += tile.pitch, to += tile.step) {
		int16_t *behind = to + row.whole + row.out;

		for (uint32_t j = 0; j < row.whole; j += MOVE_LANES)
			cut_step(of_halves, cut, MOVE_LANES, MOVE_LANES, from + (j << of_halves), to + j);
		cut_step(of_halves, cut, row.in, row.out, from + (row.whole << of_halves), to + row.whole);
		for (uint32_t j = 0; j < row.rest; j += MOVE_LANES)
			move_operands(behind + j, move_lanes(row.rest - j, MOVE_LANES), (move_halves){0});
	}
}

static void fast_cut(const struct qmac_cut *cut, const struct qmac_tile *tile, const uint8_t *from,
                     int16_t *to)
{
	if (tile->container == QMAC_CONTAINER_HALF)
		cut_rows(true, *cut, *tile, from, to);
	else
		cut_rows(false, *cut, *tile, from, to);
}

FAST_INLINE void widen_step(unsigned container, int in, int out, const uint8_t *from, int64_t *to)
{
	vec_store(to, out, vec_from(container, from, in));
}

FAST_INLINE void widen_rows(unsigned container, struct qmac_tile tile, const uint8_t *from, int64_t *to)
{
	const struct move_row row = move_row_of(&tile, VEC_LANES);

	for (uint32_t i = 0; i < tile.rows; i++, from += tile.pitch, to += tile.step) {
		int64_t *behind = to + row.whole + row.out;

		for (uint32_t j = 0; j < row.whole; j += VEC_LANES)
			widen_step(container, VEC_LANES, VEC_LANES, from + (j << container), to + j);
		widen_step(container, row.in, row.out, from + (row.whole << container), to + row.whole);
		for (uint32_t j = 0; j < row.rest; j += VEC_LANES)
			vec_store(behind + j, move_lanes(row.rest - j, VEC_LANES), vec_of(0));
	}
}

static void fast_widen(const struct qmac_tile *tile, const uint8_t *from, int64_t *to)
{
	switch (tile->container) {
	case QMAC_CONTAINER_BYTE:
		widen_rows(QMAC_CONTAINER_BYTE, *tile, from, to);
		return;
	case QMAC_CONTAINER_HALF:
		widen_rows(QMAC_CONTAINER_HALF, *tile, from, to);
		return;
	case QMAC_CONTAINER_WORD:
		widen_rows(QMAC_CONTAINER_WORD, *tile, from, to);
		return;
	default:
		widen_rows(QMAC_CONTAINER_DOUBLE, *tile, from, to);
	}
}

/* Limits n words; returns `count`, and one more in each lane whose word was limited. */
FAST_INLINE vec fit_step(unsigned container, vec low, vec high, vec count, int n, const int64_t *from,
                         uint8_t *to)
{
	vec words = vec_load(from, n), fit = vec_min(vec_max(words, low), high);

	vec_to(container, to, n, fit);
	return vec_tally(count, fit, words);
}

FAST_INLINE uint64_t fit_rows(unsigned container, struct qmac_tile tile, const int64_t *from, uint8_t *to)
{
	const struct move_row row = move_row_of(&tile, VEC_LANES);
	int bits = tile.is_signed || container == QMAC_CONTAINER_DOUBLE ? 8 << container : (8 << container) + 1;
	vec low = vec_of(tile.is_signed ? qmac_min_of(bits) : 0), high = vec_of(qmac_max_of(bits));
	vec count = vec_of(0);

	for (uint32_t i = 0; i < tile.rows; i++, from += tile.step, to += tile.pitch) {
		for (uint32_t j = 0; j < row.whole; j += VEC_LANES)
			count = fit_step(container, low, high, count, VEC_LANES, from + j, to + (j << container));
		count = fit_step(container, low, high, count, row.in, from + row.whole,
		                 to + (row.whole << container));
	}
	return vec_sum(count);
}

static uint64_t fast_fit(const struct qmac_tile *tile, const int64_t *from, uint8_t *to)
{
	switch (tile->container) {
	case QMAC_CONTAINER_BYTE:
		return fit_rows(QMAC_CONTAINER_BYTE, *tile, from, to);
	case QMAC_CONTAINER_HALF:
		return fit_rows(QMAC_CONTAINER_HALF, *tile, from, to);
	case QMAC_CONTAINER_WORD:
		return fit_rows(QMAC_CONTAINER_WORD, *tile, from, to);
	default:
		return fit_rows(QMAC_CONTAINER_DOUBLE, *tile, from, to);
	}
}

#endif
