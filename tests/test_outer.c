/*
 * The full gradient and the full-precision epochs against naive loops.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/regression.h"
#include "dataset_rows.h"
#include "train/engine.h"
#include "train/optimiser.h"

enum { SAMPLES = 203, FEATURES = 17, STEPS = 300 };
enum { SIZE = 1000 }; /* of products and targets: a residual may be far smaller by chance */

static uint64_t state;

static double real(void)
{
	return (double)(int64_t)test_random(&state) * 0x1p-63;
}

static void make_data(struct qmac_dataset *data, int64_t samples, int64_t features)
{
	enum qmac_status status = qmac_regression_generate(data, samples, features, features / 2, 1, 8,
	                                                   (uint32_t)test_random(&state), NULL);

	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
}

static enum qmac_status make_loss(const struct qmac_dataset *data, int threads, struct qmac_loss **loss)
{
	return qmac_loss_create(&qmac_squared_error, data, 0, threads, loss, NULL);
}

static void random_vector(double *vector, int64_t count, double scale)
{
	for (int64_t j = 0; j < count; j++)
		vector[j] = scale * real();
}

/* f and its gradient in long double, straight from the definition. */
static long double naive(const struct qmac_dataset *data, const double *w, long double *gradient)
{
	long double loss = 0;
	double *rows = dataset_rows(data);

	for (int64_t j = 0; j < data->features; j++)
		gradient[j] = 0;
	for (int64_t i = 0; i < data->samples; i++) {
		const double *x = rows + i * data->features;
		long double r = -(long double)data->y[i];

		for (int64_t j = 0; j < data->features; j++)
			r += (long double)x[j] * w[j];
		loss += r * r / (2 * (long double)data->samples);
		for (int64_t j = 0; j < data->features; j++)
			gradient[j] += r * x[j] / (long double)data->samples;
	}
	free(rows);
	return loss;
}

static void test_gradient(void)
{
	static const int64_t samples[] = {1, 2, 63, 64, 65, 1000};

	state = test_seed();
	for (int s = 0; s < TEST_COUNT(samples); s++) {
		struct qmac_dataset data;
		struct qmac_loss *outer;
		double w[FEATURES], gradient[FEATURES], loss, norm;
		long double exact[FEATURES], exact_loss, square = 0;

		make_data(&data, samples[s], FEATURES);
		random_vector(w, FEATURES, 100);
		CU_ASSERT_EQUAL_FATAL(make_loss(&data, 1 + s, &outer), QMAC_OK);
		qmac_loss_evaluate(outer, w, gradient, &loss, &norm);
		exact_loss = naive(&data, w, exact);
		for (int j = 0; j < FEATURES; j++)
			square += exact[j] * exact[j];
		for (int j = 0; j < FEATURES; j++)
			CU_ASSERT(fabsl(gradient[j] - exact[j]) < 1e-13L * (sqrtl(square) + SIZE));
		CU_ASSERT(fabsl(loss - exact_loss) < 1e-13L * (exact_loss + SIZE * SIZE));
		CU_ASSERT(fabsl(norm - sqrtl(square)) < 1e-13L * (sqrtl(square) + SIZE));
		qmac_loss_destroy(outer);
		qmac_dataset_free(&data);
	}
	qmac_loss_destroy(NULL);
}

/* At the true coefficients of a problem without noise the residuals are 0, not only small. */
static void test_minimum(void)
{
	struct qmac_dataset data;
	struct qmac_loss *outer;
	double gradient[30], loss, norm;

	CU_ASSERT_EQUAL_FATAL(qmac_regression_generate(&data, 100, 30, 10, 0, 8, 1, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(make_loss(&data, 2, &outer), QMAC_OK);
	qmac_loss_evaluate(outer, data.truth, gradient, &loss, &norm);
	CU_ASSERT_EQUAL(loss, 0);
	CU_ASSERT_EQUAL(norm, 0);
	qmac_loss_destroy(outer);
	qmac_dataset_free(&data);
}

static void test_threads(void)
{
	struct qmac_dataset data;
	double w[FEATURES], first[FEATURES + 2], now[FEATURES + 2];

	state = test_seed();
	make_data(&data, 777, FEATURES);
	random_vector(w, FEATURES, 100);
	for (int threads = 1; threads <= 256; threads = threads * 3 / 2 + 1) {
		struct qmac_loss *outer;

		CU_ASSERT_EQUAL_FATAL(make_loss(&data, threads, &outer), QMAC_OK);
		qmac_loss_evaluate(outer, w, now, &now[FEATURES], &now[FEATURES + 1]);
		if (threads == 1)
			memcpy(first, now, sizeof now);
		CU_ASSERT_EQUAL(memcmp(first, now, sizeof now), 0);
		qmac_loss_destroy(outer);
	}
	qmac_dataset_free(&data);
}

/* ---- epochs ---------------------------------------------------------------------- */

struct fixture {
	struct qmac_run run;
	struct qmac_training training;
	double w[FEATURES], gradient[FEATURES];
	double start[FEATURES]; /* w before the epoch */
};

static void set_up(struct fixture *f, enum qmac_option option)
{
	state = test_seed();
	memset(f, 0, sizeof *f);
	f->run.alpha = 0.01;
	f->run.inner_steps = STEPS;
	f->run.batch = 1;
	f->run.option = option;
	f->training = (struct qmac_training){
		.run = &f->run, .weights = FEATURES, .w = f->w, .gradient = f->gradient,
		.precision = {.operations = &qmac_float},
		.samples = qmac_random_stream(5, QMAC_STREAM_SAMPLES),
		.option = qmac_random_stream(5, QMAC_STREAM_OPTION),
	};
	make_data(&f->training.data, SAMPLES, FEATURES);
	random_vector(f->w, FEATURES, 50);
	memcpy(f->start, f->w, sizeof f->w);
	CU_ASSERT_EQUAL_FATAL(make_loss(&f->training.data, 1, &f->training.loss), QMAC_OK);
	qmac_loss_evaluate(f->training.loss, f->w, f->gradient, &f->training.value, &f->training.norm);
	CU_ASSERT_EQUAL_FATAL(qmac_host_engine.create(&f->training, NULL, NULL, &f->training.engine, NULL),
	                      QMAC_OK);
}

static void tear_down(struct fixture *f)
{
	qmac_host_engine.destroy(f->training.engine);
	qmac_records_free(&f->training.records);
	qmac_loss_destroy(f->training.loss);
	qmac_dataset_free(&f->training.data);
}

/* w - alpha (grad f_i(w) - grad f_i(centre) + g), all three gradients written out; SGD: the first alone. */
static void naive_step(const struct fixture *f, int64_t i, const double *centre, const long double *g,
                       long double *w)
{
	double room[FEATURES];
	const double *x = qmac_dataset_row(&f->training.data, i, room);
	long double at_w = -(long double)f->training.data.y[i], at_centre = at_w;

	for (int j = 0; j < FEATURES; j++) {
		at_w += x[j] * w[j];
		at_centre += centre ? (long double)x[j] * centre[j] : 0;
	}
	for (int j = 0; j < FEATURES; j++)
		w[j] -= (long double)f->run.alpha * (at_w * x[j] - (centre ? at_centre * x[j] - g[j] : 0));
}

static void check_epoch(bool variance_reduced, enum qmac_option option)
{
	struct fixture f;
	struct qmac_random samples = qmac_random_stream(5, QMAC_STREAM_SAMPLES);
	struct qmac_random options = qmac_random_stream(5, QMAC_STREAM_OPTION);
	long double g[FEATURES], w[FEATURES], expected[FEATURES];
	int64_t keep_after = STEPS;
	bool done;

	set_up(&f, option);
	naive(&f.training.data, f.start, g);
	for (int j = 0; j < FEATURES; j++)
		expected[j] = w[j] = f.start[j];
	if (variance_reduced && option == QMAC_OPTION_II)
		keep_after = (int64_t)qmac_random_below(&options, STEPS);
	for (int t = 1; t <= STEPS; t++) {
		int64_t i = (int64_t)qmac_random_below(&samples, SAMPLES);

		naive_step(&f, i, variance_reduced ? f.start : NULL, g, w);
		if (t == keep_after)
			memcpy(expected, w, sizeof w);
	}
	f.training.optimiser = variance_reduced ? &qmac_svrg : &qmac_sgd;
	CU_ASSERT_EQUAL_FATAL(qmac_optimiser_epoch(&f.training, &done, NULL), QMAC_OK);
	CU_ASSERT(done);
	for (int j = 0; j < FEATURES; j++)
		CU_ASSERT(fabsl(f.w[j] - expected[j]) < 1e-10L); /* w is about 50 */
	CU_ASSERT_EQUAL(f.training.step, STEPS);
	CU_ASSERT_EQUAL(f.training.data_passes, STEPS / (double)SAMPLES + variance_reduced);
	CU_ASSERT_EQUAL(f.training.host_flops, variance_reduced ? STEPS * (5 * FEATURES + 1) + 2 * FEATURES +
	                qmac_loss_flops(f.training.loss) : STEPS * (4 * FEATURES + 2));
	tear_down(&f);
}

static void test_sgd(void)
{
	check_epoch(false, QMAC_OPTION_I);
	check_epoch(false, QMAC_OPTION_II); /* has no centre: the option changes nothing */
}

static void test_svrg(void)
{
	check_epoch(true, QMAC_OPTION_I);
	check_epoch(true, QMAC_OPTION_II);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"gradient, loss and norm", test_gradient},
		{"zero at the minimum", test_minimum},
		{"threads give the same bits", test_threads},
		{"an epoch of SGD", test_sgd},
		{"an epoch of SVRG", test_svrg},
	};

	return test_main("test_outer", cases, TEST_COUNT(cases));
}
