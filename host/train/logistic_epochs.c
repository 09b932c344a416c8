#include "train/logistic_epochs.h"

#include <string.h>

#include "train/logistic.h"
#include "train/softmax.h"

/*
 * at <- at - alpha lambda at - offset (NULL: 0) - alpha/batch sum over the next batch of x^T (p - q):
 * p the softmax at `at`, with the centre's logits added where `centred`, q the centre's or e_y.
 * All of the batch is taken at the `at` it starts from.
 */
static void step(struct qmac_training *training, double *at, const double *offset, bool centred)
{
	const struct qmac_dataset *data = &training->data;
	int64_t batch = training->run->batch;
	double scale = training->run->alpha / (double)batch, *move = training->move;
	double decay = training->run->alpha * training->run->lambda;
	double a[QMAC_CLASSES_MAX], p[QMAC_CLASSES_MAX];

	memset(move, 0, (size_t)training->weights * sizeof move[0]);
	for (int64_t b = 0; b < batch; b++) {
		int64_t i = qmac_training_sample(training);
		const double *x = qmac_dataset_row(data, i, training->row);
		const double *logits = qmac_logistic_logits(training->logistic, i);
		const double *centre = qmac_logistic_probabilities(training->logistic, i);

		qmac_logistic_product(data, x, at, a);
		for (int c = 0; centred && c < data->classes; c++)
			a[c] += logits[c];
		(void)qmac_softmax(a, p, data->classes, 0);
		for (int c = 0; c < data->classes; c++)
			p[c] = scale * (p[c] - (centred ? centre[c] : c == (int)data->y[i]));
		for (int64_t j = 0; j < data->features; j++)
			for (int c = 0; x[j] != 0 && c < data->classes; c++)
				move[j * data->classes + c] += p[c] * x[j];
	}
	for (int64_t k = 0; k < training->weights; k++)
		at[k] -= move[k] + decay * at[k] + (offset ? offset[k] : 0);
}

/* Zero inputs are counted like others. */
static uint64_t step_flops(const struct qmac_training *training, bool centred)
{
	uint64_t weights = (uint64_t)training->weights, classes = (uint64_t)training->data.classes;
	uint64_t sample = 4 * weights + qmac_softmax_flops(training->data.classes) + (centred ? 3 : 2) * classes;

	return (uint64_t)training->run->batch * sample + (centred ? 4 : 3) * weights;
}

void qmac_logistic_sgd_epoch(struct qmac_training *training)
{
	for (int64_t t = 0; t < training->run->inner_steps; t++)
		step(training, training->w, NULL, false);
	training->host_flops += (uint64_t)training->run->inner_steps * step_flops(training, false);
	qmac_training_use_steps(training);
}

void qmac_logistic_svrg_epoch(struct qmac_training *training)
{
	int64_t weights = training->weights, keep_after = qmac_training_keep_after(training);
	size_t bytes = (size_t)weights * sizeof(double);

	qmac_training_use_gradient(training);
	memset(training->z, 0, bytes);
	memset(training->kept, 0, bytes);
	for (int64_t k = 0; k < weights; k++)
		training->h[k] = training->run->alpha * training->gradient[k];
	for (int64_t t = 1; t <= training->run->inner_steps; t++) {
		step(training, training->z, training->h, true);
		if (t == keep_after)
			memcpy(training->kept, training->z, bytes);
	}
	for (int64_t k = 0; k < weights; k++)
		training->w[k] += training->kept[k];
	training->host_flops += (uint64_t)training->run->inner_steps * step_flops(training, true) +
	                        2 * (uint64_t)weights;
	qmac_training_use_steps(training);
}
