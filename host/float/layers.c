#include "float/layers.h"

#include <assert.h>

static const struct {
	qmac_float_direction *forward, *backward;
} kinds[QMAC_LAYER_KINDS] = {
	[QMAC_LAYER_CONV] = {qmac_float_conv, qmac_float_conv_back},
	[QMAC_LAYER_LINEAR] = {qmac_float_linear, qmac_float_linear_back},
	[QMAC_LAYER_BIAS] = {qmac_float_bias, qmac_float_bias_back},
	[QMAC_LAYER_RELU] = {qmac_float_relu, qmac_float_relu_back},
	[QMAC_LAYER_TANH] = {qmac_float_tanh_layer, qmac_float_tanh_back},
	[QMAC_LAYER_SIGMOID] = {qmac_float_sigmoid_layer, qmac_float_sigmoid_back},
	[QMAC_LAYER_AVG_POOL] = {qmac_float_avg_pool, qmac_float_avg_pool_back},
	[QMAC_LAYER_GLOBAL_POOL] = {qmac_float_avg_pool, qmac_float_avg_pool_back},
	[QMAC_LAYER_MAX_POOL] = {qmac_float_max_pool, qmac_float_max_pool_back},
	[QMAC_LAYER_BATCH_NORM] = {qmac_float_batch_norm, qmac_float_batch_norm_back},
	[QMAC_LAYER_ADD] = {qmac_float_add, qmac_float_add_back},
	[QMAC_LAYER_FLATTEN] = {qmac_float_flatten, qmac_float_flatten_back},
};

void qmac_float_layer_forward(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	assert(kinds[layer->net->kind].forward);
	if (begin < end)
		kinds[layer->net->kind].forward(layer, begin, end);
}

void qmac_float_layer_backward(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	assert(kinds[layer->net->kind].backward);
	if (begin < end && (layer->dx || layer->other_dx || layer->weight_sum || layer->bias_sum))
		kinds[layer->net->kind].backward(layer, begin, end);
}

uint64_t qmac_float_layer_flops(const struct qmac_net_layer *layer)
{
	return layer->macs ? 2 * (uint64_t)layer->macs : (uint64_t)qmac_shape_count(layer->out);
}
