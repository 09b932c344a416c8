/*
 * MuPPET's float phase: the engine computes on the device, then in float32 on the host, each as the engine of
 * its own does; in a training every file says when that was, learning rates fall and end it, and it goes on
 * from a checkpoint of either phase.
 */
#define _XOPEN_SOURCE 700
#include <math.h>

#include "image_files.h"
#include "net_results.h"
#include "report/files.h"
#include "shipped_hw.h"
#include "train_net/precision.h"
#include "train_net/setup.h"

static const char layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - tanh\n  - avg_pool: {size: 2}\n  - flatten\n  - linear: {out: 3}\n";

/*
 * A threshold of 0: whenever the diversity falls the only width is over. Then two epochs at .1, two at .01,
 * .01 being the last, all of them without regard to eval_every.
 */
static const char lines[] =
	"alpha: 0.1\neval_every: 0\n"
	"precision: {policy: muppet, levels: \"8\", threshold_alpha: 0, threshold_beta: 0, resolution: 2,"
	" patience: 1, grad_quant: scaled, float_epochs: 2, float_lr_min: 0.011}\n";

enum { FLOAT_EPOCHS = 4, STEPS = 15 };

static void configure_phases(const char *epochs, int count, const struct qmac_setting *more)
{
	struct qmac_setting settings[4] = {{"epochs", epochs, "--set"}};

	if (count)
		memcpy(settings + 1, more, (size_t)count * sizeof settings[0]);
	configure(write_net_run(layers, lines), 1 + count, settings);
}

/* ---- the engine ------------------------------------------------------------------------------ */

enum { BATCH = 20, OUTPUTS = 3, WEIGHTS_MAX = 500 };

struct numbers {
	float logits[BATCH * OUTPUTS], gradient[WEIGHTS_MAX];
};

static void check_ok(enum qmac_status status, const struct qmac_error *err)
{
	if (status)
		printf("%s\n", err->message);
	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
}

/* A minibatch of that engine; with two engines the first is on its own. */
static struct numbers compute(const struct qmac_net_engine_operations *operations, bool in_float,
                              struct qmac_metrics *cost)
{
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	const struct qmac_image_batch batch = {.first = 7, .count = BATCH};
	static const struct numbers zero;
	struct numbers numbers = zero;
	struct qmac_net_precision *precision;
	struct qmac_net_training training;
	struct qmac_net_engine *engine;
	float residual[BATCH * OUTPUTS];
	struct qmac_error err;

	for (int i = 0; i < BATCH * OUTPUTS; i++)
		residual[i] = (float)(i % 7 - 3) / 100;
	check_ok(qmac_net_setup(&training, &config.run, &err), &err);
	check_ok(qmac_net_precision_create(&training, NULL, &precision, &err), &err);
	CU_ASSERT_FATAL(training.weight_count <= WEIGHTS_MAX);
	check_ok(operations->create(&training, &hw, NULL, &engine, &err), &err);
	training.in_float = in_float;
	check_ok(operations->load(engine, &err), &err);
	check_ok(operations->forward(engine, &batch, QMAC_NET_TRAIN, numbers.logits, &err), &err);
	check_ok(operations->backward(engine, residual, &err), &err);
	check_ok(operations->gradient(engine, numbers.gradient, &err), &err);
	operations->cost(engine, cost);
	CU_ASSERT_EQUAL(training.records.layer[0].w_bits, operations->spent && !in_float ? 8 : 0);
	operations->destroy(engine);
	qmac_net_precision_destroy(precision);
	qmac_net_training_free(&training);
	return numbers;
}

static void test_engine(void)
{
	struct numbers device, host, phased;
	struct qmac_metrics cost = {0}, phased_cost = {0};

	configure_phases("1", 0, NULL);
	device = compute(&qmac_net_device_engine, false, &cost);
	phased = compute(&qmac_net_phased_engine, false, &phased_cost);
	CU_ASSERT(memcmp(&device, &phased, sizeof device) == 0);
	CU_ASSERT(cost.counters[QMAC_COUNTER_CYCLES] > 0);
	CU_ASSERT_EQUAL(cost.counters[QMAC_COUNTER_CYCLES], phased_cost.counters[QMAC_COUNTER_CYCLES]);
	host = compute(&qmac_net_float_engine, false, &cost);
	phased = compute(&qmac_net_phased_engine, true, &phased_cost);
	CU_ASSERT(memcmp(&host, &phased, sizeof host) == 0);
	CU_ASSERT(memcmp(&host, &device, sizeof host) != 0);
	CU_ASSERT_EQUAL(phased_cost.counters[QMAC_COUNTER_CYCLES], 0);
}

/* ---- a training ------------------------------------------------------------------------------ */

/* The epoch behind which it went on in float32, by the rows of switches.csv. */
static int first_float(const char *name)
{
	const char *text, *row;
	char file[100];
	int epoch, step, bw, fl, count = 0, found = 0;
	char layer[20];

	snprintf(file, sizeof file, "%s/switches.csv", name);
	text = test_text(file);
	for (row = strstr(text, ",32,,"); row; row = strstr(row + 1, ",32,,")) {
		const char *begin = row;
		unsigned long long flops, bytes, cycles;

		while (begin[-1] != '\n')
			begin--;
		CU_ASSERT_EQUAL(sscanf(begin, "%d,%d,%19[a-z0-9],%d,%d,32,,%llu,%llu,%llu\n", &epoch, &step, layer,
		                       &bw, &fl, &flops, &bytes, &cycles), 8);
		CU_ASSERT_STRING_EQUAL(layer, count ? "linear1" : "conv1");
		CU_ASSERT_EQUAL(bw, 8);
		CU_ASSERT_EQUAL(step, epoch * STEPS);
		CU_ASSERT(cycles > 0 && bytes == 0);
		found = epoch;
		count++;
	}
	CU_ASSERT_EQUAL(count, 2);
	return found;
}

/* A number of a row of metrics.csv. */
static double metric(const char *name, int epoch, int column)
{
	char file[100], key[20];
	const char *at;

	snprintf(file, sizeof file, "%s/metrics.csv", name);
	snprintf(key, sizeof key, "%d", epoch);
	at = test_csv_field(file, key, column);
	return *at == ',' ? (double)NAN : atof(at);
}

static int column_of(const char *name, const char *column)
{
	char head[1000], file[100];
	int count = 0;

	snprintf(file, sizeof file, "%s/metrics.csv", name);
	snprintf(head, sizeof head, "%.900s", test_text(file));
	*strchr(head, '\n') = 0;
	for (char *word = strtok(head, ","); word; word = strtok(NULL, ","), count++)
		if (strcmp(word, column) == 0)
			return count;
	CU_FAIL_FATAL("column");
	return -1;
}

static void test_training(void)
{
	int epoch, last, cycles, flops, accuracy, loss;
	struct qmac_json *manifest, *summary;
	char row[60];

	configure_phases("40", 0, NULL);
	train_well("phases", false);
	epoch = first_float("phases");
	last = epoch + FLOAT_EPOCHS;
	CU_ASSERT(epoch >= 4 && epoch % 2 == 0);
	summary = json_of("phases", "summary.json");
	CU_ASSERT_EQUAL(qmac_json_real(summary, "epochs"), last);
	CU_ASSERT(strstr(qmac_json_text(summary, "kernel"), ", ") != NULL);
	CU_ASSERT(qmac_json_real(summary, "test_accuracy") > 0.85);
	cycles = column_of("phases", "cycles");
	flops = column_of("phases", "host_flops");
	accuracy = column_of("phases", "test_accuracy");
	loss = column_of("phases", "train_loss");
	for (int e = epoch; e < last; e++) {
		CU_ASSERT_EQUAL(metric("phases", e, cycles), metric("phases", e + 1, cycles));
		CU_ASSERT(metric("phases", e, flops) < metric("phases", e + 1, flops));
		CU_ASSERT(isnan(metric("phases", e, accuracy)));
	}
	CU_ASSERT(metric("phases", epoch - 1, cycles) < metric("phases", epoch, cycles));
	CU_ASSERT(metric("phases", last, flops) - metric("phases", last - 1, flops) >
	          2 * (metric("phases", epoch, flops) - metric("phases", epoch - 1, flops)));
	CU_ASSERT_EQUAL(metric("phases", last, accuracy), qmac_json_real(summary, "test_accuracy"));
	CU_ASSERT(metric("phases", last, loss) < metric("phases", epoch, loss));
	qmac_json_free(summary);
	manifest = json_of("phases", "weights/manifest.json");
	CU_ASSERT(isnan(qmac_json_real(manifest, "tensors.0.bw")));
	CU_ASSERT(isnan(qmac_json_real(manifest, "outputs.0.bw")));
	qmac_json_free(manifest);
	snprintf(row, sizeof row, "\n%d,conv1,forward,8,8,", epoch);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("phases/layers.csv"), row));
	snprintf(row, sizeof row, "\n%d,conv1,none,,,,0,", epoch + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("phases/layers.csv"), row));
	check_evaluation("phases");
}

/* Ended in either phase, at the change, and within an epoch of float32. */
static void test_resumes(void)
{
	static const struct qmac_setting steps = {"checkpoint.steps", "4", "--set"};
	const int epoch = first_float("phases");
	const int ends[] = {epoch - 1, epoch, epoch + 1, epoch + FLOAT_EPOCHS - 1};
	struct qmac_error err;

	for (int i = 0; i < TEST_COUNT(ends); i++) {
		struct ending ending = {.epoch = ends[i]};

		configure_phases("40", 0, NULL);
		CU_ASSERT_EQUAL(train("parts", false, &ending, &err), QMAC_CHECK_FAILED);
		train_well("parts", true);
		check_same("phases", "parts");
		(void)unlink(test_path("parts/summary.json"));
	}
	for (int i = 0; i < 2; i++) {
		struct ending ending = {.epoch = epoch + i};

		configure_phases("40", 1, &steps);
		train_well("whole", false);
		CU_ASSERT_EQUAL(train("parts", false, &ending, &err), QMAC_CHECK_FAILED);
		train_well("parts", true);
		check_same("whole", "parts");
		(void)unlink(test_path("parts/summary.json"));
	}
	check_file("phases", "whole", "weights/manifest.json");
}

/* .1, .05, .025, .0125, .00625, two epochs each: from the third on another training, longer by six. */
static void test_rates(void)
{
	static const struct qmac_setting half = {"precision.float_factor", "0.5", "--set"};
	int epoch = first_float("phases"), loss = column_of("phases", "train_loss");
	struct qmac_json *summary;

	configure_phases("40", 1, &half);
	train_well("half", false);
	CU_ASSERT_EQUAL(first_float("half"), epoch);
	for (int e = 1; e <= epoch + FLOAT_EPOCHS; e++)
		CU_ASSERT_EQUAL(metric("phases", e, loss) == metric("half", e, loss), e <= epoch + 2);
	summary = json_of("half", "summary.json");
	CU_ASSERT_EQUAL(qmac_json_real(summary, "epochs"), epoch + 10);
	qmac_json_free(summary);
}

/* Fewer epochs than it has left end it in float32, too; weights without formats are of MuPPET only. */
static void test_ends(void)
{
	struct qmac_net_figures figures;
	char epochs[20], folder[600];
	static const struct qmac_setting fixed[] = {{"precision.policy", "fixed", "--set"},
	                                            {"precision.activation_fl", "own", "--set"}};
	struct qmac_error err;

	snprintf(epochs, sizeof epochs, "%d", first_float("phases") + 1);
	configure_phases(epochs, 0, NULL);
	train_well("few", false);
	CU_ASSERT_EQUAL(first_float("few"), first_float("phases"));
	check_evaluation("few");
	snprintf(folder, sizeof folder, "%s/few", test_folder());
	configure_phases(epochs, 2, fixed);
	CU_ASSERT_EQUAL(qmac_run_evaluate(&config, folder, &figures, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "the weights have no formats: they are not of a run with"
	                 " precision.policy: fixed") != NULL);
}

int main(void)
{
	const struct test_case cases[] = {
		{"the engine is one, then the other", test_engine}, {"a training", test_training},
		{"learning rates", test_rates}, {"goes on", test_resumes}, {"ends", test_ends},
	};

	write_images();
	return test_main("test_net_phases", cases, TEST_COUNT(cases));
}
