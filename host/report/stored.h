/*
 * Result folders read back, and several of them side by side.
 */
#ifndef QMAC_REPORT_STORED_H
#define QMAC_REPORT_STORED_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "report/csv.h"
#include "report/json.h"

/* A complete result folder. */
struct qmac_stored {
	struct qmac_json *summary;
	struct qmac_csv metrics;
	char metrics_path[1200];
};

/* A folder without a summary.json is refused as incomplete. On failure nothing is left to free. */
QMAC_MUST_CHECK enum qmac_status qmac_stored_read(const char *folder, struct qmac_stored *stored,
                                                  struct qmac_error *err);
/* Of `qmac estimate`: figures of the training are missing. */
bool qmac_stored_is_estimate(const struct qmac_stored *stored);
void qmac_stored_free(struct qmac_stored *stored);

/* One line of the comparison. */
struct qmac_comparison {
	const char *name;
	const struct qmac_stored *stored; /* NULL where there is no result */
	const char *note;
};

enum { QMAC_COMPARISON_EPOCHS = 4 };

/* The epochs that a comparison shows besides the last: of 5, 10, 20, 50 those before it; returns how many. */
int qmac_comparison_epochs(double last, int epochs[QMAC_COMPARISON_EPOCHS]);

/*
 * Prints a table: gradient norm at epochs 5, 10, 20, 50 (those that some run
 * has) and the last, cycles, vector multiplies, DRAM bytes, note. Figures of
 * the device are '-' for a run that did not use it.
 */
void qmac_comparison_print(const struct qmac_comparison *lines, int count, FILE *out);

#endif
