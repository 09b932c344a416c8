/*
 * A data set for regression or classification: a training part and a test part, which may be empty.
 *
 * Inputs are kept in as few bytes as say all about them: images in the bytes they came in, real numbers in
 * codes as soon as these are known. Who wants a row has it made: nobody else knows how rows are kept.
 * Beside them a row has its target, 8 bytes.
 *
 * One array holds both parts, row by row: rows 0 .. samples-1 are the training part, the
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
	QMAC_FILE_VALUES_MAX = 1 << 28,  /* of a table: samples * features; 2.1 GB as real numbers */
	QMAC_IMAGE_VALUES_MAX = 1 << 30, /* of a file of images: their pixels, 1.1 GB */
	QMAC_CLASSES_MAX = 1024
};

/* How an input is kept. */
enum qmac_cell {
	QMAC_CELL_REAL,   /* double: a table before quantisation */
	QMAC_CELL_PIXEL,  /* uint8_t, which stands for one of 256 numbers */
	QMAC_CELL_CODE8,  /* int8_t: a code of at most 8 bits */
	QMAC_CELL_CODE16  /* int16_t: a code of 9 to 16 bits */
};

struct qmac_dataset {
	int64_t samples;       /* of the training part */
	int64_t test_samples;
	int channels, height, width; /* of a row as it is kept: planes, lines, pixels; a vector: d x 1 x 1 */
	bool bias;             /* a feature behind these that is 1 everywhere; no memory holds it */
	int64_t features;      /* channels * height * width, one more where there is a bias */
	int64_t group;         /* so many rows in succession are drawn together; 0: each alone */
	int classes;           /* y is a class, 0 .. classes-1; 0: y is a real target */
	int labels;            /* of a format whose labels are the classes 0 .. labels-1, each of which counts
	                          whether or not it occurs; 0: of any other */
	double dx;             /* quantum of x: x = dx * code; 0 before quantisation */
	double *y;             /* rows */
	int32_t *line;         /* rows: where each stands in its file, until rows change places; NULL: nowhere */
	double *truth;         /* features: the coefficients of a generated problem; NULL where nobody knows */

	char note[1024];       /* what should be said of a file that was read; "": nothing */

	/* For host/data alone. */
	enum qmac_cell cell;
	union {
		double *real;
		uint8_t *pixel;
		int8_t *code8;
		int16_t *code16;
		void *any;
	} x;                   /* rows x channels x height x width */
	double pixel_value[256]; /* what a pixel stands for */
	int16_t pixel_code[256]; /* after quantisation: its code */
	int16_t bias_code;       /* likewise that of the bias */
};

/*
 * Reads or generates what the run asks for and prepares it. Free also after a failure, which it also is when
 * the process is asked to stop meanwhile (process/stop.h).
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_load(struct qmac_dataset *data, const struct qmac_run *run,
                                                   struct qmac_error *err);

/* Memory for real numbers, one vector a row, and, where asked, for the truth; all zero. */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_allocate(struct qmac_dataset *data, int64_t samples,
                                                       int64_t features, bool has_truth,
                                                       struct qmac_error *err);

/* Memory for images in bytes, all zero: x = pixel / 255. */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_allocate_images(struct qmac_dataset *data, int64_t samples,
                                                              int channels, int height, int width,
                                                              struct qmac_error *err);

void qmac_dataset_free(struct qmac_dataset *data);

/* Adds to the note what a user should know of the data, although they can be taken. */
__attribute__((format(printf, 2, 3)))
void qmac_dataset_note(struct qmac_dataset *data, const char *format, ...);

/* Forgets all but the first `limit` rows of the training part; before there is a test part. */
void qmac_dataset_limit(struct qmac_dataset *data, int64_t limit);

/*
 * Makes y classes: the different values of y in rising order become 0, 1, ... Fails where there
 * are more than run->classes (0: QMAC_CLASSES_MAX), or fewer than two, or where a table has a test part with
 * a value that its training part lacks. classes becomes run->classes, or with 0 their number. Where the
 * format says what the labels are (`labels`) and there are not too many, they stay what they are.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_classify(struct qmac_dataset *data, const struct qmac_run *run,
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
 * large for their variance. For real numbers.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_standardise(struct qmac_dataset *data, struct qmac_error *err);

/* Limits every x to -limit .. limit; limit > 0. For real numbers. */
void qmac_dataset_clip(struct qmac_dataset *data, double limit);

/* Adds a last feature that is 1 everywhere; before quantisation. */
void qmac_dataset_add_bias(struct qmac_dataset *data);

/*
 * x becomes dx * code: symmetric codes of x_bits in 2..16, dx = max|x| / (2^(x_bits-1) - 1) over the
 * training part, nearest. x of the test part beyond that range is clamped. Real numbers give way to their
 * codes; images keep their bytes.
 */
void qmac_dataset_quantise(struct qmac_dataset *data, int x_bits);

/*
 * The inputs of a row, of either part: `features` numbers, after quantisation dx * code each. They lie in
 * `room`, which has space for as many, or in the data themselves, and stay until one of these changes.
 */
const double *qmac_dataset_row(const struct qmac_dataset *data, int64_t row, double *room);

/* After quantisation: codes[features] become the integers of a row, of either part. */
void qmac_dataset_codes(const struct qmac_dataset *data, int64_t row, int16_t *codes);

#endif
