/*
 * The reference of networks in double (reference/ref_net.h): what each kind of layer gives, by hand, and
 * every derivative beside finite differences, on ragged shapes and on random graphs.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reference/ref_net.h"
#include "test.h"

static void append(struct qmac_net *net, struct qmac_layer_request request)
{
	struct qmac_error err = {0};

	if (qmac_net_append(net, &request, &err)) {
		printf("\n    %s\n", err.message);
		CU_FAIL_FATAL("the layer must fit");
	}
}

static void create(struct qmac_net *net, int64_t channels, int64_t height, int64_t width)
{
	CU_ASSERT_FATAL(!qmac_net_create(net, "test", (struct qmac_shape){channels, height, width}, NULL));
}

/* ---- by hand ----------------------------------------------------------------------- */

/* A net of that one layer gives those outputs for those inputs; parameters 0 and 1 may be NULL. */
static void expect(struct qmac_shape shape, int64_t images, struct qmac_layer_request request,
                   const double *input, const double *first, const double *second, const double *output)
{
	struct qmac_net net;
	struct ref_net *ref;
	const double *parameters[] = {first, second};

	create(&net, shape.channels, shape.height, shape.width);
	request.input = request.other = QMAC_NET_INPUT;
	append(&net, request);
	ref = ref_net_create(&net, images);
	memcpy(ref->input, input, (size_t)(images * qmac_shape_count(shape)) * sizeof *input);
	for (int i = 0; i < net.parameter_count; i++)
		memcpy(ref->parameter[i], parameters[i], (size_t)net.parameters[i].count * sizeof *input);
	ref_net_forward(ref);
	for (int64_t i = 0; i < images * qmac_shape_count(net.layers[0].out); i++)
		CU_ASSERT_DOUBLE_EQUAL(ref->output[0][i], output[i], 1e-12);
	ref_net_destroy(ref);
	qmac_net_free(&net);
}

static void by_hand(void)
{
	static const struct qmac_shape two = {2, 1, 1}, wide = {1, 2, 3}, square = {1, 3, 3}, pair = {2, 2, 1};
	static const double six[] = {1, -2, 3, 4, 5, -6}, ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
	static const double taps[] = {1, 10, 100, 1000};
	double s = sqrt(1 + QMAC_BATCH_NORM_EPSILON);

	/* conv: two channels of 2 x 1, kernel 1: weight[0][0] 1, [0][1] 10, [1][0] 100, [1][1] 1000, bias 5, 7 */
	expect(pair, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = 2, .kernel = {1, 1},
	                                            .bias = true},
	       (double[]){1, 2, 3, 4}, taps, (double[]){5, 7}, (double[]){36, 47, 3107, 4207});
	/* kernel row before kernel column; the second image by itself */
	expect((struct qmac_shape){1, 2, 2}, 2,
	       (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = 1, .kernel = {2, 2}},
	       (double[]){1, 2, 3, 4, 5, 6, 7, 8}, taps, NULL, (double[]){4321, 8765});
	/* a border of 0 on every side, and a stride that leaves the middle out */
	expect(square, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = 1, .kernel = {3, 3},
	                                              .pad = 1},
	       ones, ones, NULL, (double[]){4, 6, 4, 6, 9, 6, 4, 6, 4});
	expect(square, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = 1, .kernel = {2, 2},
	                                              .pad = 1, .stride = 2},
	       (double[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, taps, NULL, (double[]){1000, 3200, 7040, 9865});
	expect(two, 2, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .outputs = 2, .bias = true},
	       (double[]){1, 2, 3, 4}, taps, (double[]){5, 7}, (double[]){26, 2107, 48, 4307});
	expect(two, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_BIAS}, six, (double[]){5, 7}, NULL,
	       (double[]){6, 5});
	expect(wide, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_RELU}, six, NULL, NULL,
	       (double[]){1, 0, 3, 4, 5, 0});
	expect(two, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_TANH}, six, NULL, NULL,
	       (double[]){0.76159415595576489, -0.96402758007581689});
	expect(two, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_SIGMOID}, six, NULL, NULL,
	       (double[]){0.73105857863000488, 0.11920292202211756});
	expect(wide, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_AVG_POOL, .kernel = {2, 2}, .stride = 1},
	       six, NULL, NULL, (double[]){2, 0});
	expect(wide, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_MAX_POOL, .kernel = {2, 2}}, six, NULL,
	       NULL, (double[]){5});
	expect((struct qmac_shape){2, 1, 3}, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_GLOBAL_POOL}, six,
	       NULL, NULL, (double[]){2.0 / 3, 1});
	expect(wide, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD}, six, NULL, NULL,
	       (double[]){2, -4, 6, 8, 10, -12});
	expect(pair, 1, (struct qmac_layer_request){.kind = QMAC_LAYER_FLATTEN}, six, NULL, NULL, six);
	/* channels {1, 3} and {-2, 4} over two images: means 2 and 1, variances 1 and 9 */
	expect(two, 2, (struct qmac_layer_request){.kind = QMAC_LAYER_BATCH_NORM}, (double[]){1, -2, 3, 4},
	       (double[]){10, 1}, (double[]){0.5, 0},
	       (double[]){0.5 - 10 / s, -3 / sqrt(9 + 1e-5), 0.5 + 10 / s, 3 / sqrt(9 + 1e-5)});
}

/* ---- finite differences ------------------------------------------------------------- */

static double draw(uint64_t *state)
{
	return (double)test_between(state, -1000000, 1000000) / 1000000;
}

static void fill(uint64_t *state, double *array, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		array[i] = draw(state);
}

/* The loss is the sum of the outputs times their errors, which it is linear in. */
static double loss(struct ref_net *ref)
{
	int last = ref->net->layer_count - 1;
	double sum = 0;

	ref_net_forward(ref);
	for (int64_t i = 0; i < ref->images * qmac_shape_count(ref->net->layers[last].out); i++)
		sum += ref->output[last][i] * ref->error[last][i];
	return sum;
}

/*
 * Is that the derivative of the loss by *number? A kink of relu or max_pool may lie within the step; hardly
 * within the smallest.
 */
static bool is_derivative(struct ref_net *ref, double *number, double derivative)
{
	double before = *number;
	bool right = false;

	for (double step = 1e-5; !right && step > 1e-8; step /= 10) {
		double high, low;

		*number = before + step;
		high = loss(ref);
		*number = before - step;
		low = loss(ref);
		right = fabs((high - low) / (2 * step) - derivative) <= 1e-5 * (1 + fabs(derivative));
	}
	*number = before;
	return right;
}

/* Some of the numbers of an array, all where there are few. */
static bool are_derivatives(struct ref_net *ref, uint64_t *state, double *numbers, const double *derivatives,
                            int64_t count)
{
	bool right = true;

	for (int64_t i = 0; i < count; i += count > 6 ? test_between(state, 1, count / 3) : 1)
		right = is_derivative(ref, &numbers[i], derivatives[i]) && right;
	return right;
}

/* Random numbers everywhere; every derivative is right. Channels that vary little have steep batch norms. */
static void check_net(const struct qmac_net *net, int64_t images, bool training, uint64_t *state)
{
	struct ref_net *ref = ref_net_create(net, images);
	int last = net->layer_count - 1;
	bool right;

	ref->training = training;
	fill(state, ref->input, images * qmac_shape_count(net->input));
	fill(state, ref->error[last], images * qmac_shape_count(net->layers[last].out));
	for (int i = 0; i < net->parameter_count; i++)
		fill(state, ref->parameter[i], net->parameters[i].count);
	for (int i = 0; i < net->layer_count; i++)
		for (int64_t c = 0; c < net->layers[i].out.channels; c++) {
			ref->mean[i][c] = draw(state);
			ref->variance[i][c] = fabs(draw(state)) + 0.5;
		}
	ref_net_forward(ref);
	ref_net_backward(ref);
	right = are_derivatives(ref, state, ref->input, ref->input_error, images * qmac_shape_count(net->input));
	for (int i = 0; i < net->parameter_count; i++)
		right = are_derivatives(ref, state, ref->parameter[i], ref->gradient[i], net->parameters[i].count)
		        && right;
	CU_ASSERT(right);
	for (int i = 0; !right && i < net->layer_count; i++)
		printf("\n    %s reads %d", net->layers[i].name, net->layers[i].input);
	ref_net_destroy(ref);
}

/* A layer of that kind that fits; false where none does. */
static bool random_request(const struct qmac_net *net, enum qmac_layer_kind kind, int input, uint64_t *state,
                           struct qmac_layer_request *request)
{
	struct qmac_shape in = qmac_net_shape(net, input);
	int64_t room[2] = {in.height, in.width};
	bool conv = kind == QMAC_LAYER_CONV;

	*request = (struct qmac_layer_request){.kind = kind, .input = input, .other = input,
	                                       .outputs = test_between(state, 1, 4),
	                                       .stride = test_between(state, 1, 3), .pad = conv ? 1 : 0,
	                                       .bias = test_between(state, 0, 1) != 0};
	for (int d = 0; d < 2; d++) {
		int64_t most = room[d] + 2 * request->pad < 4 ? room[d] + 2 * request->pad : 4;

		request->kernel[d] = test_between(state, conv ? 2 : 1, most);
	}
	if (conv && test_between(state, 0, 1)) {
		request->pad = 0;
		for (int d = 0; d < 2; d++)
			request->kernel[d] = test_between(state, 1, room[d] < 3 ? room[d] : 3);
	}
	return kind != QMAC_LAYER_LINEAR || (in.height == 1 && in.width == 1);
}

static void single_layers(void)
{
	uint64_t state = test_seed();

	for (int kind = 0; kind < QMAC_LAYER_EMBEDDING; kind++)
		for (int i = 0; i < TEST_CASES(20); i++) {
			bool flat = kind == QMAC_LAYER_LINEAR;
			int64_t images = test_between(&state, 1, 3);
			struct qmac_layer_request request;
			struct qmac_net net;

			create(&net, test_between(&state, 1, 4), flat ? 1 : test_between(&state, 1, 7),
			       flat ? 1 : test_between(&state, 1, 7));
			CU_ASSERT_FATAL(random_request(&net, (enum qmac_layer_kind)kind, QMAC_NET_INPUT, &state,
			                               &request));
			append(&net, request);
			/* two numbers a channel: of one alone the variance is 0, and of few all is steep */
			if (kind == QMAC_LAYER_BATCH_NORM && images * net.input.height * net.input.width < 4)
				images = 4;
			check_net(&net, images, i % 4 > 0, &state);
			qmac_net_free(&net);
		}
}

/* Any layer reads any earlier one, an add two of one shape where there are; unread ones do no harm. */
static void random_graphs(void)
{
	uint64_t state = test_seed() + 1;

	for (int i = 0; i < TEST_CASES(60); i++) {
		int64_t count = test_between(&state, 2, 9);
		struct qmac_net net;

		create(&net, test_between(&state, 1, 3), test_between(&state, 3, 7), test_between(&state, 3, 7));
		while (net.layer_count < count) {
			enum qmac_layer_kind kind = (enum qmac_layer_kind)test_between(&state, 0, QMAC_LAYER_FLATTEN);
			int input = net.layer_count - 1 - (int)test_between(&state, 0, net.layer_count > 1 ? 2 : 0);
			struct qmac_layer_request request;

			if (kind == QMAC_LAYER_BATCH_NORM && qmac_net_shape(&net, input).height < 3)
				continue;
			if (!random_request(&net, kind, input, &state, &request))
				continue;
			for (int other = QMAC_NET_INPUT; other < net.layer_count; other++)
				if (test_between(&state, 0, 1) &&
				    qmac_shape_is(qmac_net_shape(&net, other), qmac_net_shape(&net, input)))
					request.other = other;
			append(&net, request);
		}
		check_net(&net, test_between(&state, 2, 3), i % 4 > 0, &state);
		qmac_net_free(&net);
	}
}

/* Of equal elements the first, row by row, has the error. */
static void ties(void)
{
	static const double expected[] = {0, 3, 0, 4, 0, 0, 0, 8, 0};
	struct qmac_net net;
	struct ref_net *ref;

	create(&net, 1, 3, 3);
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_MAX_POOL, .kernel = {2, 2}, .stride = 1,
	                                         .input = QMAC_NET_INPUT});
	ref = ref_net_create(&net, 1);
	memcpy(ref->input, (double[]){0, 5, 5, 5, 1, 1, 1, 5, 1}, 9 * sizeof *ref->input);
	for (int i = 0; i < 4; i++)
		ref->error[0][i] = 1 << i;
	ref_net_forward(ref);
	ref_net_backward(ref);
	for (int i = 0; i < 9; i++)
		CU_ASSERT_EQUAL(ref->input_error[i], expected[i]);
	ref_net_destroy(ref);
	qmac_net_free(&net);
}

/* Errors and gradients are not those of the pass before; a wrong derivative is found. */
static void fresh_and_strict(void)
{
	uint64_t state = 5;
	struct qmac_net net;
	struct ref_net *ref;
	double gradient, error;

	create(&net, 2, 2, 2);
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .outputs = 2, .kernel = {2, 2},
	                                         .input = QMAC_NET_INPUT});
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_TANH, .input = 0});
	ref = ref_net_create(&net, 1);
	fill(&state, ref->input, 8);
	fill(&state, ref->parameter[0], net.parameters[0].count);
	fill(&state, ref->error[1], 2);
	ref_net_forward(ref);
	ref_net_backward(ref);
	gradient = ref->gradient[0][3];
	error = ref->input_error[3];
	ref_net_backward(ref);
	CU_ASSERT(ref->gradient[0][3] == gradient && ref->input_error[3] == error);
	CU_ASSERT(is_derivative(ref, &ref->parameter[0][3], gradient));
	CU_ASSERT(!is_derivative(ref, &ref->parameter[0][3], gradient + 1e-3 * (1 + fabs(gradient))));
	CU_ASSERT(!is_derivative(ref, &ref->parameter[0][3], -gradient));
	ref_net_destroy(ref);
	qmac_net_free(&net);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"every kind of layer by hand", by_hand},
		{"derivatives of every kind", single_layers},
		{"derivatives of random graphs", random_graphs},
		{"ties of max_pool", ties},
		{"fresh gradients, and wrong ones", fresh_and_strict},
	};

	return test_main("test_ref_net", cases, TEST_COUNT(cases));
}
