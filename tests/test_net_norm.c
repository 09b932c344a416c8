/*
 * Batch norm on the host and in a plan: numbers at the edges, which batch norms are merged, formats, and what
 * is refused. tests/test_norm_scales.c and tests/test_net_device.c have the rest, against the reference.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/plan.h"
#include "qmac_isa.h"
#include "shipped_hw.h"
#include "test.h"

/* ---- numbers --------------------------------------------------------------------------------- */

enum { CHANNELS = 4, N = 8, FL = 4 };

/* Channels: all 0, all 3, -2 and 2, and 1 to 8. */
static const int64_t sums[CHANNELS] = {0, 3 * N, 0, 36}, squares[CHANNELS] = {0, 9 * N, 4 * N, 204};

struct rig {
	float gamma[CHANNELS], beta[CHANNELS];
	struct qmac_net_norm norm;
	double mean[CHANNELS], variance[CHANNELS], inverse[CHANNELS];
	int64_t forward[3 * CHANNELS], back[3 * CHANNELS], clamps;
	int sum_fl, back_fl;
	double dgamma[CHANNELS], dbeta[CHANNELS];
};

static void solve(struct rig *r)
{
	r->norm.channels = CHANNELS;
	r->norm.count = N;
	r->norm.x_fl = FL;
	r->norm.gamma = r->gamma;
	r->norm.beta = r->beta;
	qmac_net_norm_statistics(&r->norm, sums, squares, r->mean, r->variance);
	qmac_net_norm_inverse(&r->norm, r->variance, r->inverse);
	r->clamps = qmac_net_norm_coefficients(&r->norm, r->mean, r->inverse, r->forward, &r->sum_fl);
}

static void solve_back(struct rig *r, const int64_t *sum, const int64_t *product, int error_fl)
{
	qmac_net_norm_gradient(&r->norm, r->mean, r->inverse, sum, product, error_fl, r->dgamma, r->dbeta,
	                       r->back, &r->back_fl);
}

static void test_statistics(void)
{
	/* by hand; without a variance it is that of rounding to codes, 2^-8 / 12, that is looked at */
	const double means[CHANNELS] = {0, 3 / 16., 0, 4.5 / 16};
	const double variances[CHANNELS] = {0, 0, 4 / 256., 5.25 / 256};
	struct rig r = {.gamma = {1, 1, 1, 1}, .norm.y_fl = 2};
	float mean[CHANNELS] = {0, 1}, variance[CHANNELS] = {1, 1};
	double stored[CHANNELS];
	const struct qmac_format format = {12, 8};
	struct qmac_error err;

	solve(&r);
	for (int c = 0; c < CHANNELS; c++) {
		CU_ASSERT_EQUAL(r.mean[c], means[c]);
		CU_ASSERT_EQUAL(r.variance[c], variances[c]);
		CU_ASSERT_EQUAL(r.inverse[c], 1 / sqrt(variances[c] + 1 / 3072.));
	}
	r.norm.x_fl = 12;
	qmac_net_norm_inverse(&r.norm, r.variance, r.inverse);
	CU_ASSERT_EQUAL(r.inverse[0], 1 / sqrt(QMAC_BATCH_NORM_EPSILON));

	qmac_net_norm_run(CHANNELS, r.mean, r.variance, mean, variance);
	CU_ASSERT_EQUAL(mean[1], (float)(0.9 + 0.1 * (3 / 16.)));
	CU_ASSERT_EQUAL(variance[2], (float)(0.1 * (4 / 256.)));
	CU_ASSERT_EQUAL(variance[0], 0.9F);
	mean[0] = 0.0058F; /* 1.5 codes, and a bit less */
	mean[2] = 100;
	CU_ASSERT_EQUAL(qmac_net_norm_stored(CHANNELS, mean, &format, stored, &err), QMAC_OK);
	CU_ASSERT(stored[0] == 1 / 256. && stored[2] == 2047 / 256.);
	CU_ASSERT_EQUAL(qmac_net_norm_stored(CHANNELS, mean, NULL, stored, &err), QMAC_OK);
	CU_ASSERT(stored[0] == (double)mean[0] && stored[2] == 100);
	mean[3] = (float)NAN;
	CU_ASSERT_EQUAL(qmac_net_norm_stored(CHANNELS, mean, NULL, stored, &err), QMAC_INTERNAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "channel 3"));
}

static void test_coefficients(void)
{
	const int64_t *sum = sums, product[CHANNELS] = {0, 9 * N, 10, 100};
	struct rig r = {.gamma = {1, -2, .5F, 1}, .beta = {.5F, -.25F, 0, 1}, .norm.y_fl = 2};

	solve(&r);
	/* |A| of the second is the largest, 110.85: 17 bits hold it with 10 fraction bits */
	CU_ASSERT_EQUAL(r.sum_fl, FL + 10);
	CU_ASSERT_EQUAL(r.clamps, 0);
	CU_ASSERT_EQUAL(r.forward[1], (int64_t)rint(-2 * r.inverse[1] * 1024));
	CU_ASSERT_EQUAL(r.forward[CHANNELS + 1], 0);
	CU_ASSERT_EQUAL(r.forward[2 * CHANNELS], 1 << (FL + 9));
	/* a channel that is always 3 becomes beta, but for the rounding of both coefficients */
	CU_ASSERT(fabs((double)(3 * r.forward[1] + r.forward[2 * CHANNELS + 1]) + ldexp(.25, r.sum_fl)) <= 2);

	/* its E x is 3 E: no slope against x, and what goes back is free of the mean of E */
	solve_back(&r, sum, product, 6);
	CU_ASSERT_EQUAL(r.dbeta[1], 24 / 64.);
	CU_ASSERT_EQUAL(r.dgamma[1], 0);
	CU_ASSERT_EQUAL(r.back[CHANNELS + 1], 0);
	CU_ASSERT(llabs(r.back[2 * CHANNELS + 1] + 3 * r.back[1]) <= 2);
	CU_ASSERT_EQUAL(r.dgamma[2], r.inverse[2] * (10 / 1024.));
	/* at least one coefficient has its full width */
	CU_ASSERT_EQUAL(r.back_fl, 6 + 10);
}

static void test_merged_scale(void)
{
	struct rig r = {.beta = {0}, .norm = {.y_fl = 2, .merged = true, .other_fl = 3}};

	/* nothing but 0: as fine as is allowed, and 2^16 times the other input at most */
	solve(&r);
	CU_ASSERT_EQUAL(r.sum_fl, 3 + 16);
	CU_ASSERT_EQUAL(r.forward[CHANNELS], 1 << 16);
	r.norm.other_fl = 20;
	solve(&r);
	CU_ASSERT_EQUAL(r.sum_fl, FL + 24);
	/* no term is shifted left: coefficients are clamped instead */
	r.gamma[1] = r.gamma[2] = 1;
	r.norm.other_fl = 16;
	solve(&r);
	CU_ASSERT_EQUAL(r.sum_fl, 16);
	CU_ASSERT_EQUAL(r.forward[CHANNELS], 1);
	CU_ASSERT_EQUAL(r.clamps, 1);
	CU_ASSERT_EQUAL(r.forward[1], (1 << 17) - 1);
	r.norm.y_fl = 18;
	solve(&r);
	CU_ASSERT_EQUAL(r.sum_fl, 18);
	CU_ASSERT_EQUAL(r.clamps, 1);
}

static void test_limits(void)
{
	const int64_t errors[CHANNELS] = {5, 6, 7, 8}, product[CHANNELS] = {0, 18, -3, 9};
	struct rig plain = {.gamma = {1, 1, 1, 1}, .norm.y_fl = 2}, r;

	/* a channel whose numbers are none has coefficients 0 and limits nobody */
	solve(&plain);
	solve_back(&plain, errors, product, 6);
	r = plain;
	r.gamma[2] = (float)NAN;
	solve(&r);
	solve_back(&r, errors, product, 6);
	CU_ASSERT(r.sum_fl == plain.sum_fl && r.back_fl == plain.back_fl && r.clamps == 0);
	for (int i = 0; i < 3 * CHANNELS; i++) {
		CU_ASSERT_EQUAL(r.forward[i], i % CHANNELS == 2 ? 0 : plain.forward[i]);
		CU_ASSERT_EQUAL(r.back[i], i % CHANNELS == 2 ? 0 : plain.back[i]);
	}
	CU_ASSERT(!isnan(r.dbeta[2]));

	/* gamma without bounds: forward it is clamped, back the scale follows it */
	r.gamma[2] = -1e30F;
	r.beta[2] = 1e30F;
	solve(&r);
	solve_back(&r, errors, product, 6);
	CU_ASSERT(r.sum_fl == 2 && r.clamps == 2);
	CU_ASSERT(r.forward[2] == -(1 << 17) && r.forward[2 * CHANNELS + 2] == INT32_MAX);
	CU_ASSERT(r.back_fl == 6 - 86 && r.back[2] <= -(1 << 16) && r.back[0] == 0);
}

/* ---- networks ---------------------------------------------------------------------------------- */

struct layer {
	enum qmac_layer_kind kind;
	int input, other;
};

static void make(struct qmac_net *net, const struct layer *layers, int count)
{
	struct qmac_error err;
	enum qmac_status status = qmac_net_create(net, "norms", (struct qmac_shape){3, 4, 4}, &err);

	for (int l = 0; status == QMAC_OK && l < count; l++) {
		const struct qmac_layer_request request = {
			.kind = layers[l].kind, .input = layers[l].input, .other = layers[l].other, .outputs = 3,
			.kernel = {1, 1}, .bias = true,
		};

		status = qmac_net_append(net, &request, &err);
	}
	if (status != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("net");
	}
}

#define CONV QMAC_LAYER_CONV
#define NORM QMAC_LAYER_BATCH_NORM
#define ADD  QMAC_LAYER_ADD
#define RELU QMAC_LAYER_RELU

enum { MOST = 4 };

/* A network, and which batch_norm each layer has taken in, -1: none. */
struct merging {
	int count;
	struct layer layers[MOST];
	int merged[MOST];
};

static bool is_taken(const struct merging *m, int l, int *add)
{
	for (*add = 0; *add < m->count && m->merged[*add] != l; ++*add)
		;
	return *add < m->count;
}

static void expect_merged(const struct merging *m)
{
	struct qmac_format formats[2 * MOST + 1] = {{0, 0}};
	const struct qmac_net_formats f = {.output = formats, .parameter = formats, .err_bits = 8, .dy_bits = 8};
	struct qmac_net_flow flow;
	struct qmac_error err;
	struct qmac_net net;

	make(&net, m->layers, m->count);
	CU_ASSERT_EQUAL_FATAL(qmac_net_flow_make(&flow, &net, &f, &err), QMAC_OK);
	for (int l = 0, add; l < m->count; l++) {
		bool taken = is_taken(m, l, &add);

		CU_ASSERT_EQUAL(flow.layers[l].merged, m->merged[l]);
		CU_ASSERT_EQUAL(flow.layers[l].merged_into, taken ? add : QMAC_NET_NONE);
		CU_ASSERT_EQUAL(flow.layers[l].has_error,
		                l == m->count - 1 || (!taken && m->layers[l].kind != RELU));
		if (taken) {
			const struct layer *into = &m->layers[add];

			CU_ASSERT_EQUAL(qmac_net_flow_error_of(&flow, l), add);
			CU_ASSERT_EQUAL(qmac_net_flow_other(&flow, add), into->input == l ? into->other : into->input);
		}
	}
	qmac_net_flow_free(&flow);
	qmac_net_free(&net);
}

static void test_merged(void)
{
	static const struct merging cases[] = {
		{3, {{CONV, -1, 0}, {NORM, 0, 0}, {ADD, 1, 0}}, {-1, -1, 1}},
		{3, {{CONV, -1, 0}, {NORM, 0, 0}, {ADD, 0, 1}}, {-1, -1, 1}},
		/* of two the first input; not one that is read twice, by one layer or by two, nor through a relu */
		{3, {{NORM, -1, 0}, {NORM, -1, 0}, {ADD, 1, 0}}, {-1, -1, 1}},
		{2, {{NORM, -1, 0}, {ADD, 0, 0}}, {-1, -1}},
		{3, {{NORM, -1, 0}, {RELU, 0, 0}, {ADD, 0, 1}}, {-1, -1, -1}},
		{4, {{NORM, -1, 0}, {RELU, 0, 0}, {ADD, 1, -1}, {CONV, 2, 0}}, {-1, -1, -1, -1}},
		/* the second input, where the first is read elsewhere; with the network's input; not the last */
		{4, {{NORM, -1, 0}, {NORM, 0, 0}, {ADD, 0, 1}, {RELU, 2, 0}}, {-1, -1, 1, -1}},
		{3, {{NORM, -1, 0}, {ADD, 0, -1}, {NORM, 1, 0}}, {-1, 0, -1}},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++)
		expect_merged(&cases[i]);
}

static void test_formats(void)
{
	/* x, conv, batch_norm, relu, pool, batch_norm, add, batch_norm, conv: widths are numbers of layers */
	static const struct layer layers[] = {
		{CONV, -1, 0}, {NORM, 0, 0}, {RELU, 1, 0}, {QMAC_LAYER_AVG_POOL, 2, 0}, {NORM, 3, 0}, {ADD, 3, 4},
		{NORM, 5, 0}, {CONV, 6, 0},
	};
	static const int expected[] = {2, 2, 2, 2, 2, 2, 2, 2, 9};
	struct qmac_net_formats formats;
	struct qmac_error err;
	struct qmac_net net;

	make(&net, layers, TEST_COUNT(layers));
	CU_ASSERT_EQUAL_FATAL(qmac_net_formats_create(&formats, &net, &err), QMAC_OK);
	for (int p = 0; p < net.parameter_count; p++)
		formats.parameter[p] = (struct qmac_format){2 + net.parameters[p].layer, 1};
	CU_ASSERT_EQUAL(qmac_net_formats_by_layer(&formats, &net, (struct qmac_format){16, 1}, &err), QMAC_OK);
	for (int t = 0; t <= net.layer_count; t++)
		CU_ASSERT_EQUAL(formats.output[t].bw, expected[t]);
	qmac_net_formats_free(&formats);
	qmac_net_free(&net);
}

/* ---- refusals ---------------------------------------------------------------------------------- */

struct trial {
	int bits, y_fl, acc_bits;
	bool is_flat;
	int64_t batch;
	bool masters;
	const char *message; /* NULL: it fits */
};

static void try(const struct trial *trial)
{
	/* a batch_norm that is merged into an add with the network's input; or one behind flatten */
	const struct layer layers[2][3] = {
		{{CONV, -1, 0}, {NORM, 0, 0}, {ADD, 1, -1}},
		{{CONV, -1, 0}, {QMAC_LAYER_FLATTEN, 0, 0}, {NORM, 1, 0}},
	};
	struct qmac_net_formats formats;
	struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_net_plan plan;
	struct qmac_error err = {.message = ""};
	enum qmac_status status;
	struct qmac_net net;

	make(&net, layers[trial->is_flat], 3);
	CU_ASSERT_EQUAL_FATAL(qmac_net_formats_create(&formats, &net, &err), QMAC_OK);
	for (int t = 0; t <= net.layer_count; t++)
		formats.output[t] = (struct qmac_format){trial->bits, 4};
	formats.output[3].fl = trial->y_fl;
	for (int p = 0; p < net.parameter_count; p++)
		formats.parameter[p] = (struct qmac_format){8, 4};
	formats.err_bits = formats.dy_bits = 8;
	formats.masters = trial->masters;
	hw.acc_bits = trial->acc_bits;
	status = qmac_net_plan_make(&plan, &net, &formats, trial->batch, &hw, &err);
	if (trial->message)
		test_refusal(status, &err, trial->message);
	else
		CU_ASSERT_EQUAL(status, QMAC_OK);
	qmac_net_plan_free(&plan);
	qmac_net_formats_free(&formats);
	qmac_net_free(&net);
}

static void test_refused(void)
{
	static const struct trial trials[] = {
		{8, 4, 32, false, 4, false, NULL},
		{8, 4, 33, true, 4, false, "layer 'batch_norm1': batch_norm reads a flattened image"},
		{8, 4, 31, false, 4, false, "layer 'batch_norm1': what it adds needs accumulators of 32 bits"},
		{16, 4, 32, false, 4, false, NULL},
		{17, 4, 40, false, 4, false, "codes of at most 16 bits, not 17"},
		{8, 4, 32, false, 1 << 18, false, NULL},
		{8, 4, 32, false, (1 << 18) + 1, false, "has 4194320 elements of a channel"},
		{8, 4, 32, false, 4, true, "has no masters on the device: take update: host"},
		{8, 20, 32, false, 4, false, NULL},
		{8, 21, 32, false, 4, false, "added to it has 4 fraction bits, and their sum is rounded to 21"},
		{8, -35, 32, false, 4, false, NULL},
		{8, -36, 32, false, 4, false, "its sum has up to 28 fraction bits, and it is rounded to -36"},
	};

	for (int i = 0; i < TEST_COUNT(trials); i++)
		try(&trials[i]);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"statistics", test_statistics}, {"coefficients", test_coefficients},
		{"scale of a merged one", test_merged_scale}, {"numbers beyond all bounds", test_limits},
		{"which are merged", test_merged}, {"formats", test_formats}, {"refused", test_refused},
	};

	return test_main("test_net_norm", cases, TEST_COUNT(cases));
}
