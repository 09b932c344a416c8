#include "lower/sequence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/command.h"
#include "lower/program_state.h"

enum qmac_status qmac_sequence_compile(struct qmac_sequence *sequence, struct qmac_program *program,
                                       struct qmac_error *err)
{
	enum qmac_status status = qmac_program_compile_for_sequence(program, err);

	if (status == QMAC_OK)
		program->serial = ++sequence->serials;
	return status;
}

/* ---- the waits of a pair --------------------------------------------------------------- */

/* The waits of the commands for what stands before the program; per item, by engine. */
struct entry_waits {
	int32_t wait[QMAC_ENGINES];
	bool waits[QMAC_ENGINES];
};

/* Those for the program before. False: out of memory. */
static bool wait_for_last(const struct qmac_program *program, const struct qmac_program *last,
                          struct entry_waits *found)
{
	struct qmac_behind behind;
	bool complete = qmac_behind_begin(&behind, &last->end, program->engine_count);

	for (int64_t i = 0; complete && i < program->count; i++) {
		const struct qmac_item *item = &program->items[i];
		struct qmac_waits own = {{0}}, waits;

		for (unsigned e = 0; e < QMAC_ENGINES; e++)
			if (item->waits[e])
				own.number[e] = (uint32_t)item->wait[e];
		qmac_behind_add(&behind, &program->hw, &item->command, item->has_hull ? &item->hull : NULL, &own,
		                &waits);
		for (unsigned e = 0; e < QMAC_ENGINES; e++) {
			found[i].waits[e] = waits.number[e] > 0;
			found[i].wait[e] = (int32_t)((int64_t)waits.number[e] - last->end.count[e]);
		}
	}
	qmac_behind_end(&behind);
	return complete;
}

/* The first command of each engine waits for all that stands before `last`, or before the program: NULL. */
static void wait_for_older(const struct qmac_program *program, const struct qmac_program *last,
                           struct entry_waits *found)
{
	bool begun[QMAC_ENGINES] = {false};

	for (int64_t i = 0; i < program->count; i++) {
		const struct qmac_item *item = &program->items[i];
		unsigned engine = qmac_command_engine(item->command.opcode);

		for (unsigned e = 0; e < QMAC_ENGINES && !begun[engine]; e++) {
			if (e == engine || item->waits[e] || found[i].waits[e])
				continue; /* a later wait makes sure of it */
			found[i].waits[e] = true;
			found[i].wait[e] = last ? -(int32_t)last->engine_count[e] : 0;
		}
		begun[engine] = true;
	}
}

/* Keeps the waits that were found. False: out of memory. */
static bool keep(const struct qmac_program *program, const struct entry_waits *found,
                 struct qmac_entries *entries)
{
	entries->count = 0;
	for (int64_t i = 0; i < program->count; i++)
		for (unsigned e = 0; e < QMAC_ENGINES; e++)
			entries->count += found[i].waits[e];
	entries->entries = malloc((size_t)(entries->count + 1) * sizeof *entries->entries);
	if (!entries->entries)
		return false;
	entries->count = 0;
	for (int64_t i = 0; i < program->count; i++)
		for (unsigned e = 0; e < QMAC_ENGINES; e++)
			if (found[i].waits[e])
				entries->entries[entries->count++] = (struct qmac_entry){i, e, found[i].wait[e]};
	return true;
}

/* Finds the waits of a program behind `last`, NULL: behind anything. */
static bool find_entries(const struct qmac_program *program, const struct qmac_program *last,
                         struct qmac_entries *entries)
{
	struct entry_waits *found = calloc((size_t)program->count + 1, sizeof *found);
	bool complete = found && (!last || wait_for_last(program, last, found));

	if (complete) {
		wait_for_older(program, last, found);
		complete = keep(program, found, entries);
	}
	free(found);
	return complete;
}

/* The waits of a program behind `last`, found where they are not known yet; NULL: out of memory. */
static const struct qmac_entries *entries_of(struct qmac_program *program, const struct qmac_program *last)
{
	uint32_t serial = last ? last->serial : 0;
	struct qmac_entries fresh = {.serial = serial}, *wider;

	for (int i = 0; i < program->behinds; i++)
		if (program->behind[i].serial == serial)
			return &program->behind[i];
	wider = realloc(program->behind, (size_t)(program->behinds + 1) * sizeof *wider);
	if (!wider)
		return NULL;
	program->behind = wider;
	if (!find_entries(program, last, &fresh))
		return NULL;
	program->behind[program->behinds] = fresh;
	return &program->behind[program->behinds++];
}

/* Neither what a command touches nor how long it takes depends on these; patches change them, too. */
static void take_numbers(const struct qmac_command *from, struct qmac_command *to)
{
	to->imm = from->imm;
	to->mult = from->mult;
	to->l0 = from->l0;
	to->shift = from->shift;
	to->bw = from->bw;
	to->rnd = from->rnd;
	to->seed = from->seed;
	to->monitor = from->monitor;
	to->direction = from->direction;
}

/* But for numbers, and the waits that one of them has already. */
static bool is_same(const struct qmac_item *x, const struct qmac_item *y)
{
	uint32_t one[QMAC_COMMAND_WORDS], other[QMAC_COMMAND_WORDS];
	struct qmac_command like = x->command;

	take_numbers(&y->command, &like);
	like.wait_mask = like.wait_load = like.wait_exec = like.wait_store = 0;
	qmac_command_encode(&like, one);
	qmac_command_encode(&y->command, other);
	return !memcmp(one, other, sizeof one) && x->command.layer == y->command.layer &&
	       !memcmp(&x->command.unit, &y->command.unit, sizeof x->command.unit) &&
	       x->turns == y->turns && x->has_hull == y->has_hull && x->hull.first == y->hull.first &&
	       x->hull.bytes == y->hull.bytes;
}

bool qmac_program_follow(struct qmac_program *program, const struct qmac_program *model)
{
	bool same = program->count == model->count;

	assert(program->ring && !model->ring);
	for (int64_t i = 0; same && i < program->count; i++)
		same = is_same(&program->items[i], &model->items[i]);
	for (int64_t i = 0; same && i < program->count; i++)
		take_numbers(&model->items[i].command, &program->items[i].command);
	return same;
}

void qmac_program_forget(struct qmac_program *program, const struct qmac_program *gone)
{
	for (int i = 0; i < program->behinds; i++)
		if (program->behind[i].serial == gone->serial) {
			free(program->behind[i].entries);
			program->behind[i] = program->behind[--program->behinds];
		}
}

/* ---- submitting --------------------------------------------------------------------------- */

static void set_entries(struct qmac_program *program, const struct qmac_entries *entries, bool wait)
{
	for (int64_t i = 0; i < entries->count; i++) {
		const struct qmac_entry *entry = &entries->entries[i];
		struct qmac_item *item = &program->items[entry->item];

		item->wait[entry->engine] = entry->wait;
		item->waits[entry->engine] = wait;
	}
}

enum qmac_status qmac_sequence_submit(struct qmac_sequence *sequence, struct qmac_program *program,
                                      struct qmac_error *err)
{
	const struct qmac_entries *entries;
	struct qmac_program *last = sequence->last;
	uint16_t given[3];
	enum qmac_status status;

	assert(program->serial > 0 && program->serial <= sequence->serials);
	qmac_driver_submitted(sequence->driver, given);
	if (memcmp(given, sequence->end, sizeof given) != 0)
		last = NULL; /* somebody else was there */
	sequence->last = NULL;
	entries = entries_of(program, last);
	if (!entries)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the waits of %lld commands",
		                 (long long)program->count);
	set_entries(program, entries, true);
	status = qmac_program_submit(program, sequence->driver, err);
	set_entries(program, entries, false);
	if (status != QMAC_OK)
		return status;
	sequence->last = program;
	qmac_driver_submitted(sequence->driver, sequence->end);
	return QMAC_OK;
}
