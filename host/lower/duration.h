/*
 * About how long a command keeps its engine: for the order of commands only, which changes no result.
 * docs/timing.md has the exact rules; here memory is had by one engine alone.
 */
#ifndef QMAC_LOWER_DURATION_H
#define QMAC_LOWER_DURATION_H

#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

/* Cycles of a LOAD or STORE from start to retire. */
uint64_t qmac_move_duration(const struct qmac_hw *hw, const struct qmac_command *command);

/* Cycles from descriptor to descriptor where fetch never has to wait for places. */
uint64_t qmac_fetch_interval(const struct qmac_hw *hw);

#endif
