#include "step/step.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lower/sequence.h"
#include "step/step_law.h"
#include "step/step_unit.h"
#include "num/dither.h"
#include "step/pack.h"

/* More keys than a loop can have: parities, first and last chunks, ends of the loop, kept iterates. */
enum { UNITS_MAX = 64 };

struct qmac_step {
	struct qmac_inner_loop base; /* first: it is one */
	struct qmac_driver *driver;
	struct qmac_sequence sequence; /* of the units */
	struct qmac_step_plan plan;
	struct qmac_step_memory memory;
	bool by_host;                  /* the host makes m' of m */
	uint8_t *staging;              /* so many integers as the host moves at once, as in device memory */
	uint8_t *sample;               /* one, as in device memory; its last row is filled up with zeros */
	int64_t *values;               /* of Z, or of m and of m' of a chunk */
	bool h_due, z_due, z_clear;    /* to be done on the device before the next loop; of a resident plan */
	struct qmac_units units;       /* of the running loop */
	int point;                     /* p that the units have been made for */
	struct qmac_step_unit made[UNITS_MAX];
	int made_count;
};

static struct qmac_step *step_of(struct qmac_inner_loop *inner)
{
	return (struct qmac_step *)inner;
}

/* ---- buffers ------------------------------------------------------------------ */

static uint64_t bytes_of(int64_t count, unsigned container)
{
	return (uint64_t)count << container;
}

static int64_t weights_of(const struct qmac_step_plan *plan)
{
	return plan->shape.features * plan->outputs;
}

/* Elements of m that the host sees at once. */
static int64_t chunk_values(const struct qmac_step_plan *plan)
{
	return qmac_step_law_of(plan->shape.kind)->scale ? 0 : (int64_t)plan->chunk * plan->outputs;
}

static struct qmac_step_memory memory_of(const struct qmac_step_plan *plan)
{
	const struct qmac_linear_shape *shape = &plan->shape;
	struct qmac_step_memory memory = {
		.x_container = qmac_container_for(shape->x_bits), .z_container = qmac_container_of_z(shape->bits),
		.h_container = qmac_container_for(plan->step.u_bits),
		.target_container = qmac_container_for(plan->step.target_bits),
		.m_container = qmac_container_for(plan->step.m_bits),
		.scaled_container = qmac_container_for(plan->step.mp_bits),
	};
	int64_t weights = weights_of(plan), values = qmac_step_plan_stored_rows(plan) * plan->outputs;
	const struct qmac_step_law *law = qmac_step_law_of(shape->kind);
	bool exchanged = !law->scale || !qmac_step_plan_resident(plan);

	memory.x.bytes = (uint64_t)shape->samples * qmac_step_plan_sample_bytes(plan);
	memory.z.bytes = bytes_of(weights, memory.z_container);
	memory.h.bytes = shape->has_offset ? bytes_of(weights, memory.h_container) : 0;
	memory.targets.bytes = shape->has_targets ? bytes_of(shape->samples, memory.target_container) : 0;
	memory.m.bytes = !law->scale ? bytes_of(values, memory.m_container) : 0;
	memory.scaled.bytes = exchanged ? bytes_of(values, memory.scaled_container) : 0;
	memory.sum.bytes = law->finish ? 0 : bytes_of(weights, QMAC_CONTAINER_DOUBLE);
	return memory;
}

/* The buffers of *memory, one after the other. */
enum { BUFFERS = 7 };
static void list_buffers(struct qmac_step_memory *memory, struct qmac_buffer *buffers[BUFFERS])
{
	struct qmac_buffer *all[BUFFERS] = {&memory->x, &memory->z, &memory->h, &memory->targets, &memory->m,
	                                    &memory->scaled, &memory->sum};

	memcpy(buffers, all, sizeof all);
}

uint64_t qmac_step_memory_bytes(const struct qmac_step_plan *plan)
{
	struct qmac_step_memory memory = memory_of(plan);
	struct qmac_buffer *buffers[BUFFERS];
	uint64_t bytes = 0;

	list_buffers(&memory, buffers);
	for (int i = 0; i < BUFFERS; i++)
		bytes += buffers[i]->bytes ? buffers[i]->bytes + 64 : 0; /* aligned */
	return bytes;
}

/*
 * Rows first .. first + rows - 1 of a matrix of `all` rows with the columns of Z, between memory, where they
 * lie group by group, and values, where they lie row by row.
 */
static void upload(struct qmac_step *step, struct qmac_buffer buffer, unsigned container, int64_t all,
                   int64_t first, int64_t rows, const int64_t *values)
{
	const struct qmac_step_plan *plan = &step->plan;

	for (int column = 0; column < plan->outputs; column += plan->cols) {
		int64_t begin = qmac_step_plan_place(plan, all, first, column), count = 0;
		int end = column + plan->cols < plan->outputs ? column + plan->cols : plan->outputs;

		for (int64_t i = 0; i < rows; i++)
			for (int c = column; c < end; c++, count++)
				qmac_pack(step->staging + (count << container), values[i * plan->outputs + c], container);
		qmac_driver_upload(step->driver, buffer, bytes_of(begin, container), step->staging,
		                   bytes_of(count, container));
	}
}

static void download(struct qmac_step *step, struct qmac_buffer buffer, unsigned container, int64_t all,
                     int64_t first, int64_t rows, int64_t *values)
{
	const struct qmac_step_plan *plan = &step->plan;

	for (int column = 0; column < plan->outputs; column += plan->cols) {
		int64_t begin = qmac_step_plan_place(plan, all, first, column), count = 0;
		int end = column + plan->cols < plan->outputs ? column + plan->cols : plan->outputs;

		qmac_driver_download(step->driver, buffer, bytes_of(begin, container), step->staging,
		                     bytes_of(rows * (end - column), container));
		for (int64_t i = 0; i < rows; i++)
			for (int c = column; c < end; c++, count++)
				values[i * plan->outputs + c] = qmac_unpack(step->staging + (count << container), container);
	}
}

static enum qmac_status allocate(struct qmac_step *step, struct qmac_error *err)
{
	const struct qmac_step_plan *plan = &step->plan;
	int64_t weights = weights_of(plan), samples = plan->shape.samples, exchanged = chunk_values(plan);
	int64_t most = weights > samples ? weights : samples;
	struct qmac_buffer *buffers[BUFFERS];
	enum qmac_status status = QMAC_OK;

	step->staging = calloc((size_t)(most > exchanged ? most : exchanged), sizeof(int64_t));
	step->sample = calloc(1, (size_t)qmac_step_plan_sample_bytes(plan));
	step->values = calloc((size_t)(weights > 2 * exchanged ? weights : 2 * exchanged),
	                      sizeof step->values[0]);
	if (!step->staging || !step->sample || !step->values)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	list_buffers(&step->memory, buffers);
	for (int i = 0; status == QMAC_OK && i < BUFFERS; i++)
		if (buffers[i]->bytes)
			status = qmac_driver_allocate(step->driver, buffers[i]->bytes, buffers[i], err);
	return status;
}

static void forget_units(struct qmac_step *step)
{
	while (step->made_count > 0)
		qmac_step_unit_destroy(&step->made[--step->made_count]);
	step->sequence = (struct qmac_sequence){.driver = step->driver};
}

static void destroy(struct qmac_inner_loop *inner)
{
	struct qmac_step *step = step_of(inner);

	forget_units(step);
	free(step->staging);
	free(step->sample);
	free(step->values);
	free(step);
}

enum qmac_status qmac_step_create(struct qmac_driver *driver, const struct qmac_step_plan *plan,
                                  struct qmac_inner_loop **inner, struct qmac_error *err)
{
	struct qmac_step *made = calloc(1, sizeof *made);
	enum qmac_status status;

	*inner = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	made->base.operations = &qmac_step_operations;
	made->driver = made->sequence.driver = driver;
	made->plan = *plan;
	made->memory = memory_of(plan);
	made->by_host = !qmac_step_law_of(plan->shape.kind)->scale;
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
	struct qmac_step *step = step_of(inner);
	int64_t features = step->plan.shape.features;
	uint64_t bytes = qmac_step_plan_sample_bytes(&step->plan);
	unsigned container = step->memory.x_container;

	assert(first >= 0 && first + count <= step->plan.shape.samples);
	for (int64_t i = 0; i < count; i++) {
		for (int64_t j = 0; j < features; j++)
			qmac_pack(step->sample + (j << container), codes[i * features + j], container);
		qmac_driver_upload(step->driver, step->memory.x, (uint64_t)(first + i) * bytes, step->sample, bytes);
	}
}

static void set_z(struct qmac_inner_loop *inner, const int32_t *z)
{
	struct qmac_step *step = step_of(inner);
	int64_t features = step->plan.shape.features, weights = weights_of(&step->plan);
	bool resident = qmac_step_plan_resident(&step->plan);

	step->z_clear = resident && !z;
	step->z_due = resident && z;
	if (step->z_clear)
		return;
	for (int64_t j = 0; j < weights; j++)
		step->values[j] = z ? z[j] : 0;
	upload(step, step->memory.z, step->memory.z_container, features, 0, features, step->values);
}

static void set_offset(struct qmac_inner_loop *inner, const int64_t *h)
{
	struct qmac_step *step = step_of(inner);
	int64_t features = step->plan.shape.features;

	assert(step->plan.shape.has_offset);
	upload(step, step->memory.h, step->memory.h_container, features, 0, features, h);
	step->h_due = qmac_step_plan_resident(&step->plan);
}

static void set_targets(struct qmac_inner_loop *inner, const int64_t *k)
{
	struct qmac_step *step = step_of(inner);

	assert(step->plan.shape.has_targets);
	for (int64_t i = 0; i < step->plan.shape.samples; i++)
		qmac_pack(step->staging + (i << step->memory.target_container), k[i], step->memory.target_container);
	qmac_driver_upload(step->driver, step->memory.targets, 0, step->staging, step->memory.targets.bytes);
}

/* X comes as it is needed, and so does Z part by part. */
static void reload(struct qmac_inner_loop *inner)
{
	struct qmac_step *step = step_of(inner);

	step->h_due = step->plan.shape.has_offset && qmac_step_plan_resident(&step->plan);
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

void qmac_step_sort(uint32_t *order, int64_t steps, int64_t batch)
{
	for (int64_t t = 0; batch > 1 && t < steps; t++)
		qsort(order + t * batch, (size_t)batch, sizeof order[0], compare_samples);
}

/* ---- units ----------------------------------------------------------------------- */

/* The unit of a key, made where there is none yet. */
static enum qmac_status find_unit(struct qmac_step *step, const struct qmac_step_key *key,
                                  struct qmac_step_unit **unit, struct qmac_error *err)
{
	enum qmac_status status;

	for (int i = 0; i < step->made_count; i++)
		if (memcmp(&step->made[i].key, key, sizeof *key) == 0) {
			*unit = &step->made[i];
			return QMAC_OK;
		}
	assert(step->made_count < UNITS_MAX);
	*unit = &step->made[step->made_count];
	status = qmac_step_unit_make(*unit, &step->plan, qmac_driver_hw(step->driver), &step->memory, key,
	                             step->point, err);
	if (status != QMAC_OK)
		return status;
	step->made_count++;
	return qmac_sequence_compile(&step->sequence, (*unit)->program, err);
}

/* Submits the unit of a key; step_number: of its tags; order: from the first sample on that it loads. */
static enum qmac_status submit(struct qmac_step *step, const struct qmac_linear_loop *loop,
                               const struct qmac_step_key *key, int64_t t, const uint32_t *order,
                               struct qmac_error *err)
{
	uint32_t number = loop->first_step + (uint32_t)t;
	const struct qmac_step_replay replay = {
		.order = order, .step = number, .seed = qmac_dither_key(loop->run_seed, number, QMAC_SITE_WEIGHTS),
		.units = &step->units, .sample_bytes = qmac_step_plan_sample_bytes(&step->plan),
		.target_bytes = bytes_of(1, step->memory.target_container),
	};
	struct qmac_step_unit *unit;
	enum qmac_status status = find_unit(step, key, &unit, err);

	if (status != QMAC_OK)
		return status;
	qmac_step_unit_patch(unit, &step->memory, &replay);
	return qmac_sequence_submit(&step->sequence, unit->program, err);
}

/* ---- the host's part ---------------------------------------------------------------- */

/* m of `samples` samples from row `first` of its matrix on, and m' in return; `order` names the samples. */
static void exchange(struct qmac_step *step, const struct qmac_linear_loop *loop, const uint32_t *order,
                     int64_t first, int samples)
{
	int64_t count = (int64_t)samples * step->plan.outputs, all = qmac_step_plan_stored_rows(&step->plan);

	download(step, step->memory.m, step->memory.m_container, all, first, samples, step->values);
	loop->residual(loop->context, order, samples, step->values, step->values + count);
	upload(step, step->memory.scaled, step->memory.scaled_container, all, first, samples,
	       step->values + count);
}

static void download_result(struct qmac_step *step, const struct qmac_linear_loop *loop)
{
	int64_t features = step->plan.shape.features, weights = weights_of(&step->plan);

	if (!qmac_step_law_of(step->plan.shape.kind)->finish) {
		download(step, step->memory.sum, QMAC_CONTAINER_DOUBLE, features, 0, features, loop->sum);
		return;
	}
	download(step, step->memory.z, step->memory.z_container, features, 0, features, step->values);
	for (int64_t j = 0; j < weights; j++)
		loop->z[j] = (int32_t)step->values[j];
}

/* ---- the loop where Z is resident: chunks are counted through all its steps ------------- */

/* Samples of chunk q; 0 behind the last. */
static int samples_of(const struct qmac_step *step, const struct qmac_linear_loop *loop, int64_t q)
{
	int64_t chunks = step->plan.chunks;

	return q < loop->steps * chunks ? qmac_step_plan_samples(&step->plan, q % chunks) : 0;
}

/* Where chunk q begins in the order of samples. */
static const uint32_t *order_of(const struct qmac_step *step, const struct qmac_linear_loop *loop, int64_t q)
{
	const struct qmac_step_plan *plan = &step->plan;

	return loop->order + q / plan->chunks * plan->shape.batch + q % plan->chunks * plan->chunk;
}

/* LOADs of chunk q+1 beside the first product of chunk q, where m goes to the host behind it. */
static int early_loads(const struct qmac_step *step, const struct qmac_linear_loop *loop, int64_t q)
{
	int64_t part = q % step->plan.chunks;
	int loads = qmac_step_loads(&step->plan, samples_of(step, loop, q + 1));

	return qmac_step_forward_loads(&step->plan, samples_of(step, loop, q), part == 0,
	                               part == step->plan.chunks - 1, loads);
}

static enum qmac_status begin(struct qmac_step *step, const struct qmac_linear_loop *loop,
                              struct qmac_error *err)
{
	struct qmac_step_key key = {
		.kind = QMAC_STEP_BEGIN, .samples = samples_of(step, loop, 0), .h_due = step->h_due,
		.z_due = step->z_due, .z_clear = step->z_clear,
	};

	if (step->by_host && key.samples > 0) {
		key.next = samples_of(step, loop, 1);
		key.next_loaded = early_loads(step, loop, 0);
	}
	step->h_due = step->z_due = step->z_clear = false;
	return submit(step, loop, &key, 0, loop->order, err);
}

static enum qmac_status run_chunk(struct qmac_step *step, const struct qmac_linear_loop *loop, int64_t q,
                                  struct qmac_error *err)
{
	int64_t chunks = step->plan.chunks, part = q % chunks;
	struct qmac_step_key key = {
		.kind = step->by_host ? QMAC_STEP_UPDATE : QMAC_STEP_CHUNK, .slot = (int)(q % 2),
		.samples = samples_of(step, loop, q), .next = samples_of(step, loop, q + 1), .first = part == 0,
		.last = part == chunks - 1, .keep = q == loop->keep_after * chunks,
	};

	if (step->by_host) {
		enum qmac_status status = qmac_driver_finish(step->driver, err);

		if (status != QMAC_OK)
			return status;
		exchange(step, loop, order_of(step, loop, q), 0, key.samples);
		key.after = samples_of(step, loop, q + 2);
		key.next_loaded = early_loads(step, loop, q);
		key.after_loads = key.next > 0 ? early_loads(step, loop, q + 1) : 0;
	}
	return submit(step, loop, &key, q / chunks, order_of(step, loop, q + 1), err);
}

static enum qmac_status run_resident(struct qmac_step *step, const struct qmac_linear_loop *loop,
                                     struct qmac_error *err)
{
	static const struct qmac_step_key keep = {.kind = QMAC_STEP_KEEP};
	int64_t chunks = loop->steps * step->plan.chunks;
	enum qmac_status status = begin(step, loop, err);

	for (int64_t q = 0; status == QMAC_OK && q < chunks; q++)
		status = run_chunk(step, loop, q, err);
	if (status == QMAC_OK && loop->keep_after == loop->steps)
		status = submit(step, loop, &keep, loop->steps, NULL, err);
	if (status == QMAC_OK)
		status = qmac_driver_finish(step->driver, err);
	if (status == QMAC_OK)
		download_result(step, loop);
	return status;
}

/* ---- the loop where Z comes part by part ------------------------------------------------ */

/* The host makes m' of all chunks of a step. */
static enum qmac_status exchange_step(struct qmac_step *step, const struct qmac_linear_loop *loop, int64_t t,
                                      struct qmac_error *err)
{
	const struct qmac_step_plan *plan = &step->plan;
	enum qmac_status status = qmac_driver_finish(step->driver, err);

	for (int64_t q = 0; status == QMAC_OK && q < plan->chunks; q++)
		exchange(step, loop, order_of(step, loop, t * plan->chunks + q), q * plan->chunk,
		         qmac_step_plan_samples(plan, q));
	return status;
}

static enum qmac_status run_parts(struct qmac_step *step, const struct qmac_linear_loop *loop,
                                  struct qmac_error *err)
{
	static const struct qmac_step_key products = {.kind = QMAC_STEP_PRODUCTS};
	static const struct qmac_step_key parts = {.kind = QMAC_STEP_PARTS};
	enum qmac_status status = QMAC_OK;

	for (int64_t t = 0; status == QMAC_OK; t++) {
		const uint32_t *order = loop->order + t * step->plan.shape.batch;

		if (t == loop->keep_after) {
			status = qmac_driver_finish(step->driver, err);
			if (status == QMAC_OK)
				download_result(step, loop);
		}
		if (t == loop->steps || status != QMAC_OK)
			break;
		status = submit(step, loop, &products, t, order, err);
		if (status == QMAC_OK && step->by_host)
			status = exchange_step(step, loop, t, err);
		if (status == QMAC_OK)
			status = submit(step, loop, &parts, t, order, err);
	}
	return status == QMAC_OK ? qmac_driver_finish(step->driver, err) : status;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static enum qmac_status run(struct qmac_inner_loop *inner, const struct qmac_linear_loop *loop,
                            struct qmac_error *err)
{
	struct qmac_step *step = step_of(inner);

	assert(loop->steps >= 0 && loop->keep_after >= 0 && loop->keep_after <= loop->steps);
	step->units = qmac_units_of(&step->plan.shape, &step->plan.step, loop->x_unit, loop->z_unit, loop->point);
	if (step->point != loop->point)
		forget_units(step);
	step->point = loop->point;
	return (qmac_step_plan_resident(&step->plan) ? run_resident : run_parts)(step, loop, err);
}

static uint64_t memory(const struct qmac_inner_plan *plan)
{
	return qmac_step_memory_bytes(&plan->of.step);
}

static enum qmac_status create(struct qmac_driver *driver, const struct qmac_inner_plan *plan,
                               struct qmac_inner_loop **inner, struct qmac_error *err)
{
	return qmac_step_create(driver, &plan->of.step, inner, err);
}

const struct qmac_inner_loop_operations qmac_step_operations = {
	.memory = memory, .create = create, .destroy = destroy, .set_x = set_x, .set_z = set_z,
	.set_offset = set_offset, .set_targets = set_targets, .reload = reload, .run = run,
};
