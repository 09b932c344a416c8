/*
 * Status codes and the error object.
 *
 * Three grades of failure: a bug of ours is an assert(); everything that the
 * user or the machine can cause returns a status and fills a caller-owned
 * struct qmac_error; only the command line prints it and exits. The values of
 * enum qmac_status are the exit statuses of the program.
 *
 * An error says where (file:line:column where it is known) and what to do.
 */
#ifndef QMAC_BASE_ERROR_H
#define QMAC_BASE_ERROR_H

#include <stddef.h>

enum qmac_status {
	QMAC_OK = 0,
	QMAC_CHECK_FAILED = 1, /* a mismatch, or a divergence that the run forbids */
	QMAC_BAD_INPUT = 2,    /* usage, configuration, data or file system: the user can mend it */
	QMAC_INTERNAL = 3,     /* out of memory, a broken promise of our own */
	QMAC_LOCKED = 4        /* another process writes into the folder: later it may work */
};

#define QMAC_MUST_CHECK __attribute__((warn_unused_result))

struct qmac_error {
	char message[2560];
	char file[512];  /* "" where no file is concerned */
	int line;        /* 1-based; 0 where unknown */
	int column;      /* 1-based; 0 where unknown */
};

/* Fills err (may be NULL) with a message without a place; returns status. */
__attribute__((format(printf, 3, 4)))
enum qmac_status qmac_fail(struct qmac_error *err, enum qmac_status status, const char *format, ...);

/* The same with a place in a file; line and column may be 0. */
__attribute__((format(printf, 6, 7)))
enum qmac_status qmac_fail_at(struct qmac_error *err, enum qmac_status status, const char *file,
                              int line, int column, const char *format, ...);

/* Writes "file:line:column: message" (the parts that are known) to text; returns text. */
const char *qmac_error_text(const struct qmac_error *err, char *text, size_t size);

#endif
