/*
 * Networks in float32 on the host: what they give, and their gradients, beside the reference in double; one
 * thread beside several; and the functions and products that they are made of.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "float/layers.h"
#include "float/matrix.h"
#include "float/network.h"
#include "net/values.h"
#include "reference/ref_net.h"
#include "test.h"

enum { NUMBERS = 1 << 13, IMAGES = 11, PARAMETERS = 4096, STATISTICS = 256 };

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
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .input = LAST, .outputs = 3,
	                                        .bias = true});
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
	int64_t images, parameters, outputs;
	float weights[PARAMETERS], statistics[STATISTICS], x[NUMBERS], residual[NUMBERS], logits[NUMBERS];
	float gradient[PARAMETERS];
};

static float small(uint64_t *state)
{
	return (float)test_between(state, -10000, 10000) / 10000;
}

static void fill(struct rig *rig, void (*make)(struct qmac_net *net), int64_t images, uint64_t *state)
{
	memset(rig, 0, sizeof *rig);
	make(&rig->net);
	rig->images = images;
	rig->parameters = qmac_net_parameter_at(&rig->net, rig->net.parameter_count);
	rig->outputs = qmac_shape_count(rig->net.layers[rig->net.layer_count - 1].out);
	for (int64_t i = 0; i < rig->parameters; i++)
		rig->weights[i] = small(state);
	for (int i = 0; i < STATISTICS; i++)
		rig->statistics[i] = small(state) + 2;
	for (int64_t i = 0; i < images * qmac_shape_count(rig->net.input); i++)
		rig->x[i] = small(state);
	for (int64_t i = 0; i < images * rig->outputs; i++)
		rig->residual[i] = small(state);
}

/* The reference with the same numbers, forward and backward. */
static struct ref_net *reference_of(const struct rig *rig, bool training)
{
	struct ref_net *ref = ref_net_create(&rig->net, rig->images);
	int last = rig->net.layer_count - 1;

	ref->training = training;
	for (int64_t i = 0; i < rig->images * qmac_shape_count(rig->net.input); i++)
		ref->input[i] = (double)rig->x[i];
	for (int p = 0; p < rig->net.parameter_count; p++)
		for (int64_t i = 0; i < rig->net.parameters[p].count; i++)
			ref->parameter[p][i] = (double)rig->weights[qmac_net_parameter_at(&rig->net, p) + i];
	for (int l = 0; l <= last; l++) {
		const float *running = rig->statistics + qmac_net_statistics_at(&rig->net, l);
		int64_t channels = rig->net.layers[l].out.channels;

		for (int64_t c = 0; rig->net.layers[l].kind == QMAC_LAYER_BATCH_NORM && c < channels; c++) {
			ref->mean[l][c] = (double)running[c];
			ref->variance[l][c] = (double)running[channels + c];
		}
	}
	ref_net_forward(ref);
	for (int64_t i = 0; i < rig->images * rig->outputs; i++)
		ref->error[last][i] = (double)rig->residual[i];
	if (training)
		ref_net_backward(ref);
	return ref;
}

static void compare(const struct rig *rig, const char *what, const double *expected, double already,
                    const float *got, int64_t count)
{
	double worst = 0, scale = 1;

	for (int64_t i = 0; i < count; i++) {
		worst = fmax(worst, fabs(expected[i] + already - (double)got[i]));
		scale = fmax(scale, fabs(expected[i]));
	}
	CU_ASSERT(worst < 1e-5 * scale);
	if (!(worst < 1e-5 * scale))
		printf("%s, %lld images: %s is off by %g of %g\n", rig->net.name, (long long)rig->images, what, worst,
		       scale);
}

static void compare_logits(const struct rig *rig, bool training)
{
	struct ref_net *ref = reference_of(rig, training);

	compare(rig, "logits", ref->output[rig->net.layer_count - 1], 0, rig->logits, rig->images * rig->outputs);
	ref_net_destroy(ref);
}

static void compare_gradient(const struct rig *rig, double already)
{
	struct ref_net *ref = reference_of(rig, true);

	for (int p = 0; p < rig->net.parameter_count; p++)
		compare(rig, rig->net.parameters[p].name, ref->gradient[p], already,
		        rig->gradient + qmac_net_parameter_at(&rig->net, p), rig->net.parameters[p].count);
	ref_net_destroy(ref);
}

static void check_network(void (*make)(struct qmac_net *net), int64_t images, uint64_t *state)
{
	static struct rig rig;
	struct qmac_float_network *network;
	struct qmac_error err;

	fill(&rig, make, images, state);
	CU_ASSERT_FATAL(!qmac_float_network_create(&rig.net, IMAGES, 2, &network, &err));
	CU_ASSERT(qmac_float_network_forward(network, rig.weights, rig.statistics, rig.x, images, false,
	                                     rig.logits));
	compare_logits(&rig, false);
	CU_ASSERT(qmac_float_network_forward(network, rig.weights, rig.statistics, rig.x, images, true,
	                                     rig.logits));
	compare_logits(&rig, true);
	for (int64_t i = 0; i < rig.parameters; i++)
		rig.gradient[i] = 2; /* what is there is added to */
	CU_ASSERT(qmac_float_network_backward(network, rig.weights, rig.residual, rig.gradient));
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
	CU_ASSERT(qmac_float_network_forward(network, rig.weights, rig.statistics, rig.x, IMAGES, false,
	                                     rig.logits));
	compare_logits(&rig, true);
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
	CU_ASSERT(isnan(result[0]) && result[1] == 1 && result[3] == 0.5f);
	CU_ASSERT(result[2] >= 0 && result[2] < 1e-30f);
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
