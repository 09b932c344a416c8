#include "net/net.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[QMAC_LAYER_KINDS] = {
	"conv", "linear", "bias", "relu", "tanh", "sigmoid", "avg_pool", "max_pool", "global_pool", "batch_norm",
	"add", "flatten", "embedding", "lstm"
};

static const char *const role_names[] = {"weight", "bias", "gamma", "beta"};

const char *qmac_layer_kind_name(enum qmac_layer_kind kind)
{
	return kind_names[kind];
}

const char *qmac_parameter_role_name(enum qmac_parameter_role role)
{
	return role_names[role];
}

const char *qmac_shape_text(struct qmac_shape shape, char text[QMAC_SHAPE_TEXT])
{
	snprintf(text, QMAC_SHAPE_TEXT, "%" PRId64 "x%" PRId64 "x%" PRId64, shape.channels, shape.height,
	         shape.width);
	return text;
}

/* ---- names ---------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool qmac_net_is_name(const char *text)
{
	size_t length = strlen(text);

	if (!is_letter(text[0]) || length >= QMAC_NET_NAME_SIZE)
		return false;
	for (size_t i = 1; i < length; i++)
		if (!is_letter(text[i]) && !(text[i] >= '0' && text[i] <= '9') && text[i] != '_' && text[i] != '-')
			return false;
	return true;
}

static enum qmac_status check_name(const char *name, struct qmac_error *err)
{
	if (qmac_net_is_name(name))
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "the name '%.60s' is not a letter, then letters, digits, '_' or '-', %d in all at most",
	                 name, QMAC_NET_NAME_SIZE - 1);
}

int qmac_net_find(const struct qmac_net *net, const char *name)
{
	for (int i = 0; i < net->layer_count; i++)
		if (strcmp(net->layers[i].name, name) == 0)
			return i;
	return QMAC_NET_NONE;
}

/* The name that was asked for, or the kind and how many layers of it there are. */
static enum qmac_status name_layer(const struct qmac_net *net, const char *name, struct qmac_net_layer *layer,
                                   struct qmac_error *err)
{
	enum qmac_status status = name ? check_name(name, err) : QMAC_OK;
	int number = 1;

	if (status)
		return status;
	for (int i = 0; i < net->layer_count; i++)
		number += net->layers[i].kind == layer->kind;
	if (name)
		snprintf(layer->name, sizeof layer->name, "%s", name);
	else
		snprintf(layer->name, sizeof layer->name, "%s%d", kind_names[layer->kind], number);
	if (qmac_net_find(net, layer->name) != QMAC_NET_NONE)
		return qmac_fail(err, QMAC_BAD_INPUT, "there is a layer of the name '%s' already", layer->name);
	return QMAC_OK;
}

/* ---- shapes --------------------------------------------------------------------- */

struct qmac_shape qmac_net_shape(const struct qmac_net *net, int layer)
{
	return layer == QMAC_NET_INPUT ? net->input : net->layers[layer].out;
}

static enum qmac_status check_extent(const char *what, int64_t value, int64_t low, struct qmac_error *err)
{
	if (value >= low && value <= QMAC_NET_EXTENT_MAX)
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "%s: %" PRId64 " is out of range %" PRId64 "..%d", what, value, low,
	                 QMAC_NET_EXTENT_MAX);
}

/* Each extent, and their product, which then does not overflow. */
static enum qmac_status check_shape(struct qmac_shape shape, struct qmac_error *err)
{
	char text[QMAC_SHAPE_TEXT];
	enum qmac_status status = check_extent("channels", shape.channels, 1, err);

	if (!status)
		status = check_extent("height", shape.height, 1, err);
	if (!status)
		status = check_extent("width", shape.width, 1, err);
	if (!status && shape.channels > QMAC_NET_VALUES_MAX / (shape.height * shape.width))
		return qmac_fail(err, QMAC_BAD_INPUT, "%s are more than %d values", qmac_shape_text(shape, text),
		                 QMAC_NET_VALUES_MAX);
	return status;
}

static enum qmac_status window(const struct qmac_layer_request *request, struct qmac_net_layer *layer,
                               struct qmac_error *err)
{
	bool conv = layer->kind == QMAC_LAYER_CONV, global = layer->kind == QMAC_LAYER_GLOBAL_POOL;
	int64_t size[2] = {layer->in.height, layer->in.width}, *out[2] = {&layer->out.height, &layer->out.width};

	for (int d = 0; d < 2; d++)
		layer->kernel[d] = global ? size[d] : request->kernel[d];
	layer->pad = conv ? request->pad : 0;
	if (!global)
		layer->stride = request->stride ? request->stride : conv ? 1 : layer->kernel[0];
	for (int d = 0; d < 2; d++) {
		enum qmac_status status = check_extent("kernel", layer->kernel[d], 1, err);

		if (!status)
			status = check_extent("stride", layer->stride, 1, err);
		if (!status)
			status = check_extent("pad", layer->pad, 0, err);
		if (status)
			return status;
		if (layer->pad >= layer->kernel[d])
			return qmac_fail(err, QMAC_BAD_INPUT, "pad %" PRId64 " is not less than kernel %" PRId64,
			                 layer->pad, layer->kernel[d]);
		if (layer->kernel[d] > size[d] + 2 * layer->pad)
			return qmac_fail(err, QMAC_BAD_INPUT, "a kernel of %" PRId64 " does not fit into a %s of %" PRId64
			                 " pixels with pad %" PRId64, layer->kernel[d], d ? "width" : "height",
			                 size[d], layer->pad);
		*out[d] = (size[d] + 2 * layer->pad - layer->kernel[d]) / layer->stride + 1;
	}
	return QMAC_OK;
}

/* Kernel and output of a layer whose input is set. */
static enum qmac_status shape_layer(const struct qmac_net *net, const struct qmac_layer_request *request,
                                    struct qmac_net_layer *layer, struct qmac_error *err)
{
	char text[QMAC_SHAPE_TEXT], more[QMAC_SHAPE_TEXT];
	struct qmac_shape other;

	layer->out = layer->in;
	switch (layer->kind) {
	case QMAC_LAYER_CONV:
		layer->out.channels = request->outputs;
		return window(request, layer, err);
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_MAX_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return window(request, layer, err);
	case QMAC_LAYER_LINEAR:
		layer->out.channels = request->outputs;
		if (layer->in.height != 1 || layer->in.width != 1)
			return qmac_fail(err, QMAC_BAD_INPUT, "it reads channels of one pixel, not %s: put flatten "
			                 "before it", qmac_shape_text(layer->in, text));
		return QMAC_OK;
	case QMAC_LAYER_FLATTEN:
		layer->out = (struct qmac_shape){qmac_shape_count(layer->in), 1, 1};
		return QMAC_OK;
	case QMAC_LAYER_ADD:
		other = qmac_net_shape(net, request->other);
		if (!qmac_shape_is(layer->in, other))
			return qmac_fail(err, QMAC_BAD_INPUT, "%s and %s cannot be added",
			                 qmac_shape_text(layer->in, text), qmac_shape_text(other, more));
		return QMAC_OK;
	case QMAC_LAYER_EMBEDDING:
	case QMAC_LAYER_LSTM:
		return qmac_fail(err, QMAC_BAD_INPUT, "not available yet");
	default:
		return QMAC_OK;
	}
}

/* ---- parameters ------------------------------------------------------------------ */

static void add_parameter(struct qmac_net *net, struct qmac_net_layer *layer, enum qmac_parameter_role role,
                          int dim_count, const int64_t dims[4])
{
	struct qmac_net_parameter *parameter = &net->parameters[net->parameter_count];

	*parameter = (struct qmac_net_parameter){.layer = net->layer_count, .role = role, .dim_count = dim_count,
	                                         .count = 1};
	snprintf(parameter->name, sizeof parameter->name, "%s.%s", layer->name, role_names[role]);
	for (int d = 0; d < dim_count; d++) {
		parameter->dims[d] = dims[d];
		parameter->count *= dims[d];
	}
	*(role == QMAC_ROLE_WEIGHT || role == QMAC_ROLE_GAMMA ? &layer->weight : &layer->bias) =
		net->parameter_count++;
}

/* Weights of conv and linear: false where they are more than QMAC_NET_VALUES_MAX. */
static bool count_weights(const struct qmac_net_layer *layer, int64_t *count)
{
	const int64_t factors[] = {layer->in.channels, layer->kernel[0], layer->kernel[1]};

	*count = layer->out.channels;
	for (int i = 0; i < 3; i++) {
		if (*count > QMAC_NET_VALUES_MAX / factors[i])
			return false;
		*count *= factors[i];
	}
	return true;
}

/* The limit keeps the MACs of all layers within 62 bits, too. */
static enum qmac_status parameterise(struct qmac_net *net, const struct qmac_layer_request *request,
                                     struct qmac_net_layer *layer, struct qmac_error *err)
{
	const int64_t channels[4] = {layer->out.channels};
	const int64_t weights[4] = {layer->out.channels, layer->in.channels, layer->kernel[0], layer->kernel[1]};
	bool product = layer->kind == QMAC_LAYER_CONV || layer->kind == QMAC_LAYER_LINEAR;
	bool norm = layer->kind == QMAC_LAYER_BATCH_NORM;
	int64_t count = norm ? layer->out.channels : 0;
	int64_t biases = norm || layer->kind == QMAC_LAYER_BIAS || (product && request->bias) ? channels[0] : 0;

	layer->weight = layer->bias = QMAC_NET_NONE;
	if ((product && !count_weights(layer, &count))
	    || qmac_net_parameters(net) + count + biases > QMAC_NET_VALUES_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "with it the network has more than %d parameters",
		                 QMAC_NET_VALUES_MAX);
	if (product) {
		layer->macs = count * layer->out.height * layer->out.width;
		add_parameter(net, layer, QMAC_ROLE_WEIGHT, layer->kind == QMAC_LAYER_CONV ? 4 : 2, weights);
	} else if (norm) {
		add_parameter(net, layer, QMAC_ROLE_GAMMA, 1, channels);
	}
	if (biases)
		add_parameter(net, layer, norm ? QMAC_ROLE_BETA : QMAC_ROLE_BIAS, 1, channels);
	return QMAC_OK;
}

/* ---- the network ------------------------------------------------------------------ */

/* Room for a layer more, and for two parameters of each: it doubles whenever it is full. */
static enum qmac_status make_room(struct qmac_net *net, struct qmac_error *err)
{
	size_t count = (size_t)net->layer_count, room = count ? 2 * count : 16;
	void *layers, *parameters;

	if (count && (count < 16 || (count & (count - 1)) != 0))
		return QMAC_OK;
	layers = realloc(net->layers, room * sizeof *net->layers);
	if (layers)
		net->layers = layers;
	parameters = realloc(net->parameters, 2 * room * sizeof *net->parameters);
	if (parameters)
		net->parameters = parameters;
	return layers && parameters ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory");
}

enum qmac_status qmac_net_create(struct qmac_net *net, const char *name, struct qmac_shape input,
                                 struct qmac_error *err)
{
	enum qmac_status status;

	*net = (struct qmac_net){.input = input};
	status = check_name(name, err);
	if (!status)
		status = check_shape(input, err);
	if (!status)
		snprintf(net->name, sizeof net->name, "%s", name);
	return status;
}

void qmac_net_free(struct qmac_net *net)
{
	free(net->layers);
	free(net->parameters);
	*net = (struct qmac_net){0};
}

/* Puts the kind before the message, which has no place. */
static enum qmac_status blame(enum qmac_layer_kind kind, enum qmac_status status, struct qmac_error *err)
{
	struct qmac_error bare;

	if (status != QMAC_BAD_INPUT || !err)
		return status;
	bare = *err;
	return qmac_fail(err, status, "%s: %s", kind_names[kind], bare.message);
}

enum qmac_status qmac_net_append(struct qmac_net *net, const struct qmac_layer_request *request,
                                 struct qmac_error *err)
{
	struct qmac_net_layer layer = {.kind = request->kind, .input = request->input, .other = QMAC_NET_NONE,
	                               .in = qmac_net_shape(net, request->input), .kernel = {1, 1}, .stride = 1};
	enum qmac_status status;

	assert(request->input >= QMAC_NET_INPUT && request->input < net->layer_count);
	if (request->kind == QMAC_LAYER_ADD) {
		assert(request->other >= QMAC_NET_INPUT && request->other < net->layer_count);
		layer.other = request->other;
	}
	status = net->layer_count < QMAC_NET_LAYERS_MAX ? make_room(net, err) :
	         qmac_fail(err, QMAC_BAD_INPUT, "more than %d layers", QMAC_NET_LAYERS_MAX);
	if (!status)
		status = name_layer(net, request->name, &layer, err);
	if (!status)
		status = shape_layer(net, request, &layer, err);
	if (!status)
		status = check_shape(layer.out, err);
	if (!status)
		status = parameterise(net, request, &layer, err);
	if (status)
		return blame(request->kind, status, err);
	net->layers[net->layer_count++] = layer;
	return QMAC_OK;
}

int qmac_net_readers(const struct qmac_net *net, int layer)
{
	int readers = 0;

	for (int i = layer + 1; i < net->layer_count; i++) {
		readers += net->layers[i].input == layer;
		readers += net->layers[i].kind == QMAC_LAYER_ADD && net->layers[i].other == layer;
	}
	return readers;
}

static int64_t count_of(const struct qmac_net *net, int parameter)
{
	return parameter == QMAC_NET_NONE ? 0 : net->parameters[parameter].count;
}

int64_t qmac_net_layer_parameters(const struct qmac_net *net, int layer)
{
	return count_of(net, net->layers[layer].weight) + count_of(net, net->layers[layer].bias);
}

int64_t qmac_net_parameters(const struct qmac_net *net)
{
	int64_t sum = 0;

	for (int i = 0; i < net->parameter_count; i++)
		sum += net->parameters[i].count;
	return sum;
}

int64_t qmac_net_macs(const struct qmac_net *net)
{
	int64_t sum = 0;

	for (int i = 0; i < net->layer_count; i++)
		sum += net->layers[i].macs;
	return sum;
}
