#include "policy/push_down.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "num/dither.h"
#include "num/elementary.h"
#include "qmac_isa.h"

enum { QUANTISE_FLOPS = 2, HISTOGRAM_FLOPS = 3, BIN_FLOPS = 4 };

/* The published figure is 0 where bins only swapped their numbers; in double it may be as much. */
#define ROUNDING 1e-14

struct range {
	double low, high;
};

static enum qmac_status range_of(const float *w, int64_t count, struct range *range, struct qmac_error *err)
{
	float low = w[0], high = w[0];

	for (int64_t i = 0; i < count; i++) {
		if (!isfinite(w[i]))
			return qmac_fail(err, QMAC_CHECK_FAILED, "weight %" PRId64 " of a tensor is not finite: training "
			                 "diverged; lower the learning rate", i);
		low = w[i] < low ? w[i] : low;
		high = w[i] > high ? w[i] : high;
	}
	*range = (struct range){(double)low, (double)high};
	if (low == high)
		*range = (struct range){(double)low - 1, (double)high + 1};
	return QMAC_OK;
}

/* Its bin, from 0 to bins - 1; below 0 or `bins` outside of the range, whose upper end is in the last bin. */
static int64_t bin_of(const struct range *range, int bins, double x)
{
	if (x < range->low)
		return -1;
	if (x > range->high)
		return bins;
	x = floor((x - range->low) / (range->high - range->low) * bins);
	return x < bins ? (int64_t)x : bins - 1;
}

double qmac_quantisation_loss(enum qmac_kl kl, const int64_t *before, const int64_t *after, int bins)
{
	int64_t before_total = 0, after_total = 0;
	double loss = 0;

	for (int b = 0; b < bins; b++) {
		before_total += before[b];
		after_total += after[b];
	}
	for (int b = 0; b < bins; b++) {
		double p = (double)before[b] / (double)before_total, q = (double)after[b] / (double)after_total;

		if (kl == QMAC_KL_REPO)
			loss += qmac_exp(q) * (q - p);
		else if (before[b] && p != q)
			loss += after[b] ? p * qmac_log(p / q) : INFINITY;
	}
	return kl == QMAC_KL_REPO ? loss / bins : loss;
}

/* Does this format change the histogram? That of the masters is the first of push->histograms. */
static bool loses(struct qmac_push_down *push, const struct range *range, struct qmac_format format)
{
	enum { SITE = 0x5044 };
	int64_t *after = push->histograms + push->bins;
	uint32_t key = qmac_dither_key(push->key, (uint32_t)push->tried++, SITE);
	double quantum = ldexp(1, -format.fl), loss;
	enum qmac_status status = qmac_format_encode_floats(format, QMAC_ROUND_STOCHASTIC, key, push->w,
	                                                    push->count, push->codes, NULL, NULL);

	assert(status == QMAC_OK); /* w is finite, the format legal */
	(void)status;
	memset(after, 0, (size_t)push->bins * sizeof *after);
	for (int64_t i = 0; i < push->count; i++) {
		int64_t bin = bin_of(range, push->bins, push->codes[i] * quantum);

		if (push->settings->kl == QMAC_KL_TRUE)
			bin = bin < 0 ? 0 : bin >= push->bins ? push->bins - 1 : bin;
		if (bin >= 0 && bin < push->bins)
			after[bin]++;
	}
	loss = qmac_quantisation_loss(push->settings->kl, push->histograms, after, push->bins);
	return loss > (push->settings->kl == QMAC_KL_REPO ? ROUNDING : push->settings->kl_tol);
}

/* What a search varies: FL at the present BW where fl is 0, else BW at that fl. */
static struct qmac_format at(const struct qmac_push_down *push, int fl, int x)
{
	return fl == 0 ? (struct qmac_format){push->now.bw, x} : (struct qmac_format){x, fl};
}

/* The published search of FL tries the lower end, not the middle; both end at the lower end, tried or not. */
static int search_as_published(struct qmac_push_down *push, const struct range *range, int low, int high,
                               int fl)
{
	for (int left = high - low; left > 0; left--) {
		int middle = (low + high + 1) / 2;

		if (loses(push, range, at(push, fl, fl == 0 ? low : middle)))
			low = middle;
		else
			high = middle;
		if (high - low <= 1)
			break;
	}
	return low;
}

/* The smallest in low..high that loses nothing, `high` being taken to be one; low where it is above high. */
static int search(struct qmac_push_down *push, const struct range *range, int low, int high, int fl)
{
	while (low < high) {
		int middle = low + (high - low) / 2;

		if (loses(push, range, at(push, fl, middle)))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum qmac_status qmac_push_down(struct qmac_push_down *push, struct qmac_format *lowest,
                                struct qmac_error *err)
{
	int (*find)(struct qmac_push_down *, const struct range *, int, int, int) =
		push->settings->bisect == QMAC_BISECT_REPO ? search_as_published : search;
	struct range range;
	enum qmac_status status = range_of(push->w, push->count, &range, err);

	push->tried = 0;
	if (status != QMAC_OK)
		return status;
	memset(push->histograms, 0, (size_t)push->bins * sizeof *push->histograms);
	for (int64_t i = 0; i < push->count; i++)
		push->histograms[bin_of(&range, push->bins, (double)push->w[i])]++;
	/* First FL at the present BW, then BW at that FL, which is not 0. */
	lowest->fl = find(push, &range, QMAC_ADAPT_FL_MIN, push->now.fl, 0);
	lowest->bw = find(push, &range, lowest->fl, push->now.bw, lowest->fl);
	return QMAC_OK;
}

uint64_t qmac_push_down_flops(const struct qmac_push_down *push)
{
	uint64_t elements = (uint64_t)push->count, bins = (uint64_t)push->bins, tried = (uint64_t)push->tried;
	uint64_t each = push->settings->kl == QMAC_KL_REPO ? QMAC_EXP_FLOPS : QMAC_LOG_FLOPS;

	return elements * HISTOGRAM_FLOPS +
	       tried * (elements * (QUANTISE_FLOPS + HISTOGRAM_FLOPS) + bins * (BIN_FLOPS + each));
}
