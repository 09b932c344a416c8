#include "net/masters.h"

#include <math.h>
#include <stdlib.h>

#include "net/copy.h"

enum { FACTOR_BITS = 17, SHIFT_MAX = 63 };

struct qmac_net_factor qmac_net_factor_of(double z)
{
	int exponent, shift;
	double mantissa = rint(ldexp(frexp(z, &exponent), FACTOR_BITS));

	shift = FACTOR_BITS - exponent;
	if (mantissa == ldexp(1, FACTOR_BITS)) {
		mantissa /= 2;
		shift--;
	}
	if (mantissa == 0 || shift > SHIFT_MAX)
		return (struct qmac_net_factor){.mult = 0};
	if (shift >= 0)
		return (struct qmac_net_factor){.mult = (uint32_t)mantissa, .shift = (uint32_t)shift};
	return (struct qmac_net_factor){
		.mult = (uint32_t)mantissa, .left = -shift > (int)QMAC_L0_MAX ? QMAC_L0_MAX : (uint32_t)-shift,
	};
}

/* ---- copies ------------------------------------------------------------------------------ */

/* Where element i of a parameter lies among the numbers of its view: rows (ky, kx, input), or pixels. */
static int64_t place_of(const struct qmac_net_plan_layer *p, bool is_weight, int64_t i)
{
	int64_t inner = is_weight ? p->kernel[0] * p->kernel[1] : p->bias_sum.positions[2];
	int64_t in = is_weight ? p->in.channels : 1;
	int64_t tap = i % inner, channel = i / inner % in, out = i / inner / in;

	return (tap * in + channel) * p->out.channels + out;
}

/* Copies one way or the other. */
static enum qmac_status copy(struct qmac_net_plan *plan, int parameter, enum qmac_net_master which,
                             const int32_t *given, int32_t *taken, struct qmac_error *err)
{
	const struct qmac_net_parameter *of = &plan->net->parameters[parameter];
	const struct qmac_net_plan_layer *p = &plan->layers[of->layer];
	bool is_weight = of->role == QMAC_ROLE_WEIGHT;
	const struct qmac_view *view = &(which == QMAC_NET_MASTER ? p->master : p->velocity)[!is_weight];
	int64_t *values = calloc((size_t)qmac_net_count(view) + 1, sizeof *values);

	if (!values)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld masters", (long long)of->count);
	for (int64_t i = 0; given && i < of->count; i++)
		values[place_of(p, is_weight, i)] = given[i];
	if (given)
		qmac_net_put(plan->driver, view, values);
	else
		qmac_net_get(plan->driver, view, values);
	for (int64_t i = 0; taken && i < of->count; i++)
		taken[i] = (int32_t)values[place_of(p, is_weight, i)];
	free(values);
	return QMAC_OK;
}

enum qmac_status qmac_net_put_master(struct qmac_net_plan *plan, int parameter, enum qmac_net_master which,
                                     const int32_t *values, struct qmac_error *err)
{
	return copy(plan, parameter, which, values, NULL, err);
}

enum qmac_status qmac_net_get_master(struct qmac_net_plan *plan, int parameter, enum qmac_net_master which,
                                     int32_t *values, struct qmac_error *err)
{
	return copy(plan, parameter, which, NULL, values, err);
}
