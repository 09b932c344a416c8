/* The C model of the device: registers, ring, errors, interrupts. Random programs: test_program.c. */
#include "device/device.h"

#include <stdio.h>
#include <string.h>

#include "isa/command.h"
#include "reference/device_pair.h"
#include "test.h"

/* Memory of the directed tests: window from BASE, ring at RING, the rest is data. */
enum { BASE = 4096, SIZE = 12288, RING = BASE + SIZE - 1024, RING_LOG2 = 4, DATA = 8192, ENOUGH = 1 << 30 };

static const struct qmac_hw small = {
	.rows = 4, .cols = 6, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .acc_overflow = QMAC_OVERFLOW_SATURATE,
	.os_max = 256, .a_depth = 16, .w_depth = 18, .acc_depth = 20, .bus_bytes = 8, .burst_beats = 16,
	.outstanding = 4, .queue_depth = 4, .lut_bits = 5, .lut_ports = 2, .zero_gating = 1, .clock_mhz = 500,
	.dram_latency = 20, .dram_bytes_per_cycle = 2048, .dram_banks = 8, .dram_row_bytes = 2048,
};

struct rig {
	struct qmac_device *device;
	struct pair_log log;
	uint32_t words[PAIR_COMMANDS][QMAC_COMMAND_WORDS];
	uint32_t count;
};

static void log_retire(void *context, const struct qmac_retire *record)
{
	struct pair_log *log = context;

	if (log->count < PAIR_COMMANDS)
		log->record[log->count++] = *record;
}

static bool rig_open(struct rig *rig)
{
	const struct qmac_device_options options = {.memory_bytes = BASE + SIZE,
	                                            .digests = true,
	                                            .on_retire = log_retire,
	                                            .context = &rig->log};
	struct qmac_error err;

	memset(rig, 0, sizeof *rig);
	CU_ASSERT_EQUAL(qmac_device_create(&small, &options, &rig->device, &err), QMAC_OK);
	if (!rig->device)
		return false;
	pair_set_up(rig->device, BASE, SIZE, RING, RING_LOG2);
	return true;
}

static void rig_add(struct rig *rig, const struct qmac_command *command)
{
	qmac_command_encode(command, rig->words[rig->count++]);
}

/* Sends what was added, without running. */
static void rig_ring(struct rig *rig, uint32_t tail)
{
	uint8_t bytes[QMAC_COMMAND_BYTES];

	for (uint32_t i = 0; i < rig->count; i++) {
		qmac_command_pack(rig->words[i], bytes);
		qmac_device_write_memory(rig->device, RING + i * QMAC_COMMAND_BYTES, bytes, sizeof bytes);
	}
	qmac_device_write(rig->device, QMAC_REG_RING_TAIL, tail);
}

static void rig_send(struct rig *rig)
{
	pair_submit(rig->device, RING, RING_LOG2, rig->words, rig->count, ENOUGH);
	rig->count = 0;
}

/* ACC row `row` = value in every lane; ACC row 19 must be zero. */
static struct qmac_command put(uint32_t row, int32_t value)
{
	const struct qmac_command command = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_IMM, .dst = row, .src0 = 19, .imm = value, .n0 = 1, .n1 = 1, .mult = 1,
			.bw = 32,
		.lanes = 6, .tag = row + 100,
	};

	return command;
}

/* One row of `len` 16-bit elements between address and ACC or A row 0. */
static struct qmac_command move(uint32_t opcode, uint32_t space, uint64_t address, uint32_t len)
{
	const struct qmac_command command = {
		.opcode = opcode, .base = address, .n0 = 1, .n1 = 1, .n2 = 1, .len = len, .space = space,
		.container = QMAC_CONTAINER_HALF, .is_signed = 1, .nbits = space == QMAC_SPACE_A ? 8 : 0,
	};

	return command;
}

static int64_t acc(const struct rig *rig, uint32_t row)
{
	return (int64_t)qmac_device_peek(rig->device, QMAC_SPACE_ACC, row, 5);
}

static uint32_t reg(const struct rig *rig, uint32_t offset)
{
	return qmac_device_read(rig->device, offset);
}

static void test_identity(void)
{
	static const uint32_t expected[][2] = {
		{QMAC_REG_MAGIC, 0x43414D51}, {QMAC_REG_REVISION, 2}, {QMAC_REG_SHAPE, 4 | 6 << 8},
		{QMAC_REG_WIDTHS, 8 | 8 << 8 | 32 << 16 | 1 << 24}, {QMAC_REG_A_DEPTH, 16}, {QMAC_REG_W_DEPTH, 18},
		{QMAC_REG_ACC_DEPTH, 20}, {QMAC_REG_OS_MAX, 256}, {QMAC_REG_BUS, 8 | 4 << 8 | 16 << 16},
		{QMAC_REG_UNITS, 4 | 5 << 8 | 2 << 16 | 1 << 28}, {QMAC_REG_CONTROL, 0}, {QMAC_REG_STATUS, 0},
		{QMAC_REG_ERROR_CODE, 0}, {QMAC_REG_RING_HEAD, 0}, {0x0FC, 0}, {0x1FC, 0},
		{QMAC_MONITOR_BASE, 0}, {QMAC_MONITOR_BASE + 4 * QMAC_MONITORS, 0}, {0xFFFFFFFC, 0},
	};
	struct rig rig;

	if (!rig_open(&rig))
		return;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
			CU_ASSERT_EQUAL(reg(&rig, expected[i][0]), expected[i][1]);
			qmac_device_write(rig.device, expected[i][0], 0xFFFFFFFE); /* not writable */
		}
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_MEM_BASE_LO), BASE);
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_MEM_SIZE_LO), SIZE);
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_RING_BASE_LO), RING);
	qmac_device_write(rig.device, QMAC_REG_MEM_SIZE_HI, 0xFFFFFFFF);
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_MEM_SIZE_HI), 0xFFFF); /* 48 bits */
	qmac_device_destroy(rig.device);
}

/* (1 2; 3 -4) (5 -6; 7 8) by hand, with the digests computed outside this project's code. */
static void test_known_product(void)
{
	static const int8_t a[4] = {1, 2, 3, -4}, w[4] = {5, -6, 7, 8};
	static const int16_t product[4] = {19, 10, -13, -50};
	struct qmac_command load = {
		.opcode = QMAC_OPCODE_LOAD, .base = DATA, .s0 = 2, .n0 = 2, .n1 = 1, .n2 = 1, .len = 2, .hi0 = 1,
		.ds0 = 1, .is_signed = 1, .space = QMAC_SPACE_A, .nbits = 8,
	};
	const struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .n0 = 2, .n1 = 1, .n2 = 1, .as0 = 1, .cs0 = 1, .k = 2, .n = 2,
		.wait_mask = 1, .wait_load = 2,
	};
	struct qmac_command store = {
		.opcode = QMAC_OPCODE_STORE, .base = DATA, .s0 = 4, .n0 = 2, .n1 = 1, .n2 = 1, .len = 2, .hi0 = 1,
		.ds0 = 1, .is_signed = 1, .space = QMAC_SPACE_ACC, .container = QMAC_CONTAINER_HALF, .wait_mask = 2,
		.wait_exec = 1,
	};
	struct rig rig;
	uint8_t data[8];

	if (!rig_open(&rig))
		return;
	qmac_device_write_memory(rig.device, DATA, a, sizeof a);
	qmac_device_write_memory(rig.device, DATA + 4, w, sizeof w);
	rig_add(&rig, &load);
	load.base += 4;
	load.space = QMAC_SPACE_W;
	rig_add(&rig, &load);
	rig_add(&rig, &gemm);
	rig_add(&rig, &store);
	rig_send(&rig);
	qmac_device_read_memory(rig.device, DATA, data, sizeof data);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL((int16_t)(data[2 * i] | data[2 * i + 1] << 8), product[i]);
	CU_ASSERT_EQUAL(rig.log.count, 4);
	CU_ASSERT_EQUAL(rig.log.record[0].digest, 0xFC009089D5AC3583);
	CU_ASSERT_EQUAL(rig.log.record[2].digest, 0x6417254DAC86EC46);
	CU_ASSERT_EQUAL(rig.log.record[3].digest, 0x468BBA0F0244E58C);
	CU_ASSERT_EQUAL(pair_counter(rig.device, QMAC_COUNTER_MACS), 8);
	qmac_device_destroy(rig.device);
}

static void check_stopped(struct rig *rig, uint32_t code, uint32_t number)
{
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_STATUS), QMAC_STATUS_ERROR);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_ERROR_CODE), code);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_ERROR_COMMAND), number);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_IRQ_STATUS), QMAC_IRQ_ERROR);
}

static void check_fresh(struct rig *rig)
{
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_STATUS), 0);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_ERROR_CODE), 0);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_ERROR_COMMAND), 0);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_IRQ_STATUS), 0);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_RING_HEAD), 0);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_RING_TAIL), 0);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_MEM_BASE_LO), BASE);
	CU_ASSERT_EQUAL(reg(rig, QMAC_REG_MEM_SIZE_LO), SIZE);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		CU_ASSERT_EQUAL(pair_counter(rig->device, i), 0);
}

/* A fault between two good commands, for every code; then a reset, after which all is well. */
static void test_error_stops(void)
{
	struct qmac_command bad[QMAC_FAULT_ADDRESS + 1];
	struct rig rig;

	for (unsigned code = QMAC_FAULT_OPCODE; code <= QMAC_FAULT_ADDRESS; code++)
		bad[code] = put(4, 9);
	bad[QMAC_FAULT_OPCODE].op = 31;
	bad[QMAC_FAULT_RESERVED].lut_n = 1;
	bad[QMAC_FAULT_WIDTH].bw = 33;
	bad[QMAC_FAULT_RANGE].dst = 20;
	bad[QMAC_FAULT_ALIGN] = move(QMAC_OPCODE_LOAD, QMAC_SPACE_A, DATA + 1, 4);
	bad[QMAC_FAULT_ORDER].wait_mask = 2;
	bad[QMAC_FAULT_ORDER].wait_exec = 2;
	bad[QMAC_FAULT_HAZARD].n0 = 2;
	bad[QMAC_FAULT_ADDRESS] = move(QMAC_OPCODE_STORE, QMAC_SPACE_ACC, BASE - 2, 4);
	if (!rig_open(&rig))
		return;
	for (unsigned code = QMAC_FAULT_OPCODE; code <= QMAC_FAULT_ADDRESS; code++) {
		struct qmac_command first = put(0, (int32_t)code), last = put(1, 7);

		rig_add(&rig, &first);
		rig_add(&rig, &bad[code]);
		rig_add(&rig, &last);
		rig_send(&rig);
		check_stopped(&rig, code, 1);
		CU_ASSERT_EQUAL(acc(&rig, 0), code);
		CU_ASSERT_EQUAL(acc(&rig, 1), 0);
		CU_ASSERT_EQUAL(acc(&rig, 4), 0);
		CU_ASSERT_EQUAL(pair_counter(rig.device, QMAC_COUNTER_COMMANDS), 1);
		rig_add(&rig, &last); /* another doorbell changes nothing */
		rig_send(&rig);
		check_stopped(&rig, code, 1);
		CU_ASSERT_EQUAL(acc(&rig, 1), 0);
		qmac_device_write(rig.device, QMAC_REG_CONTROL, 0);
		check_stopped(&rig, code, 1);
		qmac_device_write(rig.device, QMAC_REG_CONTROL, 1);
		check_fresh(&rig);
		CU_ASSERT_EQUAL(acc(&rig, 0), code); /* scratchpads survive */
		pair_set_up(rig.device, BASE, SIZE, RING, RING_LOG2);
		rig.log.count = 0;
	}
	qmac_device_destroy(rig.device);
}

static void test_ring_faults(void)
{
	static const struct {
		uint64_t base;
		uint32_t log2, tail, fault;
	} cases[] = {
		{RING, 0, 1, QMAC_FAULT_RING}, {RING, 16, 1, QMAC_FAULT_RING}, {RING, 0xFFFFFFFF, 1, QMAC_FAULT_RING},
		{RING + 4, 4, 1, QMAC_FAULT_RING}, {RING + 32, 3, 1, QMAC_FAULT_RING},
		{BASE - 64, 4, 1, QMAC_FAULT_RING}, {BASE + SIZE, 4, 1, QMAC_FAULT_RING},
		{RING + 64, 4, 1, QMAC_FAULT_RING}, {0xFFFFFFFFFFC0, 4, 1, QMAC_FAULT_RING},
		{RING, 4, 17, QMAC_FAULT_RING}, {RING, 4, 0xFFFFFFFF, QMAC_FAULT_RING}, {RING, 4, 16, 0},
		{RING + 896, 1, 2, 0}, {BASE, 4, 1, 0},
	};
	struct qmac_command command = put(0, 5);
	uint8_t bytes[16 * QMAC_COMMAND_BYTES];
	struct rig rig;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0] && rig_open(&rig); i++) {
		while (rig.count < 16)
			rig_add(&rig, &command);
		rig_ring(&rig, 0);
		qmac_device_read_memory(rig.device, RING, bytes, sizeof bytes);
		qmac_device_write_memory(rig.device, BASE, bytes, sizeof bytes);
		pair_set_up(rig.device, BASE, SIZE, cases[i].base, cases[i].log2);
		qmac_device_write(rig.device, QMAC_REG_RING_TAIL, cases[i].tail);
		CU_ASSERT_TRUE(qmac_device_run(rig.device, ENOUGH));
		CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_ERROR_CODE), cases[i].fault);
		CU_ASSERT_EQUAL(acc(&rig, 0), cases[i].fault ? 0 : 5);
		CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_IRQ_STATUS), cases[i].fault ? QMAC_IRQ_ERROR : 0);
		CU_ASSERT_EQUAL(pair_counter(rig.device, QMAC_COUNTER_COMMANDS), cases[i].fault ? 0 : cases[i].tail);
		qmac_device_destroy(rig.device);
	}
}

/* A memory window that is larger than the memory: the bus answers with an error. */
static void test_bus(void)
{
	struct qmac_command first = put(0, 5), last = put(1, 5);
	struct rig rig;

	for (int way = 0; way < 4 && rig_open(&rig); way++) {
		struct qmac_command beyond =
			move(way == 1 ? QMAC_OPCODE_STORE : QMAC_OPCODE_LOAD, way == 1 ? QMAC_SPACE_ACC : QMAC_SPACE_A,
		             way == 2 ? 0xFFFFFFFFFFF0 : BASE + SIZE - 2, 4);

		rig_add(&rig, &first);
		rig_add(&rig, &beyond);
		rig_add(&rig, &last);
		rig_ring(&rig, 0);
		pair_set_up(rig.device, BASE, 0xFFFFFFFFFFFF - BASE, way == 3 ? BASE + SIZE : RING, RING_LOG2);
		qmac_device_write(rig.device, QMAC_REG_RING_TAIL, 3);
		CU_ASSERT_TRUE(qmac_device_run(rig.device, ENOUGH));
		check_stopped(&rig, QMAC_FAULT_BUS, way == 3 ? 0 : 1);
		CU_ASSERT_EQUAL(acc(&rig, 0), way == 3 ? 0 : 5);
		CU_ASSERT_EQUAL(acc(&rig, 1), 0);
		qmac_device_destroy(rig.device);
	}
}

static void test_interrupts(void)
{
	const struct qmac_command sync = {.opcode = QMAC_OPCODE_SYNC, .irq = 1};
	struct qmac_command after = put(0, 5);
	struct rig rig;

	if (!rig_open(&rig))
		return;
	rig_add(&rig, &sync);
	rig_add(&rig, &after);
	rig_ring(&rig, 0);
	qmac_device_write(rig.device, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC);
	qmac_device_write(rig.device, QMAC_REG_RING_TAIL, 2);
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_STATUS), QMAC_STATUS_BUSY);
	CU_ASSERT_FALSE(qmac_device_irq(rig.device));
	CU_ASSERT_TRUE(qmac_device_run(rig.device, ENOUGH));
	CU_ASSERT_TRUE(qmac_device_irq(rig.device));
	CU_ASSERT_EQUAL(rig.log.count, 1); /* the run ended at the interrupt */
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_IRQ_STATUS), QMAC_IRQ_SYNC);
	qmac_device_write(rig.device, QMAC_REG_IRQ_STATUS, QMAC_IRQ_ERROR); /* clears the other bit only */
	CU_ASSERT_TRUE(qmac_device_irq(rig.device));
	qmac_device_write(rig.device, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
	CU_ASSERT_FALSE(qmac_device_irq(rig.device));
	CU_ASSERT_TRUE(qmac_device_run(rig.device, ENOUGH));
	CU_ASSERT_EQUAL(acc(&rig, 0), 5);
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_STATUS), 0);
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_RING_HEAD), 2);
	/* Not enabled: raised, but not driven, and the device goes on by itself. */
	qmac_device_write(rig.device, QMAC_REG_IRQ_ENABLE, 0);
	rig.count = 0;
	rig_add(&rig, &sync);
	after = put(0, 6);
	rig_add(&rig, &after);
	rig_send(&rig);
	CU_ASSERT_EQUAL(acc(&rig, 0), 6);
	CU_ASSERT_FALSE(qmac_device_irq(rig.device));
	qmac_device_write(rig.device, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC);
	CU_ASSERT_TRUE(qmac_device_irq(rig.device));
	qmac_device_destroy(rig.device);
}

static uint64_t stamp(const struct rig *rig)
{
	return reg(rig, QMAC_REG_STAMP_LO) | (uint64_t)reg(rig, QMAC_REG_STAMP_HI) << 32;
}

/* STAMP, and HEAD and TAIL on a ring of two descriptors that wraps at every batch. */
static void test_stamp_and_pointers(void)
{
	struct qmac_command work = put(0, 3), sync = {.opcode = QMAC_OPCODE_SYNC, .stamp = 1};
	uint64_t before = 0;
	struct rig rig;

	if (!rig_open(&rig))
		return;
	pair_set_up(rig.device, BASE, SIZE, RING, 1);
	for (uint32_t i = 0; i < 6; i++) {
		sync.stamp = i != 5;
		qmac_command_encode(&work, rig.words[0]);
		qmac_command_encode(&sync, rig.words[1]);
		pair_submit(rig.device, RING, 1, rig.words, 2, ENOUGH);
		CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_RING_HEAD), 2 * i + 2);
		CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_RING_TAIL), 2 * i + 2);
		CU_ASSERT_EQUAL(rig.log.record[2 * i].number, 2 * i);
		CU_ASSERT_EQUAL(rig.log.record[2 * i].tag, 100);
		if (sync.stamp)
			CU_ASSERT_EQUAL(stamp(&rig), rig.log.record[2 * i + 1].cycle);
		CU_ASSERT_TRUE(sync.stamp ? stamp(&rig) > before : stamp(&rig) == before);
		before = stamp(&rig);
	}
	qmac_device_destroy(rig.device);
}

static void test_create(void)
{
	struct qmac_device_options options = {.memory_bytes = BASE + SIZE, .kernel = "quantum"};
	const struct qmac_command command = put(0, 3);
	struct rig rig = {.device = NULL};
	struct qmac_error err;

	qmac_device_destroy(NULL);
	CU_ASSERT_EQUAL(qmac_device_create(&small, &options, &rig.device, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "quantum"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "scalar"));
	CU_ASSERT_PTR_NULL(rig.device);
	/* Without digests they are 0; without a memory window not even the ring can be read. */
	options = (struct qmac_device_options){.memory_bytes = BASE + SIZE, .kernel = "scalar",
	                                       .on_retire = log_retire, .context = &rig.log};
	CU_ASSERT_EQUAL(qmac_device_create(&small, &options, &rig.device, &err), QMAC_OK);
	if (!rig.device)
		return;
	CU_ASSERT_STRING_EQUAL(qmac_device_kernel(rig.device), "scalar");
	pair_set_up(rig.device, BASE, SIZE, RING, RING_LOG2);
	rig_add(&rig, &command);
	rig_send(&rig);
	CU_ASSERT_EQUAL(rig.log.record[0].digest, 0);
	CU_ASSERT_EQUAL(acc(&rig, 0), 3);
	pair_set_up(rig.device, BASE, 0, RING, RING_LOG2);
	rig_add(&rig, &command);
	rig_send(&rig);
	CU_ASSERT_EQUAL(reg(&rig, QMAC_REG_ERROR_CODE), QMAC_FAULT_RING);
	qmac_device_destroy(rig.device);
}

/*
 * A dot product whose bounds fit 64 bits only for few rows: products of 2^47 in 6 lanes, of which
 * 65,536 make 2^63. One row more saturates the sum in each lane.
 */
static void test_long_sum(void)
{
	struct qmac_command a = put(0, -(1 << 30)), b = put(1, -(1 << 17)), dot = put(2, 0);
	struct rig rig;

	if (!rig_open(&rig))
		return;
	a.bw = 31;
	b.bw = 18;
	dot = (struct qmac_command){.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MUL, .dspace = QMAC_SPACE_ACC,
	                            .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC, .dst = 2, .src1 = 1,
	                            .n1 = 1, .red_rows = 1, .red_lanes = 1, .shift = 40, .bw = 32, .lanes = 6};
	rig_add(&rig, &a);
	rig_add(&rig, &b);
	dot.n0 = 10922;
	rig_add(&rig, &dot);
	dot.n0 = 10923;
	dot.dst = 3;
	rig_add(&rig, &dot);
	rig_send(&rig);
	CU_ASSERT_EQUAL(acc(&rig, 2), 10922 * 6 * 128);
	CU_ASSERT_EQUAL(acc(&rig, 3), (1 << 23) - 1);
	CU_ASSERT_EQUAL(pair_counter(rig.device, QMAC_COUNTER_REQUANT_SATURATIONS), 6);
	qmac_device_destroy(rig.device);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"identity registers", test_identity},
		{"a product worked out by hand", test_known_product},
		{"errors stop the device", test_error_stops},
		{"unusable rings", test_ring_faults},
		{"memory that is not there", test_bus},
		{"interrupts", test_interrupts},
		{"stamp, head and tail", test_stamp_and_pointers},
		{"creation", test_create},
		{"a sum that just fits", test_long_sum},
	};

	return test_main("test_device", cases, TEST_COUNT(cases));
}
