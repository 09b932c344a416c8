#include "data/dataset.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/idx.h"
#include "data/libsvm.h"
#include "data/random.h"
#include "data/regression.h"

static int64_t rows_of(const struct qmac_dataset *data)
{
	return data->samples + data->test_samples;
}

static enum qmac_status out_of_memory(const struct qmac_dataset *data, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld samples of %lld features",
	                 (long long)rows_of(data), (long long)data->features);
}

enum qmac_status qmac_dataset_allocate(struct qmac_dataset *data, int64_t samples, int64_t features,
                                       bool has_truth, struct qmac_error *err)
{
	assert(samples > 0 && features > 0);
	memset(data, 0, sizeof *data);
	data->samples = samples;
	data->features = features;
	data->x = calloc((size_t)samples, (size_t)features * sizeof data->x[0]);
	data->y = calloc((size_t)samples, sizeof data->y[0]);
	data->truth = has_truth ? calloc((size_t)features, sizeof data->truth[0]) : NULL;
	if (data->x && data->y && (data->truth || !has_truth))
		return QMAC_OK;
	(void)out_of_memory(data, err);
	qmac_dataset_free(data);
	return QMAC_INTERNAL;
}

void qmac_dataset_free(struct qmac_dataset *data)
{
	free(data->codes);
	free(data->x);
	free(data->y);
	free(data->truth);
	memset(data, 0, sizeof *data);
}

/* ---- limit and classes ---------------------------------------------------------- */

void qmac_dataset_limit(struct qmac_dataset *data, int64_t limit)
{
	assert(limit > 0 && data->test_samples == 0);
	if (limit < data->samples)
		data->samples = limit;
}

/* Puts value into the sorted list unless it is there; false where the list is full. */
static bool insert(double *values, int *count, int capacity, double value)
{
	int at = 0;

	while (at < *count && values[at] < value)
		at++;
	if (at < *count && values[at] == value)
		return true;
	if (*count == capacity)
		return false;
	memmove(values + at + 1, values + at, (size_t)(*count - at) * sizeof values[0]);
	values[at] = value;
	++*count;
	return true;
}

enum qmac_status qmac_dataset_classify(struct qmac_dataset *data, int wanted, struct qmac_error *err)
{
	double values[QMAC_CLASSES_MAX];
	int capacity = wanted ? wanted : QMAC_CLASSES_MAX, count = 0;

	assert(capacity <= QMAC_CLASSES_MAX && !data->classes);
	for (int64_t i = 0; i < rows_of(data); i++)
		if (!insert(values, &count, capacity, data->y[i]))
			return qmac_fail(err, QMAC_BAD_INPUT,
			                 "the data have more than %d different targets: %s", capacity,
			                 wanted ? "raise classes" : "these are no classes");
	if (count < 2)
		return qmac_fail(err, QMAC_BAD_INPUT, "all targets are %g: there are no classes to tell apart",
		                 values[0]);
	for (int64_t i = 0; i < rows_of(data); i++) {
		int class = 0;

		while (values[class] < data->y[i])
			class++;
		data->y[i] = class;
	}
	data->classes = wanted ? wanted : count;
	return QMAC_OK;
}

/* ---- split -------------------------------------------------------------------- */

/* order[k] becomes the row that goes to place k: the training part, then `wanted` rows of the test part. */
static void draw_order(int64_t *order, int64_t rows, int64_t wanted, uint32_t seed)
{
	struct qmac_random random = qmac_random_stream(seed, QMAC_STREAM_SPLIT);
	int64_t taken = 0;

	for (int64_t i = 0; i < rows; i++) {
		if (qmac_random_below(&random, (uint64_t)(rows - i)) < (uint64_t)(wanted - taken))
			order[rows - wanted + taken++] = i;
		else
			order[i - taken] = i;
	}
}

/* The rows of `bytes` bytes in a new array in that order; the old one is freed. NULL: no memory, it stays. */
static void *reorder(void *array, const int64_t *order, int64_t rows, size_t bytes)
{
	char *sorted = calloc((size_t)rows, bytes);

	if (!sorted)
		return NULL;
	for (int64_t k = 0; k < rows; k++)
		memcpy(sorted + (size_t)k * bytes, (const char *)array + (size_t)order[k] * bytes, bytes);
	free(array);
	return sorted;
}

enum qmac_status qmac_dataset_split(struct qmac_dataset *data, double fraction, uint32_t seed,
                                    struct qmac_error *err)
{
	int64_t rows = data->samples, wanted = (int64_t)floor(fraction * (double)rows);
	size_t features = (size_t)data->features;
	int64_t *order;
	void *x = NULL, *y = NULL, *codes = NULL;

	assert(fraction >= 0 && fraction < 1 && data->test_samples == 0);
	if (wanted == 0)
		return QMAC_OK;
	order = calloc((size_t)rows, sizeof order[0]);
	if (!order)
		return out_of_memory(data, err);
	draw_order(order, rows, wanted, seed);
	x = reorder(data->x, order, rows, features * sizeof data->x[0]);
	data->x = x ? x : data->x;
	y = reorder(data->y, order, rows, sizeof data->y[0]);
	data->y = y ? y : data->y;
	if (data->codes)
		codes = reorder(data->codes, order, rows, features * sizeof data->codes[0]);
	free(order);
	if (!x || !y || (data->codes && !codes))
		return out_of_memory(data, err);
	data->codes = codes;
	data->samples = rows - wanted;
	data->test_samples = wanted;
	return QMAC_OK;
}

/* ---- standardisation ------------------------------------------------------------ */

/* Every stride-th value from v on: `samples` of them say how all `rows` are changed. False: too large. */
static bool standardise(double *v, int64_t stride, int64_t samples, int64_t rows)
{
	double low = v[0], high = v[0], mean = 0, square = 0, deviation;

	for (int64_t i = 0; i < samples; i++) {
		low = fmin(low, v[i * stride]);
		high = fmax(high, v[i * stride]);
		mean += v[i * stride];
	}
	mean /= (double)samples;
	for (int64_t i = 0; i < samples; i++)
		square += (v[i * stride] - mean) * (v[i * stride] - mean);
	deviation = sqrt(square / (double)samples);
	if (!isfinite(deviation))
		return false;
	/* the squares of tiny differences may vanish: then there is no scale to give them either */
	for (int64_t i = 0; i < rows; i++)
		v[i * stride] = low < high && deviation > 0 ? (v[i * stride] - mean) / deviation : 0;
	return true;
}

enum qmac_status qmac_dataset_standardise(struct qmac_dataset *data, struct qmac_error *err)
{
	int64_t rows = rows_of(data);

	for (int64_t j = 0; j < data->features; j++)
		if (!standardise(data->x + j, data->features, data->samples, rows))
			return qmac_fail(err, QMAC_BAD_INPUT,
			                 "feature %lld has numbers too large to standardise: scale it in the file",
			                 (long long)j + 1);
	if (!data->classes && !standardise(data->y, 1, data->samples, rows))
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "the targets are too large to standardise: scale them in the file");
	return QMAC_OK;
}

/* ---- other steps ---------------------------------------------------------------- */

void qmac_dataset_clip(struct qmac_dataset *data, double limit)
{
	assert(limit > 0);
	for (int64_t i = 0; i < rows_of(data) * data->features; i++)
		data->x[i] = fmin(fmax(data->x[i], -limit), limit);
}

enum qmac_status qmac_dataset_add_bias(struct qmac_dataset *data, struct qmac_error *err)
{
	int64_t rows = rows_of(data), features = data->features;
	double *x = calloc((size_t)rows, (size_t)(features + 1) * sizeof x[0]);

	assert(!data->truth && !data->codes);
	if (!x)
		return out_of_memory(data, err);
	for (int64_t i = 0; i < rows; i++) {
		memcpy(x + i * (features + 1), data->x + i * features, (size_t)features * sizeof x[0]);
		x[i * (features + 1) + features] = 1;
	}
	free(data->x);
	data->x = x;
	data->features++;
	return QMAC_OK;
}

enum qmac_status qmac_dataset_quantise(struct qmac_dataset *data, int x_bits, struct qmac_error *err)
{
	int64_t known = data->samples * data->features, count = rows_of(data) * data->features;
	double largest = 0, limit = (double)((1 << (x_bits - 1)) - 1);

	assert(x_bits >= 2 && x_bits <= 16 && !data->codes);
	data->codes = calloc((size_t)count, sizeof data->codes[0]);
	if (!data->codes)
		return out_of_memory(data, err);
	for (int64_t i = 0; i < known; i++)
		largest = fmax(largest, fabs(data->x[i]));
	data->dx = largest / limit;
	if (!(data->dx > 0))
		data->dx = 1; /* all zero, or so small that a quantum has no number */
	for (int64_t i = 0; i < count; i++) {
		double code = fmin(fmax(rint(data->x[i] / data->dx), -limit), limit);

		data->codes[i] = (int16_t)code;
		data->x[i] = data->dx * code;
	}
	return QMAC_OK;
}

/* ---- rows ---------------------------------------------------------------------- */

const double *qmac_dataset_row(const struct qmac_dataset *data, int64_t row, double *room)
{
	(void)room;
	return data->x + row * data->features;
}

void qmac_dataset_codes(const struct qmac_dataset *data, int64_t row, int16_t *codes)
{
	assert(data->codes);
	memcpy(codes, data->codes + row * data->features, (size_t)data->features * sizeof codes[0]);
}

double qmac_dataset_test_loss(const struct qmac_dataset *data, const double *w, double *room)
{
	double sum = 0;

	for (int64_t i = data->samples; i < rows_of(data); i++) {
		const double *x = qmac_dataset_row(data, i, room);
		double r = 0;

		for (int64_t j = 0; j < data->features; j++)
			r += x[j] * w[j];
		r -= data->y[i];
		sum += r * r;
	}
	return data->test_samples > 0 ? sum / (2 * (double)data->test_samples) : NAN;
}

/* ---- the whole ------------------------------------------------------------------ */

static enum qmac_status read_file(struct qmac_dataset *data, const struct qmac_run *run,
                                  struct qmac_error *err)
{
	enum qmac_status status;

	if (qmac_data_is_images(run->data))
		return qmac_dataset_read_idx(data, run->file, run->limit, err);
	if (run->data == QMAC_DATA_CSV)
		status = qmac_dataset_read_csv(data, run->file, run->target, err);
	else
		status = qmac_dataset_read_libsvm(data, run->file, err);
	if (!status && run->limit > 0)
		qmac_dataset_limit(data, run->limit);
	return status;
}

/* The steps that only a file of real numbers takes. */
static enum qmac_status prepare_table(struct qmac_dataset *data, const struct qmac_run *run,
                                      struct qmac_error *err)
{
	enum qmac_status status = qmac_dataset_split(data, run->test_fraction, run->seed, err);

	if (!status && run->standardise)
		status = qmac_dataset_standardise(data, err);
	if (!status && run->clip > 0)
		qmac_dataset_clip(data, run->clip);
	return status;
}

enum qmac_status qmac_dataset_load(struct qmac_dataset *data, const struct qmac_run *run,
                                   struct qmac_error *err)
{
	enum qmac_status status;

	if (qmac_data_is_generated(run->data)) {
		status = qmac_regression_make(data, run, err);
		if (status || run->data == QMAC_DATA_QUADRATIC)
			return status;
		return qmac_dataset_split(data, run->test_fraction, run->seed, err);
	}
	status = read_file(data, run, err);
	if (!status && run->problem == QMAC_PROBLEM_LOGISTIC_REGRESSION)
		status = qmac_dataset_classify(data, run->classes, err);
	if (!status && !qmac_data_is_images(run->data))
		status = prepare_table(data, run, err);
	if (!status && run->bias)
		status = qmac_dataset_add_bias(data, err);
	if (!status)
		status = qmac_dataset_quantise(data, run->x_bits, err);
	return status;
}
