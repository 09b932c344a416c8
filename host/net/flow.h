/*
 * How errors flow back through a network: which tensors have errors of their own, what is added to what, in
 * which units and within which bounds (docs/network-numerics.md). No values, no memory, no commands.
 *
 * A network's outputs are numbered as its layers. A link is one reading of an output by a layer, along which
 * the layer gives its contribution back; `add` has two. A batch_norm that is merged into an add has neither
 * output nor error: both are those of the add.
 */
#ifndef QMAC_NET_FLOW_H
#define QMAC_NET_FLOW_H

#include "base/error.h"
#include "net/formats.h"
#include "net/net.h"

struct qmac_net_link {
	int reader;      /* the layer that reads */
	bool is_other;   /* through its second input */
	bool scaled;     /* exact multiple of a derivative: tanh or sigmoid, the only reader */
	double bound;    /* |contribution| is at most that, of a scaled one before the derivative */
};

struct qmac_net_flow_layer {
	bool needed;     /* there are parameters in front of its output, or its own */
	bool has_error;
	int bits;        /* of the error */
	int merged_into; /* of a batch_norm: the add that it is merged into; QMAC_NET_NONE */
	int merged;      /* of an add: the batch_norm, one of its inputs, that is merged into it; QMAC_NET_NONE */
	int first, count; /* its links, in the order of the readers */
	double bound;    /* |G|, or |E| where it has an error: what it gives back can be that large */
};

struct qmac_net_flow {
	const struct qmac_net *net;
	const struct qmac_net_formats *formats;
	struct qmac_net_flow_layer *layers;
	struct qmac_net_link *links;
};

/*
 * Whether a layer's output is a sum that is rounded: its error is rounded, too, and `ste: clip` masks it
 * where the output's code is the lowest or the highest.
 */
bool qmac_net_adds(enum qmac_layer_kind kind);

/* Keeps net and formats. Refuses a layer that nobody reads, but for the last. Free also after a failure. */
QMAC_MUST_CHECK enum qmac_status qmac_net_flow_make(struct qmac_net_flow *flow, const struct qmac_net *net,
                                                    const struct qmac_net_formats *formats,
                                                    struct qmac_error *err);

/* Bounds for the formats as they are now: nothing else of a flow depends on formats that may change. */
void qmac_net_flow_bounds(struct qmac_net_flow *flow);

/* |G| of a layer that others read is at most that, in units of its fraction length. */
double qmac_net_flow_sum_bound(const struct qmac_net_flow *flow, int layer);
void qmac_net_flow_free(struct qmac_net_flow *flow);

static inline bool qmac_net_has_parameters(const struct qmac_net_layer *layer)
{
	return layer->weight != QMAC_NET_NONE || layer->bias != QMAC_NET_NONE;
}

/*
 * Fraction lengths of gradient sums. fl[l] of every layer behind l, that of its error where it has one,
 * otherwise that of G, is known; so this is called from the last layer to the first. back_fl[l] is that of
 * what a batch_norm gives back, of other layers nothing; it may be NULL where there are none.
 */
int qmac_net_flow_link_fl(const struct qmac_net_flow *flow, int link, const int *fl, const int *back_fl);
int qmac_net_flow_sum_fl(const struct qmac_net_flow *flow, int layer, const int *fl, const int *back_fl);

/* The tensor that a batch_norm's error is: its own, or that of the add that it is merged into. */
static inline int qmac_net_flow_error_of(const struct qmac_net_flow *flow, int layer)
{
	int add = flow->layers[layer].merged_into;

	return add == QMAC_NET_NONE ? layer : add;
}

/* The input of an add that no batch_norm is merged into it from: the second one, or else the first. */
static inline int qmac_net_flow_other(const struct qmac_net_flow *flow, int add)
{
	const struct qmac_net_layer *layer = &flow->net->layers[add];

	return layer->other == flow->layers[add].merged ? layer->input : layer->other;
}

/* The smallest n with 2^n >= v, for v >= 1. */
int qmac_net_lg(double v);

/* K pixels of a pool: 1/K is multiplier / 2^shift, exactly or as near as 17 bits are. */
struct qmac_net_mean {
	int32_t multiplier;
	int shift, lg;    /* lg(K) */
};
struct qmac_net_mean qmac_net_mean_of(const struct qmac_net_layer *pool);

#endif
