/* Time: the C model against the stepping reference of docs/timing.md, and against arithmetic by hand. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/commands.h"
#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "reference/device_pair.h"
#include "reference/ref_fields.h"
#include "reference/time_pair.h"
#include "test.h"

static int64_t below(uint64_t *rng, int64_t n)
{
	return (int64_t)(test_random(rng) % (uint64_t)n);
}

/* ---- random programs ---- */

enum { PROGRAMS = 60, PROGRAM_COMMANDS = 40, DATA_BYTES = 12288 };

/* As qmac_fuzz_hw(), its memory slow only now and then: the reference steps through every cycle. */
static void time_hw(uint64_t *rng, struct qmac_hw *hw)
{
	qmac_fuzz_hw(rng, hw);
	hw->dram_latency = (int)qmac_fuzz_pick(rng, 0, below(rng, 16) ? 12 : 100);
	hw->dram_miss = (int)qmac_fuzz_pick(rng, 0, below(rng, 16) ? 8 : 60);
	hw->dram_turnaround = (int)qmac_fuzz_pick(rng, 0, 12);
	hw->dram_bytes_per_cycle = (int)qmac_fuzz_pick(rng, below(rng, 8) ? 4 * 256 : 256, 80 * 256);
	if (below(rng, 2))
		hw->burst_beats = 1 + (int)below(rng, 8);
	if (below(rng, 4) == 0) { /* small FIFOs */
		hw->burst_beats = 1 + (int)below(rng, 4);
		hw->outstanding = 1 + (int)below(rng, 2);
	}
}

/*
 * Engines side by side: a command waits for recent ones of at most a few engines, its own among
 * them. Programs are not race-free, which time does not see.
 */
static void sparse_command(struct qmac_fuzz_program *program, struct qmac_command *command)
{
	static const unsigned char mix[] = {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4};
	static const unsigned char engines[] = {0, QMAC_ENGINE_LOAD, QMAC_ENGINE_STORE, QMAC_ENGINE_EXECUTE,
	                                        QMAC_ENGINE_EXECUTE};
	uint64_t *rng = &program->rng;
	uint32_t counts[3];

	if (below(rng, 40) == 0) {
		qmac_fuzz_command_of(program, QMAC_OPCODE_SYNC, command);
		return;
	}
	qmac_fuzz_command_of(program, mix[below(rng, (int64_t)sizeof mix)], command);
	for (unsigned e = 0; e < 3; e++) {
		command->wait_mask |= (below(rng, 5) == 0 ? 1U : 0) << e;
		counts[e] = (program->dispatched[e] - (uint32_t)below(rng, below(rng, 3) ? 4 : 16)) & 0xFFFF;
	}
	command->wait_load = command->wait_mask & 1 ? counts[0] : 0;
	command->wait_exec = command->wait_mask & 2 ? counts[1] : 0;
	command->wait_store = command->wait_mask & 4 ? counts[2] : 0;
	program->dispatched[engines[command->opcode]]++;
}

/* A random device and a random program on both sides; false where there is no device. */
static bool random_run(uint64_t seed, bool sparse, struct time_pair *pair)
{
	struct qmac_fuzz_program program = {.rng = seed, .data_bytes = DATA_BYTES};
	struct qmac_command command;

	time_hw(&program.rng, &program.hw);
	if (!time_pair_open(pair, &program.hw, DATA_BYTES + 64 * (uint64_t)below(&program.rng, 64),
	                    1 + (int)below(&program.rng, 7)))
		return false;
	pair->rng = test_random(&program.rng);
	pair->small_doorbells = below(&program.rng, 2);
	pair->ref.stops_at_irq = below(&program.rng, 2);
	if (below(&program.rng, 3) == 0)
		pair->slice = 1 + (uint64_t)qmac_fuzz_pick(&program.rng, 0, 500);
	if (below(&program.rng, 4) == 0)
		pair->ref.fault = (uint64_t)below(&program.rng, PROGRAM_COMMANDS);
	for (uint64_t i = 0; i < PROGRAM_COMMANDS; i++) {
		if (i == pair->ref.fault)
			memset(&command, 0, sizeof command);
		else if (sparse)
			sparse_command(&program, &command);
		else
			qmac_fuzz_command(&program, &command);
		time_pair_add(pair, &command);
	}
	time_pair_run(pair);
	return true;
}

static void test_programs(bool sparse)
{
	uint64_t rng = test_seed() + sparse;
	static struct time_pair pair;
	int bad = 0;

	for (int i = 0; i < PROGRAMS && bad < 5; i++) {
		uint64_t seed = test_random(&rng);

		if (random_run(seed, sparse, &pair))
			bad += time_pair_differences(&pair, seed) != 0;
		time_pair_close(&pair);
	}
	CU_ASSERT_EQUAL(bad, 0);
}

static void test_ordered(void)
{
	test_programs(false);
}

static void test_sparse(void)
{
	test_programs(true);
}

/* The reference alone with all commands in one ring. */
static void run_reference(struct ref_time *time, const struct qmac_hw *hw, bool ties_swapped,
                          uint32_t words[][QMAC_COMMAND_WORDS], uint64_t count)
{
	ref_time_init(time, hw, DATA_BYTES, 8);
	time->ties_swapped = ties_swapped;
	ref_time_submit(time, words, (uint32_t)count);
	ref_time_run(time);
}

/* Ties the other way round must show. */
static void test_planted_tie(void)
{
	uint64_t rng = test_seed() + 1;
	static struct time_pair pair;
	struct ref_time right, swapped;
	int seen = 0;

	for (int i = 0; i < PROGRAMS / 4; i++) {
		bool same = true;

		if (!random_run(test_random(&rng), true, &pair))
			return;
		run_reference(&right, &pair.ref.hw, false, pair.words, pair.ref.dispatched);
		run_reference(&swapped, &pair.ref.hw, true, pair.words, pair.ref.dispatched);
		for (uint64_t c = 0; c < right.commands; c++)
			same = same && right.command[c]->retire == swapped.command[c]->retire;
		seen += !same;
		ref_time_free(&right);
		ref_time_free(&swapped);
		time_pair_close(&pair);
	}
	CU_ASSERT(seen >= PROGRAMS / 40);
}

/* ---- directed ---- */

/* A memory of one beat a cycle without delay: descriptors come as fast as they can. */
static const struct qmac_hw plain = {
	.rows = 8, .cols = 8, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 4096, .a_depth = 256,
	.w_depth = 256, .acc_depth = 256, .bus_bytes = 64, .burst_beats = 16, .outstanding = 4, .queue_depth = 16,
	.lut_bits = 6, .lut_ports = 3, .clock_mhz = 500, .dram_bytes_per_cycle = 64 * 256, .dram_banks = 8,
	.dram_row_bytes = 2048,
};

/* A bus of 8 bytes, bursts of 4 beats, 2 in flight; a request to an open row takes 10 cycles, else 15. */
static const struct qmac_hw narrow = {
	.rows = 8, .cols = 16, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 4096, .a_depth = 256,
	.w_depth = 256, .acc_depth = 256, .bus_bytes = 8, .burst_beats = 4, .outstanding = 2, .queue_depth = 4,
	.lut_bits = 6, .lut_ports = 3, .clock_mhz = 500, .dram_latency = 10, .dram_bytes_per_cycle = 8 * 256,
	.dram_banks = 8, .dram_row_bytes = 2048, .dram_miss = 5, .dram_turnaround = 3,
};

static struct qmac_command gemm(uint32_t mode, uint32_t slots, uint32_t k)
{
	return (struct qmac_command){.opcode = QMAC_OPCODE_GEMM, .mode = mode, .n0 = slots, .n1 = 1, .n2 = 1,
	                             .k = k, .n = 1};
}

/* `rows` rows of `len` 16-bit elements, stride bytes apart. */
static struct qmac_command move(uint32_t opcode, uint64_t base, uint32_t rows, uint32_t len, uint32_t stride)
{
	return (struct qmac_command){.opcode = opcode, .base = base, .s0 = stride, .n0 = rows, .n1 = 1, .n2 = 1,
	                             .len = len, .hi0 = rows - 1, .space = QMAC_SPACE_ACC,
	                             .container = QMAC_CONTAINER_HALF};
}

/* Runs what was added; both sides must agree. */
static void run(struct time_pair *pair)
{
	time_pair_run(pair);
	CU_ASSERT_EQUAL(time_pair_differences(pair, 0), 0);
}

static uint64_t duration(const struct time_pair *pair, uint32_t number)
{
	return pair->record[number].cycle - pair->record[number].start;
}

/* rows x cols */
static const int shapes[][2] = {{1, 1}, {1, 7}, {5, 1}, {3, 64}, {64, 3}, {12, 20}, {8, 8}, {64, 64}};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static struct qmac_hw shaped(int shape)
{
	struct qmac_hw hw = plain;

	hw.rows = shapes[shape][0];
	hw.cols = shapes[shape][1];
	hw.lut_ports = 1;
	return hw;
}

/* Each pass alone in the device: T + k + rows + cols + 2 (ws), T + 2k + cols + 2 (os). */
static void test_isolated_pass(void)
{
	uint64_t rng = test_seed();
	static struct time_pair pair;

	for (int shape = 0; shape < SHAPES; shape++) {
		struct qmac_hw hw = shaped(shape);

		if (!time_pair_open(&pair, &hw, 4096, 4))
			return;
		for (uint32_t i = 0; i < 24; i++) {
			uint32_t slots = (uint32_t)qmac_fuzz_pick(&rng, 1, 300);
			uint32_t k = (uint32_t)qmac_fuzz_pick(&rng, 1, hw.rows);
			uint32_t mode = (uint32_t)below(&rng, 2), rows = (uint32_t)hw.rows, cols = (uint32_t)hw.cols;
			struct qmac_command pass = gemm(mode, slots, k);

			time_pair_add(&pair, &pass);
			run(&pair);
			CU_ASSERT_EQUAL(duration(&pair, i), mode == QMAC_MODE_WS ? slots + k + rows + cols + 2
			                                                         : slots + 2 * k + cols + 2);
		}
		time_pair_close(&pair);
	}
}

/* The slot in which a pass began, from its retirement. */
static uint64_t first_slot(const struct time_pair *pair, uint32_t number, uint32_t mode, uint32_t slots,
                           uint32_t k)
{
	uint64_t rows = (uint64_t)pair->ref.hw.rows, cols = (uint64_t)pair->ref.hw.cols;

	if (mode == QMAC_MODE_WS)
		return pair->record[number].cycle - (slots - 1 + rows) - (cols + 2);
	return pair->record[number].cycle - (slots + 1 + 2 * (k - 1)) - (cols + 2);
}

/* A VEC that keeps the array waiting until its queue is full, then passes of one mode: slots used. */
static void check_utilisation(int shape, uint32_t mode)
{
	enum { PASSES = 100 };
	static struct time_pair pair;
	struct qmac_hw hw = shaped(shape);
	struct qmac_command gate = {.opcode = QMAC_OPCODE_VEC, .n0 = 200, .n1 = 1, .bw = 8, .lanes = 1,
	                            .dspace = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM, .red_rows = 1};
	uint64_t rng = test_seed() + (uint64_t)shape, used = 0, first = 0, last = 0;

	if (!time_pair_open(&pair, &hw, 4096, 7))
		return;
	time_pair_add(&pair, &gate);
	for (uint32_t i = 0; i < PASSES; i++) {
		struct qmac_command pass = gemm(mode, (uint32_t)qmac_fuzz_pick(&rng, 2 * hw.rows, 2 * hw.rows + 8),
		                                (uint32_t)hw.rows);

		time_pair_add(&pair, &pass);
	}
	run(&pair);
	for (uint32_t i = 1; i <= PASSES; i++) {
		uint32_t slots = (uint32_t)REF_GET(pair.words[i], GEMM, n0);
		const struct ref_time_command *pass = pair.ref.command[i];

		last = first_slot(&pair, i, mode, slots, (uint32_t)hw.rows);
		first = i == 1 ? last : first;
		if (i < PASSES) {
			used += slots;
			CU_ASSERT(pair.ref.command[i + 1]->dispatch < pass->left); /* the queue is never empty */
		}
	}
	CU_ASSERT(100 * used >= 99 * (last - first));
	CU_ASSERT(used <= last - first);
	time_pair_close(&pair);
}

static void test_utilisation(void)
{
	for (int shape = 0; shape < SHAPES; shape++) {
		check_utilisation(shape, QMAC_MODE_WS);
		check_utilisation(shape, QMAC_MODE_OS);
	}
}

/* Output to weight stationary: the preload of k rows can not run behind the stream. Back: nothing. */
static void test_mode_change(void)
{
	enum { PASSES = 20 };
	static struct time_pair pair;

	for (int shape = 0; shape < SHAPES; shape++) {
		struct qmac_hw hw = shaped(shape);
		uint32_t k = (uint32_t)hw.rows, slots = 2 * k + 3;

		if (!time_pair_open(&pair, &hw, 4096, 5))
			return;
		for (uint32_t i = 0; i < PASSES; i++) {
			struct qmac_command pass = gemm(i % 2 ? QMAC_MODE_WS : QMAC_MODE_OS, slots, k);

			time_pair_add(&pair, &pass);
		}
		run(&pair);
		for (uint32_t i = 10; i < PASSES; i++) { /* from where fetching does not matter */
			uint32_t mode = i % 2 ? QMAC_MODE_WS : QMAC_MODE_OS;
			uint64_t gap = first_slot(&pair, i, mode, slots, k) -
			               first_slot(&pair, i - 1, QMAC_MODE_WS + QMAC_MODE_OS - mode, slots, k) - slots;

			CU_ASSERT_EQUAL(gap, mode == QMAC_MODE_WS ? k : 0);
		}
		time_pair_close(&pair);
	}
}

/*
 * By hand, on `narrow`. Fetch: 2 bursts of 4 beats, in cycles 1 and 2; first data after latency and
 * miss in 16 .. 23. Ready in 24, dispatched in 26, start in 27. Each of the three rows of 24 bytes,
 * from address 4 on, is one burst of 4 beats.
 * LOAD: requests in 28, 29, and 1 after the first burst's last beat. Data: 28 + 15 = 43 .. 46
 * (another bank than the ring: a miss), 47 .. 50, 47 + 1 + 10 = 58 .. 61; the last unpacked in 62.
 * STORE: packs from 27 + 4 + 1 = 32, requests in 36 and 40, data from 36 + 15 = 51 and 55; the
 * third row waits for the FIFO until 38 and is packed in 40 .. 43, but only in 55 is the first
 * burst done: request in 56, data from 66, response in 70.
 */
static void test_move_by_hand(void)
{
	const struct qmac_command load = move(QMAC_OPCODE_LOAD, 4, 3, 12, 24);
	const struct qmac_command store = move(QMAC_OPCODE_STORE, 4, 3, 12, 24);
	const struct {
		const struct qmac_command *command;
		uint64_t retire;
		int memory;
	} cases[] = {{&load, 62 + 4, QMAC_COUNTER_LOAD_MEMORY}, {&store, 70 + 1, QMAC_COUNTER_STORE_MEMORY}};

	for (int i = 0; i < 2; i++) {
		static struct time_pair pair;

		if (!time_pair_open(&pair, &narrow, 4096 + 2048, 4))
			return;
		time_pair_add(&pair, cases[i].command);
		run(&pair);
		CU_ASSERT_EQUAL(pair.record[0].start, 27);
		CU_ASSERT_EQUAL(pair.record[0].cycle, cases[i].retire);
		CU_ASSERT_EQUAL(pair_counter(pair.device, QMAC_COUNTER_CYCLES), cases[i].retire);
		CU_ASSERT_EQUAL(pair_counter(pair.device, cases[i].memory), cases[i].retire - 27 - 12);
		CU_ASSERT_EQUAL(pair_counter(pair.device, QMAC_COUNTER_FETCH_BYTES), 64);
		time_pair_close(&pair);
	}
}

/* Durations of up to two commands that do not wait for each other. */
static void durations(const struct qmac_hw *hw, const struct qmac_command *one,
                      const struct qmac_command *two, uint64_t cycles[2])
{
	static struct time_pair pair;

	if (!time_pair_open(&pair, hw, DATA_BYTES, 4))
		return;
	time_pair_add(&pair, one);
	if (two)
		time_pair_add(&pair, two);
	run(&pair);
	cycles[0] = duration(&pair, 0);
	cycles[1] = duration(&pair, 1);
	time_pair_close(&pair);
}

static void test_contention(void)
{
	const struct qmac_command load = move(QMAC_OPCODE_LOAD, 0, 40, 16, 40);
	const struct qmac_command store = move(QMAC_OPCODE_STORE, 6144, 40, 16, 40);
	uint64_t alone[2], beside[2], unused[2];

	durations(&narrow, &load, NULL, alone);
	durations(&narrow, &store, NULL, unused);
	alone[1] = unused[0];
	durations(&narrow, &load, &store, beside);
	CU_ASSERT(beside[0] > alone[0]);
	CU_ASSERT(beside[1] > alone[1]);
	CU_ASSERT(beside[0] + beside[1] < 2 * (alone[0] + alone[1]));
}

/*
 * One-beat bursts, answered at once: a LOAD of 100 beats asks in every cycle. A STORE of one beat
 * asks in the same cycle as it and comes first: it loses nothing, the LOAD one cycle. FETCH comes
 * before LOAD: of 12 descriptors, fetched in cycles 1 to 12, the first starts in cycle 5.
 */
static void test_ties(void)
{
	const struct qmac_command load = move(QMAC_OPCODE_LOAD, 0, 100, 8, 64);
	const struct qmac_command store = move(QMAC_OPCODE_STORE, 8192, 1, 8, 64);
	const struct qmac_command pass = gemm(QMAC_MODE_WS, 1, 1);
	struct qmac_hw hw = plain;
	struct ref_time swapped;
	static struct time_pair pair;
	uint64_t cycles[2];

	hw.burst_beats = 1;
	hw.outstanding = 16;
	durations(&hw, &load, NULL, cycles);
	CU_ASSERT_EQUAL(cycles[0], 1 + 100 + 4);
	durations(&hw, &store, NULL, cycles);
	CU_ASSERT_EQUAL(cycles[0], 4 + 1 + 1 + 1 + 1);
	durations(&hw, &load, &store, cycles);
	CU_ASSERT_EQUAL(cycles[0], 1 + 100 + 4 + 1);
	CU_ASSERT_EQUAL(cycles[1], 4 + 1 + 1 + 1 + 1);

	if (!time_pair_open(&pair, &hw, DATA_BYTES, 4))
		return;
	time_pair_add(&pair, &load);
	time_pair_add(&pair, &store);
	run_reference(&swapped, &hw, true, pair.words, 2);
	CU_ASSERT_EQUAL(swapped.command[1]->retire - swapped.command[1]->start, 4 + 1 + 1 + 1 + 1 + 1);
	ref_time_free(&swapped);
	pair.count = 1;
	while (pair.count < 12)
		time_pair_add(&pair, &pass);
	run(&pair);
	CU_ASSERT_EQUAL(pair.record[0].start, 5);
	CU_ASSERT_EQUAL(pair.record[0].cycle, 12 + 100 + 1 + 4);
	time_pair_close(&pair);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"race-free programs", test_ordered},
		{"engines side by side", test_sparse},
		{"swapped ties would be seen", test_planted_tie},
		{"cost of an isolated pass", test_isolated_pass},
		{"utilisation of passes of one mode", test_utilisation},
		{"cost of a change of mode", test_mode_change},
		{"LOAD and STORE by hand", test_move_by_hand},
		{"contention", test_contention},
		{"order within a cycle", test_ties},
	};

	return test_main("test_time", cases, TEST_COUNT(cases));
}
