/*
 * Lockstep over two C models, one of which may be made to do something wrong: every kind of wrong
 * must be found, at the right command, and leave a trace that plays.
 */
#include "cosim/open.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "fuzz/commands.h"
#include "fuzz/hardware.h"
#include "isa/command.h"
#include "reference/planted_backend.h"
#include "test.h"
#include "trace/trace.h"

enum { COMMANDS = 120, BATCH = 24, RING_LOG2 = PLANTED_RING_LOG2, DATA = PLANTED_RING, RING = DATA };
/* Far more than the program uses, and no whole number of pages. */
enum { MEMORY_BYTES = RING + (QMAC_COMMAND_BYTES << RING_LOG2) + (1 << 20) + 3 };
/* The command at which faults are planted: the last of a batch. */
enum { PLACE = 71 };

/* ---- a host ------------------------------------------------------------------- */

static uint64_t state;

struct host {
	struct qmac_fuzz_program program;
	struct qmac_backend *backend;
	uint32_t tail;
};

static void write_register(struct host *h, uint32_t offset, uint32_t value)
{
	h->backend->operations->write(h->backend, offset, value);
}

static void set_up(struct host *h)
{
	write_register(h, QMAC_REG_CONTROL, 1);
	write_register(h, QMAC_REG_MEM_SIZE_LO, (uint32_t)h->backend->memory_bytes);
	write_register(h, QMAC_REG_RING_BASE_LO, RING);
	write_register(h, QMAC_REG_RING_LOG2, RING_LOG2);
	write_register(h, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC | QMAC_IRQ_ERROR);
	h->tail = 0;
	memset(h->program.dispatched, 0, sizeof h->program.dispatched);
}

static void open_host(struct host *h, struct plant *plant, struct qmac_lockstep_settings settings)
{
	struct qmac_device_options options = {.memory_bytes = MEMORY_BYTES};
	struct qmac_error err;

	memset(h, 0, sizeof *h);
	h->program.rng = test_random(&state);
	h->program.data_bytes = DATA;
	qmac_fuzz_hw(&h->program.rng, &h->program.hw);
	settings.device.context = plant;
	if (qmac_lockstep_open(&h->program.hw, &options, &settings, planted_open, &h->backend, &err))
		abort();
	set_up(h);
}

static void give(struct host *h, const struct qmac_command *command)
{
	uint64_t to = RING + (h->tail & ((1U << RING_LOG2) - 1)) * QMAC_COMMAND_BYTES;
	uint32_t words[QMAC_COMMAND_WORDS];

	h->backend->operations->note_unit(h->backend, h->tail, 0.25);
	h->tail++;
	qmac_command_encode(command, words);
	qmac_backend_write_command(h->backend, to, words);
}

static enum qmac_status ring(struct host *h, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	bool raised = true;

	write_register(h, QMAC_REG_RING_TAIL, h->tail);
	while (!status && raised) {
		status = h->backend->operations->wait(h->backend, 1ULL << 40, &raised, err);
		if (h->backend->operations->read(h->backend, QMAC_REG_STATUS) & QMAC_STATUS_ERROR)
			break;
		write_register(h, QMAC_REG_IRQ_STATUS, QMAC_IRQ_SYNC);
	}
	return status;
}

/* Writes -32768 into the first row of ACC: no operand is less. */
static struct qmac_command least(const struct qmac_hw *hw)
{
	return (struct qmac_command){
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MIN, .s0space = QMAC_SPACE_A, .s1space = QMAC_SPACE_IMM,
		.dspace = QMAC_SPACE_ACC, .imm = -32768, .mult = 1, .bw = 16, .n1 = 1, .n0 = 1, .monitor = 5,
		.lanes = (uint32_t)(hw->rows < hw->cols ? hw->rows : hw->cols),
	};
}

/* Random commands in batches, between which the host writes memory. */
static enum qmac_status play(struct host *h, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	while (!status && h->tail + BATCH <= COMMANDS) {
		for (int i = 0; i < 50; i++) {
			uint64_t at = test_random(&h->program.rng) % DATA;
			uint8_t byte = (uint8_t)test_random(&h->program.rng);

			h->backend->operations->write_memory(h->backend, at, &byte, 1);
		}
		for (int i = 0; i < BATCH; i++) {
			struct qmac_command command = least(&h->program.hw);

			if (h->tail == PLACE)
				qmac_fuzz_wait_all(&h->program, &command);
			else
				qmac_fuzz_command(&h->program, &command);
			command.tag = h->tail + 1000;
			give(h, &command);
		}
		status = ring(h, err);
	}
	return status;
}

/* ---- tests -------------------------------------------------------------------- */

static void test_equal(void)
{
	state = test_seed();
	for (int i = 0; i < 40; i++) {
		struct qmac_lockstep_report report;
		const struct qmac_lockstep_settings settings = {.timed = i % 2, .report = &report};
		struct plant plant = {.fault = NOTHING};
		struct qmac_error err = {0};
		struct host h;
		uint64_t cycles;

		open_host(&h, &plant, settings);
		CU_ASSERT_EQUAL(play(&h, &err), QMAC_OK);
		if (err.message[0])
			printf("\n%s ", err.message);
		CU_ASSERT(report.commands == COMMANDS && report.waits >= COMMANDS / BATCH && !report.differing);
		CU_ASSERT(report.model_cycles == report.device_cycles && report.model_cycles > 0);
		CU_ASSERT_STRING_EQUAL(report.device, "planted");
		/* Cycles add up over a reset. */
		cycles = report.model_cycles;
		set_up(&h); /* resets */
		CU_ASSERT_EQUAL(play(&h, &err), QMAC_OK);
		cycles += h.backend->operations->read(h.backend, QMAC_COUNTER_BASE + 8 * QMAC_COUNTER_CYCLES);
		CU_ASSERT(report.commands == 2 * COMMANDS && report.model_cycles == cycles);
		CU_ASSERT_EQUAL(report.device_cycles, cycles);
		qmac_backend_destroy(h.backend);
	}
}

/* The trace of a failure: it ends with the command at fault, and plays as it should. */
static void check_trace(const char *file, uint32_t number)
{
	const struct qmac_replay replay = {.backend = "cmodel", .timed = true};
	struct qmac_trace *trace;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL_FATAL(qmac_trace_read(file, &trace, &err), QMAC_OK);
	CU_ASSERT(trace->first + trace->command_count == number + 1 && trace->command_count <= BATCH);
	CU_ASSERT_EQUAL(qmac_trace_replay(trace, &replay, NULL, NULL, &err), QMAC_OK);
	qmac_trace_destroy(trace);
}

/* Plays against a device with a fault; the failure must stay. */
static void play_planted(struct plant plant, bool timed, const char *file, struct qmac_error *err)
{
	const struct qmac_lockstep_settings settings = {.timed = timed, .failure_trace = file};
	struct qmac_error second = {0};
	struct host h;
	bool raised;

	open_host(&h, &plant, settings);
	CU_ASSERT_EQUAL(play(&h, err), QMAC_CHECK_FAILED);
	CU_ASSERT_EQUAL(h.backend->operations->wait(h.backend, 1, &raised, &second), QMAC_CHECK_FAILED);
	CU_ASSERT_STRING_EQUAL(err->message, second.message);
	qmac_backend_destroy(h.backend);
}

static void test_planted(void)
{
	static const struct {
		enum planted_fault fault;
		bool timed, at_command;
		const char *says;
	} cases[] = {
		{DIGEST, false, true, "digest: cmodel "},
		{SATURATIONS, false, true, "requantise saturations: cmodel 0, planted 1\n"},
		{MAGNITUDES, false, true, "magnitudes: cmodel 00008000, planted 00008001\n"},
		{TAG, false, true, "tag: cmodel 1071, planted 33839\n"},
		{LATE, true, true, "retire cycle: cmodel "},
		{START, true, true, "start cycle: cmodel "},
		{RESULT, false, true, "8000 (-32768 = -8192), planted 0x"},
		{RESULT, false, true, "\n  played again it makes no difference; after the commands that followed:\n"},
		{REFUSED, false, true, "it retired in cmodel, not in planted\n"},
		{MEMORY, false, false, "lockstep: memory at 0x4d: cmodel 0x"},
		/* Where neither the model nor the host has ever written. */
		{STRAY, false, false, "lockstep: memory at 0x103002: cmodel 0x00, planted 0x40"},
		{COUNTER, false, false, "lockstep: counter A_READS: cmodel "},
		{TIMED_COUNTER, true, false, "lockstep: counter FETCH_BYTES: cmodel "},
		{MONITOR, false, false, "lockstep: monitor 5: cmodel "},
		{INTERRUPT, false, false, "lockstep: the interrupt line is "},
	};
	char file[400];

	state = test_seed();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int again = 0; again < 5; again++) {
			struct qmac_error err = {0};

			snprintf(file, sizeof file, "%s/%zu-%d.trace", test_folder(), i, again);
			play_planted((struct plant){.fault = cases[i].fault, .number = PLACE}, cases[i].timed, file,
			             &err);
			CU_ASSERT(strstr(err.message, cases[i].says) != NULL);
			CU_ASSERT(strstr(err.message, file) != NULL);
			if (!strstr(err.message, cases[i].says))
				printf("\n%s ", err.message);
			if (!cases[i].at_command)
				continue;
			CU_ASSERT(strstr(err.message, "lockstep: command 71 (VEC, tag 0x042f: layer 4, step 47 modulo"
			                 " 256, between steps): ") == err.message);
			CU_ASSERT(strstr(err.message, "\n  command 71: VEC ") != NULL);
			CU_ASSERT(strstr(err.message, "\n  before it 70: ") != NULL);
			check_trace(file, PLACE);
		}
}

/* A record that is lost or comes twice shows at it, or where the next of its engine should be. */
static void test_lost(void)
{
	for (int i = 0; i < 20; i++) {
		struct plant plant = {.fault = i % 2 ? LOST : TWICE, .number = PLACE - (uint32_t)i / 4};
		struct qmac_error err = {0};
		unsigned number = 0;

		play_planted(plant, false, NULL, &err);
		CU_ASSERT_EQUAL(sscanf(err.message, "lockstep: command %u", &number), 1);
		CU_ASSERT(number >= plant.number && number <= PLACE);
		CU_ASSERT(strstr(err.message, "trace") == NULL);
	}
}

/* Cycles that are not compared are counted. */
static void test_residue(void)
{
	struct qmac_lockstep_report report;
	const struct qmac_lockstep_settings settings = {.report = &report};
	struct plant plant = {.fault = LATE, .number = PLACE};
	struct qmac_error err;
	struct host h;

	open_host(&h, &plant, settings);
	CU_ASSERT_EQUAL(play(&h, &err), QMAC_OK);
	CU_ASSERT(report.differing == 1 && report.late[3] == 1 && report.worst == 5); /* 4..7 cycles */
	qmac_backend_destroy(h.backend);
}

/* A register that the host reads; a device that fails by itself; settings that exclude each other. */
static void test_others(void)
{
	const struct qmac_lockstep_settings plain = {.timed = false};
	struct qmac_lockstep_settings both = {.timed = true, .device.stalls = 1};
	struct plant plant = {.fault = REGISTER};
	const struct qmac_device_options options = {.memory_bytes = 4096};
	struct qmac_backend *backend;
	struct qmac_error err;
	struct host h;
	bool raised;

	open_host(&h, &plant, plain);
	(void)h.backend->operations->read(h.backend, QMAC_REG_ACC_DEPTH);
	CU_ASSERT_EQUAL(h.backend->operations->wait(h.backend, 1, &raised, &err), QMAC_CHECK_FAILED);
	CU_ASSERT(strstr(err.message, "register 0x018 reads 0x") != NULL);
	qmac_backend_destroy(h.backend);

	play_planted((struct plant){.fault = FAILURE, .number = PLACE}, false, NULL, &err);
	CU_ASSERT_STRING_EQUAL(err.message, "an assertion said so");

	CU_ASSERT_EQUAL(qmac_lockstep_open(&h.program.hw, &options, &both, planted_open, &backend, &err),
	                QMAC_BAD_INPUT);
	CU_ASSERT(!backend && strstr(err.message, "random stalls change cycles"));
}

/* The trace of an earlier run goes; the line that says how to play one has the stalls; who writes waves. */
static void test_trace_file(void)
{
	const struct qmac_replay replay = {.backend = "cmodel"};
	struct qmac_lockstep_settings settings = {.device.stalls = 77};
	struct plant plant = {.fault = DIGEST, .number = PLACE};
	char file[400], line[500];
	struct qmac_trace *trace;
	struct qmac_error err = {0};
	struct host h;

	snprintf(file, sizeof file, "%s/stalled.trace", test_folder());
	snprintf(line, sizeof line, "trace: qmac replay %s --backend planted --stalls 77", file);
	settings.failure_trace = file;
	open_host(&h, &plant, settings);
	CU_ASSERT_EQUAL(play(&h, &err), QMAC_CHECK_FAILED);
	CU_ASSERT(strstr(err.message, line) != NULL);
	qmac_backend_destroy(h.backend);
	CU_ASSERT_EQUAL_FATAL(qmac_trace_read(file, &trace, &err), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_trace_replay(trace, &replay, NULL, NULL, &err), QMAC_OK);
	qmac_trace_destroy(trace);

	plant.fault = NOTHING;
	open_host(&h, &plant, settings);
	CU_ASSERT_EQUAL(play(&h, &err), QMAC_OK);
	qmac_backend_destroy(h.backend);
	CU_ASSERT_EQUAL(qmac_trace_read(file, &trace, &err), QMAC_BAD_INPUT);

	snprintf(file, sizeof file, "%s/waves.fst", test_folder());
	settings = (struct qmac_lockstep_settings){.device.wave = file};
	CU_ASSERT_EQUAL(qmac_cosim_check("lockstep", &settings, &err), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_cosim_check("cmodel", &settings, &err), QMAC_BAD_INPUT);
}

/* An error in the middle, a bus error, and going on after a reset. */
static void test_errors(void)
{
	state = test_seed() + 1;
	for (int i = 0; i < 40; i++) {
		const struct qmac_lockstep_settings settings = {.timed = i % 2};
		struct plant plant = {.fault = NOTHING};
		struct qmac_error err = {0};
		struct host h;

		open_host(&h, &plant, settings);
		for (int round = 0; round < 3; round++) {
			struct qmac_command bad = {.opcode = QMAC_OPCODE_LOAD, .n0 = 1, .n1 = 1, .n2 = 1, .len = 1,
			                           .container = QMAC_CONTAINER_BYTE, .space = QMAC_SPACE_ACC};

			bad.base = round ? h.backend->memory_bytes : 0;
			if (round == 0)
				bad.len = 0;
			else
				write_register(&h, QMAC_REG_MEM_SIZE_LO, 0x7FFFFFFF);
			for (int k = 0; k < BATCH; k++) {
				struct qmac_command command;

				qmac_fuzz_command(&h.program, &command);
				give(&h, k == 10 ? &bad : &command);
			}
			CU_ASSERT_EQUAL(ring(&h, &err), QMAC_OK);
			CU_ASSERT_EQUAL(h.backend->operations->read(h.backend, QMAC_REG_ERROR_CODE),
			                round ? QMAC_FAULT_BUS : QMAC_FAULT_RANGE);
			set_up(&h);
		}
		if (err.message[0])
			printf("\n%s ", err.message);
		qmac_backend_destroy(h.backend);
	}
}

/*
 * A host that does not wait until both rest, but resets: what was under way may have stopped anywhere, and is
 * no difference afterwards. One that comes later is found.
 */
static void test_reset_at_work(void)
{
	int at_work = 0;

	state = test_seed();
	for (int i = 0; i < 20; i++) {
		struct qmac_lockstep_report report;
		const struct qmac_lockstep_settings settings = {.report = &report};
		struct plant plant = {.fault = STRAY, .number = 0};
		struct qmac_error err = {0};
		struct host h;
		bool raised;

		open_host(&h, &plant, settings);
		for (int round = 0; round < 3; round++) {
			for (int k = 0; k < BATCH; k++) {
				struct qmac_command command;

				qmac_fuzz_command(&h.program, &command);
				command.irq = 0;
				give(&h, &command);
			}
			if (round) {
				CU_ASSERT_EQUAL(ring(&h, &err), round == 2 ? QMAC_CHECK_FAILED : QMAC_OK);
				plant.fault = STRAY;
			} else {
				write_register(&h, QMAC_REG_RING_TAIL, h.tail);
				/* Some hardware queues the whole batch, and then carries it out at once. */
				if (h.backend->operations->wait(h.backend, 1, &raised, &err))
					break;
				CU_ASSERT(h.backend->operations->read(h.backend, QMAC_REG_STATUS) & QMAC_STATUS_BUSY);
				CU_ASSERT_EQUAL(report.waits, 0);
				plant.fault = NOTHING;
				at_work++;
			}
			set_up(&h);
		}
		CU_ASSERT(strstr(err.message, "memory at 0x103002") != NULL);
		qmac_backend_destroy(h.backend);
	}
	CU_ASSERT(at_work > 10);
}

/* Marks what is written, byte by byte. */
struct written {
	uint8_t byte[MEMORY_BYTES];
};

static void mark(void *context, uint64_t address, uint64_t bytes)
{
	struct written *written = context;

	memset(written->byte + address, 1, bytes);
}

/*
 * What a wait compares are the pages that were written since the one before, and no others, however large
 * memory is.
 */
static void test_touched(void)
{
	static struct written written;

	state = test_seed();
	for (int i = 0; i < 10; i++) {
		struct qmac_lockstep_report report;
		struct plant plant = {.fault = NOTHING};
		struct qmac_lockstep_settings settings = {.report = &report, .device.context = &plant};
		const struct qmac_device_options options = {
			.memory_bytes = MEMORY_BYTES, .on_write = mark, .context = &written,
		};
		uint64_t expected = 0, most = 0;
		struct qmac_error err;
		struct host h;

		memset(&h, 0, sizeof h);
		h.program.rng = test_random(&state);
		h.program.data_bytes = DATA;
		qmac_fuzz_hw(&h.program.rng, &h.program.hw);
		CU_ASSERT_EQUAL_FATAL(qmac_lockstep_open(&h.program.hw, &options, &settings, planted_open, &h.backend,
		                                         &err), QMAC_OK);
		set_up(&h);
		for (int wait = 0; wait < 8; wait++) {
			uint64_t before = report.memory_bytes, waits = report.waits;
			uint8_t far = (uint8_t)wait;

			memset(&written, 0, sizeof written);
			/* The second half of the waits without a command: nothing but what the host writes. */
			for (int k = 0; wait < 4 && k < BATCH; k++) {
				struct qmac_command command;

				qmac_fuzz_command(&h.program, &command);
				command.irq = 0;
				give(&h, &command);
			}
			if (wait % 2)
				h.backend->operations->write_memory(h.backend, MEMORY_BYTES - 5000, &far, 1);
			CU_ASSERT_EQUAL(ring(&h, &err), QMAC_OK);
			CU_ASSERT_EQUAL(report.waits, waits + 1);
			expected = 0;
			for (uint64_t page = 0; page < MEMORY_BYTES; page += QMAC_PAGE_BYTES) {
				uint64_t bytes = MEMORY_BYTES - page < QMAC_PAGE_BYTES ? MEMORY_BYTES - page :
				                 QMAC_PAGE_BYTES;

				expected += memchr(written.byte + page, 1, bytes) ? bytes : 0;
			}
			CU_ASSERT_EQUAL(report.memory_bytes - before, expected);
			most = expected > most ? expected : most;
		}
		CU_ASSERT(most > QMAC_PAGE_BYTES && most <= DATA + (QMAC_COMMAND_BYTES << RING_LOG2) +
		          QMAC_PAGE_BYTES);
		CU_ASSERT_EQUAL(expected, QMAC_PAGE_BYTES);
		qmac_backend_destroy(h.backend);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"two equal devices", test_equal},
		{"planted faults are found at the right place", test_planted},
		{"records lost and doubled", test_lost},
		{"a residue of cycles", test_residue},
		{"registers, failures, settings", test_others},
		{"the file of the trace", test_trace_file},
		{"errors of the device", test_errors},
		{"a reset at work", test_reset_at_work},
		{"what a wait compares", test_touched},
	};

	return test_main("test_lockstep", cases, TEST_COUNT(cases));
}
