/* Random networks, behind net_case.h. */
#ifndef QMAC_TESTS_NET_RANDOM_H
#define QMAC_TESTS_NET_RANDOM_H

#include "fuzz/hardware.h"
#include "net_case.h"
#include "shipped_hw.h"

enum { LAYERS_MAX = 7 };

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

/* That of the project, of few cells, or what the fuzzer draws. */
static struct qmac_hw draw_hw(void)
{
	static const char *const names[] = {"16x16_w8", "8x8_w8", "16x16_w16", "ragged"};
	struct qmac_hw hw;

	if (pick(0, 1))
		return shipped_hw(names[pick(0, 3)]);
	qmac_fuzz_hw(&state, &hw);
	return hw;
}

/* A network on hardware with a few rows more, or less, than it needs; with its reference, not solved. */
static void draw_case(struct device *d, const struct qmac_hw *hw)
{
	*d = (struct device){.hw = *hw, .batch = pick(0, 5) ? pick(1, 4) : 40};
	/* the smallest, and a few rows for maps of several tensors */
	if (d->batch < 40 && pick(0, 1))
		d->hw.acc_depth = 2 * (hw->rows > hw->cols ? hw->rows : hw->cols);
	if (d->hw.acc_depth < 12)
		d->hw.acc_depth = 12;
	draw_net(&d->net, hw);
}

/* Where a case differs from the reference. */
static void expect_right(const struct device *d)
{
	if (!d->wrong)
		return;
	printf("%s:", d->first);
	for (int i = 0; i < d->net.layer_count; i++)
		printf(" %s(%d, %d)", d->net.layers[i].name, d->net.layers[i].input, d->net.layers[i].other);
	puts("");
	CU_FAIL("differs from the reference");
}

#endif
