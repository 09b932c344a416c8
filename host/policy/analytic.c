#include "policy/analytic.h"

#include <string.h>

#include "num/elementary.h"

enum { FLOAT_BITS = 32, MUPPET_EPOCHS = 150 };

static double volume(const struct qmac_analytic_image *image)
{
	return (double)image->height * (double)image->width * (double)image->channels;
}

static double area(const struct qmac_analytic_image *image)
{
	return (double)image->height * (double)image->width;
}

/* An activation's share: of conv and pool on the outgoing image with the incoming channels, as published. */
static double activation_operations(const struct qmac_analytic_layer *layer)
{
	static const double operations[] = {[QMAC_ANALYTIC_RELU] = 1, [QMAC_ANALYTIC_TANH] = 4};
	double each = operations[layer->activation];

	switch (layer->kind) {
	case QMAC_ANALYTIC_LINEAR:
		return each * (double)layer->inputs * (double)layer->outputs * (double)layer->in.channels;
	case QMAC_ANALYTIC_BATCH_NORM:
		return each * volume(&layer->in);
	default:
		return each * area(&layer->out) * (double)layer->in.channels;
	}
}

static double published_operations(const struct qmac_analytic_layer *layer)
{
	double in = (double)layer->inputs, out = (double)layer->outputs, own = 0;

	switch (layer->kind) {
	case QMAC_ANALYTIC_CONV:
		own = 2 * volume(&layer->in) * (in * (double)layer->kernel_height + 1) * out;
		break;
	case QMAC_ANALYTIC_LINEAR:
		own = 2 * in * out - in;
		break;
	case QMAC_ANALYTIC_BATCH_NORM:
		own = 4 * volume(&layer->in);
		break;
	case QMAC_ANALYTIC_POOL:
		own = area(&layer->out) * (double)layer->in.channels;
		break;
	}
	return own + activation_operations(layer);
}

static double clean_operations(const struct qmac_analytic_layer *layer)
{
	double products = 2 * (double)layer->inputs * (double)layer->outputs;

	switch (layer->kind) {
	case QMAC_ANALYTIC_CONV:
		return products * area(&layer->out) * (double)layer->kernel_height * (double)layer->kernel_width;
	case QMAC_ANALYTIC_LINEAR:
		return products;
	case QMAC_ANALYTIC_BATCH_NORM:
		return 4 * volume(&layer->in);
	default:
		return 0;
	}
}

double qmac_analytic_operations(enum qmac_analytic_variant variant, const struct qmac_analytic_layer *layer)
{
	return variant == QMAC_ANALYTIC_PUBLISHED ? published_operations(layer) : clean_operations(layer);
}

/* Numbers that pushing down and up are taken to go over. */
static double tensor_size(enum qmac_analytic_variant variant, const struct qmac_analytic_layer *layer)
{
	if (variant == QMAC_ANALYTIC_CLEAN)
		return (double)layer->weights;
	if (layer->kind == QMAC_ANALYTIC_CONV)
		return (double)layer->kernel_height * (double)layer->kernel_width * (double)layer->outputs;
	return volume(&layer->in);
}

/* Bits times operations of a record's share of pushing down and up. */
static double overhead_of(const struct qmac_analytic_settings *settings, double size, double nonzero,
                          const struct qmac_analytic_record *record)
{
	double tried = record->bw > 8 ? 2 * qmac_log(record->bw - 8) / qmac_log(2) : 1;
	double down = 3 * size * tried * record->resolution * nonzero;
	double up = (record->lookback + 1) * size + 1;

	return FLOAT_BITS * (down + up) * settings->interval / (record->lookback * settings->accumulation);
}

void qmac_analytic_init(struct qmac_analytic *analytic, const struct qmac_analytic_settings *settings,
                        const struct qmac_analytic_layer *layers, int layer_count)
{
	memset(analytic, 0, sizeof *analytic);
	analytic->settings = *settings;
	analytic->layers = layers;
	analytic->layer_count = layer_count;
}

/* As published every layer weighs the same, whatever its size, and has the mean share of weights not 0. */
static void add_size(struct qmac_analytic *analytic, const struct qmac_analytic_record *records)
{
	bool published = analytic->settings.variant == QMAC_ANALYTIC_PUBLISHED;
	struct qmac_analytic_sums *sums = &analytic->sums;
	double bits = 0, nonzero = 0;

	sums->last_size = sums->last_float_size = 0;
	for (int i = 0; i < analytic->layer_count; i++) {
		double weights = published ? 1 : (double)analytic->layers[i].weights;

		bits += records[i].bw;
		nonzero += 1 - records[i].sparsity;
		sums->last_size += records[i].bw * (1 - records[i].sparsity) * weights;
		sums->last_float_size += FLOAT_BITS * weights;
	}
	if (published)
		sums->last_size = bits * (nonzero / analytic->layer_count);
	sums->size += sums->last_size;
	sums->float_size += sums->last_float_size;
}

void qmac_analytic_step(struct qmac_analytic *analytic, const struct qmac_analytic_record *records)
{
	const struct qmac_analytic_settings *settings = &analytic->settings;
	struct qmac_analytic_sums *sums = &analytic->sums;

	sums->last_cost = sums->last_float_cost = 0;
	for (int i = 0; i < analytic->layer_count; i++) {
		const struct qmac_analytic_layer *layer = &analytic->layers[i];
		double operations = qmac_analytic_operations(settings->variant, layer) * settings->samples;
		double nonzero = 1 - records[i].sparsity, overhead = 0;

		if (settings->overhead)
			overhead = overhead_of(settings, tensor_size(settings->variant, layer), nonzero, &records[i]);
		sums->overhead += overhead;
		/* As published, zero weights save a share of the overhead, too. */
		sums->cost += nonzero * operations * records[i].bw;
		sums->cost += (settings->variant == QMAC_ANALYTIC_PUBLISHED ? nonzero : 1) * overhead;
		sums->float_cost += FLOAT_BITS * operations;
		sums->last_cost += nonzero * operations * records[i].bw;
		sums->last_float_cost += FLOAT_BITS * operations;
	}
	add_size(analytic, records);
}

double qmac_analytic_reached(const double *accuracy, int64_t count, double target)
{
	for (int64_t i = 0; i < count; i++)
		if (accuracy[i] >= target)
			return (double)i / (double)count;
	return 1;
}

struct qmac_analytic_result qmac_analytic_result(const struct qmac_analytic *analytic, double reached,
                                                 double epochs, double batch_ratio)
{
	const struct qmac_analytic_sums *sums = &analytic->sums;
	double cost = sums->cost, float_cost = sums->float_cost;
	double muppet = float_cost * batch_ratio / analytic->settings.accumulation;
	struct qmac_analytic_result result = {
		.speedup = 2 * float_cost / (cost + float_cost),
		.muppet_speedup = MUPPET_EPOCHS / epochs * 2 * float_cost / (cost + muppet),
		.memory = 1 + 2 * sums->size / sums->float_size,
		.model_size = sums->last_size / sums->last_float_size,
		.mean_size = sums->size / sums->float_size,
		.inference_speedup = sums->last_float_cost / sums->last_cost,
		.overhead = sums->overhead / cost,
	};

	result.iso_speedup = result.speedup / reached;
	return result;
}
