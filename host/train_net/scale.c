#include "train_net/scale.h"

#include <math.h>

int qmac_net_scale_top(uint32_t magnitudes)
{
	int top = -1;

	for (; magnitudes; magnitudes >>= 1)
		top++;
	return top;
}

int qmac_net_scale_current(int sum_fl, int k, int bits, int top)
{
	return sum_fl - k + bits - 2 - top;
}

int qmac_net_scale_next(enum qmac_err_scale rule, const struct qmac_net_scale *scale, int bits)
{
	return rule == QMAC_ERR_SCALE_FIXED ? scale->e : scale->e + bits - 3 - scale->top;
}

int qmac_net_scale_limited(int e, int sum_fl)
{
	return e > sum_fl ? sum_fl : e < sum_fl - 63 ? sum_fl - 63 : e;
}

int qmac_net_scale_last(double m, int bits)
{
	double most = ldexp(1, bits - 1) - 1;
	int exponent, e;

	if (m == 0)
		return 0;
	(void)frexp(m, &exponent); /* m < 2^exponent */
	e = bits - 1 - exponent;
	return ldexp(m, e) <= most ? e : e - 1;
}
