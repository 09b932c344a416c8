/*
 * Commands split among two threads, each of which carries out its own in ring order; for cmodel/device only.
 *
 * Programs use each scratchpad as two halves, its banks, and work on a tile in one half of ACC while the next
 * one comes into being in the other. So a command belongs to the thread of the bank of ACC that it works on;
 * those of a tile that holds outputs, which is often alone, to that of the half of its rows.
 * ACC, LUT and memory are shared: where a thread touches what the other one has touched it waits until that
 * is done. Of A and W each thread has its own copy: a LOAD to them is carried out by every thread that reads
 * what it loads, and no thread waits until the other has read what is loaded over. Behind the last command
 * the copies are made equal again.
 *
 * What the commands write is the same bits as if they were carried out in ring order.
 */
#ifndef QMAC_DEVICE_SPLIT_H
#define QMAC_DEVICE_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/hw.h"
#include "isa/command.h"

enum { QMAC_CREW = 2 }; /* threads */

struct qmac_split_step {
	uint32_t command;  /* its place among the commands */
	uint32_t waits;    /* until the other thread has done so many of its steps */
	bool tells;        /* the other thread waits for this step */
	bool again;        /* the other thread carries the command out, too, and counts it */
};

/* Rows of A or W that thread `from` has as they are to be. */
struct qmac_split_copy {
	unsigned space, from;
	uint32_t row, rows;
};

struct qmac_split {
	bool alone;        /* it is not worth it, or cannot be: nothing else is set */
	struct qmac_split_step *steps[QMAC_CREW];
	uint32_t counts[QMAC_CREW];
	struct qmac_split_copy *copies;
	uint32_t copy_count;
};

/*
 * Of `count` legal commands but SYNC, as words. Takes time about as the rows that they touch. QMAC_INTERNAL:
 * out of memory, and nothing is kept.
 */
QMAC_MUST_CHECK enum qmac_status qmac_split_make(const struct qmac_hw *hw,
                                                 const uint32_t (*words)[QMAC_COMMAND_WORDS], uint32_t count,
                                                 struct qmac_split *split, struct qmac_error *err);
void qmac_split_free(struct qmac_split *split);

/* Bits of a descriptor of that opcode which no split depends on, as ones. */
void qmac_split_free_bits(unsigned opcode, uint32_t words[QMAC_COMMAND_WORDS]);

#endif
