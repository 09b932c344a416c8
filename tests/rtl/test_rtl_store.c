/*
 * STORE in Verilog against the reference device and the clock's mover: streams of random commands, back
 * to back or with gaps, answered by the DRAM model. Cycle, address and length of every burst, the cycle
 * of every beat, every retire cycle, all counters, the digest and all of memory must be equal. In every
 * other batch the memory takes and answers at random instead, and no cycles are compared.
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
#ifndef COLS
enum { COLS = 8, ACC_BITS = 32, BUS_BYTES = 8, BURST_BEATS = 16, OUTSTANDING = 4 };
#endif
enum { DEPTH = 128, MEMORY_BYTES = 16384, FIFO_BEATS = OUTSTANDING * BURST_BEATS };

/* Words of unit_store.v. */
enum { IN_CONTROL = 0, IN_BEAT, IN_WORD, IN_ROW, IN_PART, IN_VALUE = 8 };
enum { OUT_CONTROL = 0, OUT_ADDRESS, OUT_LAST, OUT_BYTES, OUT_ROW, OUT_ROW_ADDRESS = 6, OUT_MEMORY = 8 };
enum { RESET_OFF = 1, START = 2, AW_READY = 4, W_READY = 8, RESPONSE = 16, RESPONSE_ERROR = 32,
       MEMORY_WRITE = 64, POKE = 128, PART = 256 };
enum { READY = 1, RETIRE = 2, BUSY = 4, ERROR = 8, PAIR = 32, BURST = 64, REQUEST = 128, BEAT = 256,
       BEAT_LAST = 512, ROW_READ = 1024, ROW_DATA = 2048 };

enum { BATCHES = 60, BATCH = 50, WRONG_SHOWN = 5, NEVER = -1 };

/* A burst that has been shown: its bus words, how far it is, and when its response is due. */
struct burst {
	uint64_t beats, sent, response;
	uint32_t place;
	bool taken;
};

struct bench {
	struct unit *unit;
	struct ref_device device;
	struct qmac_fuzz_program program;
	struct qmac_hw hw;                /* with the memory of this batch */
	struct qmac_mover mover;
	uint64_t *freed;
	struct qmac_dram mover_dram, dram; /* the mover's, and the one that answers the unit */
	struct burst *bursts;             /* of a batch */
	uint64_t shown, taken, sending, answered, room; /* of them; sending: the burst whose beats are next */
	uint64_t beats;                   /* sent */
	uint64_t last_response;
	int64_t error_burst;              /* is answered with an error; NEVER */
	bool stalls;                      /* random ready and responses, no cycles compared */
	uint64_t cycle, retire;           /* retire: expected of the running command */
	uint32_t parts;                   /* of the next command, handed to the unit so far */
	uint32_t held_low, held_last;     /* a request that was not taken */
	bool held, beat_held;
	uint64_t digest, expected_digest;
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

/* ---- memory, ACC, counters ------------------------------------------------------- */

static void fill_memory(struct bench *b)
{
	for (uint32_t i = 0; i < MEMORY_BYTES / 4; i++) {
		uint32_t word = (uint32_t)test_random(&b->program.rng);

		for (uint32_t k = 0; k < 4; k++)
			b->device.memory[4 * i + k] = (uint8_t)(word >> 8 * k);
		unit_set(b->unit, IN_WORD, i);
		unit_set(b->unit, IN_VALUE, word);
		unit_set(b->unit, IN_CONTROL, RESET_OFF | MEMORY_WRITE);
		unit_clock(b->unit);
	}
}

static void fill_acc(struct bench *b)
{
	for (uint32_t row = 0; row < DEPTH; row++)
		for (uint32_t lane = 0; lane < COLS; lane++) {
			uint64_t value = qmac_fuzz_word(&b->program.rng) & UINT64_MAX >> (64 - ACC_BITS);

			ref_poke(&b->device, QMAC_SPACE_ACC, row, lane, value);
			unit_set(b->unit, IN_ROW, row | lane << 16);
			unit_set(b->unit, IN_VALUE, (uint32_t)value);
			unit_set(b->unit, IN_VALUE + 1, (uint32_t)(value >> 32));
			unit_set(b->unit, IN_CONTROL, RESET_OFF | POKE);
			unit_clock(b->unit);
		}
}

static void compare_memory(struct bench *b)
{
	for (uint32_t i = 0; i < MEMORY_BYTES / 4; i++) {
		uint32_t expected = 0;

		for (uint32_t k = 0; k < 4; k++)
			expected |= (uint32_t)b->device.memory[4 * i + k] << 8 * k;
		unit_set(b->unit, IN_WORD, i);
		unit_settle(b->unit);
		expect(b, "memory at", 4 * i, unit_get(b->unit, OUT_MEMORY), expected);
	}
}

static void compare_counters(struct bench *b)
{
	static const int compared[] = {
		QMAC_COUNTER_ACC_READS, QMAC_COUNTER_DRAM_WRITE_BYTES, QMAC_COUNTER_DRAM_WRITE_BURSTS,
		QMAC_COUNTER_CONTAINER_SATURATIONS,
	};

	for (int i = 0; i < TEST_COUNT(compared); i++)
		expect(b, "counter", (uint64_t)compared[i], b->counters[compared[i]],
		       b->device.counters[compared[i]]);
	expect(b, "digest", 0, b->digest, b->expected_digest);
	if (!b->stalls)
		expect(b, "pairs", 0, b->pairs, b->mover.pairs);
}

/* ---- one cycle ------------------------------------------------------------------- */

static uint32_t response_due(struct bench *b)
{
	struct burst *burst = &b->bursts[b->answered];

	if (b->answered == b->taken)
		return 0;
	/* A memory without latency answers in the cycle of the last beat. */
	if (b->stalls ? burst->sent < burst->beats || below(b, 4) : burst->response > b->cycle)
		return 0;
	return (int64_t)b->answered++ == b->error_burst ? RESPONSE | RESPONSE_ERROR : RESPONSE;
}

/* A request is seen for the first time. */
static void request_shown(struct bench *b)
{
	uint32_t high = unit_get(b->unit, OUT_LAST);

	if (b->shown == b->room) {
		b->room = 2 * b->room + 64;
		b->bursts = realloc(b->bursts, b->room * sizeof *b->bursts);
		CU_ASSERT_PTR_NOT_NULL_FATAL(b->bursts);
	}
	b->bursts[b->shown++] = (struct burst){
		.beats = (high >> 16) + 1, .place = unit_get(b->unit, OUT_ADDRESS) % MEMORY_BYTES / BUS_BYTES,
	};
}

static void request_taken(struct bench *b)
{
	struct burst *burst = &b->bursts[b->taken++];
	uint64_t address = unit_get(b->unit, OUT_ADDRESS) |
	                   (uint64_t)(unit_get(b->unit, OUT_LAST) & 0xFFFF) << 32;
	uint64_t first = qmac_dram_burst(&b->dram, b->cycle, address, (uint32_t)burst->beats, true);

	burst->taken = true;
	burst->response = (first + burst->beats * b->dram.step) / 256;
	if (burst->response <= b->last_response)
		burst->response = b->last_response + 1;
	b->last_response = burst->response;
	if (b->stalls)
		return;
	expect(b, "requests, active", b->mover.bursts, b->mover.active, true);
	expect(b, "request in cycle", b->mover.bursts, b->cycle, b->mover.earliest);
	expect(b, "address of burst", b->mover.bursts, address, b->mover.burst_address);
	expect(b, "beats of burst", b->mover.bursts, burst->beats, b->mover.burst_beats);
	qmac_mover_issue(&b->mover, &b->mover_dram, b->cycle);
	b->retire = b->mover.completed + 1;
}

static void watch_request(struct bench *b, uint32_t control)
{
	if (b->held) {
		expect(b, "request withdrawn, valid", b->cycle, control & REQUEST, REQUEST);
		expect(b, "request changed, address", b->cycle, unit_get(b->unit, OUT_ADDRESS), b->held_low);
		expect(b, "request changed, length", b->cycle, unit_get(b->unit, OUT_LAST), b->held_last);
	} else if (control & REQUEST) {
		request_shown(b);
	}
	if (control & BURST)
		request_taken(b);
	b->held = control & REQUEST && !(control & BURST);
	b->held_low = unit_get(b->unit, OUT_ADDRESS);
	b->held_last = unit_get(b->unit, OUT_LAST);
}

/* A beat is offered, and perhaps taken, for the burst at `sending`. */
static void watch_beat(struct bench *b, uint32_t control, bool ready, uint64_t shown_before)
{
	struct burst *burst = &b->bursts[b->sending];

	if (b->beat_held)
		expect(b, "beat withdrawn, valid", b->cycle, control & BEAT, BEAT);
	b->beat_held = control & BEAT && !ready;
	if (!(control & BEAT))
		return;
	expect(b, "beat behind a request", b->cycle, b->sending < shown_before, true);
	if (!ready || b->sending >= shown_before)
		return;
	if (!b->stalls)
		expect(b, "beat in cycle", b->beats, b->cycle, qmac_mover_freed(&b->mover, b->beats));
	expect(b, "last beat", b->beats, (control & BEAT_LAST) != 0, ++burst->sent == burst->beats);
	b->beats++;
	b->sending += burst->sent == burst->beats;
}

/* The containers of a row on their way to memory. */
static void take_row(struct bench *b, unsigned container)
{
	uint64_t address = unit_get(b->unit, OUT_ROW_ADDRESS) |
	                   (uint64_t)unit_get(b->unit, OUT_ROW_ADDRESS + 1) << 32;
	uint32_t lanes = unit_get(b->unit, OUT_BYTES) >> 24;

	for (uint32_t lane = 0; lane < lanes; lane++) {
		unit_set(b->unit, IN_ROW, lane << 16);
		unit_settle(b->unit);
		b->digest += ref_digest(4, address + ((uint64_t)lane << container), 0,
		                        unit_get(b->unit, OUT_ROW) | (uint64_t)unit_get(b->unit, OUT_ROW + 1) << 32);
	}
}

/* Returns what the unit showed in the cycle that ends; container: of the command at work. */
static uint32_t clock_cycle(struct bench *b, uint32_t inputs, unsigned container)
{
	uint32_t aw_ready = b->stalls && below(b, 3) ? 0 : AW_READY;
	uint32_t w_ready = b->stalls && below(b, 2) ? 0 : W_READY;
	uint32_t control, bytes;
	uint64_t shown = b->shown;

	unit_set(b->unit, IN_CONTROL, inputs | RESET_OFF | aw_ready | w_ready | response_due(b));
	if (b->sending < b->shown)
		unit_set(b->unit, IN_BEAT, b->bursts[b->sending].place + (uint32_t)b->bursts[b->sending].sent);
	unit_settle(b->unit);
	control = unit_get(b->unit, OUT_CONTROL);
	bytes = unit_get(b->unit, OUT_BYTES);
	watch_request(b, control);
	watch_beat(b, control, w_ready != 0, shown);
	if (control & ROW_DATA)
		take_row(b, container);
	b->counters[QMAC_COUNTER_ACC_READS] += (control & ROW_READ) != 0;
	b->counters[QMAC_COUNTER_DRAM_WRITE_BYTES] += bytes & 0xFFFF;
	b->counters[QMAC_COUNTER_CONTAINER_SATURATIONS] += bytes >> 16 & 127;
	b->counters[QMAC_COUNTER_DRAM_WRITE_BURSTS] += (control & BURST) != 0;
	b->pairs += (control & PAIR) != 0;
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
	qmac_mover_init(&b->mover, &b->hw, true, b->freed, FIFO_BEATS);
	memset(b->counters, 0, sizeof b->counters);
	memset(b->device.counters, 0, sizeof b->device.counters);
	b->shown = b->taken = b->sending = b->answered = b->beats = b->last_response = 0;
	b->pairs = b->cycle = b->digest = b->expected_digest = 0;
	b->parts = 0;
	b->held = b->beat_held = false;
	b->error_burst = NEVER;
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
	ref_execute_store(&b->device, words, &record);
	b->device.counters[QMAC_COUNTER_CONTAINER_SATURATIONS] += record.container_saturations;
	b->expected_digest += record.digest;
	b->parts = 0;
}

/* Random commands, the next one offered as soon as the unit has it, or after a gap. */
static void run(struct bench *b, int commands)
{
	struct qmac_command command = {0};
	int started = 0, retired = 0;
	uint64_t idle = 0, earliest = 0;
	unsigned container = 0;

	qmac_fuzz_command_of(&b->program, QMAC_OPCODE_STORE, &command);
	while (retired < commands && idle < 500000 && b->wrong == 0) {
		bool offer = started < commands && b->parts == 4 && b->cycle >= earliest;
		uint32_t inputs = offer ? START : b->parts < 4 ? write_part(b, &command) : 0;
		uint32_t control = clock_cycle(b, inputs, container);

		idle++;
		if (control & RETIRE) {
			if (!b->stalls)
				expect(b, "retire cycle of command", (uint64_t)retired, b->cycle - 1, b->retire);
			expect(b, "bursts answered", (uint64_t)retired, b->answered, b->shown);
			expect(b, "bursts sent", (uint64_t)retired, b->sending, b->shown);
			retired++;
			idle = 0;
		}
		expect(b, "busy", b->cycle, (control & BUSY) != 0, started > retired || control & RETIRE);
		expect(b, "ready", b->cycle, control & READY, (control & BUSY) == 0);
		if (offer && control & READY) {
			began(b, &command);
			container = command.container;
			started++;
			earliest = b->cycle + below(b, 3) * below(b, 100);
			qmac_fuzz_command_of(&b->program, QMAC_OPCODE_STORE, &command);
		}
	}
	expect(b, "commands retired", 0, (uint64_t)retired, (uint64_t)commands);
}

static void set_up(struct bench *b)
{
	*b = (struct bench){
		.unit = unit_create(), .error_burst = NEVER,
		.hw = {
			.rows = 1, .cols = COLS, .a_bits = 8, .w_bits = 8, .acc_bits = ACC_BITS, .os_max = 256,
			.a_depth = DEPTH, .w_depth = DEPTH, .acc_depth = DEPTH, .bus_bytes = BUS_BYTES,
			.burst_beats = BURST_BEATS, .outstanding = OUTSTANDING, .queue_depth = 1, .lut_bits = 4,
			.lut_ports = 1,
		},
	};
	b->freed = calloc(qmac_mover_places(FIFO_BEATS), sizeof *b->freed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b->freed);
	CU_ASSERT_TRUE_FATAL(ref_device_init(&b->device, &b->hw, MEMORY_BYTES));
	b->program = (struct qmac_fuzz_program){.hw = b->hw, .rng = test_seed(), .data_bytes = MEMORY_BYTES};
	reset(b);
	fill_memory(b);
	fill_acc(b);
}

static void tear_down(struct bench *b)
{
	free(b->freed);
	free(b->bursts);
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
		compare_memory(&b);
		compare_counters(&b);
		cycles += b.cycle;
		saturations += b.counters[QMAC_COUNTER_CONTAINER_SATURATIONS];
	}
	printf("%d columns, bus %d: %llu cycles, %llu saturations\n", COLS, BUS_BYTES, (unsigned long long)cycles,
	       (unsigned long long)saturations);
	CU_ASSERT_EQUAL(b.wrong, 0);
	CU_ASSERT_TRUE(saturations > 0);
	tear_down(&b);
}

/* What has been requested is sent and answered, then the unit is quiet, but not ready, until reset. */
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
			qmac_fuzz_command_of(&b.program, QMAC_OPCODE_STORE, &command);
		while (command.n0 * command.n1 * command.n2 < 3);
		while (b.parts < 4)
			clock_cycle(&b, write_part(&b, &command), 0);
		b.error_burst = (int64_t)below(&b, 2); /* there may be only one */
		clock_cycle(&b, START, 0);
		began(&b, &command);
		for (int wait = 0; wait < 500000 && control & BUSY && !(control & RETIRE); wait++)
			control = clock_cycle(&b, 0, command.container);
		if ((int64_t)b.answered <= b.error_burst)
			continue; /* it retired before the error */
		stopped++;
		expect(&b, "error", b.cycle, control & (ERROR | READY | BUSY | REQUEST | RETIRE), ERROR);
		expect(&b, "bursts answered", b.cycle, b.answered, b.shown);
		for (int k = 0; k < 50; k++) {
			control = clock_cycle(&b, START, command.container);
			expect(&b, "still", b.cycle, control & (ERROR | READY | BUSY | REQUEST | BEAT | PAIR), ERROR);
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

	return test_main("test_rtl_store", cases, TEST_COUNT(cases));
}
