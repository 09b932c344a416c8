/*
 * Groups of GEMMs of the fast kernel (gemm_group.h); part of fast.h, behind fast_gemm.h, from where the
 * primitives are.
 *
 * A tile is BLOCK lanes of some points. Its sums stay in registers while all passes go over it; a point at
 * which a pass does nothing reads zeros instead. Some units of the weights are held in registers, too, while
 * the rows of A go by: each operand pair of A then costs one instruction, its product and its sum.
 */
#ifndef QMAC_KERNEL_FAST_GROUP_H
#define QMAC_KERNEL_FAST_GROUP_H

#define GROUP_UNROLL _Pragma("GCC unroll 16")

/* Else compilers keep every address of an unrolled loop for the next turn, and registers spill. */
#define COMPUTE_AGAIN(pointer) __asm__("" : "+r"(pointer))

enum {
	POINTS = QMAC_POINTS_STEP,
	GROUP_TILES = 4            /* tiles that take the weights of BLOCK lanes from the first cache */
};

/* The rows of A of POINTS points, as operands from a on, for the passes that are not everywhere. */
static void find_rows(const struct qmac_gemm_group *s, int from, int32_t (*rows)[POINTS])
{
	const struct qmac_points *points = s->points;
	const int32_t *a = points->a + from, *at0 = points->at[0] + from, *at1 = points->at[1] + from;
	const int32_t *at2 = points->at[2] + from;

	for (int p = 0; p < s->pass_count; p++) {
		const struct qmac_pass *pass = s->passes[p];
		int32_t base = pass->a, zeros = s->zeros, row[POINTS];
		int32_t first0 = pass->first[0], first1 = pass->first[1], first2 = pass->first[2];
		uint32_t count0 = (uint32_t)pass->count[0], count1 = (uint32_t)pass->count[1];
		uint32_t count2 = (uint32_t)pass->count[2];

		if (pass->everywhere)
			continue;
		for (int i = 0; i < POINTS; i++) {
			bool in = ((uint32_t)(at0[i] - first0) < count0) & ((uint32_t)(at1[i] - first1) < count1) &
			          ((uint32_t)(at2[i] - first2) < count2);

			row[i] = in ? a[i] + base : zeros;
		}
		memcpy(rows[p], row, sizeof row);
	}
}

/* Rows of A: each `row` operands from `left` on. */
struct a_rows {
	const uint8_t *left;
	const int32_t *row;
};

static inline bool is_quads(enum qmac_packing packing)
{
	return packing >= QMAC_QUADS;
}

static inline int parts_of(enum qmac_packing packing)
{
	return packing == QMAC_SPLIT_PAIRS ? 2 : 1;
}

/* Of an operand of A. */
static inline int bytes_of(enum qmac_packing packing)
{
	return is_quads(packing) ? 1 : 2;
}

/*
 * May A be read as it is kept? Bytes are operand + 128, unsigned factors for signed weights; and the same
 * bits are, taken for signed, operand - 128 of unsigned operands, for unsigned weights. What that is too much
 * or too little is what a row of zeros gives.
 */
static inline bool bytes_as_kept(enum qmac_packing packing, int a_mask)
{
	return a_mask == (packing == QMAC_QUADS ? -1 : UINT8_MAX);
}

static inline bool as_kept(const struct qmac_gemm_group *s)
{
	return is_quads(s->packing) ? bytes_as_kept(s->packing, s->a_mask) : s->a_mask == -1;
}

/* The rows of A at the points from `from` on. */
static inline struct a_rows rows_of(const struct qmac_gemm_group *s, enum qmac_packing packing, int pass,
                                    int from, int32_t (*rows)[POINTS])
{
	const uint8_t *a = is_quads(packing) ? s->a_bytes : (const uint8_t *)s->a;

	if (s->passes[pass]->everywhere)
		return (struct a_rows){a + s->passes[pass]->a * bytes_of(packing), s->points->a + from};
	return (struct a_rows){a, rows[pass] + from % POINTS};
}

/* Masked copies of them. */
FAST_INLINE struct a_rows copy_rows(enum qmac_packing packing, const struct a_rows *from, int rows, int lanes,
                                    int mask, uint8_t (*copies)[2 * QMAC_LANES_MAX])
{
	static const int32_t row[POINTS] = {
		0, QMAC_LANES_MAX, 2 * QMAC_LANES_MAX, 3 * QMAC_LANES_MAX, 4 * QMAC_LANES_MAX, 5 * QMAC_LANES_MAX,
		6 * QMAC_LANES_MAX, 7 * QMAC_LANES_MAX, 8 * QMAC_LANES_MAX, 9 * QMAC_LANES_MAX, 10 * QMAC_LANES_MAX,
		11 * QMAC_LANES_MAX, 12 * QMAC_LANES_MAX, 13 * QMAC_LANES_MAX, 14 * QMAC_LANES_MAX,
		15 * QMAC_LANES_MAX,
	};
	const int bytes = bytes_of(packing);

	for (int i = 0; i < rows; i++)
		for (int r = 0; r < lanes; r += BLOCK) {
			const uint8_t *operands = from->left + (from->row[i] + r) * bytes;
			uint8_t *to = copies[0] + (row[i] + r) * bytes;

			if (is_quads(packing))
				mask_bytes(to, operands, mask);
			else
				mask_operands(to, operands, mask);
		}
	return (struct a_rows){copies[0], row};
}

/* sum plus the products of the numbers in a unit of A, and in one of the weights, in every lane. */
FAST_INLINE word add_terms(enum qmac_packing packing, word sum, word a, word weights)
{
	if (packing == QMAC_QUADS)
		return word_add_quads(sum, a, weights);
	if (packing == QMAC_UNSIGNED_QUADS)
		return word_add_quads(sum, weights, a);
	return word_add_pairs(sum, a, weights);
}

/*
 * sum[i][t] += left[row[i]] * right[t], of `held` units; t goes over the parts, of TILE_WORDS words each.
 * packing, rows and held are constants where this is called from.
 */
FAST_INLINE void group_units(enum qmac_packing packing, int rows, int held, const struct a_rows *a,
                             const int32_t *right, word (*sum)[2 * TILE_WORDS])
{
	const int words = parts_of(packing) * TILE_WORDS, bytes = bytes_of(packing);
	word weights[GROUP_HELD][2 * TILE_WORDS];

	GROUP_UNROLL
	for (int h = 0; h < held; h++)
		GROUP_UNROLL
		for (int t = 0; t < words; t++)
			weights[h][t] = word_load(right + (h * words + t) * WORD_LANES);
	GROUP_UNROLL
	for (int i = 0; i < rows; i++) {
		const uint8_t *units = a->left + (ptrdiff_t)a->row[i] * bytes;

		COMPUTE_AGAIN(units);
		GROUP_UNROLL
		for (int h = 0; h < held; h++) {
			word unit = word_of(unit_load(units + UNIT_BYTES * h));

			GROUP_UNROLL
			for (int t = 0; t < words; t++)
				sum[i][t] = add_terms(packing, sum[i][t], unit, weights[h][t]);
		}
	}
}

/* All units of a pass. */
FAST_INLINE void group_pass(enum qmac_packing packing, int rows, int units, struct a_rows a,
                            const int32_t *right, word (*sum)[2 * TILE_WORDS])
{
	const int parts = parts_of(packing), most = GROUP_HELD / (parts * TILE_WORDS);
	const int held = most > 1 ? is_quads(packing) ? most / 2 : most : 1;
	int u = 0;

	for (; u + held <= units; u += held, a.left += UNIT_BYTES * held, right += held * parts * BLOCK)
		group_units(packing, rows, held, &a, right, sum);
	for (; u < units; u++, a.left += UNIT_BYTES, right += parts * BLOCK)
		group_units(packing, rows, 1, &a, right, sum);
}

/* What becomes of the sums of one point: BLOCK of each part, the first n of them. */
FAST_INLINE void add_parts(struct sink sink, int parts, const int32_t *sums, int n, int64_t *acc)
{
	KEEP_IN_REGISTERS
	for (int lane = 0; lane < BLOCK; lane += WORD_LANES) {
		word low = word_load(sums + lane), high = parts == 2 ? word_load(sums + BLOCK + lane) : low;

		KEEP_IN_REGISTERS
		for (int part = 0; part < WORD_PARTS; part++) {
			int at = lane + part * VEC_LANES;
			vec sum = word_part(low, part);

			if (parts == 2)
				sum += word_part(high, part) << 8;
			add_sum(sink, acc + at, n - at, sum);
		}
	}
}

/* The sums of points; n and the sink are constants where most calls come from. */
FAST_INLINE void add_points(struct sink sink, int parts, int32_t (*sums)[2 * BLOCK], int n, int points,
                            const int32_t *row, struct qmac_sums acc)
{
	for (int i = 0; i < points; i++)
		add_parts(sink, parts, sums[i], n, acc.first + row[i] * acc.step);
}

/* Lanes j .. j + BLOCK of `rows` points from `from` on, of which `used` are stored. */
FAST_INLINE void group_tile(const struct qmac_gemm_group *s, enum qmac_packing packing, int rows, int from,
                            int used, int j, int32_t (*row)[POINTS], const int32_t *start)
{
	const int parts = parts_of(packing);
	const struct qmac_sums acc = {s->acc + j, s->acc_step};
	const int32_t *to = s->points->acc + from;
	uint8_t copies[POINTS][2 * QMAC_LANES_MAX];
	int32_t sums[POINTS][2 * BLOCK];
	word sum[POINTS][2 * TILE_WORDS];

	GROUP_UNROLL
	for (int i = 0; i < rows; i++)
		GROUP_UNROLL
		for (int t = 0; t < parts * TILE_WORDS; t++)
			sum[i][t] = is_quads(packing) ? word_load(start + j + t * WORD_LANES) : word_of(0);
	for (int p = 0; p < s->pass_count; p++) {
		int units = s->passes[p]->units;
		struct a_rows a = rows_of(s, packing, p, from, row);

		if (!as_kept(s))
			a = copy_rows(packing, &a, rows, UNIT_BYTES / bytes_of(packing) * units, s->a_mask, copies);
		group_pass(packing, rows, units, a, s->passes[p]->weights + (ptrdiff_t)j * units * parts, sum);
	}
	GROUP_UNROLL
	for (int i = 0; i < rows; i++)
		GROUP_UNROLL
		for (int t = 0; t < parts * TILE_WORDS; t++)
			memcpy(&sums[i][t * WORD_LANES], &sum[i][t], sizeof sum[i][t]);
	if (s->n - j >= BLOCK && s->accumulate && s->shift == 0)
		add_points((struct sink){true, 0}, parts, sums, BLOCK, used, to, acc);
	else if (s->n - j >= BLOCK)
		add_points((struct sink){s->accumulate, s->shift}, parts, sums, BLOCK, used, to, acc);
	else
		add_points((struct sink){s->accumulate, s->shift}, parts, sums, s->n - j, used, to, acc);
}

/* What `units` of a row of zeros as bytes give; four sums, none of which waits for the one before. */
FAST_INLINE word zeros_sum(enum qmac_packing packing, int units, const int32_t *right, size_t step)
{
	const word zeros = word_of((int32_t)0x80808080);
	word sum[4] = {word_of(0), word_of(0), word_of(0), word_of(0)};
	int u = 0;

	for (; u + 4 <= units; u += 4)
		GROUP_UNROLL
		for (int i = 0; i < 4; i++, right += step)
			sum[i] = add_terms(packing, sum[i], zeros, word_load(right));
	for (; u < units; u++, right += step)
		sum[0] = add_terms(packing, sum[0], zeros, word_load(right));
	return word_add(word_add(sum[0], sum[1]), word_add(sum[2], sum[3]));
}

/* Minus what rows of zeros give in all lanes: what sums of bytes begin with. */
FAST_INLINE void find_start(const struct qmac_gemm_group *s, enum qmac_packing packing, int32_t *start)
{
	for (int j = 0; j < s->n; j += WORD_LANES) {
		word sum = word_of(0);

		for (int p = 0; p < s->pass_count && as_kept(s); p++) {
			int units = s->passes[p]->units;
			const int32_t *right = s->passes[p]->weights + j / BLOCK * BLOCK * units + j % BLOCK;

			sum = word_add(sum, zeros_sum(packing, units, right, BLOCK));
		}
		sum = (word)-(slim)sum;
		memcpy(start + j, &sum, sizeof sum);
	}
}

FAST_INLINE void group_points(const struct qmac_gemm_group *s, enum qmac_packing packing)
{
	enum { ROWS = GROUP_WORDS / TILE_WORDS, CHUNK = GROUP_TILES * POINTS };
	int32_t row[GROUP_TILES][QMAC_PASSES_MAX][POINTS], start[QMAC_LANES_MAX];
	const int rows = ROWS / parts_of(packing), points = s->points->count;

	if (is_quads(packing))
		find_start(s, packing, start);
	for (int from = 0; from < points; from += CHUNK) {
		int end = points - from < CHUNK ? points : from + CHUNK;

		for (int i = from; i < end; i += POINTS)
			find_rows(s, i, row[i / POINTS % GROUP_TILES]);
		for (int j = 0; j < s->n; j += BLOCK)
			for (int i = from; i < end; i += rows)
				group_tile(s, packing, rows, i, end - i < rows ? end - i : rows, j,
				           row[i / POINTS % GROUP_TILES], start);
	}
}

static void fast_gemm_group(const struct qmac_gemm_group *s)
{
	switch (s->packing) {
	case QMAC_SINGLES:
		break;
	case QMAC_PAIRS:
		group_points(s, QMAC_PAIRS);
		break;
	case QMAC_SPLIT_PAIRS:
		group_points(s, QMAC_SPLIT_PAIRS);
		break;
	case QMAC_QUADS:
		group_points(s, QMAC_QUADS);
		break;
	case QMAC_UNSIGNED_QUADS:
		group_points(s, QMAC_UNSIGNED_QUADS);
		break;
	}
}

/* ---- packing ------------------------------------------------------------------ */

/* The low 8 bits of both halves of packed units, unsigned, and what is above them. */
static void split_units(const int32_t *units, int32_t *low, int32_t *high, int mask)
{
	for (int j = 0; j < BLOCK; j++) {
		uint32_t unit = (uint32_t)units[j];
		int32_t top = mask == -1 ? (int16_t)unit >> 8 : (int32_t)(unit >> 8 & 0xFF);
		int32_t top_high = mask == -1 ? units[j] >> 24 : (int32_t)(unit >> 24);

		low[j] = (int32_t)(unit & 0xFF00FFU);
		high[j] = (int32_t)(((uint32_t)top & 0xFFFF) | (uint32_t)top_high << 16);
	}
}

static int fast_pack(bool split, int rows, int lanes, int mask, struct qmac_operands row, int32_t *to)
{
	int32_t units[BLOCK];

	for (int j = 0; j < lanes; j += BLOCK, row.first += BLOCK) {
		struct qmac_operands pair = row;

		if (!split) {
			to += pack_pairs(rows, BLOCK, mask, row, to) * BLOCK;
			continue;
		}
		for (int r = 0; r < rows; r += 2, pair.first += 2 * row.step, to += 2 * BLOCK) {
			pack_pairs(rows - r < 2 ? 1 : 2, BLOCK, mask, pair, units);
			split_units(units, to, to + BLOCK, mask);
		}
	}
	return (rows + 1) / 2;
}

static int fast_pack_quads(int rows, int lanes, int mask, struct qmac_bytes row, int32_t *to)
{
	int units = (rows + 3) / 4;

	for (int j = 0; j < lanes; j += BLOCK, row.first += BLOCK)
		for (int r = 0; r < rows; r += 4, to += BLOCK)
			quad_16(to, row.first + r * row.step, row.step, rows - r < 4 ? rows - r : 4, 0x80, mask);
	return units;
}

#endif
