/*
 * Is a program race-free? (docs/races.md)
 *
 * Only a race-free program has a defined result: the device's engines run side
 * by side, and the order of two accesses that the waits leave open is a matter
 * of timing. The answer is exact: no race is missed and none is made up.
 *
 * Works on commands alone, without a device; keeps nothing between calls.
 */
#ifndef QMAC_RACE_RACE_H
#define QMAC_RACE_RACE_H

#include <stdbool.h>

#include "base/error.h"
#include "hw/hw.h"
#include "qmac_isa.h"

enum qmac_race_kind {
	QMAC_RACE_NONE,
	QMAC_RACE_ROW,    /* the same row of A, W or ACC, or the same word of LUT */
	QMAC_RACE_MEMORY, /* the same byte of device memory */
	QMAC_RACE_PORT    /* the same port of a bank, at rows that differ */
};

/* Two commands of different engines, conflicting and unordered; command[0] stands first in the ring. */
struct qmac_race {
	enum qmac_race_kind kind;
	uint32_t command[2];  /* ring numbers since reset */
	unsigned engine[2];   /* QMAC_ENGINE_* */
	bool writes[2];       /* at this place; of a command that reads and writes it: true */
	unsigned space;       /* ROW, PORT: QMAC_SPACE_* */
	uint64_t place;       /* ROW: row; MEMORY: byte address; PORT: bank */
	uint32_t wait_count;  /* command[1] lacks a wait for engine[0] to have retired so many, modulo 2^16 */
};

/*
 * Checks `count` commands, which stand in ring order since reset with fields as
 * qmac_command_decode() gives them. QMAC_OK: race-free. QMAC_CHECK_FAILED: *race
 * describes the first race (the lowest command[1], then the highest command[0], then
 * rows before memory before ports at the lowest place), err the same in words.
 * QMAC_BAD_INPUT: err names a command that the device refuses whatever its memory.
 * QMAC_INTERNAL: out of memory.
 *
 * Takes time and memory about as the rows (of bytes, in memory) that the commands touch.
 */
QMAC_MUST_CHECK enum qmac_status qmac_race_check(const struct qmac_hw *hw,
                                                 const struct qmac_command *commands, uint32_t count,
                                                 struct qmac_race *race, struct qmac_error *err);

/* One line about a race that was found; returns text. */
const char *qmac_race_text(const struct qmac_race *race, char *text, size_t size);

#endif
