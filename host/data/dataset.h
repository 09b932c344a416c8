/*
 * A data set for regression or classification: a training part and a test part, which may be empty.
 *
 * One array holds both, row by row: rows 0 .. samples-1 are the training part, the
 * test_samples rows behind them the test part. All that is learnt from a file's data
 * (means, deviations, dx) is learnt from the training part and applied to both. A
 * generated problem has its dx before it is split.
 *
 * A reader leaves real numbers in x and y, all rows in the training part unless the files
 * say which are for testing; the steps below then follow in this order, each where it is
 * asked for.
 */
#ifndef QMAC_DATA_DATASET_H
#define QMAC_DATA_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/run_config.h"

enum {
	QMAC_FEATURES_MAX = 65536,       /* of a file: so many the device's random numbers tell apart */
	QMAC_FILE_VALUES_MAX = 1 << 28,  /* of a file: samples * features; 2.7 GB in memory */
	QMAC_CLASSES_MAX = 1024
};

struct qmac_dataset {
	int64_t samples;       /* of the training part */
	int64_t test_samples;
	int64_t features;
	int64_t group;         /* so many rows in succession are drawn together; 0: each alone */
	int classes;           /* y is a class, 0 .. classes-1; 0: y is a real target */
	double dx;             /* quantum of x; 0 before quantisation */
	/* rows x features each, for host/data alone: others ask for rows */
	int16_t *codes;        /* x = dx * code; NULL before quantisation */
	double *x;
	double *y;             /* rows */
	double *truth;         /* features: the coefficients of a generated problem; NULL where nobody knows */
};

/* Reads or generates what the run asks for and prepares it. Free also after a failure. */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_load(struct qmac_dataset *data, const struct qmac_run *run,
                                                   struct qmac_error *err);

/* Memory for rows and, where asked, for the truth, all zero. */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_allocate(struct qmac_dataset *data, int64_t samples,
                                                       int64_t features, bool has_truth,
                                                       struct qmac_error *err);
void qmac_dataset_free(struct qmac_dataset *data);

/* Forgets all but the first `limit` rows of the training part; before there is a test part. */
void qmac_dataset_limit(struct qmac_dataset *data, int64_t limit);

/*
 * Makes y classes: the different values of y in rising order become 0, 1, ... Fails where there
 * are more than `wanted` (0: QMAC_CLASSES_MAX), or fewer than two. classes becomes `wanted`, or
 * with 0 their number.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_classify(struct qmac_dataset *data, int wanted,
                                                       struct qmac_error *err);

/*
 * Moves floor(fraction * samples) rows into the test part, fraction in [0, 1): each set of so many is
 * equally likely. The rows of each part keep their order. Before or after quantisation.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_split(struct qmac_dataset *data, double fraction,
                                                    uint32_t seed, struct qmac_error *err);

/*
 * Gives every feature, and the target unless it is a class, mean 0 and variance 1 over the training
 * part. What is constant there becomes 0, in the test part too. Fails where the numbers are too
 * large for their variance.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_standardise(struct qmac_dataset *data, struct qmac_error *err);

/* Limits every x to -limit .. limit; limit > 0. */
void qmac_dataset_clip(struct qmac_dataset *data, double limit);

/* Adds a last feature that is 1 everywhere. */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_add_bias(struct qmac_dataset *data, struct qmac_error *err);

/*
 * x becomes dx * code: symmetric codes of x_bits in 2..16, dx = max|x| / (2^(x_bits-1) - 1) over the
 * training part, nearest. x of the test part beyond that range is clamped.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_quantise(struct qmac_dataset *data, int x_bits,
                                                       struct qmac_error *err);

/*
 * The inputs of a row, of either part: `features` numbers, after quantisation dx * code each. They lie in
 * `room`, which has space for as many, or in the data themselves, and stay until one of these changes.
 */
const double *qmac_dataset_row(const struct qmac_dataset *data, int64_t row, double *room);

/* After quantisation: codes[features] become the integers of a row, of either part. */
void qmac_dataset_codes(const struct qmac_dataset *data, int64_t row, int16_t *codes);

/*
 * 1/(2 N_test) sum over the test part of (x_i.w - y_i)^2; NaN where there is no test part. `room` has
 * space for a row.
 */
double qmac_dataset_test_loss(const struct qmac_dataset *data, const double *w, double *room);

#endif
