/*
 * What a program consists of; for host/lower only.
 */
#ifndef QMAC_LOWER_PROGRAM_STATE_H
#define QMAC_LOWER_PROGRAM_STATE_H

#include "lower/item.h"
#include "lower/program.h"

/* A wait at the start of a program for what stands before it. */
struct qmac_entry {
	int64_t item;
	unsigned engine;
	int32_t wait;
};

/* Those of a program behind another one of its sequence. */
struct qmac_entries {
	uint32_t serial;            /* of the program before; 0: not known */
	int64_t count;
	struct qmac_entry *entries;
};

struct qmac_program {
	struct qmac_hw hw;
	struct qmac_item *items;    /* as added */
	int64_t count, room;
	unsigned turns;             /* of the command that is added next */
	int64_t *ring;              /* compiled: the items in ring order */
	enum qmac_ring_order {
		QMAC_ORDER_TRIED,       /* the best of several */
		QMAC_ORDER_ESTIMATED,
		QMAC_ORDER_KEPT         /* that of the program */
	} order;                    /* in the ring */
	uint32_t engine_count[QMAC_ENGINES];
	struct qmac_past end;       /* what may be running when it has been submitted */
	/* in a sequence */
	uint32_t serial;            /* there; 0: in none */
	struct qmac_entries *behind;
	int behinds;
};

/* Compiles for a sequence: behind nothing, and the order tried as one of many. */
QMAC_MUST_CHECK enum qmac_status qmac_program_compile_for_sequence(struct qmac_program *program,
                                                                   struct qmac_error *err);

#endif
