#include "reference/recording_backend.h"

#include <stdlib.h>

#include "isa/command.h"

struct recording {
	struct qmac_backend base; /* first: it is a backend */
	struct qmac_backend *inner;
	uint64_t ring_base;
	uint32_t ring_entries, tail;
	struct qmac_command *commands;
	uint32_t count, room;
};

static struct recording *self(struct qmac_backend *backend)
{
	return (struct recording *)(void *)backend;
}

static const struct recording *self_const(const struct qmac_backend *backend)
{
	return (const struct recording *)(const void *)backend;
}

static void keep(struct recording *r, uint32_t number)
{
	const uint8_t *from = r->inner->operations->memory(r->inner) + r->ring_base +
	                      (number & (r->ring_entries - 1)) * (uint64_t)QMAC_COMMAND_BYTES;
	uint32_t words[QMAC_COMMAND_WORDS];

	for (unsigned i = 0; i < QMAC_COMMAND_WORDS; i++, from += 4)
		words[i] = (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
		           (uint32_t)from[3] << 24;
	if (r->count == r->room) {
		struct qmac_command *larger;

		r->room = 2 * r->room + 64;
		larger = realloc(r->commands, r->room * sizeof *larger);
		if (!larger)
			abort();
		r->commands = larger;
	}
	qmac_command_decode(words, &r->commands[r->count++]);
}

static uint32_t read_register(struct qmac_backend *backend, uint32_t offset)
{
	struct qmac_backend *inner = self(backend)->inner;

	return inner->operations->read(inner, offset);
}

static void write_register(struct qmac_backend *backend, uint32_t offset, uint32_t value)
{
	struct recording *r = self(backend);

	if (offset == QMAC_REG_RING_BASE_LO)
		r->ring_base = value;
	if (offset == QMAC_REG_RING_LOG2)
		r->ring_entries = 1U << value;
	if (offset == QMAC_REG_RING_TAIL)
		for (; r->tail != value; r->tail++)
			keep(r, r->tail);
	r->inner->operations->write(r->inner, offset, value);
}

static uint8_t *memory(struct qmac_backend *backend)
{
	struct qmac_backend *inner = self(backend)->inner;

	return inner->operations->memory(inner);
}

static enum qmac_status wait_interrupt(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                       struct qmac_error *err)
{
	struct qmac_backend *inner = self(backend)->inner;

	return inner->operations->wait(inner, cycles, raised, err);
}

static const char *kernel(struct qmac_backend *backend)
{
	struct qmac_backend *inner = self(backend)->inner;

	return inner->operations->kernel(inner);
}

static void destroy(struct qmac_backend *backend)
{
	struct recording *r = self(backend);

	qmac_backend_destroy(r->inner);
	free(r->commands);
	free(r);
}

struct qmac_backend *recording_backend(struct qmac_backend *inner)
{
	static const struct qmac_backend_operations operations = {
		.name = "recording", .read = read_register, .write = write_register, .memory = memory,
		.wait = wait_interrupt, .kernel = kernel, .destroy = destroy,
	};
	struct recording *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	r->base.operations = &operations;
	r->base.memory_bytes = inner->memory_bytes;
	r->inner = inner;
	return &r->base;
}

const struct qmac_command *recording_commands(const struct qmac_backend *backend, uint32_t *count)
{
	*count = self_const(backend)->count;
	return self_const(backend)->commands;
}

uint32_t recording_count(const struct qmac_backend *backend, unsigned opcode)
{
	const struct recording *r = self_const(backend);
	uint32_t count = 0;

	for (uint32_t i = 0; i < r->count; i++)
		count += r->commands[i].opcode == opcode;
	return count;
}
