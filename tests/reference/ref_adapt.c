#include "reference/ref_adapt.h"

#include <math.h>
#include <stdlib.h>

#include "qmac_isa.h"
#include "reference/ref_num.h"

static int limited(long double x, int low, int high)
{
	return x < low ? low : x > high ? high : (int)x;
}

int ref_adapt_lookback(const struct ref_adapt *rules, double diversity, int lookback)
{
	double wanted = rules->lookback_max / diversity, weight = rules->momentum, mean;

	if (wanted < rules->lookback_min)
		wanted = rules->lookback_min;
	if (wanted > rules->lookback_max)
		wanted = rules->lookback_max;
	wanted = ceil(wanted);
	if (rules->fault == REF_ADAPT_MOMENTUM_SWAPPED)
		mean = wanted * (1 - weight) + lookback * weight;
	else
		mean = wanted * weight + lookback * (1 - weight);
	if (wanted == lookback)
		return lookback; /* where the sum above may be the next number */
	return (int)(rules->fault == REF_ADAPT_LOOKBACK_DOWN ? floor(mean) : ceil(mean));
}

int ref_adapt_resolution(const struct ref_adapt *rules, int lookback, int resolution)
{
	int up = rules->fault == REF_ADAPT_LIMITS_SWAPPED ? rules->lookback_min : rules->lookback_max;
	int down = rules->fault == REF_ADAPT_LIMITS_SWAPPED ? rules->lookback_max : rules->lookback_min;

	if (lookback == up)
		resolution = limited(resolution + 1, rules->resolution_min, rules->resolution_max);
	if (lookback == down)
		resolution = limited(resolution - 1, rules->resolution_min, rules->resolution_max);
	return resolution;
}

void ref_adapt_push_up(const struct ref_adapt *rules, int eagerness, double diversity, int *bw, int *fl)
{
	enum ref_adapt_fault fault = rules->fault;
	long double more = 1, l = 0, square;
	int cap = fault == REF_ADAPT_CAP_BW_ONLY ? 32 : rules->bw_max;

	if (diversity > 0 && diversity < (double)INFINITY)
		l = (fault == REF_ADAPT_LOG2 ? log2l(diversity) : logl(diversity)) - 1;
	square = fault == REF_ADAPT_MINUS_LATER ? logl(diversity) * logl(diversity) - 1 : l * l;
	if (l > 0) {
		long double few = ceill(1 / square), many = ceill(32 * square);

		if (fault == REF_ADAPT_FEW_TO_32 && few > 32)
			few = 32;
		many = (many > 32 ? 32 : many) - *fl;
		if (many < (fault == REF_ADAPT_MANY_FROM_1))
			many = fault == REF_ADAPT_MANY_FROM_1;
		if (eagerness == 0)
			more = few < many ? few : many;
		else if (eagerness == 1)
			more = fault == REF_ADAPT_MEAN_DOWN ? floorl((few + many) / 2) : ceill((few + many) / 2);
		else
			more = few > many ? few : many;
	}
	*fl = limited(*fl + more, -1000, 32);
	*bw = *bw > *fl ? *bw : *fl;
	if (fault != REF_ADAPT_NO_EXTRA_BIT)
		*bw += 1;
	*bw = *bw < cap ? *bw : cap;
	if (*fl > cap - rules->buffer)
		*fl = cap - rules->buffer;
	if (*bw < *fl + rules->buffer)
		*bw = *fl + rules->buffer;
	*bw = *bw < rules->bw_max ? *bw : rules->bw_max;
}

void ref_adapt_loss(const struct ref_adapt *rules, struct ref_adapt_losses *losses, int mean_lookback,
                    double loss)
{
	enum ref_adapt_fault fault = rules->fault;

	if (losses->kept + (fault == REF_ADAPT_SOONER) > mean_lookback) {
		long double sum = 0;
		int parts = fault == REF_ADAPT_TRUE_MEAN ? losses->kept : mean_lookback, before = losses->eagerness;

		for (int i = losses->count - losses->kept; i < losses->count; i++)
			sum += losses->all[i];
		sum = fabsl(sum / parts);
		if (sum < fabs(loss) || (sum == fabs(loss) && fault != REF_ADAPT_STRICT_LOSS)) {
			if (before == 0)
				losses->eagerness = fault == REF_ADAPT_TWO_AT_ONCE ? 2 : 1;
			if (before == 1)
				losses->eagerness = 2;
		} else if (sum > fabs(loss)) {
			losses->eagerness = 0;
		}
		losses->kept = mean_lookback;
	}
	losses->all[losses->count++] = loss;
	losses->kept++;
}

/* ---- pushing down ---------------------------------------------------------------------------------- */

struct trial {
	const struct ref_adapt *rules;
	const float *w;
	int64_t count;
	int bins, tried;
	double low, high;
	uint32_t key;
};

/* Where x lies: 0..bins - 1, or outside. */
static int place(const struct trial *trial, double x)
{
	if (x < trial->low)
		return -1;
	if (x > trial->high)
		return trial->bins;
	if (x == trial->high)
		return trial->rules->fault == REF_ADAPT_LAST_BIN_OPEN ? trial->bins : trial->bins - 1;
	return (int)((x - trial->low) / (trial->high - trial->low) * trial->bins);
}

static long double loss_of(const struct trial *trial, const int64_t *p, const int64_t *q)
{
	const struct ref_adapt *rules = trial->rules;
	long double loss = 0, all_p = 0, all_q = 0;

	for (int b = 0; b < trial->bins; b++) {
		all_p += p[b];
		all_q += q[b];
	}
	for (int b = 0; b < trial->bins; b++) {
		long double before = p[b] / all_p, after = q[b] / all_q;

		if (!rules->true_kl)
			loss += expl(after) * (after - before) / trial->bins;
		else if (rules->fault == REF_ADAPT_KL_REVERSED)
			loss += after > 0 ? after * logl(after / before) : 0;
		else
			loss += before > 0 ? before * logl(before / after) : 0;
	}
	return loss;
}

/* Does <bw,fl> lose anything? */
static bool loses(struct trial *trial, int bw, int fl)
{
	const struct ref_adapt *rules = trial->rules;
	int64_t *p = calloc((size_t)trial->bins, sizeof *p), *q = calloc((size_t)trial->bins, sizeof *q);
	uint32_t number = rules->fault == REF_ADAPT_SAME_BITS ? 0 : (uint32_t)trial->tried;
	uint32_t key = ref_dither_key(trial->key, number, 0x5044);
	uint64_t unused = 0;
	long double loss;

	trial->tried++;
	for (int64_t i = 0; i < trial->count; i++) {
		uint32_t r = ref_dither(key, (uint32_t)(i / 65536), (uint32_t)(i % 65536));
		double x = (double)trial->w[i];
		int32_t code = ref_format_code(bw, fl, QMAC_ROUND_STOCHASTIC, r, x, &unused);
		int there = place(trial, x), here = place(trial, ldexp(code, -fl));

		if (there < trial->bins)
			p[there]++;
		if (rules->true_kl && rules->fault != REF_ADAPT_OUTSIDE_LOST)
			here = limited(here, 0, trial->bins - 1);
		if (here >= 0 && here < trial->bins)
			q[here]++;
	}
	loss = loss_of(trial, p, q);
	free(p);
	free(q);
	return loss > (rules->true_kl ? rules->tolerance : 1e-14);
}

/* The published search, of FL (at bw) or of BW (at fl). */
static int published(struct trial *trial, int low, int high, int bw, int fl)
{
	int middle, tried, turns = high - low;
	bool lost;

	for (int turn = 0; turn < turns; turn++) {
		middle = low + (high - low + 1) / 2;
		tried = bw && trial->rules->fault != REF_ADAPT_TRIES_MIDDLE ? low : middle;
		lost = bw ? loses(trial, bw, tried) : loses(trial, tried, fl);
		*(lost ? &low : &high) = middle;
		if (high - low < 2)
			break;
	}
	return trial->rules->fault == REF_ADAPT_ENDS_HIGH ? high : low;
}

/* The smallest that passes. */
static int fixed(struct trial *trial, int low, int high, int bw, int fl)
{
	if (low >= high)
		return low;
	int middle = (low + high) / 2;

	if (bw ? loses(trial, bw, middle) : loses(trial, middle, fl))
		return fixed(trial, middle + 1, high, bw, fl);
	return fixed(trial, low, middle, bw, fl);
}

int ref_adapt_push_down(const struct ref_adapt *rules, const float *w, int64_t count, int bins, uint32_t key,
                        int *bw, int *fl)
{
	struct trial trial = {rules, w, count, bins, 0, INFINITY, -INFINITY, key};
	int floor_fl = rules->fault == REF_ADAPT_FL_FROM_ZERO ? 0 : 4;

	for (int64_t i = 0; i < count; i++) {
		trial.low = fmin(trial.low, (double)w[i]);
		trial.high = fmax(trial.high, (double)w[i]);
	}
	if (trial.low == trial.high) {
		trial.low -= 1;
		trial.high += 1;
	}
	*fl = (rules->fixed_search ? fixed : published)(&trial, floor_fl, *fl, *bw, 0);
	*bw = (rules->fixed_search ? fixed : published)(&trial, *fl, *bw, 0, *fl);
	return trial.tried;
}
