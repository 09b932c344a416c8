/* Random convolutions in plain numbers, and how they lie in memory. */
#ifndef QMAC_TESTS_CONV_PROBLEM_H
#define QMAC_TESTS_CONV_PROBLEM_H

#include "fuzz/random.h"
#include "lower/conv.h"
#include "reference/ref_conv.h"
#include "test.h"

enum { CASES = TEST_CASES(120), ELEMENTS_MAX = 1 << 14, PASSES_MAX = 4000, DEPTH = 65536 };

static uint64_t state;
static struct {
	int runs, split_sums, split_images, split_lines, split_taps, split_n, pairs, no_taps, empty, one_pixel,
	    ragged, kept[3];
} seen;

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

/* ---- the problem --------------------------------------------------------------------- */

struct problem {
	struct ref_conv shape;
	struct qmac_conv conv;
	struct qmac_element x, w, y;
	int64_t xs[ELEMENTS_MAX], ws[ELEMENTS_MAX], wts[ELEMENTS_MAX], ys[ELEMENTS_MAX], dxs[ELEMENTS_MAX],
	        dws[ELEMENTS_MAX];
};

static struct problem problem;
static int64_t before[ELEMENTS_MAX];

static const struct qmac_element sum = {.bits = 64, .is_signed = true, .container = QMAC_CONTAINER_DOUBLE};

static struct qmac_element element(void)
{
	struct qmac_element e = {.bits = (int)qmac_fuzz_pick(&state, 2, pick(0, 2) ? 8 : 19)};

	e.is_signed = pick(0, 2) != 0;
	e.container = (unsigned)(e.bits > 8) + (unsigned)(e.bits > 16) + (unsigned)(pick(0, 3) == 0);
	return e;
}

static void fill(int64_t *values, int64_t count, const struct qmac_element *e)
{
	int64_t low = e->is_signed ? -((int64_t)1 << (e->bits - 1)) : 0;
	int64_t high = low + ((int64_t)1 << e->bits) - 1, way = pick(0, 2);

	CU_ASSERT_FATAL(count <= ELEMENTS_MAX);
	for (int64_t i = 0; i < count; i++)
		values[i] = way == 0 ? (e->is_signed ? low : high) : pick(0, 5) ? pick(low, high) : 0;
}

/* Sides around `rows` and `cols` of the array come often. */
static int64_t channels_near(int side)
{
	int64_t c = pick(0, 1) ? side + pick(-1, 1) : qmac_fuzz_pick(&state, 1, 20);

	return c < 1 ? 1 : c > 33 ? 33 : c;
}

static void draw_shape(struct ref_conv *c, const struct qmac_hw *hw)
{
	do {
		*c = (struct ref_conv){
			.n = pick(1, 4), .h = qmac_fuzz_pick(&state, 1, 8), .w = qmac_fuzz_pick(&state, 1, 8),
			.ci = channels_near(hw->rows), .co = channels_near(hw->cols), .kh = pick(1, 4),
			.kw = pick(1, 4), .stride = pick(1, 3), .pad = pick(0, 3),
		};
	} while (c->h + 2 * c->pad < c->kh || c->w + 2 * c->pad < c->kw ||
	         c->n * c->h * c->w * c->ci > ELEMENTS_MAX || c->kh * c->kw * c->ci * c->co > ELEMENTS_MAX ||
	         c->n * ref_conv_out_h(c) * ref_conv_out_w(c) * c->co > ELEMENTS_MAX ||
	         c->n * ref_conv_out_h(c) * ref_conv_out_w(c) * c->co * c->kh * c->kw * c->ci > 1 << 20);
}

/* Numbers and results. */
static void solve(struct problem *p)
{
	const struct ref_conv *c = &p->shape;
	int64_t taps = c->kh * c->kw;

	p->conv = (struct qmac_conv){{c->kh, c->kw}, c->stride, c->pad};
	p->x = element();
	p->w = element();
	fill(p->xs, c->n * c->h * c->w * c->ci, &p->x);
	fill(p->ws, taps * c->ci * c->co, &p->w);
	for (int64_t i = 0; i < taps * c->ci * c->co; i++)
		p->wts[(i / (c->ci * c->co) * c->co + i % c->co) * c->ci + i / c->co % c->ci] = p->ws[i];
	ref_conv_forward(c, p->xs, p->ws, p->ys);
	seen.one_pixel += c->h == 1 && c->w == 1;
	seen.ragged += (c->h + 2 * c->pad - c->kh) % c->stride != 0;
}

/* ---- views ------------------------------------------------------------------------------- */

static struct qmac_view images(struct qmac_element e, int64_t channels, int64_t h, int64_t w)
{
	return qmac_view_images((uint64_t)pick(0, 3) << e.container, e, problem.shape.n, channels, h, w,
	                        pick(0, 1) ? qmac_fuzz_pick(&state, 1, 20) : channels);
}

static struct qmac_view view_x(struct qmac_element e)
{
	return images(e, problem.shape.ci, problem.shape.h, problem.shape.w);
}

static struct qmac_view view_y(struct qmac_element e)
{
	return images(e, problem.shape.co, ref_conv_out_h(&problem.shape), ref_conv_out_w(&problem.shape));
}

static struct qmac_view view_w(struct qmac_element e, int64_t channels, int64_t n)
{
	uint64_t unit = (uint64_t)1 << e.container;

	return qmac_view_weights((uint64_t)pick(0, 3) * unit, e, &problem.conv, channels, n,
	                         (uint64_t)(n + pick(0, 3)) * unit);
}

#endif
