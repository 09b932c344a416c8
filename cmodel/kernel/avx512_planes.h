/*
 * Planes of fast.h for AVX-512 (F, DQ, BW, VL): 512 elements. GFNI transposes bits in one instruction.
 * Included by avx512.h.
 */
#ifndef QMAC_KERNEL_AVX512_PLANES_H
#define QMAC_KERNEL_AVX512_PLANES_H

#include <immintrin.h>

enum { PLANE_BYTES = 64 };

typedef uint64_t plane __attribute__((vector_size(64)));

/* Numbers of as many rows as a plane has, in units of pitch / 8 bytes: cut to a byte, or extended. */
static inline __m512i plane_units(const uint16_t *p, int pitch, int which)
{
	const __m128i shift = _mm_cvtsi32_si128(which ? 8 : 0);
	__m256i first, second;

	switch (pitch) {
	case 8:
		first = _mm512_cvtepi16_epi8(_mm512_srl_epi16(_mm512_loadu_si512(p), shift));
		second = _mm512_cvtepi16_epi8(_mm512_srl_epi16(_mm512_loadu_si512(p + 32), shift));
		return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
	case 16:
		return _mm512_loadu_si512(p);
	case 32:
		return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
	default:
		return _mm512_cvtepu16_epi64(_mm_loadu_si128((const __m128i *)p));
	}
}

/* Copies the wanted byte of each unit all over it; then of each four bytes, goes to each 16 bytes one. */
static inline plane plane_rows(const uint16_t *p, int pitch, int which)
{
	const __m512i fourths = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
	const __m512i words = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	int unit = pitch / 8;
	__m512i from = _mm512_and_si512(fourths, _mm512_set1_epi8((char)-unit));

	from = _mm512_add_epi8(from, _mm512_set1_epi8((char)(unit > 1 ? which : 0)));
	return (plane)_mm512_permutexvar_epi32(words, _mm512_shuffle_epi8(plane_units(p, pitch, which), from));
}

static inline plane plane_bit(plane v, int i)
{
	return (plane)_mm512_movm_epi8(_mm512_test_epi8_mask((__m512i)v, _mm512_set1_epi8((char)(1U << i))));
}

static inline plane plane_xor3(plane a, plane b, plane c)
{
	return (plane)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
}

static inline plane plane_xor_and(plane a, plane b, plane c)
{
	return (plane)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x78);
}

static inline plane plane_low_bytes(plane a, plane b)
{
	return (plane)_mm512_unpacklo_epi8((__m512i)a, (__m512i)b);
}

static inline plane plane_high_bytes(plane a, plane b)
{
	return (plane)_mm512_unpackhi_epi8((__m512i)a, (__m512i)b);
}

static inline plane plane_low_halves(plane a, plane b)
{
	return (plane)_mm512_unpacklo_epi16((__m512i)a, (__m512i)b);
}

static inline plane plane_high_halves(plane a, plane b)
{
	return (plane)_mm512_unpackhi_epi16((__m512i)a, (__m512i)b);
}

static inline plane plane_low_words(plane a, plane b)
{
	return (plane)_mm512_unpacklo_epi32((__m512i)a, (__m512i)b);
}

static inline plane plane_high_words(plane a, plane b)
{
	return (plane)_mm512_unpackhi_epi32((__m512i)a, (__m512i)b);
}

#ifdef __GFNI__
#define PLANE_TRANSPOSED(j) (7 - (j))

/* Byte i is the product of a matrix, whose last row is its first byte, and of 1 << i. */
static inline plane plane_transpose(plane v)
{
	const __m512i ones = _mm512_set1_epi64((long long)0x8040201008040201ULL);

	return (plane)_mm512_gf2p8affine_epi64_epi8(ones, (__m512i)v, 0);
}
#else
#define PLANE_TRANSPOSED(j) (j)
#define plane_transpose plane_transpose_by_swaps
#endif

static inline void plane_put_halves(uint16_t *p, plane v, int n)
{
	_mm512_storeu_si512(p, _mm512_srl_epi16((__m512i)v, _mm_cvtsi32_si128(n)));
}

static inline void plane_put_bytes(uint8_t *p, plane v)
{
	_mm512_storeu_si512(p, _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), (__m512i)v));
}

#endif
