/*
 * The slow reference of networks in integers (tests/reference/ref_qnet.h) against real arithmetic: with wide
 * formats it has to give the outputs and the gradients of the functions that the layers stand for, the latter
 * by differences of the loss. So a formula that both it and the
 * device take from the same wrong line is found.
 */
#include <math.h>
#include <stdlib.h>

#include "net/net.h"
#include "qmac_isa.h"
#include "reference/ref_qnet.h"
#include "test.h"

enum { SAMPLES = 2 };

static void append(struct qmac_net *net, struct qmac_layer_request request)
{
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_net_append(net, &request, &err), QMAC_OK);
}

/* Every kind once, a tensor with three readers, one flattened, an add of unequal scales. */
static void build(struct qmac_net *net)
{
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_net_create(net, "all", (struct qmac_shape){2, 7, 6}, &err), QMAC_OK);
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = -1, .outputs = 3,
	                                        .kernel = {3, 3}, .pad = 1, .bias = true});          /* 0: 7x6 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_TANH, .input = 0});               /* 1 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_SIGMOID, .input = 0});            /* 2 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD, .input = 1, .other = 2});    /* 3 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD, .input = 3, .other = 0});    /* 4 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_AVG_POOL, .input = 4, .kernel = {2, 3},
	                                        .stride = 1});                                       /* 5: 6x4 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = 5, .outputs = 4,
	                                        .kernel = {2, 2}, .stride = 2});                     /* 6: 3x2 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_RELU, .input = 6});               /* 7 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_MAX_POOL, .input = 7, .kernel = {2, 2},
	                                        .stride = 1});                                       /* 8: 2x1 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_FLATTEN, .input = 8});            /* 9 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_BIAS, .input = 9});               /* 10 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_TANH, .input = 10});              /* 11 */
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .input = 11, .outputs = 3,
	                                        .bias = true});                                      /* 12 */
}

/* Formats so wide that rounding is small beside everything else. */
static void set_formats(struct ref_qnet *r)
{
	for (int t = 0; t <= r->net->layer_count; t++) {
		r->out[t].bits = 24;
		r->out[t].fl = t % 3 + 15;
	}
	for (int p = 0; p < r->net->parameter_count; p++) {
		r->parameter[p].bits = 20;
		r->parameter[p].fl = 14 + p % 2;
	}
	r->err_bits = r->dy_bits = 16;
	r->scale = REF_SCALE_CUR;
}

static double real_output(const struct ref_qnet *r, int64_t i)
{
	return ldexp((double)r->out[r->net->layer_count].q[i], -r->out[r->net->layer_count].fl);
}

/* loss = sum of logit * coefficient: its derivative is the coefficient. */
static double loss(struct ref_qnet *r, const double *input, const double *coefficient)
{
	double sum = 0;

	ref_qnet_forward(r, input);
	for (int64_t i = 0; i < SAMPLES * 3; i++)
		sum += coefficient[i] * real_output(r, i);
	return sum;
}

static void check_gradients(void)
{
	struct qmac_net net;
	struct ref_qnet r;
	double input[SAMPLES * 7 * 6 * 2], coefficient[SAMPLES * 3];
	uint64_t state = 3;
	int checked = 0;

	build(&net);
	ref_qnet_create(&r, &net, SAMPLES);
	set_formats(&r);
	for (size_t i = 0; i < sizeof input / sizeof *input; i++)
		input[i] = (double)test_between(&state, -2000, 2000) / 1000;
	for (int p = 0; p < net.parameter_count; p++)
		for (int64_t i = 0; i < net.parameters[p].count; i++)
			r.parameter[p].q[i] = test_between(&state, -8000, 8000);
	for (size_t i = 0; i < SAMPLES * 3; i++)
		coefficient[i] = (double)(i + 1) / 3 - 0.9;
	(void)loss(&r, input, coefficient);
	ref_qnet_backward(&r, coefficient);
	for (int p = 0; p < net.parameter_count; p++) {
		struct ref_qparameter *parameter = &r.parameter[p];
		double largest = 0, difference = 0;

		for (int64_t i = 0; i < net.parameters[p].count; i += 1 + net.parameters[p].count / 40) {
			int64_t kept = parameter->q[i], step = 128;
			double gradient = ldexp((double)parameter->sum[i], -parameter->sum_fl), slope;

			parameter->q[i] = kept + step;
			slope = loss(&r, input, coefficient);
			parameter->q[i] = kept - step;
			slope -= loss(&r, input, coefficient);
			parameter->q[i] = kept;
			slope /= ldexp(2 * (double)step, -parameter->fl);
			largest = fmax(largest, fabs(slope));
			difference = fmax(difference, fabs(slope - gradient));
			checked++;
		}
		/* segments of the tables are 2^-6 wide: steps across some, as their slopes are not the derivative */
		if (!(difference < 0.02 * largest + 1e-4))
			printf("%s: %g of %g\n", net.parameters[p].name, difference, largest);
		CU_ASSERT(difference < 0.02 * largest + 1e-4);
		CU_ASSERT(largest > 0.01);
	}
	CU_ASSERT(checked > 80);
	ref_qnet_destroy(&r);
	qmac_net_free(&net);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"gradients are those of the real functions", check_gradients},
	};

	return test_main("test_ref_qnet", cases, TEST_COUNT(cases));
}
