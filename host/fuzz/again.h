/*
 * Commands that use again what the last ones read or wrote: operands whose counts a device may remember,
 * rows of which it knows something, with another shape, stride or width.
 */
#ifndef QMAC_FUZZ_AGAIN_H
#define QMAC_FUZZ_AGAIN_H

#include <stdbool.h>

#include "fuzz/commands.h"

/* Makes a command, with its waits to come, one of the recent ones. */
void qmac_fuzz_remember(struct qmac_fuzz_program *program, const struct qmac_command *command);

/* One of the recent commands, as it was or with one field changed, legal; false: there is none. */
bool qmac_fuzz_again(struct qmac_fuzz_program *program, struct qmac_command *command);

/* Lets a command read or write from a row on that a recent one began at too, where that is legal. */
void qmac_fuzz_aim(struct qmac_fuzz_program *program, struct qmac_command *command);

#endif
