/* Whether a device can hold what a network's formats make of it: docs/network-numerics.md, "What fits". */
#include <math.h>

#include "net/lowering.h"
#include "net/table.h"
#include "num/whole.h"

/* What needs the widest accumulators of all. */
struct need {
	int bits, layer;
	const char *what;
};

static void add_need(struct need *need, int l, const char *what, double bound)
{
	int bits = qmac_net_lg(bound + 1) + 1;

	if (bits > need->bits)
		*need = (struct need){bits, l, what};
}

/* Whoever reads it takes hardware of that width: it has to be enough for all layers. */
static enum qmac_status check_need(const struct qmac_net_plan *plan, const struct need *need,
                                   struct qmac_error *err)
{
	if (need->bits <= plan->hw.acc_bits || plan->formats->unbounded)
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': %s needs accumulators of %d bits; acc_bits of the "
	                 "hardware is %d: lower the widths of its formats or take other hardware",
	                 plan->net->layers[need->layer].name, need->what, need->bits, plan->hw.acc_bits);
}

static bool is_product(const struct qmac_net_layer *layer)
{
	return layer->kind == QMAC_LAYER_CONV || layer->kind == QMAC_LAYER_LINEAR;
}

/* Squares of a derivative; what is looked up and then shifted left; a code and the places of pieces. */
static double table_bound(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	struct qmac_format to = qmac_net_format(plan, l);
	struct qmac_net_table table = qmac_net_table_of(layer->kind, qmac_net_format(plan, layer->input));
	double bound = plan->flow.layers[l].needed ? ldexp(1, 2 * qmac_net_derivative_of(to.fl).fl_y) : 1;
	double value = ldexp(1, QMAC_NET_TABLE_FRACTION + table.m), piece = ldexp(2, table.in_bits);

	if (to.fl > QMAC_NET_TABLE_FRACTION + table.m)
		bound = fmax(bound, value);
	/* in pieces: what is rounded is limited only when it is known which of them has it */
	if (table.bits > plan->hw.lut_bits)
		bound = fmax(fmax(bound, piece), fmax(value, ldexp(1, to.fl)));
	return bound;
}

/* Of an update on the device: masters, and the sums for parameters, which must not come in slices. */
static void add_update(struct need *need, const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_plan_layer *p = &plan->layers[l];
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	double x = layer->weight == QMAC_NET_NONE ? 2 : qmac_net_magnitude(qmac_net_format(plan, layer->input));
	double terms = (double)plan->batch * (p->has_pixels ? 1 : (double)(p->out.height * p->out.width));

	add_need(need, l, "its update", 0x1p31 - 1);
	add_need(need, l, "its update by the sum for a weight",
	         terms * x * ldexp(1, plan->flow.layers[l].bits - 1));
}

/* The sum of a layer, and what else of its codes lies in ACC. */
static void add_forward(struct need *need, const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_net_formats *f = plan->formats;
	const struct qmac_net_flow_layer *flow = &plan->flow.layers[l];
	double x = qmac_net_magnitude(qmac_net_format(plan, layer->input)), taps = 1;

	for (int d = 0; d < 2; d++)
		taps *= (double)layer->kernel[d];
	if (flow->merged_into == QMAC_NET_NONE) /* the mask looks at the distances from both ends of the range */
		add_need(need, l, "its output", 2 * qmac_net_magnitude(qmac_net_format(plan, l)) - 1);
	add_need(need, l, "its input", x - 1);
	if (is_product(layer))
		add_need(need, l, "its sum", qmac_net_product_bound(plan, l));
	if (layer->kind == QMAC_LAYER_AVG_POOL || layer->kind == QMAC_LAYER_GLOBAL_POOL)
		add_need(need, l, "its sum", taps * x);
	if (layer->kind == QMAC_LAYER_ADD && flow->merged == QMAC_NET_NONE)
		add_need(need, l, "its sum", qmac_net_add_bound(plan, l));
	if (layer->kind == QMAC_LAYER_TANH || layer->kind == QMAC_LAYER_SIGMOID)
		add_need(need, l, "its table or derivative", table_bound(plan, l));
	if (layer->bias != QMAC_NET_NONE && layer->kind != QMAC_LAYER_BATCH_NORM)
		add_need(need, l, "its bias", ldexp(qmac_net_magnitude(f->parameter[layer->bias]),
		         plan->layers[l].fl - f->parameter[layer->bias].fl));
}

/* Fraction lengths of a batch_norm: of its sum, which is shifted right, and of what is added to it. */
static enum qmac_status check_norm_fl(const struct qmac_net_plan *plan, int l, struct qmac_error *err)
{
	const struct qmac_net_norm norm = qmac_net_norm_of(plan, l);
	int finest = norm.x_fl + QMAC_NET_NORM_FINER;

	if (norm.merged && norm.y_fl - norm.other_fl > QMAC_NET_NORM_OTHER)
		return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': what is added to it has %d fraction bits, and "
		                 "their sum is rounded to %d: give them formats that are less far apart",
		                 plan->net->layers[l].name, norm.other_fl, norm.y_fl);
	if (norm.merged)
		finest = qmac_larger_int(finest, norm.other_fl);
	if (finest - norm.y_fl <= QMAC_NET_SHIFT_MAX)
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': its sum has up to %d fraction bits, and it is rounded "
	                 "to %d: give it formats with fraction lengths that are less far apart",
	                 plan->net->layers[l].name, finest, norm.y_fl);
}

/* What a batch_norm adds, and its sums, which come in slices of a pixel at least. */
static void add_norm(struct need *need, const struct qmac_net_plan *plan, int l)
{
	int to = qmac_net_flow_error_of(&plan->flow, l);
	double x = qmac_net_magnitude(qmac_net_format(plan, plan->net->layers[l].input));

	add_need(need, l, "what it adds", 0x1p31 - 1);
	add_need(need, l, "its sums for one pixel", x * fmax(x, ldexp(1, plan->flow.layers[to].bits - 1)));
}

/* Widths and numbers for which the sums and coefficients are made. */
static enum qmac_status check_norm(const struct qmac_net_plan *plan, int l, struct qmac_error *err)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	int to = qmac_net_flow_error_of(&plan->flow, l);
	int bits = qmac_larger_int(qmac_net_format(plan, layer->input).bw, qmac_net_format(plan, to).bw);
	int64_t count = plan->batch * layer->in.height * layer->in.width;

	if (plan->formats->masters)
		return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': a batch_norm has no masters on the device: take "
		                 "update: host", layer->name);
	if (plan->layers[l].in.channels != layer->in.channels)
		return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': batch_norm reads a flattened image: put it before "
		                 "flatten", layer->name);
	if (count > QMAC_NET_NORM_COUNT)
		return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': a minibatch has %lld elements of a channel, and "
		                 "batch_norm takes %d: take a smaller minibatch", layer->name, (long long)count,
		                 QMAC_NET_NORM_COUNT);
	if (bits > QMAC_NET_NORM_BITS && !plan->formats->unbounded)
		return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': batch_norm reads and makes codes of at most %d "
		                 "bits, not %d", layer->name, QMAC_NET_NORM_BITS, bits);
	return check_norm_fl(plan, l, err);
}

static enum qmac_status check_fl(const struct qmac_net_plan *plan, int l, struct qmac_error *err)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	const struct qmac_net_plan_layer *p = &plan->layers[l];
	const struct qmac_net_amounts *amounts = &p->amounts;
	int most = qmac_larger_int(amounts->up, qmac_larger_int(amounts->left[0], amounts->left[1]));
	int own = qmac_net_format(plan, layer->input).fl, to = qmac_net_format(plan, l).fl;
	bool is_table = layer->kind == QMAC_LAYER_TANH || layer->kind == QMAC_LAYER_SIGMOID;

	if (layer->kind == QMAC_LAYER_BATCH_NORM)
		return check_norm(plan, l, err);
	if (plan->flow.layers[l].merged != QMAC_NET_NONE)
		return QMAC_OK; /* its sum is that of the batch_norm */
	if (layer->weight != QMAC_NET_NONE)
		own += plan->formats->parameter[layer->weight].fl;
	if (is_table && to < 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': its output has %d fraction bits, and needs at "
		                 "least 0", layer->name, to);
	if (most <= (int)QMAC_L0_MAX && p->fl - to <= QMAC_NET_SHIFT_MAX)
		return QMAC_OK;
	if (!qmac_net_has_parameters(layer))
		return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': its sum has %d fraction bits, and it is rounded "
		                 "to %d: give what it reads and makes fraction lengths that are less far apart",
		                 layer->name, p->fl, to);
	return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': its sum has %d fraction bits, its bias %d, and it is "
	                 "rounded to %d: give it formats with fraction lengths that are less far apart",
	                 layer->name, own,
	                 layer->bias == QMAC_NET_NONE ? own : plan->formats->parameter[layer->bias].fl, to);
}

static void add_back(struct need *need, const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[l];

	for (int i = f->first; f->needed && i < f->first + f->count; i++) {
		int reader = plan->flow.links[i].reader;

		/* what is rounded at once never stands in ACC */
		if (plan->net->layers[reader].kind != QMAC_LAYER_BATCH_NORM || plan->use[i] != QMAC_NET_USE_INLINE)
			add_need(need, reader, "its data gradient", plan->flow.links[i].bound);
	}
	if (f->needed && f->count > 1)
		add_need(need, l, "the sum of what its readers give back", 0x1p30);
}

enum qmac_status qmac_net_check(const struct qmac_net_plan *plan, struct qmac_error *err)
{
	struct need need = {0};

	for (int l = 0; l < plan->net->layer_count; l++) {
		const struct qmac_net_layer *layer = &plan->net->layers[l];
		enum qmac_status status;

		/* out of one pixel it can make several only by padding */
		if (l != plan->windows && plan->layers[l].in.channels != layer->in.channels &&
		    (layer->kernel[0] > 1 || layer->kernel[1] > 1))
			return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s': behind flatten a device can do kernels of 1 "
			                 "only", layer->name);
		status = check_fl(plan, l, err);
		if (status)
			return status;
		add_forward(&need, plan, l);
		add_back(&need, plan, l);
		if (layer->kind == QMAC_LAYER_BATCH_NORM)
			add_norm(&need, plan, l);
		if (plan->formats->masters && qmac_net_has_parameters(layer))
			add_update(&need, plan, l);
	}
	return check_need(plan, &need, err);
}
