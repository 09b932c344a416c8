/*
 * The host's part of logistic regression: the softmax, the gradient against finite differences of the loss,
 * threads, the test part, and epochs of SGD and SVRG against their formulas written out.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "train/engine.h"
#include "train/optimiser.h"
#include "train/softmax.h"

enum { SAMPLES = 150, TEST_PART = 40, FEATURES = 7, CLASSES = 4, WEIGHTS = FEATURES * CLASSES };
enum { BATCH = 3, STEPS = 60 };

static uint64_t state;

static double real(void)
{
	return (double)(int64_t)test_random(&state) * 0x1p-63;
}

static void random_vector(double *vector, int64_t count, double scale)
{
	for (int64_t j = 0; j < count; j++)
		vector[j] = scale * real();
}

/* A third of the inputs are 0, as in images. */
static void make_data(struct qmac_dataset *data)
{
	state = test_seed();
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_allocate(data, SAMPLES + TEST_PART, FEATURES, false, NULL), QMAC_OK);
	for (int64_t i = 0; i < (SAMPLES + TEST_PART) * FEATURES; i++)
		data->x.real[i] = test_random(&state) % 3 ? real() : 0;
	for (int64_t i = 0; i < SAMPLES + TEST_PART; i++)
		data->y[i] = (double)(test_random(&state) % CLASSES);
	data->classes = CLASSES;
	data->samples = SAMPLES;
	data->test_samples = TEST_PART;
}

static void test_softmax(void)
{
	double p[3];

	CU_ASSERT_DOUBLE_EQUAL(qmac_softmax((double[]){1, 2, 1000}, p, 3, 1), 1000, 0);
	CU_ASSERT(p[0] == 0 && p[2] == 1);
	CU_ASSERT_DOUBLE_EQUAL(qmac_softmax((double[]){-5, -5, -5}, p, 3, 1), log(3) - 5, 1e-15);
	CU_ASSERT(p[0] == p[1] && fabs(p[2] - 1 / 3.0) < 1e-16);
	CU_ASSERT(isnan(qmac_softmax((double[]){1, NAN, 0}, p, 3, 1)) && isnan(p[0]));
	(void)qmac_softmax((double[]){1, INFINITY, 0}, p, 3, 0);
	CU_ASSERT(isnan(p[1]));
}

/* ---- f and its gradient ------------------------------------------------------------------ */

static long double naive_softmax(const double *x, const long double *w, int right, long double *p)
{
	long double a[CLASSES] = {0}, sum = 0;

	for (int j = 0; j < FEATURES; j++)
		for (int c = 0; c < CLASSES; c++)
			a[c] += x[j] * w[j * CLASSES + c];
	for (int c = 0; c < CLASSES; c++)
		sum += expl(a[c]);
	for (int c = 0; c < CLASSES; c++)
		p[c] = expl(a[c]) / sum;
	return logl(sum) - a[right];
}

static long double naive_loss(const struct qmac_dataset *data, int64_t first, int64_t count,
                              const double *w, double lambda)
{
	long double exact[WEIGHTS], p[CLASSES], loss = 0, square = 0;
	double room[FEATURES];

	for (int k = 0; k < WEIGHTS; k++) {
		exact[k] = w[k];
		square += (long double)w[k] * w[k];
	}
	for (int64_t i = first; i < first + count; i++)
		loss += naive_softmax(qmac_dataset_row(data, i, room), exact, (int)data->y[i], p);
	return loss / (long double)count + lambda / 2 * square;
}

static void test_gradient(void)
{
	static const double lambdas[] = {0, 0.25};
	const double h = 1e-4;
	struct qmac_dataset data;

	make_data(&data);
	for (int l = 0; l < 2; l++) {
		struct qmac_loss *logistic;
		double w[WEIGHTS], gradient[WEIGHTS], loss, norm, square = 0;

		random_vector(w, WEIGHTS, 2);
		CU_ASSERT_EQUAL_FATAL(qmac_loss_create(&qmac_cross_entropy, &data, lambdas[l], 1, &logistic, NULL),
		                      QMAC_OK);
		qmac_loss_evaluate(logistic, w, gradient, &loss, &norm);
		CU_ASSERT(fabsl(loss - naive_loss(&data, 0, SAMPLES, w, lambdas[l])) < 1e-14);
		for (int k = 0; k < WEIGHTS; k++) {
			double at = w[k];
			long double difference;

			w[k] = at + h;
			difference = naive_loss(&data, 0, SAMPLES, w, lambdas[l]);
			w[k] = at - h;
			difference -= naive_loss(&data, 0, SAMPLES, w, lambdas[l]);
			w[k] = at;
			CU_ASSERT(fabsl(gradient[k] - difference / (2 * h)) < 1e-8L); /* h^2 times a third derivative */
			square += gradient[k] * gradient[k];
		}
		CU_ASSERT_DOUBLE_EQUAL(norm, sqrt(square), 1e-14);
		qmac_loss_destroy(logistic);
	}
	qmac_loss_destroy(NULL);
	qmac_dataset_free(&data);
}

static void test_threads(void)
{
	struct qmac_dataset data;
	double w[WEIGHTS], first[WEIGHTS + 2], now[WEIGHTS + 2];

	make_data(&data);
	random_vector(w, WEIGHTS, 2);
	for (int threads = 1; threads <= 256; threads = threads * 3 + 1) {
		struct qmac_loss *logistic;

		CU_ASSERT_EQUAL_FATAL(qmac_loss_create(&qmac_cross_entropy, &data, 0.1, threads, &logistic, NULL),
		                      QMAC_OK);
		qmac_loss_evaluate(logistic, w, now, &now[WEIGHTS], &now[WEIGHTS + 1]);
		if (threads == 1)
			memcpy(first, now, sizeof now);
		CU_ASSERT_EQUAL(memcmp(first, now, sizeof now), 0);
		qmac_loss_destroy(logistic);
	}
	qmac_dataset_free(&data);
}

static void test_test_part(void)
{
	struct qmac_dataset data;
	struct qmac_loss *logistic;
	struct qmac_test_figures figures;
	double w[WEIGHTS] = {0};
	int zeros = 0;

	make_data(&data);
	CU_ASSERT_EQUAL_FATAL(qmac_loss_create(&qmac_cross_entropy, &data, 0.1, 1, &logistic, NULL), QMAC_OK);
	for (int i = SAMPLES; i < SAMPLES + TEST_PART; i++)
		zeros += data.y[i] == 0;
	figures = qmac_loss_test(logistic, w); /* all logits equal: the first class */
	CU_ASSERT_DOUBLE_EQUAL(figures.loss, log(CLASSES), 1e-14);
	CU_ASSERT_DOUBLE_EQUAL(figures.accuracy, zeros / (double)TEST_PART, 1e-15);
	random_vector(w, WEIGHTS, 1);
	figures = qmac_loss_test(logistic, w);
	CU_ASSERT_DOUBLE_EQUAL(figures.loss, (double)naive_loss(&data, SAMPLES, TEST_PART, w, 0), 1e-14);
	data.test_samples = 0;
	figures = qmac_loss_test(logistic, w);
	CU_ASSERT(isnan(figures.loss) && isnan(figures.accuracy));
	qmac_loss_destroy(logistic);
	qmac_dataset_free(&data);
}

/* ---- epochs -------------------------------------------------------------------------------- */

/* gradient of one sample, its regulariser included. */
static void naive_gradient(const struct qmac_dataset *data, int64_t i, const long double *w, double lambda,
                           long double *gradient)
{
	long double p[CLASSES];
	double room[FEATURES];
	const double *x = qmac_dataset_row(data, i, room);

	(void)naive_softmax(x, w, (int)data->y[i], p);
	for (int j = 0; j < FEATURES; j++)
		for (int c = 0; c < CLASSES; c++)
			gradient[j * CLASSES + c] = x[j] * (p[c] - (c == (int)data->y[i])) +
			                            lambda * w[j * CLASSES + c];
}

/* w - alpha mean( grad f_i(w) - grad f_i(centre) + g ); SGD (centre NULL): the first alone. */
static void naive_step(const struct qmac_training *training, struct qmac_random *samples,
                       const long double *centre, const double *g, long double *w)
{
	long double at[WEIGHTS], there[WEIGHTS], move[WEIGHTS] = {0};

	for (int b = 0; b < BATCH; b++) {
		int64_t i = (int64_t)qmac_random_below(samples, SAMPLES);

		naive_gradient(&training->data, i, w, training->run->lambda, at);
		if (centre)
			naive_gradient(&training->data, i, centre, training->run->lambda, there);
		for (int k = 0; k < WEIGHTS; k++)
			move[k] += (at[k] - (centre ? there[k] - g[k] : 0)) / BATCH;
	}
	for (int k = 0; k < WEIGHTS; k++)
		w[k] -= training->run->alpha * move[k];
}

static void check_epoch(bool svrg, enum qmac_option option)
{
	struct qmac_run run = {
		.alpha = 0.1, .lambda = 0.05, .inner_steps = STEPS, .batch = BATCH, .option = option,
	};
	double vectors[2][WEIGHTS] = {{0}};
	struct qmac_training training = {
		.run = &run, .weights = WEIGHTS, .w = vectors[0], .gradient = vectors[1],
		.optimiser = svrg ? &qmac_svrg : &qmac_sgd, .precision = {.operations = &qmac_float},
		.samples = qmac_random_stream(5, QMAC_STREAM_SAMPLES),
		.option = qmac_random_stream(5, QMAC_STREAM_OPTION),
	};
	struct qmac_random samples = training.samples, options = training.option;
	long double w[WEIGHTS], centre[WEIGHTS], expected[WEIGHTS];
	int64_t keep_after = STEPS;
	bool done;

	make_data(&training.data);
	random_vector(training.w, WEIGHTS, 1);
	CU_ASSERT_EQUAL_FATAL(qmac_loss_create(&qmac_cross_entropy, &training.data, run.lambda, 1, &training.loss,
	                                       NULL), QMAC_OK);
	if (svrg)
		CU_ASSERT_EQUAL_FATAL(qmac_loss_keep_centre(training.loss, NULL), QMAC_OK);
	qmac_loss_evaluate(training.loss, training.w, training.gradient, &training.value, &training.norm);
	CU_ASSERT_EQUAL_FATAL(qmac_host_engine.create(&training, NULL, NULL, &training.engine, NULL), QMAC_OK);
	for (int k = 0; k < WEIGHTS; k++)
		expected[k] = w[k] = centre[k] = training.w[k];
	if (svrg && option == QMAC_OPTION_II)
		keep_after = (int64_t)qmac_random_below(&options, STEPS);
	for (int t = 1; t <= STEPS; t++) {
		naive_step(&training, &samples, svrg ? centre : NULL, training.gradient, w);
		if (t == keep_after)
			memcpy(expected, w, sizeof w);
	}
	CU_ASSERT_EQUAL_FATAL(qmac_optimiser_epoch(&training, &done, NULL), QMAC_OK);
	CU_ASSERT(done);
	for (int k = 0; k < WEIGHTS; k++)
		CU_ASSERT(fabsl(training.w[k] - expected[k]) < 1e-13L);
	CU_ASSERT_EQUAL(training.step, STEPS);
	CU_ASSERT_DOUBLE_EQUAL(training.data_passes, STEPS * BATCH / (double)SAMPLES + svrg, 1e-14);
	CU_ASSERT(training.host_flops > STEPS * BATCH * 4 * WEIGHTS);
	qmac_host_engine.destroy(training.engine);
	qmac_records_free(&training.records);
	qmac_loss_destroy(training.loss);
	qmac_dataset_free(&training.data);
}

static void test_epochs(void)
{
	check_epoch(false, QMAC_OPTION_I);
	check_epoch(true, QMAC_OPTION_I);
	check_epoch(true, QMAC_OPTION_II);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"softmax", test_softmax},
		{"the gradient is that of the loss", test_gradient},
		{"threads give the same bits", test_threads},
		{"loss and accuracy of the test part", test_test_part},
		{"epochs of SGD and SVRG", test_epochs},
	};

	return test_main("test_logistic_host", cases, TEST_COUNT(cases));
}
