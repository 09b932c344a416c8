#include "record/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "count/count.h"

enum { STREAMS = QMAC_ENGINE_CONTROL + 1 };

#define CYCLES_MASK ((UINT64_C(1) << 48) - 1)

/*
 * A command between its submission and the SYNC at which the device rests: where its counters are in the
 * records, and once it has retired the cycles since `latest`.
 */
struct entry {
	uint64_t key : 16, cycles : 48;
};

/* The commands of an engine, in order; it retires them in order. */
struct stream {
	struct entry *entries;    /* room for all commands of the ring */
	uint32_t submitted, retired;
	uint64_t last;            /* cycle of the latest retirement */
};

struct qmac_ledger {
	struct qmac_hw hw;
	struct qmac_records *records;
	int first_layer;
	uint32_t room;            /* commands of the ring */
	struct stream streams[STREAMS];
	uint64_t latest;          /* retirement; all cycles up to it are shared out */
};

enum qmac_status qmac_ledger_create(const struct qmac_hw *hw, int ring_log2, struct qmac_records *records,
                                    struct qmac_ledger **ledger, struct qmac_error *err)
{
	struct qmac_ledger *made = calloc(1, sizeof *made);
	bool whole = made != NULL;

	assert(records->layers * QMAC_DIRECTIONS <= UINT16_MAX);
	*ledger = made;
	if (made) {
		made->hw = *hw;
		made->records = records;
		made->room = 1U << ring_log2;
	}
	for (int e = 0; whole && e < STREAMS; e++) {
		made->streams[e].entries = calloc(made->room, sizeof *made->streams[e].entries);
		whole = made->streams[e].entries != NULL;
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
	for (int e = 0; e < STREAMS; e++)
		free(ledger->streams[e].entries);
	free(ledger);
}

/* Has all retired that was submitted? */
static bool rests(const struct qmac_ledger *ledger)
{
	for (int e = 0; e < STREAMS; e++)
		if (ledger->streams[e].submitted != ledger->streams[e].retired)
			return false;
	return true;
}

void qmac_ledger_set_first_layer(struct qmac_ledger *ledger, int first)
{
	assert(rests(ledger) && first >= 0 && first < ledger->records->layers);
	ledger->first_layer = first;
}

void qmac_ledger_restart(struct qmac_ledger *ledger)
{
	assert(rests(ledger));
	for (int e = 0; e < STREAMS; e++)
		ledger->streams[e].last = 0;
	ledger->latest = 0;
}

void qmac_ledger_submit(void *context, const struct qmac_command *command)
{
	struct qmac_ledger *ledger = context;
	int layer = ledger->first_layer + command->layer;
	struct stream *stream = &ledger->streams[qmac_command_engine(command->opcode)];
	int key = qmac_records_index(layer, (enum qmac_direction)command->direction);
	uint64_t *spent = ledger->records->spent[key];

	assert(layer < ledger->records->layers && command->direction < QMAC_DIRECTIONS);
	assert(stream->submitted < ledger->room);
	stream->entries[stream->submitted++] = (struct entry){.key = (uint16_t)key};
	qmac_count(&ledger->hw, command, spent);
	qmac_count_actions(command, spent);
	spent[QMAC_COUNTER_FETCH_BYTES] += QMAC_COMMAND_BYTES;
}

/*
 * All has retired. Merges the engines' streams by cycle; of equals, the first engine's is first, and its are
 * the cycles since the latest retirement before.
 */
static void share_out(struct qmac_ledger *ledger)
{
	const struct entry *at[STREAMS], *end[STREAMS];
	uint64_t done = 0;

	for (int e = 0; e < STREAMS; e++) {
		at[e] = ledger->streams[e].entries;
		end[e] = at[e] + ledger->streams[e].retired;
		ledger->streams[e].submitted = ledger->streams[e].retired = 0;
	}
	for (;;) {
		int first = -1;

		for (int e = 0; e < STREAMS; e++)
			if (at[e] < end[e] && (first < 0 || at[e]->cycles < at[first]->cycles))
				first = e;
		if (first < 0)
			break;
		ledger->records->spent[at[first]->key][QMAC_COUNTER_CYCLES] += at[first]->cycles - done;
		done = at[first]++->cycles;
	}
	ledger->latest += done;
}

void qmac_ledger_retire(struct qmac_ledger *ledger, const struct qmac_retire *record)
{
	struct stream *stream = &ledger->streams[record->engine];
	struct entry *entry = &stream->entries[stream->retired];
	uint64_t *spent = ledger->records->spent[entry->key];

	assert(stream->retired < stream->submitted);
	stream->retired++;
	entry->cycles = (record->cycle - ledger->latest) & CYCLES_MASK;
	if (record->engine == QMAC_ENGINE_CONTROL) {
		if (rests(ledger))
			share_out(ledger);
		return;
	}
	spent[QMAC_COUNTER_ZERO_MACS] += record->zero_macs;
	spent[QMAC_COUNTER_ACC_SATURATIONS] += record->acc_saturations;
	spent[QMAC_COUNTER_REQUANT_SATURATIONS] += record->requant_saturations;
	spent[QMAC_COUNTER_CONTAINER_SATURATIONS] += record->container_saturations;
	spent[QMAC_COUNTER_LOAD_BUSY + record->engine] +=
		record->cycle - (record->start > stream->last ? record->start : stream->last);
	stream->last = record->cycle;
}
