/* The kernel for any CPU: one lane of 64 bits at a time, 4 of 32, 8 random numbers. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernel/kernel.h"

enum { MOVE_LANES = 8 };

#include "kernel/few_bytes.h"

typedef uint64_t vec;

typedef uint32_t slim __attribute__((vector_size(16)));
typedef int32_t signed_slim __attribute__((vector_size(16)));

enum { VEC_LANES = 1, SLIM_LANES = 4 };

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

typedef int vec_part;

static inline vec_part vec_part_of(int n, bool two)
{
	(void)two;
	return n;
}

static inline vec vec_fetch(const int64_t *p, const int64_t *q, vec_part part)
{
	(void)q;
	(void)part;
	return (vec)*p;
}

static inline void vec_put(int64_t *p, int64_t *q, vec_part part, bool second, vec v)
{
	(void)q;
	(void)part;
	(void)second;
	*p = (int64_t)v;
}

static inline vec vec_kept(const uint64_t *p, vec_part part)
{
	(void)part;
	return *p;
}

static inline void vec_keep(uint64_t *p, vec v)
{
	*p = v;
}

static inline vec vec_operands(const int16_t *p, const int16_t *q)
{
	(void)q;
	return (vec)*p;
}

static inline void vec_put_operands(int16_t *p, int16_t *q, vec_part part, bool second, vec v)
{
	(void)q;
	(void)part;
	(void)second;
	*p = (int16_t)v;
}

static inline vec vec_widen(const uint32_t *p)
{
	return *p;
}

static inline vec vec_widen_halves(const uint16_t *p)
{
	return *p;
}

static inline vec vec_gather(const uint32_t *p, vec v)
{
	return p[v];
}

static inline vec vec_equal(vec a, vec b)
{
	return -(vec)(a == b);
}

static inline vec vec_above(vec a, vec b)
{
	return -(vec)((int64_t)a > (int64_t)b);
}

static inline vec vec_tally(vec count, vec a, vec b)
{
	return count + (a != b);
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

static inline void vec_add(int64_t *p, int64_t *q, vec v)
{
	(void)q;
	*p += (int64_t)v;
}

static inline vec vec_from(unsigned container, const uint8_t *p, int n)
{
	uint64_t raw = n > 0 ? few_load(p, 1 << container) : 0;

	switch (container) {
	case QMAC_CONTAINER_BYTE:
		return (vec)(int8_t)raw;
	case QMAC_CONTAINER_HALF:
		return (vec)(int16_t)raw;
	case QMAC_CONTAINER_WORD:
		return (vec)(int32_t)raw;
	default:
		return raw;
	}
}

static inline void vec_to(unsigned container, uint8_t *p, int n, vec v)
{
	(void)n;
	few_store(p, 1 << container, v);
}

static inline slim slim_of(int64_t s)
{
	return (slim){0} + (uint32_t)s;
}

typedef int slim_part;

static inline slim_part slim_part_of(int n, bool two)
{
	(void)two;
	return n;
}

static inline slim slim_fetch(const int64_t *p, const int64_t *q, slim_part part)
{
	slim v = {0};

	(void)q;
	for (int i = 0; i < SLIM_LANES && i < part; i++)
		v[i] = (uint32_t)p[i];
	return v;
}

static inline void slim_put(int64_t *p, int64_t *q, slim_part part, bool second, slim v)
{
	(void)q;
	(void)second;
	for (int i = 0; i < SLIM_LANES && i < part; i++)
		p[i] = (int32_t)v[i];
}

static inline void slim_keep(uint32_t *p, slim v)
{
	memcpy(p, &v, sizeof v);
}

static inline slim slim_widen(const uint32_t *p)
{
	slim v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline slim slim_widen_halves(const uint16_t *p)
{
	return (slim){p[0], p[1], p[2], p[3]};
}

static inline slim slim_kept(const uint32_t *p, slim_part part)
{
	slim v = {0};

	if (part >= SLIM_LANES)
		return slim_widen(p);
	for (int i = 0; i < part; i++)
		v[i] = p[i];
	return v;
}

static inline slim slim_operands(const int16_t *p, const int16_t *q)
{
	slim v = {0};

	(void)q;
	for (int i = 0; i < SLIM_LANES; i++)
		v[i] = (uint32_t)p[i];
	return v;
}

static inline void slim_put_operands(int16_t *p, int16_t *q, slim_part part, bool second, slim v)
{
	(void)q;
	(void)second;
	for (int i = 0; i < SLIM_LANES && i < part; i++)
		p[i] = (int16_t)v[i];
}

static inline slim slim_gather(const uint32_t *p, slim v)
{
	return (slim){p[v[0]], p[v[1]], p[v[2]], p[v[3]]};
}

static inline slim slim_equal(slim a, slim b)
{
	return (slim)(a == b);
}

static inline slim slim_above(slim a, slim b)
{
	return (slim)((signed_slim)a > (signed_slim)b);
}

static inline slim slim_tally(slim count, slim a, slim b)
{
	return count - (slim)(a != b);
}

static inline slim slim_min(slim a, slim b)
{
	slim above = slim_above(a, b);

	return (a & ~above) | (b & above);
}

static inline slim slim_max(slim a, slim b)
{
	slim above = slim_above(a, b);

	return (b & ~above) | (a & above);
}

static inline slim slim_right(slim v, int n)
{
	return (slim)((signed_slim)v >> n);
}

static inline slim slim_mul32(slim a, slim b)
{
	return a * b;
}

static inline void slim_add(int64_t *p, int64_t *q, slim v)
{
	(void)q;
	for (int i = 0; i < SLIM_LANES; i++)
		p[i] += (int32_t)v[i];
}

enum { DITHER_LANES = 8 };

typedef uint16_t dither_word __attribute__((vector_size(16)));

#define DITHER_NUMBERS {0, 1, 2, 3, 4, 5, 6, 7}

static inline void dither_store(uint32_t *p, dither_word a, dither_word b)
{
	for (int i = 0; i < DITHER_LANES; i++)
		p[i] = (uint32_t)a[i] << 8 | b[i] >> 8;
}

static inline void dither_halves(const uint32_t *x, dither_word *a, dither_word *b)
{
	for (int i = 0; i < DITHER_LANES; i++) {
		(*a)[i] = (uint16_t)(x[i] >> 16);
		(*b)[i] = (uint16_t)x[i];
	}
}

/* A row fills a vector, whatever its pitch. */
static inline dither_word dither_rows(const uint16_t *p, int pitch)
{
	(void)pitch;
	return (dither_word){0} + *p;
}

static inline dither_word dither_turn(dither_word a, int n)
{
	return a << (uint16_t)n | a >> (uint16_t)(16 - n);
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

enum { QUADS = 0 };

static inline word word_add_quads(word sum, word a, word b)
{
	for (int shift = 0; shift < 32; shift += 8) {
		word unsigned_a = (word)((bare_word)a >> shift & 0xFF);
		word signed_b = (word)((bare_word)b << (24 - shift)) >> 24;

		sum = (word)((bare_word)sum + (bare_word)(unsigned_a * signed_b));
	}
	return sum;
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
	for (int j = 0; j < 16; j++)
		to[j] = (int32_t)((uint32_t)(low[j] & mask & 0xFFFF) | (uint32_t)(high[j] & mask) << 16);
}

static inline void quad_16(int32_t *to, const uint8_t *row, ptrdiff_t step, int rows, int flip, int mask)
{
	for (int j = 0; j < 16; j++) {
		uint32_t quad = 0;

		for (int i = 0; i < rows; i++)
			quad |= (uint32_t)((row[i * step + j] ^ flip) & mask & 0xFF) << 8 * i;
		to[j] = (int32_t)quad;
	}
}

#define FAST_KERNEL qmac_kernel_portable
#define FAST_NAME "portable"
#include "kernel/fast.h"
