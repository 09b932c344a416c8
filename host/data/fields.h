/* A line of a CSV file, cut into fields. */
#ifndef QMAC_DATA_FIELDS_H
#define QMAC_DATA_FIELDS_H

#include "config/run_config.h"
#include "data/lines.h"

struct qmac_field {
	char *text;
	int column; /* in the line, in bytes from 1 */
};

/* The texts lie in the line. Begins as zero. */
struct qmac_fields {
	struct qmac_field *field;
	int64_t capacity;
	int count;
	int end; /* column behind the line */
};

/*
 * Cuts the running line at its separators (not QMAC_SEPARATOR_AUTO): quotes and the blanks around a field
 * are taken off. Refuses more than QMAC_FEATURES_MAX + 1 fields, and quotes that do not enclose a field.
 */
QMAC_MUST_CHECK enum qmac_status qmac_fields_cut(struct qmac_fields *fields, struct qmac_lines *lines,
                                                 enum qmac_separator separator, struct qmac_error *err);

void qmac_fields_free(struct qmac_fields *fields);

#endif
