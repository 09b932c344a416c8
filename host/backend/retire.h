/*
 * Comparing what two backends left behind.
 */
#ifndef QMAC_BACKEND_RETIRE_H
#define QMAC_BACKEND_RETIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "device/device.h"

/*
 * Do two records differ? Cycles count where `timed`. text gets "digest: <first_name> 01..,
 * <second_name> 02..", with "; " between several.
 */
bool qmac_retire_differs(const struct qmac_retire *first, const struct qmac_retire *second, bool timed,
                         const char *first_name, const char *second_name, char *text, size_t size);

#endif
