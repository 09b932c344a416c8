/*
 * The bench of the dispatcher's unit: a cycle of unit_dispatch.v, whose engines are played here, is compared
 * with the rules of docs/timing.md in all that shows of it; the tests say which streams, and when they stop.
 */
#ifndef QMAC_TESTS_RTL_DISPATCH_BENCH_H
#define QMAC_TESTS_RTL_DISPATCH_BENCH_H

#include <stdbool.h>

#include "../../rtl/sim/unit.h"
#include "qmac_isa.h"
#include "reference/dispatch_rules.h"

/* Words of unit_dispatch.v, and bits of OUT_FLAGS. */
enum { OUT_NUMBER = 0, OUT_FLAGS, OUT_HEAD, OUT_RETIRED, OUT_TIME = 5, OUT_CYCLES = 7, OUT_STARVED = 9,
       OUT_ERROR_COMMAND = 12, OUT_FOLD };
enum { BUSY = 1 << 3, IDLE = 1 << 4, ERROR = 1 << 5, SYNC_RETIRE = 1 << 6, SYNC_IRQ = 1 << 7,
       SYNC_STAMP = 1 << 8, PUSH = 9, WAITING = 12, VALID_LOAD = 1 << 15, VALID_STORE = 1 << 16,
       VALID_VEC = 1 << 17, VALID_GEMM = 1 << 18, STARTS = 1 << 19, EXECUTE_BUSY = 1 << 20, STOPPED = 1 << 21,
       FREED = 1 << 2, CODE = 28 };

enum { LOAD = QMAC_ENGINE_LOAD, EXECUTE = QMAC_ENGINE_EXECUTE, STORE = QMAC_ENGINE_STORE,
       CONTROL = QMAC_ENGINE_CONTROL };

#define NEVER UINT64_MAX

/* An engine that the test plays. */
struct played_engine {
	uint32_t *index;         /* its commands */
	uint64_t given, started, left, retired; /* commands so far */
	uint64_t *retire;        /* when command n retires, once it is known */
	uint64_t slot;             /* GEMM: first slot of the one before */
	uint64_t error;            /* cycle from which the memory's error shows */
	uint64_t wait, starved, busy;
};

struct dispatch_bench {
	struct unit *unit;
	struct dispatch_rules *rules;
	struct played_engine engine[3];
	uint32_t next, tail;       /* to be dispatched; register RING_TAIL */
	uint64_t now, latest_seen; /* this cycle; the latest retirement until now */
	uint32_t offered;          /* streams offered and not taken in the cycle before */
	bool valid;                /* a command is offered to the dispatcher */
	bool holds;                /* random delays everywhere: cycles are not compared */
	bool stopped, ring_fault, quiet;
	bool breaks_ring;          /* the next doorbell makes the ring unusable */
	int wrong;
};

/* Uniform in 0..count-1. */
uint64_t bench_below(struct dispatch_bench *b, uint64_t count);

/* Counts a difference; the first ones are printed. */
void bench_expect(struct dispatch_bench *b, const char *what, uint64_t number, uint64_t got,
                  uint64_t expected);

/* Has an engine started something that will still retire after the cycle before this one? */
bool bench_is_busy(const struct dispatch_bench *b, unsigned e);

/* Has all that was written retired? */
bool bench_all_done(const struct dispatch_bench *b);

/* The host writes that many commands while time stands still. */
void bench_write(struct dispatch_bench *b, uint32_t count);

/* One cycle; time stands still where everything has been done. Returns the flags. */
uint32_t bench_step(struct dispatch_bench *b);

/* The same, in a device that must come to an end. */
uint32_t bench_step_on(struct dispatch_bench *b);

/*
 * From reset, with queues of that depth, for up to `limit` commands; `holds`: random delays everywhere, so
 * that cycles are not compared.
 */
void bench_start_over(struct dispatch_bench *b, uint64_t queue_depth, uint32_t limit, bool holds);

#endif
