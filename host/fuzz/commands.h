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

struct qmac_fuzz_program {
	struct qmac_hw hw;
	uint64_t rng;                   /* state of qmac_fuzz_random() */
	uint64_t data_base, data_bytes; /* the memory that LOAD and STORE touch: base of 8, at least 4096 bytes */
	uint32_t dispatched[3];         /* by qmac_fuzz_command() and qmac_fuzz_wait_all() so far */
};

/* The next command of a legal program. */
void qmac_fuzz_command(struct qmac_fuzz_program *program, struct qmac_command *command);

/* A legal command of one opcode, without waits. */
void qmac_fuzz_command_of(struct qmac_fuzz_program *program, unsigned opcode, struct qmac_command *command);

/* Makes a command without waits the next of the program: it waits for everything before it. */
void qmac_fuzz_wait_all(struct qmac_fuzz_program *program, struct qmac_command *command);

#endif
