/*
 * What numbers the inner steps of a run have, epoch by epoch.
 *
 * float: double, on the host. fixed: a grid of quantum delta that stays; Z is W, in units of delta. bit
 * centering: Z is the way from the centre w, on a grid that shrinks with the gradient,
 * delta = ||grad f(w)|| / (mu (2^(bits-1) - 1)).
 */
#ifndef QMAC_TRAIN_PRECISION_H
#define QMAC_TRAIN_PRECISION_H

#include <stdbool.h>

#include "config/run_config.h"

struct qmac_engine_operations;

struct qmac_precision {
	const struct qmac_precision_operations *operations;
	const struct qmac_run *run;
	double delta; /* quantum of Z in the running epoch; NaN in double */
};

struct qmac_precision_operations {
	const char *name;
	bool centred;   /* Z is the way from the centre, 0 where an epoch begins; otherwise W itself */
	const struct qmac_engine_operations *engine; /* where such steps run */
	double (*start)(const struct qmac_run *run); /* delta of the first epoch */
	/* delta of an epoch that begins with this gradient norm; false where there is no grid to move on */
	bool (*next)(struct qmac_precision *precision, double norm);
};

extern const struct qmac_precision_operations qmac_float, qmac_fixed, qmac_bit_centering;

#endif
