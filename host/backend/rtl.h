/*
 * The backend that is the RTL: the Verilated device (rtl/sim/), its memory answered by
 * the DRAM model, its clocks stopped while the host works (docs/cosimulation.md).
 */
#ifndef QMAC_BACKEND_RTL_H
#define QMAC_BACKEND_RTL_H

#include "backend/backend.h"

/*
 * settings: library, wave, stalls, stop, on_note. options->kernel means nothing here, on_command must be
 * NULL. Fails as qmac_rtl_library_open(), or where the wave file cannot be written. Later, wait() fails with
 * QMAC_CHECK_FAILED where an assertion of the RTL has failed, a register access was not answered, or *stop
 * is set.
 */
QMAC_MUST_CHECK enum qmac_status qmac_backend_rtl(const struct qmac_hw *hw,
                                                  const struct qmac_device_options *options,
                                                  const struct qmac_backend_settings *settings,
                                                  struct qmac_backend **backend, struct qmac_error *err);

#endif
