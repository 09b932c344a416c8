/*
 * Planes of fast.h for AVX2: 256 elements. Included by fast_avx2.c.
 */
#ifndef QMAC_KERNEL_AVX2_PLANES_H
#define QMAC_KERNEL_AVX2_PLANES_H

#include <immintrin.h>

enum { PLANE_BYTES = 32 };

typedef uint64_t plane __attribute__((vector_size(32)));

/* Numbers of as many rows as a plane has, in units of pitch / 8 bytes: cut to a byte, or extended. */
static inline __m256i plane_units(const uint16_t *p, int pitch, int which)
{
	__m256i first = _mm256_loadu_si256((const __m256i *)p), second;
	__m128i few = _mm256_castsi256_si128(first);

	switch (pitch) {
	case 8:
		second = _mm256_loadu_si256((const __m256i *)(p + 16));
		first = which ? _mm256_srli_epi16(first, 8) : _mm256_and_si256(first, _mm256_set1_epi16(0xFF));
		second = which ? _mm256_srli_epi16(second, 8) : _mm256_and_si256(second, _mm256_set1_epi16(0xFF));
		return _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), 0xD8);
	case 16:
		return first;
	case 32:
		return _mm256_cvtepu16_epi32(few);
	default:
		return _mm256_cvtepu16_epi64(few);
	}
}

/* Copies the wanted byte of each unit all over it; then of each two bytes, goes to each 16 bytes one. */
static inline plane plane_rows(const uint16_t *p, int pitch, int which)
{
	const __m256i seconds = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
	int unit = pitch / 8;
	__m256i from = _mm256_and_si256(seconds, _mm256_set1_epi8((char)-unit));

	from = _mm256_add_epi8(from, _mm256_set1_epi8((char)(unit > 1 ? which : 0)));
	return (plane)_mm256_permute4x64_epi64(_mm256_shuffle_epi8(plane_units(p, pitch, which), from), 0xD8);
}

static inline plane plane_bit(plane v, int i)
{
	__m256i bit = _mm256_set1_epi8((char)(1U << i));

	return (plane)_mm256_cmpeq_epi8(_mm256_and_si256((__m256i)v, bit), bit);
}

static inline plane plane_xor3(plane a, plane b, plane c)
{
	return a ^ b ^ c;
}

static inline plane plane_xor_and(plane a, plane b, plane c)
{
	return a ^ (b & c);
}

static inline plane plane_low_bytes(plane a, plane b)
{
	return (plane)_mm256_unpacklo_epi8((__m256i)a, (__m256i)b);
}

static inline plane plane_high_bytes(plane a, plane b)
{
	return (plane)_mm256_unpackhi_epi8((__m256i)a, (__m256i)b);
}

static inline plane plane_low_halves(plane a, plane b)
{
	return (plane)_mm256_unpacklo_epi16((__m256i)a, (__m256i)b);
}

static inline plane plane_high_halves(plane a, plane b)
{
	return (plane)_mm256_unpackhi_epi16((__m256i)a, (__m256i)b);
}

static inline plane plane_low_words(plane a, plane b)
{
	return (plane)_mm256_unpacklo_epi32((__m256i)a, (__m256i)b);
}

static inline plane plane_high_words(plane a, plane b)
{
	return (plane)_mm256_unpackhi_epi32((__m256i)a, (__m256i)b);
}

#define PLANE_TRANSPOSED(j) (j)
#define plane_transpose plane_transpose_by_swaps

static inline void plane_put_halves(uint16_t *p, plane v, int n)
{
	_mm256_storeu_si256((__m256i *)p, _mm256_srl_epi16((__m256i)v, _mm_cvtsi32_si128(n)));
}

static inline void plane_put_bytes(uint8_t *p, plane v)
{
	_mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64((__m256i)v, 0xD8));
}

#endif
