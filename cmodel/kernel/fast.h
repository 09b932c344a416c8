/*
 * The fast kernel, once, for every instruction set. A file that includes this
 * page has defined before:
 *
 *   vec            VEC_LANES unsigned 64-bit lanes, with the operators + - * & | ^ ~ << >>;
 *                  unsigned, because sums and products modulo 2^64 are right wherever the
 *                  exact result fits 64 bits, whatever happens on the way
 *   slim           SLIM_LANES unsigned 32-bit lanes, the same modulo 2^32
 *
 * and for each of them, called vec_... and slim_...:
 *   of(s)          s in every lane
 *   load(p,n), store(p,n,v)  n lanes, if there are as many, from and to words of 64 bits: cut, sign extended;
 *                  others load as 0
 *   operands(p), put_operands(p,n,v)  all lanes from, n to operands of 16 bits
 *   kept(p,n), keep(p,v)  n lanes from where all were kept, as they are; others are 0
 *   widen(p)       numbers of 32 bits, zero extended
 *   equal(a,b), above(a,b)  all ones where a = b, where a > b as signed numbers; else 0
 *   tally(c,a,b)   c, and one more where a and b differ
 *   min, max (signed), right(v,n) (floor(v / 2^n), signed), mul32 (product of the low halves as signed
 *                  numbers, or of lanes that are no wider)
 *   add(p,v)       p[i] += v[i], of words of 64 bits, as many as lanes
 *   vec_sum        over the lanes
 *
 *   dither_word    DITHER_LANES lanes of 16 bits
 *   DITHER_NUMBERS a permutation of {0, 1, 2, ... DITHER_LANES - 1}: of random numbers in a dither_word
 *   dither_store(p,a,b)  p[i] = a[k] << 8 | b[k] >> 8, where lane k has number i
 *   dither_rows(p,paired)  the low half of p[0] in every lane; where paired, of p[1] in those from number
 *                  DITHER_LANES / 2 on. Both halves of p[] are the same.
 *   dither_turn(a,n)  each lane rotated left by 1, 2 or 8
 *   FAST_KERNEL, FAST_NAME, and what fast_gemm.h asks for
 */
#ifndef QMAC_KERNEL_FAST_H
#define QMAC_KERNEL_FAST_H

#include "kernel/variants.h"

/* So that a switch over modes becomes one loop per mode. */
#define FAST_INLINE static inline __attribute__((always_inline))

#include "kernel/fast_dither.h"

#define LANES vec
#define LANE uint64_t
#define LANES_COUNT VEC_LANES
#define LANES_NAME(name) vec_##name
#include "kernel/fast_sweep.h"
#undef LANES
#undef LANE
#undef LANES_COUNT
#undef LANES_NAME

#define LANES slim
#define LANE uint32_t
#define LANES_COUNT SLIM_LANES
#define LANES_NAME(name) slim_##name
#include "kernel/fast_sweep.h"

static uint64_t fast_sweep(const struct qmac_sweep *s, int rows, qmac_int128 *sum, uint64_t *magnitudes)
{
	return s->narrow ? slim_sweep(s, rows, sum, magnitudes) : vec_sweep(s, rows, sum, magnitudes);
}

#include "kernel/fast_gemm.h"
#include "kernel/fast_group.h"
#include "kernel/fast_move.h"

const struct qmac_kernel FAST_KERNEL = {
	.name = FAST_NAME,
	.sweep = fast_sweep,
	.gemm_ws = fast_gemm_ws,
	.pack = fast_pack,
	.pack_quads = fast_pack_quads,
	.quads = QUADS,
	.gemm_group = fast_gemm_group,
	.gemm_os = fast_gemm_os,
	.note = fast_note,
	.nonzero_rows = fast_nonzero_rows,
	.nonzero_lanes = fast_nonzero_lanes,
	.dot_counts = fast_dot_counts,
	.raise = fast_raise,
	.cut = fast_cut,
	.widen = fast_widen,
	.fit = fast_fit,
};

#endif
