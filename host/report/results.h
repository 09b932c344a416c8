/*
 * The result folder of a run (docs/results.md): config.yaml, hw.yaml,
 * metrics.csv, layers.csv, switches.csv, formats.csv, summary.json, weights.npy, timeline.json
 * where asked, SVG plots.
 *
 * metrics.csv grows during the run under a temporary name. Only when every
 * file is on the disk qmac_results_finish() renames them into place,
 * summary.json last: a folder with a summary.json is complete. Older results
 * stay until then.
 *
 * From create to destroy the folder is locked (folder_lock.h): a second run
 * that writes there is refused.
 */
#ifndef QMAC_REPORT_RESULTS_H
#define QMAC_REPORT_RESULTS_H

#include <stdbool.h>

#include "base/sha256.h"
#include "config/hw_file.h"
#include "config/run_config.h"
#include "train/train.h"

struct qmac_results;

/* The columns of metrics.csv in order: "epoch|step|...". */
extern const char qmac_metrics_columns[];

QMAC_MUST_CHECK enum qmac_status qmac_results_create(const char *folder, const struct qmac_run_config *config,
                                                     const struct qmac_hw_file *hw,
                                                     struct qmac_results **results,
                                                     struct qmac_error *err);
/*
 * The rows and the end to come are those of an estimate: they get these products (zeros.h) and, where not
 * NULL, these values (values.h), which must live as long as the results. Before the first row.
 */
struct qmac_values;
struct qmac_zeros;
void qmac_results_are_estimated(struct qmac_results *results, struct qmac_zeros *zeros,
                                struct qmac_values *values);
/* A row of metrics.csv and the rows of layers.csv of the same epoch, or of what is before the first. */
QMAC_MUST_CHECK enum qmac_status qmac_results_metrics(struct qmac_results *results,
                                                      const struct qmac_metrics *metrics,
                                                      const struct qmac_records *records,
                                                      struct qmac_error *err);
/* A row of switches.csv, of a run whose formats change (qmac_run_switches_formats()). */
QMAC_MUST_CHECK enum qmac_status qmac_results_switch(struct qmac_results *results,
                                                     const struct qmac_format_switch *row,
                                                     struct qmac_error *err);
/* A row of formats.csv, of the same. */
QMAC_MUST_CHECK enum qmac_status qmac_results_format(struct qmac_results *results,
                                                     const struct qmac_format_change *row,
                                                     struct qmac_error *err);
/* Keeps the record for timeline.json while fewer than run.timeline are held. */
void qmac_results_retire(struct qmac_results *results, const struct qmac_retire *record);
QMAC_MUST_CHECK enum qmac_status qmac_results_finish(struct qmac_results *results,
                                                     const struct qmac_train_result *result,
                                                     double wall_seconds, struct qmac_error *err);
/*
 * What has been written so far, and what the next row is made of: added to a state, and lives until the
 * next call. Fails where that cannot be read back.
 */
QMAC_MUST_CHECK enum qmac_status qmac_results_state(struct qmac_results *results, struct qmac_state *state,
                                                    struct qmac_error *err);
/* Before the first row: goes on from such a state, of the same configuration. piece() gives NULL for none. */
QMAC_MUST_CHECK enum qmac_status qmac_results_go_on(struct qmac_results *results,
                                                    const void *(*piece)(const void *context,
                                                                         const char *name, size_t *bytes),
                                                    const void *context, struct qmac_error *err);
/* Why a plot is missing, "" where none is: a plot never makes a run fail. */
const char *qmac_results_warning(const struct qmac_results *results);
/* Removes temporary files that were not renamed. NULL is legal. */
void qmac_results_destroy(struct qmac_results *results);

/* Whether a folder holds the whole result of a configuration. */
struct qmac_match {
	bool kept;
	char why[128]; /* where not kept although there is a result of this configuration: the reason; else "" */
};

/*
 * kept: folder holds the whole result of exactly this configuration on exactly this hardware: its
 * config.yaml and hw.yaml have the values that would be written now, and every other file is, byte for
 * byte, the one that summary.json tells of. Plots do not count. Fails where that cannot be found out.
 */
QMAC_MUST_CHECK enum qmac_status qmac_results_match(const char *folder, const struct qmac_run_config *config,
                                                    const struct qmac_hw_file *hw, struct qmac_match *match,
                                                    struct qmac_error *err);

/*
 * Of a folder with a summary.json: what is missing or not as it was written goes to `why` ("": nothing that
 * can be told).
 */
QMAC_MUST_CHECK enum qmac_status qmac_results_check(const char *folder, char *why, size_t why_size,
                                                    struct qmac_error *err);

/* True where folder holds a result whose config.yaml or hw.yaml says something else. */
bool qmac_results_are_of_another(const char *folder, const struct qmac_run_config *config,
                                 const struct qmac_hw_file *hw);

/* The SHA-256 of those values and of the program's version. Fails where memory is short. */
QMAC_MUST_CHECK enum qmac_status qmac_results_digest(const struct qmac_run_config *config,
                                                     const struct qmac_hw_file *hw,
                                                     char digest[QMAC_SHA256_TEXT], struct qmac_error *err);

#endif
