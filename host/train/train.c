#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/full_precision.h"
#include "train/low_precision.h"
#include "train/training.h"

/* A gradient norm above so many times that of row 0 is called a divergence. */
static const double divergence_factor = 10;

static bool on_device(const struct qmac_run *run)
{
	return run->algorithm != QMAC_SGD && run->algorithm != QMAC_SVRG;
}

static enum qmac_status check_run(const struct qmac_run *run, struct qmac_error *err)
{
	if (run->batch != 1)
		return qmac_fail(err, QMAC_BAD_INPUT, "batch %lld is not available yet: set batch to 1",
		                 (long long)run->batch);
	if (run->lambda != 0)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "lambda %g is not available yet for linear_regression: set lambda to 0",
		                 run->lambda);
	return QMAC_OK;
}

static enum qmac_status set_up(struct qmac_training *training, const struct qmac_run *run,
                               struct qmac_error *err)
{
	double **vectors[] = {&training->w, &training->gradient, &training->z, &training->h, &training->kept};
	enum qmac_status status;

	training->run = run;
	training->delta = NAN;
	training->samples = qmac_random_stream(run->seed, QMAC_STREAM_SAMPLES);
	training->option = qmac_random_stream(run->seed, QMAC_STREAM_OPTION);
	status = qmac_regression_generate(&training->data, run->samples, run->features, run->informative,
	                                  run->noise, run->x_bits, run->seed, err);
	if (status == QMAC_OK)
		status = qmac_outer_create(&training->data, run->threads, &training->outer, err);
	for (size_t i = 0; status == QMAC_OK && i < sizeof vectors / sizeof vectors[0]; i++) {
		*vectors[i] = calloc((size_t)run->features, sizeof(double));
		if (!*vectors[i])
			status = qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights",
			                   (long long)run->features);
	}
	return status;
}

static void tear_down(struct qmac_training *training)
{
	qmac_outer_destroy(training->outer);
	qmac_regression_free(&training->data);
	free(training->w);
	free(training->gradient);
	free(training->z);
	free(training->h);
	free(training->kept);
}

/* Evaluates f and its gradient at w and fills the row of this epoch. */
static void measure(struct qmac_training *training, struct qmac_low_precision *low, struct qmac_metrics *row)
{
	qmac_outer_evaluate(training->outer, training->w, training->gradient, &training->loss, &training->norm);
	*row = (struct qmac_metrics){
		.epoch = training->epoch, .step = training->step, .data_passes = training->data_passes,
		.train_loss = training->loss, .grad_norm = training->norm, .test_loss = NAN, .test_accuracy = NAN,
		.delta = training->epoch > 0 ? training->delta : NAN, .host_flops = training->host_flops,
	};
	if (low)
		qmac_low_precision_cost(low, row);
}

static enum qmac_status run_epoch(struct qmac_training *training, struct qmac_low_precision *low,
                                  struct qmac_error *err)
{
	if (low)
		return qmac_low_precision_epoch(low, err);
	if (training->run->algorithm == QMAC_SGD)
		qmac_sgd_epoch(training);
	else
		qmac_svrg_epoch(training);
	return QMAC_OK;
}

static enum qmac_status run_epochs(struct qmac_training *training, struct qmac_low_precision *low,
                                   const struct qmac_train_observer *observer,
                                   struct qmac_train_result *result, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	double first_norm = 0;

	while (status == QMAC_OK) {
		bool stop = false;

		measure(training, low, &result->last);
		if (training->epoch == 0)
			first_norm = training->norm;
		result->diverged = !isfinite(training->norm) || training->norm > divergence_factor * first_norm;
		if (observer && observer->on_metrics)
			stop = observer->on_metrics(observer->context, &result->last) != 0;
		if (stop || !isfinite(training->norm) || training->epoch == training->run->epochs)
			break;
		training->epoch++;
		status = run_epoch(training, low, err);
	}
	return status;
}

enum qmac_status qmac_train(const struct qmac_run *run, const struct qmac_hw *hw,
                            const struct qmac_train_observer *observer, struct qmac_train_result *result,
                            struct qmac_error *err)
{
	struct qmac_training training = {0};
	struct qmac_low_precision *low = NULL;
	enum qmac_status status;

	memset(result, 0, sizeof *result);
	status = check_run(run, err);
	if (status == QMAC_OK)
		status = set_up(&training, run, err);
	if (status == QMAC_OK && on_device(run))
		status = qmac_low_precision_create(&training, hw, observer, &low, err);
	if (status == QMAC_OK)
		status = run_epochs(&training, low, observer, result, err);
	if (status != QMAC_OK)
		goto out;
	for (int64_t j = 0; j < run->features; j++)
		result->coefficient_max = fmax(result->coefficient_max, fabs(training.data.truth[j]));
	if (low)
		snprintf(result->kernel, sizeof result->kernel, "%s", qmac_low_precision_kernel(low));
	result->weights = training.w;
	result->weight_count = run->features;
	training.w = NULL;
out:
	qmac_low_precision_destroy(low);
	tear_down(&training);
	return status;
}
