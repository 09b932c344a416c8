#include "reference/recording_backend.h"

#include <stdlib.h>

#include "backend/wrapper.h"
#include "isa/command.h"

struct recording {
	struct qmac_wrapper wrapper; /* first: it is a backend */
	uint64_t ring_base;
	uint32_t ring_entries, tail;
	struct qmac_command *commands;
	uint32_t count, room;
	double *units; /* of the commands in the ring */
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
	uint64_t from = r->ring_base + (number & (r->ring_entries - 1)) * (uint64_t)QMAC_COMMAND_BYTES;
	uint32_t words[QMAC_COMMAND_WORDS];

	qmac_backend_read_command(&r->wrapper.base, from, words);
	if (r->count == r->room) {
		struct qmac_command *larger;

		r->room = 2 * r->room + 64;
		larger = realloc(r->commands, r->room * sizeof *larger);
		if (!larger)
			abort();
		r->commands = larger;
	}
	qmac_command_decode(words, &r->commands[r->count]);
	r->commands[r->count++].unit = r->units[number & (r->ring_entries - 1)];
	r->units[number & (r->ring_entries - 1)] = 0;
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
	qmac_wrapper_write(backend, offset, value);
}

static void note_unit(struct qmac_backend *backend, uint32_t number, double unit)
{
	struct recording *r = self(backend);

	r->units[number & (r->ring_entries - 1)] = unit;
}

static void destroy(struct qmac_backend *backend)
{
	free(self(backend)->commands);
	free(self(backend)->units);
	qmac_wrapper_destroy(backend);
}

struct qmac_backend *recording_backend(struct qmac_backend *inner)
{
	static const struct qmac_backend_operations operations = {
		.name = "recording", .read = qmac_wrapper_read, .write = write_register,
		.read_memory = qmac_wrapper_read_memory, .write_memory = qmac_wrapper_write_memory,
		.wait = qmac_wrapper_wait, .kernel = qmac_wrapper_kernel, .peek = qmac_wrapper_peek,
		.poke = qmac_wrapper_poke, .note_unit = note_unit, .destroy = destroy,
	};
	struct recording *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	r->units = calloc(1U << QMAC_RING_LOG2_MAX, sizeof r->units[0]);
	if (!r->units)
		abort();
	qmac_wrapper_init(&r->wrapper, &operations, inner);
	return &r->wrapper.base;
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
