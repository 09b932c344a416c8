/*
 * The full gradient on the device: close to that in double, for both problems, on several devices, on
 * which it is the same; and runs with it: they do what runs do whose gradient comes from the host, and
 * their cost is told apart.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "shipped_hw.h"
#include "test.h"
#include "train/device_gradient.h"
#include "run/train.h"

enum { ROWS = 150, FEATURES = 9, CLASSES = 3, LIMBS = 4 };

static const char *const devices[] = {"16x16_w8", "16x16_w16", "8x8_w8", "ragged"};

static struct qmac_hw hardware(const char *name)
{
	struct qmac_hw hw = shipped_hw(name);

	hw.acc_bits = 64; /* sums of 32-bit numbers */
	return hw;
}

static struct qmac_run make_run(enum qmac_problem problem, enum qmac_algorithm algorithm, int64_t batch)
{
	bool logistic = problem == QMAC_PROBLEM_LOGISTIC_REGRESSION;
	struct qmac_run run = {
		.problem = problem, .data = logistic ? QMAC_DATA_CSV : QMAC_DATA_MAKE_REGRESSION,
		.algorithm = algorithm, .target = "last", .standardise = true, .clip = 3, .samples = ROWS,
		.features = FEATURES, .informative = 4, .bits = 8, .x_bits = 8, .frac_bits = logistic ? 16 : 8,
		.mp_bits = 16, .alpha = 0.02, .delta = logistic ? 1.0 / 64 : 1, .mu = logistic ? 0.3 : 1,
		.lambda = logistic ? 0.02 : 0, .batch = batch, .epochs = 4, .seed = 1, .backend = "cmodel",
		.kernel = "auto", .threads = 1, .outer = QMAC_OUTER_DEVICE,
	};

	snprintf(run.file, sizeof run.file, "%s", test_write_clouds(ROWS, FEATURES, CLASSES));
	return run;
}

/* ---- one gradient ---------------------------------------------------------------- */

static void set_up(struct qmac_training *training, const struct qmac_run *run, double size)
{
	double **vectors[] = {&training->w, &training->gradient};
	uint64_t state = test_seed();

	*training = (struct qmac_training){.run = run};
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_load(&training->data, run, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_loss_create(run->problem == QMAC_PROBLEM_LOGISTIC_REGRESSION ?
	                                       &qmac_cross_entropy : &qmac_squared_error, &training->data,
	                                       run->lambda, 1, &training->loss, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_loss_keep_centre(training->loss, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(!training->loss->logits, run->problem == QMAC_PROBLEM_LINEAR_REGRESSION);
	training->weights = qmac_layer_weights(&training->loss->layer);
	for (int i = 0; i < 2; i++) {
		*vectors[i] = calloc((size_t)training->weights, sizeof(double));
		CU_ASSERT_PTR_NOT_NULL_FATAL(*vectors[i]);
	}
	for (int64_t k = 0; k < training->weights; k++)
		training->w[k] = size * ((double)(test_random(&state) % 2000001) / 1000000 - 1);
}

static void tear_down(struct qmac_training *training)
{
	qmac_loss_destroy(training->loss);
	qmac_dataset_free(&training->data);
	free(training->w);
	free(training->gradient);
}

/* Two passes: the second one knows how large residuals are. */
static void run_device(struct qmac_training *training, const struct qmac_hw *hw)
{
	struct qmac_device_options options = {.kernel = "auto"};
	struct qmac_device_gradient *gradient;
	struct qmac_backend *backend;
	struct qmac_driver *driver;

	CU_ASSERT_EQUAL_FATAL(qmac_device_gradient_create(training, hw, &gradient, NULL), QMAC_OK);
	options.memory_bytes = (1 << 20) + qmac_device_gradient_memory(gradient);
	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", hw, &options, &backend, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(backend, hw, 8, &driver, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_device_gradient_open(gradient, driver, NULL), QMAC_OK);
	for (int pass = 0; pass < 2; pass++)
		CU_ASSERT_EQUAL_FATAL(qmac_device_gradient_run(gradient, NULL), QMAC_OK);
	qmac_device_gradient_destroy(gradient);
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
}

/* w and residuals have 31 bits and a sign: the gradient's error is a few units of 2^-31 of their size. */
static void check_gradient(enum qmac_problem problem, double size)
{
	const struct qmac_run run = make_run(problem, QMAC_HALP, 1);
	double exact[FEATURES * CLASSES], first[FEATURES * CLASSES], loss, norm, logit = 0;
	struct qmac_training training;

	set_up(&training, &run, size);
	qmac_loss_evaluate(training.loss, training.w, exact, &loss, &norm);
	if (training.loss->logits)
		logit = training.loss->logits[6 * training.loss->layer.outputs - 1];
	for (size_t d = 0; d < sizeof devices / sizeof devices[0]; d++) {
		const struct qmac_hw hw = hardware(devices[d]);
		double unit = ldexp(fmax(norm, size), -31) * 64;

		memset(training.gradient, 0, (size_t)training.weights * sizeof(double));
		run_device(&training, &hw);
		for (int64_t k = 0; k < training.weights; k++)
			CU_ASSERT_DOUBLE_EQUAL(training.gradient[k], exact[k], unit);
		CU_ASSERT_DOUBLE_EQUAL(training.norm, norm, 4 * unit);
		if (training.loss->logits)
			CU_ASSERT_DOUBLE_EQUAL(training.loss->logits[6 * training.loss->layer.outputs - 1], logit, unit);
		if (d == 0)
			memcpy(first, training.gradient, (size_t)training.weights * sizeof(double));
		CU_ASSERT_EQUAL(memcmp(first, training.gradient, (size_t)training.weights * sizeof(double)), 0);
	}
	tear_down(&training);
}

/* Near the minimum residuals are small; the second pass has as many digits of them. */
static void check_digits(void)
{
	const struct qmac_run run = make_run(QMAC_PROBLEM_LINEAR_REGRESSION, QMAC_HALP, 1);
	const struct qmac_hw hw = hardware("16x16_w8");
	double exact[FEATURES], loss, norm;
	struct qmac_training training;

	set_up(&training, &run, 0);
	for (int j = 0; j < FEATURES; j++)
		training.w[j] = rint(ldexp(training.data.truth[j], 14)) * 0x1p-14; /* exact in 32 bits */
	qmac_loss_evaluate(training.loss, training.w, exact, &loss, &norm);
	run_device(&training, &hw);
	for (int j = 0; j < FEATURES; j++)
		CU_ASSERT_DOUBLE_EQUAL(training.gradient[j], exact[j], ldexp(norm, -25));
	tear_down(&training);
}

static void test_gradient(void)
{
	check_digits();
	check_gradient(QMAC_PROBLEM_LINEAR_REGRESSION, 0);
	check_gradient(QMAC_PROBLEM_LINEAR_REGRESSION, 90);
	check_gradient(QMAC_PROBLEM_LOGISTIC_REGRESSION, 0);
	check_gradient(QMAC_PROBLEM_LOGISTIC_REGRESSION, 0.3);
	check_gradient(QMAC_PROBLEM_LOGISTIC_REGRESSION, 20);
}

/* ---- runs -------------------------------------------------------------------------- */

static struct qmac_metrics train(const struct qmac_run *run, const struct qmac_hw *hw)
{
	struct qmac_train_result result;
	struct qmac_error err;

	if (qmac_train(run, hw, NULL, &result, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("train");
	}
	free(result.weights);
	return result.last;
}

static void check_run(enum qmac_problem problem, enum qmac_algorithm algorithm, int64_t batch)
{
	struct qmac_run device = make_run(problem, algorithm, batch), host = device;
	uint64_t outputs = problem == QMAC_PROBLEM_LOGISTIC_REGRESSION ? CLASSES : 1;
	uint64_t macs = ROWS * FEATURES * outputs * (LIMBS + LIMBS) * (uint64_t)device.epochs;
	struct qmac_hw hw = hardware("16x16_w8");
	struct qmac_metrics a, b;

	hw.os_max = 40; /* a slot gets other samples than those that lie there when X stays on chip */
	host.outer = QMAC_OUTER_HOST;
	a = train(&device, &hw);
	b = train(&host, &hw);
	/* a rounding of h may fall to the other side */
	CU_ASSERT(a.grad_norm < 1.05 * b.grad_norm && a.grad_norm > 0.95 * b.grad_norm);
	CU_ASSERT_EQUAL(a.data_passes, b.data_passes);
	CU_ASSERT_EQUAL(a.outer[QMAC_COUNTER_MACS], macs);
	CU_ASSERT_EQUAL(a.counters[QMAC_COUNTER_MACS], b.counters[QMAC_COUNTER_MACS] + macs);
	CU_ASSERT(a.outer[QMAC_COUNTER_CYCLES] > macs / 256);
	CU_ASSERT(a.counters[QMAC_COUNTER_CYCLES] > a.outer[QMAC_COUNTER_CYCLES]);
	CU_ASSERT_EQUAL(b.outer[QMAC_COUNTER_CYCLES], 0);
	CU_ASSERT(a.host_flops < b.host_flops);
}

static void test_runs(void)
{
	static const enum qmac_problem problems[] = {
		QMAC_PROBLEM_LINEAR_REGRESSION, QMAC_PROBLEM_LOGISTIC_REGRESSION,
	};

	for (int p = 0; p < 2; p++)
		for (int64_t batch = 1; batch <= 8; batch += 7) {
			check_run(problems[p], QMAC_HALP, batch);
			check_run(problems[p], QMAC_LP_SVRG, batch);
		}
}

/* Whatever the bits of the run, the advice names none of its keys that the gradient does not look at. */
static void check_advice(struct qmac_run run, int acc_bits, int x_bits, const char *expected)
{
	struct qmac_hw hw = hardware("16x16_w8");
	struct qmac_train_result result;
	struct qmac_error err;

	hw.acc_bits = acc_bits;
	run.x_bits = x_bits;
	for (run.bits = 2; run.bits <= 8; run.bits += 6) {
		CU_ASSERT_EQUAL(qmac_train(&run, &hw, NULL, &result, &err), QMAC_BAD_INPUT);
		CU_ASSERT_STRING_EQUAL(err.message, expected);
	}
}

static void test_refused_hardware(void)
{
	struct qmac_run run = make_run(QMAC_PROBLEM_LINEAR_REGRESSION, QMAC_HALP, 1);
	struct qmac_hw hw = hardware("16x16_w8");
	struct qmac_train_result result;
	struct qmac_error err;

	/* over 9 features m has 32 + 7 + 4 bits; over 150 samples the sum has 32 + 7 + 8 */
	check_advice(run, 40, 8, "gradient on the device: sums of 32-bit numbers over features 9 and 150 samples,"
	             " with x_bits 8, take 47 bits; acc_bits of the hardware is 40: raise acc_bits; or set outer"
	             " to host");
	check_advice(run, 46, 8, "gradient on the device: sums of 32-bit numbers over features 9 and 150 samples,"
	             " with x_bits 8, take 47 bits; acc_bits of the hardware is 46: raise acc_bits; or set outer"
	             " to host");
	run.samples = (1 << 16) + 1;
	check_advice(run, 64, 16, "gradient on the device: sums of 32-bit numbers over features 9 and 65537"
	             " samples, with x_bits 16, take 64 bits; the widest of a device is 63: lower x_bits; or set"
	             " outer to host");
	run.samples = ROWS;

	hw.w_depth = LIMBS * FEATURES;
	CU_ASSERT_EQUAL(qmac_train(&run, &hw, NULL, &result, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NULL(result.weights);
	CU_ASSERT(strstr(err.message, "w_depth") && strstr(err.message, "; or set outer to host"));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"a gradient equals that in double", test_gradient},
		{"runs do what runs on the host do", test_runs},
		{"what does not fit is refused", test_refused_hardware},
	};

	return test_main("test_device_gradient", cases, TEST_COUNT(cases));
}
