#include "lower/rehearsal.h"

#include <string.h>

#include "isa/command.h"
#include "time/clock.h"

enum { RING_LOG2 = QMAC_RING_LOG2_MAX };

static void note_start(void *context, const void *record, struct qmac_clock_retire time)
{
	uint64_t *starts = context;
	int64_t item;

	memcpy(&item, record, sizeof item);
	starts[item] = time.start;
}

/* Pushes the program once more; `before`: what the engines were given so far. */
static void push(struct qmac_clock *clock, const struct qmac_item *items, int64_t count, const int64_t *ring,
                 uint16_t before[QMAC_ENGINES])
{
	uint32_t given[QMAC_ENGINES] = {0};

	for (int64_t i = 0; i < count; i++) {
		const struct qmac_item *item = &items[ring[i]];
		struct qmac_command command = item->command;
		int32_t wait[QMAC_ENGINES];

		for (unsigned e = 0; e < QMAC_ENGINES; e++) {
			wait[e] = qmac_wait_in_reach(item->wait[e], given[e]);
			command.wait_mask |= (uint32_t)item->waits[e] << e;
		}
		qmac_wait_set(&command, wait, before);
		(void)qmac_clock_push(clock, &command, &ring[i]);
		given[qmac_command_engine(command.opcode)]++;
	}
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		before[e] = (uint16_t)(before[e] + given[e]);
}

enum qmac_status qmac_rehearse(const struct qmac_hw *hw, const struct qmac_item *items, int64_t count,
                               const int64_t *ring, int copies, uint64_t *starts, uint64_t *cycles,
                               struct qmac_error *err)
{
	uint16_t before[QMAC_ENGINES] = {0};
	struct qmac_clock *clock;
	enum qmac_status status = qmac_clock_create(hw, note_start, starts, sizeof *ring, &clock, err);

	if (status != QMAC_OK)
		return status;
	qmac_clock_doorbell(clock, (uint32_t)(count * copies), 0, RING_LOG2);
	for (int copy = 0; copy < copies; copy++)
		push(clock, items, count, ring, before);
	qmac_clock_drain(clock);
	*cycles = qmac_clock_now(clock);
	qmac_clock_destroy(clock);
	return QMAC_OK;
}
