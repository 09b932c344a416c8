#include "lower/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "isa/command.h"
#include "time/clock.h"

enum { RING_LOG2 = QMAC_RING_LOG2_MAX };

struct qmac_rehearsal {
	const struct qmac_hw *hw;
	const struct qmac_item *items;
	int64_t count;
	struct qmac_clock *clock;
	uint64_t *starts; /* of the items in this run */
};

static void note_start(void *context, void *record, struct qmac_clock_retire time)
{
	const struct qmac_rehearsal *rehearsal = context;
	int64_t item;

	memcpy(&item, record, sizeof item);
	rehearsal->starts[item] = time.start;
}

enum qmac_status qmac_rehearsal_create(const struct qmac_hw *hw, const struct qmac_item *items, int64_t count,
                                       struct qmac_rehearsal **rehearsal, struct qmac_error *err)
{
	struct qmac_rehearsal *made = calloc(1, sizeof *made);
	enum qmac_status status;

	*rehearsal = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the order of %lld commands",
		                 (long long)count);
	made->hw = hw;
	made->items = items;
	made->count = count;
	status = qmac_clock_create(hw, note_start, made, sizeof count, &made->clock, err);
	if (status == QMAC_OK)
		*rehearsal = made;
	else
		free(made);
	return status;
}

void qmac_rehearsal_destroy(struct qmac_rehearsal *rehearsal)
{
	if (!rehearsal)
		return;
	qmac_clock_destroy(rehearsal->clock);
	free(rehearsal);
}

/* Pushes the program once more; `before`: what the engines were given so far. */
static void push(struct qmac_rehearsal *r, const int64_t *ring, uint16_t before[QMAC_ENGINES])
{
	uint32_t given[QMAC_ENGINES] = {0};

	for (int64_t i = 0; i < r->count; i++) {
		const struct qmac_item *item = &r->items[ring[i]];
		struct qmac_command command = item->command;
		struct qmac_clock_work work;

		qmac_item_set_waits(item, before, given, &command);
		work = qmac_clock_work_of(r->hw, &command);
		(void)qmac_clock_push(r->clock, &work, &ring[i]);
	}
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		before[e] = (uint16_t)(before[e] + given[e]);
}

uint64_t qmac_rehearsal_run(struct qmac_rehearsal *r, const int64_t *ring, int copies, uint64_t *starts)
{
	uint16_t before[QMAC_ENGINES] = {0};

	r->starts = starts;
	qmac_clock_reset(r->clock);
	qmac_clock_doorbell(r->clock, (uint32_t)(r->count * copies), 0, RING_LOG2);
	for (int copy = 0; copy < copies; copy++)
		push(r, ring, before);
	qmac_clock_drain(r->clock);
	return qmac_clock_now(r->clock);
}
