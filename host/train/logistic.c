#include "train/logistic.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/blocks.h"
#include "train/softmax.h"

struct qmac_logistic {
	const struct qmac_dataset *data;
	double lambda;
	int threads;
	double *logits, *probabilities; /* samples x classes */
	double *gradients;              /* QMAC_BLOCKS x weights: sum of x^T (p - e_y) over each block */
	double *rows;                   /* QMAC_BLOCKS x features: the row at which each block is */
	double losses[QMAC_BLOCKS];
};

/* What a block works on. */
struct job {
	struct qmac_logistic *logistic;
	const double *w;
};

static int64_t weights_of(const struct qmac_dataset *data)
{
	return data->features * data->classes;
}

enum qmac_status qmac_logistic_create(const struct qmac_dataset *data, double lambda, int threads,
                                      struct qmac_logistic **logistic, struct qmac_error *err)
{
	struct qmac_logistic *made = calloc(1, sizeof *made);
	size_t logits = (size_t)data->samples * (size_t)data->classes;

	assert(data->classes >= 2 && threads >= 1);
	*logistic = made;
	if (made) {
		made->logits = calloc(logits, sizeof(double));
		made->probabilities = calloc(logits, sizeof(double));
		made->gradients = calloc((size_t)weights_of(data), QMAC_BLOCKS * sizeof(double));
		made->rows = calloc((size_t)data->features, QMAC_BLOCKS * sizeof(double));
	}
	if (!made || !made->logits || !made->probabilities || !made->gradients || !made->rows) {
		qmac_logistic_destroy(made);
		*logistic = NULL;
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld features and %d classes",
		                 (long long)data->features, data->classes);
	}
	made->data = data;
	made->lambda = lambda;
	made->threads = threads;
	return QMAC_OK;
}

void qmac_logistic_destroy(struct qmac_logistic *logistic)
{
	if (!logistic)
		return;
	free(logistic->logits);
	free(logistic->probabilities);
	free(logistic->gradients);
	free(logistic->rows);
	free(logistic);
}

/* Inputs that are 0, most of an image, add nothing and are passed over. */
void qmac_logistic_product(const struct qmac_dataset *data, const double *x, const double *w, double *a)
{
	int classes = data->classes;

	for (int c = 0; c < classes; c++)
		a[c] = 0;
	for (int64_t j = 0; j < data->features; j++) {
		const double *row = w + j * classes;

		if (x[j] == 0)
			continue;
		for (int c = 0; c < classes; c++)
			a[c] += x[j] * row[c];
	}
}

/* gradient += x^T (p - e_y) */
static void add_gradient(const struct qmac_dataset *data, const double *x, int right, const double *p,
                         double *gradient)
{
	int classes = data->classes;
	double residual[QMAC_CLASSES_MAX];

	for (int c = 0; c < classes; c++)
		residual[c] = p[c] - (c == right);
	for (int64_t j = 0; j < data->features; j++) {
		double *row = gradient + j * classes;

		if (x[j] == 0)
			continue;
		for (int c = 0; c < classes; c++)
			row[c] += x[j] * residual[c];
	}
}

static void sum_block(void *context, int block)
{
	const struct job *job = context;
	struct qmac_logistic *logistic = job->logistic;
	const struct qmac_dataset *data = logistic->data;
	int64_t weights = weights_of(data), end = qmac_block_begin(data->samples, block + 1);
	double *gradient = logistic->gradients + block * weights, loss = 0;
	double *room = logistic->rows + block * data->features;

	memset(gradient, 0, (size_t)weights * sizeof gradient[0]);
	for (int64_t i = qmac_block_begin(data->samples, block); i < end; i++) {
		double *a = logistic->logits + i * data->classes, *p = logistic->probabilities + i * data->classes;
		const double *x = qmac_dataset_row(data, i, room);
		int right = (int)data->y[i];

		qmac_logistic_product(data, x, job->w, a);
		loss += qmac_softmax(a, p, data->classes, 1) - a[right];
		add_gradient(data, x, right, p, gradient);
	}
	logistic->losses[block] = loss;
}

void qmac_logistic_evaluate(struct qmac_logistic *logistic, const double *w, double *gradient, double *loss,
                            double *norm)
{
	struct job job = {logistic, w};
	int64_t weights = weights_of(logistic->data);
	double samples = (double)logistic->data->samples, losses = 0, square = 0, size = 0;

	qmac_blocks_run(logistic->threads, sum_block, &job);
	for (int64_t k = 0; k < weights; k++) {
		double sum = 0;

		for (int block = 0; block < QMAC_BLOCKS; block++)
			sum += logistic->gradients[block * weights + k];
		gradient[k] = sum / samples + logistic->lambda * w[k];
		square += gradient[k] * gradient[k];
		size += w[k] * w[k];
	}
	for (int block = 0; block < QMAC_BLOCKS; block++)
		losses += logistic->losses[block];
	*loss = losses / samples + logistic->lambda / 2 * size;
	*norm = sqrt(square);
}

const double *qmac_logistic_logits(const struct qmac_logistic *logistic, int64_t sample)
{
	return logistic->logits + sample * logistic->data->classes;
}

const double *qmac_logistic_probabilities(const struct qmac_logistic *logistic, int64_t sample)
{
	return logistic->probabilities + sample * logistic->data->classes;
}

void qmac_logistic_set_logits(struct qmac_logistic *logistic, int64_t sample, const double *logits)
{
	int classes = logistic->data->classes;

	memcpy(logistic->logits + sample * classes, logits, (size_t)classes * sizeof logits[0]);
	(void)qmac_softmax(logits, logistic->probabilities + sample * classes, classes, 0);
}

void qmac_logistic_test(const struct qmac_logistic *logistic, const double *w, double *loss,
                        double *accuracy)
{
	const struct qmac_dataset *data = logistic->data;
	double a[QMAC_CLASSES_MAX], p[QMAC_CLASSES_MAX], sum = 0;
	int64_t right = 0;

	for (int64_t i = data->samples; i < data->samples + data->test_samples; i++) {
		int best = 0;

		qmac_logistic_product(data, qmac_dataset_row(data, i, logistic->rows), w, a);
		for (int c = 1; c < data->classes; c++)
			best = a[c] > a[best] ? c : best;
		right += best == (int)data->y[i];
		sum += qmac_softmax(a, p, data->classes, 1) - a[(int)data->y[i]];
	}
	*loss = data->test_samples > 0 ? sum / (double)data->test_samples : NAN;
	*accuracy = data->test_samples > 0 ? (double)right / (double)data->test_samples : NAN;
}

uint64_t qmac_logistic_flops(const struct qmac_logistic *logistic)
{
	const struct qmac_dataset *data = logistic->data;
	uint64_t samples = (uint64_t)data->samples, weights = (uint64_t)weights_of(data);

	/* per sample: logits, softmax, residual, update; then the blocks' sums, division, L2 term, norm */
	return samples * (4 * weights + qmac_softmax_flops(data->classes) + (uint64_t)data->classes) +
	       (QMAC_BLOCKS + 5) * weights;
}
