#include "train/full_precision.h"

#include <string.h>

static double dot(const double *a, const double *b, int64_t count)
{
	double sum = 0;

	for (int64_t j = 0; j < count; j++)
		sum += a[j] * b[j];
	return sum;
}

void qmac_sgd_epoch(struct qmac_training *training)
{
	const struct qmac_regression *data = &training->data;
	int64_t features = data->features, steps = training->run->inner_steps;
	double *w = training->w;

	for (int64_t t = 0; t < steps; t++) {
		int64_t i = qmac_training_sample(training);
		const double *x = data->x + i * features;
		double c = training->run->alpha * (dot(x, w, features) - data->y[i]);

		for (int64_t j = 0; j < features; j++)
			w[j] -= c * x[j];
	}
	training->host_flops += (uint64_t)steps * (4 * (uint64_t)features + 2);
	qmac_training_use_steps(training);
}

void qmac_svrg_epoch(struct qmac_training *training)
{
	const struct qmac_regression *data = &training->data;
	int64_t features = data->features, steps = training->run->inner_steps;
	int64_t keep_after = qmac_training_keep_after(training);
	size_t bytes = (size_t)features * sizeof(double);
	double alpha = training->run->alpha, *z = training->z, *h = training->h;

	qmac_training_use_gradient(training);
	memset(z, 0, bytes);
	memset(training->kept, 0, bytes);
	for (int64_t j = 0; j < features; j++)
		h[j] = alpha * training->gradient[j];
	for (int64_t t = 1; t <= steps; t++) {
		const double *x = data->x + qmac_training_sample(training) * features;
		double c = alpha * dot(x, z, features);

		for (int64_t j = 0; j < features; j++)
			z[j] -= c * x[j] + h[j];
		if (t == keep_after)
			memcpy(training->kept, z, bytes);
	}
	for (int64_t j = 0; j < features; j++)
		training->w[j] += training->kept[j];
	training->host_flops += (uint64_t)steps * (5 * (uint64_t)features + 1) + 2 * (uint64_t)features;
	qmac_training_use_steps(training);
}
