/*
 * The lines of a text file, plain or gzip, read in one stream. Line ends are LF, CR LF
 * or CR; the last line may lack one; a byte order mark is skipped.
 */
#ifndef QMAC_DATA_LINES_H
#define QMAC_DATA_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct qmac_lines {
	const char *path;
	int number;      /* of the line in text, from 1 */
	char *text;      /* without its end, NUL behind it; may be changed until the next call */
	size_t length;   /* there is no NUL inside */
	int64_t capacity;
	struct gzFile_s *file;
	char *buffer;    /* bytes next .. filled-1 are not used yet */
	size_t next, filled;
	bool after_cr;   /* the last line ended in CR: an LF that follows belongs to it */
};

/*
 * path must outlive the object. Refuses a folder, and a file that is no text but of a known format. After a
 * failure there is nothing to close.
 */
QMAC_MUST_CHECK enum qmac_status qmac_lines_open(struct qmac_lines *lines, const char *path,
                                                 struct qmac_error *err);

/* Reads the next line; *got is false at the end of the file. Refuses NUL bytes and lines above 16 MiB. */
QMAC_MUST_CHECK enum qmac_status qmac_lines_next(struct qmac_lines *lines, bool *got,
                                                 struct qmac_error *err);

/* The bytes that follow, as many as were read at once: of a small file all; returns their number. */
size_t qmac_lines_peek(const struct qmac_lines *lines, const char **bytes);

/* The memory of the running line, for its caller to keep and to free(). */
char *qmac_lines_take(struct qmac_lines *lines);

void qmac_lines_close(struct qmac_lines *lines);

/* Makes room for `needed` elements of `size` bytes at *array; false: out of memory, *array stays. */
bool qmac_grow(void **array, int64_t *capacity, int64_t needed, size_t size);

#endif
