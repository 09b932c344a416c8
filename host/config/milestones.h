/* The epochs of schedule.milestones: "10, 14", or "none". */
#ifndef QMAC_CONFIG_MILESTONES_H
#define QMAC_CONFIG_MILESTONES_H

#include "base/error.h"

/*
 * Reads up to `room` of them, whole numbers from 1 to 1000000 that rise. The message has neither key nor
 * place.
 */
QMAC_MUST_CHECK enum qmac_status qmac_milestones_read(const char *text, int *epochs, int room, int *count,
                                                      struct qmac_error *err);

#endif
