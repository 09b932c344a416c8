/*
 * Dispatcher, queues and waits in Verilog against the rules of docs/timing.md: random streams with random
 * waits for engines that the test plays. Cycles of dispatch, start, and of SYNC, all counts of the time
 * counters, and how the device stops at an error.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../rtl/sim/unit.h"
#include "qmac_isa.h"
#include "reference/dispatch_rules.h"
#include "test.h"
#include "time/later.h"

/* The Makefile gives the parameters of the build under test; this is for static checks. */
#ifndef QUEUE_DEPTH
enum { QUEUE_DEPTH = 4 };
#endif

/* Words of unit_dispatch.v, and bits of IN_CONTROL and OUT_FLAGS. */
enum { IN_CONTROL = 0, IN_COMMAND = 1, IN_PAYLOAD = 4, IN_FAULT, IN_READY, IN_TAIL = 8, IN_LOAD_NUMBER,
       IN_STORE_NUMBER, IN_SLOTS = 12 };
enum { RESET_OFF = 1 << 0, VALID = 1 << 1, RING_FAULT = 1 << 2, QUIET = 1 << 3, RETIRE_LOAD = 1 << 4,
       RETIRE_VEC = 1 << 5, RETIRE_STORE = 1 << 6, RETIRE_GEMM = 1 << 7, BUSY_LOAD = 1 << 8,
       BUSY_STORE = 1 << 9, ERROR_LOAD = 1 << 10, ERROR_STORE = 1 << 11, READY_LOAD = 1 << 12,
       READY_STORE = 1 << 13, READY_VEC = 1 << 14, READY_GEMM = 1 << 15 };
enum { OUT_NUMBER = 0, OUT_FLAGS, OUT_HEAD, OUT_RETIRED, OUT_TIME = 5, OUT_CYCLES = 7, OUT_STARVED = 9,
       OUT_ERROR_COMMAND = 12, OUT_FOLD };
enum { BUSY = 1 << 3, IDLE = 1 << 4, ERROR = 1 << 5, SYNC_RETIRE = 1 << 6, SYNC_IRQ = 1 << 7,
       SYNC_STAMP = 1 << 8, PUSH = 9, WAITING = 12, VALID_LOAD = 1 << 15, VALID_STORE = 1 << 16,
       VALID_VEC = 1 << 17, VALID_GEMM = 1 << 18, STARTS = 1 << 19, EXECUTE_BUSY = 1 << 20, STOPPED = 1 << 21,
       FREED = 1 << 2, CODE = 28 };

enum { LOAD = QMAC_ENGINE_LOAD, EXECUTE = QMAC_ENGINE_EXECUTE, STORE = QMAC_ENGINE_STORE,
       CONTROL = QMAC_ENGINE_CONTROL };
enum { GIVE_UP = 100000, WRONG_SHOWN = 8 };

#define NEVER UINT64_MAX

/* An engine that the test plays. */
struct engine {
	uint32_t *index;         /* its commands */
	uint64_t given, started, left, retired; /* commands so far */
	uint64_t *retire;        /* when command n retires, once it is known */
	uint64_t slot;             /* GEMM: first slot of the one before */
	uint64_t error;            /* cycle from which the memory's error shows */
	uint64_t wait, starved, busy;
};

struct bench {
	struct unit *unit;
	struct dispatch_rules *rules;
	struct engine engine[3];
	uint32_t next, tail;       /* to be dispatched; register RING_TAIL */
	uint64_t now, latest_seen; /* this cycle; the latest retirement until now */
	uint32_t offered;          /* streams offered and not taken in the cycle before */
	bool valid;                /* a command is offered to the dispatcher */
	bool holds;                /* random delays everywhere: cycles are not compared */
	bool stopped, ring_fault, quiet;
	bool breaks_ring;          /* the next doorbell makes the ring unusable */
	int wrong;
};

static struct dispatch_rules rules;
static struct bench bench = {.rules = &rules};

static uint64_t below(struct bench *b, uint64_t count)
{
	return test_random(&b->rules->rng) % count;
}

static void expect(struct bench *b, const char *what, uint64_t number, uint64_t got, uint64_t expected)
{
	if (got != expected && b->wrong++ < WRONG_SHOWN)
		printf("cycle %llu: %s %llu: got %llu, expected %llu\n", (unsigned long long)b->now, what,
		       (unsigned long long)number, (unsigned long long)got, (unsigned long long)expected);
}

static uint64_t out64(const struct bench *b, int word)
{
	return unit_get(b->unit, word) | (uint64_t)unit_get(b->unit, word + 1) << 32;
}

/* ---- engines ---------------------------------------------------------------------- */

static struct dispatch_command *nth(struct bench *b, unsigned e, uint64_t n)
{
	return &b->rules->command[b->engine[e].index[n]];
}

/* Has an engine started something that will still retire after the cycle before this one? */
static bool is_busy(const struct bench *b, unsigned e)
{
	return b->engine[e].retired < b->engine[e].started;
}

static bool retires(const struct bench *b, unsigned e)
{
	const struct engine *engine = &b->engine[e];

	return engine->retired < engine->left && engine->retire[engine->retired] == b->now;
}

static uint32_t control_bits(struct bench *b)
{
	uint32_t bits = RESET_OFF | (b->quiet ? QUIET : 0U);
	bool vec_runs = is_busy(b, EXECUTE) &&
	                nth(b, EXECUTE, b->engine[EXECUTE].retired)->opcode == QMAC_OPCODE_VEC;

	bits |= retires(b, LOAD) ? RETIRE_LOAD : 0U;
	bits |= retires(b, STORE) ? RETIRE_STORE : 0U;
	bits |= !retires(b, EXECUTE) ? 0U : vec_runs ? RETIRE_VEC : RETIRE_GEMM;
	bits |= is_busy(b, LOAD) ? BUSY_LOAD : READY_LOAD;
	bits |= is_busy(b, STORE) ? BUSY_STORE : READY_STORE;
	bits |= vec_runs ? 0U : READY_VEC;
	bits |= b->now > b->engine[EXECUTE].slot || b->engine[EXECUTE].slot == 0 ? READY_GEMM : 0U;
	bits |= b->now >= b->engine[LOAD].error ? ERROR_LOAD : 0U;
	bits |= b->now >= b->engine[STORE].error ? ERROR_STORE : 0U;
	if (b->holds)
		bits &= ~((below(b, 16) * READY_LOAD) & (READY_LOAD | READY_STORE | READY_VEC | READY_GEMM));
	return bits;
}

/* What unit_dispatch.v shows of the command that leaves the queue of EXECUTE. */
static uint32_t execute_fold(const struct dispatch_command *c)
{
	return dispatch_command_fold(c) ^ c->slots ^ (c->words[0] >> 9 & 127) << 25;
}

/* Command n of engine e starts now: is it the time, and are the waits met? */
static void check_start(struct bench *b, unsigned e)
{
	struct engine *engine = &b->engine[e];
	struct dispatch_command *c = nth(b, e, engine->started);
	uint32_t number = engine->index[engine->started];
	int word = e == LOAD ? OUT_FOLD : e == STORE ? OUT_FOLD + 1 : OUT_FOLD + 2;

	expect(b, "start when stopped", number, b->stopped, 0);
	if (!b->holds)
		expect(b, "start of command", number, b->now, c->start);
	for (int w = 0; w < 3; w++) /* retired in a cycle before this one */
		expect(b, "start before what it waits for: command", number, b->engine[w].retired < c->wait[w], 0);
	if (c->opcode != QMAC_OPCODE_GEMM)
		expect(b, "start beside another command:", number, is_busy(b, e), 0);
	else if (is_busy(b, e))
		expect(b, "GEMM beside", number, nth(b, e, engine->started - 1)->opcode, QMAC_OPCODE_GEMM);
	if (c->opcode != QMAC_OPCODE_GEMM) { /* it leaves the queue */
		engine->retire[engine->left++] = b->now + c->run;
		expect(b, "words of command", number, unit_get(b->unit, word),
		       e == EXECUTE ? execute_fold(c) : dispatch_command_fold(c) ^ number);
	}
	if (c->fails) {
		engine->retire[engine->left - 1] = NEVER;
		engine->error = b->now + c->run;
	}
	engine->started++;
}

/* The matrix unit takes a GEMM, which has started before this cycle. */
static void check_load(struct bench *b)
{
	struct engine *engine = &b->engine[EXECUTE];
	uint32_t number = engine->index[engine->left];
	struct dispatch_command *c = nth(b, EXECUTE, engine->left);
	uint64_t before = engine->left ? engine->retire[engine->left - 1] : 0;

	expect(b, "GEMM leaves without a start:", number, engine->left < engine->started, 1);
	expect(b, "opcode of what leaves:", number, c->opcode, QMAC_OPCODE_GEMM);
	expect(b, "words and slots of command", number, unit_get(b->unit, OUT_FOLD + 2),
	       execute_fold(c));
	if (!b->holds)
		expect(b, "load of command", number, b->now, c->left);
	engine->slot = b->now + c->lag;
	engine->retire[engine->left++] = qmac_later(engine->slot + c->run, before + 1);
}

/* ---- a cycle ---------------------------------------------------------------------- */

static void check_dispatch(struct bench *b, uint32_t flags)
{
	const struct dispatch_command *c = &b->rules->command[b->next];
	uint32_t sync = (flags & SYNC_IRQ ? 1U : 0) | (flags & SYNC_STAMP ? 2U : 0);

	expect(b, "dispatch when stopped of", b->next, b->stopped || !b->valid || c->stops, 0);
	expect(b, "queue of command", b->next, flags >> PUSH & 7, c->engine == CONTROL ? 0 : 1U << c->engine);
	expect(b, "is SYNC: command", b->next, (flags & SYNC_RETIRE) != 0, c->engine == CONTROL);
	if (!b->holds)
		expect(b, "dispatch of command", b->next, b->now, c->dispatch);
	if (c->engine == CONTROL) {
		expect(b, "irq and stamp of command", b->next, sync, c->words[0] >> 4 & 3);
		for (unsigned e = 0; e < 3; e++)
			expect(b, "SYNC before the end of engine", e, b->engine[e].retired, b->engine[e].given);
		b->latest_seen = b->now;
	} else {
		b->engine[c->engine].index[b->engine[c->engine].given++] = b->next;
	}
	b->next++;
}

/* The command at the input; nonsense where there is none. */
static uint32_t offer(struct bench *b)
{
	const struct dispatch_command *c = &b->rules->command[b->next];
	bool come = b->next < b->rules->commands && b->now >= c->ready + QMAC_CHECK_CYCLES;

	b->valid = come && (b->valid || !b->holds || below(b, 2));
	for (int i = 0; i < 3; i++)
		unit_set(b->unit, IN_COMMAND + i, b->valid ? c->words[i] : (uint32_t)test_random(&b->rules->rng));
	unit_set(b->unit, IN_PAYLOAD, c->payload);
	unit_set(b->unit, IN_FAULT, b->valid ? c->fault | c->engine << 4 : (uint32_t)below(b, 64));
	unit_set(b->unit, IN_READY, (uint32_t)c->ready);
	unit_set(b->unit, IN_READY + 1, (uint32_t)(c->ready >> 32));
	unit_set(b->unit, IN_SLOTS, c->slots);
	return b->valid ? VALID : 0U;
}

static void settle(struct bench *b, uint32_t control)
{
	const struct engine *load = &b->engine[LOAD], *store = &b->engine[STORE];

	unit_set(b->unit, IN_CONTROL, control | (b->ring_fault ? RING_FAULT : 0U));
	unit_set(b->unit, IN_TAIL, b->tail);
	unit_set(b->unit, IN_LOAD_NUMBER, load->index[load->started ? load->started - 1 : 0]);
	unit_set(b->unit, IN_STORE_NUMBER, store->index[store->started ? store->started - 1 : 0]);
	unit_settle(b->unit);
}

/* Outputs that hold in any cycle; `offered` streams stay until taken, unless the device has stopped. */
static void check_levels(struct bench *b, uint32_t flags, uint32_t ready)
{
	uint32_t offered = flags & (VALID_LOAD | VALID_STORE | VALID_VEC | VALID_GEMM);
	uint32_t head = b->next + (flags & FREED ? 1U : 0);

	if (!(flags & ERROR))
		expect(b, "time", 0, out64(b, OUT_TIME), b->now);
	expect(b, "stopped", 0, (flags & STOPPED) != 0, b->stopped && !b->ring_fault);
	expect(b, "number", 0, unit_get(b->unit, OUT_NUMBER), b->next);
	expect(b, "head", 0, unit_get(b->unit, OUT_HEAD), head);
	expect(b, "busy", 0, (flags & BUSY) != 0, !(flags & ERROR) && b->tail != head);
	if (!b->stopped)
		expect(b, "offers taken back", 0, b->offered & ~offered, 0);
	b->offered = offered & ~(ready / READY_LOAD * VALID_LOAD);
	for (unsigned e = 0; e < 3; e++) {
		expect(b, "retired", e, unit_get(b->unit, OUT_RETIRED + (int)e / 2) >> 16 * (e % 2) & 0xFFFF,
		       b->engine[e].retired & 0xFFFF);
		b->engine[e].wait += flags >> (WAITING + e) & 1;
		b->engine[e].starved += unit_get(b->unit, OUT_STARVED + (int)e);
	}
	b->engine[EXECUTE].busy += (flags & EXECUTE_BUSY) != 0;
	expect(b, "EXECUTE is busy", 0, (flags & EXECUTE_BUSY) != 0, is_busy(b, EXECUTE));
}

static void check_engines(struct bench *b, uint32_t flags, uint32_t control)
{
	if ((flags & VALID_LOAD) && (control & READY_LOAD))
		check_start(b, LOAD);
	if ((flags & VALID_STORE) && (control & READY_STORE))
		check_start(b, STORE);
	if ((flags & VALID_GEMM) && (control & READY_GEMM))
		check_load(b);
	if ((flags & VALID_VEC) && (control & READY_VEC))
		expect(b, "a VEC is a start", 0, (flags & STARTS) != 0, 1);
	if (flags & STARTS)
		check_start(b, EXECUTE);
	for (unsigned e = 0; e < 3; e++)
		if (control & (e == LOAD ? RETIRE_LOAD : e == STORE ? RETIRE_STORE : RETIRE_VEC | RETIRE_GEMM)) {
			b->engine[e].retired++;
			b->latest_seen = b->now;
		}
}

static bool all_done(const struct bench *b)
{
	bool done = b->next == b->tail;

	for (unsigned e = 0; e < 3; e++)
		done = done && b->engine[e].retired == b->engine[e].given;
	return done;
}

/* The host writes commands while time stands still. */
static void write_commands(struct bench *b, uint32_t count)
{
	dispatch_rules_append(b->rules, count, b->now);
	b->tail = b->rules->commands;
}

/* One cycle; time stands still where everything has been done. Returns the flags. */
static uint32_t step(struct bench *b)
{
	const struct dispatch_command *c = &b->rules->command[b->next];
	bool was_done = all_done(b);
	uint32_t control, flags;

	b->stopped = b->stopped || b->now >= b->engine[LOAD].error || b->now >= b->engine[STORE].error;
	control = control_bits(b) | offer(b);
	settle(b, control);
	flags = unit_get(b->unit, OUT_FLAGS);
	check_levels(b, flags, control & (READY_LOAD | READY_STORE | READY_VEC | READY_GEMM));
	check_engines(b, flags, control);
	if (flags & FREED)
		check_dispatch(b, flags);
	expect(b, "cycles", 0, out64(b, OUT_CYCLES), b->latest_seen);
	if (was_done || (!all_done(b) && !(flags & ERROR)))
		expect(b, "idle", 0, (flags & IDLE) != 0, was_done);
	if ((flags & SYNC_RETIRE) && c->calls) { /* the host writes while the device stands in this cycle */
		b->ring_fault = b->breaks_ring;
		write_commands(b, (uint32_t)below(b, 40) + 1);
		settle(b, control);
		expect(b, "head of a standing device", 0, unit_get(b->unit, OUT_HEAD), b->next);
		expect(b, "time of a standing device", 0, out64(b, OUT_TIME), b->now);
	}
	unit_clock(b->unit);
	b->stopped = b->stopped || b->ring_fault;
	b->valid = b->valid && !(flags & FREED);
	b->now += !all_done(b);
	return flags;
}

/* The same, in a device that must come to an end. */
static uint32_t step_on(struct bench *b)
{
	uint32_t flags = step(b);

	expect(b, "hangs with command", b->next, b->now > b->rules->latest + GIVE_UP, 0);
	return flags;
}

/* ---- tests ------------------------------------------------------------------------ */

static void start_over(struct bench *b, uint32_t limit, bool holds)
{
	struct bench fresh = {.unit = b->unit, .rules = b->rules, .holds = holds, .quiet = true};

	for (unsigned e = 0; e < 3; e++) {
		static uint32_t index[3][DISPATCH_COMMANDS];
		static uint64_t retire[3][DISPATCH_COMMANDS];
		fresh.engine[e] = (struct engine){.index = index[e], .retire = retire[e], .error = NEVER};
	}
	*b = fresh;
	dispatch_rules_reset(b->rules, QUEUE_DEPTH, limit);
	unit_set(b->unit, IN_TAIL, 0);
	unit_set(b->unit, IN_CONTROL, 0);
	unit_clock(b->unit);
}

static void compare_totals(struct bench *b)
{
	expect(b, "latest retirement", 0, b->latest_seen, b->rules->latest);
	for (unsigned e = 0; e < 3; e++) {
		expect(b, "WAIT of engine", e, b->engine[e].wait, b->rules->engine[e].wait);
		expect(b, "STARVED of engine", e, b->engine[e].starved, b->rules->engine[e].starved);
	}
	expect(b, "BUSY of engine", EXECUTE, b->engine[EXECUTE].busy, b->rules->engine[EXECUTE].busy);
}

/* Streams of commands, each written to an idle device after some cycles of doing nothing. */
static void run_streams(struct bench *b)
{
	while (b->rules->commands < b->rules->limit && b->wrong == 0) {
		write_commands(b, (uint32_t)below(b, below(b, 4) ? 20 : 2000) + 1);
		while (!all_done(b) && b->wrong == 0)
			step_on(b);
		if (!b->holds)
			compare_totals(b);
		for (uint64_t wait = below(b, 5); wait > 0; wait--)
			step(b);
	}
}

/* Once for each engine, so that its counts wrap. */
static void keeps_the_cycles_of_the_rules(void)
{
	struct bench *b = &bench;

	for (unsigned e = 0; e < 3; e++) {
		b->rules->favoured = e;
		start_over(b, DISPATCH_COMMANDS, false);
		run_streams(b);
		printf("%u commands in %llu cycles; engine %u: %llu commands, %llu cycles waited\n",
		       b->rules->commands, (unsigned long long)b->now, e, (unsigned long long)b->engine[e].retired,
		       (unsigned long long)b->engine[e].wait);
		CU_ASSERT_EQUAL(b->wrong, 0);
		CU_ASSERT_TRUE(b->engine[e].retired > 65536);
	}
	b->rules->favoured = EXECUTE;
}

static void keeps_the_order_under_delays(void)
{
	struct bench *b = &bench;

	start_over(b, DISPATCH_COMMANDS / 4, true);
	run_streams(b);
	CU_ASSERT_EQUAL(b->wrong, 0);
}

/* Steps until the error shows; it may not while anything else is under way. */
static void run_to_error(struct bench *b, unsigned code, uint32_t number)
{
	uint32_t flags = 0, steps = 0;

	b->quiet = below(b, 2);
	while (!(flags & ERROR) && b->wrong == 0 && ++steps < 20000)
		flags = step(b);
	for (unsigned e = 0; e < 3; e++)
		if (b->engine[e].error == NEVER)
			expect(b, "error while an engine works:", e, is_busy(b, e), 0);
	expect(b, "error", number, (flags & ERROR) != 0, 1);
	expect(b, "code of error", number, flags >> CODE, code);
	expect(b, "command of error", number, unit_get(b->unit, OUT_ERROR_COMMAND), number);
	expect(b, "idle with error", number, (flags & IDLE) != 0, b->quiet);
	b->quiet = true;
	for (int i = 0; i < 5; i++)
		flags = step(b);
	expect(b, "error stays", number, (flags & ERROR) && (flags & IDLE), 1);
}

static void stops_at_a_faulty_command(void)
{
	struct bench *b = &bench;
	int wrong = 0;

	for (int round = 0; round < 2000 && wrong == 0; round++) {
		const struct dispatch_command *c;

		start_over(b, 900, false); /* too few for a SYNC to call */
		write_commands(b, (uint32_t)below(b, 60));
		c = dispatch_rules_append_fault(b->rules);
		b->tail = b->rules->commands + (uint32_t)below(b, 3);
		run_to_error(b, c->stops, b->rules->commands - 1);
		expect(b, "commands before the fault", 0, b->next, b->rules->commands - 1);
		compare_totals(b);
		wrong += b->wrong;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* At a doorbell of an idle device, and at one of a device that stands still in a SYNC. */
static void stops_at_an_unusable_ring(void)
{
	struct bench *b = &bench;
	int wrong = 0, calls = 0;

	for (int round = 0; round < 500 && wrong == 0; round++) {
		start_over(b, 10000, false);
		b->breaks_ring = true;
		write_commands(b, (uint32_t)below(b, 60));
		while (!all_done(b) && !b->ring_fault && b->wrong == 0)
			step_on(b);
		calls += b->ring_fault;
		if (!b->ring_fault) {
			b->ring_fault = true;
			b->tail += 5;
		}
		run_to_error(b, QMAC_FAULT_RING, b->next);
		wrong += b->wrong;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(calls > 100);
}

/* The older of the commands at which the memory has failed when everything else has retired. */
static uint32_t oldest_failed(const struct bench *b)
{
	const struct engine *load = &b->engine[LOAD], *store = &b->engine[STORE];
	uint32_t at_load = load->started ? load->index[load->started - 1] : 0;
	uint32_t at_store = store->started ? store->index[store->started - 1] : 0;

	if (load->error == NEVER || b->now < load->error)
		return at_store;
	return store->error == NEVER || b->now < store->error || at_load < at_store ? at_load : at_store;
}

static void stops_at_an_error_of_the_memory(void)
{
	struct bench *b = &bench;
	int wrong = 0, both = 0;

	for (int round = 0; round < 2000 && wrong == 0; round++) {
		start_over(b, 900, false);
		b->holds = round % 2; /* cycles behind the failing commands are nobody's */
		write_commands(b, 100 + (uint32_t)below(b, 60));
		for (uint32_t i = (uint32_t)below(b, 90); i < b->rules->commands; i++)
			b->rules->command[i].fails = b->rules->command[i].engine % 2 == 0; /* LOAD, STORE */
		while (!b->stopped && !all_done(b) && b->wrong == 0)
			step_on(b);
		if (!b->stopped)
			continue;
		/* a second engine may fail while the rest completes */
		while (b->wrong == 0 && !(step_on(b) & ERROR))
			continue;
		run_to_error(b, QMAC_FAULT_BUS, oldest_failed(b));
		both += b->engine[LOAD].error != NEVER && b->engine[STORE].error != NEVER;
		wrong += b->wrong;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(both > 20);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"keeps the cycles of the rules", keeps_the_cycles_of_the_rules},
		{"keeps the order under delays", keeps_the_order_under_delays},
		{"stops at a faulty command", stops_at_a_faulty_command},
		{"stops at an unusable ring", stops_at_an_unusable_ring},
		{"stops at an error of the memory", stops_at_an_error_of_the_memory},
	};
	int failed;

	rules.rng = test_seed();
	rules.favoured = EXECUTE;
	bench.unit = unit_create();
	failed = test_main("test_rtl_dispatch", cases, TEST_COUNT(cases));
	unit_destroy(bench.unit);
	return failed;
}
