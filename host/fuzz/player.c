#include "fuzz/player.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "isa/command.h"

static enum qmac_status open_reference(void *context, const struct qmac_hw *hw,
                                       const struct qmac_device_options *options, uint64_t stalls,
                                       struct qmac_backend **backend, struct qmac_error *err)
{
	struct qmac_device_options plain = *options;

	(void)context;
	(void)stalls;
	plain.kernel = "scalar";
	return qmac_backend_create("cmodel", hw, &plain, backend, err);
}

const struct qmac_fuzz_target qmac_fuzz_reference = {open_reference, NULL};

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct qmac_fuzz_device *d = context;

	if (record->number >= d->count || d->retired[record->number]) {
		d->strays++;
		return;
	}
	d->records[record->number] = *record;
	d->retired[record->number] = true;
}

enum qmac_status qmac_fuzz_device_open(struct qmac_fuzz_device *device, const struct qmac_fuzz_target *target,
                                       const struct qmac_hw *hw, uint64_t stalls, struct qmac_error *err)
{
	const struct qmac_device_options options = {
		.memory_bytes = QMAC_FUZZ_MEMORY_BYTES, .digests = true, .on_retire = on_retire, .context = device,
	};

	memset(device, 0, sizeof *device);
	return target->open(target->context, hw, &options, stalls, &device->backend, err);
}

void qmac_fuzz_device_close(struct qmac_fuzz_device *device)
{
	qmac_backend_destroy(device->backend);
	free(device->records);
	free(device->retired);
	memset(device, 0, sizeof *device);
}

static uint32_t read_register(const struct qmac_fuzz_device *d, uint32_t offset)
{
	return d->backend->operations->read(d->backend, offset);
}

static void write_register(struct qmac_fuzz_device *d, uint32_t offset, uint32_t value)
{
	d->backend->operations->write(d->backend, offset, value);
}

static void write_pair(struct qmac_fuzz_device *d, uint32_t low_offset, uint64_t value)
{
	write_register(d, low_offset, (uint32_t)value);
	write_register(d, low_offset + 4, (uint32_t)(value >> 32));
}

static enum qmac_status make_room(struct qmac_fuzz_device *d, size_t count, struct qmac_error *err)
{
	if (count > d->room) {
		free(d->records);
		free(d->retired);
		d->room = 2 * count;
		d->records = calloc(d->room, sizeof *d->records);
		d->retired = calloc(d->room, sizeof *d->retired);
	}
	if (!d->records || !d->retired) {
		d->room = 0;
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %zu records", count);
	}
	memset(d->retired, 0, d->room * sizeof *d->retired);
	d->strays = 0;
	return QMAC_OK;
}

static void reset(struct qmac_fuzz_device *d, const struct qmac_trace *t)
{
	write_register(d, QMAC_REG_CONTROL, 1);
	write_pair(d, QMAC_REG_MEM_BASE_LO, t->mem_base);
	write_pair(d, QMAC_REG_MEM_SIZE_LO, t->mem_size);
	write_pair(d, QMAC_REG_RING_BASE_LO, t->ring_base);
	write_register(d, QMAC_REG_RING_LOG2, t->ring_log2);
	write_register(d, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC | QMAC_IRQ_ERROR);
}

static void put_descriptor(struct qmac_fuzz_device *d, const struct qmac_trace *t, size_t number)
{
	uint64_t at = t->ring_base + (number & ((1U << t->ring_log2) - 1)) * (uint64_t)QMAC_COMMAND_BYTES;

	/* One beyond memory can be written as little as it can be read. */
	if (at + QMAC_COMMAND_BYTES <= t->memory_bytes)
		qmac_backend_write_command(d->backend, at, t->commands[number].words);
}

/* Waits until the device rests: all has retired, or it stopped. */
static enum qmac_status come_to_rest(struct qmac_fuzz_device *d, struct qmac_error *err)
{
	for (;;) {
		uint32_t state;
		bool raised;
		enum qmac_status status = d->backend->operations->wait(d->backend, QMAC_PATIENCE_CYCLES, &raised,
		                                                       err);

		if (status)
			return status;
		state = read_register(d, QMAC_REG_STATUS);
		if ((state & QMAC_STATUS_ERROR) || !(state & QMAC_STATUS_BUSY))
			return QMAC_OK;
		if (!raised)
			return qmac_fail(err, QMAC_CHECK_FAILED, "the device did not answer within %llu cycles",
			                 QMAC_PATIENCE_CYCLES);
		write_register(d, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
	}
}

static enum qmac_status run_batch(struct qmac_fuzz_device *d, const struct qmac_fuzz_stream *stream,
                                  size_t index, struct qmac_error *err)
{
	const struct qmac_trace *t = stream->trace;
	const struct qmac_trace_batch *batch = &t->batches[index];
	bool last = index + 1 == t->batch_count;
	size_t bytes_end = last ? t->bytes_count : batch[1].first_bytes;
	size_t command_end = last ? t->command_count : batch[1].first_command;

	for (size_t i = batch->first_bytes; i < bytes_end; i++)
		d->backend->operations->write_memory(d->backend, t->bytes[i].address, t->bytes[i].data,
		                                     t->bytes[i].count);
	for (size_t i = batch->first_command; i < command_end; i++)
		put_descriptor(d, t, i);
	write_register(d, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
	/* Clears one of those that are used most. */
	write_register(d, QMAC_MONITOR_BASE + 4 * (1 + (uint32_t)index % 3), (uint32_t)index);
	if (last && stream->ring_register)
		write_register(d, stream->ring_register, stream->ring_value);
	if (!last || stream->ring_register != QMAC_REG_RING_TAIL)
		write_register(d, QMAC_REG_RING_TAIL, (uint32_t)command_end);
	return come_to_rest(d, err);
}

enum qmac_status qmac_fuzz_play(struct qmac_fuzz_device *device, const struct qmac_fuzz_stream *stream,
                                bool fill, struct qmac_error *err)
{
	const struct qmac_trace *t = stream->trace;
	enum qmac_status status;

	device->count = 0;
	status = fill ? qmac_trace_fill(t, device->backend, err) : QMAC_OK;
	if (!status)
		status = make_room(device, t->command_count, err);
	if (status)
		return status;
	qmac_backend_zero(device->backend, 0, t->memory_bytes);
	reset(device, t);
	device->count = t->command_count;
	for (size_t i = 0; !status && i < t->batch_count; i++) {
		status = run_batch(device, stream, i, err);
		if (!status && (read_register(device, QMAC_REG_STATUS) & QMAC_STATUS_ERROR))
			break;
	}
	return status;
}

/* ---- comparison ---------------------------------------------------------------- */

/* Did the reference do what the stream was made for? Otherwise the generator is wrong, not the device. */
static enum qmac_status check_intent(const struct qmac_fuzz_device *d, const struct qmac_fuzz_stream *stream,
                                     struct qmac_error *err)
{
	uint32_t code = read_register(d, QMAC_REG_ERROR_CODE), at = read_register(d, QMAC_REG_ERROR_COMMAND);

	if (code == stream->fault && read_register(d, QMAC_REG_RING_HEAD) == stream->retiring &&
	    (!code || at == stream->retiring))
		return QMAC_OK;
	return qmac_fail(err, QMAC_INTERNAL, "the stream was made for error %s at command %zu, the reference "
	                 "ended with %s at command %" PRIu32, qmac_code_name("FAULT", stream->fault),
	                 stream->retiring, qmac_code_name("FAULT", code), at);
}

static enum qmac_status differ(const struct qmac_fuzz_stream *stream, size_t number, const char *what,
                               uint64_t expected, uint64_t got, struct qmac_error *err)
{
	struct qmac_command command;
	char text[400];

	qmac_command_decode(stream->trace->commands[number].words, &command);
	qmac_command_text(&command, text, sizeof text);
	return qmac_fail(err, QMAC_CHECK_FAILED, "command %zu: %s: expected 0x%" PRIx64 ", got 0x%" PRIx64 ": %s",
	                 number, what, expected, got, text);
}

static enum qmac_status compare_record(const struct qmac_fuzz_device *reference,
                                       const struct qmac_fuzz_device *tested,
                                       const struct qmac_fuzz_stream *stream, size_t i,
                                       struct qmac_error *err)
{
	const struct qmac_retire *r = &reference->records[i], *t = &tested->records[i];

	if (reference->retired[i] != tested->retired[i])
		return differ(stream, i, "retired", reference->retired[i], tested->retired[i], err);
	if (!reference->retired[i])
		return QMAC_OK;
	if (r->engine != t->engine)
		return differ(stream, i, "engine", r->engine, t->engine, err);
	if (r->opcode != t->opcode)
		return differ(stream, i, "opcode", r->opcode, t->opcode, err);
	if (r->tag != t->tag)
		return differ(stream, i, "tag", r->tag, t->tag, err);
	if (r->digest != t->digest)
		return differ(stream, i, "digest", r->digest, t->digest, err);
	if (r->magnitudes != t->magnitudes)
		return differ(stream, i, "magnitudes", r->magnitudes, t->magnitudes, err);
	if (r->acc_saturations != t->acc_saturations)
		return differ(stream, i, "ACC saturations", r->acc_saturations, t->acc_saturations, err);
	if (r->requant_saturations != t->requant_saturations)
		return differ(stream, i, "requantise saturations", r->requant_saturations, t->requant_saturations,
		              err);
	if (r->container_saturations != t->container_saturations)
		return differ(stream, i, "container saturations", r->container_saturations, t->container_saturations,
		              err);
	return QMAC_OK;
}

static enum qmac_status compare_registers(const struct qmac_fuzz_device *reference,
                                          const struct qmac_fuzz_device *tested, struct qmac_error *err)
{
	static const struct {
		const char *name;
		uint32_t offset;
	} registers[] = {
		{"STATUS", QMAC_REG_STATUS}, {"ERROR_CODE", QMAC_REG_ERROR_CODE},
		{"ERROR_COMMAND", QMAC_REG_ERROR_COMMAND}, {"RING_HEAD", QMAC_REG_RING_HEAD},
		{"IRQ_STATUS", QMAC_REG_IRQ_STATUS},
#define COUNTER(name, lower, timed, help) \
		{timed ? "" : #name, QMAC_COUNTER_BASE + 8 * QMAC_COUNTER_##name}, \
		{timed ? "" : #name " (high)", QMAC_COUNTER_BASE + 8 * QMAC_COUNTER_##name + 4},
		QMAC_COUNTER_TABLE(COUNTER)
#undef COUNTER
	};

	for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++) {
		uint32_t expected, got;

		if (!registers[i].name[0])
			continue;
		expected = read_register(reference, registers[i].offset);
		got = read_register(tested, registers[i].offset);
		if (expected != got)
			return qmac_fail(err, QMAC_CHECK_FAILED, "%s: expected 0x%" PRIx32 ", got 0x%" PRIx32,
			                 registers[i].name, expected, got);
	}
	return QMAC_OK;
}

static enum qmac_status compare_monitors(const struct qmac_fuzz_device *reference,
                                         const struct qmac_fuzz_device *tested, struct qmac_error *err)
{
	for (uint32_t m = 0; m < QMAC_MONITORS; m++) {
		uint32_t expected = read_register(reference, QMAC_MONITOR_BASE + 4 * m);
		uint32_t got = read_register(tested, QMAC_MONITOR_BASE + 4 * m);

		if (expected != got)
			return qmac_fail(err, QMAC_CHECK_FAILED, "monitor %" PRIu32 ": expected 0x%" PRIx32
			                 ", got 0x%" PRIx32, m, expected, got);
	}
	return QMAC_OK;
}

static enum qmac_status compare_memory(const struct qmac_fuzz_device *reference,
                                       const struct qmac_fuzz_device *tested, uint64_t bytes,
                                       struct qmac_error *err)
{
	struct qmac_memory_difference found;

	if (!qmac_backend_memory_differs(reference->backend, tested->backend, 0, bytes, &found))
		return QMAC_OK;
	return qmac_fail(err, QMAC_CHECK_FAILED, "memory at 0x%" PRIx64 ": expected 0x%02x, got 0x%02x",
	                 found.address, found.expected, found.got);
}

enum qmac_status qmac_fuzz_compare(const struct qmac_fuzz_device *reference,
                                   const struct qmac_fuzz_device *tested,
                                   const struct qmac_fuzz_stream *stream, struct qmac_error *err)
{
	enum qmac_status status = check_intent(reference, stream, err);

	for (size_t i = 0; !status && i < stream->trace->command_count; i++)
		status = compare_record(reference, tested, stream, i, err);
	if (!status && tested->strays)
		status = qmac_fail(err, QMAC_CHECK_FAILED, "%zu retire records came that belong to no command, or "
		                   "for the second time", tested->strays);
	if (!status)
		status = compare_registers(reference, tested, err);
	if (!status)
		status = compare_monitors(reference, tested, err);
	if (!status)
		status = compare_memory(reference, tested, stream->trace->memory_bytes, err);
	return status;
}
