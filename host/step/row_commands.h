/*
 * Commands over rows of the scratchpads, of which both kinds of inner loops are made. They come without
 * waits, tags and what a replay puts in.
 */
#ifndef QMAC_STEP_ROW_COMMANDS_H
#define QMAC_STEP_ROW_COMMANDS_H

#include <stdint.h>

#include "isa/command.h"

/* A vector command over rows of ACC, all strides 1, with immediate 0 as second source; MUL: so it clears. */
struct qmac_command qmac_rows_vector(unsigned op, uint32_t dst, uint32_t src0, uint32_t rows, uint32_t lanes);

/* Its second source are rows of `space`, stride 1. */
void qmac_rows_second(struct qmac_command *command, unsigned space, uint32_t row);

/*
 * LOAD or STORE of `vectors` vectors of `rows` rows of `lanes` signed containers, which
 * follow one another without gaps in memory and on chip.
 */
struct qmac_command qmac_rows_move(unsigned opcode, uint64_t address, unsigned container, unsigned space,
                                   uint32_t row, uint32_t vectors, uint32_t rows, uint32_t lanes);

#endif
