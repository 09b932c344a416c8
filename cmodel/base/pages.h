/*
 * A set of pages of a memory: which of them have been touched. To add, to find the next and to clear cost
 * what the set holds, not what the memory does; room is allocated when it is created, and untouched room
 * costs nothing.
 */
#ifndef QMAC_BASE_PAGES_H
#define QMAC_BASE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { QMAC_PAGE_BYTES = 1024, QMAC_PAGES_LEVELS = 6 };

struct qmac_pages {
	uint64_t count; /* pages of the memory; the last may be a part of one */
	int levels;     /* as many as it takes for one word on top */
	/* Level 0 has a bit for every page, level l + 1 one for every word of level l that is not zero. */
	uint64_t *level[QMAC_PAGES_LEVELS];
	uint64_t words[QMAC_PAGES_LEVELS];
};

/* An empty set for a memory of up to 2^46 bytes. */
QMAC_MUST_CHECK enum qmac_status qmac_pages_init(struct qmac_pages *pages, uint64_t memory_bytes,
                                                 struct qmac_error *err);
/* Also of one that is all zero, or whose init failed. */
void qmac_pages_free(struct qmac_pages *pages);

/* The page must be one of the memory. */
void qmac_pages_add(struct qmac_pages *pages, uint64_t page);
bool qmac_pages_has(const struct qmac_pages *pages, uint64_t page);

/* Every page that `bytes` bytes at `address` touch; they must lie in the memory. */
void qmac_pages_add_range(struct qmac_pages *pages, uint64_t address, uint64_t bytes);

/* The first page of the set from `from` on; count where there is none. */
uint64_t qmac_pages_next(const struct qmac_pages *pages, uint64_t from);

void qmac_pages_clear(struct qmac_pages *pages);

#endif
