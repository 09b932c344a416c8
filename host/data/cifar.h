/*
 * CIFAR-10 and CIFAR-100 in their binary version, plain or gzip (docs/data.md). A file is a sequence of
 * records and nothing else: of CIFAR-10 a label, of CIFAR-100 a coarse and a fine label, a byte each, then
 * 32 x 32 pixels of red, as many of green and of blue, line by line. Labels are 0 .. 9, and 0 .. 19 and
 * 0 .. 99.
 */
#ifndef QMAC_DATA_CIFAR_H
#define QMAC_DATA_CIFAR_H

#include "data/byte_file.h"
#include "data/dataset.h"

enum { QMAC_CIFAR_FILES = 6 };

/*
 * The path of file `number`, from 0, in a folder (a path of a run): the training files in their order, then
 * that of the test part. False where there is none of that number, or it is not there.
 */
bool qmac_cifar_path(enum qmac_data set, const char *folder, int number, char path[QMAC_BYTE_FILE_PATH]);

/*
 * Reads the files of a folder: set is QMAC_DATA_CIFAR10 (data_batch_1.bin .. data_batch_5.bin are the
 * training part in this order, test_batch.bin the test part) or QMAC_DATA_CIFAR100 (train.bin, test.bin; y is
 * the fine label), each plain or with ".gz" behind its name. x = pixel / 255, 3 channels. limit > 0: the
 * first so many training samples only; of the files that they are in all is read, others need not be there;
 * test_limit likewise of the test part. A file may have fewer records than the published one, which is
 * noted, but no more. Errors name the file. Free data also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_read_cifar(struct qmac_dataset *data, enum qmac_data set,
                                                         const char *folder, int64_t limit,
                                                         int64_t test_limit, struct qmac_error *err);

#endif
