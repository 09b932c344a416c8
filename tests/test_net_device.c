/*
 * Random networks on random hardware and on that of the project, a minibatch forward and backward, against
 * the slow reference: every tensor, every error, every sum for a parameter, to the bit. Streams are executed
 * in random legal orders; none has a race.
 */
#include "net_pass.h"
#include "net_random.h"
#include "test.h"

enum { CASES = TEST_CASES(200), HALVED_CASES = TEST_CASES(24) };

static struct {
	int kinds[QMAC_LAYER_KINDS], sums, slices, joined, several, pieces, pairs, windows, one_by_one;
} seen;

static void note(const struct device *d)
{
	for (int l = 0; l < d->net.layer_count; l++) {
		const struct qmac_net_plan_layer *p = &d->plan.layers[l];
		const struct qmac_net_flow_layer *f = &d->plan.flow.layers[l];

		seen.kinds[d->net.layers[l].kind]++;
		seen.slices += f->needed && qmac_net_has_parameters(&d->net.layers[l]) && p->slices.count > 1;
		seen.joined += p->is_made;
		seen.several += f->needed && f->count > 1;
		/* a window of the input is more than there is room for */
		seen.one_by_one += f->needed && d->net.layers[l].kind >= QMAC_LAYER_AVG_POOL &&
		                   d->net.layers[l].kind <= QMAC_LAYER_GLOBAL_POOL &&
		                   5 * p->kernel[0] * p->kernel[1] > d->hw.acc_depth;
		seen.pieces += p->table.positions[2] > 1 << d->hw.lut_bits;
	}
	seen.windows += d->plan.windows != QMAC_NET_NONE;
	for (int p = 0; p < d->net.parameter_count; p++) {
		seen.sums++;
		seen.pairs += d->formats.parameter[p].bw > d->hw.w_bits;
	}
}

/* A minibatch of a network whose reference is set; accumulators have so many bits, or more if need be. */
static void play(struct device *d, int acc_bits)
{
	solve(d);
	open_device_of(d, acc_bits);
	load(d);
	forward(d);
	if (d->plan.flow.layers[d->net.layer_count - 1].needed && !d->ref.evaluation)
		backward(d);
	expect_right(d);
}

static void run(const struct qmac_hw *hw, int widest)
{
	struct device d;

	draw_case(&d, hw, false);
	draw_formats(&d, widest);
	set_reference(&d);
	play(&d, 16);
	note(&d);
	close_device(&d);
}

static void test_random_networks(void)
{
	state = test_seed();
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw = draw_hw();

		run(&hw, pick(0, 2) ? 8 : 12);
		if (CU_get_number_of_failures())
			return;
	}
	for (int kind = 0; kind < QMAC_LAYER_EMBEDDING; kind++)
		CU_ASSERT(seen.kinds[kind] > 0 || kind == QMAC_LAYER_BATCH_NORM);
	printf("(sums %d, sliced %d, relus joined %d, several %d, tables in pieces %d, limbs %d, windows %d, "
	       "large pools %d) ",
	       seen.sums, seen.slices, seen.joined, seen.several, seen.pieces, seen.pairs, seen.windows,
	       seen.one_by_one);
	CU_ASSERT(seen.sums > 0 && seen.slices > 0 && seen.joined > 0 && seen.several > 0 && seen.pieces > 0 &&
	          seen.pairs > 0 && seen.windows > 0 && seen.one_by_one > 0);
}

/* ---- batch norm ------------------------------------------------------------------------------- */

/* Where batch norms stand, what they read and who reads them. */
enum place {
	MERGED_FIRST, MERGED_SECOND, BOTH, TWICE, SEVERAL, OF_INPUT, OF_NORM, OF_RELU, OF_POOL, BEFORE_RELU, LAST,
	ONE_PIXEL, ONE_CHANNEL, ONE_NUMBER, WIDE, CLAMPED, EVALUATED, SLICED, SLICED_BACK,
	PLACES
};

static int places[PLACES];

static enum qmac_layer_kind kind_of(const struct qmac_net *net, int l)
{
	return l >= 0 ? net->layers[l].kind : QMAC_LAYER_KINDS;
}

static void note_readers(const struct device *d, int l)
{
	const struct qmac_net *net = &d->net;
	int add = ref_qnet_merged_into(net, l), readers = qmac_net_readers(net, l);

	places[SEVERAL] += readers > 1;
	places[LAST] += readers == 0;
	places[MERGED_FIRST] += add != QMAC_NET_NONE && net->layers[add].input == l;
	places[MERGED_SECOND] += add != QMAC_NET_NONE && net->layers[add].other == l;
	for (int k = l + 1; k < net->layer_count; k++) {
		const struct qmac_net_layer *reader = &net->layers[k];
		bool sum = reader->kind == QMAC_LAYER_ADD && reader->input == l;

		places[BEFORE_RELU] += reader->kind == QMAC_LAYER_RELU && reader->input == l;
		places[TWICE] += sum && reader->other == l;
		places[BOTH] += sum && reader->other != l && kind_of(net, reader->other) == QMAC_LAYER_BATCH_NORM;
	}
}

static void note_norm(const struct device *d, int l)
{
	const struct qmac_net_layer *layer = &d->net.layers[l];
	enum qmac_layer_kind reads = kind_of(&d->net, layer->input);

	note_readers(d, l);
	places[OF_INPUT] += layer->input == QMAC_NET_INPUT;
	places[OF_NORM] += reads == QMAC_LAYER_BATCH_NORM;
	places[OF_RELU] += reads == QMAC_LAYER_RELU;
	places[OF_POOL] += reads >= QMAC_LAYER_AVG_POOL && reads <= QMAC_LAYER_GLOBAL_POOL;
	places[ONE_PIXEL] += layer->in.height * layer->in.width == 1;
	places[ONE_CHANNEL] += layer->in.channels == 1;
	places[ONE_NUMBER] += d->batch * layer->in.height * layer->in.width == 1;
	places[WIDE] += d->formats.output[layer->input + 1].bw > 8;
	places[CLAMPED] += d->ref.norm[l + 1].saturations > 0;
	places[EVALUATED] += d->ref.evaluation;
	places[SLICED] += d->plan.layers[l].norm[QMAC_NET_PASS_FORWARD].slices.count > 1;
	places[SLICED_BACK] += d->plan.layers[l].norm[QMAC_NET_PASS_BACK].slices.count > 1;
}

/* What batch norms read has many bits, all else has few: then squares of a few pixels fill an accumulator. */
static void widen(struct device *d)
{
	const struct qmac_net *net = &d->net;

	d->formats.dy_bits = (int)pick(12, 16);
	for (int l = 0; l < net->layer_count; l++) {
		int of = net->layers[l].input;

		while (of >= 0 && keeps_format(net->layers[of].kind))
			of = net->layers[of].input;
		if (net->layers[l].kind == QMAC_LAYER_BATCH_NORM)
			d->formats.output[of + 1].bw = (int)pick(12, 16);
	}
	for (int l = 0; l < net->layer_count; l++)
		if (keeps_format(net->layers[l].kind))
			d->formats.output[l + 1] = d->formats.output[net->layers[l].input + 1];
}

static void run_norms(const struct qmac_hw *hw, int widest, int acc_bits)
{
	struct device d;

	draw_case(&d, hw, true);
	draw_formats(&d, widest);
	if (widest < 8)
		widen(&d);
	set_reference(&d);
	d.ref.evaluation = pick(0, 4) == 0;
	play(&d, acc_bits);
	for (int l = 0; l < d.net.layer_count; l++)
		if (d.net.layers[l].kind == QMAC_LAYER_BATCH_NORM)
			note_norm(&d, l);
	close_device(&d);
}

static void test_batch_norms(void)
{
	static const int widths[] = {4, 8, 8, 10, 16};

	state = test_seed() + 1;
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw = draw_hw();

		run_norms(&hw, widths[pick(0, TEST_COUNT(widths) - 1)], pick(0, 1) ? 32 : 16);
		if (CU_get_number_of_failures())
			return;
	}
	printf("(");
	for (int i = 0; i < PLACES; i++) {
		printf("%d ", places[i]);
		CU_ASSERT(places[i] > 0);
	}
	printf(") ");
}

/* ---- errors made four pixels at a time -------------------------------------------------------- */

static void append_request(struct qmac_net *net, struct qmac_layer_request request)
{
	struct qmac_error err;

	request.input = net->layer_count - 1;
	check(qmac_net_append(net, &request, &err), &err, "layer");
}

/* A convolution, with a batch norm or a bias, in front of what halves its image: with a stride, or a pool. */
static void halve(struct qmac_net *net, bool has_norm)
{
	const struct qmac_layer_request conv = {
		.kind = QMAC_LAYER_CONV, .outputs = pick(1, 9), .kernel = {3, 3}, .stride = 1, .pad = 1,
		.bias = !has_norm,
	};
	const struct qmac_layer_request halves[] = {
		{.kind = QMAC_LAYER_CONV, .outputs = 3, .kernel = {3, 3}, .stride = 2, .pad = 1},
		{.kind = QMAC_LAYER_CONV, .outputs = 2, .kernel = {1, 1}, .stride = 2},
		{.kind = QMAC_LAYER_AVG_POOL, .kernel = {2, 2}, .stride = 2},
		{.kind = QMAC_LAYER_MAX_POOL, .kernel = {2, 2}, .stride = 2},
	};
	struct qmac_shape input = {pick(1, 3), 2 * pick(2, 4), 2 * pick(2, 4)};
	struct qmac_error err;

	check(qmac_net_create(net, "halved", input, &err), &err, "net");
	append_request(net, conv);
	append_request(net, conv);
	if (has_norm)
		append_request(net, (struct qmac_layer_request){.kind = QMAC_LAYER_BATCH_NORM});
	if (pick(0, 1))
		append_request(net, (struct qmac_layer_request){.kind = QMAC_LAYER_RELU});
	append_request(net, halves[pick(0, TEST_COUNT(halves) - 1)]);
}

/* Sums over such errors, cut into slices, which are of pixels however many are made at a time. */
static void test_halved(void)
{
	int norms = 0, biases = 0;

	state = test_seed() + 2;
	for (int i = 0; i < HALVED_CASES || ((!norms || !biases) && i < 20 * HALVED_CASES); i++) {
		struct qmac_hw hw = draw_hw();
		bool has_norm = pick(0, 1);
		struct device d = {.hw = hw, .batch = 40};

		d.hw.acc_depth = hw.acc_depth < 64 ? 64 : hw.acc_depth;
		halve(&d.net, has_norm);
		draw_formats(&d, has_norm ? 4 : 8);
		if (has_norm)
			widen(&d);
		set_reference(&d);
		play(&d, 16);
		for (int l = 0; l < d.net.layer_count; l++) {
			const struct qmac_net_plan_layer *p = &d.plan.layers[l];
			bool is_norm = d.net.layers[l].kind == QMAC_LAYER_BATCH_NORM;
			int of = is_norm ? qmac_net_flow_error_of(&d.plan.flow, l) : l;

			if (!d.plan.flow.layers[of].needed || qmac_net_times(&d.plan, of) == 1)
				continue;
			norms += is_norm && p->norm[QMAC_NET_PASS_BACK].slices.count > 1;
			biases += d.net.layers[l].bias != QMAC_NET_NONE && p->slices.count > 1;
		}
		close_device(&d);
		if (CU_get_number_of_failures())
			return;
	}
	printf("(batch norms %d, biases %d) ", norms, biases);
	CU_ASSERT(norms > 0 && biases > 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random networks", test_random_networks},
		{"with batch norms", test_batch_norms},
		{"errors of halved images", test_halved},
	};

	return test_main("test_net_device", cases, TEST_COUNT(cases));
}
