/*
 * Faults planted in the programs of a network: each must show where it is, for a check that finds nothing
 * proves little until it has found something.
 */
#include "net_pass.h"
#include "shipped_hw.h"
#include "test.h"

/* What all formats are but those that a network says. */
static const struct qmac_format outputs = {6, 3}, parameters = {5, 4};

/* A network on a small device; inputs of layers that name none are those before them. */
static void build(struct device *d, const struct qmac_layer_request *layers, int count)
{
	struct qmac_error err;

	*d = (struct device){.hw = shipped_hw("8x8_w8"), .batch = 3};
	check(qmac_net_create(&d->net, "faults", (struct qmac_shape){2, 7, 8}, &err), &err, "net");
	for (int l = 0; l < count; l++) {
		struct qmac_layer_request request = layers[l];

		request.input = l - 1;
		check(qmac_net_append(&d->net, &request, &err), &err, "layer");
	}
	draw_formats(d, 8);
	for (int t = 0; t <= d->net.layer_count; t++)
		d->formats.output[t] = outputs;
	for (int p = 0; p < d->net.parameter_count; p++)
		d->formats.parameter[p] = parameters;
	d->formats.err_bits = d->formats.dy_bits = 8;
	d->formats.activation_rounding = d->formats.error_rounding = QMAC_ROUND_STOCHASTIC;
	d->formats.clip = true;
}

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

struct fault {
	const char *what, *shows; /* where it must be found first */
	int layer;                /* whose commands, in which program */
	enum { FORWARD = QMAC_NET_PART_FORWARD, ERROR = QMAC_NET_PART_ERROR, BACK = QMAC_NET_PART_BACK } where;
	bool (*plant)(struct qmac_command *command); /* true: changed */
	int most;                 /* commands that are changed; 0: all it can */
	void (*damage)(struct device *device); /* in place of all that */
};

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

static bool next_numbers(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || c->rnd != QMAC_ROUND_STOCHASTIC)
		return false;
	c->dither_row0++;
	return true;
}

static bool no_relu(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || !c->relu)
		return false;
	c->relu = 0;
	return true;
}

static bool wrong_table(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_LOAD || c->space != QMAC_SPACE_LUT)
		return false;
	c->base += 4;
	return true;
}

static bool same_twice(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || c->op != QMAC_OP_ADD || c->s1space == QMAC_SPACE_IMM)
		return false;
	c->s1space = c->s0space;
	c->src1 = c->src0;
	c->b0 = c->a0;
	c->b1 = c->a1;
	return true;
}

static bool next_weights(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_LOAD || c->space != QMAC_SPACE_W)
		return false;
	c->base += c->s0;
	return true;
}

/* What lies before the first pixel of a line is taken for its border. */
static bool no_border(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_LOAD || c->space != QMAC_SPACE_A || !c->lo0)
		return false;
	c->lo0 = 0;
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
	{"a border that is not 0", "output of conv2", MAIN, FORWARD, no_border, 0, NULL},
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
	{"a sum of which the first part is left out", "bias sum of bias1", BIAS, BACK, no_slice, 1, NULL},
};

static struct qmac_program *program_of(struct device *d, const struct fault *fault)
{
	return d->plan.layers[fault->layer].parts[fault->where].program;
}

static void plant(struct device *d, const struct fault *fault)
{
	struct qmac_program *program = program_of(d, fault);
	int changed = 0;

	for (int64_t i = 0; i < qmac_program_count(program); i++) {
		struct qmac_command *command = qmac_program_command(program, i);

		if (command->layer == (uint16_t)fault->layer && (!fault->most || changed < fault->most))
			changed += fault->plant(command);
	}
	CU_ASSERT(changed > 0);
}

/* NULL: none. */
static void play(void (*make)(struct device *d), const struct fault *fault)
{
	struct device d;

	make(&d);
	set_reference(&d);
	solve(&d);
	open_device(&d);
	load(&d);
	if (fault && fault->damage)
		fault->damage(&d);
	else if (fault)
		plant(&d, fault);
	forward(&d);
	backward(&d);
	if (fault && strcmp(d.first, fault->shows))
		printf("%s: shows first in '%s', not in '%s'\n", fault->what, d.first, fault->shows);
	CU_ASSERT_STRING_EQUAL(d.first, fault ? fault->shows : "");
	/* waits are those of the program as it was */
	d.races = fault != NULL;
	close_device(&d);
}

static void play_all(void (*make)(struct device *d), const struct fault *faults, int count)
{
	/* always the same: a fault need not show with every number */
	state = 1;
	play(make, NULL);
	for (int i = 0; i < count; i++)
		play(make, &faults[i]);
}

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
