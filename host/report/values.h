/*
 * What a training has found beside its costs, read back from its result folder: figures, saturations,
 * sparsity, weights. The same run on other hardware has the same (run/retime.h): with these the estimate of
 * it becomes a whole result. Products with a zero operand alone depend on the hardware, too: zeros.h.
 */
#ifndef QMAC_REPORT_VALUES_H
#define QMAC_REPORT_VALUES_H

#include "report/layer_rows.h"
#include "report/stored.h"
#include "report/tensors.h"
#include "train/train.h"

enum { QMAC_VALUES_NAME = 256 };

struct qmac_values {
	char folder[QMAC_PATH_MAX];
	char name[QMAC_VALUES_NAME];     /* of the folder, without those above it */
	struct qmac_stored stored;
	struct qmac_layer_rows layers;
	struct qmac_layer_values *known; /* of the running epoch, a layer each */
};

/*
 * Refuses a folder without a complete result, with a file that is not as it was written, and an estimate. On
 * failure there is nothing to free.
 */
QMAC_MUST_CHECK enum qmac_status qmac_values_read(const char *folder, struct qmac_values *values,
                                                  struct qmac_error *err);
void qmac_values_free(struct qmac_values *values);

/*
 * The row of an estimate and its records get the values of that epoch; `records` then belongs to values, and
 * lives until the next call. Epochs come in their order. Fails, with file and line, where the training has no
 * such epoch, or saturations where the estimate has no commands.
 */
QMAC_MUST_CHECK enum qmac_status qmac_values_epoch(struct qmac_values *values, struct qmac_metrics *row,
                                                   struct qmac_records *records, struct qmac_error *err);

/* Whether the training diverged. */
bool qmac_values_diverged(const struct qmac_values *values);

/* The same of the end: all but weights. */
void qmac_values_end(const struct qmac_values *values, struct qmac_train_result *result);

/*
 * Copies the values of a trained network or, `tensors` NULL, the weights of a linear model: the file that is
 * to be weights/manifest.json, or weights.npy, is `out`.
 */
QMAC_MUST_CHECK enum qmac_status qmac_values_copy(const struct qmac_values *values,
                                                  struct qmac_tensors *tensors, const char *folder, FILE *out,
                                                  char weights_sha256[QMAC_SHA256_TEXT],
                                                  struct qmac_error *err);

#endif
