#include "fuzz/cut.h"

#include <stdlib.h>
#include <string.h>

#include "isa/command.h"
#include "isa/space.h"

struct cutter {
	const struct qmac_trace *from;
	const struct qmac_fuzz_keep *keep;
	struct qmac_trace *to;
	struct qmac_trace_bytes *pending; /* of the host, not yet followed by a command; by address */
	size_t pending_count;
	uint32_t before[3], after[3];     /* commands of each engine so far: in `from`, in `to` */
	uint16_t *left[3];                /* by number within its engine in `from`: of those, how many in `to` */
};

static bool add_rows(struct cutter *c)
{
	for (size_t i = 0; i < c->from->row_count; i++) {
		const struct qmac_trace_row *row = &c->from->rows[i];
		uint32_t lanes = qmac_space_lanes(&c->from->hw, row->space);
		struct qmac_trace_row *added;
		uint64_t *values;

		if (c->keep->rows && !c->keep->rows[i])
			continue;
		added = qmac_trace_add_row(c->to);
		values = qmac_trace_add_values(c->to, lanes);
		if (!added || !values)
			return false;
		*added = *row;
		added->first = c->to->value_count - lanes;
		memcpy(values, &c->from->values[row->first], lanes * sizeof *values);
	}
	return true;
}

static void add_pending(struct cutter *c, const struct qmac_trace_bytes *bytes)
{
	size_t at = c->pending_count;

	while (at > 0 && c->pending[at - 1].address > bytes->address)
		at--;
	if (at > 0 && c->pending[at - 1].address == bytes->address) {
		c->pending[at - 1] = *bytes;
		return;
	}
	memmove(&c->pending[at + 1], &c->pending[at], (c->pending_count++ - at) * sizeof *bytes);
	c->pending[at] = *bytes;
}

static bool begin_batch(struct cutter *c)
{
	struct qmac_trace_batch *batch = qmac_trace_add_batch(c->to);

	if (!batch)
		return false;
	*batch = (struct qmac_trace_batch){c->to->bytes_count, c->to->command_count};
	for (size_t i = 0; i < c->pending_count; i++) {
		struct qmac_trace_bytes *bytes = qmac_trace_add_bytes(c->to);

		if (!bytes)
			return false;
		*bytes = c->pending[i];
	}
	c->pending_count = 0;
	return true;
}

/* Counts beyond what was given, and from before the first command, keep their distance. */
static uint32_t rebase(const void *context, unsigned engine, uint32_t count)
{
	const struct cutter *c = context;
	uint32_t distance = (c->before[engine] - count) & 0xFFFF;

	if (distance >= 0x8000 || distance > c->before[engine])
		return (c->after[engine] - distance) & 0xFFFF;
	return c->left[engine][c->before[engine] - distance];
}

static bool add_command(struct cutter *c, size_t number, bool begins)
{
	uint32_t opcode = c->from->commands[number].words[0] & 0xF;
	bool kept = !c->keep->commands || c->keep->commands[number];
	struct qmac_trace_command *added;
	unsigned engine;

	if (kept) {
		if (begins && !begin_batch(c))
			return false;
		added = qmac_trace_add_command(c->to);
		if (!added)
			return false;
		memcpy(added->words, c->from->commands[number].words, sizeof added->words);
		qmac_trace_rebase_waits(added->words, rebase, c);
	}
	/* One with another opcode does not execute. */
	if (opcode >= QMAC_OPCODE_LOAD && opcode <= QMAC_OPCODE_VEC) {
		engine = qmac_command_engine(opcode);
		c->after[engine] += kept;
		c->left[engine][++c->before[engine]] = (uint16_t)c->after[engine];
	}
	return true;
}

static bool add_batch(struct cutter *c, size_t index)
{
	const struct qmac_trace *t = c->from;
	bool last = index + 1 == t->batch_count, begins = true;
	size_t bytes_end = last ? t->bytes_count : t->batches[index + 1].first_bytes;
	size_t command_end = last ? t->command_count : t->batches[index + 1].first_command;

	for (size_t i = t->batches[index].first_bytes; i < bytes_end; i++)
		if (!c->keep->bytes || c->keep->bytes[i])
			add_pending(c, &t->bytes[i]);
	for (size_t i = t->batches[index].first_command; i < command_end; i++) {
		size_t count = c->to->command_count;

		if (!add_command(c, i, begins))
			return false;
		begins = begins && c->to->command_count == count;
	}
	return true;
}

static bool cut(struct cutter *c)
{
	bool complete = c->to && add_rows(c);

	c->pending = calloc(c->from->bytes_count + 1, sizeof *c->pending);
	complete = complete && c->pending;
	for (int e = 0; e < 3; e++) {
		c->left[e] = calloc(c->from->command_count + 1, sizeof *c->left[e]);
		complete = complete && c->left[e];
	}
	for (size_t i = 0; complete && i < c->from->batch_count; i++)
		complete = add_batch(c, i);
	return complete;
}

struct qmac_trace *qmac_fuzz_trace_cut(const struct qmac_trace *trace, const struct qmac_fuzz_keep *keep)
{
	struct cutter c = {.from = trace, .keep = keep, .to = qmac_trace_create()};

	if (c.to) {
		c.to->hw = trace->hw;
		c.to->memory_bytes = trace->memory_bytes;
		c.to->mem_base = trace->mem_base;
		c.to->mem_size = trace->mem_size;
		c.to->ring_base = trace->ring_base;
		c.to->ring_log2 = trace->ring_log2;
	}
	if (!cut(&c)) {
		qmac_trace_destroy(c.to);
		c.to = NULL;
	}
	free(c.pending);
	for (int e = 0; e < 3; e++)
		free(c.left[e]);
	return c.to;
}
