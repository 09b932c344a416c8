#include "isa/vec_rows.h"

#include "isa/space.h"

/* Rows first + outer * i + inner * j. */
struct walk {
	int64_t first, outer, inner;
};

/* Both sources, i < outer, j < inner; the shorter loop is the outer one, which is the one to go through. */
struct walks {
	struct walk src0, src1;
	int64_t outer, inner;
};

static struct walks walks_of(const struct qmac_command *c, uint32_t n1, uint32_t n0)
{
	if (n1 <= n0)
		return (struct walks){{c->src0, c->a1, c->a0}, {c->src1, c->b1, c->b0}, n1, n0};
	return (struct walks){{c->src0, c->a0, c->a1}, {c->src1, c->b0, c->b1}, n0, n1};
}

/* In how many turns of one loop is a + step * j equal to 0? */
static int64_t zeros(int64_t a, int64_t step, int64_t turns)
{
	if (step == 0)
		return a == 0 ? turns : 0;
	return a % step == 0 && -a / step >= 0 && -a / step < turns;
}

/* Iterations in which both are at the same row. */
static uint32_t meetings(const struct qmac_command *c, uint32_t n1, uint32_t n0)
{
	struct walks w = walks_of(c, n1, n0);
	struct walk apart = {w.src0.first - w.src1.first, w.src0.outer - w.src1.outer,
	                     w.src0.inner - w.src1.inner};
	int64_t count = 0;

	if (w.inner == 1 || apart.inner == 0)
		return (uint32_t)(w.inner * zeros(apart.first, apart.outer, w.outer));
	if (w.outer == 1 || apart.outer == 0)
		return (uint32_t)(w.outer * zeros(apart.first, apart.inner, w.inner));
	for (int64_t i = 0; i < w.outer; i++)
		count += zeros(apart.first + i * apart.outer, apart.inner, w.inner);
	return (uint32_t)count;
}

/* How many of the rows first + step * j, j < turns, lie below `half`? */
static int64_t below(int64_t first, int64_t step, int64_t turns, int64_t half)
{
	int64_t steps;

	if (first >= half)
		return 0;
	steps = step == 0 ? turns : (half - first + step - 1) / step;
	return steps < turns ? steps : turns;
}

/* Iterations in which both are in the same half of the rows. */
static uint32_t in_one_bank(const struct qmac_command *c, uint32_t n1, uint32_t n0, int64_t half)
{
	struct walks w = walks_of(c, n1, n0);
	int64_t count = 0;

	for (int64_t i = 0; i < w.outer; i++) {
		int64_t apart = below(w.src0.first + i * w.src0.outer, w.src0.inner, w.inner, half) -
		                below(w.src1.first + i * w.src1.outer, w.src1.inner, w.inner, half);

		count += w.inner - (apart < 0 ? -apart : apart);
	}
	return (uint32_t)count;
}

static uint32_t last_row(uint32_t first, uint32_t n1, uint32_t s1, uint32_t n0, uint32_t s0)
{
	return first + (n1 - 1) * s1 + (n0 - 1) * s0;
}

uint32_t qmac_vec_src1_reads(const struct qmac_command *c)
{
	uint32_t n1 = c->n1, n0 = c->b0 ? c->n0 : 1; /* those in which src1 is not held */

	if (!qmac_vec_has_src1(c))
		return 0;
	if (c->s0space != c->s1space || c->src0 > last_row(c->src1, n1, c->b1, n0, c->b0) ||
	    c->src1 > last_row(c->src0, n1, c->a1, n0, c->a0))
		return n1 * n0;
	return n1 * n0 - meetings(c, n1, n0);
}

uint32_t qmac_vec_shared_reads(const struct qmac_hw *hw, const struct qmac_command *c)
{
	uint32_t n1 = c->n1, n0 = c->b0 ? c->n0 : 1, half, last0, last1, same;

	if (!qmac_vec_has_src1(c) || c->s0space != c->s1space)
		return 0;
	half = qmac_space_rows(hw, c->s0space) / 2;
	last0 = last_row(c->src0, n1, c->a1, n0, c->a0);
	last1 = last_row(c->src1, n1, c->b1, n0, c->b0);
	if (last0 < half ? c->src1 >= half : c->src0 >= half && last1 < half)
		return 0;
	same = c->src0 <= last1 && c->src1 <= last0 ? meetings(c, n1, n0) : 0;
	if ((c->src0 < half) == (last0 < half) && (c->src1 < half) == (last1 < half))
		return n1 * n0 - same;
	return in_one_bank(c, n1, n0, half) - same;
}
