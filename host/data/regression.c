#include "data/regression.h"

#include <assert.h>
#include <stdlib.h>

#include "data/conditioned.h"
#include "data/random.h"
#include "process/stop.h"

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

/* `room` has space for a row. */
static void make_targets(struct qmac_dataset *data, double noise, struct qmac_random *random, double *room)
{
	for (int64_t i = 0; i < data->samples && !qmac_stop_is_asked(); i++) {
		const double *x = qmac_dataset_row(data, i, room);
		double sum = 0;

		for (int64_t j = 0; j < data->features; j++)
			sum += x[j] * data->truth[j];
		data->y[i] = noise > 0 ? sum + noise * qmac_random_normal(random) : sum;
	}
}

static enum qmac_status draw_inputs(struct qmac_dataset *data, const struct qmac_run *run,
                                    struct qmac_random *random, struct qmac_error *err)
{
	if (run->data == QMAC_DATA_CONDITIONED)
		return qmac_conditioned_inputs(data->x.real, data->samples, data->features, run->kappa, random,
		                               err);
	if (run->data == QMAC_DATA_QUADRATIC) {
		qmac_quadratic_inputs(data->x.real, run->samples, run->features, run->kappa);
		data->group = run->features;
		return QMAC_OK;
	}
	for (int64_t i = 0; i < data->samples * data->features && !qmac_stop_is_asked(); i++)
		data->x.real[i] = qmac_random_normal(random);
	return QMAC_OK;
}

enum qmac_status qmac_regression_make(struct qmac_dataset *data, const struct qmac_run *run,
                                      struct qmac_error *err)
{
	struct qmac_random random = qmac_random_stream(run->seed, QMAC_STREAM_DATA);
	int64_t rows = run->samples * (run->data == QMAC_DATA_QUADRATIC ? run->features : 1);
	double *room = calloc((size_t)run->features, sizeof room[0]);
	enum qmac_status status;

	assert(run->samples > 0 && run->features > 0 && run->informative >= 0);
	assert(run->informative <= run->features && run->noise >= 0 && run->x_bits >= 2 && run->x_bits <= 16);
	status = qmac_dataset_allocate(data, rows, run->features, true, err);
	if (!status)
		status = draw_inputs(data, run, &random, err);
	if (!status && qmac_stop_is_asked())
		status = qmac_stop_give_up(err);
	if (!status && !room)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld features", (long long)run->features);
	if (!status) {
		qmac_dataset_quantise(data, run->x_bits);
		draw_truth(data, run->informative, &random);
		make_targets(data, run->noise, &random, room);
	}
	free(room);
	return status;
}

enum qmac_status qmac_regression_generate(struct qmac_dataset *data, int64_t samples, int64_t features,
                                          int64_t informative, double noise, int x_bits, uint32_t seed,
                                          struct qmac_error *err)
{
	const struct qmac_run run = {
		.data = QMAC_DATA_MAKE_REGRESSION, .samples = samples, .features = features,
		.informative = informative, .noise = noise, .x_bits = x_bits, .seed = seed,
	};

	return qmac_regression_make(data, &run, err);
}
