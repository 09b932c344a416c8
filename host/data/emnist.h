/*
 * EMNIST, and other sets of its kind, in IDX files (data/idx.h): a folder with the published files of a
 * split, emnist-SPLIT-train-images-idx3-ubyte and so on, or with files that are called as MNIST's are. The
 * published images are transposed: lines and columns are exchanged.
 */
#ifndef QMAC_DATA_EMNIST_H
#define QMAC_DATA_EMNIST_H

#include "data/idx.h"

/* The path of one of the four files of the run's split; false where it is not there. */
bool qmac_emnist_path(const struct qmac_run *run, enum qmac_idx_file file, char path[QMAC_BYTE_FILE_PATH]);

/*
 * Reads the files of run->split in the folder run->file, where any of them is there; otherwise those with
 * MNIST's names. run->transpose says whether lines and columns are exchanged, `auto`: of published files
 * alone. limit and test_limit as of qmac_dataset_read_idx(). Errors name the file. Free data also after a
 * failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_read_emnist(struct qmac_dataset *data,
                                                          const struct qmac_run *run, struct qmac_error *err);

#endif
