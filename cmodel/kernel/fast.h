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
 *   part, part_of(n,two)  which lanes count: the first n, or (two) the first n of each half
 *   fetch(p,q,part)  halves from words of 64 bits at p and q, cut; lanes that do not count are 0. Only where
 *                  a vector has more than BLOCK_PITCH_MIN lanes may q be elsewhere than behind p's half.
 *   put(p,q,part,second,v)  the same back, sign extended, lanes that count only; the second half if `second`
 *   operands(p,q), put_operands(p,q,part,second,v)  all lanes from, the same to operands of 16 bits
 *   kept(p,part), keep(p,v)  from where all were kept, as they are; lanes that do not count are 0
 *   widen(p), widen_halves(p)  numbers of 32 and of 16 bits, zero extended
 *   equal(a,b), above(a,b)  all ones where a = b, where a > b as signed numbers; else 0
 *   tally(c,a,b)   c, and one more where a and b differ
 *   gather(p,v)    p[v], of 32 bits, zero extended
 *   min, max (signed), right(v,n) (floor(v / 2^n), signed), mul32 (product of the low halves as signed
 *                  numbers, or of lanes that are no wider)
 *   add(p,q,v)     p[i] += v[i] of the first half of the lanes, then q[i] += of the second, words of 64 bits
 *   vec_load(p,n), vec_store(p,n,v), vec_sum(v)  the first n lanes from and to words; the sum over the lanes
 *
 *   dither_word    DITHER_LANES lanes of 16 bits
 *   DITHER_NUMBERS {0, 1, 2, ... DITHER_LANES - 1}
 *   dither_halves(x,a,b)  the upper and the lower halves of DITHER_LANES words
 *   dither_rows(p,pitch)  p[i / pitch] in lane i; p can be read for DITHER_LANES
 *   dither_store(p,a,b)  p[i] = a[i] << 8 | b[i] >> 8
 *   dither_turn(a,n)  each lane rotated left by 1, 2 or 8
 *
 * and, if it has them, for fast_slices.h:
 *   plane          PLANE_BYTES bytes, with the operators + & | ^ ~
 *   plane_rows(p,pitch,which)  in each byte the low (which = 0) or high (1) byte of p[row of its elements]; p
 *                  can be read for PLANE_BYTES of them
 *   plane_bit(v,i) all ones in bytes whose bit i is 1, else 0
 *   plane_xor3(a,b,c), plane_xor_and(a,b,c)  a ^ b ^ c, a ^ (b & c)
 *   plane_low_bytes, plane_high_bytes, ..._halves, ..._words(a,b)  of the first (last) 8 bytes of each 16
 *                  one of a, one of b in turn
 *   plane_transpose(v)  in each 8 bytes, byte i from bit i of each, where byte j came from plane
 *                  PLANE_TRANSPOSED(j)
 *   plane_put_halves(p,v,n), plane_put_bytes(p,v)  16-bit lanes of v >> n; bytes, where the 8 bytes number
 *                  2*l + h come in the order of h, then l
 *   FAST_KERNEL, FAST_NAME, and what fast_gemm.h asks for
 */
#ifndef QMAC_KERNEL_FAST_H
#define QMAC_KERNEL_FAST_H

#include "kernel/variants.h"

/* So that a switch over modes becomes one loop per mode. */
#define FAST_INLINE static inline __attribute__((always_inline))

#include "kernel/fast_block.h"
#include "kernel/fast_draw.h"

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

static uint64_t fast_sweep(const struct qmac_sweep *s, int iterations, qmac_int128 *sum,
                           uint64_t *magnitudes)
{
	struct drawn drawn;

	drawn_begin(&drawn);
	if (s->narrow)
		return slim_sweep(s, iterations, &drawn, sum, magnitudes);
	return vec_sweep(s, iterations, &drawn, sum, magnitudes);
}

#include "kernel/fast_gemm.h"
#include "kernel/fast_group.h"
#include "kernel/fast_os.h"
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
