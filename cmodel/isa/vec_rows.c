#include "isa/vec_rows.h"

#include "isa/space.h"

/* Rows first + outer * i + inner * j, or the distance between two such rows. */
struct walk {
	int64_t first, outer, inner;
};

/* Iterations i < outer, j < inner; the shorter loop is the outer one, which is the one to go through. */
struct turns {
	int64_t outer, inner;
};

static int64_t last_of(const struct walk *w, struct turns n)
{
	return w->first + (n.outer - 1) * w->outer + (n.inner - 1) * w->inner;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* In how many turns of one loop is a + step * j equal to 0? */
static int64_t zeros(int64_t a, int64_t step, int64_t turns)
{
	if (step == 0)
		return a == 0 ? turns : 0;
	return a % step == 0 && -a / step >= 0 && -a / step < turns;
}

/* Iterations in which both walks are at the same row. */
static int64_t meetings(const struct walk *a, const struct walk *b, struct turns n)
{
	struct walk apart = {a->first - b->first, a->outer - b->outer, a->inner - b->inner};
	int64_t count = 0;

	if (last_of(a, n) < b->first || last_of(b, n) < a->first)
		return 0;
	if (n.inner == 1 || apart.inner == 0)
		return n.inner * zeros(apart.first, apart.outer, n.outer);
	if (n.outer == 1 || apart.outer == 0)
		return n.outer * zeros(apart.first, apart.inner, n.inner);
	for (int64_t i = 0; i < n.outer; i++)
		count += zeros(apart.first + i * apart.outer, apart.inner, n.inner);
	return count;
}

/* How many of the rows first + step * j, j < turns, lie below `half`? */
static int64_t below(int64_t first, int64_t step, int64_t turns, int64_t half)
{
	if (first >= half)
		return 0;
	return step == 0 ? turns : smaller(turns, (half - first + step - 1) / step);
}

/* Iterations in which both walks are in the same half of the rows. */
static int64_t in_one_bank(const struct walk *a, const struct walk *b, struct turns n, int64_t half)
{
	int64_t count = 0;

	if ((a->first < half) == (last_of(a, n) < half) && (b->first < half) == (last_of(b, n) < half))
		return (a->first < half) == (b->first < half) ? n.outer * n.inner : 0;
	for (int64_t i = 0; i < n.outer; i++) {
		int64_t apart = below(a->first + i * a->outer, a->inner, n.inner, half) -
		                below(b->first + i * b->outer, b->inner, n.inner, half);

		count += n.inner - (apart < 0 ? -apart : apart);
	}
	return count;
}

static struct walk turned(struct walk w)
{
	return (struct walk){w.first, w.inner, w.outer};
}

struct qmac_vec_rows qmac_vec_rows(const struct qmac_hw *hw, const struct qmac_command *c)
{
	struct turns n = {c->n1, c->b0 ? c->n0 : 1}; /* those in which src1 is not held */
	struct walk src0 = {c->src0, c->a1, c->a0}, src1 = {c->src1, c->b1, c->b0};
	int64_t same;

	if (!qmac_vec_has_src1(c))
		return (struct qmac_vec_rows){0, 0};
	if (c->s0space != c->s1space)
		return (struct qmac_vec_rows){(uint64_t)(n.outer * n.inner), 0};
	if (n.outer > n.inner) {
		n = (struct turns){n.inner, n.outer};
		src0 = turned(src0);
		src1 = turned(src1);
	}
	same = meetings(&src0, &src1, n);
	return (struct qmac_vec_rows){
		.src1 = (uint64_t)(n.outer * n.inner - same),
		.shared = (uint64_t)(in_one_bank(&src0, &src1, n, qmac_space_rows(hw, c->s0space) / 2) - same),
	};
}
