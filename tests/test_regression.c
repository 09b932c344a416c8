/*
 * The generated regression problem against its definition in data/regression.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/regression.h"
#include "dataset_rows.h"

static const struct {
	int64_t samples, features, informative;
	int x_bits;
} shapes[] = {
	{1000, 100, 10, 8}, {1, 1, 1, 2}, {1, 1, 0, 16}, {7, 13, 13, 3}, {50, 3, 0, 5}, {200, 31, 1, 16},
};

/* Standard deviation of the elements, known to about 1 % where there are enough of them. */
static double deviation(const double *x, int64_t count)
{
	double square = 0;

	for (int64_t i = 0; i < count; i++)
		square += x[i] * x[i];
	return sqrt(square / (double)count);
}

static void check_inputs(const struct qmac_dataset *data, int x_bits)
{
	int64_t count = data->samples * data->features;
	int limit = (1 << (x_bits - 1)) - 1, largest = 0;
	double *x = dataset_rows(data);
	int16_t *codes = dataset_codes(data);

	CU_ASSERT(data->dx > 0);
	for (int64_t i = 0; i < count; i++) {
		int code = codes[i];

		CU_ASSERT(code >= -limit && code <= limit);
		CU_ASSERT_EQUAL(x[i], data->dx * code);
		largest = abs(code) > largest ? abs(code) : largest;
	}
	CU_ASSERT_EQUAL(largest, limit); /* dx is the smallest that clips nothing */
	if (count >= 5000 && x_bits >= 8)
		CU_ASSERT(fabs(deviation(x, count) - 1) < 0.05);
	free(x);
	free(codes);
}

static void check_truth(const struct qmac_dataset *data, int64_t informative)
{
	int64_t found = 0;
	double *x = dataset_rows(data);

	for (int64_t j = 0; j < data->features; j++) {
		CU_ASSERT(data->truth[j] >= 0 && data->truth[j] < 100);
		found += data->truth[j] != 0;
	}
	CU_ASSERT_EQUAL(found, informative);
	for (int64_t i = 0; i < data->samples; i++) {
		double sum = 0;

		for (int64_t j = 0; j < data->features; j++)
			sum += x[i * data->features + j] * data->truth[j];
		CU_ASSERT_EQUAL(data->y[i], sum);
	}
	free(x);
}

static void test_definition(void)
{
	uint32_t seed = (uint32_t)test_seed();

	for (int s = 0; s < TEST_COUNT(shapes); s++) {
		struct qmac_dataset data;
		enum qmac_status status = qmac_regression_generate(&data, shapes[s].samples, shapes[s].features,
		                                                   shapes[s].informative, 0, shapes[s].x_bits,
		                                                   seed, NULL);

		CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
		CU_ASSERT_EQUAL(data.samples, shapes[s].samples);
		CU_ASSERT_EQUAL(data.features, shapes[s].features);
		check_inputs(&data, shapes[s].x_bits);
		check_truth(&data, shapes[s].informative);
		qmac_dataset_free(&data);
		CU_ASSERT_PTR_NULL(data.x.any);
	}
}

static void generate(struct qmac_dataset *data, double noise, int x_bits, uint32_t seed)
{
	enum qmac_status status = qmac_regression_generate(data, 1000, 100, 10, noise, x_bits, seed, NULL);

	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
}

/* Every feature is as likely as any other to be informative. */
static void test_places(void)
{
	int counts[100] = {0};

	for (uint32_t seed = 0; seed < 400; seed++) {
		struct qmac_dataset data;

		if (qmac_regression_generate(&data, 1, 100, 10, 0, 8, seed, NULL) != QMAC_OK)
			CU_FAIL_FATAL("out of memory");
		for (int j = 0; j < 100; j++)
			counts[j] += data.truth[j] != 0;
		qmac_dataset_free(&data);
	}
	for (int j = 0; j < 100; j++)
		CU_ASSERT(abs(counts[j] - 40) < 33); /* sigma 6 */
}

static void test_seeds(void)
{
	struct qmac_dataset one, two, other;
	int16_t *codes[3];

	generate(&one, 0.5, 8, 3);
	generate(&two, 0.5, 8, 3);
	generate(&other, 0.5, 8, 4);
	codes[0] = dataset_codes(&one);
	codes[1] = dataset_codes(&two);
	codes[2] = dataset_codes(&other);
	CU_ASSERT_EQUAL(memcmp(codes[0], codes[1], 100000 * sizeof codes[0][0]), 0);
	CU_ASSERT_EQUAL(memcmp(one.y, two.y, 1000 * sizeof one.y[0]), 0);
	CU_ASSERT_EQUAL(memcmp(one.truth, two.truth, 100 * sizeof one.truth[0]), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(codes[0], codes[2], 100000 * sizeof codes[0][0]), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(one.truth, other.truth, 100 * sizeof one.truth[0]), 0);
	for (int i = 0; i < 3; i++)
		free(codes[i]);
	qmac_dataset_free(&one);
	qmac_dataset_free(&two);
	qmac_dataset_free(&other);
}

/* The same reals at two widths: they differ by the rounding only. Noise has the size asked for. */
static void test_width_and_noise(void)
{
	struct qmac_dataset narrow, wide, noisy;
	double noise[1000], *x[3];

	generate(&narrow, 0, 8, 5);
	generate(&wide, 0, 16, 5);
	generate(&noisy, 2.5, 8, 5);
	x[0] = dataset_rows(&narrow);
	x[1] = dataset_rows(&wide);
	x[2] = dataset_rows(&noisy);
	for (int i = 0; i < 100000; i++)
		CU_ASSERT(fabs(x[0][i] - x[1][i]) <= 0.5 * (narrow.dx + wide.dx) * (1 + 1e-9));
	CU_ASSERT_EQUAL(memcmp(x[0], x[2], 100000 * sizeof x[0][0]), 0);
	for (int i = 0; i < 1000; i++)
		noise[i] = noisy.y[i] - narrow.y[i];
	CU_ASSERT(fabs(deviation(noise, 1000) - 2.5) < 2.5 * 5 / sqrt(2000));
	for (int i = 0; i < 3; i++)
		free(x[i]);
	qmac_dataset_free(&narrow);
	qmac_dataset_free(&wide);
	qmac_dataset_free(&noisy);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"definition", test_definition},
		{"informative features lie anywhere", test_places},
		{"same seed, same data", test_seeds},
		{"width and noise", test_width_and_noise},
	};

	return test_main("test_regression", cases, TEST_COUNT(cases));
}
