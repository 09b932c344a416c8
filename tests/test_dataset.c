/*
 * Preparing data sets, each step against its definition in data/dataset.h; and the
 * shipped run files on the real data, where these are there.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_files.h"
#include "data/regression.h"
#include "dataset_rows.h"
#include "train/loss.h"
#include "run/train.h"

/* Random numbers of very different features; row i has y = i, so that rows can be told apart. */
static struct qmac_dataset make(int64_t samples, int64_t features, uint64_t *state)
{
	struct qmac_dataset data;

	CU_ASSERT_EQUAL_FATAL(qmac_dataset_allocate(&data, samples, features, false, NULL), QMAC_OK);
	for (int64_t i = 0; i < samples; i++) {
		data.y[i] = (double)i;
		for (int64_t j = 0; j < features; j++)
			data.x.real[i * features + j] = (double)j +
			                                ldexp((double)(int64_t)test_random(state), (int)j * 3 - 70);
	}
	return data;
}

static void split(void)
{
	static const struct {
		int64_t samples;
		double fraction;
		int64_t test;
	} cases[] = {
		{10, 0, 0}, {10, .2, 2}, {9, .5, 4}, {1, .9, 0}, {1000, .9, 900}, {7, .1, 0}, {333, .25, 83},
	};
	uint64_t state = test_seed();

	for (int c = 0; c < TEST_COUNT(cases); c++) {
		struct qmac_dataset data = make(cases[c].samples, 3, &state);
		int64_t n = cases[c].samples - cases[c].test;
		bool *seen = calloc((size_t)cases[c].samples, sizeof seen[0]);
		double *old = dataset_rows(&data);

		CU_ASSERT_EQUAL(qmac_dataset_split(&data, cases[c].fraction, (uint32_t)c, NULL), QMAC_OK);
		CU_ASSERT(data.samples == n && data.test_samples == cases[c].test && data.features == 3);
		for (int64_t k = 0; k < cases[c].samples; k++) {
			int64_t i = (int64_t)data.y[k];

			CU_ASSERT(!seen[i]);
			seen[i] = true;
			CU_ASSERT_EQUAL(memcmp(data.x.real + k * 3, old + i * 3, 3 * sizeof(double)), 0);
			CU_ASSERT(k == 0 || k == n || data.y[k] > data.y[k - 1]); /* the order of the file */
		}
		free(old);
		free(seen);
		qmac_dataset_free(&data);
	}
}

/* The same rows change places, whatever they are kept in: what stands in a row says which it was. */
static void split_cells(void)
{
	enum { ROWS = 60 };
	struct qmac_dataset kinds[3];
	int16_t codes[3];

	for (int k = 0; k < 3; k++) {
		struct qmac_dataset *data = &kinds[k];

		CU_ASSERT_EQUAL_FATAL(k == 2 ? qmac_dataset_allocate_images(data, ROWS, 3, 1, 1, NULL) :
		                      qmac_dataset_allocate(data, ROWS, 3, false, NULL), QMAC_OK);
		for (int i = 0; i < 3 * ROWS; i++)
			if (k == 2)
				data->x.pixel[i] = (uint8_t)(i == 0 ? 255 : i / 3 * 2);
			else
				data->x.real[i] = i == 0 ? 127 : i / 3;
		for (int i = 0; i < ROWS; i++)
			data->y[i] = i;
		qmac_dataset_quantise(data, k == 1 ? 16 : 8);
		CU_ASSERT_EQUAL_FATAL(qmac_dataset_split(data, .4, 7, NULL), QMAC_OK);
		CU_ASSERT_FATAL(data->samples == 36 && data->test_samples == 24);
	}
	for (int i = 0; i < ROWS; i++) {
		int row = (int)kinds[0].y[i];

		for (int k = 0; k < 3; k++) {
			double scale = (k == 1 ? 32767 : 127) / (k == 2 ? 255. / 2 : 127.);

			CU_ASSERT_EQUAL(kinds[k].y[i], row);
			qmac_dataset_codes(&kinds[k], i, codes);
			CU_ASSERT_EQUAL(codes[1], rint(row * scale));
			CU_ASSERT_EQUAL(codes[2], rint(row * scale));
		}
	}
	for (int k = 0; k < 3; k++)
		qmac_dataset_free(&kinds[k]);
}

/* Every sample is in the test part as often as any other; seeds differ. */
static void split_is_fair(void)
{
	int counts[20] = {0}, pairs = 0;
	uint64_t state = test_seed();

	for (uint32_t seed = 0; seed < 2000; seed++) {
		struct qmac_dataset data = make(20, 1, &state);
		bool first = false, second = false;

		if (qmac_dataset_split(&data, .3, seed, NULL) != QMAC_OK)
			CU_FAIL_FATAL("out of memory");
		for (int k = 14; k < 20; k++) {
			int i = (int)data.y[k];

			counts[i]++;
			first = first || i == 0;
			second = second || i == 1;
		}
		pairs += first && second;
		qmac_dataset_free(&data);
	}
	for (int i = 0; i < 20; i++)
		CU_ASSERT(abs(counts[i] - 600) < 100); /* sigma 20.5 */
	CU_ASSERT(abs(pairs - 158) < 60); /* 2000 * 6/20 * 5/19, sigma 12 */
}

/* Against moments in long double, by another formula. */
static void check_column(const double *before, const double *after, int64_t stride, int64_t n, int64_t rows)
{
	long double sum = 0, square = 0, mean, deviation;

	for (int64_t i = 0; i < n; i++) {
		sum += before[i * stride];
		square += (long double)before[i * stride] * before[i * stride];
	}
	mean = sum / n;
	deviation = sqrtl(square / n - mean * mean);
	for (int64_t i = 0; i < rows; i++) {
		long double wanted = (before[i * stride] - mean) / deviation;

		CU_ASSERT(fabsl(after[i * stride] - wanted) <= 1e-9L * (1 + fabsl(wanted)));
	}
}

static void standardise(void)
{
	enum { ROWS = 500, FEATURES = 6 };
	uint64_t state = test_seed();
	struct qmac_dataset data = make(ROWS, FEATURES, &state);
	static double x[ROWS * FEATURES], y[ROWS];

	for (int i = 0; i < ROWS; i++)
		data.x.real[i * FEATURES + 4] = 0.1; /* its computed mean is another number */
	CU_ASSERT_EQUAL(qmac_dataset_split(&data, .2, 1, NULL), QMAC_OK);
	data.x.real[(ROWS - 1) * FEATURES + 4] = 7; /* constant in the training part only */
	memcpy(x, data.x.real, sizeof x);
	memcpy(y, data.y, sizeof y);
	CU_ASSERT_EQUAL(qmac_dataset_standardise(&data, NULL), QMAC_OK);
	for (int j = 0; j < FEATURES; j++)
		if (j != 4)
			check_column(x + j, data.x.real + j, FEATURES, 400, ROWS);
	check_column(y, data.y, 1, 400, ROWS);
	for (int i = 0; i < ROWS; i++)
		CU_ASSERT_EQUAL(data.x.real[i * FEATURES + 4], 0);
	qmac_dataset_free(&data);
}

static void standardise_refused(void)
{
	uint64_t state = 1;
	struct qmac_dataset data = make(3, 2, &state);
	struct qmac_error err = {0};

	data.x.real[1] = 1e308;
	data.x.real[3] = -1e308;
	CU_ASSERT_EQUAL(qmac_dataset_standardise(&data, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "feature 2 has numbers too large to standardise");
	data.x.real[1] = data.x.real[3] = 0;
	data.y[2] = 1e200;
	CU_ASSERT_EQUAL(qmac_dataset_standardise(&data, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "the targets are too large");
	qmac_dataset_free(&data);
}

static void quantise(void)
{
	uint64_t state = test_seed();

	for (int bits = 2; bits <= 16; bits++) {
		struct qmac_dataset data = make(50, 4, &state);
		int limit = (1 << (bits - 1)) - 1, largest = 0;
		double x[200], high = 0, *quantised;
		int16_t *codes;

		CU_ASSERT_EQUAL(qmac_dataset_split(&data, .3, 5, NULL), QMAC_OK);
		data.x.real[36 * 4] = -1e9; /* in the test part: says nothing about dx */
		memcpy(x, data.x.real, sizeof x);
		qmac_dataset_quantise(&data, bits);
		quantised = dataset_rows(&data);
		codes = dataset_codes(&data);
		CU_ASSERT_EQUAL(data.cell, bits <= 8 ? QMAC_CELL_CODE8 : QMAC_CELL_CODE16);
		for (int i = 0; i < 140; i++)
			high = fabs(x[i]) > high ? fabs(x[i]) : high;
		CU_ASSERT_EQUAL(data.dx, high / limit);
		for (int i = 0; i < 200; i++) {
			int code = codes[i];

			CU_ASSERT(abs(code) <= limit);
			CU_ASSERT_EQUAL(quantised[i], data.dx * code);
			if (fabs(x[i]) <= high)
				CU_ASSERT(fabs(quantised[i] - x[i]) <= .5 * data.dx * (1 + 1e-12));
			largest = i < 140 && abs(code) > largest ? abs(code) : largest;
		}
		CU_ASSERT_EQUAL(largest, limit);
		CU_ASSERT_EQUAL(codes[36 * 4], -limit);
		free(quantised);
		free(codes);
		qmac_dataset_free(&data);
	}
}

static void quantise_nothing(void)
{
	uint64_t state = 1;
	static const double sizes[] = {0, 4.9e-324};

	for (int k = 0; k < 2; k++) {
		struct qmac_dataset data = make(3, 2, &state);
		double *x;
		int16_t *codes;

		for (int i = 0; i < 6; i++)
			data.x.real[i] = sizes[k];
		qmac_dataset_quantise(&data, 8);
		CU_ASSERT_EQUAL(data.dx, 1);
		x = dataset_rows(&data);
		codes = dataset_codes(&data);
		for (int i = 0; i < 6; i++)
			CU_ASSERT(x[i] == 0 && codes[i] == 0);
		free(x);
		free(codes);
		qmac_dataset_free(&data);
	}
}

static void clip_and_bias(void)
{
	uint64_t state = test_seed();
	struct qmac_dataset data = make(40, 3, &state);
	double x[120], *biased;

	memcpy(x, data.x.real, sizeof x);
	qmac_dataset_clip(&data, 1.5);
	qmac_dataset_add_bias(&data);
	CU_ASSERT_EQUAL_FATAL(data.features, 4);
	biased = dataset_rows(&data);
	for (int i = 0; i < 40; i++) {
		CU_ASSERT_EQUAL(biased[i * 4 + 3], 1);
		for (int j = 0; j < 3; j++) {
			double v = x[i * 3 + j];

			CU_ASSERT_EQUAL(biased[i * 4 + j], v > 1.5 ? 1.5 : v < -1.5 ? -1.5 : v);
		}
	}
	free(biased);
	qmac_dataset_free(&data);
}

/* ---- the whole ------------------------------------------------------------------- */

static struct qmac_run run_of(const char *file)
{
	struct qmac_run run = {
		.data = QMAC_DATA_CSV, .target = "last", .standardise = true, .clip = 1, .bias = true,
		.test_fraction = .4, .x_bits = 8, .seed = 2,
	};

	snprintf(run.file, sizeof run.file, "%s", file);
	return run;
}

static double test_loss(const struct qmac_dataset *data, const double *w)
{
	struct qmac_test_figures figures;
	struct qmac_loss *loss;

	CU_ASSERT_EQUAL_FATAL(qmac_loss_create(&qmac_squared_error, data, 0, 1, &loss, NULL), QMAC_OK);
	figures = qmac_loss_test(loss, w);
	CU_ASSERT(isnan(figures.accuracy));
	qmac_loss_destroy(loss);
	return figures.loss;
}

/* By hand: five samples, two of them for testing; and the same numbers from both kinds of file. */
static void load(void)
{
	struct qmac_run run = run_of(config_file("five.csv", "a,b,y\n1,0,10\n2,0,20\n3,0,30\n4,0,40\n5,0,50\n"));
	const double w[] = {.5, 9, -.25};
	struct qmac_dataset data, other;
	double mean, deviation, loss = 0, *x, *x_other;
	int16_t *codes, *codes_other;

	CU_ASSERT_EQUAL_FATAL(qmac_dataset_load(&data, &run, NULL), QMAC_OK);
	CU_ASSERT_FATAL(data.samples == 3 && data.test_samples == 2 && data.features == 3);
	CU_ASSERT_EQUAL(data.dx, 1. / 127); /* clipped at 1, and the bias is 1 */
	CU_ASSERT_PTR_NULL(data.truth);
	x = dataset_rows(&data);
	codes = dataset_codes(&data);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT(codes[i * 3 + 1] == 0 && codes[i * 3 + 2] == 127);
		/* features and targets were in proportion, so they are the same now but for clip and rounding */
		CU_ASSERT(fabs(x[i * 3] - fmax(fmin(data.y[i], 1), -1)) <= .5001 / 127);
	}
	mean = (data.y[0] + data.y[1] + data.y[2]) / 3;
	deviation = sqrt((pow(data.y[0], 2) + pow(data.y[1], 2) + pow(data.y[2], 2)) / 3 - mean * mean);
	CU_ASSERT(fabs(mean) < 1e-12 && fabs(deviation - 1) < 1e-12);
	for (int i = 3; i < 5; i++)
		loss += pow(.5 * x[i * 3] - .25 - data.y[i], 2) / 4;
	CU_ASSERT(fabs(test_loss(&data, w) - loss) < 1e-12);

	run = run_of(config_file("five.svm", "10 1:1 2:0\n20 1:2\n30 1:3\n40 1:4\n50 1:5\n"));
	run.data = QMAC_DATA_LIBSVM;
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_load(&other, &run, NULL), QMAC_OK);
	x_other = dataset_rows(&other);
	codes_other = dataset_codes(&other);
	CU_ASSERT_EQUAL(memcmp(x, x_other, 15 * sizeof(double)), 0);
	CU_ASSERT_EQUAL(memcmp(codes, codes_other, 15 * sizeof codes[0]), 0);
	CU_ASSERT_EQUAL(memcmp(data.y, other.y, 5 * sizeof(double)), 0);
	qmac_dataset_free(&other);
	run.standardise = run.bias = false;
	run.clip = run.test_fraction = 0;
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_load(&other, &run, NULL), QMAC_OK);
	CU_ASSERT(other.samples == 5 && other.features == 2 && other.dx == 5. / 127 && other.y[4] == 50);
	CU_ASSERT(isnan(test_loss(&other, w)));
	qmac_dataset_free(&other);
	qmac_dataset_free(&data);
	free(x);
	free(codes);
	free(x_other);
	free(codes_other);
}

/* A generated problem is split after it was made: the same rows, in two parts. */
static void load_generated(void)
{
	struct qmac_run run = {.samples = 100, .features = 7, .informative = 3, .x_bits = 8, .seed = 4};
	struct qmac_dataset whole, parts;
	int64_t at[2] = {0, 75};
	double *x, *x_parts;
	int16_t *codes, *codes_parts;

	CU_ASSERT_EQUAL_FATAL(qmac_dataset_load(&whole, &run, NULL), QMAC_OK);
	run.test_fraction = .25;
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_load(&parts, &run, NULL), QMAC_OK);
	CU_ASSERT(whole.samples == 100 && parts.samples == 75 && parts.test_samples == 25);
	CU_ASSERT_EQUAL(test_loss(&parts, parts.truth), 0);
	x = dataset_rows(&whole);
	x_parts = dataset_rows(&parts);
	codes = dataset_codes(&whole);
	codes_parts = dataset_codes(&parts);
	for (int i = 0; i < 100; i++) {
		int part = at[0] == 75 || memcmp(x + i * 7, x_parts + at[0] * 7, 7 * sizeof(double)) != 0;
		int64_t k = at[part]++;

		CU_ASSERT_FATAL(k < 100);
		CU_ASSERT_EQUAL(memcmp(x + i * 7, x_parts + k * 7, 7 * sizeof(double)), 0);
		CU_ASSERT_EQUAL(memcmp(codes + i * 7, codes_parts + k * 7, 7 * sizeof codes[0]), 0);
		CU_ASSERT_EQUAL(whole.y[i], parts.y[k]);
	}
	free(x);
	free(x_parts);
	free(codes);
	free(codes_parts);
	qmac_dataset_free(&whole);
	qmac_dataset_free(&parts);
}

/* ---- training --------------------------------------------------------------------- */

/* Two epochs of a shipped run file; skips where the data are not there. */
static void train_shipped(const char *file, const char *data, int64_t features, double test_loss)
{
	const char *folder = getenv("QMAC_DATA");
	struct qmac_setting settings[] = {{"algorithm", "svrg", "--set"}, {"epochs", "2", "--set"}};
	struct qmac_run_config config;
	struct qmac_train_result result;
	struct qmac_error err;
	char path[1024], why[1200];

	snprintf(path, sizeof path, "%s/%s", folder ? folder : "", data);
	if (!folder || access(path, R_OK) != 0) {
		snprintf(why, sizeof why, "no %s in the folder that QMAC_DATA names", data);
		test_skip(why);
		return;
	}
	if (qmac_run_config_load(&config, file, settings, 2, &err) != QMAC_OK ||
	    qmac_train(&config.run, NULL, NULL, &result, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("run");
	}
	CU_ASSERT_EQUAL(result.weight_count, features);
	CU_ASSERT(isnan(result.coefficient_max) && !result.diverged);
	printf("(%.3g) ", result.last.test_loss);
	CU_ASSERT(result.last.test_loss < test_loss);
	free(result.weights);
}

static void housing(void)
{
	train_shipped("configs/run/housing.yaml", "tabular/fetch_california_housing.csv", 8, .2);
}

static void a9a(void)
{
	train_shipped("configs/run/a9a.yaml", "tabular/a9a", 124, .23);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"split", split},
		{"split whatever rows are kept in", split_cells},
		{"split is fair", split_is_fair},
		{"standardise", standardise},
		{"standardise refused", standardise_refused},
		{"quantise", quantise},
		{"quantise nothing", quantise_nothing},
		{"clip and bias", clip_and_bias},
		{"load files", load},
		{"load a generated problem", load_generated},
		{"housing.yaml", housing},
		{"a9a.yaml", a9a},
	};

	return test_main("test_dataset", cases, TEST_COUNT(cases));
}
