#include "lower/vector.h"

#include <assert.h>
#include <string.h>

enum { TO, FROM, OTHER, ROWS, LOOPS = 2 }; /* what an iteration adds; loops of a VEC */

struct qmac_vector qmac_vector_copy_limb(const struct qmac_panel *from, const struct qmac_panel *to, int i,
                                         const uint32_t n[3])
{
	struct qmac_vector vector = {
		.from = *from, .to = *to, .scale = {.mult = 1, .bits = to->limbs.bits},
	};

	vector.to.row = qmac_panel_row(to, i, 0);
	vector.to.limbs.first += i;
	vector.to.limbs.count = 1;
	memcpy(vector.n, n, sizeof vector.n);
	return vector;
}

/* Rows of the second operand from block to block, and from position to position. */
static uint32_t other_block(const struct qmac_vector *v)
{
	return v->has_other ? v->other.block_rows : v->has_bias;
}

static uint32_t other_step(const struct qmac_vector *v, int d)
{
	return v->has_other ? v->other.step[d] : 0;
}

bool qmac_vector_begins_block(const struct qmac_vector *v)
{
	return v->at[0] == 0 && v->at[1] == 0;
}

/* Whole blocks are the outermost loop. */
static int make_loops(const struct qmac_vector *v, uint32_t blocks, const uint32_t n[3],
                      struct qmac_nest_loop loops[4])
{
	loops[0] = (struct qmac_nest_loop){
		.n = blocks, .hi = blocks - 1,
		.s = {v->to.block_rows, v->from.block_rows, other_block(v), 0},
	};
	/* never one with a loop of positions: the channel coordinate steps and, where there is a bias, its row */
	for (int d = 0; d < 3; d++)
		loops[d + 1] = (struct qmac_nest_loop){
			.n = n[d], .hi = n[d] - 1,
			.s = {v->to.step[d], v->from.step[d], other_step(v, d), v->scale.rows[d]},
		};
	if (blocks == 1)
		return qmac_nest_merge(loops, 4);
	return 1 + qmac_nest_merge(loops + 1, 3);
}

/*
 * Two loops, and the row coordinate of random numbers steps by at most 16 bits from one turn to the next.
 * Sums are over the inner loop, so all positions are in that.
 */
static bool fit(const struct qmac_vector *v, uint32_t blocks, const struct qmac_nest_loop *loops, int count)
{
	bool random = v->scale.rounding == QMAC_ROUND_STOCHASTIC;

	if ((v->has_sum || v->reduces) && blocks == 1 && count == LOOPS)
		return false;
	return count < LOOPS || (count == LOOPS && !(random && loops[0].s[ROWS] > UINT16_MAX));
}

/*
 * The loops of the next command: as many blocks and positions as two loops take. Where that is not all
 * positions, i2 and then i1 are gone through one by one.
 */
static int choose(const struct qmac_vector *v, uint32_t *blocks, uint32_t n[3],
                  struct qmac_nest_loop loops[4])
{
	int64_t whole = v->from.channels / v->from.lanes - v->block;
	int count;

	*blocks = whole > 1 && qmac_vector_begins_block(v) ? (uint32_t)whole : 1;
	memcpy(n, v->n, sizeof v->n);
	count = make_loops(v, *blocks, n, loops);
	if (*blocks > 1 && !fit(v, *blocks, loops, count)) {
		*blocks = 1;
		count = make_loops(v, 1, n, loops);
	}
	for (int d = 0; d < 2 && !fit(v, *blocks, loops, count); d++) {
		n[d] = 1;
		count = make_loops(v, 1, n, loops);
	}
	assert(fit(v, *blocks, loops, count));
	return count;
}

static void put_rounding(const struct qmac_vector *v, uint32_t row, bool block_loop,
                         const struct qmac_nest_loop *l1, const struct qmac_nest_loop *l0,
                         struct qmac_command *c)
{
	c->rnd = v->scale.rounding;
	if (c->rnd != QMAC_ROUND_STOCHASTIC)
		return;
	assert(l0->s[ROWS] <= 1 && l1->s[ROWS] <= UINT16_MAX);
	c->seed = v->scale.seed;
	c->dither_row0 = row;
	c->dither_rs0 = v->reduces ? 0 : (uint32_t)l0->s[ROWS];
	c->dither_rs1 = (uint32_t)l1->s[ROWS];
	c->dither_lane0 = (v->scale.channel0 + (uint32_t)(v->block * v->from.lanes)) & 0xFFFF;
	c->dither_cs1 = block_loop ? (uint32_t)v->from.lanes : 0;
}

static void put_destination(const struct qmac_vector *v, struct qmac_command *c)
{
	c->dspace = v->to.space;
	if (v->to.space != QMAC_SPACE_ACC) {
		struct qmac_limb_cut cut = qmac_limb_cut(&v->to.limbs, 0);

		c->lsb = cut.lsb;
		c->nbits = cut.bits;
		c->limb_unsigned = cut.is_unsigned;
	}
}

/* `shift`: rows to the command's first position. */
static void put_second(const struct qmac_vector *v, uint32_t shift, const struct qmac_nest_loop *l1,
                       const struct qmac_nest_loop *l0, struct qmac_command *c)
{
	bool lookup = v->op == QMAC_OP_LOOKUP, row = !lookup && (v->has_other || v->has_bias);

	c->op = v->op;
	if (lookup) {
		c->in_bits = v->in_bits;
		c->lut_n = v->lut_n;
		c->lut_base = v->lut_base;
	} else if (row) {
		c->s1space = v->has_other ? v->other.space : QMAC_SPACE_ACC;
		c->src1 = (v->has_other ? v->other.row : v->bias_row) + (uint32_t)v->block * other_block(v) + shift;
		c->b1 = (uint32_t)l1->s[OTHER];
		c->b0 = (uint32_t)l0->s[OTHER];
	} else {
		c->s1space = QMAC_SPACE_IMM;
		c->imm = v->number;
	}
	if (c->op == QMAC_OP_ADD || c->op == QMAC_OP_SUB || c->op == QMAC_OP_MIN || c->op == QMAC_OP_MAX) {
		c->l0 = (uint32_t)v->scale.left;
		c->mult = v->scale.mult;
	}
	if (c->op != QMAC_OP_EQ)
		c->shift = (uint32_t)v->scale.shift;
}

/* Coefficients and sums: a row, or three, for each block. */
static void put_rows(const struct qmac_vector *v, uint32_t blocks, struct qmac_command *c)
{
	uint32_t block = (uint32_t)v->block;

	if (v->op == QMAC_OP_AFFINE) {
		assert(v->has_other);
		c->coef = v->coef_row + QMAC_COEFFICIENTS * block;
		c->coef_step = blocks > 1;
	}
	if (v->has_sum)
		c->sum = v->sum_row + block;
	c->red_rows = v->reduces;
}

/* Goes on behind positions n of `blocks` blocks. */
static void advance(struct qmac_vector *v, uint32_t blocks, const uint32_t n[3])
{
	if (n[1] < v->n[1] && ++v->at[1] < v->n[1])
		return;
	v->at[1] = 0;
	if (n[0] < v->n[0] && ++v->at[0] < v->n[0])
		return;
	v->at[0] = 0;
	v->block += blocks;
}

bool qmac_vector_next(struct qmac_vector *v, struct qmac_command *command)
{
	const struct qmac_rescale *scale = &v->scale;
	struct qmac_nest_loop loops[4], one = {.n = 1}, *l0, *l1;
	uint32_t blocks, n[3], shift[4] = {0, 0, 0, 0};
	struct qmac_command c = {.opcode = QMAC_OPCODE_VEC};
	int count;

	if (v->block == qmac_panel_blocks(&v->from))
		return false;
	assert(v->from.lanes == v->to.lanes);
	count = choose(v, &blocks, n, loops);
	l0 = count > (blocks > 1) ? &loops[count - 1] : &one;
	l1 = count > 1 || blocks > 1 ? &loops[0] : &one;
	for (int d = 0; d < 2; d++) {
		shift[TO] += v->at[d] * v->to.step[d];
		shift[FROM] += v->at[d] * v->from.step[d];
		shift[OTHER] += v->at[d] * other_step(v, d);
		shift[ROWS] += v->at[d] * scale->rows[d];
	}
	c.n1 = l1->n;
	c.n0 = l0->n;
	c.dst = qmac_panel_row(&v->to, 0, v->block) + shift[TO];
	c.src0 = qmac_panel_row(&v->from, 0, v->block) + shift[FROM];
	c.d1 = (uint32_t)l1->s[TO];
	c.d0 = (uint32_t)l0->s[TO];
	c.a1 = (uint32_t)l1->s[FROM];
	c.a0 = (uint32_t)l0->s[FROM];
	c.s0space = v->from.space;
	put_second(v, shift[OTHER], l1, l0, &c);
	c.relu = scale->relu;
	c.bw = (uint32_t)scale->bits;
	c.lanes = qmac_panel_lanes(&v->from, v->block);
	put_rows(v, blocks, &c);
	put_destination(v, &c);
	put_rounding(v, scale->row0 + shift[ROWS], blocks > 1, l1, l0, &c);
	advance(v, blocks, n);
	*command = c;
	return true;
}
