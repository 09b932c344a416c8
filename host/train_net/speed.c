#include "train_net/speed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train_net/reference.h"

enum { MUPPET_BATCH = 128, PUBLISHED_INTERVAL = 10, FLOAT_BITS = 32 };

/* ---- the layers of the model ------------------------------------------------------------------ */

static struct qmac_analytic_image image_of(struct qmac_shape shape)
{
	return (struct qmac_analytic_image){shape.height, shape.width, shape.channels};
}

/* What a linear layer looks at as an image: the output of the last layer before it that has any. */
static struct qmac_shape last_image(const struct qmac_net *net, int layer)
{
	while (layer >= 0) {
		enum qmac_layer_kind kind = net->layers[layer].kind;

		if (kind == QMAC_LAYER_CONV || kind == QMAC_LAYER_BATCH_NORM || kind == QMAC_LAYER_AVG_POOL ||
		    kind == QMAC_LAYER_MAX_POOL || kind == QMAC_LAYER_GLOBAL_POOL || kind == QMAC_LAYER_ADD)
			break;
		layer = net->layers[layer].input;
	}
	return qmac_net_shape(net, layer);
}

static enum qmac_analytic_activation activation_of(const struct qmac_net *net, int layer)
{
	for (int r = layer + 1; r < net->layer_count; r++) {
		enum qmac_layer_kind kind = net->layers[r].kind;

		if (net->layers[r].input != layer)
			continue;
		if (kind == QMAC_LAYER_RELU)
			return QMAC_ANALYTIC_RELU;
		if (kind == QMAC_LAYER_TANH || kind == QMAC_LAYER_SIGMOID)
			return QMAC_ANALYTIC_TANH;
	}
	return QMAC_ANALYTIC_NONE;
}

static bool has_weights(const struct qmac_net_layer *layer)
{
	return layer->kind == QMAC_LAYER_CONV || layer->kind == QMAC_LAYER_LINEAR ||
	       layer->kind == QMAC_LAYER_BATCH_NORM;
}

int qmac_net_analytic_layers(const struct qmac_net *net, struct qmac_analytic_layer *layers, int *numbers)
{
	int count = 0;

	for (int l = 0; l < net->layer_count; l++) {
		const struct qmac_net_layer *layer = &net->layers[l];
		struct qmac_analytic_layer *of = &layers[count];

		if (!has_weights(layer))
			continue;
		*of = (struct qmac_analytic_layer){
			.kind = QMAC_ANALYTIC_BATCH_NORM, .activation = activation_of(net, l),
			.in = image_of(layer->in), .out = image_of(layer->out),
			.weights = net->parameters[layer->weight].count,
		};
		if (layer->kind != QMAC_LAYER_BATCH_NORM) {
			of->inputs = layer->in.channels;
			of->outputs = layer->out.channels;
		}
		if (layer->kind == QMAC_LAYER_CONV) {
			of->kind = QMAC_ANALYTIC_CONV;
			of->kernel_height = layer->kernel[0];
			of->kernel_width = layer->kernel[1];
		}
		if (layer->kind == QMAC_LAYER_LINEAR) {
			of->kind = QMAC_ANALYTIC_LINEAR;
			of->in = of->out = image_of(last_image(net, layer->input));
		}
		numbers[count++] = l;
	}
	return count;
}

/* ---- a run ------------------------------------------------------------------------------------ */

static void start_model(struct qmac_net_tally *tally, const struct qmac_run *run)
{
	double accumulate = (double)run->accumulate;
	struct qmac_analytic_settings settings[2] = {
		[QMAC_ANALYTIC_CLEAN] = {.samples = (double)run->batch * accumulate, .interval = accumulate},
		[QMAC_ANALYTIC_PUBLISHED] = {.samples = 1, .interval = PUBLISHED_INTERVAL},
	};

	for (int variant = 0; variant < 2; variant++) {
		settings[variant].variant = (enum qmac_analytic_variant)variant;
		settings[variant].overhead = run->precision_policy == QMAC_POLICY_ADAPT;
		settings[variant].accumulation = accumulate;
		qmac_analytic_init(&tally->model[variant], &settings[variant], tally->layers, tally->count);
	}
}

enum qmac_status qmac_net_tally_create(struct qmac_net_tally *tally, const struct qmac_net_training *training,
                                       struct qmac_error *err)
{
	const struct qmac_net *net = &training->net;
	size_t layers = (size_t)net->layer_count + 1;

	*tally = (struct qmac_net_tally){
		.layers = calloc(layers, sizeof tally->layers[0]),
		.records = calloc(layers, sizeof tally->records[0]),
		.numbers = calloc(layers, sizeof tally->numbers[0]),
		.codes = calloc(layers, sizeof tally->codes[0]),
	};
	if (!tally->layers || !tally->records || !tally->numbers || !tally->codes)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %d layers", net->layer_count);
	tally->count = qmac_net_analytic_layers(net, tally->layers, tally->numbers);
	tally->now.reached = -1;
	start_model(tally, training->run);
	return QMAC_OK;
}

void qmac_net_tally_free(struct qmac_net_tally *tally)
{
	free(tally->layers);
	free(tally->records);
	free(tally->numbers);
	free(tally->codes);
	memset(tally, 0, sizeof *tally);
}

void qmac_net_tally_state(struct qmac_net_tally *tally, struct qmac_state *state)
{
	QMAC_STATE_VALUE(state, "speed", tally->now);
	QMAC_STATE_VALUE(state, "speed.clean", tally->model[QMAC_ANALYTIC_CLEAN].sums);
	QMAC_STATE_VALUE(state, "speed.published", tally->model[QMAC_ANALYTIC_PUBLISHED].sums);
}

void qmac_net_tally_begin(struct qmac_net_tally *tally, const struct qmac_net_training *training)
{
	for (int i = 0; i < tally->count; i++) {
		const struct qmac_layer_record *layer = &training->records.layer[tally->numbers[i]];

		tally->codes[i][0] = layer->weight_codes;
		tally->codes[i][1] = layer->zero_weights;
	}
}

/* Bits of a layer in the model: of a batch norm those of the weights in front of it, which it follows. */
static int bits_of(const struct qmac_net_training *training, int parameter)
{
	while (parameter >= 0 && !qmac_net_has_codes(&training->net.parameters[parameter]))
		parameter--;
	return training->in_float || parameter < 0 ? FLOAT_BITS : training->formats[parameter].bw;
}

void qmac_net_tally_step(struct qmac_net_tally *tally, const struct qmac_net_training *training,
                         const struct qmac_net_precision *precision)
{
	const struct qmac_run *run = training->run;

	tally->now.minibatches += training->in_float ? 0 : run->accumulate;
	if (training->estimated || !training->formats)
		return; /* the model looks at sparsities of codes */
	for (int i = 0; i < tally->count; i++) {
		const struct qmac_layer_record *layer = &training->records.layer[tally->numbers[i]];
		struct qmac_analytic_record *record = &tally->records[i];
		uint64_t codes = layer->weight_codes - tally->codes[i][0];
		int weight = training->net.layers[tally->numbers[i]].weight;

		record->bw = bits_of(training, weight);
		record->sparsity = codes ? (double)(layer->zero_weights - tally->codes[i][1]) / (double)codes : 0;
		qmac_net_precision_effort(precision, weight, &record->lookback, &record->resolution);
	}
	qmac_analytic_step(&tally->model[QMAC_ANALYTIC_CLEAN], tally->records);
	/* as published, MuPPET's zeros save nothing */
	for (int i = 0; i < tally->count && run->precision_policy == QMAC_POLICY_MUPPET; i++)
		tally->records[i].sparsity = 0;
	qmac_analytic_step(&tally->model[QMAC_ANALYTIC_PUBLISHED], tally->records);
}

/* What all layers spent in that direction. */
static void add_direction(const struct qmac_records *records, enum qmac_direction direction,
                          uint64_t sum[QMAC_COUNTS])
{
	for (int l = 0; l < records->layers; l++)
		qmac_counts_add(sum, qmac_records_spent(records, l, direction), 1);
}

void qmac_net_tally_epoch(struct qmac_net_tally *tally, const struct qmac_net_training *training,
                          const struct qmac_metrics *row, bool tested)
{
	double target = training->run->target_accuracy;
	uint64_t eval[QMAC_COUNTS] = {0};

	for (enum qmac_direction d = 0; d < QMAC_DIRECTIONS; d++)
		if (d != QMAC_DIRECTION_EVAL && d != QMAC_DIRECTION_UPDATE)
			add_direction(&training->records, d, tally->now.spent.training);
	add_direction(&training->records, QMAC_DIRECTION_EVAL, eval);
	if (eval[QMAC_COUNTER_CYCLES])
		memcpy(tally->now.spent.inference, eval, sizeof eval);
	if (!tested || row->epoch == 0)
		return;
	if (tally->now.reached < 0 && target > 0 && row->test_accuracy >= target)
		tally->now.reached = tally->now.tests;
	tally->now.tests++;
}

/* Share of the training until the target was reached: published, evaluations before that one. */
static double reached_of(const struct qmac_net_tally *tally, const struct qmac_run *run, int variant)
{
	double until = (double)tally->now.reached + (variant == QMAC_ANALYTIC_CLEAN);

	if (run->target_accuracy <= 0 || !tally->now.tests)
		return NAN;
	return tally->now.reached < 0 ? 1 : until / (double)tally->now.tests;
}

static void find_model(const struct qmac_net_tally *tally, const struct qmac_run *run,
                       const struct qmac_metrics *last, struct qmac_net_speed *speed)
{
	for (int variant = 0; variant < 2; variant++) {
		double ratio = variant == QMAC_ANALYTIC_CLEAN ? MUPPET_BATCH / (double)run->batch : 1;

		speed->model[variant] = qmac_analytic_result(&tally->model[variant],
		                                             reached_of(tally, run, variant), (double)last->epoch,
		                                             ratio);
		if (run->precision_policy != QMAC_POLICY_ADAPT)
			speed->model[variant].muppet_speedup = NAN;
	}
}

void qmac_net_tally_find(const struct qmac_net_tally *tally, const struct qmac_net_training *training,
                         const struct qmac_metrics *last, const struct qmac_hw *hw,
                         const struct qmac_train_observer *observer, struct qmac_net_speed *speed)
{
	const struct qmac_run *run = training->run;
	int64_t tested = training->images.data.test_samples;
	struct qmac_net_reference reference;
	struct qmac_error err;
	char text[sizeof err.message + 64];

	*speed = (struct qmac_net_speed){
		.is_known = training->formats != NULL,
		.own = tally->now.spent,
		.inferences = (tested + run->batch - 1) / run->batch,
		.is_modelled = training->formats && !training->estimated && last->step > 0,
	};
	if (speed->is_modelled)
		find_model(tally, run, last, speed);
	if (!run->speedup)
		return;
	if (qmac_net_reference_find(training, hw, QMAC_NET_REFERENCE_BITS, &reference, &err)) {
		snprintf(text, sizeof text, "no cycles in 32 bits to compare with: %s", err.message);
		if (observer && observer->on_note)
			observer->on_note(observer->context, text);
		return;
	}
	speed->is_known = true;
	qmac_counts_add(speed->wide.training, reference.training, (uint64_t)tally->now.minibatches);
	qmac_counts_add(speed->wide.inference, reference.inference, (uint64_t)speed->inferences);
}
