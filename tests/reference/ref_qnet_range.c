#include "ref_qnet.h"

int ref_qnet_shift(ref_int bound)
{
	int lg = ref_qnet_lg(bound);

	return lg <= 31 ? 0 : lg - 31 < 63 ? lg - 31 : 63;
}

static const struct qmac_net_layer *layer_of(const struct ref_qnet *r, int tensor)
{
	return &r->net->layers[tensor - 1];
}

/* The largest magnitude of a tensor's codes, in units of fraction length p. */
static ref_int largest(const struct ref_qnet *r, int tensor, int p)
{
	return ref_power(r->out[tensor].bits - 1) * ref_power(p - r->out[tensor].fl);
}

static ref_int weighed(const struct ref_qnet *r, int t, int p)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	const struct ref_qparameter *w = &r->parameter[l->weight];
	int64_t terms = l->in.channels * (l->kind == QMAC_LAYER_CONV ? l->kernel[0] * l->kernel[1] : 1);

	return terms * ref_power(w->bits - 1) * ref_power(r->out[l->input + 1].bits - 1) *
	       ref_power(p - r->out[l->input + 1].fl - w->fl);
}

/* B of "Ranges", of |S|, in units of fraction length p. */
static ref_int bound_of(const struct ref_qnet *r, int t)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	int p = r->sum_fl[t], x = l->input + 1, other, norm = ref_qnet_merged_input(r, t, &other), m;
	ref_int bound;

	switch (l->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
	case QMAC_LAYER_BIAS:
		bound = l->kind == QMAC_LAYER_BIAS ? largest(r, x, p) : weighed(r, t, p);
		if (l->bias != QMAC_NET_NONE)
			bound += ref_power(r->parameter[l->bias].bits - 1) * ref_power(p - r->parameter[l->bias].fl);
		return bound;
	case QMAC_LAYER_ADD:
		if (norm)
			return ref_power(r->out[layer_of(r, norm)->input + 1].bits + 16) + ref_power(31) +
			       ref_power(r->out[other].bits + 15);
		return largest(r, x, p) + largest(r, l->other + 1, p);
	case QMAC_LAYER_BATCH_NORM:
		return ref_power(r->out[x].bits + 16) + ref_power(31);
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		bound = ref_qnet_pool_factor(l->kernel[0] * l->kernel[1], &m);
		return bound * l->kernel[0] * l->kernel[1] * ref_power(r->out[x].bits - 1);
	default: /* tanh, sigmoid: p is 15 + m */
		return ref_power(p);
	}
}

int ref_qnet_output_shift(const struct ref_qnet *r, int t)
{
	int p = r->sum_fl[t], fl = r->out[t].fl;

	return ref_qnet_shift(bound_of(r, t) * ref_power(fl > p ? fl - p : 0));
}
