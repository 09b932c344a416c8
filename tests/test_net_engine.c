/*
 * The engine of networks on the device, minibatch by minibatch, beside the slow reference: logits, scales
 * of errors and gradients are equal to the bit, on several kinds of hardware, for every rule of scales; with
 * wide formats the gradient is near that in float32. Formats of outputs, and scales, by hand.
 */
#define _XOPEN_SOURCE 700
#include "net_bench.h"

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
	/* of what the loss gives back: delayed errors saturate, vanish, and begin with nothing */
	static const double sizes[2][MINIBATCHES] = {{1, 9, 0.001, 1}, {0, 9, 0.001, 1}};

	state = test_seed();
	for (int n = 0; n < TEST_COUNT(nets); n++)
		for (int i = 0; i < TEST_COUNT(lines); i++)
			train_beside(nets[n], lines[i], hw[(n + i) % TEST_COUNT(hw)], sizes[n == 1 && i < 2]);
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

static void compare_float(const char *layers, const char *precision, double most)
{
	static double reference[2000], gradient[2000];
	double norm = 0, error = 0;
	int64_t count;

	float_gradient(layers, "precision: {policy: float}\n", reference, &count);
	CU_ASSERT_FATAL(count <= 2000);
	float_gradient(layers, precision, gradient, &count);
	for (int64_t i = 0; i < count; i++) {
		norm += reference[i] * reference[i];
		error += (gradient[i] - reference[i]) * (gradient[i] - reference[i]);
	}
	CU_ASSERT(norm > 0 && sqrt(error / norm) < most);
	if (!(sqrt(error / norm) < most))
		printf("off by %g of the norm\n", sqrt(error / norm));
}

/* Of batch norms statistics run alike, and evaluations with these are near each other. */
static void compare_statistics_with_float(const char *layers, const char *precision)
{
	const struct qmac_image_batch batch = {.first = 9, .count = BATCH};
	const char *const lines[] = {"precision: {policy: float}\n", precision};
	static float statistics[2][100], logits[2][BATCH * IMAGE_CLASSES];
	struct qmac_error err = {0};
	int64_t count = 0;

	for (int i = 0; i < 2; i++) {
		struct bench b;

		set_up(&b, layers, lines[i], "16x16_w16");
		for (int k = 0; k < 3; k++)
			check(b.engine->operations->forward(b.engine, &batch, QMAC_NET_TRAIN, b.logits, &err), &err);
		check(b.engine->operations->forward(b.engine, &batch, QMAC_NET_EVALUATE, logits[i], &err), &err);
		count = qmac_net_statistics_at(&b.training.net, b.training.net.layer_count);
		CU_ASSERT_FATAL(count > 0 && count <= 100);
		memcpy(statistics[i], b.training.statistics, (size_t)count * sizeof statistics[i][0]);
		tear_down(&b);
	}
	for (int64_t i = 0; i < count; i++)
		CU_ASSERT(fabs((double)(statistics[1][i] - statistics[0][i])) < 0.002);
	for (int64_t i = 0; i < BATCH * IMAGE_CLASSES; i++)
		CU_ASSERT(fabs((double)(logits[1][i] - logits[0][i])) < 0.02);
}

static void test_float(void)
{
	static const char norms[] =
		"  - conv: {out: 4, kernel: 3, bias: false}\n  - batch_norm\n  - tanh\n"
		"  - residual: {main: [conv: {out: 4, kernel: 3, pad: 1}, batch_norm, tanh,"
		" conv: {out: 4, kernel: 3, pad: 1}, batch_norm]}\n  - avg_pool: {size: 3}\n  - flatten\n"
		"  - linear: {out: 3}\n";
	static const char wide[] =
		"precision: {policy: fixed, bw: 16, fl: 12, err_bits: 16, weight_rounding: nearest,"
		" activation_rounding: nearest}\n";

	compare_float(nets[1], wide, 0.005);
	compare_float(norms, wide, 0.005);
	compare_statistics_with_float(norms, wide);
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
	CU_ASSERT(strstr(err.message, "layer 'linear1'") != NULL && strstr(err.message, "acc_bits") != NULL);
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
