#include "train/batch_commands.h"

#include <assert.h>

#include "backend/tag.h"
#include "train/linear_commands.h"
#include "train/logistic_arithmetic.h"

struct list {
	const struct qmac_batch_plan *plan;
	const struct qmac_batch_chunk *chunk;
	struct qmac_command *commands;
	int count;
};

/* unit: as of qmac_command_note(). */
static void add(struct list *list, enum qmac_direction direction, double unit, struct qmac_command command)
{
	assert(list->count < qmac_batch_plan_commands(list->plan));
	qmac_command_note(&command, qmac_tag(direction, 0, list->chunk->step), unit);
	list->commands[list->count++] = command;
}

/* ---- vector commands: a group's lanes of rows of ACC, immediate 0 as second source ---- */

static struct qmac_command column(const struct qmac_batch_plan *plan, int group, unsigned op, uint32_t dst,
                                  uint32_t src0, int64_t rows)
{
	uint32_t skipped = (uint32_t)(group * rows);

	return (struct qmac_command){
		.opcode = QMAC_OPCODE_VEC, .op = op, .dst = dst + skipped, .src0 = src0 + skipped,
		.n0 = (uint32_t)rows, .n1 = 1, .d0 = 1, .a0 = 1, .dspace = QMAC_SPACE_ACC,
		.s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM, .mult = op == QMAC_OP_MUL ? 0 : 1,
		.lanes = (uint32_t)qmac_batch_plan_lanes(plan, group),
	};
}

/* `row` is where the matrix of the second source begins. */
static void second_source(struct qmac_command *command, int group, uint32_t row)
{
	command->s1space = QMAC_SPACE_ACC;
	command->src1 = row + (uint32_t)group * command->n0;
	command->b0 = 1;
}

/* What is written to W: the limb of a number. */
static void take_limb(struct qmac_command *command, const struct qmac_limbs *limbs, int limb)
{
	struct qmac_limb_cut cut = qmac_limb_cut(limbs, limb);

	command->lsb = cut.lsb;
	command->nbits = cut.bits;
	command->limb_unsigned = cut.is_unsigned;
}

static void into_operand(struct qmac_command *command, const struct qmac_limbs *limbs, int limb, uint32_t row)
{
	command->dspace = QMAC_SPACE_W;
	command->dst = row;
	take_limb(command, limbs, limb);
}

/* First W row of a limb of a group of Z, and of m'. */
static uint32_t z_operand(const struct qmac_batch_plan *plan, int limb, int group)
{
	return plan->z_operand + (uint32_t)((limb * plan->groups + group) * plan->shape.features);
}

static uint32_t m_operand(const struct qmac_batch_plan *plan, int limb, int group)
{
	return plan->m_operand + (uint32_t)((limb * plan->groups + group) * plan->chunk);
}

/* Lanes that the last group does not have are cleared, too, and never used. */
struct qmac_command qmac_batch_clear(const struct qmac_batch_plan *plan)
{
	struct qmac_command command = column(plan, 0, QMAC_OP_MUL, plan->z_row, plan->z_row,
	                                     qmac_batch_plan_rows(plan));

	command.bw = (uint32_t)plan->shape.bits;
	return command;
}

struct qmac_command qmac_batch_copy_z(const struct qmac_batch_plan *plan, int limb, int group)
{
	struct qmac_command command = column(plan, group, QMAC_OP_ADD, 0, plan->z_row, plan->shape.features);

	command.bw = (uint32_t)plan->shape.bits;
	into_operand(&command, &plan->z, limb, z_operand(plan, limb, group));
	return command;
}

/* ---- the products ------------------------------------------------------------------ */

/* A pass over the chunk's samples with one limb of one block of their features, for one group. */
static struct qmac_command pass(const struct list *list, unsigned mode, int x_limb, int block, int group)
{
	const struct qmac_batch_plan *plan = list->plan;
	int64_t left = plan->shape.features - (int64_t)block * plan->block;

	return (struct qmac_command){
		.opcode = QMAC_OPCODE_GEMM, .mode = mode,
		.a = qmac_batch_plan_x_row(plan, list->chunk->slot, x_limb, 0) + (uint32_t)block,
		.n0 = (uint32_t)list->chunk->samples, .n1 = 1, .n2 = 1, .as0 = (uint32_t)plan->blocks,
		.k = left < plan->block ? (uint32_t)left : (uint32_t)plan->block,
		.n = (uint32_t)qmac_batch_plan_lanes(plan, group),
		.a_unsigned = qmac_limb_cut(&plan->x, x_limb).is_unsigned,
	};
}

/* m_i = X_i.Z: the samples stream through, Z stays in the array. */
static void add_forward(struct list *list, int group)
{
	const struct qmac_batch_plan *plan = list->plan;

	for (int x = 0; x < plan->x.count; x++)
		for (int z = 0; z < plan->z.count; z++)
			for (int block = 0; block < plan->blocks; block++) {
				struct qmac_command c = pass(list, QMAC_MODE_WS, x, block, group);

				c.w = z_operand(plan, z, group) + (uint32_t)(block * plan->block);
				c.c = plan->m_row + (uint32_t)(group * list->chunk->samples);
				c.cs0 = 1;
				c.acc_shift = (uint32_t)(x * plan->x.native + z * plan->z.native);
				c.w_unsigned = qmac_limb_cut(&plan->z, z).is_unsigned;
				c.accumulate = x + z + block > 0;
				add(list, QMAC_DIRECTION_FORWARD, list->chunk->units->m, c);
			}
}

/*
 * sum_i m'_i X_i: samples and m' stream through, the sums stay in the array. In logistic regression they
 * are added to L + H at its place of the point, so that the sum is U.
 */
static void add_products(struct list *list, int group)
{
	const struct qmac_batch_plan *plan = list->plan;
	int point = list->chunk->point;
	int left = plan->shape.host_residual ? qmac_logistic_fraction(&plan->shape, point) - point : 0;

	for (int x = 0; x < plan->x.count; x++)
		for (int m = 0; m < plan->m.count; m++)
			for (int block = 0; block < plan->blocks; block++) {
				struct qmac_command c = pass(list, QMAC_MODE_OS, x, block, group);

				c.w = m_operand(plan, m, group);
				c.ws0 = 1;
				c.c = plan->sum_row + (uint32_t)(group * plan->shape.features + block * plan->block);
				c.acc_shift = (uint32_t)(left + x * plan->x.native + m * plan->m.native);
				c.w_unsigned = qmac_limb_cut(&plan->m, m).is_unsigned;
				c.accumulate = qmac_batch_plan_starts_sum(plan) || !list->chunk->first || x + m > 0;
				add(list, QMAC_DIRECTION_WEIGHTS, list->chunk->units->sum, c);
			}
}

/* ---- linear regression, between the products and behind them ------------------------- */

/* m'; where it is wider than an operand it is made once, in ACC, and then copied limb by limb. */
static void add_scale(struct list *list)
{
	const struct qmac_batch_plan *plan = list->plan;
	int samples = list->chunk->samples;
	struct qmac_command scale = column(plan, 0, QMAC_OP_SUB, plan->m_row, plan->m_row, samples);

	if (plan->shape.has_targets)
		second_source(&scale, 0, plan->target_row + (uint32_t)(list->chunk->slot * plan->chunk));
	scale.l0 = (uint32_t)plan->shape.y_frac_bits;
	scale.mult = plan->step.mult;
	scale.shift = (uint32_t)plan->step.m_shift;
	scale.rnd = QMAC_ROUND_NEAREST;
	scale.bw = (uint32_t)plan->step.mp_bits;
	if (plan->m.count == 1)
		into_operand(&scale, &plan->m, 0, m_operand(plan, 0, 0));
	add(list, QMAC_DIRECTION_FORWARD, list->chunk->units->scaled, scale);
	for (int limb = 0; plan->m.count > 1 && limb < plan->m.count; limb++) {
		struct qmac_command copy = column(plan, 0, QMAC_OP_ADD, 0, plan->m_row, samples);

		copy.bw = scale.bw;
		into_operand(&copy, &plan->m, limb, m_operand(plan, limb, 0));
		add(list, QMAC_DIRECTION_FORWARD, list->chunk->units->scaled, copy);
	}
}

/* Z - U, rounded; U lies where the sum lay. */
static struct qmac_command rounding(const struct list *list, int group, int fraction)
{
	const struct qmac_batch_plan *plan = list->plan;
	struct qmac_command c = column(plan, group, QMAC_OP_SUB, plan->z_row, plan->z_row,
	                               plan->shape.features);

	second_source(&c, group, plan->sum_row);
	c.l0 = c.shift = (uint32_t)fraction;
	c.rnd = QMAC_ROUND_STOCHASTIC;
	c.bw = (uint32_t)plan->shape.bits;
	c.seed = list->chunk->seed;
	return c;
}

/* T, U and the new Z, each where it changes anything. */
static void add_round(struct list *list)
{
	const struct qmac_batch_plan *plan = list->plan;
	const struct qmac_linear_arithmetic *step = &plan->step;
	int64_t features = plan->shape.features;
	struct qmac_command c = column(plan, 0, QMAC_OP_ADD, plan->sum_row, plan->sum_row, features);

	if (step->t_shift > 0) {
		c.shift = (uint32_t)step->t_shift;
		c.rnd = QMAC_ROUND_NEAREST;
		c.bw = (uint32_t)step->t_bits;
		add(list, QMAC_DIRECTION_WEIGHTS, list->chunk->units->t, c);
	}
	if (plan->shape.has_offset || step->t_left > 0) {
		c = column(plan, 0, QMAC_OP_ADD, plan->sum_row, plan->sum_row, features);
		if (plan->shape.has_offset)
			second_source(&c, 0, plan->h_row);
		c.l0 = (uint32_t)step->t_left;
		c.bw = (uint32_t)step->u_bits;
		add(list, QMAC_DIRECTION_WEIGHTS, list->chunk->units->u, c);
	}
	c = rounding(list, 0, plan->shape.frac_bits);
	c.dither_cs0 = 1; /* row 0, channel j */
	add(list, QMAC_DIRECTION_WEIGHTS, list->chunk->units->z, c);
}

/* ---- logistic regression, around the products ----------------------------------------- */

/* L: alpha lambda of Z, into the sum. */
static void add_decay(struct list *list, int group, int fraction)
{
	const struct qmac_batch_plan *plan = list->plan;
	int exponent = plan->step.decay_exponent - fraction;
	struct qmac_command c = column(plan, group, QMAC_OP_ADD, plan->sum_row, plan->z_row,
	                               plan->shape.features);

	c.mult = plan->step.decay_mult;
	c.l0 = exponent < 0 ? (uint32_t)-exponent : 0;
	c.shift = exponent > 63 ? 63 : exponent > 0 ? (uint32_t)exponent : 0;
	c.rnd = QMAC_ROUND_NEAREST;
	c.bw = (uint32_t)qmac_logistic_u_bits(&plan->shape, fraction);
	add(list, QMAC_DIRECTION_WEIGHTS, list->chunk->units->u, c);
}

/* H, or where there is an L the sum with it. */
static void add_offset(struct list *list, int group, int fraction)
{
	const struct qmac_batch_plan *plan = list->plan;
	struct qmac_command c = column(plan, group, QMAC_OP_ADD, plan->sum_row, plan->h_row,
	                               plan->shape.features);

	if (plan->shape.decay > 0)
		second_source(&c, group, plan->sum_row);
	c.bw = (uint32_t)qmac_logistic_u_bits(&plan->shape, fraction);
	add(list, QMAC_DIRECTION_WEIGHTS, list->chunk->units->u, c);
}

/* ---- chunks ------------------------------------------------------------------------ */

int qmac_batch_execute(const struct qmac_batch_plan *plan, const struct qmac_batch_chunk *chunk,
                       struct qmac_command *commands, int *last_read)
{
	struct list list = {.plan = plan, .chunk = chunk, .commands = commands};

	assert(!plan->shape.host_residual && plan->groups == 1);
	add_forward(&list, 0);
	add_scale(&list);
	add_products(&list, 0);
	*last_read = list.count - 1;
	if (chunk->last) {
		add_round(&list);
		for (int limb = 0; limb < plan->z.count; limb++)
			add(&list, QMAC_DIRECTION_WEIGHTS, chunk->units->z, qmac_batch_copy_z(plan, limb, 0));
	}
	return list.count;
}

int qmac_batch_forward(const struct qmac_batch_plan *plan, const struct qmac_batch_chunk *chunk,
                       struct qmac_command *commands)
{
	struct list list = {.plan = plan, .chunk = chunk, .commands = commands};

	for (int group = 0; group < plan->groups; group++)
		add_forward(&list, group);
	return list.count;
}

/* L + H stands first: while m' is on its way to W. */
int qmac_batch_update(const struct qmac_batch_plan *plan, const struct qmac_batch_chunk *chunk,
                      struct qmac_command *commands, int *first_read, int *last_read)
{
	struct list list = {.plan = plan, .chunk = chunk, .commands = commands};
	int fraction = qmac_logistic_fraction(&plan->shape, chunk->point);

	for (int group = 0; chunk->first && group < plan->groups; group++) {
		if (plan->shape.decay > 0)
			add_decay(&list, group, fraction);
		if (plan->shape.has_offset)
			add_offset(&list, group, fraction);
	}
	*first_read = list.count;
	for (int group = 0; group < plan->groups; group++)
		add_products(&list, group);
	*last_read = list.count - 1;
	for (int group = 0; chunk->last && !plan->shape.sum_only && group < plan->groups; group++) {
		struct qmac_command c = rounding(&list, group, fraction);

		c.dither_rs0 = 1; /* row j, channel c */
		c.dither_lane0 = (uint32_t)(group * plan->cols);
		add(&list, QMAC_DIRECTION_WEIGHTS, chunk->units->z, c);
		for (int limb = 0; limb < plan->z.count; limb++)
			add(&list, QMAC_DIRECTION_WEIGHTS, chunk->units->z, qmac_batch_copy_z(plan, limb, group));
	}
	return list.count;
}

/* ---- LOAD and STORE ------------------------------------------------------------------ */

struct qmac_command qmac_batch_move(const struct qmac_batch_plan *plan, unsigned opcode, uint64_t address,
                                    unsigned container, uint32_t row, int64_t rows, int group)
{
	uint64_t skipped = (uint64_t)(group * plan->cols) << container;
	struct qmac_command command = qmac_linear_move(opcode, address + skipped, container, QMAC_SPACE_ACC,
	                                               row + (uint32_t)(group * rows), 1, (int)rows,
	                                               qmac_batch_plan_lanes(plan, group));

	command.s0 = (uint32_t)plan->outputs << container;
	command.coalesce = plan->groups == 1;
	return command;
}

struct qmac_command qmac_batch_load_m(const struct qmac_batch_plan *plan, uint64_t address,
                                      unsigned container, int samples, int limb, int group)
{
	struct qmac_command command = qmac_batch_move(plan, QMAC_OPCODE_LOAD, address, container, 0, samples,
	                                              group);

	command.space = QMAC_SPACE_W;
	command.row = m_operand(plan, limb, group);
	take_limb(&command, &plan->m, limb);
	return command;
}

struct qmac_command qmac_batch_load_x(const struct qmac_batch_plan *plan, uint64_t address,
                                      unsigned container, int slot, int limb, int sample)
{
	struct qmac_command command = qmac_linear_move(QMAC_OPCODE_LOAD, address, container, QMAC_SPACE_A,
	                                               qmac_batch_plan_x_row(plan, slot, limb, sample), 1,
	                                               plan->blocks, plan->block);

	take_limb(&command, &plan->x, limb);
	return command;
}

void qmac_batch_load_pair(struct qmac_command *command, uint64_t distance)
{
	assert(command->n1 == 1 && distance <= UINT32_MAX);
	command->n1 = 2;
	command->hi1 = 1;
	command->s1 = (uint32_t)distance;
	command->ds1 = command->n0;
}
