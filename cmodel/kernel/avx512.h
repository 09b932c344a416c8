/*
 * Vector primitives of fast.h for AVX-512 (F, DQ, BW, VL): 8 lanes of 64 bits, 16 of 32, 32 random
 * numbers at a time. Included by one file for each kernel that has these instructions.
 */
#ifndef QMAC_KERNEL_AVX512_H
#define QMAC_KERNEL_AVX512_H

#include <immintrin.h>

typedef uint64_t vec __attribute__((vector_size(64)));

typedef uint32_t slim __attribute__((vector_size(64)));

enum { VEC_LANES = 8, SLIM_LANES = 16 };

static inline __mmask8 vec_mask(int n)
{
	return (__mmask8)(n >= VEC_LANES ? 0xFFU : n > 0 ? (1U << n) - 1 : 0);
}

static inline vec vec_of(int64_t s)
{
	return (vec)_mm512_set1_epi64(s);
}

static inline vec vec_load(const int64_t *p, int n)
{
	return (vec)_mm512_maskz_loadu_epi64(vec_mask(n), p);
}

typedef __mmask8 vec_part;

static inline vec_part vec_part_of(int n, bool two)
{
	(void)two;
	return vec_mask(n);
}

static inline vec vec_fetch(const int64_t *p, const int64_t *q, vec_part part)
{
	(void)q;
	return (vec)_mm512_maskz_loadu_epi64(part, p);
}

static inline vec vec_kept(const uint64_t *p, vec_part part)
{
	return (vec)_mm512_maskz_loadu_epi64(part, p);
}

static inline void vec_keep(uint64_t *p, vec v)
{
	_mm512_storeu_si512(p, (__m512i)v);
}

static inline void vec_store(int64_t *p, int n, vec v)
{
	_mm512_mask_storeu_epi64(p, vec_mask(n), (__m512i)v);
}

static inline void vec_put(int64_t *p, int64_t *q, vec_part part, bool second, vec v)
{
	(void)q;
	(void)second;
	_mm512_mask_storeu_epi64(p, part, (__m512i)v);
}

static inline vec vec_operands(const int16_t *p, const int16_t *q)
{
	(void)q;
	return (vec)_mm512_cvtepi16_epi64(_mm_loadu_si128((const __m128i *)p));
}

static inline void vec_put_operands(int16_t *p, int16_t *q, vec_part part, bool second, vec v)
{
	(void)q;
	(void)second;
	_mm_mask_storeu_epi16(p, part, _mm512_cvtepi64_epi16((__m512i)v));
}

static inline vec vec_widen_halves(const uint16_t *p)
{
	return (vec)_mm512_cvtepu16_epi64(_mm_loadu_si128((const __m128i *)p));
}

static inline vec vec_widen(const uint32_t *p)
{
	return (vec)_mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)p));
}

static inline vec vec_gather(const uint32_t *p, vec v)
{
	return (vec)_mm512_cvtepu32_epi64(_mm512_i64gather_epi32((__m512i)v, p, 4));
}

static inline vec vec_equal(vec a, vec b)
{
	return (vec)_mm512_movm_epi64(_mm512_cmpeq_epi64_mask((__m512i)a, (__m512i)b));
}

static inline vec vec_above(vec a, vec b)
{
	return (vec)_mm512_movm_epi64(_mm512_cmpgt_epi64_mask((__m512i)a, (__m512i)b));
}

static inline vec vec_tally(vec count, vec a, vec b)
{
	return (vec)_mm512_mask_add_epi64((__m512i)count, _mm512_cmpneq_epi64_mask((__m512i)a, (__m512i)b),
	                                  (__m512i)count, _mm512_set1_epi64(1));
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

static inline void vec_add_to(int64_t *p, vec v)
{
	_mm512_storeu_si512(p, _mm512_add_epi64(_mm512_loadu_si512(p), (__m512i)v));
}

static inline void vec_add(int64_t *p, int64_t *q, vec v)
{
	(void)q;
	vec_add_to(p, v);
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
	return (word)((slim)sum + (slim)_mm512_madd_epi16((__m512i)a, (__m512i)b));
#endif
}

#ifdef __AVX512VNNI__
enum { QUADS = 1 };
#else
enum { QUADS = 0 };
#endif

static inline word word_add_quads(word sum, word a, word b)
{
#ifdef __AVX512VNNI__
	return (word)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#else
	/* Bytes 0 and 2 of each lane, then 1 and 3, as pairs. */
	__m512i low = _mm512_and_si512((__m512i)a, _mm512_set1_epi16(0xFF));
	__m512i low_b = _mm512_srai_epi16(_mm512_slli_epi16((__m512i)b, 8), 8);

	sum = word_add_pairs(sum, (word)low, (word)low_b);
	return word_add_pairs(sum, (word)_mm512_srli_epi16((__m512i)a, 8),
	                      (word)_mm512_srai_epi16((__m512i)b, 8));
#endif
}

static inline vec word_part(word v, int part)
{
	return (vec)_mm512_cvtepi32_epi64(part ? _mm512_extracti64x4_epi64((__m512i)v, 1)
	                                       : _mm512_castsi512_si256((__m512i)v));
}

#include "kernel/avx512_move.h"

typedef struct {
	__mmask16 all;
	__mmask8 half[2];
} slim_part;

static inline slim_part slim_part_of(int n, bool two)
{
	__mmask8 first = vec_mask(n), second = vec_mask(two ? n : n - VEC_LANES);

	return (slim_part){(__mmask16)(first | second << VEC_LANES), {first, second}};
}

static inline slim slim_of(int64_t s)
{
	return (slim)_mm512_set1_epi32((int32_t)s);
}

static inline slim slim_kept(const uint32_t *p, slim_part part)
{
	return (slim)_mm512_maskz_loadu_epi32(part.all, p);
}

static inline void slim_keep(uint32_t *p, slim v)
{
	_mm512_storeu_si512(p, (__m512i)v);
}

static inline slim slim_fetch(const int64_t *p, const int64_t *q, slim_part part)
{
	const __m512i low = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);

	return (slim)_mm512_permutex2var_epi32(_mm512_maskz_loadu_epi64(part.half[0], p), low,
	                                       _mm512_maskz_loadu_epi64(part.half[1], q));
}

/* Half 0 or 1 of the lanes, sign extended. */
static inline vec slim_half(slim v, int half)
{
	return word_part((word)v, half);
}

static inline void slim_put(int64_t *p, int64_t *q, slim_part part, bool second, slim v)
{
	_mm512_mask_storeu_epi64(p, part.half[0], (__m512i)slim_half(v, 0));
	if (second)
		_mm512_mask_storeu_epi64(q, part.half[1], (__m512i)slim_half(v, 1));
}

static inline slim slim_operands(const int16_t *p, const int16_t *q)
{
	__m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p)),
	                                       _mm_loadu_si128((const __m128i *)q), 1);

	return (slim)_mm512_cvtepi16_epi32(both);
}

static inline void slim_put_operands(int16_t *p, int16_t *q, slim_part part, bool second, slim v)
{
	__m256i both = _mm512_cvtepi32_epi16((__m512i)v);

	_mm_mask_storeu_epi16(p, part.half[0], _mm256_castsi256_si128(both));
	if (second)
		_mm_mask_storeu_epi16(q, part.half[1], _mm256_extracti128_si256(both, 1));
}

static inline slim slim_widen(const uint32_t *p)
{
	return (slim)_mm512_loadu_si512(p);
}

static inline slim slim_widen_halves(const uint16_t *p)
{
	return (slim)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
}

static inline slim slim_gather(const uint32_t *p, slim v)
{
	return (slim)_mm512_i32gather_epi32((__m512i)v, p, 4);
}

static inline slim slim_equal(slim a, slim b)
{
	return (slim)_mm512_movm_epi32(_mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b));
}

static inline slim slim_above(slim a, slim b)
{
	return (slim)_mm512_movm_epi32(_mm512_cmpgt_epi32_mask((__m512i)a, (__m512i)b));
}

static inline slim slim_tally(slim count, slim a, slim b)
{
	return (slim)_mm512_mask_add_epi32((__m512i)count, _mm512_cmpneq_epi32_mask((__m512i)a, (__m512i)b),
	                                   (__m512i)count, _mm512_set1_epi32(1));
}

static inline slim slim_min(slim a, slim b)
{
	return (slim)_mm512_min_epi32((__m512i)a, (__m512i)b);
}

static inline slim slim_max(slim a, slim b)
{
	return (slim)_mm512_max_epi32((__m512i)a, (__m512i)b);
}

static inline slim slim_right(slim v, int n)
{
	return (slim)_mm512_sra_epi32((__m512i)v, _mm_cvtsi32_si128(n));
}

static inline slim slim_mul32(slim a, slim b)
{
	return a * b;
}

static inline void slim_add(int64_t *p, int64_t *q, slim v)
{
	vec_add_to(p, slim_half(v, 0));
	vec_add_to(q, slim_half(v, 1));
}

enum { DITHER_LANES = 32 };

typedef uint16_t dither_word __attribute__((vector_size(64)));

#define DITHER_NUMBERS {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}

static inline dither_word dither_join(__m256i first, __m256i second)
{
	return (dither_word)_mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}

static inline void dither_halves(const uint32_t *x, dither_word *a, dither_word *b)
{
	__m512i first = _mm512_loadu_si512(x), second = _mm512_loadu_si512(x + DITHER_LANES / 2);

	*a = dither_join(_mm512_cvtepi32_epi16(_mm512_srli_epi32(first, 16)),
	                 _mm512_cvtepi32_epi16(_mm512_srli_epi32(second, 16)));
	*b = dither_join(_mm512_cvtepi32_epi16(first), _mm512_cvtepi32_epi16(second));
}

static inline dither_word dither_rows(const uint16_t *p, int pitch)
{
	if (pitch >= DITHER_LANES)
		return (dither_word)_mm512_set1_epi16((int16_t)p[0]);
	if (pitch == DITHER_LANES / 2)
		return dither_join(_mm256_set1_epi16((int16_t)p[0]), _mm256_set1_epi16((int16_t)p[1]));
	return dither_join(_mm256_set_m128i(_mm_set1_epi16((int16_t)p[1]), _mm_set1_epi16((int16_t)p[0])),
	                   _mm256_set_m128i(_mm_set1_epi16((int16_t)p[3]), _mm_set1_epi16((int16_t)p[2])));
}

/* Half of the lanes, joined in 32 bits. */
static inline __m512i dither_part(__m256i high, __m256i low)
{
	return _mm512_or_si512(_mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 8),
	                       _mm512_srli_epi32(_mm512_cvtepu16_epi32(low), 8));
}

static inline void dither_store(uint32_t *p, dither_word a, dither_word b)
{
	__m512i high = (__m512i)a, low = (__m512i)b;

	_mm512_storeu_si512(p, dither_part(_mm512_castsi512_si256(high), _mm512_castsi512_si256(low)));
	_mm512_storeu_si512(p + DITHER_LANES / 2, dither_part(_mm512_extracti64x4_epi64(high, 1),
	                                                      _mm512_extracti64x4_epi64(low, 1)));
}

static inline dither_word dither_turn(dither_word a, int n)
{
	if (n == 8)
		return (dither_word)_mm512_shuffle_epi8((__m512i)a, _mm512_set_epi64(
			0x0E0F0C0D0A0B0809, 0x0607040502030001, 0x0E0F0C0D0A0B0809, 0x0607040502030001,
			0x0E0F0C0D0A0B0809, 0x0607040502030001, 0x0E0F0C0D0A0B0809, 0x0607040502030001));
#ifdef __AVX512VBMI2__
	return (dither_word)(n == 1 ? _mm512_shldi_epi16((__m512i)a, (__m512i)a, 1)
	                            : _mm512_shldi_epi16((__m512i)a, (__m512i)a, 2));
#else
	return a << (uint16_t)n | a >> (uint16_t)(16 - n);
#endif
}

#include "kernel/avx512_planes.h"

static inline unsigned nonzero_16(const int16_t *p)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)p);

	return _mm256_test_epi16_mask(v, v);
}

static inline void put_bytes(uint8_t *to, int n, const int16_t *p)
{
	__m128i bytes = _mm256_cvtepi16_epi8(_mm256_loadu_si256((const __m256i *)p));

	bytes = _mm_xor_si128(bytes, _mm_set1_epi8((char)0x80));
	if (n >= 16)
		_mm_storeu_si128((__m128i *)to, bytes);
	else
		_mm_mask_storeu_epi8(to, (__mmask16)((1U << n) - 1), bytes);
}

static inline uint32_t dot_bytes(uint32_t n, const uint8_t *a, const uint8_t *b)
{
	word sum = word_of(0);

	for (uint32_t i = 0; i < n; i += 64) {
		__mmask64 some = n - i >= 64 ? ~0ULL : (1ULL << (n - i)) - 1;

		sum = word_add_quads(sum, (word)_mm512_maskz_loadu_epi8(some, a + i),
		                     (word)_mm512_maskz_loadu_epi8(some, b + i));
	}
	return (uint32_t)_mm512_reduce_add_epi32((__m512i)sum);
}

static inline void tally_zeros(uint8_t *zeros, uint32_t n, const uint8_t *p)
{
	__m512i sum = _mm512_loadu_si512(zeros), zero = _mm512_set1_epi8((char)0x80), one = _mm512_set1_epi8(1);

	for (; n >= 64; n -= 64, p += 64)
		sum = _mm512_mask_add_epi8(sum, _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p), zero), sum, one);
	if (n) {
		__m512i rest = _mm512_maskz_loadu_epi8((1ULL << n) - 1, p);

		sum = _mm512_mask_add_epi8(sum, _mm512_cmpeq_epi8_mask(rest, zero), sum, one);
	}
	_mm512_storeu_si512(zeros, sum);
}

static inline void pair_16(int32_t *to, const int16_t *low, const int16_t *high, int mask)
{
	typedef uint16_t halves __attribute__((vector_size(64)));
	const halves order = {
		0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
		8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31,
	};
	__m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)low)),
	                                  _mm256_loadu_si256((const __m256i *)high), 1);

	both = _mm512_and_si512(both, _mm512_set1_epi16((int16_t)mask));
	_mm512_storeu_si512(to, _mm512_permutexvar_epi16((__m512i)order, both));
}

static inline void quad_16(int32_t *to, const uint8_t *row, ptrdiff_t step, int rows, int flip, int mask)
{
	const __m512i quarters = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13,
	                                                           2, 6, 10, 14, 3, 7, 11, 15));
	uint32_t kept = ((uint32_t)mask & 0xFF) * 0x01010101U & 0xFFFFFFFFU >> 8 * (4 - rows);
	__m512i all;

	if (rows == 4 && step == 16) {
		all = _mm512_loadu_si512(row);
	} else {
		all = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)row));
		all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(row + (rows > 1 ? step : 0))), 1);
		all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(row + (rows > 2 ? 2 * step : 0))), 2);
		all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(row + (rows > 3 ? 3 * step : 0))), 3);
	}
	/* Four lanes of every row together, then the bytes of each lane. */
	all = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(quarters, all), order);
	all = _mm512_xor_si512(all, _mm512_set1_epi8((char)flip));
	_mm512_storeu_si512(to, _mm512_and_si512(all, _mm512_set1_epi32((int32_t)kept)));
}

#endif
