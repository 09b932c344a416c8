/*
 * Random legal programs.
 *
 * A program is race-free in the simplest way: each command waits for all that the other
 * engines were given before it. waits.h takes away what is not needed.
 */
#ifndef QMAC_FUZZ_COMMANDS_H
#define QMAC_FUZZ_COMMANDS_H

#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

enum {
	QMAC_FUZZ_WORK = 600,    /* products and table look-ups of one command, about: simulating takes time */
	QMAC_FUZZ_RECENT = 4,    /* commands that are known for again.h */
	QMAC_FUZZ_AGAIN_ALL = 16
};

struct qmac_fuzz_program {
	struct qmac_hw hw;
	uint64_t rng;                   /* state of qmac_fuzz_random() */
	uint64_t data_base, data_bytes; /* the memory that LOAD and STORE touch: base of 8, at least 4096 bytes */
	uint32_t dispatched[3];         /* by qmac_fuzz_command() and qmac_fuzz_wait_all() so far */
	/*
	 * Of AGAIN_ALL commands so many are one of the last few again, as it was or with one field changed;
	 * others begin at a row that one of those used. 0: none.
	 */
	int again;
	struct qmac_command recent[QMAC_FUZZ_RECENT];
	uint32_t remembered;            /* commands that were put into `recent` so far, in turn */
};

/* The next command of a legal program. */
void qmac_fuzz_command(struct qmac_fuzz_program *program, struct qmac_command *command);

/* A legal command of one opcode, without waits. */
void qmac_fuzz_command_of(struct qmac_fuzz_program *program, unsigned opcode, struct qmac_command *command);

/* Makes a command without waits the next of the program: it waits for everything before it. */
void qmac_fuzz_wait_all(struct qmac_fuzz_program *program, struct qmac_command *command);

#endif
