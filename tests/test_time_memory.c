/*
 * The memory, by hand. Lockstep asks one model of it for both devices, so this is where it is held against
 * docs/timing.md: short cases whose cycles were found on paper, for the model itself, for the stepping
 * reference, and at the pins of the AXI master; then whole devices that the host stops in the middle.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/axi_memory.h"
#include "fuzz/random.h"
#include "reference/time_pair.h"
#include "test.h"

/* ---- bursts -------------------------------------------------------------------------------------- */

enum { BURSTS = 8, MEMORY_BYTES = 1 << 15 };
enum master { LOAD, FETCH, STORE }; /* reads by their id at the pins */

/*
 * A latency of 10 cycles, 5 more where a row has to be opened, 3 for a turn of the bus; a beat of 8 bytes a
 * cycle. Four banks of 1,024 bytes each, one behind the other: a row of all of them is 4,096 bytes.
 */
static const struct qmac_hw plain = {
	.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .dram_latency = 10, .dram_miss = 5,
	.dram_turnaround = 3, .dram_bytes_per_cycle = 8 * 256, .dram_banks = 4, .dram_row_bytes = 1024,
};
/* Rows longer than 2 KB: the banks take turns every 2 KB, and a row of both is 8,192 bytes. */
static const struct qmac_hw long_rows = {
	.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .dram_latency = 10, .dram_miss = 5,
	.dram_turnaround = 3, .dram_bytes_per_cycle = 8 * 256, .dram_banks = 2, .dram_row_bytes = 4096,
};
static const struct qmac_hw one_bank = {
	.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .dram_latency = 10, .dram_miss = 5,
	.dram_turnaround = 3, .dram_bytes_per_cycle = 8 * 256, .dram_banks = 1, .dram_row_bytes = 256,
};
/* 4.5 bytes a cycle: a beat takes ceil(256 * 8 / 4.5) = 456 parts of 256 of a cycle. */
static const struct qmac_hw half_as_fast = {
	.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .dram_latency = 10, .dram_miss = 5,
	.dram_turnaround = 3, .dram_bytes_per_cycle = 1152, .dram_banks = 4, .dram_row_bytes = 1024,
};
/* Ten times as fast as the bus, which still takes a beat a cycle. */
static const struct qmac_hw fast = {
	.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .dram_latency = 10, .dram_miss = 5,
	.dram_turnaround = 3, .dram_bytes_per_cycle = 80 * 256, .dram_banks = 4, .dram_row_bytes = 1024,
};
static const struct qmac_hw at_once = {
	.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .dram_turnaround = 9,
	.dram_bytes_per_cycle = 8 * 256, .dram_banks = 4, .dram_row_bytes = 1024,
};

/* Read: cycles of its first and its last beat. Write: cycle of its first beat, and of the response. */
struct burst {
	uint64_t cycle;
	enum master master;
	uint64_t address;
	uint32_t beats;
	uint64_t first, last;
};

static const struct memory_case {
	const char *name;
	const struct qmac_hw *hw;
	struct burst burst[BURSTS];
} cases[] = {
	{"no row is open at first", &plain, {{0, LOAD, 0, 4, 15, 18}, {20, LOAD, 32, 4, 30, 33}}},
	{"another row of the bank closes the one before", &plain,
	 {{0, LOAD, 0, 4, 15, 18}, {20, LOAD, 4096, 4, 35, 38}, {40, LOAD, 0, 4, 55, 58},
	  {60, LOAD, 32, 4, 70, 73}}},
	{"each bank has a row open", &plain,
	 {{0, LOAD, 0, 1, 15, 15}, {20, LOAD, 1024, 1, 35, 35}, {40, LOAD, 2048, 1, 55, 55},
	  {60, LOAD, 3072, 1, 75, 75}, {80, LOAD, 16, 1, 90, 90}, {100, LOAD, 1040, 1, 110, 110},
	  {120, LOAD, 3088, 1, 130, 130}, {140, LOAD, 4096, 1, 155, 155}}},
	{"of two banks one changes its row, the other keeps it", &plain,
	 {{0, LOAD, 0, 1, 15, 15}, {20, LOAD, 1024, 1, 35, 35}, {40, LOAD, 4096, 1, 55, 55},
	  {60, LOAD, 1032, 1, 70, 70}, {80, LOAD, 8, 1, 95, 95}}},
	/* 1 + 10 = 11 is before the bus is free in 23. */
	{"reads follow each other on the bus without a gap", &plain,
	 {{0, LOAD, 0, 8, 15, 22}, {1, LOAD, 64, 4, 23, 26}, {2, FETCH, 96, 1, 27, 27}}},
	{"a request behind the end of the data pays its latency", &plain,
	 {{0, LOAD, 0, 2, 15, 16}, {10, LOAD, 16, 2, 20, 21}}},
	/* 1 + 15 = 16, the bus is free in 31. */
	{"a row is opened while the bus is busy", &plain, {{0, LOAD, 0, 16, 15, 30}, {1, LOAD, 1024, 1, 31, 31}}},
	/* Free in 23, 3 to turn: 26 .. 29, response 30; 3 to turn again. */
	{"a write behind a read, a read behind a write", &plain,
	 {{0, LOAD, 0, 8, 15, 22}, {1, STORE, 64, 4, 26, 30}, {2, LOAD, 96, 1, 33, 33}}},
	{"a turn of a bus that has long been free costs nothing", &plain,
	 {{0, LOAD, 0, 1, 15, 15}, {20, STORE, 8, 1, 30, 31}, {40, LOAD, 16, 1, 50, 50}}},
	/* 7 + 10 = 17; free in 16, turned in 19. */
	{"a turn that is almost over", &plain, {{0, LOAD, 0, 1, 15, 15}, {7, STORE, 8, 1, 19, 20}}},
	{"writes follow each other without a turn", &plain,
	 {{0, STORE, 0, 4, 15, 19}, {5, STORE, 32, 4, 19, 23}, {6, STORE, 64, 1, 23, 24}}},
	/* FETCH 15 .. 22; turned in 26, response 28; LOAD asks a cycle later: turned in 31. */
	{"FETCH before STORE in one cycle", &plain,
	 {{0, FETCH, 0, 8, 15, 22}, {0, STORE, 1024, 2, 26, 28}, {1, LOAD, 2048, 4, 31, 34}}},
	{"STORE before LOAD in one cycle", &plain, {{0, STORE, 0, 2, 15, 17}, {0, LOAD, 1024, 2, 20, 21}}},
	{"masters close each other's rows, and find them open", &plain,
	 {{0, FETCH, 0, 1, 15, 15}, {20, LOAD, 4096, 1, 35, 35}, {40, FETCH, 8, 1, 55, 55},
	  {60, STORE, 4104, 1, 75, 76}, {80, LOAD, 4112, 1, 90, 90}, {100, FETCH, 16, 1, 115, 115}}},
	{"rows stay open however long nothing is asked", &plain,
	 {{0, LOAD, 0, 1, 15, 15}, {70000, LOAD, 8, 1, 70010, 70010}, {140000, STORE, 16, 1, 140010, 140011}}},
	{"banks that take turns within a long row", &long_rows,
	 {{0, LOAD, 0, 1, 15, 15}, {20, LOAD, 2048, 1, 35, 35}, {40, LOAD, 4096, 1, 50, 50},
	  {60, LOAD, 6144, 1, 70, 70}, {80, LOAD, 8192, 1, 95, 95}, {100, LOAD, 6152, 1, 110, 110}}},
	{"a single bank", &one_bank,
	 {{0, LOAD, 0, 1, 15, 15}, {20, LOAD, 248, 1, 30, 30}, {40, LOAD, 256, 1, 55, 55},
	  {60, LOAD, 0, 1, 75, 75}}},
	/*
	 * In 1/256: 3840 + i * 456 is 15, 16.8, 18.6, 20.3; free in 5664. The next one from there: 22.1, 23.9;
	 * free in 6576, turned in 7344 (28.7), response in 7800 (30.5); turned in 8568 (33.5).
	 */
	{"beats that take no whole number of cycles", &half_as_fast,
	 {{0, LOAD, 0, 4, 15, 20}, {1, LOAD, 32, 2, 22, 23}, {2, STORE, 48, 1, 28, 30},
	  {3, LOAD, 56, 1, 33, 33}}},
	{"a memory that is faster than the bus", &fast, {{0, LOAD, 0, 4, 15, 18}, {1, LOAD, 32, 4, 19, 22}}},
	{"data in the cycle of the request", &at_once, {{5, LOAD, 0, 2, 5, 6}, {8, LOAD, 4096, 1, 8, 8}}},
	{"the direction is read at first", &at_once, {{0, STORE, 0, 1, 9, 10}, {30, LOAD, 0, 1, 30, 30}}},
};

static void report(const struct memory_case *c, int burst, const char *who, uint64_t first, uint64_t last)
{
	if (first == c->burst[burst].first && last == c->burst[burst].last)
		return;
	CU_FAIL("a cycle differs");
	printf("\n%s: '%s', burst %d: expected %" PRIu64 " and %" PRIu64 ", got %" PRIu64 " and %" PRIu64 " ",
	       who, c->name, burst, c->burst[burst].first, c->burst[burst].last, first, last);
}

static void test_models(void)
{
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		const struct memory_case *c = &cases[i];
		struct ref_memory reference = {.data_free = 0};
		uint64_t step = ref_beat_step(c->hw);
		struct qmac_dram dram;

		qmac_dram_init(&dram, c->hw);
		for (int n = 0; n < BURSTS && c->burst[n].beats; n++) {
			const struct burst *b = &c->burst[n];
			bool is_write = b->master == STORE;
			uint64_t more = b->beats - !is_write;
			uint64_t model = qmac_dram_burst(&dram, b->cycle, b->address, b->beats, is_write);
			uint64_t other = ref_memory_burst(&reference, c->hw, b->cycle, b->address, b->beats, is_write);

			report(c, n, "the model", model / 256, (model + more * dram.step) / 256);
			report(c, n, "the reference", other / 256, (other + more * step) / 256);
		}
	}
}

/* One cycle of the master that asks for the bursts of a case in their cycles. */
static void step_pins(struct qmac_axi_memory *memory, const struct memory_case *c, uint64_t cycle,
                      uint32_t *beats_due, struct qmac_rtl_inputs *in, struct qmac_rtl_outputs *out)
{
	out->m_arvalid = out->m_awvalid = 0;
	out->m_wvalid = *beats_due > 0;
	*beats_due -= *beats_due > 0;
	for (int n = 0; n < BURSTS && c->burst[n].beats; n++) {
		const struct burst *b = &c->burst[n];

		if (b->cycle != cycle)
			continue;
		if (b->master == STORE) {
			out->m_awvalid = 1;
			out->m_awaddr = b->address;
			out->m_awlen = (uint8_t)(b->beats - 1);
			*beats_due += b->beats;
		} else {
			out->m_arvalid = 1;
			out->m_arid = (uint8_t)b->master;
			out->m_araddr = b->address;
			out->m_arlen = (uint8_t)(b->beats - 1);
		}
	}
	qmac_axi_memory_drive(memory, cycle, in);
	(void)qmac_axi_memory_requests(memory, cycle, in, out);
}

/* The next burst of a case at or behind n that is a write, or a read. */
static int next_of(const struct memory_case *c, int n, bool writes)
{
	while (n < BURSTS && c->burst[n].beats && (c->burst[n].master == STORE) != writes)
		n++;
	return n;
}

/* What comes at the pins; the first beat of a write does not show there. */
static void test_pins(void)
{
	static uint8_t bytes[MEMORY_BYTES];

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		const struct memory_case *c = &cases[i];
		struct qmac_rtl_outputs out = {.m_rready = 1, .m_bready = 1, .m_wstrb = 0xFF};
		struct qmac_rtl_inputs in = {.m_rvalid = 0};
		int read = next_of(c, 0, false), write = next_of(c, 0, true);
		struct qmac_axi_memory memory;
		uint32_t beats_due = 0, beat = 0;
		uint64_t first = 0;

		qmac_axi_memory_init(&memory, c->hw, bytes, sizeof bytes, 0);
		for (uint64_t cycle = 0; cycle < 150000; cycle++) {
			step_pins(&memory, c, cycle, &beats_due, &in, &out);
			if (in.m_bvalid && write < BURSTS) {
				report(c, write, "the pins", c->burst[write].first, cycle);
				write = next_of(c, write + 1, true);
			}
			if (in.m_rvalid && read < BURSTS) {
				first = beat == 0 ? cycle : first;
				if (++beat == c->burst[read].beats) {
					report(c, read, "the pins", first, cycle);
					CU_ASSERT(in.m_rlast && in.m_rid == c->burst[read].master);
					read = next_of(c, read + 1, false);
					beat = 0;
				}
			}
			qmac_axi_memory_advance(&memory, &in, &out);
		}
		CU_ASSERT((read == BURSTS || !c->burst[read].beats) && (write == BURSTS || !c->burst[write].beats));
	}
}

/* Any requests, in the order of their cycles. */
static void test_random_bursts(void)
{
	enum { RUNS = 300, COUNT = 200 };
	uint64_t rng = test_seed();
	int wrong = 0;

	for (int r = 0; r < RUNS; r++) {
		struct qmac_hw hw = {.bus_bytes = 4 << test_between(&rng, 0, 4)};
		struct ref_memory reference = {.data_free = 0};
		struct qmac_dram dram;
		uint64_t cycle = 0, base = test_random(&rng) % (1ULL << 40);

		hw.dram_banks = 1 << test_between(&rng, 0, 6);
		hw.dram_row_bytes = 256 << test_between(&rng, 0, 8);
		hw.dram_latency = (int)test_between(&rng, 0, 40);
		hw.dram_miss = (int)test_between(&rng, 0, 40);
		hw.dram_turnaround = (int)test_between(&rng, 0, 20);
		hw.dram_bytes_per_cycle = (int)test_between(&rng, 200, 80 * 256);
		qmac_dram_init(&dram, &hw);
		for (int i = 0; i < COUNT; i++) {
			uint64_t address = base + test_random(&rng) % (1U << test_between(&rng, 6, 20));
			uint32_t beats = (uint32_t)test_between(&rng, 1, 16);
			bool is_write = test_random(&rng) % 3 == 0;

			cycle += (uint64_t)test_between(&rng, 0, test_random(&rng) % 8 ? 3 : 200);
			wrong += qmac_dram_burst(&dram, cycle, address, beats, is_write) !=
			         ref_memory_burst(&reference, &hw, cycle, address, beats, is_write);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- devices that stop --------------------------------------------------------------------------- */

/* As `plain`, with bursts of 4 beats, 2 of them in flight, and 8 banks of 2,048 bytes. */
static const struct qmac_hw device = {
	.rows = 8, .cols = 16, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 4096, .a_depth = 256,
	.w_depth = 256, .acc_depth = 256, .bus_bytes = 8, .burst_beats = 4, .outstanding = 2, .queue_depth = 4,
	.lut_bits = 6, .lut_ports = 3, .clock_mhz = 500, .dram_latency = 10, .dram_bytes_per_cycle = 8 * 256,
	.dram_banks = 8, .dram_row_bytes = 2048, .dram_miss = 5, .dram_turnaround = 3,
};

enum { RING = 6144 };

static const struct qmac_command sync_irq = {.opcode = QMAC_OPCODE_SYNC, .irq = 1};

/* `rows` rows of 24 bytes, one behind the other. */
static struct qmac_command move(uint32_t opcode, uint64_t base, uint32_t rows)
{
	return (struct qmac_command){
		.opcode = opcode, .base = base, .s0 = 24, .n0 = rows, .n1 = 1, .n2 = 1, .len = 12, .hi0 = rows - 1,
		.space = QMAC_SPACE_ACC, .container = QMAC_CONTAINER_HALF,
	};
}

/*
 * Commands of which the second, a SYNC, calls the host. The rest is written with them or, with a doorbell,
 * while time stands still. The retire cycles of the first three.
 */
static void check_stop(const struct qmac_hw *hw, const struct qmac_command *first,
                       const struct qmac_command *third, bool at_once_written, const uint64_t retire[3])
{
	static struct time_pair pair;

	if (!time_pair_open(&pair, hw, RING, 4))
		return;
	pair.ref.stops_at_irq = true;
	time_pair_add(&pair, first);
	time_pair_add(&pair, &sync_irq);
	if (!at_once_written)
		time_pair_run(&pair);
	time_pair_add(&pair, third);
	time_pair_run(&pair);
	CU_ASSERT_EQUAL(time_pair_differences(&pair, 0), 0);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(pair.record[i].cycle, retire[i]);
		if (pair.record[i].cycle != retire[i])
			printf("\ncommand %d: %" PRIu64 ", by hand %" PRIu64 " ", i, pair.record[i].cycle, retire[i]);
	}
	time_pair_close(&pair);
}

/*
 * Two descriptors are four bursts, in cycles 1 and 2 and, two being in flight, in 20 and 24: data in 16 .. 23
 * and 30 .. 37. The first is ready in 24, dispatched in 26; start in 27. LOAD, four beats: request in 28,
 * a row to be opened, data in 43 .. 46, unpacked until 47; retires in 51. The SYNC, ready in 38, retires in
 * 52.
 *
 * A doorbell: request in 53, the ring's row is open, data in 63 .. 70, ready in 71, dispatched in 73, start
 * in 74. Request in 75, the row is open: data in 85 .. 88, unpacked until 89, retires in 93.
 */
static void test_stop_and_bell(void)
{
	const struct qmac_command load = move(QMAC_OPCODE_LOAD, 4, 1);

	check_stop(&device, &load, &load, false, (const uint64_t[3]){51, 52, 93});
}

/*
 * Three descriptors at once. The bursts of the third are asked for in 34 and 38, behind the LOAD's: data in
 * 47 .. 50 and 51 .. 54, while time stops in 52. It is ready in 55 nevertheless, dispatched in 57, starts in
 * 58: request in 59, data in 69 .. 72, unpacked until 73, retires in 77.
 */
static void test_stop_in_flight(void)
{
	const struct qmac_command load = move(QMAC_OPCODE_LOAD, 4, 1);

	check_stop(&device, &load, &load, true, (const uint64_t[3]){51, 52, 77});
}

/*
 * A bus that takes 40 cycles to turn. STORE: packed in 32 .. 35, request in 36; the bus is free in 38 and
 * turned in 78, response and done in 82, retires in 83. SYNC: 84. The request of the doorbell, in 85, finds
 * the bus turned to writing still: data in 122 .. 129, ready in 130, start in 133, request in 134, where the
 * row that the STORE opened is open: data in 144 .. 147, unpacked until 148, retires in 152.
 */
static void test_stop_and_turn(void)
{
	const struct qmac_command store = move(QMAC_OPCODE_STORE, 4, 1), load = move(QMAC_OPCODE_LOAD, 4, 1);
	struct qmac_hw hw = device;

	hw.dram_turnaround = 40;
	check_stop(&hw, &store, &load, false, (const uint64_t[3]){83, 84, 152});
}

/* LOADs and STOREs side by side in few banks, and a host that is called all the time. */
static void test_random_stops(void)
{
	enum { PROGRAMS = 80, COMMANDS = 60 };
	uint64_t rng = test_seed();
	static struct time_pair pair;
	int bad = 0;

	for (int p = 0; p < PROGRAMS && bad < 5; p++) {
		uint64_t seed = test_random(&rng), draw = seed;
		struct qmac_hw hw = device;

		hw.dram_latency = (int)test_between(&draw, 0, 15);
		hw.dram_miss = (int)test_between(&draw, 0, 15);
		hw.dram_turnaround = (int)test_between(&draw, 0, 30);
		hw.dram_bytes_per_cycle = (int)test_between(&draw, 600, 9 * 256);
		hw.dram_banks = 1 << test_between(&draw, 0, 3);
		hw.dram_row_bytes = 256 << test_between(&draw, 0, 4);
		if (!time_pair_open(&pair, &hw, RING, (int)test_between(&draw, 1, 5)))
			return;
		pair.ref.stops_at_irq = true;
		pair.small_doorbells = true;
		pair.rng = test_random(&draw);
		for (int i = 0; i < COMMANDS; i++) {
			struct qmac_command command = move(test_random(&draw) % 2 ? QMAC_OPCODE_LOAD : QMAC_OPCODE_STORE,
			                                   test_random(&draw) % (RING - 8 * 24) & ~1ULL,
			                                   (uint32_t)test_between(&draw, 1, 8));

			time_pair_add(&pair, test_random(&draw) % 6 ? &command : &sync_irq);
		}
		time_pair_run(&pair);
		bad += time_pair_differences(&pair, seed) != 0;
		time_pair_close(&pair);
	}
	CU_ASSERT_EQUAL(bad, 0);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"cases by hand: the model and the reference", test_models},
		{"cases by hand: at the pins", test_pins},
		{"random bursts", test_random_bursts},
		{"stopped by a SYNC, a doorbell", test_stop_and_bell},
		{"stopped while descriptors are on their way", test_stop_in_flight},
		{"stopped before the bus turns", test_stop_and_turn},
		{"random streams that are stopped all the time", test_random_stops},
	};

	return test_main("test_time_memory", tests, TEST_COUNT(tests));
}
