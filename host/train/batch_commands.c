#include "train/batch_commands.h"

#include <assert.h>

#include "train/linear_commands.h"

struct list {
	const struct qmac_batch_plan *plan;
	const struct qmac_batch_chunk *chunk;
	struct qmac_command *commands;
	int count;
};

static void add(struct list *list, struct qmac_command command)
{
	assert(list->count < qmac_batch_plan_commands(list->plan));
	list->commands[list->count++] = command;
}

/* ---- vector commands: lane 0 of `rows` rows of ACC, immediate 0 as second source ---- */

static struct qmac_command column(unsigned op, uint32_t dst, uint32_t src0, int64_t rows)
{
	return (struct qmac_command){
		.opcode = QMAC_OPCODE_VEC, .op = op, .dst = dst, .src0 = src0, .n0 = (uint32_t)rows, .n1 = 1,
		.d0 = 1, .a0 = 1, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_IMM, .mult = op == QMAC_OP_MUL ? 0 : 1, .lanes = 1,
	};
}

static void second_source(struct qmac_command *command, uint32_t row)
{
	command->s1space = QMAC_SPACE_ACC;
	command->src1 = row;
	command->b0 = 1;
}

/* The result goes to W as the limb of a number. */
static void into_operand(struct qmac_command *command, const struct qmac_limbs *limbs, int limb, uint32_t row)
{
	command->dspace = QMAC_SPACE_W;
	command->dst = row;
	command->lsb = (uint32_t)(limb * limbs->native);
	command->nbits = (uint32_t)qmac_limb_bits(limbs, limb);
	command->limb_unsigned = qmac_limb_unsigned(limbs, limb);
}

struct qmac_command qmac_batch_clear(const struct qmac_batch_plan *plan)
{
	struct qmac_command command = column(QMAC_OP_MUL, plan->z_row, plan->z_row, plan->shape.features);

	command.bw = (uint32_t)plan->shape.bits;
	return command;
}

struct qmac_command qmac_batch_copy_z(const struct qmac_batch_plan *plan, int limb)
{
	int64_t features = plan->shape.features;
	struct qmac_command command = column(QMAC_OP_ADD, 0, plan->z_row, features);

	command.bw = (uint32_t)plan->shape.bits;
	into_operand(&command, &plan->z, limb, plan->z_operand + (uint32_t)(limb * features));
	return command;
}

/* ---- the products ------------------------------------------------------------------ */

/* A pass over the chunk's samples with one limb of one block of their features. */
static struct qmac_command pass(const struct list *list, unsigned mode, int x_limb, int block)
{
	const struct qmac_batch_plan *plan = list->plan;
	int64_t left = plan->shape.features - (int64_t)block * plan->block;

	return (struct qmac_command){
		.opcode = QMAC_OPCODE_GEMM, .mode = mode,
		.a = qmac_batch_plan_x_row(plan, list->chunk->slot, x_limb, 0) + (uint32_t)block,
		.n0 = (uint32_t)list->chunk->samples, .n1 = 1, .n2 = 1, .as0 = (uint32_t)plan->blocks,
		.k = left < plan->block ? (uint32_t)left : (uint32_t)plan->block, .n = 1,
		.a_unsigned = qmac_limb_unsigned(&plan->x, x_limb),
	};
}

/* m_i = X_i.Z: the samples stream through, Z stays in the array. */
static void add_forward(struct list *list)
{
	const struct qmac_batch_plan *plan = list->plan;

	for (int x = 0; x < plan->x.count; x++)
		for (int z = 0; z < plan->z.count; z++)
			for (int block = 0; block < plan->blocks; block++) {
				struct qmac_command c = pass(list, QMAC_MODE_WS, x, block);

				c.w = plan->z_operand + (uint32_t)(z * plan->shape.features + block * plan->block);
				c.c = plan->m_row;
				c.cs0 = 1;
				c.acc_shift = (uint32_t)(x * plan->x.native + z * plan->z.native);
				c.w_unsigned = qmac_limb_unsigned(&plan->z, z);
				c.accumulate = x + z + block > 0;
				add(list, c);
			}
}

/* sum_i m'_i X_i: samples and m' stream through, the sums stay in the array. */
static void add_update(struct list *list)
{
	const struct qmac_batch_plan *plan = list->plan;

	for (int x = 0; x < plan->x.count; x++)
		for (int m = 0; m < plan->m.count; m++)
			for (int block = 0; block < plan->blocks; block++) {
				struct qmac_command c = pass(list, QMAC_MODE_OS, x, block);

				c.w = plan->m_operand + (uint32_t)(m * plan->chunk);
				c.ws0 = 1;
				c.c = plan->sum_row + (uint32_t)(block * plan->block);
				c.acc_shift = (uint32_t)(x * plan->x.native + m * plan->m.native);
				c.w_unsigned = qmac_limb_unsigned(&plan->m, m);
				c.accumulate = !list->chunk->first || x + m > 0;
				add(list, c);
			}
}

/* ---- the steps between ------------------------------------------------------------- */

/* m'; where it is wider than an operand it is made once, in ACC, and then copied limb by limb. */
static void add_scale(struct list *list)
{
	const struct qmac_batch_plan *plan = list->plan;
	int samples = list->chunk->samples;
	struct qmac_command scale = column(QMAC_OP_SUB, plan->m_row, plan->m_row, samples);

	if (plan->shape.has_targets)
		second_source(&scale, plan->target_row + (uint32_t)(list->chunk->slot * plan->chunk));
	scale.l0 = (uint32_t)plan->shape.y_frac_bits;
	scale.mult = plan->step.mult;
	scale.shift = (uint32_t)plan->step.m_shift;
	scale.rnd = QMAC_ROUND_NEAREST;
	scale.bw = (uint32_t)plan->step.mp_bits;
	if (plan->m.count == 1)
		into_operand(&scale, &plan->m, 0, plan->m_operand);
	add(list, scale);
	for (int limb = 0; plan->m.count > 1 && limb < plan->m.count; limb++) {
		struct qmac_command copy = column(QMAC_OP_ADD, 0, plan->m_row, samples);

		copy.bw = scale.bw;
		into_operand(&copy, &plan->m, limb, plan->m_operand + (uint32_t)(limb * plan->chunk));
		add(list, copy);
	}
}

/* T, U and the new Z, each where it changes anything. */
static void add_round(struct list *list)
{
	const struct qmac_batch_plan *plan = list->plan;
	const struct qmac_linear_arithmetic *step = &plan->step;
	int64_t features = plan->shape.features;
	struct qmac_command c = column(QMAC_OP_ADD, plan->sum_row, plan->sum_row, features);

	if (step->t_shift > 0) {
		c.shift = (uint32_t)step->t_shift;
		c.rnd = QMAC_ROUND_NEAREST;
		c.bw = (uint32_t)step->t_bits;
		add(list, c);
	}
	if (plan->shape.has_offset || step->t_left > 0) {
		c = column(QMAC_OP_ADD, plan->sum_row, plan->sum_row, features);
		if (plan->shape.has_offset)
			second_source(&c, plan->h_row);
		c.l0 = (uint32_t)step->t_left;
		c.bw = (uint32_t)step->u_bits;
		add(list, c);
	}
	c = column(QMAC_OP_SUB, plan->z_row, plan->z_row, features);
	second_source(&c, plan->sum_row);
	c.l0 = c.shift = (uint32_t)plan->shape.frac_bits;
	c.rnd = QMAC_ROUND_STOCHASTIC;
	c.bw = (uint32_t)plan->shape.bits;
	c.seed = list->chunk->seed;
	c.dither_cs0 = 1; /* row 0, channel j */
	add(list, c);
}

int qmac_batch_execute(const struct qmac_batch_plan *plan, const struct qmac_batch_chunk *chunk,
                       struct qmac_command *commands, int *last_read)
{
	struct list list = {.plan = plan, .chunk = chunk, .commands = commands};

	add_forward(&list);
	add_scale(&list);
	add_update(&list);
	*last_read = list.count - 1;
	if (chunk->last) {
		add_round(&list);
		for (int limb = 0; limb < plan->z.count; limb++)
			add(&list, qmac_batch_copy_z(plan, limb));
	}
	return list.count;
}

struct qmac_command qmac_batch_load_x(const struct qmac_batch_plan *plan, uint64_t address,
                                      unsigned container, int slot, int limb, int sample)
{
	struct qmac_command command = qmac_linear_move(QMAC_OPCODE_LOAD, address, container, QMAC_SPACE_A,
	                                               qmac_batch_plan_x_row(plan, slot, limb, sample), 1,
	                                               plan->blocks, plan->block);

	command.lsb = (uint32_t)(limb * plan->x.native);
	command.nbits = (uint32_t)qmac_limb_bits(&plan->x, limb);
	command.limb_unsigned = qmac_limb_unsigned(&plan->x, limb);
	return command;
}
