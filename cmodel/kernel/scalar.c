/*
 * The oracle kernel: docs/command-set.md, VEC in 128-bit arithmetic and the sums of
 * GEMM. It is meant to be compared with that page by eye; speed is the business of
 * the others.
 */
#include <assert.h>

#include "kernel/container.h"
#include "kernel/kernel.h"
#include "num/dither.h"
#include "num/fixed.h"

static qmac_int128 smaller(qmac_int128 a, qmac_int128 b)
{
	return a < b ? a : b;
}

static qmac_int128 larger(qmac_int128 a, qmac_int128 b)
{
	return a > b ? a : b;
}

/* The exact x of one lane; *count grows where a factor is clamped. */
static qmac_int128 combine_lane(unsigned op, int l0, int32_t mult, int64_t a, int64_t b, uint64_t *count)
{
	qmac_int128 shifted = (qmac_int128)a * ((int64_t)1 << l0);

	switch (op) {
	case QMAC_OP_ADD:
		return (shifted + b) * mult;
	case QMAC_OP_SUB:
		return (shifted - b) * mult;
	case QMAC_OP_MIN:
		return smaller(shifted, b) * mult;
	case QMAC_OP_MAX:
		return larger(shifted, b) * mult;
	case QMAC_OP_MUL:
		return (qmac_int128)a * qmac_clamp(b, QMAC_MULT_BITS, count);
	case QMAC_OP_EQ:
		return a == b ? 1 : 0;
	default:
		assert(op == QMAC_OP_SELECT);
		return b > 0 ? a : 0;
	}
}

static int64_t finish_lane(const struct qmac_tail *tail, int64_t x, uint32_t r, uint64_t *count,
                           uint64_t *magnitudes)
{
	int64_t v = qmac_round(x, tail->shift, tail->rnd, r);

	if (tail->relu && v < 0)
		v = 0;
	*magnitudes |= v < 0 ? -(uint64_t)v : (uint64_t)v;
	return qmac_clamp(v, tail->bw, count);
}

/* Where the row of iteration i lies, whose loops have these strides. */
static ptrdiff_t place_of(const struct qmac_sweep *s, int i, ptrdiff_t outer, ptrdiff_t step)
{
	return i / s->inner * outer + i % s->inner * step;
}

static int64_t source_lane(const struct qmac_sources *rows, ptrdiff_t at)
{
	return rows->words ? rows->words[at] : rows->operands[at] & rows->mask;
}

static qmac_int128 look_up(const struct qmac_lookup *t, int64_t a, uint64_t *count)
{
	int64_t u = qmac_clamp(a, t->in_bits, count) - qmac_min_of(t->in_bits);
	int64_t below = u & (((int64_t)1 << t->fraction_bits) - 1);
	uint32_t word = t->table[u >> t->fraction_bits];

	return qmac_sign_extend(word, 16) * ((qmac_int128)1 << t->fraction_bits) +
	       qmac_sign_extend(word >> 16, 16) * below;
}

/* x, exact and then limited to 64 bits. */
static int64_t map_lane(const struct qmac_sweep *s, int j, int64_t a, int64_t b, uint64_t *count)
{
	qmac_int128 x;

	if (s->op == QMAC_OP_LOOKUP)
		x = look_up(&s->lookup, a, count);
	else if (s->op == QMAC_OP_AFFINE)
		x = (qmac_int128)a * s->c[0][j] + (qmac_int128)b * s->c[1][j] + s->c[2][j];
	else
		x = combine_lane(s->op, s->l0, s->mult, a, b, count);
	return qmac_clamp128(x, 64, count);
}

static void put_lane(const struct qmac_results *to, ptrdiff_t at, int64_t y)
{
	uint64_t limb = (uint64_t)qmac_shift_right(y, to->lsb);

	if (to->words)
		to->words[at] = y;
	else if (to->operands)
		to->operands[at] = (int16_t)(((limb & to->mask) ^ to->sign) - to->sign);
}

/* The state of the random numbers of iteration i, and the channel of its lane 0. */
static uint32_t draw_row(const struct qmac_sweep *s, int i, uint32_t *channel)
{
	const struct qmac_draws *draws = &s->draws;
	uint32_t i1 = (uint32_t)(i / s->inner), i0 = (uint32_t)(i % s->inner);

	*channel = draws->channel0 + i1 * draws->channel_outer + i0 * draws->channel_step;
	return qmac_dither_row(draws->key, draws->row0 + i1 * draws->row_outer + i0 * draws->row_step);
}

static uint64_t scalar_sweep(const struct qmac_sweep *s, int iterations, qmac_int128 *sum,
                             uint64_t *magnitudes)
{
	bool draw = s->tail.rnd == QMAC_ROUND_STOCHASTIC;
	uint64_t count = 0, seen = 0;
	int64_t x[QMAC_LANES_MAX];

	for (int i = 0; i < iterations; i++) {
		ptrdiff_t a = place_of(s, i, s->a.outer, s->a.step), b = place_of(s, i, s->b.outer, s->b.step);
		ptrdiff_t to = place_of(s, i, s->to.outer, s->to.step);
		uint32_t channel = 0, state = draw ? draw_row(s, i, &channel) : 0;

		for (int j = 0; j < s->lanes; j++) /* the row is read, then written */
			x[j] = map_lane(s, j, source_lane(&s->a, a + j), source_lane(&s->b, b + j), &count);
		for (int j = 0; j < s->lanes; j++) {
			uint32_t r = draw ? qmac_dither_channel(state, channel + (uint32_t)j) : 0;
			int64_t y = finish_lane(&s->tail, x[j], r, &count, &seen);

			put_lane(&s->to, to + j, y);
			if (sum)
				sum[j] += y;
		}
	}
	if (magnitudes)
		*magnitudes |= seen;
	return count;
}

static void add_to(const struct qmac_gemm *g, int64_t *acc, int64_t sum)
{
	*acc = (g->accumulate ? *acc : 0) + (int64_t)((uint64_t)sum << g->shift);
}

static const int16_t *row_of(struct qmac_operands rows, int i)
{
	return rows.first + i * rows.step;
}

static void scalar_gemm_ws(const struct qmac_gemm *g, struct qmac_operands a, struct qmac_operands w,
                           struct qmac_sums acc)
{
	for (int i = 0; i < g->slots; i++)
		for (int j = 0; j < g->n; j++) {
			int64_t sum = 0;

			for (int r = 0; r < g->k; r++)
				sum += (int64_t)(row_of(a, i)[r] & g->a_mask) * (row_of(w, r)[j] & g->w_mask);
			add_to(g, &acc.first[i * acc.step + j], sum);
		}
}

/* Half h of a packed unit. */
static int64_t half_of(int32_t unit, int h)
{
	return (int16_t)((uint32_t)unit >> 16 * h);
}

static int32_t join_halves(int low, int high)
{
	return (int32_t)((uint32_t)(low & 0xFFFF) | (uint32_t)(high & 0xFFFF) << 16);
}

/* Where unit u of lane j begins, of `units`. */
static ptrdiff_t unit_at(bool split, int units, int u, int j)
{
	int first = j / QMAC_PACKED_LANES * QMAC_PACKED_LANES, parts = split ? 2 : 1;

	return (ptrdiff_t)parts * (first * units + u * QMAC_PACKED_LANES) + j - first;
}

static int scalar_pack(bool split, int rows, int lanes, int mask, struct qmac_operands row, int32_t *to)
{
	int units = (rows + 1) / 2;

	for (int u = 0; u < units; u++)
		for (int j = 0; j < lanes; j++) {
			int low = row_of(row, 2 * u)[j] & mask, high = 0;
			int32_t *unit = to + unit_at(split, units, u, j);

			if (2 * u + 1 < rows)
				high = row_of(row, 2 * u + 1)[j] & mask;
			unit[0] = split ? join_halves(low & 0xFF, high & 0xFF) : join_halves(low, high);
			if (split)
				unit[QMAC_PACKED_LANES] = join_halves(low >> 8, high >> 8);
		}
	return units;
}

static int scalar_pack_quads(int rows, int lanes, int mask, struct qmac_bytes row, int32_t *to)
{
	int units = (rows + 3) / 4;

	for (int u = 0; u < units; u++)
		for (int j = 0; j < lanes; j++) {
			uint32_t unit = 0;

			for (int i = 4 * u; i < 4 * u + 4 && i < rows; i++)
				unit |= (uint32_t)((row.first[i * row.step + j] - 128) & mask & 0xFF) << 8 * (i % 4);
			to[unit_at(false, units, u, j)] = (int32_t)unit;
		}
	return units;
}

static bool lies_in(const struct qmac_points *points, int i, const struct qmac_pass *pass)
{
	bool in = true;

	for (int l = 0; l < 3; l++)
		in = in && points->at[l][i] >= pass->first[l] && points->at[l][i] - pass->first[l] < pass->count[l];
	return in;
}

/* Operand r of a row of A that is `at` operands from the first. */
static int64_t operand_of(const struct qmac_gemm_group *s, ptrdiff_t at, int r)
{
	if (s->packing < QMAC_QUADS)
		return s->a[at + r] & s->a_mask;
	return ((int64_t)s->a_bytes[at + r] - 128) & s->a_mask;
}

/* Weight r of lane j. */
static int64_t weight_of(const struct qmac_gemm_group *s, const struct qmac_pass *pass, int r, int j)
{
	bool split = s->packing == QMAC_SPLIT_PAIRS;
	int each = s->packing < QMAC_QUADS ? 2 : 4;
	const int32_t *unit = pass->weights + unit_at(split, pass->units, r / each, j);
	uint32_t byte = (uint32_t)unit[0] >> 8 * (r % each) & 0xFF;

	switch (s->packing) {
	case QMAC_QUADS:
		return qmac_sign_extend(byte, 8);
	case QMAC_UNSIGNED_QUADS:
		return byte;
	case QMAC_SPLIT_PAIRS:
		return half_of(unit[0], r % each) + 256 * half_of(unit[QMAC_PACKED_LANES], r % each);
	default:
		return half_of(unit[0], r % each);
	}
}

/* What a pass adds to lane j of point i. */
static int64_t pass_sum(const struct qmac_gemm_group *s, const struct qmac_pass *pass, int i, int j)
{
	int rows = pass->units * (s->packing < QMAC_QUADS ? 2 : 4);
	ptrdiff_t at = (ptrdiff_t)pass->a + s->points->a[i];
	int64_t sum = 0;

	for (int r = 0; r < rows && lies_in(s->points, i, pass); r++)
		sum += operand_of(s, at, r) * weight_of(s, pass, r, j);
	return sum;
}

static void scalar_gemm_group(const struct qmac_gemm_group *s)
{
	for (int i = 0; i < s->points->count; i++)
		for (int j = 0; j < s->n; j++) {
			int64_t *acc = &s->acc[s->points->acc[i] * s->acc_step + j];
			uint64_t sum = 0;

			for (int p = 0; p < s->pass_count; p++)
				sum += (uint64_t)pass_sum(s, s->passes[p], i, j);
			*acc = (int64_t)((s->accumulate ? (uint64_t)*acc : 0) + (sum << s->shift));
		}
}

/* Row of A, or of the other space, in iteration i of a nest, counted from the first. */
static ptrdiff_t nest_row(const struct qmac_nest *nest, const uint32_t step[3], uint32_t i)
{
	uint32_t i0 = i % nest->count[0], i1 = i / nest->count[0] % nest->count[1];
	uint32_t i2 = i / nest->count[0] / nest->count[1];

	return (ptrdiff_t)(i2 * step[2] + i1 * step[1] + i0 * step[0]);
}

static uint32_t iterations_of(const struct qmac_nest *nest)
{
	return nest->count[0] * nest->count[1] * nest->count[2];
}

/* Operand j of row i of a space, as it is kept, whether or not as a byte. */
static int kept(const int16_t *first, const uint8_t *bytes, int lanes, ptrdiff_t i, int j)
{
	return bytes ? bytes[i * lanes + j] - 128 : first[i * lanes + j];
}

static void scalar_gemm_os(const struct qmac_gemm_os *g)
{
	bool quads = g->packing >= QMAC_QUADS;

	for (int r = 0; r < g->k; r++)
		for (int j = 0; j < g->n; j++) {
			int64_t sum = 0, *acc = &g->acc[r * g->acc_step + j];

			for (uint32_t i = 0; i < iterations_of(g->nest); i++) {
				ptrdiff_t a = nest_row(g->nest, g->nest->a, i), w = nest_row(g->nest, g->nest->other, i);

				sum += (int64_t)(kept(g->a, quads ? g->a_bytes : NULL, g->a_lanes, a, r) & g->a_mask) *
				       (kept(g->w, quads ? g->w_bytes : NULL, g->w_lanes, w, j) & g->w_mask);
			}
			*acc = (g->accumulate ? *acc : 0) + (int64_t)((uint64_t)sum << g->shift);
		}
}

static void scalar_note(int rows, int step, int lanes, const int16_t *row, uint8_t *bytes, uint8_t *count)
{
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < lanes; j++) {
			ptrdiff_t at = (ptrdiff_t)i * step;
			int16_t operand = row[at * lanes + j];

			count[at] = (uint8_t)((j ? count[at] : 0) + (operand != 0));
			if (bytes)
				bytes[at * lanes + j] = (uint8_t)(operand ^ 0x80);
		}
}

static void scalar_nonzero_rows(int rows, int lanes, struct qmac_operands row, uint32_t *count)
{
	for (int i = 0; i < rows; i++) {
		count[i] = 0;
		for (int j = 0; j < lanes; j++)
			count[i] += row_of(row, i)[j] != 0;
	}
}

static void scalar_nonzero_lanes(const struct qmac_nest *nest, int row_lanes, int lanes, const int16_t *row,
                                 const uint8_t *bytes, uint32_t *count)
{
	for (int r = 0; r < lanes; r++) {
		count[r] = 0;
		for (uint32_t i = 0; i < iterations_of(nest); i++)
			count[r] += kept(row, bytes, row_lanes, nest_row(nest, nest->a, i), r) != 0;
	}
}

static uint32_t scalar_dot_counts(const struct qmac_nest *nest, const uint8_t *a, const uint8_t *b)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < iterations_of(nest); i++)
		sum += (uint32_t)a[nest_row(nest, nest->a, i)] * b[nest_row(nest, nest->other, i)];
	return sum;
}

static bool scalar_raise(int count, int64_t *limit, int64_t bound, int64_t highest)
{
	for (int i = 0; i < count; i++)
		if (limit[i] > highest - bound)
			return false;
	for (int i = 0; i < count; i++)
		limit[i] += bound;
	return true;
}

static void scalar_cut(const struct qmac_cut *cut, const struct qmac_tile *tile, const uint8_t *from,
                       int16_t *to)
{
	int bytes = qmac_container_bytes(tile->container);

	for (uint32_t i = 0; i < tile->rows; i++, from += tile->pitch, to += tile->step)
		for (uint32_t j = 0; j < tile->len + tile->after; j++) {
			unsigned raw = 0;

			if (j < tile->len)
				raw = (unsigned)qmac_container_read(from + j * (size_t)bytes, tile->container);
			raw = raw >> cut->lsb & cut->mask;
			to[j] = (int16_t)((raw ^ cut->sign) - cut->sign);
		}
}

static void scalar_widen(const struct qmac_tile *tile, const uint8_t *from, int64_t *to)
{
	int bytes = qmac_container_bytes(tile->container);

	for (uint32_t i = 0; i < tile->rows; i++, from += tile->pitch, to += tile->step)
		for (uint32_t j = 0; j < tile->len + tile->after; j++) {
			uint64_t raw = 0;

			if (j < tile->len)
				raw = qmac_container_read(from + j * (size_t)bytes, tile->container);
			to[j] = qmac_sign_extend(raw, 8 * bytes);
		}
}

static uint64_t scalar_fit(const struct qmac_tile *tile, const int64_t *from, uint8_t *to)
{
	int bytes = qmac_container_bytes(tile->container);
	qmac_int128 span = (qmac_int128)1 << 8 * bytes, low = tile->is_signed ? -span / 2 : 0;
	uint64_t limited = 0;

	for (uint32_t i = 0; i < tile->rows; i++, from += tile->step, to += tile->pitch)
		for (uint32_t j = 0; j < tile->len; j++) {
			qmac_int128 v = from[j] < low ? low : from[j] >= low + span ? low + span - 1 : from[j];

			limited += v != from[j];
			qmac_container_write(to + j * (size_t)bytes, tile->container, (uint64_t)v);
		}
	return limited;
}

const struct qmac_kernel qmac_kernel_scalar = {
	.name = "scalar",
	.sweep = scalar_sweep,
	.gemm_ws = scalar_gemm_ws,
	.pack = scalar_pack,
	.pack_quads = scalar_pack_quads,
	.gemm_group = scalar_gemm_group,
	.gemm_os = scalar_gemm_os,
	.note = scalar_note,
	.nonzero_rows = scalar_nonzero_rows,
	.nonzero_lanes = scalar_nonzero_lanes,
	.dot_counts = scalar_dot_counts,
	.raise = scalar_raise,
	.cut = scalar_cut,
	.widen = scalar_widen,
	.fit = scalar_fit,
};
