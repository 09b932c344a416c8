#include "net/flow.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "net/table.h"

enum { SUM_BITS = 30 }; /* a sum of several contributions is at most 2^30 */

int qmac_net_lg(double v)
{
	int exponent;
	double mantissa = frexp(v, &exponent);

	assert(v >= 1);
	return mantissa == 0.5 ? exponent - 1 : exponent;
}

struct qmac_net_mean qmac_net_mean_of(const struct qmac_net_layer *pool)
{
	int64_t k = pool->kernel[0] * pool->kernel[1];
	struct qmac_net_mean mean = {.multiplier = 1, .lg = qmac_net_lg((double)k)};

	mean.shift = mean.lg;
	if ((k & (k - 1)) == 0)
		return mean;
	mean.shift = mean.lg + 16;
	mean.multiplier = (int32_t)((((int64_t)2 << mean.shift) / k + 1) / 2);
	return mean;
}

/* ---- who reads what ------------------------------------------------------------------ */

static bool is_scaling(enum qmac_layer_kind kind)
{
	return kind == QMAC_LAYER_TANH || kind == QMAC_LAYER_SIGMOID;
}

bool qmac_net_adds(enum qmac_layer_kind kind)
{
	return kind == QMAC_LAYER_CONV || kind == QMAC_LAYER_LINEAR || kind == QMAC_LAYER_BIAS ||
	       kind == QMAC_LAYER_BATCH_NORM || kind == QMAC_LAYER_ADD;
}

static void find_links(struct qmac_net_flow *flow)
{
	const struct qmac_net *net = flow->net;
	int count = 0;

	for (int l = 0; l < net->layer_count; l++) {
		flow->layers[l].first = count;
		for (int r = l + 1; r < net->layer_count; r++) {
			const struct qmac_net_layer *reader = &net->layers[r];

			if (reader->input == l)
				flow->links[count++] = (struct qmac_net_link){.reader = r};
			if (reader->kind == QMAC_LAYER_ADD && reader->other == l)
				flow->links[count++] = (struct qmac_net_link){.reader = r, .is_other = true};
		}
		flow->layers[l].count = count - flow->layers[l].first;
	}
}

/* A batch_norm that nobody else reads; of two the first input. */
static void merge(struct qmac_net_flow *flow, int add, int input)
{
	if (input < 0 || flow->net->layers[input].kind != QMAC_LAYER_BATCH_NORM ||
	    flow->layers[input].count != 1 || flow->layers[add].merged != QMAC_NET_NONE)
		return;
	flow->layers[input].merged_into = add;
	flow->layers[add].merged = input;
}

static void find_merged(struct qmac_net_flow *flow)
{
	for (int l = 0; l < flow->net->layer_count; l++) {
		const struct qmac_net_layer *layer = &flow->net->layers[l];

		flow->layers[l].merged_into = flow->layers[l].merged = QMAC_NET_NONE;
		if (layer->kind != QMAC_LAYER_ADD)
			continue;
		merge(flow, l, layer->input);
		merge(flow, l, layer->other);
	}
}

static void find_errors(struct qmac_net_flow *flow)
{
	const struct qmac_net *net = flow->net;
	int last = net->layer_count - 1;

	for (int l = 0; l <= last; l++) {
		const struct qmac_net_layer *layer = &net->layers[l];
		struct qmac_net_flow_layer *f = &flow->layers[l];
		bool narrow = layer->kind == QMAC_LAYER_CONV || layer->kind == QMAC_LAYER_LINEAR || l == last;

		f->needed = qmac_net_has_parameters(layer) ||
		            (layer->input >= 0 && flow->layers[layer->input].needed) ||
		            (layer->kind == QMAC_LAYER_ADD && layer->other >= 0 && flow->layers[layer->other].needed);
		f->has_error = (qmac_net_adds(layer->kind) && f->merged_into == QMAC_NET_NONE) || l == last;
		for (int i = 0; i < f->count; i++)
			if (is_scaling(net->layers[flow->links[f->first + i].reader].kind))
				f->has_error = true;
		f->bits = narrow ? flow->formats->err_bits : flow->formats->dy_bits;
	}
}

/* ---- bounds -------------------------------------------------------------------------- */

static double link_bound(const struct qmac_net_flow *flow, const struct qmac_net_link *link)
{
	const struct qmac_net_layer *reader = &flow->net->layers[link->reader];
	double bound = flow->layers[link->reader].bound, taps = 1;

	for (int d = 0; d < 2; d++)
		taps *= (double)((reader->kernel[d] + reader->stride - 1) / reader->stride);
	switch (reader->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		return (double)reader->out.channels * taps * bound *
		       ldexp(1, flow->formats->parameter[reader->weight].bw - 1);
	case QMAC_LAYER_MAX_POOL:
		return taps * bound;
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return taps * bound * (qmac_net_mean_of(reader).multiplier == 1 ? 1 : 2);
	case QMAC_LAYER_BATCH_NORM:
		bound = ldexp(1, flow->layers[qmac_net_flow_error_of(flow, link->reader)].bits - 1);
		return ldexp(bound, 17) + ldexp(1, flow->formats->output[reader->input + 1].bw + 16) + 0x1p31;
	default:
		return bound;
	}
}

double qmac_net_flow_sum_bound(const struct qmac_net_flow *flow, int layer)
{
	const struct qmac_net_flow_layer *f = &flow->layers[layer];
	const struct qmac_net_link *only = &flow->links[f->first];

	if (f->count > 1)
		return ldexp(1, SUM_BITS);
	if (only->scaled) /* a derivative is 1 at most */
		return ldexp(only->bound, qmac_net_derivative_of(flow->formats->output[only->reader + 1].fl).fl_d);
	return only->bound;
}

void qmac_net_flow_bounds(struct qmac_net_flow *flow)
{
	for (int l = flow->net->layer_count - 1; l >= 0; l--) {
		struct qmac_net_flow_layer *f = &flow->layers[l];

		for (int i = 0; i < f->count; i++) {
			struct qmac_net_link *link = &flow->links[f->first + i];

			link->bound = link_bound(flow, link);
			link->scaled = f->count == 1 && is_scaling(flow->net->layers[link->reader].kind);
		}
		f->bound = f->has_error ? ldexp(1, f->bits - 1) : qmac_net_flow_sum_bound(flow, l);
	}
}

enum qmac_status qmac_net_flow_make(struct qmac_net_flow *flow, const struct qmac_net *net,
                                    const struct qmac_net_formats *formats, struct qmac_error *err)
{
	size_t count = (size_t)net->layer_count;

	*flow = (struct qmac_net_flow){.net = net, .formats = formats};
	if (!net->layer_count)
		return qmac_fail(err, QMAC_BAD_INPUT, "network '%s' has no layers", net->name);
	flow->layers = calloc(count, sizeof *flow->layers);
	flow->links = calloc(2 * count, sizeof *flow->links);
	if (!flow->layers || !flow->links)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %d layers", net->layer_count);
	find_links(flow);
	for (int l = 0; l < net->layer_count - 1; l++)
		if (!flow->layers[l].count)
			return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s' is read by no other", net->layers[l].name);
	find_merged(flow);
	find_errors(flow);
	qmac_net_flow_bounds(flow);
	return QMAC_OK;
}

void qmac_net_flow_free(struct qmac_net_flow *flow)
{
	free(flow->layers);
	free(flow->links);
	*flow = (struct qmac_net_flow){.net = NULL};
}

/* ---- units --------------------------------------------------------------------------- */

int qmac_net_flow_link_fl(const struct qmac_net_flow *flow, int number, const int *fl, const int *back_fl)
{
	const struct qmac_net_link *link = &flow->links[number];
	const struct qmac_net_layer *reader = &flow->net->layers[link->reader];
	int own = fl[link->reader];

	switch (reader->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		return own + flow->formats->parameter[reader->weight].fl;
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return own + qmac_net_mean_of(reader).lg;
	case QMAC_LAYER_TANH:
	case QMAC_LAYER_SIGMOID:
		if (!link->scaled)
			return own;
		return own + qmac_net_derivative_of(flow->formats->output[link->reader + 1].fl).fl_d;
	case QMAC_LAYER_BATCH_NORM:
		return back_fl[link->reader];
	default:
		return own;
	}
}

int qmac_net_flow_sum_fl(const struct qmac_net_flow *flow, int layer, const int *fl, const int *back_fl)
{
	const struct qmac_net_flow_layer *f = &flow->layers[layer];
	int finest = 0, limit = 0;

	for (int i = 0; i < f->count; i++) {
		int own = qmac_net_flow_link_fl(flow, f->first + i, fl, back_fl);
		int most = own + SUM_BITS - qmac_net_lg(flow->links[f->first + i].bound) - qmac_net_lg(f->count);

		finest = i == 0 || own > finest ? own : finest;
		limit = i == 0 || most < limit ? most : limit;
	}
	return f->count > 1 && limit < finest ? limit : finest;
}
