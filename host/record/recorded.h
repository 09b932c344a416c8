/*
 * The formats that a network had while it was trained, as the run has recorded them: with them an estimate
 * has the costs of that training, on whatever hardware, without its values.
 */
#ifndef QMAC_RECORD_RECORDED_H
#define QMAC_RECORD_RECORDED_H

#include <stdbool.h>
#include <stdint.h>

#include "record/format_switch.h"

enum { QMAC_FORMAT_TENSOR_SIZE = 64, QMAC_RECORDED_PATH = 1200 };

/* A row of formats.csv: a tensor on the device got a format. */
struct qmac_format_change {
	int64_t epoch, step; /* the step of the whole training, from 1, behind which; 0: what it has at first */
	bool ended;          /* behind the figures of the epoch that the step ended; else before them */
	char tensor[QMAC_FORMAT_TENSOR_SIZE]; /* "conv1.weight", "conv1.output", "input" */
	struct qmac_format format;
	bool to_float;       /* float32 in place of it */
};

struct qmac_recorded {
	char formats_path[QMAC_RECORDED_PATH], switches_path[QMAC_RECORDED_PATH],
	     metrics_path[QMAC_RECORDED_PATH]; /* row i of each stands in line i + 2 */
	struct qmac_format_change *changes;    /* in the order of their steps */
	int64_t change_count;
	struct qmac_format_switch *switches;   /* likewise */
	char (*layers)[QMAC_FORMAT_TENSOR_SIZE]; /* their layers' names */
	int64_t switch_count;
	int64_t epochs;                        /* that were trained */
	int64_t *steps;                        /* of the training, behind epoch 0 .. epochs */
	uint64_t *host_flops;                  /* likewise; policies' decisions among them, which follow data */
};

#endif
