/*
 * `update: device`: the engine's masters against the slow reference, over steps of several minibatches, and
 * the codes that are made of them; a training learns, every file says the same of it, on other hardware,
 * where it was ended and goes on, and in an estimate; what is refused.
 */
#define _XOPEN_SOURCE 700
#include <math.h>

#include "image_files.h"
#include "net/values.h"
#include "net_results.h"
#include "reference/ref_num.h"
#include "reference/ref_update.h"
#include "report/files.h"
#include "shipped_hw.h"
#include "train_net/device_engine.h"
#include "train_net/precision.h"
#include "train_net/setup.h"
#include "train_net/weights.h"

static const char layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - relu\n  - max_pool: {size: 2}\n  - conv: {out: 5, kernel: 2}\n"
	"  - tanh\n  - flatten\n  - linear: {out: 3}\n";
static const char lines[] =
	"alpha: 0.05\nl2: 1.0e-3\naccumulate: 3\nupdate: device\n"
	"precision: {policy: fixed, bw: 8, fl: 5}\n";

static void configure_update(const char *hw, int count, const struct qmac_setting *more)
{
	struct qmac_setting settings[4] = {{"hw", hw, "--set"}};

	if (count)
		memcpy(settings + 1, more, (size_t)count * sizeof settings[0]);
	configure(write_net_run(layers, lines), 1 + count, settings);
}

static const char here[] = "configs/hw/16x16_w8.yaml", ragged[] = "configs/hw/ragged.yaml";

/* ---- the engine ------------------------------------------------------------------------------ */

enum { BATCH = 20, OUTPUTS = 3, WEIGHTS_MAX = 1000, MINIBATCHES = 6, ACCUMULATE = 3 };

static void check_ok(enum qmac_status status, const struct qmac_error *err)
{
	if (status)
		printf("%s\n", err->message);
	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
}

/* By the sums of the minibatch that has just gone backward, as they lie on the device. */
static void follow(struct qmac_net_device_engine *engine, const struct ref_update *update, int32_t *masters,
                   int32_t *velocities)
{
	static int64_t sums[WEIGHTS_MAX];
	const struct qmac_net *net = &engine->training->net;
	uint64_t saturations = 0;
	struct qmac_error err;

	for (int p = 0; p < net->parameter_count; p++) {
		int64_t at = qmac_net_parameter_at(net, p);
		int fl = qmac_net_sum_fl(&engine->plan, &engine->of, p);

		check_ok(qmac_net_read_sum(&engine->plan, p, sums, &err), &err);
		for (int64_t i = 0; i < net->parameters[p].count; i++)
			ref_update(update, sums[i], fl, &masters[at + i], &velocities[at + i], &saturations);
	}
	CU_ASSERT_EQUAL(saturations, 0);
}

/* Codes of the first parameter. */
static int wrong_codes(const struct qmac_net_training *training, uint32_t step)
{
	int32_t codes[WEIGHTS_MAX];
	uint64_t count = 0, found = 0;
	uint32_t key = ref_dither_key(training->run->seed, step, 8 + 2);
	struct qmac_error err;
	int wrong = 0;

	check_ok(qmac_net_weight_codes(training, 0, step, codes, &found, &err), &err);
	for (int64_t i = 0; i < training->net.parameters[0].count; i++)
		wrong += codes[i] != ref_format_code(8, 5, training->run->precision_weight_rounding,
		                                     ref_dither(key, 0, (uint32_t)i),
		                                     ldexp((double)training->masters[i], -24), &count);
	CU_ASSERT_EQUAL(count, found);
	return wrong;
}

static void check_minibatch(struct qmac_net_training *training, struct qmac_net_device_engine *engine, int i,
                            int32_t *masters, int32_t *velocities)
{
	const struct qmac_net_engine_operations *operations = engine->base.operations;
	const struct qmac_image_batch batch = {.first = BATCH * i, .count = BATCH};
	bool last = i % ACCUMULATE == ACCUMULATE - 1;
	const struct ref_update update = {i % ACCUMULATE ? 1 : 0.9, last ? 1e-3 : 0, last ? 0.05 : 0, 1.0 / 60};
	size_t bytes = (size_t)training->weight_count * sizeof masters[0];
	float logits[BATCH * OUTPUTS], residual[BATCH * OUTPUTS];
	struct qmac_error err;

	training->step = (struct qmac_net_step){update.mu, update.lambda, update.rho, update.share};
	check_ok(operations->load(&engine->base, &err), &err);
	check_ok(operations->forward(&engine->base, &batch, QMAC_NET_TRAIN, logits, &err), &err);
	for (int j = 0; j < BATCH * OUTPUTS; j++)
		residual[j] = (float)((i + j) % 7 - 3) / 50 + logits[j] / 100;
	check_ok(operations->backward(&engine->base, residual, &err), &err);
	follow(engine, &update, masters, velocities);
	if (!last)
		return;
	CU_ASSERT(memcmp(masters, training->masters, bytes) == 0);
	for (int64_t j = 0; j < training->weight_count; j++)
		CU_ASSERT(training->weights[j] == (float)ldexp((double)masters[j], -24));
	check_ok(operations->save(&engine->base, &err), &err);
	CU_ASSERT(memcmp(velocities, engine->velocities, bytes) == 0);
	CU_ASSERT_EQUAL(wrong_codes(training, (uint32_t)i), 0);
}

static void test_engine(void)
{
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	int32_t masters[WEIGHTS_MAX], velocities[WEIGHTS_MAX] = {0};
	struct qmac_net_precision *precision;
	struct qmac_net_training training;
	struct qmac_net_engine *engine;
	struct qmac_error err;

	configure_update(here, 0, NULL);
	check_ok(qmac_net_setup(&training, &config.run, &err), &err);
	check_ok(qmac_net_precision_create(&training, NULL, &precision, &err), &err);
	CU_ASSERT_FATAL(training.masters && training.weight_count <= WEIGHTS_MAX);
	memcpy(masters, training.masters, (size_t)training.weight_count * sizeof masters[0]);
	check_ok(qmac_net_engine_of(&config.run)->create(&training, &hw, NULL, &engine, &err), &err);
	for (int i = 0; i < MINIBATCHES; i++)
		check_minibatch(&training, (struct qmac_net_device_engine *)engine, i, masters, velocities);
	engine->operations->destroy(engine);
	qmac_net_precision_destroy(precision);
	qmac_net_training_free(&training);
}

/* ---- a training ------------------------------------------------------------------------------ */

static void test_training(void)
{
	static const struct qmac_setting host = {"update", "host", "--set"};
	struct qmac_json *manifest, *summary;

	configure_update(here, 0, NULL);
	train_well("update", false);
	summary = json_of("update", "summary.json");
	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > 0.85);
	CU_ASSERT(isnan(qmac_json_real(summary, "grad_norm")));
	qmac_json_free(summary);
	manifest = json_of("update", "weights/manifest.json");
	CU_ASSERT_STRING_EQUAL(qmac_json_text(manifest, "tensors.0.format"), "int32");
	CU_ASSERT_EQUAL(qmac_json_real(manifest, "tensors.0.bw"), 8);
	qmac_json_free(manifest);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("update/layers.csv"), "\n4,conv2,update,8,8,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("update/layers.csv"), "\n4,linear1,update,8,8,"));
	CU_ASSERT_PTR_NULL(strstr(test_text("update/layers.csv"), "\n0,linear1,update,"));
	check_evaluation("update");
	CU_ASSERT_PTR_NULL(strstr(test_text("update/metrics.csv"), "nan"));
	configure_update(here, 1, &host);
	train_well("host", false);
	CU_ASSERT_PTR_NULL(strstr(test_text("host/layers.csv"), ",update,"));
}

/*
 * Two steps of three minibatches leave what the host's update in float32 does, but for factors of 17 bits and
 * masters of 24 fraction bits: about a hundred thousandth of a step.
 */
static void test_near(void)
{
	static const int64_t dims[4] = {5, 4, 2, 2};
	static const struct qmac_setting settings[] = {
		{"inner_steps", "2", "--set"}, {"precision.weight_rounding", "nearest", "--set"},
		{"update", "host", "--set"},
	};
	int32_t masters[80];
	float weights[80], moved = 0;
	char path[600];
	struct qmac_error err;

	for (int i = 0; i < 2; i++) {
		configure_update(here, 2 + i, settings);
		config.run.epochs = 1;
		train_well(i ? "near_host" : "near", false);
	}
	snprintf(path, sizeof path, "%s/near/weights/conv2.weight.npy", test_folder());
	check_ok(qmac_npy_read_int(path, dims, 4, masters, &err), &err);
	snprintf(path, sizeof path, "%s/near_host/weights/conv2.weight.npy", test_folder());
	check_ok(qmac_npy_read_float(path, dims, 4, weights, &err), &err);
	for (int i = 0; i < 80; i++)
		CU_ASSERT(fabs(ldexp((double)masters[i], -24) - (double)weights[i]) < 2e-6);
	configure_update(here, 2, settings + 1);
	config.run.epochs = 0;
	train_well("near_first", false);
	snprintf(path, sizeof path, "%s/near_first/weights/conv2.weight.npy", test_folder());
	check_ok(qmac_npy_read_float(path, dims, 4, weights, &err), &err);
	for (int i = 0; i < 80; i++)
		moved = fmaxf(moved, fabsf((float)ldexp((double)masters[i], -24) - weights[i]));
	CU_ASSERT(moved > 1e-3F);
}

static void test_same(void)
{
	static const struct qmac_setting steps = {"checkpoint.steps", "2", "--set"};
	struct qmac_error err;

	for (int i = 0; i < 2; i++) {
		struct ending ending = {.epoch = 2 - i};

		configure_update(here, i, &steps);
		train_well("whole", false);
		check_file("update", "whole", "weights/manifest.json");
		CU_ASSERT_EQUAL(train("parts", false, &ending, &err), QMAC_CHECK_FAILED);
		train_well("parts", true);
		check_same("whole", "parts");
		(void)unlink(test_path("parts/summary.json"));
	}
	configure_update(ragged, 0, NULL);
	train_well("ragged", false);
	check_file("update", "ragged", "weights/manifest.json");
}

static void test_estimate(void)
{
	configure_update(here, 0, NULL);
	estimate_well("estimated", NULL);
	check_costs("update", "estimated");
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_refused(void)
{
	static const struct qmac_setting cases[] = {
		{"precision.policy", "muppet", "--set"}, {"normalise", "true", "--set"}, {"l1", "1e-4", "--set"},
		{"precision.grad_quant", "scaled", "--set"}, {"precision.policy", "adapt", "--set"},
	};
	struct qmac_error err;

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(qmac_run_config_load(&config, write_net_run(layers, lines), &cases[i], 1, &err),
		                QMAC_BAD_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "update: device wants precision.policy fixed"));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, cases[i].key));
	}
}

int main(void)
{
	const struct test_case cases[] = {
		{"the engine", test_engine}, {"a training", test_training},
		{"near the update in float32", test_near},
		{"other hardware, and goes on", test_same}, {"as estimated", test_estimate},
		{"refused", test_refused},
	};

	write_images();
	return test_main("test_net_update", cases, TEST_COUNT(cases));
}
