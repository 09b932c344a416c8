#include "record/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "count/count.h"

enum { ENGINES = 3 };

/* A retirement whose step of the latest one is not known yet. */
struct retired {
	uint64_t cycle;
	uint64_t *spent;
};

struct stream {
	struct retired *retired;  /* in order of cycles; room for all commands of the ring */
	uint32_t count;
	uint64_t last;            /* cycle of the latest retirement */
};

struct qmac_ledger {
	struct qmac_hw hw;
	struct qmac_records *records;
	int first_layer;
	uint32_t entries;         /* of the ring */
	uint64_t **spent;         /* entries: by command number, whose counters are those of the command */
	struct stream streams[ENGINES];
	uint64_t latest;          /* retirement; all cycles up to it are shared out */
};

enum qmac_status qmac_ledger_create(const struct qmac_hw *hw, int ring_log2, struct qmac_records *records,
                                    struct qmac_ledger **ledger, struct qmac_error *err)
{
	struct qmac_ledger *made = calloc(1, sizeof *made);
	bool whole = made != NULL;

	*ledger = made;
	if (made) {
		made->hw = *hw;
		made->records = records;
		made->entries = 1U << ring_log2;
		made->spent = calloc(made->entries, sizeof *made->spent);
		whole = made->spent != NULL;
	}
	for (int e = 0; whole && e < ENGINES; e++) {
		made->streams[e].retired = calloc(made->entries, sizeof *made->streams[e].retired);
		whole = made->streams[e].retired != NULL;
	}
	if (whole)
		return QMAC_OK;
	qmac_ledger_destroy(made);
	*ledger = NULL;
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for the records of a ring of %u commands",
	                 1U << ring_log2);
}

void qmac_ledger_destroy(struct qmac_ledger *ledger)
{
	if (!ledger)
		return;
	for (int e = 0; e < ENGINES; e++)
		free(ledger->streams[e].retired);
	free(ledger->spent);
	free(ledger);
}

static bool rests(const struct qmac_ledger *ledger)
{
	return !ledger->streams[0].count && !ledger->streams[1].count && !ledger->streams[2].count;
}

void qmac_ledger_set_first_layer(struct qmac_ledger *ledger, int first)
{
	assert(rests(ledger) && first >= 0 && first < ledger->records->layers);
	ledger->first_layer = first;
}

void qmac_ledger_restart(struct qmac_ledger *ledger)
{
	assert(rests(ledger));
	for (int e = 0; e < ENGINES; e++)
		ledger->streams[e].last = 0;
	ledger->latest = 0;
}

void qmac_ledger_submit(void *context, uint32_t number, const struct qmac_command *command)
{
	struct qmac_ledger *ledger = context;
	int layer = ledger->first_layer + command->layer;
	uint64_t *spent;

	assert(layer < ledger->records->layers && command->direction < QMAC_DIRECTIONS);
	spent = qmac_records_spent(ledger->records, layer, (enum qmac_direction)command->direction);
	ledger->spent[number & (ledger->entries - 1)] = spent;
	qmac_count(&ledger->hw, command, spent);
	spent[QMAC_COUNTER_FETCH_BYTES] += QMAC_COMMAND_BYTES;
}

/* The latest retirement moves to a cycle, if that is later. */
static void advance(struct qmac_ledger *ledger, const struct retired *by)
{
	if (by->cycle <= ledger->latest)
		return;
	by->spent[QMAC_COUNTER_CYCLES] += by->cycle - ledger->latest;
	ledger->latest = by->cycle;
}

/* Merges the engines' streams by cycle; of equals, the first engine's is first. */
static void share_out(struct qmac_ledger *ledger)
{
	const struct retired *at[ENGINES], *end[ENGINES];

	for (int e = 0; e < ENGINES; e++) {
		at[e] = ledger->streams[e].retired;
		end[e] = at[e] + ledger->streams[e].count;
		ledger->streams[e].count = 0;
	}
	for (;;) {
		int first = -1;

		for (int e = 0; e < ENGINES; e++)
			if (at[e] < end[e] && (first < 0 || at[e]->cycle < at[first]->cycle))
				first = e;
		if (first < 0)
			return;
		advance(ledger, at[first]++);
	}
}

void qmac_ledger_retire(struct qmac_ledger *ledger, const struct qmac_retire *record)
{
	uint64_t *spent = ledger->spent[record->number & (ledger->entries - 1)];
	const struct retired retired = {record->cycle, spent};
	struct stream *stream;

	if (record->engine >= ENGINES) {
		share_out(ledger);
		advance(ledger, &retired);
		return;
	}
	stream = &ledger->streams[record->engine];
	assert(stream->count < ledger->entries);
	spent[QMAC_COUNTER_ACC_SATURATIONS] += record->acc_saturations;
	spent[QMAC_COUNTER_REQUANT_SATURATIONS] += record->requant_saturations;
	spent[QMAC_COUNTER_CONTAINER_SATURATIONS] += record->container_saturations;
	spent[QMAC_COUNTER_LOAD_BUSY + record->engine] +=
		record->cycle - (record->start > stream->last ? record->start : stream->last);
	stream->last = record->cycle;
	stream->retired[stream->count++] = retired;
}
