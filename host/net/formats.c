#include "net/formats.h"

#include <stdlib.h>
#include <string.h>

enum qmac_status qmac_net_formats_create(struct qmac_net_formats *formats, const struct qmac_net *net,
                                         struct qmac_error *err)
{
	*formats = (struct qmac_net_formats){
		.output = calloc((size_t)net->layer_count + 1, sizeof *formats->output),
		.parameter = calloc((size_t)net->parameter_count + 1, sizeof *formats->parameter),
	};
	return formats->output && formats->parameter ? QMAC_OK :
	       qmac_fail(err, QMAC_INTERNAL, "out of memory for the formats of %d layers", net->layer_count);
}

void qmac_net_formats_free(struct qmac_net_formats *formats)
{
	free(formats->output);
	free(formats->parameter);
	*formats = (struct qmac_net_formats){.output = NULL};
}

/* The first parameter with codes of a layer, QMAC_NET_NONE: it has none. */
static int parameter_of(const struct qmac_net_layer *layer)
{
	if (layer->kind == QMAC_LAYER_BATCH_NORM)
		return QMAC_NET_NONE;
	return layer->weight != QMAC_NET_NONE ? layer->weight : layer->bias;
}

static bool reads(const struct qmac_net_layer *layer, int tensor)
{
	return layer->input == tensor || (layer->kind == QMAC_LAYER_ADD && layer->other == tensor);
}

/*
 * The first conv, linear or bias that reads the output, directly or through layers without parameters:
 * QMAC_NET_NONE where there is none. Layers that read come behind what they read, so a look at each is
 * enough.
 */
static int first_reader(const struct qmac_net *net, int tensor, bool *reached)
{
	memset(reached, 0, (size_t)net->layer_count * sizeof *reached);
	for (int l = tensor + 1; l < net->layer_count; l++) {
		const struct qmac_net_layer *layer = &net->layers[l];
		bool here = reads(layer, tensor) || (layer->input >= 0 && reached[layer->input]) ||
		            (layer->kind == QMAC_LAYER_ADD && layer->other >= 0 && reached[layer->other]);

		if (here && parameter_of(layer) != QMAC_NET_NONE)
			return l;
		reached[l] = here && layer->kind != QMAC_LAYER_BATCH_NORM;
	}
	return QMAC_NET_NONE;
}

/* What is shaped by those who read it. */
static bool asks_readers(const struct qmac_net *net, int tensor)
{
	enum qmac_layer_kind kind = tensor < 0 ? QMAC_LAYER_ADD : net->layers[tensor].kind;

	return kind == QMAC_LAYER_ADD || kind == QMAC_LAYER_AVG_POOL || kind == QMAC_LAYER_GLOBAL_POOL;
}

/*
 * The nearest conv or linear in front of a layer, by first inputs; the network's input where there is none.
 */
static int product_before(const struct qmac_net *net, int layer)
{
	int l = net->layers[layer].input;

	while (l >= 0 && net->layers[l].kind != QMAC_LAYER_CONV && net->layers[l].kind != QMAC_LAYER_LINEAR)
		l = net->layers[l].input;
	return l;
}

enum qmac_status qmac_net_formats_by_layer(struct qmac_net_formats *formats, const struct qmac_net *net,
                                           struct qmac_format input, struct qmac_error *err)
{
	bool *reached = calloc((size_t)net->layer_count + 1, sizeof *reached);

	if (!reached)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the formats of %d layers", net->layer_count);
	formats->output[0] = input;
	for (int tensor = -1; tensor < net->layer_count; tensor++) {
		int from = tensor;

		if (tensor >= 0)
			formats->output[tensor + 1] = formats->output[net->layers[tensor].input + 1];
		if (asks_readers(net, tensor))
			from = first_reader(net, tensor, reached);
		else if (net->layers[tensor].kind == QMAC_LAYER_BATCH_NORM)
			from = product_before(net, tensor);
		if (from >= 0 && parameter_of(&net->layers[from]) != QMAC_NET_NONE)
			formats->output[tensor + 1] = formats->parameter[parameter_of(&net->layers[from])];
	}
	free(reached);
	return QMAC_OK;
}
