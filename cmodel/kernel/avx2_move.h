/* What fast_move.h asks for, for AVX2, which has no masks of bytes. Included by fast_avx2.c. */
#ifndef QMAC_KERNEL_AVX2_MOVE_H
#define QMAC_KERNEL_AVX2_MOVE_H

enum { MOVE_LANES = 16 };

#include "kernel/few_bytes.h"

/* At most 16 bytes, others 0. */
static inline __m128i bytes_load(const uint8_t *p, int n)
{
	return n >= 16 ? _mm_loadu_si128((const __m128i *)p)
	               : _mm_set_epi64x((int64_t)few_load(p + 8, n - 8), (int64_t)few_load(p, n));
}

static inline vec vec_from(unsigned container, const uint8_t *p, int n)
{
	switch (container) {
	case QMAC_CONTAINER_BYTE:
		return (vec)_mm256_cvtepi8_epi64(_mm_cvtsi64_si128((int64_t)few_load(p, n)));
	case QMAC_CONTAINER_HALF:
		return (vec)_mm256_cvtepi16_epi64(_mm_cvtsi64_si128((int64_t)few_load(p, 2 * n)));
	case QMAC_CONTAINER_WORD:
		return (vec)_mm256_cvtepi32_epi64(bytes_load(p, 4 * n));
	default:
		return vec_load((const int64_t *)(const void *)p, n);
	}
}

/* The low `bytes` bytes of each lane, one after the other from the lowest byte on. */
static inline __m128i vec_low_bytes(vec v, int bytes)
{
	/* Of each half of the vector: where in its lower half of 16 bytes a byte comes from, none: -1. */
	const __m256i of_bytes = _mm256_setr_epi64x(~0xFFFFLL | 0x0800, -1, ~0xFFFF0000LL | 0x08000000, -1);
	const __m256i of_halves = _mm256_setr_epi64x(~0xFFFFFFFFLL | 0x09080100, -1, 0x09080100FFFFFFFF, -1);
	const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0);
	__m256i low;

	if (bytes == 4)
		return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32((__m256i)v, even));
	low = _mm256_shuffle_epi8((__m256i)v, bytes == 1 ? of_bytes : of_halves);
	return _mm_or_si128(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
}

static inline void vec_to(unsigned container, uint8_t *p, int n, vec v)
{
	__m128i low;

	switch (container) {
	case QMAC_CONTAINER_BYTE:
		few_store(p, n, (uint64_t)_mm_cvtsi128_si64(vec_low_bytes(v, 1)));
		return;
	case QMAC_CONTAINER_HALF:
		few_store(p, 2 * n, (uint64_t)_mm_cvtsi128_si64(vec_low_bytes(v, 2)));
		return;
	case QMAC_CONTAINER_WORD:
		low = vec_low_bytes(v, 4);
		few_store(p, 4 * n, (uint64_t)_mm_cvtsi128_si64(low));
		few_store(p + 8, 4 * n - 8, (uint64_t)_mm_extract_epi64(low, 1));
		return;
	default:
		vec_store((int64_t *)(void *)p, n, v);
	}
}

#endif
