#include "data/regression.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/random.h"

static enum qmac_status allocate(struct qmac_regression *data, struct qmac_error *err)
{
	size_t samples = (size_t)data->samples, features = (size_t)data->features;

	data->codes = calloc(samples, features * sizeof data->codes[0]);
	data->x = calloc(samples, features * sizeof data->x[0]);
	data->y = calloc(samples, sizeof data->y[0]);
	data->truth = calloc(features, sizeof data->truth[0]);
	if (data->codes && data->x && data->y && data->truth)
		return QMAC_OK;
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld samples of %lld features",
	                 (long long)data->samples, (long long)data->features);
}

/* x holds real numbers; becomes dx * code. */
static void quantise(struct qmac_regression *data, int x_bits)
{
	int64_t count = data->samples * data->features;
	double largest = 0, limit = (double)((1 << (x_bits - 1)) - 1);

	for (int64_t i = 0; i < count; i++)
		largest = fmax(largest, fabs(data->x[i]));
	data->dx = largest > 0 ? largest / limit : 1;
	for (int64_t i = 0; i < count; i++) {
		double code = fmin(fmax(rint(data->x[i] / data->dx), -limit), limit);

		data->codes[i] = (int16_t)code;
		data->x[i] = data->dx * code;
	}
}

/* Chooses `informative` features without repetition, each set being equally likely. */
static void draw_truth(struct qmac_regression *data, int64_t informative, struct qmac_random *random)
{
	int64_t chosen = 0;

	for (int64_t j = 0; j < data->features; j++) {
		uint64_t left = (uint64_t)(data->features - j), wanted = (uint64_t)(informative - chosen);

		if (qmac_random_below(random, left) >= wanted)
			continue;
		data->truth[j] = 100 * qmac_random_uniform(random);
		chosen++;
	}
}

static void make_targets(struct qmac_regression *data, double noise, struct qmac_random *random)
{
	for (int64_t i = 0; i < data->samples; i++) {
		const double *x = data->x + i * data->features;
		double sum = 0;

		for (int64_t j = 0; j < data->features; j++)
			sum += x[j] * data->truth[j];
		data->y[i] = noise > 0 ? sum + noise * qmac_random_normal(random) : sum;
	}
}

enum qmac_status qmac_regression_generate(struct qmac_regression *data, int64_t samples, int64_t features,
                                          int64_t informative, double noise, int x_bits, uint32_t seed,
                                          struct qmac_error *err)
{
	struct qmac_random random = qmac_random_stream(seed, QMAC_STREAM_DATA);
	enum qmac_status status;

	assert(samples > 0 && features > 0 && informative >= 0 && informative <= features);
	assert(noise >= 0 && x_bits >= 2 && x_bits <= 16);
	memset(data, 0, sizeof *data);
	data->samples = samples;
	data->features = features;
	status = allocate(data, err);
	if (status != QMAC_OK) {
		qmac_regression_free(data);
		return status;
	}
	for (int64_t i = 0; i < samples * features; i++)
		data->x[i] = qmac_random_normal(&random);
	quantise(data, x_bits);
	draw_truth(data, informative, &random);
	make_targets(data, noise, &random);
	return QMAC_OK;
}

void qmac_regression_free(struct qmac_regression *data)
{
	free(data->codes);
	free(data->x);
	free(data->y);
	free(data->truth);
	memset(data, 0, sizeof *data);
}
