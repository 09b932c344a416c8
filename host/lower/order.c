#include "lower/order.h"

#include <stdlib.h>

#include "lower/merge.h"
#include "lower/rehearsal.h"

/* An order, and what came of it. */
struct order {
	int64_t *ring;
	uint64_t *starts; /* of the items */
	uint64_t cycles;
};

struct search {
	const struct qmac_hw *hw;
	const struct qmac_item *items;
	int64_t count;
	int copies;
	struct qmac_merge *merge;
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
static enum qmac_status try_other(struct search *s, struct qmac_error *err)
{
	struct order *other = &s->other;
	enum qmac_status status = qmac_rehearse(s->hw, s->items, s->count, other->ring, s->copies, other->starts,
	                                        &other->cycles, err);

	if (status == QMAC_OK && other->cycles < s->best.cycles) {
		struct order swap = s->best;

		s->best = *other;
		*other = swap;
	}
	return status;
}

/* Orders by estimated times, or by those of the best order so far; moves are due early, late, in between. */
static enum qmac_status try_merges(struct search *s, int execute, bool rehearsed, struct qmac_error *err)
{
	const int moves[] = {0, QMAC_LEAD_NONE, s->hw->queue_depth - 1};
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < 3; i++) {
		struct qmac_lead lead = {execute, moves[i]};

		if (i == 2 && moves[2] == moves[0])
			break;
		qmac_merge_make(s->merge, lead, rehearsed ? s->best.starts : NULL, s->other.ring);
		status = try_other(s, err);
	}
	return status;
}

static enum qmac_status search(struct search *s, struct qmac_error *err)
{
	enum qmac_status status;

	for (int64_t i = 0; i < s->count; i++)
		s->other.ring[i] = i; /* as the commands were added: the owner may have thought of it */
	status = try_other(s, err);
	if (status == QMAC_OK)
		status = try_merges(s, 0, false, err);
	if (status == QMAC_OK && s->hw->queue_depth > 1)
		status = try_merges(s, 1, false, err);
	if (status == QMAC_OK)
		status = try_merges(s, 0, true, err);
	return status;
}

enum qmac_status qmac_order_make(const struct qmac_hw *hw, const struct qmac_item *items, int64_t count,
                                 int copies, int64_t *ring, struct qmac_error *err)
{
	struct search s = {hw, items, count, copies, qmac_merge_create(hw, items, count), {0}, {0}};
	bool complete = allocate(&s.best, count);
	enum qmac_status status;

	complete = allocate(&s.other, count) && complete && s.merge;
	if (complete)
		status = search(&s, err);
	else
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for the order of %lld commands",
		                   (long long)count);
	for (int64_t i = 0; status == QMAC_OK && i < count; i++)
		ring[i] = s.best.ring[i];
	qmac_merge_destroy(s.merge);
	release(&s.best);
	release(&s.other);
	return status;
}
