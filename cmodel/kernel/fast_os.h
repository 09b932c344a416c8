/*
 * Output-stationary GEMM of the fast kernel (gemm_os.h); part of fast.h, behind fast_group.h.
 *
 * The rows of some iterations are packed, those of A as those of W: a unit of A, in every lane, times one of
 * W adds up the terms of two or four iterations. A tile of the result stays in registers while all units go
 * by; sums wait for the next iterations in 32 bits as long as they fit, and then go to ACC.
 */
#ifndef QMAC_KERNEL_FAST_OS_H
#define QMAC_KERNEL_FAST_OS_H

enum { OS_UNITS = QMAC_OS_SLOTS / 2 }; /* that are packed at a time */

/* Sums that wait: of `slots` iterations. */
struct os_sums {
	uint32_t slots;
	bool accumulate;      /* ACC has sums already that these are added to */
	int32_t lanes[QMAC_LANES_MAX][QMAC_LANES_MAX];
};

/* ---- packing ------------------------------------------------------------------ */

/* The rows of A or of W. */
struct os_factor {
	const int16_t *operands;
	const uint8_t *bytes;
	const uint32_t *steps;        /* rows, in each loop */
	int row_lanes;
	int lanes, mask;              /* that are used */
	bool as_kept;                 /* bytes are not changed */
	size_t unit_step;             /* words from unit to unit */
};

/* Of a unit. */
static inline int rows_in(enum qmac_packing packing)
{
	return packing == QMAC_SINGLES ? 1 : is_quads(packing) ? 4 : 2;
}

/* One unit of all lanes, of `rows` rows from operand `at` on; those that are missing are 0. */
FAST_INLINE void pack_unit(enum qmac_packing packing, const struct os_factor *f, ptrdiff_t at, ptrdiff_t step,
                           int rows, int32_t *to)
{
	static const int16_t zeros[BLOCK];
	const int flip = f->as_kept ? 0 : 0x80, mask = f->as_kept ? UINT8_MAX : f->mask;
	int32_t pairs[BLOCK];

	for (int j = 0; j < f->lanes; j += BLOCK, at += BLOCK, to += BLOCK) {
		const int16_t *low = f->operands + at, *high = rows == 2 ? low + step : zeros;

		if (packing == QMAC_SINGLES)
			for (int i = 0; i < BLOCK; i++)
				to[i] = low[i] & f->mask;
		else if (is_quads(packing))
			quad_16(to, f->bytes + at, step, rows, flip, mask);
		else if (packing == QMAC_PAIRS)
			pair_16(to, low, high, f->mask);
		else {
			pair_16(pairs, low, high, f->mask);
			split_units(pairs, to, to + f->unit_step / 2, f->mask);
		}
	}
}

/* `count` iterations of the innermost loop from `at` on; returns the units. */
FAST_INLINE int pack_run(enum qmac_packing packing, const struct os_factor *f, const uint32_t at[3],
                         int count, int32_t *to)
{
	const int each = rows_in(packing);
	ptrdiff_t step = (ptrdiff_t)f->steps[0] * f->row_lanes;
	uint32_t first = at[2] * f->steps[2] + at[1] * f->steps[1] + at[0] * f->steps[0];
	ptrdiff_t row = (ptrdiff_t)first * f->row_lanes;
	int i = 0;

	for (; i + each <= count; i += each, row += each * step, to += f->unit_step)
		pack_unit(packing, f, row, step, each, to);
	if (i < count)
		pack_unit(packing, f, row, step, count - i, to);
	return (count + each - 1) / each;
}

/* ---- products ----------------------------------------------------------------- */

/* What has been packed of some iterations. */
struct os_units {
	int units;
	size_t left_step, right_step;  /* words from unit to unit */
	int32_t start[QMAC_LANES_MAX]; /* of the sums, for quads */
	int32_t left[OS_UNITS * QMAC_LANES_MAX], right[2 * OS_UNITS * QMAC_LANES_MAX];
};

/* Packs the next iterations from `at` on, which moves behind them. */
FAST_INLINE void pack_some(enum qmac_packing packing, const struct qmac_nest *n, const struct os_factor *a,
                           const struct os_factor *w, uint32_t at[3], struct os_units *s)
{
	const int each = rows_in(packing);

	s->units = 0;
	while (s->units < OS_UNITS && at[2] < n->count[2]) {
		int room = each * (OS_UNITS - s->units), left = (int)(n->count[0] - at[0]);
		int count = left < room ? left : room;
		size_t first = (size_t)s->units;

		pack_run(packing == QMAC_SPLIT_PAIRS ? QMAC_PAIRS : packing, a, at, count,
		         s->left + first * a->unit_step);
		s->units += pack_run(packing, w, at, count, s->right + first * w->unit_step);
		at[0] += (uint32_t)count;
		for (int d = 0; d < 2 && at[d] == n->count[d]; d++) {
			at[d] = 0;
			at[d + 1]++;
		}
	}
	s->left_step = a->unit_step;
	s->right_step = w->unit_step;
}

/* Minus what A gives whose operands are 0, which bytes as they are kept have 128 for. */
FAST_INLINE void find_os_start(enum qmac_packing packing, int n, bool as_kept, struct os_units *s)
{
	for (int j = 0; j < n; j += WORD_LANES) {
		word sum = (word)-(slim)zeros_sum(packing, as_kept ? s->units : 0, s->right + j, s->right_step);

		memcpy(s->start + j, &sum, sizeof sum);
	}
}

/* Lanes j .. j + BLOCK of `rows` rows from r on, `used` of them; sums wait, or are added to ACC. */
FAST_INLINE void os_tile(const struct qmac_gemm_os *g, enum qmac_packing packing, int rows, int r, int used,
                         int j, const struct os_units *s, struct os_sums *waiting, bool flush)
{
	const int parts = parts_of(packing), words = parts * TILE_WORDS;
	const struct sink sink = {waiting->accumulate, g->shift};
	const int32_t *left = s->left + r, *right = s->right + j;
	int64_t *acc = g->acc + r * g->acc_step + j;
	word sum[POINTS][2 * TILE_WORDS];
	int32_t sums[POINTS][2 * BLOCK];

	GROUP_UNROLL
	for (int i = 0; i < rows; i++)
		GROUP_UNROLL
		for (int t = 0; t < words; t++) {
			sum[i][t] = is_quads(packing) ? word_load(s->start + j + t * WORD_LANES) : word_of(0);
			if (parts == 1 && waiting->slots)
				sum[i][t] = word_add(sum[i][t], word_load(&waiting->lanes[r + i][j + t * WORD_LANES]));
		}
	for (int u = 0; u < s->units; u++, left += s->left_step, right += s->right_step) {
		word unit[2 * TILE_WORDS];

		GROUP_UNROLL
		for (int t = 0; t < words; t++)
			unit[t] = word_load(right + t % TILE_WORDS * WORD_LANES +
			                    (size_t)(t / TILE_WORDS) * s->right_step / 2);
		GROUP_UNROLL
		for (int i = 0; i < rows; i++)
			GROUP_UNROLL
			for (int t = 0; t < words; t++)
				sum[i][t] = add_terms(packing, sum[i][t], word_of(left[i]), unit[t]);
	}
	if (!flush) {
		GROUP_UNROLL
		for (int i = 0; i < rows; i++)
			memcpy(&waiting->lanes[r + i][j], sum[i], BLOCK * sizeof sums[0][0]);
		return;
	}
	GROUP_UNROLL
	for (int i = 0; i < rows; i++)
		memcpy(sums[i], sum[i], (size_t)parts * BLOCK * sizeof sums[0][0]);
	for (int i = 0; i < used; i++, acc += g->acc_step)
		add_parts(sink, parts, sums[i], g->n - j, acc);
}

/* All rows and lanes of what has been packed. */
FAST_INLINE void os_tiles(const struct qmac_gemm_os *g, enum qmac_packing packing, const struct os_units *s,
                          struct os_sums *waiting, bool flush)
{
	const int most = GROUP_WORDS / TILE_WORDS / parts_of(packing), few = most > 4 ? most / 4 : 1;

	for (int j = 0; j < g->n; j += BLOCK) {
		int r = 0;

		for (; g->k - r > most - few; r += most)
			os_tile(g, packing, most, r, g->k - r < most ? g->k - r : most, j, s, waiting, flush);
		for (; r < g->k; r += few)
			os_tile(g, packing, few, r, g->k - r < few ? g->k - r : few, j, s, waiting, flush);
	}
}

/* Sums of 64 bits, straight to ACC. */
static void os_singles(const struct qmac_gemm_os *g, const struct os_units *s, bool accumulate)
{
	const struct factors f = {
		.units = s->units, .left = (const int16_t *)s->left, .row_step = 2,
		.left_step = 2 * (ptrdiff_t)s->left_step, .right = s->right, .right_step = s->right_step,
	};
	const struct qmac_gemm part = {.n = g->n, .shift = g->shift, .accumulate = accumulate};

	add_products(&part, &f, g->k, (struct qmac_sums){g->acc, g->acc_step});
}

FAST_INLINE void os_products(const struct qmac_gemm_os *g, enum qmac_packing packing)
{
	const uint32_t slots = (uint32_t)rows_in(packing) * OS_UNITS; /* at a time */
	const struct os_factor a = {
		g->a, g->a_bytes, g->nest->a, g->a_lanes, g->k, g->a_mask, bytes_as_kept(packing, g->a_mask),
		qmac_packed_lanes(g->k),
	};
	const struct os_factor w = {
		g->w, g->w_bytes, g->nest->other, g->w_lanes, g->n, g->w_mask, false,
		(size_t)parts_of(packing) * qmac_packed_lanes(g->n),
	};
	struct os_units s;
	struct os_sums waiting;
	uint32_t at[3] = {0};

	waiting.slots = 0;
	waiting.accumulate = g->accumulate;
	while (at[2] < g->nest->count[2]) {
		bool flush;

		pack_some(packing, g->nest, &a, &w, at, &s);
		flush = at[2] == g->nest->count[2] || parts_of(packing) == 2 || packing == QMAC_SINGLES ||
		        waiting.slots + 2 * slots > g->together;
		if (is_quads(packing))
			find_os_start(packing, g->n, a.as_kept, &s);
		if (packing == QMAC_SINGLES)
			os_singles(g, &s, waiting.accumulate);
		else
			os_tiles(g, packing, &s, &waiting, flush);
		waiting.slots = flush ? 0 : waiting.slots + slots;
		waiting.accumulate |= flush;
	}
}

static void fast_gemm_os(const struct qmac_gemm_os *g)
{
	switch (g->packing) {
	case QMAC_SINGLES:
		os_products(g, QMAC_SINGLES);
		break;
	case QMAC_PAIRS:
		os_products(g, QMAC_PAIRS);
		break;
	case QMAC_SPLIT_PAIRS:
		os_products(g, QMAC_SPLIT_PAIRS);
		break;
	case QMAC_QUADS:
		os_products(g, QMAC_QUADS);
		break;
	case QMAC_UNSIGNED_QUADS:
		os_products(g, QMAC_UNSIGNED_QUADS);
		break;
	}
}

#endif
