/*
 * Batch norm in the slow reference of networks in integers (tests/reference/ref_qnet_norm.c): coefficients by
 * hand; codes against real arithmetic on the same codes; gradients of whole networks against those in double.
 */
#include <math.h>
#include <stdlib.h>

#include "qmac_isa.h"
#include "reference/ref_net.h"
#include "reference/ref_qnet.h"
#include "test.h"

/* ---- by hand --------------------------------------------------------------------------------- */

/* One channel with variance 1/4 - 1/12 and x without fraction bits: 1 / sqrt(v + 1/12) is 2. */
static void create_one(struct ref_qnorm *norm, double mean)
{
	ref_qnorm_create(norm, 1);
	norm->mean[0] = mean;
	norm->variance[0] = 0.25 - 1.0 / 12;
}

static void expect_forward(double gamma, double beta, int f, const int *other_fl, int t, int64_t slope,
                           int64_t offset, uint64_t saturations)
{
	struct ref_qnorm norm;

	create_one(&norm, 0.5);
	ref_qnorm_forward(&norm, &gamma, &beta, 0, f, other_fl);
	CU_ASSERT_EQUAL(norm.t, t);
	CU_ASSERT_EQUAL(norm.slope[0], slope);
	CU_ASSERT_EQUAL(norm.offset[0], offset);
	CU_ASSERT_EQUAL(norm.saturations, saturations);
	ref_qnorm_destroy(&norm);
}

static void forward_by_hand(void)
{
	static const int coarse = -2, fine = 17;

	/* A = 3, B = -2.5: 3 2^15 is 98304, 3 2^16 too much */
	expect_forward(1.5, -1, 0, NULL, 15, 98304, -81920, 0);
	/* B alone is too large for more: 2^31 - 1 is, 2^31 is not below it */
	expect_forward(0x1p-10, 0x1p16 + 0x1p-10, 0, NULL, 14, 32, 0x1p30, 0);
	/* not above 24, where ties go to even: A 2^24 is 1.5, B 2^24 is 2.5 */
	expect_forward(0x1.8p-25, 0x1.9p-23 + 0x1.8p-25, 0, NULL, 24, 2, 3, 0);
	expect_forward(0x1.8p-25, 0x1.4p-23 + 0x1.8p-25, 0, NULL, 24, 2, 2, 0);
	/* the output's fraction bits win, and the slope is clamped; or both are */
	expect_forward(1.5, -1, 20, NULL, 20, 131071, -2621440, 1);
	expect_forward(-1.5, -0x1p12, 20, NULL, 20, -131072, INT32_MIN, 2);
	/* merged: p is at most f_x' + 16, at least f_x' */
	expect_forward(1.5, -1, 0, &coarse, 14, 49152, -40960, 0);
	expect_forward(1.5, -1, 0, &fine, 17, 131071, -327680, 1);
	/* no number, no code */
	expect_forward((double)NAN, 1, 0, NULL, 24, 0, 0, 0);
	expect_forward(0, (double)INFINITY, 3, &coarse, 14, 0, 0, 0);
}

static void expect_back(double gamma, int u, int64_t e, int64_t x, int64_t one)
{
	int64_t sum = 6, sum_x = 10;
	const struct ref_qnorm_errors errors = {4, &sum, &sum_x, 1, 0};
	double beta = 0, dgamma, dbeta;
	struct ref_qnorm norm;

	create_one(&norm, 0.5);
	ref_qnorm_forward(&norm, &gamma, &beta, 0, 0, NULL);
	ref_qnorm_back(&norm, &errors, &gamma, &dgamma, &dbeta);
	/* sums 3 of the errors and 5 of those times x: 2 (5 - 0.5 3) */
	CU_ASSERT_EQUAL(dbeta, 3);
	CU_ASSERT_EQUAL(dgamma, 7);
	CU_ASSERT_EQUAL(norm.u, u);
	CU_ASSERT_EQUAL(norm.back_e[0], e);
	CU_ASSERT_EQUAL(norm.back_x[0], x);
	CU_ASSERT_EQUAL(norm.back_1[0], one);
	ref_qnorm_destroy(&norm);
}

static void back_by_hand(void)
{
	/* a = 3, b = -3 2 7 / 4 = -10.5, c' = -3 3 / 4 + 10.5 0.5 = 3: 10.5 2^13 is 86016, the first to fit */
	expect_back(1.5, 12, 12288, -86016, 24576);
	/* a = 0.75 2^-20 and so on: all of 2^24 and no more */
	expect_back(0.375 * 0x1p-20, 24, 12, -84, 24);
	expect_back(0x1.8p100, -88, 12288, -86016, 24576);
	expect_back((double)NAN, 24, 0, 0, 0);
}

static int append(struct qmac_net *net, struct qmac_layer_request request)
{
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_net_append(net, &request, &err), QMAC_OK);
	return net->layer_count - 1;
}

static int append_norm(struct qmac_net *net, int input)
{
	return append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_BATCH_NORM, .input = input});
}

static int append_add(struct qmac_net *net, int input, int other)
{
	return append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_ADD, .input = input, .other = other});
}

static void create(struct qmac_net *net, int64_t channels, int64_t height, int64_t width)
{
	struct qmac_error err;
	struct qmac_shape shape = {channels, height, width};

	CU_ASSERT_EQUAL_FATAL(qmac_net_create(net, "norms", shape, &err), QMAC_OK);
}

/* Which batch norms have no tensor of their own. */
static void merging(void)
{
	struct qmac_net net;
	int a, b, first, second, both, twice, sum;

	create(&net, 1, 2, 2);
	a = append_norm(&net, QMAC_NET_INPUT);
	first = append_add(&net, a, QMAC_NET_INPUT);
	b = append_norm(&net, first);
	second = append_add(&net, first, b);
	CU_ASSERT_EQUAL(ref_qnet_merged_into(&net, a), first);
	CU_ASSERT_EQUAL(ref_qnet_merged_into(&net, b), second);
	a = append_norm(&net, second);
	b = append_norm(&net, second);
	both = append_add(&net, b, a); /* of two the first input, not the first layer */
	CU_ASSERT_EQUAL(ref_qnet_merged_into(&net, a), QMAC_NET_NONE);
	CU_ASSERT_EQUAL(ref_qnet_merged_into(&net, b), both);
	a = append_norm(&net, both);
	twice = append_add(&net, a, a);
	CU_ASSERT_EQUAL(ref_qnet_merged_into(&net, a), QMAC_NET_NONE);
	a = append_norm(&net, twice); /* which several read */
	b = append_norm(&net, a);
	sum = append_add(&net, a, b);
	CU_ASSERT_EQUAL(ref_qnet_merged_into(&net, a), QMAC_NET_NONE);
	CU_ASSERT_EQUAL(ref_qnet_merged_into(&net, b), sum);
	a = append_norm(&net, sum); /* the last */
	CU_ASSERT_EQUAL(ref_qnet_merged_into(&net, a), QMAC_NET_NONE);
	CU_ASSERT(ref_qnet_has_error(&net, a) && !ref_qnet_has_error(&net, b));
	qmac_net_free(&net);
}

/* With the numbers of create_one(), whatever the minibatch: 2 (3 x - 2.5) for x of 0, 1, 2. */
static void evaluation(void)
{
	static const double x[] = {0, 1, 2};
	static const int64_t codes[] = {-5, 1, 7}, narrow[] = {-4, 1, 3};
	struct qmac_net net;
	struct ref_qnet r;

	create(&net, 1, 1, 3);
	append_norm(&net, QMAC_NET_INPUT);
	ref_qnet_create(&r, &net, 1);
	r.evaluation = true;
	r.norm[1].mean[0] = 0.5;
	r.norm[1].variance[0] = 0.25 - 1.0 / 12;
	r.parameter[0].real[0] = 1.5;
	r.parameter[1].real[0] = -1;
	r.out[0] = (struct ref_qtensor){4, 0, 1, 3, 1, r.out[0].q};
	r.out[1].fl = 1;
	for (int bits = 3; bits <= 4; bits++) {
		r.out[1].bits = bits;
		ref_qnet_forward(&r, x);
		CU_ASSERT_EQUAL(r.saturations[1], bits == 3 ? 2 : 0);
		for (int i = 0; i < 3; i++)
			CU_ASSERT_EQUAL(r.out[1].q[i], bits == 3 ? narrow[i] : codes[i]);
	}
	CU_ASSERT_EQUAL(r.norm[1].mean[0], 0.5);
	ref_qnet_destroy(&r);
	qmac_net_free(&net);
}

/* Whether codes that saturated are masked: not where a batch norm is the only reader. */
static void expect_mask(bool alone, bool masked)
{
	static const double x[] = {-2, 1, 3, 7}, residual[] = {1, -3, 2, 5};
	struct qmac_net net;
	struct ref_qnet r;
	int norm;

	create(&net, 1, 1, 1);
	append(&net, (struct qmac_layer_request){.kind = QMAC_LAYER_BIAS, .input = QMAC_NET_INPUT});
	norm = append_norm(&net, 0);
	if (!alone)
		append_add(&net, 0, norm);
	ref_qnet_create(&r, &net, 4);
	for (int t = 0; t <= net.layer_count; t++)
		r.out[t].bits = t == 1 ? 3 : 8; /* -4 .. 3 */
	r.parameter[0].bits = 4;
	r.parameter[1].real[0] = 1;
	ref_qnet_forward(&r, x);
	ref_qnet_backward(&r, residual);
	CU_ASSERT(r.g[1][0] != 0 && r.g[1][1] != 0);
	for (int i = 2; i < 4; i++)
		CU_ASSERT_EQUAL(r.g[1][i] == 0, masked);
	ref_qnet_destroy(&r);
	qmac_net_free(&net);
}

static void masks(void)
{
	expect_mask(true, false);
	expect_mask(false, true);
}

/* ---- codes against real arithmetic --------------------------------------------------------------- */

enum { SAMPLES = 9, NORMS = 10, MERGED = 3, ALONE = 7 };

static int append_tanh(struct qmac_net *net, int input)
{
	return append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_TANH, .input = input});
}

static int append_conv(struct qmac_net *net, int input, int64_t side)
{
	return append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_CONV, .input = input, .outputs = 3,
	                                               .kernel = {side, side}, .pad = side / 2});
}

/*
 * Norms of the input, of a norm, of a sum, behind windows, merged on either side and not at all, what several
 * read, and one behind flatten. A tanh before most of them: what a norm before a norm shifts or scales has
 * no gradient.
 */
static void build(struct qmac_net *net)
{
	int a, b, c;

	create(net, 2, 5, 6);
	a = append_conv(net, append_norm(net, QMAC_NET_INPUT), 3);
	c = append_tanh(net, append_norm(net, append_norm(net, a)));
	a = append_norm(net, append_conv(net, c, 1));
	c = append_tanh(net, append_add(net, a, c));
	c = append_tanh(net, append_add(net, c, append_norm(net, c)));
	a = append_norm(net, c);
	c = append_tanh(net, append_add(net, a, a));
	a = append_norm(net, append_conv(net, c, 1));
	b = append_norm(net, c);
	c = append_tanh(net, append_add(net, a, b));
	a = append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_AVG_POOL, .input = c, .kernel = {2, 2}});
	a = append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_FLATTEN, .input = append_norm(net, a)});
	a = append_norm(net, append_tanh(net, a));
	append(net, (struct qmac_layer_request){.kind = QMAC_LAYER_LINEAR, .input = a, .outputs = 4});
}

static double draw(uint64_t *state)
{
	return (double)test_between(state, -1000, 1000) / 1000;
}

/* Formats of 16 bits that nothing saturates, and numbers that these can hold. */
static void set(struct ref_qnet *r, struct ref_net *real, uint64_t *state)
{
	const struct qmac_net *net = r->net;
	int last = net->layer_count - 1;

	for (int t = 0; t <= net->layer_count; t++) {
		r->out[t].bits = 16;
		r->out[t].fl = t == 0 ? 14 : 11;
	}
	r->err_bits = r->dy_bits = 16;
	r->scale = REF_SCALE_CUR;
	for (int p = 0; p < net->parameter_count; p++) {
		r->parameter[p].bits = 14;
		r->parameter[p].fl = 12;
		for (int64_t i = 0; i < net->parameters[p].count; i++) {
			bool gamma = net->parameters[p].role == QMAC_ROLE_GAMMA;
			double x = gamma ? 1 + draw(state) / 2 : draw(state);

			r->parameter[p].q[i] = (int64_t)rint(ldexp(x, 12));
			r->parameter[p].real[i] = real->parameter[p][i] = ldexp((double)r->parameter[p].q[i], -12);
		}
	}
	for (int64_t i = 0; i < SAMPLES * qmac_shape_count(net->layers[last].out); i++)
		real->error[last][i] = draw(state);
}

/* The input's numbers are exact codes. */
static void run(struct ref_qnet *r, struct ref_net *real, uint64_t *state)
{
	struct qmac_shape in = r->net->input;
	double *numbers = calloc((size_t)(SAMPLES * qmac_shape_count(in)), sizeof *numbers);

	for (int64_t n = 0; n < SAMPLES; n++)
		for (int64_t i = 0; i < qmac_shape_count(in); i++) {
			double x = ldexp(rint(ldexp(draw(state), 14)), -14);

			real->input[n * qmac_shape_count(in) + i] = x;
			numbers[ref_qnet_at_number(r, 0, n, i)] = x;
		}
	ref_net_forward(real);
	ref_qnet_forward(r, numbers);
	ref_net_backward(real);
	ref_qnet_backward(r, real->error[r->net->layer_count - 1]); /* of logits: [n][c] in both */
	free(numbers);
}

/* ---- of one batch norm ---------------------------------------------------------------------------- */

/* Number of element i of channel c, over all images. */
static int64_t place(const struct ref_qnet *r, int t, int64_t c, int64_t i)
{
	struct qmac_shape shape = qmac_net_shape(r->net, t - 1);
	int64_t pixels = shape.height * shape.width;

	return ref_qnet_at_number(r, t, i / pixels, c * pixels + i % pixels);
}

/* Its value; tensors: outputs or errors. */
static double value(const struct ref_qnet *r, const struct ref_qtensor *tensors, int t, int64_t c, int64_t i)
{
	return ldexp((double)tensors[t].q[place(r, t, c, i)], -tensors[t].fl);
}

/* A channel: mean and deviation of what the layer reads; means of its error and of error times normed x. */
struct channel {
	double mean, deviation, error, error_x;
};

static struct channel channel_of(const struct ref_qnet *r, int l, int64_t c, int64_t count)
{
	int from = r->net->layers[l].input + 1, error = ref_qnet_error_tensor(r, l + 1);
	double n = (double)count, variance = 0;
	struct channel of = {0};

	for (int64_t i = 0; i < count; i++)
		of.mean += value(r, r->out, from, c, i) / n;
	for (int64_t i = 0; i < count; i++)
		variance += pow(value(r, r->out, from, c, i) - of.mean, 2) / n;
	of.deviation = sqrt(variance + QMAC_BATCH_NORM_EPSILON);
	for (int64_t i = 0; i < count; i++) {
		of.error += value(r, r->error, error, c, i) / n;
		of.error_x += value(r, r->error, error, c, i) / n * (value(r, r->out, from, c, i) - of.mean) /
		              of.deviation;
	}
	return of;
}

/* What is added to batch norm l. */
static int other_input(const struct ref_qnet *r, int l, int add)
{
	return r->net->layers[add].input == l ? r->net->layers[add].other : r->net->layers[add].input;
}

/* Codes of the output, its own or that of the add, within what rounding of A, B and of the sum may do. */
static void check_codes(const struct ref_qnet *r, int l, int64_t c, int64_t count)
{
	const struct qmac_net_layer *layer = &r->net->layers[l];
	int add = ref_qnet_merged_into(r->net, l), to = add == QMAC_NET_NONE ? l + 1 : add + 1;
	int from = layer->input + 1;
	struct channel of = channel_of(r, l, c, count);

	for (int64_t i = 0; i < count; i++) {
		double x = value(r, r->out, from, c, i), y = (x - of.mean) / of.deviation, near;

		y = y * r->parameter[layer->weight].real[c] + r->parameter[layer->bias].real[c];
		if (add != QMAC_NET_NONE)
			y += value(r, r->out, other_input(r, l, add) + 1, c, i);
		near = ldexp(fabs(x) + ldexp(1, -r->out[from].fl), -r->norm[l + 1].t) + ldexp(1, -r->out[to].fl);
		CU_ASSERT(fabs(value(r, r->out, to, c, i) - y) <= near / 2 * (1 + 1e-9));
		/* one code at most, where the slope leaves room for that */
		CU_ASSERT(ldexp(near, r->out[to].fl) < 2);
	}
}

/* What goes back to a tensor that nothing else reads, within what rounding of a, b and c' may do. */
static void check_back(const struct ref_qnet *r, int l, int64_t c, int64_t count)
{
	const struct qmac_net_layer *layer = &r->net->layers[l];
	int to = layer->input + 1, error = ref_qnet_error_tensor(r, l + 1);
	struct channel of = channel_of(r, l, c, count);

	for (int64_t i = 0; i < count; i++) {
		double e = value(r, r->error, error, c, i), x = value(r, r->out, to, c, i);
		double dx = e - of.error - (x - of.mean) / of.deviation * of.error_x;
		double near = ldexp(fabs(e), r->error[error].fl) + ldexp(fabs(x), r->out[to].fl) + 1;

		dx *= r->parameter[layer->weight].real[c] / of.deviation;
		near = ldexp(near, -r->g_fl[to]);
		CU_ASSERT(fabs(ldexp((double)r->g[to][place(r, to, c, i)], -r->g_fl[to]) - dx) <=
		          near / 2 * (1 + 1e-9));
		CU_ASSERT_DOUBLE_EQUAL(r->parameter[layer->weight].gradient[c], of.error_x * (double)count, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(r->parameter[layer->bias].gradient[c], of.error * (double)count, 1e-9);
	}
}

static void check_norms(const struct ref_qnet *r)
{
	int norms = 0, merged = 0, back = 0;

	for (int l = 0; l < r->net->layer_count; l++) {
		const struct qmac_net_layer *layer = &r->net->layers[l];
		bool alone = layer->input >= 0 && qmac_net_readers(r->net, layer->input) == 1;

		if (layer->kind != QMAC_LAYER_BATCH_NORM)
			continue;
		CU_ASSERT_EQUAL(r->saturations[ref_qnet_error_tensor(r, l + 1)] + r->norm[l + 1].saturations, 0);
		for (int64_t c = 0; c < layer->out.channels; c++) {
			check_codes(r, l, c, SAMPLES * layer->out.height * layer->out.width);
			if (alone)
				check_back(r, l, c, SAMPLES * layer->out.height * layer->out.width);
		}
		norms++;
		merged += ref_qnet_merged_into(r->net, l) != QMAC_NET_NONE;
		back += alone;
	}
	CU_ASSERT(norms == NORMS && merged == MERGED && back == ALONE);
}

/* ---- of the network ------------------------------------------------------------------------------- */

static double largest(const double *a, const double *b, int64_t count)
{
	double most = 0;

	for (int64_t i = 0; i < count; i++)
		most = fmax(most, fabs(b ? a[i] - b[i] : a[i]));
	return most;
}

/* 16 bits a layer: a few hundredths. Of a norm before a norm all gradients are 0, but for epsilon. */
static void check_gradients(const struct ref_qnet *r, const struct ref_net *real)
{
	const struct qmac_net *net = r->net;
	double most = 0;

	for (int p = 0; p < net->parameter_count; p++)
		most = fmax(most, largest(real->gradient[p], NULL, net->parameters[p].count));
	for (int p = 0; p < net->parameter_count; p++) {
		const struct ref_qparameter *parameter = &r->parameter[p];
		int64_t count = net->parameters[p].count;
		double apart, own = largest(real->gradient[p], NULL, count);

		if (net->parameters[p].role == QMAC_ROLE_WEIGHT)
			for (int64_t i = 0; i < count; i++)
				parameter->gradient[i] = ldexp((double)parameter->sum[i], -parameter->sum_fl);
		apart = largest(parameter->gradient, real->gradient[p], count);
		if (!(apart < 0.03 * own + 1e-3 * most))
			printf("%s: %g off, of %g\n", net->parameters[p].name, apart, own);
		CU_ASSERT(apart < 0.03 * own + 1e-3 * most);
	}
}

static void against_real_arithmetic(void)
{
	uint64_t state = 7;
	struct qmac_net net;
	struct ref_qnet r;
	struct ref_net *real;

	build(&net);
	ref_qnet_create(&r, &net, SAMPLES);
	real = ref_net_create(&net, SAMPLES);
	set(&r, real, &state);
	run(&r, real, &state);
	check_norms(&r);
	check_gradients(&r, real);
	ref_net_destroy(real);
	ref_qnet_destroy(&r);
	qmac_net_free(&net);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"coefficients forward by hand", forward_by_hand},
		{"coefficients backward by hand", back_by_hand},
		{"which norms are merged", merging},
		{"given statistics", evaluation},
		{"masks", masks},
		{"codes and gradients against real arithmetic", against_real_arithmetic},
	};

	return test_main("test_ref_qnet_norm", cases, TEST_COUNT(cases));
}
