/*
 * Training runs: SGD, SVRG, LP-SGD, LP-SVRG and HALP of linear models, and networks (train_net/train.h).
 *
 * Inner loops of the low-precision algorithms run on the device through the
 * driver; full-precision algorithms and outer quantities (full gradient, norm,
 * scale, centre) run on the host in double, in an order of sums that depends on
 * nothing but the configuration. What the host does is counted.
 */
#ifndef QMAC_TRAIN_TRAIN_H
#define QMAC_TRAIN_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "config/run_config.h"
#include "device/device.h"
#include "driver/driver.h"
#include "record/metrics.h"
#include "record/record.h"
#include "record/recorded.h"
#include "train/speed.h"
#include "train/state.h"
#include "train/trained_net.h"

/* Width of w and of the residuals in a full gradient on the device. */
enum { QMAC_GRADIENT_BITS = 32 };

struct qmac_train_result {
	double *weights;         /* free(); NULL in an estimate, and of a network */
	struct qmac_trained_net *net; /* qmac_trained_net_destroy(); NULL but of a network; initial values in an
	                                 estimate */
	int64_t weight_count;
	int64_t weight_columns;  /* of a matrix of weights, row by row: its columns; 0: a vector */
	struct qmac_metrics last;
	struct qmac_net_speed speed; /* of a network on the device that was not stopped */
	bool diverged;           /* the gradient norm is not finite or above ten times that of row 0; of a
	                            network: it or the training loss is not finite */
	bool stopped;            /* by the observer, before its end */
	double coefficient_max;  /* largest |true coefficient|, which the range of the LP algorithms must
	                            cover; NaN where the data do not tell it */
	char kernel[32];         /* the device kernel that ran; "" where no device was used */
};

/* A step of a network that has just been done. */
struct qmac_train_step {
	int64_t epoch;       /* the running one, from 1 */
	int64_t step, steps; /* done of it, and how many it has */
	double loss;         /* of its samples so far, the mean; NaN in an estimate */
};

/* What a caller may watch, and how it keeps checkpoints; all may be NULL. */
struct qmac_train_observer {
	/* After every step of a network, for a look only: it has no say. */
	void (*on_step)(void *context, const struct qmac_train_step *step);
	/*
	 * Before training and after every epoch; the records are those of that epoch. Non-zero stops the run
	 * in good order.
	 */
	int (*on_metrics)(void *context, const struct qmac_metrics *metrics, const struct qmac_records *records);
	/* A format changed; non-zero stops the run in good order. */
	int (*on_switch)(void *context, const struct qmac_format_switch *row);
	/*
	 * Of a network whose formats may change (qmac_run_switches_formats()): every tensor's at first, and each
	 * that changes. Non-zero stops the run in good order.
	 */
	int (*on_format)(void *context, const struct qmac_format_change *row);
	void (*on_note)(void *context, const char *text); /* what should be said of the data that were read */
	void (*on_retire)(void *context, const struct qmac_retire *record); /* cmodel: every retired command */
	void *context;
	/*
	 * After every run->checkpoint_every epochs, while there are more to come, and every run->checkpoint_steps
	 * steps within an epoch: all that the run goes on from. The device is reset then, whether anybody is
	 * told or not: so cycles do not depend on where a run was resumed. Non-zero stops the run.
	 */
	int (*on_checkpoint)(void *context, struct qmac_state *state);
	/* Before training: may load the state of a checkpoint of the same run, and say so. */
	enum qmac_status (*on_start)(void *context, struct qmac_state *state, bool *loaded,
	                             struct qmac_error *err);
	/* Opens the device in place of qmac_backend_create(). */
	enum qmac_status (*open)(void *context, const char *name, const struct qmac_hw *hw,
	                         const struct qmac_device_options *options, struct qmac_backend **backend,
	                         struct qmac_error *err);
};

#endif
