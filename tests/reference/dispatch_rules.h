/*
 * Random commands for the dispatcher and the queues, and when each is dispatched, starts and retires by
 * the rules of docs/timing.md. How long a command runs is drawn, not computed: engines are the test's.
 */
#ifndef DISPATCH_RULES_H
#define DISPATCH_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum { DISPATCH_COMMANDS = 130000, DISPATCH_QUEUE_MAX = 16 };

struct dispatch_command {
	unsigned opcode, engine;
	unsigned fault, stops;   /* what the check says; the error that stops the device here */
	uint32_t words[3], payload, slots;
	bool calls;              /* SYNC: the host rings the doorbell while time stands still */
	bool fails;              /* LOAD, STORE: the memory answers with an error */
	uint64_t wait[3];        /* commands each engine must have retired; absolute */
	uint64_t run, lag;       /* cycles to retirement; GEMM: from load to its first slot */
	uint64_t ready, dispatch, offered, start, left, retire;
};

/* What the rules say about an engine so far. */
struct dispatch_engine {
	uint64_t given, last_retire, wait, starved, busy;
	uint64_t left[DISPATCH_QUEUE_MAX];  /* of command n at n % queue_depth */
	uint64_t retire[DISPATCH_COMMANDS]; /* of command n */
};

struct dispatch_rules {
	uint64_t queue_depth, rng;
	unsigned favoured;          /* the engine of more than half of the commands */
	uint32_t commands, limit;   /* written; at most DISPATCH_COMMANDS */
	uint64_t resumed, latest;   /* cycles: as in docs/timing.md; latest retirement */
	uint64_t last_ready, last_dispatch;
	uint64_t last_slot, last_vec; /* first slot of the GEMM before; retirement of the VEC before */
	struct dispatch_engine engine[3];
	struct dispatch_command command[DISPATCH_COMMANDS + 1]; /* behind the last one: any */
};

/* Forgets all commands; rng goes on, and the favoured engine stays. */
void dispatch_rules_reset(struct dispatch_rules *rules, uint64_t queue_depth, uint32_t limit);

/*
 * The host writes up to `count` commands while time stands still in cycle `now`. Their descriptors come
 * one after the other, soon or late.
 */
void dispatch_rules_append(struct dispatch_rules *rules, uint32_t count, uint64_t now);

/*
 * One more command, with a random fault, ORDER or others: the lower code counts, but BUS before all. It
 * is never dispatched.
 */
const struct dispatch_command *dispatch_rules_append_fault(struct dispatch_rules *rules);

/* All words of a command, as tests/rtl/unit_dispatch.v folds them. */
uint32_t dispatch_command_fold(const struct dispatch_command *command);

#endif
