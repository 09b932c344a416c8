/*
 * Random networks on random hardware and on that of the project, a minibatch forward and backward, against
 * the slow reference: every tensor, every error, every sum for a parameter, to the bit. Streams are executed
 * in random legal orders; none has a race.
 */
#include "fuzz/hardware.h"
#include "net_case.h"
#include "shipped_hw.h"
#include "test.h"

enum { CASES = TEST_CASES(200), LAYERS_MAX = 7 };

static struct {
	int kinds[QMAC_LAYER_KINDS], sums, slices, joined, several, pieces, pairs, windows, one_by_one;
} seen;

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

static void note(const struct device *d)
{
	for (int l = 0; l < d->net.layer_count; l++) {
		const struct qmac_net_plan_layer *p = &d->plan.layers[l];
		const struct qmac_net_flow_layer *f = &d->plan.flow.layers[l];

		seen.kinds[d->net.layers[l].kind]++;
		seen.slices += f->needed && qmac_net_has_parameters(&d->net.layers[l]) && p->slices > 1;
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

static void run(const struct qmac_hw *hw, int widest)
{
	struct device d = {.hw = *hw, .batch = pick(0, 5) ? pick(1, 4) : 40};

	/* the smallest, and a few rows for maps of several tensors */
	if (d.batch < 40 && pick(0, 1))
		d.hw.acc_depth = 2 * (hw->rows > hw->cols ? hw->rows : hw->cols);
	if (d.hw.acc_depth < 12)
		d.hw.acc_depth = 12;
	draw_net(&d.net, hw);
	draw_formats(&d, widest);
	set_reference(&d);
	solve(&d);
	open_device(&d);
	load(&d);
	forward(&d);
	if (d.plan.flow.layers[d.net.layer_count - 1].needed)
		backward(&d);
	if (d.wrong) {
		printf("%s:", d.first);
		for (int i = 0; i < d.net.layer_count; i++)
			printf(" %s(%d, %d)", d.net.layers[i].name, d.net.layers[i].input, d.net.layers[i].other);
		puts("");
		CU_FAIL("differs from the reference");
	}
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
	printf("(sums %d, sliced %d, relus joined %d, several %d, tables in pieces %d, limbs %d, windows %d, "
	       "large pools %d) ",
	       seen.sums, seen.slices, seen.joined, seen.several, seen.pieces, seen.pairs, seen.windows,
	       seen.one_by_one);
	CU_ASSERT(seen.sums > 0 && seen.slices > 0 && seen.joined > 0 && seen.several > 0 && seen.pieces > 0 &&
	          seen.pairs > 0 && seen.windows > 0 && seen.one_by_one > 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random networks", test_random_networks},
	};

	return test_main("test_net_device", cases, TEST_COUNT(cases));
}
