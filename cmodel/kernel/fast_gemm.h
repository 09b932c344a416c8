/*
 * GEMM of the fast kernel, once, for every instruction set; part of fast.h. Needs
 * besides what stands there:
 *
 *   word           WORD_LANES signed 32-bit lanes, with the operator +
 *   word_of(s)     s in every lane
 *   word_load(p)   a whole word from anywhere
 *   word_add_pairs(s,a,b)  per lane: s plus the product of the low 16-bit halves plus that of the high
 *                  halves, signed
 *   word_add_quads(s,a,b)  the same of four products of bytes, of a unsigned, of b signed; modulo 2^32, which
 *                  is right where the end fits, whatever is added to bytes that are kept
 *   TILE_ROWS      rows of the result that are kept in registers
 *   FIRST_APART    1 where it pays to take the first unit, which has nothing to be added to, out of the loop
 *   word_part(v,i) lanes i*VEC_LANES .. as a vec, sign extended
 *   nonzero_16(p)  bit j: p[j] is not 0, for 16 operands
 *   GROUP_WORDS    words of sums that fit the registers beside GROUP_HELD words of weights (fast_group.h)
 *   put_bytes(to,n,p)  to[j] = the low 8 bits of p[j], the highest of them flipped, for n <= 16; reads 16
 *   quad_16(to,p,s,n,f,m)  to[j] = (p[i*s + j] ^ f) & m for i < n <= 4, that of i = 0 lowest, the other
 *                  bytes 0, for 16 lanes
 *   tally_zeros(z,n,p)  z[i % BYTES] += p[i] is 0 as a byte (0x80), of n
 *   dot_bytes(n,a,b)  the sum of a[i] * b[i] of n numbers of at most QMAC_LANES_MAX
 *   QUADS          1 where word_add_quads() is one instruction
 *   pair_16(to,l,h,m)  to[j] = the operands l[j] & m (low half) and h[j] & m, for 16 of each
 *
 * Row i of the result is the sum over units u of left[i][u] * right[u]. A unit is 32 bits of each factor:
 * two consecutive terms of the sums in the narrow case, 16 bits each, added up in 32 bits; one term
 * otherwise, added up in 64. A tile of the result stays in registers meanwhile.
 */
#ifndef QMAC_KERNEL_FAST_GEMM_H
#define QMAC_KERNEL_FAST_GEMM_H

#include <string.h>

enum {
	UNIT_BYTES = sizeof(int32_t),
	BLOCK = QMAC_PACKED_LANES,        /* operands that are packed or counted together */
	TILE_WORDS = BLOCK / WORD_LANES,
	TILE_VECS = 2,                    /* of 64 bits */
	WS_ROWS = 64,                     /* rows of A that are worked on together */
	WORD_PARTS = WORD_LANES / VEC_LANES,
	BYTES = QMAC_LANES_MAX            /* operands as bytes whose zeros are counted together */
};

typedef int16_t block __attribute__((vector_size(2 * BLOCK)));
typedef uint8_t byte_block __attribute__((vector_size(BLOCK)));

/* BLOCK operands, masked; of bytes (struct qmac_bytes) as plain numbers. */
FAST_INLINE void mask_operands(void *to, const void *from, int mask)
{
	block operands;

	memcpy(&operands, from, sizeof operands);
	operands &= (int16_t)mask;
	memcpy(to, &operands, sizeof operands);
}

FAST_INLINE void mask_bytes(void *to, const void *from, int mask)
{
	byte_block operands;

	memcpy(&operands, from, sizeof operands);
	operands = (operands ^ 0x80) & (uint8_t)mask;
	memcpy(to, &operands, sizeof operands);
}

struct factors {
	int units;
	const int16_t *left;         /* first unit of the tile's first row: two operands, at any address */
	ptrdiff_t row_step;          /* from row to row, in operands */
	ptrdiff_t left_step;         /* from unit to unit, in operands */
	const int32_t *right;        /* first unit of lane 0 */
	size_t right_step;           /* from unit to unit */
};

/* a + b modulo 2^32. */
static inline word word_add(word a, word b)
{
	return (word)((slim)a + (slim)b);
}

static inline int32_t unit_load(const void *p)
{
	int32_t unit;

	memcpy(&unit, p, sizeof unit);
	return unit;
}

/* What becomes of a sum; a copy, because a store to ACC could change what lies in memory. */
struct sink {
	bool accumulate;
	int shift;
};

/* acc[0 .. min(n, VEC_LANES)) (+)= sum << shift */
FAST_INLINE void add_sum(struct sink sink, int64_t *acc, int n, vec sum)
{
	if (sink.shift)
		sum = sum << (uint64_t)sink.shift;
	if (n > 0)
		vec_store(acc, n, sink.accumulate ? vec_load(acc, n) + sum : sum);
}

/* An array is kept in registers only where every loop over it is unrolled. */
#define KEEP_IN_REGISTERS _Pragma("GCC unroll 8")

/* Row of ACC (+)= BLOCK sums, the first n of them. */
FAST_INLINE void add_narrow_sums(struct sink sink, const int32_t *sums, int n, int64_t *acc)
{
	KEEP_IN_REGISTERS
	for (int q = 0; q < TILE_WORDS; q++) {
		word v = word_load(sums + q * WORD_LANES);

		KEEP_IN_REGISTERS
		for (int part = 0; part < WORD_PARTS; part++) {
			int lane = q * WORD_LANES + part * VEC_LANES;

			add_sum(sink, acc + lane, n - lane, word_part(v, part));
		}
	}
}

/* sum[i][q] += left[i][0] * right[q], of `rows` rows. */
FAST_INLINE void add_unit(int rows, const int16_t *const *left, ptrdiff_t at, const int32_t *right,
                          word (*sum)[TILE_WORDS])
{
	for (int i = 0; i < rows; i++)
		for (int q = 0; q < TILE_WORDS; q++)
			sum[i][q] = word_add_pairs(sum[i][q], word_of(unit_load(left[i] + at)),
			                           word_load(right + q * WORD_LANES));
}

/* `rows` rows and the first n of BLOCK lanes; constants where this is called from, but a partial n. */
FAST_INLINE void narrow_tile(struct sink sink, const struct factors *f, int rows, int n, int j,
                             struct qmac_sums acc)
{
	const int32_t *right = f->right + j;
	const int16_t *left[TILE_ROWS];
	word sum[TILE_ROWS][TILE_WORDS];
	int32_t sums[TILE_ROWS][BLOCK];

	for (int i = 0; i < rows; i++) {
		left[i] = f->left + i * f->row_step;
		for (int q = 0; q < TILE_WORDS; q++)
			sum[i][q] = word_of(0);
	}
	if (FIRST_APART)
		add_unit(rows, left, 0, right, sum);
	for (int u = FIRST_APART; u < f->units; u++)
		add_unit(rows, left, u * f->left_step, right + (size_t)u * f->right_step, sum);
	memcpy(sums, sum, (size_t)rows * sizeof sums[0]);
	acc.first += j;
	for (int i = 0; i < rows; i++, acc.first += acc.step)
		add_narrow_sums(sink, sums[i], n, acc.first);
}

FAST_INLINE void wide_tile(struct sink sink, const struct factors *f, int rows, int n, int j,
                           struct qmac_sums acc)
{
	vec sum[TILE_ROWS][TILE_VECS];

	for (int i = 0; i < rows; i++)
		for (int q = 0; q < TILE_VECS; q++)
			sum[i][q] = vec_of(0);
	for (int u = 0; u < f->units; u++) {
		const int16_t *left = f->left + u * f->left_step;
		const int32_t *right = f->right + (size_t)u * f->right_step + j;

		for (int i = 0; i < rows; i++)
			for (int q = 0; q < TILE_VECS; q++)
				sum[i][q] += vec_mul32(vec_of(unit_load(left + i * f->row_step)),
				                       vec_widen((const uint32_t *)right + q * VEC_LANES));
	}
	KEEP_IN_REGISTERS
	for (int i = 0; i < rows; i++)
		KEEP_IN_REGISTERS
		for (int q = 0; q < TILE_VECS; q++)
			add_sum(sink, acc.first + i * acc.step + j + q * VEC_LANES, n - q * VEC_LANES,
			        sum[i][q]);
}

/* The first n of BLOCK (narrow) or WIDE_LANES lanes from j on, of all rows. */
FAST_INLINE void add_lanes(bool narrow, struct sink sink, struct factors f, int rows, int n, int j,
                           struct qmac_sums acc)
{
	for (; rows >= TILE_ROWS; rows -= TILE_ROWS) {
		if (narrow)
			narrow_tile(sink, &f, TILE_ROWS, n, j, acc);
		else
			wide_tile(sink, &f, TILE_ROWS, n, j, acc);
		f.left += TILE_ROWS * f.row_step;
		acc.first += TILE_ROWS * acc.step;
	}
	for (; rows; rows--, f.left += f.row_step, acc.first += acc.step) {
		if (narrow)
			narrow_tile(sink, &f, 1, n, j, acc);
		else
			wide_tile(sink, &f, 1, n, j, acc);
	}
}

FAST_INLINE void add_products(const struct qmac_gemm *g, const struct factors *f, int rows,
                              struct qmac_sums acc)
{
	enum { WIDE_LANES = TILE_VECS * VEC_LANES };
	const struct sink sink = {g->accumulate, g->shift};

	for (int j = 0; !g->narrow && j < g->n; j += WIDE_LANES)
		add_lanes(false, sink, *f, rows, g->n - j, j, acc);
	for (int j = 0; g->narrow && j < g->n; j += BLOCK) {
		if (g->n - j < BLOCK)
			add_lanes(true, sink, *f, rows, g->n - j, j, acc);
		else if (sink.accumulate && sink.shift == 0)
			add_lanes(true, (struct sink){true, 0}, *f, rows, BLOCK, j, acc);
		else
			add_lanes(true, sink, *f, rows, BLOCK, j, acc);
	}
}

/* ---- packing ------------------------------------------------------------------ */

/* Narrow units over consecutive rows, lane beside lane. A last row without partner is paired with zeros. */
FAST_INLINE int pack_pairs(int rows, int lanes, int mask, struct qmac_operands row, int32_t *to)
{
	static const int16_t zeros[QMAC_LANES_MAX];
	size_t step = qmac_packed_lanes(lanes);
	const int16_t *low = row.first;
	int units = (rows + 1) / 2;

	for (int u = 0; u < units; u++, to += step, low += 2 * row.step) {
		const int16_t *high = 2 * u + 1 == rows ? zeros : low + row.step;

		for (size_t j = 0; j < step; j += BLOCK)
			pair_16(to + j, low + j, high + j, mask);
	}
	return units;
}

/* Units over consecutive rows, lane beside lane; returns their number. */
static int pack(bool narrow, int rows, int lanes, int mask, struct qmac_operands row, int32_t *to)
{
	size_t step = qmac_packed_lanes(lanes);

	if (narrow)
		return pack_pairs(rows, lanes, mask, row, to);
	for (int u = 0; u < rows; u++, to += step, row.first += row.step)
		for (size_t j = 0; j < step; j++)
			to[j] = row.first[j] & mask;
	return rows;
}

/* Units over consecutive lanes of one row, masked and, where sums are wide, widened. */
FAST_INLINE void copy_units(const struct qmac_gemm *g, const int16_t *row, int32_t *copy)
{
	size_t lanes = qmac_packed_lanes(g->k);

	if (!g->narrow) {
		for (size_t j = 0; j < lanes; j++)
			copy[j] = row[j] & g->a_mask;
		return;
	}
	for (size_t j = 0; j < lanes; j += BLOCK)
		mask_operands((int16_t *)copy + j, row + j, g->a_mask);
}

/* ---- weight stationary ---------------------------------------------------------- */

static void fast_gemm_ws(const struct qmac_gemm *g, struct qmac_operands a, struct qmac_operands w,
                         struct qmac_sums acc)
{
	int32_t weights[QMAC_LANES_MAX * QMAC_LANES_MAX], copies[WS_ROWS][QMAC_LANES_MAX];
	bool as_kept = g->narrow && g->a_mask == -1; /* then two neighbours are a unit already */
	struct factors f = {
		.units = pack(g->narrow, g->k, g->n, g->w_mask, w, weights),
		.left = (const int16_t *)copies,
		.row_step = as_kept ? a.step : 2 * QMAC_LANES_MAX,
		.left_step = 2,
		.right = weights,
		.right_step = qmac_packed_lanes(g->n),
	};

	for (int i = 0; i < g->slots; i += WS_ROWS) {
		int rows = g->slots - i < WS_ROWS ? g->slots - i : WS_ROWS;

		for (int t = 0; !as_kept && t < rows; t++)
			copy_units(g, a.first + t * a.step, copies[t]);
		if (as_kept)
			f.left = a.first;
		add_products(g, &f, rows, acc);
		a.first += WS_ROWS * a.step;
		acc.first += WS_ROWS * acc.step;
	}
}

/* ---- operands that are not zero -------------------------------------------------- */

/* lanes, or that they are a multiple of BLOCK, and whether there are bytes are known where this is called. */
FAST_INLINE void note_rows(int rows, int step, int lanes, bool even, const int16_t *row, uint8_t *bytes,
                           uint8_t *count)
{
	ptrdiff_t next = (ptrdiff_t)step * lanes;

	for (int i = 0; i < rows; i++, row += next, count += step) {
		int nonzero = 0;

		for (int j = 0; j < lanes; j += BLOCK) {
			int used = even || lanes - j >= BLOCK ? BLOCK : lanes - j;

			nonzero += __builtin_popcount(nonzero_16(row + j) & ((1U << used) - 1));
			if (bytes)
				put_bytes(bytes + j, used, row + j);
		}
		*count = (uint8_t)nonzero;
		if (bytes)
			bytes += next;
	}
}

static void fast_note(int rows, int step, int lanes, const int16_t *row, uint8_t *bytes, uint8_t *count)
{
	if (lanes == BLOCK && bytes)
		note_rows(rows, step, BLOCK, true, row, bytes, count);
	else if (lanes % BLOCK == 0)
		note_rows(rows, step, lanes, true, row, bytes, count);
	else
		note_rows(rows, step, lanes, false, row, bytes, count);
}

static void fast_nonzero_rows(int rows, int lanes, struct qmac_operands row, uint32_t *count)
{
	memset(count, 0, (size_t)rows * sizeof *count);
	for (int j = 0; j < lanes; j += BLOCK) {
		unsigned used = lanes - j < BLOCK ? (1U << (lanes - j)) - 1 : 0xFFFFU;
		const int16_t *operands = row.first + j;

		for (int i = 0; i < rows; i++, operands += row.step)
			count[i] += (uint32_t)__builtin_popcount(nonzero_16(operands) & used);
	}
}

/* count[r] += rows whose lane r is not 0, of QMAC_WS_SLOTS_MAX rows at most. */
static void nonzero_of_run(int rows, int lanes, struct qmac_operands row, uint32_t *count)
{
	for (int j = 0; j < lanes; j += BLOCK) {
		const int16_t *first = row.first + j;
		uint16_t zeros[BLOCK];
		block sum = {0};

		_Pragma("GCC unroll 4")
		for (int i = 0; i < rows; i++, first += row.step) {
			block operands;

			memcpy(&operands, first, sizeof operands);
			sum -= operands == 0;
		}
		memcpy(zeros, &sum, sizeof zeros);
		for (int r = 0; r < BLOCK && j + r < lanes; r++)
			count[j + r] += (uint32_t)rows - zeros[r];
	}
}

/* Zeros that were counted in every place of BYTES: the lane of a place repeats with the rows. */
static void take_zeros(uint8_t *zeros, int period, int lanes, uint32_t *count)
{
	for (int row = 0; row < BYTES; row += period)
		for (int r = 0; r < lanes; r++)
			count[r] -= zeros[row + r];
	memset(zeros, 0, BYTES);
}

/*
 * Bytes of rows that repeat after `period` bytes, of which there is a whole number in BYTES; what lies
 * between the rows is counted, too, and left out in the end.
 */
static void nonzero_bytes(const struct qmac_nest *n, int row_lanes, int lanes, int period,
                          const uint8_t *bytes, uint32_t *count)
{
	const uint32_t most = UINT8_MAX * BYTES;
	uint8_t zeros[BYTES] = {0};
	uint32_t room = UINT8_MAX, rows = n->count[0] * n->count[1] * n->count[2];

	for (int r = 0; r < lanes; r++)
		count[r] = rows;
	for (uint32_t i2 = 0; i2 < n->count[2]; i2++)
		for (uint32_t i1 = 0; i1 < n->count[1]; i1++) {
			const uint8_t *run = bytes + (size_t)(i2 * n->a[2] + i1 * n->a[1]) * (size_t)row_lanes;
			uint32_t left = n->count[0] * (uint32_t)period;

			for (uint32_t some; left; left -= some, run += some) {
				some = left < most ? left : most;
				if ((some + BYTES - 1) / BYTES > room) {
					take_zeros(zeros, period, lanes, count);
					room = UINT8_MAX;
				}
				room -= (some + BYTES - 1) / BYTES;
				tally_zeros(zeros, some, run);
			}
		}
	take_zeros(zeros, period, lanes, count);
}

static void fast_nonzero_lanes(const struct qmac_nest *n, int row_lanes, int lanes, const int16_t *row,
                               const uint8_t *bytes, uint32_t *count)
{
	ptrdiff_t step = (ptrdiff_t)n->a[0] * row_lanes;

	if (bytes && step && BYTES % step == 0) {
		nonzero_bytes(n, row_lanes, lanes, (int)step, bytes, count);
		return;
	}
	memset(count, 0, (size_t)lanes * sizeof *count);
	for (uint32_t i2 = 0; i2 < n->count[2]; i2++)
		for (uint32_t i1 = 0; i1 < n->count[1]; i1++)
			for (uint32_t i0 = 0; i0 < n->count[0]; i0 += QMAC_WS_SLOTS_MAX) {
				uint32_t left = n->count[0] - i0, first = i2 * n->a[2] + i1 * n->a[1] + i0 * n->a[0];
				int rows = left < QMAC_WS_SLOTS_MAX ? (int)left : QMAC_WS_SLOTS_MAX;
				struct qmac_operands run = {row + (size_t)first * (size_t)row_lanes, step};

				nonzero_of_run(rows, lanes, run, count);
			}
}

static uint32_t fast_dot_counts(const struct qmac_nest *nest, const uint8_t *a, const uint8_t *b)
{
	uint32_t sum = 0;

	for (uint32_t i2 = 0; i2 < nest->count[2]; i2++)
		for (uint32_t i1 = 0; i1 < nest->count[1]; i1++) {
			const uint8_t *a0 = a + i2 * nest->a[2] + i1 * nest->a[1];
			const uint8_t *b0 = b + i2 * nest->other[2] + i1 * nest->other[1];

			if (nest->a[0] == 1 && nest->other[0] == 1) {
				sum += dot_bytes(nest->count[0], a0, b0);
				continue;
			}
			for (uint32_t i0 = 0; i0 < nest->count[0]; i0++)
				sum += (uint32_t)a0[i0 * nest->a[0]] * b0[i0 * nest->other[0]];
		}
	return sum;
}

/* ---- limits ---------------------------------------------------------------------- */

static bool fast_raise(int count, int64_t *limit, int64_t bound, int64_t highest)
{
	vec most = vec_of(highest - bound), above = vec_of(0);

	for (int i = 0; i < count; i += VEC_LANES)
		above |= vec_above(vec_load(limit + i, count - i), most);
	if (vec_sum(above))
		return false;
	for (int i = 0; i < count; i += VEC_LANES)
		vec_store(limit + i, count - i, vec_load(limit + i, count - i) + vec_of(bound));
	return true;
}

#endif
