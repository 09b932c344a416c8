/*
 * Batch norm: with n values of a channel in the minibatch, mean m, deviation d = sqrt(variance + epsilon)
 * and h = (x - m) / d,
 *
 *   y = gamma h + beta,  dbeta = sum dy,  dgamma = sum dy h,  dx = gamma / d (dy - dbeta / n - h dgamma / n)
 */
#include <math.h>

#include "float/layers.h"

/* Numbers of a channel in the minibatch, which lie together. */
static int64_t numbers_of(const struct qmac_float_layer *layer)
{
	return layer->images * layer->net->in.height * layer->net->in.width;
}

/* Mean and deviation of the minibatch, and what runs with them. */
static void measure(const struct qmac_float_layer *layer, int64_t c)
{
	int64_t n = numbers_of(layer);
	const float *x = layer->x + c * n;
	double sum = 0, square = 0, share = QMAC_BATCH_NORM_SHARE, mean, variance;

	for (int64_t i = 0; i < n; i++)
		sum += (double)x[i];
	mean = sum / (double)n;
	for (int64_t i = 0; i < n; i++)
		square += ((double)x[i] - mean) * ((double)x[i] - mean);
	variance = square / (double)n;
	layer->mean[c] = mean;
	layer->deviation[c] = sqrt(variance + QMAC_BATCH_NORM_EPSILON);
	layer->running_mean[c] = (float)((1 - share) * (double)layer->running_mean[c] + share * mean);
	layer->running_variance[c] = (float)((1 - share) * (double)layer->running_variance[c] + share * variance);
}

void qmac_float_batch_norm(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	int64_t n = numbers_of(layer);

	for (int64_t c = begin; c < end; c++) {
		double mean, deviation, factor;

		if (layer->training)
			measure(layer, c);
		mean = layer->training ? layer->mean[c] : (double)layer->running_mean[c];
		deviation = layer->training ? layer->deviation[c] :
		            sqrt((double)layer->running_variance[c] + QMAC_BATCH_NORM_EPSILON);
		factor = (double)layer->weight[c] / deviation;
		for (int64_t i = c * n; i < (c + 1) * n; i++)
			layer->y[i] = (float)(((double)layer->x[i] - mean) * factor + (double)layer->bias[c]);
	}
}

void qmac_float_batch_norm_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	int64_t n = numbers_of(layer);

	for (int64_t c = begin; c < end; c++) {
		double mean = layer->mean[c], inverse = 1 / layer->deviation[c], dbeta = 0, dgamma = 0, factor;

		for (int64_t i = c * n; i < (c + 1) * n; i++) {
			dbeta += (double)layer->dy[i];
			dgamma += (double)layer->dy[i] * (((double)layer->x[i] - mean) * inverse);
		}
		layer->bias_sum[c] += (float)dbeta;
		layer->weight_sum[c] += (float)dgamma;
		factor = (double)layer->weight[c] * inverse;
		for (int64_t i = c * n; layer->dx && i < (c + 1) * n; i++) {
			double h = ((double)layer->x[i] - mean) * inverse;

			layer->dx[i] += (float)(factor * ((double)layer->dy[i] - (dbeta + h * dgamma) / (double)n));
		}
	}
}
