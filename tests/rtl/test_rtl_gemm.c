/*
 * GEMM in Verilog, sequencer, array and accumulate ports, against the reference device and the timing
 * recurrence: streams of random passes of both modes, offered back to back or with gaps. Every command's
 * load and retire cycle and saturation count, all counters and all of ACC must be equal. Products of no
 * zero must all be counted one cycle after the retirement, and none before the command is loaded.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../rtl/sim/unit.h"
#include "fuzz/commands.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "reference/ref_device.h"
#include "test.h"
#include "time/array.h"

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef ROWS
enum { ROWS = 8, COLS = 8, A_BITS = 8, W_BITS = 8, ACC_BITS = 32, ACC_OVERFLOW = 1, OS_MAX = 4096,
       A_DEPTH = 60, W_DEPTH = 62, ACC_DEPTH = 64 };
#endif

/* Words of unit_gemm.v; the descriptor stands at its own place. */
enum { IN_CONTROL = 0, IN_SLOTS, IN_PORT = 12, IN_ROW, IN_DATA };
enum { OUT_CONTROL = 0, OUT_EVENTS, OUT_MACS, OUT_ROWS, OUT_DATA };
enum { RESET_OFF = 1, VALID = 2, READY = 1, RETIRE = 2, PORT_WRITE = 4, PORT_READ = 8, GEMM_FIRST = 3,
       GEMM_LAST = 11 };

enum { BATCHES = 40, BATCH = 100, WRONG_SHOWN = 5 };

struct pass {
	uint32_t words[QMAC_COMMAND_WORDS];
	uint64_t start, slots; /* the cycle in which its waits are met; iterations */
	struct qmac_array_time time;
	uint64_t events;  /* saturations, those of earlier passes included */
	uint64_t nonzero; /* products of no zero, those of earlier passes included */
};

struct bench {
	struct unit *unit;
	struct ref_device device;
	struct qmac_fuzz_program program;
	struct qmac_array array;
	uint64_t cycle;
	uint32_t last_row;                /* of ACC, of the ws pass before */
	uint64_t counters[QMAC_COUNTERS]; /* as counted from the unit's ports */
	uint64_t nonzero, events;         /* the same of products of no zero and of saturations */
	uint64_t expected_events;         /* of the passes so far */
	int wrong;
};

static const struct qmac_hw hw = {
	.rows = ROWS, .cols = COLS, .a_bits = A_BITS, .w_bits = W_BITS, .acc_bits = ACC_BITS,
	.acc_overflow = ACC_OVERFLOW, .os_max = OS_MAX, .a_depth = A_DEPTH, .w_depth = W_DEPTH,
	.acc_depth = ACC_DEPTH, .bus_bytes = 8, .burst_beats = 1, .outstanding = 1, .queue_depth = 1,
	.lut_bits = 4, .lut_ports = 1,
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

/* One clock; counts what the unit shows in the cycle that ends. */
static void clock_cycle(struct bench *b)
{
	uint32_t rows, products;

	unit_settle(b->unit);
	rows = unit_get(b->unit, OUT_ROWS);
	b->counters[QMAC_COUNTER_A_READS] += rows & 1;
	b->counters[QMAC_COUNTER_W_READS] += rows >> 1 & 1;
	b->counters[QMAC_COUNTER_ACC_READS] += rows >> 2 & 1;
	b->counters[QMAC_COUNTER_ACC_WRITES] += rows >> 3 & 1;
	products = unit_get(b->unit, OUT_MACS);
	b->counters[QMAC_COUNTER_MACS] += products & 0xFFFF;
	b->nonzero += products >> 16;
	b->events += unit_get(b->unit, OUT_EVENTS);
	unit_clock(b->unit);
	b->cycle++;
}

/* ---- scratchpads ----------------------------------------------------------------- */

static void port(struct bench *b, int space, uint32_t row, uint32_t lane, uint32_t access)
{
	unit_set(b->unit, IN_PORT, (uint32_t)space | access | lane << 8);
	unit_set(b->unit, IN_ROW, row);
	clock_cycle(b);
	unit_set(b->unit, IN_PORT, (uint32_t)space | lane << 8);
	unit_settle(b->unit);
}

static void poke(struct bench *b, int space, uint32_t row, uint32_t lane, uint64_t value)
{
	ref_poke(&b->device, space, row, lane, value);
	unit_set(b->unit, IN_DATA, (uint32_t)value);
	unit_set(b->unit, IN_DATA + 1, (uint32_t)(value >> 32));
	port(b, space, row, lane, PORT_WRITE);
}

static void compare(struct bench *b, int space)
{
	for (uint32_t row = 0; row < (uint32_t)ref_depth(&hw, space); row++)
		for (uint32_t lane = 0; lane < (uint32_t)ref_width(&hw, space); lane++) {
			uint64_t mask = UINT64_MAX >> (64 - ref_word_bits(&hw, space)), got;

			port(b, space, row, lane, PORT_READ);
			got = unit_get(b->unit, OUT_DATA) | (uint64_t)unit_get(b->unit, OUT_DATA + 1) << 32;
			expect(b, "row", row, got, ref_peek(&b->device, space, row, lane) & mask);
		}
}

/*
 * Operands of any size; in one of four fills all at the ends, so that sums are as large as can be, in
 * another half of them zero.
 */
static void fill(struct bench *b, int space)
{
	int bits = ref_word_bits(&hw, space), style = (int)below(b, 4);
	uint64_t mask = UINT64_MAX >> (64 - bits), sign = 1ULL << (bits - 1);

	for (uint32_t row = 0; row < (uint32_t)ref_depth(&hw, space); row++)
		for (uint32_t lane = 0; lane < (uint32_t)ref_width(&hw, space); lane++) {
			uint64_t value = qmac_fuzz_word(&b->program.rng) & mask;

			if (style == 0)
				value = below(b, 8) ? sign : mask;
			if (style == 1 && below(b, 2))
				value = 0;
			poke(b, space, row, lane, value);
		}
}

/* ---- passes ---------------------------------------------------------------------- */

/*
 * A long inner loop over few rows: passes that overlap in the array; now and then from the ACC row on
 * that the pass before has left.
 */
static void lengthen(struct bench *b, struct qmac_command *c)
{
	uint64_t most = 3 * (ROWS > COLS ? ROWS : COLS) + 8;

	c->n1 = c->n2 = 1;
	if (c->mode == QMAC_MODE_WS && below(b, 2))
		c->c = b->last_row;
	c->n0 = (uint32_t)below(b, most < OS_MAX ? most : OS_MAX) + 1;
	c->as0 = c->a + (c->n0 - 1) < A_DEPTH;
	c->ws0 = c->mode == QMAC_MODE_OS && c->w + (c->n0 - 1) < W_DEPTH;
	c->cs0 = c->mode == QMAC_MODE_WS && c->c + (c->n0 - 1) < ACC_DEPTH;
}

static void prepare(struct bench *b, struct pass *pass, uint64_t start, int mix)
{
	struct qmac_command c = {.opcode = QMAC_OPCODE_GEMM};
	struct ref_record record = {0};

	qmac_fuzz_command_of(&b->program, QMAC_OPCODE_GEMM, &c);
	if (below(b, 3) == 0)
		lengthen(b, &c);
	if (below(b, 2) == 0)
		c.k = ROWS < W_DEPTH - (c.mode == QMAC_MODE_WS ? c.w : 0) &&
		      ROWS < ACC_DEPTH - (c.mode == QMAC_MODE_OS ? c.c : 0) ? ROWS : c.k;
	pass->slots = (uint64_t)c.n2 * c.n1 * c.n0;
	b->last_row = c.c + (c.n2 - 1) * c.cs2 + (c.n1 - 1) * c.cs1 + (c.n0 - 1) * c.cs0;
	qmac_command_encode(&c, pass->words);
	pass->start = start + (mix == 0 ? 0 : below(b, mix == 1 ? 4 : 150));
	pass->time = qmac_array_gemm(&b->array, &hw, c.mode, pass->slots, c.k, pass->start);
	ref_execute_gemm(&b->device, pass->words, &record);
	b->expected_events += record.acc_saturations;
	pass->events = b->expected_events;
	pass->nonzero = b->device.counters[QMAC_COUNTER_MACS] - b->device.counters[QMAC_COUNTER_ZERO_MACS];
}

/*
 * `settled` passes had retired before the last cycle, the last of them in the cycle before it where that is
 * `fresh`, and `loaded` had been loaded: what is counted so far. No saturation of the next pass comes early.
 */
static void check_counts(struct bench *b, const struct pass *pass, int settled, bool fresh, int loaded)
{
	if (fresh)
		expect(b, "saturations up to pass", (uint64_t)settled - 1, b->events, pass[settled - 1].events);
	if (settled > 0 && b->nonzero < pass[settled - 1].nonzero)
		expect(b, "products of no zero up to pass", (uint64_t)settled - 1, b->nonzero,
		       pass[settled - 1].nonzero);
	if (loaded > 0 && b->nonzero > pass[loaded - 1].nonzero)
		expect(b, "products of no zero up to pass", (uint64_t)loaded - 1, b->nonzero,
		       pass[loaded - 1].nonzero);
}

/* Offers a pass once its waits are met; true where it is taken in this cycle. */
static bool offer(struct bench *b, const struct pass *pass)
{
	bool valid = pass && b->cycle > pass->start;

	for (int i = GEMM_FIRST; valid && i <= GEMM_LAST; i++)
		unit_set(b->unit, i, pass->words[i]);
	if (valid)
		unit_set(b->unit, IN_SLOTS, (uint32_t)pass->slots);
	unit_set(b->unit, IN_CONTROL, RESET_OFF | (valid ? VALID : 0U));
	unit_settle(b->unit);
	return valid && (unit_get(b->unit, OUT_CONTROL) & READY);
}

/* Offers the passes in their cycles and watches loads and retirements. */
static void run(struct bench *b, const struct pass *pass, int count)
{
	int loaded = 0, retired = 0, settled = 0;
	uint64_t limit = pass[count - 1].time.retire + 1000;

	while (settled < count && b->cycle < limit) {
		bool taken = offer(b, loaded < count ? &pass[loaded] : NULL), fresh = settled != retired;

		settled = retired;
		if (unit_get(b->unit, OUT_CONTROL) & RETIRE) {
			expect(b, "retire cycle of pass", (uint64_t)retired, b->cycle, pass[retired].time.retire);
			retired++;
		}
		if (taken) {
			expect(b, "load cycle of pass", (uint64_t)loaded, b->cycle, pass[loaded].time.load);
			loaded++;
		}
		clock_cycle(b);
		check_counts(b, pass, settled, fresh, loaded);
	}
	unit_set(b->unit, IN_CONTROL, RESET_OFF);
	expect(b, "passes retired of", (uint64_t)count, (uint64_t)retired, (uint64_t)count);
}

static void compare_counters(struct bench *b)
{
	static const int compared[] = {QMAC_COUNTER_MACS, QMAC_COUNTER_A_READS, QMAC_COUNTER_W_READS,
	                               QMAC_COUNTER_ACC_READS, QMAC_COUNTER_ACC_WRITES};

	for (int i = 0; i < TEST_COUNT(compared); i++)
		expect(b, "counter", (uint64_t)compared[i], b->counters[compared[i]],
		       b->device.counters[compared[i]]);
}

/* One clock with reset; what the unit counts and how it behaves starts anew. */
static void reset(struct bench *b)
{
	unit_set(b->unit, IN_CONTROL, 0);
	clock_cycle(b);
	unit_set(b->unit, IN_CONTROL, RESET_OFF);
	memset(b->counters, 0, sizeof b->counters);
	memset(b->device.counters, 0, sizeof b->device.counters);
	b->nonzero = b->events = b->expected_events = 0;
	b->array = (struct qmac_array){0};
}

/* Passes that a reset interrupts must leave nothing behind but what they wrote. */
static void interrupt(struct bench *b, struct pass *pass, int count)
{
	int loaded = 0;

	for (int i = 0; i < count; i++)
		prepare(b, &pass[i], b->cycle, 0);
	for (uint64_t left = below(b, 4 * (ROWS + COLS) + 40); left > 0; left--) {
		loaded += offer(b, loaded < count ? &pass[loaded] : NULL);
		clock_cycle(b);
	}
	reset(b);
}

static void runs_random_passes(void)
{
	static struct pass pass[BATCH];
	static struct bench b;
	uint64_t events = 0, first;

	b.unit = unit_create();
	CU_ASSERT_TRUE_FATAL(ref_device_init(&b.device, &hw, 4096));
	b.program = (struct qmac_fuzz_program){.hw = hw, .rng = test_seed(), .data_bytes = 4096};
	reset(&b);
	b.cycle = 0;
	for (int batch = 0; batch < BATCHES && b.wrong == 0; batch++) {
		if (batch % 4 == 3)
			interrupt(&b, pass, 4);
		for (int space = 0; space <= (int)QMAC_SPACE_ACC; space++)
			if (batch % 4 == 3 || batch == 0 || space == batch % 3)
				fill(&b, space);
		first = b.cycle;
		for (int i = 0; i < BATCH; i++) {
			prepare(&b, &pass[i], first, batch % 3);
			first = pass[i].start;
		}
		run(&b, pass, BATCH);
		events = pass[BATCH - 1].events;
		compare(&b, QMAC_SPACE_ACC);
		compare_counters(&b);
		expect(&b, "products of no zero of pass", BATCH, b.nonzero, pass[BATCH - 1].nonzero);
	}
	printf("%d x %d: %llu cycles, %llu saturations\n", ROWS, COLS, (unsigned long long)b.cycle,
	       (unsigned long long)events);
	CU_ASSERT_EQUAL(b.wrong, 0);
	CU_ASSERT_TRUE(events > 0);
	ref_device_free(&b.device);
	unit_destroy(b.unit);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"runs random passes of both modes", runs_random_passes},
	};

	return test_main("test_rtl_gemm", cases, TEST_COUNT(cases));
}
