/*
 * Temporary files, each beside the file that it will become and under a name that nobody else has: where two
 * processes write one file, each writes one of its own, and the last to rename it wins.
 *
 * The name is NAME.qmac-XXXXXX.tmp, six random letters and digits. Its process has a lock on it (fcntl) until
 * it closes the file or ends; programs that it started and that outlive it have none. That tells it from one
 * that a killed process left.
 */
#ifndef QMAC_BASE_TEMPORARY_H
#define QMAC_BASE_TEMPORARY_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Makes one for `path`, to read and write, never through a link; programs that are started do not get it.
 * The umask takes its part of the mode. Its path goes to `temporary`. Returns -1 with errno where it cannot.
 */
int qmac_temporary_open(const char *path, mode_t mode, char *temporary, size_t size);

/* Removes those of the folder whose process is gone. What has another form of name stays. */
void qmac_temporary_clean(const char *folder);

#endif
