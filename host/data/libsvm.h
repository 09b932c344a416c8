/*
 * Data sets in LIBSVM files, plain or gzip (docs/data.md): a sample a line,
 *
 *   target index:value index:value ...
 *
 * with indices from 1, rising; features that are not named are 0. Text from '#' on is
 * a comment; empty lines are skipped. There are as many features as the highest index.
 */
#ifndef QMAC_DATA_LIBSVM_H
#define QMAC_DATA_LIBSVM_H

#include "data/dataset.h"

/*
 * The training part from run->file, its first run->limit samples where that is not 0, and the test part, of
 * as many features, from run->test_file where that is not "". Errors name file:line:column, columns in
 * bytes. Free data also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_read_libsvm(struct qmac_dataset *data,
                                                          const struct qmac_run *run,
                                                          struct qmac_error *err);

#endif
