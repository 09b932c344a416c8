/*
 * Time of one LOAD or STORE on a memory of its own (docs/timing.md).
 */
#ifndef QMAC_TIME_MOVE_H
#define QMAC_TIME_MOVE_H

#include "time/clock.h"

/* start is the cycle in which the engine begins; bursts go to `memory`. */
struct qmac_time qmac_time_move(const struct qmac_hw *hw, const struct qmac_command *c, uint64_t start,
                                struct qmac_dram *memory);

/*
 * Calls visit(context, address, bytes, rows) for every run of DRAM bytes of a LOAD or STORE in order;
 * bytes is 0 for a row outside the window.
 */
void qmac_move_runs(const struct qmac_command *c,
                    void (*visit)(void *context, uint64_t address, uint64_t bytes, uint32_t rows),
                    void *context);

#endif
