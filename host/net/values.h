/*
 * Where the values that belong to a network lie: its parameters in one array, one behind the other in
 * their order, and the running statistics of its batch norms in another, of each layer the means of its
 * channels, then their variances.
 */
#ifndef QMAC_NET_VALUES_H
#define QMAC_NET_VALUES_H

#include "net/net.h"

/* Where a parameter begins; parameter_count: the size of all. */
static inline int64_t qmac_net_parameter_at(const struct qmac_net *net, int parameter)
{
	int64_t at = 0;

	for (int p = 0; p < parameter; p++)
		at += net->parameters[p].count;
	return at;
}

/* Where the statistics of a layer begin; layer_count: the size of all. */
static inline int64_t qmac_net_statistics_at(const struct qmac_net *net, int layer)
{
	int64_t at = 0;

	for (int l = 0; l < layer; l++)
		if (net->layers[l].kind == QMAC_LAYER_BATCH_NORM)
			at += 2 * net->layers[l].out.channels;
	return at;
}

#endif
