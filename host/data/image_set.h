/* The images that a run names, whatever the format of their files: a table of the sets that there are. */
#ifndef QMAC_DATA_IMAGE_SET_H
#define QMAC_DATA_IMAGE_SET_H

#include "data/byte_file.h"
#include "data/dataset.h"

enum { QMAC_IMAGE_FILES_MAX = 6 };

/*
 * The path of file `number`, 0 .. QMAC_IMAGE_FILES_MAX-1, of those that the run's images are in; false where
 * there is none of that number, or it is not there.
 */
bool qmac_image_set_path(const struct qmac_run *run, int number, char path[QMAC_BYTE_FILE_PATH]);

/*
 * Reads the images that the run names (data, file, split, transpose, limit, test_limit): the training part
 * and the test part, in bytes. Errors name the file. Free data also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_dataset_read_images(struct qmac_dataset *data,
                                                          const struct qmac_run *run, struct qmac_error *err);

/*
 * Mean and standard deviation of channel 0.. that the set's pixels, in 0..1, are normalised with, as is
 * customary for it.
 */
void qmac_image_set_normal(enum qmac_data set, int channel, double *mean, double *sd);

#endif
