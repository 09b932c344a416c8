/*
 * A command of a program, and its waits.
 */
#ifndef QMAC_LOWER_ITEM_H
#define QMAC_LOWER_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/driver.h"
#include "isa/command.h"
#include "lower/past.h"
#include "qmac_isa.h"

struct qmac_item {
	struct qmac_command command; /* its own waits are set when it is submitted */
	bool has_hull;
	struct qmac_hull hull;
	unsigned turns;             /* qmac_program_turn(): bit e, behind engine e */
	int32_t wait[QMAC_ENGINES]; /* that command of the engine, its first in this program being 1 */
	bool waits[QMAC_ENGINES];   /* wait counts */
};

/*
 * How far back a wait reaches. Counts are modulo 2^16, and one that lies 2^15 behind looks like one of the
 * future: what the engine may retire before the waiting command has started, a ring at most, is left out.
 */
enum { QMAC_WAIT_REACH = (1 << 15) - (1 << QMAC_DRIVER_RING_LOG2_MAX) - 1 };

/*
 * A command waits for no older one of an engine than those in reach of what that one was given; `given` are
 * those of this program. In place of an older one it waits for the oldest in reach, which stands before it in
 * the ring, too, and retires later.
 */
static inline int32_t qmac_wait_in_reach(int32_t wait, uint32_t given)
{
	int32_t oldest = (int32_t)given - QMAC_WAIT_REACH;

	return wait > oldest ? wait : oldest;
}

/*
 * Gives the command its waits. The engines were given `before` commands before the program, and `given` of
 * it; that many with this one then.
 */
static inline void qmac_item_set_waits(const struct qmac_item *item, const uint16_t before[QMAC_ENGINES],
                                       uint32_t given[QMAC_ENGINES], struct qmac_command *command)
{
	uint32_t *counts[QMAC_ENGINES] = {&command->wait_load, &command->wait_exec, &command->wait_store};

	command->wait_mask = 0;
	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		int32_t wait = item->waits[e] ? qmac_wait_in_reach(item->wait[e], given[e]) : 0;

		*counts[e] = item->waits[e] ? (uint16_t)(before[e] + (uint32_t)wait) : 0;
		command->wait_mask |= (uint32_t)item->waits[e] << e;
	}
	given[qmac_command_engine(command->opcode)]++;
}

#endif
