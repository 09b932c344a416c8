/*
 * Where a data file lies. A relative path is looked for at a first place, which the
 * caller knows, and then in a data folder: the one given, else $QMAC_DATA, else
 * ~/.cache/qmac/data.
 */
#ifndef QMAC_CONFIG_DATA_FILE_H
#define QMAC_CONFIG_DATA_FILE_H

#include <stddef.h>

#include "base/error.h"
#include "config/run_config.h"

/*
 * path (size bytes) becomes the first of `first` and <data folder>/`name` that exists and can be read;
 * `name` is what the user wrote, and where it is absolute only `first` counts. folder may be NULL. The
 * message of a failure says where it was looked for; it has neither key nor place.
 */
QMAC_MUST_CHECK enum qmac_status qmac_data_file_find(char *path, size_t size, const char *first,
                                                     const char *name, const char *folder,
                                                     struct qmac_error *err);

/*
 * The same for the folder of a well-known set of images, qmac_data_is_images(data), in the data folder or
 * where a package puts it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_data_set_find(char *path, size_t size, enum qmac_data data,
                                                    const char *folder, struct qmac_error *err);

#endif
