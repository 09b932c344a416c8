#include "step/linear_unit.h"

#include <stdlib.h>

#include "step/linear_commands.h"
#include "step/row_commands.h"

enum { LOAD_SAMPLES = 32768 }; /* of one LOAD: a loop count has 16 bits */

/* A program in the making. */
struct maker {
	struct qmac_step_writer writer;
	const struct qmac_linear_plan *plan;
	const struct qmac_linear_memory *memory;
};

static void add(struct maker *maker, enum qmac_direction direction, size_t unit, struct qmac_command command)
{
	(void)qmac_step_add(&maker->writer, direction, unit, &command, NULL);
}

static void add_patched(struct maker *maker, enum qmac_direction direction, size_t unit,
                        enum qmac_step_patch patch, struct qmac_command command, const struct qmac_hull *hull)
{
	struct qmac_step_note *note = qmac_step_add(&maker->writer, direction, unit, &command, hull);

	if (note)
		note->patch = patch;
}

/* ---- moves ------------------------------------------------------------------------ */

/* `count` vectors of X from sample `first` on, to row `row`. */
static struct qmac_command load_x(const struct maker *maker, int64_t first, uint32_t count, uint32_t row)
{
	const struct qmac_linear_plan *plan = maker->plan;
	unsigned container = maker->memory->x_container;
	uint64_t address = maker->memory->x.address + (uint64_t)first * qmac_linear_vector_bytes(plan, container);
	struct qmac_command command = qmac_rows_move(QMAC_OPCODE_LOAD, address, container, plan->x_space, row,
	                                             count, (uint32_t)plan->rows, (uint32_t)plan->lanes);

	if (plan->x_space != QMAC_SPACE_ACC)
		command.nbits = (uint32_t)plan->shape.x_bits;
	return command;
}

static void load_all_x(struct maker *maker)
{
	const struct qmac_linear_plan *plan = maker->plan;
	int64_t samples = plan->shape.samples;

	for (int64_t first = 0; first < samples; first += LOAD_SAMPLES) {
		uint32_t count = (uint32_t)(samples - first < LOAD_SAMPLES ? samples - first : LOAD_SAMPLES);

		add(maker, QMAC_DIRECTION_NONE, QMAC_STEP_UNIT(x),
		    load_x(maker, first, count, plan->x_row + (uint32_t)(first * plan->rows)));
	}
}

/* One vector between its buffer and ACC. */
static struct qmac_command move_vector(const struct maker *maker, unsigned opcode, struct qmac_buffer buffer,
                                       unsigned container, uint32_t row)
{
	return qmac_rows_move(opcode, buffer.address, container, QMAC_SPACE_ACC, row, 1,
	                      (uint32_t)maker->plan->rows, (uint32_t)maker->plan->lanes);
}

/* What a step in `slot` needs that does not stay on chip. */
static void load_step(struct maker *maker, uint32_t slot)
{
	const struct qmac_linear_plan *plan = maker->plan;
	const struct qmac_hull x = {maker->memory->x.address, maker->memory->x.bytes};
	const struct qmac_hull targets = {maker->memory->targets.address, maker->memory->targets.bytes};

	if (!plan->x_resident)
		add_patched(maker, QMAC_DIRECTION_FORWARD, QMAC_STEP_UNIT(x), QMAC_STEP_SAMPLES,
		            load_x(maker, 0, 1, plan->x_row + slot * (uint32_t)plan->rows), &x);
	if (plan->target_table)
		add_patched(maker, QMAC_DIRECTION_FORWARD, QMAC_STEP_UNIT(k), QMAC_STEP_TARGETS,
		            qmac_rows_move(QMAC_OPCODE_LOAD, targets.first, QMAC_CONTAINER_DOUBLE, QMAC_SPACE_ACC,
		                           plan->target_row + slot, 1, 1, 1), &targets);
}

/* ---- programs --------------------------------------------------------------------- */

static void make_begin(struct maker *maker, unsigned key)
{
	const struct qmac_linear_plan *plan = maker->plan;
	const struct qmac_linear_memory *memory = maker->memory;

	if (key & QMAC_LINEAR_X_DUE)
		load_all_x(maker);
	if (key & QMAC_LINEAR_H_DUE)
		add(maker, QMAC_DIRECTION_NONE, QMAC_STEP_UNIT(u),
		    move_vector(maker, QMAC_OPCODE_LOAD, memory->h, memory->h_container, plan->h_row));
	if (key & QMAC_LINEAR_Z_DUE)
		add(maker, QMAC_DIRECTION_NONE, QMAC_STEP_UNIT(z),
		    move_vector(maker, QMAC_OPCODE_LOAD, memory->z, memory->z_container, plan->z_row));
	if (key & QMAC_LINEAR_Z_CLEAR)
		add(maker, QMAC_DIRECTION_NONE, QMAC_STEP_UNIT(z), qmac_linear_clear(plan));
	if (key & QMAC_LINEAR_LOADS)
		load_step(maker, 0);
}

/*
 * The data of a step are on the way already; those of the next one stand before its commands. Resident X is
 * read where it was loaded last: so the waits hold for every sample, whose row a replay puts in.
 */
static void make_step(struct maker *maker, unsigned key)
{
	const struct qmac_linear_plan *plan = maker->plan;
	uint32_t slot = key & QMAC_LINEAR_SLOT ? 1 : 0;
	uint32_t place = plan->x_resident ? (uint32_t)plan->shape.samples - 1 : slot;
	enum qmac_step_patch reads_x = plan->x_resident ? QMAC_STEP_RESIDENT : QMAC_STEP_FIXED;
	struct qmac_command step[QMAC_LINEAR_COMMANDS];

	if (key & QMAC_LINEAR_LOADS)
		load_step(maker, !slot);
	qmac_linear_step(plan, step);
	step[QMAC_LINEAR_DOT].src1 = step[QMAC_LINEAR_MULTIPLY].src1 = plan->x_row + place * (uint32_t)plan->rows;
	if (plan->target_table)
		step[QMAC_LINEAR_SCALE].src1 = plan->target_row + slot;
	add_patched(maker, QMAC_DIRECTION_FORWARD, QMAC_STEP_UNIT(m), reads_x, step[QMAC_LINEAR_DOT], NULL);
	add_patched(maker, QMAC_DIRECTION_FORWARD, QMAC_STEP_UNIT(scaled),
	            plan->target_table ? QMAC_STEP_FIXED : QMAC_STEP_TARGET, step[QMAC_LINEAR_SCALE], NULL);
	add_patched(maker, QMAC_DIRECTION_WEIGHTS, QMAC_STEP_UNIT(t), reads_x, step[QMAC_LINEAR_MULTIPLY], NULL);
	if (qmac_linear_has_offset(plan))
		add(maker, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(u), step[QMAC_LINEAR_OFFSET]);
	add_patched(maker, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(z), QMAC_STEP_ROUND, step[QMAC_LINEAR_ROUND],
	            NULL);
}

enum qmac_status qmac_linear_unit_make(struct qmac_linear_unit *unit, const struct qmac_linear_plan *plan,
                                       const struct qmac_hw *hw, const struct qmac_linear_memory *memory,
                                       unsigned key, struct qmac_error *err)
{
	struct maker maker = {.writer = {.err = err}, .plan = plan, .memory = memory};

	maker.writer.program = unit->program = qmac_program_create(hw);
	if (!unit->program)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the commands of a step");
	/* A LOAD of the next step belongs before the vector commands, each of which waits for the one before. */
	qmac_program_keep_order(unit->program);
	if (key & QMAC_LINEAR_STEP)
		make_step(&maker, key);
	else if (key & QMAC_LINEAR_KEEP)
		add(&maker, QMAC_DIRECTION_NONE, QMAC_STEP_UNIT(z),
		    move_vector(&maker, QMAC_OPCODE_STORE, memory->z, memory->z_container, plan->z_row));
	else
		make_begin(&maker, key);
	unit->notes = maker.writer.notes;
	unit->count = maker.writer.count;
	if (maker.writer.status != QMAC_OK)
		qmac_linear_unit_destroy(unit);
	return maker.writer.status;
}

void qmac_linear_unit_destroy(struct qmac_linear_unit *unit)
{
	qmac_program_destroy(unit->program);
	free(unit->notes);
	*unit = (struct qmac_linear_unit){.count = 0};
}

/* ---- replays ------------------------------------------------------------------------ */

void qmac_linear_unit_patch(struct qmac_linear_unit *unit, const struct qmac_linear_plan *plan,
                            const struct qmac_linear_memory *memory, const struct qmac_linear_replay *replay)
{
	for (int64_t i = 0; i < unit->count; i++) {
		struct qmac_command *command = qmac_program_command(unit->program, i);
		const struct qmac_step_note *note = &unit->notes[i];

		qmac_step_renew(command, note, replay->step, replay->units);
		switch (note->patch) {
		case QMAC_STEP_SAMPLES:
			command->base = memory->x.address +
			                replay->loaded * qmac_linear_vector_bytes(plan, memory->x_container);
			break;
		case QMAC_STEP_TARGETS:
			command->base = memory->targets.address + replay->loaded * sizeof(int64_t);
			break;
		case QMAC_STEP_RESIDENT:
			command->src1 = plan->x_row + replay->sample * (uint32_t)plan->rows;
			break;
		case QMAC_STEP_TARGET:
			command->imm = replay->target;
			break;
		case QMAC_STEP_ROUND:
			command->seed = replay->seed;
			break;
		default:
			break;
		}
	}
}
