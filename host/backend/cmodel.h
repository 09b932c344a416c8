/*
 * The backends that are the C model: whole, and its checks, counts and time without values.
 */
#ifndef QMAC_BACKEND_CMODEL_H
#define QMAC_BACKEND_CMODEL_H

#include "backend/backend.h"

QMAC_MUST_CHECK enum qmac_status qmac_backend_cmodel(const struct qmac_hw *hw,
                                                     const struct qmac_device_options *options,
                                                     struct qmac_backend **backend, struct qmac_error *err);

/* options.time_only, whatever the options say. */
QMAC_MUST_CHECK enum qmac_status qmac_backend_time(const struct qmac_hw *hw,
                                                   const struct qmac_device_options *options,
                                                   struct qmac_backend **backend, struct qmac_error *err);

#endif
