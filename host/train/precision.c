#include "train/precision.h"

#include <math.h>

#include "num/fixed.h"
#include "train/engine.h"

static double none(const struct qmac_run *run)
{
	(void)run;
	return NAN;
}

static double given(const struct qmac_run *run)
{
	return run->delta;
}

static bool stays(struct qmac_precision *precision, double norm)
{
	(void)precision;
	(void)norm;
	return true;
}

/* At a minimum, or beyond all numbers, there is no grid. */
static bool shrinks(struct qmac_precision *precision, double norm)
{
	const struct qmac_run *run = precision->run;

	precision->delta = norm / run->mu / (double)qmac_max_of(run->bits);
	return precision->delta > 0 && isfinite(precision->delta);
}

const struct qmac_precision_operations qmac_float = {
	.name = "float", .centred = true, .engine = &qmac_host_engine, .start = none, .next = stays,
};
const struct qmac_precision_operations qmac_fixed = {
	.name = "fixed", .engine = &qmac_device_engine, .start = given, .next = stays,
};
const struct qmac_precision_operations qmac_bit_centering = {
	.name = "bit_centering", .centred = true, .engine = &qmac_device_engine, .start = none, .next = shrinks,
};
