/*
 * What the edge device can hold: the shipped networks with codes of 8 bits, not with 16; and the width of
 * accumulators that a refusal names is the least that is enough for all layers.
 */
#include <stdlib.h>
#include <string.h>

#include "config/net_file.h"
#include "net/plan.h"
#include "shipped_hw.h"

enum { BATCH = 2 };

/* Makes the plan of a network whose tensors all have that format, errors of 8 and 16 bits. */
static enum qmac_status make_plan(const struct qmac_net *net, struct qmac_format format,
                                  const struct qmac_hw *hw, struct qmac_error *err)
{
	struct qmac_net_formats formats;
	struct qmac_net_plan plan;
	enum qmac_status status;

	CU_ASSERT_EQUAL_FATAL(qmac_net_formats_create(&formats, net, err), QMAC_OK);
	for (int t = 0; t <= net->layer_count; t++)
		formats.output[t] = format;
	for (int p = 0; p < net->parameter_count; p++)
		formats.parameter[p] = format;
	formats.err_bits = 8;
	formats.dy_bits = 16;
	status = qmac_net_plan_make(&plan, net, &formats, BATCH, hw, err);
	qmac_net_plan_free(&plan);
	qmac_net_formats_free(&formats);
	return status;
}

/* Of "its sum needs accumulators of 41 bits; ..."; 0 where it does not say that. */
static int bits_of(const char *message)
{
	static const char before[] = "needs accumulators of ";
	const char *at = strstr(message, before);

	return at ? atoi(at + strlen(before)) : 0;
}

static void test_shipped(void)
{
	static const struct {
		const char *net;
		int bits; /* the largest sum: lg of its terms, 30 of a product, and the sign */
		const char *layer;
	} cases[] = {
		{"lenet5", 40, "layer 'conv3': its sum"},          /* 16 x 5 x 5 terms */
		{"alexnet_cifar", 43, "layer 'conv4': its sum"},   /* 384 x 3 x 3 */
		{"resnet20", 41, "layer 'conv16': its sum"},       /* 64 x 3 x 3 */
		{"rn8s2", 41, "layer 'conv8': its sum"},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_hw hw = shipped_hw("edge_16x16");
		struct qmac_error err = {.message = ""};
		struct qmac_net net;
		char file[64];

		snprintf(file, sizeof file, "configs/net/%s.yaml", cases[i].net);
		CU_ASSERT_EQUAL_FATAL(qmac_net_load(&net, file, NULL, &err), QMAC_OK);
		CU_ASSERT_EQUAL(make_plan(&net, (struct qmac_format){8, 4}, &hw, &err), QMAC_OK);
		for (hw.acc_bits = 32; hw.acc_bits < cases[i].bits; hw.acc_bits += 2) {
			CU_ASSERT_EQUAL(make_plan(&net, (struct qmac_format){16, 8}, &hw, &err), QMAC_BAD_INPUT);
			CU_ASSERT_EQUAL(bits_of(err.message), cases[i].bits);
			CU_ASSERT_PTR_NOT_NULL(strstr(err.message, cases[i].layer));
		}
		hw.acc_bits = cases[i].bits - 1;
		CU_ASSERT_EQUAL(make_plan(&net, (struct qmac_format){16, 8}, &hw, &err), QMAC_BAD_INPUT);
		hw.acc_bits = cases[i].bits;
		CU_ASSERT_EQUAL(make_plan(&net, (struct qmac_format){16, 8}, &hw, &err), QMAC_OK);
		qmac_net_free(&net);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"shipped networks on the edge device", test_shipped},
	};

	return test_main("test_net_fit", cases, TEST_COUNT(cases));
}
