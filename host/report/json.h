/*
 * JSON: strings out, small documents in.
 *
 * A document read becomes a flat list of its scalars, each under the path of
 * its keys joined by '.' (array elements by their index): "counters.cycles".
 */
#ifndef QMAC_REPORT_JSON_H
#define QMAC_REPORT_JSON_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "config/text.h"

struct qmac_json;

/* Reads and checks a whole file (at most 16 MB, nested at most 16 deep). Errors name file:line:column. */
QMAC_MUST_CHECK enum qmac_status qmac_json_read(const char *path, struct qmac_json **json,
                                                struct qmac_error *err);
void qmac_json_free(struct qmac_json *json);

/* The value as it stands in the file, strings decoded; NULL for null, or where there is none. */
const char *qmac_json_text(const struct qmac_json *json, const char *path);
/* The value as a real; NaN where there is none, or not a number. */
double qmac_json_real(const struct qmac_json *json, const char *path);

/* Writes text as a JSON string; bytes that are not UTF-8 become U+FFFD. */
void qmac_json_write_string(FILE *out, const char *text);
/* Writes a real as the shortest number that reads back to it, null where it is not finite. */
void qmac_json_write_real(FILE *out, double value);

#endif
