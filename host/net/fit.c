/* Whether a device can hold what a network's formats make of it: docs/network-numerics.md, "What fits". */
#include <math.h>

#include "net/plan.h"
#include "net/table.h"

static enum qmac_status check_acc(const struct qmac_net_plan *plan, int l, const char *what, double bound,
                                  struct qmac_error *err)
{
	int bits = qmac_net_lg(bound + 1) + 1;

	if (bits <= plan->hw.acc_bits || plan->formats->unbounded)
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': %s needs accumulators of %d bits; acc_bits of the "
	                 "hardware is %d: lower the widths of its formats or take other hardware",
	                 plan->net->layers[l].name, what, bits, plan->hw.acc_bits);
}

static double magnitude(struct qmac_format format)
{
	return ldexp(1, format.bw - 1);
}

static bool is_product(const struct qmac_net_layer *layer)
{
	return layer->kind == QMAC_LAYER_CONV || layer->kind == QMAC_LAYER_LINEAR;
}

/* Both inputs as they are added. */
static double add_bound(const struct qmac_net_plan *plan, const struct qmac_net_layer *layer)
{
	struct qmac_format a = qmac_net_format(plan, layer->input), b = qmac_net_format(plan, layer->other);
	int fl = a.fl > b.fl ? a.fl : b.fl;

	return ldexp(magnitude(a), fl - a.fl) + ldexp(magnitude(b), fl - b.fl);
}

/* Squares of a derivative; what is looked up and then shifted left; a code and the places of pieces. */
static double table_bound(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	struct qmac_format to = qmac_net_format(plan, l);
	struct qmac_net_table table = qmac_net_table_of(layer->kind, qmac_net_format(plan, layer->input));
	double bound = plan->flow.layers[l].needed ? ldexp(1, 2 * qmac_net_derivative_of(to.fl).fl_y) : 1;
	double value = ldexp(1, QMAC_NET_TABLE_FRACTION + table.m), piece = ldexp(2, table.in_bits);

	if (to.fl > QMAC_NET_TABLE_FRACTION + table.m && value > bound)
		bound = value;
	if (table.bits > plan->hw.lut_bits && piece > bound)
		bound = piece;
	return bound;
}

/* Of an update on the device: masters, and the sums for parameters, which must not come in slices. */
static enum qmac_status check_update(const struct qmac_net_plan *plan, int l, struct qmac_error *err)
{
	const struct qmac_net_plan_layer *p = &plan->layers[l];
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	double x = layer->weight == QMAC_NET_NONE ? 2 : magnitude(qmac_net_format(plan, layer->input));
	double terms = (double)plan->batch * (p->has_pixels ? 1 : (double)(p->out.height * p->out.width));
	enum qmac_status status = check_acc(plan, l, "its update", 0x1p31 - 1, err);

	return status == QMAC_OK ? check_acc(plan, l, "its update by the sum for a weight", terms * x *
	                                     ldexp(1, plan->flow.layers[l].bits - 1), err) : status;
}

/* The sum of a layer, and what else of its codes lies in ACC. */
static enum qmac_status check_forward(const struct qmac_net_plan *plan, int l, struct qmac_error *err)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_net_formats *f = plan->formats;
	double x = magnitude(qmac_net_format(plan, layer->input)), taps = 1;
	/* the mask looks at the distances from both ends of the range */
	double range = 2 * magnitude(qmac_net_format(plan, l)) - 1;
	enum qmac_status status = check_acc(plan, l, "its output", range, err);

	for (int d = 0; d < 2; d++)
		taps *= (double)layer->kernel[d];
	if (status == QMAC_OK)
		status = check_acc(plan, l, "its input", x - 1, err);
	if (status == QMAC_OK && is_product(layer))
		status = check_acc(plan, l, "its sum", (double)layer->in.channels * taps * x *
		                   magnitude(f->parameter[layer->weight]), err);
	if (status == QMAC_OK && (layer->kind == QMAC_LAYER_AVG_POOL || layer->kind == QMAC_LAYER_GLOBAL_POOL))
		status = check_acc(plan, l, "its sum", taps * x, err);
	if (status == QMAC_OK && layer->kind == QMAC_LAYER_ADD)
		status = check_acc(plan, l, "its sum", add_bound(plan, layer), err);
	if (status == QMAC_OK && (layer->kind == QMAC_LAYER_TANH || layer->kind == QMAC_LAYER_SIGMOID))
		status = check_acc(plan, l, "its table or derivative", table_bound(plan, l), err);
	if (status == QMAC_OK && layer->bias != QMAC_NET_NONE)
		status = check_acc(plan, l, "its bias", ldexp(magnitude(f->parameter[layer->bias]),
		                   plan->layers[l].fl - f->parameter[layer->bias].fl), err);
	return status;
}

static enum qmac_status check_fl(const struct qmac_net_plan *plan, int l, struct qmac_error *err)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_net_plan_layer *p = &plan->layers[l];
	int own = qmac_net_format(plan, layer->input).fl, to = qmac_net_format(plan, l).fl;
	bool is_table = layer->kind == QMAC_LAYER_TANH || layer->kind == QMAC_LAYER_SIGMOID;

	if (layer->weight != QMAC_NET_NONE)
		own += plan->formats->parameter[layer->weight].fl;
	if (is_table && to < 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': its output has %d fraction bits, and needs at "
		                 "least 0", layer->name, to);
	if (!qmac_net_has_parameters(layer) || (p->fl - own <= (int)QMAC_L0_MAX && p->fl - to <= 63))
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': its sum has %d fraction bits, its bias %d, and it is "
	                 "rounded to %d: give it formats with fraction lengths that are less far apart",
	                 layer->name, own,
	                 layer->bias == QMAC_NET_NONE ? own : plan->formats->parameter[layer->bias].fl, to);
}

static enum qmac_status check_back(const struct qmac_net_plan *plan, int l, struct qmac_error *err)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[l];
	enum qmac_status status = QMAC_OK;

	for (int i = f->first; status == QMAC_OK && f->needed && i < f->first + f->count; i++)
		status = check_acc(plan, plan->flow.links[i].reader, "its data gradient",
		                   plan->flow.links[i].bound, err);
	if (status == QMAC_OK && f->needed && f->count > 1)
		status = check_acc(plan, l, "the sum of what its readers give back", 0x1p30, err);
	return status;
}

enum qmac_status qmac_net_check(const struct qmac_net_plan *plan, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int l = 0; status == QMAC_OK && l < plan->net->layer_count; l++) {
		if (plan->net->layers[l].kind == QMAC_LAYER_BATCH_NORM)
			return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': batch_norm is not available on a device yet",
			                 plan->net->layers[l].name);
		/* out of one pixel it can make several only by padding */
		if (l != plan->windows && plan->layers[l].in.channels != plan->net->layers[l].in.channels &&
		    (plan->net->layers[l].kernel[0] > 1 || plan->net->layers[l].kernel[1] > 1))
			return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': behind flatten a device can do kernels of 1 "
			                 "only", plan->net->layers[l].name);
		status = check_fl(plan, l, err);
		if (status == QMAC_OK)
			status = check_forward(plan, l, err);
		if (status == QMAC_OK)
			status = check_back(plan, l, err);
		if (status == QMAC_OK && plan->formats->masters && qmac_net_has_parameters(&plan->net->layers[l]))
			status = check_update(plan, l, err);
	}
	return status;
}

