/*
 * The question of docs/races.md, answered slowly: every pair of commands, every row,
 * and the closure of a graph whose nodes are the starts and retirements of the commands.
 */
#ifndef REF_RACE_H
#define REF_RACE_H

#include <stdbool.h>

#include "hw/hw.h"
#include "qmac_isa.h"
#include "race/race.h"

enum {
	REF_RACE_COMMANDS = 40,
	REF_RACE_PLACES = 4096 /* rows of a scratchpad and bytes of memory that may be touched */
};

/* False: race-free. True: *race is the race to be reported. At most REF_RACE_COMMANDS legal commands. */
bool ref_race_find(const struct qmac_hw *hw, const struct qmac_command *commands, uint32_t count,
                   struct qmac_race *race);

#endif
