/*
 * What a network's run saved against one in 32 bits: the layers of AdaPT's model and their operations, by the
 * MACs of the shipped networks and by hand; a run of two steps by hand; of trainings the cycles that are
 * compared, in one go and in parts.
 */
#define _XOPEN_SOURCE 700
#include <math.h>

#include "config/energy_file.h"
#include "config/hw_file.h"
#include "config/net_file.h"
#include "image_files.h"
#include "net_runs.h"
#include "shipped_hw.h"
#include "train_net/reference.h"
#include "train_net/speed.h"

enum { LAYERS_MAX = 64 };

/* ---- layers of the model ---------------------------------------------------------------------- */

/* Twice the multiplications of each network, exactly. */
static void test_macs(void)
{
	static const struct {
		const char *file;
		double macs;
		int layers;
	} nets[] = {
		{"configs/net/lenet5.yaml", 416520, 5},
		{"configs/net/alexnet_cifar.yaml", 14957056, 6},
		{"configs/net/resnet20.yaml", 40813184, 43},
	};

	for (int i = 0; i < TEST_COUNT(nets); i++) {
		struct qmac_analytic_layer layers[LAYERS_MAX];
		int numbers[LAYERS_MAX];
		struct qmac_net net;
		double sum = 0;
		int count;

		CU_ASSERT_EQUAL_FATAL(qmac_net_load(&net, nets[i].file, NULL, NULL), QMAC_OK);
		count = qmac_net_analytic_layers(&net, layers, numbers);
		CU_ASSERT_EQUAL(count, nets[i].layers);
		for (int l = 0; l < count; l++) {
			double operations = qmac_analytic_operations(QMAC_ANALYTIC_CLEAN, &layers[l]);

			CU_ASSERT_EQUAL(layers[l].weights, net.parameters[net.layers[numbers[l]].weight].count);
			if (layers[l].kind != QMAC_ANALYTIC_BATCH_NORM)
				sum += operations;
		}
		CU_ASSERT_EQUAL(sum, 2 * nets[i].macs);
		qmac_net_free(&net);
	}
}

/* As published: AlexNet's figures, with a relu behind each convolution; LeNet's linear layers look at 1x1. */
static void test_published(void)
{
	static const double alexnet[] = {13.37e6, 126.2e6, 340.3e6, 906.8e6, 403.2e6, 4864};
	static const double digit[] = {1e4, 1e5, 1e5, 1e5, 1e5, 0};
	struct qmac_analytic_layer layers[LAYERS_MAX];
	int numbers[LAYERS_MAX];
	struct qmac_net net;

	CU_ASSERT_EQUAL_FATAL(qmac_net_load(&net, "configs/net/alexnet_cifar.yaml", NULL, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_net_analytic_layers(&net, layers, numbers), 6);
	for (int l = 0; l < 6; l++) {
		double operations = qmac_analytic_operations(QMAC_ANALYTIC_PUBLISHED, &layers[l]);

		CU_ASSERT(fabs(operations - alexnet[l]) <= digit[l] / 2);
	}
	CU_ASSERT_EQUAL(layers[5].in.height * layers[5].in.width, 1);
	CU_ASSERT_EQUAL(layers[5].in.channels, 256);
	qmac_net_free(&net);
	CU_ASSERT_EQUAL_FATAL(qmac_net_load(&net, "configs/net/lenet5.yaml", NULL, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_net_analytic_layers(&net, layers, numbers), 5);
	CU_ASSERT_EQUAL(layers[0].activation, QMAC_ANALYTIC_TANH);
	/* 2 120 84 - 120, and a tanh of 4 operations for each of 120 84 120 */
	CU_ASSERT_EQUAL(qmac_analytic_operations(QMAC_ANALYTIC_PUBLISHED, &layers[3]), 20040 + 4 * 1209600);
	CU_ASSERT_EQUAL(qmac_analytic_operations(QMAC_ANALYTIC_PUBLISHED, &layers[4]), 1596);
	qmac_net_free(&net);
}

/* ---- two layers, two steps, by hand ----------------------------------------------------------- */

static const char two_layers[] = "name: two\ninput: {channels: 1, height: 4, width: 4}\nlayers:\n"
	"- conv: {out: 2, kernel: 3, bias: false}\n- flatten\n- linear: {out: 2, bias: false}\n";

static bool is_near(double value, double expected)
{
	if (!(fabs(value / expected - 1) < 1e-12))
		printf("%.15g in place of %.15g\n", value, expected);
	return fabs(value / expected - 1) < 1e-12;
}

/* Of conv1 and linear1: 18 and 16 weights, so many of them 0. */
static void add_step(struct qmac_net_tally *tally, struct qmac_net_training *training,
                     const struct qmac_net_precision *precision, int bw_conv, int bw_linear,
                     uint64_t zeros_conv, uint64_t zeros_linear)
{
	struct qmac_layer_record *layer = training->records.layer;

	training->formats[0].bw = bw_conv;
	training->formats[1].bw = bw_linear;
	qmac_net_tally_begin(tally, training);
	layer[0].weight_codes += 18;
	layer[0].zero_weights += zeros_conv;
	layer[2].weight_codes += 16;
	layer[2].zero_weights += zeros_linear;
	qmac_net_tally_step(tally, training, precision);
}

/*
 * Operations: clean, 2 2 2 3 3 2 = 144 and 2 8 2 = 32; published, 2 4 4 (3 + 1) 2 = 256 and 2 8 2 - 8 = 24.
 * Step 1: <8> with 9 of 18 zeros, <16> with 4 of 16; step 2: <12> with none, <16> with 8 of 16.
 */
static void check_by_hand(const struct qmac_net_speed *speed, double reached_clean, double reached_published)
{
	const double clean = 144 * (8 * .5 + 12) + 32 * (16 * .75 + 16 * .5), clean_float = 2 * 32 * (144 + 32);
	const double published = 256 * (8 * .5 + 12) + 24 * (16 * .75 + 16 * .5), published_float = 2 * 32 * 280;
	const struct qmac_analytic_result *a = &speed->model[QMAC_ANALYTIC_CLEAN];
	const struct qmac_analytic_result *b = &speed->model[QMAC_ANALYTIC_PUBLISHED];
	double su1 = 2 * clean_float / (clean + clean_float);
	double size = (18 * 8 * .5 + 16 * 16 * .75 + 18 * 12 + 16 * 16 * .5) / (2 * 32 * 34);

	CU_ASSERT(speed->is_known && speed->is_modelled);
	CU_ASSERT(is_near(a->speedup, su1));
	CU_ASSERT(is_near(a->iso_speedup, su1 / reached_clean));
	CU_ASSERT(isnan(a->muppet_speedup)); /* a matter of AdaPT's */
	CU_ASSERT(is_near(a->memory, 1 + 2 * size));
	CU_ASSERT(is_near(a->model_size, (18 * 12 + 16 * 16 * .5) / (32 * 34)));
	CU_ASSERT(is_near(a->inference_speedup, 32. * 176 / (144 * 12 + 32 * 16 * .5)));
	CU_ASSERT_EQUAL(a->overhead, 0);
	CU_ASSERT(is_near(b->speedup, 2 * published_float / (published + published_float)));
	CU_ASSERT(is_near(b->iso_speedup, b->speedup / reached_published));
	/* all layers alike, with the mean of their shares: (8 + 16) (.5 + .75) / 2, (12 + 16) (1 + .5) / 2 */
	CU_ASSERT(is_near(b->mean_size, (24 * .625 + 28 * .75) / (2 * 2 * 32)));
	CU_ASSERT(is_near(b->inference_speedup, 32. * 280 / (256 * 12 + 24 * 16 * .5)));
}

static void test_by_hand(void)
{
	struct qmac_run run = {.batch = 5, .accumulate = 3, .precision_policy = QMAC_POLICY_FIXED,
	                       .target_accuracy = 0.9};
	struct qmac_net_training training = {.run = &run};
	struct qmac_net_precision precision = {.operations = &qmac_net_fixed_precision};
	struct qmac_metrics row = {.epoch = 0, .step = 2, .test_accuracy = 0.95};
	struct qmac_format formats[2] = {{8, 4}, {8, 4}};
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_net_speed speed;
	struct qmac_net_tally tally;

	CU_ASSERT_EQUAL_FATAL(qmac_net_load(&training.net, config_file("two.yaml", two_layers), NULL, NULL),
	                      QMAC_OK);
	training.formats = formats;
	training.images.data.test_samples = 12;
	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&training.records, 3, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_net_tally_create(&tally, &training, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(tally.layers[1].in.channels, 2); /* 2 x 2 of them, in front of flatten */
	CU_ASSERT_EQUAL(tally.layers[1].in.height, 2);
	add_step(&tally, &training, &precision, 8, 16, 9, 4);
	add_step(&tally, &training, &precision, 12, 16, 0, 8);
	/* evaluations of 700 cycles in 3 minibatches, four of them behind epochs; the third reaches 90 % */
	for (row.epoch = 0; row.epoch <= 5; row.epoch++) {
		qmac_records_begin(&training.records, row.epoch);
		qmac_records_spent(&training.records, 0, QMAC_DIRECTION_EVAL)[QMAC_COUNTER_CYCLES] = 600;
		qmac_records_spent(&training.records, 2, QMAC_DIRECTION_EVAL)[QMAC_COUNTER_CYCLES] = 100;
		qmac_records_spent(&training.records, 0, QMAC_DIRECTION_UPDATE)[QMAC_COUNTER_CYCLES] = 50;
		qmac_records_spent(&training.records, 2, QMAC_DIRECTION_FORWARD)[QMAC_COUNTER_CYCLES] = 9;
		row.test_accuracy = row.epoch == 3 || row.epoch == 5 ? 0.9 : 0.85;
		qmac_net_tally_epoch(&tally, &training, &row, row.epoch != 4);
	}
	qmac_net_tally_find(&tally, &training, &row, &hw, NULL, &speed);
	check_by_hand(&speed, 3. / 4, 2. / 4);
	CU_ASSERT_EQUAL(speed.own.training[QMAC_COUNTER_CYCLES], 6 * 9);
	CU_ASSERT_EQUAL(speed.own.inference[QMAC_COUNTER_CYCLES], 700);
	CU_ASSERT_EQUAL(speed.inferences, 3);
	CU_ASSERT_EQUAL(speed.wide.training[QMAC_COUNTER_CYCLES], 0); /* run.speedup: false */
	CU_ASSERT_EQUAL(tally.now.minibatches, 6);
	qmac_net_tally_free(&tally);
	qmac_records_free(&training.records);
	qmac_net_free(&training.net);
}

static void set_effort(const struct qmac_net_precision *precision, int parameter, int *lookback,
                       int *resolution)
{
	(void)precision;
	*lookback = parameter ? 10 : 5;
	*resolution = parameter ? 60 : 50;
}

/* One step of AdaPT, <12> with 9 of 18 zeros and <8> with none, three minibatches of 5 images. */
static void test_overhead(void)
{
	const double conv = 32 * (3 * 18 * (2 * 2) * 50 * .5 + 6 * 18 + 1) / 5; /* 2 log2(12 - 8) = 4 */
	const double linear = 32. * (3 * 16 * 1 * 60 + 11 * 16 + 1) / 10, operations = 144 * 12 * .5 + 32 * 8;
	const double all = 15 * operations + conv + linear, whole = 15 * 32. * 176;
	const struct qmac_net_precision_operations operations_of = {.effort = set_effort};
	struct qmac_run run = {.batch = 5, .accumulate = 3, .precision_policy = QMAC_POLICY_ADAPT};
	struct qmac_net_training training = {.run = &run};
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_net_precision precision = {.operations = &operations_of};
	struct qmac_metrics row = {.epoch = 2, .step = 1};
	struct qmac_format formats[2] = {{8, 4}, {8, 4}};
	struct qmac_net_speed speed;
	struct qmac_net_tally tally;
	const struct qmac_analytic_result *clean = &speed.model[QMAC_ANALYTIC_CLEAN];

	CU_ASSERT_EQUAL_FATAL(qmac_net_load(&training.net, config_file("two.yaml", two_layers), NULL, NULL),
	                      QMAC_OK);
	training.formats = formats;
	precision.training = &training;
	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&training.records, 3, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_net_tally_create(&tally, &training, NULL), QMAC_OK);
	add_step(&tally, &training, &precision, 12, 8, 9, 0);
	qmac_net_tally_find(&tally, &training, &row, &hw, NULL, &speed);
	CU_ASSERT(is_near(clean->overhead, (conv + linear) / all));
	CU_ASSERT(is_near(clean->speedup, 2 * whole / (all + whole)));
	/* MuPPET's minibatches of 128 in place of 5, three of them a step */
	CU_ASSERT(is_near(clean->muppet_speedup, 150. / 2 * 2 * whole / (all + whole * (128. / 5) / 3)));
	CU_ASSERT(isnan(clean->iso_speedup));
	qmac_net_tally_free(&tally);
	qmac_records_free(&training.records);
	qmac_net_free(&training.net);
}

/* ---- trainings -------------------------------------------------------------------------------- */

static const char layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - tanh\n  - avg_pool: {size: 2}\n  - flatten\n  - linear: {out: 3}\n";
static const char lines[] =
	"alpha: 0.05\n"
	"precision: {policy: adapt, lookback_low: 3, lookback_high: 8, buffer_bits: 6, bw_max: 12}\n";

static double figure(const char *name, const char *path)
{
	struct qmac_json *summary = json_of(name, "summary.json");
	double value = qmac_json_real(summary, path);

	qmac_json_free(summary);
	return value;
}

/* The same in one go and in parts; an estimate has the cycles, and nothing of the model. */
static void test_training(void)
{
	static const char *const same[] = {
		"speedup.device.training", "speedup.device.inference", "speedup.clean.training",
		"speedup.clean.overhead", "speedup.clean.model_size", "speedup.published.training",
		"speedup.published.against_muppet", "speedup.published.training_memory",
	};
	struct ending ending = {.epoch = 1};
	struct qmac_error err;
	char folder[600];

	configure(write_net_run(layers, lines), 0, NULL);
	train_well("whole", false);
	CU_ASSERT_EQUAL(train("parts", false, &ending, &err), QMAC_CHECK_FAILED);
	train_well("parts", true);
	for (int i = 0; i < TEST_COUNT(same); i++) {
		CU_ASSERT(figure("whole", same[i]) > 0);
		CU_ASSERT_EQUAL(figure("whole", same[i]), figure("parts", same[i]));
	}
	CU_ASSERT(figure("whole", "speedup.clean.training") < 2);
	CU_ASSERT(figure("whole", "speedup.device.training") > 1);
	snprintf(folder, sizeof folder, "%s/whole", test_folder());
	CU_ASSERT_EQUAL_FATAL(run_job((struct qmac_job){.estimate = true, .recorded = folder}, "estimate", &err),
	                      QMAC_OK);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(figure("whole", same[i]), figure("estimate", same[i]));
	for (int i = 2; i < TEST_COUNT(same); i++)
		CU_ASSERT(isnan(figure("estimate", same[i])));
	CU_ASSERT(isnan(figure("whole", "speedup.clean.until_target")));
}

/*
 * With the formats of a run that can be had a minibatch takes what it takes there, nearly: the first of its
 * 60 takes a third longer, since it finds scales.
 */
static void check_method(const struct qmac_net_training *training, const struct qmac_hw *hw)
{
	struct qmac_net_reference reference;
	double minibatches = figure("fixed", "steps");

	CU_ASSERT_EQUAL(qmac_net_reference_find(training, hw, 8, &reference, NULL), QMAC_OK);
	CU_ASSERT(fabs(figure("fixed", "speedup.device.training_cycles") /
	               ((double)reference.training[QMAC_COUNTER_CYCLES] * minibatches) - 1) < 1e-2);
	CU_ASSERT(fabs(figure("fixed", "speedup.device.inference_cycles") /
	               (double)reference.inference[QMAC_COUNTER_CYCLES] - 1) < 5e-3);
}

/* Of a minibatch of the training, and of an evaluation, in 32 bits: cycles, and joules by the table. */
static void check_wide(const struct qmac_net_reference *one, const struct qmac_hw_file *file)
{
	const uint64_t *training = one->training, *inference = one->inference;
	double steps = figure("fixed", "steps");
	struct qmac_energy_table table;
	struct qmac_band joules;

	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&table, "", NULL), QMAC_OK);
	CU_ASSERT(inference[QMAC_COUNTER_CYCLES] > 0);
	CU_ASSERT(training[QMAC_COUNTER_CYCLES] > inference[QMAC_COUNTER_CYCLES]);
	CU_ASSERT_EQUAL(figure("fixed", "speedup.device.training_cycles_32"),
	                (double)training[QMAC_COUNTER_CYCLES] * steps);
	CU_ASSERT_EQUAL(figure("fixed", "speedup.device.inference_cycles_32"),
	                (double)inference[QMAC_COUNTER_CYCLES]);
	joules = qmac_energy(&table, &file->hw, file->dram_energy, training, NULL);
	CU_ASSERT(is_near(figure("fixed", "speedup.joules.training_32_j"), joules.nominal * steps));
	CU_ASSERT(is_near(figure("fixed", "speedup.joules.training_32_low_j"), joules.low * steps));
	CU_ASSERT(is_near(figure("fixed", "speedup.joules.training_32_high_j"), joules.high * steps));
	joules = qmac_energy(&table, &file->hw, file->dram_energy, inference, NULL);
	CU_ASSERT(is_near(figure("fixed", "speedup.joules.inference_32_j"), joules.nominal));
	CU_ASSERT(is_near(figure("fixed", "speedup.joules.training"),
	                  figure("fixed", "speedup.joules.training_32_j") /
	                  figure("fixed", "speedup.joules.training_j")));
}

/*
 * A run in float32 has the costs in 32 bits of the minibatches that it did on the host, which are those of
 * the run on the device.
 */
static void check_float(void)
{
	static const char *const same[] = {
		"speedup.device.training_cycles_32", "speedup.device.inference_cycles_32",
		"speedup.device.inferences", "speedup.joules.training_32_j", "speedup.joules.inference_32_high_j",
	};

	CU_ASSERT_EQUAL(figure("float", "cycles"), 0);
	CU_ASSERT(isnan(figure("float", "speedup.device.training_cycles")));
	CU_ASSERT(isnan(figure("float", "speedup.joules.training_j")));
	for (int i = 0; i < TEST_COUNT(same); i++) {
		CU_ASSERT(figure("fixed", same[i]) > 0);
		CU_ASSERT_EQUAL(figure("float", same[i]), figure("fixed", same[i]));
	}
}

/* The accumulators that there are do not matter. */
static void test_reference(void)
{
	static const char *const hw[] = {"configs/hw/16x16_w8.yaml", "configs/hw/ragged.yaml"};
	struct qmac_net_training training = {.run = &config.run};

	for (int i = 0; i < TEST_COUNT(hw); i++) {
		const struct qmac_setting setting = {"hw", hw[i], "--set"};
		struct qmac_net_reference one, again;
		struct qmac_hw_file file;

		configure(write_net_run(layers, "precision: {policy: fixed}\n"), 1, &setting);
		train_well("fixed", false);
		CU_ASSERT_EQUAL_FATAL(qmac_net_load(&training.net, config.run.network, NULL, NULL), QMAC_OK);
		CU_ASSERT_EQUAL_FATAL(qmac_hw_file_load(&file, hw[i], NULL), QMAC_OK);
		check_method(&training, &file.hw);
		CU_ASSERT_EQUAL(qmac_net_reference_find(&training, &file.hw, 32, &one, NULL), QMAC_OK);
		file.hw.acc_bits = 64;
		CU_ASSERT_EQUAL(qmac_net_reference_find(&training, &file.hw, 32, &again, NULL), QMAC_OK);
		CU_ASSERT(memcmp(&one, &again, sizeof one) == 0);
		check_wide(&one, &file);
		qmac_net_free(&training.net);
		configure(write_net_run(layers, "precision: {policy: float}\n"), 1, &setting);
		train_well("float", false);
		check_float();
	}
}

int main(void)
{
	const struct test_case cases[] = {
		{"twice the MACs", test_macs}, {"as published", test_published}, {"two layers by hand", test_by_hand},
		{"AdaPT's overhead by hand", test_overhead},
		{"trainings", test_training}, {"32 bits", test_reference},
	};

	write_images();
	return test_main("test_net_speed", cases, TEST_COUNT(cases));
}
