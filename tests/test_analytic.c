/*
 * AdaPT's performance model: the published figures of networks and of MuPPET's schedules, identities, and
 * random trainings against the formulas written out, in which every planted fault must show.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/analytic.h"
#include "test.h"

enum { LAYERS_MAX = 24 };

static uint64_t state;

static double unit_random(void)
{
	return (double)(test_random(&state) >> 11) * 0x1p-53;
}

/* ---- networks ------------------------------------------------------------------------------------- */

struct net {
	struct qmac_analytic_layer layers[LAYERS_MAX];
	int count;
	struct qmac_analytic_image image;
};

static struct qmac_analytic_layer *append(struct net *net, enum qmac_analytic_kind kind, int kernel,
                                          int stride, int pad, int outputs)
{
	struct qmac_analytic_layer *layer = &net->layers[net->count++];
	struct qmac_analytic_image out = net->image;

	*layer = (struct qmac_analytic_layer){.kind = kind, .in = net->image, .kernel_height = kernel,
	                                      .kernel_width = kernel};
	if (kernel) {
		out.height = (out.height + 2 * pad - kernel) / stride + 1;
		out.width = (out.width + 2 * pad - kernel) / stride + 1;
	}
	if (kind == QMAC_ANALYTIC_CONV) {
		layer->inputs = net->image.channels;
		layer->outputs = out.channels = outputs;
		layer->weights = (int64_t)kernel * kernel * layer->inputs * outputs;
	}
	if (kind == QMAC_ANALYTIC_BATCH_NORM)
		layer->weights = 2 * net->image.channels;
	layer->out = net->image = out;
	return layer;
}

static void conv(struct net *net, int kernel, int stride, int pad, int outputs,
                 enum qmac_analytic_activation activation)
{
	append(net, QMAC_ANALYTIC_CONV, kernel, stride, pad, outputs)->activation = activation;
}

static void linear(struct net *net, int inputs, int outputs, enum qmac_analytic_activation activation)
{
	struct qmac_analytic_layer *layer = append(net, QMAC_ANALYTIC_LINEAR, 0, 1, 0, 0);

	layer->inputs = inputs;
	layer->outputs = outputs;
	layer->weights = (int64_t)inputs * outputs;
	layer->activation = activation;
}

static void make_alexnet(struct net *net)
{
	*net = (struct net){.image = {32, 32, 3}};
	conv(net, 11, 4, 5, 64, QMAC_ANALYTIC_RELU);
	append(net, QMAC_ANALYTIC_POOL, 2, 2, 0, 0);
	conv(net, 5, 1, 2, 192, QMAC_ANALYTIC_RELU);
	append(net, QMAC_ANALYTIC_POOL, 2, 2, 0, 0);
	conv(net, 3, 1, 1, 384, QMAC_ANALYTIC_RELU);
	conv(net, 3, 1, 1, 256, QMAC_ANALYTIC_RELU);
	conv(net, 3, 1, 1, 256, QMAC_ANALYTIC_RELU);
	append(net, QMAC_ANALYTIC_POOL, 2, 2, 0, 0);
	linear(net, 256, 10, QMAC_ANALYTIC_NONE);
}

/* As published images of 28 x 28 are not made larger, so that the third convolution has no pixel left. */
static void make_lenet(struct net *net, int size)
{
	*net = (struct net){.image = {size, size, 1}};
	conv(net, 5, 1, 0, 6, QMAC_ANALYTIC_TANH);
	append(net, QMAC_ANALYTIC_POOL, 2, 2, 0, 0);
	conv(net, 5, 1, 0, 16, QMAC_ANALYTIC_TANH);
	append(net, QMAC_ANALYTIC_POOL, 2, 2, 0, 0);
	conv(net, 5, 1, 0, 120, QMAC_ANALYTIC_TANH);
	linear(net, 120, 84, QMAC_ANALYTIC_TANH);
	linear(net, 84, 10, QMAC_ANALYTIC_NONE);
}

/* To the last digit that is known. */
static void figures(const struct net *net, const double *expected, const double *digit)
{
	int n = 0;

	for (int i = 0; i < net->count; i++)
		if (net->layers[i].kind != QMAC_ANALYTIC_POOL) {
			double operations = qmac_analytic_operations(QMAC_ANALYTIC_PUBLISHED, &net->layers[i]);

			if (fabs(operations - expected[n]) > digit[n] / 2)
				printf("layer %d: %.0f\n", n, operations);
			CU_ASSERT(fabs(operations - expected[n]) <= digit[n] / 2);
			n++;
		}
}

static void published_operations_of_networks(void)
{
	static const double alexnet[] = {13.37e6, 126.2e6, 340.3e6, 906.8e6, 403.2e6, 4864};
	static const double alexnet_digit[] = {1e4, 1e5, 1e5, 1e5, 1e5, 0};
	static const double lenet[] = {58800, 859e3, 4.977e6, 4.858e6, 1596};
	static const double lenet_digit[] = {100, 1e3, 1e3, 1e3, 0};
	struct net net;

	make_alexnet(&net);
	figures(&net, alexnet, alexnet_digit);
	make_lenet(&net, 28);
	figures(&net, lenet, lenet_digit);
	CU_ASSERT_EQUAL(qmac_analytic_operations(QMAC_ANALYTIC_PUBLISHED, &net.layers[0]), 58752);
	CU_ASSERT_EQUAL(qmac_analytic_operations(QMAC_ANALYTIC_PUBLISHED, &net.layers[1]), 12 * 12 * 6);
	CU_ASSERT_EQUAL(qmac_analytic_operations(QMAC_ANALYTIC_CLEAN, &net.layers[1]), 0);
	net = (struct net){.image = {8, 6, 5}};
	append(&net, QMAC_ANALYTIC_BATCH_NORM, 0, 1, 0, 0)->activation = QMAC_ANALYTIC_RELU;
	CU_ASSERT_EQUAL(qmac_analytic_operations(QMAC_ANALYTIC_PUBLISHED, &net.layers[0]), 5 * 240);
	CU_ASSERT_EQUAL(qmac_analytic_operations(QMAC_ANALYTIC_CLEAN, &net.layers[0]), 4 * 240);
}

/* Twice the MACs of one sample. */
static void clean_operations_of_networks(void)
{
	struct net net;
	double sum = 0;

	make_alexnet(&net);
	for (int i = 0; i < net.count; i++)
		sum += qmac_analytic_operations(QMAC_ANALYTIC_CLEAN, &net.layers[i]);
	CU_ASSERT_EQUAL(sum, 2.0 * 14957056);
	make_lenet(&net, 32);
	sum = 0;
	for (int i = 0; i < net.count; i++)
		sum += qmac_analytic_operations(QMAC_ANALYTIC_CLEAN, &net.layers[i]);
	CU_ASSERT_EQUAL(sum, 2.0 * 416520);
}

/* ---- formats that all layers share ----------------------------------------------------------------- */

static const struct qmac_analytic_settings without_overhead = {
	.samples = 1, .interval = 10, .accumulation = 1,
};

static void uniform_steps(struct qmac_analytic *analytic, int bw, int steps)
{
	struct qmac_analytic_record records[LAYERS_MAX];

	for (int i = 0; i < LAYERS_MAX; i++)
		records[i] = (struct qmac_analytic_record){.bw = bw};
	for (int i = 0; i < steps; i++)
		qmac_analytic_step(analytic, records);
}

/* One width for all and no zeros: 64 / (BW + 32), whatever the network and the variant. */
static void identities(void)
{
	static const int widths[] = {8, 12, 16, 20, 32};
	static const double speedups[] = {1.6, 1.4545454545454546, 1.3333333333333333, 1.2307692307692308, 1};

	for (int i = 0; i < 10; i++) {
		struct qmac_analytic_settings settings = without_overhead;
		struct qmac_analytic_result result;
		struct qmac_analytic analytic;
		struct net net;
		int bw = widths[i / 2];

		settings.variant = i % 2 ? QMAC_ANALYTIC_CLEAN : QMAC_ANALYTIC_PUBLISHED;
		make_alexnet(&net);
		qmac_analytic_init(&analytic, &settings, net.layers, net.count);
		uniform_steps(&analytic, bw, 3);
		result = qmac_analytic_result(&analytic, 0.25, 150, 1);
		CU_ASSERT_DOUBLE_EQUAL(result.speedup, speedups[i / 2], 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(result.iso_speedup, 4 * speedups[i / 2], 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(result.muppet_speedup, speedups[i / 2], 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(result.inference_speedup, 32.0 / bw, 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(result.model_size, bw / 32.0, 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(result.mean_size, bw / 32.0, 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(result.memory, 1 + bw / 16.0, 1e-12);
		CU_ASSERT_EQUAL(result.overhead, 0);
	}
}

/* MuPPET's own schedules of bits and epochs; it ends in float32, so that its model is as large as one. */
static void muppet_schedules(void)
{
	static const struct {
		int bw[5], epochs[5];
		double speedup, memory;
	} schedules[] = {
		{{8, 12, 14, 16, 32}, {16, 10, 14, 14, 45}, 1.2009, 2.331},
		{{8, 12, 14, 16, 32}, {22, 22, 10, 15, 45}, 1.2349, 2.239},
	};

	for (int i = 0; i < 4; i++) {
		struct qmac_analytic_settings settings = without_overhead;
		struct qmac_analytic_result result;
		struct qmac_analytic analytic;
		struct net net;

		settings.variant = i % 2 ? QMAC_ANALYTIC_CLEAN : QMAC_ANALYTIC_PUBLISHED;
		make_alexnet(&net);
		qmac_analytic_init(&analytic, &settings, net.layers, net.count);
		for (int k = 0; k < 5; k++)
			uniform_steps(&analytic, schedules[i / 2].bw[k], schedules[i / 2].epochs[k]);
		result = qmac_analytic_result(&analytic, 1, 150, 1);
		CU_ASSERT_DOUBLE_EQUAL(result.speedup, schedules[i / 2].speedup, 1e-4);
		CU_ASSERT_DOUBLE_EQUAL(result.memory, schedules[i / 2].memory, 1e-3);
		CU_ASSERT_EQUAL(result.model_size, 1);
		CU_ASSERT_EQUAL(result.inference_speedup, 1);
	}
}

static void reached(void)
{
	static const double accuracy[] = {0.1, 0.5, 0.73, 0.72, 0.9};

	CU_ASSERT_EQUAL(qmac_analytic_reached(accuracy, 5, 0.73), 0.4);
	CU_ASSERT_EQUAL(qmac_analytic_reached(accuracy, 5, 0.731), 0.8);
	CU_ASSERT_EQUAL(qmac_analytic_reached(accuracy, 5, 0.05), 0);
	CU_ASSERT_EQUAL(qmac_analytic_reached(accuracy, 5, 0.91), 1);
	CU_ASSERT_EQUAL(qmac_analytic_reached(accuracy, 0, 0), 1);
}

/* ---- random trainings ------------------------------------------------------------------------------ */

enum {
	SOUND,
	NATURAL_LOGARITHM,   /* of the bisection */
	OVERHEAD_DENSE,      /* zeros save nothing of pushing down */
	OVERHEAD_TWICE,      /* the rule of the other variant for zeros and the whole overhead */
	NO_ACCUMULATION,
	LOOKBACK_ITSELF,     /* l in place of l + 1 */
	SIZES_WEIGHTED,      /* the rule of the other variant for sizes */
	BITS_AT_9,           /* BW above 9, not 8 */
	FAULTS
};

enum { STEPS = 12 };

static double overhead_by_formula(const struct qmac_analytic_settings *s, const struct qmac_analytic_layer *l,
                                  const struct qmac_analytic_record *r, int fault)
{
	double size = (double)l->weights, tries = 1, nonzero = fault == OVERHEAD_DENSE ? 1 : 1 - r->sparsity;
	double accumulation = fault == NO_ACCUMULATION ? 1 : s->accumulation, down, up;

	if (!s->overhead)
		return 0;
	if (s->variant == QMAC_ANALYTIC_PUBLISHED)
		size = (double)(l->kind == QMAC_ANALYTIC_CONV ? l->kernel_height * l->kernel_width * l->outputs
		                                               : l->in.height * l->in.width * l->in.channels);
	if (r->bw > (fault == BITS_AT_9 ? 9 : 8))
		tries = 2 * (fault == NATURAL_LOGARITHM ? log(r->bw - 8) : log2(r->bw - 8));
	down = 3 * size * tries * r->resolution * nonzero;
	up = (r->lookback + (fault != LOOKBACK_ITSELF)) * size + 1;
	return 32 * (down + up) * s->interval / (r->lookback * accumulation);
}

static struct qmac_analytic_result by_formula(const struct qmac_analytic_settings *s, const struct net *net,
                                              struct qmac_analytic_record records[STEPS][LAYERS_MAX],
                                              double reach, double epochs, double ratio, int fault)
{
	bool zeros_save = (s->variant == QMAC_ANALYTIC_PUBLISHED) != (fault == OVERHEAD_TWICE);
	bool weighted = (s->variant == QMAC_ANALYTIC_CLEAN) != (fault == SIZES_WEIGHTED);
	double quantised = 0, in_float = 0, overhead = 0, sizes = 0, float_sizes = 0, last = 0, last_float = 0;
	double size = 0, float_size = 0;

	for (int t = 0; t < STEPS; t++) {
		double bits = 0, nonzeros = 0, all = 0, stored = 0;

		last = last_float = 0;
		for (int i = 0; i < net->count; i++) {
			const struct qmac_analytic_record *r = &records[t][i];
			double work = s->samples * qmac_analytic_operations(s->variant, &net->layers[i]);
			double more = overhead_by_formula(s, &net->layers[i], r, fault), nonzero = 1 - r->sparsity;

			quantised += nonzero * work * r->bw + more * (zeros_save ? nonzero : 1);
			in_float += 32 * work;
			overhead += more;
			last += nonzero * work * r->bw;
			last_float += 32 * work;
			bits += r->bw;
			nonzeros += nonzero;
			all += 32.0 * (double)net->layers[i].weights;
			stored += r->bw * nonzero * (double)net->layers[i].weights;
		}
		size = weighted ? stored : bits * nonzeros / net->count;
		float_size = weighted ? all : 32 * net->count;
		sizes += size;
		float_sizes += float_size;
	}
	return (struct qmac_analytic_result){
		.speedup = 2 * in_float / (quantised + in_float),
		.iso_speedup = 2 * in_float / (quantised + in_float) / reach,
		.muppet_speedup = 150 / epochs * (2 * in_float / (quantised + in_float * ratio / s->accumulation)),
		.memory = 1 + sizes / float_sizes * 2,
		.model_size = size / float_size,
		.mean_size = sizes / float_sizes,
		.inference_speedup = last_float / last,
		.overhead = overhead / quantised,
	};
}

static bool far(double a, double b)
{
	return !(fabs(a - b) <= 1e-11 * (fabs(a) + fabs(b)));
}

static bool results_differ(const struct qmac_analytic_result *a, const struct qmac_analytic_result *b)
{
	return far(a->speedup, b->speedup) || far(a->iso_speedup, b->iso_speedup) ||
	       far(a->muppet_speedup, b->muppet_speedup) || far(a->memory, b->memory) ||
	       far(a->model_size, b->model_size) || far(a->mean_size, b->mean_size) ||
	       far(a->inference_speedup, b->inference_speedup) || far(a->overhead, b->overhead);
}

static int training_differs(int fault)
{
	static struct qmac_analytic_record records[STEPS][LAYERS_MAX];
	struct qmac_analytic_settings settings = {
		.variant = test_random(&state) % 2 ? QMAC_ANALYTIC_CLEAN : QMAC_ANALYTIC_PUBLISHED,
		.overhead = test_random(&state) % 4, .samples = (double)test_between(&state, 1, 256),
		.interval = (double)test_between(&state, 1, 10), .accumulation = (double)test_between(&state, 1, 4),
	};
	double reach = 0.1 + unit_random(), ratio = 2 * unit_random();
	double epochs = (double)test_between(&state, 5, 100);
	struct qmac_analytic_result ours, expected;
	struct qmac_analytic analytic;
	struct net net;

	if (test_random(&state) % 2)
		make_alexnet(&net);
	else
		make_lenet(&net, 28);
	append(&net, QMAC_ANALYTIC_BATCH_NORM, 0, 1, 0, 0);
	qmac_analytic_init(&analytic, &settings, net.layers, net.count);
	for (int t = 0; t < STEPS; t++) {
		for (int i = 0; i < net.count; i++)
			records[t][i] = (struct qmac_analytic_record){
				.bw = (int)test_between(&state, 6, 20), .sparsity = unit_random(),
				.lookback = (int)test_between(&state, 25, 150),
				.resolution = (int)test_between(&state, 50, 150),
			};
		qmac_analytic_step(&analytic, records[t]);
	}
	ours = qmac_analytic_result(&analytic, reach, epochs, ratio);
	expected = by_formula(&settings, &net, records, reach, epochs, ratio, fault);
	return results_differ(&ours, &expected);
}

static void trainings_follow_the_formulas(void)
{
	state = test_seed();
	for (int fault = 0; fault < FAULTS; fault++) {
		int seen = 0;

		for (int i = 0; i < 200; i++)
			seen += training_differs(fault);
		CU_ASSERT_EQUAL(seen > 0, fault != SOUND);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"published operations of networks", published_operations_of_networks},
		{"clean operations of networks", clean_operations_of_networks},
		{"identities", identities},
		{"MuPPET's schedules", muppet_schedules},
		{"reached", reached},
		{"trainings follow the formulas", trainings_follow_the_formulas},
	};

	return test_main("test_analytic", cases, TEST_COUNT(cases));
}
