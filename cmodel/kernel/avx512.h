/*
 * Vector primitives of fast.h for AVX-512 (F, DQ, BW, VL): 8 lanes of 64 bits, 16 random
 * numbers at a time. Included by one file for each kernel that has these instructions.
 */
#ifndef QMAC_KERNEL_AVX512_H
#define QMAC_KERNEL_AVX512_H

#include <immintrin.h>

typedef uint64_t vec __attribute__((vector_size(64)));

enum { VEC_LANES = 8 };

static inline __mmask8 lane_mask(int n)
{
	return (__mmask8)(n >= VEC_LANES ? 0xFFU : (1U << n) - 1);
}

static inline vec vec_of(int64_t s)
{
	return (vec)_mm512_set1_epi64(s);
}

static inline vec vec_load(const int64_t *p, int n)
{
	return (vec)_mm512_maskz_loadu_epi64(lane_mask(n), p);
}

static inline void vec_store(int64_t *p, int n, vec v)
{
	_mm512_mask_storeu_epi64(p, lane_mask(n), (__m512i)v);
}

static inline vec vec_widen(const uint32_t *p)
{
	return (vec)_mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)p));
}

static inline vec vec_equal(vec a, vec b)
{
	return (vec)_mm512_movm_epi64(_mm512_cmpeq_epi64_mask((__m512i)a, (__m512i)b));
}

static inline vec vec_above(vec a, vec b)
{
	return (vec)_mm512_movm_epi64(_mm512_cmpgt_epi64_mask((__m512i)a, (__m512i)b));
}

static inline vec vec_min(vec a, vec b)
{
	return (vec)_mm512_min_epi64((__m512i)a, (__m512i)b);
}

static inline vec vec_max(vec a, vec b)
{
	return (vec)_mm512_max_epi64((__m512i)a, (__m512i)b);
}

static inline vec vec_right(vec v, int n)
{
	return (vec)_mm512_sra_epi64((__m512i)v, _mm_cvtsi32_si128(n));
}

static inline vec vec_mul32(vec a, vec b)
{
	return (vec)_mm512_mul_epi32((__m512i)a, (__m512i)b);
}

static inline uint64_t vec_sum(vec v)
{
	return (uint64_t)_mm512_reduce_add_epi64((__m512i)v);
}

enum { DITHER_LANES = 16, DITHER_BITS = 32 };

typedef uint32_t dither_lane;
typedef dither_lane dither_word __attribute__((vector_size(64)));

static inline void dither_store(uint32_t *p, dither_word a, dither_word b)
{
	_mm512_storeu_si512(p, (__m512i)((a & 0xFFFFU) << 8 | (b & 0xFFFFU) >> 8));
}

enum { WORD_LANES = 16, TILE_ROWS = 8, FIRST_APART = 0, GROUP_WORDS = 16, GROUP_HELD = 8 };

typedef int32_t word __attribute__((vector_size(64)));

static inline word word_load(const int32_t *p)
{
	return (word)_mm512_loadu_si512(p);
}

static inline word word_of(int32_t s)
{
	return (word)_mm512_set1_epi32(s);
}

static inline word word_add_pairs(word sum, word a, word b)
{
#ifdef __AVX512VNNI__
	return (word)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#else
	return sum + (word)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#endif
}

static inline vec word_part(word v, int part)
{
	return (vec)_mm512_cvtepi32_epi64(part ? _mm512_extracti64x4_epi64((__m512i)v, 1)
	                                       : _mm512_castsi512_si256((__m512i)v));
}

static inline unsigned nonzero_16(const int16_t *p)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)p);

	return _mm256_test_epi16_mask(v, v);
}

static inline __m512i widen_16(const int16_t *p, int mask)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)p);

	return _mm512_cvtepu16_epi32(_mm256_and_si256(v, _mm256_set1_epi16((int16_t)mask)));
}

static inline void pair_16(int32_t *to, const int16_t *low, const int16_t *high, int mask)
{
	_mm512_storeu_si512(to, _mm512_or_si512(widen_16(low, mask),
	                                        _mm512_slli_epi32(widen_16(high, mask), 16)));
}

#define DITHER_NUMBERS {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

#endif
