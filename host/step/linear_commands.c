#include "step/linear_commands.h"

#include "step/row_commands.h"

/* Of so many rows of the plan's vectors. */
static struct qmac_command vector(const struct qmac_linear_plan *plan, unsigned op, uint32_t dst,
                                  uint32_t src0, int rows)
{
	return qmac_rows_vector(op, dst, src0, (uint32_t)rows, (uint32_t)plan->lanes);
}

/*
 * With targets as immediates, m and so m' come in every lane from DOT. With
 * targets from memory k_i stands in lane 0 alone: the sum over lanes moves behind
 * the subtraction, which gives the same number.
 */
static void make_residual(const struct qmac_linear_plan *plan, struct qmac_command *dot,
                          struct qmac_command *scale)
{
	*dot = vector(plan, QMAC_OP_MUL, plan->m_row, plan->z_row, plan->rows);
	qmac_rows_second(dot, plan->x_space, plan->x_row);
	dot->red_rows = 1;
	dot->d0 = 0;
	dot->red_lanes = !plan->target_table;
	dot->bw = (uint32_t)plan->step.m_bits;

	*scale = vector(plan, QMAC_OP_SUB, plan->m_row, plan->m_row, 1);
	if (plan->target_table)
		qmac_rows_second(scale, QMAC_SPACE_ACC, plan->target_row);
	scale->red_lanes = plan->target_table;
	scale->l0 = (uint32_t)plan->shape.y_frac_bits;
	scale->mult = plan->step.mult;
	scale->shift = (uint32_t)plan->step.m_shift;
	scale->rnd = QMAC_ROUND_NEAREST;
	scale->bw = (uint32_t)plan->step.mp_bits;
}

void qmac_linear_step(const struct qmac_linear_plan *plan, struct qmac_command step[QMAC_LINEAR_COMMANDS])
{
	struct qmac_command *multiply = &step[QMAC_LINEAR_MULTIPLY];
	struct qmac_command *offset = &step[QMAC_LINEAR_OFFSET];
	struct qmac_command *round = &step[QMAC_LINEAR_ROUND];

	make_residual(plan, &step[QMAC_LINEAR_DOT], &step[QMAC_LINEAR_SCALE]);

	*multiply = vector(plan, QMAC_OP_MUL, plan->t_row, plan->m_row, plan->rows);
	qmac_rows_second(multiply, plan->x_space, plan->x_row);
	multiply->a0 = 0;
	multiply->shift = (uint32_t)plan->step.t_shift;
	multiply->rnd = QMAC_ROUND_NEAREST;
	multiply->bw = (uint32_t)plan->step.t_bits;

	*offset = vector(plan, QMAC_OP_ADD, plan->t_row, plan->t_row, plan->rows);
	if (plan->shape.has_offset)
		qmac_rows_second(offset, QMAC_SPACE_ACC, plan->h_row);
	offset->l0 = (uint32_t)plan->step.t_left;
	offset->bw = (uint32_t)plan->step.u_bits;

	*round = vector(plan, QMAC_OP_SUB, plan->z_row, plan->z_row, plan->rows);
	qmac_rows_second(round, QMAC_SPACE_ACC, plan->t_row);
	round->l0 = (uint32_t)plan->shape.frac_bits;
	round->shift = (uint32_t)plan->shape.frac_bits;
	round->rnd = QMAC_ROUND_STOCHASTIC;
	round->bw = (uint32_t)plan->shape.bits;
	round->dither_cs0 = (uint32_t)plan->lanes;
}

bool qmac_linear_has_offset(const struct qmac_linear_plan *plan)
{
	return plan->shape.has_offset || plan->step.t_left > 0;
}

struct qmac_command qmac_linear_clear(const struct qmac_linear_plan *plan)
{
	struct qmac_command command = vector(plan, QMAC_OP_MUL, plan->z_row, plan->z_row, plan->rows);

	command.bw = (uint32_t)plan->shape.bits;
	return command;
}
