/* A layer's error: what the readers of its output give back, added, masked, and rounded once. */
#include <assert.h>

#include "net/lowering.h"

struct error_map {
	struct qmac_net_lowering *to;
	const struct qmac_net_plan *plan;
	int layer;
	struct qmac_map map;
	struct qmac_map_reach reach; /* of panels of the layer's own positions */
	bool spreads;   /* the sum is one of 2 x 2 pixels each */
	int x;          /* the sum, so far */
	int derivative; /* panel of d, -1: none */
	int norm;       /* the batch_norm that gives back, rounded at once, QMAC_NET_NONE: none does */
	int output;     /* panel of the layer's output, -1: none yet */
	bool relu;      /* lets through what is above 0 */
	bool mask_is_apart; /* the derivative is 0 where errors are masked */
	int product;    /* the reader whose product ends in the map, QMAC_NET_NONE: none does */
};

static int load_output(struct error_map *s)
{
	if (s->output < 0)
		s->output = qmac_map_load(&s->map, qmac_net_output(s->plan, s->layer), s->reach);
	return s->output;
}

/* ---- what is added up --------------------------------------------------------------------- */

/* What becomes of the sum behind the only reader, where that has nothing to store. */
static enum qmac_status go_through(struct error_map *s, int reader, struct qmac_error *err)
{
	int y;

	switch (s->plan->net->layers[reader].kind) {
	case QMAC_LAYER_RELU:
		s->relu = true;
		return QMAC_OK;
	case QMAC_LAYER_BATCH_NORM:
		s->norm = reader;
		return QMAC_OK;
	case QMAC_LAYER_FLATTEN:
		return QMAC_OK;
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		s->spreads = true;
		return QMAC_OK;
	default:
		if (qmac_net_derives_apart(s->plan, s->layer)) {
			s->derivative = qmac_map_load(&s->map, &s->plan->layers[s->layer].derivative, s->reach);
			return QMAC_OK;
		}
		y = qmac_map_load(&s->map, qmac_net_output(s->plan, reader), s->reach);
		s->derivative = qmac_map_temporary(&s->map, s->reach);
		return qmac_net_derivative(s->plan, &s->map, reader, s->derivative, y, err);
	}
}

/* The panel of a contribution. */
static int add_panel(struct error_map *s, int link)
{
	/* behind a pool it has that one's positions */
	if (s->plan->use[link] != QMAC_NET_USE_ENDED)
		return qmac_map_load(&s->map, qmac_net_link_view(s->plan, link),
		                     s->spreads ? qmac_map_same : s->reach);
	s->product = s->plan->flow.links[link].reader;
	return qmac_map_tile(&s->map);
}

/* Appends an operation from one panel to every second line and pixel of another, those of a class. */
static enum qmac_status add_to_class(struct error_map *s, struct qmac_map_op op, int to, int64_t class,
                                     struct qmac_error *err)
{
	op.to = qmac_map_tap(to, class / 2, class % 2, 2);
	if (op.from.panel == to)
		op.from = op.to;
	return qmac_map_add(&s->map, &op, err);
}

/* A contribution that comes class by class, each as one of several. */
static enum qmac_status add_split(struct error_map *s, const struct qmac_net_flow_layer *f, int link,
                                  struct qmac_error *err)
{
	const struct qmac_net_plan_layer *p = &s->plan->layers[s->plan->flow.links[link].reader];
	bool is_first = s->x < 0;
	enum qmac_status status = QMAC_OK;

	if (is_first)
		s->x = qmac_map_temporary(&s->map, s->reach);
	for (int64_t class = 0; status == QMAC_OK && class < 4; class++) {
		struct qmac_map_op op = qmac_net_op(s->plan, QMAC_OP_ADD, s->x, s->x, -1);
		struct qmac_view view = qmac_net_class_view(s->plan, link, class);

		if (!qmac_net_sees(p, class)) {
			op.scale.mult = 0;
			status = is_first ? add_to_class(s, op, s->x, class, err) : QMAC_OK;
			continue;
		}
		op.from = qmac_map_whole(qmac_map_load(&s->map, &view, qmac_map_same));
		if (f->count > 1) {
			op.scale.rounding = QMAC_ROUND_NEAREST;
			op.label = QMAC_NET_LABEL_ALIGN + link;
		}
		if (is_first) {
			status = add_to_class(s, op, s->x, class, err);
			continue;
		}
		op.to = op.from;
		status = qmac_map_add(&s->map, &op, err);
		op = qmac_net_op(s->plan, QMAC_OP_ADD, s->x, s->x, op.from.panel);
		status = status == QMAC_OK ? add_to_class(s, op, s->x, class, err) : status;
	}
	return status;
}

/* The sum goes to all pixels of the window that it is of. */
static enum qmac_status spread(struct error_map *s, struct qmac_error *err)
{
	int x = qmac_map_temporary(&s->map, s->reach);
	enum qmac_status status = QMAC_OK;

	for (int64_t class = 0; status == QMAC_OK && class < 4; class++)
		status = add_to_class(s, qmac_net_op(s->plan, QMAC_OP_ADD, x, s->x, -1), x, class, err);
	s->x = x;
	return status;
}

/* One of several is first brought to the unit of the sum, by a shift that is not known yet. */
static enum qmac_status add_link(struct error_map *s, const struct qmac_net_flow_layer *f, int link,
                                 struct qmac_error *err)
{
	struct qmac_map_op align;
	enum qmac_status status;
	int x;

	if (s->plan->use[link] == QMAC_NET_USE_SPLIT)
		return add_split(s, f, link, err);
	x = add_panel(s, link);
	align = qmac_net_op(s->plan, QMAC_OP_ADD, x, x, -1);
	if (f->count == 1) {
		s->x = x;
		return QMAC_OK;
	}
	align.scale.rounding = QMAC_ROUND_NEAREST;
	align.label = QMAC_NET_LABEL_ALIGN + link;
	status = qmac_map_add(&s->map, &align, err);
	if (s->x < 0) {
		s->x = x;
		return status;
	}
	return status == QMAC_OK ? qmac_net_exact(s->plan, &s->map, QMAC_OP_ADD, s->x, s->x, x, 0, err) : status;
}

/* What the others are added to: a tile, or what comes class by class. */
static int first_link(const struct qmac_net_plan *plan, int layer, const struct qmac_net_flow_layer *f)
{
	int ended = qmac_net_ended(plan, layer);

	for (int i = f->first; ended == QMAC_NET_NONE && i < f->first + f->count; i++)
		if (plan->use[i] == QMAC_NET_USE_SPLIT)
			return i;
	return ended == QMAC_NET_NONE ? f->first : ended;
}

/* All contributions, those to the layer, or to that behind it which is looked at in its place. */
static enum qmac_status add_up(struct error_map *s, struct qmac_error *err)
{
	const struct qmac_net_flow *flow = &s->plan->flow;
	const struct qmac_net_flow_layer *f = &flow->layers[s->layer];
	enum qmac_status status = QMAC_OK;
	int from = s->layer, first;

	for (int behind; status == QMAC_OK && (behind = qmac_net_behind(s->plan, from)) != QMAC_NET_NONE;) {
		status = go_through(s, behind, err);
		from = behind;
	}
	f = &flow->layers[from];
	if (status == QMAC_OK && f->count == 1 && s->plan->use[f->first] == QMAC_NET_USE_INLINE) {
		int reader = flow->links[f->first].reader;

		bool is_coarse = s->spreads || qmac_net_is_quarter(s->plan, reader);

		s->x = qmac_map_load(&s->map, qmac_net_back(s->plan, reader), is_coarse ? qmac_map_same : s->reach);
		return go_through(s, reader, err);
	}
	first = first_link(s->plan, s->layer, f);
	status = status == QMAC_OK ? add_link(s, f, first, err) : status;
	for (int i = f->first; status == QMAC_OK && i < f->first + f->count; i++)
		if (i != first)
			status = add_link(s, f, i, err);
	return status;
}

/* ---- where it is 0 ------------------------------------------------------------------------- */

static bool is_masked(const struct error_map *s)
{
	return s->plan->formats->clip && qmac_net_adds(s->plan->net->layers[s->layer].kind) &&
	       s->norm == QMAC_NET_NONE;
}

/*
 * A panel that is above 0 where the output's code is at no end of its range and, behind a relu, not 0. In W,
 * y + 1 + 2^(bits-1), from 2 to 2^bits - 1 inside, 1 and 2^bits at the ends: half of that, rounded down, has
 * its low bits - 1 bits 0 at the ends and only there. Codes behind a relu: y + 1 likewise, with a bit less.
 */
static enum qmac_status add_inside(struct error_map *s, int *inside, struct qmac_error *err)
{
	int bits = qmac_net_format(s->plan, s->layer).bw, kept = bits - 1 - s->relu, y = load_output(s);
	int32_t high = (int32_t)(((int64_t)1 << (bits - 1)) - 1);
	enum qmac_status status;

	if (bits <= s->plan->hw.w_bits && kept >= 1) {
		struct qmac_map_op op;

		*inside = qmac_map_narrow(&s->map, kept, s->reach);
		op = qmac_net_op(s->plan, QMAC_OP_ADD, *inside, y, -1);
		op.number = s->relu ? 1 : high + 2;
		op.scale.shift = 1;
		op.scale.rounding = QMAC_ROUND_FLOOR;
		return qmac_map_add(&s->map, &op, err);
	}
	/* kept off the ends it is not what it was then */
	*inside = qmac_map_temporary(&s->map, s->reach);
	status = qmac_net_exact(s->plan, &s->map, QMAC_OP_MIN, *inside, y, -1, high - 1, err);
	if (status == QMAC_OK)
		status = qmac_net_exact(s->plan, &s->map, QMAC_OP_MAX, *inside, *inside, -1, -high, err);
	if (status == QMAC_OK)
		status = qmac_net_exact(s->plan, &s->map, QMAC_OP_EQ, *inside, *inside, y, 0, err);
	if (status == QMAC_OK && s->relu)
		status = qmac_net_exact(s->plan, &s->map, QMAC_OP_SELECT, *inside, *inside, y, 0, err);
	return status;
}

/*
 * The derivative of the only reader, 0 where errors are masked, in a map of its own: exact, so that it may go
 * over memory in full rows.
 */
static enum qmac_status derive_apart(struct error_map *s, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = s->plan;
	struct error_map d = {.to = s->to, .plan = plan, .layer = s->layer, .norm = QMAC_NET_NONE, .output = -1,
	                      .reach = qmac_map_same};
	int reader = plan->flow.links[plan->flow.layers[s->layer].first].reader, y, to, slope, inside;
	enum qmac_status status;

	d.map = qmac_net_map(s->to, s->layer, plan->layers[s->layer].out);
	y = qmac_map_load(&d.map, qmac_net_output(plan, reader), qmac_map_same);
	to = slope = qmac_map_store(&d.map, &plan->layers[s->layer].derivative, qmac_map_same);
	s->mask_is_apart = is_masked(&d);
	if (s->mask_is_apart)
		slope = qmac_map_temporary(&d.map, qmac_map_same);
	status = qmac_net_derivative(plan, &d.map, reader, slope, y, err);
	if (status == QMAC_OK && s->mask_is_apart) {
		status = add_inside(&d, &inside, err);
		if (status == QMAC_OK)
			status = qmac_net_exact(plan, &d.map, QMAC_OP_SELECT, to, slope, inside, 0, err);
	}
	return qmac_net_map_end(s->to, &d.map, s->layer, status, err);
}

/* An operation that makes errors, with sums over them: for the layer's bias, or for a batch_norm. */
static enum qmac_status add_summed(struct error_map *s, struct qmac_map_op op, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = s->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[s->layer];
	const struct qmac_net_layer *of = &plan->net->layers[s->layer];
	int norm = of->kind == QMAC_LAYER_BATCH_NORM ? s->layer : plan->flow.layers[s->layer].merged;

	if (norm != QMAC_NET_NONE &&
	    qmac_net_sums_error(plan, s->layer, &plan->layers[norm].norm[QMAC_NET_PASS_BACK].slices)) {
		const struct qmac_view *x = qmac_net_output(plan, plan->net->layers[norm].input);

		return qmac_net_norm_summed(plan, &s->map, norm, QMAC_NET_PASS_BACK, op,
		                            qmac_map_load(&s->map, x, s->reach), err);
	}
	if (norm == QMAC_NET_NONE && of->bias != QMAC_NET_NONE && !p->has_pixels &&
	    qmac_net_sums_error(plan, s->layer, &p->slices))
		qmac_net_sum(&s->map, &op, &p->bias_sum, p->slice_bytes[1], p->terms, &p->slices);
	return qmac_map_add(&s->map, &op, err);
}

/* The last operation: rounded where there is an error, otherwise the sum itself. */
static enum qmac_status add_end(struct error_map *s, struct qmac_error *err)
{
	const struct qmac_net_flow_layer *f = &s->plan->flow.layers[s->layer];
	const struct qmac_net_plan_layer *p = &s->plan->layers[s->layer];
	const struct qmac_view *view = f->has_error ? &p->error : &p->sum;
	enum qmac_status status = QMAC_OK;
	int end = s->x, inside = -1;
	struct qmac_map_op op;

	if (s->product == QMAC_NET_NONE && s->reach.scale[0] == 1)
		end = qmac_map_store(&s->map, view, qmac_map_same);
	else
		qmac_map_keep(&s->map, s->x, view);
	if (is_masked(s) && !s->mask_is_apart)
		status = add_inside(s, &inside, err);
	else if (s->relu)
		inside = load_output(s);
	op = qmac_net_op(s->plan, inside < 0 ? QMAC_OP_ADD : QMAC_OP_SELECT, end, s->x, inside);
	if (s->derivative >= 0) {
		if (status == QMAC_OK && inside >= 0)
			status = qmac_net_exact(s->plan, &s->map, QMAC_OP_SELECT, s->x, s->x, inside, 0, err);
		op = qmac_net_op(s->plan, QMAC_OP_MUL, end, s->x, s->derivative);
	}
	if (s->norm != QMAC_NET_NONE)
		op = qmac_net_norm_op(s->plan, &s->map, s->norm, QMAC_NET_PASS_BACK, end, s->x, load_output(s));
	if (f->has_error) {
		op.scale.bits = f->bits;
		op.scale.rounding = s->plan->formats->error_rounding;
		op.label = QMAC_NET_LABEL_SHIFT;
	}
	return status == QMAC_OK ? add_summed(s, op, err) : status;
}

enum qmac_status qmac_net_lower_error(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_flow_layer *f = &plan->flow.layers[layer];
	struct error_map s = {.to = to, .plan = plan, .layer = layer, .x = -1, .derivative = -1,
	                      .norm = QMAC_NET_NONE, .output = -1, .product = QMAC_NET_NONE};
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	int64_t times = qmac_net_times(plan, layer);
	enum qmac_status status = QMAC_OK;

	/* the last one's comes from the host; a gradient that is not added to is where it was made */
	if (!f->count || !f->needed || (!f->has_error && f->count == 1) ||
	    qmac_net_gatherer(plan, layer) != layer)
		return QMAC_OK;
	s.reach = (struct qmac_map_reach){.scale = {times, times}};
	s.map = qmac_net_map(to, layer, (struct qmac_shape){p->out.channels, p->out.height / times,
	                                                    p->out.width / times});
	if (qmac_net_derives_apart(plan, layer))
		status = derive_apart(&s, err);
	if (status == QMAC_OK)
		status = add_up(&s, err);
	if (status == QMAC_OK && s.spreads)
		status = spread(&s, err);
	if (status == QMAC_OK)
		status = add_end(&s, err);
	for (int i = 0; times > 1 && i < s.map.op_count; i++)
		s.map.ops[i].all = s.map.ops[i].to.step[0] == 1;
	if (s.product == QMAC_NET_NONE)
		return qmac_net_map_end(to, &s.map, layer, status, err);
	return qmac_net_product_ends(to, &s.map, layer, s.product, status, err);
}
