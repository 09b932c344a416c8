#include "policy/adapt.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/dither.h"
#include "policy/gradient.h"
#include "policy/push_down.h"

/* Of the rules for lookback and resolution, and of pushing up: a logarithm and a few operations. */
enum { RULE_FLOPS = 12, PUSH_UP_FLOPS = 40 };

struct qmac_adapt_settings qmac_adapt_defaults(void)
{
	return (struct qmac_adapt_settings){
		.start = {8, 4}, .bw_max = 16, .buffer_bits = 8,
		.lookback_min = 25, .lookback_max = 100, .lookback_momentum = 0.33,
		.resolution_min = 50, .resolution_max = 150,
		.eagerness = QMAC_EAGERNESS_MIN, .kl = QMAC_KL_TRUE, .kl_tol = 1e-2, .bisect = QMAC_BISECT_FIXED,
	};
}

static enum qmac_status in_range(const char *key, int value, int low, int high, struct qmac_error *err)
{
	if (value >= low && value <= high)
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "%s is %d; it must lie in %d..%d", key, value, low, high);
}

enum qmac_status qmac_adapt_check(const struct qmac_adapt_settings *s, struct qmac_error *err)
{
	const struct {
		const char *key;
		int value, low, high;
	} whole[] = {
		{"bw_max", s->bw_max, 2, 32},
		{"buffer_bits", s->buffer_bits, 0, s->bw_max - 1},
		{"bw", s->start.bw, 2, s->bw_max},
		{"lookback (the smallest)", s->lookback_min, 1, QMAC_ADAPT_LOOKBACK_LIMIT},
		{"lookback (the largest)", s->lookback_max, 1, QMAC_ADAPT_LOOKBACK_LIMIT},
		{"resolution (the smallest)", s->resolution_min, 1, QMAC_ADAPT_RESOLUTION_LIMIT},
		{"resolution (the largest)", s->resolution_max, s->resolution_min, QMAC_ADAPT_RESOLUTION_LIMIT},
	};
	enum qmac_status status = QMAC_OK;

	for (size_t i = 0; status == QMAC_OK && i < sizeof whole / sizeof whole[0]; i++)
		status = in_range(whole[i].key, whole[i].value, whole[i].low, whole[i].high, err);
	if (status == QMAC_OK)
		status = qmac_format_check(s->start, err);
	if (status == QMAC_OK && !(s->lookback_momentum >= 0 && s->lookback_momentum <= 1))
		status = qmac_fail(err, QMAC_BAD_INPUT, "lookback_momentum is %g; it must lie in 0..1",
		                   s->lookback_momentum);
	if (status == QMAC_OK && !(s->kl_tol >= 0))
		status = qmac_fail(err, QMAC_BAD_INPUT, "kl_tol is %g; it must not be negative", s->kl_tol);
	return status;
}

static int longest_lookback(const struct qmac_adapt_settings *s)
{
	return s->lookback_min > s->lookback_max ? s->lookback_min : s->lookback_max;
}

enum qmac_status qmac_adapt_create(struct qmac_adapt *adapt, const struct qmac_adapt_settings *settings,
                                   const struct qmac_adapt_shape *shapes, int tensors, struct qmac_error *err)
{
	enum qmac_status status = qmac_adapt_check(settings, err);
	int64_t largest = 1, sums = 0, used = 0;

	memset(adapt, 0, sizeof *adapt);
	if (status != QMAC_OK)
		return status;
	for (int i = 0; i < tensors; i++) {
		assert(shapes[i].count >= 1 && shapes[i].row >= 1 && shapes[i].row <= shapes[i].count);
		sums += shapes[i].follows ? 0 : shapes[i].count;
		largest = shapes[i].count > largest ? shapes[i].count : largest;
	}
	adapt->settings = *settings;
	adapt->tensors = tensors;
	adapt->now.eagerness = (int32_t)settings->eagerness;
	adapt->sums_count = sums;
	adapt->shape = malloc(((size_t)tensors + 1) * sizeof *adapt->shape);
	adapt->tensor = calloc((size_t)tensors + 1, sizeof *adapt->tensor);
	adapt->sum = calloc((size_t)tensors + 1, sizeof *adapt->sum);
	adapt->sums = calloc((size_t)sums + 1, sizeof *adapt->sums);
	adapt->loss = calloc((size_t)longest_lookback(settings) + 1, sizeof *adapt->loss);
	adapt->codes = malloc((size_t)largest * sizeof *adapt->codes);
	adapt->bins = malloc(2 * (size_t)settings->resolution_max * sizeof *adapt->bins);
	if (!adapt->shape || !adapt->tensor || !adapt->sum || !adapt->sums || !adapt->loss || !adapt->codes ||
	    !adapt->bins) {
		qmac_adapt_free(adapt);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	}
	for (int i = 0; i < tensors; i++) {
		adapt->shape[i] = shapes[i];
		adapt->tensor[i] = (struct qmac_adapt_tensor){
			.bw = settings->start.bw, .fl = settings->start.fl,
			.lookback = settings->lookback_min, .resolution = settings->resolution_min,
		};
		if (!shapes[i].follows) {
			adapt->sum[i] = adapt->sums + used;
			used += shapes[i].count;
		}
	}
	return QMAC_OK;
}

void qmac_adapt_free(struct qmac_adapt *adapt)
{
	free(adapt->shape);
	free(adapt->tensor);
	free(adapt->sum);
	free(adapt->sums);
	free(adapt->loss);
	free(adapt->codes);
	free(adapt->bins);
	memset(adapt, 0, sizeof *adapt);
}

void qmac_adapt_state(struct qmac_adapt *adapt, qmac_policy_piece *add, void *context)
{
	add(context, "adapt_now", &adapt->now, sizeof adapt->now);
	add(context, "adapt_tensors", adapt->tensor, (size_t)adapt->tensors * sizeof *adapt->tensor);
	add(context, "adapt_losses", adapt->loss,
	    ((size_t)longest_lookback(&adapt->settings) + 1) * sizeof *adapt->loss);
	add(context, "adapt_sums", adapt->sums, (size_t)adapt->sums_count * sizeof *adapt->sums);
}

/* ---- lookback, resolution, eagerness -------------------------------------------------------------- */

double qmac_adapt_diversity(const float *sum, int64_t count, int gradients)
{
	return gradients / sqrt(qmac_square(sum, count));
}

int qmac_adapt_lookback(const struct qmac_adapt_settings *s, double diversity, int lookback)
{
	double wanted = s->lookback_max, next;

	if (diversity > 0)
		wanted = ceil(fmin(fmax(s->lookback_max / diversity, s->lookback_min), s->lookback_max));
	next = ceil(wanted * s->lookback_momentum + lookback * (1 - s->lookback_momentum));
	/* A mean lies between the two; its rounding may not. */
	return (int)fmin(next, fmax(wanted, lookback));
}

static int clamp(int x, int low, int high)
{
	x = x > low ? x : low;
	return x < high ? x : high;
}

int qmac_adapt_resolution(const struct qmac_adapt_settings *s, int lookback, int resolution)
{
	if (lookback == s->lookback_max)
		resolution = clamp(resolution + 1, s->resolution_min, s->resolution_max);
	if (lookback == s->lookback_min)
		resolution = clamp(resolution - 1, s->resolution_min, s->resolution_max);
	return resolution;
}

static int mean_lookback(const struct qmac_adapt *adapt)
{
	int64_t sum = 0;

	for (int i = 0; i < adapt->tensors; i++)
		sum += adapt->tensor[i].lookback;
	return adapt->tensors ? (int)(sum / adapt->tensors) : 1;
}

enum qmac_status qmac_adapt_loss(struct qmac_adapt *adapt, double loss, struct qmac_error *err)
{
	int mean = mean_lookback(adapt), losses = adapt->now.losses;
	double sum = 0;

	adapt->now.step++;
	if (!isfinite(loss))
		return qmac_fail(err, QMAC_CHECK_FAILED, "the loss is not finite: training diverged; lower the "
		                 "learning rate");
	if (losses > mean) {
		for (int i = 0; i < losses; i++)
			sum += adapt->loss[i];
		if (fabs(sum / mean) > fabs(loss))
			adapt->now.eagerness = QMAC_EAGERNESS_MIN;
		else if (adapt->now.eagerness < QMAC_EAGERNESS_MAX)
			adapt->now.eagerness++;
		memmove(adapt->loss, adapt->loss + losses - mean, (size_t)mean * sizeof *adapt->loss);
		losses = mean;
	}
	adapt->loss[losses] = loss;
	adapt->now.losses = losses + 1;
	return QMAC_OK;
}

/* ---- a tensor's step ------------------------------------------------------------------------------- */

static enum qmac_status find_format(struct qmac_adapt *adapt, int i, const float *w, double diversity,
                                    struct qmac_switch *event, struct qmac_error *err)
{
	struct qmac_adapt_tensor *tensor = &adapt->tensor[i];
	struct qmac_push_down push = {
		.settings = &adapt->settings, .w = w,
		.count = adapt->settings.kl == QMAC_KL_REPO ? adapt->shape[i].row : adapt->shape[i].count,
		.now = event->before, .bins = tensor->resolution,
		.key = qmac_dither_key(adapt->settings.seed, adapt->now.step, (uint32_t)i),
		.codes = adapt->codes, .histograms = adapt->bins,
	};
	struct qmac_format lowest;
	enum qmac_status status = qmac_push_down(&push, &lowest, err);

	if (status != QMAC_OK)
		return status;
	event->why = "lookback";
	event->after = qmac_push_up(&adapt->settings, (enum qmac_eagerness)adapt->now.eagerness, diversity,
	                            lowest);
	event->host_flops += qmac_push_down_flops(&push) + PUSH_UP_FLOPS;
	tensor->bw = event->after.bw;
	tensor->fl = event->after.fl;
	tensor->gradients = 0;
	memset(adapt->sum[i], 0, (size_t)adapt->shape[i].count * sizeof *adapt->sum[i]);
	return QMAC_OK;
}

static void follow(struct qmac_adapt *adapt, int i, struct qmac_switch *event)
{
	struct qmac_adapt_tensor *tensor = &adapt->tensor[i], *leader = i > 0 ? &adapt->tensor[i - 1] : tensor;

	tensor->bw = leader->bw;
	tensor->fl = leader->fl;
	tensor->lookback = leader->lookback;
	tensor->resolution = leader->resolution;
	event->after = qmac_adapt_format(adapt, i);
	event->why = qmac_switched(event) ? "follows" : "";
}

enum qmac_status qmac_adapt_gradient(struct qmac_adapt *adapt, int i, const float *g, const float *w,
                                     struct qmac_switch *event, struct qmac_error *err)
{
	struct qmac_adapt_tensor *tensor = &adapt->tensor[i];
	int64_t count = adapt->shape[i].count;
	double diversity;

	assert(i >= 0 && i < adapt->tensors);
	*event = (struct qmac_switch){.why = "", .before = qmac_adapt_format(adapt, i)};
	event->after = event->before;
	if (adapt->shape[i].follows) {
		follow(adapt, i, event);
		return QMAC_OK;
	}
	qmac_accumulate(adapt->sum[i], g, count);
	tensor->gradients++;
	diversity = qmac_adapt_diversity(adapt->sum[i], count, tensor->gradients);
	event->host_flops = (uint64_t)count * (QMAC_ACCUMULATE_FLOPS + QMAC_SQUARE_FLOPS) + RULE_FLOPS;
	if (isnan(diversity) || diversity == 0)
		return qmac_fail(err, QMAC_CHECK_FAILED, "a gradient is not finite: training diverged; lower the "
		                 "learning rate");
	tensor->lookback = qmac_adapt_lookback(&adapt->settings, diversity, tensor->lookback);
	tensor->resolution = qmac_adapt_resolution(&adapt->settings, tensor->lookback, tensor->resolution);
	return tensor->gradients >= tensor->lookback ? find_format(adapt, i, w, diversity, event, err) : QMAC_OK;
}
