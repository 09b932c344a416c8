/* What stands between the fields of a CSV file, as its first lines have it. */
#ifndef QMAC_DATA_SEPARATOR_H
#define QMAC_DATA_SEPARATOR_H

#include <stddef.h>

#include "config/run_config.h"

/*
 * The separator of a text that begins a file. The one that every line has equally often; of several, commas
 * unless all of them stand between digits, as decimal commas do, then semicolons, tabs, blanks. *other
 * becomes another mark that would do, QMAC_SEPARATOR_AUTO where there is none.
 */
enum qmac_separator qmac_separator_detect(const char *text, size_t size, enum qmac_separator *other);

/* "semicolon", as the key has it. */
const char *qmac_separator_name(enum qmac_separator separator);

#endif
