#include "train/batch_program.h"

#include <assert.h>

#include "backend/tag.h"
#include "num/dither.h"
#include "train/batch_commands.h"
#include "train/batch_internal.h"

/* The tag of what is done in the step, or between steps, of chunk q. */
static uint32_t tag_at(const struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                       enum qmac_direction direction, int64_t q)
{
	return qmac_tag(direction, 0, loop->first_step + (uint32_t)(q / program->plan.chunks));
}

/* ---- before and after the loop -------------------------------------------------- */

static enum qmac_status execute(struct qmac_batch_program *program, struct qmac_command command,
                                const struct qmac_token *needed, struct qmac_error *err)
{
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
	const struct { bool due; struct qmac_buffer buffer; unsigned container; uint32_t row; double unit; }
	vectors[] = {
		{program->h_due, program->h, program->h_container, plan->h_row, program->units.u},
		{program->z_due, program->z, program->z_container, plan->z_row, program->units.z},
	};
	uint32_t tag = tag_at(program, loop, QMAC_DIRECTION_NONE, 0);
	struct qmac_command made;
	enum qmac_status status = QMAC_OK;

	program->has_executed = false;
	for (int i = 0; status == QMAC_OK && i < 2 * plan->groups; i++) {
		int v = i / plan->groups;
		struct qmac_command command = qmac_batch_move(plan, QMAC_OPCODE_LOAD, vectors[v].buffer.address,
		                                              vectors[v].container, vectors[v].row,
		                                              plan->shape.features, i % plan->groups);

		qmac_command_note(&command, tag, vectors[v].unit);
		if (!vectors[v].due)
			continue;
		needed = &loaded;
		status = qmac_driver_submit(program->driver, &command, &loaded, err);
	}
	if (status == QMAC_OK && program->z_clear) {
		made = qmac_batch_clear(plan);
		qmac_command_note(&made, tag, program->units.z);
		status = execute(program, made, needed, err);
	}
	for (int i = 0; status == QMAC_OK && z_new && i < plan->z.count * plan->groups; i++) {
		made = qmac_batch_copy_z(plan, i / plan->groups, i % plan->groups);
		qmac_command_note(&made, tag, program->units.z);
		status = execute(program, made, needed, err);
	}
	program->h_due = program->z_due = program->z_clear = false;
	return status;
}

/* A matrix in ACC and where it goes. */
struct kept {
	struct qmac_buffer buffer;
	unsigned container;
	uint32_t row;
	int64_t rows;
	double unit;
};

/* STOREs a matrix, once EXECUTE has done what it was given. */
static enum qmac_status store(struct qmac_batch_program *program, const struct kept *kept, uint32_t tag,
                              struct qmac_token *stored, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int group = 0; status == QMAC_OK && group < program->plan.groups; group++) {
		struct qmac_command command = qmac_batch_move(&program->plan, QMAC_OPCODE_STORE,
		                                              kept->buffer.address, kept->container, kept->row,
		                                              kept->rows, group);

		qmac_command_note(&command, tag, kept->unit);
		if (program->has_executed)
			qmac_command_wait(&command, program->executed);
		status = qmac_driver_submit(program->driver, &command, stored, err);
	}
	return status;
}

/* STOREs the Z before chunk q, or with sum_only the sum; EXECUTE must not go on before *stored. */
static enum qmac_status store_z(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                int64_t q, struct qmac_token *stored, struct qmac_error *err)
{
	const struct qmac_batch_plan *plan = &program->plan;
	const struct kept sum = {program->sum, QMAC_CONTAINER_DOUBLE, plan->sum_row, plan->shape.features,
	                         program->units.sum};
	const struct kept z = {program->z, program->z_container, plan->z_row, plan->shape.features,
	                       program->units.z};

	return store(program, plan->shape.sum_only ? &sum : &z, tag_at(program, loop, QMAC_DIRECTION_NONE, q),
	             stored, err);
}

static void download_z(struct qmac_batch_program *program, const struct qmac_linear_loop *loop)
{
	int64_t weights = qmac_batch_weights(&program->plan);

	if (program->plan.shape.sum_only) {
		qmac_driver_download(program->driver, program->sum, 0, program->staging, 8 * (uint64_t)weights);
		for (int64_t k = 0; k < weights; k++)
			loop->sum[k] = qmac_unpack(program->staging + 8 * k, QMAC_CONTAINER_DOUBLE);
		return;
	}
	qmac_driver_download(program->driver, program->z, 0, program->staging,
	                     qmac_batch_bytes(weights, program->z_container));
	for (int64_t j = 0; j < weights; j++)
		loop->z[j] = (int32_t)qmac_unpack(program->staging + (j << program->z_container),
		                                  program->z_container);
}

/* ---- the loop: chunks are counted through all its steps -------------------------- */

/* Where chunk q begins in the order of samples, and how many it has. */
static int64_t chunk_begin(const struct qmac_batch_plan *plan, int64_t q, int *samples)
{
	int64_t within = q % plan->chunks * plan->chunk, left = plan->shape.batch - within;

	*samples = left < plan->chunk ? (int)left : plan->chunk;
	return q / plan->chunks * plan->shape.batch + within;
}

/* The index-th LOAD of chunk q: a limb of two samples, or their k; of one where there are no two left. */
static struct qmac_command load_command(const struct qmac_batch_program *program,
                                        const struct qmac_linear_loop *loop, int64_t q, int index)
{
	const struct qmac_batch_plan *plan = &program->plan;
	int each = qmac_batch_plan_loads(plan, 1), place = index / each * 2, limb = index % each;
	int slot = (int)(q % 2), samples;
	const uint32_t *order = loop->order + chunk_begin(plan, q, &samples) + place;
	uint64_t bytes = qmac_batch_sample_bytes(plan), address = program->x.address + order[0] * bytes;
	struct qmac_command command;
	double unit;

	if (limb < plan->x.count) {
		command = qmac_batch_load_x(plan, address, program->x_container, slot, limb, place);
		unit = program->units.x;
	} else {
		bytes = qmac_batch_bytes(1, program->target_container);
		command = qmac_batch_move(plan, QMAC_OPCODE_LOAD, program->targets.address + order[0] * bytes,
		                          program->target_container,
		                          plan->target_row + (uint32_t)(slot * plan->chunk + place), 1, 0);
		unit = program->units.k;
	}
	qmac_command_note(&command, tag_at(program, loop, QMAC_DIRECTION_FORWARD, q), unit);
	if (place + 1 < samples) {
		assert(order[1] >= order[0]);
		qmac_batch_load_pair(&command, (order[1] - order[0]) * bytes);
	}
	return command;
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
 * The time that a command takes of EXECUTE, for sharing out LOADs. In linear regression commands
 * count alike: its vector commands have one lane, and few LOADs are due among them.
 */
static int64_t work_of(const struct qmac_batch_plan *plan, const struct qmac_command *command)
{
	return plan->shape.host_residual ? command->n0 : 1;
}

/*
 * The commands of chunk q, LOADs [loaded, end) of chunk q+1 spread evenly among them: commands
 * are dispatched in order, and a row of LOADs would hold up EXECUTE. last_read: the last command
 * that reads the chunk's slot, -1 where none of these does for the last time.
 */
static enum qmac_status submit_chunk(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                     int64_t q, int count, int last_read, int loaded, int end,
                                     struct qmac_error *err)
{
	int64_t work = 0, done = 0, begin = loaded;
	enum qmac_status status = QMAC_OK;

	for (int i = 0; i < count; i++)
		work += work_of(&program->plan, &program->commands[i]);
	for (int i = 0; status == QMAC_OK && i < count; i++) {
		int due;

		done += work_of(&program->plan, &program->commands[i]);
		due = (int)(begin + (end - begin) * done / work);
		status = execute(program, program->commands[i], NULL, err);
		if (i == last_read)
			program->slot_read[q % 2] = program->executed;
		if (status == QMAC_OK)
			status = load(program, loop, q + 1, loaded, due, err);
		loaded = due;
	}
	return status;
}

static struct qmac_batch_chunk chunk_at(const struct qmac_batch_program *program,
                                        const struct qmac_linear_loop *loop, int64_t q)
{
	const struct qmac_batch_plan *plan = &program->plan;
	uint32_t step = loop->first_step + (uint32_t)(q / plan->chunks);
	int64_t part = q % plan->chunks;
	struct qmac_batch_chunk chunk = {
		.slot = (int)(q % 2), .first = part == 0, .last = part == plan->chunks - 1, .point = loop->point,
		.step = step, .seed = qmac_dither_key(loop->run_seed, step, QMAC_SITE_WEIGHTS),
		.units = &program->units,
	};

	(void)chunk_begin(plan, q, &chunk.samples);
	return chunk;
}

/* Before the step that follows keep_after of them: Z is stored, and the first of `commands` waits for it. */
static enum qmac_status keep_z(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                               int64_t q, struct qmac_error *err)
{
	struct qmac_token stored;
	enum qmac_status status;

	if (q != loop->keep_after * program->plan.chunks)
		return QMAC_OK;
	status = store_z(program, loop, q, &stored, err);
	if (status == QMAC_OK)
		qmac_command_wait(&program->commands[0], stored);
	return status;
}

static enum qmac_status run_chunk(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                  int64_t q, struct qmac_error *err)
{
	struct qmac_batch_chunk chunk = chunk_at(program, loop, q);
	enum qmac_status status;
	int count, last_read;

	count = qmac_batch_execute(&program->plan, &chunk, program->commands, &last_read);
	qmac_command_wait(&program->commands[0], program->slot_loaded[q % 2]);
	status = keep_z(program, loop, q, err);
	if (status == QMAC_OK)
		status = submit_chunk(program, loop, q, count, last_read, 0, loads_of(program, loop, q + 1), err);
	return status;
}

/* ---- logistic regression: the device hands m to the host and gets m' back --------------- */

/* How many LOADs of chunk q+1 stand among the forward products of chunk q: their share of its time. */
static int forward_loads(const struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                         int64_t q)
{
	const struct qmac_batch_plan *plan = &program->plan;
	struct qmac_batch_chunk chunk = chunk_at(program, loop, q);
	int64_t pass = (int64_t)plan->groups * plan->blocks * plan->x.count * chunk.samples;
	int64_t rows = qmac_batch_plan_rows(plan), forward = pass * plan->z.count, update = pass * plan->m.count;

	if (chunk.first)
		update += rows * ((plan->shape.decay > 0) + plan->shape.has_offset);
	if (chunk.last)
		update += plan->shape.sum_only ? 0 : rows * (1 + plan->z.count);
	return (int)(loads_of(program, loop, q + 1) * forward / (forward + update));
}

/* m of chunk q into memory. */
static enum qmac_status run_forward(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                    int64_t q, struct qmac_error *err)
{
	struct qmac_batch_chunk chunk = chunk_at(program, loop, q);
	int count = qmac_batch_forward(&program->plan, &chunk, program->commands);
	const struct kept m = {program->m, program->m_container, program->plan.m_row, chunk.samples,
	                       program->units.m};
	struct qmac_token stored;
	enum qmac_status status;

	qmac_command_wait(&program->commands[0], program->slot_loaded[q % 2]);
	status = submit_chunk(program, loop, q, count, -1, 0, forward_loads(program, loop, q), err);
	if (status == QMAC_OK)
		status = store(program, &m, tag_at(program, loop, QMAC_DIRECTION_FORWARD, q), &stored, err);
	return status;
}

/* The host's part: waits for m of chunk q, makes m' and starts its LOADs; *loaded is the last one. */
static enum qmac_status exchange(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                 int64_t q, struct qmac_token *loaded, struct qmac_error *err)
{
	const struct qmac_batch_plan *plan = &program->plan;
	enum qmac_status status = qmac_driver_finish(program->driver, err);
	int samples;
	int64_t begin = chunk_begin(plan, q, &samples), count = (int64_t)samples * plan->outputs;

	if (status != QMAC_OK)
		return status;
	qmac_driver_download(program->driver, program->m, 0, program->staging,
	                     qmac_batch_bytes(count, program->m_container));
	for (int64_t i = 0; i < count; i++)
		program->values[i] = qmac_unpack(program->staging + (i << program->m_container),
		                                 program->m_container);
	loop->residual(loop->context, loop->order + begin, samples, program->values, program->values + count);
	qmac_batch_upload(program, program->scaled, program->values + count, count, program->scaled_container);
	for (int i = 0; status == QMAC_OK && i < plan->m.count * plan->groups; i++) {
		struct qmac_command command = qmac_batch_load_m(plan, program->scaled.address,
		                                                program->scaled_container, samples,
		                                                i / plan->groups, i % plan->groups);

		qmac_command_note(&command, tag_at(program, loop, QMAC_DIRECTION_WEIGHTS, q), program->units.scaled);
		status = qmac_driver_submit(program->driver, &command, loaded, err);
	}
	return status;
}

/* From m of chunk q to m of the next one. */
static enum qmac_status run_update(struct qmac_batch_program *program, const struct qmac_linear_loop *loop,
                                   int64_t q, struct qmac_error *err)
{
	struct qmac_batch_chunk chunk = chunk_at(program, loop, q);
	struct qmac_token loaded;
	enum qmac_status status = exchange(program, loop, q, &loaded, err);
	int count, first_read, last_read;

	if (status != QMAC_OK)
		return status;
	count = qmac_batch_update(&program->plan, &chunk, program->commands, &first_read, &last_read);
	qmac_command_wait(&program->commands[first_read], loaded);
	status = keep_z(program, loop, q, err);
	if (status == QMAC_OK)
		status = submit_chunk(program, loop, q, count, last_read, forward_loads(program, loop, q),
		                      loads_of(program, loop, q + 1), err);
	if (status == QMAC_OK && q + 1 < loop->steps * program->plan.chunks)
		status = run_forward(program, loop, q + 1, err);
	return status;
}

/* ---- the whole --------------------------------------------------------------------------- */

enum qmac_status qmac_batch_run(struct qmac_inner_loop *inner, const struct qmac_linear_loop *loop,
                                struct qmac_error *err)
{
	struct qmac_batch_program *program = (struct qmac_batch_program *)inner;
	bool exchanges = program->plan.shape.host_residual;
	int64_t chunks = loop->steps * program->plan.chunks;
	struct qmac_token stored;
	enum qmac_status status;

	assert(loop->steps >= 0 && loop->keep_after >= 0 && loop->keep_after <= loop->steps);
	program->units = qmac_units_of(&program->plan.shape, &program->plan.step, loop->x_unit, loop->z_unit,
	                               loop->point);
	status = prepare(program, loop, err);
	if (status == QMAC_OK)
		status = load(program, loop, 0, 0, loads_of(program, loop, 0), err);
	if (status == QMAC_OK && exchanges && chunks > 0)
		status = run_forward(program, loop, 0, err);
	for (int64_t q = 0; status == QMAC_OK && q < chunks; q++)
		status = exchanges ? run_update(program, loop, q, err) : run_chunk(program, loop, q, err);
	if (status == QMAC_OK && loop->keep_after == loop->steps)
		status = store_z(program, loop, chunks, &stored, err);
	if (status == QMAC_OK)
		status = qmac_driver_finish(program->driver, err);
	if (status == QMAC_OK)
		download_z(program, loop);
	return status;
}
