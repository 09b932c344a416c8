/*
 * Images with labels in IDX files, plain or gzip (docs/data.md): the format of MNIST
 * and Fashion-MNIST. A file starts with the bytes 0, 0, 8 (unsigned bytes follow) and
 * the number of dimensions, then has each dimension as 32 bits, big endian, then
 * the bytes. Nothing may follow.
 */
#ifndef QMAC_DATA_IDX_H
#define QMAC_DATA_IDX_H

#include "data/byte_file.h"
#include "data/dataset.h"

enum qmac_idx_file { QMAC_IDX_IMAGES, QMAC_IDX_LABELS, QMAC_IDX_TEST_IMAGES, QMAC_IDX_TEST_LABELS };
enum { QMAC_IDX_FILES = 4 };

/* What the names of the files of the two parts begin with, up to 40 bytes. */
struct qmac_idx_names {
	const char *train, *test;
};

extern const struct qmac_idx_names qmac_idx_mnist; /* "train", "t10k" */

/*
 * The path of one of the four files of a folder (a path of a run), under the first of its names that is
 * there. False where none is.
 */
bool qmac_idx_path(const char *folder, const struct qmac_idx_names *names, enum qmac_idx_file file,
                   char path[QMAC_BYTE_FILE_PATH]);

/*
 * Reads the four files of a folder, each plain or with ".gz" behind its name, a dot or a dash before idx:
 * TRAIN-images-idx3-ubyte and TRAIN-labels-idx1-ubyte become the training part, the same with TEST- the test
 * part; TRAIN and TEST are the two names. x = pixel / 255, y = label. limit > 0: the first so many training
 * samples only; test_limit likewise of the test part; the files are checked to their end all the same. Errors
 * name the file. Free data also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_read_idx(struct qmac_dataset *data, const char *folder,
                                                       const struct qmac_idx_names *names, int64_t limit,
                                                       int64_t test_limit, struct qmac_error *err);

#endif
