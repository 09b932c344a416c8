#include "race/row_history.h"

#include <stdlib.h>
#include <string.h>

/* log2 of the rows of a block. */
enum { BLOCK_SHIFT = 6, BLOCK = 1 << BLOCK_SHIFT, BURST = 8 };

#define ROW_MASK ((UINT64_C(1) << QMAC_PLACE_SHIFT) - 1)

static bool make_room(struct qmac_row_history *history, uint64_t rows)
{
	uint32_t room = history->room ? history->room : BLOCK, *last, *block;

	while (room < rows)
		room *= 2;
	if (room == history->room)
		return true;
	last = realloc(history->last, room * sizeof *last);
	if (last)
		history->last = last;
	block = realloc(history->block, room / BLOCK * sizeof *block);
	if (block)
		history->block = block;
	if (!last || !block)
		return false;
	memset(last + history->room, 0, (room - history->room) * sizeof *last);
	memset(block + history->room / BLOCK, 0, (room - history->room) / BLOCK * sizeof *block);
	history->room = room;
	return true;
}

/* The first row behind all that an access touches. */
static uint64_t end_of(const struct qmac_access *access)
{
	uint64_t end = (access->first & ROW_MASK) + access->unit;

	for (int i = 0; i < 3; i++)
		end += (access->n[i] - 1) * access->s[i];
	return end;
}

/* ---- noting --------------------------------------------------------------------------- */

struct writing {
	struct qmac_row_history *history;
	uint32_t last;
};

static bool write_run(void *context, uint64_t begin, uint64_t end)
{
	const struct writing *w = context;
	uint32_t *row = w->history->last + (begin & ROW_MASK), *behind = row + (end - begin), last = w->last;

	for (uint64_t b = (begin & ROW_MASK) / BLOCK; b <= ((end - 1) & ROW_MASK) / BLOCK; b++)
		w->history->block[b] = last;
	for (; behind - row >= BURST; row += BURST) /* a few stores of the machine's vectors */
		for (int i = 0; i < BURST; i++)
			row[i] = last;
	while (row < behind)
		*row++ = last;
	return true;
}

/* Writes down the earliest access that is due: so later ones stay where they go over it. */
static void write_one(struct qmac_row_history *history)
{
	struct writing w = {history, 0};
	int first = 0;

	for (int i = 1; i < history->due_count; i++)
		if (history->due[i].last < history->due[first].last)
			first = i;
	w.last = history->due[first].last;
	(void)qmac_access_each_run(&history->due[first].access, write_run, &w);
	history->due[first] = history->due[--history->due_count];
}

static void write_all(struct qmac_row_history *history)
{
	while (history->due_count)
		write_one(history);
}

/* Loops of one iteration have no steps: accesses with the same runs in the same order are the same. */
static bool is_same(const struct qmac_access *a, const struct qmac_access *b)
{
	return a->first == b->first && a->unit == b->unit && !memcmp(a->n, b->n, sizeof a->n) &&
	       !memcmp(a->s, b->s, sizeof a->s);
}

bool qmac_row_history_note(struct qmac_row_history *history, const struct qmac_access *access, uint32_t last)
{
	int i = 0;

	while (i < history->due_count && !is_same(access, &history->due[i].access))
		i++;
	if (i == QMAC_ROWS_DUE) {
		write_one(history);
		i--;
	}
	if (i == history->due_count) {
		if (!make_room(history, end_of(access)))
			return false;
		history->due[history->due_count++].access = *access;
	}
	history->due[i].last = history->latest = last;
	return true;
}

/* ---- searching ------------------------------------------------------------------------ */

struct search {
	const struct qmac_row_history *history;
	uint32_t last; /* the latest so far, or the first that counts */
	uint64_t row;
	bool found;
};

static bool search_run(void *context, uint64_t begin, uint64_t end)
{
	struct search *s = context;
	const struct qmac_row_history *history = s->history;
	uint64_t row = begin & ROW_MASK, behind = row + (end - begin);

	if (behind > history->room)
		behind = history->room;
	while (row < behind) {
		uint64_t stop = (row | (BLOCK - 1)) + 1;

		stop = stop < behind ? stop : behind;
		if (history->block[row / BLOCK] < s->last)
			row = stop;
		for (; row < stop; row++)
			if (history->last[row] > s->last ||
			    (history->last[row] == s->last && (!s->found || row < s->row))) {
				s->last = history->last[row];
				s->row = row;
				s->found = true;
			}
	}
	return true;
}

/* Whether some block that the access reaches over has been touched as late as that. */
static bool may_find(const struct qmac_row_history *history, const struct qmac_access *access, uint32_t least)
{
	uint64_t end = end_of(access);

	if (end > history->room)
		end = history->room;
	for (uint64_t b = (access->first & ROW_MASK) / BLOCK; b * BLOCK < end; b++)
		if (history->block[b] >= least)
			return true;
	return false;
}

bool qmac_row_history_find(struct qmac_row_history *history, const struct qmac_access *access, uint32_t *last,
                           uint64_t *place)
{
	struct search s = {.history = history, .last = *last};

	if (history->latest < *last)
		return false;
	write_all(history);
	if (may_find(history, access, *last))
		(void)qmac_access_each_run(access, search_run, &s);
	if (!s.found)
		return false;
	*last = s.last;
	*place = (access->first & ~ROW_MASK) | s.row;
	return true;
}

bool qmac_row_history_each(struct qmac_row_history *history, unsigned region,
                           bool (*visit)(void *context, uint64_t begin, uint64_t end, uint32_t last),
                           void *context)
{
	const uint64_t base = (uint64_t)region << QMAC_PLACE_SHIFT;

	write_all(history);
	for (uint32_t row = 0, begin; row < history->room;) {
		for (begin = row++; row < history->room && history->last[row] == history->last[begin];)
			row++;
		if (history->last[begin] && !visit(context, base | begin, base | row, history->last[begin]))
			return false;
	}
	return true;
}

void qmac_row_history_free(struct qmac_row_history *history)
{
	free(history->last);
	free(history->block);
	*history = (struct qmac_row_history){.last = NULL};
}
