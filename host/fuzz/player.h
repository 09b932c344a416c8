/*
 * Plays streams on a device and compares what two devices left behind. Knows nothing of a
 * device but registers, memory, interrupt and retire records: any two backends can be compared.
 */
#ifndef QMAC_FUZZ_PLAYER_H
#define QMAC_FUZZ_PLAYER_H

#include "backend/backend.h"
#include "fuzz/stream.h"

/* What is tested. A backend that compares for itself fails in wait() with QMAC_CHECK_FAILED. */
struct qmac_fuzz_target {
	/* stalls: 0, or the seed of random stalls, as far as the run asked for them. */
	enum qmac_status (*open)(void *context, const struct qmac_hw *hw,
	                         const struct qmac_device_options *options, uint64_t stalls,
	                         struct qmac_backend **backend, struct qmac_error *err);
	void *context;
};

/* The C model with its plainest kernel: what every other device is compared with. */
extern const struct qmac_fuzz_target qmac_fuzz_reference;

/* A device and what retired on it in the stream played last. */
struct qmac_fuzz_device {
	struct qmac_backend *backend;
	struct qmac_retire *records; /* by number */
	bool *retired;
	size_t room, count, strays;  /* of records; commands of the stream; records that fit none of them */
};

/* The device must stay where it is until it is closed, also where this fails. */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_device_open(struct qmac_fuzz_device *device,
                                                       const struct qmac_fuzz_target *target,
                                                       const struct qmac_hw *hw, uint64_t stalls,
                                                       struct qmac_error *err);
void qmac_fuzz_device_close(struct qmac_fuzz_device *device);

/*
 * Resets the device, which keeps its scratchpads, and plays. fill: the scratchpads first get the
 * contents of the trace's rows. QMAC_CHECK_FAILED: the backend found a difference, or the device hangs.
 */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_play(struct qmac_fuzz_device *device,
                                                const struct qmac_fuzz_stream *stream, bool fill,
                                                struct qmac_error *err);

/*
 * Compares everything but time: how they stopped, records, counters, memory. QMAC_CHECK_FAILED names
 * the first difference; QMAC_INTERNAL: the reference did not do what the stream was made for.
 */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_compare(const struct qmac_fuzz_device *reference,
                                                   const struct qmac_fuzz_device *tested,
                                                   const struct qmac_fuzz_stream *stream,
                                                   struct qmac_error *err);

#endif
