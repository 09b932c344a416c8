/*
 * Whole runs on the problem of Figure 1, against docs/algorithms.md: HALP follows
 * SVRG, converges where the baselines stall, gives the same weights on every
 * device; and the promises of train.h on metrics, divergence and refusals.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/regression.h"
#include "shipped_hw.h"
#include "test.h"
#include "run/train.h"

#ifdef TEST_SANITIZED
enum { EPOCHS = 12 };
#else
enum { EPOCHS = 50 };
#endif

enum { ROWS_MAX = 64 };

/* What an observer saw. */
struct watch {
	struct qmac_metrics rows[ROWS_MAX];
	int count, stop_after;
	uint64_t retired;
};

static int on_metrics(void *context, const struct qmac_metrics *metrics, const struct qmac_records *records)
{
	struct watch *watch = context;

	(void)records;
	CU_ASSERT_FATAL(watch->count < ROWS_MAX);
	watch->rows[watch->count++] = *metrics;
	return watch->stop_after && watch->count == watch->stop_after;
}

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct watch *watch = context;

	CU_ASSERT_EQUAL(record->number, (uint32_t)watch->retired);
	watch->retired++;
}

static struct qmac_run figure1(enum qmac_algorithm algorithm, int bits, uint32_t seed)
{
	bool centred = algorithm == QMAC_SVRG || algorithm == QMAC_LP_SVRG || algorithm == QMAC_HALP;

	return (struct qmac_run){
		.algorithm = algorithm, .samples = 1000, .features = 100, .informative = 10, .bits = bits,
		.x_bits = 8, .frac_bits = 8, .mp_bits = 32, .y_frac_bits = 4, .alpha = centred ? 5e-3 : 2.5e-3,
		.delta = bits == 8 ? 0.7 : 0.003, .mu = 3, .batch = 1, .inner_steps = 2000, .epochs = EPOCHS,
		.seed = seed, .backend = "cmodel", .kernel = "auto", .threads = 1,
	};
}

/* Runs and expects success; the caller frees result->weights. */
static struct qmac_train_result train(const struct qmac_run *run, const char *hw_name, struct watch *watch)
{
	const struct qmac_hw hw = shipped_hw(hw_name);
	const struct qmac_train_observer observer = {.on_metrics = on_metrics, .context = watch};
	struct qmac_train_result result;
	struct qmac_error err;

	if (watch)
		memset(watch, 0, sizeof *watch);
	if (qmac_train(run, &hw, watch ? &observer : NULL, &result, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("train");
	}
	return result;
}

/* ---- convergence ------------------------------------------------------------------ */

/* C3: with mu = 0.3 nothing saturates, and 16-bit HALP is SVRG but for rounding. */
static void test_follows_svrg(void)
{
	for (uint32_t seed = 1; seed <= 2; seed++) {
		struct qmac_run halp = figure1(QMAC_HALP, 16, seed), svrg = figure1(QMAC_SVRG, 16, seed);
		struct qmac_train_result low, full;
		struct qmac_dataset data;
		double difference = 0, distance = 0;

		halp.epochs = svrg.epochs = 5;
		halp.mu = 0.3;
		low = train(&halp, "16x16_w8", NULL);
		full = train(&svrg, "16x16_w8", NULL);
		CU_ASSERT_EQUAL_FATAL(qmac_regression_generate(&data, 1000, 100, 10, 0, 8, seed, NULL), QMAC_OK);
		for (int j = 0; j < 100; j++) {
			difference += pow(low.weights[j] - full.weights[j], 2);
			distance += pow(full.weights[j] - data.truth[j], 2);
		}
		printf("(%.3f) ", sqrt(difference / distance));
		CU_ASSERT(difference > 0 && sqrt(difference / distance) <= 0.08);
		CU_ASSERT_EQUAL(low.last.counters[QMAC_COUNTER_REQUANT_SATURATIONS], 0);
		free(low.weights);
		free(full.weights);
		qmac_dataset_free(&data);
	}
}

/* Geometric mean of the gradient norm over the epochs from `first` on. */
static double floor_of(const struct watch *watch, int first)
{
	double sum = 0;

	for (int k = first; k < watch->count; k++)
		sum += log(watch->rows[k].grad_norm);
	return exp(sum / (watch->count - first));
}

static void test_halp_converges(void)
{
	for (int bits = 8; bits <= 16; bits += 8) {
		struct qmac_run run = figure1(QMAC_HALP, bits, 3);
		struct watch watch;
		struct qmac_train_result result = train(&run, "16x16_w8", &watch);

		CU_ASSERT_EQUAL(watch.count, EPOCHS + 1);
		CU_ASSERT(watch.rows[5].grad_norm < 35 && watch.rows[10].grad_norm < 3);
		CU_ASSERT(result.last.grad_norm < (EPOCHS == 50 ? 1e-8 : 1));
		CU_ASSERT(result.last.grad_norm < 0.3 * watch.rows[EPOCHS - 5].grad_norm); /* still falling */
		CU_ASSERT(!result.diverged);
		free(result.weights);
	}
}

static void test_baselines_stall(void)
{
	static const struct {
		enum qmac_algorithm algorithm;
		int bits, from; /* epoch at which the floor is reached */
		double low, high; /* measured floor / 2, * 2 */
	} floors[] = {
		{QMAC_LP_SVRG, 8, 8, 17, 70}, {QMAC_LP_SGD, 8, 4, 11, 46},
		{QMAC_LP_SVRG, 16, 18, 0.07, 0.3}, {QMAC_LP_SGD, 16, 6, 0.045, 0.2},
	};

	for (int i = 0; i < TEST_COUNT(floors); i++) {
		struct qmac_run run = figure1(floors[i].algorithm, floors[i].bits, 4);
		struct watch watch;
		struct qmac_train_result result;

		run.epochs = floors[i].from + 6;
		if (run.epochs > EPOCHS + 2)
			continue;
		result = train(&run, "16x16_w8", &watch);
		CU_ASSERT_FATAL(result.coefficient_max > 0 && result.coefficient_max <= 98);
		printf("(%.3g) ", floor_of(&watch, floors[i].from));
		CU_ASSERT(floor_of(&watch, floors[i].from) > floors[i].low);
		CU_ASSERT(floor_of(&watch, floors[i].from) < floors[i].high);
		CU_ASSERT_EQUAL(watch.rows[1].delta, run.delta);
		free(result.weights);
	}
}

/* C5: on 8 bits a box three times the gradient's needs too coarse a grid. */
static void test_divergence(void)
{
	struct qmac_run run = figure1(QMAC_HALP, 8, 1);
	struct qmac_train_result result;

	run.mu = 0.03;
	run.epochs = 8;
	result = train(&run, "16x16_w8", NULL);
	CU_ASSERT(result.diverged);
	CU_ASSERT_EQUAL(result.last.epoch, 8);
	free(result.weights);

	run = figure1(QMAC_SGD, 8, 1);
	run.alpha = 1;
	result = train(&run, "16x16_w8", NULL);
	CU_ASSERT(result.diverged);
	CU_ASSERT(!isfinite(result.last.grad_norm));
	CU_ASSERT_EQUAL(result.last.epoch, 1); /* ends at the first row that is no number */
	CU_ASSERT_PTR_NOT_NULL(result.weights);
	free(result.weights);
}

/* ---- same bits everywhere ---------------------------------------------------------- */

static void test_same_weights(void)
{
	static const char *const devices[] = {"16x16_w8", "16x16_w16", "8x8_w8", "ragged"};
	static const struct {
		enum qmac_algorithm algorithm;
		int bits, x_bits;
		enum qmac_option option;
	} runs[] = {
		{QMAC_HALP, 8, 8, QMAC_OPTION_I}, {QMAC_HALP, 16, 12, QMAC_OPTION_II},
		{QMAC_HALP, 5, 3, QMAC_OPTION_I},
		{QMAC_LP_SVRG, 8, 8, QMAC_OPTION_II}, {QMAC_LP_SVRG, 16, 16, QMAC_OPTION_I},
		{QMAC_LP_SGD, 8, 8, QMAC_OPTION_I}, {QMAC_LP_SGD, 16, 11, QMAC_OPTION_I},
	};

	for (int i = 0; i < TEST_COUNT(runs); i++) {
		struct qmac_run run = figure1(runs[i].algorithm, runs[i].bits, 9);
		struct qmac_train_result first, other;

		run.x_bits = runs[i].x_bits;
		run.option = runs[i].option;
		run.epochs = 3;
		run.inner_steps = 150;
		first = train(&run, devices[0], NULL);
		for (int device = 0; device < TEST_COUNT(devices); device++) {
			strcpy(run.kernel, device % 2 ? "auto" : "scalar");
			run.threads = 1 + 2 * device;
			other = train(&run, devices[device], NULL);
			CU_ASSERT_EQUAL(memcmp(first.weights, other.weights, 100 * sizeof(double)), 0);
			CU_ASSERT_EQUAL(first.last.counters[QMAC_COUNTER_REQUANT_SATURATIONS] > 0,
			                other.last.counters[QMAC_COUNTER_REQUANT_SATURATIONS] > 0);
			free(other.weights);
		}
		run.seed++;
		other = train(&run, devices[0], NULL);
		CU_ASSERT_NOT_EQUAL(memcmp(first.weights, other.weights, 100 * sizeof(double)), 0);
		free(other.weights);
		free(first.weights);
	}
}

/* Option II of LP-SVRG goes on from the kept iterate: with one step an epoch it never moves. */
static void test_option_ii_restarts(void)
{
	struct qmac_run run = figure1(QMAC_LP_SVRG, 16, 2);
	struct qmac_train_result result;

	run.option = QMAC_OPTION_II;
	run.inner_steps = 1; /* so the iterate after 0 steps is kept, always */
	run.epochs = 4;
	result = train(&run, "8x8_w8", NULL);
	for (int j = 0; j < 100; j++)
		CU_ASSERT_EQUAL(result.weights[j], 0);
	CU_ASSERT_EQUAL(result.last.step, 4);
	free(result.weights);
}

/* ---- metrics ----------------------------------------------------------------------- */

static void test_metrics(void)
{
	struct qmac_run run = figure1(QMAC_HALP, 8, 1);
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	struct watch watch = {0};
	const struct qmac_train_observer observer = {.on_metrics = on_metrics, .on_retire = on_retire,
	                                             .context = &watch};
	struct qmac_train_result result;
	/* full gradient with norm; h; recentring */
	uint64_t flops = 1000 * 401 + 67 * 100 + 2 * 100 + 2 * 100;

	run.epochs = 3;
	run.inner_steps = 500;
	CU_ASSERT_EQUAL_FATAL(qmac_train(&run, &hw, &observer, &result, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(watch.count, 4);
	for (int k = 0; k < 4; k++) {
		const struct qmac_metrics *row = &watch.rows[k];

		CU_ASSERT_EQUAL(row->epoch, k);
		CU_ASSERT_EQUAL(row->step, 500 * k);
		CU_ASSERT_EQUAL(row->data_passes, 1.5 * k);
		CU_ASSERT_EQUAL(row->host_flops, flops * (uint64_t)k);
		CU_ASSERT(isnan(row->test_loss) && isnan(row->test_accuracy));
		/* delta of an epoch comes from the norm before it */
		CU_ASSERT(k == 0 ? isnan(row->delta) :
		          fabs(row->delta * 3 * 127 / watch.rows[k - 1].grad_norm - 1) < 1e-12);
		/* an epoch: LOAD H, clear Z, 5 commands a step, STORE, SYNC; once: LOAD X */
		CU_ASSERT_EQUAL(row->counters[QMAC_COUNTER_COMMANDS], (uint64_t)(2504 * k + (k > 0)));
		CU_ASSERT_EQUAL(row->counters[QMAC_COUNTER_MACS], 0);
		CU_ASSERT_EQUAL(row->counters[QMAC_COUNTER_CONTAINER_SATURATIONS], 0);
	}
	CU_ASSERT_EQUAL(watch.retired, watch.rows[3].counters[QMAC_COUNTER_COMMANDS]);
	CU_ASSERT_EQUAL(memcmp(&result.last, &watch.rows[3], sizeof result.last), 0);
	CU_ASSERT(watch.rows[1].host_bytes > watch.rows[0].host_bytes);
	CU_ASSERT(result.kernel[0] != 0);
	CU_ASSERT_EQUAL(result.weight_count, 100);
	free(result.weights);
}

static void test_stop_and_nothing(void)
{
	struct qmac_run run = figure1(QMAC_LP_SGD, 8, 1);
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	struct watch watch = {.stop_after = 2};
	const struct qmac_train_observer observer = {.on_metrics = on_metrics, .context = &watch};
	struct qmac_train_result result;

	CU_ASSERT_EQUAL_FATAL(qmac_train(&run, &hw, &observer, &result, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(watch.count, 2);
	CU_ASSERT_EQUAL(result.last.epoch, 1);
	free(result.weights);
	run.epochs = 0;
	result = train(&run, "8x8_w8", &watch);
	CU_ASSERT_EQUAL(watch.count, 1);
	CU_ASSERT_EQUAL(result.weights[0], 0);
	free(result.weights);
}

/* At a minimum HALP has no grid to move on: rows go on, w stays. */
static void test_at_the_minimum(void)
{
	struct qmac_run run = figure1(QMAC_HALP, 8, 1);
	struct watch watch;
	struct qmac_train_result result;

	run.informative = 0;
	run.epochs = 3;
	result = train(&run, "16x16_w8", &watch);
	CU_ASSERT_EQUAL(watch.count, 4);
	CU_ASSERT_EQUAL(result.last.grad_norm, 0);
	CU_ASSERT_EQUAL(result.last.delta, 0);
	CU_ASSERT_EQUAL(result.last.counters[QMAC_COUNTER_COMMANDS], 0);
	CU_ASSERT(!result.diverged);
	free(result.weights);
}

/*
 * An offset beyond what a double can tell from the limit of its format: it is the limit, which the
 * accumulators take as it is, not one more.
 */
static void test_wide_offset(void)
{
	struct qmac_run run = figure1(QMAC_HALP, 32, 1);
	struct qmac_hw hw = shipped_hw("16x16_w8");
	struct qmac_train_result result;
	struct qmac_error err;

	run.frac_bits = 24;
	run.mu = 1e6;
	run.epochs = 1;
	run.inner_steps = 10;
	hw.acc_bits = 32 + 24 + 2;
	CU_ASSERT_EQUAL_FATAL(qmac_train(&run, &hw, NULL, &result, &err), QMAC_OK);
	CU_ASSERT(result.last.counters[QMAC_COUNTER_REQUANT_SATURATIONS] > 0);
	CU_ASSERT_EQUAL(result.last.counters[QMAC_COUNTER_CONTAINER_SATURATIONS], 0);
	free(result.weights);
}

/* ---- refusals ---------------------------------------------------------------------- */

static void refuse(const struct qmac_run *run, const char *hw_name, const char *message)
{
	const struct qmac_hw hw = shipped_hw(hw_name);
	struct qmac_train_result result;
	struct qmac_error err = {0};

	test_refusal(qmac_train(run, &hw, NULL, &result, &err), &err, message);
	CU_ASSERT_PTR_NULL(result.weights);
}

static void test_refusals(void)
{
	struct qmac_run run = figure1(QMAC_HALP, 16, 1);

	run.frac_bits = 24;
	refuse(&run, "ragged",
	       "frac_bits 24 with bits 16 needs accumulators of 42 bits; acc_bits of the hardware is 40: lower"
	       " frac_bits");
	run = figure1(QMAC_HALP, 16, 1);
	run.batch = 16;
	refuse(&run, "ragged", "lower mp_bits to at most 29, or x_bits or batch");
	run.batch = 1;
	run.lambda = 0.1;
	refuse(&run, "ragged", "lambda");
	run = figure1(QMAC_LP_SGD, 16, 1);
	run.delta = 1e-30;
	refuse(&run, "16x16_w8", "raise delta");
	run = figure1(QMAC_LP_SVRG, 8, 1);
	run.features = 20000;
	run.samples = 2;
	refuse(&run, "8x8_w8", "a_depth of the hardware is 1024");
	strcpy(run.backend, "abacus");
	run.features = 100;
	refuse(&run, "8x8_w8", "unknown backend 'abacus'");
	strcpy(run.backend, "cmodel");
	strcpy(run.kernel, "abacus");
	refuse(&run, "8x8_w8", "abacus");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"HALP-16 follows SVRG (C3)", test_follows_svrg},
		{"HALP converges (C4)", test_halp_converges},
		{"LP-SVRG and LP-SGD stall (C4)", test_baselines_stall},
		{"divergence is a result (C5)", test_divergence},
		{"same weights on every device", test_same_weights},
		{"option II restarts", test_option_ii_restarts},
		{"metrics", test_metrics},
		{"stop, and no epochs", test_stop_and_nothing},
		{"HALP at a minimum", test_at_the_minimum},
		{"offsets of many bits", test_wide_offset},
		{"refusals", test_refusals},
	};

	return test_main("test_train", cases, TEST_COUNT(cases));
}
