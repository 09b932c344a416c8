/* The engine of networks on the device: what its parts share. */
#ifndef QMAC_TRAIN_NET_DEVICE_ENGINE_H
#define QMAC_TRAIN_NET_DEVICE_ENGINE_H

#include "net/minibatch.h"
#include "train/device.h"
#include "train_net/engine.h"
#include "train_net/scale.h"

/* Numbers of minibatches, for random numbers: those of an evaluation follow this one. */
#define QMAC_NET_EVALUATION_STEPS (UINT32_C(1) << 31)

/* Whose weights are on the device. */
enum qmac_net_loaded { QMAC_NET_LOADED_NOTHING, QMAC_NET_LOADED_TRAIN, QMAC_NET_LOADED_EVALUATE };

struct qmac_net_device_engine {
	struct qmac_net_engine base;
	struct qmac_net_training *training;
	struct qmac_hw hw;
	struct qmac_train_device device;
	struct qmac_net_formats formats;
	struct qmac_net_plan plan;
	struct qmac_net_minibatch of;  /* the running one */
	enum qmac_net_loaded loaded;
	struct qmac_net_scale *scales; /* of each layer that has an error */
	int *watched, watched_count;   /* layers whose errors monitors 1, 2, ... gather */
	uint32_t minibatches;          /* of the training so far */
	bool begun;                    /* one has gone backward */
	int64_t *codes;                /* room for a tensor that the host gives, or sums of a parameter */
	int64_t *output;               /* codes of the logits of the last forward pass */
	int32_t *weights;              /* codes of a parameter */
	double *gradient;              /* so far, of samples' losses, as the masters lie */
	int32_t *velocities;           /* as the masters lie, at a checkpoint; NULL: the host has them */
};

enum qmac_status qmac_net_device_create(struct qmac_net_training *training, const struct qmac_hw *hw,
                                        const struct qmac_train_observer *observer,
                                        struct qmac_net_engine **engine, struct qmac_error *err);
/* Where training->formats are other ones: makes the programs anew, and brings what does not change. */
enum qmac_status qmac_net_device_reopen(struct qmac_net_device_engine *engine, struct qmac_error *err);

/* ---- masters on the device: without any nothing happens ------------------------------------------ */

/* Brings masters and velocities; takes the masters, or the velocities, over from there. */
enum qmac_status qmac_net_device_put_masters(struct qmac_net_device_engine *engine, struct qmac_error *err);
enum qmac_status qmac_net_device_get_masters(struct qmac_net_device_engine *engine, struct qmac_error *err);
enum qmac_status qmac_net_device_get_velocities(struct qmac_net_device_engine *engine,
                                                struct qmac_error *err);

/* By the sums of the running minibatch, and, in the last one of a step, takes the masters over. */
enum qmac_status qmac_net_device_update(struct qmac_net_device_engine *engine, struct qmac_error *err);

void qmac_net_device_destroy(struct qmac_net_engine *engine);

#endif
