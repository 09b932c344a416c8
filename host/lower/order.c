#include "lower/order.h"

#include <stdlib.h>
#include <string.h>

#include "lower/merge.h"
#include "lower/rehearsal.h"

/* An order, and what came of it. */
struct order {
	int64_t *ring;
	uint64_t *starts; /* of the items */
	uint64_t cycles;
};

struct search {
	int64_t count;
	int copies, queue_depth;
	struct qmac_merge *merge;
	struct qmac_rehearsal *rehearsal;
	struct order best, other;
};

static bool allocate(struct order *order, int64_t count)
{
	order->ring = malloc((size_t)(count + 1) * sizeof *order->ring);
	order->starts = malloc((size_t)(count + 1) * sizeof *order->starts);
	order->cycles = UINT64_MAX;
	return order->ring && order->starts;
}

static void release(struct order *order)
{
	free(order->ring);
	free(order->starts);
}

/* Tries the other order; the faster one becomes the best. */
static void try_other(struct search *s)
{
	struct order *other = &s->other;

	other->cycles = qmac_rehearsal_run(s->rehearsal, other->ring, s->copies, other->starts);
	if (other->cycles < s->best.cycles) {
		struct order swap = s->best;

		s->best = *other;
		*other = swap;
	}
}

/* Orders by estimated times, or by those of the best order so far; moves are due early, late, in between. */
static void try_merges(struct search *s, int execute, bool rehearsed)
{
	const int moves[] = {0, QMAC_LEAD_NONE, s->queue_depth - 1};

	for (int i = 0; i < 3; i++) {
		struct qmac_lead lead = {execute, moves[i]};

		if (i == 2 && moves[2] == moves[0])
			break;
		qmac_merge_make(s->merge, lead, rehearsed ? s->best.starts : NULL, s->other.ring);
		try_other(s);
	}
}

static void search(struct search *s)
{
	for (int64_t i = 0; i < s->count; i++)
		s->other.ring[i] = i; /* as the commands were added: the owner may have thought of it */
	try_other(s);
	try_merges(s, 0, false);
	if (s->queue_depth > 1)
		try_merges(s, 1, false);
	try_merges(s, 0, true);
}

static enum qmac_status no_memory(int64_t count, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for the order of %lld commands", (long long)count);
}

/* Moves are due when half of their queue is empty: the best of the fixed leads that were measured. */
enum qmac_status qmac_order_estimate(const struct qmac_hw *hw, const struct qmac_item *items, int64_t count,
                                     int64_t *ring, struct qmac_error *err)
{
	struct qmac_merge *merge = qmac_merge_create(hw, items, count);

	if (!merge)
		return no_memory(count, err);
	qmac_merge_make(merge, (struct qmac_lead){0, (hw->queue_depth - 1) / 2}, NULL, ring);
	qmac_merge_destroy(merge);
	return QMAC_OK;
}

enum qmac_status qmac_order_make(const struct qmac_hw *hw, const struct qmac_item *items, int64_t count,
                                 int copies, int64_t *ring, struct qmac_error *err)
{
	struct search s = {.count = count, .copies = copies, .queue_depth = hw->queue_depth};
	bool complete = allocate(&s.best, count);
	enum qmac_status status = qmac_rehearsal_create(hw, items, count, &s.rehearsal, err);

	complete = allocate(&s.other, count) && complete;
	s.merge = qmac_merge_create(hw, items, count);
	if (status == QMAC_OK && !(complete && s.merge))
		status = no_memory(count, err);
	if (status == QMAC_OK) {
		search(&s);
		memcpy(ring, s.best.ring, (size_t)count * sizeof *ring);
	}
	qmac_merge_destroy(s.merge);
	qmac_rehearsal_destroy(s.rehearsal);
	release(&s.best);
	release(&s.other);
	return status;
}
