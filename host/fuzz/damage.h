/*
 * Changes of single fields of descriptors, by the table of isa.def: random damage, and
 * the steps by which the minimiser makes a command simpler.
 */
#ifndef QMAC_FUZZ_DAMAGE_H
#define QMAC_FUZZ_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "qmac_isa.h"

/* Damages a descriptor: it may become illegal, or stay legal by chance. */
void qmac_fuzz_damage(uint64_t *rng, uint32_t words[QMAC_COMMAND_WORDS]);

/* A part of a field that only the class of the descriptor has, which is not SYNC. */
int qmac_fuzz_own_field(uint64_t *rng, const uint32_t words[QMAC_COMMAND_WORDS]);

/* Changes it, often by little: the descriptor may become illegal. */
void qmac_fuzz_change(uint64_t *rng, uint32_t words[QMAC_COMMAND_WORDS], int field);

/* Parts of fields of all classes. */
int qmac_fuzz_field_count(void);

/* Lowers a part of a field to value; false where it is not above that, or not of the descriptor's class. */
bool qmac_fuzz_field_lower(uint32_t words[QMAC_COMMAND_WORDS], int field, uint32_t value);

#endif
