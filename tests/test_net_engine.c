/*
 * The engine of networks on the device, minibatch by minibatch, beside the slow reference: logits, scales
 * of errors and gradients are equal to the bit, on several kinds of hardware, for every rule of scales; with
 * wide formats the gradient is near that in float32. Formats of outputs, and scales, by hand.
 */
#define _XOPEN_SOURCE 700
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

enum { BATCH = 6, MINIBATCHES = 4 };

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
}

static void set_up(struct bench *b, const char *layers, const char *lines, const char *hw_name)
{
	const struct qmac_hw hw = shipped_hw(hw_name);
	struct qmac_error err = {0};
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
	b->x = malloc((size_t)(BATCH * b->inputs) * sizeof b->x[0]);
	b->input = malloc((size_t)(BATCH * b->inputs) * sizeof b->input[0]);
	b->logits = malloc((size_t)(BATCH * b->outputs) * sizeof b->logits[0]);
	b->residual = malloc((size_t)(BATCH * b->outputs) * sizeof b->residual[0]);
	b->sum = malloc((size_t)b->training.weight_count * sizeof b->sum[0]);
	b->gradient = calloc((size_t)b->training.weight_count, sizeof b->gradient[0]);
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

static void evaluate(struct bench *b)
{
	const struct qmac_image_batch batch = {.first = 2 * BATCH + 1, .count = BATCH - 2};
	struct qmac_error err = {0};

	check(b->engine->operations->forward(b->engine, &batch, QMAC_NET_EVALUATE, b->logits, &err), &err);
	b->ref.step = (UINT32_C(1) << 31) + 2;
	give_weights(b, UINT32_C(1) << 31);
	give_images(b, &batch);
	for (int64_t i = batch.count * b->inputs; i < BATCH * b->inputs; i++)
		b->input[i] = 0;
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
	give_images(b, &batch);
	ref_qnet_forward(&b->ref, b->input);
	compare_logits(b, BATCH);
	check(b->engine->operations->backward(b->engine, b->residual, &err), &err);
	ref_qnet_backward(&b->ref, residual);
	compare_scales(b);
	for (int p = 0; p < b->training.net.parameter_count; p++)
		for (int64_t i = 0; i < b->training.net.parameters[p].count; i++)
			*gradient++ += ldexp((double)b->ref.parameter[p].sum[i], -b->ref.parameter[p].sum_fl);
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

/* Sizes of what the loss gives back that make delayed errors saturate, vanish, and begin with nothing. */
static void run(const char *layers, const char *lines, const char *hw, bool begins_with_nothing)
{
	static const double sizes[MINIBATCHES] = {1, 9, 0.001, 1};
	struct bench b;

	set_up(&b, layers, lines, hw);
	evaluate(&b);
	for (uint32_t i = 0; i < MINIBATCHES; i++) {
		if (i % 2 == 0)
			give_weights(&b, i);
		train_minibatch(&b, i, begins_with_nothing && i == 0 ? 0 : sizes[i]);
		if (i % 2)
			step(&b);
	}
	evaluate(&b);
	tear_down(&b);
}

static const char *const nets[] = {
	"  - conv: {out: 5, kernel: 3, pad: 1}\n  - relu\n  - max_pool: {size: 2}\n  - flatten\n"
	"  - linear: {out: 3}\n",
	"  - conv: {out: 4, kernel: 3}\n  - tanh\n  - avg_pool: {size: 2}\n  - conv: {out: 6, kernel: 3}\n"
	"  - tanh\n  - flatten\n  - linear: {out: 3}\n",
	"  - conv: {out: 4, kernel: 3, stride: 2, bias: false}\n  - bias\n  - sigmoid\n"
	"  - residual: {main: [conv: {out: 4, kernel: 3, pad: 1}, relu]}\n  - global_pool\n  - flatten\n"
	"  - linear: {out: 7}\n  - relu\n  - linear: {out: 3}\n",
};

static void test_reference(void)
{
	static const char *const lines[] = {
		"precision: {policy: fixed}\n",
		("precision: {policy: fixed, bw: 8, fl: 5, err_scale: cur, dy_bits: 6, ste: through,"
		 " error_rounding: floor}\n"),
		"precision: {policy: fixed, bw: 6, fl: 3, err_scale: fixed, err_bits: 4, weight_rounding: nearest}\n",
		"precision: {policy: fixed, bw: 11, fl: 8, err_bits: 12, activation_rounding: nearest}\n",
	};
	static const char *const hw[] = {"16x16_w8", "8x8_w8", "16x16_w16", "ragged"};

	state = test_seed();
	for (int n = 0; n < TEST_COUNT(nets); n++)
		for (int i = 0; i < TEST_COUNT(lines); i++)
			run(nets[n], lines[i], hw[(n + i) % TEST_COUNT(hw)], n == 1 && i < 2);
}

/* ---- beside float32 --------------------------------------------------------------------------- */

/* The gradient of a minibatch, by the engine of that policy. */
static void float_gradient(const char *layers, const char *policy, double *gradient, int64_t *count)
{
	const struct qmac_image_batch batch = {.count = BATCH};
	struct qmac_net_figures figures = {0};
	struct qmac_net_room room;
	struct qmac_error err = {0};
	struct bench b;

	set_up(&b, layers, policy, "16x16_w16");
	check(qmac_net_room_create(&room, &b.training, &err), &err);
	check(b.engine->operations->forward(b.engine, &batch, QMAC_NET_TRAIN, room.logits, &err), &err);
	qmac_net_room_loss(&room, &b.training, &batch, &figures, room.residual);
	check(b.engine->operations->backward(b.engine, room.residual, &err), &err);
	check(b.engine->operations->gradient(b.engine, b.sum, &err), &err);
	*count = b.training.weight_count;
	for (int64_t i = 0; i < *count; i++)
		gradient[i] = (double)b.sum[i];
	qmac_net_room_free(&room);
	tear_down(&b);
}

static void test_float(void)
{
	static double reference[2000], gradient[2000];
	double norm = 0, error = 0;
	int64_t count;

	float_gradient(nets[1], "precision: {policy: float}\n", reference, &count);
	CU_ASSERT_FATAL(count <= 2000);
	float_gradient(nets[1], "precision: {policy: fixed, bw: 16, fl: 12, err_bits: 16,"
	               " weight_rounding: nearest, activation_rounding: nearest}\n", gradient, &count);
	for (int64_t i = 0; i < count; i++) {
		norm += reference[i] * reference[i];
		error += (gradient[i] - reference[i]) * (gradient[i] - reference[i]);
	}
	CU_ASSERT(norm > 0 && sqrt(error / norm) < 0.005);
	if (!(sqrt(error / norm) < 0.005))
		printf("off by %g of the norm\n", sqrt(error / norm));
}

/* ---- formats, scales, refusals ------------------------------------------------------------------ */

static void append(struct qmac_net *net, enum qmac_layer_kind kind, int input, int other)
{
	const struct qmac_layer_request request = {.kind = kind, .input = input, .other = other, .outputs = 2,
	                                           .kernel = {1, 1}};
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_net_append(net, &request, &err), QMAC_OK);
}

/* Each output's format by the rule `layer`; the parameters are those of layers 1, 4 and 7. */
static void test_formats(void)
{
	static const int of[] = {0, 0, 0, 0, 0, 1, 2, 2, 2}; /* the input, then the outputs: a parameter's */
	struct qmac_net_formats formats;
	struct qmac_net net;
	struct qmac_error err;

	CU_ASSERT_FATAL(!qmac_net_create(&net, "n", (struct qmac_shape){2, 3, 3}, &err));
	append(&net, QMAC_LAYER_RELU, QMAC_NET_INPUT, 0);      /* 0: as its input, which 1 reads through it */
	append(&net, QMAC_LAYER_CONV, 0, 0);                   /* 1: its own */
	append(&net, QMAC_LAYER_TANH, 1, 0);                   /* 2: as what it reads */
	append(&net, QMAC_LAYER_MAX_POOL, 2, 0);               /* 3 */
	append(&net, QMAC_LAYER_CONV, 3, 0);                   /* 4: its own */
	append(&net, QMAC_LAYER_ADD, 4, 3);                    /* 5: nobody with parameters but 7, behind 6 */
	append(&net, QMAC_LAYER_GLOBAL_POOL, 5, 0);            /* 6: that of layer 7 */
	append(&net, QMAC_LAYER_CONV, 6, 0);                   /* 7 */
	CU_ASSERT_FATAL(!qmac_net_formats_create(&formats, &net, &err));
	for (int p = 0; p < net.parameter_count; p++)
		formats.parameter[p] = (struct qmac_format){8 + p, 2 * p};
	CU_ASSERT_FATAL(!qmac_net_formats_by_layer(&formats, &net, (struct qmac_format){5, 1}, &err));
	for (int t = 0; t <= net.layer_count; t++) {
		CU_ASSERT_EQUAL(formats.output[t].bw, 8 + of[t]);
		CU_ASSERT_EQUAL(formats.output[t].fl, 2 * of[t]);
	}
	qmac_net_formats_free(&formats);
	qmac_net_free(&net);
}

static void test_scales(void)
{
	state = test_seed();
	for (int i = 0; i < 2000; i++) {
		int bits = (int)test_between(&state, 2, 16), e;
		double most = ldexp(1, bits - 1) - 1;
		double m = ldexp((double)test_between(&state, 1, 1 << 20), (int)test_between(&state, -60, 20));

		if (i % 10 == 0)
			m = ldexp(most, (int)test_between(&state, -30, 30)); /* just fits */
		e = qmac_net_scale_last(m, bits);
		CU_ASSERT(ldexp(m, e) <= most && ldexp(m, e + 1) > most);
	}
	CU_ASSERT_EQUAL(qmac_net_scale_last(0, 8), 0);
	CU_ASSERT_EQUAL(qmac_net_scale_top(0), -1);
	CU_ASSERT_EQUAL(qmac_net_scale_top(UINT32_MAX), 31);
	CU_ASSERT_EQUAL(qmac_net_scale_limited(5, 3), 3);
	CU_ASSERT_EQUAL(qmac_net_scale_limited(-100, 3), -60);
}

static void test_refused(void)
{
	struct qmac_hw hw = shipped_hw("16x16_w8");
	struct qmac_net_precision *precision = NULL;
	struct qmac_net_engine *engine = NULL;
	struct qmac_net_training training;
	struct qmac_error err = {0};

	hw.acc_bits = 16;
	write_net_run(nets[0], "precision: {policy: fixed}\n");
	check(qmac_run_config_load(&config, test_path("run.yaml"), NULL, 0, &err), &err);
	check(qmac_net_setup(&training, &config.run, &err), &err);
	check(qmac_net_precision_create(&training, NULL, &precision, &err), &err);
	CU_ASSERT_EQUAL(qmac_net_device_engine.create(&training, &hw, NULL, &engine, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "layer 'conv1'") != NULL && strstr(err.message, "acc_bits") != NULL);
	qmac_net_precision_destroy(precision);
	qmac_net_training_free(&training);
}

int main(void)
{
	const struct test_case cases[] = {
		{"beside the reference", test_reference}, {"beside float32", test_float}, {"formats", test_formats},
		{"scales", test_scales}, {"refused", test_refused},
	};

	write_images();
	return test_main("test_net_engine", cases, TEST_COUNT(cases));
}
