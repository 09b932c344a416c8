/*
 * Trainings of networks in float32: that they learn, and their results; a run that was ended anywhere and
 * goes on has the same files; the weights in its folder give the same figures again; what is refused.
 */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdlib.h>

#include "config/hw_file.h"
#include "float/matrix.h"
#include "image_files.h"
#include "net/values.h"
#include "net_runs.h"
#include "report/results.h"
#include "run/evaluate.h"
#include "run/train.h"
#include "train_net/update.h"

static const char layers[] =
	"  - conv: {out: 4, kernel: 3, pad: 1}\n  - batch_norm\n  - relu\n  - max_pool: {size: 2}\n  - flatten\n"
	"  - linear: {out: 3}\n";
static const char tanh_layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - tanh\n  - avg_pool: {size: 2}\n  - flatten\n  - linear: {out: 3}\n";

static const char sigmoid_layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - sigmoid\n  - avg_pool: {size: 2}\n  - flatten\n"
	"  - linear: {out: 3}\n";

static struct qmac_json *summary_of(const char *name)
{
	return json_of(name, "summary.json");
}

/* The same rows and the same weights. */
static void check_same(const char *one, const char *other)
{
	static const char *const files[] = {"metrics.csv", "layers.csv", "weights/manifest.json"};

	for (int i = 0; i < TEST_COUNT(files); i++)
		check_file(one, other, files[i]);
}

/* ---- learning --------------------------------------------------------------------------- */

static void test_learns(void)
{
	static const struct qmac_setting more[] = {{"threads", "3", "--set"}, {"eval_every", "3", "--set"}};
	struct qmac_json *summary;

	configure(write_net_run(layers, "alpha: 0.05\n"), 0, NULL);
	train_well("learns", false);
	summary = summary_of("learns");
	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > 0.95);
	CU_ASSERT(qmac_json_real(summary, "train_accuracy") > 0.95);
	CU_ASSERT(qmac_json_real(summary, "train_loss") < 0.2);
	CU_ASSERT_EQUAL(qmac_json_real(summary, "steps"), 4 * 15);
	CU_ASSERT_EQUAL(qmac_json_real(summary, "data_passes"), 4);
	CU_ASSERT_STRING_EQUAL(qmac_json_text(summary, "headline"), "test_accuracy");
	CU_ASSERT_STRING_EQUAL(qmac_json_text(summary, "kernel"), qmac_float_product_kernel());
	qmac_json_free(summary);
	/* nothing is known of training */
	CU_ASSERT(strstr(test_text("learns/metrics.csv"), "\n0,0,0,,,") != NULL);
	configure(write_net_run(layers, "alpha: 0.05\n"), 1, more);
	train_well("threads", false);
	check_same("learns", "threads");
	configure(write_net_run(layers, "alpha: 0.05\n"), 2, more);
	train_well("seldom", false);
	CU_ASSERT(strstr(test_text("seldom/metrics.csv"), "\n1,15,1,") != NULL);
	CU_ASSERT(strstr(test_text("seldom/metrics.csv"), ",,,0,,0,,0,0,0,0,0,") != NULL);
	summary = summary_of("seldom");
	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > 0.95); /* after the last epoch in any case */
	qmac_json_free(summary);
}

/* An epoch of so many steps begins as a whole one does, and the test part may be left out, or most of it. */
static void test_short_epochs(void)
{
	static const struct qmac_setting more[] = {
		{"inner_steps", "15", "--set"}, {"inner_steps", "4", "--set"}, {"epochs", "2", "--set"},
		{"eval_every", "-1", "--set"}, {"test_limit", "1", "--set"},
	};
	struct qmac_json *summary;
	double accuracy;

	configure(write_net_run(layers, "alpha: 0.05\n"), 1, more);
	train_well("whole_epochs", false);
	check_same("learns", "whole_epochs");
	configure(write_net_run(layers, "alpha: 0.05\n"), 3, more + 1);
	train_well("short_epochs", false);
	summary = summary_of("short_epochs");
	CU_ASSERT_EQUAL(qmac_json_real(summary, "steps"), 2 * 4);
	CU_ASSERT_EQUAL(qmac_json_real(summary, "data_passes"), 2 * 4 * 20 / 300.0);
	CU_ASSERT(isnan(qmac_json_real(summary, "test_accuracy")));
	qmac_json_free(summary);
	CU_ASSERT(strstr(test_text("short_epochs/metrics.csv"), "\n1,4,0.26666666666666666,") != NULL);
	configure(write_net_run(layers, "alpha: 0.05\n"), 1, more + 4);
	train_well("one_image", false);
	summary = summary_of("one_image");
	accuracy = qmac_json_real(summary, "test_accuracy");
	CU_ASSERT(accuracy == 0 || accuracy == 1);
	qmac_json_free(summary);
}

/* In integers on the device: it learns, with the same bits on other hardware. */
static void test_fixed(void)
{
	static const char *const hw[] = {"8x8_w8", "ragged", "edge_16x16", "mid_32x32", "big_64x64"};
	static char hash[80];
	struct qmac_json *summary;

	configure(write_net_run(tanh_layers, "alpha: 0.1\nprecision: {policy: fixed}\n"), 0, NULL);
	train_well("fixed", false);
	summary = summary_of("fixed");
	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > 0.9);
	if (!(qmac_json_real(summary, "test_accuracy") > 0.9))
		printf("%g\n", qmac_json_real(summary, "test_accuracy"));
	CU_ASSERT(qmac_json_real(summary, "cycles") > 0);
	CU_ASSERT_EQUAL(qmac_json_real(summary, "acc_saturations"), 0);
	snprintf(hash, sizeof hash, "%s", qmac_json_text(summary, "weights_sha256"));
	qmac_json_free(summary);
	CU_ASSERT(strstr(test_text("fixed/layers.csv"), "\n4,conv1,eval,8,8,0.0625,") != NULL);
	for (int i = 0; i < TEST_COUNT(hw); i++) {
		char file[64];
		const struct qmac_setting other = {"hw", file, "--set"};

		snprintf(file, sizeof file, "configs/hw/%s.yaml", hw[i]);
		configure(write_net_run(tanh_layers, "alpha: 0.1\nprecision: {policy: fixed}\n"), 1, &other);
		train_well("other_hw", false);
		summary = summary_of("other_hw");
		CU_ASSERT_STRING_EQUAL(qmac_json_text(summary, "weights_sha256"), hash);
		qmac_json_free(summary);
	}
}

/* An estimate has the costs of the training, row by row. */
static void test_estimate(void)
{
	static const char *const same[] = {"cycles", "commands", "macs", "vec_mults", "dram_read_bytes",
	                                   "dram_write_bytes", "fetch_bytes", "host_flops", "host_bytes",
	                                   "steps"};
	struct qmac_json *trained, *estimated;
	struct qmac_error err;

	configure(write_net_run(tanh_layers, "accumulate: 2\nprecision: {policy: fixed}\n"), 0, NULL);
	train_well("trained", false);
	CU_ASSERT_EQUAL_FATAL(run_job((struct qmac_job){.estimate = true}, "estimated", &err), QMAC_OK);
	trained = summary_of("trained");
	estimated = summary_of("estimated");
	for (int i = 0; i < TEST_COUNT(same); i++)
		CU_ASSERT_EQUAL(qmac_json_real(trained, same[i]), qmac_json_real(estimated, same[i]));
	CU_ASSERT_STRING_EQUAL(qmac_json_text(estimated, "network"), "small");
	CU_ASSERT(access(test_path("estimated/weights"), F_OK) != 0);
	qmac_json_free(trained);
	qmac_json_free(estimated);
}

/* Other ways to train: all of them learn, and none is another. */
static void test_keys(void)
{
	static const char *const lines[] = {
		"softmax: double\nalpha: 0.2\n", "normalise: true\nalpha: 0.02\n", "accumulate: 2\nalpha: 0.1\n",
		"l2: 0.01\nalpha: 0.05\n", "l1: 0.001\nalpha: 0.05\n", "momentum: 0\nalpha: 0.3\n",
		"alpha: 0.05\nschedule: {kind: steps, milestones: \"1, 3\", factor: 0.5}\n",
		"alpha: 0.05\nschedule: {kind: plateau, patience: 0, threshold: 0.5}\n",
		"alpha: 0.05\nseed: 2\n", "alpha: 0.05\ninit: {gain: 1, biases: 0}\n",
	};
	char hashes[TEST_COUNT(lines)][80];

	for (int i = 0; i < TEST_CASES(TEST_COUNT(lines)); i++) {
		struct qmac_json *summary;

		configure(write_net_run(tanh_layers, lines[i]), 0, NULL);
		train_well("keys", false);
		summary = summary_of("keys");
		CU_ASSERT(qmac_json_real(summary, "test_accuracy") > 0.85);
		if (!(qmac_json_real(summary, "test_accuracy") > 0.85))
			printf("%s%g\n", lines[i], qmac_json_real(summary, "test_accuracy"));
		snprintf(hashes[i], sizeof hashes[i], "%s", qmac_json_text(summary, "weights_sha256"));
		for (int j = 0; j < i; j++)
			CU_ASSERT(strcmp(hashes[i], hashes[j]) != 0);
		qmac_json_free(summary);
	}
}

static void test_diverges(void)
{
	struct qmac_json *summary;

	configure(write_net_run("  - flatten\n  - linear: {out: 3}\n", "alpha: 1e38\n"), 0, NULL);
	train_well("diverges", false);
	summary = summary_of("diverges");
	CU_ASSERT_STRING_EQUAL(qmac_json_text(summary, "diverged"), "true");
	qmac_json_free(summary);
}

/* ---- the update beside its equations ------------------------------------------------------- */

static void test_update(void)
{
	struct qmac_run run = {.momentum = 0.75, .l1 = 0.125, .l2 = 0.25, .accumulate = 4, .normalise = true};
	float w[3] = {2, -1, 0}, gradient[3];
	struct qmac_net_training training = {.run = &run, .weight_count = 3, .weights = w};
	struct qmac_net *net = &training.net;
	struct qmac_net_update update;
	struct qmac_error err;
	const struct qmac_layer_request request = {.kind = QMAC_LAYER_LINEAR, .input = QMAC_NET_INPUT,
	                                           .outputs = 1,
	                                           .bias = true};
	double reference[3] = {2, -1, 0}, v[3] = {0};

	CU_ASSERT_FATAL(!qmac_net_create(net, "one", (struct qmac_shape){2, 1, 1}, &err));
	CU_ASSERT_FATAL(!qmac_net_append(net, &request, &err));
	CU_ASSERT_FATAL(!qmac_net_update_create(&update, &training, &err));
	for (int step = 0; step < 4; step++) {
		double g[3] = {3 + step, 1, step == 2 ? 0 : 4}, d[3], norm = 0, measured = 0;

		for (int i = 0; i < 3; i++) {
			gradient[i] = (float)g[i];
			d[i] = g[i] / 4 + 0.125 * ((reference[i] > 0) - (reference[i] < 0));
		}
		for (int i = 0; i < 3; i++) {
			norm = i < 2 ? sqrt(d[0] * d[0] + d[1] * d[1]) : fabs(d[2]);
			v[i] = 0.75 * v[i] + (norm > 0 ? d[i] / norm : 0) + 0.25 * reference[i];
		}
		for (int i = 0; i < 3; i++)
			reference[i] -= 0.5 * v[i];
		norm = sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2]) / 4;
		CU_ASSERT_FATAL(!qmac_net_update_gradient(&update, 1, gradient, &measured, &err));
		CU_ASSERT(fabs(measured - norm) < 1e-6);
		qmac_net_update_weights(&update, gradient, 0.5, w);
		for (int i = 0; i < 3; i++)
			CU_ASSERT(fabs((double)w[i] - reference[i]) < 1e-5);
	}
	qmac_net_update_free(&update);
	qmac_net_free(net);
}

/* ---- ends and goes on ---------------------------------------------------------------------- */

static void check_resume(const char *net, const char *lines, int64_t epoch, bool now)
{
	struct ending ending = {.epoch = epoch, .now = now};
	struct qmac_error err;

	configure(write_net_run(net, lines), 0, NULL);
	train_well("whole", false);
	CU_ASSERT_EQUAL(train("parts", false, &ending, &err), QMAC_CHECK_FAILED);
	CU_ASSERT(strstr(err.message, "go on with --resume") != NULL);
	CU_ASSERT_STRING_EQUAL(test_text("parts/summary.json"), "");
	train_well("parts", true);
	check_same("whole", "parts");
	(void)unlink(test_path("parts/summary.json"));
}

static void test_resume(void)
{
	check_resume(layers, "alpha: 0.05\n", 2, true);
	check_resume(layers, "alpha: 0.05\naccumulate: 3\ncheckpoint: {every: 0, steps: 2}\n", 1, false);
	check_resume(layers, "alpha: 0.05\ncheckpoint: {every: 1, steps: 14}\neval_every: 0\n", 0, false);
	check_resume(tanh_layers, "alpha: 0.05\ninit: {biases: 20}\nprecision: {policy: fixed}\n", 2, true);
	check_resume(tanh_layers, "alpha: 0.05\nprecision: {policy: fixed}\ncheckpoint: {every: 1, steps: 14}\n"
	             "eval_every: 0\n", 0, false);
	for (int device = 0; device < 2; device++) {
		char lines[200];

		snprintf(lines, sizeof lines, "alpha: 0.05\naugment: {crop: 1, flip: true}\ncheckpoint: {steps: 4}\n"
		         "precision: {policy: %s}\n", device ? "fixed" : "float");
		check_resume(tanh_layers, lines, 0, false);
	}
}

/*
 * Images of the training are augmented, those of an evaluation are not, whatever threads there are. With an
 * alpha of next to nothing the weights stay what they are.
 */
static void test_augmented(void)
{
	static const char *const policies[] = {"float", "fixed"};
	const struct qmac_setting more[] = {
		{"augment.flip", "true", "--set"}, {"augment.crop", "2", "--set"}, {"threads", "3", "--set"},
	};

	for (int device = 0; device < 2; device++) {
		double test_loss = 0, train_loss[3];

		for (int given = 0; given <= 3; given++) {
			char lines[100], name[20];
			struct qmac_json *summary;

			snprintf(lines, sizeof lines, "alpha: 1e-30\nprecision: {policy: %s}\n",
			         policies[device]);
			snprintf(name, sizeof name, "%s%d", policies[device], given);
			configure(write_net_run(tanh_layers, lines), given, more);
			train_well(name, false);
			summary = summary_of(name);
			if (given == 0)
				test_loss = qmac_json_real(summary, "test_loss");
			CU_ASSERT_EQUAL(qmac_json_real(summary, "test_loss"), test_loss);
			if (given < 3)
				train_loss[given] = qmac_json_real(summary, "train_loss");
			qmac_json_free(summary);
		}
		CU_ASSERT(train_loss[0] != train_loss[1] && train_loss[1] != train_loss[2]);
		check_same(device ? "fixed2" : "float2", device ? "fixed3" : "float3");
	}
}

/* An image is augmented alike in whatever minibatch it is: with weights that stay, so is the loss. */
static void test_augmented_batches(void)
{
	double loss[2];

	for (int i = 0; i < 2; i++) {
		const struct qmac_setting batch = {"batch", i ? "50" : "20", "--set"};
		struct qmac_json *summary;

		configure(write_net_run(tanh_layers, "alpha: 1e-30\naugment: {crop: 3, flip: true}\n"), 1, &batch);
		train_well("batches", false);
		summary = summary_of("batches");
		loss[i] = qmac_json_real(summary, "train_loss");
		qmac_json_free(summary);
	}
	CU_ASSERT(fabs(loss[0] - loss[1]) < 1e-6 * loss[0]);
}

/* Another network under the same name, though with as many weights, or other images. */
static void test_others(void)
{
	struct ending ending = {.epoch = 1, .now = true};
	struct qmac_error err;

	configure(write_net_run(layers, "alpha: 0.05\n"), 0, NULL);
	CU_ASSERT_EQUAL(train("other", false, &ending, &err), QMAC_CHECK_FAILED);
	config_bytes("images/t10k-labels-idx1-ubyte", "\0\0\x08\x01\0\0\0\x46"
	             "0000000000111111111122222222220000000000111111111122222222220000000000", 8 + IMAGES_TEST);
	CU_ASSERT_EQUAL(train("other", true, NULL, &err), QMAC_BAD_INPUT);
	write_images();
	train_well("other", true);
	CU_ASSERT_STRING_EQUAL(test_text("other/net.yaml"), test_text("net.yaml"));
	CU_ASSERT(strstr(test_text("other/config.yaml"), "network: \"net.yaml\"") != NULL);
	ending = (struct ending){.epoch = 1, .now = true};
	configure(write_net_run(tanh_layers, "alpha: 0.05\n"), 0, NULL);
	CU_ASSERT_EQUAL(train("other", false, &ending, &err), QMAC_CHECK_FAILED);
	(void)write_net_run(sigmoid_layers, "alpha: 0.05\n");
	CU_ASSERT_EQUAL(train("other", true, NULL, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "belongs to another configuration") != NULL);
}

/* ---- folders --------------------------------------------------------------------------------- */

/* The weights of a folder give its figures. */
static void check_evaluate(const char *net, const char *lines)
{
	struct qmac_net_figures figures;
	struct qmac_json *summary;
	struct qmac_error err;
	char folder[600];

	configure(write_net_run(net, lines), 0, NULL);
	train_well("again", false);
	summary = summary_of("again");
	snprintf(folder, sizeof folder, "%s/again", test_folder());
	CU_ASSERT_EQUAL_FATAL(qmac_run_evaluate(&config, folder, &figures, &err), QMAC_OK);
	CU_ASSERT_EQUAL(figures.samples, IMAGES_TEST);
	CU_ASSERT_EQUAL((double)figures.hits / IMAGES_TEST, qmac_json_real(summary, "test_accuracy"));
	CU_ASSERT_EQUAL(figures.loss / IMAGES_TEST, qmac_json_real(summary, "test_loss"));
	qmac_json_free(summary);
}

static void test_evaluate(void)
{
	struct qmac_net_figures figures;
	struct qmac_error err;
	char folder[600];

	check_evaluate(tanh_layers, "alpha: 0.05\nprecision: {policy: fixed}\n");
	check_evaluate(layers, "alpha: 0.05\n");
	snprintf(folder, sizeof folder, "%s/again", test_folder());
	configure(write_net_run(tanh_layers, "alpha: 0.05\n"), 0, NULL);
	CU_ASSERT_EQUAL(qmac_run_evaluate(&config, folder, &figures, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "another type or shape") != NULL);
	CU_ASSERT(strstr(err.file, "weights/linear1.weight.npy") != NULL || strstr(err.file, "conv1") != NULL);
}

/* A result in the place of one of another network; one that lacks a byte is none. */
static void test_replaces(void)
{
	static const struct qmac_setting untrained = {"epochs", "0", "--set"};
	struct qmac_match match;
	struct qmac_hw_file hw;
	struct qmac_error err;
	char folder[600];

	snprintf(folder, sizeof folder, "%s/replaced", test_folder());
	configure(write_net_run(layers, ""), 1, &untrained);
	CU_ASSERT_FATAL(!qmac_hw_file_load(&hw, config.run.hw, &err));
	train_well("replaced", false);
	CU_ASSERT_EQUAL(access(test_path("replaced/weights/batch_norm1.running_mean.npy"), F_OK), 0);
	CU_ASSERT(!qmac_results_match(folder, &config, &hw, &match, &err) && match.kept);
	configure(write_net_run(tanh_layers, ""), 1, &untrained);
	train_well("replaced", false);
	CU_ASSERT(access(test_path("replaced/weights/batch_norm1.running_mean.npy"), F_OK) != 0);
	CU_ASSERT_EQUAL(access(test_path("replaced/weights/conv1.weight.npy"), F_OK), 0);
	CU_ASSERT(!qmac_results_match(folder, &config, &hw, &match, &err) && match.kept);
	CU_ASSERT_FATAL(!truncate(test_path("replaced/weights/conv1.weight.npy"), 200));
	CU_ASSERT(!qmac_results_match(folder, &config, &hw, &match, &err) && !match.kept);
	CU_ASSERT(strstr(match.why, "weights/conv1.weight.npy is damaged") != NULL);
}

/* ---- what is refused ---------------------------------------------------------------------------- */

static void expect_refused(const char *net, const char *lines, const char *message)
{
	struct qmac_error err = {0};
	enum qmac_status status = qmac_run_config_load(&config, write_net_run(net, lines), NULL, 0, &err);

	if (!status)
		status = train("refused", false, NULL, &err);
	test_refusal(status, &err, message);
}

static void test_refused(void)
{
	struct qmac_train_result result;
	struct qmac_hw_file hw;
	struct qmac_error err;

	expect_refused(layers, "resize: 9\n",
	               "network: small takes 1x8x8, the images are 1x9x9: set resize to 8");
	expect_refused("  - flatten\n  - linear: {out: 4}\n", "", "gives 4x1x1, but the data have 3 classes");
	expect_refused("  - conv: {out: 3, kernel: 3}\n", "", "gives 3x6x6, but the data have 3 classes");
	expect_refused(layers, "accumulate: 16\n",
	               "batch * accumulate = 320 images a step are more than the 300");
	expect_refused(layers, "inner_steps: 16\n",
	               "inner_steps: 16 are more than the 15 steps of 20 images that the training part has");
	expect_refused(layers, "eval_every: -2\n", "eval_every");
	expect_refused(layers, "momentum: 1\n", "momentum: 1 is out of range; below 1");
	expect_refused(layers, "schedule: {milestones: \"3, 2\"}\n", "schedule.milestones: 2 does not rise");
	expect_refused(layers, "schedule: {milestones: 3 4}\n", "schedule.milestones: ");
	expect_refused(layers, "schedule: {milestones: \"3,\"}\n", "schedule.milestones: ");
	expect_refused(layers, "schedule: {factor: 1}\n", "schedule.factor: 1 is out of range; below 1");
	expect_refused("  - bad\n", "", "bad");
	configure(write_net_run(layers, ""), 0, NULL);
	CU_ASSERT_FATAL(!qmac_hw_file_load(&hw, config.run.hw, &err));
	CU_ASSERT_EQUAL(qmac_estimate(&config.run, &hw.hw, NULL, NULL, &result, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "nothing to estimate") != NULL);
}

/* ---- MNIST --------------------------------------------------------------------------------------- */

#ifdef TEST_SANITIZED
#define LIMIT "960"
static const double enough = 0.5;
#else
#define LIMIT "6400"
static const double enough = 0.9;
#endif

static void test_mnist(void)
{
	static const struct qmac_setting settings[] = {{"limit", LIMIT, "--set"}, {"epochs", "2", "--set"},
	                                               {"batch", "64", "--set"}};
	const char *folder = getenv("QMAC_DATA");
	struct qmac_json *summary;
	char path[600];

	snprintf(path, sizeof path, "%.500s/mnist", folder ? folder : ".");
	if (access(path, F_OK)) {
		test_skip("no MNIST in $QMAC_DATA: run `make data`");
		return;
	}
	configure("configs/run/lenet5_float32.yaml", TEST_COUNT(settings), settings);
	train_well("mnist", false);
	summary = summary_of("mnist");
	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > enough);
	qmac_json_free(summary);
}

int main(void)
{
	const struct test_case cases[] = {
		{"learns", test_learns}, {"short epochs", test_short_epochs}, {"fixed", test_fixed},
		{"estimate", test_estimate}, {"keys", test_keys},
		{"diverges", test_diverges}, {"update", test_update}, {"resume", test_resume},
		{"augmented", test_augmented}, {"augmented minibatches", test_augmented_batches},
		{"others", test_others}, {"evaluation", test_evaluate},
		{"replaces", test_replaces}, {"refused", test_refused}, {"MNIST", test_mnist},
	};

	write_images();
	return test_main("test_net_train", cases, TEST_COUNT(cases));
}
