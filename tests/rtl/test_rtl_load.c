/*
 * LOAD in Verilog against the reference device and the clock's mover: streams of random commands, back
 * to back or with gaps, their beats timed by the DRAM model. Cycle, address and length of every burst,
 * every retire cycle, all counters and all scratchpads must be equal. In every other batch the memory
 * answers at random instead, and only values and counters are compared.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../rtl/sim/unit.h"
#include "fuzz/commands.h"
#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "reference/ref_device.h"
#include "test.h"
#include "time/mover.h"

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef ROWS
enum { ROWS = 8, COLS = 8, A_BITS = 8, W_BITS = 8, ACC_BITS = 32, BUS_BYTES = 8, BURST_BEATS = 16,
       OUTSTANDING = 4 };
#endif
enum { DEPTH = 128, LUT_BITS = 4, MEMORY_BYTES = 16384, FIFO_BEATS = OUTSTANDING * BURST_BEATS };

/* Words of unit_load.v. */
enum { IN_CONTROL = 0, IN_PLACE, IN_WORD, IN_ROW, IN_PART, IN_VALUE = 8 };
enum { OUT_CONTROL = 0, OUT_ADDRESS, OUT_LAST, OUT_BYTES, OUT_DATA };
enum { RESET_OFF = 1, START = 2, REQUEST_READY = 4, BEAT = 8, BEAT_ERROR = 16, MEMORY_WRITE = 32, POKE = 64,
       PART = 256 };
enum { READY = 1, RETIRE = 2, BUSY = 4, ERROR = 8, REQUEST = 16, PAIR = 32, BURST = 64 };

enum { BATCHES = 60, BATCH = 50, WRONG_SHOWN = 5, NEVER = -1 };

/* A beat on its way: its bus word, and the cycle in which it arrives. */
struct beat {
	uint64_t cycle;
	uint32_t place;
};

struct bench {
	struct unit *unit;
	struct ref_device device;
	struct qmac_fuzz_program program;
	struct qmac_hw hw;                /* with the memory of this batch */
	struct qmac_mover mover;
	uint64_t *freed;
	struct qmac_dram mover_dram, dram; /* the mover's, and the one that answers the unit */
	struct beat *beats;               /* all beats of a batch asked for so far */
	uint64_t asked, arrived, room;
	int64_t error_beat;               /* comes with an error; NEVER */
	bool stalls;                      /* random ready and arrivals, no cycles compared */
	uint64_t cycle, retire;           /* retire: expected of the running command */
	uint32_t parts;                   /* of the next command, handed to the unit so far */
	uint32_t held_low, held_last;     /* a request that was not taken */
	bool held;
	uint64_t counters[QMAC_COUNTERS]; /* as counted from the unit's ports */
	uint64_t pairs;
	int wrong;
};

static uint64_t below(struct bench *b, uint64_t count)
{
	return test_random(&b->program.rng) % count;
}

static void expect(struct bench *b, const char *what, uint64_t number, uint64_t got, uint64_t expected)
{
	if (got != expected && b->wrong++ < WRONG_SHOWN)
		printf("%s %llu: got %llu (0x%llx), expected %llu (0x%llx)\n", what, (unsigned long long)number,
		       (unsigned long long)got, (unsigned long long)got, (unsigned long long)expected,
		       (unsigned long long)expected);
}

/* ---- memory and scratchpads ------------------------------------------------------ */

static void fill_memory(struct bench *b)
{
	for (uint32_t i = 0; i < MEMORY_BYTES / 4; i++) {
		uint32_t word = (uint32_t)qmac_fuzz_word(&b->program.rng);

		for (uint32_t k = 0; k < 4; k++)
			b->device.memory[4 * i + k] = (uint8_t)(word >> 8 * k);
		unit_set(b->unit, IN_PLACE, i);
		unit_set(b->unit, IN_WORD, word);
		unit_set(b->unit, IN_CONTROL, RESET_OFF | MEMORY_WRITE);
		unit_clock(b->unit);
	}
}

static void point_at(struct bench *b, int space, int64_t row, int lane)
{
	unit_set(b->unit, IN_ROW, (uint32_t)row | (uint32_t)lane << 16 | (uint32_t)space << 24);
}

static void fill_scratchpads(struct bench *b)
{
	for (int space = 0; space <= (int)QMAC_SPACE_LUT; space++)
		for (int64_t row = 0; row < ref_depth(&b->hw, space); row++)
			for (int lane = 0; lane < ref_width(&b->hw, space); lane++) {
				uint64_t mask = UINT64_MAX >> (64 - ref_word_bits(&b->hw, space));
				uint64_t value = qmac_fuzz_word(&b->program.rng) & mask;

				ref_poke(&b->device, space, row, (int64_t)lane, value);
				point_at(b, space, row, lane);
				unit_set(b->unit, IN_VALUE, (uint32_t)value);
				unit_set(b->unit, IN_VALUE + 1, (uint32_t)(value >> 32));
				unit_set(b->unit, IN_CONTROL, RESET_OFF | POKE);
				unit_clock(b->unit);
			}
}

static void compare_scratchpads(struct bench *b)
{
	for (int space = 0; space <= (int)QMAC_SPACE_LUT; space++)
		for (int64_t row = 0; row < ref_depth(&b->hw, space); row++)
			for (int lane = 0; lane < ref_width(&b->hw, space); lane++) {
				uint64_t mask = UINT64_MAX >> (64 - ref_word_bits(&b->hw, space)), got;

				point_at(b, space, row, lane);
				unit_settle(b->unit);
				got = unit_get(b->unit, OUT_DATA) | (uint64_t)unit_get(b->unit, OUT_DATA + 1) << 32;
				expect(b, space == 0 ? "A row" : space == 1 ? "W row" : space == 2 ? "ACC row" : "LUT word",
				       (uint64_t)row, got, ref_peek(&b->device, space, row, (int64_t)lane) & mask);
			}
}

static void compare_counters(struct bench *b)
{
	static const int compared[] = {
		QMAC_COUNTER_A_WRITES, QMAC_COUNTER_W_WRITES, QMAC_COUNTER_ACC_WRITES, QMAC_COUNTER_LUT_WRITES,
		QMAC_COUNTER_DRAM_READ_BYTES, QMAC_COUNTER_DRAM_READ_BURSTS, QMAC_COUNTER_CONTAINER_SATURATIONS,
	};

	for (int i = 0; i < TEST_COUNT(compared); i++)
		expect(b, "counter", (uint64_t)compared[i], b->counters[compared[i]],
		       b->device.counters[compared[i]]);
	if (!b->stalls)
		expect(b, "pairs", 0, b->pairs, b->mover.pairs);
}

/* ---- one cycle ------------------------------------------------------------------- */

static uint32_t beat_due(struct bench *b)
{
	if (b->arrived == b->asked || (b->stalls ? below(b, 3) == 0 : b->beats[b->arrived].cycle > b->cycle))
		return 0;
	if (!b->stalls)
		expect(b, "late beat", b->arrived, b->cycle, b->beats[b->arrived].cycle);
	unit_set(b->unit, IN_PLACE, b->beats[b->arrived].place);
	return (int64_t)b->arrived++ == b->error_beat ? BEAT | BEAT_ERROR : BEAT;
}

/* The unit's request is taken: compared, and its beats put on their way. */
static void request_taken(struct bench *b)
{
	uint32_t high = unit_get(b->unit, OUT_LAST), beats = (high >> 16) + 1;
	uint64_t address = unit_get(b->unit, OUT_ADDRESS) | (uint64_t)(high & 0xFFFF) << 32;
	uint64_t first = qmac_dram_burst(&b->dram, b->cycle, address, beats, false);

	if (!b->stalls) {
		expect(b, "requests, active", b->mover.bursts, b->mover.active, true);
		expect(b, "request in cycle", b->mover.bursts, b->cycle, b->mover.earliest);
		expect(b, "address of burst", b->mover.bursts, address, b->mover.burst_address);
		expect(b, "beats of burst", b->mover.bursts, beats, b->mover.burst_beats);
		qmac_mover_issue(&b->mover, &b->mover_dram, b->cycle);
		b->retire = b->mover.completed + QMAC_MOVE_LATENCY;
	}
	for (uint32_t i = 0; i < beats; i++) {
		if (b->asked == b->room) {
			b->room = 2 * b->room + 64;
			b->beats = realloc(b->beats, b->room * sizeof *b->beats);
			CU_ASSERT_PTR_NOT_NULL_FATAL(b->beats);
		}
		b->beats[b->asked++] = (struct beat){
			(first + i * b->dram.step) / 256, (uint32_t)(address % MEMORY_BYTES / BUS_BYTES) + i,
		};
	}
}

/* A request that was not taken is there again, unchanged. */
static void watch_request(struct bench *b, uint32_t control, bool taken)
{
	if (b->held) {
		expect(b, "request withdrawn, valid", b->cycle, control & REQUEST, REQUEST);
		expect(b, "request changed, address", b->cycle, unit_get(b->unit, OUT_ADDRESS), b->held_low);
		expect(b, "request changed, length", b->cycle, unit_get(b->unit, OUT_LAST), b->held_last);
	}
	b->held = control & REQUEST && !taken;
	b->held_low = unit_get(b->unit, OUT_ADDRESS);
	b->held_last = unit_get(b->unit, OUT_LAST);
}

static void count(struct bench *b, uint32_t control)
{
	uint32_t bytes = unit_get(b->unit, OUT_BYTES);
	static const int writes[] = {QMAC_COUNTER_A_WRITES, QMAC_COUNTER_W_WRITES, QMAC_COUNTER_ACC_WRITES,
	                             QMAC_COUNTER_LUT_WRITES};

	for (int space = 0; space < 4; space++)
		b->counters[writes[space]] += control >> (8 + space) & 1;
	expect(b, "spaces written", b->cycle, control >> 12 & 15, control >> 8 & 15);
	b->counters[QMAC_COUNTER_DRAM_READ_BYTES] += bytes & 0xFFFF;
	b->counters[QMAC_COUNTER_CONTAINER_SATURATIONS] += bytes >> 16;
	b->counters[QMAC_COUNTER_DRAM_READ_BURSTS] += (control & BURST) != 0;
	b->pairs += (control & PAIR) != 0;
}

/* Returns what the unit showed in the cycle that ends. */
static uint32_t clock_cycle(struct bench *b, uint32_t inputs)
{
	uint32_t ready = b->stalls && below(b, 2) ? 0 : REQUEST_READY, beat = beat_due(b), control;

	inputs |= RESET_OFF | ready;
	unit_set(b->unit, IN_CONTROL, inputs | beat);
	unit_settle(b->unit);
	control = unit_get(b->unit, OUT_CONTROL);
	watch_request(b, control, ready != 0);
	if (control & BURST) {
		request_taken(b);
		if (!beat) /* of a memory without latency, in the same cycle */
			unit_set(b->unit, IN_CONTROL, inputs | beat_due(b));
	}
	count(b, control);
	unit_clock(b->unit);
	b->cycle++;
	return control;
}

/* ---- commands -------------------------------------------------------------------- */

static void random_memory(struct bench *b)
{
	struct qmac_hw any;

	qmac_fuzz_hw(&b->program.rng, &any);
	b->hw.dram_latency = (int)below(b, 3) ? (int)below(b, 60) : 0;
	b->hw.dram_bytes_per_cycle = any.dram_bytes_per_cycle;
	b->hw.dram_banks = any.dram_banks;
	b->hw.dram_row_bytes = any.dram_row_bytes;
	b->hw.dram_miss = any.dram_miss;
	b->hw.dram_turnaround = any.dram_turnaround;
}

static void reset(struct bench *b)
{
	random_memory(b);
	qmac_dram_init(&b->dram, &b->hw);
	qmac_dram_init(&b->mover_dram, &b->hw);
	qmac_mover_init(&b->mover, &b->hw, false, b->freed, FIFO_BEATS);
	memset(b->counters, 0, sizeof b->counters);
	memset(b->device.counters, 0, sizeof b->device.counters);
	b->pairs = b->asked = b->arrived = b->cycle = 0;
	b->parts = 0;
	b->held = false;
	b->error_beat = NEVER;
	unit_set(b->unit, IN_CONTROL, 0);
	unit_clock(b->unit);
	unit_clock(b->unit);
}

/* A quarter of the next command to the unit, while the one before is at work. */
static uint32_t write_part(struct bench *b, const struct qmac_command *command)
{
	uint32_t words[QMAC_COMMAND_WORDS];

	qmac_command_encode(command, words);
	for (uint32_t i = 0; i < 4; i++)
		unit_set(b->unit, (int)(IN_PART + i), words[4 * b->parts + i]);
	return PART | b->parts++ << 9;
}

/* The command has started in the cycle that has just ended. */
static void began(struct bench *b, const struct qmac_command *command)
{
	const struct qmac_transfer transfer = qmac_transfer_of(command);
	struct ref_record record = {0};
	uint32_t words[QMAC_COMMAND_WORDS];

	if (!b->stalls)
		qmac_mover_start(&b->mover, &transfer, b->cycle - 1);
	qmac_command_encode(command, words);
	ref_execute_load(&b->device, words, &record);
	b->device.counters[QMAC_COUNTER_CONTAINER_SATURATIONS] += record.container_saturations;
	b->parts = 0;
}

/* Random commands, the next one offered as soon as the unit has it, or after a gap. */
static void run(struct bench *b, int commands)
{
	struct qmac_command command = {0};
	int started = 0, retired = 0;
	uint64_t idle = 0, earliest = 0;

	qmac_fuzz_command_of(&b->program, QMAC_OPCODE_LOAD, &command);
	while (retired < commands && idle < 500000 && b->wrong == 0) {
		bool offer = started < commands && b->parts == 4 && b->cycle >= earliest;
		uint32_t control = clock_cycle(b, offer ? START : b->parts < 4 ? write_part(b, &command) : 0);

		idle++;
		if (control & RETIRE) {
			if (!b->stalls)
				expect(b, "retire cycle of command", (uint64_t)retired, b->cycle - 1, b->retire);
			retired++;
			idle = 0;
		}
		expect(b, "busy", b->cycle, (control & BUSY) != 0, started > retired || control & RETIRE);
		expect(b, "ready", b->cycle, control & READY, (control & BUSY) == 0);
		if (offer && control & READY) {
			began(b, &command);
			started++;
			earliest = b->cycle + below(b, 3) * below(b, 100);
			qmac_fuzz_command_of(&b->program, QMAC_OPCODE_LOAD, &command);
		}
	}
	expect(b, "commands retired", 0, (uint64_t)retired, (uint64_t)commands);
}

static void set_up(struct bench *b)
{
	*b = (struct bench){
		.unit = unit_create(), .error_beat = NEVER,
		.hw = {
			.rows = ROWS, .cols = COLS, .a_bits = A_BITS, .w_bits = W_BITS, .acc_bits = ACC_BITS,
			.os_max = 256, .a_depth = DEPTH, .w_depth = DEPTH, .acc_depth = DEPTH, .bus_bytes = BUS_BYTES,
			.burst_beats = BURST_BEATS, .outstanding = OUTSTANDING, .queue_depth = 1, .lut_bits = LUT_BITS,
			.lut_ports = 1,
		},
	};
	b->freed = calloc(qmac_mover_places(FIFO_BEATS), sizeof *b->freed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b->freed);
	CU_ASSERT_TRUE_FATAL(ref_device_init(&b->device, &b->hw, MEMORY_BYTES));
	b->program = (struct qmac_fuzz_program){.hw = b->hw, .rng = test_seed(), .data_bytes = MEMORY_BYTES};
	reset(b);
	fill_memory(b);
	fill_scratchpads(b);
}

static void tear_down(struct bench *b)
{
	free(b->freed);
	free(b->beats);
	ref_device_free(&b->device);
	unit_destroy(b->unit);
}

static void runs_random_commands(void)
{
	static struct bench b;
	uint64_t cycles = 0, saturations = 0;

	set_up(&b);
	for (int batch = 0; batch < BATCHES && b.wrong == 0; batch++) {
		b.stalls = batch % 2;
		reset(&b);
		run(&b, BATCH);
		for (int i = 0; i < 4; i++) /* until the last row is written and counted */
			clock_cycle(&b, 0);
		compare_scratchpads(&b);
		compare_counters(&b);
		cycles += b.cycle;
		saturations += b.counters[QMAC_COUNTER_CONTAINER_SATURATIONS];
	}
	printf("%d x %d, bus %d: %llu cycles, %llu saturations\n", ROWS, COLS, BUS_BYTES,
	       (unsigned long long)cycles, (unsigned long long)saturations);
	CU_ASSERT_EQUAL(b.wrong, 0);
	CU_ASSERT_TRUE(saturations > 0);
	tear_down(&b);
}

/* All beats asked for are taken, then the unit is quiet, but not ready, until reset. */
static void stops_at_an_error(void)
{
	static struct bench b;
	struct qmac_command command;
	int stopped = 0;

	set_up(&b);
	for (int i = 0; i < 60 && b.wrong == 0; i++) {
		uint32_t control = BUSY;

		b.stalls = i % 2;
		reset(&b);
		do
			qmac_fuzz_command_of(&b.program, QMAC_OPCODE_LOAD, &command);
		while (command.n0 * command.n1 * command.n2 < 3);
		while (b.parts < 4)
			clock_cycle(&b, write_part(&b, &command));
		b.error_beat = (int64_t)below(&b, 2); /* there may be only one */
		clock_cycle(&b, START);
		began(&b, &command);
		for (int wait = 0; wait < 500000 && control & BUSY && !(control & RETIRE); wait++)
			control = clock_cycle(&b, 0);
		if ((int64_t)b.arrived <= b.error_beat)
			continue; /* it retired before the error */
		stopped++;
		expect(&b, "error", b.cycle, control & (ERROR | READY | BUSY | REQUEST | RETIRE), ERROR);
		expect(&b, "beats taken", b.cycle, b.arrived, b.asked);
		for (int k = 0; k < 50; k++) {
			control = clock_cycle(&b, START);
			expect(&b, "still", b.cycle, control & (ERROR | READY | BUSY | REQUEST | PAIR), ERROR);
		}
	}
	CU_ASSERT_EQUAL(b.wrong, 0);
	CU_ASSERT_TRUE(stopped > 0);
	tear_down(&b);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"runs random commands", runs_random_commands},
		{"stops at an error", stops_at_an_error},
	};

	return test_main("test_rtl_load", cases, TEST_COUNT(cases));
}
