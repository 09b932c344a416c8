/*
 * Network files: the shipped ones have the published MACs and parameters; every form of a layer; what is set
 * from outside; every kind of fault with its text and its place; damaged files.
 */
#include <inttypes.h>

#include "config/net_file.h"
#include "config_files.h"

#define HEAD "name: n\ninput: {channels: 3, height: 8, width: 8}\nlayers:\n"

/* The file must load. */
static void load_file(struct qmac_net *net, const char *file, const struct qmac_net_options *options)
{
	struct qmac_error err = {0};

	if (qmac_net_load(net, file, options, &err)) {
		printf("\n    %s:%d:%d: %s\n", file, err.line, err.column, err.message);
		CU_FAIL_FATAL("the network must load");
	}
}

static void load_text(struct qmac_net *net, const char *text, const struct qmac_net_options *options)
{
	load_file(net, config_file("net.yaml", text), options);
}

/* MACs of one sample and parameters, and logits for so many classes. */
static void shipped(void)
{
	static const struct {
		const char *file;
		struct qmac_net_options options;
		int64_t macs, parameters;
	} cases[] = {
		{"lenet5", {0}, 416520, 61706},
		{"lenet5", {.classes = 47}, 419628, 64851},
		{"alexnet_cifar", {0}, 14957056, 2472266},
		{"alexnet_cifar", {.classes = 100}, 14980096, 2495396},
		{"alexnet_cifar", {.classes = 47, .channels = 1}, 13975296, 2466287},
		{"resnet20", {0}, 40813184, 272474},
		{"resnet20", {.times = 3}, 40813184, 272474},
		{"resnet20", {.classes = 100}, 40818944, 278324},
		{"resnet20", {.times = 1}, 12501632, 78042},
		{"resnet20", {.times = 2}, 26657408, 175258},
		{"resnet20", {.times = 5}, 69124736, 466906},
		{"rn8s2", {0}, 3125888, 78042},
		{"rn8s2", {.classes = 100}, 3131648, 83892},
		{"rn20s2", {0}, 10203776, 272474},
		{"rn20s2", {.times = 1}, 3125888, 78042},
	};
	/* By hand, convolutions of AlexNet one by one. */
	static const int64_t alexnet[] = {1486848, 4915200, 2654208, 3538944, 2359296, 2560};
	struct qmac_net net;
	int product = 0;

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		int64_t classes = cases[i].options.classes ? cases[i].options.classes : 10;
		char file[64];

		snprintf(file, sizeof file, "configs/net/%s.yaml", cases[i].file);
		load_file(&net, file, &cases[i].options);
		CU_ASSERT_STRING_EQUAL(net.name, cases[i].file);
		CU_ASSERT_EQUAL(qmac_net_macs(&net), cases[i].macs);
		CU_ASSERT_EQUAL(qmac_net_parameters(&net), cases[i].parameters);
		CU_ASSERT_EQUAL(qmac_net_shape(&net, net.layer_count - 1).channels, classes);
		CU_ASSERT_EQUAL(net.input.channels,
		                cases[i].options.channels ? cases[i].options.channels : i < 2 ? 1 : 3);
		/* Every output is read, but the last. */
		for (int layer = 0; layer < net.layer_count; layer++)
			CU_ASSERT_EQUAL(qmac_net_readers(&net, layer) > 0, layer < net.layer_count - 1);
		qmac_net_free(&net);
	}
	load_file(&net, "configs/net/alexnet_cifar.yaml", NULL);
	for (int i = 0; i < net.layer_count; i++)
		if (net.layers[i].macs)
			CU_ASSERT_EQUAL(net.layers[i].macs, alexnet[product++]);
	CU_ASSERT_EQUAL(product, TEST_COUNT(alexnet));
	qmac_net_free(&net);
}

/* Formulas of the residual networks with n blocks a stage, apart from the tree. */
static void residual_networks(void)
{
	struct qmac_net_options options = {0};
	struct qmac_net net;

	for (int64_t n = 1; n <= 9; n++) {
		int64_t macs = 9 * 1024 * 3 * 16, parameters = 9 * 3 * 16 + 2 * 16, convs = 1 + 6 * n + 2, seen = 0;

		for (int64_t stage = 0, in = 16, c = 16, pixels = 1024; stage < 3;
		     stage++, in = c, c *= 2, pixels /= 4) {
			int64_t weights = 9 * in * c + 9 * c * c * (2 * n - 1) + (stage ? in * c : 0);

			macs += pixels * weights;
			parameters += weights + 2 * c * (2 * n + (stage > 0));
		}
		options.times = n;
		load_file(&net, "configs/net/resnet20.yaml", &options);
		for (int i = 0; i < net.layer_count; i++)
			seen += net.layers[i].kind == QMAC_LAYER_CONV;
		CU_ASSERT_EQUAL(seen, convs);
		CU_ASSERT_EQUAL(qmac_net_macs(&net), macs + 640);
		CU_ASSERT_EQUAL(qmac_net_parameters(&net), parameters + 650);
		qmac_net_free(&net);
	}
}

/* Each layer as "name(input,other)shape", the network's input -1. */
static void expect_layers(const char *text, const struct qmac_net_options *options, const char *expected)
{
	char got[2048] = "", shape[QMAC_SHAPE_TEXT];
	struct qmac_net net;
	size_t used = 0;

	load_text(&net, text, options);
	for (int i = 0; i < net.layer_count; i++) {
		const struct qmac_net_layer *layer = &net.layers[i];

		used += (size_t)snprintf(got + used, sizeof got - used, "%s%s(%d", i ? " " : "", layer->name,
		                         layer->input);
		if (layer->kind == QMAC_LAYER_ADD)
			used += (size_t)snprintf(got + used, sizeof got - used, ",%d", layer->other);
		used += (size_t)snprintf(got + used, sizeof got - used, ")%s", qmac_shape_text(layer->out, shape));
	}
	qmac_net_free(&net);
	CU_ASSERT_STRING_EQUAL(got, expected);
	if (strcmp(got, expected) != 0)
		printf("\n    %s\n", got);
}

static void forms(void)
{
	struct qmac_net net;

	expect_layers(HEAD
	              "- conv: {out: 4, kernel: 3, stride: 2, pad: 1, groups: 1, bias: false, name: first}\n"
	              "- bias\n- relu: {}\n- tanh\n- sigmoid: {name: s}\n- batch_norm\n"
	              "- avg_pool: {size: 2, stride: 1}\n- max_pool: {size: 2}\n- global_pool\n- flatten\n"
	              "- linear: {out: 5, bias: false}\n- linear: {out: 2}\n", NULL,
	              "first(-1)4x4x4 bias1(0)4x4x4 relu1(1)4x4x4 tanh1(2)4x4x4 s(3)4x4x4 batch_norm1(4)4x4x4"
	              " avg_pool1(5)4x3x3 max_pool1(6)4x1x1 global_pool1(7)4x1x1 flatten1(8)4x1x1 linear1(9)5x1x1"
	              " linear2(10)2x1x1");
	load_text(&net, HEAD "- conv: {out: 4, kernel: 3, stride: 2, pad: 1, bias: false}\n"
	                "- avg_pool: {size: 2, stride: 1}\n- conv: {out: 2, kernel: 1}\n", NULL);
	CU_ASSERT(net.layers[0].bias == QMAC_NET_NONE && net.layers[0].stride == 2 && net.layers[0].pad == 1);
	CU_ASSERT(net.layers[1].kernel[0] == 2 && net.layers[1].kernel[1] == 2 && net.layers[1].stride == 1);
	CU_ASSERT(net.layers[2].bias == 2 && net.layers[2].stride == 1 && net.layers[2].pad == 0);
	qmac_net_free(&net);
	/* A branch without layers, at the very beginning, too; and one in another. */
	expect_layers(HEAD "- residual: {main: [relu, tanh]}\n", NULL,
	              "relu1(-1)3x8x8 tanh1(0)3x8x8 add1(1,-1)3x8x8");
	expect_layers(HEAD "- relu\n- residual: {main: [relu], shortcut: [], name: sum}\n", NULL,
	              "relu1(-1)3x8x8 relu2(0)3x8x8 sum(1,0)3x8x8");
	expect_layers(HEAD
	              "- relu\n"
	              "- residual: {main: [relu, residual: {main: [tanh]}], shortcut: [sigmoid, sigmoid]}\n"
	              "- relu\n", NULL,
	              "relu1(-1)3x8x8 relu2(0)3x8x8 tanh1(1)3x8x8 add1(2,1)3x8x8 sigmoid1(0)3x8x8"
	              " sigmoid2(4)3x8x8 add2(3,5)3x8x8 relu3(6)3x8x8");
}

static void repeats(void)
{
	struct qmac_net_options options = {.times = 1};
	static const char flat[] = "name: n\ninput: {channels: 2, height: 1, width: 1}\nlayers:\n"
	                           "- repeat: {times: 2, layers: [linear: {out: 3}]}\n- relu\n";

	expect_layers(HEAD "- repeat: {times: 2, first: [tanh], layers: [relu, repeat: "
	              "{times: 2, layers: [sigmoid]}]}\n- relu\n", NULL,
	              "tanh1(-1)3x8x8 relu1(0)3x8x8 sigmoid1(1)3x8x8 sigmoid2(2)3x8x8 relu2(3)3x8x8");
	expect_layers(HEAD "- repeat: {times: 2, layers: [max_pool: {size: 2}]}\n- relu\n", NULL,
	              "max_pool1(-1)3x4x4 max_pool2(0)3x2x2 relu1(1)3x2x2");
	expect_layers(HEAD "- repeat: {times: 2, layers: [max_pool: {size: 2}]}\n", &options,
	              "max_pool1(-1)3x4x4");
	options.times = 3;
	expect_layers(HEAD "- repeat: {times: 2, layers: [max_pool: {size: 2}]}\n", &options,
	              "max_pool1(-1)3x4x4 max_pool2(0)3x2x2 max_pool3(1)3x1x1");
	/* Of a linear layer that is repeated the last one has the classes. */
	options.times = 0;
	options.classes = 7;
	expect_layers(flat, &options, "linear1(-1)3x1x1 linear2(0)7x1x1 relu1(1)7x1x1");
	options.times = 1;
	options.channels = 9;
	expect_layers(flat, &options, "linear1(-1)7x1x1 relu1(0)7x1x1");
}

static void options(void)
{
	struct qmac_net_options options = {0};
	struct qmac_error err = {0};
	struct qmac_net net;
	const char *file;

	CU_ASSERT_FATAL(!qmac_net_options_set(&options, "net.times", "5", &err));
	CU_ASSERT_FATAL(!qmac_net_options_set(&options, "net.classes", "100", &err));
	CU_ASSERT_FATAL(!qmac_net_options_set(&options, "net.channels", "1", &err));
	CU_ASSERT(options.times == 5 && options.classes == 100 && options.channels == 1);
	CU_ASSERT_EQUAL(qmac_net_options_set(&options, "net_times", "5", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "this key has been set already");
	options.times = options.channels = 0;
	CU_ASSERT_EQUAL(qmac_net_options_set(&options, "net.time", "5", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "unknown key 'net.time'; did you mean 'net.times'?");
	CU_ASSERT_EQUAL(qmac_net_options_set(&options, "net.times", "0", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "0 is out of range 1..1000");
	CU_ASSERT_EQUAL(qmac_net_options_set(&options, "net.channels", "x", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "expected a whole number 1..1048576, not 'x'");

	CU_ASSERT(options.times == 0 && options.channels == 0);

	file = config_file("net.yaml", HEAD "- relu\n");
	CU_ASSERT_EQUAL(qmac_net_load(&net, file, &options, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 4, 1, "net.classes is set, but there is no linear layer");
	/* Who overrides an input meets the layers that cannot have it. */
	file = config_file("net.yaml", HEAD "- conv: {out: 4, kernel: 1}\n- residual: {main: [conv: {out: 3, "
	                               "kernel: 1}], shortcut: []}\n");
	CU_ASSERT_EQUAL(qmac_net_load(&net, file, NULL, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 5, 3, "residual: main gives 3x8x8, its shortcut 4x8x8: they cannot be added");
	CU_ASSERT(net.layers == NULL && net.parameters == NULL);
}

static void faults(void)
{
	static const struct {
		const char *text, *part;
		int line, column;
	} cases[] = {
		{"name: n\n", "missing key 'input'", 1, 1},
		{"name: n\ninput: {channels: 3, height: 8}\nlayers: [relu]\n", "missing key 'input.width'", 2, 8},
		{"name: n\ninput: {channels: 3, height: 8, width: 8}\n", "missing key 'layers'", 1, 1},
		{"input: {channels: 3, height: 8, width: 8}\nlayers: [relu]\n", "missing key 'name'", 1, 1},
		{"name: n\ninput: 3\nlayers: [relu]\n", "input: expected a mapping", 2, 8},
		{"name: n\ninput: {channels: 3, height: 8, with: 8}\n", "'with'; did you mean 'width'?", 2, 33},
		{"name: n\ninput: {channels: 3, height: 8, width: -8}\n", "width: -8 is out of range", 2, 40},
		{"name: n\ninput: {channels: 9, height: 32000, width: 32000}\nlayers: [relu]\n",
		 "9x32000x32000 are more than 2147483647 values", 2, 8},
		{"name: a b\ninput: {channels: 3, height: 8, width: 8}\nlayers: [relu]\n",
		 "the name 'a b' is not a letter", 1, 7},
		{"name: [a]\ninput: {channels: 3, height: 8, width: 8}\nlayers: [relu]\n",
		 "name: expected a single value, not a list", 1, 7},
		{"name: n\nlayer: []\n", "unknown key 'layer'; did you mean 'layers'?", 2, 1},
		{HEAD "  relu\n", "layers: expected a list, not a single value", 4, 3},
		{"name: n\ninput: {channels: 3, height: 8, width: 8}\nlayers: []\n", "layers: no layers", 3, 9},
		{HEAD "- relu\n- rellu\n", "unknown layer 'rellu'; did you mean 'relu'?", 5, 3},
		{HEAD "- relu\n- cnv: {out: 3}\n", "unknown layer 'cnv'; did you mean 'conv'?", 5, 3},
		{HEAD "- add\n", "unknown layer 'add'; use one of conv, linear, bias", 4, 3},
		{HEAD "- [relu]\n", "expected a layer", 4, 3},
		{HEAD "- {}\n", "expected a layer", 4, 3},
		{HEAD "-\n- relu\n", "unknown layer ''; use one of", 4, 2},
		{HEAD "- relu:\n", "relu: expected a mapping (key: value), not a single value", 4, 8},
		{HEAD "- conv: 16\n", "conv: expected a mapping", 4, 9},
		{HEAD "- conv: {out: 4, kernel: 3}\n  relu: {}\n", "'relu': a second layer in one entry", 5, 3},
		{HEAD "- conv: {out: 4, kernal: 3}\n", "unknown key 'kernal'; did you mean 'kernel'?", 4, 18},
		{HEAD "- conv: {out: 4}\n", "conv: missing key 'kernel'", 4, 3},
		{HEAD "- conv\n", "conv: missing key 'kernel'", 4, 3},
		{HEAD "- conv: {kernel: 3}\n", "conv: missing key 'out'", 4, 3},
		{HEAD "- linear\n", "linear: missing key 'out'", 4, 3},
		{HEAD "- max_pool\n", "max_pool: missing key 'size'", 4, 3},
		{HEAD "- conv: {out: 4, kernel: 0}\n", "kernel: 0 is out of range 1..", 4, 26},
		{HEAD "- conv: {out: 4, kernel: \"3\"}\n", "kernel: '3' is in quotes", 4, 26},
		{HEAD "- conv: {out: 4, kernel: [3, 3]}\n", "kernel: expected a single value, not a list", 4, 26},
		{HEAD "- conv: {out: 4, kernel: 3, bias: no}\n", "bias: expected true or false, not 'no'", 4, 35},
		{HEAD "- conv: {out: 4, kernel: 3, groups: 2}\n", "groups: 2 is not available yet; use 1", 4, 37},
		{HEAD "- conv: {out: 4, kernel: 3, pad: 3}\n", "conv: pad 3 is not less than kernel 3", 4, 3},
		{HEAD "- conv: {out: 4, kernel: 9}\n", "conv: a kernel of 9 does not fit into a height of 8", 4, 3},
		{HEAD "- linear: {out: 4}\n", "linear: it reads channels of one pixel, not 3x8x8", 4, 3},
		{HEAD "- embedding: {out: 4}\n", "embedding: not available yet", 4, 3},
		{HEAD "- lstm\n", "lstm: not available yet", 4, 3},
		{HEAD "- relu: {size: 4}\n", "unknown key 'size'; use name", 4, 10},
		{HEAD "- relu: {name: a}\n- tanh: {name: a}\n", "tanh: there is a layer of the name 'a'", 5, 3},
		{HEAD "- tanh: {name: relu1}\n- relu\n", "relu: there is a layer of the name 'relu1'", 5, 3},
		{HEAD "- relu: {name: a.b}\n", "relu: the name 'a.b' is not a letter", 4, 3},
		{HEAD "- repeat: {times: 2, layers: [relu: {name: a}]}\n",
		 "name: layers in a repeat get their", 4, 44},
		{HEAD "- repeat: {layers: [relu]}\n", "repeat: missing key 'times'", 4, 3},
		{HEAD "- repeat: {times: 2}\n", "repeat: missing key 'layers'", 4, 3},
		{HEAD "- repeat\n", "repeat: missing key 'times'", 4, 3},
		{HEAD "- repeat: {times: 0, layers: [relu]}\n", "times: 0 is out of range 1..1000", 4, 19},
		{HEAD "- repeat: {times: 2, layers: []}\n", "layers: no layers", 4, 30},
		{HEAD "- repeat: {times: 2, first: relu, layers: [relu]}\n", "first: expected a list", 4, 29},
		{HEAD "- repeat: {times: 5, layers: [max_pool: {size: 2}]}\n",
		 "max_pool: a kernel of 2 does not fit into a height of 1", 4, 31},
		{HEAD "- repeat: {times: 65, layers: [repeat: {times: 64, layers: [relu]}]}\n",
		 "relu: more than 4096 layers", 4, 61},
		{HEAD "- residual: {shortcut: [relu]}\n", "residual: missing key 'main'", 4, 3},
		{HEAD "- residual: {main: []}\n", "main: no layers", 4, 20},
		{HEAD "- residual: {main: [relu], shortcut: relu}\n", "shortcut: expected a list", 4, 38},
		{HEAD "- residual: {main: [relu], short: []}\n", "unknown key 'short'", 4, 28},
		{HEAD "- residual: {main: [max_pool: {size: 2}]}\n", "residual: main gives 3x4x4, its", 4, 3},
		{HEAD "- conv: {out: 1048576, kernel: 8}\n- linear: {out: 2000}\n",
		 "linear: with it the network has more than 2147483647 parameters", 5, 3},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		const char *file = config_file("net.yaml", cases[i].text);
		struct qmac_error err = {0};
		struct qmac_net net;

		CU_ASSERT_EQUAL(qmac_net_load(&net, file, NULL, &err), QMAC_BAD_INPUT);
		check_error(&err, file, cases[i].line, cases[i].column, cases[i].part);
	}
	CU_ASSERT_EQUAL(qmac_net_load(&(struct qmac_net){0}, "no/such.yaml", NULL, NULL), QMAC_BAD_INPUT);
}

/* Nothing, or an error with a place in the file; never anything else. */
static void expect_clean(const char *bytes, size_t size)
{
	const char *file = config_bytes("damaged.yaml", bytes, size);
	struct qmac_error err = {0};
	struct qmac_net net;
	enum qmac_status status = qmac_net_load(&net, file, NULL, &err);

	CU_ASSERT(status == QMAC_OK || status == QMAC_BAD_INPUT);
	CU_ASSERT(status == QMAC_OK || (err.message[0] && err.line >= 1 && err.column >= 1));
	if (!status)
		qmac_net_free(&net);
}

/* A shipped file cut off somewhere, with other bytes, or without a part of it. */
static void damaged(void)
{
	static char text[8192], copy[sizeof text];
	static const char letters[] = "{}[]:,-#\n \"'&*!|0a9.\t";
	FILE *file = fopen("configs/net/resnet20.yaml", "rb");
	uint64_t state = test_seed();
	size_t size;

	CU_ASSERT_FATAL(file != NULL);
	size = fread(text, 1, sizeof text, file);
	fclose(file);
	CU_ASSERT_FATAL(size > 1000 && size < sizeof text);
	for (size_t i = 0; i < size; i += (size_t)test_between(&state, 1, 50))
		expect_clean(text, i);
	for (int i = 0; i < TEST_CASES(250); i++) {
		size_t from = (size_t)test_between(&state, 0, (int64_t)size - 1), to;

		memcpy(copy, text, size);
		for (int64_t n = test_between(&state, 1, 3); n > 0; n--)
			copy[test_between(&state, 0, (int64_t)size - 1)] =
				letters[test_between(&state, 0, (int64_t)sizeof letters - 2)];
		to = (size_t)test_between(&state, (int64_t)from, (int64_t)size - 1);
		if (i % 3 == 0)
			memmove(copy + from, copy + to, size - to);
		expect_clean(copy, i % 3 == 0 ? size - (to - from) : size);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"MACs and parameters of the shipped networks", shipped},
		{"residual networks of any depth", residual_networks},
		{"every form of a layer", forms},
		{"repeats", repeats},
		{"what is set from outside", options},
		{"faults and their places", faults},
		{"damaged files", damaged},
	};

	return test_main("test_net_file", cases, TEST_COUNT(cases));
}
