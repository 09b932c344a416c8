#include "reference/ref_conv.h"

#include <stdbool.h>
#include <string.h>

int64_t ref_conv_out_h(const struct ref_conv *c)
{
	return (c->h + 2 * c->pad - c->kh) / c->stride + 1;
}

int64_t ref_conv_out_w(const struct ref_conv *c)
{
	return (c->w + 2 * c->pad - c->kw) / c->stride + 1;
}

/* Every triple (element of x, of the weights, of y) that belongs together. */
struct triple {
	int64_t image, oy, ox, ky, kx, ci, co; /* where it is */
	int64_t x, weight, y;                  /* indices */
};

/* The next triple whose x is not padding; start with all 0 and co -1. */
static bool next(const struct ref_conv *c, struct triple *t)
{
	int64_t y, x;

	do {
		int64_t *wheels[] = {&t->co, &t->ci, &t->kx, &t->ky, &t->ox, &t->oy, &t->image};
		int64_t sizes[] = {c->co, c->ci, c->kw, c->kh, ref_conv_out_w(c), ref_conv_out_h(c), c->n};
		int i = 0;

		while (i < 7 && ++*wheels[i] == sizes[i])
			*wheels[i++] = 0;
		if (i == 7)
			return false;
		y = t->oy * c->stride + t->ky - c->pad;
		x = t->ox * c->stride + t->kx - c->pad;
	} while (y < 0 || y >= c->h || x < 0 || x >= c->w);
	t->x = ((t->image * c->h + y) * c->w + x) * c->ci + t->ci;
	t->weight = ((t->ky * c->kw + t->kx) * c->ci + t->ci) * c->co + t->co;
	t->y = ((t->image * ref_conv_out_h(c) + t->oy) * ref_conv_out_w(c) + t->ox) * c->co + t->co;
	return true;
}

void ref_conv_forward(const struct ref_conv *c, const int64_t *x, const int64_t *weights, int64_t *y)
{
	struct triple t = {.co = -1};

	memset(y, 0, (size_t)(c->n * ref_conv_out_h(c) * ref_conv_out_w(c) * c->co) * sizeof *y);
	while (next(c, &t))
		y[t.y] += x[t.x] * weights[t.weight];
}

void ref_conv_data_gradient(const struct ref_conv *c, const int64_t *dy, const int64_t *weights, int64_t *dx)
{
	struct triple t = {.co = -1};

	memset(dx, 0, (size_t)(c->n * c->h * c->w * c->ci) * sizeof *dx);
	while (next(c, &t))
		dx[t.x] += dy[t.y] * weights[t.weight];
}

void ref_conv_weight_gradient(const struct ref_conv *c, const int64_t *x, const int64_t *dy, int64_t *dw)
{
	struct triple t = {.co = -1};

	memset(dw, 0, (size_t)(c->kh * c->kw * c->ci * c->co) * sizeof *dw);
	while (next(c, &t))
		dw[t.weight] += x[t.x] * dy[t.y];
}
