/*
 * The device of a training: a backend, its driver, and the ledger that keeps the training's records; whoever
 * watches the training is told of every command that retires.
 */
#ifndef QMAC_TRAIN_DEVICE_H
#define QMAC_TRAIN_DEVICE_H

#include "record/ledger.h"
#include "train/train.h"

/* All zero but for what is commented so, before open(). */
struct qmac_train_device {
	const struct qmac_train_observer *observer; /* the caller's to set; may be NULL */
	struct qmac_records *records;               /* the caller's to set, with their layers */
	bool estimated;                             /* the caller's to set: the backend "time" */
	bool once;                                  /* and: nothing that takes time is done twice */
	bool unobserved;                            /* what runs is no part of the run */
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_ledger *ledger;
	struct qmac_driver_totals totals;           /* at a checkpoint */
	uint64_t zero_macs;                         /* that the records know of */
};

/* Opens what the run names; memory: bytes that will be allocated, all buffers together. */
QMAC_MUST_CHECK enum qmac_status qmac_train_device_open(struct qmac_train_device *device,
                                                        const struct qmac_run *run, const struct qmac_hw *hw,
                                                        uint64_t memory, struct qmac_error *err);
/* Also of what was never opened, or not wholly. */
void qmac_train_device_close(struct qmac_train_device *device);

/* Between parts in which other layers multiply, and at the end of an epoch: completes the records. */
void qmac_train_device_share_zeros(struct qmac_train_device *device);

/* Adds what counts go on from, as they are now. */
void qmac_train_device_state(struct qmac_train_device *device, struct qmac_state *state);

/* A reset leaves memory and scratchpads as they are, so that nothing has to be loaded anew. */
void qmac_train_device_reset(struct qmac_train_device *device);

/* In place of that when the state was loaded: counts are what they were behind the reset. */
void qmac_train_device_resume(struct qmac_train_device *device);

/* From here on commands are no part of the run and nobody is told of them; or are again. */
void qmac_train_device_hide(struct qmac_train_device *device, bool hidden);

#endif
