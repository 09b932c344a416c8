/*
 * The inner loop of a VEC in lanes of one width, LANES: fast.h includes this page for each width. Blocks of
 * rows go through two loops with no more than their exact results between them, which the first cache holds.
 *
 * Lanes beyond a row are cut away in between and computed from zeros: 0 rounds to 0 under every mode and is
 * never clamped, so they do not disturb the counts.
 */

/* Lanes j .. j + n - 1 of row i of a source; those behind may hold anything. */
FAST_INLINE LANES LANES_NAME(source)(const struct qmac_sources *from, int i, int j, int n)
{
	ptrdiff_t at = i * from->step + j;

	if (from->words)
		return LANES_NAME(load)(from->words + at, n);
	return LANES_NAME(operands)(from->operands + at) & LANES_NAME(of)(from->mask);
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

/* The exact results of rows first .. first + rows - 1; op and cheap are constants where this is called. */
FAST_INLINE void LANES_NAME(map)(const struct qmac_sweep *s, unsigned op, bool cheap, int first, int rows,
                                 LANE *x)
{
	const struct qmac_sources a = s->a, b = s->b;
	int pitch = sweep_pitch(s->lanes);
	LANES c[QMAC_COEFFICIENTS];

	for (int j = 0; j < s->lanes; j += LANES_COUNT) {
		int n = s->lanes - j;

		for (int k = 0; op == QMAC_OP_AFFINE && k < (int)QMAC_COEFFICIENTS; k++)
			c[k] = LANES_NAME(load)(s->c[k] + j, n);
		for (int i = 0; i < rows; i++)
			LANES_NAME(keep)(x + i * pitch + j,
			                  LANES_NAME(combine)(s, op, cheap, LANES_NAME(source)(&a, first + i, j, n),
			                                      LANES_NAME(source)(&b, first + i, j, n), c));
	}
}

static void LANES_NAME(map_block)(const struct qmac_sweep *s, int first, int rows, LANE *x)
{
#define MAP(op, cheap) \
	if (cheap) \
		LANES_NAME(map)(s, op, true, first, rows, x); \
	else \
		LANES_NAME(map)(s, op, false, first, rows, x); \
	return
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
	default:
		MAP(QMAC_OP_AFFINE, s->short_factors);
	}
#undef MAP
}

/*
 * Rounding is q + ((rest + addend) >> shift), where q and rest are quotient and
 * remainder of 2^shift: the addend is the random number moved to the place of rest
 * (its bits below the last of rest cannot matter), or just under one half, and one
 * half where q is odd. rest + addend < 2^(shift+1) fits an unsigned lane.
 */
FAST_INLINE LANES LANES_NAME(round)(unsigned mode, int shift, LANES x, LANES r)
{
	LANES q = LANES_NAME(right)(x, shift), rest, addend;

	if (mode == QMAC_ROUND_FLOOR)
		return q;
	rest = x & (((LANE)1 << shift) - 1);
	if (mode == QMAC_ROUND_NEAREST)
		addend = (q & 1) + (((LANE)1 << (shift - 1)) - 1);
	else if (shift <= 24)
		addend = r >> (LANE)(24 - shift);
	else
		addend = r << (LANE)(shift - 24);
	return q + ((rest + addend) >> (LANE)shift);
}

/* Rows first .. of results; mode, and shift where it is 0, are constants where this is called. */
FAST_INLINE uint64_t LANES_NAME(finish)(const struct qmac_sweep *s, unsigned mode, int shift, int first,
                                        int rows, const LANE *x, const uint32_t *r, int64_t *sum,
                                        uint64_t *magnitudes)
{
	enum { BITS = 8 * sizeof(LANE) };
	const struct qmac_results to = s->to;
	int pitch = sweep_pitch(s->lanes), bw = s->tail.bw < BITS ? s->tail.bw : BITS;
	int lsb = to.lsb < BITS ? to.lsb : BITS - 1;
	LANES low = LANES_NAME(of)(qmac_min_of(bw)), high = LANES_NAME(of)(qmac_max_of(bw));
	LANES zero = LANES_NAME(of)(0), clamped = zero, any = zero;
	bool relu = s->tail.relu, fits = s->fits;
	LANE lane[LANES_COUNT];
	uint64_t count = 0;

	for (int j = 0; j < s->lanes; j += LANES_COUNT) {
		int n = s->lanes - j;
		LANES total = zero;

		for (int i = 0; i < rows; i++) {
			LANES v = LANES_NAME(kept)(x + i * pitch + j, n), random = v, y;

			if (mode == QMAC_ROUND_STOCHASTIC)
				random = LANES_NAME(widen)(r + i * pitch + j);
			if (shift > 0)
				v = LANES_NAME(round)(mode, shift, v, random);
			if (relu)
				v = LANES_NAME(max)(v, zero);
			if (magnitudes)
				any |= LANES_NAME(max)(v, zero - v);
			y = fits ? v : LANES_NAME(min)(LANES_NAME(max)(v, low), high);
			if (!fits)
				clamped = LANES_NAME(tally)(clamped, v, y);
			if (sum)
				total += y;
			if (to.words)
				LANES_NAME(store)(to.words + (first + i) * to.step + j, n, y);
			else if (to.operands)
				LANES_NAME(put_operands)(to.operands + (first + i) * to.step + j, n,
				                         ((LANES_NAME(right)(y, lsb) & to.mask) ^ to.sign) - to.sign);
		}
		if (sum)
			LANES_NAME(add)(sum + j, total);
	}
	LANES_NAME(keep)(lane, clamped);
	for (int k = 0; k < LANES_COUNT; k++)
		count += lane[k];
	LANES_NAME(keep)(lane, any);
	for (int k = 0; magnitudes && k < LANES_COUNT; k++)
		*magnitudes |= lane[k];
	return count;
}

static uint64_t LANES_NAME(finish_block)(const struct qmac_sweep *s, int first, int rows, const LANE *x,
                                         int64_t *sum, uint64_t *magnitudes)
{
	_Alignas(64) uint32_t r[SWEEP_ROWS * QMAC_LANES_MAX];
	int shift = s->tail.shift;

	if (shift == 0)
		return LANES_NAME(finish)(s, QMAC_ROUND_FLOOR, 0, first, rows, x, r, sum, magnitudes);
	if (s->tail.rnd == QMAC_ROUND_FLOOR)
		return LANES_NAME(finish)(s, QMAC_ROUND_FLOOR, shift, first, rows, x, r, sum, magnitudes);
	if (s->tail.rnd == QMAC_ROUND_NEAREST)
		return LANES_NAME(finish)(s, QMAC_ROUND_NEAREST, shift, first, rows, x, r, sum, magnitudes);
	dither_block(&s->draws, first, rows, s->lanes, r);
	return LANES_NAME(finish)(s, QMAC_ROUND_STOCHASTIC, shift, first, rows, x, r, sum, magnitudes);
}

static uint64_t LANES_NAME(sweep)(const struct qmac_sweep *s, int rows, qmac_int128 *sum,
                                  uint64_t *magnitudes)
{
	_Alignas(64) LANE x[SWEEP_ROWS * QMAC_LANES_MAX];
	int64_t total[QMAC_LANES_MAX] = {0};
	uint64_t count = 0;

	for (int first = 0; first < rows; first += SWEEP_ROWS) {
		int block = rows - first < SWEEP_ROWS ? rows - first : SWEEP_ROWS;

		LANES_NAME(map_block)(s, first, block, x);
		count += LANES_NAME(finish_block)(s, first, block, x, sum ? total : NULL, magnitudes);
	}
	for (int j = 0; sum && j < s->lanes; j++)
		sum[j] += total[j];
	return count;
}
