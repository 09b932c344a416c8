/*
 * Bus errors of the whole device: a LOAD or STORE that reaches beyond the memory that is really there, or
 * lies wholly beyond it, stops the device with BUS; nothing behind it starts, and no byte changes but its
 * own.
 *
 * QMAC_TEST_BACKEND names the backend, cmodel where it is not set; tests/lockstep.sh takes rtl and lockstep.
 */
#include <stdlib.h>
#include <string.h>

#include "cosim/open.h"
#include "isa/command.h"
#include "test.h"
#include "trace/trace.h"

/*
 * Memory ends at END; the window is twice as large. ROWS rows of LANES doubles are in DATA, and in ACC; a
 * STORE at fault would write them to where it straddles the end or to FAR.
 */
enum { END = 12296, FAR = 16384, RING = 4096, RING_LOG2 = 4, DATA = 8192, GOOD = 9216, BEHIND = 10240,
       ROWS = 16, LANES = 7, ROW_BYTES = 8 * LANES, STRADDLE = END - 9 * ROW_BYTES - 16, COMMANDS = 7 };
/* Commands: rows into ACC; a STORE that is well; the one at fault; three that wait for it; a SYNC. */
enum { FILL, WELL, FAULTY, STORE_BEHIND, LOAD_BEHIND, VEC_BEHIND, SYNC_BEHIND };

/* That of traces/mix_5x7.trace. */
static const struct qmac_hw hw = {
	.rows = 5, .cols = LANES, .a_bits = 6, .w_bits = 9, .acc_bits = 16,
	.acc_overflow = QMAC_OVERFLOW_SATURATE, .os_max = 256, .a_depth = 32, .w_depth = 34, .acc_depth = 36,
	.bus_bytes = 8, .burst_beats = 5, .outstanding = 3, .queue_depth = 2, .lut_bits = 5, .lut_ports = 3,
	.zero_gating = 1, .clock_mhz = 500, .dram_latency = 17, .dram_bytes_per_cycle = 1408, .dram_banks = 4,
	.dram_row_bytes = 1024, .dram_miss = 9, .dram_turnaround = 3,
};

struct host {
	struct qmac_backend *backend;
	bool retired[COMMANDS];
	unsigned records;
};

static const char *backend_name(void)
{
	const char *name = getenv("QMAC_TEST_BACKEND");

	return name ? name : "cmodel";
}

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct host *h = context;

	h->records++;
	if (record->number < COMMANDS)
		h->retired[record->number] = true;
}

static uint32_t read_register(struct host *h, uint32_t offset)
{
	return h->backend->operations->read(h->backend, offset);
}

static void write_register(struct host *h, uint32_t offset, uint32_t value)
{
	h->backend->operations->write(h->backend, offset, value);
}

static void read_memory(struct host *h, uint64_t address, void *data, uint64_t bytes)
{
	h->backend->operations->read_memory(h->backend, address, data, bytes);
}

static struct qmac_device_options options_of(struct host *h)
{
	return (struct qmac_device_options){
		.memory_bytes = END, .digests = true, .on_retire = on_retire, .context = h,
	};
}

static void reset(struct host *h)
{
	write_register(h, QMAC_REG_CONTROL, 1);
	write_register(h, QMAC_REG_MEM_SIZE_LO, 2 * FAR);
	write_register(h, QMAC_REG_RING_BASE_LO, RING);
	write_register(h, QMAC_REG_RING_LOG2, RING_LOG2);
	write_register(h, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC | QMAC_IRQ_ERROR);
	memset(h->retired, 0, sizeof h->retired);
	h->records = 0;
}

static void start(struct host *h)
{
	static uint8_t bytes[END];
	uint64_t rng = test_seed();

	for (uint64_t at = 0; at < END; at++)
		bytes[at] = (uint8_t)test_random(&rng);
	h->backend->operations->write_memory(h->backend, 0, bytes, END);
	reset(h);
}

static void give(struct host *h, uint32_t number, const struct qmac_command *command)
{
	uint32_t words[QMAC_COMMAND_WORDS];

	qmac_command_encode(command, words);
	qmac_backend_write_command(h->backend, RING + number * QMAC_COMMAND_BYTES, words);
}

static struct qmac_command move(unsigned opcode, uint64_t base)
{
	return (struct qmac_command){
		.opcode = opcode, .base = base, .s0 = ROW_BYTES, .n0 = ROWS, .n1 = 1, .n2 = 1, .len = LANES,
		.container = QMAC_CONTAINER_DOUBLE, .is_signed = 1, .hi0 = ROWS - 1, .space = QMAC_SPACE_ACC,
		.ds0 = 1,
	};
}

/* The program whose command FAULTY is that one; all behind it wait for it. */
static void give_all(struct host *h, unsigned opcode, uint64_t base)
{
	bool is_load = opcode == QMAC_OPCODE_LOAD;
	struct qmac_command commands[COMMANDS] = {
		[FILL] = move(QMAC_OPCODE_LOAD, DATA), [WELL] = move(QMAC_OPCODE_STORE, GOOD),
		[FAULTY] = move(opcode, base), [STORE_BEHIND] = move(QMAC_OPCODE_STORE, BEHIND),
		[LOAD_BEHIND] = move(QMAC_OPCODE_LOAD, DATA),
		[VEC_BEHIND] = {
			.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
			.s1space = QMAC_SPACE_IMM, .imm = 1, .mult = 1, .bw = 16, .n1 = 1, .n0 = 1, .lanes = LANES,
		},
		[SYNC_BEHIND] = {.opcode = QMAC_OPCODE_SYNC, .irq = 1},
	};

	/* All wait for FILL; WELL is over before FAULTY starts. */
	for (int i = WELL; i < SYNC_BEHIND; i++) {
		commands[i].wait_mask = i == WELL ? 1 : 5;
		commands[i].wait_load = i > FAULTY && is_load ? 2 : 1;
		commands[i].wait_store = i == WELL ? 0 : i > FAULTY && !is_load ? 2 : 1;
	}
	for (uint32_t i = 0; i < COMMANDS; i++)
		give(h, i, &commands[i]);
}

static enum qmac_status ring(struct host *h, uint32_t tail, struct qmac_error *err)
{
	bool raised;

	write_register(h, QMAC_REG_RING_TAIL, tail);
	return h->backend->operations->wait(h->backend, 1 << 20, &raised, err);
}

/* Memory may differ from what was expected only where the STORE at fault writes, there from `data`. */
static void check_memory(struct host *h, const uint8_t *expected, uint64_t from, const uint8_t *data)
{
	static uint8_t memory[END];
	int written = 0, wrong = 0;

	read_memory(h, 0, memory, END);
	for (uint64_t at = 0; at < END; at++) {
		bool own = from && at >= from && at < from + ROWS * ROW_BYTES;

		if (memory[at] == expected[at])
			continue;
		if (own && memory[at] == data[at - from])
			written++;
		else
			wrong++;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	/* The model finds the error before the command changes anything. */
	CU_ASSERT(written == 0 || strcmp(backend_name(), "rtl") == 0);
}

static void check_stopped(struct host *h)
{
	CU_ASSERT_EQUAL(read_register(h, QMAC_REG_STATUS), QMAC_STATUS_ERROR);
	CU_ASSERT_EQUAL(read_register(h, QMAC_REG_ERROR_CODE), QMAC_FAULT_BUS);
	CU_ASSERT_EQUAL(read_register(h, QMAC_REG_ERROR_COMMAND), FAULTY);
	CU_ASSERT(h->retired[FILL] && h->retired[WELL]);
	CU_ASSERT_EQUAL(h->records, 2);
}

static void stop_and_go_on(struct host *h, unsigned opcode, uint64_t base)
{
	static uint8_t expected[END], data[ROWS * ROW_BYTES];
	uint64_t own = opcode == QMAC_OPCODE_STORE ? base : 0;
	struct qmac_error err = {0};

	start(h);
	give_all(h, opcode, base);
	read_memory(h, 0, expected, END);
	for (int i = 0; i < ROWS * LANES; i++) {
		/* ACC saturates the random doubles of DATA to 16 bits. */
		bool negative = expected[DATA + 8 * i + 7] >> 7;

		memset(data + 8 * i, negative ? 0xFF : 0, 8);
		data[8 * i] = negative ? 0 : 0xFF;
		data[8 * i + 1] = negative ? 0x80 : 0x7F;
	}
	memcpy(expected + GOOD, data, sizeof data);
	CU_ASSERT_EQUAL(ring(h, COMMANDS - 1, &err), QMAC_OK);
	check_stopped(h);
	check_memory(h, expected, own, data);
	/* It stays stopped, whatever is asked of it. */
	CU_ASSERT_EQUAL(ring(h, COMMANDS, &err), QMAC_OK);
	check_stopped(h);
	check_memory(h, expected, own, data);
	/* A reset goes on from there. */
	reset(h);
	give_all(h, QMAC_OPCODE_STORE, BEHIND);
	CU_ASSERT_EQUAL(ring(h, STORE_BEHIND + 1, &err), QMAC_OK);
	CU_ASSERT_EQUAL(read_register(h, QMAC_REG_STATUS), 0);
	CU_ASSERT_EQUAL(h->records, STORE_BEHIND + 1);
	read_memory(h, BEHIND, expected, sizeof data);
	CU_ASSERT(memcmp(expected, data, sizeof data) == 0);
	if (err.message[0])
		printf("\n%s ", err.message);
}

static void run(unsigned opcode, uint64_t base)
{
	for (uint64_t stalls = 0; stalls < (strcmp(backend_name(), "cmodel") ? 4 : 1); stalls++) {
		const struct qmac_lockstep_settings settings = {.device.stalls = stalls};
		struct host h = {.backend = NULL};
		const struct qmac_device_options options = options_of(&h);
		struct qmac_error err = {0};

		if (qmac_cosim_open(backend_name(), &hw, &options, &settings, &h.backend, &err)) {
			CU_FAIL("the backend does not open");
			printf("\n%s ", err.message);
			return;
		}
		stop_and_go_on(&h, opcode, base);
		qmac_backend_destroy(h.backend);
	}
}

static void test_load_beyond(void)
{
	run(QMAC_OPCODE_LOAD, FAR);
}

static void test_load_straddles(void)
{
	run(QMAC_OPCODE_LOAD, STRADDLE);
}

static void test_store_beyond(void)
{
	run(QMAC_OPCODE_STORE, FAR);
}

static void test_store_straddles(void)
{
	run(QMAC_OPCODE_STORE, STRADDLE);
}

/* A trace that ends with a bus error plays, also where part of the STORE was written. */
static void test_traces(void)
{
	static const struct {
		unsigned opcode;
		uint64_t base;
	} cases[] = {
		{QMAC_OPCODE_LOAD, FAR}, {QMAC_OPCODE_LOAD, STRADDLE}, {QMAC_OPCODE_STORE, FAR},
		{QMAC_OPCODE_STORE, STRADDLE},
	};
	const struct qmac_trace_window window = {.from = 0, .count = COMMANDS};
	const struct qmac_backend_source source = qmac_cosim_source(NULL);
	const struct qmac_replay replay = {.backend = backend_name(), .source = &source};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct host h = {.backend = NULL};
		const struct qmac_device_options options = options_of(&h);
		struct qmac_recorder *recorder = qmac_recorder_create(&window);
		const struct qmac_trace *trace;
		struct qmac_error err = {0};

		CU_ASSERT_EQUAL_FATAL(qmac_recorder_open(recorder, "cmodel", &hw, &options, NULL, &h.backend, &err),
		                      QMAC_OK);
		start(&h);
		give_all(&h, cases[i].opcode, cases[i].base);
		CU_ASSERT_EQUAL(ring(&h, COMMANDS, &err), QMAC_OK);
		qmac_backend_destroy(h.backend);
		CU_ASSERT_EQUAL_FATAL(qmac_recorder_finish(recorder, &trace, &err), QMAC_OK);
		CU_ASSERT(trace->fault == QMAC_FAULT_BUS && trace->command_count == FAULTY + 1);
		CU_ASSERT_EQUAL(qmac_trace_replay(trace, &replay, NULL, NULL, &err), QMAC_OK);
		if (err.message[0])
			printf("\n%s ", err.message);
		qmac_recorder_destroy(recorder);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"a LOAD beyond memory", test_load_beyond},
		{"a LOAD across the end of memory", test_load_straddles},
		{"a STORE beyond memory", test_store_beyond},
		{"a STORE across the end of memory", test_store_straddles},
		{"traces that end so", test_traces},
	};

	return test_main("test_bus_error", cases, TEST_COUNT(cases));
}
