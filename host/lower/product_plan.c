#include <assert.h>
#include <string.h>

#include "lower/chunk.h"
#include "lower/whole.h"
#include "num/fixed.h"

const struct qmac_window qmac_window_none = {.taps = {1, 1}, .stride = {1, 1}};

/* ---- widths ---------------------------------------------------------------------- */

/* The largest magnitude of an element. */
static int64_t magnitude(const struct qmac_element *element)
{
	return element->is_signed ? (int64_t)1 << (element->bits - 1) : ((int64_t)1 << element->bits) - 1;
}

static int64_t terms(const struct qmac_product *p)
{
	if (p->form == QMAC_FORM_AB)
		return p->window.taps[0] * p->window.taps[1] * p->a.channels;
	return p->positions[0] * p->positions[1] * p->positions[2];
}

/*
 * Every partial sum of limb products, taken in the order of the run (limbs of one operand outside, of the
 * other inside, low to high), stays within the number of terms times the product of the magnitudes:
 * docs/tiling.md.
 */
int qmac_product_result_bits(const struct qmac_product *p)
{
	qmac_int128 most = (qmac_int128)terms(p) * magnitude(&p->a.element) * magnitude(&p->b.element);
	int bits = 1;

	if (p->accumulate)
		most += (qmac_int128)1 << (p->c_bits - 1);
	for (; most; most >>= 1)
		bits++;
	return bits;
}

static enum qmac_status check_widths(const struct qmac_product_plan *plan, struct qmac_error *err)
{
	const struct qmac_product *p = &plan->product;
	int top_shift = (plan->a.count - 1) * plan->hw.a_bits + (plan->b.count - 1) * plan->hw.w_bits;
	int a_bits = p->a.element.bits, b_bits = p->b.element.bits, container = 8 << p->c.element.container;
	int needed = p->rescales ? p->scale.bits : plan->result_bits;
	long long count = terms(p);

	if (plan->result_bits > plan->hw.acc_bits && (!p->allow_saturation || top_shift >= plan->hw.acc_bits))
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "a product of %d-bit and %d-bit operands with %lld terms%s needs accumulators of %d"
		                 " bits; acc_bits of the hardware is %d: lower the operands' widths or take other"
		                 " hardware", a_bits, b_bits, count, p->accumulate ? " on top of what is there" : "",
		                 plan->result_bits, plan->hw.acc_bits);
	if (!qmac_product_stores(p) || needed <= container || (p->allow_saturation && !p->rescales))
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "a product of %d-bit and %d-bit operands with %lld terms needs %d bits, its"
	                 " container in memory has %d: lower the operands' widths or use a wider container",
	                 a_bits, b_bits, count, needed, container);
}

/* ---- halves of the scratchpads --------------------------------------------------------- */

/*
 * Rows of a half. The border of the halves is that of the banks, so that in ACC different engines work in
 * different banks; where the room lies mostly on one side of it, the middle of the room.
 */
static int64_t split(const struct qmac_room *room, int depth, uint32_t half[2])
{
	int64_t first = room->first, rows = room->rows ? (int64_t)room->rows : depth, end = first + rows;
	int64_t size = qmac_smaller(depth / 2 - first, end - depth / 2);

	if (size < rows / 4)
		size = rows / 2;
	half[0] = (uint32_t)first;
	half[1] = (uint32_t)(size == rows / 2 ? first + size : depth / 2);
	return size;
}

/* ---- what fits ------------------------------------------------------------------------ */

struct search {
	struct qmac_product_plan *best, next;
	int64_t half_rows[3];
	double best_cycles; /* below 0: nothing found yet */
	double limit;       /* 0: the fastest is sought; else of those below it the one with the fewest passes */
	bool one_buffer;    /* a tile may take both halves of ACC */
	struct qmac_map_work end;
};

/* Does a piece of so many positions fit the halves, with the rest as it is in search->next? */
static bool fits(const struct search *search, const int64_t positions[3])
{
	const struct qmac_product_plan *plan = &search->next;
	const struct qmac_pieces *piece = &plan->piece;
	bool ab = plan->product.form == QMAC_FORM_AB;
	int64_t blocks = qmac_ceil_div(piece->channels, plan->hw.rows);
	int64_t groups = qmac_ceil_div(piece->n, qmac_product_lanes(plan));
	int64_t count = positions[0] * positions[1] * positions[2];
	int64_t features = piece->taps[0] * piece->taps[1] * piece->channels;
	int64_t a = plan->a_held * blocks, b = plan->b_held * groups * (ab ? features : count);
	int64_t c = (qmac_product_in_place(&plan->product) ? 0 : groups * (ab ? count : features)) +
	            (plan->product.has_bias ? groups : 0);
	struct qmac_chunk chunk = {.at = 0};
	struct qmac_region region;

	if (plan->product.end) {
		b += qmac_map_rows(&search->end, true, positions, groups);
		c += qmac_map_rows(&search->end, false, positions, groups) +
		     qmac_map_sum_rows(plan->product.end, groups);
	}
	for (int d = 0; d < 3; d++)
		chunk.positions[d].count = positions[d];
	for (int d = 0; d < 2; d++)
		chunk.taps[d].count = piece->taps[d];
	region = qmac_chunk_region(plan, &chunk);
	for (int d = 0; d < 3; d++)
		a *= region.count[d];
	if (!ab && count > plan->hw.os_max)
		return false;
	return a <= search->half_rows[QMAC_SPACE_A] && b <= search->half_rows[QMAC_SPACE_W] &&
	       c <= search->half_rows[QMAC_SPACE_ACC] * (1 + search->one_buffer);
}

/* The largest count of dimension d, at most `most`, for which a piece fits; 0: not even one. */
static int64_t longest(const struct search *search, int64_t positions[3], int d, int64_t most)
{
	int64_t low = 0;

	while (low < most) {
		int64_t middle = low + (most - low + 1) / 2;

		positions[d] = middle;
		if (fits(search, positions))
			low = middle;
		else
			most = middle - 1;
	}
	positions[d] = low;
	return low;
}

/* Whole images, or whole lines of one, or a part of a line: the most that fits. */
static bool most_positions(const struct search *search, int64_t positions[3])
{
	const int64_t *whole = search->next.product.positions;

	for (int d = 0; d < 3; d++) {
		for (int e = 0; e < 3; e++)
			positions[e] = e < d ? 1 : whole[e];
		if (longest(search, positions, d, whole[d]))
			return true;
	}
	return false;
}

/* ---- the search ------------------------------------------------------------------------ */

/* The smallest size that cuts `whole` into as many pieces as `most` does. */
static int64_t even_share(int64_t whole, int64_t most)
{
	return qmac_ceil_div(whole, qmac_ceil_div(whole, most));
}

/* Halves, as even as they can be, of the outermost dimension that is cut. */
static bool shorten(const struct qmac_product_plan *plan, int64_t positions[3])
{
	if (positions[0] * positions[1] * positions[2] <= 2 * plan->hw.rows)
		return false;
	for (int d = 0; d < 3; d++)
		if (positions[d] > 1) {
			positions[d] /= 2;
			return true;
		}
	return false;
}

/* Positions and taps of lines, or of pixels, that see something. */
static int64_t seen(const struct qmac_product *p, int d)
{
	const struct qmac_window *w = &p->window;
	struct qmac_sight sight = {w->first[d], w->stride[d], w->flipped ? -1 : 1, p->a.positions[d + 1]};
	int64_t count = 0;
	uint32_t first;

	for (int64_t tap = 0; tap < w->taps[d]; tap++)
		count += qmac_sight_range(&sight, (uint32_t)p->positions[d + 1], tap, &first);
	return count;
}

/* Commands and slots, as they follow from the pieces; what the first taps assign of padding left out. */
static void count_passes(struct qmac_product_plan *plan)
{
	const struct qmac_product *p = &plan->product;
	const struct qmac_piece_counts c = qmac_piece_count(plan);
	int64_t each = qmac_ceil_div(p->a.channels, plan->hw.rows) *
	               qmac_ceil_div(p->c.channels, qmac_product_lanes(plan)) * plan->a.count * plan->b.count;

	plan->passes = (uint64_t)(each * p->window.taps[0] * p->window.taps[1] * c.positions);
	plan->slots = (uint64_t)(each * p->positions[0] * seen(p, 0) * seen(p, 1));
}

static bool is_better(const struct search *search, double cycles)
{
	uint64_t passes = search->next.passes, best = search->best->passes;

	if (search->limit > 0 && passes != best)
		return cycles <= search->limit && passes < best;
	return cycles < search->best_cycles;
}

static void consider(struct search *search)
{
	/* sums over positions: all tiles of some channels come one after the other */
	bool sums = search->next.product.end && qmac_map_sum_rows(search->next.product.end, 1) > 0;

	for (int n_inner = 0; n_inner < 2 - sums; n_inner++) {
		double cycles;

		search->next.n_inner = n_inner;
		count_passes(&search->next);
		cycles = qmac_product_cycles(&search->next);
		if (search->best_cycles < 0 || is_better(search, cycles)) {
			search->best_cycles = cycles;
			*search->best = search->next;
		}
	}
}

/* Tries positions at their most and fewer, for given features and n. */
static void try_positions(struct search *search)
{
	struct qmac_product_plan *plan = &search->next;
	int64_t positions[3];

	if (!most_positions(search, positions))
		return;
	do {
		for (int d = 0; d < 3; d++)
			plan->piece.positions[d] = even_share(plan->product.positions[d], positions[d]);
		consider(search);
	} while (shorten(plan, positions));
}

/* The next smaller number of blocks worth trying: halves; 0 ends. */
static int64_t fewer(int64_t blocks)
{
	return blocks > 1 ? (blocks + 1) / 2 : 0;
}

/* All taps, those of a line, one; of few channels only, for a panel's taps share its positions. */
static void try_taps(struct search *search)
{
	struct qmac_pieces *piece = &search->next.piece;
	const int64_t *taps = search->next.product.window.taps;
	int64_t lines = taps[0] > 1 ? taps[0] : 1, pixels = taps[1] > 1 ? taps[1] : 1;
	const int64_t choices[3][2] = {{lines, pixels}, {1, pixels}, {1, 1}};

	for (int i = 0; i < 3; i++) {
		if (i > 0 && choices[i][0] == choices[i - 1][0] && choices[i][1] == choices[i - 1][1])
			continue;
		memcpy(piece->taps, choices[i], sizeof piece->taps);
		try_positions(search);
	}
}

static void try_all(struct search *search)
{
	struct qmac_product_plan *plan = &search->next;
	int lanes = qmac_product_lanes(plan);

	for (int held = 0; held < 4; held++) {
		plan->a_held = held & 1 ? 1 : plan->a.count;
		plan->b_held = held & 2 ? 1 : plan->b.count;
		for (int64_t x = qmac_ceil_div(plan->product.a.channels, plan->hw.rows); x; x = fewer(x))
			for (int64_t y = qmac_ceil_div(plan->product.c.channels, lanes); y; y = fewer(y)) {
				plan->piece.channels = qmac_smaller(x * plan->hw.rows, plan->product.a.channels);
				plan->piece.n = qmac_smaller(y * lanes, plan->product.c.channels);
				try_taps(search);
			}
	}
}

/* ---- the plan -------------------------------------------------------------------------- */

/* Bytes that a move takes out of or brings to memory. */
static uint64_t bytes_of(struct qmac_move move)
{
	struct qmac_command c;
	uint64_t bytes = 0;

	while (qmac_move_next(&move, &c))
		bytes += (uint64_t)c.n2 * (c.hi1 - c.lo1 + 1) * (c.hi0 - c.lo0 + 1) * c.len << c.container;
	return bytes;
}

static void count_chunk(struct qmac_product_plan *plan, const struct qmac_chunk *chunk)
{
	struct qmac_passes passes = qmac_chunk_passes(plan, chunk);
	struct qmac_command command;

	while (qmac_passes_next(&passes, &command)) {
		uint64_t positions = (uint64_t)command.n2 * command.n1 * command.n0;

		plan->passes++;
		plan->slots += positions;
		plan->macs += positions * command.k * command.n;
	}
}

/* The counters that the device will show. */
static void predict(struct qmac_product_plan *plan)
{
	const struct qmac_product *p = &plan->product;
	struct qmac_chunk chunk = {.at = 0};

	plan->passes = plan->slots = plan->macs = plan->read_bytes = plan->write_bytes = 0;
	while (qmac_chunk_next(plan, &chunk)) {
		uint64_t tile = 0;

		if (chunk.starts_tile && p->accumulate && !p->keeps)
			plan->read_bytes += bytes_of(qmac_chunk_move_c(plan, &chunk, QMAC_OPCODE_LOAD));
		if (chunk.loads_a)
			plan->read_bytes += bytes_of(qmac_chunk_load_a(plan, &chunk));
		if (chunk.loads_b)
			plan->read_bytes += bytes_of(qmac_chunk_load_b(plan, &chunk));
		if (chunk.ends_tile && qmac_product_stores(p))
			tile = bytes_of(qmac_chunk_move_c(plan, &chunk, QMAC_OPCODE_STORE));
		plan->write_bytes += tile;
		if (!chunk.is_empty)
			count_chunk(plan, &chunk);
	}
}

static void check_product(const struct qmac_product *p)
{
	const struct qmac_element *a = &p->a.element, *b = &p->b.element;

	assert(a->bits >= 2 && a->bits <= 32 && a->bits <= 8 << a->container);
	assert(b->bits >= 2 && b->bits <= 32 && b->bits <= 8 << b->container);
	assert(p->b.channels == p->c.channels);
	assert(!p->accumulate || (!p->rescales && p->c_bits >= 1 && (!p->keeps || qmac_product_in_place(p))));
	assert(p->rescales || !qmac_product_stores(p) || p->c.element.container >= QMAC_CONTAINER_WORD);
	assert(!p->has_bias || p->rescales);
	assert(!p->end || (p->form == QMAC_FORM_AB && !p->accumulate && !p->rescales && !p->keeps));
	assert(p->form == QMAC_FORM_AB || p->window.taps[0] * p->window.taps[1] > 0);
	(void)p, (void)a, (void)b;
}

/*
 * The estimate is not better than this share: of choices that it takes for equally fast, the one with the
 * fewest commands is best for the descriptor fetch, and for whoever simulates them.
 */
static const double equally_fast = 1.01;

static void search_pieces(struct search *search)
{
	try_all(search);
	if (search->best_cycles < 0) {
		/* a bias beside a tile: the smallest scratchpads have not even place for two of that */
		search->one_buffer = true;
		search->next.half[QMAC_SPACE_ACC][1] = search->next.half[QMAC_SPACE_ACC][0];
		try_all(search);
	}
	search->limit = search->best_cycles * equally_fast;
	if (search->best_cycles >= 0)
		try_all(search);
}

/* In W behind the panels of B, in ACC behind the tile; sums at the end of a half. */
static void place_end(struct qmac_product_plan *plan, const struct search *search)
{
	int64_t groups = qmac_ceil_div(plan->piece.n, qmac_product_lanes(plan));
	int64_t rows = qmac_map_rows(&search->end, true, plan->piece.positions, groups);

	plan->end_row = (uint32_t)(search->half_rows[QMAC_SPACE_W] - rows);
	plan->sum_row = (uint32_t)(search->half_rows[QMAC_SPACE_ACC] * (1 + search->one_buffer) -
	                           qmac_map_sum_rows(plan->product.end, groups));
}

enum qmac_status qmac_product_plan_make(struct qmac_product_plan *plan, const struct qmac_product *product,
                                        const struct qmac_hw *hw, struct qmac_error *err)
{
	const int depths[3] = {hw->a_depth, hw->w_depth, hw->acc_depth};
	struct search search = {.best = plan, .best_cycles = -1};
	enum qmac_status status;

	check_product(product);
	memset(plan, 0, sizeof *plan);
	plan->hw = *hw;
	plan->product = *product;
	plan->result_bits = qmac_product_result_bits(product);
	plan->a = qmac_limbs_of(product->a.element.bits, hw->a_bits, product->a.element.is_signed);
	plan->b = qmac_limbs_of(product->b.element.bits, hw->w_bits, product->b.element.is_signed);
	status = check_widths(plan, err);
	if (status != QMAC_OK)
		return status;
	for (int space = 0; space < 3; space++)
		search.half_rows[space] = split(&product->room[space], depths[space], plan->half[space]);
	search.next = *plan;
	if (product->end)
		search.end = qmac_product_end(plan);
	search_pieces(&search);
	if (search.best_cycles < 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "a product has %lld, %lld and %lld rows of A, W and ACC left,"
		                 " too few for its smallest piece: keep fewer results on chip or take hardware with"
		                 " a larger a_depth, w_depth or acc_depth", (long long)search.half_rows[0] * 2,
		                 (long long)search.half_rows[1] * 2, (long long)search.half_rows[2] * 2);
	plan->bias_row = (uint32_t)(search.half_rows[QMAC_SPACE_ACC] * (1 + search.one_buffer) -
	                            qmac_ceil_div(plan->piece.n, qmac_product_lanes(plan)));
	if (product->end)
		place_end(plan, &search);
	predict(plan);
	return QMAC_OK;
}
