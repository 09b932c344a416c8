#include "train/batch_program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "num/dither.h"
#include "train/batch_commands.h"
#include "train/linear_commands.h"
#include "train/pack.h"

struct qmac_batch_program {
	struct qmac_driver *driver;
	struct qmac_batch_plan plan;
	struct qmac_buffer x, z, h, targets;
	unsigned x_container, h_container, target_container;
	uint8_t *staging;              /* features or samples integers, as in device memory */
	struct qmac_command *commands; /* of a chunk */
	bool h_due, z_due, z_clear;    /* to be done on the device before the next loop */
	struct qmac_token executed;    /* last command of EXECUTE; valid where has_executed */
	bool has_executed;
	struct qmac_token slot_loaded[2], slot_read[2]; /* last LOAD into a slot, its last reader */
};

/* ---- buffers ------------------------------------------------------------------ */

static uint64_t sample_bytes(const struct qmac_batch_plan *plan)
{
	return (uint64_t)plan->blocks * (uint64_t)plan->block << qmac_container_for(plan->shape.x_bits);
}

static uint64_t bytes_of(int64_t count, unsigned container)
{
	return (uint64_t)count << container;
}

static unsigned h_container(const struct qmac_batch_plan *plan)
{
	return qmac_container_for(plan->step.u_bits);
}

static unsigned target_container(const struct qmac_batch_plan *plan)
{
	return qmac_container_for(plan->step.target_bits);
}

uint64_t qmac_batch_program_memory(const struct qmac_batch_plan *plan)
{
	uint64_t alignment = 4 * 64;

	return (uint64_t)plan->shape.samples * sample_bytes(plan) +
	       bytes_of(plan->shape.features, QMAC_CONTAINER_HALF) +
	       bytes_of(plan->shape.features, h_container(plan)) +
	       bytes_of(plan->shape.samples, target_container(plan)) + alignment;
}

/* Packs integers into program->staging and sends them to a buffer. */
static void upload(struct qmac_batch_program *program, struct qmac_buffer buffer, const int64_t *values,
                   int64_t count, unsigned container)
{
	for (int64_t i = 0; i < count; i++)
		qmac_pack(program->staging + (i << container), values[i], container);
	qmac_driver_upload(program->driver, buffer, 0, program->staging, bytes_of(count, container));
}

/* The last row of a sample is filled up with zeros. */
static enum qmac_status upload_x(struct qmac_batch_program *program, const int16_t *codes,
                                 struct qmac_error *err)
{
	const struct qmac_batch_plan *plan = &program->plan;
	uint64_t features = (uint64_t)plan->shape.features, pitch = sample_bytes(plan);
	uint64_t samples = (uint64_t)plan->shape.samples;
	uint8_t *packed = calloc(samples, pitch);

	if (!packed)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %llu bytes of inputs",
		                 (unsigned long long)(samples * pitch));
	for (uint64_t i = 0; i < samples; i++)
		for (uint64_t j = 0; j < features; j++)
			qmac_pack(packed + i * pitch + (j << program->x_container), codes[i * features + j],
			          program->x_container);
	qmac_driver_upload(program->driver, program->x, 0, packed, samples * pitch);
	free(packed);
	return QMAC_OK;
}

static enum qmac_status allocate(struct qmac_batch_program *program, struct qmac_error *err)
{
	const struct qmac_batch_plan *plan = &program->plan;
	int64_t features = plan->shape.features, samples = plan->shape.samples;
	struct qmac_driver *driver = program->driver;
	enum qmac_status status;

	program->staging = calloc((size_t)(features > samples ? features : samples), sizeof(int64_t));
	program->commands = calloc((size_t)qmac_batch_plan_commands(plan), sizeof program->commands[0]);
	if (!program->staging || !program->commands)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	status = qmac_driver_allocate(driver, (uint64_t)samples * sample_bytes(plan), &program->x, err);
	if (status == QMAC_OK)
		status = qmac_driver_allocate(driver, bytes_of(features, QMAC_CONTAINER_HALF), &program->z, err);
	if (status == QMAC_OK && plan->shape.has_offset)
		status = qmac_driver_allocate(driver, bytes_of(features, program->h_container), &program->h, err);
	if (status == QMAC_OK && plan->shape.has_targets)
		status = qmac_driver_allocate(driver, bytes_of(samples, program->target_container),
		                              &program->targets, err);
	return status;
}

enum qmac_status qmac_batch_program_create(struct qmac_driver *driver, const struct qmac_batch_plan *plan,
                                           const int16_t *codes, struct qmac_batch_program **program,
                                           struct qmac_error *err)
{
	struct qmac_batch_program *made = calloc(1, sizeof *made);
	enum qmac_status status;

	*program = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	made->driver = driver;
	made->plan = *plan;
	made->x_container = qmac_container_for(plan->shape.x_bits);
	made->h_container = h_container(plan);
	made->target_container = target_container(plan);
	status = allocate(made, err);
	if (status == QMAC_OK)
		status = upload_x(made, codes, err);
	if (status != QMAC_OK) {
		qmac_batch_program_destroy(made);
		return status;
	}
	*program = made;
	return QMAC_OK;
}

void qmac_batch_program_destroy(struct qmac_batch_program *program)
{
	if (!program)
		return;
	free(program->staging);
	free(program->commands);
	free(program);
}

/* ---- what a loop starts from -------------------------------------------------- */

void qmac_batch_program_set_z(struct qmac_batch_program *program, const int32_t *z)
{
	int64_t features = program->plan.shape.features;

	program->z_clear = !z;
	program->z_due = z != NULL;
	if (!z)
		return;
	for (int64_t j = 0; j < features; j++)
		qmac_pack(program->staging + 2 * j, z[j], QMAC_CONTAINER_HALF);
	qmac_driver_upload(program->driver, program->z, 0, program->staging,
	                   bytes_of(features, QMAC_CONTAINER_HALF));
}

void qmac_batch_program_set_offset(struct qmac_batch_program *program, const int64_t *h)
{
	assert(program->plan.shape.has_offset);
	upload(program, program->h, h, program->plan.shape.features, program->h_container);
	program->h_due = true;
}

void qmac_batch_program_set_targets(struct qmac_batch_program *program, const int64_t *k)
{
	assert(program->plan.shape.has_targets);
	upload(program, program->targets, k, program->plan.shape.samples, program->target_container);
}

/* ---- before and after the loop -------------------------------------------------- */

/* LOAD or STORE of `count` elements between memory and lane 0 of ACC rows. */
static struct qmac_command move_column(unsigned opcode, uint64_t address, unsigned container, uint32_t row,
                                       int64_t count)
{
	return qmac_linear_move(opcode, address, container, QMAC_SPACE_ACC, row, 1, (int)count, 1);
}

static enum qmac_status execute(struct qmac_batch_program *program, struct qmac_command command,
                                const struct qmac_linear_loop *loop, const struct qmac_token *needed,
                                struct qmac_error *err)
{
	command.tag = loop->tag;
	if (needed)
		qmac_command_wait(&command, *needed);
	program->has_executed = true;
	return qmac_driver_submit(program->driver, &command, &program->executed, err);
}

/* LOADs what has changed; EXECUTE makes Z and its operands. */
static enum qmac_status prepare(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                struct qmac_error *err)
{
	const struct qmac_batch_plan *plan = &program->plan;
	bool z_new = program->z_due || program->z_clear;
	struct qmac_token loaded, *needed = NULL;
	const struct { bool due; struct qmac_buffer buffer; unsigned container; uint32_t row; } vectors[] = {
		{program->h_due, program->h, program->h_container, plan->h_row},
		{program->z_due, program->z, QMAC_CONTAINER_HALF, plan->z_row},
	};
	enum qmac_status status = QMAC_OK;

	program->has_executed = false;
	for (int i = 0; status == QMAC_OK && i < 2; i++) {
		struct qmac_command command = move_column(QMAC_OPCODE_LOAD, vectors[i].buffer.address,
		                                          vectors[i].container, vectors[i].row,
		                                          plan->shape.features);

		command.tag = loop->tag;
		if (!vectors[i].due)
			continue;
		needed = &loaded;
		status = qmac_driver_submit(program->driver, &command, &loaded, err);
	}
	if (status == QMAC_OK && program->z_clear)
		status = execute(program, qmac_batch_clear(plan), loop, needed, err);
	for (int limb = 0; status == QMAC_OK && z_new && limb < plan->z.count; limb++)
		status = execute(program, qmac_batch_copy_z(plan, limb), loop, needed, err);
	program->h_due = program->z_due = program->z_clear = false;
	return status;
}

/* STOREs the Z of this moment; EXECUTE must not go on before *stored. */
static enum qmac_status store_z(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                struct qmac_token *stored, struct qmac_error *err)
{
	struct qmac_command command = move_column(QMAC_OPCODE_STORE, program->z.address, QMAC_CONTAINER_HALF,
	                                          program->plan.z_row, program->plan.shape.features);

	command.tag = loop->tag;
	if (program->has_executed)
		qmac_command_wait(&command, program->executed);
	return qmac_driver_submit(program->driver, &command, stored, err);
}

static void download_z(struct qmac_batch_program *program, int32_t *z)
{
	int64_t features = program->plan.shape.features;

	qmac_driver_download(program->driver, program->z, 0, program->staging,
	                     bytes_of(features, QMAC_CONTAINER_HALF));
	for (int64_t j = 0; j < features; j++)
		z[j] = (int32_t)qmac_unpack(program->staging + 2 * j, QMAC_CONTAINER_HALF);
}

/* ---- the loop: chunks are counted through all its steps -------------------------- */

/* Where chunk q begins in the order of samples, and how many it has. */
static int64_t chunk_begin(const struct qmac_batch_plan *plan, int64_t q, int *samples)
{
	int64_t within = q % plan->chunks * plan->chunk, left = plan->shape.batch - within;

	*samples = left < plan->chunk ? (int)left : plan->chunk;
	return q / plan->chunks * plan->shape.batch + within;
}

/* The index-th LOAD of chunk q: a limb of a sample, or its k. */
static struct qmac_command load_command(const struct qmac_batch_program *program,
                                        const struct qmac_linear_loop *loop, int64_t q, int index)
{
	const struct qmac_batch_plan *plan = &program->plan;
	int each = qmac_batch_plan_loads(plan, 1), place = index / each, limb = index % each;
	int slot = (int)(q % 2), samples;
	uint64_t sample = loop->order[chunk_begin(plan, q, &samples) + place];

	if (limb < plan->x.count)
		return qmac_batch_load_x(plan, program->x.address + sample * sample_bytes(plan),
		                         program->x_container, slot, limb, place);
	return move_column(QMAC_OPCODE_LOAD, program->targets.address + (sample << program->target_container),
	                   program->target_container,
	                   plan->target_row + (uint32_t)(slot * plan->chunk + place), 1);
}

/*
 * LOADs [begin, end) of chunk q. LOAD works in order: it is enough that the first
 * one waits until chunk q-2 has been read.
 */
static enum qmac_status load(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                             int64_t q, int begin, int end, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int i = begin; status == QMAC_OK && i < end; i++) {
		struct qmac_command command = load_command(program, loop, q, i);

		command.tag = loop->tag;
		if (i == 0 && q >= 2)
			qmac_command_wait(&command, program->slot_read[q % 2]);
		status = qmac_driver_submit(program->driver, &command, &program->slot_loaded[q % 2], err);
	}
	return status;
}

static int loads_of(const struct qmac_batch_program *program, const struct qmac_linear_loop *loop, int64_t q)
{
	int samples;

	if (q >= loop->steps * program->plan.chunks)
		return 0;
	(void)chunk_begin(&program->plan, q, &samples);
	return qmac_batch_plan_loads(&program->plan, samples);
}

/*
 * The commands of chunk q, the LOADs of chunk q+1 spread evenly among them: commands
 * are dispatched in order, and a row of LOADs would hold up EXECUTE.
 */
static enum qmac_status submit_chunk(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                     int64_t q, int count, int last_read, struct qmac_error *err)
{
	int loads = loads_of(program, loop, q + 1), loaded = 0;
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < count; i++) {
		int due = (int)((int64_t)loads * (i + 1) / count);

		status = execute(program, program->commands[i], loop, NULL, err);
		if (i == last_read)
			program->slot_read[q % 2] = program->executed;
		if (status == QMAC_OK)
			status = load(program, loop, q + 1, loaded, due, err);
		loaded = due;
	}
	return status;
}

static enum qmac_status run_chunk(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                  int64_t q, struct qmac_error *err)
{
	const struct qmac_batch_plan *plan = &program->plan;
	int64_t step = q / plan->chunks, part = q % plan->chunks;
	struct qmac_batch_chunk chunk = {
		.slot = (int)(q % 2), .first = part == 0, .last = part == plan->chunks - 1,
		.seed = qmac_dither_key(loop->run_seed, loop->first_step + (uint32_t)step, QMAC_SITE_WEIGHTS),
	};
	enum qmac_status status = QMAC_OK;
	int count, last_read;

	(void)chunk_begin(plan, q, &chunk.samples);
	count = qmac_batch_execute(plan, &chunk, program->commands, &last_read);
	qmac_command_wait(&program->commands[0], program->slot_loaded[q % 2]);
	if (chunk.first && step == loop->keep_after) {
		struct qmac_token stored;

		status = store_z(program, loop, &stored, err);
		qmac_command_wait(&program->commands[0], stored);
	}
	if (status == QMAC_OK)
		status = submit_chunk(program, loop, q, count, last_read, err);
	return status;
}

enum qmac_status qmac_batch_program_run(struct qmac_batch_program *program,
                                        const struct qmac_linear_loop *loop, struct qmac_error *err)
{
	struct qmac_token stored;
	enum qmac_status status;

	assert(loop->steps >= 0 && loop->keep_after >= 0 && loop->keep_after <= loop->steps);
	status = prepare(program, loop, err);
	if (status == QMAC_OK)
		status = load(program, loop, 0, 0, loads_of(program, loop, 0), err);
	for (int64_t q = 0; status == QMAC_OK && q < loop->steps * program->plan.chunks; q++)
		status = run_chunk(program, loop, q, err);
	if (status == QMAC_OK && loop->keep_after == loop->steps)
		status = store_z(program, loop, &stored, err);
	if (status == QMAC_OK)
		status = qmac_driver_finish(program->driver, err);
	if (status == QMAC_OK)
		download_z(program, loop->z);
	return status;
}
