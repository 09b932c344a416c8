/*
 * Networks made layer by layer: shapes, parameters and MACs, names, and what is refused.
 */
#include "net/net.h"
#include "test.h"

/* Appends a layer that reads the one before. */
static void append(struct qmac_net *net, struct qmac_layer_request request)
{
	struct qmac_error err = {0};

	request.input = net->layer_count - 1;
	if (qmac_net_append(net, &request, &err)) {
		printf("\n    %s\n", err.message);
		CU_FAIL_FATAL("the layer must fit");
	}
}

static void conv(struct qmac_net *net, int64_t outputs, int64_t kernel, int64_t stride, int64_t pad,
                 bool bias)
{
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = outputs,
	                                        .kernel = {kernel, kernel}, .stride = stride, .pad = pad,
	                                        .bias = bias});
}

static void create(struct qmac_net *net, int64_t channels, int64_t height, int64_t width)
{
	struct qmac_error err = {0};

	CU_ASSERT_FATAL(!qmac_net_create(net, "test", (struct qmac_shape){channels, height, width}, &err));
}

/* The layer must be refused with that message, and leave the network as it was. */
static void refuse(struct qmac_net *net, struct qmac_layer_request request, const char *message)
{
	int layers = net->layer_count, parameters = net->parameter_count;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_net_append(net, &request, &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, message);
	CU_ASSERT_EQUAL(net->layer_count, layers);
	CU_ASSERT_EQUAL(net->parameter_count, parameters);
}

static void expect_shape(const struct qmac_net *net, int layer, const char *shape)
{
	char text[QMAC_SHAPE_TEXT];

	CU_ASSERT_STRING_EQUAL(qmac_shape_text(qmac_net_shape(net, layer), text), shape);
}

/* Every member of a layer of each kind. */
static void layers(void)
{
	struct qmac_net net;
	const struct qmac_net_layer *layer;

	create(&net, 3, 11, 8);
	expect_shape(&net, QMAC_NET_INPUT, "3x11x8");
	conv(&net, 5, 3, 2, 1, true);
	layer = &net.layers[0];
	expect_shape(&net, 0, "5x6x4");
	CU_ASSERT_STRING_EQUAL(layer->name, "conv1");
	CU_ASSERT(layer->input == QMAC_NET_INPUT && layer->kernel[0] == 3 && layer->kernel[1] == 3);
	CU_ASSERT(layer->stride == 2 && layer->pad == 1 && layer->weight == 0 && layer->bias == 1);
	CU_ASSERT_EQUAL(layer->macs, 6 * 4 * 5 * 3 * 9);
	CU_ASSERT_STRING_EQUAL(net.parameters[0].name, "conv1.weight");
	CU_ASSERT(net.parameters[0].dim_count == 4 && net.parameters[0].dims[0] == 5);
	CU_ASSERT(net.parameters[0].dims[1] == 3 && net.parameters[0].dims[3] == 3);
	CU_ASSERT(net.parameters[0].count == 135 && net.parameters[0].role == QMAC_ROLE_WEIGHT);
	CU_ASSERT_STRING_EQUAL(net.parameters[1].name, "conv1.bias");
	CU_ASSERT(net.parameters[1].dim_count == 1 && net.parameters[1].count == 5);

	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_BATCH_NORM, .name = "norm"});
	layer = &net.layers[1];
	CU_ASSERT_STRING_EQUAL(net.parameters[layer->weight].name, "norm.gamma");
	CU_ASSERT_STRING_EQUAL(net.parameters[layer->bias].name, "norm.beta");
	CU_ASSERT_EQUAL(net.parameters[layer->bias].layer, 1);
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_RELU});
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD, .other = 0});
	CU_ASSERT(net.layers[3].input == 2 && net.layers[3].other == 0);
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_MAX_POOL, .kernel = {3, 2}});
	CU_ASSERT(net.layers[4].stride == 3 && net.layers[4].macs == 0);
	expect_shape(&net, 4, "5x2x1");
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_BIAS});
	CU_ASSERT(net.layers[5].weight == QMAC_NET_NONE && net.parameters[net.layers[5].bias].count == 5);
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_FLATTEN});
	expect_shape(&net, 6, "10x1x1");
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .outputs = 7});
	layer = &net.layers[7];
	CU_ASSERT(layer->bias == QMAC_NET_NONE && net.parameters[layer->weight].dim_count == 2);
	CU_ASSERT(layer->macs == 70 && layer->kernel[0] == 1 && layer->stride == 1 && layer->pad == 0);
	conv(&net, 2, 1, 0, 0, false);
	CU_ASSERT_STRING_EQUAL(net.layers[8].name, "conv2");
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_TANH});
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_SIGMOID});
	expect_shape(&net, 10, "2x1x1");

	CU_ASSERT_EQUAL(qmac_net_layer_parameters(&net, 0), 140);
	CU_ASSERT_EQUAL(qmac_net_layer_parameters(&net, 2), 0);
	CU_ASSERT_EQUAL(qmac_net_parameters(&net), 140 + 10 + 5 + 70 + 14);
	CU_ASSERT_EQUAL(qmac_net_macs(&net), 3240 + 70 + 14);
	CU_ASSERT(qmac_net_find(&net, "norm") == 1 && qmac_net_find(&net, "conv3") == QMAC_NET_NONE);
	CU_ASSERT(qmac_net_readers(&net, QMAC_NET_INPUT) == 1 && qmac_net_readers(&net, 0) == 2);
	CU_ASSERT(qmac_net_readers(&net, 1) == 1 && qmac_net_readers(&net, 10) == 0);
	qmac_net_free(&net);
}

/* avg_pool over the whole image, which need not be square. */
static void global_pool(void)
{
	struct qmac_net net;

	create(&net, 4, 5, 9);
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_GLOBAL_POOL});
	expect_shape(&net, 0, "4x1x1");
	CU_ASSERT(net.layers[0].kernel[0] == 5 && net.layers[0].kernel[1] == 9 && net.layers[0].stride == 1);
	qmac_net_free(&net);
}

/* Sizes by counting the places where a window fits, over ragged shapes. */
static void window_sizes(void)
{
	uint64_t state = test_seed();

	for (int i = 0; i < TEST_CASES(2000); i++) {
		int64_t size[2], kernel[2], places[2] = {0}, stride = test_between(&state, 1, 5), pad;
		struct qmac_net net;
		enum qmac_status status;

		for (int d = 0; d < 2; d++) {
			size[d] = test_between(&state, 1, 12);
			kernel[d] = test_between(&state, 1, 7);
		}
		pad = test_between(&state, 0, (kernel[0] < kernel[1] ? kernel[0] : kernel[1]) - 1);
		for (int d = 0; d < 2; d++)
			for (int64_t at = -pad; at + kernel[d] <= size[d] + pad; at += stride)
				places[d]++;
		create(&net, 1, size[0], size[1]);
		status = qmac_net_append(&net, &(struct qmac_layer_request){
			.kind = QMAC_LAYER_CONV, .input = QMAC_NET_INPUT, .outputs = 2, .stride = stride, .pad = pad,
			.kernel = {kernel[0], kernel[1]}}, NULL);
		CU_ASSERT_EQUAL(status, places[0] && places[1] ? QMAC_OK : QMAC_BAD_INPUT);
		if (!status)
			CU_ASSERT(net.layers[0].out.height == places[0] && net.layers[0].out.width == places[1]);
		qmac_net_free(&net);
	}
}

static void refusals(void)
{
	struct qmac_net net;
	struct qmac_error err = {0};

	create(&net, 3, 8, 8);
	conv(&net, 4, 3, 1, 1, true);
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .outputs = 10},
	       "linear: it reads channels of one pixel, not 4x8x8: put flatten before it");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = 1, .kernel = {9, 9}},
	       "conv: a kernel of 9 does not fit into a height of 8 pixels with pad 0");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_MAX_POOL, .kernel = {8, 10}},
	       "max_pool: a kernel of 10 does not fit into a width of 8 pixels with pad 0");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = 1, .kernel = {3, 3},
	                                         .pad = 3},
	       "conv: pad 3 is not less than kernel 3");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .kernel = {3, 3}},
	       "conv: channels: 0 is out of range 1..1048576");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_AVG_POOL},
	       "avg_pool: kernel: 0 is out of range 1..1048576");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = 1, .kernel = {1, 1},
	                                         .stride = -1},
	       "conv: stride: -1 is out of range 1..1048576");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD, .other = QMAC_NET_INPUT},
	       "add: 4x8x8 and 3x8x8 cannot be added");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_RELU, .name = "conv1"},
	       "relu: there is a layer of the name 'conv1' already");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_RELU, .name = "1"},
	       "relu: the name '1' is not a letter, then letters, digits, '_' or '-', 47 in all at most");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_LSTM}, "lstm: not available yet");
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_EMBEDDING}, "embedding: not available yet");
	conv(&net, 1 << 20, 8, 1, 0, false);
	refuse(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .input = 1, .outputs = 1792},
	       "linear: with it the network has more than 2147483647 parameters");
	qmac_net_free(&net);
	CU_ASSERT_EQUAL(qmac_net_create(&net, "a b", (struct qmac_shape){1, 1, 1}, &err), QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(qmac_net_create(&net, "a", (struct qmac_shape){1, 0, 1}, &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, "height: 0 is out of range 1..1048576");
	CU_ASSERT_EQUAL(qmac_net_create(&net, "a", (struct qmac_shape){2, 1 << 15, 1 << 15}, &err),
	                QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, "2x32768x32768 are more than 2147483647 values");
	qmac_net_free(&net);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"every kind of layer", layers},
		{"global pooling", global_pool},
		{"how often a window fits", window_sizes},
		{"what is refused", refusals},
	};

	return test_main("test_net", cases, TEST_COUNT(cases));
}
