#include "reference/kernel_rig.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isa/command.h"
#include "kernel/kernel.h"
#include "reference/device_pair.h"
#include "test.h"

enum { RING_LOG2 = 4, RING = KERNEL_RIG_DATA, PRINT_LIMIT = 6 };

static void on_retire(void *context, const struct qmac_retire *record)
{
	*(struct qmac_retire *)context = *record;
}

bool kernel_rig_open(struct kernel_rig *rig, const struct qmac_hw *hw)
{
	struct qmac_error err;
	bool complete = qmac_hw_check(hw, NULL, &err) == QMAC_OK;

	memset(rig, 0, sizeof *rig);
	for (const char *const *name = qmac_kernel_names(); complete && *name; name++)
		for (int digests = 0; complete && digests < 2; digests++) {
			int i = rig->devices++;

			assert(i < KERNEL_RIG_DEVICES);
			const struct qmac_device_options options = {.memory_bytes = KERNEL_RIG_BYTES, .kernel = *name,
			                                            .digests = digests, .on_retire = on_retire,
			                                            .context = &rig->last[i]};

			rig->digests[i] = digests;
			complete = qmac_device_create(hw, &options, &rig->device[i], &err) == QMAC_OK;
			if (complete)
				pair_set_up(rig->device[i], 0, KERNEL_RIG_BYTES, RING, RING_LOG2);
		}
	complete = ref_device_init(&rig->ref, hw, KERNEL_RIG_BYTES) && complete;
	CU_ASSERT_TRUE(complete);
	return complete;
}

void kernel_rig_close(struct kernel_rig *rig)
{
	for (int i = 0; i < rig->devices; i++)
		qmac_device_destroy(rig->device[i]);
	ref_device_free(&rig->ref);
}

void kernel_rig_put(struct kernel_rig *rig, unsigned space, int64_t row, int64_t lane, int64_t value)
{
	ref_poke(&rig->ref, space, row, lane, (uint64_t)value);
	for (int i = 0; i < rig->devices; i++)
		qmac_device_poke(rig->device[i], space, (uint32_t)row, (uint32_t)lane, (uint64_t)value);
}

void kernel_rig_fill(struct kernel_rig *rig, unsigned space, int64_t value)
{
	for (int64_t row = 0; row < ref_depth(&rig->ref.hw, space); row++)
		for (int64_t lane = 0; lane < ref_width(&rig->ref.hw, space); lane++)
			kernel_rig_put(rig, space, row, lane, value);
}

void kernel_rig_write(struct kernel_rig *rig, uint64_t address, const void *data, uint64_t bytes)
{
	assert(address + bytes <= KERNEL_RIG_DATA);
	memcpy(rig->ref.memory + address, data, bytes);
	for (int i = 0; i < rig->devices; i++)
		qmac_device_write_memory(rig->device[i], address, data, bytes);
}

void kernel_rig_reset(struct kernel_rig *rig)
{
	for (int i = 0; i < rig->devices; i++) {
		qmac_device_write(rig->device[i], QMAC_REG_CONTROL, 1);
		pair_set_up(rig->device[i], 0, KERNEL_RIG_BYTES, RING, RING_LOG2);
	}
	memset(rig->ref.counters, 0, sizeof rig->ref.counters);
	memset(rig->ref.monitors, 0, sizeof rig->ref.monitors);
	memset(rig->ref.dispatched, 0, sizeof rig->ref.dispatched);
	rig->ref.number = 0;
}

/* Counts, and prints the first few. */
static void report(const struct kernel_rig *rig, int i, int *differences, const char *what, uint64_t expected,
                   uint64_t got)
{
	if (expected == got)
		return;
	if (++*differences <= PRINT_LIMIT)
		printf("\n%s%s: %s: expected 0x%" PRIx64 " got 0x%" PRIx64 " ", qmac_device_kernel(rig->device[i]),
		       rig->digests[i] ? ", digests" : "", what, expected, got);
}

static void compare_space(const struct kernel_rig *rig, int i, unsigned space, int *differences)
{
	const struct qmac_hw *hw = &rig->ref.hw;
	char what[80];

	for (int64_t row = 0; row < ref_depth(hw, space); row++)
		for (int64_t lane = 0; lane < ref_width(hw, space); lane++) {
			uint64_t expected = ref_peek(&rig->ref, space, row, lane);
			uint64_t got = qmac_device_peek(rig->device[i], space, (uint32_t)row, (uint32_t)lane);

			if (expected == got)
				continue;
			snprintf(what, sizeof what, "space %u row %d lane %d", space, (int)row, (int)lane);
			report(rig, i, differences, what, expected, got);
		}
}

static void compare_memory(const struct kernel_rig *rig, int i, int *differences)
{
	uint8_t got[KERNEL_RIG_DATA];

	qmac_device_read_memory(rig->device[i], 0, got, sizeof got);
	for (size_t at = 0; memcmp(got, rig->ref.memory, sizeof got) != 0 && at < sizeof got; at++)
		report(rig, i, differences, "a byte of memory", rig->ref.memory[at], got[at]);
}

/* The space that a command writes; 4: none. */
static unsigned written_space(const struct qmac_command *c)
{
	switch (c->opcode) {
	case QMAC_OPCODE_LOAD:
		return c->space;
	case QMAC_OPCODE_GEMM:
		return QMAC_SPACE_ACC;
	case QMAC_OPCODE_VEC:
		return c->dspace;
	default:
		return 4;
	}
}

static void compare(const struct kernel_rig *rig, int i, const struct qmac_command *command,
                    const struct ref_record *expected, int *differences)
{
	const struct qmac_retire *got = &rig->last[i];

	report(rig, i, differences, "ACC saturations", expected->acc_saturations, got->acc_saturations);
	report(rig, i, differences, "requantise saturations", expected->requant_saturations,
	       got->requant_saturations);
	report(rig, i, differences, "container saturations", expected->container_saturations,
	       got->container_saturations);
	report(rig, i, differences, "magnitudes", expected->magnitudes, got->magnitudes);
	for (uint32_t m = 0; m < QMAC_MONITORS; m++)
		report(rig, i, differences, "a monitor", rig->ref.monitors[m],
		       qmac_device_read(rig->device[i], QMAC_MONITOR_BASE + 4 * m));
	report(rig, i, differences, "digest", rig->digests[i] ? expected->digest : 0, got->digest);
#define COMPARE(name, lower, timed, help) \
	if (!timed) \
		report(rig, i, differences, #name, rig->ref.counters[QMAC_COUNTER_##name], \
		       pair_counter(rig->device[i], QMAC_COUNTER_##name));
	QMAC_COUNTER_TABLE(COMPARE)
#undef COMPARE
	if (written_space(command) < 4)
		compare_space(rig, i, written_space(command), differences);
	if (command->opcode == QMAC_OPCODE_VEC && command->sum)
		compare_space(rig, i, QMAC_SPACE_ACC, differences);
	compare_memory(rig, i, differences);
}

struct ref_record kernel_rig_execute(struct kernel_rig *rig, const struct qmac_command *command)
{
	const struct qmac_hw *hw = &rig->ref.hw;
	uint32_t words[1][QMAC_COMMAND_WORDS];
	struct ref_record expected;
	int differences = 0;
	char text[1024];

	qmac_command_encode(command, words[0]);
	CU_ASSERT_TRUE(ref_execute(&rig->ref, words[0], &expected));
	for (int i = 0; i < rig->devices; i++) {
		pair_submit(rig->device[i], RING, RING_LOG2, words, 1, 1 << 30);
		compare(rig, i, command, &expected, &differences);
	}
	if (rig->ref.fault)
		printf("\nrefused for %s ", qmac_code_name("FAULT", rig->ref.fault));
	if (differences || rig->ref.fault) {
		printf("\n%dx%d, a %d w %d acc %d bits: %s ", hw->rows, hw->cols, hw->a_bits, hw->w_bits,
		       hw->acc_bits, qmac_command_text(command, text, sizeof text));
		CU_FAIL("devices and reference differ");
		rig->failures++;
	}
	return expected;
}

static void put_words(struct kernel_rig *rig, uint64_t address, const int64_t *words, int count)
{
	uint8_t bytes[8];

	for (int i = 0; i < count; i++, address += 8) {
		for (int b = 0; b < 8; b++)
			bytes[b] = (uint8_t)((uint64_t)words[i] >> 8 * b);
		kernel_rig_write(rig, address, bytes, sizeof bytes);
	}
}

void kernel_rig_load_rows(struct kernel_rig *rig, uint32_t row, uint32_t rows, uint32_t step, int64_t value)
{
	const struct qmac_command load = {
		.opcode = QMAC_OPCODE_LOAD, .space = QMAC_SPACE_ACC, .container = QMAC_CONTAINER_DOUBLE,
		.is_signed = 1, .base = 4096, .row = row, .n0 = rows, .n1 = 1, .n2 = 1, .hi0 = rows - 1, .ds0 = step,
		.len = (uint32_t)rig->ref.hw.cols,
	};
	int64_t words[64];

	for (int j = 0; j < rig->ref.hw.cols; j++)
		words[j] = value;
	put_words(rig, 4096, words, rig->ref.hw.cols);
	kernel_rig_execute(rig, &load);
}
