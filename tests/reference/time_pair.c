#include "reference/time_pair.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/device_pair.h"
#include "test.h"

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct time_pair *pair = context;

	if (record->number < pair->count)
		pair->record[record->number] = *record;
	pair->retired++;
}

bool time_pair_open(struct time_pair *pair, const struct qmac_hw *hw, uint64_t data_bytes, int ring_log2)
{
	uint64_t ring_base = (data_bytes + QMAC_COMMAND_BYTES - 1) / QMAC_COMMAND_BYTES * QMAC_COMMAND_BYTES;
	uint64_t bytes = ring_base + ((uint64_t)QMAC_COMMAND_BYTES << ring_log2);
	const struct qmac_device_options options = {
		.memory_bytes = bytes, .on_retire = on_retire, .context = pair,
	};
	struct qmac_error err = {"", "", 0, 0};

	memset(pair, 0, sizeof *pair);
	if (qmac_hw_check(hw, NULL, &err) != QMAC_OK ||
	    qmac_device_create(hw, &options, &pair->device, &err) != QMAC_OK) {
		printf("\n%s ", err.message);
		CU_FAIL("no device");
		return false;
	}
	pair->ring_base = ring_base;
	pair->slice = 1ULL << 40;
	pair_set_up(pair->device, 0, bytes, ring_base, (uint32_t)ring_log2);
	ref_time_init(&pair->ref, hw, ring_base, ring_log2);
	return true;
}

void time_pair_close(struct time_pair *pair)
{
	qmac_device_destroy(pair->device);
	ref_time_free(&pair->ref);
	free(pair->record);
	free(pair->words);
	memset(pair, 0, sizeof *pair);
}

void time_pair_add(struct time_pair *pair, const struct qmac_command *command)
{
	if (pair->count == pair->room) {
		pair->room = pair->room ? 2 * pair->room : 64;
		pair->words = realloc(pair->words, pair->room * sizeof *pair->words);
		pair->record = realloc(pair->record, pair->room * sizeof *pair->record);
		CU_ASSERT_FATAL(pair->words && pair->record);
	}
	memset(&pair->record[pair->count], 0, sizeof *pair->record);
	qmac_command_encode(command, pair->words[pair->count++]);
}

static void ring_bell(struct time_pair *pair, uint32_t count)
{
	uint8_t bytes[QMAC_COMMAND_BYTES];

	ref_time_submit(&pair->ref, pair->words + pair->written, count);
	for (uint32_t i = 0; i < count; i++, pair->written++) {
		uint64_t entry = pair->ring_base + pair->written % pair->ref.ring_entries * QMAC_COMMAND_BYTES;

		qmac_command_pack(pair->words[pair->written], bytes);
		qmac_device_write_memory(pair->device, entry, bytes, sizeof bytes);
	}
	qmac_device_write(pair->device, QMAC_REG_RING_TAIL, pair->written);
}

void time_pair_run(struct time_pair *pair)
{
	bool idle = true;

	qmac_device_write(pair->device, QMAC_REG_IRQ_ENABLE, pair->ref.stops_at_irq ? QMAC_IRQ_SYNC : 0);
	do {
		uint64_t count = pair->count - pair->written;
		uint64_t room = pair->ref.ring_entries - (pair->ref.commands - pair->ref.dispatched);

		count = count < room ? count : room;
		if (pair->small_doorbells && count)
			count = test_random(&pair->rng) % (count + (idle ? 0 : 1)) + (idle ? 1 : 0);
		if (count && (idle || pair->small_doorbells))
			ring_bell(pair, (uint32_t)count);
		qmac_device_write(pair->device, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
		while (!qmac_device_run(pair->device, pair->slice))
			continue;
		idle = ref_time_run(&pair->ref);
	} while (!idle || (pair->written < pair->count && pair->ref.fault >= pair->written));
}

/* One line for a difference; command -1: a counter. */
static void report(struct time_pair *pair, uint64_t seed, int *differences, int command, const char *what,
                   uint64_t expected, uint64_t got)
{
	struct qmac_command decoded;
	char text[1024] = "";

	if (expected == got || ++*differences > 1)
		return;
	if (command >= 0) {
		qmac_command_decode(pair->words[command], &decoded);
		qmac_command_text(&decoded, text, sizeof text);
	}
	printf("\nseed %" PRIu64 ": command %d %s: expected %" PRIu64 " got %" PRIu64 "; %s ", seed, command,
	       what, expected, got, text);
}

int time_pair_differences(struct time_pair *pair, uint64_t seed)
{
	uint64_t expected[QMAC_COUNTERS] = {0};
	int differences = 0;

	for (uint32_t i = 0; i < pair->ref.dispatched; i++) {
		report(pair, seed, &differences, (int)i, "start", pair->ref.command[i]->start,
		       pair->record[i].start);
		report(pair, seed, &differences, (int)i, "retire", pair->ref.command[i]->retire,
		       pair->record[i].cycle);
	}
	report(pair, seed, &differences, -1, "commands", pair->ref.dispatched, pair->retired);
	report(pair, seed, &differences, -1, "error", pair->ref.fault < pair->written ? QMAC_FAULT_OPCODE : 0,
	       qmac_device_read(pair->device, QMAC_REG_ERROR_CODE));
	ref_time_counters(&pair->ref, expected);
#define COMPARE(name, lower, timed, help) \
	if (timed) \
		report(pair, seed, &differences, -1, #name, expected[QMAC_COUNTER_##name], \
		       pair_counter(pair->device, QMAC_COUNTER_##name));
	QMAC_COUNTER_TABLE(COMPARE)
#undef COMPARE
	return differences;
}
