#include "dispatch_bench.h"

#include <stdio.h>

#include "test.h"
#include "time/later.h"

/* Words of unit_dispatch.v, and bits of IN_CONTROL. */
enum { IN_CONTROL = 0, IN_COMMAND = 1, IN_PAYLOAD = 4, IN_FAULT, IN_READY, IN_TAIL = 8, IN_LOAD_NUMBER,
       IN_STORE_NUMBER, IN_SLOTS = 12 };
enum { RESET_OFF = 1 << 0, VALID = 1 << 1, RING_FAULT = 1 << 2, QUIET = 1 << 3, RETIRE_LOAD = 1 << 4,
       RETIRE_VEC = 1 << 5, RETIRE_STORE = 1 << 6, RETIRE_GEMM = 1 << 7, BUSY_LOAD = 1 << 8,
       BUSY_STORE = 1 << 9, ERROR_LOAD = 1 << 10, ERROR_STORE = 1 << 11, READY_LOAD = 1 << 12,
       READY_STORE = 1 << 13, READY_VEC = 1 << 14, READY_GEMM = 1 << 15 };
enum { GIVE_UP = 100000, WRONG_SHOWN = 8 };

uint64_t bench_below(struct dispatch_bench *b, uint64_t count)
{
	return test_random(&b->rules->rng) % count;
}

void bench_expect(struct dispatch_bench *b, const char *what, uint64_t number, uint64_t got,
                  uint64_t expected)
{
	if (got != expected && b->wrong++ < WRONG_SHOWN)
		printf("cycle %llu: %s %llu: got %llu, expected %llu\n", (unsigned long long)b->now, what,
		       (unsigned long long)number, (unsigned long long)got, (unsigned long long)expected);
}

static uint64_t out64(const struct dispatch_bench *b, int word)
{
	return unit_get(b->unit, word) | (uint64_t)unit_get(b->unit, word + 1) << 32;
}

/* ---- engines ---------------------------------------------------------------------- */

static struct dispatch_command *nth(struct dispatch_bench *b, unsigned e, uint64_t n)
{
	return &b->rules->command[b->engine[e].index[n]];
}

bool bench_is_busy(const struct dispatch_bench *b, unsigned e)
{
	return b->engine[e].retired < b->engine[e].started;
}

static bool retires(const struct dispatch_bench *b, unsigned e)
{
	const struct played_engine *engine = &b->engine[e];

	return engine->retired < engine->left && engine->retire[engine->retired] == b->now;
}

static uint32_t control_bits(struct dispatch_bench *b)
{
	uint32_t bits = RESET_OFF | (b->quiet ? QUIET : 0U);
	bool vec_runs = bench_is_busy(b, EXECUTE) &&
	                nth(b, EXECUTE, b->engine[EXECUTE].retired)->opcode == QMAC_OPCODE_VEC;

	bits |= retires(b, LOAD) ? RETIRE_LOAD : 0U;
	bits |= retires(b, STORE) ? RETIRE_STORE : 0U;
	bits |= !retires(b, EXECUTE) ? 0U : vec_runs ? RETIRE_VEC : RETIRE_GEMM;
	bits |= bench_is_busy(b, LOAD) ? BUSY_LOAD : READY_LOAD;
	bits |= bench_is_busy(b, STORE) ? BUSY_STORE : READY_STORE;
	bits |= vec_runs ? 0U : READY_VEC;
	bits |= b->now > b->engine[EXECUTE].slot || b->engine[EXECUTE].slot == 0 ? READY_GEMM : 0U;
	bits |= b->now >= b->engine[LOAD].error ? ERROR_LOAD : 0U;
	bits |= b->now >= b->engine[STORE].error ? ERROR_STORE : 0U;
	if (b->holds)
		bits &= ~((bench_below(b, 16) * READY_LOAD) & (READY_LOAD | READY_STORE | READY_VEC | READY_GEMM));
	return bits;
}

/* What unit_dispatch.v shows of the command that leaves the queue of EXECUTE. */
static uint32_t execute_fold(const struct dispatch_command *c)
{
	return dispatch_command_fold(c) ^ c->slots ^ (c->words[0] >> 9 & 127) << 25;
}

/* Command n of engine e starts now: is it the time, and are the waits met? */
static void check_start(struct dispatch_bench *b, unsigned e)
{
	struct played_engine *engine = &b->engine[e];
	struct dispatch_command *c = nth(b, e, engine->started);
	uint32_t number = engine->index[engine->started];
	int word = e == LOAD ? OUT_FOLD : e == STORE ? OUT_FOLD + 1 : OUT_FOLD + 2;

	bench_expect(b, "start when stopped", number, b->stopped, 0);
	if (!b->holds)
		bench_expect(b, "start of command", number, b->now, c->start);
	for (int w = 0; w < 3; w++) /* retired in a cycle before this one */
		bench_expect(b, "start before what it waits for: command", number,
		             b->engine[w].retired < c->wait[w], 0);
	if (c->opcode != QMAC_OPCODE_GEMM)
		bench_expect(b, "start beside another command:", number, bench_is_busy(b, e), 0);
	else if (bench_is_busy(b, e))
		bench_expect(b, "GEMM beside", number, nth(b, e, engine->started - 1)->opcode, QMAC_OPCODE_GEMM);
	if (c->opcode != QMAC_OPCODE_GEMM) { /* it leaves the queue */
		engine->retire[engine->left++] = b->now + c->run;
		bench_expect(b, "words of command", number, unit_get(b->unit, word),
		       e == EXECUTE ? execute_fold(c) : dispatch_command_fold(c) ^ number);
	}
	if (c->fails) {
		engine->retire[engine->left - 1] = NEVER;
		engine->error = b->now + c->run;
	}
	engine->started++;
}

/* The matrix unit takes a GEMM, which has started before this cycle. */
static void check_load(struct dispatch_bench *b)
{
	struct played_engine *engine = &b->engine[EXECUTE];
	uint32_t number = engine->index[engine->left];
	struct dispatch_command *c = nth(b, EXECUTE, engine->left);
	uint64_t before = engine->left ? engine->retire[engine->left - 1] : 0;

	bench_expect(b, "GEMM leaves without a start:", number, engine->left < engine->started, 1);
	bench_expect(b, "opcode of what leaves:", number, c->opcode, QMAC_OPCODE_GEMM);
	bench_expect(b, "words and slots of command", number, unit_get(b->unit, OUT_FOLD + 2),
	       execute_fold(c));
	if (!b->holds)
		bench_expect(b, "load of command", number, b->now, c->left);
	engine->slot = b->now + c->lag;
	engine->retire[engine->left++] = qmac_later(engine->slot + c->run, before + 1);
}

/* ---- a cycle ---------------------------------------------------------------------- */

static void check_dispatch(struct dispatch_bench *b, uint32_t flags)
{
	const struct dispatch_command *c = &b->rules->command[b->next];
	uint32_t sync = (flags & SYNC_IRQ ? 1U : 0) | (flags & SYNC_STAMP ? 2U : 0);

	bench_expect(b, "dispatch when stopped of", b->next, b->stopped || !b->valid || c->stops, 0);
	bench_expect(b, "queue of command", b->next, flags >> PUSH & 7,
	             c->engine == CONTROL ? 0 : 1U << c->engine);
	bench_expect(b, "is SYNC: command", b->next, (flags & SYNC_RETIRE) != 0, c->engine == CONTROL);
	if (!b->holds)
		bench_expect(b, "dispatch of command", b->next, b->now, c->dispatch);
	if (c->engine == CONTROL) {
		bench_expect(b, "irq and stamp of command", b->next, sync, c->words[0] >> 4 & 3);
		for (unsigned e = 0; e < 3; e++)
			bench_expect(b, "SYNC before the end of engine", e, b->engine[e].retired, b->engine[e].given);
		b->latest_seen = b->now;
	} else {
		b->engine[c->engine].index[b->engine[c->engine].given++] = b->next;
	}
	b->next++;
}

/* The command at the input; nonsense where there is none. */
static uint32_t offer(struct dispatch_bench *b)
{
	const struct dispatch_command *c = &b->rules->command[b->next];
	bool come = b->next < b->rules->commands && b->now >= c->ready + QMAC_CHECK_CYCLES;

	b->valid = come && (b->valid || !b->holds || bench_below(b, 2));
	for (int i = 0; i < 3; i++)
		unit_set(b->unit, IN_COMMAND + i, b->valid ? c->words[i] : (uint32_t)test_random(&b->rules->rng));
	unit_set(b->unit, IN_PAYLOAD, c->payload);
	unit_set(b->unit, IN_FAULT, b->valid ? c->fault | c->engine << 4 : (uint32_t)bench_below(b, 64));
	unit_set(b->unit, IN_READY, (uint32_t)c->ready);
	unit_set(b->unit, IN_READY + 1, (uint32_t)(c->ready >> 32));
	unit_set(b->unit, IN_SLOTS, c->slots);
	return b->valid ? VALID : 0U;
}

static void settle(struct dispatch_bench *b, uint32_t control)
{
	const struct played_engine *load = &b->engine[LOAD], *store = &b->engine[STORE];

	unit_set(b->unit, IN_CONTROL, control | (b->ring_fault ? RING_FAULT : 0U));
	unit_set(b->unit, IN_TAIL, b->tail);
	unit_set(b->unit, IN_LOAD_NUMBER, load->index[load->started ? load->started - 1 : 0]);
	unit_set(b->unit, IN_STORE_NUMBER, store->index[store->started ? store->started - 1 : 0]);
	unit_settle(b->unit);
}

/* Outputs that hold in any cycle; `offered` streams stay until taken, unless the device has stopped. */
static void check_levels(struct dispatch_bench *b, uint32_t flags, uint32_t ready)
{
	uint32_t offered = flags & (VALID_LOAD | VALID_STORE | VALID_VEC | VALID_GEMM);
	uint32_t head = b->next + (flags & FREED ? 1U : 0);

	if (!(flags & ERROR))
		bench_expect(b, "time", 0, out64(b, OUT_TIME), b->now);
	bench_expect(b, "stopped", 0, (flags & STOPPED) != 0, b->stopped && !b->ring_fault);
	bench_expect(b, "number", 0, unit_get(b->unit, OUT_NUMBER), b->next);
	bench_expect(b, "head", 0, unit_get(b->unit, OUT_HEAD), head);
	bench_expect(b, "busy", 0, (flags & BUSY) != 0, !(flags & ERROR) && b->tail != head);
	if (!b->stopped)
		bench_expect(b, "offers taken back", 0, b->offered & ~offered, 0);
	b->offered = offered & ~(ready / READY_LOAD * VALID_LOAD);
	for (unsigned e = 0; e < 3; e++) {
		bench_expect(b, "retired", e, unit_get(b->unit, OUT_RETIRED + (int)e / 2) >> 16 * (e % 2) & 0xFFFF,
		       b->engine[e].retired & 0xFFFF);
		b->engine[e].wait += flags >> (WAITING + e) & 1;
		b->engine[e].starved += unit_get(b->unit, OUT_STARVED + (int)e);
	}
	b->engine[EXECUTE].busy += (flags & EXECUTE_BUSY) != 0;
	bench_expect(b, "EXECUTE is busy", 0, (flags & EXECUTE_BUSY) != 0, bench_is_busy(b, EXECUTE));
}

static void check_engines(struct dispatch_bench *b, uint32_t flags, uint32_t control)
{
	if ((flags & VALID_LOAD) && (control & READY_LOAD))
		check_start(b, LOAD);
	if ((flags & VALID_STORE) && (control & READY_STORE))
		check_start(b, STORE);
	if ((flags & VALID_GEMM) && (control & READY_GEMM))
		check_load(b);
	if ((flags & VALID_VEC) && (control & READY_VEC))
		bench_expect(b, "a VEC is a start", 0, (flags & STARTS) != 0, 1);
	if (flags & STARTS)
		check_start(b, EXECUTE);
	for (unsigned e = 0; e < 3; e++)
		if (control & (e == LOAD ? RETIRE_LOAD : e == STORE ? RETIRE_STORE : RETIRE_VEC | RETIRE_GEMM)) {
			b->engine[e].retired++;
			b->latest_seen = b->now;
		}
}

bool bench_all_done(const struct dispatch_bench *b)
{
	bool done = b->next == b->tail;

	for (unsigned e = 0; e < 3; e++)
		done = done && b->engine[e].retired == b->engine[e].given;
	return done;
}

void bench_write(struct dispatch_bench *b, uint32_t count)
{
	dispatch_rules_append(b->rules, count, b->now);
	b->tail = b->rules->commands;
}

uint32_t bench_step(struct dispatch_bench *b)
{
	const struct dispatch_command *c = &b->rules->command[b->next];
	bool was_done = bench_all_done(b);
	uint32_t control, flags;

	b->stopped = b->stopped || b->now >= b->engine[LOAD].error || b->now >= b->engine[STORE].error;
	control = control_bits(b) | offer(b);
	settle(b, control);
	flags = unit_get(b->unit, OUT_FLAGS);
	check_levels(b, flags, control & (READY_LOAD | READY_STORE | READY_VEC | READY_GEMM));
	check_engines(b, flags, control);
	if (flags & FREED)
		check_dispatch(b, flags);
	bench_expect(b, "cycles", 0, out64(b, OUT_CYCLES), b->latest_seen);
	if (was_done || (!bench_all_done(b) && !(flags & ERROR)))
		bench_expect(b, "idle", 0, (flags & IDLE) != 0, was_done);
	if ((flags & SYNC_RETIRE) && c->calls) { /* the host writes while the device stands in this cycle */
		b->ring_fault = b->breaks_ring;
		bench_write(b, (uint32_t)bench_below(b, 40) + 1);
		settle(b, control);
		bench_expect(b, "head of a standing device", 0, unit_get(b->unit, OUT_HEAD), b->next);
		bench_expect(b, "time of a standing device", 0, out64(b, OUT_TIME), b->now);
	}
	unit_clock(b->unit);
	b->stopped = b->stopped || b->ring_fault;
	b->valid = b->valid && !(flags & FREED);
	b->now += !bench_all_done(b);
	return flags;
}

uint32_t bench_step_on(struct dispatch_bench *b)
{
	uint32_t flags = bench_step(b);

	bench_expect(b, "hangs with command", b->next, b->now > b->rules->latest + GIVE_UP, 0);
	return flags;
}

void bench_start_over(struct dispatch_bench *b, uint64_t queue_depth, uint32_t limit, bool holds)
{
	struct dispatch_bench fresh = {.unit = b->unit, .rules = b->rules, .holds = holds, .quiet = true};

	for (unsigned e = 0; e < 3; e++) {
		static uint32_t index[3][DISPATCH_COMMANDS];
		static uint64_t retire[3][DISPATCH_COMMANDS];
		fresh.engine[e] = (struct played_engine){.index = index[e], .retire = retire[e], .error = NEVER};
	}
	*b = fresh;
	dispatch_rules_reset(b->rules, queue_depth, limit);
	unit_set(b->unit, IN_TAIL, 0);
	unit_set(b->unit, IN_CONTROL, 0);
	unit_clock(b->unit);
}
