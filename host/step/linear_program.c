#include "step/linear_program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/tag.h"
#include "num/dither.h"
#include "step/linear_commands.h"
#include "step/pack.h"
#include "step/units.h"

enum { LOAD_SAMPLES = 32768 }; /* of one LOAD: a loop count has 16 bits */

struct qmac_linear_program {
	struct qmac_inner_loop base;
	struct qmac_driver *driver;
	struct qmac_linear_plan plan;
	struct qmac_buffer x, z, h, targets;
	unsigned x_container, z_container, h_container;
	uint8_t *staging;                 /* one vector, as in device memory */
	int64_t *target_values;           /* samples; in device byte order where they come from memory */
	struct qmac_command step[QMAC_LINEAR_COMMANDS];
	struct qmac_units units;          /* of the running loop */
	bool x_due, h_due, z_due, z_clear; /* to be done on the device before the next loop */
	/* Last LOAD, last EXECUTE command that wrote Z, STORE; the first two valid where the loop has one. */
	struct qmac_token loaded, executed, stored;
	bool has_loaded, has_executed;
	struct qmac_token slot_read[2];   /* last reader of each slot */
};

static struct qmac_linear_program *program_of(struct qmac_inner_loop *inner)
{
	return (struct qmac_linear_program *)inner;
}

/* ---- buffers ------------------------------------------------------------------ */

static uint64_t vector_bytes(const struct qmac_linear_plan *plan, unsigned container)
{
	return ((uint64_t)plan->rows * (uint64_t)plan->lanes) << container;
}

static unsigned x_container(const struct qmac_linear_plan *plan)
{
	return plan->shape.x_bits <= 8 ? QMAC_CONTAINER_BYTE : QMAC_CONTAINER_HALF;
}

static unsigned h_container(const struct qmac_linear_plan *plan)
{
	return plan->step.u_bits <= 32 ? QMAC_CONTAINER_WORD : QMAC_CONTAINER_DOUBLE;
}

static uint64_t x_bytes(const struct qmac_linear_plan *plan)
{
	return (uint64_t)plan->shape.samples * vector_bytes(plan, x_container(plan));
}

static uint64_t target_bytes(const struct qmac_linear_plan *plan)
{
	return (uint64_t)plan->shape.samples * sizeof(int64_t);
}

uint64_t qmac_linear_program_memory(const struct qmac_linear_plan *plan)
{
	uint64_t alignment = 4 * 64;

	return x_bytes(plan) + vector_bytes(plan, qmac_container_of_z(plan->shape.bits)) +
	       vector_bytes(plan, h_container(plan)) +
	       target_bytes(plan) + alignment;
}

static enum qmac_status allocate(struct qmac_linear_program *program, struct qmac_error *err)
{
	const struct qmac_linear_plan *plan = &program->plan;
	struct qmac_driver *driver = program->driver;
	enum qmac_status status;

	program->staging = calloc(1, vector_bytes(plan, QMAC_CONTAINER_DOUBLE));
	program->target_values = calloc((size_t)plan->shape.samples, sizeof(int64_t));
	if (!program->staging || !program->target_values)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	status = qmac_driver_allocate(driver, x_bytes(plan), &program->x, err);
	if (status == QMAC_OK)
		status = qmac_driver_allocate(driver, vector_bytes(plan, program->z_container), &program->z, err);
	if (status == QMAC_OK && plan->shape.has_offset)
		status = qmac_driver_allocate(driver, vector_bytes(plan, program->h_container), &program->h, err);
	if (status == QMAC_OK && plan->target_table)
		status = qmac_driver_allocate(driver, target_bytes(plan), &program->targets, err);
	return status;
}

static void destroy(struct qmac_inner_loop *inner)
{
	struct qmac_linear_program *program = program_of(inner);

	free(program->staging);
	free(program->target_values);
	free(program);
}

enum qmac_status qmac_linear_program_create(struct qmac_driver *driver, const struct qmac_linear_plan *plan,
                                            struct qmac_inner_loop **inner, struct qmac_error *err)
{
	struct qmac_linear_program *made = calloc(1, sizeof *made);
	enum qmac_status status;

	*inner = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	made->base.operations = &qmac_linear_operations;
	made->driver = driver;
	made->plan = *plan;
	made->x_container = x_container(plan);
	made->z_container = qmac_container_of_z(plan->shape.bits);
	made->h_container = h_container(plan);
	qmac_linear_step(plan, made->step);
	status = allocate(made, err);
	if (status != QMAC_OK) {
		destroy(&made->base);
		return status;
	}
	*inner = &made->base;
	return QMAC_OK;
}

/* ---- what a loop starts from -------------------------------------------------- */

static void set_x(struct qmac_inner_loop *inner, int64_t first, int64_t count, const int16_t *codes)
{
	struct qmac_linear_program *program = program_of(inner);
	const struct qmac_linear_plan *plan = &program->plan;
	int64_t features = plan->shape.features;
	uint64_t bytes = vector_bytes(plan, program->x_container);

	assert(first >= 0 && first + count <= plan->shape.samples);
	memset(program->staging, 0, bytes);
	for (int64_t i = 0; i < count; i++) {
		for (int64_t j = 0; j < features; j++)
			qmac_pack(program->staging + (j << program->x_container), codes[i * features + j],
			          program->x_container);
		qmac_driver_upload(program->driver, program->x, (uint64_t)(first + i) * bytes, program->staging,
		                   bytes);
	}
	program->x_due = plan->x_resident;
}

static void set_z(struct qmac_inner_loop *inner, const int32_t *z)
{
	struct qmac_linear_program *program = program_of(inner);
	uint64_t bytes = vector_bytes(&program->plan, program->z_container);

	program->z_clear = !z;
	program->z_due = z != NULL;
	if (!z)
		return;
	memset(program->staging, 0, bytes);
	for (int64_t j = 0; j < program->plan.shape.features; j++)
		qmac_pack(program->staging + (j << program->z_container), z[j], program->z_container);
	qmac_driver_upload(program->driver, program->z, 0, program->staging, bytes);
}

static void set_offset(struct qmac_inner_loop *inner, const int64_t *h)
{
	struct qmac_linear_program *program = program_of(inner);
	uint64_t bytes = vector_bytes(&program->plan, program->h_container);

	assert(program->plan.shape.has_offset);
	memset(program->staging, 0, bytes);
	for (uint64_t j = 0; j < (uint64_t)program->plan.shape.features; j++)
		qmac_pack(program->staging + (j << program->h_container), h[j], program->h_container);
	qmac_driver_upload(program->driver, program->h, 0, program->staging, bytes);
	program->h_due = true;
}

static void set_targets(struct qmac_inner_loop *inner, const int64_t *k)
{
	struct qmac_linear_program *program = program_of(inner);
	const struct qmac_linear_plan *plan = &program->plan;
	uint8_t *packed = (uint8_t *)program->target_values;

	assert(plan->shape.has_targets);
	if (!plan->target_table) {
		memcpy(program->target_values, k, target_bytes(plan));
		return;
	}
	for (int64_t i = 0; i < plan->shape.samples; i++)
		qmac_pack(packed + 8 * i, k[i], QMAC_CONTAINER_DOUBLE);
	qmac_driver_upload(program->driver, program->targets, 0, packed, target_bytes(plan));
}

static void reload(struct qmac_inner_loop *inner)
{
	struct qmac_linear_program *program = program_of(inner);

	program->x_due = program->plan.x_resident;
}

/* ---- moving data -------------------------------------------------------------- */

static enum qmac_status load(struct qmac_linear_program *program, struct qmac_command command, uint32_t tag,
                             double unit, struct qmac_error *err)
{
	qmac_command_note(&command, tag, unit);
	program->has_loaded = true;
	return qmac_driver_submit(program->driver, &command, &program->loaded, err);
}

/* `count` vectors of X from sample `first` on, to row `row`. */
static struct qmac_command load_x(const struct qmac_linear_program *program, int64_t first, int count,
                                  uint32_t row)
{
	const struct qmac_linear_plan *plan = &program->plan;
	uint64_t address = program->x.address + (uint64_t)first * vector_bytes(plan, program->x_container);
	struct qmac_command command = qmac_linear_move(QMAC_OPCODE_LOAD, address, program->x_container,
	                                               plan->x_space, row, count, plan->rows, plan->lanes);

	if (plan->x_space != QMAC_SPACE_ACC)
		command.nbits = (uint32_t)plan->shape.x_bits;
	return command;
}

static enum qmac_status load_all_x(struct qmac_linear_program *program, uint32_t tag, struct qmac_error *err)
{
	const struct qmac_linear_plan *plan = &program->plan;
	int64_t samples = plan->shape.samples;
	enum qmac_status status = QMAC_OK;

	for (int64_t first = 0; status == QMAC_OK && first < samples; first += LOAD_SAMPLES) {
		int count = (int)(samples - first < LOAD_SAMPLES ? samples - first : LOAD_SAMPLES);
		uint32_t row = plan->x_row + (uint32_t)(first * plan->rows);

		status = load(program, load_x(program, first, count, row), tag, program->units.x, err);
	}
	return status;
}

/* One vector between its buffer and ACC. */
static struct qmac_command move_vector(const struct qmac_linear_program *program, unsigned opcode,
                                       struct qmac_buffer buffer, unsigned container, uint32_t row)
{
	return qmac_linear_move(opcode, buffer.address, container, QMAC_SPACE_ACC, row, 1, program->plan.rows,
	                        program->plan.lanes);
}

/* Everything that is due before the loop. Each engine retires in order: waiting for the last is enough. */
static enum qmac_status prepare(struct qmac_linear_program *program, uint32_t tag, struct qmac_error *err)
{
	const struct qmac_linear_plan *plan = &program->plan;
	enum qmac_status status = QMAC_OK;

	program->has_loaded = program->has_executed = false;
	if (program->x_due)
		status = load_all_x(program, tag, err);
	if (status == QMAC_OK && program->h_due)
		status = load(program, move_vector(program, QMAC_OPCODE_LOAD, program->h, program->h_container,
		                                   plan->h_row), tag, program->units.u, err);
	if (status == QMAC_OK && program->z_due)
		status = load(program, move_vector(program, QMAC_OPCODE_LOAD, program->z, program->z_container,
		                                   plan->z_row), tag, program->units.z, err);
	if (status == QMAC_OK && program->z_clear) {
		struct qmac_command clear = qmac_linear_clear(plan);

		qmac_command_note(&clear, tag, program->units.z);
		if (program->has_loaded)
			qmac_command_wait(&clear, program->loaded);
		program->has_executed = true;
		status = qmac_driver_submit(program->driver, &clear, &program->executed, err);
	}
	program->x_due = program->h_due = program->z_due = program->z_clear = false;
	return status;
}

static enum qmac_status store_z(struct qmac_linear_program *program, uint32_t tag, struct qmac_error *err)
{
	struct qmac_command command = move_vector(program, QMAC_OPCODE_STORE, program->z, program->z_container,
	                                          program->plan.z_row);

	qmac_command_note(&command, tag, program->units.z);
	if (program->has_loaded)
		qmac_command_wait(&command, program->loaded);
	if (program->has_executed)
		qmac_command_wait(&command, program->executed);
	return qmac_driver_submit(program->driver, &command, &program->stored, err);
}

static void download_z(struct qmac_linear_program *program, int32_t *z)
{
	uint64_t bytes = vector_bytes(&program->plan, program->z_container);

	qmac_driver_download(program->driver, program->z, 0, program->staging, bytes);
	for (int64_t j = 0; j < program->plan.shape.features; j++)
		z[j] = (int32_t)qmac_unpack(program->staging + (j << program->z_container), program->z_container);
}

/* ---- the loop ----------------------------------------------------------------- */

/* Does a step need something that does not stay on chip? */
static bool steps_load(const struct qmac_linear_program *program)
{
	return !program->plan.x_resident || program->plan.target_table;
}

/* Brings what step t needs into slot t % 2, as soon as step t-2 has read that slot. */
static enum qmac_status load_step(struct qmac_linear_program *program, const struct qmac_linear_loop *loop,
                                  int64_t t, struct qmac_error *err)
{
	const struct qmac_linear_plan *plan = &program->plan;
	uint32_t slot = (uint32_t)(t % 2), sample = loop->order[t];
	uint32_t tag = qmac_tag(QMAC_DIRECTION_FORWARD, 0, loop->first_step + (uint32_t)t);
	enum qmac_status status = QMAC_OK;

	if (!plan->x_resident) {
		struct qmac_command command = load_x(program, sample, 1, plan->x_row + slot * (uint32_t)plan->rows);

		if (t >= 2)
			qmac_command_wait(&command, program->slot_read[slot]);
		status = load(program, command, tag, program->units.x, err);
	}
	if (status == QMAC_OK && plan->target_table) {
		struct qmac_command command =
			qmac_linear_move(QMAC_OPCODE_LOAD, program->targets.address + 8 * (uint64_t)sample,
			                 QMAC_CONTAINER_DOUBLE, QMAC_SPACE_ACC, plan->target_row + slot, 1, 1, 1);

		if (t >= 2)
			qmac_command_wait(&command, program->slot_read[slot]);
		status = load(program, command, tag, program->units.k, err);
	}
	return status;
}

/* The tag of what is done after t steps. */
static uint32_t between(const struct qmac_linear_loop *loop, int64_t t)
{
	return qmac_tag(QMAC_DIRECTION_NONE, 0, loop->first_step + (uint32_t)t);
}

/* The parts of a step's commands that change from step to step. */
static void patch_step(struct qmac_linear_program *program, const struct qmac_linear_loop *loop, int64_t t)
{
	const struct qmac_linear_plan *plan = &program->plan;
	struct qmac_command *step = program->step, *dot = &step[QMAC_LINEAR_DOT];
	uint32_t slot = (uint32_t)(t % 2), place = plan->x_resident ? loop->order[t] : slot;
	uint32_t number = loop->first_step + (uint32_t)t;

	dot->src1 = step[QMAC_LINEAR_MULTIPLY].src1 = plan->x_row + place * (uint32_t)plan->rows;
	if (plan->target_table)
		step[QMAC_LINEAR_SCALE].src1 = plan->target_row + slot;
	else
		step[QMAC_LINEAR_SCALE].imm = (int32_t)program->target_values[loop->order[t]];
	step[QMAC_LINEAR_ROUND].seed = qmac_dither_key(loop->run_seed, number, QMAC_SITE_WEIGHTS);
	for (int i = 0; i < QMAC_LINEAR_COMMANDS; i++)
		step[i].tag = qmac_tag(i < QMAC_LINEAR_MULTIPLY ? QMAC_DIRECTION_FORWARD : QMAC_DIRECTION_WEIGHTS, 0,
		                       number);
	dot->wait_mask = dot->wait_load = dot->wait_exec = dot->wait_store = 0;
}

static enum qmac_status submit_step(struct qmac_linear_program *program, int64_t t, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < QMAC_LINEAR_COMMANDS; i++) {
		struct qmac_token *token = i == QMAC_LINEAR_MULTIPLY ? &program->slot_read[t % 2] :
		                           i == QMAC_LINEAR_ROUND ? &program->executed : NULL;

		if (i != QMAC_LINEAR_OFFSET || qmac_linear_has_offset(&program->plan))
			status = qmac_driver_submit(program->driver, &program->step[i], token, err);
	}
	program->has_executed = true;
	return status;
}

/*
 * Step t: its data are on the way already; those of step t+1 are ordered before its
 * commands, so that LOAD works while EXECUTE does. The commands after DOT follow it in
 * the same engine: DOT waits for all of them.
 */
static enum qmac_status run_step(struct qmac_linear_program *program, const struct qmac_linear_loop *loop,
                                 int64_t t, struct qmac_error *err)
{
	struct qmac_command *dot = &program->step[QMAC_LINEAR_DOT];
	struct qmac_token needed = program->loaded;
	bool waits = program->has_loaded && (t == 0 || steps_load(program));
	enum qmac_status status = QMAC_OK;

	patch_step(program, loop, t);
	if (waits)
		qmac_command_wait(dot, needed);
	if (t == loop->keep_after) {
		status = store_z(program, between(loop, t), err);
		qmac_command_wait(dot, program->stored);
	}
	if (status == QMAC_OK && steps_load(program) && t + 1 < loop->steps)
		status = load_step(program, loop, t + 1, err);
	if (status == QMAC_OK)
		status = submit_step(program, t, err);
	return status;
}

static enum qmac_status run(struct qmac_inner_loop *inner, const struct qmac_linear_loop *loop,
                            struct qmac_error *err)
{
	struct qmac_linear_program *program = program_of(inner);
	enum qmac_status status;

	assert(loop->steps >= 0 && loop->keep_after >= 0 && loop->keep_after <= loop->steps);
	program->units = qmac_units_of(&program->plan.shape, &program->plan.step, loop->x_unit, loop->z_unit, 0);
	qmac_linear_units(&program->units, program->step);
	status = prepare(program, between(loop, 0), err);
	if (status == QMAC_OK && steps_load(program) && loop->steps > 0)
		status = load_step(program, loop, 0, err);
	for (int64_t t = 0; status == QMAC_OK && t < loop->steps; t++)
		status = run_step(program, loop, t, err);
	if (status == QMAC_OK && loop->keep_after == loop->steps)
		status = store_z(program, between(loop, loop->steps), err);
	if (status == QMAC_OK)
		status = qmac_driver_finish(program->driver, err);
	if (status == QMAC_OK)
		download_z(program, loop->z);
	return status;
}

static uint64_t memory(const struct qmac_inner_plan *plan)
{
	return qmac_linear_program_memory(&plan->of.linear);
}

static enum qmac_status create(struct qmac_driver *driver, const struct qmac_inner_plan *plan,
                               struct qmac_inner_loop **inner, struct qmac_error *err)
{
	return qmac_linear_program_create(driver, &plan->of.linear, inner, err);
}

const struct qmac_inner_loop_operations qmac_linear_operations = {
	.memory = memory, .create = create, .destroy = destroy, .set_x = set_x, .set_z = set_z,
	.set_offset = set_offset, .set_targets = set_targets, .reload = reload, .run = run,
};
