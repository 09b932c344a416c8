#include "reference/trace_mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/commands.h"
#include "fuzz/damage.h"
#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "test.h"

enum { BASE = 4096, DATA = 6144 };

struct host {
	const struct trace_mix *mix;
	struct qmac_fuzz_program program;
	struct qmac_backend *backend;
	uint32_t ring_log2, tail;
};

static void on_retire(void *context, const struct qmac_retire *record)
{
	const struct trace_mix *mix = context;

	if (mix->records && record->number < mix->commands)
		mix->records[record->number] = *record;
}

static void write_register(struct host *host, uint32_t offset, uint32_t value)
{
	host->backend->operations->write(host->backend, offset, value);
}

static void write_byte(struct host *host, uint64_t address, uint8_t byte)
{
	host->backend->operations->write_memory(host->backend, address, &byte, 1);
}

static void write_memory(struct host *host, uint32_t most)
{
	uint64_t *rng = &host->program.rng;
	uint32_t count = (uint32_t)test_random(rng) % (most + 1);

	for (uint32_t i = 0; i < count; i++) {
		uint64_t at = test_random(rng) % DATA;

		write_byte(host, BASE + at, (uint8_t)qmac_fuzz_word(rng));
	}
}

/* Waits until the device rests; false where it has stopped. */
static bool come_to_rest(struct host *host)
{
	const struct qmac_backend_operations *operations = host->backend->operations;

	for (;;) {
		uint32_t status;
		bool raised;

		if (operations->wait(host->backend, 1 << 20, &raised, NULL) != QMAC_OK)
			abort();
		status = operations->read(host->backend, QMAC_REG_STATUS);
		if (status & QMAC_STATUS_ERROR)
			return false;
		if (!(status & QMAC_STATUS_BUSY))
			return true;
		if (raised && host->mix->interfere)
			write_memory(host, 2);
		write_register(host, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
	}
}

static void put_command(struct host *host)
{
	uint32_t words[QMAC_COMMAND_WORDS];
	struct qmac_command command;
	uint64_t to = BASE + DATA + (host->tail++ & ((1U << host->ring_log2) - 1)) * QMAC_COMMAND_BYTES;

	qmac_fuzz_command(&host->program, &command);
	qmac_command_encode(&command, words);
	if (host->mix->damage && test_random(&host->program.rng) % 40 == 0)
		qmac_fuzz_damage(&host->program.rng, words);
	qmac_backend_write_command(host->backend, to, words);
}

static void play(struct host *host)
{
	bool going = true;

	write_register(host, QMAC_REG_CONTROL, 1);
	write_register(host, QMAC_REG_MEM_BASE_LO, BASE);
	write_register(host, QMAC_REG_MEM_SIZE_LO, DATA + (QMAC_COMMAND_BYTES << host->ring_log2));
	write_register(host, QMAC_REG_RING_BASE_LO, BASE + DATA);
	write_register(host, QMAC_REG_RING_LOG2, host->ring_log2);
	write_register(host, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC | QMAC_IRQ_ERROR);
	for (unsigned i = 0; i < DATA; i++)
		write_byte(host, BASE + i, (uint8_t)(qmac_fuzz_word(&host->program.rng) >> i % 7 * 8));
	while (going && host->tail < host->mix->commands) {
		uint32_t left = host->mix->commands - host->tail;
		uint32_t count = 1 + (uint32_t)test_random(&host->program.rng) % (1U << host->ring_log2);

		for (count = count < left ? count : left; count > 0; count--)
			put_command(host);
		write_register(host, QMAC_REG_RING_TAIL, host->tail);
		going = come_to_rest(host);
		write_register(host, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
		write_memory(host, 3);
	}
}

struct qmac_recorder *trace_mix_run(const struct trace_mix *mix)
{
	struct host host = {.mix = mix, .program = {.rng = mix->seed, .data_base = BASE, .data_bytes = DATA}};
	struct qmac_recorder *recorder = qmac_recorder_create(&mix->window);
	struct qmac_device_options options = {.on_retire = on_retire, .context = (void *)(uintptr_t)mix};
	struct qmac_error err;

	if (mix->hw)
		host.program.hw = *mix->hw;
	else
		qmac_fuzz_hw(&host.program.rng, &host.program.hw);
	host.ring_log2 = 1 + (uint32_t)test_random(&host.program.rng) % 5;
	options.memory_bytes = BASE + DATA + ((uint64_t)QMAC_COMMAND_BYTES << host.ring_log2);
	if (!recorder || qmac_recorder_open(recorder, "cmodel", &host.program.hw, &options, NULL, &host.backend,
	                                    &err))
		abort();
	play(&host);
	qmac_backend_destroy(host.backend);
	return recorder;
}
