/*
 * A trace in memory.
 */
#include "trace/trace.h"

#include <stdlib.h>
#include <string.h>

#include "isa/command.h"

struct qmac_trace *qmac_trace_create(void)
{
	return calloc(1, sizeof(struct qmac_trace));
}

void qmac_trace_destroy(struct qmac_trace *trace)
{
	if (!trace)
		return;
	free(trace->rows);
	free(trace->values);
	free(trace->bytes);
	free(trace->batches);
	free(trace->commands);
	free(trace);
}

/* An array of `count` entries with room for `more`, which are zero; it may move. */
static void *grow(void *array, size_t size, size_t count, size_t *room, size_t more)
{
	if (count + more > *room) {
		size_t larger = 2 * (count + more) + 16;

		array = realloc(array, larger * size);
		if (!array)
			return NULL;
		*room = larger;
	}
	memset((char *)array + count * size, 0, more * size);
	return array;
}

struct qmac_trace_row *qmac_trace_add_row(struct qmac_trace *trace)
{
	struct qmac_trace_row *grown = grow(trace->rows, sizeof *grown, trace->row_count,
	                                    &trace->row_room, 1);

	if (!grown)
		return NULL;
	trace->rows = grown;
	trace->row_count++;
	return &grown[trace->row_count - 1];
}

uint64_t *qmac_trace_add_values(struct qmac_trace *trace, size_t count)
{
	uint64_t *grown = grow(trace->values, sizeof *grown, trace->value_count,
	                       &trace->value_room, count);

	if (!grown)
		return NULL;
	trace->values = grown;
	trace->value_count += count;
	return &grown[trace->value_count - count];
}

struct qmac_trace_bytes *qmac_trace_add_bytes(struct qmac_trace *trace)
{
	struct qmac_trace_bytes *grown = grow(trace->bytes, sizeof *grown, trace->bytes_count,
	                                      &trace->bytes_room, 1);

	if (!grown)
		return NULL;
	trace->bytes = grown;
	trace->bytes_count++;
	return &grown[trace->bytes_count - 1];
}

struct qmac_trace_batch *qmac_trace_add_batch(struct qmac_trace *trace)
{
	struct qmac_trace_batch *grown = grow(trace->batches, sizeof *grown, trace->batch_count,
	                                      &trace->batch_room, 1);

	if (!grown)
		return NULL;
	trace->batches = grown;
	trace->batch_count++;
	return &grown[trace->batch_count - 1];
}

struct qmac_trace_command *qmac_trace_add_command(struct qmac_trace *trace)
{
	struct qmac_trace_command *grown = grow(trace->commands, sizeof *grown, trace->command_count,
	                                        &trace->command_room, 1);

	if (!grown)
		return NULL;
	trace->commands = grown;
	trace->command_count++;
	return &grown[trace->command_count - 1];
}

bool qmac_trace_in_ring(const struct qmac_trace *trace, uint64_t address, uint64_t bytes)
{
	uint64_t ring_bytes = (uint64_t)QMAC_COMMAND_BYTES << trace->ring_log2;

	return address < trace->ring_base + ring_bytes && address + bytes > trace->ring_base;
}

bool qmac_trace_add_changes(struct qmac_trace *trace, uint64_t address, const uint8_t *now,
                            const uint8_t *before, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += QMAC_TRACE_LINE_BYTES) {
		size_t count = bytes - i < QMAC_TRACE_LINE_BYTES ? (size_t)(bytes - i) : QMAC_TRACE_LINE_BYTES;
		struct qmac_trace_bytes *line;

		if (memcmp(now + i, before + i, count) == 0 || qmac_trace_in_ring(trace, address + i, count))
			continue;
		line = qmac_trace_add_bytes(trace);
		if (!line)
			return false;
		line->address = address + i;
		line->count = (uint8_t)count;
		memcpy(line->data, now + i, count);
	}
	return true;
}

bool qmac_trace_to_front(struct qmac_trace *trace, size_t count)
{
	size_t others = trace->bytes_count - count;
	struct qmac_trace_bytes *kept = malloc((others + 1) * sizeof *kept);

	if (!kept)
		return false;
	if (count && others) {
		memcpy(kept, trace->bytes, others * sizeof *kept);
		memmove(trace->bytes, trace->bytes + others, count * sizeof *kept);
		memcpy(trace->bytes + count, kept, others * sizeof *kept);
	}
	for (size_t i = 1; i < trace->batch_count; i++)
		trace->batches[i].first_bytes += count;
	free(kept);
	return true;
}

void qmac_trace_rebase_waits(uint32_t words[QMAC_COMMAND_WORDS],
                             uint32_t (*rebase)(const void *context, unsigned engine, uint32_t count),
                             const void *context)
{
	/* Of the fields wait_load, wait_exec, wait_store. */
	static const unsigned word[3] = {1, 1, 2}, shift[3] = {0, 16, 0};
	struct qmac_command command;

	qmac_command_decode(words, &command);
	if (command.opcode == QMAC_OPCODE_SYNC)
		return;
	for (unsigned e = 0; e < 3; e++)
		if (command.wait_mask >> e & 1) {
			uint32_t count = rebase(context, e, words[word[e]] >> shift[e] & 0xFFFF);

			words[word[e]] &= ~(0xFFFFU << shift[e]);
			words[word[e]] |= (count & 0xFFFF) << shift[e];
		}
}

/* The function of docs/command-set.md, of one byte of memory. */
static uint64_t mix(uint64_t address, uint64_t value)
{
	uint64_t h = value * 0x9E3779B97F4A7C15ULL + (4ULL << 58 ^ address << 8);

	h = (h ^ h >> 32) * 0xD6E8FEB86659FD93ULL;
	h = (h ^ h >> 29) * 0xC2B2AE3D27D4EB4FULL;
	return h ^ h >> 32;
}

uint64_t qmac_trace_digest_part(const struct qmac_trace *trace, uint64_t address, const uint8_t *bytes,
                                uint64_t count)
{
	/* Memory is mostly zeros. */
	static const uint8_t zeros[64];
	uint64_t digest = 0;

	for (uint64_t i = 0; i < count; i++) {
		if (i % 64 == 0)
			while (count - i >= 64 && memcmp(bytes + i, zeros, 64) == 0)
				i += 64;
		if (i < count && bytes[i] && !qmac_trace_in_ring(trace, address + i, 1))
			digest += mix(address + i, bytes[i]);
	}
	return digest;
}

uint64_t qmac_trace_digest(const struct qmac_trace *trace, struct qmac_backend *backend)
{
	uint8_t bytes[4096];
	uint64_t digest = 0;

	for (uint64_t at = 0, part; at < trace->memory_bytes; at += part) {
		part = trace->memory_bytes - at < sizeof bytes ? trace->memory_bytes - at : sizeof bytes;
		backend->operations->read_memory(backend, at, bytes, part);
		digest += qmac_trace_digest_part(trace, at, bytes, part);
	}
	return digest;
}
