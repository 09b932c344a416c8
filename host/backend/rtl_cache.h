/*
 * The cache of built RTL libraries: the folder, which of its files may be loaded, and who builds one.
 *
 * What is loaded runs with all the rights of the user. So a library, its folder and the cache that holds the
 * folder have to belong to the user or to root, and nobody else may write to them: that is the protection
 * against others. The digest at the end of a library (rtl/sim/build.sh) protects against damage alone, for
 * whoever can write a library can write its digest.
 */
#ifndef QMAC_BACKEND_RTL_CACHE_H
#define QMAC_BACKEND_RTL_CACHE_H

#include "base/error.h"

enum { QMAC_RTL_PATH = 1024 };

enum qmac_rtl_found { QMAC_RTL_WHOLE, QMAC_RTL_ABSENT, QMAC_RTL_DAMAGED };

/*
 * Makes the folder of libraries where it is missing, for the user alone: rtl/ in $QMAC_CACHE, else in
 * ~/.cache/qmac. Fails where it cannot be made or is not to be trusted.
 */
QMAC_MUST_CHECK enum qmac_status qmac_rtl_cache_open(char folder[QMAC_RTL_PATH], struct qmac_error *err);

/*
 * Looks for a library. One that is whole is opened and counts as used now; the file says what was checked,
 * whatever becomes of its name, and is the caller's to close; else it is -1. Fails where others could have
 * made it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_rtl_cache_find(const char *library, enum qmac_rtl_found *found,
                                                     int *file, struct qmac_error *err);

/*
 * The right to build a library, until it is given back or the process ends. It never waits: *lock is -1 where
 * another process has it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_rtl_cache_lock(const char *path, int *lock, struct qmac_error *err);
void qmac_rtl_cache_unlock(const char *path, int lock);

#endif
