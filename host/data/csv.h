/*
 * Data sets in CSV files, plain or gzip (docs/data.md): fields between commas, where
 * needed in double quotes; every field a number. A first line without any number is a
 * header of names. Every line has as many fields as the first; empty lines are skipped.
 */
#ifndef QMAC_DATA_CSV_H
#define QMAC_DATA_CSV_H

#include "data/dataset.h"

/*
 * target: the column of the targets by its name, by its number from 1, or "last"; all others are
 * features. Errors name file:line:column, columns in bytes. Free data also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_read_csv(struct qmac_dataset *data, const char *path,
                                                       const char *target, struct qmac_error *err);

#endif
