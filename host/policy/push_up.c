#include "policy/adapt.h"

#include <math.h>

#include "num/elementary.h"
#include "num/whole.h"

enum { WIDEST = 32, MANY = 1 << 20 };

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
	few = qmac_larger_int((int)ceil(fmin(1 / (l * l), MANY)), 1);
	many = qmac_larger_int((int)ceil(fmin(32 * (l * l), WIDEST)) - fl, 0);
	switch (eagerness) {
	case QMAC_EAGERNESS_MEAN:
		return (few + many + 1) / 2;
	case QMAC_EAGERNESS_MAX:
		return qmac_larger_int(few, many);
	default:
		return qmac_smaller_int(few, many);
	}
}

struct qmac_format qmac_push_up(const struct qmac_adapt_settings *settings, enum qmac_eagerness eagerness,
                                double diversity, struct qmac_format lowest)
{
	int bw_max = settings->bw_max, buffer = settings->buffer_bits;
	int fl = qmac_smaller_int(lowest.fl + more_bits(eagerness, diversity, lowest.fl), WIDEST);
	int bw = qmac_smaller_int(qmac_larger_int(lowest.bw, fl) + 1, WIDEST);

	/* The published code has 32 in place of bw_max. FL gives way before the buffer's integer bits do. */
	fl = qmac_smaller_int(fl, bw_max - buffer);
	bw = qmac_larger_int(qmac_smaller_int(fl + buffer, bw_max), qmac_smaller_int(bw, bw_max));
	return (struct qmac_format){bw, fl};
}
