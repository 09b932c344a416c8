/*
 * The rows of a layers.csv, read back epoch by epoch beside the records of the same run.
 */
#ifndef QMAC_REPORT_LAYER_ROWS_H
#define QMAC_REPORT_LAYER_ROWS_H

#include <stdbool.h>

#include "record/record.h"
#include "report/csv.h"
#include "report/members.h"

struct qmac_layer_rows {
	char path[QMAC_MEMBER_PATH];
	struct qmac_csv csv;
	int64_t next; /* row, where the next epoch begins */
};

/* Of a result folder. On failure there is nothing to free. */
QMAC_MUST_CHECK enum qmac_status qmac_layer_rows_read(const char *folder, struct qmac_layer_rows *rows,
                                                      struct qmac_error *err);
void qmac_layer_rows_free(struct qmac_layer_rows *rows);

/* The next row of that epoch, and what is behind it becomes the next; -1: there is none left. */
int64_t qmac_layer_rows_take(struct qmac_layer_rows *rows, int64_t epoch);

/* A number of a row; NaN where it is empty, or there is no such column. */
double qmac_layer_rows_field(const struct qmac_layer_rows *rows, int64_t row, const char *column);

/* The layer and the direction that a row is of; false: the records have no such. */
bool qmac_layer_rows_find(const struct qmac_layer_rows *rows, int64_t row, const struct qmac_records *records,
                          int *layer, enum qmac_direction *direction);

#endif
