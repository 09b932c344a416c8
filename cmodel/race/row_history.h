/*
 * Who touched a row last, of the rows of one scratchpad (or words, or ports): an array with a number for
 * every row, and the latest of every block of rows, so that a search passes by most of them.
 *
 * An access like one of the few before only takes its place: the passes of a product over the same rows cost
 * no more than one. So the accesses noted last are written down when others come, or somebody searches.
 */
#ifndef QMAC_RACE_ROW_HISTORY_H
#define QMAC_RACE_ROW_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "race/access.h"

enum { QMAC_ROWS_DUE = 8 };

/* Zeroed before first use. Places are those of one region. */
struct qmac_row_history {
	uint32_t *last, *block;    /* of each row, of each block: number of the last access, 0: none */
	uint32_t room;             /* rows */
	uint32_t latest;           /* over all rows */
	struct {
		struct qmac_access access;
		uint32_t last;
	} due[QMAC_ROWS_DUE];      /* not written down yet, and later than all that is */
	int due_count;
};

/* As qmac_history_note(). */
bool qmac_row_history_note(struct qmac_row_history *history, const struct qmac_access *access, uint32_t last);

/* As qmac_history_find(). */
bool qmac_row_history_find(struct qmac_row_history *history, const struct qmac_access *access, uint32_t *last,
                           uint64_t *place);

/* As qmac_history_each(); `region` is that of the places. */
bool qmac_row_history_each(struct qmac_row_history *history, unsigned region,
                           bool (*visit)(void *context, uint64_t begin, uint64_t end, uint32_t last),
                           void *context);

void qmac_row_history_free(struct qmac_row_history *history);

#endif
