/*
 * Programs with few waits: those of a legal program taken away at random, then as many
 * put back as the race checker asks for.
 */
#ifndef QMAC_FUZZ_WAITS_H
#define QMAC_FUZZ_WAITS_H

#include "hw/hw.h"
#include "qmac_isa.h"
#include "race/race.h"

/* Of a command's waits about keep of 16 stay; the others go, or wait for less. At most 2^15 commands. */
void qmac_fuzz_waits_thin(uint64_t *rng, struct qmac_command *command, uint64_t keep);

/* Adds the wait that a race asks for. */
void qmac_fuzz_waits_add(const struct qmac_race *race, struct qmac_command *commands);

/* Adds waits until a legal program is race-free. */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_waits_mend(const struct qmac_hw *hw, struct qmac_command *commands,
                                                      uint32_t count, struct qmac_error *err);

/* Thins the waits of a race-free program and mends it until it is race-free again. */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_waits_few(uint64_t *rng, const struct qmac_hw *hw,
                                                     struct qmac_command *commands, uint32_t count,
                                                     struct qmac_error *err);

#endif
