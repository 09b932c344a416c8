#include "ref_qnet.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "num/elementary.h"
#include "qmac_isa.h"

void *ref_qnet_room(int64_t count, size_t size)
{
	void *memory = calloc((size_t)(count > 0 ? count : 1), size);

	if (!memory)
		abort();
	return memory;
}

/* Elements keep their places behind these. */
static bool keeps_places(enum qmac_layer_kind kind)
{
	return kind == QMAC_LAYER_BIAS || kind == QMAC_LAYER_RELU || kind == QMAC_LAYER_TANH ||
	       kind == QMAC_LAYER_SIGMOID || kind == QMAC_LAYER_BATCH_NORM || kind == QMAC_LAYER_ADD ||
	       kind == QMAC_LAYER_FLATTEN;
}

bool ref_qnet_has_error(const struct qmac_net *net, int l)
{
	enum qmac_layer_kind kind = net->layers[l].kind;

	if (ref_qnet_merged_into(net, l) != QMAC_NET_NONE)
		return false;
	if (l == net->layer_count - 1 || kind == QMAC_LAYER_CONV || kind == QMAC_LAYER_LINEAR ||
	    kind == QMAC_LAYER_BIAS || kind == QMAC_LAYER_BATCH_NORM || kind == QMAC_LAYER_ADD)
		return true;
	for (int k = l + 1; k < net->layer_count; k++)
		if (net->layers[k].input == l &&
		    (net->layers[k].kind == QMAC_LAYER_TANH || net->layers[k].kind == QMAC_LAYER_SIGMOID))
			return true;
	return false;
}

static void create_tensor(struct ref_qnet *r, int t)
{
	struct qmac_shape shape = qmac_net_shape(r->net, t - 1);
	struct ref_qtensor *out = &r->out[t];
	int64_t count = r->samples * qmac_shape_count(shape);

	out->h = shape.height;
	out->w = shape.width;
	out->c = shape.channels;
	if (t > 0 && keeps_places(r->net->layers[t - 1].kind)) {
		out->h = r->out[r->net->layers[t - 1].input + 1].h;
		out->w = r->out[r->net->layers[t - 1].input + 1].w;
		out->c = r->out[r->net->layers[t - 1].input + 1].c;
	}
	r->error[t] = *out;
	if (ref_qnet_merged_into(r->net, t - 1) == QMAC_NET_NONE)
		out->q = ref_qnet_room(count, sizeof(int64_t));
	r->sum[t] = ref_qnet_room(count, sizeof(ref_int));
	r->g[t] = ref_qnet_room(count, sizeof(ref_int));
	if (t > 0 && ref_qnet_has_error(r->net, t - 1))
		r->error[t].q = ref_qnet_room(count, sizeof(int64_t));
	if (t > 0 && r->net->layers[t - 1].kind == QMAC_LAYER_BATCH_NORM)
		ref_qnorm_create(&r->norm[t], shape.channels);
}

void ref_qnet_create(struct ref_qnet *r, const struct qmac_net *net, int64_t samples)
{
	int tensors = net->layer_count + 1;

	*r = (struct ref_qnet){.net = net, .samples = samples, .activation_rounding = QMAC_ROUND_NEAREST,
	                       .error_rounding = QMAC_ROUND_NEAREST, .clip = true, .err_bits = 8, .dy_bits = 8};
	r->parameter = ref_qnet_room(net->parameter_count, sizeof *r->parameter);
	r->out = ref_qnet_room(tensors, sizeof *r->out);
	r->error = ref_qnet_room(tensors, sizeof *r->error);
	r->saturations = ref_qnet_room(tensors, sizeof *r->saturations);
	r->error_saturations = ref_qnet_room(tensors, sizeof *r->error_saturations);
	r->top = ref_qnet_room(tensors, sizeof *r->top);
	r->given = ref_qnet_room(tensors, sizeof *r->given);
	r->given_top = ref_qnet_room(tensors, sizeof *r->given_top);
	r->sum = ref_qnet_room(tensors, sizeof(ref_int *));
	r->sum_fl = ref_qnet_room(tensors, sizeof *r->sum_fl);
	r->g = ref_qnet_room(tensors, sizeof(ref_int *));
	r->bound = ref_qnet_room(tensors, sizeof *r->bound);
	r->g_fl = ref_qnet_room(tensors, sizeof *r->g_fl);
	r->norm = ref_qnet_room(tensors, sizeof *r->norm);
	for (int p = 0; p < net->parameter_count; p++) {
		r->parameter[p].q = ref_qnet_room(net->parameters[p].count, sizeof(int64_t));
		r->parameter[p].sum = ref_qnet_room(net->parameters[p].count, sizeof(int64_t));
		r->parameter[p].real = ref_qnet_room(net->parameters[p].count, sizeof(double));
		r->parameter[p].gradient = ref_qnet_room(net->parameters[p].count, sizeof(double));
	}
	for (int t = 0; t < tensors; t++)
		create_tensor(r, t);
}

void ref_qnet_destroy(struct ref_qnet *r)
{
	for (int p = 0; p < r->net->parameter_count; p++) {
		free(r->parameter[p].q);
		free(r->parameter[p].sum);
		free(r->parameter[p].real);
		free(r->parameter[p].gradient);
	}
	for (int t = 0; t <= r->net->layer_count; t++) {
		free(r->out[t].q);
		free(r->error[t].q);
		free(r->sum[t]);
		free(r->g[t]);
		ref_qnorm_destroy(&r->norm[t]);
	}
	free(r->norm);
	free(r->parameter);
	free(r->out);
	free(r->error);
	free(r->saturations);
	free(r->error_saturations);
	free(r->top);
	free(r->given);
	free(r->given_top);
	free(r->sum);
	free(r->sum_fl);
	free(r->g);
	free(r->bound);
	free(r->g_fl);
}

int64_t ref_qnet_at(const struct ref_qnet *r, int tensor, int64_t n, int64_t channel, int64_t y, int64_t x)
{
	struct qmac_shape shape = qmac_net_shape(r->net, tensor - 1);

	return ref_qnet_at_number(r, tensor, n, (channel * shape.height + y) * shape.width + x);
}

/* That order is one which flatten does not change. */
int64_t ref_qnet_at_number(const struct ref_qnet *r, int tensor, int64_t n, int64_t number)
{
	const struct ref_qtensor *t = &r->out[tensor];
	int64_t place_x = number % t->w, place_y = number / t->w % t->h, place_c = number / t->w / t->h;

	return ((n * t->h + place_y) * t->w + place_x) * t->c + place_c;
}

ref_int ref_qnet_round(ref_int x, int shift, unsigned mode, uint32_t random)
{
	ref_int whole = ref_power(shift), down = ref_floor_div(x, whole), rest = x - down * whole;

	assert(shift >= 0 && shift <= 63);
	if (mode == QMAC_ROUND_NEAREST)
		return down + (2 * rest > whole || (2 * rest == whole && down % 2 != 0));
	if (mode == QMAC_ROUND_STOCHASTIC)
		return down + (ref_floor_div(rest * ref_power(24), whole) + random >= ref_power(24));
	return down;
}

uint32_t ref_qnet_random(const struct ref_qnet *r, int tensor, int which, int64_t element)
{
	const struct ref_qtensor *t = &r->out[tensor];
	/* tensor = l + 1 */
	uint32_t key = ref_dither_key(r->run_seed, r->step, (uint32_t)(8 * tensor + which));

	/* element / c is (n H + y) W + x */
	return ref_dither(key, (uint32_t)(element / t->c), (uint32_t)(element % t->c));
}

ref_int ref_qnet_rescale(const struct ref_qnet *r, int tensor, int which, int64_t element, ref_int sum, int p,
                         int fl)
{
	unsigned mode = which ? r->error_rounding : r->activation_rounding;
	uint32_t random = mode == QMAC_ROUND_STOCHASTIC ? ref_qnet_random(r, tensor, which, element) : 0;
	int high = p > fl ? p : fl;

	return ref_qnet_round(sum * ref_power(high - p), high - fl, mode, random);
}

int ref_qnet_lg(ref_int v)
{
	int n = 0;

	while (ref_power(n) < v)
		n++;
	return n;
}

static int later(int a, int b)
{
	return a > b ? a : b;
}

int ref_qnet_top(int top, ref_int y)
{
	ref_int magnitude = y < 0 ? -y : y;

	while (top < 31 && magnitude >= ref_power(top + 1))
		top++;
	return top;
}

int ref_qnet_output_top(const struct ref_qnet *r, int t, int shift, bool relu)
{
	const struct ref_qtensor *out = &r->out[t];
	int top = -1, p = r->sum_fl[t], high = later(p, out->fl);

	for (int64_t i = 0; i < r->samples * out->h * out->w * out->c; i++) {
		ref_int sum = r->sum[t][i] * ref_power(high - p), y;

		y = shift < 0 ? ref_qnet_rescale(r, t, 0, i, r->sum[t][i], p, out->fl)
		              : ref_floor_div(sum, ref_power(shift));
		top = relu && y < 0 ? top : ref_qnet_top(top, y);
	}
	return top;
}

/* ---- forward -------------------------------------------------------------------- */

static const struct qmac_net_layer *layer_of(const struct ref_qnet *r, int tensor)
{
	return &r->net->layers[tensor - 1];
}

static void put(struct ref_qnet *r, int t, int64_t element, ref_int sum, int p)
{
	r->sum[t][element] = sum;
	r->sum_fl[t] = p;
	r->out[t].q[element] = ref_clamp(ref_qnet_rescale(r, t, 0, element, sum, p, r->out[t].fl),
	                                 r->out[t].bits, &r->saturations[t]);
}

/* A of conv and linear, which is a conv of one tap over one pixel. */
static ref_int weigh(const struct ref_qnet *r, int t, int64_t n, int64_t co, int64_t oy, int64_t ox)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	const int64_t *w = r->parameter[l->weight].q, *x = r->out[l->input + 1].q;
	int64_t kh = l->kind == QMAC_LAYER_CONV ? l->kernel[0] : 1;
	int64_t kw = l->kind == QMAC_LAYER_CONV ? l->kernel[1] : 1;
	ref_int sum = 0;

	for (int64_t ci = 0; ci < l->in.channels; ci++)
		for (int64_t ky = 0; ky < kh; ky++)
			for (int64_t kx = 0; kx < kw; kx++) {
				int64_t iy = oy * l->stride + ky - l->pad, ix = ox * l->stride + kx - l->pad;

				if (iy >= 0 && iy < l->in.height && ix >= 0 && ix < l->in.width)
					sum += (ref_int)w[((co * l->in.channels + ci) * kh + ky) * kw + kx] *
					       x[ref_qnet_at(r, l->input + 1, n, ci, iy, ix)];
			}
	return sum;
}

int64_t ref_qnet_pool_factor(int64_t k, int *m)
{
	int lg = ref_qnet_lg(k);

	*m = lg;
	if (ref_power(lg) == k)
		return 1;
	*m = lg + 16;
	return (int64_t)ref_floor_div(2 * ref_power(*m) + k, 2 * (ref_int)k);
}

static double function(enum qmac_layer_kind kind, double z)
{
	double e = qmac_exp(kind == QMAC_LAYER_TANH ? -2 * fabs(z) : -fabs(z)), a;

	if (kind == QMAC_LAYER_TANH) {
		a = (1 - e) / (1 + e);
		return z >= 0 ? a : -a;
	}
	return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* X of the page; *p = 15 + m. */
static ref_int look_up(enum qmac_layer_kind kind, const struct ref_qtensor *from, int64_t x, int *p)
{
	int range = kind == QMAC_LAYER_TANH ? 3 : 4;
	int bits = from->bits < from->fl + range + 1 ? from->bits : from->fl + range + 1;
	int i = bits < 2 ? 2 : bits, t = i < 10 ? i : 10, m = i - t;
	int64_t lowest = -(int64_t)ref_power(i - 1), u = x < lowest ? lowest : x >= -lowest ? -lowest - 1 : x;
	int64_t segment = (u - lowest) / (int64_t)ref_power(m), rest = (u - lowest) % (int64_t)ref_power(m);
	int64_t value[2];

	for (int j = 0; j < 2; j++) {
		double z = ldexp((double)(lowest + (segment + j) * (int64_t)ref_power(m)), -from->fl);
		double rounded = rint(ldexp(function(kind, z), 15));

		value[j] = rounded > 32767 ? 32767 : (int64_t)rounded;
	}
	*p = 15 + m;
	return value[0] * ref_power(m) + (ref_int)(value[1] - value[0]) * rest;
}

/* Of conv, linear and bias: the sum with its bias, and p. */
static ref_int with_bias(const struct ref_qnet *r, int t, ref_int sum, int fl, int64_t co, int *p)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	int q = later(fl, r->out[t].fl);

	if (l->bias != QMAC_NET_NONE) {
		const struct ref_qparameter *bias = &r->parameter[l->bias];

		q = later(q, bias->fl);
		sum = sum * ref_power(q - fl) + bias->q[co] * ref_power(q - bias->fl);
	} else {
		sum *= ref_power(q - fl);
	}
	*p = q;
	return sum;
}

static int64_t largest(const struct ref_qnet *r, int t, int64_t n, int64_t c, int64_t oy, int64_t ox)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	const int64_t *x = r->out[l->input + 1].q;
	int64_t best = INT64_MIN;

	for (int64_t ky = 0; ky < l->kernel[0]; ky++)
		for (int64_t kx = 0; kx < l->kernel[1]; kx++) {
			int64_t v = x[ref_qnet_at(r, l->input + 1, n, c, oy * l->stride + ky, ox * l->stride + kx)];

			best = v > best ? v : best;
		}
	return best;
}

static ref_int pooled(const struct ref_qnet *r, int t, int64_t n, int64_t c, int64_t oy, int64_t ox, int *p)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	const struct ref_qtensor *x = &r->out[l->input + 1];
	int m;
	int64_t factor = ref_qnet_pool_factor(l->kernel[0] * l->kernel[1], &m);
	ref_int sum = 0;

	for (int64_t ky = 0; ky < l->kernel[0]; ky++)
		for (int64_t kx = 0; kx < l->kernel[1]; kx++)
			sum += x->q[ref_qnet_at(r, l->input + 1, n, c, oy * l->stride + ky, ox * l->stride + kx)];
	*p = x->fl + m;
	return sum * factor;
}

static ref_int value_at(const struct ref_qnet *r, int t, int64_t n, int64_t c, int64_t y, int64_t x)
{
	return r->out[t].q[ref_qnet_at(r, t, n, c, y, x)];
}

int ref_qnet_merged_input(const struct ref_qnet *r, int t, int *other)
{
	const struct qmac_net_layer *l = layer_of(r, t);

	if (l->kind != QMAC_LAYER_ADD)
		return 0;
	*other = l->other + 1;
	if (ref_qnet_merged_into(r->net, l->input) == t - 1)
		return l->input + 1;
	*other = l->input + 1;
	return ref_qnet_merged_into(r->net, l->other) == t - 1 ? l->other + 1 : 0;
}

/* x mA + mB of batch norm t. */
static ref_int normed(const struct ref_qnet *r, int t, int64_t n, int64_t c, int64_t oy, int64_t ox, int *p)
{
	int from = layer_of(r, t)->input + 1;

	*p = r->out[from].fl + r->norm[t].t;
	return value_at(r, from, n, c, oy, ox) * r->norm[t].slope[c] + r->norm[t].offset[c];
}

static ref_int added(const struct ref_qnet *r, int t, int64_t n, int64_t c, int64_t oy, int64_t ox, int *p)
{
	int a = layer_of(r, t)->input + 1, b = layer_of(r, t)->other + 1, other;
	int norm = ref_qnet_merged_input(r, t, &other);

	if (norm) {
		ref_int sum = normed(r, norm, n, c, oy, ox, p);

		return sum + value_at(r, other, n, c, oy, ox) * ref_power(*p - r->out[other].fl);
	}
	*p = later(later(r->out[a].fl, r->out[b].fl), r->out[t].fl);
	return value_at(r, a, n, c, oy, ox) * ref_power(*p - r->out[a].fl) +
	       value_at(r, b, n, c, oy, ox) * ref_power(*p - r->out[b].fl);
}

/* Of a batch norm that is not merged, and of an add that one is merged into. */
static void prepare_norm(struct ref_qnet *r, int t)
{
	int other, norm = ref_qnet_merged_input(r, t, &other);

	if (norm)
		ref_qnet_norm_forward(r, norm, t, &r->out[other].fl);
	else if (layer_of(r, t)->kind == QMAC_LAYER_BATCH_NORM)
		ref_qnet_norm_forward(r, t, t, NULL);
}

static void forward_element(struct ref_qnet *r, int t, int64_t n, int64_t c, int64_t oy, int64_t ox)
{
	const struct qmac_net_layer *l = layer_of(r, t);
	const struct ref_qtensor *x = &r->out[l->input + 1];
	int64_t to = ref_qnet_at(r, t, n, c, oy, ox);
	int64_t same = qmac_shape_is(l->in, l->out) ? ref_qnet_at(r, l->input + 1, n, c, oy, ox) : 0;
	int p = 0;
	ref_int sum;

	switch (l->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		sum = weigh(r, t, n, c, oy, ox);
		sum = with_bias(r, t, sum, x->fl + r->parameter[l->weight].fl, c, &p);
		break;
	case QMAC_LAYER_BIAS:
		sum = with_bias(r, t, x->q[same], x->fl, c, &p);
		break;
	case QMAC_LAYER_BATCH_NORM:
		sum = normed(r, t, n, c, oy, ox, &p);
		break;
	case QMAC_LAYER_ADD:
		sum = added(r, t, n, c, oy, ox, &p);
		break;
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		sum = pooled(r, t, n, c, oy, ox, &p);
		break;
	case QMAC_LAYER_TANH:
	case QMAC_LAYER_SIGMOID:
		sum = look_up(l->kind, x, x->q[same], &p);
		break;
	case QMAC_LAYER_RELU:
		r->out[t].q[to] = x->q[same] > 0 ? x->q[same] : 0;
		return;
	case QMAC_LAYER_MAX_POOL:
		r->out[t].q[to] = largest(r, t, n, c, oy, ox);
		return;
	default: /* flatten: every element stays where it is */
		r->out[t].q[to] = x->q[to];
		return;
	}
	put(r, t, to, sum, p);
}

void ref_qnet_forward(struct ref_qnet *r, const double *input)
{
	struct ref_qtensor *in = &r->out[0];

	for (int t = 0; t <= r->net->layer_count; t++)
		r->saturations[t] = 0;
	for (int64_t i = 0; i < r->samples * in->h * in->w * in->c; i++) {
		uint32_t random = r->activation_rounding == QMAC_ROUND_STOCHASTIC ? ref_qnet_random(r, 0, 0, i) : 0;

		in->q[i] = ref_format_code(in->bits, in->fl, r->activation_rounding, random, input[i],
		                           &r->saturations[0]);
	}
	for (int t = 1; t <= r->net->layer_count; t++) {
		const struct qmac_net_layer *l = layer_of(r, t);

		if (l->kind == QMAC_LAYER_RELU || l->kind == QMAC_LAYER_MAX_POOL || l->kind == QMAC_LAYER_FLATTEN) {
			r->out[t].bits = r->out[l->input + 1].bits;
			r->out[t].fl = r->out[l->input + 1].fl;
		}
		if (!r->out[t].q)
			continue; /* the add that it is merged into makes it */
		prepare_norm(r, t);
		for (int64_t n = 0; n < r->samples; n++)
			for (int64_t c = 0; c < l->out.channels; c++)
				for (int64_t y = 0; y < l->out.height; y++)
					for (int64_t x = 0; x < l->out.width; x++)
						forward_element(r, t, n, c, y, x);
	}
}
