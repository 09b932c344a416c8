/* A layer's format changed while a network was trained: a row of switches.csv. */
#ifndef QMAC_RECORD_FORMAT_SWITCH_H
#define QMAC_RECORD_FORMAT_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "num/format.h"

struct qmac_format_switch {
	int64_t epoch, step;     /* the step of the whole training, from 1, behind which it changed */
	const char *layer;
	struct qmac_format before, after;
	bool to_float;           /* float32 in place of `after` */
	uint64_t host_flops;     /* that the decision took, by formulas */
	uint64_t bytes;          /* from the host because of it and all of the same step; in the first of these */
	uint64_t cycles;         /* of the device since the run began, at that time */
};

#endif
