/*
 * GEMM of the fast kernel, once, for every instruction set; part of fast.h. Needs
 * besides what stands there:
 *
 *   word           WORD_LANES signed 32-bit lanes, with the operator +
 *   word_of(s)     s in every lane
 *   word_load(p)   a whole word from anywhere
 *   word_add_pairs(s,a,b)  per lane: s plus the product of the low 16-bit halves plus that of the high
 *                  halves, signed
 *   TILE_ROWS      rows of the result that are kept in registers
 *   word_part(v,i) lanes i*VEC_LANES .. as a vec, sign extended
 *   nonzero_16(p)  bit j: p[j] is not 0, for 16 operands
 *
 * Weight and output stationary are one product of two factors here: row i of the result is
 * the sum over units u of left[i][u] * right[u]. A unit is 32 bits of each factor: two
 * consecutive terms of the sums in the narrow case, 16 bits each, added up in 32 bits; one
 * term otherwise, added up in 64. A tile of the result stays in registers meanwhile.
 */
#ifndef QMAC_KERNEL_FAST_GEMM_H
#define QMAC_KERNEL_FAST_GEMM_H

#include <string.h>

enum {
	BLOCK = 16,                       /* operands that are packed or counted together */
	TILE_WORDS = BLOCK / WORD_LANES,
	TILE_VECS = 2,                    /* of 64 bits */
	WORD_PARTS = WORD_LANES / VEC_LANES
};

typedef int16_t block __attribute__((vector_size(2 * BLOCK)));

struct factors {
	int units;
	const int32_t *left;         /* first unit of the tile's first row */
	ptrdiff_t row_step;          /* from row to row; a constant where this is made, or registers run out */
	size_t left_step;            /* from unit to unit */
	const int32_t *right;        /* first unit of lane 0 */
	size_t right_step;           /* from unit to unit */
};

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

/* `rows` rows and the first n of BLOCK lanes; constants where this is called from, but a partial n. */
FAST_INLINE void narrow_tile(struct sink sink, const struct factors *f, int rows, int n, int j,
                             struct qmac_sums acc)
{
	word sum[TILE_ROWS][TILE_WORDS];

	for (int i = 0; i < rows; i++)
		for (int q = 0; q < TILE_WORDS; q++)
			sum[i][q] = word_of(0);
	for (int u = 0; u < f->units; u++) {
		const int32_t *left = f->left + (size_t)u * f->left_step;
		const int32_t *right = f->right + (size_t)u * f->right_step + j;

		for (int i = 0; i < rows; i++)
			for (int q = 0; q < TILE_WORDS; q++)
				sum[i][q] = word_add_pairs(sum[i][q], word_of(left[i * f->row_step]),
				                           word_load(right + q * WORD_LANES));
	}
	KEEP_IN_REGISTERS
	for (int i = 0; i < rows; i++)
		KEEP_IN_REGISTERS
		for (int q = 0; q < TILE_WORDS; q++)
			KEEP_IN_REGISTERS
			for (int part = 0; part < WORD_PARTS; part++) {
				int lane = q * WORD_LANES + part * VEC_LANES;

				add_sum(sink, acc.first + i * acc.step + j + lane, n - lane, word_part(sum[i][q], part));
			}
}

FAST_INLINE void wide_tile(struct sink sink, const struct factors *f, int rows, int n, int j,
                           struct qmac_sums acc)
{
	vec sum[TILE_ROWS][TILE_VECS];

	for (int i = 0; i < rows; i++)
		for (int q = 0; q < TILE_VECS; q++)
			sum[i][q] = vec_of(0);
	for (int u = 0; u < f->units; u++) {
		const int32_t *left = f->left + (size_t)u * f->left_step;
		const int32_t *right = f->right + (size_t)u * f->right_step + j;

		for (int i = 0; i < rows; i++)
			for (int q = 0; q < TILE_VECS; q++)
				sum[i][q] += vec_mul32(vec_of(left[i * f->row_step]),
				                       vec_widen((const uint32_t *)right + q * VEC_LANES));
	}
	KEEP_IN_REGISTERS
	for (int i = 0; i < rows; i++)
		KEEP_IN_REGISTERS
		for (int q = 0; q < TILE_VECS; q++)
			add_sum(sink, acc.first + i * acc.step + j + q * VEC_LANES, n - q * VEC_LANES,
			        sum[i][q]);
}

/* All lanes of `rows` rows, 1 or TILE_ROWS. */
FAST_INLINE void tiles(const struct qmac_gemm *g, struct sink sink, const struct factors *f, int rows,
                       struct qmac_sums acc)
{
	enum { WIDE_LANES = TILE_VECS * VEC_LANES };

	if (!g->narrow) {
		for (int j = 0; j < g->n; j += WIDE_LANES)
			wide_tile(sink, f, rows, g->n - j, j, acc);
		return;
	}
	for (int j = 0; j < g->n; j += BLOCK) {
		if (g->n - j >= BLOCK)
			narrow_tile(sink, f, rows, BLOCK, j, acc);
		else
			narrow_tile(sink, f, rows, g->n - j, j, acc);
	}
}

FAST_INLINE void add_products(const struct qmac_gemm *g, const struct factors *f, int rows,
                              struct qmac_sums acc)
{
	const struct sink sink = {g->accumulate, g->shift};
	struct factors one = *f;

	if (rows == TILE_ROWS) {
		if (sink.accumulate && sink.shift == 0)
			tiles(g, (struct sink){true, 0}, f, TILE_ROWS, acc);
		else
			tiles(g, sink, f, TILE_ROWS, acc);
		return;
	}
	for (int i = 0; i < rows; i++, one.left += one.row_step, acc.first += acc.step)
		tiles(g, sink, &one, 1, acc);
}

/* ---- packing ------------------------------------------------------------------ */

static size_t packed_step(int lanes)
{
	return (size_t)(lanes + BLOCK - 1) / BLOCK * BLOCK;
}

/*
 * Units over consecutive rows, lane beside lane; returns their number. A last row without
 * partner is paired with zeros.
 */
FAST_INLINE int pack_as(bool narrow, int rows, int lanes, int mask, struct qmac_operands row, int32_t *to)
{
	static const int16_t zeros[QMAC_LANES_MAX];
	size_t step = packed_step(lanes);
	int units = narrow ? (rows + 1) / 2 : rows;

	for (int u = 0; u < units; u++, to += step) {
		const int16_t *low = row.first + (narrow ? 2 * u : u) * row.step;
		const int16_t *high = !narrow || 2 * u + 1 == rows ? zeros : low + row.step;

		for (size_t j0 = 0; j0 < step; j0 += BLOCK)
			for (size_t j = j0; j < j0 + BLOCK; j++)
				to[j] = narrow ? (int32_t)((uint32_t)(low[j] & mask & 0xFFFF) |
				                           (uint32_t)(high[j] & mask) << 16)
				               : low[j] & mask;
	}
	return units;
}

static int pack(bool narrow, int rows, int lanes, int mask, struct qmac_operands row, int32_t *to)
{
	if (narrow)
		return pack_as(true, rows, lanes, mask, row, to);
	return pack_as(false, rows, lanes, mask, row, to);
}

/* Units over consecutive lanes of one row, masked and, where sums are wide, widened. */
FAST_INLINE void copy_units(const struct qmac_gemm *g, const int16_t *row, int32_t *copy)
{
	size_t lanes = packed_step(g->k);

	if (!g->narrow) {
		for (size_t j = 0; j < lanes; j++)
			copy[j] = row[j] & g->a_mask;
		return;
	}
	for (size_t j = 0; j < lanes; j += BLOCK) {
		block operands;

		memcpy(&operands, row + j, sizeof operands);
		operands &= (int16_t)g->a_mask;
		memcpy((int16_t *)copy + j, &operands, sizeof operands);
	}
}

/* ---- weight and output stationary ----------------------------------------------- */

static void fast_gemm_ws(const struct qmac_gemm *g, struct qmac_operands a, struct qmac_operands w,
                         struct qmac_sums acc)
{
	int32_t weights[QMAC_LANES_MAX * QMAC_LANES_MAX], copies[TILE_ROWS][QMAC_LANES_MAX];
	const struct factors f = {
		.units = pack(g->narrow, g->k, g->n, g->w_mask, w, weights),
		.left = copies[0],
		.row_step = QMAC_LANES_MAX,
		.left_step = 1,
		.right = weights,
		.right_step = packed_step(g->n),
	};

	for (int i = 0; i < g->slots; i += TILE_ROWS) {
		int rows = g->slots - i < TILE_ROWS ? g->slots - i : TILE_ROWS;

		for (int t = 0; t < rows; t++)
			copy_units(g, a.first + t * a.step, copies[t]);
		add_products(g, &f, rows, acc);
		a.first += TILE_ROWS * a.step;
		acc.first += TILE_ROWS * acc.step;
	}
}

static void fast_gemm_os(const struct qmac_gemm *g, struct qmac_operands a, struct qmac_operands w,
                         struct qmac_sums acc)
{
	int32_t left[QMAC_OS_SLOTS_MAX * QMAC_LANES_MAX], right[QMAC_OS_SLOTS_MAX * QMAC_LANES_MAX];
	struct factors f = {
		.units = pack(g->narrow, g->slots, g->n, g->w_mask, w, right),
		.left = left,
		.row_step = 1,
		.left_step = packed_step(g->k),
		.right = right,
		.right_step = packed_step(g->n),
	};

	pack(g->narrow, g->slots, g->k, g->a_mask, a, left);
	for (int r = 0; r < g->k; r += TILE_ROWS, acc.first += TILE_ROWS * acc.step) {
		int rows = g->k - r < TILE_ROWS ? g->k - r : TILE_ROWS;

		f.left = left + r;
		add_products(g, &f, rows, acc);
	}
}

/* ---- operands that are not zero -------------------------------------------------- */

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

static void fast_nonzero_lanes(int rows, int lanes, struct qmac_operands row, uint32_t *count)
{
	for (int j = 0; j < lanes; j += BLOCK) {
		uint16_t sums[BLOCK];
		block sum = {0};

		for (int i = 0; i < rows; i++) {
			block operands;

			memcpy(&operands, row.first + i * row.step + j, sizeof operands);
			sum -= operands != 0;
		}
		memcpy(sums, &sum, sizeof sums);
		for (int r = 0; r < BLOCK && j + r < lanes; r++)
			count[j + r] += sums[r];
	}
}

#endif
