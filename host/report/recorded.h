/*
 * What a run has recorded of its formats, read back from its result folder: formats.csv, switches.csv and
 * metrics.csv.
 */
#ifndef QMAC_REPORT_RECORDED_H
#define QMAC_REPORT_RECORDED_H

#include "base/error.h"
#include "record/recorded.h"

/*
 * Refuses a folder without a complete result, one without formats.csv, tables that are cut off, and rows that
 * are not in the order of their steps, with file and line. Whether they fit a network shows when they are
 * replayed. On failure there is nothing to free.
 */
QMAC_MUST_CHECK enum qmac_status qmac_recorded_read(const char *folder, struct qmac_recorded *recorded,
                                                    struct qmac_error *err);
void qmac_recorded_free(struct qmac_recorded *recorded);

#endif
