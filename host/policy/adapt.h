/*
 * AdaPT's precision switching (ASGD): every tensor of weights has a format <BW,FL>, which is pushed down as
 * far as the distribution of its weights allows and up again as the diversity of its gradients demands,
 * every `lookback` optimiser steps. docs/policies.md has the formulas, and where the paper, the published
 * code and we differ.
 *
 * One optimiser step: qmac_adapt_loss(), then qmac_adapt_gradient() for each tensor in order, with
 * gradients that were quantised by the caller and normalised by qmac_normalise().
 */
#ifndef QMAC_POLICY_ADAPT_H
#define QMAC_POLICY_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/policy.h"

/* How two distributions of weights are compared, and how the smallest format is looked for. */
enum qmac_kl { QMAC_KL_TRUE, QMAC_KL_REPO };
enum qmac_bisect { QMAC_BISECT_FIXED, QMAC_BISECT_REPO };

/* How eager pushing up is; the loss decides, from one step to the next. */
enum qmac_eagerness { QMAC_EAGERNESS_MIN, QMAC_EAGERNESS_MEAN, QMAC_EAGERNESS_MAX };

enum {
	QMAC_ADAPT_FL_MIN = 4,              /* pushing down ends there */
	QMAC_ADAPT_LOOKBACK_LIMIT = 100000,
	QMAC_ADAPT_RESOLUTION_LIMIT = 100000
};

struct qmac_adapt_settings {
	struct qmac_format start;      /* of every tensor; bw <= bw_max */
	int bw_max;                    /* 2..32: no format becomes wider; 32 is the published code's */
	int buffer_bits;               /* 0..bw_max - 1: BW - FL stays at least this */
	int lookback_min, lookback_max; /* 1..QMAC_ADAPT_LOOKBACK_LIMIT, steps; begins with lookback_min */
	double lookback_momentum;      /* 0..1: the weight of the new value */
	int resolution_min, resolution_max; /* 1..QMAC_ADAPT_RESOLUTION_LIMIT, bins; begins with the first */
	enum qmac_eagerness eagerness; /* at the start */
	enum qmac_kl kl;
	double kl_tol;                 /* >= 0, nats: at most this is no loss; of QMAC_KL_TRUE only */
	enum qmac_bisect bisect;
	uint32_t seed;                 /* of stochastic rounding while a format is tried */
};

/* <8,4>, 16 bits at most, 8 buffer bits, lookback 25..100 of momentum .33, 50..150 bins, true KL to 1e-2. */
struct qmac_adapt_settings qmac_adapt_defaults(void);

/* Fails with the key's name where a setting is out of its range. */
QMAC_MUST_CHECK enum qmac_status qmac_adapt_check(const struct qmac_adapt_settings *settings,
                                                  struct qmac_error *err);

struct qmac_adapt_shape {
	int64_t count;  /* elements, at least 1 */
	int64_t row;    /* of them, those of the first output channel: 1..count */
	bool follows;   /* one-dimensional (bias, batch norm): takes the format of the tensor before it */
};

struct qmac_adapt_tensor {
	int32_t bw, fl;
	int32_t lookback, resolution;
	int32_t gradients;  /* in the sum since the last switch */
	int32_t unused;
	double sparsity;    /* zero codes / elements; kept for the caller, who quantises */
};

struct qmac_adapt {
	struct qmac_adapt_settings settings;
	int tensors;
	struct qmac_adapt_shape *shape;
	struct qmac_adapt_tensor *tensor;
	struct {
		uint32_t step;          /* calls of qmac_adapt_loss() */
		int32_t eagerness;
		int32_t losses;         /* in the list */
	} now;
	double *loss;               /* the last ones, oldest first */
	float **sum;                /* of normalised gradients; NULL of those that follow */
	float *sums;                /* all of them, behind each other */
	int64_t sums_count;
	int32_t *codes;             /* scratch of pushing down */
	int64_t *bins;
};

/* Copies shapes. Fails where settings are out of range or memory is short. */
QMAC_MUST_CHECK enum qmac_status qmac_adapt_create(struct qmac_adapt *adapt,
                                                   const struct qmac_adapt_settings *settings,
                                                   const struct qmac_adapt_shape *shapes, int tensors,
                                                   struct qmac_error *err);
void qmac_adapt_free(struct qmac_adapt *adapt);

static inline struct qmac_format qmac_adapt_format(const struct qmac_adapt *adapt, int tensor)
{
	return (struct qmac_format){adapt->tensor[tensor].bw, adapt->tensor[tensor].fl};
}

/* A step begins; loss: of its last minibatch. Fails (QMAC_CHECK_FAILED) where it is not finite. */
QMAC_MUST_CHECK enum qmac_status qmac_adapt_loss(struct qmac_adapt *adapt, double loss,
                                                 struct qmac_error *err);

/*
 * The step's normalised gradient g and the float32 master w of one tensor, `count` elements each, before the
 * update. *event tells of the format, which may be another from here on. Fails (QMAC_CHECK_FAILED) where g or
 * w is not finite.
 */
QMAC_MUST_CHECK enum qmac_status qmac_adapt_gradient(struct qmac_adapt *adapt, int tensor, const float *g,
                                                     const float *w, struct qmac_switch *event,
                                                     struct qmac_error *err);

/* Everything that changes while training; the rest comes from the settings. */
void qmac_adapt_state(struct qmac_adapt *adapt, qmac_policy_piece *add, void *context);

/* ---- the parts, for themselves ---------------------------------------------------------------------- */

/* n / norm of the sum of n normalised gradients; at least 1 but for rounding, infinite for a sum of 0. */
double qmac_adapt_diversity(const float *sum, int64_t count, int gradients);

int qmac_adapt_lookback(const struct qmac_adapt_settings *settings, double diversity, int lookback);
int qmac_adapt_resolution(const struct qmac_adapt_settings *settings, int lookback, int resolution);

/* `lowest`: what pushing down found. */
struct qmac_format qmac_push_up(const struct qmac_adapt_settings *settings, enum qmac_eagerness eagerness,
                                double diversity, struct qmac_format lowest);

#endif
