/*
 * Files that are whole or absent: written under a temporary name (base/temporary.h) in the same folder,
 * flushed to disk, then renamed.
 *
 * Several files that belong together are finished one by one; only when all are on the disk they are placed.
 */
#ifndef QMAC_REPORT_ATOMIC_FILE_H
#define QMAC_REPORT_ATOMIC_FILE_H

#include <stdio.h>

#include "base/error.h"
#include "base/sha256.h"

struct qmac_atomic_file {
	FILE *stream;         /* write here */
	char path[1200], temporary[1240];
};

/* Refuses what cannot be replaced by a file, such as a folder of that name. */
QMAC_MUST_CHECK enum qmac_status qmac_atomic_check(const char *path, struct qmac_error *err);
/*
 * Opens folder/name for writing. A file that is there already is replaced by one with the same mode; through
 * a link, the file behind it is.
 */
QMAC_MUST_CHECK enum qmac_status qmac_atomic_open(struct qmac_atomic_file *file, const char *folder,
                                                  const char *name, struct qmac_error *err);
/*
 * All of it is on the disk, under the temporary name. Fails on any write error since open. sha256 (may be
 * NULL) gets the hash of what was written.
 */
QMAC_MUST_CHECK enum qmac_status qmac_atomic_finish(struct qmac_atomic_file *file,
                                                    char sha256[QMAC_SHA256_TEXT], struct qmac_error *err);
/* Gives a finished file its name. */
QMAC_MUST_CHECK enum qmac_status qmac_atomic_place(struct qmac_atomic_file *file, struct qmac_error *err);
/* Finishes and places, so that the name, too, is on the disk; removes the temporary file where that fails. */
QMAC_MUST_CHECK enum qmac_status qmac_atomic_commit(struct qmac_atomic_file *file, struct qmac_error *err);
/* Gives up: removes the temporary file. Legal after open, commit, or never (all zero). */
void qmac_atomic_abandon(struct qmac_atomic_file *file);

/* What was renamed and removed in the folder is on the disk. */
QMAC_MUST_CHECK enum qmac_status qmac_folder_sync(const char *folder, struct qmac_error *err);

/* mkdir -p, and refuses a folder in which nothing can be written. */
QMAC_MUST_CHECK enum qmac_status qmac_make_folder(const char *folder, struct qmac_error *err);

#endif
