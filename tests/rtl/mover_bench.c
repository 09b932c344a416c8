#include "mover_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "test.h"
#include "window.h"

enum { BATCHES = 60, BATCH = 50, ERRORS = 60, IDLE_MAX = 500000, WRONG_SHOWN = 5, NEVER = -1 };

static const struct mover_unit *tested;
static const struct qmac_hw *tested_hw;

uint64_t bench_below(struct mover_bench *b, uint64_t count)
{
	return test_random(&b->program.rng) % count;
}

void bench_expect(struct mover_bench *b, const char *what, uint64_t number, uint64_t got, uint64_t expected)
{
	if (got != expected && b->wrong++ < WRONG_SHOWN)
		printf("%s %llu: got %llu (0x%llx), expected %llu (0x%llx)\n", what, (unsigned long long)number,
		       (unsigned long long)got, (unsigned long long)got, (unsigned long long)expected,
		       (unsigned long long)expected);
}

void *bench_room(void *items, uint64_t count, uint64_t *room, size_t size)
{
	if (count < *room)
		return items;
	*room = 2 * *room + 64;
	items = realloc(items, *room * size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(items);
	return items;
}

/* ---- memory and scratchpads ------------------------------------------------------ */

static void fill_memory(struct mover_bench *b)
{
	for (uint32_t i = 0; i < MEMORY_BYTES / 4; i++) {
		uint32_t word = (uint32_t)b->of->memory_random(&b->program.rng);

		for (uint32_t k = 0; k < 4; k++)
			b->device.memory[4 * i + k] = (uint8_t)(word >> 8 * k);
		unit_set(b->unit, b->of->memory_index, i);
		unit_set(b->unit, b->of->memory_value, word);
		unit_set(b->unit, IN_CONTROL, RESET_OFF | b->of->memory_write);
		unit_clock(b->unit);
	}
}

void bench_point_at(struct mover_bench *b, int space, int64_t row, int lane)
{
	unit_set(b->unit, IN_ROW, (uint32_t)row | (uint32_t)lane << 16 | (uint32_t)space << 24);
}

void bench_fill_space(struct mover_bench *b, int space)
{
	uint64_t mask = UINT64_MAX >> (64 - ref_word_bits(&b->hw, space));

	for (int64_t row = 0; row < ref_depth(&b->hw, space); row++)
		for (int lane = 0; lane < ref_width(&b->hw, space); lane++) {
			uint64_t value = qmac_fuzz_word(&b->program.rng) & mask;

			ref_poke(&b->device, space, row, (int64_t)lane, value);
			bench_point_at(b, space, row, lane);
			unit_set(b->unit, IN_VALUE, (uint32_t)value);
			unit_set(b->unit, IN_VALUE + 1, (uint32_t)(value >> 32));
			unit_set(b->unit, IN_CONTROL, RESET_OFF | b->of->poke);
			unit_clock(b->unit);
		}
}

static void compare_counters(struct mover_bench *b)
{
	for (int i = 0; i < b->of->counter_count; i++) {
		int counter = b->of->counters[i];

		bench_expect(b, "counter", (uint64_t)counter, b->counters[counter], b->device.counters[counter]);
	}
	if (!b->stalls)
		bench_expect(b, "pairs", 0, b->pairs, b->mover.pairs);
}

/* ---- one cycle ------------------------------------------------------------------- */

bool bench_watch_request(struct mover_bench *b, uint32_t control, bool taken)
{
	bool held = b->held, requested = (control & b->of->request) != 0;

	if (held) {
		bench_expect(b, "request withdrawn, valid", b->cycle, requested, true);
		bench_expect(b, "request changed, address", b->cycle, unit_get(b->unit, OUT_ADDRESS), b->held_low);
		bench_expect(b, "request changed, length", b->cycle, unit_get(b->unit, OUT_LAST), b->held_last);
	}
	if (requested && !held)
		bench_expect(b, "new request after an error", b->cycle, control & ERROR, 0);
	b->held = requested && !taken;
	b->held_low = unit_get(b->unit, OUT_ADDRESS);
	b->held_last = unit_get(b->unit, OUT_LAST);
	return requested && !held;
}

uint64_t bench_burst_address(const struct mover_bench *b)
{
	return unit_get(b->unit, OUT_ADDRESS) | (uint64_t)(unit_get(b->unit, OUT_LAST) & 0xFFFF) << 32;
}

uint32_t bench_burst_beats(const struct mover_bench *b)
{
	return (unit_get(b->unit, OUT_LAST) >> 16) + 1;
}

uint64_t bench_take_burst(struct mover_bench *b)
{
	uint64_t address = bench_burst_address(b);
	uint32_t beats = bench_burst_beats(b);
	bool is_write = b->of->opcode == QMAC_OPCODE_STORE;

	if (!b->stalls) {
		bench_expect(b, "requests, active", b->mover.bursts, b->mover.active, true);
		bench_expect(b, "request in cycle", b->mover.bursts, b->cycle, b->mover.earliest);
		bench_expect(b, "address of burst", b->mover.bursts, address, b->mover.burst_address);
		bench_expect(b, "beats of burst", b->mover.bursts, beats, b->mover.burst_beats);
		qmac_mover_issue(&b->mover, &b->mover_dram, b->cycle);
		b->retire = b->mover.completed + b->of->latency;
	}
	return qmac_dram_burst(&b->dram, b->cycle, address, beats, is_write);
}

void bench_clock(struct mover_bench *b, uint32_t control)
{
	bool is_write = b->of->opcode == QMAC_OPCODE_STORE;
	uint32_t bytes = unit_get(b->unit, OUT_BYTES);

	b->counters[is_write ? QMAC_COUNTER_DRAM_WRITE_BYTES : QMAC_COUNTER_DRAM_READ_BYTES] += bytes & 0xFFFF;
	b->counters[is_write ? QMAC_COUNTER_DRAM_WRITE_BURSTS : QMAC_COUNTER_DRAM_READ_BURSTS] +=
		(control & BURST) != 0;
	b->counters[QMAC_COUNTER_CONTAINER_SATURATIONS] += bytes >> 16 & 127;
	b->pairs += (control & PAIR) != 0;
	unit_clock(b->unit);
	b->cycle++;
}

/* ---- commands -------------------------------------------------------------------- */

static void random_memory(struct mover_bench *b)
{
	struct qmac_hw any;

	qmac_fuzz_hw(&b->program.rng, &any);
	b->hw.dram_latency = (int)bench_below(b, 3) ? (int)bench_below(b, 60) : 0;
	b->hw.dram_bytes_per_cycle = any.dram_bytes_per_cycle;
	b->hw.dram_banks = any.dram_banks;
	b->hw.dram_row_bytes = any.dram_row_bytes;
	b->hw.dram_miss = any.dram_miss;
	b->hw.dram_turnaround = any.dram_turnaround;
}

static void reset(struct mover_bench *b)
{
	random_memory(b);
	qmac_dram_init(&b->dram, &b->hw);
	qmac_dram_init(&b->mover_dram, &b->hw);
	qmac_mover_init(&b->mover, &b->hw, b->of->opcode == QMAC_OPCODE_STORE, b->freed, b->fifo_beats);
	memset(b->counters, 0, sizeof b->counters);
	memset(b->device.counters, 0, sizeof b->device.counters);
	b->asked = b->answered = b->pairs = b->cycle = b->expected_digest = 0;
	b->parts = 0;
	b->container = 0;
	b->held = false;
	b->error_at = NEVER;
	if (b->of->forget)
		b->of->forget();
	unit_set(b->unit, IN_CONTROL, 0);
	unit_clock(b->unit);
	unit_clock(b->unit);
}

/* A quarter of the next command to the unit, as the check hands it on, while the one before is at work. */
static uint32_t write_part(struct mover_bench *b, const struct qmac_command *command)
{
	uint32_t words[QMAC_COMMAND_WORDS];

	qmac_command_encode(command, words);
	window_begins(words);
	for (uint32_t i = 0; i < 4; i++)
		unit_set(b->unit, (int)(IN_PART + i), words[4 * b->parts + i]);
	return PART | b->parts++ << 9;
}

/* The command has started in the cycle that has just ended. */
static void began(struct mover_bench *b, const struct qmac_command *command)
{
	const struct qmac_transfer transfer = qmac_transfer_of(command);
	struct ref_record record = {0};
	uint32_t words[QMAC_COMMAND_WORDS];

	if (!b->stalls)
		qmac_mover_start(&b->mover, &transfer, b->cycle - 1);
	qmac_command_encode(command, words);
	(b->of->opcode == QMAC_OPCODE_STORE ? ref_execute_store : ref_execute_load)(&b->device, words, &record);
	b->device.counters[QMAC_COUNTER_CONTAINER_SATURATIONS] += record.container_saturations;
	b->expected_digest += record.digest;
	b->container = command->container;
	b->parts = 0;
}

/* Random commands, the next one offered as soon as the unit has it, or after a gap. */
static void run(struct mover_bench *b, int commands)
{
	struct qmac_command command = {0};
	int started = 0, retired = 0;
	uint64_t idle = 0, earliest = 0;

	qmac_fuzz_command_of(&b->program, b->of->opcode, &command);
	while (retired < commands && idle < IDLE_MAX && b->wrong == 0) {
		bool offer = started < commands && b->parts == 4 && b->cycle >= earliest;
		uint32_t control = b->of->cycle(b, offer ? START : b->parts < 4 ? write_part(b, &command) : 0);

		idle++;
		if (control & RETIRE) {
			if (!b->stalls)
				bench_expect(b, "retire cycle of command", (uint64_t)retired, b->cycle - 1, b->retire);
			if (b->of->retired)
				b->of->retired(b, (uint64_t)retired);
			retired++;
			idle = 0;
		}
		bench_expect(b, "busy", b->cycle, (control & BUSY) != 0, started > retired || control & RETIRE);
		bench_expect(b, "ready", b->cycle, control & READY, (control & BUSY) == 0);
		if (offer && control & READY) {
			began(b, &command);
			started++;
			earliest = b->cycle + bench_below(b, 3) * bench_below(b, 100);
			qmac_fuzz_command_of(&b->program, b->of->opcode, &command);
		}
	}
	bench_expect(b, "commands retired", 0, (uint64_t)retired, (uint64_t)commands);
}

/* ---- tests ----------------------------------------------------------------------- */

static void set_up(struct mover_bench *b)
{
	*b = (struct mover_bench){.of = tested, .unit = unit_create(), .hw = *tested_hw, .error_at = NEVER};
	b->hw.os_max = 256;
	b->hw.a_depth = b->hw.w_depth = b->hw.acc_depth = DEPTH;
	b->hw.queue_depth = 1;
	b->hw.lut_bits = LUT_BITS;
	b->hw.lut_ports = 1;
	b->fifo_beats = (uint64_t)b->hw.outstanding * (uint64_t)b->hw.burst_beats;
	b->freed = calloc(qmac_mover_places(b->fifo_beats), sizeof *b->freed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b->freed);
	CU_ASSERT_TRUE_FATAL(ref_device_init(&b->device, &b->hw, MEMORY_BYTES));
	b->program = (struct qmac_fuzz_program){.hw = b->hw, .rng = test_seed(), .data_bytes = MEMORY_BYTES};
	reset(b);
	fill_memory(b);
	b->of->fill(b);
}

static void tear_down(struct mover_bench *b)
{
	b->of->release();
	free(b->freed);
	ref_device_free(&b->device);
	unit_destroy(b->unit);
}

static void runs_random_commands(void)
{
	static struct mover_bench b;
	uint64_t cycles = 0, saturations = 0;

	set_up(&b);
	for (int batch = 0; batch < BATCHES && b.wrong == 0; batch++) {
		b.stalls = batch % 2;
		reset(&b);
		run(&b, BATCH);
		b.of->compare(&b);
		compare_counters(&b);
		cycles += b.cycle;
		saturations += b.counters[QMAC_COUNTER_CONTAINER_SATURATIONS];
	}
	printf("%d x %d, bus %d: %llu cycles, %llu saturations\n", b.hw.rows, b.hw.cols, b.hw.bus_bytes,
	       (unsigned long long)cycles, (unsigned long long)saturations);
	CU_ASSERT_EQUAL(b.wrong, 0);
	CU_ASSERT_TRUE(saturations > 0);
	tear_down(&b);
}

/* All that was requested is done and answered, then the unit is quiet, but not ready, until reset. */
static void stops_at_an_error(void)
{
	static struct mover_bench b;
	struct qmac_command command;
	uint32_t quiet = ERROR | READY | BUSY | tested->request;
	int stopped = 0;

	set_up(&b);
	for (int i = 0; i < ERRORS && b.wrong == 0; i++) {
		uint32_t control = BUSY;

		b.stalls = i % 2;
		reset(&b);
		do
			qmac_fuzz_command_of(&b.program, b.of->opcode, &command);
		while (command.n0 * command.n1 * command.n2 < 3);
		while (b.parts < 4)
			b.of->cycle(&b, write_part(&b, &command));
		b.error_at = (int64_t)bench_below(&b, 2); /* there may be only one */
		b.of->cycle(&b, START);
		began(&b, &command);
		for (int wait = 0; wait < IDLE_MAX && control & BUSY && !(control & RETIRE); wait++)
			control = b.of->cycle(&b, 0);
		if ((int64_t)b.answered <= b.error_at)
			continue; /* it retired before the error */
		stopped++;
		bench_expect(&b, "error", b.cycle, control & (quiet | RETIRE), ERROR);
		bench_expect(&b, "answers", b.cycle, b.answered, b.asked);
		for (int k = 0; k < 50; k++) {
			control = b.of->cycle(&b, START);
			bench_expect(&b, "still", b.cycle, control & (quiet | PAIR | b.of->silent), ERROR);
		}
	}
	CU_ASSERT_EQUAL(b.wrong, 0);
	CU_ASSERT_TRUE(stopped > 0);
	tear_down(&b);
}

int bench_main(const char *program, const struct mover_unit *of, const struct qmac_hw *hw)
{
	static const struct test_case cases[] = {
		{"runs random commands", runs_random_commands},
		{"stops at an error", stops_at_an_error},
	};

	tested = of;
	tested_hw = hw;
	return test_main(program, cases, TEST_COUNT(cases));
}
