/*
 * For tests of networks on the device: a network with formats, the reference's minibatch, and the same on a C
 * model that executes in random legal orders, whose whole stream is checked for races at the end.
 */
#ifndef QMAC_TESTS_NET_CASE_H
#define QMAC_TESTS_NET_CASE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/minibatch.h"
#include "num/format.h"
#include "race/race.h"
#include "reference/recording_backend.h"
#include "reference/ref_qnet.h"
#include "reference/shuffled_backend.h"
#include "test.h"
#include "train_net/scale.h"

enum { CASE_MONITOR = 127, CASE_FL_MAX = 9 };

static uint64_t state;

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

/* ---- formats ------------------------------------------------------------------------------- */

struct device {
	struct qmac_net net;
	struct qmac_net_formats formats;
	struct ref_qnet ref;
	struct qmac_hw hw;
	int64_t batch;
	int ring_log2;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_net_plan plan;
	struct qmac_net_minibatch of;
	int wrong;                   /* tensors, and sums for a parameter, that differ from the reference's */
	char first[2 * QMAC_NET_NAME_SIZE]; /* the first of them */
	bool races;                  /* there may be some */
};

static bool keeps_format(enum qmac_layer_kind kind)
{
	return kind == QMAC_LAYER_RELU || kind == QMAC_LAYER_MAX_POOL || kind == QMAC_LAYER_FLATTEN;
}

/* Of outputs and parameters: of all, or of one in `rarely`. */
static void pick_formats(struct device *d, int widest, int rarely)
{
	const struct qmac_net *net = &d->net;
	struct qmac_net_formats *f = &d->formats;

	for (int l = -1; l < net->layer_count; l++) {
		if (rarely == 1 || pick(1, rarely) == 1)
			f->output[l + 1] = (struct qmac_format){(int)pick(2, widest), (int)pick(0, CASE_FL_MAX)};
		if (l >= 0 && keeps_format(net->layers[l].kind))
			f->output[l + 1] = f->output[net->layers[l].input + 1];
	}
	for (int p = 0; p < net->parameter_count; p++)
		if (qmac_net_has_codes(&net->parameters[p]) && (rarely == 1 || pick(1, rarely) == 1))
			f->parameter[p] = (struct qmac_format){(int)pick(2, widest), (int)pick(-1, CASE_FL_MAX)};
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
	pick_formats(d, widest, 1);
}

/* gamma or beta, small for the most part; a few are such that they, or what goes back, are hard to scale. */
static double draw_real(void)
{
	float x = (float)pick(-1000, 1000) / 500;

	return (double)(pick(0, 20) ? x : ldexpf(x, (int)pick(-30, 30)));
}

static void draw_parameter(struct device *d, int p)
{
	struct ref_qparameter *parameter = &d->ref.parameter[p];
	int bits = d->formats.parameter[p].bw;

	parameter->bits = bits;
	parameter->fl = d->formats.parameter[p].fl;
	for (int64_t i = 0; i < d->net.parameters[p].count; i++) {
		int64_t most;

		if (!qmac_net_has_codes(&d->net.parameters[p])) {
			parameter->real[i] = draw_real();
			continue;
		}
		most = (int64_t)1 << (bits - 1);
		parameter->q[i] = pick(0, 9) ? pick(-most, most - 1) / (pick(0, 3) ? 4 : 1) : -most;
	}
}

/* Statistics that an evaluation is given; a training makes its own. */
static void draw_statistics(struct device *d)
{
	for (int t = 0; t <= d->net.layer_count; t++)
		for (int64_t c = 0; c < d->ref.norm[t].channels; c++) {
			d->ref.norm[t].mean[c] = draw_real();
			d->ref.norm[t].variance[c] = fabs(draw_real());
		}
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
	for (int p = 0; p < d->net.parameter_count; p++)
		draw_parameter(d, p);
	draw_statistics(d);
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
	if (!d->ref.evaluation)
		ref_qnet_backward(&d->ref, numbers);
	free(numbers);
}

/* ---- the device ---------------------------------------------------------------------------- */

/* False where the accumulators are too narrow; anything else that is refused ends the test. */
static bool try_device(struct device *d)
{
	struct qmac_device_options options = {.kernel = "auto"};
	struct qmac_error err = {0};
	enum qmac_status status = qmac_net_plan_make(&d->plan, &d->net, &d->formats, d->batch, &d->hw, &err);

	d->ring_log2 = (int)pick(2, 12);
	if (status == QMAC_OK) {
		/* not a buffer more than the plan says */
		options.memory_bytes = ((uint64_t)QMAC_COMMAND_BYTES << d->ring_log2) + qmac_net_plan_bytes(&d->plan);
		check(qmac_backend_create("cmodel", &d->hw, &options, &d->backend, &err), &err, "backend");
		d->backend = shuffled_backend(d->backend, test_random(&state));
		d->backend = recording_backend(d->backend);
		check(qmac_driver_open(d->backend, &d->hw, d->ring_log2, &d->driver, &err), &err, "driver");
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

/* With so many accumulator bits, or as many more as are needed. */
static void open_device_of(struct device *d, int acc_bits)
{
	d->hw.acc_bits = acc_bits;
	while (!try_device(d))
		d->hw.acc_bits++;

	d->of = (struct qmac_net_minibatch){d->ref.run_seed, d->ref.step,
	                                    calloc((size_t)d->net.layer_count, sizeof(int)),
	                                    calloc((size_t)d->net.layer_count, sizeof(int)),
	                                    calloc((size_t)d->net.layer_count, sizeof(int))};
}

/* With hardly more accumulator bits than are needed: sums for parameters then come in slices. */
static inline void open_device(struct device *d)
{
	open_device_of(d, 16);
}

static void close_device(struct device *d)
{
	uint32_t count;
	const struct qmac_command *commands = recording_commands(d->backend, &count);
	struct qmac_race race;
	struct qmac_error err = {0};

	if (!d->races)
		check(qmac_race_check(&d->hw, commands, count, &race, &err), &err, "race");
	qmac_net_plan_free(&d->plan);
	qmac_driver_close(d->driver);
	qmac_backend_destroy(d->backend);
	ref_qnet_destroy(&d->ref);
	qmac_net_free(&d->net);
	free(d->formats.output);
	free(d->formats.parameter);
	free(d->of.fl);
	free(d->of.sum_fl);
	free(d->of.back_fl);
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
		if (qmac_net_has_codes(&d->net.parameters[p]))
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

	qmac_net_get(d->driver, view, values);
	for (int64_t i = 0; i < count; i++)
		differ += values[i] != expected[i];
	free(values);
	return differ;
}

static void found(struct device *d, int l, const char *what)
{
	if (!d->wrong++)
		snprintf(d->first, sizeof d->first, "%s of %s", what, d->net.layers[l].name);
}

#endif
