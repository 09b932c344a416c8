#include "lower/merge.h"

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
	uint64_t *retire;         /* of its n-th command at n - 1; estimates only */
	uint64_t left[QUEUE_MAX]; /* of command n at n % QUEUE_MAX: when it leaves the queue */
	uint64_t last_left, last_retire;
};

struct qmac_merge {
	const struct qmac_hw *hw;
	const struct qmac_item *items;
	int64_t count;
	struct qmac_lead lead;
	const uint64_t *starts;        /* of the items; NULL: estimates */
	struct lane lanes[QMAC_ENGINES];
	/* estimates */
	struct qmac_array array;
	uint64_t vec_retire;
	uint64_t dispatched, interval; /* the last dispatch; cycles that fetch takes for a descriptor */
};

struct qmac_merge *qmac_merge_create(const struct qmac_hw *hw, const struct qmac_item *items, int64_t count)
{
	struct qmac_merge *merge = calloc(1, sizeof *merge);
	bool complete = merge != NULL;

	assert(hw->queue_depth <= QUEUE_MAX);
	for (unsigned e = 0; complete && e < QMAC_ENGINES; e++) {
		struct lane *lane = &merge->lanes[e];

		lane->items = malloc((size_t)(count + 1) * sizeof *lane->items);
		lane->retire = malloc((size_t)(count + 1) * sizeof *lane->retire);
		complete = lane->items && lane->retire;
	}
	if (!complete) {
		qmac_merge_destroy(merge);
		return NULL;
	}
	merge->hw = hw;
	merge->items = items;
	merge->count = count;
	merge->interval = qmac_fetch_interval(hw);
	for (int64_t i = 0; i < count; i++) {
		struct lane *lane = &merge->lanes[qmac_command_engine(items[i].command.opcode)];

		lane->items[lane->count++] = i;
	}
	return merge;
}

void qmac_merge_destroy(struct qmac_merge *merge)
{
	if (!merge)
		return;
	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		free(merge->lanes[e].items);
		free(merge->lanes[e].retire);
	}
	free(merge);
}

/* ---- times ------------------------------------------------------------------------------ */

/* When the command `back` before the lane's next one, less one, leaves its queue; 0: there is none. */
static uint64_t left_before(const struct lane *lane, int64_t back)
{
	return lane->placed > back ? lane->left[(lane->placed - back) % QUEUE_MAX] : 0;
}

static const struct qmac_item *next_item(const struct qmac_merge *m, const struct lane *lane)
{
	return &m->items[lane->items[lane->placed]];
}

/* When an item of a lane would start if it were dispatched in `dispatch`. */
static uint64_t start_of(const struct qmac_merge *m, const struct lane *lane, const struct qmac_item *item,
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

/* The cycle in which the lane's next command should stand at the head of the ring. */
static uint64_t due(const struct qmac_merge *m, const struct lane *lane)
{
	int waiting = lane == &m->lanes[QMAC_ENGINE_EXECUTE] ? m->lead.execute : m->lead.moves;

	if (waiting != QMAC_LEAD_NONE)
		return left_before(lane, waiting);
	if (m->starts)
		return m->starts[lane->items[lane->placed]];
	return start_of(m, lane, next_item(m, lane), m->dispatched);
}

/* Follows the device with the lane's next command; returns when it leaves its queue. */
static uint64_t estimate(struct qmac_merge *m, struct lane *lane)
{
	const struct qmac_item *item = next_item(m, lane);
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
	lane->last_left = left;
	lane->last_retire = lane->retire[lane->placed] = qmac_later(lane->last_retire, retire);
	return left;
}

/* ---- the merge ---------------------------------------------------------------------------- */

/* Does everything that the lane's next command waits for stand in the ring? */
static bool may_follow(const struct qmac_merge *m, const struct lane *lane)
{
	const struct qmac_item *item = next_item(m, lane);

	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (item->waits[e] && item->wait[e] > m->lanes[e].placed)
			return false;
	return true;
}

/* The lane whose next command is due first; of two, the one whose command stands first in the program. */
static struct lane *next_lane(struct qmac_merge *m)
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

static void start_again(struct qmac_merge *m)
{
	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		m->lanes[e].placed = 0;
		m->lanes[e].last_left = m->lanes[e].last_retire = 0;
	}
	m->array = (struct qmac_array){.start = 0};
	m->vec_retire = m->dispatched = 0;
}

void qmac_merge_make(struct qmac_merge *m, struct qmac_lead lead, const uint64_t *starts, int64_t *ring)
{
	m->lead = lead;
	m->starts = starts;
	start_again(m);
	for (int64_t i = 0; i < m->count; i++) {
		struct lane *lane = next_lane(m);
		uint64_t left;

		assert(lane); /* the first command of the program that is left waits for earlier ones only */
		ring[i] = lane->items[lane->placed];
		left = starts ? starts[ring[i]] : estimate(m, lane);
		lane->left[++lane->placed % QUEUE_MAX] = left;
	}
}
