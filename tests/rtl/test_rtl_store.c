/*
 * STORE in Verilog against the reference device and the clock's mover, with what mover_bench.h compares:
 * bursts are answered by the DRAM model; the cycle of every beat, the digest and all of memory must be
 * equal, too.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/random.h"
#include "mover_bench.h"
#include "test.h"

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef COLS
enum { COLS = 8, ACC_BITS = 32, BUS_BYTES = 8, BURST_BEATS = 16, OUTSTANDING = 4 };
#endif

/* Words and bits of unit_store.v alone. */
enum { IN_BEAT = 1, IN_WORD };
enum { OUT_ROW = 4, OUT_ROW_ADDRESS = 6, OUT_MEMORY = 8 };
enum { AW_READY = 4, W_READY = 8, RESPONSE = 16, RESPONSE_ERROR = 32, MEMORY_WRITE = 64, POKE = 128 };
enum { REQUEST = 128, BEAT = 256, BEAT_LAST = 512, ROW_READ = 1024, ROW_DATA = 2048 };

/* A burst that has been shown: its bus words, how far it is, and when its response is due. */
struct burst {
	uint64_t beats, sent, response;
	uint32_t place;
};

static struct burst *bursts; /* of a batch */
static uint64_t room;
/* What of a batch is under way. Bursts that were shown are `asked`, those with a response `answered`. */
static struct {
	uint64_t taken, sending; /* bursts; sending: the one whose beats are next */
	uint64_t beats;          /* sent */
	uint64_t last_response;
	uint64_t digest;
	bool beat_held;
} now;

/* ---- memory and ACC -------------------------------------------------------------- */

static void fill_acc(struct mover_bench *b)
{
	bench_fill_space(b, QMAC_SPACE_ACC);
}

static void compare(struct mover_bench *b)
{
	for (uint32_t i = 0; i < MEMORY_BYTES / 4; i++) {
		uint32_t expected = 0;

		for (uint32_t k = 0; k < 4; k++)
			expected |= (uint32_t)b->device.memory[4 * i + k] << 8 * k;
		unit_set(b->unit, IN_WORD, i);
		unit_settle(b->unit);
		bench_expect(b, "memory at", 4 * i, unit_get(b->unit, OUT_MEMORY), expected);
	}
	bench_expect(b, "digest", 0, now.digest, b->expected_digest);
}

/* ---- one cycle ------------------------------------------------------------------- */

static uint32_t response_due(struct mover_bench *b)
{
	struct burst *burst = &bursts[b->answered];

	if (b->answered == now.taken)
		return 0;
	/* A memory without latency answers in the cycle of the last beat. */
	if (b->stalls ? burst->sent < burst->beats || bench_below(b, 4) : burst->response > b->cycle)
		return 0;
	return (int64_t)b->answered++ == b->error_at ? RESPONSE | RESPONSE_ERROR : RESPONSE;
}

/* A request is seen for the first time. */
static void request_shown(struct mover_bench *b)
{
	bursts = bench_room(bursts, b->asked, &room, sizeof *bursts);
	bursts[b->asked++] = (struct burst){
		.beats = bench_burst_beats(b), .place = (uint32_t)(bench_burst_address(b) % MEMORY_BYTES / BUS_BYTES),
	};
}

static void request_taken(struct mover_bench *b)
{
	struct burst *burst = &bursts[now.taken++];

	burst->response = (bench_take_burst(b) + burst->beats * b->dram.step) / 256;
	if (burst->response <= now.last_response)
		burst->response = now.last_response + 1;
	now.last_response = burst->response;
}

/* A beat is offered, and perhaps taken, for the burst at `sending`. */
static void watch_beat(struct mover_bench *b, uint32_t control, bool ready, uint64_t shown_before)
{
	struct burst *burst = &bursts[now.sending];

	if (now.beat_held)
		bench_expect(b, "beat withdrawn, valid", b->cycle, control & BEAT, BEAT);
	now.beat_held = control & BEAT && !ready;
	if (!(control & BEAT))
		return;
	bench_expect(b, "beat behind a request", b->cycle, now.sending < shown_before, true);
	if (!ready || now.sending >= shown_before)
		return;
	if (!b->stalls)
		bench_expect(b, "beat in cycle", now.beats, b->cycle, qmac_mover_freed(&b->mover, now.beats));
	bench_expect(b, "last beat", now.beats, (control & BEAT_LAST) != 0, ++burst->sent == burst->beats);
	now.beats++;
	now.sending += burst->sent == burst->beats;
}

/* The containers of a row on their way to memory. */
static void take_row(struct mover_bench *b)
{
	uint64_t address = unit_get(b->unit, OUT_ROW_ADDRESS) |
	                   (uint64_t)unit_get(b->unit, OUT_ROW_ADDRESS + 1) << 32;
	uint32_t lanes = unit_get(b->unit, OUT_BYTES) >> 24;

	for (uint32_t lane = 0; lane < lanes; lane++) {
		unit_set(b->unit, IN_ROW, lane << 16);
		unit_settle(b->unit);
		now.digest += ref_digest(4, address + ((uint64_t)lane << b->container), 0,
		                         unit_get(b->unit, OUT_ROW) | (uint64_t)unit_get(b->unit, OUT_ROW + 1) << 32);
	}
}

static uint32_t clock_cycle(struct mover_bench *b, uint32_t inputs)
{
	uint32_t aw_ready = b->stalls && bench_below(b, 3) ? 0 : AW_READY;
	uint32_t w_ready = b->stalls && bench_below(b, 2) ? 0 : W_READY;
	uint64_t shown = b->asked;
	uint32_t control;

	unit_set(b->unit, IN_CONTROL, inputs | RESET_OFF | aw_ready | w_ready | response_due(b));
	if (now.sending < b->asked)
		unit_set(b->unit, IN_BEAT, bursts[now.sending].place + (uint32_t)bursts[now.sending].sent);
	unit_settle(b->unit);
	control = unit_get(b->unit, OUT_CONTROL);
	if (bench_watch_request(b, control, control & BURST))
		request_shown(b);
	if (control & BURST)
		request_taken(b);
	watch_beat(b, control, w_ready != 0, shown);
	if (control & ROW_DATA)
		take_row(b);
	b->counters[QMAC_COUNTER_ACC_READS] += (control & ROW_READ) != 0;
	bench_clock(b, control);
	return control;
}

/* ---- a batch --------------------------------------------------------------------- */

static void forget(void)
{
	memset(&now, 0, sizeof now);
}

static void retired(struct mover_bench *b, uint64_t number)
{
	bench_expect(b, "bursts answered", number, b->answered, b->asked);
	bench_expect(b, "bursts sent", number, now.sending, b->asked);
}

static void release(void)
{
	free(bursts);
	bursts = NULL;
	room = 0;
}

int main(void)
{
	static const int counters[] = {
		QMAC_COUNTER_ACC_READS, QMAC_COUNTER_DRAM_WRITE_BYTES, QMAC_COUNTER_DRAM_WRITE_BURSTS,
		QMAC_COUNTER_CONTAINER_SATURATIONS,
	};
	static const struct mover_unit store = {
		.opcode = QMAC_OPCODE_STORE, .request = REQUEST, .silent = BEAT, .poke = POKE,
		.memory_write = MEMORY_WRITE, .memory_index = IN_WORD, .memory_value = IN_VALUE,
		.memory_random = qmac_fuzz_random, .latency = 1, .counters = counters,
		.counter_count = TEST_COUNT(counters), .cycle = clock_cycle, .fill = fill_acc, .compare = compare,
		.forget = forget, .retired = retired, .release = release,
	};
	static const struct qmac_hw hw = {
		.rows = 1, .cols = COLS, .a_bits = 8, .w_bits = 8, .acc_bits = ACC_BITS, .bus_bytes = BUS_BYTES,
		.burst_beats = BURST_BEATS, .outstanding = OUTSTANDING,
	};

	return bench_main("test_rtl_store", &store, &hw);
}
