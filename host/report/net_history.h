/*
 * What the result folder of a network tells of its layers: the formats of their weights from the first step
 * to the last, the share of zeros among these, and the cycles of each direction. Read from layers.csv and,
 * where formats may change, switches.csv.
 */
#ifndef QMAC_REPORT_NET_HISTORY_H
#define QMAC_REPORT_NET_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "cost/energy.h"
#include "num/format.h"
#include "record/record.h"
#include "report/stored.h"

/* A format, or float32, and how many steps were done when the layer got it. */
struct qmac_format_since {
	int64_t step;
	struct qmac_format format; /* of float32 <32,0> */
	bool is_float;
};

/*
 * What a layer's cycles in a direction were used for, and the joules that they took; a_reads: cycles in which
 * the array took a row of A. NaN in folders that do not tell.
 */
struct qmac_layer_use {
	double macs, a_reads, load_busy, execute_busy, store_busy;
	double joules, parts[QMAC_ENERGY_COMPONENTS]; /* nominal; parts: by component */
};

struct qmac_layer_history {
	char name[QMAC_LAYER_NAME];
	struct qmac_format_since *formats; /* the first from step 0 on; in each step the last one counts */
	int format_count;                  /* 0: no weights, or none on the device */
	double cycles[QMAC_DIRECTIONS];    /* of the whole run */
	struct qmac_layer_use use[QMAC_DIRECTIONS]; /* likewise */
	double *sparsity;                  /* by epoch, the first at 0; NaN where it is not known */
};

struct qmac_net_history {
	int64_t steps, epochs;             /* of the run */
	struct qmac_layer_history *layers; /* in the order of the network */
	int layer_count;
};

/*
 * Of a network that ran on the device, whose summary is that of the folder; of any other run there are no
 * layers. Fails where switches.csv is missing or damaged, and where the tables contradict one another: then
 * rows are missing.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_history_read(const char *folder, const struct qmac_stored *stored,
                                                   struct qmac_net_history *history, struct qmac_error *err);
/* How many layers have weights on the device. */
int qmac_net_history_weighted(const struct qmac_net_history *history);
/* Whether the sparsity of any is known. */
bool qmac_net_history_has_sparsity(const struct qmac_net_history *history);
void qmac_net_history_free(struct qmac_net_history *history);

#endif
