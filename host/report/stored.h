/*
 * Result folders read back, and several of them side by side.
 */
#ifndef QMAC_REPORT_STORED_H
#define QMAC_REPORT_STORED_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "record/metrics.h"
#include "report/csv.h"
#include "report/json.h"

/* A complete result folder. */
struct qmac_stored {
	struct qmac_json *summary;
	struct qmac_csv metrics;
	char metrics_path[1200];
};

/*
 * A folder without a summary.json is refused as incomplete, one of a newer revision whose headline is not
 * known, too. On failure nothing is left to free.
 */
QMAC_MUST_CHECK enum qmac_status qmac_stored_read(const char *folder, struct qmac_stored *stored,
                                                  struct qmac_error *err);
/* Of `qmac estimate`: figures of the training are missing. */
bool qmac_stored_is_estimate(const struct qmac_stored *stored);
bool qmac_stored_is_of_network(const struct qmac_stored *stored);
void qmac_stored_free(struct qmac_stored *stored);

/*
 * The figure that tells best how far the run is. A folder of an older revision does not name it: it is the
 * gradient norm.
 */
const struct qmac_figure_kind *qmac_stored_headline(const struct qmac_stored *stored);

/* One line of the comparison. */
struct qmac_comparison {
	const char *name;
	const struct qmac_stored *stored; /* NULL where there is no result */
	const char *note;
};

/* The headline of the first line that has a result. */
const struct qmac_figure_kind *qmac_comparison_headline(const struct qmac_comparison *lines, int count);

enum { QMAC_COMPARISON_EPOCHS = 4 };

/* The epochs that a comparison shows besides the last: of 5, 10, 20, 50 those before it; returns how many. */
int qmac_comparison_epochs(double last, int epochs[QMAC_COMPARISON_EPOCHS]);

/*
 * Prints a table: the headline figure at epochs 5, 10, 20, 50 (those that some run has) and the last, cycles,
 * vector multiplies, DRAM bytes, bytes of descriptors fetched, joules with their band, note. Figures of the
 * device are '-' for a run that did not use it. Runs with another headline have a table of their own; runs
 * without a result stand in the first.
 */
void qmac_comparison_print(const struct qmac_comparison *lines, int count, FILE *out);

#endif
