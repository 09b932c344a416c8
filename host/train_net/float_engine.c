/* The engine in float32 on the host. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "float/matrix.h"
#include "float/network.h"
#include "process/stop.h"
#include "train_net/engine.h"

struct engine {
	struct qmac_net_engine base;
	struct qmac_net_training *training;
	struct qmac_float_network *network;
	float *x;        /* a minibatch */
	float *gradient; /* so far */
	int64_t images;  /* of the last forward pass */
};

static enum qmac_status create_records(struct qmac_net_training *training, struct qmac_error *err)
{
	const struct qmac_net *net = &training->net;
	enum qmac_status status;

	if (training->records.layers) /* of an engine that this one follows */
		return QMAC_OK;
	status = qmac_records_create(&training->records, net->layer_count, err);
	for (int l = 0; !status && l < net->layer_count; l++) {
		training->records.layer[l].delta = (double)NAN;
		strcpy(training->records.layer[l].name, net->layers[l].name);
	}
	return status;
}

static void destroy(struct qmac_net_engine *base)
{
	struct engine *engine = (struct engine *)base;

	qmac_float_network_destroy(engine->network);
	free(engine->x);
	free(engine->gradient);
	free(engine);
}

static enum qmac_status create(struct qmac_net_training *training, const struct qmac_hw *hw,
                               const struct qmac_train_observer *observer, struct qmac_net_engine **made,
                               struct qmac_error *err)
{
	struct engine *engine = calloc(1, sizeof *engine);
	int64_t batch = training->run->batch;
	enum qmac_status status;

	(void)hw;
	(void)observer;
	if (!engine)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	engine->base.operations = &qmac_net_float_engine;
	engine->training = training;
	engine->x = calloc((size_t)batch, (size_t)qmac_shape_count(training->net.input) * sizeof engine->x[0]);
	engine->gradient = calloc((size_t)training->weight_count + 1, sizeof engine->gradient[0]);
	status = engine->x && engine->gradient ? create_records(training, err) :
	         qmac_fail(err, QMAC_INTERNAL, "out of memory for minibatches of %lld", (long long)batch);
	if (!status)
		status = qmac_float_network_create(&training->net, batch, training->run->threads, &engine->network,
		                                   err);
	if (status)
		destroy(&engine->base);
	else
		*made = &engine->base;
	return status;
}

static enum qmac_status load(struct qmac_net_engine *base, struct qmac_error *err)
{
	(void)base; /* the masters are the weights */
	(void)err;
	return QMAC_OK;
}

static enum qmac_status forward(struct qmac_net_engine *base, const struct qmac_image_batch *batch,
                                enum qmac_net_purpose purpose, float *logits, struct qmac_error *err)
{
	struct engine *engine = (struct engine *)base;
	struct qmac_net_training *training = engine->training;
	bool trains = purpose == QMAC_NET_TRAIN;

	qmac_images_values(&training->images, batch, engine->x);
	engine->images = batch->count;
	if (!qmac_float_network_forward(engine->network, training->weights, training->statistics, engine->x,
	                                batch->count, trains, logits))
		return qmac_stop_give_up(err);
	if (trains)
		training->host_flops += (uint64_t)batch->count * qmac_float_network_forward_flops(&training->net);
	return QMAC_OK;
}

static enum qmac_status backward(struct qmac_net_engine *base, const float *residual, struct qmac_error *err)
{
	struct engine *engine = (struct engine *)base;
	struct qmac_net_training *training = engine->training;

	if (!qmac_float_network_backward(engine->network, training->weights, residual, engine->gradient))
		return qmac_stop_give_up(err);
	training->host_flops += (uint64_t)engine->images * qmac_float_network_backward_flops(&training->net);
	return QMAC_OK;
}

static enum qmac_status take_gradient(struct qmac_net_engine *base, float *gradient, struct qmac_error *err)
{
	struct engine *engine = (struct engine *)base;
	size_t bytes = (size_t)engine->training->weight_count * sizeof gradient[0];

	(void)err;
	memcpy(gradient, engine->gradient, bytes);
	memset(engine->gradient, 0, bytes);
	return QMAC_OK;
}

static void cost(struct qmac_net_engine *base, struct qmac_metrics *metrics)
{
	(void)base; /* there is no device */
	(void)metrics;
}

static void state(struct qmac_net_engine *base, struct qmac_state *pieces)
{
	(void)base; /* masters and statistics are the training's */
	(void)pieces;
}

static void reset(struct qmac_net_engine *base)
{
	(void)base;
}

static enum qmac_status resume(struct qmac_net_engine *base, struct qmac_error *err)
{
	(void)base;
	(void)err;
	return QMAC_OK;
}

static const char *kernel(const struct qmac_net_engine *base)
{
	(void)base;
	return qmac_float_product_kernel();
}

const struct qmac_net_engine_operations qmac_net_float_engine = {
	.create = create, .destroy = destroy, .load = load, .forward = forward, .backward = backward,
	.gradient = take_gradient, .cost = cost, .state = state, .reset = reset, .resume = resume,
	.kernel = kernel,
};
