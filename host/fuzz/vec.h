/*
 * Random legal VEC commands.
 */
#ifndef QMAC_FUZZ_VEC_H
#define QMAC_FUZZ_VEC_H

#include "fuzz/commands.h"

/* All but opcode, tag and waits of a command that is zero but for these. */
void qmac_fuzz_vec(struct qmac_fuzz_program *program, struct qmac_command *command);

#endif
