#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "qmac_isa.h"
#include "ref_qnet.h"

/* What a reader gives back to one of its inputs. */
struct contribution {
	ref_int *c;
	int fl;
	ref_int bound;
};

static const struct qmac_net_layer *layer_of(const struct ref_qnet *r, int tensor)
{
	return &r->net->layers[tensor - 1];
}

static int64_t elements(const struct ref_qnet *r, int t)
{
	return r->samples * r->out[t].h * r->out[t].w * r->out[t].c;
}

/* ---- the gradient of a tensor as its layer hands it on: its error, or G ----------- */

static ref_int own(const struct ref_qnet *r, int t, int64_t element)
{
	return r->error[t].q ? r->error[t].q[element] : r->g[t][element];
}

static int own_fl(const struct ref_qnet *r, int t)
{
	return r->error[t].q ? r->error[t].fl : r->g_fl[t];
}

static ref_int own_bound(const struct ref_qnet *r, int t)
{
	return r->error[t].q ? ref_power(r->error[t].bits - 1) : r->bound[t];
}

/* ---- contributions of each kind ---------------------------------------------------- */

static int64_t windows(const struct qmac_net_layer *l)
{
	if (l->kind == QMAC_LAYER_LINEAR)
		return 1;
	return ((l->kernel[0] + l->stride - 1) / l->stride) * ((l->kernel[1] + l->stride - 1) / l->stride);
}

/* Every output sends its error back along its weights. */
static void through_weights(const struct ref_qnet *r, int t, struct contribution *to)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	const struct ref_qparameter *w = &r->parameter[l->weight];
	int64_t kh = l->kind == QMAC_LAYER_CONV ? l->kernel[0] : 1;
	int64_t kw = l->kind == QMAC_LAYER_CONV ? l->kernel[1] : 1;

	for (int64_t n = 0; n < r->samples; n++)
		for (int64_t co = 0; co < l->out.channels; co++)
			for (int64_t oy = 0; oy < l->out.height; oy++)
				for (int64_t ox = 0; ox < l->out.width; ox++)
					for (int64_t ci = 0; ci < l->in.channels; ci++)
						for (int64_t tap = 0; tap < kh * kw; tap++) {
							int64_t iy = oy * l->stride + tap / kw - l->pad;
							int64_t ix = ox * l->stride + tap % kw - l->pad;

							if (iy < 0 || iy >= l->in.height || ix < 0 || ix >= l->in.width)
								continue;
							to->c[ref_qnet_at(r, l->input + 1, n, ci, iy, ix)] +=
								w->q[(co * l->in.channels + ci) * kh * kw + tap] *
								own(r, t, ref_qnet_at(r, t, n, co, oy, ox));
						}
	to->fl = own_fl(r, t) + w->fl;
	to->bound = l->out.channels * windows(l) * ref_power(w->bits - 1) * ref_power(r->error[t].bits - 1);
}

static void through_windows(const struct ref_qnet *r, int t, struct contribution *to)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	const int64_t *x = r->out[l->input + 1].q;
	int64_t taps = l->kernel[0] * l->kernel[1], factor;
	int lg = ref_qnet_lg(taps);
	bool power = ref_power(lg) == taps, max = l->kind == QMAC_LAYER_MAX_POOL;

	for (int64_t n = 0; n < r->samples; n++)
		for (int64_t c = 0; c < l->out.channels; c++)
			for (int64_t oy = 0; oy < l->out.height; oy++)
				for (int64_t ox = 0; ox < l->out.width; ox++) {
					int64_t from = ref_qnet_at(r, t, n, c, oy, ox), best = -1;

					for (int64_t tap = 0; tap < taps; tap++) {
						int64_t at = ref_qnet_at(r, l->input + 1, n, c,
						                         oy * l->stride + tap / l->kernel[1],
						                         ox * l->stride + tap % l->kernel[1]);

						if (!max)
							to->c[at] += own(r, t, from);
						else if (best < 0 || x[at] > x[best])
							best = at;
					}
					if (max)
						to->c[best] += own(r, t, from);
				}
	to->fl = own_fl(r, t);
	to->bound = windows(l) * own_bound(r, t);
	if (max)
		return;
	to->fl += lg;
	if (power)
		return;
	factor = (int64_t)ref_floor_div(2 * ref_power(lg + 16) + taps, 2 * (ref_int)taps);
	for (int64_t i = 0; i < elements(r, l->input + 1); i++)
		to->c[i] = ref_qnet_round(to->c[i] * factor, 16, QMAC_ROUND_NEAREST, 0);
	to->bound *= 2;
}

static void through_curve(const struct ref_qnet *r, int t, bool only, struct contribution *to)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	int f = r->out[t].fl, ff = f < 15 ? f : 15, d_fl = 2 * ff < 16 ? 2 * ff : 16;

	for (int64_t i = 0; i < elements(r, t); i++) {
		ref_int y = ref_qnet_round(r->out[t].q[i], f - ff, QMAC_ROUND_NEAREST, 0);
		ref_int d = (l->kind == QMAC_LAYER_TANH ? ref_power(2 * ff) : y * ref_power(ff)) - y * y;

		d = ref_qnet_round(d, 2 * ff - d_fl, QMAC_ROUND_NEAREST, 0);
		to->c[i] = own(r, t, i) * d;
		if (!only)
			to->c[i] = ref_qnet_round(to->c[i], d_fl, QMAC_ROUND_NEAREST, 0);
	}
	to->fl = own_fl(r, t) + (only ? d_fl : 0);
	to->bound = own_bound(r, t) * ref_power(only ? d_fl : 0);
}

/* x: the tensor that batch norm t reads. */
static void through_norm(const struct ref_qnet *r, int t, int x, struct contribution *to)
{
	int error = ref_qnet_error_tensor(r, t);

	for (int64_t n = 0; n < r->samples; n++)
		for (int64_t i = 0; i < qmac_shape_count(layer_of(r, t)->out); i++)
			to->c[ref_qnet_at_number(r, x, n, i)] = ref_qnet_norm_gives(r, t, n, i);
	to->fl = r->error[error].fl + r->norm[t].u;
	to->bound = ref_power(r->error[error].bits + 16) + ref_power(r->out[x].bits + 16) + ref_power(31);
}

/* Of reader t to the tensor that it reads first or, `second`, the other input of an add. */
static void contribute(const struct ref_qnet *r, int t, bool second, bool only, struct contribution *to)
{
	const struct qmac_net_layer *l = layer_of(r, t);

	to->fl = own_fl(r, t);
	to->bound = own_bound(r, t);
	switch (l->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		through_weights(r, t, to);
		break;
	case QMAC_LAYER_MAX_POOL:
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		through_windows(r, t, to);
		break;
	case QMAC_LAYER_TANH:
	case QMAC_LAYER_SIGMOID:
		through_curve(r, t, only, to);
		break;
	case QMAC_LAYER_RELU:
		for (int64_t i = 0; i < elements(r, t); i++)
			to->c[i] = r->out[t].q[i] > 0 ? own(r, t, i) : 0;
		break;
	case QMAC_LAYER_BATCH_NORM:
		through_norm(r, t, l->input + 1, to);
		break;
	case QMAC_LAYER_ADD:
		for (int64_t n = 0; n < r->samples; n++)
			for (int64_t i = 0; i < qmac_shape_count(l->out); i++)
				to->c[ref_qnet_at_number(r, (second ? l->other : l->input) + 1, n, i)] =
					own(r, t, ref_qnet_at_number(r, t, n, i));
		break;
	default: /* bias, flatten */
		for (int64_t i = 0; i < elements(r, t); i++)
			to->c[i] = own(r, t, i);
	}
}

/* ---- their sum ------------------------------------------------------------------------ */

static void add_up(struct ref_qnet *r, int t, const struct contribution *c, int count)
{
	int highest = c[0].fl, fits = INT32_MAX;

	for (int i = 0; i < count; i++) {
		int most = c[i].fl + 30 - ref_qnet_lg(c[i].bound) - ref_qnet_lg(count);

		highest = c[i].fl > highest ? c[i].fl : highest;
		fits = most < fits ? most : fits;
	}
	r->g_fl[t] = count == 1 ? c[0].fl : highest < fits ? highest : fits;
	r->bound[t] = count == 1 ? c[0].bound : ref_power(30);
	for (int64_t e = 0; e < elements(r, t); e++) {
		r->g[t][e] = 0;
		for (int i = 0; i < count; i++) {
			int up = r->g_fl[t] - c[i].fl;

			if (count == 1)
				r->g[t][e] = c[0].c[e];
			else if (up >= 0)
				r->g[t][e] += c[i].c[e] * ref_power(up);
			else
				/* below 2^62, so that more than 63 places give 0, too */
				r->g[t][e] += ref_qnet_round(c[i].c[e], -up < 63 ? -up : 63, QMAC_ROUND_NEAREST, 0);
		}
	}
}

static void sum_readers(struct ref_qnet *r, int t)
{
	int readers = qmac_net_readers(r->net, t - 1), count = 0;
	struct contribution *c = ref_qnet_room(readers, sizeof *c);

	for (int k = t + 1; k <= r->net->layer_count; k++)
		for (int second = 0; second < 2; second++) {
			const struct qmac_net_layer *l = layer_of(r, k);

			if (second ? l->kind != QMAC_LAYER_ADD || l->other != t - 1 : l->input != t - 1)
				continue;
			c[count].c = ref_qnet_room(elements(r, t), sizeof(ref_int));
			contribute(r, k, second, readers == 1, &c[count++]);
		}
	assert(count == readers);
	add_up(r, t, c, count);
	for (int i = 0; i < count; i++)
		free(c[i].c);
	free(c);
}

/* ---- errors ----------------------------------------------------------------------------- */

/* Its only reader is a batch norm. */
static bool is_normed(const struct ref_qnet *r, int t)
{
	bool normed = false;

	for (int k = t + 1; k <= r->net->layer_count; k++)
		normed |= layer_of(r, k)->kind == QMAC_LAYER_BATCH_NORM && layer_of(r, k)->input == t - 1;
	return normed && qmac_net_readers(r->net, t - 1) == 1;
}

static bool is_masked(const struct ref_qnet *r, int t, int64_t element)
{
	enum qmac_layer_kind kind = layer_of(r, t)->kind;
	int64_t q = r->out[t].q[element];
	bool has_mask = kind == QMAC_LAYER_CONV || kind == QMAC_LAYER_LINEAR || kind == QMAC_LAYER_BIAS ||
	                kind == QMAC_LAYER_BATCH_NORM || kind == QMAC_LAYER_ADD;

	return r->clip && has_mask && !is_normed(r, t) && (q == -(int64_t)ref_power(r->out[t].bits - 1) ||
	                               q == (int64_t)ref_power(r->out[t].bits - 1) - 1);
}

/* t of the page, of all min(|y|, 2^31). */
static int top_of(const struct ref_qnet *r, int t, int fl, bool floors)
{
	int top = -1;

	for (int64_t i = 0; i < elements(r, t); i++) {
		ref_int y = floors ? ref_qnet_round(r->g[t][i], r->g_fl[t] - fl, QMAC_ROUND_FLOOR, 0)
		                   : ref_qnet_rescale(r, t, 1, i, r->g[t][i], r->g_fl[t], fl);

		top = ref_qnet_top(top, y);
	}
	return top;
}

static int current_scale(const struct ref_qnet *r, int t)
{
	int k = ref_qnet_shift(r->bound[t]);

	return r->g_fl[t] - k + r->error[t].bits - 2 - top_of(r, t, r->g_fl[t] - k, true);
}

static void quantise_error(struct ref_qnet *r, int t)
{
	struct ref_qtensor *error = &r->error[t];
	int e;

	if (r->scale == REF_SCALE_DELAY && r->begun)
		e = r->given[t] + error->bits - 3 - r->given_top[t];
	else if (r->scale == REF_SCALE_FIXED && r->begun)
		e = r->given[t];
	else
		e = current_scale(r, t) - (r->scale == REF_SCALE_FIXED);
	if (r->scale == REF_SCALE_FIXED)
		r->given[t] = e;
	e = e > r->g_fl[t] ? r->g_fl[t] : e < r->g_fl[t] - 63 ? r->g_fl[t] - 63 : e;
	error->fl = e;
	r->top[t] = top_of(r, t, e, false);
	for (int64_t i = 0; i < elements(r, t); i++)
		error->q[i] = ref_clamp(ref_qnet_rescale(r, t, 1, i, r->g[t][i], r->g_fl[t], e), error->bits,
		                        &r->error_saturations[t]);
	if (r->scale == REF_SCALE_DELAY)
		r->given[t] = e;
	r->given_top[t] = r->top[t];
}

/* Of the real numbers of the loss. */
static void quantise_last(struct ref_qnet *r, const double *residual)
{
	int t = r->net->layer_count, e = 0;
	struct ref_qtensor *error = &r->error[t];
	double most = 0;

	for (int64_t i = 0; i < elements(r, t); i++)
		most = fabs(residual[i]) > most ? fabs(residual[i]) : most;
	if (most > 0) {
		double limit = (double)ref_power(error->bits - 1) - 1;

		e = 1100;
		while (ldexp(most, e) > limit)
			e--;
	}
	if (r->scale == REF_SCALE_FIXED)
		e = r->begun ? r->given[t] : e - 1;
	r->given[t] = e;
	error->fl = e;
	for (int64_t n = 0; n < r->samples; n++)
		for (int64_t c = 0; c < layer_of(r, t)->out.channels; c++) {
			int64_t i = ref_qnet_at(r, t, n, c, 0, 0);
			uint32_t random = r->error_rounding == QMAC_ROUND_STOCHASTIC ? ref_qnet_random(r, t, 1, i) : 0;
			double x = residual[n * layer_of(r, t)->out.channels + c];

			error->q[i] = ref_format_code(error->bits, e, r->error_rounding, random, x,
			                              &r->error_saturations[t]);
			if (is_masked(r, t, i))
				error->q[i] = 0;
		}
}

/* ---- weights ------------------------------------------------------------------------------ */

static void weight_sums(struct ref_qnet *r, int t)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	const struct ref_qtensor *x = &r->out[l->input + 1], *e = &r->error[t];
	int64_t kh = l->kind == QMAC_LAYER_CONV ? l->kernel[0] : 1;
	int64_t kw = l->kind == QMAC_LAYER_CONV ? l->kernel[1] : 1;

	for (int64_t i = 0; i < r->net->parameters[l->weight].count; i++) {
		int64_t kx = i % kw, ky = i / kw % kh, ci = i / kw / kh % l->in.channels;
		int64_t co = i / kw / kh / l->in.channels;
		ref_int sum = 0;

		for (int64_t n = 0; n < r->samples; n++)
			for (int64_t oy = 0; oy < l->out.height; oy++)
				for (int64_t ox = 0; ox < l->out.width; ox++) {
					int64_t iy = oy * l->stride + ky - l->pad, ix = ox * l->stride + kx - l->pad;

					if (iy >= 0 && iy < l->in.height && ix >= 0 && ix < l->in.width)
						sum += (ref_int)x->q[ref_qnet_at(r, l->input + 1, n, ci, iy, ix)] *
						       e->q[ref_qnet_at(r, t, n, co, oy, ox)];
				}
		r->parameter[l->weight].sum[i] = (int64_t)sum;
	}
	r->parameter[l->weight].sum_fl = x->fl + e->fl;
}

static void bias_sums(struct ref_qnet *r, int t)
{
	const struct qmac_net_layer *l = layer_of(r, t);

	for (int64_t co = 0; co < l->out.channels; co++) {
		int64_t sum = 0;

		for (int64_t n = 0; n < r->samples; n++)
			for (int64_t i = 0; i < l->out.height * l->out.width; i++)
				sum += r->error[t].q[ref_qnet_at(r, t, n, co, i / l->out.width, i % l->out.width)];
		r->parameter[l->bias].sum[co] = sum;
	}
	r->parameter[l->bias].sum_fl = r->error[t].fl;
}

/* The gradient of a tensor that is not the last one, and its error. */
static void back_to(struct ref_qnet *r, int t)
{
	sum_readers(r, t);
	for (int64_t i = 0; i < elements(r, t); i++)
		if (is_masked(r, t, i))
			r->g[t][i] = 0;
	if (r->error[t].q)
		quantise_error(r, t);
}

void ref_qnet_backward(struct ref_qnet *r, const double *residual)
{
	int last = r->net->layer_count;

	for (int t = last; t > 0; t--) {
		enum qmac_layer_kind kind = layer_of(r, t)->kind;
		bool narrow = t == last || kind == QMAC_LAYER_CONV || kind == QMAC_LAYER_LINEAR;

		r->error[t].bits = narrow ? r->err_bits : r->dy_bits;
		r->error_saturations[t] = 0;
		if (t == last)
			quantise_last(r, residual);
		else if (r->out[t].q)
			back_to(r, t);
		if (kind == QMAC_LAYER_BATCH_NORM)
			ref_qnet_norm_back(r, t);
	}
	for (int t = 1; t <= last; t++) {
		if (layer_of(r, t)->kind == QMAC_LAYER_BATCH_NORM)
			continue;
		if (layer_of(r, t)->weight != QMAC_NET_NONE)
			weight_sums(r, t);
		if (layer_of(r, t)->bias != QMAC_NET_NONE)
			bias_sums(r, t);
	}
	r->begun = true;
}
