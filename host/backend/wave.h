/*
 * The file that waves are written to. The writer of FST files (Verilator's) removes and makes anew
 * what it is told to write, and a second file with .hier behind its name while it is at work: so what
 * is there is looked at first.
 */
#ifndef QMAC_BACKEND_WAVE_H
#define QMAC_BACKEND_WAVE_H

#include <stdbool.h>

#include "base/error.h"

enum { QMAC_WAVE_PATH_MAX = 4096 };

#define QMAC_WAVE_BESIDE ".hier"

/*
 * The file that is meant: a link is followed, so that the file behind it is the one that is written.
 * Refuses what exists and is not a regular file.
 */
QMAC_MUST_CHECK enum qmac_status qmac_wave_path(const char *wave, char path[QMAC_WAVE_PATH_MAX],
                                                struct qmac_error *err);

/* The same, and can it be written? Leaves everything as it is. */
QMAC_MUST_CHECK enum qmac_status qmac_wave_check(const char *wave, struct qmac_error *err);

/*
 * Did all of it come to the disk? The writer does not say. A file that ends too early, or whose blocks do
 * not follow each other up to its end, is not whole.
 */
bool qmac_wave_is_whole(const char *path);

#endif
