/* The L1 regulariser of a network: of its masters, or of their codes, which the reference makes itself. */
#include <math.h>

#include "image_files.h"
#include "net_runs.h"
#include "reference/ref_num.h"
#include "train_net/update.h"

enum { INPUTS = 40, OUTPUTS = 3, COUNT = INPUTS * OUTPUTS + OUTPUTS, STEP = 4, ACCUMULATE = 3 };

static uint64_t state;

/* A linear layer of <6,3>: quanta of 1/8, so many masters have the code 0 now and then. */
static void make(struct qmac_net_training *training, struct qmac_run *run, struct qmac_format *formats,
                 float *w)
{
	const struct qmac_layer_request request = {.kind = QMAC_LAYER_LINEAR, .input = QMAC_NET_INPUT,
	                                           .outputs = OUTPUTS, .bias = true};
	struct qmac_error err;

	*training = (struct qmac_net_training){.run = run, .weight_count = COUNT, .weights = w,
	                                       .formats = formats};
	CU_ASSERT_FATAL(!qmac_net_create(&training->net, "one", (struct qmac_shape){INPUTS, 1, 1}, &err));
	CU_ASSERT_FATAL(!qmac_net_append(&training->net, &request, &err));
	for (int i = 0; i < COUNT; i++)
		w[i] = (float)test_between(&state, -3000, 3000) / 10000;
	w[0] = 0;
}

/* The code of number i, weights then biases, in the first minibatch of the step. */
static int64_t code_of(const struct qmac_run *run, const float *w, int i)
{
	bool is_bias = i >= INPUTS * OUTPUTS;
	uint32_t key = ref_dither_key(run->seed, (STEP - 1) * ACCUMULATE, 8 + (is_bias ? 3 : 2));
	uint64_t count = 0;

	return ref_format_code(6, 3, run->precision_weight_rounding,
	                       ref_dither(key, 0, (uint32_t)(is_bias ? i - INPUTS * OUTPUTS : i)), (double)w[i],
	                       &count);
}

/* How many gradients differ from g / accumulate + l1 sign; how many from that of the masters. */
static void differences(unsigned rounding, enum qmac_l1_of of, bool in_float, int *wrong, int *others)
{
	struct qmac_run run = {.l1 = 0.5, .momentum = 0.9, .accumulate = ACCUMULATE, .seed = 11,
	                       .precision_l1_of = of, .precision_weight_rounding = rounding};
	struct qmac_format formats[2] = {{6, 3}, {6, 3}};
	struct qmac_net_training training;
	struct qmac_net_update update;
	float w[COUNT], g[COUNT];
	struct qmac_error err;
	double norm;

	make(&training, &run, formats, w);
	training.in_float = in_float;
	CU_ASSERT_FATAL(!qmac_net_update_create(&update, &training, &err));
	for (int i = 0; i < COUNT; i++)
		g[i] = 3;
	CU_ASSERT_FATAL(!qmac_net_update_gradient(&update, STEP, g, &norm, &err));
	*wrong = *others = 0;
	for (int i = 0; i < COUNT; i++) {
		bool codes = of == QMAC_L1_OF_CODES && !in_float;
		double value = codes ? (double)code_of(&run, w, i) : (double)w[i];

		*wrong += (double)g[i] != 1 + 0.5 * ((value > 0) - (value < 0));
		*others += (double)g[i] != 1 + 0.5 * ((w[i] > 0) - (w[i] < 0));
	}
	qmac_net_update_free(&update);
	qmac_net_free(&training.net);
}

static void test_signs(void)
{
	int wrong, others;

	state = test_seed();
	for (unsigned rounding = 0; rounding < 3; rounding++) {
		differences(rounding, QMAC_L1_OF_CODES, false, &wrong, &others);
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT(others > 0);
		differences(rounding, QMAC_L1_OF_MASTERS, false, &wrong, &others);
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT_EQUAL(others, 0);
	}
	differences(2, QMAC_L1_OF_CODES, true, &wrong, &others);
	CU_ASSERT_EQUAL(wrong + others, 0);
}

/* Codes for adapt, masters for others, and whatever is given. */
static void test_defaults(void)
{
	static const struct {
		const char *precision;
		enum qmac_l1_of of;
	} cases[] = {
		{"{policy: adapt}", QMAC_L1_OF_CODES}, {"{policy: adapt, l1_of: masters}", QMAC_L1_OF_MASTERS},
		{"{policy: fixed}", QMAC_L1_OF_MASTERS}, {"{policy: fixed, l1_of: codes}", QMAC_L1_OF_CODES},
		{"{policy: muppet}", QMAC_L1_OF_MASTERS},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		char lines[100];

		snprintf(lines, sizeof lines, "precision: %s\n", cases[i].precision);
		configure(write_net_run("  - flatten\n  - linear: {out: 3}\n", lines), 0, NULL);
		CU_ASSERT_EQUAL(config.run.precision_l1_of, cases[i].of);
	}
}

/* A training with the one is another than with the other, and learns. */
static void test_training(void)
{
	static const struct qmac_setting masters = {"precision.l1_of", "masters", "--set"};
	static const char layers[] = "  - flatten\n  - linear: {out: 3}\n";
	static const char lines[] = "alpha: 0.05\nl1: 1.0e-3\nprecision: {policy: adapt}\n";
	struct qmac_json *codes, *other;

	configure(write_net_run(layers, lines), 0, NULL);
	train_well("codes", false);
	configure(write_net_run(layers, lines), 1, &masters);
	train_well("masters", false);
	codes = json_of("codes", "summary.json");
	other = json_of("masters", "summary.json");
	CU_ASSERT(qmac_json_real(codes, "test_accuracy") > 0.85);
	CU_ASSERT(strcmp(qmac_json_text(codes, "weights_sha256"), qmac_json_text(other, "weights_sha256")) != 0);
	CU_ASSERT_EQUAL(qmac_json_real(codes, "host_flops"), qmac_json_real(other, "host_flops"));
	qmac_json_free(codes);
	qmac_json_free(other);
}

int main(void)
{
	const struct test_case cases[] = {
		{"signs of masters or codes", test_signs}, {"defaults", test_defaults}, {"a training", test_training},
	};

	write_images();
	return test_main("test_net_l1", cases, TEST_COUNT(cases));
}
