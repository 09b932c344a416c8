#include "train/full_precision.h"

#include <string.h>

static double dot(const double *a, const double *b, int64_t count)
{
	double sum = 0;

	for (int64_t j = 0; j < count; j++)
		sum += a[j] * b[j];
	return sum;
}

/* move = alpha/batch sum over the next batch of (x_i.at - y_i) x_i, y NULL: 0. */
static void batch_step(struct qmac_training *training, const double *at, const double *y)
{
	int64_t features = training->data.features, batch = training->run->batch;
	double scale = training->run->alpha / (double)batch, *move = training->move;

	memset(move, 0, (size_t)features * sizeof move[0]);
	for (int64_t b = 0; b < batch; b++) {
		int64_t i = qmac_training_sample(training);
		const double *x = qmac_dataset_row(&training->data, i, training->row);
		double c = scale * (dot(x, at, features) - (y ? y[i] : 0));

		for (int64_t j = 0; j < features; j++)
			move[j] += c * x[j];
	}
}

void qmac_sgd_epoch(struct qmac_training *training)
{
	int64_t features = training->data.features, steps = training->run->inner_steps;
	uint64_t batch = (uint64_t)training->run->batch;

	for (int64_t t = 0; t < steps; t++) {
		batch_step(training, training->w, training->data.y);
		for (int64_t j = 0; j < features; j++)
			training->w[j] -= training->move[j];
	}
	training->host_flops += (uint64_t)steps * batch * (4 * (uint64_t)features + 2);
	qmac_training_use_steps(training);
}

void qmac_svrg_epoch(struct qmac_training *training)
{
	int64_t features = training->data.features, steps = training->run->inner_steps;
	int64_t keep_after = qmac_training_keep_after(training);
	uint64_t batch = (uint64_t)training->run->batch;
	size_t bytes = (size_t)features * sizeof(double);
	double *z = training->z, *h = training->h;

	qmac_training_use_gradient(training);
	memset(z, 0, bytes);
	memset(training->kept, 0, bytes);
	for (int64_t j = 0; j < features; j++)
		h[j] = training->run->alpha * training->gradient[j];
	for (int64_t t = 1; t <= steps; t++) {
		batch_step(training, z, NULL);
		for (int64_t j = 0; j < features; j++)
			z[j] -= training->move[j] + h[j];
		if (t == keep_after)
			memcpy(training->kept, z, bytes);
	}
	for (int64_t j = 0; j < features; j++)
		training->w[j] += training->kept[j];
	training->host_flops += (uint64_t)steps * (batch * (4 * (uint64_t)features + 1) + (uint64_t)features) +
	                        2 * (uint64_t)features;
	qmac_training_use_steps(training);
}
