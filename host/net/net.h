/*
 * A network: layers in topological order, the shape of what each of them gives, its parameters and its MACs.
 * A description only: nothing here holds values, or knows how they are computed.
 *
 * What a layer gives for one sample is C channels of H x W pixels; after `flatten` and `linear` one pixel of
 * many channels. Layer i reads the output of layer `input`, which is less than i, or the network's input
 * (QMAC_NET_INPUT); `add` reads a second one, `other`. An output may be read by several layers: its
 * gradient is the sum of what these give back. The output of the network is that of the last layer, the
 * logits; softmax and loss are not layers. Every other output is read by one layer at least, which is up to
 * whoever appends them; a network file cannot say otherwise.
 *
 * y[co][oy][ox] of each kind, x its input:
 *   conv         bias[co] + sum over ci, ky, kx of
 *                weight[co][ci][ky][kx] x[ci][oy s + ky - pad][ox s + kx - pad],
 *                s the stride; x is 0 outside of the image
 *   linear       bias[co] + sum over ci of weight[co][ci] x[ci]
 *   bias         x + bias[co]
 *   relu         max(x, 0)
 *   tanh, sigmoid
 *   avg_pool     mean over ky, kx of x[co][oy s + ky][ox s + kx]
 *   max_pool     their largest
 *   global_pool  mean of all pixels: avg_pool with a kernel as large as the image
 *   batch_norm   gamma[co] (x - mean[co]) / sqrt(variance[co] + QMAC_BATCH_NORM_EPSILON) + beta[co], mean and
 *                variance (divided by their number) over all samples and pixels of the minibatch
 *   add          x + the output of `other`
 *   flatten      x, as one pixel: channel ci H W + iy W + ix
 * Where a stride does not divide, the pixels that are left over at the right and at the bottom are not read.
 *
 * Parameters are row-major: conv weights [out][in][kernel_y][kernel_x], linear weights [out][in], everything
 * else a number for each channel.
 */
#ifndef QMAC_NET_NET_H
#define QMAC_NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum qmac_layer_kind {
	QMAC_LAYER_CONV,
	QMAC_LAYER_LINEAR,
	QMAC_LAYER_BIAS,
	QMAC_LAYER_RELU,
	QMAC_LAYER_TANH,
	QMAC_LAYER_SIGMOID,
	QMAC_LAYER_AVG_POOL,
	QMAC_LAYER_MAX_POOL,
	QMAC_LAYER_GLOBAL_POOL,
	QMAC_LAYER_BATCH_NORM,
	QMAC_LAYER_ADD,
	QMAC_LAYER_FLATTEN,
	QMAC_LAYER_EMBEDDING, /* not available yet, as lstm: qmac_net_append() refuses them */
	QMAC_LAYER_LSTM,
	QMAC_LAYER_KINDS
};

/* Their names, in that order. */
#define QMAC_LAYER_WORDS \
	"conv|linear|bias|relu|tanh|sigmoid|avg_pool|max_pool|global_pool|batch_norm|add|flatten|embedding|lstm"

enum qmac_parameter_role { QMAC_ROLE_WEIGHT, QMAC_ROLE_BIAS, QMAC_ROLE_GAMMA, QMAC_ROLE_BETA };

enum {
	QMAC_NET_INPUT = -1,            /* in place of a layer: the network's input */
	QMAC_NET_NONE = -1,             /* in place of a parameter */
	QMAC_NET_LAYERS_MAX = 4096,
	QMAC_NET_EXTENT_MAX = 1 << 20,  /* of channels, height, width, kernel, stride */
	QMAC_NET_VALUES_MAX = INT32_MAX, /* values of an output; parameters of a network */
	QMAC_NET_NAME_SIZE = 48,        /* of a network or a layer, with the 0 at its end */
	QMAC_NET_PARAMETER_NAME_SIZE = 64
};

#define QMAC_BATCH_NORM_EPSILON 1e-5

/* Of a running mean or variance, so much is replaced by that of each minibatch. */
#define QMAC_BATCH_NORM_SHARE 0.1

struct qmac_shape {
	int64_t channels, height, width; /* each at least 1 */
};

/* What is asked of a layer; members that its kind does not have are not looked at. */
struct qmac_layer_request {
	enum qmac_layer_kind kind;
	const char *name;          /* NULL: made of kind and number, "conv1" */
	int input;                 /* net->layer_count - 1: the layer before, or the network's input */
	int other;                 /* add */
	int64_t outputs;           /* conv, linear: channels of the output */
	int64_t kernel[2];         /* conv, avg_pool, max_pool: height, width */
	int64_t stride;            /* the same; 0: 1 of a conv, of a pool its kernel, which is then square */
	int64_t pad;               /* conv: pixels of 0 at each side, fewer than the kernel has */
	bool bias;                 /* conv, linear */
};

struct qmac_net_layer {
	enum qmac_layer_kind kind;
	char name[QMAC_NET_NAME_SIZE];
	int input;                 /* the layer that it reads, or QMAC_NET_INPUT */
	int other;                 /* add: the second one, or QMAC_NET_INPUT; else not to be looked at */
	struct qmac_shape in, out; /* of one sample */
	int64_t kernel[2];         /* height, width; of conv and pools, the global one, too; else 1 */
	int64_t stride, pad;       /* of the same; else 1, 0 */
	int weight;                /* parameter, or QMAC_NET_NONE: of conv and linear; gamma of batch_norm */
	int bias;                  /* the same: of conv, linear and bias; beta of batch_norm */
	int64_t macs;              /* multiplications of one sample, forward: of conv and linear, else 0 */
};

struct qmac_net_parameter {
	char name[QMAC_NET_PARAMETER_NAME_SIZE]; /* "conv1.weight": layer and role */
	int layer;
	enum qmac_parameter_role role;
	int64_t dims[4];           /* outermost first; dim_count of them: 4, 2 or 1 */
	int dim_count;
	int64_t count;             /* their product */
};

/*
 * Whether the device has codes of the parameter, which has a format then: gamma and beta are real numbers, of
 * which coefficients are made (docs/network-numerics.md).
 */
static inline bool qmac_net_has_codes(const struct qmac_net_parameter *parameter)
{
	return parameter->role == QMAC_ROLE_WEIGHT || parameter->role == QMAC_ROLE_BIAS;
}

struct qmac_net {
	char name[QMAC_NET_NAME_SIZE];
	struct qmac_shape input;
	struct qmac_net_layer *layers;
	int layer_count;
	struct qmac_net_parameter *parameters; /* in the order of their layers, weight before bias */
	int parameter_count;
};

/*
 * A network without layers. Name and input are checked: 1 to QMAC_NET_EXTENT_MAX of each, QMAC_NET_VALUES_MAX
 * in all. Free also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_create(struct qmac_net *net, const char *name,
                                                 struct qmac_shape input, struct qmac_error *err);
void qmac_net_free(struct qmac_net *net);

/*
 * Appends a layer, whose index is net->layer_count before. Refuses what does not fit (shapes, kernels larger
 * than the padded image, names that are there already, limits), with a message without a place that begins
 * with the layer's kind; then the network is as it was. Pointers to layers and parameters end with it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_append(struct qmac_net *net,
                                                 const struct qmac_layer_request *request,
                                                 struct qmac_error *err);

/* The name of a kind, "conv"; of a role, "weight". */
const char *qmac_layer_kind_name(enum qmac_layer_kind kind);
const char *qmac_parameter_role_name(enum qmac_parameter_role role);

/* A name: a letter, then letters, digits, '_' and '-', QMAC_NET_NAME_SIZE - 1 in all at most. */
bool qmac_net_is_name(const char *text);

/* The layer of that name; QMAC_NET_NONE where there is none. */
int qmac_net_find(const struct qmac_net *net, const char *name);

/* The shape of what that layer gives, or of the network's input; with -1 also where there are no layers. */
struct qmac_shape qmac_net_shape(const struct qmac_net *net, int layer);

/* How many times that output is read (by an add of it with itself twice): 0 of the last layer. */
int qmac_net_readers(const struct qmac_net *net, int layer);

/* Values of one sample. */
static inline int64_t qmac_shape_count(struct qmac_shape shape)
{
	return shape.channels * shape.height * shape.width;
}

static inline bool qmac_shape_is(struct qmac_shape a, struct qmac_shape b)
{
	return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

enum { QMAC_SHAPE_TEXT = 64 };

/* "16x32x32": channels, height, width; returns text. */
const char *qmac_shape_text(struct qmac_shape shape, char text[QMAC_SHAPE_TEXT]);

/* Sums over the network: parameters of one layer, and of all; MACs of one sample, forward. */
int64_t qmac_net_layer_parameters(const struct qmac_net *net, int layer);
int64_t qmac_net_parameters(const struct qmac_net *net);
int64_t qmac_net_macs(const struct qmac_net *net);

#endif
