#include "lower/order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/command.h"
#include "lower/duration.h"
#include "time/array.h"
#include "time/later.h"

enum { QUEUE_MAX = 16 };

/* An engine as far as it is expected: what it was given, and when it has done with it. */
struct lane {
	int64_t *items;           /* its stream */
	int64_t count, placed;
	uint64_t *retire;         /* of its n-th command at n - 1 */
	uint64_t left[QUEUE_MAX]; /* of command n at n % QUEUE_MAX: when it leaves the queue */
	uint64_t last_left, last_retire;
};

struct merge {
	const struct qmac_hw *hw;
	const struct qmac_item *items;
	struct lane lanes[QMAC_ENGINES];
	struct qmac_array array;
	uint64_t vec_retire;
	uint64_t dispatched, interval; /* the last dispatch; cycles that fetch takes for a descriptor */
};

/* When the command `back` before the next one of the lane leaves its queue; 0: there is none. */
static uint64_t left_before(const struct lane *lane, int64_t back)
{
	return lane->placed >= back ? lane->left[(lane->placed - back) % QUEUE_MAX] : 0;
}

/* Does everything that the lane's next command waits for stand in the ring? */
static bool may_follow(const struct merge *m, const struct lane *lane)
{
	const struct qmac_item *item = &m->items[lane->items[lane->placed]];

	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (item->waits[e] && item->wait[e] > m->lanes[e].placed)
			return false;
	return true;
}

/* When an item of a lane would start if it were dispatched in `dispatch`. */
static uint64_t start_of(const struct merge *m, const struct lane *lane, const struct qmac_item *item,
                         uint64_t dispatch)
{
	bool gemm = item->command.opcode == QMAC_OPCODE_GEMM;
	uint64_t start = qmac_later(dispatch, gemm ? m->vec_retire : lane->last_retire) + 1;

	if (gemm)
		start = qmac_later(start, lane->last_left);
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (item->waits[e] && item->wait[e] > 0)
			start = qmac_later(start, m->lanes[e].retire[item->wait[e] - 1] + QMAC_VISIBLE_CYCLES);
	return start;
}

/*
 * The cycle in which the lane's next command should stand at the head of the ring: its queue is half empty
 * then, so that it neither waits there nor comes late, even where the estimate is off by half a queue.
 */
static uint64_t due(const struct merge *m, const struct lane *lane)
{
	int64_t half = m->hw->queue_depth / 2;

	if (half > 0)
		return left_before(lane, half - 1);
	return start_of(m, lane, &m->items[lane->items[lane->placed]], m->dispatched);
}

/* Gives the lane its next command. */
static void place(struct merge *m, struct lane *lane)
{
	const struct qmac_item *item = &m->items[lane->items[lane->placed]];
	const struct qmac_command *c = &item->command;
	uint64_t full = left_before(lane, m->hw->queue_depth - 1), start, left, retire;

	m->dispatched = qmac_later(m->dispatched + m->interval, full + 1);
	left = start = start_of(m, lane, item, m->dispatched);
	if (c->opcode == QMAC_OPCODE_GEMM) {
		struct qmac_array_time time = qmac_array_gemm(&m->array, m->hw, c->mode,
		                                              (uint64_t)c->n2 * c->n1 * c->n0, c->k, start);

		left = time.load;
		retire = time.retire;
	} else if (c->opcode == QMAC_OPCODE_VEC) {
		retire = m->vec_retire = start + qmac_vec_cycles(m->hw, c);
	} else {
		retire = start + qmac_move_duration(m->hw, c);
	}
	lane->last_retire = lane->retire[lane->placed] = qmac_later(lane->last_retire, retire);
	lane->placed++;
	lane->last_left = lane->left[lane->placed % QUEUE_MAX] = left;
}

/* The lane whose next command is due first; of two, the one whose command stands first in the program. */
static struct lane *next_lane(struct merge *m)
{
	struct lane *best = NULL;
	uint64_t best_due = 0;

	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		struct lane *lane = &m->lanes[e];
		uint64_t when;

		if (lane->placed == lane->count || !may_follow(m, lane))
			continue;
		when = due(m, lane);
		if (!best || when < best_due ||
		    (when == best_due && lane->items[lane->placed] < best->items[best->placed])) {
			best = lane;
			best_due = when;
		}
	}
	return best;
}

static bool allocate(struct merge *m, int64_t count)
{
	bool complete = true;

	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		m->lanes[e].items = malloc((size_t)(count + 1) * sizeof *m->lanes[e].items);
		m->lanes[e].retire = malloc((size_t)(count + 1) * sizeof *m->lanes[e].retire);
		complete = complete && m->lanes[e].items && m->lanes[e].retire;
	}
	return complete;
}

enum qmac_status qmac_order_make(const struct qmac_hw *hw, const struct qmac_item *items, int64_t count,
                                 int64_t *ring, struct qmac_error *err)
{
	struct merge m = {.hw = hw, .items = items, .interval = qmac_fetch_interval(hw)};
	enum qmac_status status = QMAC_OK;

	assert(hw->queue_depth <= QUEUE_MAX);
	if (!allocate(&m, count))
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for the order of %lld commands",
		                   (long long)count);
	for (int64_t i = 0; status == QMAC_OK && i < count; i++) {
		struct lane *lane = &m.lanes[qmac_command_engine(items[i].command.opcode)];

		lane->items[lane->count++] = i;
	}
	for (int64_t i = 0; status == QMAC_OK && i < count; i++) {
		struct lane *lane = next_lane(&m);

		assert(lane); /* the first command of the program that is left waits for earlier ones only */
		ring[i] = lane->items[lane->placed];
		place(&m, lane);
	}
	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		free(m.lanes[e].items);
		free(m.lanes[e].retire);
	}
	return status;
}
