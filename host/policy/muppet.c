#include "policy/muppet.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/elementary.h"
#include "policy/gradient.h"

enum { THRESHOLD_FLOPS = 36 }; /* an exponential and a few operations */

struct qmac_muppet_settings qmac_muppet_defaults(void)
{
	return (struct qmac_muppet_settings){
		.levels = {8, 12, 14, 16}, .level_count = 4, .alpha = 1, .beta = 1.5, .lambda = 0.1,
		.resolution = 3, .patience = 2, .float_epochs = 15, .lr = 0.01, .lr_min = 1e-4, .lr_factor = 0.1,
	};
}

static enum qmac_status check_levels(const struct qmac_muppet_settings *s, struct qmac_error *err)
{
	if (s->level_count < 0 || s->level_count > QMAC_MUPPET_LEVELS_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "levels: there may be up to %d", QMAC_MUPPET_LEVELS_MAX);
	for (int i = 0; i < s->level_count; i++) {
		if (s->levels[i] < 2 || s->levels[i] > 24)
			return qmac_fail(err, QMAC_BAD_INPUT, "levels: %d bits; a level has 2..24", s->levels[i]);
		if (i > 0 && s->levels[i] <= s->levels[i - 1])
			return qmac_fail(err, QMAC_BAD_INPUT, "levels: %d after %d; each must have more bits than the "
			                 "one before", s->levels[i], s->levels[i - 1]);
	}
	return QMAC_OK;
}

enum qmac_status qmac_muppet_check(const struct qmac_muppet_settings *s, struct qmac_error *err)
{
	const struct {
		const char *key;
		int value;
	} whole[] = {{"resolution", s->resolution}, {"patience", s->patience}, {"float_epochs", s->float_epochs}};
	const struct {
		const char *key;
		double value;
		bool zero; /* is allowed */
	} real[] = {{"alpha", s->alpha, true}, {"beta", s->beta, true}, {"lambda", s->lambda, true},
	            {"lr", s->lr, false}, {"lr_min", s->lr_min, false}};
	enum qmac_status status = check_levels(s, err);

	for (size_t i = 0; status == QMAC_OK && i < sizeof whole / sizeof whole[0]; i++)
		if (whole[i].value < 1)
			status = qmac_fail(err, QMAC_BAD_INPUT, "%s is %d; it must be at least 1", whole[i].key,
			                   whole[i].value);
	for (size_t i = 0; status == QMAC_OK && i < sizeof real / sizeof real[0]; i++)
		if (!(real[i].value > 0 || (real[i].zero && real[i].value == 0)) || !isfinite(real[i].value))
			status = qmac_fail(err, QMAC_BAD_INPUT, "%s is %g; it must be %s", real[i].key, real[i].value,
			                   real[i].zero ? "0 or more" : "above 0");
	if (status == QMAC_OK && !(s->lr_factor > 0 && s->lr_factor < 1))
		status = qmac_fail(err, QMAC_BAD_INPUT, "lr_factor is %g; it must lie between 0 and 1", s->lr_factor);
	return status;
}

enum qmac_status qmac_muppet_create(struct qmac_muppet *muppet, const struct qmac_muppet_settings *settings,
                                    const int64_t *counts, int tensors, struct qmac_error *err)
{
	enum qmac_status status = qmac_muppet_check(settings, err);
	int64_t used = 0;

	memset(muppet, 0, sizeof *muppet);
	if (status != QMAC_OK)
		return status;
	for (int i = 0; i < tensors; i++)
		muppet->sums_count += counts[i];
	muppet->settings = *settings;
	muppet->tensors = tensors;
	muppet->now.lr = settings->lr;
	muppet->count = malloc(((size_t)tensors + 1) * sizeof *muppet->count);
	muppet->squares = calloc((size_t)tensors + 1, sizeof *muppet->squares);
	muppet->sum = calloc((size_t)tensors + 1, sizeof *muppet->sum);
	muppet->sums = calloc((size_t)muppet->sums_count + 1, sizeof *muppet->sums);
	if (!muppet->count || !muppet->squares || !muppet->sum || !muppet->sums) {
		qmac_muppet_free(muppet);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	}
	for (int i = 0; i < tensors; i++) {
		muppet->count[i] = counts[i];
		muppet->sum[i] = muppet->sums + used;
		used += counts[i];
	}
	return QMAC_OK;
}

void qmac_muppet_free(struct qmac_muppet *muppet)
{
	free(muppet->count);
	free(muppet->squares);
	free(muppet->sum);
	free(muppet->sums);
	memset(muppet, 0, sizeof *muppet);
}

void qmac_muppet_state(struct qmac_muppet *muppet, qmac_policy_piece *add, void *context)
{
	add(context, "muppet_now", &muppet->now, sizeof muppet->now);
	add(context, "muppet_squares", muppet->squares, (size_t)muppet->tensors * sizeof *muppet->squares);
	add(context, "muppet_sums", muppet->sums, (size_t)muppet->sums_count * sizeof *muppet->sums);
}

enum qmac_status qmac_muppet_gradient(struct qmac_muppet *muppet, int tensor, const float *g,
                                      uint64_t *host_flops, struct qmac_error *err)
{
	int64_t count = muppet->count[tensor];
	double square;

	assert(tensor >= 0 && tensor < muppet->tensors);
	if (qmac_muppet_is_float(muppet))
		return QMAC_OK;
	square = qmac_square(g, count);
	if (!isfinite(square))
		return qmac_fail(err, QMAC_CHECK_FAILED, "a gradient is not finite: training diverged; lower the "
		                 "learning rate");
	muppet->squares[tensor] += square;
	qmac_accumulate(muppet->sum[tensor], g, count);
	*host_flops += (uint64_t)count * (QMAC_SQUARE_FLOPS + QMAC_ACCUMULATE_FLOPS);
	return QMAC_OK;
}

double qmac_muppet_threshold(const struct qmac_muppet_settings *settings, int epoch)
{
	return settings->alpha + settings->beta * qmac_exp(-settings->lambda * epoch);
}

/* The mean over the tensors whose gradients do not sum to 0; 0 where there is none. Begins to sum anew. */
static double take_diversity(struct qmac_muppet *muppet, uint64_t *host_flops)
{
	double sum = 0;
	int used = 0;

	for (int i = 0; i < muppet->tensors; i++) {
		double square = qmac_square(muppet->sum[i], muppet->count[i]);

		*host_flops += (uint64_t)muppet->count[i] * QMAC_SQUARE_FLOPS + 2;
		if (square > 0) {
			sum += muppet->squares[i] / square;
			used++;
		}
		muppet->squares[i] = 0;
	}
	memset(muppet->sums, 0, (size_t)muppet->sums_count * sizeof *muppet->sums);
	return used ? sum / used : 0;
}

/* .1 times .1 times .1 is above .001 in double, and no learning rate of its own. */
static bool is_lowest(const struct qmac_muppet *muppet)
{
	return muppet->now.lr <= muppet->settings.lr_min * (1 + 1e-9);
}

bool qmac_muppet_is_last(const struct qmac_muppet *muppet)
{
	return qmac_muppet_is_float(muppet) && is_lowest(muppet) &&
	       muppet->now.float_epochs + 1 >= muppet->settings.float_epochs;
}

/* At an epoch of the last level: the learning rate falls, or the training is over. */
static void end_float_epoch(struct qmac_muppet *muppet)
{
	if (++muppet->now.float_epochs < muppet->settings.float_epochs)
		return;
	muppet->now.float_epochs = 0;
	if (is_lowest(muppet))
		muppet->now.finished = 1;
	else
		muppet->now.lr *= muppet->settings.lr_factor;
}

static void check_diversity(struct qmac_muppet *muppet, int epoch, struct qmac_switch *event)
{
	double diversity = take_diversity(muppet, &event->host_flops);

	event->host_flops += THRESHOLD_FLOPS;
	if (diversity >= muppet->now.highest)
		muppet->now.highest = diversity;
	else if (diversity > 0 &&
	         muppet->now.highest / diversity > qmac_muppet_threshold(&muppet->settings, epoch))
		muppet->now.violations++;
	if (muppet->now.violations >= muppet->settings.patience) {
		muppet->now.violations = 0;
		muppet->now.highest = 0;
		muppet->now.level++;
		event->why = "diversity";
	}
}

void qmac_muppet_epoch(struct qmac_muppet *muppet, struct qmac_switch *event)
{
	int epoch = muppet->now.epoch++;

	*event = (struct qmac_switch){.why = "", .before = {qmac_muppet_bits(muppet), 0}};
	if (qmac_muppet_is_float(muppet))
		end_float_epoch(muppet);
	else if (muppet->now.epoch % muppet->settings.resolution == 0)
		check_diversity(muppet, epoch, event);
	event->after = (struct qmac_format){qmac_muppet_bits(muppet), 0};
}

/*
 * floor(log2(limit / |end|)) is frexp's exponent of the quotient, less 1. The quotient of a number of at
 * most 33 bits and one of 24 is too far from every power of two that it does not equal for its rounding to
 * reach it.
 */
static int exponent_for(double limit, double end)
{
	int exponent;

	(void)frexp(limit / fabs(end), &exponent);
	return exponent - 1;
}

enum qmac_status qmac_muppet_format(int bits, const float *x, int64_t count, struct qmac_format *format,
                                    struct qmac_error *err)
{
	double top = ldexp(1, bits - 1), low = (double)x[0], high = (double)x[0];
	int for_high, for_low;

	assert(bits >= 2 && bits <= 32 && count >= 1);
	for (int64_t i = 0; i < count; i++) {
		if (!isfinite(x[i]))
			return qmac_fail(err, QMAC_CHECK_FAILED, "element %" PRId64 " of a tensor is not finite: "
			                 "training diverged; lower the learning rate", i);
		low = (double)x[i] < low ? (double)x[i] : low;
		high = (double)x[i] > high ? (double)x[i] : high;
	}
	*format = (struct qmac_format){bits, 0};
	if (low == 0 && high == 0)
		return QMAC_OK;
	for_high = high == 0 ? INT32_MAX : exponent_for(top - 0.5, high);
	for_low = low == 0 ? INT32_MAX : exponent_for(top + 0.5, low);
	format->fl = for_high < for_low ? for_high : for_low;
	return QMAC_OK;
}
