/*
 * The backend that is two: the C model and a device under comparison, which get the same
 * register accesses and the same memory. After every wait everything they left behind must be
 * equal (docs/cosimulation.md).
 *
 * The host sees registers and memory of the C model. At the first difference wait() fails
 * with QMAC_CHECK_FAILED and a message that names the command, its text, what differs, the first
 * written elements that differ and the commands before it; it fails in the same way from then on.
 */
#ifndef QMAC_COSIM_LOCKSTEP_H
#define QMAC_COSIM_LOCKSTEP_H

#include "backend/backend.h"

/* Bin i > 0 of a histogram counts differences d with 2^(i-1) <= |d| < 2^i cycles, the last all beyond. */
enum { QMAC_RESIDUE_BINS = 16 };

struct qmac_lockstep_report {
	const char *device;          /* name of the backend that was compared */
	uint64_t commands;           /* retired and compared */
	uint64_t waits;              /* after which memory and counters were compared */
	uint64_t memory_bytes;       /* of memory, compared in all these waits */
	uint64_t model_cycles, device_cycles; /* latest retirement, those before resets added */
	uint64_t differing;          /* commands whose retire cycles differ */
	uint64_t late[QMAC_RESIDUE_BINS], early[QMAC_RESIDUE_BINS]; /* of the device; [0]: unused */
	uint64_t worst;              /* largest |difference| */
};

/* Opens the device that is compared with the model, as qmac_backend_rtl() does. */
typedef enum qmac_status qmac_open_device(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                          const struct qmac_backend_settings *settings,
                                          struct qmac_backend **backend, struct qmac_error *err);

/* All zero is a good start; pointers may be NULL. */
struct qmac_lockstep_settings {
	struct qmac_backend_settings device; /* of the device that is compared with the model */
	bool timed;                          /* cycles and timed counters must be equal, too: excludes stalls */
	const char *failure_trace;           /* a trace of the first difference goes to this file */
	struct qmac_lockstep_report *report; /* kept up to date while the backend lives */
};

/* Refuses settings that a lockstep cannot have: timed and stalls at once. */
QMAC_MUST_CHECK enum qmac_status qmac_lockstep_check(const struct qmac_lockstep_settings *settings,
                                                     struct qmac_error *err);

/*
 * A file of the name of failure_trace is removed. After a difference the device is opened once more, for a
 * second look. Device memory is that of a trace: at least 4,096 bytes, at most 2^32. on_retire, on_command
 * and on_write tell of the C model.
 */
QMAC_MUST_CHECK enum qmac_status qmac_lockstep_open(const struct qmac_hw *hw,
                                                    const struct qmac_device_options *options,
                                                    const struct qmac_lockstep_settings *settings,
                                                    qmac_open_device *open_device,
                                                    struct qmac_backend **backend, struct qmac_error *err);

#endif
