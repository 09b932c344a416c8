/*
 * Pushing down: the smallest format in which a tensor's weights still have the distribution that they have in
 * float32, as far as a histogram shows (docs/policies.md).
 */
#ifndef QMAC_POLICY_PUSH_DOWN_H
#define QMAC_POLICY_PUSH_DOWN_H

#include "policy/adapt.h"

/*
 * What quantisation did to a histogram of `bins` bins, from the numbers in each: `before` of the weights,
 * `after` of those codes that lie in its range. QMAC_KL_TRUE: the Kullback-Leibler divergence in nats,
 * infinite where a bin became empty. QMAC_KL_REPO: the published code's figure, which may be negative,
 * and NaN where no code is left in the range.
 */
double qmac_quantisation_loss(enum qmac_kl kl, const int64_t *before, const int64_t *after, int bins);

struct qmac_push_down {
	const struct qmac_adapt_settings *settings;
	const float *w;         /* float32 masters, finite */
	int64_t count;          /* of w: all of QMAC_KL_TRUE, the first output channel of QMAC_KL_REPO */
	struct qmac_format now;
	int bins;
	uint32_t key;           /* of the random numbers; each format that is tried has a key from it */
	int32_t *codes;         /* scratch: count */
	int64_t *histograms;    /* scratch: 2 * bins */
	int tried;              /* how many formats were */
};

/* The smallest format, FL at least QMAC_ADAPT_FL_MIN. Fails (QMAC_CHECK_FAILED) where w is not finite. */
QMAC_MUST_CHECK enum qmac_status qmac_push_down(struct qmac_push_down *push, struct qmac_format *lowest,
                                                struct qmac_error *err);

/* Operations on the host, by formula. */
uint64_t qmac_push_down_flops(const struct qmac_push_down *push);

#endif
