#include "driver/gemm_plan.h"

#include <assert.h>
#include <string.h>

#include "num/fixed.h"
#include "qmac_isa.h"

/*
 * GEMM commands of one chunk at most. A command waits for one that lies less than
 * two chunks back, and the device tells fewer than 2^15 commands of an engine apart.
 */
enum { CHUNK_PASSES = 8192 };

static int64_t ceil_div(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* ---- limbs and widths --------------------------------------------------------- */

/* The largest magnitude of an element. */
static int64_t magnitude(const struct qmac_element *element)
{
	return element->is_signed ? (int64_t)1 << (element->bits - 1) : ((int64_t)1 << element->bits) - 1;
}

/*
 * Every partial sum of limb products, taken in the order of the run (limbs of one
 * operand outside, of the other inside, low to high), stays within k times the
 * product of the magnitudes: docs/tiling.md.
 */
int qmac_gemm_result_bits(const struct qmac_gemm_shape *shape)
{
	qmac_int128 most = (qmac_int128)shape->k * magnitude(&shape->a) * magnitude(&shape->b);
	int bits = 1;

	if (shape->accumulate)
		most += (qmac_int128)1 << (shape->c_bits - 1);
	for (; most; most >>= 1)
		bits++;
	return bits;
}

static enum qmac_status check_widths(const struct qmac_gemm_plan *plan, struct qmac_error *err)
{
	const struct qmac_gemm_shape *s = &plan->shape;
	int top_shift = (plan->a_limbs - 1) * plan->hw.a_bits + (plan->b_limbs - 1) * plan->hw.w_bits;
	int container_bits = 8 << s->c_container;

	if (plan->result_bits > plan->hw.acc_bits && (!s->allow_saturation || top_shift >= plan->hw.acc_bits))
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "a product of %d-bit and %d-bit operands with %lld terms%s needs accumulators of %d"
		                 " bits; acc_bits of the hardware is %d: lower the operands' widths or take other"
		                 " hardware", s->a.bits, s->b.bits, (long long)s->k,
		                 s->accumulate ? " on top of what is there" : "", plan->result_bits,
		                 plan->hw.acc_bits);
	if (plan->result_bits > container_bits && !s->allow_saturation)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "a product of %d-bit and %d-bit operands with %lld terms needs %d bits, its"
		                 " container in memory has %d: lower the operands' widths or use a wider container",
		                 s->a.bits, s->b.bits, (long long)s->k, plan->result_bits, container_bits);
	return QMAC_OK;
}

/* ---- what a choice of tiles costs ------------------------------------------------ */

/* How often something is cut, or brought from memory, with the tiles chosen. */
struct counts {
	int64_t m, n, k;             /* tiles */
	int64_t a_parts, b_parts;    /* panels that differ in their limbs */
	int64_t a_times, b_times;    /* the whole matrix is loaded so often */
	int64_t blocks_m, blocks_n, blocks_k; /* pieces that fit the array's sides */
};

static struct counts count(const struct qmac_gemm_plan *p)
{
	const struct qmac_gemm_shape *s = &p->shape;
	struct counts c = {
		.m = ceil_div(s->m, p->tile_m),
		.n = ceil_div(s->n, p->tile_n),
		.k = ceil_div(s->k, p->tile_k),
		.a_parts = p->a_limbs / p->a_held,
		.b_parts = p->b_limbs / p->b_held,
		.blocks_n = ceil_div(s->n, p->hw.cols),
	};

	c.blocks_m = s->form == QMAC_GEMM_AB ? c.m : ceil_div(s->m, p->hw.rows);
	c.blocks_k = s->form == QMAC_GEMM_AB ? ceil_div(s->k, p->hw.rows) : c.k;
	/* A panel that the next chunk needs again is not loaded again: qmac_gemm_next(). */
	c.a_times = (p->n_inner || c.m == 1) && c.k * c.a_parts == 1 ? 1 : c.n;
	c.b_times = c.m * (c.b_parts > 1 ? c.a_parts : 1);
	if ((!p->n_inner || c.n == 1) && c.k * c.b_parts == 1)
		c.b_times = 1;
	return c;
}

/* The counters that the device will show. */
static void predict(struct qmac_gemm_plan *p)
{
	const struct qmac_gemm_shape *s = &p->shape;
	const struct counts c = count(p);
	uint64_t pairs = (uint64_t)p->a_limbs * (uint64_t)p->b_limbs;
	uint64_t m = (uint64_t)s->m, n = (uint64_t)s->n, k = (uint64_t)s->k;
	uint64_t array_blocks = (uint64_t)c.blocks_n * (uint64_t)(s->form == QMAC_GEMM_AB
		? c.blocks_k : c.blocks_m);

	p->passes = pairs * array_blocks * (uint64_t)(s->form == QMAC_GEMM_AB ? c.m : c.k);
	p->macs = pairs * m * n * k;
	p->slots = pairs * array_blocks * (s->form == QMAC_GEMM_AB ? m : k);
	p->write_bytes = m * n << s->c_container;
	p->read_bytes = (m * k * (uint64_t)p->a_limbs * (uint64_t)c.a_times << s->a.container) +
	                (k * n * (uint64_t)p->b_limbs * (uint64_t)c.b_times << s->b.container) +
	                (s->accumulate ? p->write_bytes : 0);
}

/* From a request to what it asked for, at worst with an idle memory. */
static double reply_cycles(const struct qmac_hw *hw)
{
	return hw->dram_latency + hw->dram_miss + (int)QMAC_MOVE_LATENCY;
}

/*
 * Cycles to move a panel between memory and scratchpad rows of `lanes`, estimated. A
 * command has to wait for memory before its first row; behind that the slowest of
 * unpacking, the bus and the requests counts.
 */
static double move_cycles(const struct qmac_hw *hw, int64_t rows, int64_t cols, int lanes, unsigned container)
{
	double bus = hw->bus_bytes, burst = bus * hw->burst_beats, bytes = (double)(cols << container);
	double reply = reply_cycles(hw);
	double block = (double)(smaller(cols, lanes) << container);
	double unpack = (double)ceil_div(cols, lanes) * larger(1, block / bus);
	double transfer = bytes / bus * larger(1, 256 * bus / hw->dram_bytes_per_cycle);
	double requests = larger(1, bytes / burst) * reply / hw->outstanding;
	int commands = (cols >= lanes) + (cols % lanes != 0);

	return commands * reply + (double)rows * larger(unpack, larger(transfer, requests));
}

/* An estimate that orders choices; docs/timing.md has the exact rules. */
static double estimate(struct qmac_gemm_plan *p)
{
	const struct qmac_gemm_shape *s = &p->shape;
	const struct qmac_hw *hw = &p->hw;
	const struct counts c = count(p);
	bool ab = s->form == QMAC_GEMM_AB;
	int64_t a_rows = ab ? p->tile_m : p->tile_k, a_cols = ab ? p->tile_k : p->tile_m;
	int64_t side = smaller(a_cols, hw->rows), shortest = ab ? side + 1 : 2 * side - 1;
	double chunks = (double)c.m * (double)c.n * (double)c.k * (double)c.a_parts * (double)c.b_parts;
	double a = p->a_held * move_cycles(hw, a_rows, a_cols, hw->rows, s->a.container);
	double b = p->b_held * move_cycles(hw, p->tile_k, p->tile_n, hw->cols, s->b.container);
	double tile = move_cycles(hw, p->tile_m, p->tile_n, hw->cols, s->c_container);
	double tiles = (double)c.m * (double)c.n, execute, load, store, fetch;

	predict(p);
	/* a short pass is bound by the way through the array before and behind it */
	execute = larger((double)p->slots, (double)p->passes * (double)shortest);
	/* panels come once EXECUTE has left those before them: the array has to run empty */
	load = a * (double)c.m * (double)c.k * (double)c.a_parts * (double)c.a_times +
	       b * (double)c.n * (double)c.k * (double)c.b_parts * (double)c.b_times +
	       chunks * (hw->rows + hw->cols) + (s->accumulate ? tile * tiles : 0);
	store = tile * tiles;
	fetch = (double)p->passes * reply_cycles(hw) / (2 * (int)QMAC_FETCH_CHUNK);
	/*
	 * What runs side by side competes for memory, hence the quarter of it all; the first panels
	 * come, and the last tile goes, while nothing runs beside.
	 */
	return larger(larger(execute, fetch), larger(load, store)) + (load + store + fetch) / 4 + a + b + tile;
}

/* ---- the search ------------------------------------------------------------------- */

struct search {
	struct qmac_gemm_plan *best, next;
	double best_cycles; /* below 0: nothing found yet */
};

/* The smallest size that cuts `whole` into as many pieces as `most` does. */
static int64_t even_share(int64_t whole, int64_t most)
{
	return ceil_div(whole, ceil_div(whole, most));
}

/* The next smaller number of blocks worth trying: halves; 0 ends. */
static int64_t fewer(int64_t blocks)
{
	return blocks > 1 ? (blocks + 1) / 2 : 0;
}

static void consider(struct search *search)
{
	for (int n_inner = 0; n_inner < 2; n_inner++) {
		double cycles;

		search->next.n_inner = n_inner;
		cycles = estimate(&search->next);
		if (search->best_cycles < 0 || cycles < search->best_cycles) {
			search->best_cycles = cycles;
			*search->best = search->next;
		}
	}
}

/*
 * Tries the streamed side (m of AB, k of ATB) at its longest and shorter, for given
 * blocks of the other two sides. Each scratchpad holds two panels or tiles, a half each.
 */
static void try_lengths(struct search *search, int64_t array_blocks, int64_t blocks_n)
{
	struct qmac_gemm_plan *p = &search->next;
	const struct qmac_hw *hw = &p->hw;
	bool ab = p->shape.form == QMAC_GEMM_AB;
	int64_t a_half = hw->a_depth / 2, w_half = hw->w_depth / 2, acc_half = hw->acc_depth / 2;
	int64_t array_side = smaller(array_blocks * hw->rows, ab ? p->shape.k : p->shape.m);
	int64_t whole = ab ? p->shape.m : p->shape.k, longest;

	if (array_blocks > CHUNK_PASSES || blocks_n > CHUNK_PASSES ||
	    array_blocks * blocks_n * p->a_held * p->b_held > CHUNK_PASSES)
		return;
	p->tile_n = smaller(blocks_n * hw->cols, p->shape.n);
	longest = smaller(whole, a_half / (array_blocks * p->a_held));
	if (ab) {
		if (array_side * blocks_n * p->b_held > w_half)
			return;
		longest = smaller(longest, acc_half / blocks_n);
	} else {
		if (array_side * blocks_n > acc_half)
			return;
		longest = smaller(longest, smaller(w_half / (blocks_n * p->b_held), hw->os_max));
	}
	*(ab ? &p->tile_k : &p->tile_m) = array_side;
	for (int64_t length = longest; length; length = length > 2 * hw->rows ? length / 2 : 0) {
		*(ab ? &p->tile_m : &p->tile_k) = even_share(whole, length);
		consider(search);
	}
}

static void try_all(struct search *search)
{
	struct qmac_gemm_plan *p = &search->next;
	bool ab = p->shape.form == QMAC_GEMM_AB;
	int64_t blocks_array = ceil_div(ab ? p->shape.k : p->shape.m, p->hw.rows);
	int64_t blocks_n = ceil_div(p->shape.n, p->hw.cols);

	for (int held = 0; held < 4; held++) {
		p->a_held = held & 1 ? 1 : p->a_limbs;
		p->b_held = held & 2 ? 1 : p->b_limbs;
		for (int64_t x = blocks_array; x; x = fewer(x))
			for (int64_t y = blocks_n; y; y = fewer(y))
				try_lengths(search, x, y);
	}
}

enum qmac_status qmac_gemm_plan_make(struct qmac_gemm_plan *plan, const struct qmac_gemm_shape *shape,
                                     const struct qmac_hw *hw, struct qmac_error *err)
{
	struct search search = {.best = plan, .best_cycles = -1};
	enum qmac_status status;

	assert(shape->m >= 1 && shape->m <= INT32_MAX && shape->n >= 1 && shape->n <= INT32_MAX);
	assert(shape->k >= 1 && shape->k <= INT32_MAX);
	assert(shape->a.bits >= 2 && shape->a.bits <= 32 && shape->a.bits <= 8 << shape->a.container);
	assert(shape->b.bits >= 2 && shape->b.bits <= 32 && shape->b.bits <= 8 << shape->b.container);
	assert(shape->c_container == QMAC_CONTAINER_WORD || shape->c_container == QMAC_CONTAINER_DOUBLE);
	assert(!shape->accumulate || (shape->c_bits >= 1 && shape->c_bits <= 8 << shape->c_container));
	memset(plan, 0, sizeof *plan);
	plan->hw = *hw;
	plan->shape = *shape;
	plan->result_bits = qmac_gemm_result_bits(shape);
	plan->a_limbs = (int)ceil_div(shape->a.bits, hw->a_bits);
	plan->b_limbs = (int)ceil_div(shape->b.bits, hw->w_bits);
	status = check_widths(plan, err);
	if (status != QMAC_OK)
		return status;
	search.next = *plan;
	try_all(&search);
	/* One block of each side with one limb fits the smallest scratchpads: a half is max(rows, cols). */
	assert(search.best_cycles >= 0);
	predict(plan);
	return QMAC_OK;
}
