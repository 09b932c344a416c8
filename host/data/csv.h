/*
 * Data sets in CSV files, plain or gzip (docs/data.md): fields between separators, where
 * needed in double quotes; every field a number. A first line without any number is a
 * header of names. Every line has as many fields as the first; empty lines are skipped.
 */
#ifndef QMAC_DATA_CSV_H
#define QMAC_DATA_CSV_H

#include "data/dataset.h"

/*
 * The training part from run->file, its first run->limit samples where that is not 0, and the test part from
 * run->test_file where that is not "". Separator, target and columns to ignore as the run has them. Errors
 * name file:line:column, columns in bytes. Free data also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_read_csv(struct qmac_dataset *data, const struct qmac_run *run,
                                                       struct qmac_error *err);

#endif
