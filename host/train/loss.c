#include "train/loss.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a block works on. */
struct job {
	struct qmac_loss *loss;
	const double *w;
};

enum qmac_status qmac_loss_create(const struct qmac_loss_operations *operations,
                                  const struct qmac_dataset *data, double lambda, int threads,
                                  struct qmac_loss **loss, struct qmac_error *err)
{
	struct qmac_loss *made = calloc(1, sizeof *made);
	int outputs = operations->outputs(data);
	size_t row = (size_t)data->features;

	assert(outputs >= 1 && threads >= 1 && (lambda == 0 || operations->regularised));
	*loss = made;
	if (made) {
		made->gradients = calloc(row * (size_t)outputs, QMAC_BLOCKS * sizeof(double));
		made->rows = calloc(row, QMAC_BLOCKS * sizeof(double));
	}
	if (!made || !made->gradients || !made->rows) {
		qmac_loss_destroy(made);
		*loss = NULL;
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for gradients of %lld features and %d outputs",
		                 (long long)data->features, outputs);
	}
	made->operations = operations;
	made->data = data;
	made->layer = (struct qmac_layer){"linear", data->features, outputs};
	made->lambda = lambda;
	made->threads = threads;
	return QMAC_OK;
}

void qmac_loss_destroy(struct qmac_loss *loss)
{
	if (!loss)
		return;
	free(loss->logits);
	free(loss->gradients);
	free(loss->rows);
	free(loss);
}

enum qmac_status qmac_loss_keep_centre(struct qmac_loss *loss, struct qmac_error *err)
{
	size_t samples = (size_t)loss->data->samples, outputs = (size_t)loss->layer.outputs;

	assert(!loss->logits);
	if (loss->operations->linear)
		return QMAC_OK;
	loss->logits = calloc(samples, outputs * sizeof loss->logits[0]);
	return loss->logits ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory for the %d logits of %lld"
	                                          " samples", loss->layer.outputs, (long long)samples);
}

/* The kept logits of a sample. */
static double *centre_of(const struct qmac_loss *loss, int64_t sample)
{
	assert(loss->logits);
	return loss->logits + sample * loss->layer.outputs;
}

/* q becomes q - t. */
static void subtract_target(const struct qmac_loss *loss, int64_t sample, double *q)
{
	for (int c = 0; c < loss->layer.outputs; c++)
		q[c] -= loss->operations->target(loss->data->y[sample], c);
}

/* q becomes q - q(a), a the centre's. */
static void subtract_centre(const struct qmac_loss *loss, const double *a, double *q)
{
	double centre[QMAC_CLASSES_MAX];

	loss->operations->predict(a, loss->layer.outputs, centre);
	for (int c = 0; c < loss->layer.outputs; c++)
		q[c] -= centre[c];
}

static void sum_block(void *context, int block)
{
	const struct job *job = context;
	struct qmac_loss *loss = job->loss;
	const struct qmac_dataset *data = loss->data;
	const struct qmac_layer *layer = &loss->layer;
	int64_t weights = qmac_layer_weights(layer);
	int64_t end = qmac_block_begin(data->samples, block + 1, QMAC_BLOCKS);
	double *gradient = loss->gradients + block * weights, *room = loss->rows + block * layer->inputs;
	double logits[QMAC_CLASSES_MAX], r[QMAC_CLASSES_MAX], sum = 0;

	memset(gradient, 0, (size_t)weights * sizeof gradient[0]);
	for (int64_t i = qmac_block_begin(data->samples, block, QMAC_BLOCKS); i < end; i++) {
		const double *x = qmac_dataset_row(data, i, room);
		double *a = loss->logits ? centre_of(loss, i) : logits;

		qmac_layer_forward(layer, x, job->w, a);
		sum += loss->operations->value(a, data->y[i], layer->outputs, r);
		subtract_target(loss, i, r);
		qmac_layer_add_gradient(layer, x, r, gradient);
	}
	loss->losses[block] = sum;
}

bool qmac_loss_evaluate(struct qmac_loss *loss, const double *w, double *gradient, double *value,
                        double *norm)
{
	struct job job = {loss, w};
	int64_t weights = qmac_layer_weights(&loss->layer);
	double samples = (double)loss->data->samples, losses = 0, square = 0, size = 0;

	if (!qmac_blocks_run(loss->threads, QMAC_BLOCKS, sum_block, &job))
		return false;
	for (int64_t k = 0; k < weights; k++) {
		double sum = 0;

		for (int block = 0; block < QMAC_BLOCKS; block++)
			sum += loss->gradients[block * weights + k];
		gradient[k] = sum / samples;
		if (loss->lambda != 0)
			gradient[k] += loss->lambda * w[k];
		square += gradient[k] * gradient[k];
		size += w[k] * w[k];
	}
	for (int block = 0; block < QMAC_BLOCKS; block++)
		losses += loss->losses[block];
	*value = losses / samples;
	if (loss->lambda != 0)
		*value += loss->lambda / 2 * size;
	*norm = sqrt(square);
	return true;
}

void qmac_loss_take(struct qmac_loss *loss, int64_t sample, const double *a, double *r)
{
	if (loss->logits)
		memcpy(centre_of(loss, sample), a, (size_t)loss->layer.outputs * sizeof a[0]);
	qmac_loss_residual(loss, sample, a, r);
}

void qmac_loss_residual(const struct qmac_loss *loss, int64_t sample, const double *a, double *r)
{
	loss->operations->predict(a, loss->layer.outputs, r);
	subtract_target(loss, sample, r);
}

void qmac_loss_against(const struct qmac_loss *loss, int64_t sample, const double *a, double *r)
{
	loss->operations->predict(a, loss->layer.outputs, r);
	subtract_centre(loss, centre_of(loss, sample), r);
}

void qmac_loss_centred(const struct qmac_loss *loss, int64_t sample, const double *d, double *r)
{
	const double *a;

	if (loss->operations->linear) {
		memmove(r, d, (size_t)loss->layer.outputs * sizeof r[0]);
		return;
	}
	a = centre_of(loss, sample);
	for (int c = 0; c < loss->layer.outputs; c++)
		r[c] = d[c] + a[c];
	loss->operations->predict(r, loss->layer.outputs, r);
	subtract_centre(loss, a, r);
}

struct qmac_test_figures qmac_loss_test(const struct qmac_loss *loss, const double *w)
{
	const struct qmac_dataset *data = loss->data;
	const struct qmac_loss_operations *operations = loss->operations;
	double a[QMAC_CLASSES_MAX], q[QMAC_CLASSES_MAX], sum = 0, samples = (double)data->test_samples;
	int64_t hits = 0;

	if (data->test_samples == 0)
		return (struct qmac_test_figures){NAN, NAN};
	for (int64_t i = data->samples; i < data->samples + data->test_samples; i++) {
		qmac_layer_forward(&loss->layer, qmac_dataset_row(data, i, loss->rows), w, a);
		sum += operations->value(a, data->y[i], loss->layer.outputs, q);
		hits += operations->hit && operations->hit(a, data->y[i], loss->layer.outputs);
	}
	return (struct qmac_test_figures){sum / samples, operations->hit ? (double)hits / samples : NAN};
}

uint64_t qmac_loss_flops(const struct qmac_loss *loss)
{
	uint64_t samples = (uint64_t)loss->data->samples, weights = (uint64_t)qmac_layer_weights(&loss->layer);

	/* per sample: logits, residual, update; then the blocks' sums, division, L2 term, norm */
	return samples * (4 * weights + loss->operations->sample_flops(loss->layer.outputs)) +
	       ((uint64_t)QMAC_BLOCKS + (loss->operations->regularised ? 5 : 3)) * weights;
}
