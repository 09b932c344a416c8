/*
 * Fixed-point arithmetic of one element, as docs/numerics.md defines it.
 *
 * These inline functions are the only place where the C model shifts negative
 * numbers, wraps, saturates or rounds. All are pure; none fails.
 */
#ifndef QMAC_NUM_FIXED_H
#define QMAC_NUM_FIXED_H

#include <stdbool.h>
#include <stdint.h>

#include "qmac_isa.h"

__extension__ typedef __int128 qmac_int128;

/* floor(x / 2^shift), 0 <= shift <= 63. */
static inline int64_t qmac_shift_right(int64_t x, int shift)
{
	return x < 0 ? ~(~x >> shift) : x >> shift;
}

/* Smallest and largest two's complement number of `bits` bits, 1 <= bits <= 64. */
static inline int64_t qmac_max_of(int bits)
{
	return (int64_t)((1ULL << (bits - 1)) - 1);
}

static inline int64_t qmac_min_of(int bits)
{
	return -1 - qmac_max_of(bits);
}

/* x limited to `bits` bits signed; *count grows by one where that changes x. */
static inline int64_t qmac_clamp(int64_t x, int bits, uint64_t *count)
{
	int64_t low = qmac_min_of(bits), high = qmac_max_of(bits);

	if (x >= low && x <= high)
		return x;
	++*count;
	return x < low ? low : high;
}

static inline int64_t qmac_clamp128(qmac_int128 x, int bits, uint64_t *count)
{
	int64_t low = qmac_min_of(bits), high = qmac_max_of(bits);

	if (x >= low && x <= high)
		return (int64_t)x;
	++*count;
	return x < low ? low : high;
}

/* The low `bits` bits of x, sign or zero extended; 1 <= bits <= 64. */
static inline int64_t qmac_sign_extend(uint64_t x, int bits)
{
	uint64_t sign = 1ULL << (bits - 1);

	x &= UINT64_MAX >> (64 - bits);
	return (int64_t)((x ^ sign) - sign);
}

static inline int64_t qmac_zero_extend(uint64_t x, int bits)
{
	return (int64_t)(x & UINT64_MAX >> (64 - bits));
}

/* Limb (lsb, bits) of v: 0 <= lsb <= 63, 1 <= bits <= 17. */
static inline int64_t qmac_limb(int64_t v, int lsb, int bits, bool is_unsigned)
{
	uint64_t shifted = (uint64_t)qmac_shift_right(v, lsb);

	return is_unsigned ? qmac_zero_extend(shifted, bits) : qmac_sign_extend(shifted, bits);
}

/*
 * x / 2^shift rounded by `mode` (QMAC_ROUND_*); r is the 24-bit random number
 * of stochastic rounding, ignored otherwise. 0 <= shift <= 63.
 */
static inline int64_t qmac_round(int64_t x, int shift, unsigned mode, uint32_t r)
{
	int64_t q = qmac_shift_right(x, shift);
	uint64_t rest = (uint64_t)x - ((uint64_t)q << shift);
	uint64_t half = shift ? 1ULL << (shift - 1) : 0;

	if (shift == 0 || mode == QMAC_ROUND_FLOOR)
		return q;
	if (mode == QMAC_ROUND_NEAREST)
		return q + (rest > half || (rest == half && (q & 1)));
	rest = shift > 24 ? rest >> (shift - 24) : rest << (24 - shift);
	return q + (int64_t)((rest + r) >> 24);
}

#endif
