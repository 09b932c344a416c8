/*
 * The device without values: checks, faults, counts and time are those of the whole C model; nothing but
 * the ring is kept. And the device whose time is found on a second thread: there is no difference.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "driver/driver.h"
#include "fuzz/commands.h"
#include "fuzz/damage.h"
#include "fuzz/hardware.h"
#include "test.h"

enum { COMMANDS = 120, STREAMS = 60, RING_LOG2 = 4, RING = 1 << RING_LOG2, RING_BASE = 4096, DATA_BASE = 8192,
       DATA_BYTES = 16384 };

struct log {
	int count;
	struct qmac_retire record[COMMANDS];
};

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct log *log = context;

	if (log->count < COMMANDS)
		log->record[log->count] = *record;
	log->count++;
}

/* ---- devices: whole, without values, with a thread for time --------------------------------------- */

enum { WHOLE, TIME, BESIDE, DEVICES };

struct devices {
	struct qmac_backend *backend[DEVICES];
	struct log log[DEVICES];
};

static void write_all(struct devices *devices, uint32_t offset, uint32_t value)
{
	for (int i = 0; i < DEVICES; i++)
		devices->backend[i]->operations->write(devices->backend[i], offset, value);
}

/* The memory that is there may end before the window does: then commands meet bus errors. */
static void open_all(struct devices *devices, const struct qmac_hw *hw, uint64_t memory_bytes)
{
	static const char *const names[DEVICES] = {"cmodel", "time", "cmodel"};
	struct qmac_error err;

	memset(devices, 0, sizeof *devices);
	for (int i = 0; i < DEVICES; i++) {
		const struct qmac_device_options options = {
			.memory_bytes = memory_bytes, .threads = i == BESIDE ? 2 : 1, .on_retire = on_retire,
			.context = &devices->log[i],
		};

		CU_ASSERT_EQUAL_FATAL(qmac_backend_create(names[i], hw, &options, &devices->backend[i], &err),
		                      QMAC_OK);
		CU_ASSERT_STRING_EQUAL(devices->backend[i]->operations->name, names[i]);
	}
	write_all(devices, QMAC_REG_MEM_SIZE_LO, DATA_BASE + DATA_BYTES);
	write_all(devices, QMAC_REG_RING_BASE_LO, RING_BASE);
	write_all(devices, QMAC_REG_RING_LOG2, RING_LOG2);
	write_all(devices, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC);
}

static void close_all(struct devices *devices)
{
	for (int i = 0; i < DEVICES; i++)
		qmac_backend_destroy(devices->backend[i]);
}

/* Commands in bits and pieces, as many at a time as the ring has places, each time run to the end. */
static void run_all(struct devices *devices, uint64_t *rng, uint32_t words[COMMANDS][QMAC_COMMAND_WORDS])
{
	struct qmac_error err;

	for (uint32_t tail = 0; tail < COMMANDS;) {
		uint32_t more = (uint32_t)test_between(rng, 1, RING);

		for (; more && tail < COMMANDS; more--, tail++)
			for (int i = 0; i < DEVICES; i++)
				qmac_backend_write_command(devices->backend[i],
				                           RING_BASE + (uint64_t)(tail % RING) * QMAC_COMMAND_BYTES,
				                           words[tail]);
		write_all(devices, QMAC_REG_RING_TAIL, tail);
		for (int i = 0; i < DEVICES; i++) {
			struct qmac_backend *backend = devices->backend[i];
			bool raised;

			do {
				backend->operations->write(backend, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
				CU_ASSERT_EQUAL(backend->operations->wait(backend, QMAC_PATIENCE_CYCLES, &raised, &err),
				                QMAC_OK);
			} while (raised);
		}
	}
}

static bool depends_on_data(uint32_t offset)
{
#define DATA(name, lower) \
	if ((offset - QMAC_COUNTER_BASE) / 8 == QMAC_COUNTER_##name) \
		return true;
	QMAC_DATA_COUNTER_TABLE(DATA)
#undef DATA
	return false;
}

/* Registers and counters of device i that are not those of the whole one. */
static int registers_differ(struct devices *devices, int i)
{
	struct qmac_backend *whole = devices->backend[WHOLE], *other = devices->backend[i];
	int count = 0;

	for (uint32_t offset = 0; offset < QMAC_COUNTER_BASE + 8 * QMAC_COUNTERS; offset += 4) {
		bool unknown = i == TIME && depends_on_data(offset);
		uint32_t wanted = unknown ? 0 : whole->operations->read(whole, offset);

		if (other->operations->read(other, offset) != wanted) {
			printf("\ndevice %d, register 0x%03" PRIx32 ": %" PRIu32 ", expected %" PRIu32 " ", i, offset,
			       other->operations->read(other, offset), wanted);
			count++;
		}
	}
	return count;
}

static int differences(struct devices *devices)
{
	int count = 0;

	for (int i = 0; i < DEVICES; i++)
		count += registers_differ(devices, i) + (devices->log[i].count != devices->log[WHOLE].count);
	for (int i = 0; i < devices->log[WHOLE].count && i < COMMANDS; i++) {
		struct qmac_retire wanted = devices->log[WHOLE].record[i], got = devices->log[TIME].record[i];

		count += got.number != wanted.number || got.engine != wanted.engine || got.opcode != wanted.opcode ||
		         got.tag != wanted.tag || got.start != wanted.start || got.cycle != wanted.cycle ||
		         got.acc_saturations || got.requant_saturations || got.container_saturations || got.digest;
		count += memcmp(&devices->log[BESIDE].record[i], &wanted, sizeof wanted) != 0;
	}
	return count;
}

/* One random program on random hardware; returns the fault that it ended with. */
static unsigned run_stream(uint64_t *rng, bool damage, uint64_t memory_bytes)
{
	struct qmac_fuzz_program program = {
		.rng = test_random(rng), .data_base = DATA_BASE, .data_bytes = DATA_BYTES,
	};
	static uint32_t words[COMMANDS][QMAC_COMMAND_WORDS];
	uint64_t seed = program.rng;
	static struct devices devices;
	unsigned fault;
	int different;

	qmac_fuzz_hw(&program.rng, &program.hw);
	open_all(&devices, &program.hw, memory_bytes);
	for (int i = 0; i < COMMANDS; i++) {
		struct qmac_command command;

		qmac_fuzz_command(&program, &command);
		qmac_command_encode(&command, words[i]);
	}
	if (damage)
		qmac_fuzz_damage(rng, words[test_between(rng, 0, COMMANDS - 1)]);
	run_all(&devices, rng, words);
	different = differences(&devices);
	if (different)
		printf("in the stream of seed 0x%" PRIx64 " ", seed);
	CU_ASSERT_EQUAL(different, 0);
	fault = devices.backend[TIME]->operations->read(devices.backend[TIME], QMAC_REG_ERROR_CODE);
	close_all(&devices);
	return fault;
}

static void test_streams(void)
{
	uint64_t rng = test_seed();

	for (int i = 0; i < STREAMS; i++)
		CU_ASSERT_EQUAL(run_stream(&rng, false, DATA_BASE + DATA_BYTES), QMAC_FAULT_NONE);
}

static void test_faults(void)
{
	uint64_t rng = test_seed() + 1;
	int refused = 0, beyond = 0;

	for (int i = 0; i < STREAMS; i++) {
		refused += run_stream(&rng, true, DATA_BASE + DATA_BYTES) != QMAC_FAULT_NONE;
		beyond += run_stream(&rng, false, DATA_BASE + DATA_BYTES / 2) == QMAC_FAULT_BUS;
	}
	CU_ASSERT(refused > STREAMS / 4);
	CU_ASSERT(beyond > STREAMS / 4);
}

/* ---- what is kept ------------------------------------------------------------------------------- */

static const struct qmac_hw plain_hw = {
	.rows = 4, .cols = 4, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 256, .a_depth = 64,
	.w_depth = 64, .acc_depth = 64, .bus_bytes = 8, .burst_beats = 16, .outstanding = 2, .queue_depth = 2,
	.lut_bits = 4, .lut_ports = 1, .clock_mhz = 500, .dram_latency = 10, .dram_bytes_per_cycle = 8 * 256,
	.dram_banks = 4,
	.dram_row_bytes = 2048, .dram_miss = 5, .dram_turnaround = 2,
};

/* Of the memory the ring alone, at both of its ends; of the scratchpads nothing. */
static void test_ring_is_kept(void)
{
	enum { BYTES = 64 << RING_LOG2, AROUND = 100 };
	uint8_t data[BYTES + 2 * AROUND], back[BYTES + 2 * AROUND];
	struct devices devices;
	struct qmac_backend *time;

	open_all(&devices, &plain_hw, DATA_BASE + DATA_BYTES);
	time = devices.backend[TIME];
	memset(data, 0x5A, sizeof data);
	time->operations->write_memory(time, RING_BASE - AROUND, data, sizeof data);
	memset(back, 1, sizeof back);
	time->operations->read_memory(time, RING_BASE - AROUND, back, sizeof back);
	for (int i = 0; i < BYTES + 2 * AROUND; i++)
		CU_ASSERT_EQUAL(back[i], i >= AROUND && i < AROUND + BYTES ? 0x5A : 0);
	time->operations->read_memory(time, RING_BASE + BYTES, back, AROUND);
	CU_ASSERT_EQUAL(back[0], 0);
	time->operations->write_memory(time, RING_BASE + 3, "x", 1);
	time->operations->read_memory(time, RING_BASE + 2, back, 3);
	CU_ASSERT_EQUAL(memcmp(back, "Zx" "Z", 3), 0);
	time->operations->poke(time, QMAC_SPACE_ACC, 3, 1, 99);
	CU_ASSERT_EQUAL(time->operations->peek(time, QMAC_SPACE_ACC, 3, 1), 0);
	close_all(&devices);
}

/* A terabyte of memory costs nothing, and buffers in it are read as zeros. */
static void test_vast_memory(void)
{
	const struct qmac_device_options options = {.memory_bytes = 1ULL << 40};
	struct qmac_backend *backend = NULL;
	struct qmac_driver *driver = NULL;
	struct qmac_buffer buffer;
	struct qmac_error err;
	struct qmac_command load = {
		.opcode = QMAC_OPCODE_LOAD, .space = QMAC_SPACE_ACC, .container = QMAC_CONTAINER_WORD, .is_signed = 1,
		.len = 4, .n0 = 8, .n1 = 1, .n2 = 1, .hi0 = 7, .s0 = 16, .ds0 = 1,
	};
	uint64_t counters[QMAC_COUNTERS];
	uint8_t back[16];

	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("time", &plain_hw, &options, &backend, &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(backend, &plain_hw, 5, &driver, &err), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_driver_allocate(driver, 1 << 20, &buffer, &err), QMAC_OK);
	buffer = (struct qmac_buffer){(1ULL << 40) - 4096, 4096};
	qmac_driver_upload(driver, buffer, 0, "sixteen letters", 16);
	load.base = buffer.address;
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(qmac_driver_submit(driver, &load, &err), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_driver_finish(driver, &err), QMAC_OK);
	qmac_driver_download(driver, buffer, 0, back, sizeof back);
	CU_ASSERT_EQUAL(back[0], 0);
	qmac_driver_counters(driver, counters);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_DRAM_READ_BYTES], 100 * 8 * 16);
	CU_ASSERT(counters[QMAC_COUNTER_CYCLES] > 100 * 16);
	CU_ASSERT_EQUAL(qmac_driver_host_bytes(driver), 16 + 16 + counters[QMAC_COUNTER_COMMANDS] * 64);
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random programs: registers and retire records of the whole model", test_streams},
		{"refused commands and bus errors", test_faults},
		{"the ring is kept, nothing else", test_ring_is_kept},
		{"a terabyte of memory", test_vast_memory},
	};

	return test_main("test_time_only", cases, TEST_COUNT(cases));
}
