/* The kernel for AVX2: 4 lanes of 64 bits, 16 random numbers at a time. */
#include "kernel/variants.h"

#if defined(__x86_64__)
#include <immintrin.h>

typedef uint64_t vec __attribute__((vector_size(32)));

enum { VEC_LANES = 4 };

/* Read from 4 - n on: all ones for the first n lanes. */
static const int64_t lane_masks[8] = {-1, -1, -1, -1, 0, 0, 0, 0};

static inline __m256i lane_mask(int n)
{
	return _mm256_loadu_si256((const __m256i *)(lane_masks + VEC_LANES - n));
}

static inline vec vec_of(int64_t s)
{
	return (vec)_mm256_set1_epi64x(s);
}

static inline vec vec_load(const int64_t *p, int n)
{
	if (n >= VEC_LANES)
		return (vec)_mm256_loadu_si256((const __m256i *)p);
	return (vec)_mm256_maskload_epi64((const long long *)p, lane_mask(n));
}

static inline void vec_store(int64_t *p, int n, vec v)
{
	if (n >= VEC_LANES)
		_mm256_storeu_si256((__m256i *)p, (__m256i)v);
	else
		_mm256_maskstore_epi64((long long *)p, lane_mask(n), (__m256i)v);
}

static inline vec vec_widen(const uint32_t *p)
{
	return (vec)_mm256_cvtepu32_epi64(_mm_loadu_si128((const __m128i *)p));
}

static inline vec vec_equal(vec a, vec b)
{
	return (vec)_mm256_cmpeq_epi64((__m256i)a, (__m256i)b);
}

static inline vec vec_above(vec a, vec b)
{
	return (vec)_mm256_cmpgt_epi64((__m256i)a, (__m256i)b);
}

static inline vec vec_min(vec a, vec b)
{
	return (vec)_mm256_blendv_epi8((__m256i)a, (__m256i)b, (__m256i)vec_above(a, b));
}

static inline vec vec_max(vec a, vec b)
{
	return (vec)_mm256_blendv_epi8((__m256i)b, (__m256i)a, (__m256i)vec_above(a, b));
}

/* There is no arithmetic shift of 64 bits: shift x + 2^63 instead, which is not negative. */
static inline vec vec_right(vec v, int n)
{
	vec sign = vec_of(INT64_MIN);

	return ((v ^ sign) >> (uint64_t)n) - (sign >> (uint64_t)n);
}

static inline vec vec_mul32(vec a, vec b)
{
	return (vec)_mm256_mul_epi32((__m256i)a, (__m256i)b);
}

static inline uint64_t vec_sum(vec v)
{
	__m128i half = _mm_add_epi64(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));

	return (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)));
}

enum { DITHER_LANES = 16, DITHER_BITS = 16 };

typedef uint16_t dither_lane;
typedef dither_lane dither_word __attribute__((vector_size(32)));

static inline __m256i dither_join(__m128i a, __m128i b)
{
	return _mm256_or_si256(_mm256_slli_epi32(_mm256_cvtepu16_epi32(a), 8), _mm256_cvtepu16_epi32(b));
}

static inline void dither_store(uint32_t *p, dither_word a, dither_word b)
{
	__m256i high = (__m256i)a, low = (__m256i)(b >> 8);

	_mm256_storeu_si256((__m256i *)p,
	                    dither_join(_mm256_castsi256_si128(high), _mm256_castsi256_si128(low)));
	_mm256_storeu_si256((__m256i *)(p + 8),
	                    dither_join(_mm256_extracti128_si256(high, 1), _mm256_extracti128_si256(low, 1)));
}

enum { WORD_LANES = 8, TILE_ROWS = 4, FIRST_APART = 1, GROUP_WORDS = 8, GROUP_HELD = 2 };

typedef int32_t word __attribute__((vector_size(32)));

static inline word word_load(const int32_t *p)
{
	return (word)_mm256_loadu_si256((const __m256i *)p);
}

static inline word word_of(int32_t s)
{
	return (word)_mm256_set1_epi32(s);
}

static inline word word_add_pairs(word sum, word a, word b)
{
	return sum + (word)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}

static inline vec word_part(word v, int part)
{
	return (vec)_mm256_cvtepi32_epi64(part ? _mm256_extracti128_si256((__m256i)v, 1)
	                                       : _mm256_castsi256_si128((__m256i)v));
}

static inline unsigned nonzero_16(const int16_t *p)
{
	__m256i zero = _mm256_cmpeq_epi16(_mm256_loadu_si256((const __m256i *)p), _mm256_setzero_si256());
	__m128i packed = _mm_packs_epi16(_mm256_castsi256_si128(zero), _mm256_extracti128_si256(zero, 1));

	return ~(unsigned)_mm_movemask_epi8(packed) & 0xFFFFU;
}

static inline void pair_16(int32_t *to, const int16_t *low, const int16_t *high, int mask)
{
	__m256i m = _mm256_set1_epi16((int16_t)mask);
	__m256i l = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)low), m);
	__m256i h = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)high), m);
	__m256i a = _mm256_unpacklo_epi16(l, h), b = _mm256_unpackhi_epi16(l, h); /* of each half */

	_mm256_storeu_si256((__m256i *)to, _mm256_permute2x128_si256(a, b, 0x20));
	_mm256_storeu_si256((__m256i *)(to + 8), _mm256_permute2x128_si256(a, b, 0x31));
}

#define DITHER_NUMBERS {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
#define FAST_KERNEL qmac_kernel_avx2
#define FAST_NAME "avx2"
#include "kernel/fast.h"

#endif
