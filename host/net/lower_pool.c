/* Pools: an output sees its window of the input at each of its taps, so every tap is an operation. */
#include <assert.h>

#include "lower/whole.h"
#include "net/lowering.h"

/* The windows of a pool. */
struct windows {
	int64_t kernel[2], stride;
	int64_t behind[2]; /* windows that a line (pixel) of the input is in, but for the last of them */
};

static struct windows windows_of(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	struct windows w = {{p->kernel[0], p->kernel[1]}, p->stride, {0, 0}};

	for (int d = 0; d < 2; d++)
		w.behind[d] = qmac_ceil_div(w.kernel[d], w.stride) - 1;
	return w;
}

/* ---- forward --------------------------------------------------------------------------- */

struct forward {
	const struct qmac_net_plan *plan;
	struct windows w;
	int layer, x, y, sum;
	bool is_max;
	bool one_by_one; /* a tap at a time is on chip */
};

/* Brings a tap's part of a tensor, or takes it back. */
static enum qmac_status move_tap(struct qmac_map *map, unsigned move, int panel, const struct windows *w,
                                 int64_t tap, struct qmac_error *err)
{
	const struct qmac_map_op op = {
		.move = move, .to = qmac_map_tap(panel, tap / w->kernel[1], tap % w->kernel[1], w->stride),
	};

	return qmac_map_add(map, &op, err);
}

/* The sum, or the largest, of all taps: in `sum`, but for the last operation, which may round. */
static enum qmac_status add_taps(const struct forward *f, struct qmac_map *map, struct qmac_error *err)
{
	const struct qmac_net_mean mean = qmac_net_mean_of(&f->plan->net->layers[f->layer]);
	int64_t taps = f->w.kernel[0] * f->w.kernel[1];
	struct qmac_map_op op = qmac_net_op(f->plan, QMAC_OP_ADD, f->sum, f->sum, -1);
	enum qmac_status status = QMAC_OK;

	for (int64_t tap = 0; status == QMAC_OK && tap < taps; tap++) {
		struct qmac_map_operand x = qmac_map_tap(f->x, tap / f->w.kernel[1], tap % f->w.kernel[1],
		                                         f->w.stride);

		if (f->one_by_one) {
			x = qmac_map_whole(f->x);
			status = move_tap(map, QMAC_OPCODE_LOAD, f->x, &f->w, tap, err);
		}
		if (tap > 0 && f->is_max)
			op.op = QMAC_OP_MAX;
		if (tap > 0)
			op.from = qmac_map_whole(f->sum);
		*(tap > 0 ? &op.other : &op.from) = x;
		if (status == QMAC_OK && tap < taps - 1)
			status = qmac_map_add(map, &op, err);
	}
	op.to = qmac_map_whole(f->y);
	if (!f->is_max)
		op.scale.mult = mean.multiplier;
	if (status != QMAC_OK || f->is_max)
		return status == QMAC_OK ? qmac_map_add(map, &op, err) : status;
	return qmac_net_requantise(f->plan, f->layer, map, op, f->sum, err);
}

static enum qmac_status make_forward(const struct qmac_net_lowering *to, int layer, bool one_by_one,
                                     struct qmac_map *map, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	struct forward f = {.plan = plan, .w = windows_of(plan, layer), .layer = layer,
	                    .is_max = of->kind == QMAC_LAYER_MAX_POOL, .one_by_one = one_by_one};
	struct qmac_map_reach reach = {{f.w.stride, f.w.stride}, {0, 0},
	                               {f.w.kernel[0] - f.w.stride, f.w.kernel[1] - f.w.stride}};
	const struct qmac_view *x = qmac_net_output(plan, of->input);

	*map = qmac_net_map(to, layer, plan->layers[layer].out);
	f.x = one_by_one ? qmac_map_part(map, x) : qmac_map_load(map, x, reach);
	f.y = qmac_map_store(map, qmac_net_output(plan, layer), qmac_map_same);
	f.sum = f.is_max ? f.y : qmac_map_temporary(map, qmac_map_same);
	return add_taps(&f, map, err);
}

enum qmac_status qmac_net_pool_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	struct qmac_map map;
	enum qmac_status status = make_forward(to, layer, false, &map, err);

	if (status == QMAC_OK && !qmac_map_fits(&map, &to->plan->hw)) {
		qmac_map_free(&map);
		status = make_forward(to, layer, true, &map, err);
	}
	return qmac_net_map_end(to, &map, layer, status, err);
}

/* ---- back ------------------------------------------------------------------------------ */

struct back {
	const struct qmac_net_plan *plan;
	struct windows w;
	int g, x, y, equal, dx;
	bool overlap;               /* a place may lie in several windows */
	struct qmac_net_mean mean;
};

static struct qmac_map_op operation(const struct back *b, unsigned op, struct qmac_map_operand to,
                                      struct qmac_map_operand from, struct qmac_map_operand other)
{
	struct qmac_map_op made = qmac_net_op(b->plan, op, 0, 0, -1);

	made.to = to;
	made.from = from;
	made.other = other;
	for (int d = 0; d < 2; d++)
		made.more[d] = b->w.behind[d];
	return made;
}

/* The first place that equals the largest takes all of a window's gradient. */
static enum qmac_status max_tap(const struct back *b, struct qmac_map *map, int64_t line, int64_t pixel,
                                struct qmac_error *err)
{
	struct qmac_map_operand g = qmac_map_whole(b->g), equal = qmac_map_whole(b->equal);
	struct qmac_map_operand x = qmac_map_tap(b->x, line, pixel, b->w.stride);
	struct qmac_map_operand dx = qmac_map_tap(b->dx, line, pixel, b->w.stride);
	bool is_last = line == b->w.kernel[0] - 1 && pixel == b->w.kernel[1] - 1;
	struct qmac_map_op ops[4];
	enum qmac_status status = QMAC_OK;
	int count = 0;

	ops[count++] = operation(b, QMAC_OP_EQ, equal, x, qmac_map_whole(b->y));
	ops[count++] = operation(b, QMAC_OP_SELECT, b->overlap ? equal : dx, g, equal);
	if (!is_last)
		ops[count++] = operation(b, QMAC_OP_SUB, g, g, b->overlap ? equal : dx);
	if (b->overlap)
		ops[count++] = operation(b, QMAC_OP_ADD, dx, dx, equal);
	for (int i = 0; status == QMAC_OK && i < count; i++)
		status = qmac_map_add(map, &ops[i], err);
	return status;
}

static void round_mean(const struct back *b, struct qmac_map_op *op)
{
	if (b->mean.multiplier == 1)
		return;
	op->scale.mult = b->mean.multiplier;
	op->scale.shift = 16;
	op->scale.rounding = QMAC_ROUND_NEAREST;
}

static enum qmac_status mean_tap(const struct back *b, struct qmac_map *map, int64_t line, int64_t pixel,
                                 struct qmac_error *err)
{
	struct qmac_map_operand g = qmac_map_whole(b->g);
	struct qmac_map_operand dx = qmac_map_tap(b->dx, line, pixel, b->w.stride);
	struct qmac_map_op op = b->overlap ? operation(b, QMAC_OP_ADD, dx, dx, g) :
	                          operation(b, QMAC_OP_ADD, dx, g, qmac_map_number);

	if (!b->overlap)
		round_mean(b, &op);
	return qmac_map_add(map, &op, err);
}

/*
 * The map is over windows, of which there are as many as it takes to have every place of the input in one
 * that begins at or before it: those beyond the last real one get no gradient. A piece works on the windows
 * before its own, too, and stores the places that no window behind it sees.
 */
static void add_panels(struct back *b, struct qmac_map *map, int layer, int link, bool is_max)
{
	const struct qmac_net_plan *plan = b->plan;
	const struct windows *w = &b->w;
	struct qmac_map_reach windows = qmac_map_same, places;

	for (int d = 0; d < 2; d++) {
		int64_t size = w->kernel[d] > w->stride ? w->kernel[d] : w->stride;

		windows.first[d] = -w->behind[d];
		windows.extra[d] = w->behind[d];
		places.scale[d] = w->stride;
		places.first[d] = -w->behind[d] * w->stride;
		places.extra[d] = (w->behind[d] - 1) * w->stride + size;
	}
	b->g = qmac_map_load(map, qmac_net_back(plan, layer), windows);
	b->dx = qmac_map_store(map, &plan->contribution[link], places);
	if (!is_max)
		return;
	b->x = qmac_map_load(map, qmac_net_output(plan, plan->net->layers[layer].input), places);
	b->y = qmac_map_load(map, qmac_net_output(plan, layer), windows);
	b->equal = qmac_map_temporary(map, windows);
}

/* Zeros in a tensor, or what is there times a mean's multiplier. */
static enum qmac_status pass_over(struct qmac_net_lowering *to, const struct back *b, int layer,
                                  const struct qmac_view *view, bool zero, struct qmac_error *err)
{
	struct qmac_map map = qmac_net_map(to, layer, b->plan->layers[layer].in);
	int after = qmac_map_store(&map, view, qmac_map_same);
	int before = zero ? after : qmac_map_load(&map, view, qmac_map_same);
	struct qmac_map_op op = qmac_net_op(b->plan, QMAC_OP_ADD, after, before, -1);

	if (zero)
		op.scale.mult = 0;
	else
		round_mean(b, &op);
	return qmac_net_map_end(to, &map, layer, qmac_map_add(&map, &op, err), err);
}

/* Tap by tap, each place in memory taken, added to and put back: for a window that does not fit. */
static enum qmac_status back_one_by_one(struct qmac_net_lowering *to, struct back *b, int layer, int link,
                                        bool is_max, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = b->plan;
	const struct qmac_view *dx = &plan->contribution[link];
	struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].out);
	int g = qmac_map_load(&map, qmac_net_back(plan, layer), qmac_map_same), into = qmac_map_part(&map, dx);
	int x = 0, y = 0, take = g;
	enum qmac_status status = pass_over(to, b, layer, dx, true, err);

	if (is_max) {
		x = qmac_map_part(&map, qmac_net_output(plan, plan->net->layers[layer].input));
		y = qmac_map_load(&map, qmac_net_output(plan, layer), qmac_map_same);
		take = qmac_map_temporary(&map, qmac_map_same);
	}
	for (int64_t tap = 0; status == QMAC_OK && tap < b->w.kernel[0] * b->w.kernel[1]; tap++) {
		if (is_max) {
			status = move_tap(&map, QMAC_OPCODE_LOAD, x, &b->w, tap, err);
			if (status == QMAC_OK)
				status = qmac_net_exact(plan, &map, QMAC_OP_EQ, take, x, y, 0, err);
			if (status == QMAC_OK)
				status = qmac_net_exact(plan, &map, QMAC_OP_SELECT, take, g, take, 0, err);
			if (status == QMAC_OK)
				status = qmac_net_exact(plan, &map, QMAC_OP_SUB, g, g, take, 0, err);
		}
		if (status == QMAC_OK)
			status = move_tap(&map, QMAC_OPCODE_LOAD, into, &b->w, tap, err);
		if (status == QMAC_OK)
			status = qmac_net_exact(plan, &map, QMAC_OP_ADD, into, into, take, 0, err);
		if (status == QMAC_OK)
			status = move_tap(&map, QMAC_OPCODE_STORE, into, &b->w, tap, err);
	}
	status = qmac_net_map_end(to, &map, layer, status, err);
	if (status == QMAC_OK && !is_max && b->mean.multiplier != 1)
		status = pass_over(to, b, layer, dx, false, err);
	return status;
}

enum qmac_status qmac_net_pool_back(struct qmac_net_lowering *to, int layer, int link, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	bool is_max = plan->net->layers[layer].kind == QMAC_LAYER_MAX_POOL;
	struct back b = {.plan = plan, .w = windows_of(plan, layer),
	                 .mean = qmac_net_mean_of(&plan->net->layers[layer])};
	struct qmac_shape shape = {p->in.channels, qmac_ceil_div(p->in.height, b.w.stride),
	                           qmac_ceil_div(p->in.width, b.w.stride)};
	struct qmac_map map = qmac_net_map(to, layer, shape);
	struct qmac_map_op all;
	enum qmac_status status = QMAC_OK;

	b.overlap = b.w.behind[0] > 0 || b.w.behind[1] > 0;
	add_panels(&b, &map, layer, link, is_max);
	all = qmac_net_op(plan, QMAC_OP_ADD, b.dx, b.dx, -1);
	all.all = true;
	if (b.overlap || b.w.kernel[0] < b.w.stride || b.w.kernel[1] < b.w.stride) {
		struct qmac_map_op zero = all;

		zero.scale.mult = 0;
		status = qmac_map_add(&map, &zero, err);
	}
	for (int64_t tap = 0; status == QMAC_OK && tap < b.w.kernel[0] * b.w.kernel[1]; tap++) {
		int64_t line = tap / b.w.kernel[1], pixel = tap % b.w.kernel[1];

		status = is_max ? max_tap(&b, &map, line, pixel, err) : mean_tap(&b, &map, line, pixel, err);
	}
	round_mean(&b, &all);
	if (status == QMAC_OK && !is_max && b.overlap && b.mean.multiplier != 1)
		status = qmac_map_add(&map, &all, err);
	if (status == QMAC_OK && !qmac_map_fits(&map, &plan->hw)) {
		qmac_map_free(&map);
		return back_one_by_one(to, &b, layer, link, is_max, err);
	}
	return qmac_net_map_end(to, &map, layer, status, err);
}
