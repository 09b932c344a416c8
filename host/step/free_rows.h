/*
 * Scratchpad rows handed out one behind the other; a plan checks next <= end when all are taken.
 */
#ifndef QMAC_STEP_FREE_ROWS_H
#define QMAC_STEP_FREE_ROWS_H

#include <stdint.h>

struct qmac_free_rows {
	int64_t next, end;
};

static inline uint32_t qmac_take_rows(struct qmac_free_rows *rows, int64_t count)
{
	int64_t first = rows->next;

	rows->next += count;
	return (uint32_t)first;
}

#endif
