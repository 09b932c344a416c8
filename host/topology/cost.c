#include "topology/cost.h"

#include "config/text.h"
#include "driver/driver.h"
#include "lower/program.h"
#include "lower/whole.h"

enum { RING_LOG2 = 14 };

static const uint64_t memory_max = UINT64_C(1) << 36;

/* One cost on its way. */
struct job {
	struct qmac_layer_products products;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_program *program;
	struct qmac_buffer operand[3];   /* A, B, C of all products of the direction */
	struct qmac_layer_cost *cost;
	bool started;                    /* EXECUTE has */
	void (*on_retire)(void *context, const struct qmac_retire *record);
	void *context;
};

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct job *job = context;

	if (record->engine == QMAC_ENGINE_EXECUTE && !job->started) {
		job->started = true;
		job->cost->cycles.prefetch = record->start;
	}
	if (job->on_retire)
		job->on_retire(job->context, record);
}

static void on_command(void *context, const struct qmac_command *command)
{
	struct job *job = context;

	qmac_count_actions(command, job->cost->counts);
}

/* Bytes from 0 to the end of the views of all products. */
static void measure(const struct qmac_layer_products *products, uint64_t bytes[3])
{
	struct qmac_layer_products walk = *products;
	struct qmac_product product;

	while (qmac_layer_products_next(&walk, &product)) {
		const struct qmac_view *views[3] = {&product.a, &product.b, &product.c};

		for (int i = 0; i < 3; i++) {
			uint64_t end = views[i]->positions[0] > 0 && views[i]->positions[1] > 0 ?
			               views[i]->address + qmac_view_bytes(views[i]) : 0;

			bytes[i] = end > bytes[i] ? end : bytes[i];
		}
	}
}

static enum qmac_status open_device(struct job *job, struct qmac_error *err)
{
	const struct qmac_hw *hw = &job->products.hw;
	uint64_t ring = (uint64_t)QMAC_COMMAND_BYTES << RING_LOG2, bytes[3] = {0}, all = ring + (1 << 20);
	struct qmac_device_options options = {.on_retire = on_retire, .context = job};
	enum qmac_status status;

	measure(&job->products, bytes);
	for (int i = 0; i < 3; i++)
		all += bytes[i];
	if (all > memory_max)
		return qmac_fail(err, QMAC_BAD_INPUT, "it takes %llu MiB of device memory, more than %llu: cut the"
		                 " layer, or set a smaller batch", (unsigned long long)(all >> 20),
		                 (unsigned long long)(memory_max >> 20));
	options.memory_bytes = all;
	status = qmac_backend_create("time", hw, &options, &job->backend, err);
	if (status == QMAC_OK)
		status = qmac_driver_open(job->backend, hw, RING_LOG2, &job->driver, err);
	if (status == QMAC_OK)
		qmac_driver_watch(job->driver, on_command, job);
	for (int i = 0; status == QMAC_OK && i < 3; i++)
		status = qmac_driver_allocate(job->driver, bytes[i], &job->operand[i], err);
	return status;
}

static enum qmac_status add_products(struct job *job, struct qmac_error *err)
{
	struct qmac_product product;
	struct qmac_product_plan plan;
	enum qmac_status status = QMAC_OK;

	while (status == QMAC_OK && qmac_layer_products_next(&job->products, &product)) {
		product.a.address += job->operand[0].address;
		product.b.address += job->operand[1].address;
		product.c.address += job->operand[2].address;
		product.note.direction = job->products.direction;
		status = qmac_product_plan_make(&plan, &product, &job->products.hw, err);
		if (status == QMAC_OK)
			status = qmac_product_lower(job->program, &plan, err);
	}
	return status;
}

/* In the ring order that networks have, too. */
static enum qmac_status run(struct job *job, struct qmac_error *err)
{
	enum qmac_status status = open_device(job, err);

	if (status != QMAC_OK)
		return status;
	job->program = qmac_program_create(&job->products.hw);
	if (!job->program)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the commands");
	status = add_products(job, err);
	if (status == QMAC_OK) {
		qmac_program_estimate_order(job->program);
		status = qmac_program_compile(job->program, NULL, 0, err);
	}
	if (status == QMAC_OK)
		status = qmac_program_submit(job->program, job->driver, err);
	if (status == QMAC_OK)
		status = qmac_driver_finish(job->driver, err);
	if (status == QMAC_OK)
		qmac_driver_counters(job->driver, job->cost->counts);
	return status;
}

/* So many of the cycles that are left, at most all of them. */
static uint64_t take(uint64_t *left, uint64_t cycles)
{
	uint64_t taken = cycles < *left ? cycles : *left;

	*left -= taken;
	return taken;
}

/* prefetch is known already. */
static void split(const uint64_t counters[QMAC_COUNTERS], struct qmac_cost_cycles *cycles)
{
	uint64_t left = counters[QMAC_COUNTER_CYCLES], busy;

	cycles->all = left;
	busy = take(&left, counters[QMAC_COUNTER_EXECUTE_BUSY]);
	cycles->array = take(&busy, counters[QMAC_COUNTER_A_READS]);
	cycles->other = busy;
	cycles->starved = take(&left, counters[QMAC_COUNTER_EXECUTE_STARVED]);
	cycles->waits = take(&left, counters[QMAC_COUNTER_EXECUTE_WAIT]);
	cycles->idle = left;
}

enum qmac_status qmac_layer_cost(const struct qmac_layer_products *products, struct qmac_layer_cost *cost,
                                 void (*told)(void *context, const struct qmac_retire *record),
                                 void *context, struct qmac_error *err)
{
	struct job job = {.products = *products, .cost = cost, .on_retire = told, .context = context};
	enum qmac_status status;
	char layer[QMAC_TOPOLOGY_NAME + 8];

	*cost = (struct qmac_layer_cost){.cycles = {0}};
	status = run(&job, err);
	split(cost->counts, &cost->cycles);
	qmac_program_destroy(job.program);
	qmac_driver_close(job.driver);
	qmac_backend_destroy(job.backend);
	if (status != QMAC_OK) {
		snprintf(layer, sizeof layer, "layer %s", products->layer.name);
		qmac_text_blame(layer, err);
	}
	return status;
}

void qmac_layer_cost_add(struct qmac_layer_cost *sum, const struct qmac_layer_cost *cost, int64_t copies)
{
	struct qmac_cost_cycles *to = &sum->cycles;
	const struct qmac_cost_cycles *from = &cost->cycles;
	uint64_t *const parts[] = {&to->all, &to->array, &to->other, &to->waits, &to->starved, &to->idle,
	                           &to->prefetch};
	const uint64_t of[] = {from->all, from->array, from->other, from->waits, from->starved, from->idle,
	                       from->prefetch};

	qmac_counts_add(sum->counts, cost->counts, (uint64_t)copies);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		*parts[i] += of[i] * (uint64_t)copies;
}
