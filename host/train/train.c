#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/full_precision.h"
#include "train/logistic_epochs.h"
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
	if (run->lambda != 0 && run->problem == QMAC_PROBLEM_LINEAR_REGRESSION)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "lambda %g is not available yet for linear_regression: set lambda to 0",
		                 run->lambda);
	return QMAC_OK;
}

/* What only the data can tell: their sizes, and how many steps two passes take. */
static enum qmac_status adopt_sizes(struct qmac_run *run, const struct qmac_dataset *data,
                                    struct qmac_error *err)
{
	int64_t steps = 2 * data->samples / run->batch;

	run->samples = data->samples;
	run->features = data->features;
	if (run->inner_steps == 0)
		run->inner_steps = steps > 1 ? steps : 1;
	if (run->inner_steps > INT32_MAX || run->epochs * run->inner_steps > UINT32_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "%lld epochs of %lld inner steps are more than 2^32 - 1 steps, or an epoch more than"
		                 " 2^31 - 1: lower epochs or inner_steps", (long long)run->epochs,
		                 (long long)run->inner_steps);
	return QMAC_OK;
}

static enum qmac_status create_outer(struct qmac_training *training, const struct qmac_run *run,
                                     struct qmac_error *err)
{
	const struct qmac_dataset *data = &training->data;

	training->weights = data->features;
	if (run->problem == QMAC_PROBLEM_LINEAR_REGRESSION)
		return qmac_outer_create(data, run->threads, &training->outer, err);
	training->weights *= data->classes;
	return qmac_logistic_create(data, run->lambda, run->threads, &training->logistic, err);
}

static enum qmac_status allocate(double **vector, int64_t count, struct qmac_error *err)
{
	*vector = calloc((size_t)count, sizeof **vector);
	return *vector ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights",
	                                     (long long)count);
}

static enum qmac_status set_up(struct qmac_training *training, struct qmac_run *run,
                               struct qmac_error *err)
{
	double **vectors[] = {&training->w, &training->gradient, &training->z, &training->h, &training->kept,
	                      &training->move};
	enum qmac_status status;

	training->run = run;
	training->delta = NAN;
	training->samples = qmac_random_stream(run->seed, QMAC_STREAM_SAMPLES);
	training->option = qmac_random_stream(run->seed, QMAC_STREAM_OPTION);
	status = qmac_dataset_load(&training->data, run, err);
	if (status == QMAC_OK)
		status = adopt_sizes(run, &training->data, err);
	if (status == QMAC_OK)
		status = create_outer(training, run, err);
	for (size_t i = 0; status == QMAC_OK && i < sizeof vectors / sizeof vectors[0]; i++)
		status = allocate(vectors[i], training->weights, err);
	if (status == QMAC_OK)
		status = allocate(&training->row, training->data.features, err);
	return status;
}

static void tear_down(struct qmac_training *training)
{
	qmac_outer_destroy(training->outer);
	qmac_logistic_destroy(training->logistic);
	qmac_dataset_free(&training->data);
	free(training->w);
	free(training->gradient);
	free(training->z);
	free(training->h);
	free(training->kept);
	free(training->move);
	free(training->row);
}

/* Evaluates f and its gradient at w and fills the row of this epoch. */
static void measure(struct qmac_training *training, struct qmac_low_precision *low, struct qmac_metrics *row)
{
	if (training->logistic)
		qmac_logistic_evaluate(training->logistic, training->w, training->gradient, &training->loss,
		                       &training->norm);
	else
		qmac_outer_evaluate(training->outer, training->w, training->gradient, &training->loss,
		                    &training->norm);
	*row = (struct qmac_metrics){
		.epoch = training->epoch, .step = training->step, .data_passes = training->data_passes,
		.train_loss = training->loss, .grad_norm = training->norm,
		.test_accuracy = NAN,
		.delta = training->epoch > 0 ? training->delta : NAN, .host_flops = training->host_flops,
	};
	if (training->logistic)
		qmac_logistic_test(training->logistic, training->w, &row->test_loss, &row->test_accuracy);
	else
		row->test_loss = qmac_dataset_test_loss(&training->data, training->w, training->row);
	if (low)
		qmac_low_precision_cost(low, row);
}

static double largest_coefficient(const struct qmac_dataset *data)
{
	double largest = data->truth ? 0 : NAN;

	for (int64_t j = 0; data->truth && j < data->features; j++)
		largest = fmax(largest, fabs(data->truth[j]));
	return largest;
}

static enum qmac_status run_epoch(struct qmac_training *training, struct qmac_low_precision *low,
                                  struct qmac_error *err)
{
	if (low)
		return qmac_low_precision_epoch(low, err);
	if (training->run->algorithm == QMAC_SGD)
		(training->logistic ? qmac_logistic_sgd_epoch : qmac_sgd_epoch)(training);
	else
		(training->logistic ? qmac_logistic_svrg_epoch : qmac_svrg_epoch)(training);
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
	struct qmac_run own = *run; /* with what the data tell */
	struct qmac_training training = {0};
	struct qmac_low_precision *low = NULL;
	enum qmac_status status;

	memset(result, 0, sizeof *result);
	status = check_run(run, err);
	if (status == QMAC_OK)
		status = set_up(&training, &own, err);
	if (status == QMAC_OK && on_device(run))
		status = qmac_low_precision_create(&training, hw, observer, &low, err);
	if (status == QMAC_OK)
		status = run_epochs(&training, low, observer, result, err);
	if (status != QMAC_OK)
		goto out;
	result->coefficient_max = largest_coefficient(&training.data);
	if (low)
		snprintf(result->kernel, sizeof result->kernel, "%s", qmac_low_precision_kernel(low));
	result->weights = training.w;
	result->weight_count = training.weights;
	training.w = NULL;
out:
	qmac_low_precision_destroy(low);
	tear_down(&training);
	return status;
}
