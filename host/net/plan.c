#include "net/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lower/arena.h"
#include "lower/whole.h"
#include "net/lowering.h"
#include "num/whole.h"

/* ---- what lies where ------------------------------------------------------------------- */

const struct qmac_view *qmac_net_output(const struct qmac_net_plan *plan, int layer)
{
	while (layer >= 0 && plan->net->layers[layer].kind == QMAC_LAYER_FLATTEN)
		layer = plan->net->layers[layer].input;
	if (layer >= 0 && plan->layers[layer].relu != QMAC_NET_NONE)
		layer = plan->layers[layer].relu;
	return layer < 0 ? &plan->input : &plan->layers[layer].output;
}

const struct qmac_view *qmac_net_back(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[layer];

	if (f->has_error)
		return &plan->layers[layer].error;
	return f->count > 1 ? &plan->layers[layer].sum : qmac_net_link_view(plan, f->first);
}

const struct qmac_view *qmac_net_link_view(const struct qmac_net_plan *plan, int link)
{
	int reader = plan->flow.links[link].reader;

	return plan->use[link] == QMAC_NET_USE_PASSED ? qmac_net_back(plan, reader) : &plan->contribution[link];
}

struct qmac_net_norm qmac_net_norm_of(const struct qmac_net_plan *plan, int layer)
{
	const struct qmac_net_flow *flow = &plan->flow;
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	int add = flow->layers[layer].merged_into;
	bool merged = add != QMAC_NET_NONE;

	return (struct qmac_net_norm){
		.channels = of->in.channels, .count = plan->batch * of->in.height * of->in.width,
		.x_fl = qmac_net_format(plan, of->input).fl, .y_fl = qmac_net_format(plan, merged ? add : layer).fl,
		.merged = merged,
		.other_fl = merged ? qmac_net_format(plan, qmac_net_flow_other(flow, add)).fl : 0,
	};
}

struct qmac_view qmac_net_class_view(const struct qmac_net_plan *plan, int link, int64_t class)
{
	struct qmac_view view = plan->contribution[link];

	view.address += (uint64_t)class * qmac_view_bytes(&view);
	return view;
}

/* ---- layers ---------------------------------------------------------------------------- */

static bool is_product(const struct qmac_net_layer *layer)
{
	return layer->kind == QMAC_LAYER_CONV || layer->kind == QMAC_LAYER_LINEAR;
}

/*
 * A conv that reads the input: a pass for each tap and block of channels, or, of windows, one for each block
 * of what a window holds. Nobody else may read the input, and there must be no more than half as many.
 */
static int find_windows(const struct qmac_net_plan *plan)
{
	const struct qmac_net *net = plan->net;
	int found = QMAC_NET_NONE, readers = 0;

	for (int l = 0; l < net->layer_count; l++) {
		const struct qmac_net_layer *layer = &net->layers[l];
		int64_t taps = layer->kernel[0] * layer->kernel[1], channels = layer->in.channels;
		int64_t each = qmac_ceil_div(channels, plan->hw.rows);

		readers += layer->input < 0;
		readers += layer->kind == QMAC_LAYER_ADD && layer->other < 0;
		if (layer->input < 0 && layer->kind == QMAC_LAYER_CONV &&
		    2 * qmac_ceil_div(channels * taps, plan->hw.rows) <= taps * each)
			found = l;
	}
	return readers == 1 ? found : QMAC_NET_NONE;
}

static void set_windows(struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	int64_t taps = layer->kernel[0] * layer->kernel[1];
	struct qmac_net_plan_layer *p = &plan->layers[l];

	p->in = (struct qmac_shape){layer->in.channels * taps, layer->out.height, layer->out.width};
	p->out = layer->out;
	p->kernel[0] = p->kernel[1] = p->stride = 1;
	p->conv = (struct qmac_conv){{1, 1}, 1, 0};
}

/* Shapes as they lie: flatten moves nothing, and what reads one pixel of many channels finds many of few. */
static void set_shape(struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	struct qmac_net_plan_layer *p = &plan->layers[l];

	bool flattened;

	p->in = layer->input < 0 ? plan->net->input : plan->layers[layer->input].out;
	p->out = layer->out;
	memcpy(p->kernel, layer->kernel, sizeof p->kernel);
	p->stride = layer->stride;
	flattened = p->in.channels != layer->in.channels;
	if (flattened) {
		p->stride = 1;
		p->kernel[0] = is_product(layer) ? p->in.height : 1;
		p->kernel[1] = is_product(layer) ? p->in.width : 1;
	}
	if (!is_product(layer) && (flattened || layer->kind == QMAC_LAYER_FLATTEN))
		p->out = p->in;
	/* one window has no neighbours: each of its pixels is seen through one tap */
	for (int d = 0; d < 2; d++)
		if (p->out.height == 1 && p->out.width == 1 && layer->pad == 0 && p->stride < p->kernel[d])
			p->stride = p->kernel[d];
	p->has_pixels = layer->kind == QMAC_LAYER_BIAS && p->out.channels != layer->out.channels;
	p->conv = (struct qmac_conv){{p->kernel[0], p->kernel[1]}, p->stride, layer->pad};
}

/* Whether a relu is made together with what it reads. */
static void join_relu(struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_net_flow_layer *f = &plan->flow.layers[l];
	int reader = f->count == 1 ? plan->flow.links[f->first].reader : 0;

	plan->layers[l].relu = QMAC_NET_NONE;
	if (f->count != 1 || plan->net->layers[reader].kind != QMAC_LAYER_RELU)
		return;
	if (!qmac_net_adds(layer->kind))
		return;
	plan->layers[l].relu = reader;
	plan->layers[reader].is_made = true;
}

/* Fraction length of the sum that is rounded: that of a batch norm is another one in every minibatch. */
static int sum_fl(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_format x = qmac_net_format(plan, layer->input), *parameter = plan->formats->parameter;
	int fl = x.fl;

	switch (layer->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
	case QMAC_LAYER_BIAS:
		if (layer->weight != QMAC_NET_NONE)
			fl += parameter[layer->weight].fl;
		if (layer->bias != QMAC_NET_NONE)
			fl = qmac_larger_int(fl, parameter[layer->bias].fl);
		return qmac_larger_int(fl, qmac_net_format(plan, l).fl);
	case QMAC_LAYER_ADD:
		return qmac_larger_int(fl, qmac_net_format(plan, layer->other).fl);
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return fl + qmac_net_mean_of(layer).shift;
	case QMAC_LAYER_TANH:
	case QMAC_LAYER_SIGMOID:
		return QMAC_NET_TABLE_FRACTION + qmac_net_table_of(layer->kind, x).m;
	default:
		return fl;
	}
}

static struct qmac_net_amounts amounts_of(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_format x = qmac_net_format(plan, layer->input), y = qmac_net_format(plan, l);
	int fl = plan->layers[l].fl;
	struct qmac_net_amounts amounts = {.up = qmac_larger_int(y.fl - fl, 0)};

	if (layer->bias != QMAC_NET_NONE) {
		const struct qmac_format bias = plan->formats->parameter[layer->bias];

		amounts.bias_bits = bias.bw + fl - bias.fl;
	}
	switch (layer->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		amounts.left[0] = fl - x.fl - plan->formats->parameter[layer->weight].fl;
		break;
	case QMAC_LAYER_BIAS:
		amounts.left[0] = fl - x.fl;
		break;
	case QMAC_LAYER_ADD:
		if (plan->flow.layers[l].merged != QMAC_NET_NONE)
			return (struct qmac_net_amounts){.up = 0};
		amounts.left[0] = fl - x.fl;
		amounts.left[1] = fl - qmac_net_format(plan, layer->other).fl;
		break;
	case QMAC_LAYER_TANH:
	case QMAC_LAYER_SIGMOID:
		amounts.table = qmac_net_table_of(layer->kind, x);
		amounts.derivative = qmac_net_derivative_of(y.fl);
		amounts.shorten = y.fl - amounts.derivative.fl_y;
		break;
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		break;
	default:
		return (struct qmac_net_amounts){.up = 0};
	}
	return amounts;
}

/* ---- the plan -------------------------------------------------------------------------- */

/* All that depends on the formats, but for the programs. */
static enum qmac_status follow_formats(struct qmac_net_plan *plan, struct qmac_error *err)
{
	enum qmac_status status;

	qmac_net_flow_bounds(&plan->flow);
	for (int l = 0; l < plan->net->layer_count; l++) {
		plan->layers[l].fl = sum_fl(plan, l);
		plan->layers[l].amounts = amounts_of(plan, l);
		qmac_net_slice(plan, l);
		if (plan->net->layers[l].kind == QMAC_LAYER_BATCH_NORM)
			qmac_net_norm_slice(plan, l);
	}
	status = qmac_net_check(plan, err);
	return status == QMAC_OK ? qmac_net_place(plan, err) : status;
}

enum qmac_status qmac_net_plan_make(struct qmac_net_plan *plan, const struct qmac_net *net,
                                    const struct qmac_net_formats *formats, int64_t batch,
                                    const struct qmac_hw *hw, struct qmac_error *err)
{
	enum qmac_status status;

	*plan = (struct qmac_net_plan){.net = net, .formats = formats, .hw = *hw, .batch = batch,
	                               .forward_counts = QMAC_DIRECTION_FORWARD};
	status = qmac_net_flow_make(&plan->flow, net, formats, err);
	if (status != QMAC_OK)
		return status;
	plan->arena = qmac_arena_create();
	plan->layers = calloc((size_t)net->layer_count, sizeof *plan->layers);
	plan->contribution = calloc(2 * (size_t)net->layer_count, sizeof *plan->contribution);
	plan->use = calloc(2 * (size_t)net->layer_count, sizeof *plan->use);
	if (!plan->arena || !plan->layers || !plan->contribution || !plan->use)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %d layers", net->layer_count);
	plan->windows = find_windows(plan);
	for (int l = 0; l < net->layer_count; l++) {
		if (l == plan->windows)
			set_windows(plan, l);
		else
			set_shape(plan, l);
		join_relu(plan, l);
	}
	qmac_net_find_uses(plan);
	return follow_formats(plan, err);
}

uint64_t qmac_net_plan_bytes(const struct qmac_net_plan *plan)
{
	return qmac_arena_bytes(plan->arena);
}

enum qmac_status qmac_net_plan_open(struct qmac_net_plan *plan, struct qmac_driver *driver,
                                    struct qmac_error *err)
{
	enum qmac_status status = qmac_arena_allocate(plan->arena, driver, err);

	if (status != QMAC_OK)
		return status;
	plan->driver = driver;
	plan->sequence = (struct qmac_sequence){.driver = driver};
	return qmac_net_plan_renew(plan, err);
}

enum qmac_status qmac_net_plan_renew(struct qmac_net_plan *plan, struct qmac_error *err)
{
	enum qmac_status status = follow_formats(plan, err);

	return status == QMAC_OK ? qmac_net_make_programs(plan, err) : status;
}

void qmac_net_plan_free(struct qmac_net_plan *plan)
{
	qmac_net_free_programs(plan);
	if (plan->driver)
		qmac_arena_release(plan->arena);
	qmac_arena_destroy(plan->arena);
	qmac_net_flow_free(&plan->flow);
	free(plan->layers);
	free(plan->contribution);
	free(plan->use);
	free(plan->values);
	free(plan->widths);
	*plan = (struct qmac_net_plan){.batch = 0};
}
