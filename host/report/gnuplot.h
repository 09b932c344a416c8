/*
 * gnuplot in a process of its own.
 */
#ifndef QMAC_REPORT_GNUPLOT_H
#define QMAC_REPORT_GNUPLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/atomic_file.h"

/*
 * Reads the script from where it stands, and leaves an SVG in the picture. False where there is no whole one:
 * warning says why.
 */
bool qmac_gnuplot_run(FILE *script, const struct qmac_atomic_file *picture, char *warning,
                      size_t warning_size);

#endif
