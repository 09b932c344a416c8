/*
 * The fetch of descriptors and the read channel in Verilog against a slow model that follows
 * docs/timing.md, "Bursts", cycle by cycle: random rings, doorbells, frees, latencies from 0 on, stalls, bus
 * errors and requests of LOAD. Requests, beats, descriptors, ready cycles and all flags must be equal in
 * every cycle.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../rtl/sim/unit.h"
#include "reference/ref_time.h"
#include "test.h"

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef BUS_BYTES
enum { BUS_BYTES = 8, BURST_BEATS = 5, OUTSTANDING = 2 };
#endif

/* Words of unit_fetch.v. */
enum { IN_CONTROL = 0, IN_RING_BASE, IN_RING_LOG2 = 3, IN_TAIL, IN_HEAD, IN_MEM_BASE, IN_MEM_SIZE = 8,
       IN_TIME = 10, IN_TAG = 14, IN_LOAD_ADDRESS };
enum { OUT_CONTROL = 0, OUT_ADDRESS, OUT_TIME = 3, OUT_BYTES = 5, OUT_HALF = 8 };
enum { RESET_OFF = 1, TAKE = 2, FREED = 4, AR_READY = 16, LOAD_VALID = 32, BEAT = 64,
       BEAT_FETCH = 128, RESPONSE = 8, HIGH = 1024, LOAD_LAST = 24 };
enum { FETCH_BEAT = 1, RING_FAULT = 2, OFFERED = 4, QUIET = 8, BUS_ERROR = 16, AR_VALID = 32, AR_FETCH = 64,
       LOAD_READY = 128, LOAD_BEAT = 256, AR_LAST = 16 };

enum { DESCRIPTORS = 400, PARTS = 64 / BUS_BYTES, BURSTS = DESCRIPTORS * PARTS, ROUNDS = 60, WRONG_SHOWN = 10,
       PLACES = 2 * QMAC_FETCH_CHUNK };

struct descriptor {
	uint32_t words[QMAC_COMMAND_WORDS];
	bool error;
	uint64_t ready, freed; /* cycles; freed: dispatched */
};

/* How often, once in so many cycles, something happens. */
struct pace {
	uint64_t arready, beat, take, freed, bell, load, error;
};

struct bench {
	struct unit *unit;
	uint64_t rng, cycle, time_before; /* time_i is time_before + cycle */
	struct pace pace;
	struct qmac_hw hw; /* what ref_burst_bytes() asks for */
	uint64_t ring_base;
	int ring_log2;
	int wrong;
	/* the host and the dispatcher; *_before: what the fetch saw in the cycle before */
	uint32_t tail, tail_before, handed, freed;
	/* the chunk, the request shown, bursts, beats */
	struct descriptor descriptors[DESCRIPTORS];
	uint64_t at, end, requested;
	bool shown, shown_first;
	uint64_t shown_address, shown_beats, shown_bytes; /* bytes of its chunk */
	uint64_t burst_beats[BURSTS], burst_done[BURSTS];
	uint64_t bursts, finished, beats_of_burst, beats; /* requests taken, done; beats of the next; of all */
	/* LOAD */
	bool load_shown, load_first; /* load_first: it stands on AR since an earlier cycle */
	uint32_t load_address, load_last;
	uint64_t load_beats;         /* to come */
};

static bool chance(struct bench *b, uint64_t one_in)
{
	return one_in && test_random(&b->rng) % one_in == 0;
}

static void expect(struct bench *b, const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected && b->wrong++ < WRONG_SHOWN)
		printf("cycle %llu: %s: got 0x%llx, expected 0x%llx\n", (unsigned long long)b->cycle, what,
		       (unsigned long long)got, (unsigned long long)expected);
}

static void set_wide(struct unit *unit, int word, uint64_t value)
{
	unit_set(unit, word, (uint32_t)value);
	unit_set(unit, word + 1, (uint32_t)(value >> 32));
}

static uint64_t get_wide(struct unit *unit, int word)
{
	return unit_get(unit, word) | (uint64_t)unit_get(unit, word + 1) << 32;
}

/* Descriptors of the chunk that could be requested in a cycle; 0: none are written, or no places. */
static uint64_t next_chunk(const struct bench *b, uint32_t tail, uint64_t cycle)
{
	uint64_t entries = 1ULL << b->ring_log2, to_end = entries - b->requested % entries;
	uint64_t count = tail - b->requested, last;

	if (count > QMAC_FETCH_CHUNK)
		count = QMAC_FETCH_CHUNK;
	if (count > to_end)
		count = to_end;
	last = b->requested + count - 1;
	if (count > 0 && last >= PLACES && (last - PLACES >= b->freed ||
	                                    b->descriptors[last - PLACES].freed >= cycle))
		return 0;
	return count;
}

/* Shows the next request in this cycle where it is due. */
static void show_request(struct bench *b)
{
	uint64_t count = next_chunk(b, b->tail_before, b->cycle), bytes;

	if (b->shown || (b->at == b->end && count == 0))
		return;
	if (b->bursts >= OUTSTANDING && (b->bursts - OUTSTANDING >= b->finished ||
	                                 b->burst_done[b->bursts - OUTSTANDING] >= b->cycle))
		return;
	b->shown_first = b->at == b->end;
	if (b->shown_first) {
		b->at = b->ring_base + b->requested % (1ULL << b->ring_log2) * QMAC_COMMAND_BYTES;
		b->end = b->at + count * QMAC_COMMAND_BYTES;
		b->requested += count;
	}
	bytes = ref_burst_bytes(&b->hw, b->at, b->end);
	b->shown = true;
	b->shown_address = b->at;
	b->shown_beats = bytes / BUS_BYTES;
	b->shown_bytes = b->end - b->at;
	b->at += bytes;
}

/* Doorbell and LOAD: what changes at the beginning of a cycle. */
static void choose_inputs(struct bench *b)
{
	uint32_t entries = 1U << b->ring_log2, room = entries - (b->tail - b->freed);

	b->tail_before = b->tail;
	if (room > DESCRIPTORS - b->tail)
		room = DESCRIPTORS - b->tail;
	if (room > 0 && chance(b, b->pace.bell))
		b->tail += 1 + (uint32_t)(test_random(&b->rng) % (room > 3 && chance(b, 2) ? 3 : room));
	if (!b->load_shown && chance(b, b->pace.load)) {
		b->load_shown = true;
		b->load_address = (uint32_t)test_random(&b->rng);
		b->load_last = (uint32_t)(test_random(&b->rng) % BURST_BEATS);
	}
}

/* The address channel: FETCH before LOAD, unless LOAD's request stands there already. */
static void compare_requests(struct bench *b, bool ready)
{
	uint32_t out = unit_get(b->unit, OUT_CONTROL);
	bool fetch = b->shown && !b->load_first;

	expect(b, "ARVALID", !!(out & AR_VALID), b->shown || b->load_shown);
	expect(b, "bytes of a chunk", unit_get(b->unit, OUT_BYTES),
	       fetch && ready && b->shown_first ? b->shown_bytes : 0);
	if (b->load_shown)
		expect(b, "request of LOAD taken", !!(out & LOAD_READY), ready && !fetch);
	if (!b->shown && !b->load_shown)
		return;
	expect(b, "ARID", !!(out & AR_FETCH), fetch);
	expect(b, "ARADDR", get_wide(b->unit, OUT_ADDRESS), fetch ? b->shown_address : b->load_address);
	expect(b, "ARLEN", out >> AR_LAST & 0xFF, fetch ? b->shown_beats - 1 : b->load_last);
	b->load_first = b->load_shown && !fetch && !ready;
	if (ready && fetch) {
		b->burst_beats[b->bursts++] = b->shown_beats;
		b->shown = false;
	} else if (ready) {
		b->load_beats += b->load_last + 1;
		b->load_shown = false;
	}
}

/* Takes the beat of FETCH that arrives in this cycle. */
static void take_beat(struct bench *b, uint32_t tag, bool error)
{
	struct descriptor *descriptor = &b->descriptors[b->beats / PARTS];
	uint64_t part = b->beats++ % PARTS;

	for (uint32_t i = 0; i < BUS_BYTES / 4; i++)
		descriptor->words[part * BUS_BYTES / 4 + i] = tag + i;
	descriptor->error = descriptor->error || error;
	if (part == PARTS - 1)
		descriptor->ready = b->cycle + 1;
	if (++b->beats_of_burst == b->burst_beats[b->finished]) {
		b->burst_done[b->finished++] = b->cycle;
		b->beats_of_burst = 0;
	}
}

/* A beat for one of the masters, or none: the bits for IN_CONTROL. Requests of this cycle may be answered. */
static uint32_t choose_beat(struct bench *b)
{
	bool fetch = b->bursts > b->finished, load = b->load_beats > 0;
	bool error = chance(b, b->pace.error);
	uint32_t tag = (uint32_t)test_random(&b->rng);

	unit_set(b->unit, IN_TAG, tag);
	if ((!fetch && !load) || !chance(b, b->pace.beat))
		return error ? 2 << RESPONSE : 0; /* says nothing without a beat */
	if (fetch && load)
		fetch = chance(b, 2);
	if (fetch)
		take_beat(b, tag, error);
	else
		b->load_beats--;
	return BEAT | (fetch ? BEAT_FETCH : 0) | (error ? (1 + (tag & 1)) << RESPONSE : 0);
}

static void compare_descriptor(struct bench *b, uint32_t control)
{
	const struct descriptor *descriptor = &b->descriptors[b->handed];

	expect(b, "bus error", !!(unit_get(b->unit, OUT_CONTROL) & BUS_ERROR), descriptor->error);
	expect(b, "ready cycle", get_wide(b->unit, OUT_TIME), b->time_before + descriptor->ready);
	for (int half = 0; half < 2; half++) {
		unit_set(b->unit, IN_CONTROL, half ? control | HIGH : control);
		unit_settle(b->unit);
		for (int word = 0; word < 8; word++)
			expect(b, "descriptor", unit_get(b->unit, OUT_HALF + word), descriptor->words[8 * half + word]);
	}
}

static void step(struct bench *b)
{
	bool ready = chance(b, b->pace.arready), take = chance(b, b->pace.take), free, offered, quiet;
	uint32_t control, out, beat;

	choose_inputs(b);
	show_request(b);
	quiet = !b->shown && (b->bursts == 0 || (b->finished == b->bursts &&
	                                          b->burst_done[b->bursts - 1] < b->cycle));
	free = b->handed > b->freed && chance(b, b->pace.freed);
	if (free)
		b->descriptors[b->freed++].freed = b->cycle;
	control = RESET_OFF | (take ? TAKE : 0) | (free ? FREED : 0) | (ready ? AR_READY : 0) |
	          (b->load_shown ? LOAD_VALID : 0) | b->load_last << LOAD_LAST;
	unit_set(b->unit, IN_TAIL, b->tail);
	unit_set(b->unit, IN_HEAD, b->freed);
	set_wide(b->unit, IN_TIME, b->time_before + b->cycle);
	unit_set(b->unit, IN_LOAD_ADDRESS, b->load_address);
	unit_set(b->unit, IN_CONTROL, control);
	unit_settle(b->unit);
	compare_requests(b, ready);
	/* What is freed in this cycle counts for the next; requests are shown one cycle later. */
	quiet = quiet && b->at == b->end && next_chunk(b, b->tail, b->cycle + 1) == 0;
	beat = choose_beat(b);
	control |= beat;
	unit_set(b->unit, IN_CONTROL, control);
	unit_settle(b->unit);
	out = unit_get(b->unit, OUT_CONTROL);
	offered = b->handed < b->beats / PARTS && b->descriptors[b->handed].ready <= b->cycle;
	expect(b, "beat of FETCH", out & FETCH_BEAT, !!(beat & BEAT) && (beat & BEAT_FETCH));
	expect(b, "beat of LOAD", !!(out & LOAD_BEAT), (beat & BEAT) && !(beat & BEAT_FETCH));
	expect(b, "ring fault", !!(out & RING_FAULT), 0);
	expect(b, "quiet", !!(out & QUIET), quiet);
	expect(b, "descriptor offered", !!(out & OFFERED), offered);
	if (offered)
		compare_descriptor(b, control);
	b->handed += offered && take;
	unit_clock(b->unit);
	b->cycle++;
}

/* A ring anywhere, often around a page or at the end of the address space. */
static void begin_round(struct bench *b, int round)
{
	static const struct pace paces[] = {
		/* as fast as can be, a memory of latency 0; frees slow; the host, the memory slow; all of them */
		{1, 1, 1, 1, 1, 0, 0}, {1, 1, 1, 30, 20, 3, 0}, {1, 1, 1, 40, 60, 0, 300}, {1, 1, 1, 1, 40, 2, 300},
		{1, 5, 1, 2, 5, 4, 300}, {3, 3, 3, 20, 20, 3, 300}, {6, 2, 1, 1, 3, 2, 0},
	};
	struct unit *unit = b->unit;
	uint64_t rng = b->rng, bytes, spare;
	int wrong = b->wrong;

	memset(b, 0, sizeof *b);
	b->unit = unit;
	b->rng = rng;
	b->wrong = wrong;
	b->hw = (struct qmac_hw){.bus_bytes = BUS_BYTES, .burst_beats = BURST_BEATS};
	b->pace = paces[round % (int)(sizeof paces / sizeof paces[0])];
	b->ring_log2 = 1 + (int)(test_random(&b->rng) % (chance(b, 3) ? 15 : 5));
	b->time_before = test_random(&b->rng) >> 1;
	bytes = 64ULL << b->ring_log2;
	spare = chance(b, 2) ? 64 * (test_random(&b->rng) % 100) : 0;
	b->ring_base = chance(b, 3) ? (1ULL << 48) - bytes : (test_random(&b->rng) % ((1ULL << 41) - 1)) * 64;
	b->ring_base = b->ring_base < spare ? spare : b->ring_base;
	set_wide(unit, IN_RING_BASE, b->ring_base);
	unit_set(unit, IN_RING_LOG2, (uint32_t)b->ring_log2);
	set_wide(unit, IN_MEM_BASE, b->ring_base - spare);
	set_wide(unit, IN_MEM_SIZE, bytes + spare);
	unit_set(unit, IN_TAIL, 0);
	unit_set(unit, IN_HEAD, 0);
	unit_set(unit, IN_CONTROL, 0);
	unit_settle(unit);
	unit_clock(unit);
}

static void test_rounds(void)
{
	static struct bench b;

	memset(&b, 0, sizeof b);
	b.unit = unit_create();
	b.rng = test_seed();
	for (int round = 0; round < ROUNDS; round++) {
		/* In some rounds the reset that begins the next one comes in the middle of things. */
		uint32_t count = round % 4 == 3 ? DESCRIPTORS / 2 + (uint32_t)round : DESCRIPTORS;

		begin_round(&b, round);
		while (b.freed < count && b.cycle < 100 * DESCRIPTORS * PARTS)
			step(&b);
		CU_ASSERT_EQUAL(b.freed, count);
	}
	CU_ASSERT_EQUAL(b.wrong, 0);
	unit_destroy(b.unit);
}

/* Rings that can be used, and rings that cannot: the fault, and that nothing is requested. */
static void test_ring_fault(void)
{
	static const struct {
		uint64_t ring_base, mem_base, mem_size;
		uint32_t ring_log2, head, tail;
		bool fault;
	} cases[] = {
		{4096, 4096, 128, 1, 0, 2, false}, {4096, 4096, 128, 1, 0, 3, true},
		{4096, 4096, 128, 1, 7, 9, false}, {4096, 4096, 128, 1, 7, 10, true},
		{4096, 4096, 127, 1, 0, 1, true}, {4096, 4097, 4096, 1, 0, 1, true},
		{4096, 4096, 0, 1, 0, 1, true}, {4096, 4096, 0, 1, 0, 0, false},
		{4128, 4096, 4096, 1, 0, 1, true}, {4097, 4096, 4096, 1, 0, 1, true},
		{4096, 0, 1 << 20, 0, 0, 1, true}, {4096, 0, 1 << 30, 16, 0, 1, true},
		{4096, 0, 1 << 30, 17, 0, 1, true}, {4096, 0, 1 << 30, 0x80000001, 0, 1, true},
		{0, 0, 64 << 15, 15, 0, 32768, false}, {0, 0, 64 << 15, 15, 0, 32769, true},
		{64, 0, 64 << 15, 15, 0, 1, true}, {0, 0, (64 << 15) - 64, 15, 0, 1, true},
		{4096, 64, 4096 + 64, 1, 0, 1, false}, {4096, 64, 4096 + 63, 1, 0, 1, true},
		{0xFFFFFFFFFF80, 0xFFFFFFFFF000, 4096, 1, 0, 1, false},
		{0xFFFFFFFFFF80, 0xFFFFFFFFF000, 4095, 1, 0, 1, true},
		{0xFFFFFFFFFFC0, 0xFFFFFFFFF000, 4096, 1, 0, 1, true},
		{0xFFFFFFFFFFC0, 0, 0xFFFFFFFFFFFF, 1, 0, 1, true}, {64, 128, 0xFFFFFFFFFFFF, 1, 0, 1, true},
		{4096, 4096, 128, 1, 5, 4, true}, {4096, 4096, 128, 1, 0xFFFFFFFF, 1, false},
	};
	struct unit *unit = unit_create();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t requested = 0;

		unit_set(unit, IN_CONTROL, 0);
		unit_settle(unit);
		unit_clock(unit);
		set_wide(unit, IN_RING_BASE, cases[i].ring_base);
		set_wide(unit, IN_MEM_BASE, cases[i].mem_base);
		set_wide(unit, IN_MEM_SIZE, cases[i].mem_size);
		unit_set(unit, IN_RING_LOG2, cases[i].ring_log2);
		unit_set(unit, IN_HEAD, cases[i].head);
		unit_set(unit, IN_TAIL, cases[i].tail);
		unit_set(unit, IN_CONTROL, RESET_OFF | AR_READY);
		unit_settle(unit);
		if ((unit_get(unit, OUT_CONTROL) & RING_FAULT) != (cases[i].fault ? RING_FAULT : 0U))
			printf("ring %zu: expected %s\n", i, cases[i].fault ? "a fault" : "no fault");
		CU_ASSERT_EQUAL(unit_get(unit, OUT_CONTROL) & RING_FAULT, cases[i].fault ? RING_FAULT : 0U);
		for (int cycle = 0; cycle < 4; cycle++) {
			unit_clock(unit);
			requested |= unit_get(unit, OUT_CONTROL) & AR_VALID;
		}
		CU_ASSERT_TRUE((requested != 0) == (!cases[i].fault && cases[i].tail != 0));
	}
	unit_destroy(unit);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random rings, memories and hosts, cycle by cycle", test_rounds},
		{"rings that cannot be used", test_ring_fault},
	};

	return test_main("test_rtl_fetch", cases, TEST_COUNT(cases));
}
