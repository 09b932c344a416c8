/*
 * Who touched a place last: a map from places to the last access of one engine in
 * one direction; for the race checker, and for whoever gives commands their waits.
 *
 * Rows have a number each (row_history.h). Memory lies in pages, of which each holds its
 * spans in ascending order: so what it takes grows with the runs that differ, not with
 * their length.
 */
#ifndef QMAC_RACE_HISTORY_H
#define QMAC_RACE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "race/access.h"

struct qmac_page;
struct qmac_row_history;

/* Zeroed before first use. */
struct qmac_history {
	struct qmac_row_history *rows[QMAC_REGIONS]; /* NULL: none touched; that of QMAC_REGION_MEMORY always */
	struct qmac_page *pages; /* of memory: a hash table */
	size_t used, size;       /* size: 0 or a power of two */
	uint32_t latest_byte;    /* over all pages */
};

/* Notes an access with the number `last`, from 1; later ones have no lower numbers. False: out of memory. */
bool qmac_history_note(struct qmac_history *history, const struct qmac_access *access, uint32_t last);

/*
 * The latest access to a place of `access` with a number of at least *last, which is at least 1, and the
 * lowest such place: puts them into *last and *place and returns true where there is one.
 */
bool qmac_history_find(const struct qmac_history *history, const struct qmac_access *access, uint32_t *last,
                       uint64_t *place);

/* Visits every run [begin, end) with the number of its last access; stops where a visit returns false. */
bool qmac_history_each(const struct qmac_history *history,
                       bool (*visit)(void *context, uint64_t begin, uint64_t end, uint32_t last),
                       void *context);

void qmac_history_free(struct qmac_history *history);

#endif
