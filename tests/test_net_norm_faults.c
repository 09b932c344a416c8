/*
 * Faults planted in the batch norms of a network: in their sums, coefficients and affine maps, forward and
 * back. Each must show first where it is.
 */
#include "net_faults.h"
#include "test.h"

enum layers { CONV, NORM, RELU, CONV2, SECOND, ADD, RELU2, THIRD, ADD2, POOL, FLATTEN, LINEAR };

/*
 * Channels that take two blocks. A norm of many bits, whose sums come in slices, behind a convolution that
 * nothing else reads; one that is merged as the second input of an add; one as the first, of a tensor with
 * two readers.
 */
static void build_norms(struct device *d)
{
	const struct qmac_layer_request layers[] = {
		{.kind = QMAC_LAYER_CONV, .outputs = 11, .kernel = {3, 3}, .pad = 1},
		{.kind = QMAC_LAYER_BATCH_NORM}, {.kind = QMAC_LAYER_RELU},
		{.kind = QMAC_LAYER_CONV, .outputs = 11, .kernel = {3, 3}, .pad = 1, .bias = true},
		{.kind = QMAC_LAYER_BATCH_NORM},
		{.kind = QMAC_LAYER_ADD, .input = RELU, .other = SECOND}, {.kind = QMAC_LAYER_RELU},
		{.kind = QMAC_LAYER_BATCH_NORM}, {.kind = QMAC_LAYER_ADD, .other = RELU2},
		{.kind = QMAC_LAYER_GLOBAL_POOL}, {.kind = QMAC_LAYER_FLATTEN},
		{.kind = QMAC_LAYER_LINEAR, .outputs = 4},
	};

	build(d, layers, TEST_COUNT(layers));
	d->formats.output[CONV + 1] = (struct qmac_format){14, 9};
	d->formats.dy_bits = 14;
}

/* ---- coefficients ---------------------------------------------------------------------------- */

static bool is_affine(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_VEC && c->op == QMAC_OP_AFFINE;
}

static bool loads_coefficients(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_LOAD && c->space == QMAC_SPACE_ACC && c->n0 == 3;
}

static bool next_row(struct qmac_command *c)
{
	if (!loads_coefficients(c))
		return false;
	c->base += c->s0;
	return true;
}

static bool next_channel(struct qmac_command *c)
{
	if (!loads_coefficients(c))
		return false;
	c->base += 4;
	return true;
}

/* The last row is what lay there before. */
static bool stale_row(struct qmac_command *c)
{
	if (!loads_coefficients(c))
		return false;
	c->n0--;
	c->hi0--;
	return true;
}

/* The second block of channels has those of the first. */
static bool first_block(struct qmac_command *c)
{
	if (!is_affine(c) || !c->dither_lane0)
		return false;
	c->coef -= 3;
	return true;
}

/* All commands of a part. */
static void swap_pass(struct device *d, struct qmac_net_part *part, int64_t by)
{
	int changed = 0;

	for (int64_t i = 0; i < qmac_program_count(part->program); i++) {
		struct qmac_command *command = qmac_program_command(part->program, i);

		if (!loads_coefficients(command))
			continue;
		command->base = (uint64_t)((int64_t)command->base + by);
		changed++;
	}
	CU_ASSERT(changed > 0 && !d->wrong);
}

/* On the way back those of the forward pass. */
static void mistake_pass(struct device *d)
{
	const struct qmac_net_norm_place *norm = d->plan.layers[NORM].norm;

	swap_pass(d, &d->plan.layers[CONV].parts[QMAC_NET_PART_ERROR],
	          (int64_t)norm[QMAC_NET_PASS_FORWARD].coefficients.address -
	          (int64_t)norm[QMAC_NET_PASS_BACK].coefficients.address);
}

/* In one merged norm those of the other. */
static void mistake_norm(struct device *d)
{
	const struct qmac_net_plan_layer *layers = d->plan.layers;

	swap_pass(d, &d->plan.layers[ADD2].parts[QMAC_NET_PART_FORWARD],
	          (int64_t)layers[SECOND].norm[QMAC_NET_PASS_FORWARD].coefficients.address -
	          (int64_t)layers[THIRD].norm[QMAC_NET_PASS_FORWARD].coefficients.address);
}

/* ---- affine maps ------------------------------------------------------------------------------ */

static bool other_first(struct qmac_command *c)
{
	uint32_t space = c->s0space, row = c->src0;

	if (!is_affine(c))
		return false;
	c->s0space = c->s1space;
	c->src0 = c->src1;
	c->s1space = space;
	c->src1 = row;
	return true;
}

static bool itself_added(struct qmac_command *c)
{
	if (!is_affine(c))
		return false;
	take_twice(c);
	return true;
}

static bool cut_at_zero(struct qmac_command *c)
{
	if (!is_affine(c))
		return false;
	c->relu = 1;
	return true;
}

static bool next_pixel(struct qmac_command *c)
{
	if (!is_affine(c) || c->n0 < 2)
		return false;
	c->n0--;
	c->src1++;
	return true;
}

/* Rounded one bit too far: as if the output had a fraction bit less than its coefficients are for. */
static void miscount_output(struct device *d)
{
	d->formats.output[ADD + 1].fl--;
}

/* Gradients of the norm and of its sum, which meet in what both read, in the units of one of them. */
static void leave_unaligned(struct device *d)
{
	int first = d->plan.flow.layers[RELU2].first, changed = 0;

	CU_ASSERT_EQUAL(d->plan.flow.links[first].reader, THIRD);
	for (int l = 0; l <= RELU2; l++) {
		struct qmac_net_part *part = &d->plan.layers[l].parts[QMAC_NET_PART_ERROR];

		for (int i = 0; i < part->patch_count; i++)
			if (part->patches[i].kind == QMAC_NET_PATCH_ALIGN && part->patches[i].link == first) {
				part->patches[i].link++;
				changed++;
			}
	}
	CU_ASSERT(changed > 0);
}

/* ---- sums --------------------------------------------------------------------------------------- */

static bool is_sum(const struct qmac_command *c, unsigned op)
{
	return c->opcode == QMAC_OPCODE_VEC && c->op == op && c->red_rows;
}

static bool no_square(struct qmac_command *c)
{
	if (!is_sum(c, QMAC_OP_MUL))
		return false;
	c->op = QMAC_OP_MAX;
	return true;
}

/* In place of E x. */
static bool square(struct qmac_command *c)
{
	if (!is_sum(c, QMAC_OP_MUL))
		return false;
	take_twice(c);
	return true;
}

static bool pixel_less(struct qmac_command *c)
{
	if (!is_sum(c, QMAC_OP_ADD))
		return false;
	c->n0--;
	return true;
}

static bool product_less(struct qmac_command *c)
{
	if (!is_sum(c, QMAC_OP_MUL))
		return false;
	c->n0--;
	return true;
}

static bool product_of_neighbours(struct qmac_command *c)
{
	if (!is_sum(c, QMAC_OP_MUL))
		return false;
	c->n0--;
	c->src1++;
	return true;
}

/* What is added up while it is rounded, where another block's sum is. */
static bool sum_of_block(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || !c->sum)
		return false;
	c->sum++;
	return true;
}

/* A sum lies where that of the next channel has to. */
static bool next_sum(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_STORE)
		return false;
	c->base += 8;
	return true;
}

static void forget_slice(struct device *d)
{
	struct qmac_slices *slices = &d->plan.layers[NORM].norm[QMAC_NET_PASS_FORWARD].slices;

	CU_ASSERT(slices->count > 1);
	slices->count--;
}

static void forget_slice_back(struct device *d)
{
	struct qmac_slices *slices = &d->plan.layers[NORM].norm[QMAC_NET_PASS_BACK].slices;

	CU_ASSERT(slices->count > 1);
	slices->count--;
}

static const struct fault faults[] = {
	{"the next row of coefficients", "output of relu1", NORM, FORWARD, next_row, 1, NULL},
	{"coefficients of the next channel", "output of relu1", NORM, FORWARD, next_channel, 1, NULL},
	{"offsets that were not loaded", "output of relu1", NORM, FORWARD, stale_row, 0, NULL},
	{"coefficients of another block", "output of relu1", NORM, FORWARD, first_block, 1, NULL},
	{"a relu left out", "output of relu1", NORM, FORWARD, no_relu, 1, NULL},
	{"random numbers of the next pixel", "output of relu1", NORM, FORWARD, next_numbers, 0, NULL},
	{"inputs of an add that are swapped", "output of relu2", ADD, FORWARD, other_first, 0, NULL},
	{"x added to its norm, not the shortcut", "output of relu2", ADD, FORWARD, itself_added, 1, NULL},
	{"a shortcut one pixel off", "output of relu2", ADD, FORWARD, next_pixel, 1, NULL},
	{"a sum rounded one bit too far", "output of relu2", ADD, FORWARD, NULL, 0, miscount_output},
	{"coefficients of another norm", "output of add2", ADD2, FORWARD, NULL, 0, mistake_norm},
	{"the sum of x in place of that of squares", "statistics of batch_norm1", NORM, SUMS, no_square, 0, NULL},
	{"a pixel left out of a sum", "statistics of batch_norm3", THIRD, SUMS, pixel_less, 1, NULL},
	{"a pixel left out of a sum of squares", "statistics of batch_norm2", CONV2, FORWARD, product_less, 1,
	 NULL},
	{"sums of another block", "statistics of batch_norm2", CONV2, FORWARD, sum_of_block, 1, NULL},
	{"sums of the next channel", "statistics of batch_norm3", THIRD, SUMS, next_sum, 1, NULL},
	{"a slice that is not added", "statistics of batch_norm1", NORM, SUMS, NULL, 0, forget_slice},
	{"a slice that is not added, back", "beta gradient of batch_norm1", NORM, BACK_SUMS, NULL, 0,
	 forget_slice_back},
	{"a pixel left out of a sum of errors", "beta gradient of batch_norm1", NORM, BACK_SUMS, pixel_less, 1,
	 NULL},
	{"errors that are rounded and not added", "beta gradient of batch_norm2", ADD, ERROR, no_sum, 1, NULL},
	{"squares of errors", "gamma gradient of batch_norm2", ADD, ERROR, square, 0, NULL},
	{"errors times the next pixel", "gamma gradient of batch_norm3", ADD2, ERROR, product_of_neighbours, 0,
	 NULL},
	{"x in place of its error", "error of conv1", CONV, ERROR, other_first, 0, NULL},
	{"coefficients of the forward pass", "error of conv1", CONV, ERROR, NULL, 0, mistake_pass},
	{"coefficients back of another block", "error of conv1", CONV, ERROR, first_block, 1, NULL},
	{"what goes back cut at 0", "error of conv1", CONV, ERROR, cut_at_zero, 1, NULL},
	{"an error with the next pixel's numbers", "error of conv1", CONV, ERROR, next_numbers, 0, NULL},
	{"what goes back to two readers' tensor one row off", "error of add1", THIRD, BACK, next_row, 1, NULL},
	{"gradients of different units added up", "error of add1", RELU2, ERROR, NULL, 0, leave_unaligned},
};

static void test_norms(void)
{
	play_all(build_norms, faults, TEST_COUNT(faults));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"planted faults", test_norms},
	};

	return test_main("test_net_norm_faults", cases, TEST_COUNT(cases));
}
