/*
 * Which result folders a path stands for: that of a run itself, or those of the runs in it, as of a sweep.
 */
#ifndef QMAC_REPORT_COLLECT_H
#define QMAC_REPORT_COLLECT_H

#include <stdbool.h>

#include "base/error.h"
#include "config/run_config.h"

struct qmac_collected {
	char folder[QMAC_PATH_MAX + 32];
	bool named;  /* the path itself, not one found in it */
	bool failed; /* its sweep says so: what is in the folder is older */
};

struct qmac_collection {
	struct qmac_collected *items;
	int count;
};

/*
 * Adds what `path` stands for: itself, where a run has begun in it; the rows of its results.csv in their
 * order, where it has that; else the folders of runs found in it, by name, also those of sweeps and of runs
 * that have not ended. Links in it are not followed. A path in which there is nothing is added, too: to read
 * it tells what is wrong.
 */
QMAC_MUST_CHECK enum qmac_status qmac_collect(struct qmac_collection *collection, const char *path,
                                              struct qmac_error *err);
void qmac_collection_free(struct qmac_collection *collection);

#endif
