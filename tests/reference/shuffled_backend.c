#include "reference/shuffled_backend.h"

#include <stdlib.h>

#include "backend/wrapper.h"
#include "isa/command.h"
#include "test.h"

struct descriptor {
	uint32_t words[QMAC_COMMAND_WORDS];
	struct qmac_command command;
	unsigned engine;
};

struct shuffled {
	struct qmac_wrapper wrapper; /* first: it is a backend */
	uint64_t rng, ring_base;
	uint32_t ring_entries, tail;
	uint16_t retired[3];
	struct descriptor *batch;
};

static struct shuffled *self(struct qmac_backend *backend)
{
	return (struct shuffled *)(void *)backend;
}

static uint64_t place(const struct shuffled *s, uint32_t number)
{
	return s->ring_base + (number & (s->ring_entries - 1)) * (uint64_t)QMAC_COMMAND_BYTES;
}

static bool may_run(const struct shuffled *s, const struct qmac_command *command)
{
	const uint32_t counts[3] = {command->wait_load, command->wait_exec, command->wait_store};

	for (unsigned engine = 0; engine < 3; engine++)
		if (command->wait_mask >> engine & 1 && (uint16_t)(s->retired[engine] - counts[engine]) >= 0x8000)
			return false;
	return true;
}

/* The first descriptor of batch[begin..end) that `engine` has not run; end where there is none. */
static uint32_t head_of(const struct shuffled *s, const bool *done, unsigned engine, uint32_t begin,
                        uint32_t end)
{
	while (begin < end && (done[begin] || s->batch[begin].engine != engine))
		begin++;
	return begin;
}

/* Emits batch[begin..end), which holds no SYNC, in a random legal order; returns the next ring number. */
static uint32_t emit(struct shuffled *s, bool *done, uint32_t begin, uint32_t end, uint32_t number)
{
	unsigned eager = (unsigned)(test_random(&s->rng) % 3); /* runs ahead as far as it may, most of the time */
	uint32_t heads[3];

	for (uint32_t left = end - begin; left > 0;) {
		unsigned engine = test_random(&s->rng) % 4 ? eager : (unsigned)(test_random(&s->rng) % 3);

		if (test_random(&s->rng) % 64 == 0)
			eager = (unsigned)(test_random(&s->rng) % 3);
		for (unsigned e = 0; e < 3; e++)
			heads[e] = head_of(s, done, e, begin, end);
		for (unsigned tries = 0; tries < 3; tries++, engine = (engine + 1) % 3)
			if (heads[engine] < end && may_run(s, &s->batch[heads[engine]].command))
				break;
		if (heads[engine] == end || !may_run(s, &s->batch[heads[engine]].command))
			abort(); /* nothing may run: the program would hang */
		done[heads[engine]] = true;
		s->retired[engine]++;
		qmac_backend_write_command(&s->wrapper.base, place(s, number++), s->batch[heads[engine]].words);
		left--;
		while (begin < end && done[begin])
			begin++;
	}
	return number;
}

static void shuffle(struct shuffled *s, uint32_t tail)
{
	uint32_t count = tail - s->tail, begin = 0, number = s->tail;
	bool *done = calloc(count + 1, sizeof *done);

	s->batch = calloc(count + 1, sizeof *s->batch);
	if (!done || !s->batch)
		abort();
	for (uint32_t i = 0; i < count; i++) {
		qmac_backend_read_command(&s->wrapper.base, place(s, s->tail + i), s->batch[i].words);
		qmac_command_decode(s->batch[i].words, &s->batch[i].command);
		s->batch[i].engine = qmac_command_engine(s->batch[i].command.opcode);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (s->batch[i].engine != QMAC_ENGINE_CONTROL)
			continue;
		number = emit(s, done, begin, i, number);
		qmac_backend_write_command(&s->wrapper.base, place(s, number++), s->batch[i].words);
		begin = i + 1;
	}
	emit(s, done, begin, count, number);
	s->tail = tail;
	free(s->batch);
	free(done);
}

static void write_register(struct qmac_backend *backend, uint32_t offset, uint32_t value)
{
	struct shuffled *s = self(backend);

	if (offset == QMAC_REG_RING_BASE_LO)
		s->ring_base = value;
	if (offset == QMAC_REG_RING_LOG2)
		s->ring_entries = 1U << value;
	if (offset == QMAC_REG_RING_TAIL)
		shuffle(s, value);
	qmac_wrapper_write(backend, offset, value);
}

struct qmac_backend *shuffled_backend(struct qmac_backend *inner, uint64_t seed)
{
	static const struct qmac_backend_operations operations = {
		.name = "shuffled", .read = qmac_wrapper_read, .write = write_register,
		.read_memory = qmac_wrapper_read_memory, .write_memory = qmac_wrapper_write_memory,
		.wait = qmac_wrapper_wait, .kernel = qmac_wrapper_kernel,
		.peek = qmac_wrapper_peek, .poke = qmac_wrapper_poke, .destroy = qmac_wrapper_destroy,
	};
	struct shuffled *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	qmac_wrapper_init(&s->wrapper, &operations, inner);
	s->rng = seed;
	return &s->wrapper.base;
}
