/*
 * Blocks of rows that a sweep of the fast kernels goes over together, and where their rows lie. Included by
 * fast.h.
 */
#ifndef QMAC_KERNEL_FAST_BLOCK_H
#define QMAC_KERNEL_FAST_BLOCK_H

#include <string.h>

#include "kernel/kernel.h"

enum { BLOCK_ELEMENTS = 1024, BLOCK_PITCH_MIN = 8, BLOCK_ROWS_MAX = BLOCK_ELEMENTS / BLOCK_PITCH_MIN };

/* 2^this elements from one row to the next in what is worked on, for `lanes` of them. */
FAST_INLINE int block_pitch_log2(int lanes)
{
	return lanes <= 8 ? 3 : lanes <= 16 ? 4 : lanes <= 32 ? 5 : 6;
}

/* Places are found so many at a time: there is room behind the last one. */
enum { BLOCK_STEP = 8 };

typedef uint32_t block_step __attribute__((vector_size(4 * BLOCK_STEP)));

struct block {
	int first, rows;        /* iterations first .. first + rows - 1 */
	int pitch, pitch_log2;
	uint32_t a[BLOCK_ROWS_MAX + BLOCK_STEP], b[BLOCK_ROWS_MAX + BLOCK_STEP], to[BLOCK_ROWS_MAX + BLOCK_STEP];
};

/* From `first` on, at least `count` places. */
FAST_INLINE void block_places(uint32_t first, uint32_t step, int count, uint32_t *place)
{
	const block_step number = {0, 1, 2, 3, 4, 5, 6, 7};
	block_step places = first + number * step;

	for (int i = 0; i < count; i += BLOCK_STEP, places += BLOCK_STEP * step)
		memcpy(place + i, &places, sizeof places);
}

/* A number of each of `rows` iterations from `first` on, of loops with these steps. */
FAST_INLINE void block_loop(const struct qmac_sweep *s, int first, int rows, uint32_t origin, uint32_t outer,
                            uint32_t step, uint32_t *place)
{
	uint32_t i1 = first == 0 ? 0 : (uint32_t)first / (uint32_t)s->inner;
	int i0 = first - (int)i1 * s->inner;

	for (int i = 0, count; i < rows; i += count, i1++, i0 = 0) {
		count = rows - i < s->inner - i0 ? rows - i : s->inner - i0;
		block_places(origin + i1 * outer + (uint32_t)i0 * step, step, count, place + i);
	}
}

/* The block of a sweep that begins with iteration `first`, of the rest or as many rows as there can be. */
FAST_INLINE void block_find(const struct qmac_sweep *s, int first, int iterations, struct block *block)
{
	int log2 = block_pitch_log2(s->lanes), most = BLOCK_ELEMENTS >> log2;
	int rows = iterations - first < most ? iterations - first : most;

	block->first = first;
	block->rows = rows;
	block->pitch = 1 << log2;
	block->pitch_log2 = log2;
	block_loop(s, first, rows, 0, (uint32_t)s->a.outer, (uint32_t)s->a.step, block->a);
	block_loop(s, first, rows, 0, (uint32_t)s->b.outer, (uint32_t)s->b.step, block->b);
	block_loop(s, first, rows, 0, (uint32_t)s->to.outer, (uint32_t)s->to.step, block->to);
	/* the second of a last pair of rows, if there is none */
	block->a[rows] = block->a[rows - 1];
	block->b[rows] = block->b[rows - 1];
	block->to[rows] = block->to[rows - 1];
}

#endif
