/*
 * The backend that is two: the C model and a device under comparison, which get the same
 * register accesses and the same memory. After every wait everything they left behind must be
 * equal (docs/cosimulation.md).
 *
 * The host sees registers and memory of the C model. At the first difference wait() fails
 * with QMAC_CHECK_FAILED and a message that names the command, its text, what differs, the first
 * written elements that differ and the commands before it; it fails in the same way from then on.
 */
#ifndef QMAC_BACKEND_LOCKSTEP_H
#define QMAC_BACKEND_LOCKSTEP_H

#include "backend/backend.h"

/* Bin i > 0 of a histogram counts differences d with 2^(i-1) <= |d| < 2^i cycles, the last all beyond. */
enum { QMAC_RESIDUE_BINS = 16 };

struct qmac_lockstep_report {
	const char *device;          /* name of the backend that was compared */
	uint64_t commands;           /* retired and compared */
	uint64_t waits;              /* after which memory and counters were compared */
	uint64_t model_cycles, device_cycles; /* latest retirement */
	uint64_t differing;          /* commands whose retire cycles differ */
	uint64_t late[QMAC_RESIDUE_BINS], early[QMAC_RESIDUE_BINS]; /* of the device; [0]: unused */
	uint64_t worst;              /* largest |difference| */
};

/* Opens the device that is compared with the model, as qmac_backend_rtl() does. */
typedef enum qmac_status qmac_open_device(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                          const struct qmac_backend_settings *settings,
                                          struct qmac_backend **backend, struct qmac_error *err);

/* Refuses settings that a lockstep cannot have: timed and stalls at once. */
QMAC_MUST_CHECK enum qmac_status qmac_lockstep_check(const struct qmac_backend_settings *settings,
                                                     struct qmac_error *err);

/*
 * settings: timed and stalls (not both), failure_trace (a file of that name is removed), report; all go to
 * the device, too. After a difference the device is opened once more, for a second look. Device memory
 * is that of a trace: at least 4,096 bytes, at most 2^32. on_retire and on_command tell of the C model.
 */
QMAC_MUST_CHECK enum qmac_status qmac_backend_lockstep(const struct qmac_hw *hw,
                                                       const struct qmac_device_options *options,
                                                       const struct qmac_backend_settings *settings,
                                                       qmac_open_device *open_device,
                                                       struct qmac_backend **backend, struct qmac_error *err);

#endif
