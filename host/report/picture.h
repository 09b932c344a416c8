/*
 * A picture as SVG: a script, written into a file of its own, that gnuplot draws from. A picture is an extra:
 * where there is none, the caller gets a text to show.
 */
#ifndef QMAC_REPORT_PICTURE_H
#define QMAC_REPORT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/atomic_file.h"

/* Writes the whole script of `of`; false with a warning where there is nothing to draw. */
typedef bool qmac_picture_script(FILE *out, const void *of, char *warning, size_t warning_size);

/* What a script begins with: the size is in pixels. */
void qmac_picture_begin(FILE *out, int width, int height);
/* Text in a script. */
void qmac_picture_quote(FILE *out, const char *text);

/*
 * Draws what will be folder/name. Returns true where the picture is finished, and waits to be placed or
 * abandoned (report/atomic_file.h); else false, and warning says why.
 */
bool qmac_picture_draw(qmac_picture_script *write, const void *of, const char *folder, const char *name,
                       struct qmac_atomic_file *picture, char *warning, size_t warning_size);

/* Writes folder/name. Returns true where the file is there; nothing is left half written. */
bool qmac_picture_write(qmac_picture_script *write, const void *of, const char *folder, const char *name,
                        char *warning, size_t warning_size);

#endif
