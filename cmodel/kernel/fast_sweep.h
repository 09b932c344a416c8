/*
 * The loops of a VEC in lanes of one width, LANES: fast.h includes this page for each width. Blocks of
 * rows go through two loops with no more than their exact results between them, which the first cache holds.
 * Where two short rows fill a vector, they go through together.
 *
 * Lanes beyond a row are cut away in between and computed from zeros: 0 rounds to 0 under every mode and is
 * never clamped, so they do not disturb the counts.
 */

/* Rows that fill a vector. */
FAST_INLINE int LANES_NAME(together)(const struct block *block)
{
	return block->pitch < LANES_COUNT ? 2 : 1;
}

/* Lanes from j on, as many as `part` has, of a row, or of two rows; those behind may hold anything. */
FAST_INLINE LANES LANES_NAME(source)(const struct qmac_sources *from, const uint32_t *at, int j,
                                     LANES_NAME(part) part, bool two)
{
	ptrdiff_t first = (ptrdiff_t)at[0] + j, second = two ? at[1] : first + LANES_COUNT / 2;

	if (from->words)
		return LANES_NAME(fetch)(from->words + first, from->words + second, part);
	return LANES_NAME(operands)(from->operands + first, from->operands + second) & LANES_NAME(of)(from->mask);
}

/* `cheap`: mult is 1, or factors are short. */
FAST_INLINE LANES LANES_NAME(combine)(const struct qmac_sweep *s, unsigned op, bool cheap, LANES a, LANES b,
                                      const LANES *c)
{
	LANES x;

	switch (op) {
	case QMAC_OP_ADD:
		x = (a << (LANE)s->l0) + b;
		break;
	case QMAC_OP_SUB:
		x = (a << (LANE)s->l0) - b;
		break;
	case QMAC_OP_MIN:
		x = LANES_NAME(min)(a << (LANE)s->l0, b);
		break;
	case QMAC_OP_MAX:
		x = LANES_NAME(max)(a << (LANE)s->l0, b);
		break;
	case QMAC_OP_MUL:
		return cheap ? LANES_NAME(mul32)(a, b) : a * b;
	case QMAC_OP_EQ:
		return LANES_NAME(equal)(a, b) & LANES_NAME(of)(1);
	case QMAC_OP_SELECT:
		return a & LANES_NAME(above)(b, LANES_NAME(of)(0));
	default:
		if (cheap)
			return LANES_NAME(mul32)(a, c[0]) + LANES_NAME(mul32)(b, c[1]) + c[2];
		return a * c[0] + b * c[1] + c[2];
	}
	return cheap ? x : x * LANES_NAME(of)(s->mult);
}

/* *clamped counts. */
FAST_INLINE LANES LANES_NAME(look_up)(const struct qmac_lookup *t, LANES a, LANES *clamped)
{
	enum { BITS = 8 * sizeof(LANE), HALF = 16 };
	LANES low = LANES_NAME(of)(qmac_min_of(t->in_bits)), high = LANES_NAME(of)(qmac_max_of(t->in_bits));
	LANES u = LANES_NAME(min)(LANES_NAME(max)(a, low), high), entry, value, slope;
	LANE fraction = (LANE)t->fraction_bits;

	*clamped = LANES_NAME(tally)(*clamped, a, u);
	u -= low;
	entry = LANES_NAME(gather)(t->table, u >> fraction);
	value = LANES_NAME(right)(entry << (BITS - HALF), BITS - HALF);
	slope = LANES_NAME(right)(entry << (BITS - 2 * HALF), BITS - HALF);
	return (value << fraction) + slope * (u & (((LANE)1 << fraction) - 1));
}

/*
 * A table's results of a block, a row at a time, whose vector may reach into the next one's place: that is
 * then written, too, or lies behind the last.
 */
static void LANES_NAME(map_lookup)(const struct qmac_sweep *s, const struct block *block, LANE *x,
                                   LANES *clamped)
{
	for (int j = 0; j < s->lanes; j += LANES_COUNT) {
		LANES_NAME(part) part = LANES_NAME(part_of)(s->lanes - j, false);

		for (int i = 0; i < block->rows; i++) {
			LANES a = LANES_NAME(source)(&s->a, block->a + i, j, part, false);

			LANES_NAME(keep)(x + i * block->pitch + j, LANES_NAME(look_up)(&s->lookup, a, clamped));
		}
	}
}

/* The exact results of a block; op, cheap and two are constants where this is called. */
FAST_INLINE void LANES_NAME(map)(const struct qmac_sweep *s, unsigned op, bool cheap, bool two,
                                 const struct block *block, LANE *x)
{
	const struct qmac_sources a = s->a, b = s->b;
	bool holds_b = b.step == 0 && b.outer == 0;
	int pitch = block->pitch;

	for (int j = 0; j < s->lanes; j += LANES_COUNT) {
		LANES_NAME(part) part = LANES_NAME(part_of)(s->lanes - j, two);
		LANES held = LANES_NAME(source)(&b, block->b, j, part, two), c[QMAC_COEFFICIENTS];

		for (int k = 0; op == QMAC_OP_AFFINE && k < (int)QMAC_COEFFICIENTS; k++)
			c[k] = LANES_NAME(fetch)(s->c[k] + j, s->c[k] + j + (two ? 0 : LANES_COUNT / 2), part);
		for (int i = 0; i < block->rows; i += 1 + two) {
			LANES left = LANES_NAME(source)(&a, block->a + i, j, part, two);
			LANES right = holds_b ? held : LANES_NAME(source)(&b, block->b + i, j, part, two);

			LANES_NAME(keep)(x + i * pitch + j, LANES_NAME(combine)(s, op, cheap, left, right, c));
		}
	}
}

static void LANES_NAME(map_block)(const struct qmac_sweep *s, const struct block *block, LANE *x,
                                  LANES *clamped)
{
	bool two = LANES_NAME(together)(block) == 2;

#define MAP(op, cheap) \
	if (two && (cheap)) \
		LANES_NAME(map)(s, op, true, true, block, x); \
	else if (two) \
		LANES_NAME(map)(s, op, false, true, block, x); \
	else if (cheap) \
		LANES_NAME(map)(s, op, true, false, block, x); \
	else \
		LANES_NAME(map)(s, op, false, false, block, x); \
	break
	switch (s->op) {
	case QMAC_OP_ADD:
		MAP(QMAC_OP_ADD, s->mult == 1);
	case QMAC_OP_SUB:
		MAP(QMAC_OP_SUB, s->mult == 1);
	case QMAC_OP_MIN:
		MAP(QMAC_OP_MIN, s->mult == 1);
	case QMAC_OP_MAX:
		MAP(QMAC_OP_MAX, s->mult == 1);
	case QMAC_OP_MUL:
		MAP(QMAC_OP_MUL, s->short_factors);
	case QMAC_OP_EQ:
		MAP(QMAC_OP_EQ, true);
	case QMAC_OP_SELECT:
		MAP(QMAC_OP_SELECT, true);
	case QMAC_OP_LOOKUP:
		LANES_NAME(map_lookup)(s, block, x, clamped);
		break;
	default:
		MAP(QMAC_OP_AFFINE, s->short_factors);
	}
#undef MAP
	for (int i = block->rows; two && i % 2; i++) /* what a last single row takes along */
		for (int j = 0; j < block->pitch; j++)
			x[i * block->pitch + j] = 0;
}

/*
 * A number below 2^shift is added, and what is below 2^shift cut off: x + 2^shift fits a lane. With random
 * numbers it is their first bits (what is behind 24 of them is 0, and cannot matter); to nearest it is just
 * under one half, and one half where the quotient is odd.
 */
FAST_INLINE LANES LANES_NAME(round)(enum rounding rounding, int shift, LANES x,
                                    const struct dither_numbers *numbers, int at)
{
	int missing = shift < DITHER_BITS ? DITHER_BITS - shift : 0, behind = shift + missing - DITHER_BITS;
	LANES addend;

	if (rounding == BY_FLOOR)
		return LANES_NAME(right)(x, shift);
	if (rounding == TO_NEAREST)
		addend = ((x >> (LANE)shift) & 1) + (((LANE)1 << (shift - 1)) - 1);
	else if (rounding == BY_TOP)
		addend = LANES_NAME(widen_halves)(numbers->top + at);
	else
		addend = LANES_NAME(widen)(numbers->whole + at) << (LANE)behind >> (LANE)missing;
	return LANES_NAME(right)(x + addend, shift);
}

/* What blocks of a sweep add to, lane by lane. */
struct LANES_NAME(totals) {
	LANES clamped, magnitudes; /* how many were clamped; all that was seen */
	bool measures, sums;       /* are magnitudes wanted, and sums? */
	int64_t sum[QMAC_LANES_MAX];
};

/* The results of a block; rounding and two are constants where this is called. */
FAST_INLINE void LANES_NAME(finish)(const struct qmac_sweep *s, enum rounding rounding, bool two,
                                    const struct block *block, const LANE *x,
                                    const struct dither_numbers *numbers, struct LANES_NAME(totals) *totals)
{
	enum { BITS = 8 * sizeof(LANE) };
	const struct qmac_results to = s->to;
	int pitch = block->pitch, bw = s->tail.bw < BITS ? s->tail.bw : BITS, shift = s->tail.shift;
	int lsb = to.lsb < BITS ? to.lsb : BITS - 1;
	LANES low = LANES_NAME(of)(qmac_min_of(bw)), high = LANES_NAME(of)(qmac_max_of(bw));
	LANES zero = LANES_NAME(of)(0), clamped = totals->clamped, magnitudes = totals->magnitudes;
	bool relu = s->tail.relu, fits = s->fits, measures = totals->measures, sums = totals->sums;

	for (int j = 0; j < s->lanes; j += LANES_COUNT) {
		LANES_NAME(part) part = LANES_NAME(part_of)(s->lanes - j, two);
		LANES total = zero;

		for (int i = 0; i < block->rows; i += 1 + two) {
			const uint32_t *at = block->to + i;
			ptrdiff_t first = (ptrdiff_t)at[0] + j, second = two ? at[1] : first + LANES_COUNT / 2;
			bool both = !two || i + 1 < block->rows;
			LANES v = LANES_NAME(kept)(x + i * pitch + j, part), y;

			if (rounding != NOT_AT_ALL)
				v = LANES_NAME(round)(rounding, shift, v, numbers, i * pitch + j);
			if (relu)
				v = LANES_NAME(max)(v, zero);
			if (measures)
				magnitudes |= LANES_NAME(max)(v, zero - v);
			y = fits ? v : LANES_NAME(min)(LANES_NAME(max)(v, low), high);
			if (!fits)
				clamped = LANES_NAME(tally)(clamped, v, y);
			if (sums)
				total += y;
			if (to.words)
				LANES_NAME(put)(to.words + first, to.words + second, part, both, y);
			else if (to.operands)
				LANES_NAME(put_operands)(to.operands + first, to.operands + second, part, both,
				                         ((LANES_NAME(right)(y, lsb) & to.mask) ^ to.sign) - to.sign);
		}
		if (sums)
			LANES_NAME(add)(totals->sum + j, totals->sum + j + (two ? 0 : LANES_COUNT / 2), total);
	}
	totals->clamped = clamped;
	totals->magnitudes = magnitudes;
}

static void LANES_NAME(finish_block)(const struct qmac_sweep *s, const struct block *block, const LANE *x,
                                     const struct dither_numbers *numbers, struct LANES_NAME(totals) *totals)
{
	bool two = LANES_NAME(together)(block) == 2;

#define FINISH(rounding) \
	if (two) \
		LANES_NAME(finish)(s, rounding, true, block, x, numbers, totals); \
	else \
		LANES_NAME(finish)(s, rounding, false, block, x, numbers, totals); \
	break
	switch (rounding_of(&s->tail)) {
	case NOT_AT_ALL:
		FINISH(NOT_AT_ALL);
	case BY_FLOOR:
		FINISH(BY_FLOOR);
	case TO_NEAREST:
		FINISH(TO_NEAREST);
	case BY_TOP:
		FINISH(BY_TOP);
	default:
		FINISH(BY_WHOLE);
	}
#undef FINISH
}

static uint64_t LANES_NAME(sweep)(const struct qmac_sweep *s, int iterations, struct drawn *drawn,
                                  qmac_int128 *sum, uint64_t *magnitudes)
{
	struct LANES_NAME(totals) totals;
	bool draws = rounding_of(&s->tail) >= BY_TOP;
	_Alignas(64) LANE x[BLOCK_ELEMENTS + LANES_COUNT], lane[LANES_COUNT];
	struct block block;
	uint64_t count = 0;

	totals.clamped = totals.magnitudes = LANES_NAME(of)(0);
	totals.measures = magnitudes != NULL;
	totals.sums = sum != NULL;
	if (sum)
		memset(totals.sum, 0, sizeof totals.sum);
	for (int first = 0; first < iterations; first += block.rows) {
		block_find(s, first, iterations, &block);
		LANES_NAME(map_block)(s, &block, x, &totals.clamped);
		if (draws)
			draw_block(s, iterations, &block, drawn);
		LANES_NAME(finish_block)(s, &block, x, &drawn->numbers, &totals);
	}
	for (int j = 0; sum && j < s->lanes; j++)
		sum[j] += totals.sum[j];
	LANES_NAME(keep)(lane, totals.clamped);
	for (int k = 0; k < LANES_COUNT; k++)
		count += lane[k];
	LANES_NAME(keep)(lane, totals.magnitudes);
	for (int k = 0; magnitudes && k < LANES_COUNT; k++)
		*magnitudes |= lane[k];
	return count;
}
