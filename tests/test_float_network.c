/*
 * Networks in float32 on the host: what they give beside the equations of net/net.h in double, their
 * gradients beside finite differences of these, and one thread beside several.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "float/layers.h"
#include "float/matrix.h"
#include "float/network.h"
#include "net/values.h"
#include "test.h"

enum { NUMBERS = 1 << 14, IMAGES = 11, PARAMETERS = 4096, LAYERS = 16 };

/* ---- the equations, one value at a time ---------------------------------------------------- */

struct reference {
	const struct qmac_net *net;
	int64_t images;
	double weights[PARAMETERS];
	double statistics[256];
	bool training;
	double input[NUMBERS], output[LAYERS][NUMBERS]; /* N C H W */
};

static int64_t index_of(struct qmac_shape s, int64_t n, int64_t c, int64_t y, int64_t x)
{
	return ((n * s.channels + c) * s.height + y) * s.width + x;
}

static double pixel_at(const double *values, struct qmac_shape s, int64_t n, int64_t c, int64_t y, int64_t x)
{
	return y < 0 || x < 0 || y >= s.height || x >= s.width ? 0 : values[index_of(s, n, c, y, x)];
}

static double window_of(const struct qmac_net_layer *layer, const double *in, int64_t n, int64_t c, int64_t y,
                        int64_t x)
{
	double sum = 0, largest = -INFINITY;

	for (int64_t ky = 0; ky < layer->kernel[0]; ky++)
		for (int64_t kx = 0; kx < layer->kernel[1]; kx++) {
			double value = pixel_at(in, layer->in, n, c, y * layer->stride + ky, x * layer->stride + kx);

			sum += value;
			largest = fmax(largest, value);
		}
	return layer->kind == QMAC_LAYER_MAX_POOL ? largest : sum / (double)(layer->kernel[0] * layer->kernel[1]);
}

static double conv_of(const struct qmac_net_layer *layer, const double *in, const double *weight, int64_t n,
                      int64_t c, int64_t y, int64_t x)
{
	double sum = 0;

	for (int64_t ci = 0; ci < layer->in.channels; ci++)
		for (int64_t ky = 0; ky < layer->kernel[0]; ky++)
			for (int64_t kx = 0; kx < layer->kernel[1]; kx++) {
				int64_t at = ((c * layer->in.channels + ci) * layer->kernel[0] + ky) * layer->kernel[1] + kx;

				sum += weight[at] * pixel_at(in, layer->in, n, ci, y * layer->stride + ky - layer->pad,
				                             x * layer->stride + kx - layer->pad);
			}
	return sum;
}

/* h of a channel. */
static double normed(struct reference *r, int l, const double *in, int64_t c, double value)
{
	const struct qmac_net_layer *layer = &r->net->layers[l];
	const double *running = r->statistics + qmac_net_statistics_at(r->net, l);
	double mean = 0, variance = 0, count = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (int64_t n = 0; n < r->images; n++)
			for (int64_t y = 0; y < layer->in.height; y++)
				for (int64_t x = 0; x < layer->in.width; x++) {
					double v = in[index_of(layer->in, n, c, y, x)];

					if (pass == 0)
						mean += v;
					else
						variance += (v - mean) * (v - mean) / count;
					count += pass == 0;
				}
		mean /= pass == 0 ? count : 1;
	}
	if (!r->training) {
		mean = running[c];
		variance = running[layer->out.channels + c];
	}
	return (value - mean) / sqrt(variance + QMAC_BATCH_NORM_EPSILON);
}

static double value_of(struct reference *r, int l, int64_t n, int64_t c, int64_t y, int64_t x)
{
	const struct qmac_net_layer *layer = &r->net->layers[l];
	const double *in = layer->input < 0 ? r->input : r->output[layer->input], *other;
	const double *weight = r->weights + (layer->weight < 0 ? 0 : qmac_net_parameter_at(r->net, layer->weight));
	double bias = layer->bias < 0 ? 0 : r->weights[qmac_net_parameter_at(r->net, layer->bias) + c];
	double same = qmac_shape_is(layer->in, layer->out) ? in[index_of(layer->in, n, c, y, x)] : 0;

	switch (layer->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		return bias + conv_of(layer, in, weight, n, c, y, x);
	case QMAC_LAYER_BIAS:
		return same + bias;
	case QMAC_LAYER_RELU:
		return fmax(same, 0);
	case QMAC_LAYER_TANH:
		return tanh(same);
	case QMAC_LAYER_SIGMOID:
		return 1 / (1 + exp(-same));
	case QMAC_LAYER_BATCH_NORM:
		return weight[c] * normed(r, l, in, c, same) + bias;
	case QMAC_LAYER_ADD:
		other = layer->other < 0 ? r->input : r->output[layer->other];
		return same + other[index_of(layer->in, n, c, y, x)];
	case QMAC_LAYER_FLATTEN:
		return in[n * qmac_shape_count(layer->in) + c];
	default:
		return window_of(layer, in, n, c, y, x);
	}
}

static const double *reference_forward(struct reference *r)
{
	for (int l = 0; l < r->net->layer_count; l++) {
		struct qmac_shape s = r->net->layers[l].out;

		for (int64_t n = 0; n < r->images; n++)
			for (int64_t c = 0; c < s.channels; c++)
				for (int64_t y = 0; y < s.height; y++)
					for (int64_t x = 0; x < s.width; x++)
						r->output[l][index_of(s, n, c, y, x)] = value_of(r, l, n, c, y, x);
	}
	return r->output[r->net->layer_count - 1];
}

/* ---- networks --------------------------------------------------------------------------------- */

static void append(struct qmac_net *net, struct qmac_layer_request request)
{
	struct qmac_error err;

	if (net->layer_count == 0 && request.input == 0)
		request.input = QMAC_NET_INPUT;
	if (qmac_net_append(net, &request, &err)) {
		CU_FAIL("append");
		printf("%s\n", err.message);
	}
}

#define LAST (net->layer_count - 1)

static void convolutions(struct qmac_net *net)
{
	struct qmac_error err;

	CU_ASSERT(!qmac_net_create(net, "convolutions", (struct qmac_shape){2, 9, 8}, &err));
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = LAST, .outputs = 3,
	                                        .kernel = {3, 2}, .pad = 1, .stride = 1, .bias = true});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_TANH, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_AVG_POOL, .input = LAST, .kernel = {2, 2}});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = LAST, .outputs = 4,
	                                        .kernel = {3, 3}, .pad = 2, .stride = 2});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_BIAS, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_RELU, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = LAST, .outputs = 5,
	                                        .kernel = {1, 1}, .stride = 1, .bias = true});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_SIGMOID, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_FLATTEN, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .input = LAST, .outputs = 3, .bias = true});
}

static void residuals(struct qmac_net *net)
{
	struct qmac_error err;
	int fork;

	CU_ASSERT(!qmac_net_create(net, "residuals", (struct qmac_shape){3, 6, 6}, &err));
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = LAST, .outputs = 4,
	                                        .kernel = {3, 3}, .pad = 1, .stride = 1});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_BATCH_NORM, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_RELU, .input = LAST});
	fork = LAST;
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = LAST, .outputs = 4,
	                                        .kernel = {3, 3}, .pad = 1, .stride = 2});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_BATCH_NORM, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = fork, .outputs = 4,
	                                        .kernel = {1, 1}, .stride = 2});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD, .input = LAST, .other = LAST - 1});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD, .input = LAST, .other = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_MAX_POOL, .input = LAST, .kernel = {2, 2},
	                                        .stride = 1});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_GLOBAL_POOL, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_FLATTEN, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .input = LAST, .outputs = 2});
}

/* One pixel, one channel, whatever has no parameters first. */
static void smallest(struct qmac_net *net)
{
	struct qmac_error err;

	CU_ASSERT(!qmac_net_create(net, "smallest", (struct qmac_shape){1, 1, 1}, &err));
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_TANH, .input = LAST});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = LAST, .outputs = 1,
	                                        .kernel = {3, 3}, .pad = 1, .stride = 1, .bias = true});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD, .input = LAST, .other = 0});
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_BIAS, .input = LAST});
}

/* ---- comparison -------------------------------------------------------------------------------- */

struct rig {
	struct qmac_net net;
	struct reference reference;
	float weights[PARAMETERS], statistics[256], x[NUMBERS], residual[NUMBERS], logits[NUMBERS];
	float gradient[PARAMETERS];
	int64_t parameters, outputs;
};

static double small(uint64_t *state)
{
	return (double)test_between(state, -10000, 10000) / 10000;
}

static void fill(struct rig *rig, void (*make)(struct qmac_net *net), int64_t images, uint64_t *state)
{
	struct reference *r = &rig->reference;

	memset(rig, 0, sizeof *rig);
	make(&rig->net);
	r->net = &rig->net;
	r->images = images;
	rig->parameters = qmac_net_parameter_at(&rig->net, rig->net.parameter_count);
	rig->outputs = qmac_shape_count(rig->net.layers[rig->net.layer_count - 1].out);
	for (int64_t i = 0; i < rig->parameters; i++)
		r->weights[i] = (double)(rig->weights[i] = (float)small(state));
	for (int i = 0; i < 256; i++)
		r->statistics[i] = (double)(rig->statistics[i] = (float)(small(state) + 2));
	for (int64_t i = 0; i < images * qmac_shape_count(rig->net.input); i++)
		r->input[i] = (double)(rig->x[i] = (float)small(state));
	for (int64_t i = 0; i < images * rig->outputs; i++)
		rig->residual[i] = (float)small(state);
}

/* sum of residual times logits, whose derivative by the logits is the residual. */
static double loss_of(struct rig *rig)
{
	const double *logits = reference_forward(&rig->reference);
	double sum = 0;

	for (int64_t i = 0; i < rig->reference.images * rig->outputs; i++)
		sum += (double)rig->residual[i] * logits[i];
	return sum;
}

static double difference_of(struct rig *rig, int64_t parameter)
{
	static const double step = 1e-6;
	double *w = &rig->reference.weights[parameter], old = *w, above, below;

	*w = old + step;
	above = loss_of(rig);
	*w = old - step;
	below = loss_of(rig);
	*w = old;
	return (above - below) / (2 * step);
}

static void compare_logits(struct rig *rig)
{
	const double *expected = reference_forward(&rig->reference);
	double worst = 0;

	for (int64_t i = 0; i < rig->reference.images * rig->outputs; i++)
		worst = fmax(worst, fabs(expected[i] - (double)rig->logits[i]) / (1 + fabs(expected[i])));
	CU_ASSERT(worst < 1e-5);
	if (!(worst < 1e-5))
		printf("%s, %lld images: logits differ by %g\n", rig->net.name, (long long)rig->reference.images, worst);
}

/* Every parameter, or under the sanitizers some. */
static void compare_gradient(struct rig *rig, double already)
{
	double worst = 0, scale = 1;
	int64_t at = 0;

	for (int64_t i = 0; i < rig->parameters; i += 1 + rig->parameters / TEST_CASES(40)) {
		double expected = difference_of(rig, i) + already, off = fabs(expected - (double)rig->gradient[i]);

		scale = fmax(scale, fabs(expected));
		at = off > worst ? i : at;
		worst = fmax(worst, off);
	}
	CU_ASSERT(worst < 3e-5 * scale);
	if (!(worst < 3e-5 * scale))
		printf("%s, %lld images: gradient %lld is off by %g of %g\n", rig->net.name,
		       (long long)rig->reference.images, (long long)at, worst, scale);
}

static void check_network(void (*make)(struct qmac_net *net), int64_t images, uint64_t *state)
{
	static struct rig rig;
	struct qmac_float_network *network;
	struct qmac_error err;

	fill(&rig, make, images, state);
	CU_ASSERT_FATAL(!qmac_float_network_create(&rig.net, IMAGES, 2, &network, &err));
	CU_ASSERT(qmac_float_network_forward(network, rig.weights, rig.statistics, rig.x, images, false, rig.logits));
	compare_logits(&rig);
	rig.reference.training = true;
	CU_ASSERT(qmac_float_network_forward(network, rig.weights, rig.statistics, rig.x, images, true, rig.logits));
	compare_logits(&rig);
	CU_ASSERT(qmac_float_network_backward(network, rig.weights, rig.residual, rig.gradient));
	compare_gradient(&rig, 0);
	for (int64_t i = 0; i < rig.parameters; i++)
		rig.gradient[i] += 2; /* what is there is added to */
	compare_gradient(&rig, 2);
	qmac_float_network_destroy(network);
	qmac_net_free(&rig.net);
}

static void test_networks(void)
{
	void (*const makers[])(struct qmac_net *net) = {convolutions, residuals, smallest};
	uint64_t state = test_seed();

	for (int m = 0; m < 3; m++)
		for (int64_t images = 1; images <= IMAGES; images += 5)
			if (images > 1 || makers[m] != residuals) /* one image leaves batch norm little to go by */
				check_network(makers[m], images, &state);
}

/* ---- threads and statistics ------------------------------------------------------------------------ */

static void test_threads(void)
{
	static struct rig rig, other;
	uint64_t state = test_seed();

	fill(&rig, residuals, IMAGES, &state);
	other = rig;
	for (int threads = 1; threads <= 5; threads += 2) {
		struct rig *one = threads == 1 ? &rig : &other;
		struct qmac_float_network *network;
		struct qmac_error err;

		memset(one->gradient, 0, sizeof one->gradient);
		memcpy(one->statistics, one == &rig ? rig.statistics : other.statistics, sizeof one->statistics);
		CU_ASSERT_FATAL(!qmac_float_network_create(&rig.net, IMAGES, threads, &network, &err));
		CU_ASSERT(qmac_float_network_forward(network, one->weights, one->statistics, one->x, IMAGES, true,
		                                     one->logits));
		CU_ASSERT(qmac_float_network_backward(network, one->weights, one->residual, one->gradient));
		CU_ASSERT(memcmp(rig.logits, one->logits, sizeof rig.logits) == 0);
		CU_ASSERT(memcmp(rig.gradient, one->gradient, sizeof rig.gradient) == 0);
		qmac_float_network_destroy(network);
	}
	qmac_net_free(&rig.net);
}

/* After many minibatches the running statistics are those of the minibatch. */
static void test_running(void)
{
	static struct rig rig;
	struct qmac_float_network *network;
	uint64_t state = test_seed();
	struct qmac_error err;

	fill(&rig, residuals, IMAGES, &state);
	CU_ASSERT_FATAL(!qmac_float_network_create(&rig.net, IMAGES, 1, &network, &err));
	for (int i = 0; i < 300; i++)
		CU_ASSERT(qmac_float_network_forward(network, rig.weights, rig.statistics, rig.x, IMAGES, true,
		                                     rig.logits));
	rig.reference.training = true;
	CU_ASSERT(qmac_float_network_forward(network, rig.weights, rig.statistics, rig.x, IMAGES, false, rig.logits));
	compare_logits(&rig);
	qmac_float_network_destroy(network);
	qmac_net_free(&rig.net);
}

/* ---- functions and products ------------------------------------------------------------------------- */

static void test_functions(void)
{
	enum { POINTS = 4001 };
	static float x[POINTS], t[POINTS], s[POINTS];
	float odd[] = {NAN, INFINITY, -INFINITY, 0, -FLT_MAX, FLT_MIN}, result[6];
	double worst = 0;

	for (int i = 0; i < POINTS; i++)
		x[i] = (float)((i - POINTS / 2) * 0.0107);
	qmac_float_tanh(x, t, POINTS);
	qmac_float_sigmoid(x, s, POINTS);
	for (int i = 0; i < POINTS; i++) {
		worst = fmax(worst, fabs(tanh((double)x[i]) - (double)t[i]) / (fabs(tanh((double)x[i])) + 1e-30));
		worst = fmax(worst, fabs(1 / (1 + exp(-(double)x[i])) - (double)s[i]));
	}
	CU_ASSERT(worst < 4e-7);
	qmac_float_tanh(odd, result, 6);
	CU_ASSERT(isnan(result[0]) && result[1] == 1 && result[2] == -1 && result[3] == 0 && result[4] == -1);
	CU_ASSERT(result[5] == FLT_MIN);
	qmac_float_sigmoid(odd, result, 6);
	CU_ASSERT(isnan(result[0]) && result[1] == 1 && result[2] >= 0 && result[2] < 1e-30f && result[3] == 0.5f);
}

static void check_product(enum qmac_float_form form, int64_t m, int64_t n, int64_t k, uint64_t *state)
{
	enum { SIDE = 40, STRIDE = 43 };
	static float a[SIDE * STRIDE], b[SIDE * STRIDE], c[2][SIDE * STRIDE];
	const struct qmac_float_matrix left = {a, STRIDE}, right = {b, STRIDE};

	for (int i = 0; i < SIDE * STRIDE; i++) {
		a[i] = (float)test_between(state, -100, 100);
		b[i] = (float)test_between(state, -100, 100);
		c[0][i] = c[1][i] = (float)test_between(state, -100, 100);
	}
	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < n; j++)
			for (int64_t l = 0; l < k; l++)
				c[0][i * STRIDE + j] += (form == QMAC_FLOAT_ATB ? a[l * STRIDE + i] : a[i * STRIDE + l]) *
				                        (form == QMAC_FLOAT_ABT ? b[j * STRIDE + l] : b[l * STRIDE + j]);
	qmac_float_product(form, m, n, k, left, right, c[1], STRIDE);
	CU_ASSERT(memcmp(c[0], c[1], sizeof c[0]) == 0); /* whole numbers: exact in any order */
	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < n; j++)
			for (int64_t l = 0; l < k; l++)
				c[0][i * STRIDE + j] += (form == QMAC_FLOAT_ATB ? a[l * STRIDE + i] : a[i * STRIDE + l]) *
				                        (form == QMAC_FLOAT_ABT ? b[j * STRIDE + l] : b[l * STRIDE + j]);
	qmac_float_product_plain(form, m, n, k, left, right, c[1], STRIDE);
	CU_ASSERT(memcmp(c[0], c[1], sizeof c[0]) == 0);
}

static void test_products(void)
{
	uint64_t state = test_seed();

	printf("kernel %s\n", qmac_float_product_kernel());
	for (int i = 0; i < 200; i++)
		check_product((enum qmac_float_form)(i % 3), test_between(&state, 1, 40), test_between(&state, 1, 40),
		              test_between(&state, 1, 40), &state);
}

int main(void)
{
	const struct test_case cases[] = {
		{"networks", test_networks}, {"threads", test_threads}, {"running statistics", test_running},
		{"functions", test_functions}, {"products", test_products},
	};

	return test_main("test_float_network", cases, TEST_COUNT(cases));
}
