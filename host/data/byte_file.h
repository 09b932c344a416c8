/*
 * A file of bytes, plain or gzip, that is read from its front to its end: what the files of images
 * (docs/data.md) have in common. Errors have its path for their place.
 */
#ifndef QMAC_DATA_BYTE_FILE_H
#define QMAC_DATA_BYTE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "base/error.h"
#include "config/run_config.h"

enum { QMAC_BYTE_FILE_PATH = QMAC_PATH_MAX + 64 };

struct qmac_byte_file {
	char path[QMAC_BYTE_FILE_PATH];
	gzFile stream; /* NULL: not open */
};

/*
 * path becomes that of the file `name`, or of `name`.gz, in a folder (a path of a run): the first that is
 * there and is no folder itself. False where neither is; path is then that of `name`.
 */
bool qmac_byte_file_find(const char *folder, const char *name, char path[QMAC_BYTE_FILE_PATH]);

/* Opens file->path. Close also after a failure. */
QMAC_MUST_CHECK enum qmac_status qmac_byte_file_open(struct qmac_byte_file *file, struct qmac_error *err);
void qmac_byte_file_close(struct qmac_byte_file *file);

/*
 * Reads up to `count` bytes; *got are fewer only where the file ends. Fails where a compressed file is
 * damaged, or cut off, and when the process is asked to stop.
 */
QMAC_MUST_CHECK enum qmac_status qmac_byte_file_take(struct qmac_byte_file *file, void *bytes, int count,
                                                     int *got, struct qmac_error *err);

/* The same of exactly so many. */
QMAC_MUST_CHECK enum qmac_status qmac_byte_file_read(struct qmac_byte_file *file, void *bytes, int count,
                                                     struct qmac_error *err);

/* Here the file must end; `more` says what it means where it does not. */
QMAC_MUST_CHECK enum qmac_status qmac_byte_file_end(struct qmac_byte_file *file, const char *more,
                                                    struct qmac_error *err);

/* QMAC_BAD_INPUT. */
enum qmac_status qmac_byte_file_refuse(const struct qmac_byte_file *file, const char *why,
                                       struct qmac_error *err);

#endif
