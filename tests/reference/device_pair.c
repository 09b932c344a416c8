#include "reference/device_pair.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/random.h"
#include "isa/command.h"
#include "test.h"

/* Differences that are printed. */
enum { PRINT_LIMIT = 6 };

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct pair_log *log = context;

	if (log->count < PAIR_COMMANDS)
		log->record[log->count] = *record;
	log->count++;
}

bool pair_create(struct device_pair *pair, const struct qmac_hw *hw, uint64_t mem_base, uint64_t mem_size,
                 uint32_t ring_log2)
{
	static const char *const kernels[PAIR_DEVICES] = {"scalar", "auto"};
	struct qmac_error err = {"", "", 0, 0};
	bool complete = true;

	memset(pair, 0, sizeof *pair);
	pair->ring_log2 = ring_log2;
	pair->ring_base = mem_base + mem_size - ((uint64_t)QMAC_COMMAND_BYTES << ring_log2);
	pair->slice = 1ULL << 40;
	for (int i = 0; i < PAIR_DEVICES; i++) {
		const struct qmac_device_options options = {.memory_bytes = mem_base + mem_size,
		                                            .kernel = kernels[i],
		                                            .digests = true,
		                                            .on_retire = on_retire,
		                                            .context = &pair->log[i]};

		if (qmac_hw_check(hw, NULL, &err) != QMAC_OK ||
		    qmac_device_create(hw, &options, &pair->device[i], &err) != QMAC_OK) {
			printf("\n%s ", err.message);
			complete = false;
			break;
		}
		pair_set_up(pair->device[i], mem_base, mem_size, pair->ring_base, ring_log2);
	}
	complete = ref_device_init(&pair->ref, hw, mem_base + mem_size) && complete;
	pair->ref.mem_base = mem_base;
	pair->ref.mem_size = mem_size;
	CU_ASSERT_TRUE(complete);
	if (!complete)
		pair_destroy(pair);
	return complete;
}

void pair_destroy(struct device_pair *pair)
{
	for (int i = 0; i < PAIR_DEVICES; i++)
		qmac_device_destroy(pair->device[i]);
	ref_device_free(&pair->ref);
	memset(pair, 0, sizeof *pair);
}

void pair_set_up(struct qmac_device *device, uint64_t mem_base, uint64_t mem_size, uint64_t ring_base,
                 uint32_t ring_log2)
{
	qmac_device_write(device, QMAC_REG_MEM_BASE_LO, (uint32_t)mem_base);
	qmac_device_write(device, QMAC_REG_MEM_BASE_HI, (uint32_t)(mem_base >> 32));
	qmac_device_write(device, QMAC_REG_MEM_SIZE_LO, (uint32_t)mem_size);
	qmac_device_write(device, QMAC_REG_MEM_SIZE_HI, (uint32_t)(mem_size >> 32));
	qmac_device_write(device, QMAC_REG_RING_BASE_LO, (uint32_t)ring_base);
	qmac_device_write(device, QMAC_REG_RING_BASE_HI, (uint32_t)(ring_base >> 32));
	qmac_device_write(device, QMAC_REG_RING_LOG2, ring_log2);
}

void pair_scramble(struct device_pair *pair, uint64_t *rng, bool scratchpads)
{
	const struct qmac_hw *hw = &pair->ref.hw;

	for (uint64_t at = 0; at < pair->ref.memory_bytes; at++)
		pair->ref.memory[at] = (uint8_t)qmac_fuzz_word(rng);
	for (int i = 0; i < PAIR_DEVICES; i++)
		qmac_device_write_memory(pair->device[i], 0, pair->ref.memory, pair->ref.memory_bytes);
	for (unsigned space = 0; scratchpads && space < 4; space++)
		for (int64_t row = 0; row < ref_depth(hw, space); row++)
			for (int64_t lane = 0; lane < ref_width(hw, space); lane++) {
				uint64_t value = qmac_fuzz_word(rng);

				ref_poke(&pair->ref, space, row, lane, value);
				for (int i = 0; i < PAIR_DEVICES; i++)
					qmac_device_poke(pair->device[i], space, (uint32_t)row, (uint32_t)lane, value);
			}
}

/* Runs until the device is idle or has stopped; takes interrupts of SYNC. */
static void come_to_rest(struct qmac_device *device, uint64_t slice)
{
	for (int i = 0; i < 100000; i++) {
		bool done = qmac_device_run(device, slice);

		if (!done)
			continue;
		if ((qmac_device_read(device, QMAC_REG_STATUS) & QMAC_STATUS_ERROR) || !qmac_device_irq(device))
			return;
		qmac_device_write(device, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
	}
	CU_FAIL("the device does not come to rest");
}

void pair_submit(struct qmac_device *device, uint64_t ring_base, uint32_t ring_log2,
                 uint32_t words[][QMAC_COMMAND_WORDS], uint32_t count, uint64_t slice)
{
	uint32_t tail = qmac_device_read(device, QMAC_REG_RING_TAIL);

	for (uint32_t i = 0; i < count; i++) {
		uint64_t at = ring_base + (uint64_t)((tail + i) & ((1U << ring_log2) - 1)) * QMAC_COMMAND_BYTES;
		uint8_t bytes[QMAC_COMMAND_BYTES];

		qmac_command_pack(words[i], bytes);
		qmac_device_write_memory(device, at, bytes, sizeof bytes);
	}
	qmac_device_write(device, QMAC_REG_RING_TAIL, tail + count);
	come_to_rest(device, slice);
}

void pair_run(struct device_pair *pair, uint32_t words[][QMAC_COMMAND_WORDS], uint32_t count)
{
	uint32_t at = 0;

	while (at < count) {
		uint32_t chunk = count - at < 1U << pair->ring_log2 ? count - at : 1U << pair->ring_log2;

		for (uint32_t i = 0; i < chunk; i++, pair->count++) {
			memcpy(pair->words[pair->count], words[at + i], QMAC_COMMAND_BYTES);
			qmac_command_pack(words[at + i], pair->ref.memory + pair->ring_base +
			                  (uint64_t)(pair->count & ((1U << pair->ring_log2) - 1)) * QMAC_COMMAND_BYTES);
		}
		for (uint32_t i = 0; i < chunk; i++)
			ref_execute(&pair->ref, words[at + i], &pair->expected[pair->ref.number]);
		for (int i = 0; i < PAIR_DEVICES; i++)
			pair_submit(pair->device[i], pair->ring_base, pair->ring_log2, words + at, chunk, pair->slice);
		at += chunk;
	}
}

uint64_t pair_counter(struct qmac_device *device, int counter)
{
	uint32_t offset = QMAC_COUNTER_BASE + 8 * (uint32_t)counter;

	return qmac_device_read(device, offset) | (uint64_t)qmac_device_read(device, offset + 4) << 32;
}

/* One line for a difference; place says where. */
static void report(int *differences, const char *kernel, const char *place, uint64_t expected, uint64_t got)
{
	if (expected == got)
		return;
	if (++*differences <= PRINT_LIMIT)
		printf("\n%s: %s: expected 0x%" PRIx64 " got 0x%" PRIx64 " ", kernel, place, expected, got);
}

static void compare_records(struct device_pair *pair, int which, int *differences)
{
	const char *kernel = qmac_device_kernel(pair->device[which]);
	const struct pair_log *log = &pair->log[which];
	uint32_t count = log->count < pair->ref.number ? log->count : pair->ref.number;
	char place[1200], text[1024];

	report(differences, kernel, "commands retired", pair->ref.number, log->count);
	for (uint32_t i = 0; i < count; i++) {
		const struct qmac_retire *got = &log->record[i];
		const struct ref_record *expected = &pair->expected[got->number % PAIR_COMMANDS];
		struct qmac_command command;

		qmac_command_decode(pair->words[got->number % PAIR_COMMANDS], &command);
		qmac_command_text(&command, text, sizeof text);
#define COMPARE(member) \
	snprintf(place, sizeof place, "command %u " #member ": %s", got->number, text); \
	report(differences, kernel, place, expected->member, got->member)
		COMPARE(number);
		COMPARE(opcode);
		COMPARE(engine);
		COMPARE(tag);
		COMPARE(acc_saturations);
		COMPARE(requant_saturations);
		COMPARE(container_saturations);
		COMPARE(digest);
		COMPARE(magnitudes);
#undef COMPARE
	}
}

static void compare_state(struct device_pair *pair, int which, int *differences)
{
	struct qmac_device *device = pair->device[which];
	const char *kernel = qmac_device_kernel(device);
	const struct qmac_hw *hw = &pair->ref.hw;
	char place[80];

#define COMPARE(name, lower, timed, help) \
	if (!timed) \
		report(differences, kernel, "counter " #name, pair->ref.counters[QMAC_COUNTER_##name], \
		       pair_counter(device, QMAC_COUNTER_##name));
	QMAC_COUNTER_TABLE(COMPARE)
#undef COMPARE
	for (uint32_t m = 0; m < QMAC_MONITORS; m++) {
		snprintf(place, sizeof place, "monitor %u", m);
		report(differences, kernel, place, pair->ref.monitors[m],
		       qmac_device_read(device, QMAC_MONITOR_BASE + 4 * m));
	}
	report(differences, kernel, "fault", pair->ref.fault, qmac_device_read(device, QMAC_REG_ERROR_CODE));
	report(differences, kernel, "command at fault", pair->ref.fault ? pair->ref.number : 0,
	       qmac_device_read(device, QMAC_REG_ERROR_COMMAND));
	for (unsigned space = 0; space < 4; space++)
		for (int64_t row = 0; row < ref_depth(hw, space); row++)
			for (int64_t lane = 0; lane < ref_width(hw, space); lane++) {
				uint64_t got = qmac_device_peek(device, space, (uint32_t)row, (uint32_t)lane);
				uint64_t expected = ref_peek(&pair->ref, space, row, lane);

				if (got == expected)
					continue;
				snprintf(place, sizeof place, "space %u row %d lane %d", space, (int)row, (int)lane);
				report(differences, kernel, place, expected, got);
			}
	for (uint64_t at = 0; at < pair->ref.memory_bytes; at++) {
		uint8_t got;

		qmac_device_read_memory(device, at, &got, 1);
		if (got == pair->ref.memory[at])
			continue;
		snprintf(place, sizeof place, "memory at %" PRIu64, at);
		report(differences, kernel, place, pair->ref.memory[at], got);
	}
}

int pair_differences(struct device_pair *pair)
{
	int differences = 0;

	for (int i = 0; i < PAIR_DEVICES; i++) {
		compare_records(pair, i, &differences);
		compare_state(pair, i, &differences);
	}
	return differences;
}
