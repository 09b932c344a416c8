/*
 * Where a network runs: in float32 on the host, or in integers on the device.
 *
 * A step of the training is, for each of its minibatches, forward() to the logits, the loss and its
 * residual on the host (loss.h), and backward(); then gradient() has the sum over the minibatches, the
 * host updates the masters (update.h), and load() takes them over. Evaluation is forward() alone.
 *
 * Minibatches have run->batch images, the last one of an evaluation may have fewer. The order of calls is
 * fixed by run and data, so that an engine may number them for its random bits.
 */
#ifndef QMAC_TRAIN_NET_ENGINE_H
#define QMAC_TRAIN_NET_ENGINE_H

#include "hw/hw.h"
#include "train_net/training.h"
#include "train/state.h"
#include "train/train.h"

/* What a forward pass is for. */
enum qmac_net_purpose {
	QMAC_NET_TRAIN,   /* backward() follows; batch norm with the minibatch's own mean and variance */
	QMAC_NET_EVALUATE /* batch norm with the running statistics; cost in the direction "eval" */
};

struct qmac_net_engine {
	const struct qmac_net_engine_operations *operations;
};

/* Where a pass is cut short because a stop of the process was due, it fails with qmac_stop_give_up(). */
struct qmac_net_engine_operations {
	/*
	 * Refuses, naming the key to change, what hw cannot hold, at the widest formats that may come. Creates
	 * the records of the training, a layer each of the net's, where there are none. net, images, masters and
	 * formats are there; the training and the observer (may be NULL) must outlive the engine.
	 */
	enum qmac_status (*create)(struct qmac_net_training *training, const struct qmac_hw *hw,
	                           const struct qmac_train_observer *observer, struct qmac_net_engine **engine,
	                           struct qmac_error *err);
	void (*destroy)(struct qmac_net_engine *engine);
	/* The masters, and perhaps formats, are other ones: takes them over. Before the first pass. */
	enum qmac_status (*load)(struct qmac_net_engine *engine, struct qmac_error *err);
	/* logits (batch->count x outputs of the net), as real numbers. */
	enum qmac_status (*forward)(struct qmac_net_engine *engine, const struct qmac_image_batch *batch,
	                            enum qmac_net_purpose purpose, float *logits, struct qmac_error *err);
	/* Of the last forward pass: residual, of the same size, is the derivative of the loss by the logits. */
	enum qmac_status (*backward)(struct qmac_net_engine *engine, const float *residual,
	                             struct qmac_error *err);
	/*
	 * The sum of the gradients of all backward passes since the last call, as the masters lie; 0 where the
	 * device updates them: then backward() of a step's last minibatch has done that.
	 */
	enum qmac_status (*gradient)(struct qmac_net_engine *engine, float *gradient, struct qmac_error *err);
	/* Cycles of the device, and bytes between host and its memory, since the run began. NULL: no device. */
	void (*spent)(const struct qmac_net_engine *engine, uint64_t *cycles, uint64_t *host_bytes);
	/* At the end of an epoch, once: fills in what the device has spent so far, and completes the records. */
	void (*cost)(struct qmac_net_engine *engine, struct qmac_metrics *metrics);
	/* At a checkpoint, before state(): brings what only the device has. NULL: nothing. */
	enum qmac_status (*save)(struct qmac_net_engine *engine, struct qmac_error *err);
	/* Adds what the engine goes on from, between two steps. */
	void (*state)(struct qmac_net_engine *engine, struct qmac_state *state);
	/* At a checkpoint: the device's clock and counters begin anew, and carry on in the totals. */
	void (*reset)(struct qmac_net_engine *engine);
	/* In place of that, once, when state() was loaded, behind load(): all is as it was behind the reset. */
	enum qmac_status (*resume)(struct qmac_net_engine *engine, struct qmac_error *err);
	/* Name of the kernel that computes. */
	const char *(*kernel)(const struct qmac_net_engine *engine);
};

extern const struct qmac_net_engine_operations qmac_net_float_engine;
extern const struct qmac_net_engine_operations qmac_net_device_engine;
extern const struct qmac_net_engine_operations qmac_net_phased_engine; /* the one, then the other */

#endif
