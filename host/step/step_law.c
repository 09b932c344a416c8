#include "step/step_law.h"

#include "step/logistic_arithmetic.h"
#include "step/row_commands.h"
#include "step/sum_arithmetic.h"

/* ---- groups ------------------------------------------------------------------------------------- */

/* One group of the part's matrices in ACC. */
struct group {
	uint32_t z, h, sum; /* first rows */
	uint32_t rows, lanes;
	uint32_t column;    /* first, of all of Z */
};

static struct group group_of(const struct qmac_step_plan *plan, const struct qmac_step_part *part, int group)
{
	struct qmac_panel z = qmac_step_plan_matrix(plan, part, plan->z_row);
	struct qmac_panel h = qmac_step_plan_matrix(plan, part, plan->h_row);
	struct qmac_panel sum = qmac_step_plan_matrix(plan, part, plan->sum_row);

	return (struct group){
		.z = qmac_panel_row(&z, 0, group), .h = qmac_panel_row(&h, 0, group),
		.sum = qmac_panel_row(&sum, 0, group), .rows = z.block_rows, .lanes = qmac_panel_lanes(&z, group),
		.column = (uint32_t)((part->group + group) * plan->cols),
	};
}

/* Groups lie one behind the other; lanes that the last one does not have are cleared, too, and never used. */
void qmac_step_clear(struct qmac_step_maker *maker)
{
	const struct qmac_step_plan *plan = maker->plan;
	uint32_t rows = (uint32_t)(plan->groups * plan->shape.features);
	struct qmac_command command = qmac_rows_vector(QMAC_OP_MUL, plan->z_row, plan->z_row, rows,
	                                               (uint32_t)plan->cols);

	command.bw = (uint32_t)plan->shape.bits;
	(void)qmac_step_add(&maker->writer, QMAC_DIRECTION_NONE, QMAC_STEP_UNIT(z), &command, NULL);
}

/* The limbs of what lies in ACC to where GEMM reads them. */
static void copy_limbs(struct qmac_step_maker *maker, enum qmac_direction direction, size_t unit,
                       const struct qmac_panel *from, const struct qmac_panel *to, uint32_t positions)
{
	const uint32_t n[3] = {1, 1, positions};

	for (int i = 0; i < to->limbs.count; i++) {
		struct qmac_vector copy = qmac_vector_copy_limb(from, to, i, n);
		struct qmac_command command;

		while (qmac_vector_next(&copy, &command))
			(void)qmac_step_add(&maker->writer, direction, unit, &command, NULL);
	}
}

void qmac_step_copy_z(struct qmac_step_maker *maker, enum qmac_direction direction,
                      const struct qmac_step_part *part)
{
	struct qmac_panel from = qmac_step_plan_matrix(maker->plan, part, maker->plan->z_row);
	struct qmac_panel to = qmac_step_plan_z_operand(maker->plan, part);

	copy_limbs(maker, direction, QMAC_STEP_UNIT(z), &from, &to, from.block_rows);
}

/*
 * Z - U, rounded, in place of Z; U lies where the sum lay. The element of the random numbers: feature j of
 * a regression is channel j of row 0, feature j and class c are row j and channel c.
 */
static void add_round(struct qmac_step_maker *maker, const struct qmac_step_part *part, int group,
                      int fraction, bool by_row)
{
	const struct qmac_step_plan *plan = maker->plan;
	struct group at = group_of(plan, part, group);
	struct qmac_command command = qmac_rows_vector(QMAC_OP_SUB, at.z, at.z, at.rows, at.lanes);
	uint32_t feature = (uint32_t)(part->block * plan->block);
	struct qmac_step_note *note;

	qmac_rows_second(&command, QMAC_SPACE_ACC, at.sum);
	command.l0 = command.shift = (uint32_t)fraction;
	command.rnd = QMAC_ROUND_STOCHASTIC;
	command.bw = (uint32_t)plan->shape.bits;
	command.dither_row0 = by_row ? feature : 0;
	command.dither_rs0 = by_row;
	command.dither_lane0 = by_row ? at.column : feature;
	command.dither_cs0 = !by_row;
	note = qmac_step_add(&maker->writer, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(z), &command, NULL);
	if (note)
		note->patch = QMAC_STEP_ROUND;
}

/* ---- linear regression ----------------------------------------------------------------------------- */

/* m'; where it is wider than an operand it is made once, in ACC, and then copied limb by limb. */
static void regression_scale(struct qmac_step_maker *maker, const struct qmac_step_part *part,
                             const struct qmac_step_chunk *chunk)
{
	const struct qmac_step_plan *plan = maker->plan;
	struct qmac_panel m = qmac_step_plan_m(plan, part, chunk), to = qmac_step_plan_m_operand(plan, part);
	struct qmac_command command = qmac_rows_vector(QMAC_OP_SUB, m.row, m.row, (uint32_t)chunk->samples, 1);
	bool resident = qmac_step_plan_resident(plan);

	if (plan->shape.has_targets)
		qmac_rows_second(&command, QMAC_SPACE_ACC, qmac_step_plan_target_row(plan, chunk));
	command.l0 = (uint32_t)plan->shape.y_frac_bits;
	command.mult = plan->step.mult;
	command.shift = (uint32_t)plan->step.m_shift;
	command.rnd = QMAC_ROUND_NEAREST;
	command.bw = (uint32_t)plan->step.mp_bits;
	if (resident && plan->m.count == 1) {
		command.dspace = QMAC_SPACE_W;
		command.dst = to.row;
		command.nbits = command.bw;
	}
	(void)qmac_step_add(&maker->writer, QMAC_DIRECTION_FORWARD, QMAC_STEP_UNIT(scaled), &command, NULL);
	if (resident && plan->m.count > 1)
		copy_limbs(maker, QMAC_DIRECTION_FORWARD, QMAC_STEP_UNIT(scaled), &m, &to, (uint32_t)chunk->samples);
}

/* T, U and the new Z, each where it changes anything. */
static void regression_finish(struct qmac_step_maker *maker, const struct qmac_step_part *part)
{
	const struct qmac_step_plan *plan = maker->plan;
	const struct qmac_linear_arithmetic *step = &plan->step;
	struct group at = group_of(plan, part, 0);
	struct qmac_command command = qmac_rows_vector(QMAC_OP_ADD, at.sum, at.sum, at.rows, at.lanes);

	if (step->t_shift > 0) {
		command.shift = (uint32_t)step->t_shift;
		command.rnd = QMAC_ROUND_NEAREST;
		command.bw = (uint32_t)step->t_bits;
		(void)qmac_step_add(&maker->writer, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(t), &command, NULL);
	}
	if (plan->shape.has_offset || step->t_left > 0) {
		command = qmac_rows_vector(QMAC_OP_ADD, at.sum, at.sum, at.rows, at.lanes);
		if (plan->shape.has_offset)
			qmac_rows_second(&command, QMAC_SPACE_ACC, at.h);
		command.l0 = (uint32_t)step->t_left;
		command.bw = (uint32_t)step->u_bits;
		(void)qmac_step_add(&maker->writer, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(u), &command, NULL);
	}
	add_round(maker, part, 0, plan->shape.frac_bits, false);
}

/* ---- logistic regression ----------------------------------------------------------------------------- */

/* L: alpha lambda of Z, into the sum; H, to it where there is an L. */
static void logistic_start(struct qmac_step_maker *maker, const struct qmac_step_part *part)
{
	const struct qmac_step_plan *plan = maker->plan;
	int fraction = qmac_logistic_fraction(&plan->shape, maker->point);
	int exponent = plan->step.decay_exponent - fraction;

	for (int g = 0; g < part->groups; g++) {
		struct group at = group_of(plan, part, g);
		struct qmac_command decay = qmac_rows_vector(QMAC_OP_ADD, at.sum, at.z, at.rows, at.lanes);
		struct qmac_command offset = qmac_rows_vector(QMAC_OP_ADD, at.sum, at.h, at.rows, at.lanes);

		decay.bw = offset.bw = (uint32_t)qmac_logistic_u_bits(&plan->shape, fraction);
		if (plan->shape.decay > 0) {
			decay.mult = plan->step.decay_mult;
			decay.l0 = exponent < 0 ? (uint32_t)-exponent : 0;
			decay.shift = exponent > 63 ? 63 : exponent > 0 ? (uint32_t)exponent : 0;
			decay.rnd = QMAC_ROUND_NEAREST;
			qmac_rows_second(&offset, QMAC_SPACE_ACC, at.sum);
			(void)qmac_step_add(&maker->writer, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(u), &decay, NULL);
		}
		if (plan->shape.has_offset)
			(void)qmac_step_add(&maker->writer, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(u), &offset, NULL);
	}
}

static void logistic_finish(struct qmac_step_maker *maker, const struct qmac_step_part *part)
{
	int fraction = qmac_logistic_fraction(&maker->plan->shape, maker->point);

	for (int g = 0; g < part->groups; g++)
		add_round(maker, part, g, fraction, true);
}

/* ---- a sum alone ------------------------------------------------------------------------------------ */

static int of_m(const struct qmac_linear_shape *shape, int p)
{
	(void)shape;
	return p;
}

/* ---- which ----------------------------------------------------------------------------------------- */

static void start_from_zero(struct qmac_step_maker *maker, const struct qmac_step_part *part)
{
	(void)maker;
	(void)part;
}

const struct qmac_step_law *qmac_step_law_of(enum qmac_step_kind kind)
{
	static const struct qmac_step_law laws[] = {
		[QMAC_STEP_REGRESSION] = {
			.make = qmac_linear_arithmetic_make, .check = qmac_linear_arithmetic_check, .fraction = of_m,
			.scale = regression_scale, .start = start_from_zero, .finish = regression_finish,
		},
		[QMAC_STEP_LOGISTIC] = {
			.make = qmac_logistic_arithmetic_make, .check = qmac_logistic_arithmetic_check,
			.fraction = qmac_logistic_fraction, .start = logistic_start, .finish = logistic_finish,
		},
		[QMAC_STEP_SUM] = {
			.make = qmac_sum_arithmetic_make, .check = qmac_sum_arithmetic_check, .fraction = of_m,
			.start = start_from_zero,
		},
	};

	return &laws[kind];
}
