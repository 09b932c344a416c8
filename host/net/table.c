#include "net/table.h"

#include <math.h>

#include "num/elementary.h"

struct qmac_net_table qmac_net_table_of(enum qmac_layer_kind function, struct qmac_format x)
{
	/* beyond +-2^range the function is constant, but for the last bits of the widest formats */
	int range = function == QMAC_LAYER_TANH ? 3 : 4, bits = x.fl + range + 1;
	struct qmac_net_table table = {.in_bits = bits < x.bw ? bits : x.bw};

	if (table.in_bits < 2)
		table.in_bits = 2;
	table.bits = table.in_bits < QMAC_NET_TABLE_BITS ? table.in_bits : QMAC_NET_TABLE_BITS;
	table.m = table.in_bits - table.bits;
	return table;
}

static double value(enum qmac_layer_kind function, double z)
{
	double e;

	if (function == QMAC_LAYER_TANH) {
		e = qmac_exp(-2 * fabs(z));
		return copysign((1 - e) / (1 + e), z);
	}
	e = qmac_exp(-fabs(z));
	return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* v_j: nearest, ties to even. */
static int32_t point(enum qmac_layer_kind function, struct qmac_format x, const struct qmac_net_table *table,
                     int64_t j)
{
	int64_t code = j * ((int64_t)1 << table->m) - ((int64_t)1 << (table->in_bits - 1));
	double scaled = ldexp(value(function, ldexp((double)code, -x.fl)), QMAC_NET_TABLE_FRACTION);
	double low = floor(scaled), rest = scaled - low;
	int32_t v = (int32_t)low;

	v += rest > 0.5 || (rest == 0.5 && (v & 1));
	return v < INT16_MAX ? v : INT16_MAX;
}

void qmac_net_table_words(enum qmac_layer_kind function, struct qmac_format x, uint32_t *words)
{
	struct qmac_net_table table = qmac_net_table_of(function, x);
	int32_t at = point(function, x, &table, 0);

	for (int64_t j = 0; j < (int64_t)1 << table.bits; j++) {
		int32_t next = point(function, x, &table, j + 1);
		int32_t slope = table.m ? next - at : 0;

		words[j] = ((uint32_t)slope & 0xFFFF) << 16 | ((uint32_t)at & 0xFFFF);
		at = next;
	}
}
