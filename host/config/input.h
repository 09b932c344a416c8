/*
 * Files that a command reads. They are opened in one way, and a command that writes a file asks first
 * whether it is one of them.
 */
#ifndef QMAC_CONFIG_INPUT_H
#define QMAC_CONFIG_INPUT_H

#include <stdio.h>
#include <zlib.h>

#include "base/error.h"

/*
 * Opens a file to be read. Only a regular one: to open a pipe may wait for ever, to open a device may do
 * something to it. The message has the path for its place.
 */
QMAC_MUST_CHECK enum qmac_status qmac_input_open(const char *path, int *file, struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_input_stream(const char *path, FILE **stream, struct qmac_error *err);
/* Writes all that is in it to a stream. */
QMAC_MUST_CHECK enum qmac_status qmac_input_copy(const char *path, FILE *out, struct qmac_error *err);
/* Plain or gzip. */
QMAC_MUST_CHECK enum qmac_status qmac_input_gzip(const char *path, gzFile *stream, struct qmac_error *err);

/*
 * Files that must not be written: those that are read, and those that are written already. A file is known
 * by what it is, not by its name: a link to it, or another spelling, is the same. Start with {0}.
 */
struct qmac_inputs {
	struct qmac_input *list;
	int count, room;
};

/* what: "the run file", which stays where it is. A file that is there already keeps its first name. */
QMAC_MUST_CHECK enum qmac_status qmac_inputs_add(struct qmac_inputs *inputs, const char *what,
                                                 const char *path, struct qmac_error *err);
/* Fails where `path` is one of them. what: "the trace" will be written. */
QMAC_MUST_CHECK enum qmac_status qmac_inputs_spare(const struct qmac_inputs *inputs, const char *what,
                                                   const char *path, struct qmac_error *err);
void qmac_inputs_free(struct qmac_inputs *inputs);

#endif
