#include "driver/gemm_commands.h"

#include "lower/limbs.h"

static int64_t ceil_div(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct qmac_limb_cut limb_of(const struct qmac_element *element, int native, int i)
{
	struct qmac_limbs limbs = qmac_limbs_of(element->bits, native, element->is_signed);

	return qmac_limb_cut(&limbs, i);
}

static bool is_ab(const struct qmac_gemm_plan *plan)
{
	return plan->shape.form == QMAC_GEMM_AB;
}

/* ---- the sequence of chunks ------------------------------------------------------ */

static void complete(const struct qmac_gemm_plan *p, struct qmac_gemm_chunk *chunk)
{
	const struct qmac_gemm_shape *s = &p->shape;

	chunk->m = smaller(p->tile_m, s->m - chunk->m0);
	chunk->n = smaller(p->tile_n, s->n - chunk->n0);
	chunk->k = smaller(p->tile_k, s->k - chunk->k0);
	chunk->starts_tile = chunk->k0 == 0 && chunk->a_limb0 == 0 && chunk->b_limb0 == 0;
	chunk->ends_tile = chunk->k0 + chunk->k == s->k && chunk->a_limb0 + p->a_held == p->a_limbs &&
	                   chunk->b_limb0 + p->b_held == p->b_limbs;
}

struct qmac_gemm_chunk qmac_gemm_first(const struct qmac_gemm_plan *plan)
{
	struct qmac_gemm_chunk chunk = {.loads_a = true, .loads_b = true};

	complete(plan, &chunk);
	return chunk;
}

/* Adds step to *place; at the end it starts again from 0, and the next wheel turns. */
static bool turns(int64_t *place, int64_t step, int64_t end)
{
	*place += step;
	if (*place < end)
		return false;
	*place = 0;
	return true;
}

static bool turns_limb(int *place, int step, int end)
{
	*place += step;
	if (*place < end)
		return false;
	*place = 0;
	return true;
}

bool qmac_gemm_next(const struct qmac_gemm_plan *p, struct qmac_gemm_chunk *chunk)
{
	const struct qmac_gemm_shape *s = &p->shape;
	struct qmac_gemm_chunk next = *chunk;

	if (turns_limb(&next.b_limb0, p->b_held, p->b_limbs) &&
	    turns_limb(&next.a_limb0, p->a_held, p->a_limbs) && turns(&next.k0, p->tile_k, s->k)) {
		bool row_done = p->n_inner ? turns(&next.n0, p->tile_n, s->n) : turns(&next.m0, p->tile_m, s->m);

		next.c_half = !next.c_half;
		if (row_done && (p->n_inner ? turns(&next.m0, p->tile_m, s->m) : turns(&next.n0, p->tile_n, s->n)))
			return false;
	}
	next.loads_a = next.m0 != chunk->m0 || next.k0 != chunk->k0 || next.a_limb0 != chunk->a_limb0;
	next.loads_b = next.n0 != chunk->n0 || next.k0 != chunk->k0 || next.b_limb0 != chunk->b_limb0;
	next.a_half ^= next.loads_a;
	next.b_half ^= next.loads_b;
	complete(p, &next);
	*chunk = next;
	return true;
}

/* ---- LOAD and STORE ------------------------------------------------------------- */

/*
 * A part of a matrix and the scratchpad rows it takes. Its columns are cut into blocks of
 * `lanes`; a block takes `rows` scratchpad rows, and the next block follows.
 */
struct panel {
	const struct qmac_matrix *matrix;
	unsigned space, container;
	int64_t row0, rows, col0, cols;
	int lanes;
	uint32_t row; /* first scratchpad row */
};

/* One command for the blocks that fill their lanes, one for a last block that does not. */
static int move_count(int64_t cols, int lanes)
{
	return (cols >= lanes) + (cols % lanes != 0);
}

/*
 * Command `part` of a panel. The blocks of a row are neighbours in memory, so they make the
 * inner loop: one run of bytes. A single block has its rows there, for they may be
 * neighbours too.
 */
static struct qmac_command move(unsigned opcode, const struct panel *p, int part)
{
	int64_t full = p->cols / p->lanes, skipped = part ? full : 0;
	bool is_last = part || !full;
	uint32_t blocks = is_last ? 1 : (uint32_t)full;
	uint32_t len = (uint32_t)(is_last ? p->cols % p->lanes : p->lanes);
	struct qmac_command c = {
		.opcode = opcode, .space = p->space, .container = p->container, .len = len, .n2 = 1,
		.row = p->row + (uint32_t)(skipped * p->rows),
	};

	c.base = p->matrix->buffer.address + p->matrix->offset + (uint64_t)p->row0 * p->matrix->row_bytes +
	         ((uint64_t)(p->col0 + skipped * p->lanes) << p->container);
	c.n1 = c.n0 = (uint32_t)p->rows;
	c.s1 = c.s0 = p->matrix->row_bytes;
	c.ds1 = c.ds0 = 1;
	if (blocks > 1) {
		c.n0 = blocks;
		c.s0 = len << p->container;
		c.ds0 = (uint32_t)p->rows;
	} else {
		c.n1 = 1;
	}
	c.coalesce = c.s0 == len << p->container;
	c.hi0 = c.n0 - 1;
	c.hi1 = c.n1 - 1;
	return c;
}

static uint32_t half_row(int half, int depth)
{
	return half ? (uint32_t)depth / 2 : 0;
}

static struct panel a_panel(const struct qmac_gemm_plan *p, const struct qmac_matrix *a,
                            const struct qmac_gemm_chunk *k)
{
	bool ab = is_ab(p);

	return (struct panel){
		.matrix = a, .space = QMAC_SPACE_A, .container = p->shape.a.container, .lanes = p->hw.rows,
		.row0 = ab ? k->m0 : k->k0, .rows = ab ? k->m : k->k,
		.col0 = ab ? k->k0 : k->m0, .cols = ab ? k->k : k->m, .row = half_row(k->a_half, p->hw.a_depth),
	};
}

static struct panel b_panel(const struct qmac_gemm_plan *p, const struct qmac_matrix *b,
                            const struct qmac_gemm_chunk *k)
{
	return (struct panel){
		.matrix = b, .space = QMAC_SPACE_W, .container = p->shape.b.container, .lanes = p->hw.cols,
		.row0 = k->k0, .rows = k->k, .col0 = k->n0, .cols = k->n, .row = half_row(k->b_half, p->hw.w_depth),
	};
}

static struct panel c_panel(const struct qmac_gemm_plan *p, const struct qmac_matrix *c,
                            const struct qmac_gemm_chunk *k)
{
	return (struct panel){
		.matrix = c, .space = QMAC_SPACE_ACC, .container = p->shape.c_container, .lanes = p->hw.cols,
		.row0 = k->m0, .rows = k->m, .col0 = k->n0, .cols = k->n,
		.row = half_row(k->c_half, p->hw.acc_depth),
	};
}

/* Move `index` of the limbs of a panel: each limb reads the same containers and takes its bits. */
static struct qmac_command load_limb(struct panel panel, const struct qmac_element *element, int native,
                                     int limb0, int index)
{
	int parts = move_count(panel.cols, panel.lanes), limb = index / parts;
	struct qmac_limb_cut cut = limb_of(element, native, limb0 + limb);
	struct qmac_command command;

	panel.row += (uint32_t)(limb * ceil_div(panel.cols, panel.lanes) * panel.rows);
	command = move(QMAC_OPCODE_LOAD, &panel, index % parts);
	command.is_signed = element->is_signed;
	command.lsb = cut.lsb;
	command.nbits = cut.bits;
	command.limb_unsigned = cut.is_unsigned;
	return command;
}

static int a_load_count(const struct qmac_gemm_plan *p, const struct qmac_gemm_chunk *k)
{
	return k->loads_a ? p->a_held * move_count(is_ab(p) ? k->k : k->m, p->hw.rows) : 0;
}

static int b_load_count(const struct qmac_gemm_plan *p, const struct qmac_gemm_chunk *k)
{
	return k->loads_b ? p->b_held * move_count(k->n, p->hw.cols) : 0;
}

int qmac_gemm_load_count(const struct qmac_gemm_plan *p, const struct qmac_gemm_chunk *k)
{
	bool loads_c = p->shape.accumulate && k->starts_tile;

	return a_load_count(p, k) + b_load_count(p, k) + (loads_c ? move_count(k->n, p->hw.cols) : 0);
}

struct qmac_command qmac_gemm_load(const struct qmac_gemm_plan *p,
                                   const struct qmac_gemm_matrices *matrices,
                                   const struct qmac_gemm_chunk *k, int index)
{
	int a_count = a_load_count(p, k), b_count = b_load_count(p, k);
	struct panel tile = c_panel(p, &matrices->c, k);
	struct qmac_command command;

	if (index < a_count)
		return load_limb(a_panel(p, &matrices->a, k), &p->shape.a, p->hw.a_bits, k->a_limb0, index);
	index -= a_count;
	if (index < b_count)
		return load_limb(b_panel(p, &matrices->b, k), &p->shape.b, p->hw.w_bits, k->b_limb0, index);
	command = move(QMAC_OPCODE_LOAD, &tile, index - b_count);
	command.is_signed = 1;
	return command;
}

int qmac_gemm_store_count(const struct qmac_gemm_plan *p, const struct qmac_gemm_chunk *k)
{
	return move_count(k->n, p->hw.cols);
}

struct qmac_command qmac_gemm_store(const struct qmac_gemm_plan *p,
                                    const struct qmac_gemm_matrices *matrices,
                                    const struct qmac_gemm_chunk *k, int index)
{
	struct panel tile = c_panel(p, &matrices->c, k);
	struct qmac_command command = move(QMAC_OPCODE_STORE, &tile, index);

	command.is_signed = 1;
	return command;
}

/* ---- GEMM ----------------------------------------------------------------------- */

int qmac_gemm_pass_count(const struct qmac_gemm_plan *p, const struct qmac_gemm_chunk *k)
{
	int64_t array_blocks = ceil_div(is_ab(p) ? k->k : k->m, p->hw.rows);

	return (int)(array_blocks * ceil_div(k->n, p->hw.cols)) * p->a_held * p->b_held;
}

/* Blocks of the array's sides outside, the limbs of A and then those of B inside, low to high. */
struct qmac_command qmac_gemm_pass(const struct qmac_gemm_plan *p, const struct qmac_gemm_chunk *k, int index)
{
	bool ab = is_ab(p);
	int64_t array_side = ab ? k->k : k->m, length = ab ? k->m : k->k;
	int64_t array_blocks = ceil_div(array_side, p->hw.rows);
	int n_blocks = (int)ceil_div(k->n, p->hw.cols);
	int b_limb = index % p->b_held, a_limb = index / p->b_held % p->a_held;
	int block = index / p->b_held / p->a_held;
	int64_t y = block % n_blocks, x = block / n_blocks;
	struct qmac_limb_cut a_cut = limb_of(&p->shape.a, p->hw.a_bits, k->a_limb0 + a_limb);
	struct qmac_limb_cut b_cut = limb_of(&p->shape.b, p->hw.w_bits, k->b_limb0 + b_limb);
	/* rows of W and ACC before block x of the array's side */
	int64_t w_skipped = ab ? x * p->hw.rows : 0, c_skipped = ab ? 0 : x * p->hw.rows;
	bool is_first = k->starts_tile && a_limb == 0 && b_limb == 0 && (!ab || x == 0);
	struct qmac_command c = {.opcode = QMAC_OPCODE_GEMM, .n2 = 1, .n1 = 1, .as0 = 1};

	c.mode = ab ? QMAC_MODE_WS : QMAC_MODE_OS;
	c.n0 = (uint32_t)length;
	c.cs0 = ab;
	c.ws0 = !ab;
	c.k = (uint32_t)smaller(p->hw.rows, array_side - x * p->hw.rows);
	c.n = (uint32_t)smaller(p->hw.cols, k->n - y * p->hw.cols);
	c.a = half_row(k->a_half, p->hw.a_depth) + (uint32_t)((a_limb * array_blocks + x) * length);
	c.w = half_row(k->b_half, p->hw.w_depth) + (uint32_t)((b_limb * n_blocks + y) * k->k + w_skipped);
	c.c = half_row(k->c_half, p->hw.acc_depth) + (uint32_t)(y * k->m + c_skipped);
	c.acc_shift = a_cut.lsb + b_cut.lsb;
	c.a_unsigned = a_cut.is_unsigned;
	c.w_unsigned = b_cut.is_unsigned;
	c.accumulate = p->shape.accumulate || !is_first;
	return c;
}
