/*
 * What the tests of LOAD and STORE in Verilog have in common: streams of random commands, back to back
 * or with gaps, beside the reference device and the clock's mover. Cycle, address and length of every
 * burst, every retire cycle and all counters must be equal. In every other batch the memory takes and
 * answers at random (`stalls`), and no cycles are compared.
 *
 * A unit's own test makes its data move, and compares it: struct mover_unit.
 */
#ifndef MOVER_BENCH_H
#define MOVER_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../rtl/sim/unit.h"
#include "fuzz/commands.h"
#include "reference/ref_device.h"
#include "time/mover.h"

/* Words and bits that unit_load.v and unit_store.v share; and their sizes. */
enum { IN_CONTROL = 0, IN_ROW = 3, IN_PART = 4, IN_VALUE = 8 };
enum { OUT_CONTROL = 0, OUT_ADDRESS, OUT_LAST, OUT_BYTES };
enum { RESET_OFF = 1, START = 2, PART = 256 };
enum { READY = 1, RETIRE = 2, BUSY = 4, ERROR = 8, PAIR = 32, BURST = 64 };
enum { DEPTH = 128, LUT_BITS = 4, MEMORY_BYTES = 16384 };

struct mover_bench;

struct mover_unit {
	unsigned opcode;       /* QMAC_OPCODE_LOAD or QMAC_OPCODE_STORE */
	uint32_t request;      /* OUT_CONTROL: a burst is requested */
	uint32_t silent;       /* OUT_CONTROL: other bits that stay low after an error */
	uint32_t poke;         /* IN_CONTROL: writes IN_VALUE to the word of a scratchpad at IN_ROW */
	uint32_t memory_write; /* IN_CONTROL: writes a word of memory */
	int memory_index, memory_value; /* the input words that say which, and what */
	uint64_t (*memory_random)(uint64_t *rng); /* draws it */
	uint64_t latency;      /* cycles from the completion of a command's last burst to its retirement */
	const int *counters;   /* QMAC_COUNTER_* to be compared */
	int counter_count;
	/* The unit's test. A cycle with these bits of IN_CONTROL, ended by bench_clock(); returns OUT_CONTROL. */
	uint32_t (*cycle)(struct mover_bench *b, uint32_t inputs);
	void (*fill)(struct mover_bench *b);    /* random words in the scratchpads */
	void (*compare)(struct mover_bench *b); /* what a batch has moved, at its end */
	void (*forget)(void);                   /* what is under way, before a batch; may be NULL */
	void (*retired)(struct mover_bench *b, uint64_t number); /* a command of a batch; may be NULL */
	void (*release)(void);                  /* what it has allocated */
};

struct mover_bench {
	const struct mover_unit *of;
	struct unit *unit;
	struct ref_device device;
	struct qmac_fuzz_program program;
	struct qmac_hw hw;                /* with the memory of this batch */
	struct qmac_mover mover;
	uint64_t *freed, fifo_beats;
	struct qmac_dram mover_dram, dram; /* the mover's, and the one that answers the unit */
	uint64_t asked, answered;         /* answers of a batch: beats of LOAD, responses of STORE */
	int64_t error_at;                 /* the answer that comes with an error; below 0: none */
	bool stalls;                      /* random ready and answers, no cycles compared */
	uint64_t cycle, retire;           /* retire: expected of the running command */
	unsigned container;               /* of the running command */
	uint32_t parts;                   /* of the next command, handed to the unit so far */
	uint32_t held_low, held_last;     /* a request that was not taken */
	bool held;
	uint64_t expected_digest;         /* of the commands of a batch */
	uint64_t counters[QMAC_COUNTERS]; /* as counted from the unit's ports */
	uint64_t pairs;
	int wrong;
};

/* Runs the tests of the unit: its parameters are rows, cols, the widths of words and those of the bus. */
int bench_main(const char *program, const struct mover_unit *of, const struct qmac_hw *hw);

/* Uniform in 0..count-1. */
uint64_t bench_below(struct mover_bench *b, uint64_t count);

/* Counts a difference as a failure of the running test; the first ones are printed. */
void bench_expect(struct mover_bench *b, const char *what, uint64_t number, uint64_t got, uint64_t expected);

/* Random words in all of a space, here and in the reference. */
void bench_fill_space(struct mover_bench *b, int space);

/* The word whose place is given in IN_ROW. */
void bench_point_at(struct mover_bench *b, int space, int64_t row, int lane);

/* A request that was not taken is there again, unchanged. True where another one is there. */
bool bench_watch_request(struct mover_bench *b, uint32_t control, bool taken);

/* Address and beats of the burst that is requested. */
uint64_t bench_burst_address(const struct mover_bench *b);
uint32_t bench_burst_beats(const struct mover_bench *b);

/* The request is taken in this cycle: compared. Returns when memory begins its data, in 1/256 cycles. */
uint64_t bench_take_burst(struct mover_bench *b);

/* Ends the cycle in which the unit showed `control`. */
void bench_clock(struct mover_bench *b, uint32_t control);

/* Room for one more than `count` items of `size` bytes: `items`, or where they have moved to. */
void *bench_room(void *items, uint64_t count, uint64_t *room, size_t size);

#endif
