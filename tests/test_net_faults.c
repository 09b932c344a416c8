/*
 * Faults planted in the programs of a network: each must show where it is, for a check that finds nothing
 * proves little until it has found something.
 */
#include "net_faults.h"
#include "test.h"

enum chain { CONV, TANH, POOL, MAX, CONV2, RELU, FLATTEN, LINEAR };

/* Windows that overlap, a stride that leaves parity classes, many ties, errors that are masked. */
static void build_chain(struct device *d)
{
	const struct qmac_layer_request layers[] = {
		{.kind = QMAC_LAYER_CONV, .outputs = 5, .kernel = {3, 3}, .pad = 1, .bias = true},
		{.kind = QMAC_LAYER_TANH},
		{.kind = QMAC_LAYER_AVG_POOL, .kernel = {2, 2}, .stride = 1},
		{.kind = QMAC_LAYER_MAX_POOL, .kernel = {2, 2}, .stride = 1},
		{.kind = QMAC_LAYER_CONV, .outputs = 6, .kernel = {3, 3}, .stride = 2, .pad = 1, .bias = true},
		{.kind = QMAC_LAYER_RELU}, {.kind = QMAC_LAYER_FLATTEN}, {.kind = QMAC_LAYER_LINEAR, .outputs = 4},
	};

	build(d, layers, TEST_COUNT(layers));
	d->formats.output[POOL + 1] = (struct qmac_format){3, 2};
	d->formats.output[MAX + 1] = d->formats.output[POOL + 1];
	d->formats.output[RELU + 1] = d->formats.output[FLATTEN + 1] = d->formats.output[CONV2 + 1];
}

enum branches { FIRST, BIAS, SIGMOID, MAIN, ADD, MEAN, GLOBAL, FLAT, LAST };

/* Two branches from one tensor, whose sum of gradients is rounded; means of 9 and of 6. */
static void build_branches(struct device *d)
{
	const struct qmac_layer_request layers[] = {
		{.kind = QMAC_LAYER_CONV, .outputs = 5, .kernel = {3, 3}, .pad = 1},
		{.kind = QMAC_LAYER_BIAS}, {.kind = QMAC_LAYER_SIGMOID},
		{.kind = QMAC_LAYER_CONV, .outputs = 5, .kernel = {3, 3}, .pad = 1, .bias = true},
		{.kind = QMAC_LAYER_ADD, .other = SIGMOID},
		{.kind = QMAC_LAYER_AVG_POOL, .kernel = {3, 3}, .stride = 2}, {.kind = QMAC_LAYER_GLOBAL_POOL},
		{.kind = QMAC_LAYER_FLATTEN}, {.kind = QMAC_LAYER_LINEAR, .outputs = 4, .bias = true},
	};

	build(d, layers, TEST_COUNT(layers));
	d->formats.output[MAIN + 1] = (struct qmac_format){4, 3};
}

/* ---- faults -------------------------------------------------------------------------------- */

static bool wrong_tap(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_GEMM || c->mode != QMAC_MODE_WS || !c->accumulate)
		return false;
	c->a++;
	return true;
}

static bool wrong_sum(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_GEMM || c->mode != QMAC_MODE_OS)
		return false;
	c->a++;
	return true;
}

static bool wrong_pixel(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_STORE || c->s0 <= 8)
		return false;
	c->base += c->s0 / 2;
	return true;
}

static bool same_twice(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || c->op != QMAC_OP_ADD || c->s1space == QMAC_SPACE_IMM)
		return false;
	take_twice(c);
	return true;
}

/* What the first of equals has taken stays for the next. */
static bool ties_share(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || c->op != QMAC_OP_SUB)
		return false;
	c->op = QMAC_OP_MAX;
	c->src1 = c->src0;
	c->b0 = c->a0;
	c->b1 = c->a1;
	return true;
}

/* select with itself as the condition: positive errors pass the mask. */
static bool no_mask(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || c->op != QMAC_OP_SELECT)
		return false;
	c->s1space = c->s0space;
	c->src1 = c->src0;
	c->b0 = c->a0;
	c->b1 = c->a1;
	return true;
}

static bool wrong_table(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_LOAD || c->space != QMAC_SPACE_LUT)
		return false;
	c->base += 4;
	return true;
}

static bool next_weights(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_LOAD || c->space != QMAC_SPACE_W)
		return false;
	c->base += c->s0;
	return true;
}

/* A tap leaves out the last pixel of its lines, as if it saw the border there. */
static bool sees_less(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_GEMM || c->mode != QMAC_MODE_WS || !c->accumulate || c->n0 < 2)
		return false;
	c->n0--;
	return true;
}

/* The sums of the tile before stay. */
static bool no_start(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_GEMM || c->accumulate)
		return false;
	c->accumulate = 1;
	return true;
}

static bool no_slice(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_GEMM || c->mode != QMAC_MODE_OS || !c->accumulate)
		return false;
	c->accumulate = 0;
	return true;
}

static bool one_sample_less(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_GEMM || c->mode != QMAC_MODE_OS || c->k != 1 || c->n2 < 2)
		return false;
	c->n2--;
	return true;
}

static bool not_as_far_left(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || !c->l0)
		return false;
	c->l0--;
	return true;
}

/* As if a window had a place more. */
static bool larger_window(struct qmac_command *c)
{
	enum { PLACES = 9 };

	if (c->opcode != QMAC_OPCODE_VEC || c->mult < 1 << 16)
		return false;
	c->mult = c->mult * PLACES / (PLACES + 1);
	return true;
}

static bool neighbour(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC)
		return false;
	c->dst++;
	return true;
}

/* The largest code is not taken for one that saturated. */
static bool narrow_mask(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || c->dspace != QMAC_SPACE_W || c->s1space != QMAC_SPACE_IMM)
		return false;
	c->imm--;
	return true;
}

/* Transposed weights are those of another step. */
static void make_stale(struct device *d)
{
	const struct qmac_view *view = &d->plan.layers[CONV2].transposed;
	int64_t count = qmac_net_count(view), *values = malloc((size_t)count * sizeof *values);

	qmac_net_get(d->driver, view, values);
	for (int64_t i = 0; i < count; i++)
		values[i] = values[i] > 0 ? values[i] - 1 : values[i] + 1;
	qmac_net_put(d->driver, view, values);
	free(values);
}

static void miscount_scale(struct device *d)
{
	d->formats.parameter[d->net.layers[CONV2].weight].fl++;
}

static void miscount_sum(struct device *d)
{
	d->plan.layers[FIRST].fl++;
}

/* Gradients are added up as if all had the fraction bits of the first. */
static void leave_unaligned(struct device *d)
{
	struct qmac_net_part *part = &d->plan.layers[BIAS].parts[QMAC_NET_PART_ERROR];

	for (int i = 0; i < part->patch_count; i++)
		if (part->patches[i].kind == QMAC_NET_PATCH_ALIGN)
			part->patches[i].link = d->plan.flow.layers[SIGMOID].first;
}

/* The random numbers of the error in place of those of the output. */
static void mistake_site(struct device *d)
{
	struct qmac_net_part *part = &d->plan.layers[SIGMOID].parts[QMAC_NET_PART_FORWARD];

	for (int i = 0; i < part->patch_count; i++)
		if (part->patches[i].kind == QMAC_NET_PATCH_SEED)
			part->patches[i].site++;
}

static const struct fault chain_faults[] = {
	{"a tap one pixel off", "output of relu1", CONV2, FORWARD, wrong_tap, 0, NULL},
	{"a relu left out", "output of relu1", CONV2, FORWARD, no_relu, 1, NULL},
	{"a table one word off", "output of tanh1", TANH, FORWARD, wrong_table, 1, NULL},
	{"a mean that sees a pixel twice", "output of avg_pool1", POOL, FORWARD, same_twice, 1, NULL},
	{"random numbers of the next pixel", "output of conv1", CONV, FORWARD, next_numbers, 0, NULL},
	{"a stale copy of the weights", "error of conv1", CONV2, BACK, NULL, 0, make_stale},
	{"a parity class in its neighbour's place", "error of conv1", CONV2, BACK, wrong_pixel, 2, NULL},
	{"equals that share a maximum's gradient", "error of conv1", MAX, BACK, ties_share, 0, NULL},
	{"a mean's gradient that misses a tap", "error of conv1", POOL, BACK, same_twice, 1, NULL},
	{"saturated outputs that pass errors", "error of conv2", CONV2, ERROR, no_mask, 0, NULL},
	{"errors rounded one bit too far", "error of conv1", CONV, ERROR, NULL, 0, miscount_scale},
	{"errors with the next pixel's numbers", "error of conv2", CONV2, ERROR, next_numbers, 0, NULL},
	{"a sum for weights one pixel off", "weight sum of conv2", CONV2, BACK, wrong_sum, 0, NULL},
};

static const struct fault branch_faults[] = {
	{"a sum rounded one bit too far", "output of conv1", FIRST, FORWARD, NULL, 0, miscount_sum},
	{"a number added to itself, not to its bias", "output of bias1", BIAS, FORWARD, same_twice, 1, NULL},
	{"operands one bit apart", "output of bias1", BIAS, FORWARD, not_as_far_left, 1, NULL},
	{"the table one word off", "output of sigmoid1", SIGMOID, FORWARD, wrong_table, 1, NULL},
	{"the random numbers of another tensor", "output of sigmoid1", SIGMOID, FORWARD, NULL, 0, mistake_site},
	{"a pixel taken for the border", "output of conv2", MAIN, FORWARD, sees_less, 1, NULL},
	{"sums that begin with those before", "output of conv2", MAIN, FORWARD, no_start, 0, NULL},
	{"a branch added to itself", "output of add1", ADD, FORWARD, same_twice, 1, NULL},
	{"a mean of a larger window", "output of avg_pool1", MEAN, FORWARD, larger_window, 0, NULL},
	{"a row of weights of the next place", "output of linear1", LAST, FORWARD, next_weights, 1, NULL},
	{"a bias sum that misses a sample", "bias sum of linear1", LAST, BACK, one_sample_less, 1, NULL},
	{"a gradient in its neighbour's place", "error of add1", GLOBAL, BACK, neighbour, 1, NULL},
	{"a gradient of a larger window", "error of add1", GLOBAL, BACK, larger_window, 0, NULL},
	{"the largest code passes errors", "error of conv2", MAIN, ERROR, narrow_mask, 0, NULL},
	{"a derivative one bit off", "error of bias1", BIAS, ERROR, not_as_far_left, 0, NULL},
	{"the gradient of one branch twice", "error of bias1", BIAS, ERROR, same_twice, 0, NULL},
	{"gradients of different units added up", "error of bias1", BIAS, ERROR, NULL, 0, leave_unaligned},
	{"a sum of which the first part is left out", "weight sum of conv2", MAIN, BACK, no_slice, 1, NULL},
	{"errors that are not summed", "bias sum of bias1", BIAS, ERROR, no_sum, 1, NULL},
};

static void test_chain(void)
{
	play_all(build_chain, chain_faults, TEST_COUNT(chain_faults));
}

static void test_branches(void)
{
	play_all(build_branches, branch_faults, TEST_COUNT(branch_faults));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"planted faults", test_chain}, {"planted faults where branches meet", test_branches},
	};

	return test_main("test_net_faults", cases, TEST_COUNT(cases));
}
