/*
 * MuPPET: block floating point of one width for the whole network, which rises through a list of levels
 * whenever the gradients of successive epochs have become less diverse, and ends in float32
 * (docs/policies.md).
 *
 * After an epoch: qmac_muppet_gradient() for each tensor with the gradient of the epoch's last minibatch,
 * then qmac_muppet_epoch().
 */
#ifndef QMAC_POLICY_MUPPET_H
#define QMAC_POLICY_MUPPET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/policy.h"

enum {
	QMAC_MUPPET_LEVELS_MAX = 16,
	QMAC_MUPPET_FLOAT_BITS = 32  /* what is told of the last level, which is float32 */
};

struct qmac_muppet_settings {
	int levels[QMAC_MUPPET_LEVELS_MAX]; /* bits, 2..24, each more than the one before; then comes float */
	int level_count;               /* 0..QMAC_MUPPET_LEVELS_MAX */
	double alpha, beta, lambda;    /* threshold of epoch j: alpha + beta e^(-lambda j); each >= 0 */
	int resolution;                /* >= 1: epochs from one check to the next */
	int patience;                  /* >= 1: violations until the level rises */
	int float_epochs;              /* >= 1: at each learning rate of the last level */
	double lr, lr_min;             /* > 0: the first learning rate; the last one is not above lr_min */
	double lr_factor;              /* 0..1, both excluded: from one learning rate to the next */
};

/* Levels 8, 12, 14, 16; 1 + 1.5 e^(-0.1 j); 3 epochs, 2 violations, 15 epochs; lr .01 to 1e-4 by .1. */
struct qmac_muppet_settings qmac_muppet_defaults(void);

/* Fails with the key's name where a setting is out of its range. */
QMAC_MUST_CHECK enum qmac_status qmac_muppet_check(const struct qmac_muppet_settings *settings,
                                                   struct qmac_error *err);

struct qmac_muppet {
	struct qmac_muppet_settings settings;
	int tensors;
	int64_t *count;            /* of each tensor */
	struct {
		int32_t epoch;         /* how many are over */
		int32_t level;         /* settings.level_count: float */
		int32_t violations;
		int32_t float_epochs;  /* since the last change of the learning rate */
		int32_t finished;      /* the last learning rate has had its epochs */
		int32_t unused;
		double highest;        /* diversity since the level rose */
		double lr;             /* of the next epoch */
	} now;
	double *squares;           /* of each tensor: the sum of ||g||^2 since the last check */
	float **sum;               /* and the sum of g */
	float *sums;
	int64_t sums_count;
};

/* counts: elements of each tensor, which are copied. Fails as qmac_muppet_check(), or for want of memory. */
QMAC_MUST_CHECK enum qmac_status qmac_muppet_create(struct qmac_muppet *muppet,
                                                    const struct qmac_muppet_settings *settings,
                                                    const int64_t *counts, int tensors,
                                                    struct qmac_error *err);
void qmac_muppet_free(struct qmac_muppet *muppet);

static inline bool qmac_muppet_is_float(const struct qmac_muppet *muppet)
{
	return muppet->now.level == muppet->settings.level_count;
}

/* Bits of the next epoch. */
static inline int qmac_muppet_bits(const struct qmac_muppet *muppet)
{
	return qmac_muppet_is_float(muppet) ? QMAC_MUPPET_FLOAT_BITS : muppet->settings.levels[muppet->now.level];
}

/* Whether the running epoch is the last: its learning rate is the last one, and has had its other epochs. */
bool qmac_muppet_is_last(const struct qmac_muppet *muppet);

/* Adds its operations to *host_flops; does nothing at the last level. Fails where g is not finite. */
QMAC_MUST_CHECK enum qmac_status qmac_muppet_gradient(struct qmac_muppet *muppet, int tensor, const float *g,
                                                      uint64_t *host_flops, struct qmac_error *err);

/* An epoch is over: *event has the bits of this one and of the next, now.lr the next learning rate. */
void qmac_muppet_epoch(struct qmac_muppet *muppet, struct qmac_switch *event);

/* alpha + beta e^(-lambda epoch), epoch from 0. */
double qmac_muppet_threshold(const struct qmac_muppet_settings *settings, int epoch);

/* Everything that changes while training. */
void qmac_muppet_state(struct qmac_muppet *muppet, qmac_policy_piece *add, void *context);

/* ---- the quantiser ------------------------------------------------------------------------------------ */

/*
 * The format of x[0..count), count >= 1, bits 2..32: <bits,e> with the largest e for which neither end of x
 * is beyond the range by more than half a quantum 2^-e: |largest| <= (2^(bits-1) - 1/2) 2^-e, and
 * |smallest| <= (2^(bits-1) + 1/2) 2^-e. All zero: e = 0. Fails (QMAC_CHECK_FAILED) where x is not finite.
 *
 * Codes are those of qmac_format_encode_floats() in it. A rounded number may be one quantum beyond the range,
 * is clamped, and counted there as a saturation.
 */
QMAC_MUST_CHECK enum qmac_status qmac_muppet_format(int bits, const float *x, int64_t count,
                                                    struct qmac_format *format, struct qmac_error *err);

#endif
