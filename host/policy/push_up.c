#include "policy/adapt.h"

#include <math.h>

#include "num/elementary.h"

enum { WIDEST = 32, MANY = 1 << 20 };

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

/*
 * How many fraction bits more: 1 / L^2 of them, or 32 L^2 in all, L = ln D - 1. The first has no limit
 * where D is just above e: more than MANY changes nothing.
 */
static int more_bits(enum qmac_eagerness eagerness, double diversity, int fl)
{
	double l = diversity > 0 && isfinite(diversity) ? qmac_log(diversity) - 1 : 0;
	int few, many;

	if (!(l > 0))
		return 1;
	few = larger((int)ceil(fmin(1 / (l * l), MANY)), 1);
	many = larger((int)ceil(fmin(32 * (l * l), WIDEST)) - fl, 0);
	switch (eagerness) {
	case QMAC_EAGERNESS_MEAN:
		return (few + many + 1) / 2;
	case QMAC_EAGERNESS_MAX:
		return larger(few, many);
	default:
		return smaller(few, many);
	}
}

struct qmac_format qmac_push_up(const struct qmac_adapt_settings *settings, enum qmac_eagerness eagerness,
                                double diversity, struct qmac_format lowest)
{
	int bw_max = settings->bw_max, buffer = settings->buffer_bits;
	int fl = smaller(lowest.fl + more_bits(eagerness, diversity, lowest.fl), WIDEST);
	int bw = smaller(larger(lowest.bw, fl) + 1, WIDEST);

	/* The published code has 32 in place of bw_max. FL gives way before the buffer's integer bits do. */
	fl = smaller(fl, bw_max - buffer);
	bw = larger(smaller(fl + buffer, bw_max), smaller(bw, bw_max));
	return (struct qmac_format){bw, fl};
}
