/*
 * Dispatcher, queues and waits in Verilog against the rules of docs/timing.md: random streams with random
 * waits for engines that the test plays. Cycles of dispatch, start, and of SYNC, all counts of the time
 * counters, and how the device stops at an error.
 */
#include "dispatch_bench.h"

#include <stdio.h>

#include "test.h"

/* The Makefile gives the parameters of the build under test; this is for static checks. */
#ifndef QUEUE_DEPTH
enum { QUEUE_DEPTH = 4 };
#endif

static struct dispatch_rules rules;
static struct dispatch_bench bench = {.rules = &rules};

static void compare_totals(struct dispatch_bench *b)
{
	bench_expect(b, "latest retirement", 0, b->latest_seen, b->rules->latest);
	for (unsigned e = 0; e < 3; e++) {
		bench_expect(b, "WAIT of engine", e, b->engine[e].wait, b->rules->engine[e].wait);
		bench_expect(b, "STARVED of engine", e, b->engine[e].starved, b->rules->engine[e].starved);
	}
	bench_expect(b, "BUSY of engine", EXECUTE, b->engine[EXECUTE].busy, b->rules->engine[EXECUTE].busy);
}

/* Streams of commands, each written to an idle device after some cycles of doing nothing. */
static void run_streams(struct dispatch_bench *b)
{
	while (b->rules->commands < b->rules->limit && b->wrong == 0) {
		bench_write(b, (uint32_t)bench_below(b, bench_below(b, 4) ? 20 : 2000) + 1);
		while (!bench_all_done(b) && b->wrong == 0)
			bench_step_on(b);
		if (!b->holds)
			compare_totals(b);
		for (uint64_t wait = bench_below(b, 5); wait > 0; wait--)
			bench_step(b);
	}
}

/* Once for each engine, so that its counts wrap. */
static void keeps_the_cycles_of_the_rules(void)
{
	struct dispatch_bench *b = &bench;

	for (unsigned e = 0; e < 3; e++) {
		b->rules->favoured = e;
		bench_start_over(b, QUEUE_DEPTH, DISPATCH_COMMANDS, false);
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
	struct dispatch_bench *b = &bench;

	bench_start_over(b, QUEUE_DEPTH, DISPATCH_COMMANDS / 4, true);
	run_streams(b);
	CU_ASSERT_EQUAL(b->wrong, 0);
}

/* Steps until the error shows; it may not while anything else is under way. */
static void run_to_error(struct dispatch_bench *b, unsigned code, uint32_t number)
{
	uint32_t flags = 0, steps = 0;

	b->quiet = bench_below(b, 2);
	while (!(flags & ERROR) && b->wrong == 0 && ++steps < 20000)
		flags = bench_step(b);
	for (unsigned e = 0; e < 3; e++)
		if (b->engine[e].error == NEVER)
			bench_expect(b, "error while an engine works:", e, bench_is_busy(b, e), 0);
	bench_expect(b, "error", number, (flags & ERROR) != 0, 1);
	bench_expect(b, "code of error", number, flags >> CODE, code);
	bench_expect(b, "command of error", number, unit_get(b->unit, OUT_ERROR_COMMAND), number);
	bench_expect(b, "idle with error", number, (flags & IDLE) != 0, b->quiet);
	b->quiet = true;
	for (int i = 0; i < 5; i++)
		flags = bench_step(b);
	bench_expect(b, "error stays", number, (flags & ERROR) && (flags & IDLE), 1);
}

static void stops_at_a_faulty_command(void)
{
	struct dispatch_bench *b = &bench;
	int wrong = 0;

	for (int round = 0; round < 2000 && wrong == 0; round++) {
		const struct dispatch_command *c;

		bench_start_over(b, QUEUE_DEPTH, 900, false); /* too few for a SYNC to call */
		bench_write(b, (uint32_t)bench_below(b, 60));
		c = dispatch_rules_append_fault(b->rules);
		b->tail = b->rules->commands + (uint32_t)bench_below(b, 3);
		run_to_error(b, c->stops, b->rules->commands - 1);
		bench_expect(b, "commands before the fault", 0, b->next, b->rules->commands - 1);
		compare_totals(b);
		wrong += b->wrong;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* At a doorbell of an idle device, and at one of a device that stands still in a SYNC. */
static void stops_at_an_unusable_ring(void)
{
	struct dispatch_bench *b = &bench;
	int wrong = 0, calls = 0;

	for (int round = 0; round < 500 && wrong == 0; round++) {
		bench_start_over(b, QUEUE_DEPTH, 10000, false);
		b->breaks_ring = true;
		bench_write(b, (uint32_t)bench_below(b, 60));
		while (!bench_all_done(b) && !b->ring_fault && b->wrong == 0)
			bench_step_on(b);
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
static uint32_t oldest_failed(const struct dispatch_bench *b)
{
	const struct played_engine *load = &b->engine[LOAD], *store = &b->engine[STORE];
	uint32_t at_load = load->started ? load->index[load->started - 1] : 0;
	uint32_t at_store = store->started ? store->index[store->started - 1] : 0;

	if (load->error == NEVER || b->now < load->error)
		return at_store;
	return store->error == NEVER || b->now < store->error || at_load < at_store ? at_load : at_store;
}

static void stops_at_an_error_of_the_memory(void)
{
	struct dispatch_bench *b = &bench;
	int wrong = 0, both = 0;

	for (int round = 0; round < 2000 && wrong == 0; round++) {
		bench_start_over(b, QUEUE_DEPTH, 900, false);
		b->holds = round % 2; /* cycles behind the failing commands are nobody's */
		bench_write(b, 100 + (uint32_t)bench_below(b, 60));
		for (uint32_t i = (uint32_t)bench_below(b, 90); i < b->rules->commands; i++)
			b->rules->command[i].fails = b->rules->command[i].engine % 2 == 0; /* LOAD, STORE */
		while (!b->stopped && !bench_all_done(b) && b->wrong == 0)
			bench_step_on(b);
		if (!b->stopped)
			continue;
		/* a second engine may fail while the rest completes */
		while (b->wrong == 0 && !(bench_step_on(b) & ERROR))
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
