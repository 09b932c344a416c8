/*
 * Faults planted in the programs of a network: each must show where it is, for a check that finds nothing
 * proves little until it has found something.
 */
#include "net_case.h"
#include "shipped_hw.h"
#include "test.h"

enum layers { CONV, TANH, POOL, MAX, CONV2, RELU, FLATTEN, LINEAR };

/* Windows that overlap, a stride that leaves parity classes, many ties, errors that are masked. */
static void build(struct device *d)
{
	const struct qmac_layer_request layers[] = {
		{.kind = QMAC_LAYER_CONV, .outputs = 5, .kernel = {3, 3}, .pad = 1, .bias = true},
		{.kind = QMAC_LAYER_TANH},
		{.kind = QMAC_LAYER_AVG_POOL, .kernel = {2, 2}, .stride = 1},
		{.kind = QMAC_LAYER_MAX_POOL, .kernel = {2, 2}, .stride = 1},
		{.kind = QMAC_LAYER_CONV, .outputs = 6, .kernel = {3, 3}, .stride = 2, .pad = 1, .bias = true},
		{.kind = QMAC_LAYER_RELU}, {.kind = QMAC_LAYER_FLATTEN}, {.kind = QMAC_LAYER_LINEAR, .outputs = 4},
	};
	struct qmac_error err;

	*d = (struct device){.hw = shipped_hw("8x8_w8"), .batch = 3};
	check(qmac_net_create(&d->net, "faults", (struct qmac_shape){2, 7, 8}, &err), &err, "net");
	for (int l = 0; l < TEST_COUNT(layers); l++) {
		struct qmac_layer_request request = layers[l];

		request.input = l - 1;
		check(qmac_net_append(&d->net, &request, &err), &err, "layer");
	}
	draw_formats(d, 8);
	for (int t = 0; t <= d->net.layer_count; t++)
		d->formats.output[t] = (struct qmac_format){6, 3};
	d->formats.output[POOL + 1] = (struct qmac_format){3, 2};
	for (int p = 0; p < d->net.parameter_count; p++)
		d->formats.parameter[p] = (struct qmac_format){5, 4};
	d->formats.err_bits = d->formats.dy_bits = 8;
	d->formats.activation_rounding = d->formats.error_rounding = QMAC_ROUND_STOCHASTIC;
	d->formats.clip = true;
	d->formats.output[MAX + 1] = d->formats.output[POOL + 1];
	d->formats.output[RELU + 1] = d->formats.output[FLATTEN + 1] = d->formats.output[CONV2 + 1];
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

static const struct fault faults[] = {
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
static void play(const struct fault *fault)
{
	struct device d;

	build(&d);
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

static void test_faults(void)
{
	/* always the same: a fault need not show with every number */
	state = 1;
	play(NULL);
	for (int i = 0; i < TEST_COUNT(faults); i++)
		play(&faults[i]);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"planted faults", test_faults},
	};

	return test_main("test_net_faults", cases, TEST_COUNT(cases));
}
