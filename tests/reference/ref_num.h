/*
 * The second, slow reading of docs/numerics.md: rounding, widths, limbs, random
 * numbers and formats. It shares no code with cmodel/num/ and works the other way
 * round: powers by doubling, division where the model shifts, addition on paper.
 */
#ifndef REF_NUM_H
#define REF_NUM_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 ref_int;

/* 2^n, 0 <= n <= 126. */
ref_int ref_power(int n);

/* The largest integer not above x / d; d > 0. */
ref_int ref_floor_div(ref_int x, ref_int d);

/* round(x, shift, mode, r); mode is QMAC_ROUND_*, 0 <= shift <= 63, r < 2^24. */
int64_t ref_round(int64_t x, int shift, unsigned mode, uint32_t r);

/* clamp_bits(x), 1 <= bits <= 64; *count grows by one where x changes. */
int64_t ref_clamp(ref_int x, int bits, uint64_t *count);

/* wrap_bits(x): the low bits of x, sign extended, 1 <= bits <= 64. */
int64_t ref_wrap(ref_int x, int bits);

/* The limb (lsb, bits, is_unsigned) of v; 0 <= lsb <= 63, 1 <= bits <= 63. */
int64_t ref_limb(int64_t v, int lsb, int bits, bool is_unsigned);

/* M_rounds(x), 0 <= rounds <= 16, and its inverse. */
uint32_t ref_mix(uint32_t x, int rounds);
uint32_t ref_unmix(uint32_t x, int rounds);

/* The key of one step of a run at one site. */
uint32_t ref_dither_key(uint32_t run_seed, uint32_t step, uint32_t site);

/* The 24-bit random number r of the element (row, channel); channel counts modulo 2^16. */
uint32_t ref_dither(uint32_t key, uint32_t row, uint32_t channel);

/*
 * Its last part: the number of one channel from the state x = M_12(key ^ row), by any number of
 * rounds up to 16 in place of 10: tests must refuse a function that is too weak.
 */
uint32_t ref_dither_channel(uint32_t x, uint32_t channel, int rounds);

/* The code of the finite number x in <bw,fl>; *count grows by one where it is clamped. |fl| <= 1000. */
int32_t ref_format_code(int bw, int fl, unsigned mode, uint32_t r, double x, uint64_t *count);

#endif
