#include "data/regression.h"

#include <assert.h>

#include "data/random.h"

/* Chooses `informative` features without repetition, each set being equally likely. */
static void draw_truth(struct qmac_dataset *data, int64_t informative, struct qmac_random *random)
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

static void make_targets(struct qmac_dataset *data, double noise, struct qmac_random *random)
{
	for (int64_t i = 0; i < data->samples; i++) {
		const double *x = data->x + i * data->features;
		double sum = 0;

		for (int64_t j = 0; j < data->features; j++)
			sum += x[j] * data->truth[j];
		data->y[i] = noise > 0 ? sum + noise * qmac_random_normal(random) : sum;
	}
}

enum qmac_status qmac_regression_generate(struct qmac_dataset *data, int64_t samples, int64_t features,
                                          int64_t informative, double noise, int x_bits, uint32_t seed,
                                          struct qmac_error *err)
{
	struct qmac_random random = qmac_random_stream(seed, QMAC_STREAM_DATA);
	enum qmac_status status;

	assert(samples > 0 && features > 0 && informative >= 0 && informative <= features);
	assert(noise >= 0 && x_bits >= 2 && x_bits <= 16);
	status = qmac_dataset_allocate(data, samples, features, true, err);
	if (status)
		return status;
	for (int64_t i = 0; i < samples * features; i++)
		data->x[i] = qmac_random_normal(&random);
	status = qmac_dataset_quantise(data, x_bits, err);
	if (status)
		return status;
	draw_truth(data, informative, &random);
	make_targets(data, noise, &random);
	return QMAC_OK;
}
