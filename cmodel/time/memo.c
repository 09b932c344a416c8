#include "time/memo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "time/memo_part.h"

#define NOWHERE UINT64_MAX /* the index of a command whose time is not kept */

struct qmac_memo {
	struct qmac_memo_options options;
	struct qmac_clock *clock;
	struct qmac_memo_part *root;
	struct qmac_memo_part *at;      /* the last whole part; NULL: nothing is kept until the next reset */
	struct qmac_memo_part *open;    /* what was told since */
	struct qmac_memo_part *spare;   /* one that is not needed now */
	uint64_t bytes;                 /* of the tree */
	bool full;
	bool live;                      /* the clock was told all up to `at` */
	bool waiting;                   /* and what is in `open` not yet */
	bool paused;                    /* behind `at` */
	bool muted;                     /* the clock is told what has retired before */
	uint32_t number, tail;          /* commands so far; those that the doorbell told of */
	char *records;                  /* of the commands that wait */
	size_t records_room;
	char *tagged;                   /* of one command: its index in `open`, its record */
	uint64_t remembered;
};

/* Nothing is open then; the room serves the next part. */
static void drop_open(struct qmac_memo *memo)
{
	if (!memo->open)
		return;
	qmac_memo_part_destroy(memo->spare);
	memo->spare = memo->open;
	memo->open = NULL;
}

/* ---- the clock ---------------------------------------------------------------------------------- */

static void on_retire(void *context, void *record, struct qmac_clock_retire time)
{
	struct qmac_memo *memo = context;
	uint64_t index;

	if (memo->muted)
		return;
	memcpy(&index, record, sizeof index);
	if (memo->open && index != NOWHERE)
		memo->open->retired[memo->open->retired_count++] = (struct qmac_memo_retired){time, index};
	memo->options.on_retire(memo->options.context, (char *)record + sizeof index, time);
}

static struct qmac_clock_retire tell(struct qmac_memo *memo, uint64_t index,
                                     const struct qmac_clock_work *work, const void *record)
{
	if (memo->options.on_retire) {
		memcpy(memo->tagged, &index, sizeof index);
		if (memo->options.record_bytes)
			memcpy(memo->tagged + sizeof index, record, memo->options.record_bytes);
	}
	return qmac_clock_push(memo->clock, work, memo->tagged);
}

/* What was told of before is fetched as far as can be, in chunks that the new tail does not change. */
static void ring(struct qmac_memo *memo, uint32_t tail, uint64_t ring_base, int ring_log2)
{
	qmac_clock_drain(memo->clock);
	qmac_clock_doorbell(memo->clock, tail, ring_base, ring_log2);
}

static void tell_bell(struct qmac_memo *memo, const struct qmac_memo_part *part)
{
	if (part->bell.rung)
		ring(memo, part->bell.tail, part->bell.ring_base, part->bell.ring_log2);
}

/* As after a SYNC, at which the clock was asked for its counters. */
static void tell_end(const struct qmac_memo *memo, const struct qmac_memo_part *part, bool paused)
{
	if (paused)
		qmac_clock_pause(memo->clock, part->sync.cycle);
	qmac_clock_drain(memo->clock);
}

/* Tells the clock all up to `at`. */
static void catch_up(struct qmac_memo *memo)
{
	struct qmac_memo_part *last = memo->at;

	if (memo->live)
		return;
	qmac_clock_reset(memo->clock);
	memo->muted = true;
	last->onward = NULL;
	for (struct qmac_memo_part *part = last; part->parent; part = part->parent)
		part->parent->onward = part;
	for (const struct qmac_memo_part *part = memo->root->onward; part; part = part->onward) {
		tell_end(memo, part->parent, part->paused);
		tell_bell(memo, part);
		for (uint32_t i = 0; i < part->count; i++)
			(void)qmac_clock_push(memo->clock, &part->work[i], memo->tagged);
	}
	tell_end(memo, last, memo->open ? memo->open->paused : memo->paused);
	memo->muted = false;
	memo->live = true;
}

/* Tells the clock what has waited; the time of the last command, if it is a SYNC. */
static struct qmac_clock_retire watch(struct qmac_memo *memo)
{
	struct qmac_clock_retire time = {0, 0};
	const struct qmac_memo_part *open = memo->open;

	if (!memo->waiting)
		return time;
	catch_up(memo);
	memo->waiting = false;
	tell_bell(memo, open);
	for (uint32_t i = 0; i < open->count; i++)
		time = tell(memo, i, &open->work[i], memo->records + i * memo->options.record_bytes);
	return time;
}

/* Keeps nothing more until the next reset. */
static void forget(struct qmac_memo *memo)
{
	if (!memo->at)
		return;
	(void)watch(memo);
	catch_up(memo);
	drop_open(memo);
	memo->at = NULL;
}

/* ---- parts that begin and end ------------------------------------------------------------------- */

static bool make_room(struct qmac_memo *memo, uint32_t room)
{
	size_t bytes = (size_t)room * memo->options.record_bytes;
	char *records = bytes > memo->records_room ? realloc(memo->records, bytes) : memo->records;

	if (bytes <= memo->records_room)
		return true;
	if (records) {
		memo->records = records;
		memo->records_room = bytes;
	}
	return records != NULL;
}

/* Begins a part, of no more commands than the doorbell told of; forgets where there is no room. */
static void begin(struct qmac_memo *memo)
{
	uint32_t room = memo->tail - memo->number;
	bool asked = memo->options.on_retire != NULL;
	bool fits = room <= 1U << QMAC_RING_LOG2_MAX &&
	            memo->bytes + qmac_memo_part_bytes(room, asked) <= memo->options.limit;
	struct qmac_memo_part *part = NULL;

	if (fits && make_room(memo, room)) {
		part = qmac_memo_part_create(memo->spare, room, asked);
		memo->spare = NULL;
	}
	if (!part) {
		memo->full = true;
		forget(memo);
		return;
	}
	part->parent = memo->at;
	part->paused = memo->paused;
	memo->paused = false;
	memo->open = part;
	memo->waiting = !memo->live || memo->at->children;
}

/* A SYNC has ended `open`, which the clock was told. */
static void keep(struct qmac_memo *memo, struct qmac_clock_retire sync)
{
	struct qmac_memo_part *part = memo->open, *known = qmac_memo_part_find(memo->at, memo->open);

	if (known) {
		memo->at = known;
		drop_open(memo);
		return;
	}
	memo->open = NULL;
	part->sync = sync;
	qmac_memo_part_shrink(part);
	part->next = memo->at->children;
	memo->at->children = part;
	memo->bytes += qmac_memo_part_bytes(part->room, memo->options.on_retire != NULL);
	memo->at = part;
}

/* A SYNC has ended `open`, whose commands wait. */
static struct qmac_clock_retire recall(struct qmac_memo *memo)
{
	struct qmac_memo_part *known = qmac_memo_part_find(memo->at, memo->open);
	struct qmac_clock_retire sync;

	if (!known) {
		sync = watch(memo);
		keep(memo, sync);
		return sync;
	}
	for (uint32_t i = 0; i < known->retired_count; i++)
		memo->options.on_retire(memo->options.context,
		                        memo->records + known->retired[i].index * memo->options.record_bytes,
		                        known->retired[i].time);
	memo->remembered += known->count;
	memo->at = known;
	memo->live = memo->waiting = false;
	drop_open(memo);
	return known->sync;
}

/* ---- the interface ------------------------------------------------------------------------------ */

enum qmac_status qmac_memo_create(const struct qmac_hw *hw, const struct qmac_memo_options *options,
                                  struct qmac_memo **memo, struct qmac_error *err)
{
	size_t tagged = options->on_retire ? sizeof(uint64_t) + options->record_bytes : 0;
	struct qmac_memo *made = calloc(1, sizeof *made);
	enum qmac_status status = QMAC_OK;

	*memo = made;
	if (made) {
		made->options = *options;
		made->root = calloc(1, sizeof *made->root);
		made->tagged = calloc(1, tagged ? tagged : 1);
	}
	if (!made || !made->root || !made->tagged)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for the clock of a device");
	if (status == QMAC_OK)
		status = qmac_clock_create(hw, options->on_retire ? on_retire : NULL, made, tagged, &made->clock,
		                           err);
	if (status != QMAC_OK) {
		qmac_memo_destroy(made);
		*memo = NULL;
		return status;
	}
	qmac_memo_reset(made);
	return QMAC_OK;
}

void qmac_memo_destroy(struct qmac_memo *memo)
{
	if (!memo)
		return;
	qmac_clock_destroy(memo->clock);
	if (memo->root)
		qmac_memo_part_clear(memo->root);
	qmac_memo_part_destroy(memo->root);
	qmac_memo_part_destroy(memo->open);
	qmac_memo_part_destroy(memo->spare);
	free(memo->records);
	free(memo->tagged);
	free(memo);
}

void qmac_memo_reset(struct qmac_memo *memo)
{
	drop_open(memo);
	if (memo->full) {
		qmac_memo_part_clear(memo->root);
		memo->bytes = 0;
	}
	memo->full = memo->paused = memo->waiting = false;
	memo->at = memo->options.limit ? memo->root : NULL;
	memo->number = memo->tail = 0;
	memo->live = !memo->root->children;
	if (memo->live)
		qmac_clock_reset(memo->clock);
}

void qmac_memo_doorbell(struct qmac_memo *memo, uint32_t tail, uint64_t ring_base, int ring_log2)
{
	memo->tail = tail;
	if (memo->open)
		forget(memo); /* the driver did not wait for what it had told of */
	if (memo->at)
		begin(memo);
	if (memo->open) {
		memo->open->bell.rung = true;
		memo->open->bell.tail = tail;
		memo->open->bell.ring_base = ring_base;
		memo->open->bell.ring_log2 = ring_log2;
	}
	if (!memo->waiting)
		ring(memo, tail, ring_base, ring_log2);
}

struct qmac_clock_retire qmac_memo_push(struct qmac_memo *memo, const struct qmac_clock_work *work,
                                        const void *record)
{
	bool is_sync = work->opcode == QMAC_OPCODE_SYNC;
	struct qmac_clock_retire time = {0, 0};
	uint32_t index;

	if (memo->at && !memo->open)
		begin(memo);
	memo->number++;
	if (!memo->open)
		return tell(memo, NOWHERE, work, record);
	index = memo->open->count++;
	assert(index < memo->open->room);
	memo->open->work[index] = *work;
	if (!memo->waiting) {
		time = tell(memo, index, work, record);
		if (is_sync)
			keep(memo, time);
		return time;
	}
	if (memo->options.record_bytes && !is_sync)
		memcpy(memo->records + index * memo->options.record_bytes, record, memo->options.record_bytes);
	return is_sync ? recall(memo) : time;
}

void qmac_memo_halt(struct qmac_memo *memo, bool fetches)
{
	forget(memo);
	qmac_clock_halt(memo->clock, fetches);
}

void qmac_memo_pause(struct qmac_memo *memo, uint64_t cycle)
{
	assert(!memo->open);
	memo->paused = true;
	if (!memo->at || memo->live)
		qmac_clock_pause(memo->clock, cycle);
}

void qmac_memo_settle(struct qmac_memo *memo, uint64_t counters[QMAC_COUNTERS])
{
	struct qmac_memo_end here = {.known = false}, *end = &here;

	if (memo->at && !memo->open)
		end = &memo->at->end[memo->paused];
	if (!end->known) {
		(void)watch(memo);
		if (memo->at)
			catch_up(memo);
		qmac_clock_drain(memo->clock);
		end->totals = qmac_clock_totals(memo->clock);
		end->known = true;
	}
	qmac_clock_put_totals(&end->totals, counters);
}

uint64_t qmac_memo_now(const struct qmac_memo *memo)
{
	bool knows = memo->live && !memo->waiting;

	return knows ? qmac_clock_now(memo->clock) : memo->at->sync.cycle;
}

struct qmac_clock *qmac_memo_clock(struct qmac_memo *memo)
{
	forget(memo);
	return memo->clock;
}

uint64_t qmac_memo_remembered(const struct qmac_memo *memo)
{
	return memo->remembered;
}
