/* The engine of networks on the device: what its parts share. */
#ifndef QMAC_TRAIN_NET_DEVICE_ENGINE_H
#define QMAC_TRAIN_NET_DEVICE_ENGINE_H

#include "net/minibatch.h"
#include "train/device.h"
#include "train_net/codes.h"
#include "train_net/engine.h"
#include "train_net/recall.h"
#include "train_net/scale.h"

/* Numbers of minibatches, for random numbers: those of an evaluation follow this one. */
#define QMAC_NET_EVALUATION_STEPS (UINT32_C(1) << 31)

/* Whose weights are on the device. */
enum qmac_net_loaded { QMAC_NET_LOADED_NOTHING, QMAC_NET_LOADED_TRAIN, QMAC_NET_LOADED_EVALUATE };

/* Batch norms. A number for each channel, of one layer behind the other: */
struct qmac_net_device_norms {
	int64_t count;                 /* of channels in all */
	double *mean, *inverse;        /* of the last forward pass: m, and i of docs/network-numerics.md */
	struct qmac_format stored;     /* of the running statistics in an evaluation; bw 0: none */
	/* Room for one layer: */
	double *variance, *gradients;  /* gradients of gamma, then of beta */
	int64_t *sums, *coefficients;  /* two and three rows */
};

struct qmac_net_device_engine {
	struct qmac_net_engine base;
	struct qmac_net_training *training;
	struct qmac_hw hw;
	struct qmac_train_device device;
	struct qmac_net_formats formats;
	struct qmac_net_plan plan;
	struct qmac_net_minibatch of;  /* the running one */
	enum qmac_net_loaded loaded;
	uint32_t loaded_step;          /* of the random numbers of these weights */
	struct qmac_net_device_norms norms;
	struct qmac_net_scale *scales; /* of each layer that has an error */
	int **watched, watched_count;  /* where the highest bits go that monitors 1, 2, ... gather */
	uint32_t minibatches;          /* of the training so far */
	bool begun;                    /* one has gone backward */
	int64_t *codes;                /* room for a tensor that the host gives, or sums of a parameter */
	int64_t *measured, measured_room; /* room for an output that the host looks at, as large as was needed */
	int64_t *output;               /* codes of the logits of the last forward pass */
	int32_t *weights;              /* codes of a parameter */
	struct qmac_net_recall *recall; /* of an estimate; NULL: nothing is remembered */
	bool recalled;                 /* what the running minibatch of the training costs is known */
	double *gradient;              /* so far, of samples' losses, as the masters lie */
	int32_t *velocities;           /* as the masters lie, at a checkpoint; NULL: the host has them */
};

enum qmac_status qmac_net_device_create(struct qmac_net_training *training, const struct qmac_hw *hw,
                                        const struct qmac_train_observer *observer,
                                        struct qmac_net_engine **engine, struct qmac_error *err);
/* Where training->formats are other ones: makes the programs anew, and brings what does not change. */
enum qmac_status qmac_net_device_reopen(struct qmac_net_device_engine *engine, struct qmac_error *err);

/*
 * Every minibatch begins with a reset of the device: so what it costs follows from its commands alone, not
 * from what was before it. Only when finished.
 */
void qmac_net_device_reset(struct qmac_net_device_engine *engine);

/* ---- weights ------------------------------------------------------------------------------------- */

/*
 * Weights, coefficients of an evaluation, and programs for that purpose. Those of an evaluation have random
 * numbers of their own: so its figures depend on masters and statistics alone. Right after a reset.
 */
enum qmac_status qmac_net_device_prepare(struct qmac_net_device_engine *engine, enum qmac_net_loaded purpose,
                                         struct qmac_error *err);
/* Brings the same codes of a parameter again, where the layer's sum has another unit. */
enum qmac_status qmac_net_device_load_again(struct qmac_net_device_engine *engine, int parameter,
                                            struct qmac_error *err);
/* Of a layer's coefficients, in the training. */
void qmac_net_device_count_saturations(struct qmac_net_device_engine *engine, int layer, int64_t count);

/* ---- forward ------------------------------------------------------------------------------------- */

/* As struct qmac_net_engine_operations has it. */
enum qmac_status qmac_net_device_forward(struct qmac_net_engine *base, const struct qmac_image_batch *batch,
                                         enum qmac_net_purpose purpose, float *logits,
                                         struct qmac_error *err);

/* The output of a layer, -1: the network's input, with the random numbers of that site. */
struct qmac_net_tensor qmac_net_device_tensor(const struct qmac_net_device_engine *engine, int layer,
                                              enum qmac_net_site site);

/* ---- ranges -------------------------------------------------------------------------------------- */

/* A monitor for what is submitted next; qmac_net_device_collect() puts its highest bit, or -1, into *top. */
enum qmac_status qmac_net_device_watch(struct qmac_net_device_engine *engine, int *top, unsigned *monitor,
                                       struct qmac_error *err);
/* Waits, and takes what all monitors have gathered. */
enum qmac_status qmac_net_device_collect(struct qmac_net_device_engine *engine, struct qmac_error *err);

/* qmac_net_submit_range() of errors, qmac_net_submit_layer_range() of outputs. */
typedef enum qmac_status qmac_net_range_submit(struct qmac_net_plan *plan,
                                               const struct qmac_net_minibatch *of, int layer, int shift,
                                               unsigned monitor, struct qmac_error *err);

/*
 * The highest bit of what is rounded to a tensor, *top, -1: all is 0, when it is shifted right by `shift`,
 * qmac_net_error_range_shift() or qmac_net_layer_range_shift(), and rounded down. One look, whatever there is
 * to see. Waits.
 */
enum qmac_status qmac_net_device_find_range(struct qmac_net_device_engine *engine,
                                            qmac_net_range_submit *submit, int layer, int shift, int *top,
                                            struct qmac_error *err);

/* ---- batch norms --------------------------------------------------------------------------------- */

enum qmac_status qmac_net_device_norms_create(struct qmac_net_device_engine *engine, struct qmac_error *err);
void qmac_net_device_norms_free(struct qmac_net_device_engine *engine);

/* In training, what the layer reads being submitted: statistics of the minibatch, and running ones. Waits. */
enum qmac_status qmac_net_device_norm_measure(struct qmac_net_device_engine *engine, int layer,
                                              struct qmac_error *err);
/* Brings the coefficients of these statistics, for formats as they are; how many of them were limited. */
int64_t qmac_net_device_norm_apply(struct qmac_net_device_engine *engine, int layer);
/* The coefficients of all batch norms by the running statistics. */
enum qmac_status qmac_net_device_norms_evaluate(struct qmac_net_device_engine *engine,
                                                struct qmac_error *err);
/* The layer's error being submitted: adds up the gradients, and brings the coefficients back. Waits. */
enum qmac_status qmac_net_device_norm_back(struct qmac_net_device_engine *engine, int layer,
                                           struct qmac_error *err);

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
