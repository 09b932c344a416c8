/*
 * The fast kernel, once, for every instruction set. A file that includes this
 * page has defined before:
 *
 *   vec            VEC_LANES unsigned 64-bit lanes, with the operators + - * & | ^ ~ << >>;
 *                  unsigned, because sums and products modulo 2^64 are right wherever the
 *                  exact result fits 64 bits, whatever happens on the way
 *   vec_of(s)      s in every lane
 *   vec_load(p,n), vec_store(p,n,v)  the first n lanes only, where n < VEC_LANES; others load as 0
 *   vec_widen(p)   VEC_LANES numbers of 32 bits, zero extended
 *   vec_equal(a,b), vec_above(a,b)  all ones where a = b, where a > b as signed numbers; else 0
 *   vec_min, vec_max (signed), vec_right(v,n) (floor(v / 2^n), signed), vec_mul32 (product of the
 *                  low halves as signed numbers), vec_sum (over the lanes)
 *   dither_word    DITHER_LANES lanes dither_lane of DITHER_BITS bits: 16, or 32 that hold a 16-bit
 *                  number twice, so that one 32-bit rotation rotates both copies
 *   DITHER_NUMBERS the initialiser {0, 1, 2, ... DITHER_LANES - 1}
 *   dither_store(p,a,b)  p[i] = a[i] << 8 | b[i] >> 8, where a[i] and b[i] are numbers of 16 bits
 *   FAST_KERNEL, FAST_NAME, and what fast_gemm.h asks for
 *
 * Lanes beyond the row are computed from zeros and thrown away: 0 rounds to 0
 * under every mode and is never clamped, so they do not disturb the counts.
 */
#ifndef QMAC_KERNEL_FAST_H
#define QMAC_KERNEL_FAST_H

#include "kernel/variants.h"
#include "num/dither.h"
#include "num/fixed.h"

/* So that a switch over modes becomes one loop per mode. */
#define FAST_INLINE static inline __attribute__((always_inline))

/* ---- combine ------------------------------------------------------------------ */

FAST_INLINE vec combine_vec(unsigned op, vec a, vec b)
{
	switch (op) {
	case QMAC_OP_ADD:
		return a + b;
	case QMAC_OP_SUB:
		return a - b;
	case QMAC_OP_MIN:
		return vec_min(a, b);
	case QMAC_OP_MAX:
		return vec_max(a, b);
	case QMAC_OP_MUL:
		return a * b;
	case QMAC_OP_EQ:
		return vec_equal(a, b) & vec_of(1);
	default:
		return a & vec_above(b, vec_of(0));
	}
}

FAST_INLINE uint64_t combine_rows(unsigned op, bool scaled, int rows, int lanes, int l0, int64_t mult,
                                  struct qmac_sources a, struct qmac_sources b, struct qmac_sums x)
{
	for (int j = 0; j < lanes; j += VEC_LANES) {
		int n = lanes - j;

		for (int i = 0; i < rows; i++) {
			vec left = vec_load(a.first + i * a.step + j, n) << (uint64_t)l0;
			vec v = combine_vec(op, left, vec_load(b.first + i * b.step + j, n));

			vec_store(x.first + i * x.step + j, n, scaled ? v * vec_of(mult) : v);
		}
	}
	return 0;
}

static uint64_t fast_combine(unsigned op, int rows, int lanes, int l0, int32_t mult, struct qmac_sources a,
                             struct qmac_sources b, struct qmac_sums x)
{
	switch (op) {
	case QMAC_OP_ADD:
		if (mult == 1)
			return combine_rows(QMAC_OP_ADD, false, rows, lanes, l0, 1, a, b, x);
		return combine_rows(QMAC_OP_ADD, true, rows, lanes, l0, mult, a, b, x);
	case QMAC_OP_SUB:
		if (mult == 1)
			return combine_rows(QMAC_OP_SUB, false, rows, lanes, l0, 1, a, b, x);
		return combine_rows(QMAC_OP_SUB, true, rows, lanes, l0, mult, a, b, x);
	case QMAC_OP_MIN:
		return combine_rows(QMAC_OP_MIN, true, rows, lanes, l0, mult, a, b, x);
	case QMAC_OP_MAX:
		return combine_rows(QMAC_OP_MAX, true, rows, lanes, l0, mult, a, b, x);
	case QMAC_OP_MUL:
		return combine_rows(QMAC_OP_MUL, false, rows, lanes, 0, 1, a, b, x);
	case QMAC_OP_EQ:
		return combine_rows(QMAC_OP_EQ, false, rows, lanes, 0, 1, a, b, x);
	default:
		return combine_rows(QMAC_OP_SELECT, false, rows, lanes, 0, 1, a, b, x);
	}
}

/* ---- affine ------------------------------------------------------------------- */

FAST_INLINE void affine_rows(bool narrow, int rows, int lanes, struct qmac_sources a, struct qmac_sources b,
                             const int64_t (*c)[QMAC_LANES_MAX], struct qmac_sums x)
{
	for (int j = 0; j < lanes; j += VEC_LANES) {
		int n = lanes - j;
		vec c0 = vec_load(c[0] + j, n), c1 = vec_load(c[1] + j, n), c2 = vec_load(c[2] + j, n);

		for (int i = 0; i < rows; i++) {
			vec left = vec_load(a.first + i * a.step + j, n), right = vec_load(b.first + i * b.step + j, n);
			vec v = narrow ? vec_mul32(left, c0) + vec_mul32(right, c1) : left * c0 + right * c1;

			vec_store(x.first + i * x.step + j, n, v + c2);
		}
	}
}

static uint64_t fast_affine(bool narrow, int rows, int lanes, struct qmac_sources a, struct qmac_sources b,
                            const int64_t (*c)[QMAC_LANES_MAX], struct qmac_sums x)
{
	if (narrow)
		affine_rows(true, rows, lanes, a, b, c, x);
	else
		affine_rows(false, rows, lanes, a, b, c, x);
	return 0;
}

/* ---- finish ------------------------------------------------------------------- */

#define DITHER_COPIES (DITHER_BITS == 32 ? 0x10001U : 1U)
#define DITHER_OF(s) ((dither_lane)(((s) & 0xFFFFU) * DITHER_COPIES) + (dither_word){0})
#define DITHER_ROTATE(a, n) ((a) << (n) | (a) >> (DITHER_BITS - (n)))

/* Random numbers of channel0 .. channel0 + lanes - 1, and some more up to a whole number of vectors. */
FAST_INLINE void dither_row(int lanes, uint32_t row_state, uint32_t channel0, uint32_t *r)
{
	const dither_word number = DITHER_NUMBERS;

	for (int j = 0; j < lanes; j += DITHER_LANES) {
		dither_word a = DITHER_OF(row_state >> 16), b = DITHER_OF(row_state);
		dither_word channel = ((number + (dither_lane)(channel0 + (uint32_t)j)) & 0xFFFFU) * DITHER_COPIES;

		for (int i = 0; i < QMAC_DITHER_CHANNEL_ROUNDS; i++) {
			dither_word bent = (DITHER_ROTATE(a, 1) & DITHER_ROTATE(a, 8)) ^ DITHER_ROTATE(a, 2);
			dither_word next = b ^ bent ^ channel ^ DITHER_OF(qmac_dither_constants[i]);

			b = a;
			a = next;
		}
		dither_store(r + j, a, b);
	}
}

/* All rows at once. */
static void fast_dither_rows(uint32_t key, int count, const uint32_t *row, uint32_t *state)
{
	uint32_t x[QMAC_ROWS_MAX] = {0};

	for (int i = 0; i < count; i++)
		x[i] = key ^ row[i];
	for (int k = 0; k < QMAC_DITHER_ROW_ROUNDS; k++)
		for (int i = 0; i < QMAC_ROWS_MAX; i++)
			x[i] = qmac_dither_round(x[i], qmac_dither_constants[k]);
	for (int i = 0; i < count; i++)
		state[i] = x[i];
}

/*
 * Rounding is q + ((rest + addend) >> shift), where q and rest are quotient and
 * remainder of 2^shift: the addend is the random number moved to the place of rest
 * (its bits below the last of rest cannot matter), or just under one half, and one
 * half where q is odd. rest + addend < 2^(shift+1) fits an unsigned lane.
 */
FAST_INLINE vec round_vec(unsigned mode, int shift, vec x, vec r)
{
	vec q = vec_right(x, shift), rest, addend;

	if (mode == QMAC_ROUND_FLOOR)
		return q;
	rest = x & vec_of((int64_t)((1ULL << shift) - 1));
	if (mode == QMAC_ROUND_NEAREST)
		addend = vec_of((int64_t)((1ULL << (shift - 1)) - 1)) + (q & vec_of(1));
	else if (shift <= 24)
		addend = r >> (uint64_t)(24 - shift);
	else
		addend = r << (uint64_t)(shift - 24);
	return q + ((rest + addend) >> (uint64_t)shift);
}

/* The OR over the lanes. */
FAST_INLINE uint64_t vec_any(vec v)
{
	int64_t lane[VEC_LANES];
	uint64_t any = 0;

	vec_store(lane, VEC_LANES, v);
	for (int i = 0; i < VEC_LANES; i++)
		any |= (uint64_t)lane[i];
	return any;
}

/* `shift` 0, `mode` and a NULL are constants where this is called from; `tail` holds the rest. */
FAST_INLINE uint64_t finish_rows(unsigned mode, int shift, const struct qmac_tail *tail, int rows, int lanes,
                                 const uint32_t *state, const uint32_t *channel, struct qmac_sources x,
                                 struct qmac_sums y, uint64_t *magnitudes)
{
	vec floor = vec_of(tail->relu ? 0 : INT64_MIN), kept = vec_of(0), any = vec_of(0);
	vec low = vec_of(qmac_min_of(tail->bw)), high = vec_of(qmac_max_of(tail->bw));
	uint32_t r[QMAC_ROWS_MAX][QMAC_LANES_MAX];
	uint64_t seen = 0;

	for (int i = 0; mode == QMAC_ROUND_STOCHASTIC && i < rows; i++)
		dither_row(lanes, state[i], channel[i], r[i]);
	for (int j = 0; j < lanes; j += VEC_LANES) {
		int n = lanes - j;

		for (int i = 0; i < rows; i++, seen += VEC_LANES) {
			vec v = vec_load(x.first + i * x.step + j, n), y_vec;

			if (shift > 0)
				v = round_vec(mode, shift, v, mode == QMAC_ROUND_STOCHASTIC ? vec_widen(&r[i][j]) : v);
			v = vec_max(v, floor);
			if (magnitudes)
				any |= vec_max(v, vec_of(0) - v);
			y_vec = vec_min(vec_max(v, low), high);
			kept -= vec_equal(v, y_vec);
			vec_store(y.first + i * y.step + j, n, y_vec);
		}
	}
	if (magnitudes)
		*magnitudes |= vec_any(any);
	return seen - vec_sum(kept);
}

FAST_INLINE uint64_t finish_mode(const struct qmac_tail *tail, int rows, int lanes, const uint32_t *state,
                                 const uint32_t *channel, struct qmac_sources x, struct qmac_sums y,
                                 uint64_t *magnitudes)
{
	int shift = tail->shift;

	if (shift == 0)
		return finish_rows(QMAC_ROUND_FLOOR, 0, tail, rows, lanes, state, channel, x, y, magnitudes);
	if (tail->rnd == QMAC_ROUND_FLOOR)
		return finish_rows(QMAC_ROUND_FLOOR, shift, tail, rows, lanes, state, channel, x, y, magnitudes);
	if (tail->rnd == QMAC_ROUND_NEAREST)
		return finish_rows(QMAC_ROUND_NEAREST, shift, tail, rows, lanes, state, channel, x, y, magnitudes);
	return finish_rows(QMAC_ROUND_STOCHASTIC, shift, tail, rows, lanes, state, channel, x, y, magnitudes);
}

static uint64_t fast_finish(const struct qmac_tail *tail, int rows, int lanes, const uint32_t *state,
                            const uint32_t *channel, struct qmac_sources x, struct qmac_sums y,
                            uint64_t *magnitudes)
{
	if (magnitudes)
		return finish_mode(tail, rows, lanes, state, channel, x, y, magnitudes);
	return finish_mode(tail, rows, lanes, state, channel, x, y, NULL);
}

/* ---- sums --------------------------------------------------------------------- */

static void fast_add_rows(int rows, int lanes, struct qmac_sources y, int64_t *sum)
{
	for (int j = 0; j < lanes; j += VEC_LANES) {
		int n = lanes - j;
		vec v = vec_load(sum + j, n);

		for (int i = 0; i < rows; i++)
			v += vec_load(y.first + i * y.step + j, n);
		vec_store(sum + j, n, v);
	}
}

/* ---- dot ---------------------------------------------------------------------- */

static int64_t fast_dot(int lanes, const int64_t *a, const int64_t *b)
{
	vec sum = vec_of(0);

	for (int j = 0; j < lanes; j += VEC_LANES)
		sum += vec_mul32(vec_load(a + j, lanes - j), vec_load(b + j, lanes - j));
	return (int64_t)vec_sum(sum);
}

#include "kernel/fast_gemm.h"
#include "kernel/fast_group.h"
#include "kernel/fast_move.h"

const struct qmac_kernel FAST_KERNEL = {
	.name = FAST_NAME,
	.combine = fast_combine,
	.affine = fast_affine,
	.finish = fast_finish,
	.dither_rows = fast_dither_rows,
	.add_rows = fast_add_rows,
	.dot = fast_dot,
	.gemm_ws = fast_gemm_ws,
	.pack = fast_pack,
	.gemm_group = fast_gemm_group,
	.gemm_os = fast_gemm_os,
	.nonzero_rows = fast_nonzero_rows,
	.nonzero_lanes = fast_nonzero_lanes,
	.dot_counts = fast_dot_counts,
	.raise = fast_raise,
	.cut = fast_cut,
	.widen = fast_widen,
	.fit = fast_fit,
};

#endif
