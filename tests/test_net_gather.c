/*
 * Networks whose errors are made at the end of products: residual blocks, activations between convolutions,
 * several readers, on random hardware against the slow reference, to the bit, as test_net_device.c has it for
 * networks of all kinds.
 */
#include "net_pass.h"
#include "net_random.h"
#include "test.h"

enum { CASES = TEST_CASES(120) };

static struct {
	int ended, of_several, behind, no_room, outputs_summed, errors_summed, split[2], spread, spread_ended;
} seen;

/* Appends a layer that reads `input`; its number, or that of the input where it does not fit. */
static int append_strided(struct qmac_net *net, enum qmac_layer_kind kind, int input, int other, int stride)
{
	struct qmac_layer_request request = {
		.kind = kind, .input = input, .other = other, .bias = pick(0, 1), .stride = stride, .pad = 1,
		.kernel = {3, 3}, .outputs = qmac_net_shape(net, input).channels,
	};
	struct qmac_error err;

	if (kind == QMAC_LAYER_CONV && pick(0, 3) == 0) {
		request.kernel[0] = request.kernel[1] = 1;
		request.pad = 0;
	}
	if (kind == QMAC_LAYER_AVG_POOL) {
		request.kernel[0] = request.kernel[1] = request.stride = 2;
		request.pad = 0;
	}
	return qmac_net_append(net, &request, &err) == QMAC_OK ? net->layer_count - 1 : input;
}

static int append_kind(struct qmac_net *net, enum qmac_layer_kind kind, int input, int other)
{
	return append_strided(net, kind, input, other, 1);
}

static int append_activation(struct qmac_net *net, int input)
{
	static const enum qmac_layer_kind kinds[] = {QMAC_LAYER_RELU, QMAC_LAYER_TANH, QMAC_LAYER_SIGMOID};
	int64_t which = pick(0, 5);

	return which == 5 ? input : append_kind(net, kinds[which < 3 ? 0 : which - 2], input, 0);
}

static int append_conv_norm(struct qmac_net *net, int input, int stride, bool norms)
{
	int conv = append_strided(net, QMAC_LAYER_CONV, input, 0, stride);

	return norms && conv != input && pick(0, 5) ? append_kind(net, QMAC_LAYER_BATCH_NORM, conv, 0) : conv;
}

/* Two convolutions and what they read, added; or a tensor that two convolutions read, with stride 2, too. */
static int append_block(struct qmac_net *net, int input, bool norms)
{
	int stride = (int)pick(1, 2);
	int first = append_activation(net, append_conv_norm(net, input, stride, norms));
	int second = append_conv_norm(net, first, 1, norms);
	int other = stride == 1 && pick(0, 2) ? input : append_conv_norm(net, input, stride, norms);

	return append_activation(net, append_kind(net, QMAC_LAYER_ADD, second, other));
}

static void draw_blocks(struct qmac_net *net, const struct qmac_hw *hw, bool norms)
{
	int last = QMAC_NET_INPUT, even = 1 + (int)pick(0, 1);
	struct qmac_shape input = {pick(0, 1) ? pick(1, 5) : hw->cols + pick(0, 1), pick(1, 6 / even) * even,
	                           pick(1, 6 / even) * even};
	struct qmac_error err;

	check(qmac_net_create(net, "blocks", input, &err), &err, "net");
	last = append_activation(net, append_conv_norm(net, last, 1, norms));
	for (int64_t blocks = pick(1, 2); blocks > 0; blocks--)
		last = pick(0, 1) ? append_block(net, last, norms) :
		       append_activation(net, append_conv_norm(net, last, (int)pick(1, 2), norms));
	if (pick(0, 2))
		last = append_kind(net, QMAC_LAYER_AVG_POOL, last, 0);
	last = append_kind(net, QMAC_LAYER_CONV, last, 0);
	if (pick(0, 1))
		append(net, hw->cols, norms);
}

static void note(const struct device *d)
{
	for (int l = 0; l < d->net.layer_count; l++) {
		const struct qmac_net_flow_layer *f = &d->plan.flow.layers[l];
		bool product = false, ended = false;

		bool owns = f->needed && f->has_error && qmac_net_gatherer(&d->plan, l) == l;

		for (int i = f->first; i < f->first + f->count; i++) {
			seen.split[f->count > 1] += d->plan.use[i] == QMAC_NET_USE_SPLIT;
			product |= d->net.layers[d->plan.flow.links[i].reader].kind == QMAC_LAYER_CONV;
			ended |= d->plan.use[i] == QMAC_NET_USE_ENDED;
		}
		seen.ended += ended;
		seen.of_several += ended && f->count > 1;
		seen.behind += ended && qmac_net_gatherer(&d->plan, l) != l;
		seen.no_room += product && !ended;
		if (f->count == 1 && d->plan.use[f->first] == QMAC_NET_USE_INLINE &&
		    qmac_net_is_quarter(&d->plan, d->plan.flow.links[f->first].reader))
			seen.spread++;
		seen.spread_ended += owns && qmac_net_times(&d->plan, l) > 1 && qmac_net_ended(&d->plan, l) >= 0;
		seen.outputs_summed += qmac_net_sums_output(&d->plan, l) != QMAC_NET_NONE;
		seen.errors_summed += qmac_net_has_parameters(&d->net.layers[l]) && f->needed &&
		                      qmac_net_sums_error(&d->plan, l, &d->plan.layers[l].slices);
	}
}

static void run(const struct qmac_hw *hw, int widest, bool norms)
{
	struct device d;

	draw_case(&d, hw, norms);
	/* with room for four pixels to a position */
	if (pick(0, 1)) {
		d.hw.acc_depth += 256;
		d.hw.w_depth += 256;
	}
	qmac_net_free(&d.net);
	draw_blocks(&d.net, hw, norms);
	draw_formats(&d, widest);
	set_reference(&d);
	solve(&d);
	open_device(&d);
	load(&d);
	forward(&d);
	backward(&d);
	expect_right(&d);
	note(&d);
	close_device(&d);
}

static void test_blocks(void)
{
	state = test_seed();
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw = draw_hw();

		run(&hw, pick(0, 2) ? 8 : 12, pick(0, 1));
		if (CU_get_number_of_failures())
			return;
	}
	printf("(split %d, of several %d; spread %d, %d at the end of products) ", seen.split[0], seen.split[1],
	       seen.spread, seen.spread_ended);
	CU_ASSERT(seen.split[0] > 0 && seen.split[1] > 0 && seen.spread > 0 && seen.spread_ended > 0);
	printf("(%d errors at the end of products, %d of several, %d behind others; %d apart; %d outputs and %d "
	       "errors summed) ", seen.ended, seen.of_several, seen.behind, seen.no_room, seen.outputs_summed,
	       seen.errors_summed);
	CU_ASSERT(seen.outputs_summed > 5 && seen.errors_summed > 5);
	CU_ASSERT(seen.ended > CASES / 2 && seen.of_several > 5 && seen.behind > 5 && seen.no_room > 5);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"residual blocks", test_blocks},
	};

	return test_main("test_net_gather", cases, TEST_COUNT(cases));
}
