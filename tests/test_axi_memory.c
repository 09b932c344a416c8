/*
 * The memory at the pins of the AXI master: cycles against the DRAM model called in the order of
 * docs/timing.md, contents against an array, and the rules of the protocol under random stalls.
 */
#include "backend/axi_memory.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

enum { SIZE = 1 << 16, BURSTS_MAX = 12, LOAD = 0, FETCH = 1 };

static const struct qmac_hw slow = {
	.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .dram_latency = 20, .dram_bytes_per_cycle = 1152,
	.dram_banks = 8, .dram_row_bytes = 2048, .dram_miss = 10, .dram_turnaround = 4,
};

static uint8_t bytes[SIZE], expected[SIZE];

/* A master's pins over one cycle. */
struct bench {
	struct qmac_axi_memory memory;
	struct qmac_rtl_inputs in;
	struct qmac_rtl_outputs out;
	uint64_t cycle;
};

static void start(struct bench *b, const struct qmac_hw *hw, uint64_t size, uint64_t stalls)
{
	memset(b, 0, sizeof *b);
	qmac_axi_memory_init(&b->memory, hw, bytes, size, stalls);
	b->out.m_rready = b->out.m_bready = 1;
}

/* The part of a cycle before its end; what the master asks for must be set. */
static void settle(struct bench *b)
{
	qmac_axi_memory_drive(&b->memory, b->cycle, &b->in);
	(void)qmac_axi_memory_requests(&b->memory, b->cycle, &b->in, &b->out);
}

static void finish(struct bench *b)
{
	qmac_axi_memory_advance(&b->memory, &b->in, &b->out);
	b->out.m_arvalid = b->out.m_awvalid = b->out.m_wvalid = 0;
	b->cycle++;
}

static void ask_read(struct bench *b, unsigned id, uint64_t address, unsigned beats)
{
	b->out.m_arvalid = 1;
	b->out.m_arid = (uint8_t)id;
	b->out.m_araddr = address;
	b->out.m_arlen = (uint8_t)(beats - 1);
}

static void ask_write(struct bench *b, uint64_t address, unsigned beats)
{
	b->out.m_awvalid = 1;
	b->out.m_awaddr = address;
	b->out.m_awlen = (uint8_t)(beats - 1);
}

static void scramble(uint64_t *rng)
{
	for (int i = 0; i < SIZE; i++)
		bytes[i] = expected[i] = (uint8_t)test_random(rng);
}

static bool shows(const struct bench *b, uint64_t address)
{
	uint8_t beat[64];

	for (int i = 0; i < b->memory.hw->bus_bytes; i++)
		beat[i] = (uint8_t)(b->in.m_rdata[i / 4] >> i % 4 * 8);
	return memcmp(beat, expected + address, (size_t)b->memory.hw->bus_bytes) == 0;
}

/* Reads and writes of one cycle reach the DRAM as FETCH, STORE, LOAD; every beat comes in its cycle. */
static void test_cycles(void)
{
	uint64_t rng = test_seed();
	struct qmac_dram dram;
	struct bench b;

	scramble(&rng);
	for (int latency = 0; latency < 3; latency++) {
		struct qmac_hw hw = slow;
		uint64_t fetch, write, load;
		unsigned beats = 0, responses = 0;

		hw.dram_latency = latency == 0 ? 0 : 7 * latency;
		hw.dram_miss = latency;
		start(&b, &hw, SIZE, 0);
		qmac_dram_init(&dram, &hw);
		b.cycle = 100;
		fetch = qmac_dram_burst(&dram, 100, 0x440, 8, false);
		write = qmac_dram_burst(&dram, 100, 0x3001, 2, true);
		load = qmac_dram_burst(&dram, 101, 0x1003, 3, false);
		for (; b.cycle < 300; finish(&b)) {
			uint64_t due;

			if (b.cycle == 100) {
				ask_read(&b, FETCH, 0x440, 8);
				ask_write(&b, 0x3001, 2);
			} else if (b.cycle == 101) {
				ask_read(&b, LOAD, 0x1003, 3);
			}
			b.out.m_wvalid = b.cycle == 101 || b.cycle == 102;
			b.out.m_wstrb = b.cycle == 101 ? 0xFE : 0x01;
			b.out.m_wdata[0] = 0xDDCCBB00;
			b.out.m_wdata[1] = 0x44332211;
			settle(&b);
			due = beats < 8 ? fetch + beats * dram.step : load + (beats - 8) * dram.step;
			CU_ASSERT_EQUAL(b.in.m_rvalid, beats < 11 && due >> 8 == b.cycle);
			if (b.in.m_rvalid) {
				CU_ASSERT_EQUAL(b.in.m_rid, beats < 8 ? FETCH : LOAD);
				CU_ASSERT_EQUAL(b.in.m_rlast, beats == 7 || beats == 10);
				CU_ASSERT_EQUAL(b.in.m_rresp, 0);
				CU_ASSERT(shows(&b, beats < 8 ? 0x440 + 8 * beats : 0x1000 + 8 * (beats - 8)));
				beats++;
			}
			CU_ASSERT_EQUAL(b.in.m_bvalid, (write + 2 * dram.step) >> 8 == b.cycle);
			responses += b.in.m_bvalid;
		}
		CU_ASSERT(beats == 11 && responses == 1);
		/* Bytes 0x3001..0x3008 were strobed. */
		memcpy(expected + 0x3001, "\xBB\xCC\xDD\x11\x22\x33\x44", 7);
		expected[0x3008] = 0;
		CU_ASSERT(memcmp(bytes, expected, SIZE) == 0);
	}
}

/* In one cycle a STORE's burst is asked before a LOAD's, and behind a FETCH's. */
static void test_order(void)
{
	for (unsigned id = LOAD; id <= FETCH; id++) {
		struct qmac_dram dram;
		struct bench b;
		uint64_t first;

		start(&b, &slow, SIZE, 0);
		qmac_dram_init(&dram, &slow);
		if (id == LOAD)
			qmac_dram_burst(&dram, 0, 0x2000, 4, true);
		first = qmac_dram_burst(&dram, 0, 0x100, 1, false);
		ask_read(&b, id, 0x100, 1);
		ask_write(&b, 0x2000, 4);
		settle(&b);
		while (!b.in.m_rvalid && b.cycle < 1000) {
			finish(&b);
			settle(&b);
		}
		CU_ASSERT_EQUAL(b.cycle, first >> 8);
	}
}

/* An answer in the very cycle of its request is told. */
static void test_at_once(void)
{
	struct qmac_hw hw = slow;
	struct bench b;

	hw.dram_latency = hw.dram_miss = 0;
	start(&b, &hw, SIZE, 0);
	qmac_axi_memory_drive(&b.memory, 0, &b.in);
	CU_ASSERT(!b.in.m_rvalid && b.in.m_arready && b.in.m_awready);
	CU_ASSERT_FALSE(qmac_axi_memory_requests(&b.memory, 0, &b.in, &b.out));
	ask_read(&b, LOAD, 0, 2);
	CU_ASSERT_TRUE(qmac_axi_memory_requests(&b.memory, 0, &b.in, &b.out));
	CU_ASSERT(b.in.m_rvalid && !b.in.m_rlast);
}

/* What was told of writes: how often, the last; memory must not have changed yet. */
struct told {
	unsigned count;
	uint64_t address, bytes;
};

static void on_write(void *context, uint64_t address, uint64_t count)
{
	struct told *told = context;

	told->count++;
	told->address = address;
	told->bytes = count;
	for (uint64_t i = 0; i < count; i++)
		CU_ASSERT_EQUAL(bytes[address + i], 0);
}

/* Every beat that changes bytes is told of before, wherever it goes; one beyond memory changes none. */
static void test_told(void)
{
	enum { END = 0x2004 };
	static const struct {
		uint64_t address, told, bytes;
	} cases[] = {
		{0, 0, 8}, {0x123, 0x120, 8}, {0x1FF8, 0x1FF8, 8}, {0x2000, 0x2000, 4}, {0x2008, 0, 0},
		{0xFFFFFFFFFFF8, 0, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct told told = {.count = 0};
		struct bench b;

		memset(bytes, 0, sizeof bytes);
		start(&b, &slow, END, 0);
		b.memory.on_write = on_write;
		b.memory.context = &told;
		ask_write(&b, cases[i].address, 1);
		settle(&b);
		CU_ASSERT_EQUAL(told.count, 0);
		finish(&b);
		b.out.m_wvalid = 1;
		b.out.m_wstrb = 0xFF;
		b.out.m_wdata[0] = b.out.m_wdata[1] = 0x55555555;
		settle(&b);
		CU_ASSERT_EQUAL(told.count, cases[i].bytes > 0);
		CU_ASSERT(told.address == cases[i].told && told.bytes == cases[i].bytes);
		for (uint64_t at = 0; at < END; at++)
			CU_ASSERT_EQUAL(bytes[at], at - cases[i].told < cases[i].bytes ? 0x55 : 0);
	}
}

/* Beyond the end of memory: error responses, and no byte changes. */
static void test_end_of_memory(void)
{
	enum { END = 1003 }; /* inside a bus word */
	struct bench b;
	int beats = 0;

	memset(bytes, 0xAA, sizeof bytes);
	start(&b, &slow, END, 0);
	ask_read(&b, LOAD, 992, 3);
	for (; b.cycle < 60; finish(&b)) {
		settle(&b);
		if (!b.in.m_rvalid)
			continue;
		CU_ASSERT_EQUAL(b.in.m_rresp, beats < 2 ? 0 : 2);
		CU_ASSERT_EQUAL(b.in.m_rdata[0], beats == 0 ? 0xAAAAAAAA : beats == 1 ? 0x00AAAAAA : 0);
		beats++;
	}
	CU_ASSERT_EQUAL(beats, 3);
	for (unsigned strobe = 1; strobe < 256; strobe <<= 1) {
		ask_write(&b, 1000, 1);
		settle(&b);
		finish(&b);
		b.out.m_wvalid = 1;
		b.out.m_wstrb = strobe;
		b.out.m_wdata[0] = b.out.m_wdata[1] = 0;
		settle(&b);
		while (!b.in.m_bvalid && b.cycle < 1000) {
			finish(&b);
			settle(&b);
		}
		CU_ASSERT_EQUAL(b.in.m_bresp, strobe < 8 ? 0 : 2);
		finish(&b);
	}
	CU_ASSERT(bytes[1000] == 0 && bytes[1001] == 0 && bytes[1002] == 0 && bytes[1003] == 0xAA);
}

/* A reset forgets what is under way, and the open rows. */
static void test_reset(void)
{
	struct qmac_dram dram;
	struct bench b;

	start(&b, &slow, SIZE, 0);
	ask_read(&b, LOAD, 0, 4);
	ask_write(&b, 64, 1);
	settle(&b);
	finish(&b);
	qmac_axi_memory_reset(&b.memory, &b.in);
	for (b.cycle = 0; b.cycle < 100; finish(&b)) {
		settle(&b);
		CU_ASSERT(!b.in.m_rvalid && !b.in.m_bvalid);
	}
	qmac_dram_init(&dram, &slow);
	CU_ASSERT(memcmp(&dram, &b.memory.dram, sizeof dram) == 0);
}

/* What random traffic and stalls reached. */
struct traffic {
	unsigned asked, beats_due, beats, writes, write_beats, responses, held;
	struct {
		uint64_t address;
		unsigned beats, id;
	} reads[BURSTS_MAX], write;
	unsigned taken_head, taken_beat;
};

static void check_read(struct bench *b, struct traffic *t)
{
	unsigned r = t->taken_head % BURSTS_MAX;
	uint64_t address = (t->reads[r].address & ~7ULL) + 8 * t->taken_beat;

	CU_ASSERT(t->taken_head < t->asked && b->in.m_rid == t->reads[r].id && shows(b, address));
	CU_ASSERT_EQUAL(b->in.m_rlast, t->taken_beat + 1 == t->reads[r].beats);
	if (!b->out.m_rready)
		return;
	t->beats++;
	if (++t->taken_beat == t->reads[r].beats) {
		t->taken_head++;
		t->taken_beat = 0;
	}
}

/* Random reads, and writes one at a time beside them, with stalls on both sides. */
static void test_stalls(void)
{
	uint64_t rng = test_seed();
	struct traffic t = {0};
	struct bench b;
	bool shown = false, asking = false;
	uint8_t old_last = 0;
	uint32_t old_word = 0;

	scramble(&rng);
	start(&b, &slow, SIZE, 12345);
	for (; b.cycle < 60000; finish(&b)) {
		bool was_asking = asking;

		/* A request stays until it is taken; reads lie below the writes, so that they do not meet. */
		if (!asking && t.asked - t.taken_head < BURSTS_MAX && b.cycle < 50000) {
			t.reads[t.asked % BURSTS_MAX].address = test_random(&rng) % (SIZE / 2 - 256);
			t.reads[t.asked % BURSTS_MAX].beats = 1 + (unsigned)test_random(&rng) % 16;
			t.reads[t.asked % BURSTS_MAX].id = (unsigned)test_random(&rng) % 2;
			asking = true;
		}
		if (asking)
			ask_read(&b, t.reads[t.asked % BURSTS_MAX].id, t.reads[t.asked % BURSTS_MAX].address,
			         t.reads[t.asked % BURSTS_MAX].beats);
		b.out.m_rready = test_random(&rng) % 4 != 0;
		if (t.writes == t.responses && b.cycle < 50000) {
			t.write.address = SIZE / 2 + test_random(&rng) % (SIZE / 4) / 8 * 8;
			t.write.beats = 1 + (unsigned)test_random(&rng) % 4;
			ask_write(&b, t.write.address, t.write.beats);
		}
		b.out.m_wvalid = t.writes > t.responses && t.write_beats < t.write.beats;
		b.out.m_wstrb = 0xFF;
		b.out.m_wdata[0] = (uint32_t)b.cycle;
		b.out.m_wdata[1] = ~(uint32_t)b.cycle;
		settle(&b);
		if (asking && b.in.m_arready) {
			t.asked++;
			t.beats_due += t.reads[(t.asked - 1) % BURSTS_MAX].beats;
			asking = false;
		}
		t.held += was_asking && asking;
		if (shown) /* stays until it is taken */
			CU_ASSERT(b.in.m_rvalid && b.in.m_rdata[0] == old_word && b.in.m_rlast == old_last);
		if (b.in.m_rvalid)
			check_read(&b, &t);
		shown = b.in.m_rvalid && !b.out.m_rready;
		old_word = b.in.m_rdata[0];
		old_last = b.in.m_rlast;
		if (b.out.m_wvalid && b.in.m_wready) {
			for (int i = 0; i < 8; i++)
				expected[t.write.address + 8 * t.write_beats + (unsigned)i] =
					(uint8_t)(b.out.m_wdata[i / 4] >> i % 4 * 8);
			t.write_beats++;
		}
		if (b.in.m_bvalid) {
			CU_ASSERT(t.write_beats == t.write.beats && t.writes == t.responses + 1);
			t.responses++;
			t.write_beats = 0;
		} else if (b.out.m_awvalid && b.in.m_awready) {
			t.writes++;
		}
	}
	CU_ASSERT(t.beats == t.beats_due && t.taken_head == t.asked && t.writes == t.responses);
	CU_ASSERT(memcmp(bytes, expected, SIZE) == 0);
	CU_ASSERT(t.asked > 500 && t.responses > 200 && t.held > 500);
	printf("(%u reads, %u writes) ", t.asked, t.responses);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"beats and responses come in the cycles of the DRAM model", test_cycles},
		{"requests of one cycle: FETCH, STORE, LOAD", test_order},
		{"an answer in the cycle of its request", test_at_once},
		{"who must know is told of writes", test_told},
		{"the end of memory", test_end_of_memory},
		{"reset", test_reset},
		{"random stalls", test_stalls},
	};

	return test_main("test_axi_memory", cases, TEST_COUNT(cases));
}
