/*
 * The RTL of one hardware configuration as a loaded shared library, built on demand
 * (rtl/sim/build.sh) and kept in a cache.
 *
 * Sources: the folder that $QMAC_RTL names, or the one this program was built from. Cache:
 * $QMAC_CACHE, or ~/.cache/qmac; in it the folder rtl/. Building needs Verilator, a C and a C++
 * compiler, and a minute or more; a library that is in the cache needs only Verilator's name and
 * version, which belong to its key.
 */
#ifndef QMAC_BACKEND_RTL_LIBRARY_H
#define QMAC_BACKEND_RTL_LIBRARY_H

#include <stdbool.h>

#include "base/error.h"
#include "hw/hw.h"
#include "sim/device.h"

struct qmac_rtl_library;

/*
 * Finds or builds the library of hw, for waves where `waves`, and loads it. on_note (may be NULL) is
 * told before a build, of a wait for another process that builds the same, and of a library that was
 * damaged. Fails, saying what to do, where Verilator or a compiler is not installed, the sources are not
 * there, they do not compile (the message names the log), the cache cannot be written, or others than the
 * user and root can write to what would be loaded (backend/rtl_cache.h).
 * QMAC_CHECK_FAILED: a stop of the process (process/stop.h) ended the build. However the process ends, its
 * build ends, too, and leaves nothing.
 */
QMAC_MUST_CHECK enum qmac_status qmac_rtl_library_open(const struct qmac_hw *hw, bool waves,
                                                       void (*on_note)(void *context, const char *text),
                                                       void *context, struct qmac_rtl_library **library,
                                                       struct qmac_error *err);
void qmac_rtl_library_close(struct qmac_rtl_library *library);

const struct qmac_rtl_table *qmac_rtl_library_table(const struct qmac_rtl_library *library);

/* Is Verilator installed? */
bool qmac_rtl_available(void);

#endif
