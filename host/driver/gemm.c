#include "driver/gemm.h"

#include <assert.h>
#include <string.h>

#include "driver/gemm_commands.h"

/* The moves of one chunk or tile, submitted one by one between the passes of another. */
struct pending {
	struct qmac_gemm_chunk chunk;
	int next, count;
	struct qmac_token after; /* the first waits for it, the others follow in order */
	bool waits;
};

struct run {
	struct qmac_driver *driver;
	const struct qmac_gemm_plan *plan;
	const struct qmac_gemm_matrices *matrices;
	uint16_t tag;
	struct qmac_token last[3];   /* of each engine */
	unsigned submitted;          /* bit e: last[e] is of this run */
	struct pending loads;        /* of the next chunk */
	struct pending stores;       /* of the tile before */
	struct qmac_token drained[2]; /* STORE has read the last tile of this half of ACC */
	bool has_drained[2];
};

static enum qmac_status submit(struct run *run, struct qmac_command *command, struct qmac_error *err)
{
	unsigned engine = qmac_command_engine(command->opcode);

	command->tag = run->tag;
	run->submitted |= 1U << engine;
	return qmac_driver_submit(run->driver, command, &run->last[engine], err);
}

/* Makes `pending` the `count` moves of a chunk, to start once EXECUTE has done what it was given so far. */
static void begin(const struct run *run, struct pending *pending, const struct qmac_gemm_chunk *chunk,
                  int count)
{
	*pending = (struct pending){
		.chunk = *chunk, .count = count, .after = run->last[QMAC_ENGINE_EXECUTE],
		.waits = run->submitted >> QMAC_ENGINE_EXECUTE & 1,
	};
}

static enum qmac_status submit_store(struct run *run, struct qmac_error *err)
{
	struct pending *stores = &run->stores;
	int half = stores->chunk.c_half;
	struct qmac_command command = qmac_gemm_store(run->plan, run->matrices, &stores->chunk, stores->next);
	enum qmac_status status;

	if (stores->next++ == 0 && stores->waits)
		qmac_command_wait(&command, stores->after);
	status = submit(run, &command, err);
	run->drained[half] = run->last[QMAC_ENGINE_STORE];
	run->has_drained[half] = true;
	return status;
}

static enum qmac_status submit_stores(struct run *run, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	while (status == QMAC_OK && run->stores.next < run->stores.count)
		status = submit_store(run, err);
	return status;
}

/* A tile to accumulate on comes into a half of ACC that STORE has to leave first. */
static enum qmac_status submit_load(struct run *run, struct qmac_error *err)
{
	struct pending *loads = &run->loads;
	int half = loads->chunk.c_half;
	struct qmac_command command = qmac_gemm_load(run->plan, run->matrices, &loads->chunk, loads->next);

	if (loads->next++ == 0 && loads->waits)
		qmac_command_wait(&command, loads->after);
	if (command.space == QMAC_SPACE_ACC && run->has_drained[half])
		qmac_command_wait(&command, run->drained[half]);
	return submit(run, &command, err);
}

/* The first chunk's panels; nothing of this run starts before what *marks names has retired. */
static enum qmac_status submit_first_loads(struct run *run, const struct qmac_gemm_chunk *chunk,
                                           const struct qmac_marks *marks, struct qmac_error *err)
{
	int count = qmac_gemm_load_count(run->plan, chunk);
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < count; i++) {
		struct qmac_command command = qmac_gemm_load(run->plan, run->matrices, chunk, i);

		for (unsigned e = 0; i == 0 && e < 3; e++)
			if (marks->mask >> e & 1)
				qmac_command_wait(&command, marks->token[e]);
		status = submit(run, &command, err);
	}
	return status;
}

static enum qmac_status submit_pass(struct run *run, const struct qmac_gemm_chunk *chunk, int index,
                                    struct qmac_error *err)
{
	struct qmac_command command = qmac_gemm_pass(run->plan, chunk, index);

	if (index == 0) {
		qmac_command_wait(&command, run->last[QMAC_ENGINE_LOAD]);
		if (chunk->starts_tile && run->has_drained[chunk->c_half])
			qmac_command_wait(&command, run->drained[chunk->c_half]);
	}
	return submit(run, &command, err);
}

/*
 * The passes of a chunk, and between them the moves that may run beside: a full queue of one
 * engine would otherwise keep the commands of another from being dispatched. STORE goes
 * first, for a LOAD to ACC may have to wait for it.
 */
static enum qmac_status submit_chunk(struct run *run, const struct qmac_gemm_chunk *chunk,
                                     struct qmac_error *err)
{
	struct pending *loads = &run->loads, *stores = &run->stores;
	int passes = qmac_gemm_pass_count(run->plan, chunk);
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < passes; i++) {
		status = submit_pass(run, chunk, i, err);
		if (status == QMAC_OK && stores->next < stores->count)
			status = submit_store(run, err);
		else if (status == QMAC_OK && loads->next < loads->count)
			status = submit_load(run, err);
	}
	if (status == QMAC_OK)
		status = submit_stores(run, err);
	while (status == QMAC_OK && loads->next < loads->count)
		status = submit_load(run, err);
	return status;
}

static void check_matrix(const struct qmac_matrix *matrix, int64_t rows, int64_t cols, unsigned container)
{
	uint64_t row = (uint64_t)cols << container, unit = (uint64_t)1 << container;

	assert(matrix->offset % unit == 0 && matrix->row_bytes % unit == 0 && row <= matrix->row_bytes);
	assert(matrix->offset + (uint64_t)(rows - 1) * matrix->row_bytes + row <= matrix->buffer.bytes);
	(void)matrix, (void)rows, (void)row, (void)unit;
}

static void check_matrices(const struct qmac_gemm_shape *s, const struct qmac_gemm_matrices *matrices)
{
	bool ab = s->form == QMAC_GEMM_AB;

	check_matrix(&matrices->a, ab ? s->m : s->k, ab ? s->k : s->m, s->a.container);
	check_matrix(&matrices->b, s->k, s->n, s->b.container);
	check_matrix(&matrices->c, s->m, s->n, s->c_container);
}

enum qmac_status qmac_gemm_run(struct qmac_driver *driver, const struct qmac_gemm_plan *plan,
                               const struct qmac_gemm_matrices *matrices, uint16_t tag,
                               struct qmac_marks *marks, struct qmac_error *err)
{
	struct run run = {.driver = driver, .plan = plan, .matrices = matrices, .tag = tag};
	struct qmac_gemm_chunk chunk = qmac_gemm_first(plan), next = chunk;
	enum qmac_status status;
	bool more = true;

	assert(memcmp(&plan->hw, qmac_driver_hw(driver), sizeof plan->hw) == 0);
	check_matrices(&plan->shape, matrices);
	status = submit_first_loads(&run, &chunk, marks, err);
	while (status == QMAC_OK && more) {
		more = qmac_gemm_next(plan, &next);
		/* The next panels go where those of the chunk before lay: EXECUTE has to leave that one. */
		begin(&run, &run.loads, &next, more ? qmac_gemm_load_count(plan, &next) : 0);
		status = submit_chunk(&run, &chunk, err);
		if (chunk.ends_tile)
			begin(&run, &run.stores, &chunk, qmac_gemm_store_count(plan, &chunk));
		chunk = next;
	}
	if (status == QMAC_OK)
		status = submit_stores(&run, err);
	if (status != QMAC_OK)
		return status;
	memcpy(marks->token, run.last, sizeof run.last);
	marks->mask = 7;
	return QMAC_OK;
}
