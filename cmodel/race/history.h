/*
 * Who touched a place last: a map from places to the last access of one engine in
 * one direction; for the race checker, and for whoever gives commands their waits.
 *
 * Places lie in pages, a page holds its spans in ascending order. Memory grows with
 * the runs that differ, not with their length.
 */
#ifndef QMAC_RACE_HISTORY_H
#define QMAC_RACE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qmac_page;

/* Zeroed before first use. */
struct qmac_history {
	struct qmac_page *pages; /* hash table */
	size_t used, size;       /* size: 0 or a power of two */
	uint32_t latest;         /* over all places */
};

/* Notes access `last` at places [begin, end); later accesses have higher numbers. False: out of memory. */
bool qmac_history_note(struct qmac_history *history, uint64_t begin, uint64_t end, uint32_t last);

/*
 * The latest access within [begin, end) with a number of at least *last, and the lowest
 * of its places: puts them into *last and *place and returns true where there is one.
 */
bool qmac_history_find(const struct qmac_history *history, uint64_t begin, uint64_t end, uint32_t *last,
                       uint64_t *place);

/* Visits every run [begin, end) with the number of its last access; stops where a visit returns false. */
bool qmac_history_each(const struct qmac_history *history,
                       bool (*visit)(void *context, uint64_t begin, uint64_t end, uint32_t last),
                       void *context);

void qmac_history_free(struct qmac_history *history);

#endif
