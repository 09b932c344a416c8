/* A number in a data file. */
#ifndef QMAC_DATA_NUMBER_H
#define QMAC_DATA_NUMBER_H

#include "base/error.h"

/*
 * The finite decimal number that text is. The message of a failure says what the text seems to be instead (a
 * missing value, an infinity, a decimal comma) and what to do; it has no place.
 */
QMAC_MUST_CHECK enum qmac_status qmac_data_number(const char *text, double *value, struct qmac_error *err);

#endif
