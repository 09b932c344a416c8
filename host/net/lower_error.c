/* A layer's error: what the readers of its output give back, added, masked, and rounded once. */
#include <assert.h>

#include "net/lowering.h"

struct error_map {
	struct qmac_net_lowering *to;
	const struct qmac_net_plan *plan;
	int layer;
	struct qmac_map map;
	int x;          /* the sum, so far */
	int derivative; /* panel of d, -1: none */
	int norm;       /* the batch_norm that gives back, rounded at once, QMAC_NET_NONE: none does */
	int output;     /* panel of the layer's output, -1: none yet */
};

static int load_output(struct error_map *s)
{
	if (s->output < 0)
		s->output = qmac_map_load(&s->map, qmac_net_output(s->plan, s->layer), qmac_map_same);
	return s->output;
}

/* The only link: a relu lets through what is above 0; a derivative, or a batch norm, waits for the end. */
static enum qmac_status add_inline(struct error_map *s, int link, struct qmac_error *err)
{
	int reader = s->plan->flow.links[link].reader, y;

	s->x = qmac_map_load(&s->map, qmac_net_back(s->plan, reader), qmac_map_same);
	if (s->plan->net->layers[reader].kind == QMAC_LAYER_RELU)
		return qmac_net_exact(s->plan, &s->map, QMAC_OP_SELECT, s->x, s->x, load_output(s), 0, err);
	if (s->plan->net->layers[reader].kind == QMAC_LAYER_BATCH_NORM) {
		s->norm = reader;
		return QMAC_OK;
	}
	y = qmac_map_load(&s->map, qmac_net_output(s->plan, reader), qmac_map_same);
	s->derivative = qmac_map_temporary(&s->map, qmac_map_same);
	return qmac_net_derivative(s->plan, &s->map, reader, s->derivative, y, err);
}

/* One of several: first brought to the unit of the sum, by a shift that is not known yet. */
static enum qmac_status add_link(struct error_map *s, int link, struct qmac_error *err)
{
	const struct qmac_net_flow_layer *f = &s->plan->flow.layers[s->layer];
	int x = qmac_map_load(&s->map, qmac_net_link_view(s->plan, link), qmac_map_same);
	struct qmac_map_op align = qmac_net_op(s->plan, QMAC_OP_ADD, x, x, -1);
	enum qmac_status status;

	if (f->count == 1) {
		s->x = x;
		return QMAC_OK;
	}
	align.scale.rounding = QMAC_ROUND_NEAREST;
	align.label = QMAC_NET_LABEL_ALIGN + link;
	status = qmac_map_add(&s->map, &align, err);
	if (link == f->first) {
		s->x = x;
		return status;
	}
	return status == QMAC_OK ? qmac_net_exact(s->plan, &s->map, QMAC_OP_ADD, s->x, s->x, x, 0, err) : status;
}

/* 0 where the output's code is at an end of its range: kept off the ends it is not what it was then. */
static enum qmac_status add_mask(struct error_map *s, struct qmac_error *err)
{
	int bits = qmac_net_format(s->plan, s->layer).bw, y = load_output(s);
	int inside = qmac_map_temporary(&s->map, qmac_map_same);
	int32_t high = (int32_t)(((int64_t)1 << (bits - 1)) - 1);
	enum qmac_status status = qmac_net_exact(s->plan, &s->map, QMAC_OP_MIN, inside, y, -1, high - 1, err);

	/* a relu has let through what is above 0 only */
	if (status == QMAC_OK && s->plan->layers[s->layer].relu == QMAC_NET_NONE)
		status = qmac_net_exact(s->plan, &s->map, QMAC_OP_MAX, inside, inside, -1, -high, err);
	if (status == QMAC_OK)
		status = qmac_net_exact(s->plan, &s->map, QMAC_OP_EQ, inside, inside, y, 0, err);
	if (status == QMAC_OK)
		status = qmac_net_exact(s->plan, &s->map, QMAC_OP_SELECT, s->x, s->x, inside, 0, err);
	return status;
}

/* The last operation: rounded where there is an error, otherwise the sum itself. */
static enum qmac_status add_end(struct error_map *s, struct qmac_error *err)
{
	const struct qmac_net_flow_layer *f = &s->plan->flow.layers[s->layer];
	const struct qmac_net_plan_layer *p = &s->plan->layers[s->layer];
	int end = qmac_map_store(&s->map, f->has_error ? &p->error : &p->sum, qmac_map_same);
	struct qmac_map_op op = s->derivative < 0 ? qmac_net_op(s->plan, QMAC_OP_ADD, end, s->x, -1) :
	                          qmac_net_op(s->plan, QMAC_OP_MUL, end, s->x, s->derivative);

	if (s->norm != QMAC_NET_NONE)
		op = qmac_net_norm_op(s->plan, &s->map, s->norm, QMAC_NET_PASS_BACK, end, s->x, load_output(s));
	if (f->has_error) {
		op.scale.bits = f->bits;
		op.scale.rounding = s->plan->formats->error_rounding;
		op.label = QMAC_NET_LABEL_SHIFT;
	}
	return qmac_map_add(&s->map, &op, err);
}

static bool is_masked(const struct error_map *s)
{
	return s->plan->formats->clip && qmac_net_adds(s->plan->net->layers[s->layer].kind) &&
	       s->norm == QMAC_NET_NONE;
}

enum qmac_status qmac_net_lower_error(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_flow_layer *f = &plan->flow.layers[layer];
	struct error_map s = {.to = to, .plan = plan, .layer = layer, .derivative = -1, .norm = QMAC_NET_NONE,
	                      .output = -1};
	enum qmac_status status = QMAC_OK;

	/* the last one's comes from the host; a gradient that is not added to is where it was made */
	if (!f->count || !f->needed || (!f->has_error && f->count == 1))
		return QMAC_OK;
	s.map = qmac_net_map(to, layer, plan->layers[layer].out);
	for (int i = f->first; status == QMAC_OK && i < f->first + f->count; i++)
		status = qmac_net_link_is_inline(plan, layer, i) ? add_inline(&s, i, err) : add_link(&s, i, err);
	if (status == QMAC_OK && is_masked(&s))
		status = add_mask(&s, err);
	if (status == QMAC_OK)
		status = add_end(&s, err);
	return qmac_net_map_end(to, &s.map, layer, status, err);
}
