/*
 * Trainings of a residual network with batch norm on the device: that it learns; what an estimate says it
 * costs; a run that was ended and goes on, threads, and other hardware have the same bits; its weights,
 * statistics and scales give the same figures again; under every precision policy.
 */
#define _XOPEN_SOURCE 700
#include <math.h>

#include "image_files.h"
#include "net_results.h"

static const char layers[] =
	"  - conv: {out: 4, kernel: 3, pad: 1, bias: false}\n  - batch_norm\n  - relu\n"
	"  - residual: {main: [conv: {out: 4, kernel: 3, pad: 1}, batch_norm, relu,"
	" conv: {out: 4, kernel: 3, pad: 1, bias: false}, batch_norm]}\n  - relu\n"
	"  - residual:\n      main: [conv: {out: 6, kernel: 3, stride: 2, pad: 1, bias: false}, batch_norm, relu,"
	" conv: {out: 6, kernel: 3, pad: 1, bias: false}, batch_norm]\n"
	"      shortcut: [conv: {out: 6, kernel: 1, stride: 2, bias: false}, batch_norm]\n  - relu\n"
	"  - avg_pool: {size: 4}\n  - flatten\n  - linear: {out: 3}\n";
static const char r8[] =
	"policy: fixed, bw: 8, fl_rule: current, weight_rounding: nearest, activation_rounding: nearest";
static const char whole[] = "alpha: 0.05\n", some[] = "alpha: 0.05\nlimit: 120\n";

/* With that precision, these further lines, and these settings; two epochs unless they say otherwise. */
static void configure_run(const char *precision, const char *lines, int count,
                          const struct qmac_setting *more)
{
	char text[500];

	snprintf(text, sizeof text, "%sspeedup: false\nprecision: {%s}\n", lines, precision);
	configure(write_net_run(layers, text), count, more);
}

static void expect_accuracy(const char *name, double accuracy)
{
	struct qmac_json *summary = json_of(name, "summary.json");

	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > accuracy);
	if (!(qmac_json_real(summary, "test_accuracy") > accuracy))
		printf("%s: %g\n", name, qmac_json_real(summary, "test_accuracy"));
	CU_ASSERT_EQUAL(qmac_json_real(summary, "acc_saturations"), 0);
	qmac_json_free(summary);
}

/* The same bits on so many threads, and the same weights on other hardware. */
static void check_hardware(const char *precision, const char *lines, const char *name)
{
	static const struct qmac_setting settings[] = {
		{"epochs", "2", "--set"}, {"threads", "2", "--set"}, {"kernel", "scalar", "--set"},
	};
	static const char *const hw[] = {"configs/hw/8x8_w8.yaml", "configs/hw/ragged.yaml"};
	char other[40];

	snprintf(other, sizeof other, "%s_other", name);
	configure_run(precision, lines, TEST_COUNT(settings), settings);
	train_well(other, false);
	check_same(name, other);
	for (int i = 0; i < TEST_COUNT(hw); i++) {
		const struct qmac_setting own[] = {{"epochs", "2", "--set"}, {"hw", hw[i], "--set"}};

		configure_run(precision, lines, TEST_COUNT(own), own);
		train_well(other, false);
		check_file(name, other, "weights/manifest.json");
	}
}

/* It learns; its folder gives its figures and its costs again; resumed, and elsewhere, it is the same. */
static void check_training(const char *precision, const char *lines, const char *name, double accuracy)
{
	static const struct qmac_setting epochs = {"epochs", "2", "--set"};
	struct ending ending = {.epoch = 1};
	struct qmac_error err;
	char parts[40];

	snprintf(parts, sizeof parts, "%s_parts", name);
	configure_run(precision, lines, 1, &epochs);
	train_well(name, false);
	expect_accuracy(name, accuracy);
	check_evaluation(name);
	estimate_well("estimated", qmac_run_switches_formats(&config.run) ? name : NULL);
	check_costs(name, "estimated");
	if (config.run.precision_policy == QMAC_POLICY_FIXED) { /* scales are no matter of costs */
		estimate_well("from_file", NULL);
		check_costs(name, "from_file");
	}
	CU_ASSERT_EQUAL(train(parts, false, &ending, &err), QMAC_CHECK_FAILED);
	train_well(parts, true);
	check_same(name, parts);
	check_hardware(precision, lines, name);
}

/* ---- formats ------------------------------------------------------------------------------------ */

/* gamma and beta have no format; scales by the minibatch before are in the manifest alone. */
static void check_manifest(const char *name)
{
	struct qmac_json *manifest = json_of(name, "weights/manifest.json");
	const char *formats;
	char file[60];

	CU_ASSERT_STRING_EQUAL(qmac_json_text(manifest, "tensors.1.name"), "batch_norm1.gamma");
	CU_ASSERT_STRING_EQUAL(qmac_json_text(manifest, "tensors.1.format"), "float32");
	CU_ASSERT(isnan(qmac_json_real(manifest, "tensors.1.bw")));
	CU_ASSERT_EQUAL(qmac_json_real(manifest, "tensors.0.bw"), 8);
	CU_ASSERT_EQUAL(qmac_json_real(manifest, "outputs.0.bw"), 8);
	qmac_json_free(manifest);
	snprintf(file, sizeof file, "%s/formats.csv", name);
	formats = test_text(file);
	CU_ASSERT(strstr(formats, ",conv1.weight,") != NULL && strstr(formats, "batch_norm") == NULL);
	CU_ASSERT(strstr(formats, ".output,") == NULL);
}

static void test_r8(void)
{
	check_training(r8, whole, "r8", 0.8);
	check_manifest("r8");
}

static void test_formats(void)
{
	check_training("policy: fixed, bw: 8, fl: 5, activation_fl: layer", some, "layer", 0);
	check_training("policy: fixed, bw: 10, fl: 7, activation_scale: epoch, err_bits: 10", some, "epoch", 0);
	check_training("policy: fixed, bw: 8, fl_rule: range, layers: \"conv1=10,7\", activation_headroom: 1,"
	               " dy_bits: 8, err_scale: cur",
	               "alpha: 0.05\nlimit: 120\naccumulate: 2\ncheckpoint: {steps: 2}\n", "accumulate", 0);
}

/* Only layers with weights are switched. */
static void check_switches(const char *name)
{
	static struct row rows[SWITCHES];
	int count = read_switches(name, rows);

	CU_ASSERT(count > 0);
	for (int i = 0; i < count; i++)
		CU_ASSERT(strncmp(rows[i].layer, "conv", 4) == 0 || strcmp(rows[i].layer, "linear1") == 0);
}

static void test_adapt(void)
{
	check_training("policy: adapt, lookback_low: 4, lookback_high: 8, buffer_bits: 4, bw_max: 12",
	               "alpha: 0.02\nnormalise: true\n", "adapt", 0.6);
	check_switches("adapt");
}

static void test_muppet(void)
{
	check_training("policy: muppet, levels: \"6, 8\", grad_quant: scaled", some, "muppet", 0);
	check_switches("muppet");
}

/* In 32 bits it takes longer. */
static void test_speedup(void)
{
	static const struct qmac_setting settings[] = {{"epochs", "1", "--set"}, {"speedup", "true", "--set"}};
	struct qmac_json *summary;

	configure_run(r8, whole, TEST_COUNT(settings), settings);
	estimate_well("speedup", NULL);
	summary = json_of("speedup", "summary.json");
	CU_ASSERT(qmac_json_real(summary, "speedup.device.training") > 1.5);
	CU_ASSERT(qmac_json_real(summary, "speedup.device.inference") > 1.5);
	qmac_json_free(summary);
}

/* Coarse statistics are others in an evaluation, and only there. */
static void test_statistics(void)
{
	static const char *const formats[] = {"\"14,10\"", "\"4,0\""};
	double loss[3];

	for (int i = 0; i < 3; i++) {
		static const struct qmac_setting epochs = {"epochs", "2", "--set"};
		char name[20], precision[200];
		struct qmac_json *summary;

		snprintf(name, sizeof name, "statistics%d", i);
		snprintf(precision, sizeof precision, "%s, statistics: %s", r8, i ? formats[i - 1] : "float");
		configure_run(precision, some, 1, &epochs);
		train_well(name, false);
		check_evaluation(name);
		check_file("statistics0", name, "weights/manifest.json");
		summary = json_of(name, "summary.json");
		loss[i] = qmac_json_real(summary, "test_loss");
		qmac_json_free(summary);
	}
	CU_ASSERT(loss[1] != loss[0] && fabs(loss[1] - loss[0]) < 0.01);
	CU_ASSERT(fabs(loss[2] - loss[0]) > 0.01);
	if (fabs(loss[1] - loss[0]) >= 0.01 || fabs(loss[2] - loss[0]) <= 0.01)
		printf("%g %g %g\n", loss[0], loss[1], loss[2]);
}

int main(void)
{
	const struct test_case cases[] = {
		{"R8", test_r8}, {"other formats", test_formats}, {"AdaPT", test_adapt}, {"MuPPET", test_muppet},
		{"speed-up", test_speedup}, {"statistics in a format", test_statistics},
	};

	write_images();
	return test_main("test_net_norm_train", cases, TEST_COUNT(cases));
}
