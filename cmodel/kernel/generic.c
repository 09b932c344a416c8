/* The kernel for any CPU: 64-bit arithmetic, one lane at a time; only the dither is a vector. */
#include <stdint.h>
#include <string.h>

typedef uint64_t vec;

enum { VEC_LANES = 1 };

static inline vec vec_of(int64_t s)
{
	return (vec)s;
}

static inline vec vec_load(const int64_t *p, int n)
{
	(void)n;
	return (vec)*p;
}

static inline void vec_store(int64_t *p, int n, vec v)
{
	(void)n;
	*p = (int64_t)v;
}

static inline vec vec_widen(const uint32_t *p)
{
	return *p;
}

static inline vec vec_equal(vec a, vec b)
{
	return -(vec)(a == b);
}

static inline vec vec_above(vec a, vec b)
{
	return -(vec)((int64_t)a > (int64_t)b);
}

static inline vec vec_min(vec a, vec b)
{
	return (int64_t)a < (int64_t)b ? a : b;
}

static inline vec vec_max(vec a, vec b)
{
	return (int64_t)a > (int64_t)b ? a : b;
}

static inline vec vec_right(vec v, int n)
{
	return (int64_t)v < 0 ? ~(~v >> n) : v >> n;
}

static inline vec vec_mul32(vec a, vec b)
{
	return (vec)((int64_t)(int32_t)(uint32_t)a * (int32_t)(uint32_t)b);
}

static inline uint64_t vec_sum(vec v)
{
	return v;
}

enum { DITHER_LANES = 8, DITHER_BITS = 16 };

typedef uint16_t dither_lane;
typedef dither_lane dither_word __attribute__((vector_size(16)));

static inline void dither_store(uint32_t *p, dither_word a, dither_word b)
{
	for (int i = 0; i < DITHER_LANES; i++)
		p[i] = (uint32_t)a[i] << 8 | b[i] >> 8;
}

enum { WORD_LANES = 4, TILE_ROWS = 4, FIRST_APART = 0, GROUP_WORDS = 8, GROUP_HELD = 4 };

typedef int32_t word __attribute__((vector_size(16)));
typedef uint32_t bare_word __attribute__((vector_size(16)));

static inline word word_load(const int32_t *p)
{
	word v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline word word_of(int32_t s)
{
	return s + (word){0};
}

static inline word word_add_pairs(word sum, word a, word b)
{
	word low_a = (word)((bare_word)a << 16) >> 16, low_b = (word)((bare_word)b << 16) >> 16;

	return sum + low_a * low_b + (a >> 16) * (b >> 16);
}

static inline vec word_part(word v, int part)
{
	return (vec)(int64_t)v[part];
}

static inline unsigned nonzero_16(const int16_t *p)
{
	unsigned mask = 0;

	for (int i = 0; i < 16; i++)
		mask |= (unsigned)(p[i] != 0) << i;
	return mask;
}

static inline void pair_16(int32_t *to, const int16_t *low, const int16_t *high, int mask)
{
	for (int j = 0; j < 16; j++)
		to[j] = (int32_t)((uint32_t)(low[j] & mask & 0xFFFF) | (uint32_t)(high[j] & mask) << 16);
}

#define DITHER_NUMBERS {0, 1, 2, 3, 4, 5, 6, 7}
#define FAST_KERNEL qmac_kernel_portable
#define FAST_NAME "portable"
#include "kernel/fast.h"
