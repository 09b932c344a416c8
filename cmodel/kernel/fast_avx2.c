/* The kernel for AVX2: 4 lanes of 64 bits, 8 of 32, 16 random numbers at a time. */
#include "kernel/variants.h"

#if defined(__x86_64__)
#include <immintrin.h>

typedef uint64_t vec __attribute__((vector_size(32)));

typedef uint32_t slim __attribute__((vector_size(32)));

enum { VEC_LANES = 4, SLIM_LANES = 8 };

/* Read from 4 - n on: all ones for the first n lanes. */
static const int64_t lane_masks[8] = {-1, -1, -1, -1, 0, 0, 0, 0};

static inline __m256i lane_mask(int n)
{
	return _mm256_loadu_si256((const __m256i *)(lane_masks + VEC_LANES - (n > 0 ? n : 0)));
}

/* The same of 8 lanes of 32 bits, n > 0. */
static const int32_t slim_masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

static inline __m256i slim_mask(int n)
{
	return _mm256_loadu_si256((const __m256i *)(slim_masks + SLIM_LANES - (n < SLIM_LANES ? n : SLIM_LANES)));
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

typedef int vec_part;

static inline vec_part vec_part_of(int n, bool two)
{
	(void)two;
	return n;
}

static inline vec vec_fetch(const int64_t *p, const int64_t *q, vec_part part)
{
	(void)q;
	return vec_load(p, part);
}

static inline void vec_store(int64_t *p, int n, vec v)
{
	if (n >= VEC_LANES)
		_mm256_storeu_si256((__m256i *)p, (__m256i)v);
	else
		_mm256_maskstore_epi64((long long *)p, lane_mask(n), (__m256i)v);
}

static inline void vec_put(int64_t *p, int64_t *q, vec_part part, bool second, vec v)
{
	(void)q;
	(void)second;
	vec_store(p, part, v);
}

static inline vec vec_kept(const uint64_t *p, vec_part part)
{
	return vec_load((const int64_t *)p, part);
}

static inline void vec_keep(uint64_t *p, vec v)
{
	_mm256_storeu_si256((__m256i *)p, (__m256i)v);
}

static inline vec vec_operands(const int16_t *p, const int16_t *q)
{
	(void)q;
	return (vec)_mm256_cvtepi16_epi64(_mm_loadl_epi64((const __m128i *)p));
}

static inline void vec_put_operands(int16_t *p, int16_t *q, vec_part part, bool second, vec v)
{
	(void)q;
	(void)second;
	for (int i = 0; i < VEC_LANES && i < part; i++)
		p[i] = (int16_t)v[i];
}

static inline vec vec_widen(const uint32_t *p)
{
	return (vec)_mm256_cvtepu32_epi64(_mm_loadu_si128((const __m128i *)p));
}

static inline vec vec_widen_halves(const uint16_t *p)
{
	return (vec)_mm256_cvtepu16_epi64(_mm_loadl_epi64((const __m128i *)p));
}

static inline vec vec_gather(const uint32_t *p, vec v)
{
	return (vec)_mm256_cvtepu32_epi64(_mm256_i64gather_epi32((const int *)p, (__m256i)v, 4));
}

static inline vec vec_equal(vec a, vec b)
{
	return (vec)_mm256_cmpeq_epi64((__m256i)a, (__m256i)b);
}

static inline vec vec_above(vec a, vec b)
{
	return (vec)_mm256_cmpgt_epi64((__m256i)a, (__m256i)b);
}

static inline vec vec_tally(vec count, vec a, vec b)
{
	return count + vec_equal(a, b) + vec_of(1);
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

static inline void vec_add_to(int64_t *p, vec v)
{
	vec_store(p, VEC_LANES, vec_load(p, VEC_LANES) + v);
}

static inline void vec_add(int64_t *p, int64_t *q, vec v)
{
	(void)q;
	vec_add_to(p, v);
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
	return (word)((slim)sum + (slim)_mm256_madd_epi16((__m256i)a, (__m256i)b));
}

enum { QUADS = 0 };

static inline word word_add_quads(word sum, word a, word b)
{
	/* Bytes 0 and 2 of each lane, then 1 and 3, as pairs. */
	__m256i low = _mm256_and_si256((__m256i)a, _mm256_set1_epi16(0xFF));
	__m256i low_b = _mm256_srai_epi16(_mm256_slli_epi16((__m256i)b, 8), 8);

	sum = word_add_pairs(sum, (word)low, (word)low_b);
	return word_add_pairs(sum, (word)_mm256_srli_epi16((__m256i)a, 8),
	                      (word)_mm256_srai_epi16((__m256i)b, 8));
}

static inline vec word_part(word v, int part)
{
	return (vec)_mm256_cvtepi32_epi64(part ? _mm256_extracti128_si256((__m256i)v, 1)
	                                       : _mm256_castsi256_si128((__m256i)v));
}

static inline slim slim_of(int64_t s)
{
	return (slim)_mm256_set1_epi32((int32_t)s);
}

typedef struct {
	int lanes;
	__m256i mask;
} slim_part;

static inline slim_part slim_part_of(int n, bool two)
{
	(void)two;
	return (slim_part){n, slim_mask(n)};
}

static inline slim slim_fetch(const int64_t *p, const int64_t *q, slim_part part)
{
	__m256 low = (__m256)vec_load(p, part.lanes), high = (__m256)vec_load(q, part.lanes - VEC_LANES);

	/* The low half of every lane, those of each 128 bits of both together; then in order. */
	return (slim)_mm256_permute4x64_epi64((__m256i)_mm256_shuffle_ps(low, high, 0x88), 0xD8);
}

static inline void slim_put(int64_t *p, int64_t *q, slim_part part, bool second, slim v)
{
	(void)second;
	vec_store(p, part.lanes, word_part((word)v, 0));
	vec_store(q, part.lanes - VEC_LANES, word_part((word)v, 1));
}

static inline slim slim_kept(const uint32_t *p, slim_part part)
{
	return (slim)_mm256_and_si256(_mm256_loadu_si256((const __m256i *)p), part.mask);
}

static inline void slim_keep(uint32_t *p, slim v)
{
	_mm256_storeu_si256((__m256i *)p, (__m256i)v);
}

static inline slim slim_operands(const int16_t *p, const int16_t *q)
{
	(void)q;
	return (slim)_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)p));
}

static inline void slim_put_operands(int16_t *p, int16_t *q, slim_part part, bool second, slim v)
{
	__m256i packed = _mm256_packs_epi32((__m256i)v, (__m256i)v);

	(void)q;
	(void)second;
	if (part.lanes >= SLIM_LANES)
		_mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
	for (int i = 0; part.lanes < SLIM_LANES && i < part.lanes; i++)
		p[i] = (int16_t)v[i];
}

static inline slim slim_widen(const uint32_t *p)
{
	return (slim)_mm256_loadu_si256((const __m256i *)p);
}

static inline slim slim_widen_halves(const uint16_t *p)
{
	return (slim)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
}

static inline slim slim_gather(const uint32_t *p, slim v)
{
	return (slim)_mm256_i32gather_epi32((const int *)p, (__m256i)v, 4);
}

static inline slim slim_equal(slim a, slim b)
{
	return (slim)_mm256_cmpeq_epi32((__m256i)a, (__m256i)b);
}

static inline slim slim_above(slim a, slim b)
{
	return (slim)_mm256_cmpgt_epi32((__m256i)a, (__m256i)b);
}

static inline slim slim_tally(slim count, slim a, slim b)
{
	return count + slim_equal(a, b) + slim_of(1);
}

static inline slim slim_min(slim a, slim b)
{
	return (slim)_mm256_min_epi32((__m256i)a, (__m256i)b);
}

static inline slim slim_max(slim a, slim b)
{
	return (slim)_mm256_max_epi32((__m256i)a, (__m256i)b);
}

static inline slim slim_right(slim v, int n)
{
	return (slim)_mm256_sra_epi32((__m256i)v, _mm_cvtsi32_si128(n));
}

static inline slim slim_mul32(slim a, slim b)
{
	return a * b;
}

static inline void slim_add(int64_t *p, int64_t *q, slim v)
{
	vec_add_to(p, word_part((word)v, 0));
	vec_add_to(q, word_part((word)v, 1));
}

enum { DITHER_LANES = 16 };

typedef uint16_t dither_word __attribute__((vector_size(32)));

#define DITHER_NUMBERS {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

/* 16 words below 2^16 as halves. */
static inline dither_word dither_narrow(__m256i first, __m256i second)
{
	return (dither_word)_mm256_permute4x64_epi64(_mm256_packus_epi32(first, second), 0xD8);
}

static inline void dither_halves(const uint32_t *x, dither_word *a, dither_word *b)
{
	__m256i first = _mm256_loadu_si256((const __m256i *)x);
	__m256i second = _mm256_loadu_si256((const __m256i *)(x + DITHER_LANES / 2));
	__m256i low = _mm256_set1_epi32(0xFFFF);

	*a = dither_narrow(_mm256_srli_epi32(first, 16), _mm256_srli_epi32(second, 16));
	*b = dither_narrow(_mm256_and_si256(first, low), _mm256_and_si256(second, low));
}

static inline dither_word dither_rows(const uint16_t *p, int pitch)
{
	if (pitch >= DITHER_LANES)
		return (dither_word)_mm256_set1_epi16((int16_t)p[0]);
	return (dither_word)_mm256_set_m128i(_mm_set1_epi16((int16_t)p[1]), _mm_set1_epi16((int16_t)p[0]));
}

/* Half of the lanes, joined in 32 bits. */
static inline __m256i dither_part(__m128i high, __m128i low)
{
	return _mm256_or_si256(_mm256_slli_epi32(_mm256_cvtepu16_epi32(high), 8),
	                       _mm256_srli_epi32(_mm256_cvtepu16_epi32(low), 8));
}

static inline void dither_store(uint32_t *p, dither_word a, dither_word b)
{
	__m256i high = (__m256i)a, low = (__m256i)b;

	_mm256_storeu_si256((__m256i *)p, dither_part(_mm256_castsi256_si128(high), _mm256_castsi256_si128(low)));
	_mm256_storeu_si256((__m256i *)(p + DITHER_LANES / 2), dither_part(_mm256_extracti128_si256(high, 1),
	                                                                   _mm256_extracti128_si256(low, 1)));
}

static inline dither_word dither_turn(dither_word a, int n)
{
	if (n == 8)
		return (dither_word)_mm256_shuffle_epi8((__m256i)a, _mm256_set_epi64x(
			0x0E0F0C0D0A0B0809, 0x0607040502030001, 0x0E0F0C0D0A0B0809, 0x0607040502030001));
	return a << (uint16_t)n | a >> (uint16_t)(16 - n);
}

#include "kernel/avx2_planes.h"

static inline unsigned nonzero_16(const int16_t *p)
{
	__m256i zero = _mm256_cmpeq_epi16(_mm256_loadu_si256((const __m256i *)p), _mm256_setzero_si256());
	__m128i packed = _mm_packs_epi16(_mm256_castsi256_si128(zero), _mm256_extracti128_si256(zero, 1));

	return ~(unsigned)_mm_movemask_epi8(packed) & 0xFFFFU;
}

static inline void put_bytes(uint8_t *to, int n, const int16_t *p)
{
	for (int j = 0; j < n; j++)
		to[j] = (uint8_t)(p[j] ^ 0x80);
}

/* Compilers make vectors of this one. */
static inline uint32_t dot_bytes(uint32_t n, const uint8_t *a, const uint8_t *b)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (uint32_t)a[i] * b[i];
	return sum;
}

static inline void tally_zeros(uint8_t *zeros, uint32_t n, const uint8_t *p)
{
	for (uint32_t i = 0; i < n; i++)
		zeros[i % QMAC_LANES_MAX] = (uint8_t)(zeros[i % QMAC_LANES_MAX] + (p[i] == 0x80));
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

static inline void quad_16(int32_t *to, const uint8_t *row, ptrdiff_t step, int rows, int flip, int mask)
{
	uint32_t kept = ((uint32_t)mask & 0xFF) * 0x01010101U & 0xFFFFFFFFU >> 8 * (4 - rows);
	const __m256i flips = _mm256_set1_epi8((char)flip), bits = _mm256_set1_epi32((int32_t)kept);

	for (int half = 0; half < 2; half++, row += 8) {
		__m128i a = _mm_loadl_epi64((const __m128i *)row);
		__m128i b = _mm_loadl_epi64((const __m128i *)(row + (rows > 1 ? step : 0)));
		__m128i c = _mm_loadl_epi64((const __m128i *)(row + (rows > 2 ? 2 * step : 0)));
		__m128i d = _mm_loadl_epi64((const __m128i *)(row + (rows > 3 ? 3 * step : 0)));
		__m128i low = _mm_unpacklo_epi8(a, b), high = _mm_unpacklo_epi8(c, d);
		__m256i quads = _mm256_set_m128i(_mm_unpackhi_epi16(low, high), _mm_unpacklo_epi16(low, high));

		quads = _mm256_and_si256(_mm256_xor_si256(quads, flips), bits);
		_mm256_storeu_si256((__m256i *)(to + 8 * half), quads);
	}
}

#define FAST_KERNEL qmac_kernel_avx2
#define FAST_NAME "avx2"
#include "kernel/avx2_move.h"
#include "kernel/fast.h"

#endif
