#include "data/dataset.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/libsvm.h"
#include "data/random.h"
#include "data/regression.h"
#include "process/stop.h"

static int64_t rows_of(const struct qmac_dataset *data)
{
	return data->samples + data->test_samples;
}

/* Inputs of a row that memory holds. */
static int64_t width_of(const struct qmac_dataset *data)
{
	return data->features - data->bias;
}

static size_t cell_bytes(enum qmac_cell cell)
{
	return cell == QMAC_CELL_REAL ? sizeof(double) : cell == QMAC_CELL_CODE16 ? sizeof(int16_t) : 1;
}

static enum qmac_status out_of_memory(const struct qmac_dataset *data, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld samples of %lld features",
	                 (long long)rows_of(data), (long long)data->features);
}

/* data has its sizes and nothing else. */
static enum qmac_status allocate(struct qmac_dataset *data, enum qmac_cell cell, bool has_truth,
                                 struct qmac_error *err)
{
	assert(data->samples > 0 && data->features > 0);
	data->cell = cell;
	data->x.any = calloc((size_t)data->samples, (size_t)data->features * cell_bytes(cell));
	data->y = calloc((size_t)data->samples, sizeof data->y[0]);
	data->truth = has_truth ? calloc((size_t)data->features, sizeof data->truth[0]) : NULL;
	if (data->x.any && data->y && (data->truth || !has_truth))
		return QMAC_OK;
	(void)out_of_memory(data, err);
	qmac_dataset_free(data);
	return QMAC_INTERNAL;
}

enum qmac_status qmac_dataset_allocate(struct qmac_dataset *data, int64_t samples, int64_t features,
                                       bool has_truth, struct qmac_error *err)
{
	*data = (struct qmac_dataset){
		.samples = samples, .features = features, .channels = (int)features, .height = 1, .width = 1,
	};
	return allocate(data, QMAC_CELL_REAL, has_truth, err);
}

enum qmac_status qmac_dataset_allocate_images(struct qmac_dataset *data, int64_t samples, int channels,
                                              int height, int width, struct qmac_error *err)
{
	*data = (struct qmac_dataset){
		.samples = samples, .features = (int64_t)channels * height * width,
		.channels = channels, .height = height, .width = width,
	};
	for (int pixel = 0; pixel < 256; pixel++)
		data->pixel_value[pixel] = pixel / 255.0;
	return allocate(data, QMAC_CELL_PIXEL, false, err);
}

void qmac_dataset_free(struct qmac_dataset *data)
{
	free(data->x.any);
	free(data->y);
	free(data->truth);
	free(data->line);
	memset(data, 0, sizeof *data);
}

void qmac_dataset_note(struct qmac_dataset *data, const char *format, ...)
{
	size_t used = strlen(data->note);
	va_list args;

	if (used > 0 && used + 2 < sizeof data->note)
		used += (size_t)sprintf(data->note + used, "; ");
	va_start(args, format);
	(void)vsnprintf(data->note + used, sizeof data->note - used, format, args);
	va_end(args);
}

/* ---- limit and classes ---------------------------------------------------------- */

void qmac_dataset_limit(struct qmac_dataset *data, int64_t limit)
{
	assert(limit > 0 && data->test_samples == 0);
	if (limit < data->samples)
		data->samples = limit;
}

/* The place of value in the sorted list, or where it belongs. */
static int place_of(const double *values, int count, double value)
{
	int at = 0;

	while (at < count && values[at] < value)
		at++;
	return at;
}

/* The target of a row cannot be a class. */
__attribute__((format(printf, 5, 6)))
static enum qmac_status refuse_row(const struct qmac_dataset *data, const struct qmac_run *run, int64_t row,
                                   struct qmac_error *err, const char *format, ...)
{
	bool test = data->line && row >= data->samples;
	char message[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof message, format, args);
	va_end(args);
	return qmac_fail_at(err, QMAC_BAD_INPUT, test ? run->test_file : run->file,
	                    data->line ? data->line[row] : 0, 0, "%s", message);
}

enum qmac_status qmac_dataset_classify(struct qmac_dataset *data, const struct qmac_run *run,
                                       struct qmac_error *err)
{
	int wanted = run->classes, capacity = wanted ? wanted : QMAC_CLASSES_MAX, count = 0;
	double values[QMAC_CLASSES_MAX];

	assert(capacity <= QMAC_CLASSES_MAX && !data->classes);
	if (data->labels && (!wanted || wanted >= data->labels)) {
		data->classes = wanted ? wanted : data->labels;
		return QMAC_OK;
	}
	for (int64_t i = 0; i < rows_of(data); i++) {
		double label = data->y[i];
		int at = place_of(values, count, label);

		if (at < count && values[at] == label)
			continue;
		/* images have the labels that they have, however few of them are taken */
		if (data->line && i >= data->samples)
			return refuse_row(data, run, i, err, "no sample of the training part has the label %g: both files"
			                  " must name the classes alike", label);
		if (count == capacity)
			return refuse_row(data, run, i, err, "the data have more than %d different targets: %s", capacity,
			                  wanted ? "raise classes" : "these are no classes");
		memmove(values + at + 1, values + at, (size_t)(count++ - at) * sizeof values[0]);
		values[at] = label;
	}
	if (count < 2)
		return qmac_fail_at(err, QMAC_BAD_INPUT, run->file, 0, 0,
		                    "all targets are %g: there are no classes to tell apart", values[0]);
	for (int64_t i = 0; i < rows_of(data); i++)
		data->y[i] = place_of(values, count, data->y[i]);
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

static void copy_row(struct qmac_dataset *data, int64_t to, int64_t from)
{
	size_t bytes = (size_t)width_of(data) * cell_bytes(data->cell);
	char *x = data->x.any;

	memcpy(x + (size_t)to * bytes, x + (size_t)from * bytes, bytes);
	data->y[to] = data->y[from];
}

/*
 * Row order[k] goes to place k, for all rows, with `spare`, a place behind them, as the only other memory.
 * A place that has its row becomes its own order.
 */
static void permute(struct qmac_dataset *data, int64_t *order, int64_t spare)
{
	for (int64_t first = 0; first < spare; first++) {
		int64_t at = first;

		if (order[first] == first)
			continue;
		copy_row(data, spare, first);
		while (order[at] != first) {
			int64_t from = order[at];

			copy_row(data, at, from);
			order[at] = at;
			at = from;
		}
		copy_row(data, at, spare);
		order[at] = at;
	}
}

/* Gives the arrays room for so many rows. */
static bool resize(struct qmac_dataset *data, int64_t rows)
{
	void *x = realloc(data->x.any, (size_t)(rows * width_of(data)) * cell_bytes(data->cell));
	double *y;

	if (!x)
		return false;
	data->x.any = x;
	y = realloc(data->y, (size_t)rows * sizeof y[0]);
	if (!y)
		return false;
	data->y = y;
	return true;
}

enum qmac_status qmac_dataset_split(struct qmac_dataset *data, double fraction, uint32_t seed,
                                    struct qmac_error *err)
{
	int64_t rows = data->samples, wanted = (int64_t)floor(fraction * (double)rows);
	int64_t *order;

	assert(fraction >= 0 && fraction < 1 && data->test_samples == 0);
	if (wanted == 0)
		return QMAC_OK;
	order = calloc((size_t)rows, sizeof order[0]);
	if (!order || !resize(data, rows + 1)) {
		free(order);
		return out_of_memory(data, err);
	}
	draw_order(order, rows, wanted, seed);
	permute(data, order, rows);
	free(order);
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
	int64_t rows = rows_of(data), width = width_of(data);

	assert(data->cell == QMAC_CELL_REAL);
	for (int64_t j = 0; j < width && !qmac_stop_is_asked(); j++)
		if (!standardise(data->x.real + j, width, data->samples, rows))
			return qmac_fail(err, QMAC_BAD_INPUT,
			                 "feature %lld has numbers too large to standardise: scale it in the file",
			                 (long long)j + 1);
	if (!data->classes && !standardise(data->y, 1, data->samples, rows))
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "the targets are too large to standardise: scale them in the file");
	return QMAC_OK;
}

/* ---- clip and bias --------------------------------------------------------------- */

void qmac_dataset_clip(struct qmac_dataset *data, double limit)
{
	double *x = data->x.real;

	assert(limit > 0 && data->cell == QMAC_CELL_REAL);
	for (int64_t i = 0; i < rows_of(data) * width_of(data); i++)
		x[i] = fmin(fmax(x[i], -limit), limit);
}

void qmac_dataset_add_bias(struct qmac_dataset *data)
{
	assert(!data->truth && !data->bias && data->dx == 0);
	data->bias = true;
	data->features++;
}

/* ---- quantisation ---------------------------------------------------------------- */

/* max|x| over the training part. */
static double largest_input(const struct qmac_dataset *data)
{
	int64_t count = data->samples * width_of(data);
	double largest = data->bias ? 1 : 0;
	bool seen[256] = {false};

	for (int64_t i = 0; data->cell == QMAC_CELL_REAL && i < count; i++)
		largest = fmax(largest, fabs(data->x.real[i]));
	for (int64_t i = 0; data->cell == QMAC_CELL_PIXEL && i < count; i++)
		seen[data->x.pixel[i]] = true;
	for (int pixel = 0; pixel < 256; pixel++)
		largest = seen[pixel] ? fmax(largest, fabs(data->pixel_value[pixel])) : largest;
	return largest;
}

static int16_t code_of(double x, double dx, double limit)
{
	return (int16_t)fmin(fmax(rint(x / dx), -limit), limit);
}

/* Real numbers become codes in their own memory, from the front: a code has fewer bytes than its number. */
static void pack_codes(struct qmac_dataset *data, double limit)
{
	int64_t count = rows_of(data) * width_of(data);
	enum qmac_cell cell = limit <= INT8_MAX ? QMAC_CELL_CODE8 : QMAC_CELL_CODE16;
	char *memory = data->x.any;
	void *less;

	for (int64_t i = 0; i < count; i++) {
		double x;
		int16_t code;

		memcpy(&x, memory + (size_t)i * sizeof x, sizeof x);
		code = code_of(x, data->dx, limit);
		if (cell == QMAC_CELL_CODE8)
			memory[i] = (char)code;
		else
			memcpy(memory + (size_t)i * sizeof code, &code, sizeof code);
	}
	less = realloc(memory, (size_t)count * cell_bytes(cell));
	data->x.any = less ? less : memory;
	data->cell = cell;
}

void qmac_dataset_quantise(struct qmac_dataset *data, int x_bits)
{
	double limit = (double)((1 << (x_bits - 1)) - 1);

	assert(x_bits >= 2 && x_bits <= 16 && data->dx == 0);
	data->dx = largest_input(data) / limit;
	if (!(data->dx > 0))
		data->dx = 1; /* all zero, or so small that a quantum has no number */
	data->bias_code = code_of(1, data->dx, limit);
	if (data->cell == QMAC_CELL_REAL)
		pack_codes(data, limit);
	for (int pixel = 0; pixel < 256; pixel++) {
		data->pixel_code[pixel] = code_of(data->pixel_value[pixel], data->dx, limit);
		data->pixel_value[pixel] = data->dx * data->pixel_code[pixel];
	}
}

/* ---- rows ---------------------------------------------------------------------- */

const double *qmac_dataset_row(const struct qmac_dataset *data, int64_t row, double *room)
{
	int64_t width = width_of(data), first = row * width;
	double dx = data->dx;

	if (data->cell == QMAC_CELL_REAL && !data->bias)
		return data->x.real + first;
	switch (data->cell) {
	case QMAC_CELL_REAL:
		memcpy(room, data->x.real + first, (size_t)width * sizeof room[0]);
		break;
	case QMAC_CELL_PIXEL:
		for (int64_t j = 0; j < width; j++)
			room[j] = data->pixel_value[data->x.pixel[first + j]];
		break;
	case QMAC_CELL_CODE8:
		for (int64_t j = 0; j < width; j++)
			room[j] = dx * data->x.code8[first + j];
		break;
	case QMAC_CELL_CODE16:
		for (int64_t j = 0; j < width; j++)
			room[j] = dx * data->x.code16[first + j];
		break;
	}
	if (data->bias)
		room[width] = dx > 0 ? dx * data->bias_code : 1;
	return room;
}

void qmac_dataset_codes(const struct qmac_dataset *data, int64_t row, int16_t *codes)
{
	int64_t width = width_of(data), first = row * width;

	assert(data->dx > 0);
	switch (data->cell) {
	case QMAC_CELL_PIXEL:
		for (int64_t j = 0; j < width; j++)
			codes[j] = data->pixel_code[data->x.pixel[first + j]];
		break;
	case QMAC_CELL_CODE8:
		for (int64_t j = 0; j < width; j++)
			codes[j] = data->x.code8[first + j];
		break;
	default:
		memcpy(codes, data->x.code16 + first, (size_t)width * sizeof codes[0]);
	}
	if (data->bias)
		codes[width] = data->bias_code;
}
