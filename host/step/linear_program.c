#include "step/linear_program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lower/sequence.h"
#include "num/dither.h"
#include "step/linear_unit.h"
#include "step/pack.h"

struct qmac_linear_program {
	struct qmac_inner_loop base;
	struct qmac_driver *driver;
	struct qmac_sequence sequence;    /* of the units */
	struct qmac_linear_plan plan;
	struct qmac_linear_memory memory;
	uint8_t *staging;                 /* one vector, as in device memory */
	int64_t *target_values;           /* samples; in device byte order where they come from memory */
	struct qmac_units units;          /* of the running loop */
	unsigned due;                     /* QMAC_LINEAR_*_DUE and _CLEAR: to be done before the next loop */
	struct qmac_linear_unit made[QMAC_LINEAR_UNIT_KEYS];
};

static struct qmac_linear_program *program_of(struct qmac_inner_loop *inner)
{
	return (struct qmac_linear_program *)inner;
}

/* ---- buffers ------------------------------------------------------------------ */

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
	return (uint64_t)plan->shape.samples * qmac_linear_vector_bytes(plan, x_container(plan));
}

static uint64_t target_bytes(const struct qmac_linear_plan *plan)
{
	return (uint64_t)plan->shape.samples * sizeof(int64_t);
}

uint64_t qmac_linear_program_memory(const struct qmac_linear_plan *plan)
{
	uint64_t alignment = 4 * 64;

	return x_bytes(plan) + qmac_linear_vector_bytes(plan, qmac_container_of_z(plan->shape.bits)) +
	       qmac_linear_vector_bytes(plan, h_container(plan)) +
	       target_bytes(plan) + alignment;
}

static enum qmac_status allocate(struct qmac_linear_program *program, struct qmac_error *err)
{
	const struct qmac_linear_plan *plan = &program->plan;
	struct qmac_driver *driver = program->driver;
	struct qmac_linear_memory *memory = &program->memory;
	enum qmac_status status;

	program->staging = calloc(1, qmac_linear_vector_bytes(plan, QMAC_CONTAINER_DOUBLE));
	program->target_values = calloc((size_t)plan->shape.samples, sizeof(int64_t));
	if (!program->staging || !program->target_values)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	status = qmac_driver_allocate(driver, x_bytes(plan), &memory->x, err);
	if (status == QMAC_OK)
		status = qmac_driver_allocate(driver, qmac_linear_vector_bytes(plan, memory->z_container), &memory->z,
		                              err);
	if (status == QMAC_OK && plan->shape.has_offset)
		status = qmac_driver_allocate(driver, qmac_linear_vector_bytes(plan, memory->h_container), &memory->h,
		                              err);
	if (status == QMAC_OK && plan->target_table)
		status = qmac_driver_allocate(driver, target_bytes(plan), &memory->targets, err);
	return status;
}

static void destroy(struct qmac_inner_loop *inner)
{
	struct qmac_linear_program *program = program_of(inner);

	for (int key = 0; key < QMAC_LINEAR_UNIT_KEYS; key++)
		qmac_linear_unit_destroy(&program->made[key]);
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
	made->driver = made->sequence.driver = driver;
	made->plan = *plan;
	made->memory.x_container = x_container(plan);
	made->memory.z_container = qmac_container_of_z(plan->shape.bits);
	made->memory.h_container = h_container(plan);
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
	uint64_t bytes = qmac_linear_vector_bytes(plan, program->memory.x_container);

	assert(first >= 0 && first + count <= plan->shape.samples);
	memset(program->staging, 0, bytes);
	for (int64_t i = 0; i < count; i++) {
		for (int64_t j = 0; j < features; j++)
			qmac_pack(program->staging + (j << program->memory.x_container), codes[i * features + j],
			          program->memory.x_container);
		qmac_driver_upload(program->driver, program->memory.x, (uint64_t)(first + i) * bytes,
		                   program->staging, bytes);
	}
	if (plan->x_resident)
		program->due |= QMAC_LINEAR_X_DUE;
}

static void set_z(struct qmac_inner_loop *inner, const int32_t *z)
{
	struct qmac_linear_program *program = program_of(inner);
	uint64_t bytes = qmac_linear_vector_bytes(&program->plan, program->memory.z_container);

	program->due &= ~(unsigned)(QMAC_LINEAR_Z_DUE | QMAC_LINEAR_Z_CLEAR);
	program->due |= z ? QMAC_LINEAR_Z_DUE : QMAC_LINEAR_Z_CLEAR;
	if (!z)
		return;
	memset(program->staging, 0, bytes);
	for (int64_t j = 0; j < program->plan.shape.features; j++)
		qmac_pack(program->staging + (j << program->memory.z_container), z[j], program->memory.z_container);
	qmac_driver_upload(program->driver, program->memory.z, 0, program->staging, bytes);
}

static void set_offset(struct qmac_inner_loop *inner, const int64_t *h)
{
	struct qmac_linear_program *program = program_of(inner);
	uint64_t bytes = qmac_linear_vector_bytes(&program->plan, program->memory.h_container);

	assert(program->plan.shape.has_offset);
	memset(program->staging, 0, bytes);
	for (uint64_t j = 0; j < (uint64_t)program->plan.shape.features; j++)
		qmac_pack(program->staging + (j << program->memory.h_container), h[j], program->memory.h_container);
	qmac_driver_upload(program->driver, program->memory.h, 0, program->staging, bytes);
	program->due |= QMAC_LINEAR_H_DUE;
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
	qmac_driver_upload(program->driver, program->memory.targets, 0, packed, target_bytes(plan));
}

static void reload(struct qmac_inner_loop *inner)
{
	struct qmac_linear_program *program = program_of(inner);

	if (program->plan.x_resident)
		program->due |= QMAC_LINEAR_X_DUE;
	if (program->plan.shape.has_offset)
		program->due |= QMAC_LINEAR_H_DUE;
}

static void download_z(struct qmac_linear_program *program, int32_t *z)
{
	uint64_t bytes = qmac_linear_vector_bytes(&program->plan, program->memory.z_container);

	qmac_driver_download(program->driver, program->memory.z, 0, program->staging, bytes);
	for (int64_t j = 0; j < program->plan.shape.features; j++)
		z[j] = (int32_t)qmac_unpack(program->staging + (j << program->memory.z_container),
		                            program->memory.z_container);
}

/* ---- the loop ----------------------------------------------------------------- */

/* Submits the unit of a key, which is made where there is none yet. */
static enum qmac_status submit(struct qmac_linear_program *program, unsigned key,
                               const struct qmac_linear_replay *replay, struct qmac_error *err)
{
	struct qmac_linear_unit *unit = &program->made[key];
	enum qmac_status status = QMAC_OK;

	if (!unit->program) {
		status = qmac_linear_unit_make(unit, &program->plan, qmac_driver_hw(program->driver),
		                               &program->memory, key, err);
		if (status == QMAC_OK)
			status = qmac_sequence_compile(&program->sequence, unit->program, err);
	}
	if (status != QMAC_OK)
		return status;
	qmac_linear_unit_patch(unit, &program->plan, &program->memory, replay);
	return qmac_sequence_submit(&program->sequence, unit->program, err);
}

/* What a replay in step t has; loaded: the step whose data it brings. */
static struct qmac_linear_replay replay_at(const struct qmac_linear_program *program,
                                           const struct qmac_linear_loop *loop, int64_t t, int64_t loaded)
{
	struct qmac_linear_replay replay = {
		.step = loop->first_step + (uint32_t)t, .units = &program->units,
		.loaded = loaded < loop->steps ? loop->order[loaded] : 0,
	};

	if (t < loop->steps) {
		replay.seed = qmac_dither_key(loop->run_seed, replay.step, QMAC_SITE_WEIGHTS);
		replay.sample = loop->order[t];
		if (!program->plan.target_table)
			replay.target = (int32_t)program->target_values[replay.sample];
	}
	return replay;
}

/* Step t: the data of step t+1 are ordered before its commands, so that LOAD works while EXECUTE does. */
static enum qmac_status run_step(struct qmac_linear_program *program, const struct qmac_linear_loop *loop,
                                 int64_t t, struct qmac_error *err)
{
	const struct qmac_linear_replay replay = replay_at(program, loop, t, t + 1);
	bool loads = qmac_linear_steps_load(&program->plan);
	unsigned key = QMAC_LINEAR_STEP | (loads && t % 2 ? QMAC_LINEAR_SLOT : 0) |
	               (loads && t + 1 < loop->steps ? QMAC_LINEAR_LOADS : 0);
	enum qmac_status status = QMAC_OK;

	if (t == loop->keep_after)
		status = submit(program, QMAC_LINEAR_KEEP, &replay, err);
	return status == QMAC_OK ? submit(program, key, &replay, err) : status;
}

static enum qmac_status run(struct qmac_inner_loop *inner, const struct qmac_linear_loop *loop,
                            struct qmac_error *err)
{
	struct qmac_linear_program *program = program_of(inner);
	const struct qmac_linear_replay begin = replay_at(program, loop, 0, 0);
	const struct qmac_linear_replay end = replay_at(program, loop, loop->steps, loop->steps);
	bool loads = qmac_linear_steps_load(&program->plan) && loop->steps > 0;
	enum qmac_status status;

	assert(loop->steps >= 0 && loop->keep_after >= 0 && loop->keep_after <= loop->steps);
	program->units = qmac_units_of(&program->plan.shape, &program->plan.step, loop->x_unit, loop->z_unit, 0);
	status = submit(program, program->due | (loads ? QMAC_LINEAR_LOADS : 0), &begin, err);
	program->due = 0;
	for (int64_t t = 0; status == QMAC_OK && t < loop->steps; t++)
		status = run_step(program, loop, t, err);
	if (status == QMAC_OK && loop->keep_after == loop->steps)
		status = submit(program, QMAC_LINEAR_KEEP, &end, err);
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
