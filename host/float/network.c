#include "float/network.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "float/layers.h"
#include "net/values.h"
#include "process/blocks.h"

/*
 * Errors live from the first reader of an output that gives one back until the layer itself has used it.
 * Which of the buffers each has is settled when the network is created.
 */
struct qmac_float_network {
	const struct qmac_net *net;
	int64_t images_max, images;
	int threads;
	int64_t parameters;
	float *input;          /* C x N x H x W, as all that follow */
	float **output;        /* layer_count */
	int *error;            /* layer_count: which buffer its error has; -1: none */
	float **buffer;        /* of errors; at most layer_count */
	int64_t *buffer_size;  /* numbers of one image */
	int buffers;
	bool *wanted;          /* layer_count: the error of its output is of use to somebody */
	bool *begun;           /* layer_count: this backward pass has begun it */
	float *sums;           /* QMAC_FLOAT_SHARES x parameters */
	float *room;           /* QMAC_FLOAT_SHARES x room_size */
	int64_t room_size;
	double *mean, *deviation; /* of batch norms, at half of where their statistics begin */
};

/* ---- memory ------------------------------------------------------------------------ */

static float *numbers(int64_t count)
{
	return calloc((size_t)count + 1, sizeof(float));
}

/* Which errors are of use: of layers with parameters, and of all layers behind such. */
static void find_wanted(struct qmac_float_network *network)
{
	const struct qmac_net *net = network->net;

	for (int l = 0; l < net->layer_count; l++) {
		const struct qmac_net_layer *layer = &net->layers[l];
		bool reads = layer->input >= 0 && network->wanted[layer->input];

		if (layer->kind == QMAC_LAYER_ADD)
			reads |= layer->other >= 0 && network->wanted[layer->other];
		network->wanted[l] = reads || layer->weight != QMAC_NET_NONE || layer->bias != QMAC_NET_NONE;
	}
}

/* A buffer that nobody has: the smallest that is large enough, else the largest, which grows, else a new. */
static int take_buffer(struct qmac_float_network *network, const bool *taken, int64_t size)
{
	int best = -1;

	for (int b = 0; b < network->buffers; b++) {
		int64_t have = network->buffer_size[b], had = best < 0 ? 0 : network->buffer_size[best];

		if (!taken[b] && (best < 0 || (have >= size ? had < size || have < had : had < size && have > had)))
			best = b;
	}
	if (best < 0)
		best = network->buffers++;
	if (network->buffer_size[best] < size)
		network->buffer_size[best] = size;
	return best;
}

static void give_error(struct qmac_float_network *network, int layer, bool *taken)
{
	if (layer < 0 || !network->wanted[layer] || network->error[layer] >= 0)
		return;
	network->error[layer] = take_buffer(network, taken, qmac_shape_count(network->net->layers[layer].out));
	taken[network->error[layer]] = true;
}

static void plan_errors(struct qmac_float_network *network, bool *taken)
{
	const struct qmac_net *net = network->net;

	for (int l = 0; l < net->layer_count; l++)
		network->error[l] = -1;
	give_error(network, net->layer_count - 1, taken);
	for (int l = net->layer_count - 1; l >= 0; l--) {
		if (network->error[l] < 0)
			continue;
		give_error(network, net->layers[l].input, taken);
		if (net->layers[l].kind == QMAC_LAYER_ADD)
			give_error(network, net->layers[l].other, taken);
		taken[network->error[l]] = false;
	}
}

static bool allocate(struct qmac_float_network *network, bool *taken)
{
	const struct qmac_net *net = network->net;
	int64_t images = network->images_max, statistics = qmac_net_statistics_at(net, net->layer_count);
	bool whole;

	find_wanted(network);
	plan_errors(network, taken);
	network->input = numbers(images * qmac_shape_count(net->input));
	whole = network->input != NULL;
	for (int l = 0; whole && l < net->layer_count; l++) {
		int64_t room = qmac_float_layer_room(&net->layers[l]);

		network->room_size = room > network->room_size ? room : network->room_size;
		network->output[l] = numbers(images * qmac_shape_count(net->layers[l].out));
		whole = network->output[l] != NULL;
	}
	for (int b = 0; whole && b < network->buffers; b++) {
		network->buffer[b] = numbers(images * network->buffer_size[b]);
		whole = network->buffer[b] != NULL;
	}
	network->sums = numbers(QMAC_FLOAT_SHARES * network->parameters);
	network->room = numbers(QMAC_FLOAT_SHARES * network->room_size);
	network->mean = calloc((size_t)statistics / 2 + 1, sizeof(double));
	network->deviation = calloc((size_t)statistics / 2 + 1, sizeof(double));
	return whole && network->sums && network->room && network->mean && network->deviation;
}

enum qmac_status qmac_float_network_create(const struct qmac_net *net, int64_t images, int threads,
                                           struct qmac_float_network **network, struct qmac_error *err)
{
	struct qmac_float_network *made = calloc(1, sizeof *made);
	size_t layers = (size_t)net->layer_count;
	bool *taken = calloc(layers, sizeof *taken);

	assert(net->layer_count > 0 && images > 0 && threads > 0);
	*network = made;
	if (made) {
		made->net = net;
		made->images_max = images;
		made->threads = threads;
		made->parameters = qmac_net_parameter_at(net, net->parameter_count);
		made->output = calloc(layers, sizeof *made->output);
		made->error = calloc(layers, sizeof *made->error);
		made->buffer = calloc(layers, sizeof *made->buffer);
		made->buffer_size = calloc(layers, sizeof *made->buffer_size);
		made->wanted = calloc(layers, sizeof *made->wanted);
		made->begun = calloc(layers, sizeof *made->begun);
	}
	if (!made || !taken || !made->output || !made->error || !made->buffer || !made->buffer_size ||
	    !made->wanted || !made->begun || !allocate(made, taken)) {
		qmac_float_network_destroy(made);
		*network = NULL;
		free(taken);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld images in the network %s: lower batch",
		                 (long long)images, net->name);
	}
	free(taken);
	return QMAC_OK;
}

void qmac_float_network_destroy(struct qmac_float_network *network)
{
	if (!network)
		return;
	for (int l = 0; network->output && network->buffer && l < network->net->layer_count; l++) {
		free(network->output[l]);
		free(network->buffer[l]);
	}
	free(network->input);
	free(network->output);
	free(network->error);
	free(network->buffer);
	free(network->buffer_size);
	free(network->wanted);
	free(network->begun);
	free(network->sums);
	free(network->room);
	free(network->mean);
	free(network->deviation);
	free(network);
}

/* ---- passes ------------------------------------------------------------------------- */

/* A pass over one layer, or over weights or rows that are no layer's. */
struct pass {
	struct qmac_float_network *network;
	struct qmac_float_layer layer;
	bool backward;
	float *gradient;
};

static const float *output_of(const struct qmac_float_network *network, int layer)
{
	return layer < 0 ? network->input : network->output[layer];
}

static float *error_of(const struct qmac_float_network *network, int layer)
{
	return layer < 0 || network->error[layer] < 0 ? NULL : network->buffer[network->error[layer]];
}

/* What both directions need of a layer. */
static struct qmac_float_layer view(const struct qmac_float_network *network, int l, const float *weights)
{
	const struct qmac_net *net = network->net;
	const struct qmac_net_layer *layer = &net->layers[l];
	int64_t channel = qmac_net_statistics_at(net, l) / 2;

	return (struct qmac_float_layer){
		.net = layer, .images = network->images,
		.x = output_of(network, layer->input), .y = network->output[l],
		.other = layer->kind == QMAC_LAYER_ADD ? output_of(network, layer->other) : NULL,
		.weight = layer->weight < 0 ? NULL : weights + qmac_net_parameter_at(net, layer->weight),
		.bias = layer->bias < 0 ? NULL : weights + qmac_net_parameter_at(net, layer->bias),
		.mean = network->mean + channel, .deviation = network->deviation + channel,
	};
}

static void do_share(void *context, int share)
{
	const struct pass *pass = context;
	struct qmac_float_network *network = pass->network;
	const struct qmac_net *net = network->net;
	struct qmac_float_layer layer = pass->layer;
	float *sums = network->sums + share * network->parameters;
	int64_t items = layer.net->kind == QMAC_LAYER_BATCH_NORM ? layer.net->out.channels : layer.images;
	int64_t begin = qmac_block_begin(items, share, QMAC_FLOAT_SHARES);
	int64_t end = qmac_block_begin(items, share + 1, QMAC_FLOAT_SHARES);

	layer.room = network->room + share * network->room_size;
	if (!pass->backward) {
		qmac_float_layer_forward(&layer, begin, end);
		return;
	}
	if (layer.weight)
		layer.weight_sum = sums + qmac_net_parameter_at(net, layer.net->weight);
	if (layer.bias)
		layer.bias_sum = sums + qmac_net_parameter_at(net, layer.net->bias);
	qmac_float_layer_backward(&layer, begin, end);
}

static bool run_layer(struct pass *pass)
{
	return qmac_blocks_run(pass->network->threads, QMAC_FLOAT_SHARES, do_share, pass);
}

/* to[c][n][p] = from[n][c][p], or the other way. */
static void swap_outer(const float *from, int64_t rows, int64_t columns, int64_t pixels, float *to)
{
	for (int64_t r = 0; r < rows; r++)
		for (int64_t c = 0; c < columns; c++)
			memcpy(to + (c * rows + r) * pixels, from + (r * columns + c) * pixels,
			       (size_t)pixels * sizeof to[0]);
}

bool qmac_float_network_forward(struct qmac_float_network *network, const float *weights, float *statistics,
                                const float *x, int64_t images, bool training, float *logits)
{
	const struct qmac_net *net = network->net;
	int last = net->layer_count - 1;

	assert(images > 0 && images <= network->images_max);
	network->images = images;
	swap_outer(x, images, net->input.channels, net->input.height * net->input.width, network->input);
	for (int l = 0; l <= last; l++) {
		struct pass pass = {.network = network, .layer = view(network, l, weights)};

		pass.layer.training = training;
		pass.layer.running_mean = statistics + qmac_net_statistics_at(net, l);
		pass.layer.running_variance = pass.layer.running_mean + net->layers[l].out.channels;
		if (!run_layer(&pass))
			return false;
	}
	swap_outer(network->output[last], qmac_shape_count(net->layers[last].out), images, 1, logits);
	return true;
}

/* A share of the parameters: the sums of all shares of images, one behind the other. */
static void add_sums(void *context, int share)
{
	const struct pass *pass = context;
	const struct qmac_float_network *network = pass->network;
	int64_t end = qmac_block_begin(network->parameters, share + 1, QMAC_FLOAT_SHARES);

	for (int64_t i = qmac_block_begin(network->parameters, share, QMAC_FLOAT_SHARES); i < end; i++) {
		float sum = 0;

		for (int s = 0; s < QMAC_FLOAT_SHARES; s++)
			sum += network->sums[s * network->parameters + i];
		pass->gradient[i] += sum;
	}
}

/* The error of an output, to which its readers add; it begins with 0. NULL: of no use to anybody. */
static float *error_to_add(struct qmac_float_network *network, int layer)
{
	float *error = error_of(network, layer);

	if (error && !network->begun[layer]) {
		int64_t count = network->images * qmac_shape_count(network->net->layers[layer].out);

		memset(error, 0, (size_t)count * sizeof error[0]);
		network->begun[layer] = true;
	}
	return error;
}

bool qmac_float_network_backward(struct qmac_float_network *network, const float *weights,
                                 const float *residual, float *gradient)
{
	const struct qmac_net *net = network->net;
	struct pass pass = {.network = network, .backward = true, .gradient = gradient};
	int last = net->layer_count - 1;

	if (network->error[last] < 0)
		return true; /* nothing has parameters */
	memset(network->sums, 0, (size_t)(QMAC_FLOAT_SHARES * network->parameters) * sizeof network->sums[0]);
	memset(network->begun, 0, (size_t)net->layer_count * sizeof network->begun[0]);
	swap_outer(residual, network->images, qmac_shape_count(net->layers[last].out), 1,
	           error_of(network, last));
	network->begun[last] = true;
	for (int l = last; l >= 0; l--) {
		if (network->error[l] < 0 || !network->begun[l])
			continue;
		pass.layer = view(network, l, weights);
		pass.layer.dy = error_of(network, l);
		pass.layer.dx = error_to_add(network, net->layers[l].input);
		if (net->layers[l].kind == QMAC_LAYER_ADD)
			pass.layer.other_dx = error_to_add(network, net->layers[l].other);
		if (!run_layer(&pass))
			return false;
	}
	return qmac_blocks_run(network->threads, QMAC_FLOAT_SHARES, add_sums, &pass);
}

/* ---- cost ---------------------------------------------------------------------------- */

uint64_t qmac_float_network_forward_flops(const struct qmac_net *net)
{
	uint64_t flops = 0;

	for (int l = 0; l < net->layer_count; l++)
		flops += qmac_float_layer_flops(&net->layers[l]);
	return flops;
}

/* What has weights multiplies twice, but for a layer that reads the network's input. */
uint64_t qmac_float_network_backward_flops(const struct qmac_net *net)
{
	uint64_t flops = 0;

	for (int l = 0; l < net->layer_count; l++) {
		bool twice = net->layers[l].macs && net->layers[l].input != QMAC_NET_INPUT;

		flops += (twice ? 2 : 1) * qmac_float_layer_flops(&net->layers[l]);
	}
	return flops;
}
