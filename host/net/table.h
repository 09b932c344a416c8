/*
 * Lookup tables of tanh and sigmoid, and the derivatives from what they give: docs/network-numerics.md.
 */
#ifndef QMAC_NET_TABLE_H
#define QMAC_NET_TABLE_H

#include <stdint.h>

#include "net/net.h"
#include "num/format.h"

enum { QMAC_NET_TABLE_BITS = 10, QMAC_NET_TABLE_FRACTION = 15 };

/* A code x counts in `in_bits`; the upper `bits` of them are a segment, the lower `m` interpolate. */
struct qmac_net_table {
	int in_bits, bits, m;
};

/* Of a function (QMAC_LAYER_TANH or SIGMOID) of codes of that format. */
struct qmac_net_table qmac_net_table_of(enum qmac_layer_kind function, struct qmac_format x);

/* Its 2^bits words, as the device's LUT has them. */
void qmac_net_table_words(enum qmac_layer_kind function, struct qmac_format x, uint32_t *words);

/* The derivative from an output of fraction length fl >= 0: y' has fl_y, d has fl_d fraction bits. */
struct qmac_net_derivative {
	int fl_y, fl_d;
};

static inline struct qmac_net_derivative qmac_net_derivative_of(int fl)
{
	int y = fl < 15 ? fl : 15;

	return (struct qmac_net_derivative){y, 2 * y < 16 ? 2 * y : 16};
}

#endif
