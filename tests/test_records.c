/*
 * Records of whole runs: over all layers and directions they sum to the device's own counters, to the last
 * cycle, after every epoch and whatever the run is; what they say of single layers and directions.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shipped_hw.h"
#include "test.h"
#include "run/train.h"

enum { ROWS = 60, FEATURES = 9, CLASSES = 3, EPOCHS = 3 };

/* Counters that records have: all but waiting, starved and memory cycles. */
static bool is_recorded(int counter)
{
	return counter < QMAC_COUNTER_LOAD_WAIT;
}

struct watch {
	uint64_t sum[QMAC_COUNTERS];    /* of the epochs so far */
	uint64_t outer[QMAC_COUNTERS];  /* of these, of the layer `gradient` */
	double zero_macs;               /* as the fractions tell */
	struct qmac_records last;       /* a copy */
	int epochs;
};

static void add_zeros(struct watch *watch, const struct qmac_records *records, int layer)
{
	uint64_t spent[QMAC_COUNTERS] = {0};
	double fraction = qmac_records_zero_fraction(records, layer);

	qmac_records_add_layer(records, layer, spent);
	CU_ASSERT(isnan(fraction) == (spent[QMAC_COUNTER_MACS] == 0));
	if (!isnan(fraction))
		watch->zero_macs += fraction * (double)spent[QMAC_COUNTER_MACS];
}

static int on_metrics(void *context, const struct qmac_metrics *metrics, const struct qmac_records *records)
{
	struct watch *watch = context;

	CU_ASSERT_EQUAL(records->epoch, metrics->epoch);
	for (int l = 0; l < records->layers; l++) {
		qmac_records_add_layer(records, l, watch->sum);
		if (strcmp(records->layer[l].name, "gradient") == 0)
			qmac_records_add_layer(records, l, watch->outer);
		add_zeros(watch, records, l);
	}
	for (int i = 0; i < QMAC_COUNTERS; i++)
		if (is_recorded(i)) {
			CU_ASSERT_EQUAL(watch->sum[i], metrics->counters[i]);
			CU_ASSERT_EQUAL(watch->outer[i], metrics->outer[i]);
		} else {
			CU_ASSERT_EQUAL(watch->sum[i], 0);
		}
	CU_ASSERT(fabs(watch->zero_macs - (double)metrics->counters[QMAC_COUNTER_ZERO_MACS]) < 0.5);
	watch->epochs += metrics->epoch > 0;
	qmac_records_free(&watch->last);
	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&watch->last, records->layers, NULL), QMAC_OK);
	qmac_records_begin(&watch->last, records->epoch);
	qmac_records_merge(&watch->last, records);
	memcpy(watch->last.layer, records->layer, (size_t)records->layers * sizeof *records->layer);
	return 0;
}

static struct qmac_run make_run(bool logistic, enum qmac_algorithm algorithm, int64_t batch)
{
	struct qmac_run run = {
		.problem = logistic ? QMAC_PROBLEM_LOGISTIC_REGRESSION : QMAC_PROBLEM_LINEAR_REGRESSION,
		.data = logistic ? QMAC_DATA_CSV : QMAC_DATA_MAKE_REGRESSION,
		.algorithm = algorithm, .target = "last", .standardise = true, .clip = 3, .samples = ROWS,
		.features = FEATURES, .informative = 4, .bits = 8, .x_bits = 8, .frac_bits = logistic ? 16 : 8,
		.mp_bits = 16, .alpha = 0.02, .delta = logistic ? 1.0 / 64 : 1, .mu = logistic ? 0.3 : 1,
		.lambda = logistic ? 0.02 : 0, .batch = batch, .epochs = EPOCHS, .seed = 1, .backend = "cmodel",
		.kernel = "auto", .threads = 1,
	};

	snprintf(run.file, sizeof run.file, "%s", test_write_clouds(ROWS, FEATURES, CLASSES));
	return run;
}

/* The caller frees watch->last. */
static void train(const struct qmac_run *run, const char *hardware, struct watch *watch)
{
	const struct qmac_train_observer observer = {.on_metrics = on_metrics, .context = watch};
	struct qmac_hw hw = shipped_hw(hardware);
	struct qmac_train_result result;
	struct qmac_error err;

	memset(watch, 0, sizeof *watch);
	if (run->outer == QMAC_OUTER_DEVICE)
		hw.acc_bits = 64; /* sums of 32-bit numbers */
	if (qmac_train(run, &hw, &observer, &result, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("train");
	}
	CU_ASSERT_EQUAL(watch->epochs, EPOCHS);
	free(result.weights);
}

static void test_sums(void)
{
	static const char *const hardware[] = {"8x8_w8", "16x16_w16", "ragged"};
	static const enum qmac_algorithm algorithms[] = {QMAC_LP_SGD, QMAC_LP_SVRG, QMAC_HALP};
	struct watch watch;

	for (int h = 0; h < TEST_COUNT(hardware); h++)
		for (int a = 0; a < TEST_COUNT(algorithms); a++)
			for (int k = 0; k < 8; k++) {
				struct qmac_run run = make_run(k & 1, algorithms[a], k & 2 ? 16 : 1);

				run.option = k & 1 ? QMAC_OPTION_I : QMAC_OPTION_II;
				run.outer = k & 4 ? QMAC_OUTER_DEVICE : QMAC_OUTER_HOST;
				train(&run, hardware[h], &watch);
				CU_ASSERT_EQUAL(watch.outer[QMAC_COUNTER_MACS] > 0, k & 4 && algorithms[a] != QMAC_LP_SGD);
				qmac_records_free(&watch.last);
			}
}

/* In full precision there is one layer that spends nothing. */
static void test_host(void)
{
	struct qmac_run run = make_run(false, QMAC_SVRG, 1);
	struct watch watch;

	train(&run, "8x8_w8", &watch);
	CU_ASSERT_EQUAL_FATAL(watch.last.layers, 1);
	CU_ASSERT(watch.last.layer[0].w_bits == 0 && isnan(watch.last.layer[0].delta));
	CU_ASSERT_EQUAL(watch.sum[QMAC_COUNTER_CYCLES] + watch.sum[QMAC_COUNTER_COMMANDS], 0);
	qmac_records_free(&watch.last);
}

/* What a step of one sample does, by hand: five commands, of one row on 16 columns. */
static void test_directions(void)
{
	struct qmac_run run = make_run(false, QMAC_HALP, 1);
	struct watch watch;
	uint64_t steps = 2 * ROWS;

	train(&run, "16x16_w8", &watch);
	for (int d = 0; d < QMAC_DIRECTIONS; d++) {
		static const uint64_t commands[QMAC_DIRECTIONS] = {
			[QMAC_DIRECTION_FORWARD] = 2, [QMAC_DIRECTION_WEIGHTS] = 1, [QMAC_DIRECTION_UPDATE] = 2,
		};
		const uint64_t *spent = qmac_records_spent(&watch.last, 0, (enum qmac_direction)d);

		if (d != QMAC_DIRECTION_NONE) {
			CU_ASSERT_EQUAL(spent[QMAC_COUNTER_COMMANDS], commands[d] * steps);
			CU_ASSERT_EQUAL(spent[QMAC_COUNTER_CYCLES] > 0, commands[d] > 0);
		}
		CU_ASSERT_EQUAL(spent[QMAC_COUNTER_DRAM_READ_BYTES] > 0, d == QMAC_DIRECTION_NONE);
	}
	CU_ASSERT(watch.last.layer[0].w_bits == 8 && watch.last.layer[0].delta > 0);
	CU_ASSERT_STRING_EQUAL(watch.last.layer[0].name, "linear");
	qmac_records_free(&watch.last);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"records sum to the device's counters", test_sums},
		{"full precision", test_host},
		{"directions of a step of one sample", test_directions},
	};

	return test_main("test_records", cases, TEST_COUNT(cases));
}
