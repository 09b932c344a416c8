/*
 * Formats of a network that is trained with `precision.policy: fixed`: of single layers, and chosen by the
 * range of their weights, at first or behind every step; every file says the same of them; the same bits on
 * other hardware, and where a run was ended and goes on; cycles as estimated; what is refused.
 */
#define _XOPEN_SOURCE 700
#include <math.h>

#include "image_files.h"
#include "net_results.h"
#include "report/files.h"

static const char layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - relu\n  - avg_pool: {size: 2}\n  - flatten\n  - linear: {out: 8}\n"
	"  - tanh\n  - linear: {out: 3}\n";
static const char lines[] =
	"alpha: 0.05\nnormalise: true\nprecision: {policy: fixed, bw: 8, fl: 4}\n";

static const char own_formats[] = "conv1=12,6 linear2=6,range";

/* Two epochs of 15 steps, and these settings. */
static enum qmac_status try_formats(int count, const struct qmac_setting *more, struct qmac_error *err)
{
	struct qmac_setting settings[4] = {{"epochs", "2", "--set"}};

	memcpy(settings + 1, more, (size_t)count * sizeof settings[0]);
	return qmac_run_config_load(&config, write_net_run(layers, lines), settings, 1 + count, err);
}

static void configure_formats(int count, const struct qmac_setting *more)
{
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(try_formats(count, more, &err), QMAC_OK);
}

/* ---- what formats there are ------------------------------------------------------------------ */

static struct qmac_format format_of(const struct qmac_json *manifest, int tensor)
{
	struct qmac_format format;
	char key[40];

	snprintf(key, sizeof key, "tensors.%d.bw", tensor);
	format.bw = (int)qmac_json_real(manifest, key);
	snprintf(key, sizeof key, "tensors.%d.fl", tensor);
	format.fl = (int)qmac_json_real(manifest, key);
	return format;
}

static void check_format(const struct qmac_json *manifest, int tensor, int bw, int fl)
{
	struct qmac_format format = format_of(manifest, tensor);

	CU_ASSERT_EQUAL(format.bw, bw);
	CU_ASSERT_EQUAL(format.fl, fl);
	if (format.bw != bw || format.fl != fl)
		printf("tensor %d: <%d,%d> in place of <%d,%d>\n", tensor, format.bw, format.fl, bw, fl);
}

/* The numbers of a parameter's file. */
static void read_parameter(const char *name, const char *parameter, int64_t rows, int64_t columns, float *w)
{
	const int64_t dims[2] = {rows, columns};
	char path[600];
	struct qmac_error err;

	snprintf(path, sizeof path, "%s/%s/weights/%s.npy", test_folder(), name, parameter);
	CU_ASSERT_EQUAL_FATAL(qmac_npy_read_float(path, dims, columns ? 2 : 1, w, &err), QMAC_OK);
}

/* The most fraction bits with which every number, rounded, is a code; by trying. */
static int finest_of(int bw, const float *w, int64_t count)
{
	for (int fl = 31; fl > -31; fl--) {
		double top = ldexp(1, bw - 1);
		bool fits = true;

		for (int64_t i = 0; i < count; i++) {
			double code = ldexp((double)w[i], fl);

			fits = fits && code <= top - 0.5 && code >= -top - 0.5;
		}
		if (fits)
			return fl;
	}
	return -31;
}

/* Of weights and biases together. */
static int finest(const char *name, int bw, const char *weight, int64_t rows, int64_t columns,
                  const char *bias)
{
	static float w[1000];

	CU_ASSERT_FATAL(rows * columns + rows < 1000);
	read_parameter(name, weight, rows, columns, w);
	read_parameter(name, bias, rows, 0, w + rows * columns);
	return finest_of(bw, w, rows * columns + rows);
}

static void test_single_layers(void)
{
	static const struct qmac_setting set = {"precision.layers", own_formats, "--set"};
	struct qmac_json *manifest;

	configure_formats(1, &set);
	train_well("own", false);
	manifest = json_of("own", "weights/manifest.json");
	for (int i = 0; i < 2; i++) { /* weight, then bias */
		check_format(manifest, i, 12, 6);
		check_format(manifest, 2 + i, 8, 4);
		CU_ASSERT_EQUAL(format_of(manifest, 4 + i).bw, 6);
	}
	qmac_json_free(manifest);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("own/layers.csv"), "\n2,conv1,forward,12,12,0.015625,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("own/layers.csv"), "\n2,linear1,forward,8,8,0.0625,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("own/layers.csv"), "\n2,linear2,forward,6,8,"));
	check_evaluation("own");
}

/* By hand: biases of linear1 reach almost .5, those of linear2 with init.biases=3 nearly 3. */
static void test_range(void)
{
	static const struct qmac_setting settings[] = {
		{"epochs", "0", ""}, {"precision.fl_rule", "range", "--set"},
		{"precision.layers", "linear1=10,range conv1=30,range", "--set"},
	};
	struct qmac_json *manifest;

	configure_formats(3, settings);
	train_well("range", false);
	manifest = json_of("range", "weights/manifest.json");
	for (int i = 0; i < 2; i++) {
		check_format(manifest, 2 + i, 10, finest("range", 10, "linear1.weight", 8, 36, "linear1.bias"));
		check_format(manifest, 4 + i, 8, finest("range", 8, "linear2.weight", 3, 8, "linear2.bias"));
	}
	CU_ASSERT_EQUAL(format_of(manifest, 0).bw, 30);
	CU_ASSERT(format_of(manifest, 0).fl >= 28);
	qmac_json_free(manifest);
}

/* Fraction bits are those of the masters at the end; a bias has no more than its weights; conv1 has its. */
static void test_current(void)
{
	static const struct qmac_setting settings[] = {
		{"precision.fl_rule", "current", "--set"}, {"precision.layers", "conv1=12,6", "--set"},
		{"alpha", "0.3", "--set"},
	};
	static const struct {
		const char *weight, *bias;
		int64_t rows, columns;
	} layer[] = {{"linear1.weight", "linear1.bias", 8, 36}, {"linear2.weight", "linear2.bias", 3, 8}};
	static float w[1000];
	struct qmac_json *manifest;

	configure_formats(TEST_COUNT(settings), settings);
	train_well("current", false);
	manifest = json_of("current", "weights/manifest.json");
	for (int i = 0; i < TEST_COUNT(layer); i++) {
		int weight, bias;

		read_parameter("current", layer[i].weight, layer[i].rows, layer[i].columns, w);
		weight = finest_of(8, w, layer[i].rows * layer[i].columns);
		read_parameter("current", layer[i].bias, layer[i].rows, 0, w);
		bias = finest_of(8, w, layer[i].rows);
		check_format(manifest, 2 + 2 * i, 8, weight);
		check_format(manifest, 3 + 2 * i, 8, bias < weight ? bias : weight);
		check_format(manifest, i, 12, 6);
	}
	qmac_json_free(manifest);
	CU_ASSERT(strstr(test_text("current/switches.csv"), ",linear") != NULL);
	CU_ASSERT(strstr(test_text("current/switches.csv"), ",conv1,") == NULL);
	check_evaluation("current");
	estimate_well("replayed", "current");
	check_costs("current", "replayed");
}

/* ---- the same bits, and cycles --------------------------------------------------------------- */

static void test_same(void)
{
	static const struct qmac_setting set[] = {{"precision.layers", own_formats, "--set"},
	                                          {"hw", "configs/hw/ragged.yaml", "--set"}};
	struct ending ending = {.epoch = 1};
	struct qmac_error err;

	configure_formats(2, set);
	train_well("ragged", false);
	check_file("own", "ragged", "weights/manifest.json");
	configure_formats(1, set);
	CU_ASSERT_EQUAL(train("parts", false, &ending, &err), QMAC_CHECK_FAILED);
	train_well("parts", true);
	check_same("own", "parts");
}

static void test_estimate(void)
{
	static const struct qmac_setting set = {"precision.layers", own_formats, "--set"};

	configure_formats(1, &set);
	estimate_well("estimated", NULL);
	check_costs("own", "estimated");
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_refused(void)
{
	static const struct {
		const char *layers, *says;
		bool by_network; /* what the run file alone does not tell */
	} cases[] = {
		{"conv1", "'conv1' is no format of a layer; write LAYER=BW,FL", false},
		{"conv1=8", "'conv1=8' is no format of a layer", false},
		{"=8,4", "'=8,4' is no format of a layer", false},
		{"conv1=33,4", "conv1: 33 is out of range 2..32", false},
		{"linear1=8,4 conv1=8,x", "conv1: expected a whole number", false},
		{"conv1=8,32", "conv1: 32 is out of range -31..31", false},
		{"conv1=8,4 linear1=8,4 conv1=8,4", "layer 'conv1' has two formats", false},
		{"linear1=8,4  conv=8,4", "precision.layers: unknown layer 'conv'; did you mean 'conv1'?", true},
		{"relu1=8,4", "precision.layers: layer 'relu1' has no weights or biases", true},
	};
	struct qmac_error err;

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_setting setting = {"precision.layers", cases[i].layers, ""};
		enum qmac_status status = try_formats(1, &setting, &err);

		CU_ASSERT_EQUAL(status, cases[i].by_network ? QMAC_OK : QMAC_BAD_INPUT);
		if (!status)
			CU_ASSERT_EQUAL(train("refused", false, NULL, &err), QMAC_BAD_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, cases[i].says));
		if (!strstr(err.message, cases[i].says))
			printf("%s\n", err.message);
	}
}

/* Other keys with a format, or a width that may be left to the network. */
static void test_keys_refused(void)
{
	static const struct {
		const char *key, *value, *says;
	} cases[] = {
		{"precision.statistics", "12", "'12' is no format; write BW,FL, or float"},
		{"precision.statistics", "1,3", "width: 1 is out of range 2..32"},
		{"precision.statistics", "12,32", "fraction bits: 32 is out of range -31..31"},
		{"precision.statistics", "12345678901234567,3", "is no format"},
		{"precision.dy_bits", "1", "1 is out of range; 2..16, or 0"},
	};
	struct qmac_error err;

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_setting setting = {cases[i].key, cases[i].value, ""};

		CU_ASSERT_EQUAL(try_formats(1, &setting, &err), QMAC_BAD_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, cases[i].says));
		if (!strstr(err.message, cases[i].says))
			printf("%s\n", err.message);
	}
}

int main(void)
{
	const struct test_case cases[] = {
		{"formats of single layers", test_single_layers},
		{"formats by the range of weights", test_range},
		{"other hardware, and goes on", test_same},
		{"cycles as estimated", test_estimate},
		{"formats by the range of masters", test_current},
		{"refused", test_refused}, {"keys refused", test_keys_refused},
	};

	write_images();
	return test_main("test_net_formats", cases, TEST_COUNT(cases));
}
