#include "time/memo_part.h"

#include <stdlib.h>
#include <string.h>

uint64_t qmac_memo_part_bytes(uint32_t room, bool asked)
{
	uint64_t each = sizeof(struct qmac_clock_work);

	if (asked)
		each += sizeof(struct qmac_memo_retired);
	return sizeof(struct qmac_memo_part) + room * each;
}

struct qmac_memo_part *qmac_memo_part_create(struct qmac_memo_part *spare, uint32_t room, bool asked)
{
	struct qmac_memo_part *part;

	if (spare && spare->room >= room) {
		*spare = (struct qmac_memo_part){.room = spare->room, .work = spare->work, .retired = spare->retired};
		return spare;
	}
	qmac_memo_part_destroy(spare);
	part = calloc(1, sizeof *part);
	if (!part)
		return NULL;
	part->room = room;
	part->work = malloc((size_t)room * sizeof *part->work);
	if (asked)
		part->retired = malloc((size_t)room * sizeof *part->retired);
	if (part->work && (part->retired || !asked))
		return part;
	qmac_memo_part_destroy(part);
	return NULL;
}

void qmac_memo_part_destroy(struct qmac_memo_part *part)
{
	if (!part)
		return;
	free(part->work);
	free(part->retired);
	free(part);
}

void qmac_memo_part_shrink(struct qmac_memo_part *part)
{
	void *work = realloc(part->work, part->count * sizeof *part->work);
	void *retired = part->retired ? realloc(part->retired, part->count * sizeof *part->retired) : NULL;

	/* an array that could not be moved stays */
	part->work = work ? work : part->work;
	part->retired = retired ? retired : part->retired;
	part->room = part->count;
}

/* Always the first one that has none itself. */
void qmac_memo_part_clear(struct qmac_memo_part *top)
{
	struct qmac_memo_part *part = top, *parent;

	for (;;) {
		while (part->children)
			part = part->children;
		if (part == top)
			return;
		parent = part->parent;
		parent->children = part->next;
		qmac_memo_part_destroy(part);
		part = parent;
	}
}

static bool is_told_the_same(const struct qmac_memo_part *a, const struct qmac_memo_part *b)
{
	return a->count == b->count && a->paused == b->paused && a->bell.rung == b->bell.rung &&
	       a->bell.ring_log2 == b->bell.ring_log2 && a->bell.tail == b->bell.tail &&
	       a->bell.ring_base == b->bell.ring_base &&
	       memcmp(a->work, b->work, a->count * sizeof *a->work) == 0;
}

struct qmac_memo_part *qmac_memo_part_find(struct qmac_memo_part *parent, const struct qmac_memo_part *told)
{
	struct qmac_memo_part **at = &parent->children, *found;

	while (*at && !is_told_the_same(*at, told))
		at = &(*at)->next;
	found = *at;
	if (found) {
		*at = found->next;
		found->next = parent->children;
		parent->children = found;
	}
	return found;
}
