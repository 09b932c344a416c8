/*
 * Precision policies of networks on the device: formats change while a small network is trained, in bounds,
 * and every file says the same of it; the same bits on any number of threads, on other hardware, and where a
 * run was ended and goes on; what the gradients' quantiser does; what is refused.
 */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdlib.h>

#include "config/hw_file.h"
#include "image_files.h"
#include "net_results.h"
#include "policy/muppet.h"
#include "train_net/update.h"

static const char layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - tanh\n  - avg_pool: {size: 2}\n  - flatten\n  - linear: {out: 3}\n";
static const char lines[] =
	"alpha: 0.05\nl2: 1.0e-4\n"
	"precision: {policy: adapt, lookback_low: 4, lookback_high: 8, buffer_bits: 6, bw_max: 12}\n";

enum { BW_MAX = 12, BUFFER_BITS = 6 };

static const struct qmac_setting none;

/* Two epochs of 15 steps, and these settings. */
static void configure_adapt(int count, const struct qmac_setting *more)
{
	struct qmac_setting settings[4] = {{"epochs", "2", "--set"}};

	memcpy(settings + 1, more, (size_t)count * sizeof settings[0]);
	configure(write_net_run(layers, lines), 1 + count, settings);
}

/* ---- switches.csv ------------------------------------------------------------------------- */

/* Each goes on from the one before it, and none is beyond the caps. Returns the last format of a layer. */
static struct qmac_format follow(const struct row *rows, int count, const char *layer)
{
	struct qmac_format now = {8, 4};
	int switches = 0;

	for (int i = 0; i < count; i++) {
		if (strcmp(rows[i].layer, layer) != 0)
			continue;
		CU_ASSERT(is_same(rows[i].before, now) && !is_same(rows[i].after, now));
		now = rows[i].after;
		CU_ASSERT(now.bw <= BW_MAX && now.bw - now.fl >= BUFFER_BITS && now.fl >= 0);
		CU_ASSERT(rows[i].host_flops > 0);
		switches++;
	}
	CU_ASSERT(switches > 0);
	return now;
}

/* Whether that layer has a row of the first one's step. */
static bool is_among(const struct row *rows, int count, const char *layer)
{
	for (int i = 0; i < count && rows[i].step == rows[0].step; i++)
		if (strcmp(rows[i].layer, layer) == 0)
			return true;
	return false;
}

static void test_switches(void)
{
	static struct row rows[SWITCHES];
	static const char *const names[] = {"conv1", "linear1"};
	struct qmac_json *manifest;
	int count;

	configure_adapt(0, &none);
	train_well("adapt", false);
	count = read_switches("adapt", rows);
	manifest = json_of("adapt", "weights/manifest.json");
	for (int i = 0; i < 2; i++) {
		struct qmac_format last = follow(rows, count, names[i]);
		char key[40], text[80];

		/* weight, then bias */
		for (int j = 0; j < 2; j++) {
			snprintf(key, sizeof key, "tensors.%d.bw", 2 * i + j);
			CU_ASSERT_EQUAL(qmac_json_real(manifest, key), last.bw);
			snprintf(key, sizeof key, "tensors.%d.fl", 2 * i + j);
			CU_ASSERT_EQUAL(qmac_json_real(manifest, key), last.fl);
		}
		snprintf(text, sizeof text, "\n2,%s,forward,%d,", names[i], last.bw);
		CU_ASSERT(strstr(test_text("adapt/layers.csv"), text) != NULL);
	}
	qmac_json_free(manifest);
	for (int i = 0; i < count; i++) {
		CU_ASSERT(rows[i].step >= 4 && rows[i].step <= 30);
		CU_ASSERT_EQUAL(rows[i].epoch, (rows[i].step + 14) / 15);
		CU_ASSERT(i == 0 || (rows[i].step >= rows[i - 1].step && rows[i].cycles >= rows[i - 1].cycles));
		/* the first of a step brings the table of tanh, where that reads another format */
		CU_ASSERT_EQUAL(rows[i].bytes > 0, (i == 0 || rows[i].step > rows[i - 1].step) &&
		                                   is_among(rows + i, count - i, "conv1"));
	}
}

/* ---- the same bits -------------------------------------------------------------------------- */

static void test_repeats(void)
{
	static const struct qmac_setting threads = {"threads", "2", "--set"};

	configure_adapt(1, &threads);
	train_well("again", false);
	check_same("adapt", "again");
}

/* Ended behind the first epoch, and at a checkpoint in the second. */
static void test_resumes(void)
{
	static const struct qmac_setting steps = {"checkpoint.steps", "4", "--set"};

	for (int i = 0; i < 2; i++) {
		struct ending ending = {.epoch = i};
		struct qmac_error err;

		configure_adapt(i, &steps);
		train_well("whole", false);
		if (i)
			check_file("adapt", "whole", "weights/manifest.json");
		ending.epoch = 1 - i;
		CU_ASSERT_EQUAL(train("parts", false, &ending, &err), QMAC_CHECK_FAILED);
		CU_ASSERT(strstr(err.message, "go on with --resume") != NULL);
		CU_ASSERT_STRING_EQUAL(test_text("parts/summary.json"), "");
		train_well("parts", true);
		check_same("whole", "parts");
		(void)unlink(test_path("parts/summary.json"));
	}
}

/* Other hardware takes other cycles and bytes. */
static void test_hardware(void)
{
	static const struct qmac_setting ragged = {"hw", "configs/hw/ragged.yaml", "--set"};
	static struct row rows[SWITCHES], others[SWITCHES];
	int count;

	configure_adapt(1, &ragged);
	train_well("ragged", false);
	check_file("adapt", "ragged", "weights/manifest.json");
	count = read_switches("adapt", rows);
	CU_ASSERT_EQUAL_FATAL(read_switches("ragged", others), count);
	for (int i = 0; i < count; i++) {
		CU_ASSERT(rows[i].step == others[i].step && strcmp(rows[i].layer, others[i].layer) == 0);
		CU_ASSERT(is_same(rows[i].after, others[i].after) && rows[i].host_flops == others[i].host_flops);
	}
}

static void test_evaluates(void)
{
	configure_adapt(0, &none);
	check_evaluation("adapt");
}

/* ---- MuPPET ---------------------------------------------------------------------------------- */

/* A threshold of 0: whenever the diversity falls the width rises. */
static const char muppet_lines[] =
	"alpha: 0.1\nprecision: {policy: muppet, levels: \"6, 10\", threshold_alpha: 0, threshold_beta: 0,"
	" resolution: 2, patience: 1, grad_quant: scaled}\n";

static void configure_muppet(int count, const struct qmac_setting *more)
{
	struct qmac_setting settings[2] = {{"epochs", "7", "--set"}};
	struct qmac_error err;

	memcpy(settings + 1, more, (size_t)count * sizeof settings[0]);
	CU_ASSERT_EQUAL_FATAL(qmac_run_config_load(&config, write_net_run(layers, muppet_lines), settings,
	                                           1 + count, &err), QMAC_OK);
}

/* The width that a layer ended an epoch with. */
static int width_of(const char *name, int epoch, const char *layer)
{
	char file[100], row[80];
	const char *at;

	snprintf(file, sizeof file, "%s/layers.csv", name);
	snprintf(row, sizeof row, "\n%d,%s,forward,", epoch, layer);
	at = strstr(test_text(file), row);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	return atoi(at + strlen(row));
}

static void test_muppet(void)
{
	static struct row rows[SWITCHES];
	static const struct qmac_setting ragged = {"hw", "configs/hw/ragged.yaml", "--set"};
	struct ending ending = {.epoch = 5};
	struct qmac_json *manifest, *summary;
	struct qmac_error err;
	int count, rises = 0;

	configure_muppet(0, &none);
	train_well("muppet", false);
	CU_ASSERT_EQUAL(width_of("muppet", 1, "conv1"), 6);
	CU_ASSERT_EQUAL(width_of("muppet", 7, "conv1"), 10);
	CU_ASSERT_EQUAL(width_of("muppet", 7, "linear1"), 10);
	count = read_switches("muppet", rows);
	for (int i = 0; i < count; i++)
		rises += rows[i].before.bw == 6 && rows[i].after.bw == 10;
	CU_ASSERT_EQUAL(rises, 2);
	manifest = json_of("muppet", "weights/manifest.json");
	CU_ASSERT_EQUAL(qmac_json_real(manifest, "tensors.0.bw"), 10);
	CU_ASSERT_EQUAL(qmac_json_real(manifest, "outputs.5.bw"), 10);
	qmac_json_free(manifest);
	summary = json_of("muppet", "summary.json");
	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > 0.85);
	qmac_json_free(summary);
	CU_ASSERT_EQUAL(train("muppet_parts", false, &ending, &err), QMAC_CHECK_FAILED);
	train_well("muppet_parts", true);
	check_same("muppet", "muppet_parts");
	check_evaluation("muppet");
	configure_muppet(1, &ragged);
	train_well("muppet_ragged", false);
	check_file("muppet", "muppet_ragged", "weights/manifest.json");
}

/* ---- gradients -------------------------------------------------------------------------------- */

/* What is left of a gradient is on the grid of the format, and next to what it was. */
static void check_quantised(enum qmac_grad_quant rule, const float *given, int count)
{
	struct qmac_run run = {.momentum = 0.5, .accumulate = 1, .precision_grad_quant = rule, .seed = 3};
	struct qmac_format format = {6, 3};
	float w[8] = {0}, g[8];
	struct qmac_net_training training = {.run = &run, .weight_count = count, .weights = w,
	                                     .formats = &format};
	const struct qmac_layer_request request = {.kind = QMAC_LAYER_LINEAR, .input = QMAC_NET_INPUT,
	                                           .outputs = 1};
	struct qmac_net_update update;
	struct qmac_error err;
	double norm, low, high;

	CU_ASSERT_FATAL(!qmac_net_create(&training.net, "one", (struct qmac_shape){count, 1, 1}, &err));
	CU_ASSERT_FATAL(!qmac_net_append(&training.net, &request, &err));
	CU_ASSERT_FATAL(!qmac_net_update_create(&update, &training, &err));
	memcpy(g, given, (size_t)count * sizeof g[0]);
	CU_ASSERT_FATAL(!qmac_net_update_gradient(&update, 1, g, &norm, &err));
	if (rule == QMAC_GRAD_QUANT_SCALED)
		CU_ASSERT_FATAL(!qmac_muppet_format(6, given, count, &format, &err));
	low = ldexp(-32, -format.fl);
	high = ldexp(31, -format.fl);
	for (int i = 0; i < count; i++) {
		double code = ldexp((double)g[i], format.fl), wanted = fmax(fmin((double)given[i], high), low);

		if (rule == QMAC_GRAD_QUANT_EXACT) {
			CU_ASSERT(g[i] == given[i]);
			continue;
		}
		CU_ASSERT_EQUAL(code, rint(code));
		CU_ASSERT(fabs((double)g[i] - wanted) < ldexp(1, -format.fl));
	}
	qmac_net_update_free(&update);
	qmac_net_free(&training.net);
}

static void test_gradients(void)
{
	static const float g[8] = {0.3F, -0.01F, 2.7F, -9, 0, 1e-4F, 0.125F, -3.3F};

	check_quantised(QMAC_GRAD_QUANT_EXACT, g, 8);
	check_quantised(QMAC_GRAD_QUANT_SCALED, g, 8);
	check_quantised(QMAC_GRAD_QUANT_LAYER, g, 8);
}

/* ---- run files ------------------------------------------------------------------------------- */

/* What the run files of networks in few bits say. */
static void test_run_files(void)
{
	static const struct {
		const char *file;
		enum qmac_policy policy;
		enum qmac_grad_quant grad_quant;
		bool normalise;
	} files[] = {
		{"configs/run/lenet5_adapt.yaml", QMAC_POLICY_ADAPT, QMAC_GRAD_QUANT_EXACT, true},
		{"configs/run/lenet5_fixed8_literal.yaml", QMAC_POLICY_FIXED, QMAC_GRAD_QUANT_LAYER, true},
		{"configs/run/lenet5_muppet.yaml", QMAC_POLICY_MUPPET, QMAC_GRAD_QUANT_SCALED, false},
	};
	const struct qmac_setting images = {"file", test_path("images"), "--set"};
	struct qmac_error err;

	for (int i = 0; i < TEST_COUNT(files); i++) {
		CU_ASSERT_EQUAL_FATAL(qmac_run_config_load(&config, files[i].file, &images, 1, &err), QMAC_OK);
		CU_ASSERT_EQUAL(config.run.precision_policy, files[i].policy);
		CU_ASSERT_EQUAL(config.run.precision_grad_quant, files[i].grad_quant);
		CU_ASSERT_EQUAL(config.run.normalise, files[i].normalise);
		CU_ASSERT(qmac_run_uses_device(&config.run));
		CU_ASSERT_EQUAL(qmac_run_switches_formats(&config.run), files[i].policy != QMAC_POLICY_FIXED);
	}
}

/* ---- refusals --------------------------------------------------------------------------------- */

static void test_refused(void)
{
	static const struct {
		struct qmac_setting setting;
		const char *says;
	} cases[] = {
		{{"precision.bw", "13", "--set"}, "13 is out of range; at most precision.bw_max = 12"},
		{{"precision.buffer_bits", "12", "--set"}, "below precision.bw_max = 12"},
		{{"precision.lookback_momentum", "1.5", "--set"}, "1.5 is out of range; at most 1"},
		{{"precision.resolution_low", "151", "--set"}, "at most precision.resolution_high = 150"},
		{{"normalise", "false", "--set"}, "adapt goes by the directions of gradients"},
	};
	static const struct qmac_setting wide[] = {{"precision.bw_max", "24", "--set"},
	                                           {"hw", "configs/hw/ragged.yaml", "--set"}};
	struct qmac_error err;

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(qmac_run_config_load(&config, write_net_run(layers, lines), &cases[i].setting, 1,
		                                     &err), QMAC_BAD_INPUT);
		CU_ASSERT(strstr(err.message, cases[i].says) != NULL);
		if (!strstr(err.message, cases[i].says))
			printf("%s\n", err.message);
	}
	/* what may come later is refused before the run */
	configure_adapt(2, wide);
	CU_ASSERT_EQUAL(train("wide", false, NULL, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "acc_bits of the hardware is 40") != NULL);
}

int main(void)
{
	const struct test_case cases[] = {
		{"formats switch within their caps", test_switches},
		{"the same again, with threads", test_repeats},
		{"goes on", test_resumes},
		{"other hardware", test_hardware},
		{"evaluation of what is left", test_evaluates},
		{"MuPPET", test_muppet},
		{"gradients in few bits", test_gradients},
		{"run files", test_run_files},
		{"refused", test_refused},
	};

	write_images();
	return test_main("test_net_precision", cases, TEST_COUNT(cases));
}
