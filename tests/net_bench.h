/*
 * For tests of the engine of networks on the device: one with a small network, and the slow reference beside
 * it; minibatches forward and backward on both, whose logits, scales, statistics and gradients are to be
 * equal.
 */
#ifndef QMAC_TESTS_NET_BENCH_H
#define QMAC_TESTS_NET_BENCH_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image_files.h"
#include "net/values.h"
#include "reference/ref_qnet.h"
#include "shipped_hw.h"
#include "train_net/codes.h"
#include "train_net/device_engine.h"
#include "train_net/precision.h"
#include "train_net/setup.h"

enum { BATCH = 6, MINIBATCHES = 4, LAYERS_MAX = 150 };

static uint64_t state;
static struct qmac_run_config config;

/* An engine and what it is compared with. */
struct bench {
	struct qmac_net_training training;
	struct qmac_net_precision *precision;
	struct qmac_net_engine *engine;
	struct ref_qnet ref;
	double *input;     /* of a minibatch */
	double *gradient;  /* of the reference, so far */
	float *x, *logits, *residual, *sum;
	float *statistics; /* that run, of the reference */
	int wanted[LAYERS_MAX]; /* with `activation_scale: delay`: of each tensor, by its range alone */
	int64_t inputs, outputs;
};

static void check(enum qmac_status status, const struct qmac_error *err)
{
	if (status == QMAC_OK)
		return;
	puts(err->message);
	CU_FAIL_FATAL("status");
}

/* ---- set up -------------------------------------------------------------------------------- */

static void set_reference(struct bench *b)
{
	const struct qmac_run *run = &config.run;
	const struct qmac_net *net = &b->training.net;
	struct ref_qnet *r = &b->ref;

	ref_qnet_create(r, net, BATCH);
	r->activation_rounding = run->precision_activation_rounding;
	r->error_rounding = run->precision_error_rounding;
	r->clip = run->precision_ste == QMAC_STE_CLIP;
	r->err_bits = run->precision_err_bits;
	r->dy_bits = b->training.dy_bits;
	r->scale = (enum ref_scale)run->precision_err_scale;
	r->run_seed = run->seed;
	for (int t = 0; t <= net->layer_count; t++) {
		r->out[t].bits = run->precision_bw;
		r->out[t].fl = run->precision_fl;
	}
	for (int p = 0; p < net->parameter_count; p++) {
		r->parameter[p].bits = run->precision_bw;
		r->parameter[p].fl = run->precision_fl;
	}
	for (int t = 0; t <= net->layer_count; t++)
		b->wanted[t] = run->precision_bw - 4;
}

static void set_up(struct bench *b, const char *layers, const char *lines, const char *hw_name)
{
	const struct qmac_hw hw = shipped_hw(hw_name);
	struct qmac_error err = {0};
	int64_t statistics;
	char text[1000];

	memset(b, 0, sizeof *b);
	snprintf(text, sizeof text, "%s", lines);
	check(qmac_run_config_load(&config, write_net_run(layers, text),
	                           &(struct qmac_setting){"batch", "6", "--set"}, 1, &err), &err);
	check(qmac_net_setup(&b->training, &config.run, &err), &err);
	check(qmac_net_precision_create(&b->training, NULL, &b->precision, &err), &err);
	check(qmac_net_engine_of(&config.run)->create(&b->training, &hw, NULL, &b->engine, &err), &err);
	set_reference(b);
	b->inputs = qmac_shape_count(b->training.net.input);
	b->outputs = IMAGE_CLASSES;
	CU_ASSERT_FATAL(b->training.net.layer_count < LAYERS_MAX);
	b->x = malloc((size_t)(BATCH * b->inputs) * sizeof b->x[0]);
	b->input = malloc((size_t)(BATCH * b->inputs) * sizeof b->input[0]);
	b->logits = malloc((size_t)(BATCH * b->outputs) * sizeof b->logits[0]);
	b->residual = malloc((size_t)(BATCH * b->outputs) * sizeof b->residual[0]);
	b->sum = malloc((size_t)b->training.weight_count * sizeof b->sum[0]);
	b->gradient = calloc((size_t)b->training.weight_count, sizeof b->gradient[0]);
	statistics = qmac_net_statistics_at(&b->training.net, b->training.net.layer_count);
	b->statistics = malloc(((size_t)statistics + 1) * sizeof b->statistics[0]);
	memcpy(b->statistics, b->training.statistics, (size_t)statistics * sizeof b->statistics[0]);
	check(b->engine->operations->load(b->engine, &err), &err);
}

static void tear_down(struct bench *b)
{
	b->engine->operations->destroy(b->engine);
	qmac_net_precision_destroy(b->precision);
	ref_qnet_destroy(&b->ref);
	qmac_net_training_free(&b->training);
	free(b->x);
	free(b->input);
	free(b->logits);
	free(b->residual);
	free(b->sum);
	free(b->gradient);
	free(b->statistics);
}

/* ---- batch norms --------------------------------------------------------------------------- */

/* An evaluation has the statistics that run. */
static void give_statistics(struct bench *b)
{
	const struct qmac_net *net = &b->training.net;

	b->ref.evaluation = true;
	for (int l = 0; l < net->layer_count; l++) {
		const float *running = b->statistics + qmac_net_statistics_at(net, l);
		struct ref_qnorm *norm = &b->ref.norm[l + 1];

		for (int64_t c = 0; net->layers[l].kind == QMAC_LAYER_BATCH_NORM && c < norm->channels; c++) {
			norm->mean[c] = (double)running[c];
			norm->variance[c] = (double)running[norm->channels + c];
		}
	}
}

/* Those of a minibatch have run with them, and are those of the engine. */
static void compare_statistics(struct bench *b)
{
	const struct qmac_net *net = &b->training.net;
	int64_t count = qmac_net_statistics_at(net, net->layer_count);

	for (int l = 0; l < net->layer_count; l++) {
		float *running = b->statistics + qmac_net_statistics_at(net, l);
		const struct ref_qnorm *norm = &b->ref.norm[l + 1];

		for (int64_t c = 0; net->layers[l].kind == QMAC_LAYER_BATCH_NORM && c < norm->channels; c++) {
			float *mean = &running[c], *variance = &running[norm->channels + c];

			*mean = (float)(0.9 * (double)*mean + 0.1 * norm->mean[c]);
			*variance = (float)(0.9 * (double)*variance + 0.1 * norm->variance[c]);
		}
	}
	CU_ASSERT(memcmp(b->statistics, b->training.statistics, (size_t)count * sizeof b->statistics[0]) == 0);
}

/* ---- scales of activations ----------------------------------------------------------------- */

static bool keeps_scale(const struct bench *b, int tensor)
{
	enum qmac_layer_kind kind = tensor ? b->training.net.layers[tensor - 1].kind : QMAC_LAYER_ADD;

	return kind == QMAC_LAYER_RELU || kind == QMAC_LAYER_MAX_POOL || kind == QMAC_LAYER_FLATTEN;
}

/* A batch norm that is merged into an add has no output. */
static bool exists(const struct bench *b, int tensor)
{
	return !tensor || ref_qnet_merged_into(&b->training.net, tensor - 1) == QMAC_NET_NONE;
}

/* Those tensors whose sums are not shifted left. */
static bool is_bounded(const struct bench *b, int tensor)
{
	const struct qmac_net *net = &b->training.net;
	const struct qmac_net_layer *layer = &net->layers[tensor - 1];

	switch (layer->kind) {
	case QMAC_LAYER_ADD:
		return (layer->input < 0 || ref_qnet_merged_into(net, layer->input) == QMAC_NET_NONE) &&
		       (layer->other < 0 || ref_qnet_merged_into(net, layer->other) == QMAC_NET_NONE);
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
	case QMAC_LAYER_BIAS:
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return true;
	default:
		return false;
	}
}

static bool is_behind_relu(const struct bench *b, int tensor)
{
	static const bool fits[QMAC_LAYER_KINDS] = {
		[QMAC_LAYER_CONV] = true, [QMAC_LAYER_LINEAR] = true, [QMAC_LAYER_BIAS] = true,
		[QMAC_LAYER_BATCH_NORM] = true, [QMAC_LAYER_ADD] = true,
	};
	const struct qmac_net *net = &b->training.net;
	int relus = 0;

	for (int l = tensor; l < net->layer_count; l++)
		relus += net->layers[l].kind == QMAC_LAYER_RELU && net->layers[l].input == tensor - 1;
	return relus == 1 && qmac_net_readers(net, tensor - 1) == 1 && fits[net->layers[tensor - 1].kind];
}

static int limit(int fl)
{
	int most = config.run.precision_bw - 1;

	return fl < 0 ? 0 : fl > most ? most : fl;
}

/* The scale of a tensor, those in front of it being there: by its range, and at most that of its sum. */
static void settle(struct bench *b, int tensor)
{
	enum { COARSE = -20 };
	struct ref_qnet *r = &b->ref;

	if (keeps_scale(b, tensor)) {
		r->out[tensor].fl = r->out[b->training.net.layers[tensor - 1].input + 1].fl;
		return;
	}
	r->out[tensor].fl = b->wanted[tensor];
	if (!tensor || !is_bounded(b, tensor))
		return;
	r->out[tensor].fl = COARSE; /* then p is that of the operands */
	ref_qnet_forward(r, b->input);
	r->out[tensor].fl = b->wanted[tensor] < r->sum_fl[tensor] ? b->wanted[tensor] : r->sum_fl[tensor];
}

/* What a range asks for, of values under fl fraction bits. */
static void want(struct bench *b, int tensor, int fl, int top)
{
	b->wanted[tensor] = limit(fl + config.run.precision_bw - 2 - top -
	                          config.run.precision_activation_headroom);
}

/* The input's scale, and in the first minibatch all others, layer by layer; the input is there. */
static void find_scales(struct bench *b, bool first)
{
	double most = 0;

	for (int pixel = 0; pixel < 256; pixel++)
		most = fmax(most, fabs((double)b->training.images.value[0][pixel]));
	for (b->wanted[0] = 31; ldexp(most, b->wanted[0]) > ldexp(1, config.run.precision_bw - 1) - 1;)
		b->wanted[0]--;
	b->wanted[0] = limit(b->wanted[0]);
	for (int t = 0; t <= b->training.net.layer_count; t++) {
		int p, k;

		settle(b, t);
		if (!first || !t || keeps_scale(b, t) || !exists(b, t))
			continue;
		ref_qnet_forward(&b->ref, b->input);
		p = b->ref.sum_fl[t] > b->ref.out[t].fl ? b->ref.sum_fl[t] : b->ref.out[t].fl;
		k = ref_qnet_output_shift(&b->ref, t);
		want(b, t, p - k, ref_qnet_output_top(&b->ref, t, k, is_behind_relu(b, t)));
		settle(b, t);
	}
}

/* The engine's formats are these; then the ranges of this minibatch say what the next one has. */
static void compare_ranges(struct bench *b)
{
	const struct qmac_net_device_engine *engine = (const struct qmac_net_device_engine *)b->engine;

	for (int t = 0; t <= b->training.net.layer_count; t++) {
		if (!exists(b, t))
			continue;
		CU_ASSERT_EQUAL(engine->formats.output[t].fl, b->ref.out[t].fl);
		if (engine->formats.output[t].fl != b->ref.out[t].fl)
			printf("minibatch %u, tensor %d: %d in place of %d\n", (unsigned)b->ref.step, t,
			       engine->formats.output[t].fl, b->ref.out[t].fl);
	}
	for (int t = 1; t <= b->training.net.layer_count; t++)
		if (exists(b, t) && !keeps_scale(b, t))
			want(b, t, b->ref.out[t].fl, ref_qnet_output_top(&b->ref, t, -1, is_behind_relu(b, t)));
}

/* ---- minibatches --------------------------------------------------------------------------- */

/* Codes of the masters, for the minibatch or evaluation that begins with that number. */
static void give_weights(struct bench *b, uint32_t step)
{
	const struct qmac_net *net = &b->training.net;
	unsigned mode = config.run.precision_weight_rounding;
	uint64_t count = 0;

	for (int p = 0; p < net->parameter_count; p++) {
		const struct qmac_net_parameter *parameter = &net->parameters[p];
		const float *w = b->training.weights + qmac_net_parameter_at(net, p);
		uint32_t site = 8 * ((uint32_t)parameter->layer + 1) + (parameter->role == QMAC_ROLE_WEIGHT ? 2 : 3);
		uint32_t key = ref_dither_key(config.run.seed, step, site);
		struct ref_qparameter *to = &b->ref.parameter[p];

		for (int64_t i = 0; i < parameter->count; i++)
			to->real[i] = (double)w[i]; /* of gamma and beta these count */
		for (int64_t i = 0; i < parameter->count && qmac_net_has_codes(parameter); i++)
			to->q[i] = ref_format_code(to->bits, to->fl, mode,
			                           ref_dither(key, (uint32_t)(i >> 16), i & 0xFFFF), (double)w[i],
			                           &count);
	}
}

/* The images have one channel: their order is that of the reference. */
static void give_images(struct bench *b, const struct qmac_image_batch *batch)
{
	memset(b->input, 0, (size_t)(BATCH * b->inputs) * sizeof b->input[0]);
	qmac_images_values(&b->training.images, batch, b->x);
	for (int64_t i = 0; i < batch->count * b->inputs; i++)
		b->input[i] = (double)b->x[i];
}

static void compare_logits(const struct bench *b, int64_t count)
{
	const struct ref_qtensor *out = &b->ref.out[b->training.net.layer_count];

	for (int64_t i = 0; i < count * b->outputs; i++)
		CU_ASSERT_EQUAL((double)b->logits[i], ldexp((double)out->q[i], -out->fl));
}

static inline void evaluate(struct bench *b)
{
	const struct qmac_image_batch batch = {.first = 2 * BATCH + 1, .count = BATCH - 2};
	struct qmac_error err = {0};

	check(b->engine->operations->forward(b->engine, &batch, QMAC_NET_EVALUATE, b->logits, &err), &err);
	b->ref.step = (UINT32_C(1) << 31) + 2;
	give_weights(b, UINT32_C(1) << 31);
	give_images(b, &batch);
	for (int64_t i = batch.count * b->inputs; i < BATCH * b->inputs; i++)
		b->input[i] = 0;
	give_statistics(b);
	if (b->training.ranges == QMAC_NET_RANGES_DELAY)
		find_scales(b, false);
	ref_qnet_forward(&b->ref, b->input);
	compare_logits(b, batch.count);
}

static void compare_scales(const struct bench *b)
{
	const struct qmac_net_device_engine *engine = (const struct qmac_net_device_engine *)b->engine;

	for (int l = 0; l < b->training.net.layer_count; l++)
		if (engine->plan.flow.layers[l].needed && engine->plan.flow.layers[l].has_error)
			CU_ASSERT_EQUAL(engine->of.fl[l], b->ref.error[l + 1].fl);
}

static void train_minibatch(struct bench *b, uint32_t number, double size)
{
	const int64_t rows[] = {5, 3, 17, 40, 8, 1, 0, 299, 11, 12, 13, 14, 100};
	const struct qmac_image_batch batch = {.rows = rows, .first = (int64_t)number, .count = BATCH};
	double residual[BATCH * IMAGE_CLASSES], *gradient = b->gradient;
	struct qmac_error err = {0};

	for (int i = 0; i < BATCH * IMAGE_CLASSES; i++) {
		b->residual[i] = (float)((double)test_between(&state, -1000, 1000) * size / 1000 / BATCH);
		residual[i] = (double)b->residual[i] * BATCH;
	}
	check(b->engine->operations->forward(b->engine, &batch, QMAC_NET_TRAIN, b->logits, &err), &err);
	b->ref.step = number;
	b->ref.evaluation = false;
	give_images(b, &batch);
	if (b->training.ranges == QMAC_NET_RANGES_DELAY)
		find_scales(b, number == 0);
	ref_qnet_forward(&b->ref, b->input);
	compare_logits(b, BATCH);
	compare_statistics(b);
	if (b->training.ranges == QMAC_NET_RANGES_DELAY)
		compare_ranges(b);
	check(b->engine->operations->backward(b->engine, b->residual, &err), &err);
	ref_qnet_backward(&b->ref, residual);
	compare_scales(b);
	for (int p = 0; p < b->training.net.parameter_count; p++) {
		const struct ref_qparameter *from = &b->ref.parameter[p];
		bool has_codes = qmac_net_has_codes(&b->training.net.parameters[p]);

		for (int64_t i = 0; i < b->training.net.parameters[p].count; i++)
			*gradient++ += has_codes ? ldexp((double)from->sum[i], -from->sum_fl) : from->gradient[i];
	}
}

static void step(struct bench *b)
{
	int64_t wrong = 0;
	struct qmac_error err = {0};

	check(b->engine->operations->gradient(b->engine, b->sum, &err), &err);
	for (int64_t i = 0; i < b->training.weight_count; i++) {
		wrong += b->sum[i] != (float)(b->gradient[i] / BATCH);
		b->training.weights[i] -= b->sum[i] / 4;
		b->gradient[i] = 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	check(b->engine->operations->load(b->engine, &err), &err);
}

/* An evaluation, MINIBATCHES with what the loss gives back of these sizes, steps between, an evaluation. */
static inline void train_beside(const char *layers, const char *lines, const char *hw, const double *sizes)
{
	struct bench b;

	set_up(&b, layers, lines, hw);
	evaluate(&b);
	for (uint32_t i = 0; i < MINIBATCHES; i++) {
		if (i % 2 == 0)
			give_weights(&b, i);
		train_minibatch(&b, i, sizes[i]);
		if (i % 2)
			step(&b);
	}
	evaluate(&b);
	tear_down(&b);
}

#endif
