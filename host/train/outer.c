#include "train/outer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/blocks.h"

enum { BLOCKS = QMAC_BLOCKS };

struct qmac_outer {
	const struct qmac_dataset *data;
	int threads;
	double *gradients; /* BLOCKS x features: sum of r_i x_i over each block */
	double *rows;      /* BLOCKS x features: the row at which each block is */
	double losses[BLOCKS]; /* sum of r_i^2 */
};

/* What a block works on. */
struct job {
	struct qmac_outer *outer;
	const double *w;
};

enum qmac_status qmac_outer_create(const struct qmac_dataset *data, int threads, struct qmac_outer **outer,
                                   struct qmac_error *err)
{
	struct qmac_outer *made = calloc(1, sizeof *made);

	assert(threads >= 1);
	*outer = made;
	if (made) {
		made->gradients = calloc((size_t)data->features, BLOCKS * sizeof(double));
		made->rows = calloc((size_t)data->features, BLOCKS * sizeof(double));
	}
	if (!made || !made->gradients || !made->rows) {
		qmac_outer_destroy(made);
		*outer = NULL;
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for gradients of %lld features",
		                 (long long)data->features);
	}
	made->data = data;
	made->threads = threads;
	return QMAC_OK;
}

void qmac_outer_destroy(struct qmac_outer *outer)
{
	if (!outer)
		return;
	free(outer->gradients);
	free(outer->rows);
	free(outer);
}

static void sum_block(void *context, int block)
{
	const struct job *job = context;
	struct qmac_outer *outer = job->outer;
	const double *w = job->w;
	const struct qmac_dataset *data = outer->data;
	int64_t features = data->features, end = qmac_block_begin(data->samples, block + 1);
	double *gradient = outer->gradients + block * features, *room = outer->rows + block * features;
	double loss = 0;

	memset(gradient, 0, (size_t)features * sizeof gradient[0]);
	for (int64_t i = qmac_block_begin(data->samples, block); i < end; i++) {
		const double *x = qmac_dataset_row(data, i, room);
		double r = 0;

		for (int64_t j = 0; j < features; j++)
			r += x[j] * w[j];
		r -= data->y[i];
		loss += r * r;
		for (int64_t j = 0; j < features; j++)
			gradient[j] += r * x[j];
	}
	outer->losses[block] = loss;
}

void qmac_outer_evaluate(struct qmac_outer *outer, const double *w, double *gradient, double *loss,
                         double *norm)
{
	struct job job = {outer, w};
	int64_t features = outer->data->features;
	double samples = (double)outer->data->samples, losses = 0, square = 0;

	qmac_blocks_run(outer->threads, sum_block, &job);
	for (int64_t j = 0; j < features; j++) {
		double sum = 0;

		for (int block = 0; block < BLOCKS; block++)
			sum += outer->gradients[block * features + j];
		gradient[j] = sum / samples;
		square += gradient[j] * gradient[j];
	}
	for (int block = 0; block < BLOCKS; block++)
		losses += outer->losses[block];
	*loss = losses / (2 * samples);
	*norm = sqrt(square);
}

uint64_t qmac_outer_flops(const struct qmac_outer *outer)
{
	uint64_t samples = (uint64_t)outer->data->samples, features = (uint64_t)outer->data->features;

	/* per sample: dot product, residual, update; then the blocks' sums, the division, the norm */
	return samples * (4 * features + 1) + (BLOCKS + 3) * features;
}
