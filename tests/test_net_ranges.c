/*
 * `precision.activation_fl: own`: the formats of outputs follow what was measured, by hand, behind some steps
 * of an epoch or behind every minibatch; in a training with the former every file says the same of them; the
 * same bits on other hardware, and where a run was ended and goes on.
 */
#define _XOPEN_SOURCE 700
#include <math.h>

#include "image_files.h"
#include "net_results.h"
#include "train_net/ranges.h"

/* ---- by hand --------------------------------------------------------------------------------- */

enum { INPUT, CONV, RELU, TANH, LINEAR, TENSORS };

static struct qmac_run run = {.precision_bw = 8, .precision_fl = 4};
static struct qmac_format parameters[8];
static struct qmac_net_training training;

static void append(enum qmac_layer_kind kind, int input)
{
	const struct qmac_layer_request request = {.kind = kind, .input = input, .outputs = 2, .bias = true,
	                                           .kernel = {1, 1}, .stride = 1};
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_net_append(&training.net, &request, &err), QMAC_OK);
}

/* A conv of <8,5>, relu, tanh, and a linear layer of <10,6>. */
static void start(void)
{
	struct qmac_error err;

	training = (struct qmac_net_training){.run = &run, .formats = parameters,
	                                      .ranges = QMAC_NET_RANGES_EPOCH};
	CU_ASSERT_FATAL(!qmac_net_create(&training.net, "n", (struct qmac_shape){2, 1, 1}, &err));
	append(QMAC_LAYER_CONV, QMAC_NET_INPUT);
	append(QMAC_LAYER_RELU, 0);
	append(QMAC_LAYER_TANH, 1);
	append(QMAC_LAYER_LINEAR, 2);
	for (int p = 0; p < 4; p++)
		parameters[p] = p < 2 ? (struct qmac_format){8, 5} : (struct qmac_format){10, 6};
	CU_ASSERT_EQUAL_FATAL(qmac_net_ranges_start(&training, &err), QMAC_OK);
}

static void stop(void)
{
	qmac_net_free(&training.net);
	free(training.outputs);
	free(training.tops);
	free(training.wanted);
}

static void follow(void)
{
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_net_ranges_follow(&training, &err), QMAC_OK);
}

static void check(int tensor, int bw, int fl)
{
	struct qmac_format format = training.outputs[tensor];

	CU_ASSERT_EQUAL(format.bw, bw);
	CU_ASSERT_EQUAL(format.fl, fl);
	if (format.bw != bw || format.fl != fl)
		printf("tensor %d: <%d,%d> in place of <%d,%d>\n", tensor, format.bw, format.fl, bw, fl);
}

/* Widths are those of the layers; everything lies in -8..8. */
static void test_first(void)
{
	start();
	check(INPUT, 8, 4);
	check(CONV, 8, 4);
	check(RELU, 8, 4);
	check(TANH, 8, 4);
	check(LINEAR, 10, 6);
	follow();
	check(CONV, 8, 4);
	check(LINEAR, 10, 6);
	stop();
}

/* <8,4>: codes up to 31 (top 4) lie below 2, and with a bit of headroom below 4: <8,5>. */
static void test_tops(void)
{
	start();
	training.tops[INPUT] = 4;
	training.tops[CONV] = 6;    /* codes of 64 and more, perhaps limited: twice what they show, below 16 */
	training.tops[RELU] = 2;    /* looked at by nobody */
	training.tops[TANH] = 0;    /* as fine as may be */
	training.tops[LINEAR] = 8;  /* of <10,6>, below 16 likewise */
	follow();
	check(INPUT, 8, 5);
	check(CONV, 8, 2);
	check(RELU, 8, 2);
	check(TANH, 8, 7);
	check(LINEAR, 10, 4);
	follow(); /* nothing new was measured */
	check(INPUT, 8, 5);
	check(CONV, 8, 2);
	check(LINEAR, 10, 4);
	training.tops[CONV] = 7;    /* -128: its bit alone counts */
	follow();
	check(CONV, 8, 0);
	training.tops[CONV] = 5;    /* nothing is coarser than integers */
	follow();
	check(CONV, 8, 0);
	stop();
}

/* Ranges stay where the widths of layers change. */
static void test_widths(void)
{
	start();
	parameters[0] = parameters[1] = (struct qmac_format){12, 9};
	follow();
	check(INPUT, 12, 8);
	check(CONV, 12, 8);
	check(RELU, 12, 8);
	check(TANH, 12, 8);
	check(LINEAR, 10, 6);
	stop();
}

/* With weights and biases of <8,-3> the sum of an input of <8,4> is in halves. */
static void test_sums(void)
{
	start();
	parameters[0] = parameters[1] = (struct qmac_format){8, -3};
	follow();
	check(CONV, 8, 1);
	parameters[1].fl = 2;       /* the bias is finer */
	training.tops[CONV] = 0;
	follow();
	check(CONV, 8, 2);
	parameters[0].fl = parameters[1].fl = -9;
	follow();
	check(CONV, 8, -5);
	stop();
}

static void test_steps(void)
{
	static const struct {
		int64_t steps, within;
		bool measured;
	} cases[] = {{0, 0, true}, {3, 3, true}, {4, 4, false}, {15, 0, true}, {16, 1, false}, {3, 0, true}};

	start();
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		qmac_net_ranges_begin_step(&training, cases[i].steps, cases[i].within);
		CU_ASSERT_EQUAL(training.measured, cases[i].measured);
	}
	stop();
	training.ranges = QMAC_NET_RANGES_NONE;
	qmac_net_ranges_begin_step(&training, 0, 0);
	CU_ASSERT_FALSE(training.measured);
}

/* ---- by hand, by the minibatch before ---------------------------------------------------------- */

static void append_at(enum qmac_layer_kind kind, int input, int other, int64_t kernel)
{
	const struct qmac_layer_request request = {.kind = kind, .input = input, .other = other, .outputs = 2,
	                                           .kernel = {kernel, kernel}, .stride = 1};
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_net_append(&training.net, &request, &err), QMAC_OK);
}

/*
 * conv, batch_norm (alone), relu, conv, batch_norm (merged), add, avg_pool of 2 x 2, add of it with itself;
 * weights are <8,5>, pixels at most 1.25.
 */
static void start_delay(int headroom)
{
	static const int conv[] = {0, 3};
	struct qmac_error err;

	run.precision_activation_headroom = headroom;
	training = (struct qmac_net_training){.run = &run, .formats = parameters,
	                                      .ranges = QMAC_NET_RANGES_DELAY};
	memset(parameters, 0, sizeof parameters);
	CU_ASSERT_FATAL(!qmac_net_create(&training.net, "n", (struct qmac_shape){2, 2, 2}, &err));
	append_at(QMAC_LAYER_CONV, QMAC_NET_INPUT, 0, 1);
	append_at(QMAC_LAYER_BATCH_NORM, 0, 0, 1);
	append_at(QMAC_LAYER_RELU, 1, 0, 1);
	append_at(QMAC_LAYER_CONV, 2, 0, 1);
	append_at(QMAC_LAYER_BATCH_NORM, 3, 0, 1);
	append_at(QMAC_LAYER_ADD, 4, 2, 1);
	append_at(QMAC_LAYER_AVG_POOL, 5, 0, 2);
	append_at(QMAC_LAYER_ADD, 6, 6, 1);
	for (int i = 0; i < TEST_COUNT(conv); i++)
		parameters[training.net.layers[conv[i]].weight] = (struct qmac_format){8, 5};
	training.images.value[0][17] = 0.5f;
	training.images.value[1][200] = -1.25f;
	CU_ASSERT_EQUAL_FATAL(qmac_net_ranges_start(&training, &err), QMAC_OK);
}

/* Of the input and all outputs but that of the batch norm that is merged, which is no tensor. */
static void check_fl(const int *fl)
{
	for (int t = 0; t <= training.net.layer_count; t++)
		if (t != 5)
			check(t, 8, fl[t]);
}

/* Limits of the width, and of the sum: of conv f_x + 5, of the pool f_x + 2, of the second add f_x. */
static void test_delay(void)
{
	/* 1.25 2^6 = 80 */
	static const int first[] = {6, 4, 4, 4, 4, 0, 4, 4, 4}, second[] = {6, 2, 7, 7, 7, 0, 0, 2, 2};
	static const int third[] = {6, 3, 6, 6, 6, 0, 7, 7, 7};

	start_delay(0);
	check_fl(first);
	training.tops[1] = 8;   /* four times too large: two bits less */
	training.tops[2] = -1;  /* nothing but 0: as fine as may be */
	training.tops[4] = 2;
	training.tops[6] = 15;  /* nothing is coarser than integers */
	training.tops[7] = 0;
	training.tops[8] = 0;
	qmac_net_ranges_delay(&training);
	check_fl(second);
	training.tops[1] = 5;
	training.tops[2] = 7;
	training.tops[4] = 7;
	training.tops[6] = -1;
	training.tops[7] = 1;
	training.tops[8] = -1;
	qmac_net_ranges_delay(&training);
	check_fl(third);
	stop();
	start_delay(2);
	training.tops[1] = 4;
	qmac_net_ranges_delay(&training);
	check(1, 8, 4);
	run.precision_activation_headroom = 0;
	stop();
}

/* A scale that its sum has bounded is as fine as its range asks for when the sum has become finer. */
static void test_delay_bound(void)
{
	start_delay(0);
	parameters[0].fl = -4;
	follow();
	check(1, 8, 2);
	training.tops[1] = 2;
	qmac_net_ranges_delay(&training);
	check(1, 8, 2);
	parameters[0].fl = -1;
	follow();
	check(1, 8, 5);
	parameters[0].fl = 5;
	follow();
	check(1, 8, 6);
	parameters[0].bw = 12;  /* the range stays */
	follow();
	check(1, 12, 10);
	check(2, 12, 11);
	check(4, 8, 7);
	check(0, 12, 10);
	training.tops[1] = 12;
	qmac_net_ranges_delay(&training);
	check(1, 12, 8);
	stop();
}

/* By the first minibatch: values under some other fraction length; those that read it follow. */
static void test_delay_set(void)
{
	start_delay(0);
	qmac_net_ranges_set(&training, 1, 9, 10);
	check(2, 8, 5);
	check(3, 8, 5);
	qmac_net_ranges_set(&training, 1, -15, -1);
	check(2, 8, 0);
	check(3, 8, 0);
	stop();
}

/* ---- trainings ------------------------------------------------------------------------------- */

static const char layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - relu\n  - max_pool: {size: 2}\n  - flatten\n  - linear: {out: 8}\n"
	"  - sigmoid\n  - linear: {out: 3}\n";

static void configure_ranges(const char *precision, const char *hw)
{
	const struct qmac_setting settings[] = {{"epochs", "3", "--set"}, {"hw", hw, "--set"}};
	char lines[300];

	snprintf(lines, sizeof lines, "alpha: 0.05\nnormalise: true\nprecision: {activation_fl: own, %s}\n",
	         precision);
	configure(write_net_run(layers, lines), 2, settings);
}

/* Widths are the layers', and what moves no numbers has the format of what it reads. */
static void check_outputs(const struct qmac_json *manifest, int bw)
{
	static const int follows[] = {-1, -1, 1, 1, 1, -1, -1, -1}; /* relu1, max_pool1, flatten1: conv1 */
	char key[40], other[40];

	for (int t = 0; t < TEST_COUNT(follows); t++) {
		snprintf(key, sizeof key, "outputs.%d.bw", t);
		CU_ASSERT_EQUAL(qmac_json_real(manifest, key), bw);
		snprintf(key, sizeof key, "outputs.%d.fl", t);
		snprintf(other, sizeof other, "outputs.%d.fl", follows[t]);
		if (follows[t] >= 0)
			CU_ASSERT_EQUAL(qmac_json_real(manifest, key), qmac_json_real(manifest, other));
	}
	/* sigmoid: not above 1, which a code that seems limited doubles, and a bit of headroom */
	CU_ASSERT(qmac_json_real(manifest, "outputs.6.fl") >= bw - 4);
}

static void check_training(const char *precision, const char *name)
{
	static const char here[] = "configs/hw/16x16_w8.yaml", ragged[] = "configs/hw/ragged.yaml";
	struct ending ending = {.epoch = 1};
	struct qmac_json *summary;
	struct qmac_error err;
	char parts[40], other[40];

	snprintf(parts, sizeof parts, "%s_parts", name);
	snprintf(other, sizeof other, "%s_ragged", name);
	configure_ranges(precision, here);
	train_well(name, false);
	summary = json_of(name, "summary.json");
	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > 0.85);
	qmac_json_free(summary);
	check_evaluation(name);
	/* with the formats that it had an estimate costs what the training did */
	estimate_well("replayed", name);
	check_costs(name, "replayed");
	CU_ASSERT_EQUAL(train(parts, false, &ending, &err), QMAC_CHECK_FAILED);
	train_well(parts, true);
	check_same(name, parts);
	configure_ranges(precision, ragged);
	train_well(other, false);
	check_file(name, other, "weights/manifest.json");
}

static void test_fixed(void)
{
	static const char precision[] = "policy: fixed, bw: 8, fl_rule: range";
	static const char *const same[] = {"host_flops", "macs"};
	struct qmac_json *manifest, *trained, *estimated;

	check_training(precision, "fixed");
	manifest = json_of("fixed", "weights/manifest.json");
	check_outputs(manifest, 8);
	qmac_json_free(manifest);
	configure_ranges(precision, "configs/hw/16x16_w8.yaml");
	estimate_well("estimated", NULL);
	trained = json_of("fixed", "summary.json");
	estimated = json_of("estimated", "summary.json");
	check_figures("fixed", "estimated", TEST_COUNT(same), same);
	/* how large the table of a sigmoid is depends on the range of what it reads */
	CU_ASSERT(fabs(qmac_json_real(trained, "cycles") / qmac_json_real(estimated, "cycles") - 1) < 0.01);
	qmac_json_free(trained);
	qmac_json_free(estimated);
}

/* Widths of outputs change with those of the layers. */
static void test_adapt(void)
{
	static struct row rows[SWITCHES];

	check_training("policy: adapt, lookback_low: 4, lookback_high: 8, buffer_bits: 4, bw_max: 12", "adapt");
	CU_ASSERT(read_switches("adapt", rows) > 0);
}

int main(void)
{
	const struct test_case cases[] = {
		{"at first", test_first}, {"what was measured", test_tops}, {"widths change", test_widths},
		{"not finer than sums", test_sums}, {"when it is measured", test_steps},
		{"by the minibatch before", test_delay}, {"bounds of sums", test_delay_bound},
		{"of the first minibatch", test_delay_set}, {"fixed", test_fixed}, {"AdaPT", test_adapt},
	};

	write_images();
	return test_main("test_net_ranges", cases, TEST_COUNT(cases));
}
