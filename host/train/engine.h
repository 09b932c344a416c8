/*
 * Where inner steps run: in double on the host, or in integers on the device.
 *
 * A step moves Z: with the mean over its batch of x_i^T r_i, with the regulariser, and, where there is
 * variance reduction, with the full gradient at the centre. docs/algorithms.md has the equations.
 */
#ifndef QMAC_TRAIN_ENGINE_H
#define QMAC_TRAIN_ENGINE_H

#include "hw/hw.h"
#include "train/state.h"
#include "train/train.h"
#include "train/training.h"

struct qmac_engine {
	const struct qmac_engine_operations *operations;
};

/* All but kernel() may count host_flops and data passes of the training, which must outlive the engine. */
struct qmac_engine_operations {
	/*
	 * Refuses, naming the key to change, a run that hw cannot hold. Creates the records of the training. The
	 * observer (may be NULL) must outlive the engine.
	 */
	enum qmac_status (*create)(struct qmac_training *training, const struct qmac_hw *hw,
	                           const struct qmac_train_observer *observer, struct qmac_engine **engine,
	                           struct qmac_error *err);
	void (*destroy)(struct qmac_engine *engine);
	/* The algorithm's own full gradient at w, into training->gradient and norm. */
	enum qmac_status (*take_gradient)(struct qmac_engine *engine, struct qmac_error *err);
	/* Before the steps of an epoch; gradient: at the centre, NULL without variance reduction. */
	void (*begin)(struct qmac_engine *engine, const double *gradient);
	/* Steps [first, first + count) of the epoch, and the Z of training->keep_after, if among them. */
	enum qmac_status (*run)(struct qmac_engine *engine, int64_t first, int64_t count, struct qmac_error *err);
	/* After them: w from the Z that was kept. */
	void (*end)(struct qmac_engine *engine);
	/* At the end of an epoch, once: fills in what the device has spent so far, and completes the records. */
	void (*cost)(struct qmac_engine *engine, struct qmac_metrics *metrics);
	/* Adds what the engine goes on from: after the steps of an epoch, or between steps. */
	void (*state)(struct qmac_engine *engine, struct qmac_state *state);
	/* At a checkpoint: the device's clock and counters begin anew, and carry on in the totals. */
	void (*reset)(struct qmac_engine *engine);
	/* In place of that, once, when state() was loaded: all is as it was behind the reset. */
	enum qmac_status (*resume)(struct qmac_engine *engine, struct qmac_error *err);
	/* Name of the kernel that the device runs, "" without a device. */
	const char *(*kernel)(const struct qmac_engine *engine);
};

extern const struct qmac_engine_operations qmac_host_engine, qmac_device_engine;

#endif
