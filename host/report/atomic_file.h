/*
 * Files that are whole or absent: written under a temporary name in the same
 * folder, flushed to disk, then renamed.
 */
#ifndef QMAC_REPORT_ATOMIC_FILE_H
#define QMAC_REPORT_ATOMIC_FILE_H

#include <stdio.h>

#include "base/error.h"

struct qmac_atomic_file {
	FILE *stream;         /* write here */
	char path[1200], temporary[1240];
};

/* Opens folder/name for writing. */
QMAC_MUST_CHECK enum qmac_status qmac_atomic_open(struct qmac_atomic_file *file, const char *folder,
                                                  const char *name, struct qmac_error *err);
/* Flushes and renames; on any write error since open removes the temporary file and fails. */
QMAC_MUST_CHECK enum qmac_status qmac_atomic_commit(struct qmac_atomic_file *file, struct qmac_error *err);
/* Gives up: removes the temporary file. Legal after open, commit, or never. */
void qmac_atomic_abandon(struct qmac_atomic_file *file);

/* mkdir -p, and refuses a folder in which nothing can be written. */
QMAC_MUST_CHECK enum qmac_status qmac_make_folder(const char *folder, struct qmac_error *err);

#endif
