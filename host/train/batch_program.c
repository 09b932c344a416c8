#include "train/batch_program.h"

#include <assert.h>
#include <stdlib.h>

#include "train/batch_internal.h"

static struct qmac_batch_program *program_of(struct qmac_inner_loop *inner)
{
	return (struct qmac_batch_program *)inner;
}

/* ---- buffers ------------------------------------------------------------------ */

static unsigned h_container(const struct qmac_batch_plan *plan)
{
	return qmac_container_for(plan->step.u_bits);
}

static unsigned target_container(const struct qmac_batch_plan *plan)
{
	return qmac_container_for(plan->step.target_bits);
}

/* Elements of m of a chunk; 0 where the host does not see it. */
static int64_t chunk_values(const struct qmac_batch_plan *plan)
{
	return plan->shape.host_residual ? (int64_t)plan->chunk * plan->outputs : 0;
}

uint64_t qmac_batch_program_memory(const struct qmac_batch_plan *plan)
{
	uint64_t alignment = 7 * 64, sums = plan->shape.sum_only ? (uint64_t)qmac_batch_weights(plan) : 0;
	int64_t weights = qmac_batch_weights(plan);

	return (uint64_t)plan->shape.samples * qmac_batch_sample_bytes(plan) +
	       qmac_batch_bytes(weights, qmac_container_of_z(plan->shape.bits)) +
	       qmac_batch_bytes(weights, h_container(plan)) +
	       qmac_batch_bytes(plan->shape.samples, target_container(plan)) +
	       qmac_batch_bytes(2 * chunk_values(plan), QMAC_CONTAINER_DOUBLE) + 8 * sums + alignment;
}

void qmac_batch_upload(struct qmac_batch_program *program, struct qmac_buffer buffer, const int64_t *values,
                       int64_t count, unsigned container)
{
	for (int64_t i = 0; i < count; i++)
		qmac_pack(program->staging + (i << container), values[i], container);
	qmac_driver_upload(program->driver, buffer, 0, program->staging, qmac_batch_bytes(count, container));
}

static enum qmac_status allocate(struct qmac_batch_program *program, struct qmac_error *err)
{
	const struct qmac_batch_plan *plan = &program->plan;
	int64_t weights = qmac_batch_weights(plan), samples = plan->shape.samples, exchanged = chunk_values(plan);
	int64_t most = weights > samples ? weights : samples;
	const struct { bool used; uint64_t bytes; struct qmac_buffer *buffer; } buffers[] = {
		{true, (uint64_t)samples * qmac_batch_sample_bytes(plan), &program->x},
		{true, qmac_batch_bytes(weights, program->z_container), &program->z},
		{plan->shape.has_offset, qmac_batch_bytes(weights, program->h_container), &program->h},
		{plan->shape.has_targets, qmac_batch_bytes(samples, program->target_container), &program->targets},
		{exchanged > 0, qmac_batch_bytes(exchanged, program->m_container), &program->m},
		{exchanged > 0, qmac_batch_bytes(exchanged, program->scaled_container), &program->scaled},
		{plan->shape.sum_only, qmac_batch_bytes(weights, QMAC_CONTAINER_DOUBLE), &program->sum},
	};
	enum qmac_status status = QMAC_OK;

	program->staging = calloc((size_t)(most > exchanged ? most : exchanged), sizeof(int64_t));
	program->values = calloc((size_t)(2 * exchanged + 1), sizeof program->values[0]);
	program->sample = calloc(1, (size_t)qmac_batch_sample_bytes(plan));
	program->commands = calloc((size_t)qmac_batch_plan_commands(plan), sizeof program->commands[0]);
	if (!program->staging || !program->sample || !program->values || !program->commands)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	for (size_t i = 0; status == QMAC_OK && i < sizeof buffers / sizeof buffers[0]; i++)
		if (buffers[i].used)
			status = qmac_driver_allocate(program->driver, buffers[i].bytes, buffers[i].buffer, err);
	return status;
}

static void destroy(struct qmac_inner_loop *inner)
{
	struct qmac_batch_program *program = program_of(inner);

	free(program->staging);
	free(program->sample);
	free(program->values);
	free(program->commands);
	free(program);
}

enum qmac_status qmac_batch_program_create(struct qmac_driver *driver, const struct qmac_batch_plan *plan,
                                           struct qmac_inner_loop **inner, struct qmac_error *err)
{
	struct qmac_batch_program *made = calloc(1, sizeof *made);
	enum qmac_status status;

	*inner = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the inner loop");
	made->base.operations = &qmac_batch_operations;
	made->driver = driver;
	made->plan = *plan;
	made->x_container = qmac_container_for(plan->shape.x_bits);
	made->z_container = qmac_container_of_z(plan->shape.bits);
	made->h_container = h_container(plan);
	made->target_container = target_container(plan);
	made->m_container = qmac_container_for(plan->step.m_bits);
	made->scaled_container = qmac_container_for(plan->step.mp_bits);
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
	struct qmac_batch_program *program = program_of(inner);
	int64_t features = program->plan.shape.features;
	uint64_t bytes = qmac_batch_sample_bytes(&program->plan);

	assert(first >= 0 && first + count <= program->plan.shape.samples);
	for (int64_t i = 0; i < count; i++) {
		for (int64_t j = 0; j < features; j++)
			qmac_pack(program->sample + (j << program->x_container), codes[i * features + j],
			          program->x_container);
		qmac_driver_upload(program->driver, program->x, (uint64_t)(first + i) * bytes, program->sample, bytes);
	}
}

static void set_z(struct qmac_inner_loop *inner, const int32_t *z)
{
	struct qmac_batch_program *program = program_of(inner);
	int64_t weights = qmac_batch_weights(&program->plan);

	program->z_clear = !z;
	program->z_due = z != NULL;
	if (!z)
		return;
	for (int64_t j = 0; j < weights; j++)
		qmac_pack(program->staging + (j << program->z_container), z[j], program->z_container);
	qmac_driver_upload(program->driver, program->z, 0, program->staging,
	                   qmac_batch_bytes(weights, program->z_container));
}

static void set_offset(struct qmac_inner_loop *inner, const int64_t *h)
{
	struct qmac_batch_program *program = program_of(inner);

	assert(program->plan.shape.has_offset);
	qmac_batch_upload(program, program->h, h, qmac_batch_weights(&program->plan), program->h_container);
	program->h_due = true;
}

static void set_targets(struct qmac_inner_loop *inner, const int64_t *k)
{
	struct qmac_batch_program *program = program_of(inner);

	assert(program->plan.shape.has_targets);
	qmac_batch_upload(program, program->targets, k, program->plan.shape.samples, program->target_container);
}

/* X is loaded as the loop goes. */
static void reload(struct qmac_inner_loop *inner)
{
	(void)inner;
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

void qmac_batch_sort(uint32_t *order, int64_t steps, int64_t batch)
{
	for (int64_t t = 0; batch > 1 && t < steps; t++)
		qsort(order + t * batch, (size_t)batch, sizeof order[0], compare_samples);
}

static uint64_t memory(const struct qmac_inner_plan *plan)
{
	return qmac_batch_program_memory(&plan->of.batch);
}

static enum qmac_status create(struct qmac_driver *driver, const struct qmac_inner_plan *plan,
                               struct qmac_inner_loop **inner, struct qmac_error *err)
{
	return qmac_batch_program_create(driver, &plan->of.batch, inner, err);
}

const struct qmac_inner_loop_operations qmac_batch_operations = {
	.memory = memory, .create = create, .destroy = destroy, .set_x = set_x, .set_z = set_z,
	.set_offset = set_offset, .set_targets = set_targets, .reload = reload, .run = qmac_batch_run,
};
