#include "race/history.h"

#include <stdlib.h>
#include <string.h>

#include "race/row_history.h"

/* Bytes of a page. */
enum { PAGE_SHIFT = 12, PAGE = 1 << PAGE_SHIFT, FIRST_SIZE = 64, FIRST_ROOM = 4 };

struct span {
	uint16_t begin, end; /* within the page */
	uint32_t last;
};

struct qmac_page {
	uint64_t base;       /* its first byte */
	struct span *spans;  /* NULL: the slot is empty */
	uint32_t count, room, latest;
};

/* ---- pages ---------------------------------------------------------------------------- */

/* The slot of a page, or the empty one where it belongs. */
static size_t slot_of(const struct qmac_history *history, uint64_t base)
{
	size_t slot = (size_t)((base >> PAGE_SHIFT) * 0x9E3779B97F4A7C15ULL >> 20) & (history->size - 1);

	while (history->pages[slot].spans && history->pages[slot].base != base)
		slot = (slot + 1) & (history->size - 1);
	return slot;
}

static bool grow(struct qmac_history *history)
{
	struct qmac_history wider = *history;

	wider.size = history->size ? 2 * history->size : FIRST_SIZE;
	wider.pages = calloc(wider.size, sizeof *wider.pages);
	if (!wider.pages)
		return false;
	for (size_t i = 0; i < history->size; i++)
		if (history->pages[i].spans)
			wider.pages[slot_of(&wider, history->pages[i].base)] = history->pages[i];
	free(history->pages);
	*history = wider;
	return true;
}

/* The page, made where it does not exist; NULL: out of memory. */
static struct qmac_page *page_at(struct qmac_history *history, uint64_t base)
{
	struct qmac_page *page;

	if (4 * history->used >= 3 * history->size && !grow(history))
		return NULL;
	page = &history->pages[slot_of(history, base)];
	if (page->spans)
		return page;
	page->spans = malloc(FIRST_ROOM * sizeof *page->spans);
	if (!page->spans)
		return NULL;
	page->base = base;
	page->count = page->latest = 0;
	page->room = FIRST_ROOM;
	history->used++;
	return page;
}

/* The first span that ends above `begin`. */
static uint32_t first_span(const struct qmac_page *page, uint32_t begin)
{
	uint32_t low = 0, high = page->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (page->spans[middle].end > begin)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Puts `fresh` in the place of spans [first, behind). */
static bool replace(struct qmac_page *page, uint32_t first, uint32_t behind, const struct span *fresh,
                    uint32_t count)
{
	uint32_t total = page->count - (behind - first) + count;

	if (total > page->room) {
		uint32_t room = 2 * total;
		struct span *wider = realloc(page->spans, room * sizeof *wider);

		if (!wider)
			return false;
		page->spans = wider;
		page->room = room;
	}
	if (total != page->count)
		memmove(page->spans + first + count, page->spans + behind, (page->count - behind) * sizeof *fresh);
	memcpy(page->spans + first, fresh, count * sizeof *fresh);
	page->count = total;
	return true;
}

static bool note(struct qmac_page *page, uint32_t begin, uint32_t end, uint32_t last)
{
	uint32_t first = first_span(page, begin), behind = first, count = 0;
	const struct span *spans = page->spans;
	struct span fresh[3];

	while (behind < page->count && spans[behind].begin < end)
		behind++;
	if (first > 0 && spans[first - 1].end == begin && spans[first - 1].last == last)
		begin = spans[--first].begin; /* one span with the run before */
	if (first < behind && spans[first].begin < begin)
		fresh[count++] = (struct span){spans[first].begin, (uint16_t)begin, spans[first].last};
	fresh[count++] = (struct span){(uint16_t)begin, (uint16_t)end, last};
	if (first < behind && spans[behind - 1].end > end)
		fresh[count++] = (struct span){(uint16_t)end, spans[behind - 1].end, spans[behind - 1].last};
	page->latest = last;
	return replace(page, first, behind, fresh, count);
}

/* ---- memory --------------------------------------------------------------------------- */

struct noting {
	struct qmac_history *history;
	uint32_t last;
};

static bool note_run(void *context, uint64_t begin, uint64_t end)
{
	const struct noting *n = context;

	while (begin < end) {
		uint64_t base = begin & ~(uint64_t)(PAGE - 1), stop = base + PAGE < end ? base + PAGE : end;
		struct qmac_page *page = page_at(n->history, base);

		if (!page || !note(page, (uint32_t)(begin - base), (uint32_t)(stop - base), n->last))
			return false;
		begin = stop;
	}
	return true;
}

struct search {
	const struct qmac_history *history;
	uint32_t last; /* the latest so far, or the first that counts */
	uint64_t place;
	bool found;
};

static void search_page(struct search *s, const struct qmac_page *page, uint32_t begin, uint32_t end)
{
	for (uint32_t i = first_span(page, begin); i < page->count && page->spans[i].begin < end; i++) {
		const struct span *span = &page->spans[i];
		uint64_t place = page->base + (span->begin > begin ? span->begin : begin);

		if (span->last < s->last || (span->last == s->last && s->found && place > s->place))
			continue;
		s->last = span->last;
		s->place = place;
		s->found = true;
	}
}

static bool search_run(void *context, uint64_t begin, uint64_t end)
{
	struct search *s = context;

	while (begin < end) {
		uint64_t base = begin & ~(uint64_t)(PAGE - 1), stop = base + PAGE < end ? base + PAGE : end;
		const struct qmac_page *page = &s->history->pages[slot_of(s->history, base)];

		if (page->spans && page->latest >= s->last)
			search_page(s, page, (uint32_t)(begin - base), (uint32_t)(stop - base));
		begin = stop;
	}
	return true;
}

/* ---- all regions ---------------------------------------------------------------------- */

static unsigned region_of(const struct qmac_access *access)
{
	return (unsigned)(access->first >> QMAC_PLACE_SHIFT);
}

bool qmac_history_note(struct qmac_history *history, const struct qmac_access *access, uint32_t last)
{
	struct noting n = {history, last};
	unsigned region = region_of(access);
	struct qmac_row_history **rows = &history->rows[region];

	if (region == QMAC_REGION_MEMORY) {
		history->latest_byte = last;
		return qmac_access_each_run(access, note_run, &n);
	}
	if (!*rows)
		*rows = calloc(1, sizeof **rows);
	return *rows && qmac_row_history_note(*rows, access, last);
}

bool qmac_history_find(const struct qmac_history *history, const struct qmac_access *access, uint32_t *last,
                       uint64_t *place)
{
	struct search s = {.history = history, .last = *last};
	unsigned region = region_of(access);
	struct qmac_row_history *rows = history->rows[region];

	if (region != QMAC_REGION_MEMORY)
		return rows && qmac_row_history_find(rows, access, last, place);
	if (history->latest_byte < *last)
		return false;
	(void)qmac_access_each_run(access, search_run, &s);
	if (!s.found)
		return false;
	*last = s.last;
	*place = s.place;
	return true;
}

bool qmac_history_each(const struct qmac_history *history,
                       bool (*visit)(void *context, uint64_t begin, uint64_t end, uint32_t last),
                       void *context)
{
	for (size_t i = 0; i < history->size; i++) {
		const struct qmac_page *page = &history->pages[i];
		uint64_t base = page->base;

		for (uint32_t k = 0; page->spans && k < page->count; k++)
			if (!visit(context, base + page->spans[k].begin, base + page->spans[k].end,
			           page->spans[k].last))
				return false;
	}
	for (unsigned region = 0; region < QMAC_REGIONS; region++)
		if (history->rows[region] && !qmac_row_history_each(history->rows[region], region, visit, context))
			return false;
	return true;
}

void qmac_history_free(struct qmac_history *history)
{
	for (size_t i = 0; i < history->size; i++)
		free(history->pages[i].spans);
	free(history->pages);
	for (unsigned region = 0; region < QMAC_REGIONS; region++) {
		if (history->rows[region])
			qmac_row_history_free(history->rows[region]);
		free(history->rows[region]);
	}
	*history = (struct qmac_history){.size = 0};
}
