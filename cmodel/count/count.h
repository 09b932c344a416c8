/*
 * What a command adds to the counters that follow from its descriptor alone (docs/counters.md):
 * commands, MACs, multiplications, rows read and written, DRAM bytes and bursts.
 *
 * Counters that depend on data (QMAC_DATA_COUNTER_TABLE: products with a zero operand, saturations)
 * come from the arithmetic of cmodel/device, those of time from cmodel/time.
 */
#ifndef QMAC_COUNT_COUNT_H
#define QMAC_COUNT_COUNT_H

#include <stdint.h>

#include "hw/hw.h"
#include "isa/command.h"

/* Adds what a legal command counts on hw (qmac_command_fault: none); leaves all other counters alone. */
void qmac_count(const struct qmac_hw *hw, const struct qmac_command *command,
                uint64_t counters[QMAC_COUNTERS]);

#endif
