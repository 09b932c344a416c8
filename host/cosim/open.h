/*
 * Every backend there is, by name: those of host/backend, and the lockstep of two of them. For layers above
 * host/backend that run what the user names: trainings, replays, the fuzzer.
 */
#ifndef QMAC_COSIM_OPEN_H
#define QMAC_COSIM_OPEN_H

#include "cosim/lockstep.h"

/*
 * Before anything is opened or built: is there a backend of that name, can it do what the settings ask for,
 * and can the waves be written? `timed` is for "lockstep" only, stalls and waves are the RTL's, and stalls
 * exclude `timed`.
 */
QMAC_MUST_CHECK enum qmac_status qmac_cosim_check(const char *name,
                                                  const struct qmac_lockstep_settings *settings,
                                                  struct qmac_error *err);

/*
 * "lockstep", of the C model and the RTL, or what qmac_backend_open() knows, which gets settings->device.
 * settings may be NULL: all zero. Fails as qmac_cosim_check().
 */
QMAC_MUST_CHECK enum qmac_status qmac_cosim_open(const char *name, const struct qmac_hw *hw,
                                                 const struct qmac_device_options *options,
                                                 const struct qmac_lockstep_settings *settings,
                                                 struct qmac_backend **backend, struct qmac_error *err);

/* qmac_cosim_open() with these settings, which must outlive the source; NULL: all zero. */
struct qmac_backend_source qmac_cosim_source(const struct qmac_lockstep_settings *settings);

#endif
