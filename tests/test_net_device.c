/*
 * Random networks on random hardware and on that of the project, a minibatch forward and backward, against
 * the slow reference: every tensor, every error, every sum for a parameter, to the bit. Streams are executed
 * in random legal orders; none has a race.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "net/minibatch.h"
#include "num/format.h"
#include "race/race.h"
#include "reference/recording_backend.h"
#include "reference/ref_qnet.h"
#include "reference/shuffled_backend.h"
#include "shipped_hw.h"
#include "test.h"

enum { CASES = TEST_CASES(200), LAYERS_MAX = 7 };

static uint64_t state;
static struct {
	int kinds[QMAC_LAYER_KINDS], sums, slices, joined, several, pieces, pairs, windows;
} seen;

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

static void check(enum qmac_status status, const struct qmac_error *err, const char *what)
{
	if (status == QMAC_OK)
		return;
	printf("%s: %s\n", what, err->message);
	CU_FAIL_FATAL("status");
}

/* ---- the network ------------------------------------------------------------------------- */

static bool is_flattened(const struct qmac_net *net)
{
	int l = net->layer_count - 1;

	while (l >= 0 && net->layers[l].kind >= QMAC_LAYER_BIAS && net->layers[l].kind <= QMAC_LAYER_SIGMOID)
		l = net->layers[l].input;
	return l >= 0 && net->layers[l].kind == QMAC_LAYER_FLATTEN;
}

/* A layer that fits behind the one before, or one that reads an earlier one of the same shape. */
static void append(struct qmac_net *net, int64_t side)
{
	struct qmac_layer_request request = {.input = net->layer_count - 1, .bias = pick(0, 1)};
	struct qmac_shape shape = qmac_net_shape(net, request.input);
	struct qmac_error err;

	for (;;) {
		request.kind = pick(0, 5) ? (enum qmac_layer_kind)pick(QMAC_LAYER_CONV, QMAC_LAYER_FLATTEN) :
		                           QMAC_LAYER_ADD;
		if (request.kind == QMAC_LAYER_BATCH_NORM)
			continue;
		request.outputs = pick(0, 1) ? side + pick(-1, 1) : pick(1, 9);
		request.kernel[0] = pick(1, 3);
		request.kernel[1] = pick(1, 3);
		request.stride = pick(1, 3);
		request.pad = pick(0, 1);
		request.other = (int)pick(QMAC_NET_INPUT, net->layer_count - 1);
		/* what is flattened is not for windows, or to be added to what is not */
		if (is_flattened(net) && ((request.kind >= QMAC_LAYER_AVG_POOL &&
		    request.kind <= QMAC_LAYER_GLOBAL_POOL) || request.kind == QMAC_LAYER_CONV))
			continue;
		if (request.kind == QMAC_LAYER_ADD && shape.height == 1 && shape.width == 1)
			continue;
		if (qmac_net_append(net, &request, &err) == QMAC_OK)
			return;
	}
}

static void append_conv(struct qmac_net *net)
{
	struct qmac_layer_request request = {
		.kind = QMAC_LAYER_CONV, .input = QMAC_NET_INPUT, .outputs = pick(1, 9), .stride = pick(1, 2),
		.kernel = {pick(1, 3), pick(1, 3)}, .bias = pick(0, 1),
	};
	struct qmac_error err;

	if (qmac_net_append(net, &request, &err) != QMAC_OK)
		return; /* the image is too small */
}

static void draw_net(struct qmac_net *net, const struct qmac_hw *hw)
{
	struct qmac_error err;
	int64_t near = hw->rows + pick(0, 2) - (hw->rows > 1);
	struct qmac_shape input = {pick(0, 1) ? pick(1, 3) : near, pick(1, 7), pick(1, 7)};
	int64_t layers = pick(1, LAYERS_MAX);

	check(qmac_net_create(net, "random", input, &err), &err, "net");
	/* such a first layer is what most networks have */
	if (pick(0, 3) == 0)
		append_conv(net);
	while (net->layer_count < layers)
		append(net, hw->cols);
}

/* ---- formats ------------------------------------------------------------------------------- */

struct device {
	struct qmac_net net;
	struct qmac_net_formats formats;
	struct ref_qnet ref;
	struct qmac_hw hw;
	int64_t batch;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_net_plan plan;
	struct qmac_net_minibatch of;
};

static bool keeps_format(enum qmac_layer_kind kind)
{
	return kind == QMAC_LAYER_RELU || kind == QMAC_LAYER_MAX_POOL || kind == QMAC_LAYER_FLATTEN;
}

static void draw_formats(struct device *d, int widest)
{
	const struct qmac_net *net = &d->net;
	struct qmac_net_formats *f = &d->formats;

	f->output = calloc((size_t)net->layer_count + 1, sizeof *f->output);
	f->parameter = calloc((size_t)net->parameter_count, sizeof *f->parameter);
	f->err_bits = (int)pick(2, widest);
	f->dy_bits = (int)pick(2, widest);
	f->activation_rounding = (unsigned)pick(0, 2);
	f->error_rounding = (unsigned)pick(0, 2);
	f->clip = pick(0, 1);
	for (int l = -1; l < net->layer_count; l++) {
		f->output[l + 1] = (struct qmac_format){(int)pick(2, widest), (int)pick(0, 9)};
		if (l >= 0 && keeps_format(net->layers[l].kind))
			f->output[l + 1] = f->output[net->layers[l].input + 1];
	}
	for (int p = 0; p < net->parameter_count; p++)
		f->parameter[p] = (struct qmac_format){(int)pick(2, widest), (int)pick(-1, 9)};
}

static void set_reference(struct device *d)
{
	struct ref_qnet *r = &d->ref;

	ref_qnet_create(r, &d->net, d->batch);
	r->activation_rounding = d->formats.activation_rounding;
	r->error_rounding = d->formats.error_rounding;
	r->clip = d->formats.clip;
	r->err_bits = d->formats.err_bits;
	r->dy_bits = d->formats.dy_bits;
	r->scale = REF_SCALE_CUR;
	r->run_seed = (uint32_t)test_random(&state);
	r->step = (uint32_t)pick(0, 1000);
	for (int t = 0; t <= d->net.layer_count; t++) {
		r->out[t].bits = d->formats.output[t].bw;
		r->out[t].fl = d->formats.output[t].fl;
	}
	for (int p = 0; p < d->net.parameter_count; p++) {
		int bits = d->formats.parameter[p].bw;

		r->parameter[p].bits = bits;
		r->parameter[p].fl = d->formats.parameter[p].fl;
		for (int64_t i = 0; i < d->net.parameters[p].count; i++) {
			int64_t most = (int64_t)1 << (bits - 1);

			r->parameter[p].q[i] = pick(0, 9) ? pick(-most, most - 1) / (pick(0, 3) ? 4 : 1) : -most;
		}
	}
}

/* The reference's minibatch. */
static void solve(struct device *d)
{
	int last = d->net.layer_count;
	int64_t inputs = d->batch * qmac_shape_count(d->net.input);
	int64_t logits = d->batch * qmac_shape_count(qmac_net_shape(&d->net, last - 1));
	double *numbers = malloc((size_t)(inputs > logits ? inputs : logits) * sizeof *numbers);
	double range = ldexp(1, d->formats.output[0].bw - 1 - d->formats.output[0].fl);

	for (int64_t i = 0; i < inputs; i++)
		numbers[i] = (double)pick(-1000, 1000) / 900 * range;
	ref_qnet_forward(&d->ref, numbers);
	for (int64_t i = 0; i < logits; i++)
		numbers[i] = (double)pick(-1000, 1000) / 1000;
	ref_qnet_backward(&d->ref, numbers);
	free(numbers);
}

/* ---- the device ---------------------------------------------------------------------------- */

/* False where the accumulators are too narrow; anything else that is refused ends the test. */
static bool try_device(struct device *d)
{
	struct qmac_device_options options = {.kernel = "auto"};
	int ring_log2 = (int)pick(2, 12);
	struct qmac_error err = {0};
	enum qmac_status status = qmac_net_plan_make(&d->plan, &d->net, &d->formats, d->batch, &d->hw, &err);

	if (status == QMAC_OK) {
		/* not a buffer more than the plan says */
		options.memory_bytes = ((uint64_t)QMAC_COMMAND_BYTES << ring_log2) + qmac_net_plan_bytes(&d->plan);
		check(qmac_backend_create("cmodel", &d->hw, &options, &d->backend, &err), &err, "backend");
		d->backend = shuffled_backend(d->backend, test_random(&state));
		d->backend = recording_backend(d->backend);
		check(qmac_driver_open(d->backend, &d->hw, ring_log2, &d->driver, &err), &err, "driver");
		status = qmac_net_plan_open(&d->plan, d->driver, &err);
	}
	if (status == QMAC_OK)
		return true;
	if (!strstr(err.message, "acc_bits of the hardware is"))
		check(QMAC_BAD_INPUT, &err, "plan");
	qmac_net_plan_free(&d->plan);
	qmac_driver_close(d->driver);
	qmac_backend_destroy(d->backend);
	d->driver = NULL;
	d->backend = NULL;
	return false;
}

/* With hardly more accumulator bits than are needed: sums for parameters then come in slices. */
static void open_device(struct device *d)
{
	d->hw.acc_bits = 16;
	while (!try_device(d))
		d->hw.acc_bits++;

	d->of = (struct qmac_net_minibatch){d->ref.run_seed, d->ref.step,
	                                    calloc((size_t)d->net.layer_count, sizeof(int))};
}

static void close_device(struct device *d)
{
	uint32_t count;
	const struct qmac_command *commands = recording_commands(d->backend, &count);
	struct qmac_race race;
	struct qmac_error err = {0};

	check(qmac_race_check(&d->hw, commands, count, &race, &err), &err, "race");
	qmac_net_plan_free(&d->plan);
	qmac_driver_close(d->driver);
	qmac_backend_destroy(d->backend);
	ref_qnet_destroy(&d->ref);
	qmac_net_free(&d->net);
	free(d->formats.output);
	free(d->formats.parameter);
	free(d->of.fl);
}

static void load(struct device *d)
{
	struct qmac_error err = {0};

	check(qmac_net_load_constants(&d->plan, &err), &err, "constants");
	for (int p = 0; p < d->net.parameter_count; p++) {
		int64_t count = d->net.parameters[p].count;
		int32_t *codes = malloc((size_t)count * sizeof *codes);

		for (int64_t i = 0; i < count; i++)
			codes[i] = (int32_t)d->ref.parameter[p].q[i];
		check(qmac_net_load_parameter(&d->plan, p, codes, &err), &err, "parameter");
		free(codes);
	}
	check(qmac_net_put_input(&d->plan, d->ref.out[0].q, &err), &err, "input");
}

/* Numbers that differ from the reference's. */
static int64_t wrong(const struct device *d, const struct qmac_view *view, const int64_t *expected)
{
	int64_t count = qmac_net_count(view), differ = 0;
	int64_t *values = malloc((size_t)count * sizeof *values);
	struct qmac_error err = {0};

	check(qmac_net_get(d->driver, view, values, &err), &err, "get");
	for (int64_t i = 0; i < count; i++)
		if (values[i] != expected[i] && differ++ < 3)
			printf("number %lld: %lld, not %lld\n", (long long)i, (long long)values[i],
			       (long long)expected[i]);
	free(values);
	return differ;
}

static void say(const struct device *d, int l, const char *what)
{
	printf("%s of layer %d:", what, l);
	for (int i = 0; i < d->net.layer_count; i++)
		printf(" %s(%d, %d)", d->net.layers[i].name, d->net.layers[i].input, d->net.layers[i].other);
	puts("");
	CU_FAIL("differs from the reference");
}

static void forward(struct device *d)
{
	struct qmac_error err = {0};

	check(qmac_net_submit_forward(&d->plan, &d->of, &err), &err, "forward");
	check(qmac_driver_finish(d->driver, &err), &err, "finish");
	for (int l = 0; l < d->net.layer_count; l++)
		if (d->plan.layers[l].relu == QMAC_NET_NONE &&
		    wrong(d, qmac_net_output(&d->plan, l), d->ref.out[l + 1].q)) {
			say(d, l, "output");
			return;
		}
}

static void check_sums(struct device *d, int l)
{
	struct qmac_error err = {0};

	for (int p = 0; p < d->net.parameter_count; p++) {
		int64_t count = d->net.parameters[p].count;
		int64_t *sums = malloc((size_t)count * sizeof *sums);

		if (d->net.parameters[p].layer == l) {
			check(qmac_net_read_sum(&d->plan, p, sums, &err), &err, "sum");
			CU_ASSERT_EQUAL(qmac_net_sum_fl(&d->plan, &d->of, p), d->ref.parameter[p].sum_fl);
			if (memcmp(sums, d->ref.parameter[p].sum, (size_t)count * sizeof *sums))
				say(d, l, d->net.parameters[p].role == QMAC_ROLE_WEIGHT ? "weight sum" : "bias sum");
		}
		free(sums);
	}
}

static void backward(struct device *d)
{
	struct qmac_error err = {0};
	int last = d->net.layer_count - 1;

	check(qmac_net_put(d->driver, &d->plan.layers[last].error, d->ref.error[last + 1].q, &err), &err, "last");
	for (int l = last; l >= 0 && d->plan.flow.layers[l].needed; l--) {
		bool has_error = d->plan.flow.layers[l].has_error;

		CU_ASSERT_EQUAL(has_error, d->ref.error[l + 1].q != NULL);
		if (has_error)
			d->of.fl[l] = d->ref.error[l + 1].fl;
		if (l < last)
			check(qmac_net_submit_error(&d->plan, &d->of, l, &err), &err, "error");
		check(qmac_net_submit_back(&d->plan, &d->of, l, &err), &err, "back");
		check(qmac_driver_finish(d->driver, &err), &err, "finish");
		if (has_error && wrong(d, &d->plan.layers[l].error, d->ref.error[l + 1].q)) {
			say(d, l, "error");
			return;
		}
		check_sums(d, l);
	}
}

static void note(const struct device *d)
{
	for (int l = 0; l < d->net.layer_count; l++) {
		const struct qmac_net_plan_layer *p = &d->plan.layers[l];
		const struct qmac_net_flow_layer *f = &d->plan.flow.layers[l];

		seen.kinds[d->net.layers[l].kind]++;
		seen.slices += f->needed && qmac_net_has_parameters(&d->net.layers[l]) && p->slices > 1;
		seen.joined += p->is_made;
		seen.several += f->needed && f->count > 1;
		seen.pieces += p->table.positions[2] > 1 << d->hw.lut_bits;
	}
	seen.windows += d->plan.windows != QMAC_NET_NONE;
	for (int p = 0; p < d->net.parameter_count; p++) {
		seen.sums++;
		seen.pairs += d->formats.parameter[p].bw > d->hw.w_bits;
	}
}

static void run(const struct qmac_hw *hw, int widest)
{
	struct device d = {.hw = *hw, .batch = pick(0, 5) ? pick(1, 4) : 40};

	if (d.hw.acc_depth < 256)
		d.hw.acc_depth = 256;
	draw_net(&d.net, hw);
	draw_formats(&d, widest);
	set_reference(&d);
	solve(&d);
	open_device(&d);
	load(&d);
	forward(&d);
	if (d.plan.flow.layers[d.net.layer_count - 1].needed)
		backward(&d);
	note(&d);
	close_device(&d);
}

static void test_random_networks(void)
{
	static const char *const names[] = {"16x16_w8", "8x8_w8", "16x16_w16", "ragged"};
	struct qmac_hw hw;

	state = test_seed();
	for (int i = 0; i < CASES; i++) {
		if (pick(0, 1))
			hw = shipped_hw(names[pick(0, 3)]);
		else
			qmac_fuzz_hw(&state, &hw);
		run(&hw, pick(0, 2) ? 8 : 12);
		if (CU_get_number_of_failures())
			return;
	}
	for (int kind = 0; kind < QMAC_LAYER_EMBEDDING; kind++)
		CU_ASSERT(seen.kinds[kind] > 0 || kind == QMAC_LAYER_BATCH_NORM);
	printf("(sums %d, sliced %d, relus joined %d, several %d, tables in pieces %d, limbs %d, windows %d) ",
	       seen.sums, seen.slices, seen.joined, seen.several, seen.pieces, seen.pairs, seen.windows);
	CU_ASSERT(seen.sums > 0 && seen.slices > 0 && seen.joined > 0 && seen.several > 0 && seen.pieces > 0 &&
	          seen.pairs > 0 && seen.windows > 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random networks", test_random_networks},
	};

	return test_main("test_net_device", cases, TEST_COUNT(cases));
}
