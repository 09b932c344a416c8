/* Random networks, behind net_case.h. */
#ifndef QMAC_TESTS_NET_RANDOM_H
#define QMAC_TESTS_NET_RANDOM_H

#include "fuzz/hardware.h"
#include "net_case.h"
#include "shipped_hw.h"

enum { LAYERS_MAX = 10 };

/* The flatten that an output stands behind, with nothing between that moves its numbers; or none. */
static int flatten_before(const struct qmac_net *net, int l)
{
	while (l >= 0 && ((net->layers[l].kind >= QMAC_LAYER_BIAS && net->layers[l].kind <= QMAC_LAYER_SIGMOID) ||
	                  net->layers[l].kind == QMAC_LAYER_BATCH_NORM))
		l = net->layers[l].input;
	return l >= 0 && net->layers[l].kind == QMAC_LAYER_FLATTEN ? l : QMAC_NET_NONE;
}

/* Whether several pixels of a channel have become channels. */
static bool has_flat_pixels(const struct qmac_net *net, int l)
{
	for (l = flatten_before(net, l); l != QMAC_NET_NONE; l = flatten_before(net, net->layers[l].input))
		if (net->layers[l].in.height > 1 || net->layers[l].in.width > 1)
			return true;
	return false;
}

/* What the device has not: windows over what is flattened, adding it to what is not, norms of its pixels. */
static bool is_for_flattened(const struct qmac_net *net, const struct qmac_layer_request *request)
{
	switch (request->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_MAX_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		return flatten_before(net, request->input) == QMAC_NET_NONE;
	case QMAC_LAYER_ADD:
		return flatten_before(net, request->input) == QMAC_NET_NONE &&
		       flatten_before(net, request->other) == QMAC_NET_NONE;
	case QMAC_LAYER_BATCH_NORM:
		return !has_flat_pixels(net, request->input);
	default:
		return true;
	}
}

static enum qmac_layer_kind draw_kind(bool norms)
{
	int64_t which = pick(0, 8);

	if (which == 0)
		return QMAC_LAYER_ADD;
	if (norms && which < 4)
		return which < 3 ? QMAC_LAYER_BATCH_NORM : QMAC_LAYER_ADD;
	return (enum qmac_layer_kind)pick(QMAC_LAYER_CONV, QMAC_LAYER_FLATTEN);
}

/* A layer that fits behind the one before, or one that reads an earlier one of the same shape. */
static void append(struct qmac_net *net, int64_t side, bool norms)
{
	struct qmac_layer_request request = {.bias = pick(0, 1)};
	struct qmac_error err;

	for (;;) {
		request.kind = draw_kind(norms);
		if (!norms && request.kind == QMAC_LAYER_BATCH_NORM)
			continue;
		request.outputs = pick(0, 1) ? side + pick(-1, 1) : pick(1, 9);
		request.kernel[0] = pick(1, 3);
		request.kernel[1] = pick(1, 3);
		request.stride = pick(1, 3);
		request.pad = pick(0, 1);
		request.input = net->layer_count - 1;
		request.other = (int)pick(QMAC_NET_INPUT, request.input);
		if (request.kind == QMAC_LAYER_ADD && pick(0, 1)) {
			request.input = request.other;
			request.other = net->layer_count - 1;
		}
		if (is_for_flattened(net, &request) && qmac_net_append(net, &request, &err) == QMAC_OK)
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

static void draw_net(struct qmac_net *net, const struct qmac_hw *hw, bool norms)
{
	struct qmac_error err;
	int64_t near = hw->rows + pick(0, 2) - (hw->rows > 1);
	struct qmac_shape input = {pick(0, 1) ? pick(1, 3) : near, pick(1, 7), pick(1, 7)};
	int64_t layers = pick(1, norms ? LAYERS_MAX : LAYERS_MAX - 3);

	check(qmac_net_create(net, "random", input, &err), &err, "net");
	/* such a first layer is what most networks have */
	if (pick(0, 3) == 0)
		append_conv(net);
	while (net->layer_count < layers)
		append(net, hw->cols, norms);
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

/* A network, with batch norms or without, on hardware with a few rows more, or less, than it needs. */
static void draw_case(struct device *d, const struct qmac_hw *hw, bool norms)
{
	*d = (struct device){.hw = *hw, .batch = pick(0, 5) ? pick(1, 4) : 40};
	/* the smallest, and a few rows for maps of several tensors */
	if (d->batch < 40 && pick(0, 1))
		d->hw.acc_depth = 2 * (hw->rows > hw->cols ? hw->rows : hw->cols);
	if (d->hw.acc_depth < 12)
		d->hw.acc_depth = 12;
	draw_net(&d->net, hw, norms);
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
