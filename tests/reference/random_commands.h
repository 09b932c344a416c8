/*
 * Random hardware, random legal programs and random damage to descriptors.
 *
 * Values lean towards the small and towards the ends of their ranges. A program is
 * race-free in the simplest way: each command waits for all that the other engines
 * were given before it.
 */
#ifndef RANDOM_COMMANDS_H
#define RANDOM_COMMANDS_H

#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

struct random_program {
	struct qmac_hw hw;
	uint64_t rng;                   /* state of test_random() */
	uint64_t data_base, data_bytes; /* the memory that LOAD and STORE touch; at least 4096 bytes */
	uint32_t dispatched[3];         /* by random_command() so far */
};

/* low..high, both included, the ends and small values more often. */
int64_t random_pick(uint64_t *rng, int64_t low, int64_t high);

/* 64 bits: zero, small numbers, the ends of common widths, or anything. */
uint64_t random_word(uint64_t *rng);

/* A device that qmac_hw_check() accepts; scratchpads of at most 320 rows. */
void random_hw(uint64_t *rng, struct qmac_hw *hw);

/* The next command of a legal program. */
void random_command(struct random_program *program, struct qmac_command *command);

/* A legal command of one opcode, without waits. */
void random_command_of(struct random_program *program, unsigned opcode, struct qmac_command *command);

/* Damages a descriptor: it may become illegal, or stay legal by chance. */
void random_damage(uint64_t *rng, uint32_t words[QMAC_COMMAND_WORDS]);

#endif
