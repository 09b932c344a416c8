/*
 * The writers of the single files of a result folder (docs/results.md), for
 * results.c. Write errors stay in the stream: qmac_atomic_finish() finds them.
 */
#ifndef QMAC_REPORT_FILES_H
#define QMAC_REPORT_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/sha256.h"
#include "config/hw_file.h"
#include "config/run_config.h"
#include "cost/area.h"
#include "report/energy.h"
#include "train/train.h"

/* What summary.json is made of. */
struct qmac_summary {
	const struct qmac_run *run;
	const struct qmac_hw_file *hw;
	const struct qmac_train_result *result;
	const struct qmac_tariff *tariff;
	const struct qmac_area_table *area;
	const uint64_t *spent;            /* counts of all records: what energy is made of, and ZERO_MACS */
	const char *weights_sha256;       /* "": there are none */
	const char *timed_from;           /* the run whose values these are (values.h); NULL: it was trained */
	char (*sha256)[QMAC_SHA256_TEXT]; /* of the other files; "" for one that is not there */
	double wall_seconds;
};

void qmac_metrics_csv_head(FILE *out);
/* joules: spent so far; NaN: no energy. */
void qmac_metrics_csv_row(FILE *out, const struct qmac_metrics *metrics, struct qmac_band joules);
void qmac_layers_csv_head(FILE *out);
/*
 * A row for each layer and direction that has spent anything in the epoch, and one for a layer that has
 * spent nothing; before the first epoch none where no layer has spent anything.
 */
void qmac_layers_csv_rows(FILE *out, const struct qmac_records *records, const struct qmac_tariff *tariff);

/* Two fields of a table, bw and fl; float32 has 32 bits and no fraction length. */
void qmac_format_fields(FILE *out, struct qmac_format format, bool is_float);

/* switches.csv: formats that changed while a network was trained. */
extern const char qmac_switches_columns[]; /* with commas between */
void qmac_switches_csv_head(FILE *out);
void qmac_switches_csv_row(FILE *out, const struct qmac_format_switch *row);

/* formats.csv: the formats of all tensors, at first and where they changed. */
extern const char qmac_formats_columns[];
void qmac_formats_csv_head(FILE *out);
void qmac_formats_csv_row(FILE *out, const struct qmac_format_change *row);

/* All but its end, qmac_summary_seal(): with the SHA-256 of what was written. */
void qmac_summary_write(FILE *out, const struct qmac_summary *summary);
void qmac_summary_seal(FILE *out, const char *sha256);
/* Is this a whole file with the seal of just its own text? *sealed: there is one, right or wrong. */
bool qmac_summary_is_whole(const char *text, size_t size, bool *sealed);

/*
 * `count` values of float64, little endian, as NumPy reads them: a vector, or where `columns` is not 0 a
 * matrix of so many, row by row. text gets the SHA-256 of the data part.
 */
void qmac_npy_write(FILE *out, const double *values, int64_t count, int64_t columns,
                    char text[QMAC_SHA256_TEXT]);

/* The same of float32, of 1 to 4 dims; the data part is added to the hash. */
void qmac_npy_write_float(FILE *out, const float *values, const int64_t *dims, int dim_count,
                          struct qmac_sha256 *hash);
void qmac_npy_write_int(FILE *out, const int32_t *values, const int64_t *dims, int dim_count,
                        struct qmac_sha256 *hash);
/* Reads what these wrote; refuses any other type or shape. */
QMAC_MUST_CHECK enum qmac_status qmac_npy_read_float(const char *path, const int64_t *dims, int dim_count,
                                                     float *values, struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_npy_read_int(const char *path, const int64_t *dims, int dim_count,
                                                   int32_t *values, struct qmac_error *err);

/*
 * timeline.json: head, any number of records, tail. Records of an engine come in order of their starts.
 *
 * Viewers drop an event that overlaps another of its thread in part, and GEMMs overlap. So an engine has
 * lanes, a thread each; a command has the first one that is free, of which there are rows + cols + 4 at most
 * in mode ws and 2 rows + cols + 8 in mode os: so long a GEMM is under way, and the next begins a cycle later
 * at the earliest.
 */
enum { QMAC_TIMELINE_ENGINES = QMAC_ENGINE_CONTROL + 1, QMAC_TIMELINE_LANES = 256 };

struct qmac_timeline {
	int32_t lanes[QMAC_TIMELINE_ENGINES]; /* that the file has named: state of a checkpoint */
	/* Ends of the last command of each lane; none lies ahead at a checkpoint, where the device rests. */
	uint64_t free_from[QMAC_TIMELINE_ENGINES][QMAC_TIMELINE_LANES];
};

void qmac_timeline_head(struct qmac_timeline *timeline, FILE *out);
void qmac_timeline_record(struct qmac_timeline *timeline, FILE *out, const struct qmac_retire *record);
void qmac_timeline_tail(FILE *out);

#endif
