#include <math.h>
#include <stdlib.h>

#include "qmac_isa.h"
#include "ref_qnet.h"

/* Numbers that become codes of so many bits, value 2^(n + up), for an n that all of them share. */
struct coefficients {
	const double *value;
	int up, bits;
};

void ref_qnorm_create(struct ref_qnorm *norm, int64_t channels)
{
	*norm = (struct ref_qnorm){.channels = channels};
	norm->mean = ref_qnet_room(3 * channels, sizeof *norm->mean);
	norm->slope = ref_qnet_room(5 * channels, sizeof *norm->slope);
	norm->variance = norm->mean + channels;
	norm->inverse = norm->variance + channels;
	norm->offset = norm->slope + channels;
	norm->back_e = norm->offset + channels;
	norm->back_x = norm->back_e + channels;
	norm->back_1 = norm->back_x + channels;
}

void ref_qnorm_destroy(struct ref_qnorm *norm)
{
	free(norm->mean);
	free(norm->slope);
}

/* Numbers that are not finite have the code 0, whatever n is. */
static bool all_fit(const struct coefficients *c, int kinds, int64_t channels, int n)
{
	for (int k = 0; k < kinds; k++)
		for (int64_t i = 0; i < channels; i++)
			if (isfinite(c[k].value[i]) &&
			    fabs(ldexp(c[k].value[i], n + c[k].up)) > (double)ref_power(c[k].bits - 1) - 1)
				return false;
	return true;
}

/* The largest n with which all fit, from `most` down; not below `least`. */
static int largest_fit(const struct coefficients *c, int kinds, int64_t channels, int most, int least)
{
	int n = most;

	while (n > least && !all_fit(c, kinds, channels, n))
		n--;
	return n > least ? n : least;
}

static int64_t code(const struct coefficients *c, int64_t i, int n, uint64_t *saturations)
{
	double x = isfinite(c->value[i]) ? rint(ldexp(c->value[i], n + c->up)) : 0, wide = ldexp(1, 100);

	return ref_clamp((ref_int)(x > wide ? wide : x < -wide ? -wide : x), c->bits, saturations);
}

void ref_qnorm_forward(struct ref_qnorm *norm, const double *gamma, const double *beta, int fx, int f,
                       const int *other_fl)
{
	double floor = ldexp(1, -2 * fx) / 12, *a = ref_qnet_room(2 * norm->channels, sizeof *a);
	double *b = a + norm->channels;
	const struct coefficients c[] = {{a, 0, 18}, {b, fx, 32}};
	int most = 24, least = f - fx;

	floor = floor > QMAC_BATCH_NORM_EPSILON ? floor : QMAC_BATCH_NORM_EPSILON;
	for (int64_t i = 0; i < norm->channels; i++) {
		norm->inverse[i] = 1 / sqrt(norm->variance[i] + floor);
		a[i] = gamma[i] * norm->inverse[i];
		b[i] = beta[i] - norm->mean[i] * a[i];
	}
	if (other_fl) {
		most = *other_fl + 16 - fx < most ? *other_fl + 16 - fx : most;
		least = *other_fl - fx > least ? *other_fl - fx : least;
	}
	norm->t = largest_fit(c, 2, norm->channels, most, least);
	for (int64_t i = 0; i < norm->channels; i++) {
		norm->slope[i] = code(&c[0], i, norm->t, &norm->saturations);
		norm->offset[i] = code(&c[1], i, norm->t, &norm->saturations);
	}
	free(a);
}

void ref_qnorm_back(struct ref_qnorm *norm, const struct ref_qnorm_errors *errors, const double *gamma,
                    double *dgamma, double *dbeta)
{
	int64_t channels = norm->channels;
	double n = (double)errors->n, *a = ref_qnet_room(3 * channels, sizeof *a);
	double *b = a + channels, *c1 = b + channels;
	const struct coefficients c[] = {
		{a, 0, 18}, {b, errors->fl - errors->fx, 18}, {c1, errors->fl, 32},
	};
	uint64_t none = 0;

	for (int64_t i = 0; i < channels; i++) {
		double d = ldexp((double)errors->sum[i], -errors->fl), m = norm->mean[i];
		double q = ldexp((double)errors->sum_x[i], -(errors->fl + errors->fx));

		dbeta[i] = d;
		dgamma[i] = norm->inverse[i] * (q - m * d);
		a[i] = gamma[i] * norm->inverse[i];
		b[i] = -a[i] * norm->inverse[i] * dgamma[i] / n;
		c1[i] = -a[i] * d / n - b[i] * m;
	}
	/* no finite number is above 2^1024 */
	norm->u = largest_fit(c, 3, channels, 24, -3000);
	for (int64_t i = 0; i < channels; i++) {
		norm->back_e[i] = code(&c[0], i, norm->u, &none);
		norm->back_x[i] = code(&c[1], i, norm->u, &none);
		norm->back_1[i] = code(&c[2], i, norm->u, &none);
	}
	free(a);
}

/* ---- in a network --------------------------------------------------------------------- */

int ref_qnet_merged_into(const struct qmac_net *net, int l)
{
	if (l < 0 || net->layers[l].kind != QMAC_LAYER_BATCH_NORM || qmac_net_readers(net, l) != 1)
		return QMAC_NET_NONE;
	for (int k = l + 1; k < net->layer_count; k++) {
		const struct qmac_net_layer *add = &net->layers[k];

		if (add->kind != QMAC_LAYER_ADD)
			continue;
		if (add->input == l || (add->other == l && ref_qnet_merged_into(net, add->input) != k))
			return k;
	}
	return QMAC_NET_NONE;
}

/* Exact sums over a channel, of a, and of a b[place in b's tensor]; b may be a. */
static void sum_channel(const struct ref_qnet *r, int64_t c, int a_tensor, const int64_t *a, int b_tensor,
                        const int64_t *b, int64_t sums[2])
{
	struct qmac_shape shape = qmac_net_shape(r->net, a_tensor - 1);
	int64_t pixels = shape.height * shape.width;

	sums[0] = sums[1] = 0;
	for (int64_t n = 0; n < r->samples; n++)
		for (int64_t i = c * pixels; i < (c + 1) * pixels; i++) {
			int64_t v = a[ref_qnet_at_number(r, a_tensor, n, i)];

			sums[0] += v;
			sums[1] += v * b[ref_qnet_at_number(r, b_tensor, n, i)];
		}
}

/* Elements of a channel. */
static int64_t elements(const struct ref_qnet *r, int t)
{
	struct qmac_shape shape = qmac_net_shape(r->net, t - 1);

	return r->samples * shape.height * shape.width;
}

static void statistics(struct ref_qnet *r, int t)
{
	int from = r->net->layers[t - 1].input + 1, fx = r->out[from].fl;
	struct ref_qnorm *norm = &r->norm[t];
	double n = (double)elements(r, t);

	for (int64_t c = 0; c < norm->channels; c++) {
		int64_t s[2];
		double mean, variance;

		sum_channel(r, c, from, r->out[from].q, from, r->out[from].q, s);
		mean = (double)s[0] / n;
		variance = (double)s[1] / n - mean * mean;
		norm->mean[c] = ldexp(mean, -fx);
		norm->variance[c] = variance > 0 ? ldexp(variance, -2 * fx) : 0;
	}
}

void ref_qnet_norm_forward(struct ref_qnet *r, int t, int to, const int *other_fl)
{
	const struct qmac_net_layer *l = &r->net->layers[t - 1];

	if (!r->evaluation)
		statistics(r, t);
	r->norm[t].saturations = 0;
	ref_qnorm_forward(&r->norm[t], r->parameter[l->weight].real, r->parameter[l->bias].real,
	                  r->out[l->input + 1].fl, r->out[to].fl, other_fl);
}

int ref_qnet_error_tensor(const struct ref_qnet *r, int t)
{
	int add = ref_qnet_merged_into(r->net, t - 1);

	return add == QMAC_NET_NONE ? t : add + 1;
}

void ref_qnet_norm_back(struct ref_qnet *r, int t)
{
	const struct qmac_net_layer *l = &r->net->layers[t - 1];
	int at = ref_qnet_error_tensor(r, t), from = l->input + 1;
	const struct ref_qtensor *error = &r->error[at], *x = &r->out[from];
	struct ref_qnorm *norm = &r->norm[t];
	int64_t *sums = ref_qnet_room(2 * norm->channels, sizeof *sums);
	struct ref_qnorm_errors errors = {elements(r, t), sums, sums + norm->channels, error->fl, x->fl};

	for (int64_t c = 0; c < norm->channels; c++) {
		int64_t s[2];

		sum_channel(r, c, at, error->q, from, x->q, s);
		sums[c] = s[0];
		sums[norm->channels + c] = s[1];
	}
	ref_qnorm_back(norm, &errors, r->parameter[l->weight].real, r->parameter[l->weight].gradient,
	               r->parameter[l->bias].gradient);
	free(sums);
}

ref_int ref_qnet_norm_gives(const struct ref_qnet *r, int t, int64_t n, int64_t number)
{
	struct qmac_shape shape = qmac_net_shape(r->net, t - 1);
	int64_t c = number / (shape.height * shape.width);
	int at = ref_qnet_error_tensor(r, t), from = r->net->layers[t - 1].input + 1;
	const struct ref_qnorm *norm = &r->norm[t];

	return (ref_int)r->error[at].q[ref_qnet_at_number(r, at, n, number)] * norm->back_e[c] +
	       (ref_int)r->out[from].q[ref_qnet_at_number(r, from, n, number)] * norm->back_x[c] +
	       norm->back_1[c];
}
