/* For tests of networks on the device: a minibatch forward and back, beside the reference's. */
#ifndef QMAC_TESTS_NET_PASS_H
#define QMAC_TESTS_NET_PASS_H

#include "net_case.h"

/* ---- batch norm ----------------------------------------------------------------------------- */

/* What the host computes for a batch norm; numbers of each channel, coefficients in rows. */
struct norm_room {
	float *gamma, *beta;
	double *mean, *variance, *inverse; /* back: those of the reference; dgamma, dbeta */
	int64_t *sum, *product, *coefficients;
};

static struct qmac_net_norm begin_norm(const struct device *d, int l, struct norm_room *room)
{
	struct qmac_net_norm norm = qmac_net_norm_of(&d->plan, l);
	size_t channels = (size_t)norm.channels;

	CU_ASSERT_EQUAL_FATAL(norm.channels, d->net.layers[l].out.channels);
	room->gamma = calloc(2 * channels, sizeof *room->gamma);
	room->mean = calloc(3 * channels, sizeof *room->mean);
	room->sum = calloc(5 * channels, sizeof *room->sum);
	room->beta = room->gamma + channels;
	room->variance = room->mean + channels;
	room->inverse = room->variance + channels;
	room->product = room->sum + channels;
	room->coefficients = room->product + channels;
	for (size_t c = 0; c < channels; c++) {
		room->gamma[c] = (float)d->ref.parameter[d->net.layers[l].weight].real[c];
		room->beta[c] = (float)d->ref.parameter[d->net.layers[l].bias].real[c];
	}
	norm.gamma = room->gamma;
	norm.beta = room->beta;
	return norm;
}

static void end_norm(struct norm_room *room)
{
	free(room->gamma);
	free(room->mean);
	free(room->sum);
}

/*
 * The host's coefficients beside the reference's, in rows, and their fraction length. It goes on with the
 * latter, so that nothing that comes later differs, too.
 */
static void put_norm(struct device *d, int l, enum qmac_net_pass pass, struct norm_room *room,
                     const int64_t *const rows[3], int wanted_fl, const char *what)
{
	int64_t channels = d->net.layers[l].out.channels;
	int *fl = pass == QMAC_NET_PASS_FORWARD ? &d->of.sum_fl[l] : &d->of.back_fl[l];
	bool same = *fl == wanted_fl;

	for (int i = 0; i < 3; i++) {
		int64_t *row = room->coefficients + i * channels;

		same = same && memcmp(row, rows[i], (size_t)channels * sizeof *row) == 0;
		memcpy(row, rows[i], (size_t)channels * sizeof *row);
	}
	*fl = wanted_fl;
	if (!same)
		found(d, l, what);
	qmac_net_put_norm(&d->plan, l, pass, room->coefficients);
}

static void read_norm_sums(struct device *d, int l, enum qmac_net_pass pass, struct norm_room *room)
{
	struct qmac_error err = {0};

	check(qmac_net_submit_norm_sums(&d->plan, &d->of, l, pass, &err), &err, "sums of a norm");
	check(qmac_driver_finish(d->driver, &err), &err, "finish");
	check(qmac_net_read_norm_sums(&d->plan, l, pass, room->sum, room->product, &err), &err, "sums of a norm");
}

/* Statistics and coefficients of the forward pass, to the device. */
static void prepare_norm(struct device *d, int l)
{
	const struct ref_qnorm *ref = &d->ref.norm[l + 1];
	struct norm_room room;
	struct qmac_net_norm norm = begin_norm(d, l, &room);
	size_t bytes = (size_t)norm.channels * sizeof(double);
	int64_t clamps, *scale = calloc((size_t)norm.channels, sizeof *scale);
	const int64_t *const rows[] = {ref->slope, scale, ref->offset};

	if (d->ref.evaluation) {
		memcpy(room.mean, ref->mean, bytes);
		memcpy(room.variance, ref->variance, bytes);
	} else {
		read_norm_sums(d, l, QMAC_NET_PASS_FORWARD, &room);
		qmac_net_norm_statistics(&norm, room.sum, room.product, room.mean, room.variance);
		if (memcmp(room.mean, ref->mean, bytes) || memcmp(room.variance, ref->variance, bytes))
			found(d, l, "statistics");
	}
	qmac_net_norm_inverse(&norm, room.variance, room.inverse);
	clamps = qmac_net_norm_coefficients(&norm, room.mean, room.inverse, room.coefficients, &d->of.sum_fl[l]);
	if (clamps != (int64_t)ref->saturations)
		found(d, l, "clamped coefficients");
	for (int64_t c = 0; norm.merged && c < norm.channels; c++)
		scale[c] = (int64_t)ref_power(norm.x_fl + ref->t - norm.other_fl);
	put_norm(d, l, QMAC_NET_PASS_FORWARD, &room, rows, norm.x_fl + ref->t, "coefficients");
	free(scale);
	end_norm(&room);
}

/* Sums for gamma and beta, and the coefficients of the way back, to the device. */
static void prepare_norm_back(struct device *d, int l)
{
	const struct ref_qnorm *ref = &d->ref.norm[l + 1];
	const struct qmac_net_layer *layer = &d->net.layers[l];
	int error_fl = d->ref.error[ref_qnet_error_tensor(&d->ref, l + 1)].fl;
	const int64_t *const rows[] = {ref->back_e, ref->back_x, ref->back_1};
	struct norm_room room;
	struct qmac_net_norm norm = begin_norm(d, l, &room);
	size_t bytes = (size_t)norm.channels * sizeof(double);

	read_norm_sums(d, l, QMAC_NET_PASS_BACK, &room);
	qmac_net_norm_gradient(&norm, ref->mean, ref->inverse, room.sum, room.product, error_fl, room.mean,
	                       room.variance, room.coefficients, &d->of.back_fl[l]);
	/* that for beta is of one sum, that for gamma of both */
	if (memcmp(room.variance, d->ref.parameter[layer->bias].gradient, bytes))
		found(d, l, "beta gradient");
	if (memcmp(room.mean, d->ref.parameter[layer->weight].gradient, bytes))
		found(d, l, "gamma gradient");
	put_norm(d, l, QMAC_NET_PASS_BACK, &room, rows, error_fl + ref->u, "coefficients of the way back");
	end_norm(&room);
}

/* ---- forward and back ----------------------------------------------------------------------- */

static int take_top(struct device *d)
{
	int top = qmac_net_scale_top(qmac_driver_monitor(d->driver, CASE_MONITOR));

	qmac_driver_clear_monitor(d->driver, CASE_MONITOR);
	return top;
}

/* Whether the range monitor sees what it has to of results that are shifted so and rounded down. */
static bool is_range_seen(struct device *d, int l, int shift)
{
	struct qmac_error err = {0};
	int wanted = ref_qnet_output_top(&d->ref, l + 1, shift, d->plan.layers[l].relu != QMAC_NET_NONE);

	check(qmac_net_submit_layer_range(&d->plan, &d->of, l, shift, CASE_MONITOR, &err), &err, "range");
	check(qmac_driver_finish(d->driver, &err), &err, "finish");
	return take_top(d) == wanted;
}

/* Makes the output of a layer; true: the range monitor saw what it had to. */
static bool forward_layer(struct device *d, int l)
{
	struct qmac_error err = {0};
	bool merged = d->plan.flow.layers[l].merged_into != QMAC_NET_NONE;
	bool rounds = !keeps_format(d->net.layers[l].kind) && !merged;
	bool relu = d->plan.layers[l].relu != QMAC_NET_NONE, seen = true;

	CU_ASSERT_EQUAL(d->plan.flow.layers[l].merged_into, ref_qnet_merged_into(&d->net, l));
	if (d->net.layers[l].kind == QMAC_LAYER_BATCH_NORM)
		prepare_norm(d, l);
	if (rounds && pick(0, 1))
		seen = is_range_seen(d, l, (int)pick(0, 1) * (int)pick(1, 40));
	if (rounds)
		seen &= qmac_net_layer_range_shift(&d->plan, l) == ref_qnet_output_shift(&d->ref, l + 1);
	check(qmac_net_submit_layer(&d->plan, &d->of, l, rounds ? CASE_MONITOR : 0, &err), &err, "forward");
	check(qmac_driver_finish(d->driver, &err), &err, "finish");
	if (!merged && !relu && wrong(d, qmac_net_output(&d->plan, l), d->ref.out[l + 1].q))
		found(d, l, "output");
	if (rounds)
		seen &= take_top(d) == ref_qnet_output_top(&d->ref, l + 1, -1, relu);
	return seen;
}

/* All at once where nothing has to be looked at in between. */
static void forward_whole(struct device *d)
{
	struct qmac_error err = {0};

	for (int l = 0; l < d->net.layer_count; l++)
		if (d->net.layers[l].kind == QMAC_LAYER_BATCH_NORM)
			prepare_norm(d, l);
	check(qmac_net_submit_forward(&d->plan, &d->of, &err), &err, "forward");
	check(qmac_driver_finish(d->driver, &err), &err, "finish");
}

static bool has_norms(const struct device *d)
{
	for (int l = 0; l < d->net.layer_count; l++)
		if (d->net.layers[l].kind == QMAC_LAYER_BATCH_NORM)
			return true;
	return false;
}

static void forward(struct device *d)
{
	int unseen = QMAC_NET_NONE;

	if ((d->ref.evaluation || !has_norms(d)) && pick(0, 1))
		forward_whole(d);
	else
		for (int l = 0; l < d->net.layer_count; l++)
			if (!forward_layer(d, l) && unseen == QMAC_NET_NONE)
				unseen = l;
	for (int l = 0; l < d->net.layer_count; l++)
		if (d->plan.layers[l].relu == QMAC_NET_NONE && d->ref.out[l + 1].q &&
		    wrong(d, qmac_net_output(&d->plan, l), d->ref.out[l + 1].q))
			found(d, l, "output");
	if (unseen != QMAC_NET_NONE)
		found(d, unseen, "range of outputs");
}

static void check_sums(struct device *d, int l)
{
	struct qmac_error err = {0};

	for (int p = 0; p < d->net.parameter_count; p++) {
		int64_t count = d->net.parameters[p].count;
		int64_t *sums = malloc((size_t)count * sizeof *sums);

		if (d->net.parameters[p].layer == l && qmac_net_has_codes(&d->net.parameters[p])) {
			check(qmac_net_read_sum(&d->plan, p, sums, &err), &err, "sum");
			CU_ASSERT_EQUAL(qmac_net_sum_fl(&d->plan, &d->of, p), d->ref.parameter[p].sum_fl);
			if (memcmp(sums, d->ref.parameter[p].sum, (size_t)count * sizeof *sums))
				found(d, l, d->net.parameters[p].role == QMAC_ROLE_WEIGHT ? "weight sum" : "bias sum");
		}
		free(sums);
	}
}

/* The scale `cur`, by the range monitor, of errors that are made for it: is it that of the reference? */
static bool is_scale_found(struct device *d, int l)
{
	struct qmac_error err = {0};
	int sum_fl = qmac_net_gradient_fl(&d->plan, &d->of, l), k = qmac_net_error_range_shift(&d->plan, l), e;

	check(qmac_net_submit_range(&d->plan, &d->of, l, k, CASE_MONITOR, &err), &err, "range");
	check(qmac_driver_finish(d->driver, &err), &err, "finish");
	e = qmac_net_scale_current(sum_fl, k, d->plan.flow.layers[l].bits, take_top(d));
	return k == ref_qnet_shift(d->ref.bound[l + 1]) &&
	       qmac_net_scale_limited(e, sum_fl) == d->ref.error[l + 1].fl;
}

/* The error of a layer, or the sum of its gradient; not of the last layer. True: ranges are right. */
static bool back_to(struct device *d, int l)
{
	struct qmac_error err = {0};
	bool has_error = d->plan.flow.layers[l].has_error, ranges = true;

	CU_ASSERT_EQUAL(has_error, d->ref.error[l + 1].q != NULL);
	if (has_error && pick(0, 1))
		ranges = is_scale_found(d, l);
	if (has_error)
		d->of.fl[l] = d->ref.error[l + 1].fl;
	check(qmac_net_submit_error(&d->plan, &d->of, l, CASE_MONITOR, &err), &err, "error");
	check(qmac_driver_finish(d->driver, &err), &err, "finish");
	if (d->plan.flow.layers[l].merged_into != QMAC_NET_NONE)
		CU_ASSERT_EQUAL(d->of.fl[l], d->of.fl[d->plan.flow.layers[l].merged_into]);
	return !has_error || (ranges & (take_top(d) == d->ref.top[l + 1]));
}

static void backward(struct device *d)
{
	struct qmac_error err = {0};
	int last = d->net.layer_count - 1;

	d->of.fl[last] = d->ref.error[last + 1].fl;
	qmac_net_put(d->driver, &d->plan.layers[last].error, d->ref.error[last + 1].q);
	for (int l = last; l >= 0; l--) {
		bool ranges = true;

		if (!d->plan.flow.layers[l].needed)
			continue;
		if (l < last)
			ranges = back_to(d, l);
		if (d->ref.error[l + 1].q && wrong(d, &d->plan.layers[l].error, d->ref.error[l + 1].q))
			found(d, l, "error");
		if (d->net.layers[l].kind == QMAC_LAYER_BATCH_NORM)
			prepare_norm_back(d, l);
		check(qmac_net_submit_back(&d->plan, &d->of, l, &err), &err, "back");
		check(qmac_driver_finish(d->driver, &err), &err, "finish");
		check_sums(d, l);
		if (!ranges)
			found(d, l, "range of errors");
	}
}

#endif
