/*
 * Batch norms for the engine of networks on the device (docs/network-numerics.md, "Batch norm"): the device
 * adds up, the host makes statistics and coefficients of the sums (net/norm.h), and the device goes on with
 * these.
 */
#include <stdlib.h>
#include <string.h>

#include "config/layer_formats.h"
#include "net/values.h"
#include "train_net/device_engine.h"

/*
 * Operations of the host for a channel of a minibatch, roots and quotients as others: statistics 7, those
 * that run 6, i 4, A and B 3, coefficients 4; back dgamma 4, a, b and c' 12, coefficients 7.
 */
enum { FORWARD_FLOPS = 24, BACK_FLOPS = 23 };

static bool is_norm(const struct qmac_net *net, int layer)
{
	return net->layers[layer].kind == QMAC_LAYER_BATCH_NORM;
}

/* Where the channels of a batch norm begin among those of all. */
static int64_t channels_at(const struct qmac_net *net, int layer)
{
	return qmac_net_statistics_at(net, layer) / 2;
}

enum qmac_status qmac_net_device_norms_create(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	const struct qmac_net *net = &training->net;
	struct qmac_net_device_norms *norms = &engine->norms;
	size_t all = (size_t)channels_at(net, net->layer_count), most = 0;
	enum qmac_status status = qmac_bare_format_read(training->run->precision_statistics,
	                                                &norms->stored.bw, &norms->stored.fl, err);

	for (int l = 0; l < net->layer_count; l++)
		if (is_norm(net, l) && (size_t)net->layers[l].out.channels > most)
			most = (size_t)net->layers[l].out.channels;
	norms->count = (int64_t)all;
	norms->mean = calloc(all + 1, sizeof norms->mean[0]);
	norms->inverse = calloc(all + 1, sizeof norms->inverse[0]);
	norms->variance = calloc(most + 1, sizeof norms->variance[0]);
	norms->sums = calloc(2 * most + 1, sizeof norms->sums[0]);
	norms->coefficients = calloc(3 * most + 1, sizeof norms->coefficients[0]);
	norms->gradients = calloc(2 * most + 1, sizeof norms->gradients[0]);
	if (!norms->mean || !norms->inverse || !norms->variance || !norms->sums || !norms->coefficients ||
	    !norms->gradients)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for batch norms of %zu channels", all);
	return status;
}

void qmac_net_device_norms_free(struct qmac_net_device_engine *engine)
{
	free(engine->norms.mean);
	free(engine->norms.inverse);
	free(engine->norms.variance);
	free(engine->norms.sums);
	free(engine->norms.coefficients);
	free(engine->norms.gradients);
}

/* The layer as its arithmetic sees it. */
static struct qmac_net_norm norm_of(const struct qmac_net_device_engine *engine, int layer)
{
	const struct qmac_net_training *training = engine->training;
	const struct qmac_net_layer *of = &training->net.layers[layer];
	struct qmac_net_norm norm = qmac_net_norm_of(&engine->plan, layer);

	norm.gamma = training->weights + qmac_net_parameter_at(&training->net, of->weight);
	norm.beta = training->weights + qmac_net_parameter_at(&training->net, of->bias);
	return norm;
}

/* Submits the sums of a pass, waits for them, and reads them. */
static enum qmac_status take_sums(struct qmac_net_device_engine *engine, int layer, enum qmac_net_pass pass,
                                  int64_t channels, struct qmac_error *err)
{
	int64_t *sums = engine->norms.sums;
	enum qmac_status status = qmac_net_submit_norm_sums(&engine->plan, &engine->of, layer, pass, err);

	if (!status)
		status = qmac_driver_finish(engine->device.driver, err);
	return status ? status :
	       qmac_net_read_norm_sums(&engine->plan, layer, pass, sums, sums + channels, err);
}

enum qmac_status qmac_net_device_norm_measure(struct qmac_net_device_engine *engine, int layer,
                                              struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	const struct qmac_net *net = &training->net;
	struct qmac_net_device_norms *norms = &engine->norms;
	const struct qmac_net_norm norm = norm_of(engine, layer);
	double *mean = norms->mean + channels_at(net, layer);
	float *running = training->statistics + qmac_net_statistics_at(net, layer);
	enum qmac_status status = take_sums(engine, layer, QMAC_NET_PASS_FORWARD, norm.channels, err);

	if (status)
		return status;
	qmac_net_norm_statistics(&norm, norms->sums, norms->sums + norm.channels, mean, norms->variance);
	if (!training->estimated)
		qmac_net_norm_run(norm.channels, mean, norms->variance, running, running + norm.channels);
	qmac_net_norm_inverse(&norm, norms->variance, norms->inverse + channels_at(net, layer));
	training->host_flops += FORWARD_FLOPS * (uint64_t)norm.channels;
	return QMAC_OK;
}

int64_t qmac_net_device_norm_apply(struct qmac_net_device_engine *engine, int layer)
{
	struct qmac_net_device_norms *norms = &engine->norms;
	const struct qmac_net_norm norm = norm_of(engine, layer);
	int64_t at = channels_at(&engine->training->net, layer);
	int64_t clamps = qmac_net_norm_coefficients(&norm, norms->mean + at, norms->inverse + at,
	                                            norms->coefficients, &engine->of.sum_fl[layer]);

	qmac_net_put_norm(&engine->plan, layer, QMAC_NET_PASS_FORWARD, norms->coefficients);
	return clamps;
}

enum qmac_status qmac_net_device_norms_evaluate(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	const struct qmac_net *net = &training->net;
	struct qmac_net_device_norms *norms = &engine->norms;
	const struct qmac_format *format = norms->stored.bw ? &norms->stored : NULL;
	enum qmac_status status = QMAC_OK;

	for (int l = 0; !status && l < net->layer_count; l++) {
		const float *running = training->statistics + qmac_net_statistics_at(net, l);
		int64_t at = channels_at(net, l), channels = net->layers[l].out.channels;
		struct qmac_net_norm norm;

		if (!is_norm(net, l))
			continue;
		norm = norm_of(engine, l);
		status = qmac_net_norm_stored(channels, running, format, norms->mean + at, err);
		if (!status)
			status = qmac_net_norm_stored(channels, running + channels, format, norms->variance, err);
		if (status)
			break;
		qmac_net_norm_inverse(&norm, norms->variance, norms->inverse + at);
		(void)qmac_net_device_norm_apply(engine, l); /* saturations of an evaluation are not counted */
	}
	return status;
}

enum qmac_status qmac_net_device_norm_back(struct qmac_net_device_engine *engine, int layer,
                                           struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	const struct qmac_net *net = &training->net;
	struct qmac_net_device_norms *norms = &engine->norms;
	const struct qmac_net_norm norm = norm_of(engine, layer);
	int64_t at = channels_at(net, layer);
	double *gamma = engine->gradient + qmac_net_parameter_at(net, net->layers[layer].weight);
	double *beta = engine->gradient + qmac_net_parameter_at(net, net->layers[layer].bias);
	double *dgamma = norms->gradients, *dbeta = norms->gradients + norm.channels;
	int error_fl = engine->of.fl[qmac_net_flow_error_of(&engine->plan.flow, layer)];
	enum qmac_status status = take_sums(engine, layer, QMAC_NET_PASS_BACK, norm.channels, err);

	if (status)
		return status;
	qmac_net_norm_gradient(&norm, norms->mean + at, norms->inverse + at, norms->sums,
	                       norms->sums + norm.channels, error_fl, dgamma, dbeta, norms->coefficients,
	                       &engine->of.back_fl[layer]);
	qmac_net_put_norm(&engine->plan, layer, QMAC_NET_PASS_BACK, norms->coefficients);
	for (int64_t c = 0; c < norm.channels; c++) {
		gamma[c] += dgamma[c];
		beta[c] += dbeta[c];
	}
	training->host_flops += BACK_FLOPS * (uint64_t)norm.channels;
	return QMAC_OK;
}
