/*
 * What fast_move.h asks for, with the masks of AVX-512. Included by avx512.h.
 */
#ifndef QMAC_KERNEL_AVX512_MOVE_H
#define QMAC_KERNEL_AVX512_MOVE_H

enum { MOVE_LANES = 16 };

typedef uint16_t move_halves __attribute__((vector_size(2 * MOVE_LANES)));

static inline __mmask16 move_mask(int n)
{
	return (__mmask16)((1U << n) - 1);
}

static inline move_halves move_load(bool of_halves, const uint8_t *p, int n)
{
	return (move_halves)(of_halves ? _mm256_maskz_loadu_epi16(move_mask(n), p)
	                               : _mm256_cvtepu8_epi16(_mm_maskz_loadu_epi8(move_mask(n), p)));
}

static inline void move_operands(int16_t *p, int n, move_halves v)
{
	if (n == MOVE_LANES)
		_mm256_storeu_si256((__m256i *)p, (__m256i)v);
	else
		_mm256_mask_storeu_epi16(p, move_mask(n), (__m256i)v);
}

static inline vec vec_from(unsigned container, const uint8_t *p, int n)
{
	switch (container) {
	case QMAC_CONTAINER_BYTE:
		return (vec)_mm512_cvtepi8_epi64(_mm_maskz_loadu_epi8(vec_mask(n), p));
	case QMAC_CONTAINER_HALF:
		return (vec)_mm512_cvtepi16_epi64(_mm_maskz_loadu_epi16(vec_mask(n), p));
	case QMAC_CONTAINER_WORD:
		return (vec)_mm512_cvtepi32_epi64(_mm256_maskz_loadu_epi32(vec_mask(n), p));
	default:
		return (vec)_mm512_maskz_loadu_epi64(vec_mask(n), p);
	}
}

static inline void vec_to(unsigned container, uint8_t *p, int n, vec v)
{
	switch (container) {
	case QMAC_CONTAINER_BYTE:
		_mm_mask_storeu_epi8(p, vec_mask(n), _mm512_cvtepi64_epi8((__m512i)v));
		return;
	case QMAC_CONTAINER_HALF:
		_mm_mask_storeu_epi16(p, vec_mask(n), _mm512_cvtepi64_epi16((__m512i)v));
		return;
	case QMAC_CONTAINER_WORD:
		_mm256_mask_storeu_epi32(p, vec_mask(n), _mm512_cvtepi64_epi32((__m512i)v));
		return;
	default:
		_mm512_mask_storeu_epi64(p, vec_mask(n), (__m512i)v);
	}
}

#endif
