#include "train/net_update.h"

#include <math.h>
#include <stdlib.h>

#include "net/values.h"
#include "policy/gradient.h"

enum qmac_status qmac_net_update_create(struct qmac_net_update *update, const struct qmac_run *run,
                                        const struct qmac_net *net, struct qmac_error *err)
{
	int64_t count = qmac_net_parameter_at(net, net->parameter_count);

	*update = (struct qmac_net_update){
		.run = run, .net = net, .velocity = calloc((size_t)count + 1, sizeof update->velocity[0]),
	};
	return update->velocity ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights",
	                                              (long long)count);
}

void qmac_net_update_free(struct qmac_net_update *update)
{
	free(update->velocity);
	update->velocity = NULL;
}

static void scale(float *v, int64_t count, float factor)
{
	for (int64_t i = 0; i < count; i++)
		v[i] *= factor;
}

static void add_signs(float *g, const float *w, int64_t count, float l1)
{
	for (int64_t i = 0; i < count; i++)
		g[i] += w[i] > 0 ? l1 : w[i] < 0 ? -l1 : 0;
}

double qmac_net_update_step(struct qmac_net_update *update, float *gradient, double rate, float *weights)
{
	const struct qmac_run *run = update->run;
	const float l2 = (float)run->l2, momentum = (float)run->momentum, step = (float)rate;
	double square = 0;

	for (int p = 0; p < update->net->parameter_count; p++) {
		int64_t at = qmac_net_parameter_at(update->net, p), count = update->net->parameters[p].count;
		float *g = gradient + at, *v = update->velocity + at, *w = weights + at;

		if (run->accumulate > 1)
			scale(g, count, 1 / (float)run->accumulate);
		square += qmac_square(g, count);
		if (run->l1 > 0)
			add_signs(g, w, count, (float)run->l1);
		if (run->normalise)
			(void)qmac_normalise(g, count);
		for (int64_t i = 0; i < count; i++) {
			v[i] = momentum * v[i] + (g[i] + l2 * w[i]);
			w[i] -= step * v[i];
		}
	}
	return sqrt(square);
}

/* Of each weight 6 of the step, and what is asked for. */
uint64_t qmac_net_update_flops(const struct qmac_run *run, int64_t weight_count)
{
	int each = 6 + QMAC_SQUARE_FLOPS + (run->normalise ? QMAC_NORMALISE_FLOPS : 0) + (run->l1 > 0) +
	           (run->accumulate > 1);

	return (uint64_t)weight_count * (uint64_t)each;
}

void qmac_net_update_state(struct qmac_net_update *update, struct qmac_state *state)
{
	int64_t count = qmac_net_parameter_at(update->net, update->net->parameter_count);

	qmac_state_add(state, "velocity", update->velocity, (size_t)count * sizeof update->velocity[0]);
}
