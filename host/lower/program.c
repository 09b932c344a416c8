#include "lower/program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/command.h"
#include "lower/order.h"
#include "lower/program_state.h"

enum {
	FIRST_ROOM = 64,
	COMMANDS_MAX = INT32_MAX / 2, /* a wait counts them, forwards and backwards */
	ROUNDS_MAX = 16,
	AHEAD = 4, /* commands that are fetched before they are submitted */
	COPIES = 4, SHORT = 4096 /* of a program that short, when it is tried as one of many */
};

struct qmac_program *qmac_program_create(const struct qmac_hw *hw)
{
	struct qmac_program *program = calloc(1, sizeof *program);

	if (program)
		program->hw = *hw;
	return program;
}

void qmac_program_clear(struct qmac_program *program)
{
	struct qmac_program empty = {.hw = program->hw, .items = program->items, .room = program->room};

	for (int i = 0; i < program->behinds; i++)
		free(program->behind[i].entries);
	free(program->behind);
	qmac_past_clear(&program->end);
	free(program->ring);
	*program = empty;
}

void qmac_program_destroy(struct qmac_program *program)
{
	if (!program)
		return;
	qmac_program_clear(program);
	free(program->items);
	free(program);
}

static enum qmac_status out_of_memory(const struct qmac_program *program, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for a program of %lld commands",
	                 (long long)program->count);
}

/* ---- adding ------------------------------------------------------------------------- */

static enum qmac_status check_legal(const struct qmac_program *program, const struct qmac_command *command,
                                    struct qmac_error *err)
{
	const struct qmac_dispatch_state state = {.mem_size = 1ULL << 48}; /* any memory will do */
	uint32_t words[QMAC_COMMAND_WORDS];
	unsigned fault;
	char text[600];

	qmac_command_encode(command, words);
	fault = qmac_command_fault(&program->hw, &state, words, command);
	if (fault == QMAC_FAULT_NONE && command->opcode != QMAC_OPCODE_SYNC)
		return QMAC_OK;
	if (fault == QMAC_FAULT_NONE)
		return qmac_fail(err, QMAC_BAD_INPUT, "command %lld of a program is a SYNC: what the host waits "
		                 "for has to stand between two programs", (long long)program->count);
	return qmac_fail(err, QMAC_BAD_INPUT, "command %lld of a program would be refused by the device (%s): %s",
	                 (long long)program->count, qmac_code_name("FAULT", fault),
	                 qmac_command_text(command, text, sizeof text));
}

enum qmac_status qmac_program_add(struct qmac_program *program, const struct qmac_command *command,
                                  const struct qmac_hull *hull, int64_t *index, struct qmac_error *err)
{
	struct qmac_item *item;
	enum qmac_status status;

	assert(!program->ring);
	if (program->count == COMMANDS_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "a program of more than %d commands: make it several smaller"
		                 " ones", COMMANDS_MAX);
	if (program->count == program->room) {
		int64_t room = program->room ? 2 * program->room : FIRST_ROOM;
		struct qmac_item *wider = realloc(program->items, (size_t)room * sizeof *wider);

		if (!wider)
			return out_of_memory(program, err);
		program->items = wider;
		program->room = room;
	}
	item = &program->items[program->count];
	*item = (struct qmac_item){.command = *command, .has_hull = hull != NULL, .turns = program->turns};
	program->turns = 0;
	item->command.wait_mask = 0;
	item->command.wait_load = item->command.wait_exec = item->command.wait_store = 0;
	if (hull)
		item->hull = *hull;
	status = check_legal(program, &item->command, err);
	if (status != QMAC_OK)
		return status;
	if (index)
		*index = program->count;
	program->engine_count[qmac_command_engine(command->opcode)]++;
	program->count++;
	return QMAC_OK;
}

void qmac_program_turn(struct qmac_program *program, unsigned engine)
{
	assert(engine < QMAC_ENGINES);
	if (program->engine_count[engine])
		program->turns |= 1U << engine;
}

int64_t qmac_program_count(const struct qmac_program *program)
{
	return program->count;
}

/* ---- waits ----------------------------------------------------------------------------- */

/* Lets the program follow on *past, which becomes the past behind it; notes what its commands wait for. */
static bool follow(struct qmac_program *program, struct qmac_past *past)
{
	uint32_t start[QMAC_ENGINES];
	bool complete = true;

	memcpy(start, past->count, sizeof start);
	for (int64_t i = 0; complete && i < program->count; i++) {
		struct qmac_item *item = &program->items[i];
		struct qmac_waits waits;

		complete = qmac_past_add(past, &program->hw, &item->command, item->has_hull ? &item->hull : NULL,
		                         item->turns, &waits);
		for (unsigned e = 0; e < QMAC_ENGINES; e++) {
			item->waits[e] = waits.number[e] > 0;
			item->wait[e] = (int32_t)((int64_t)waits.number[e] - start[e]);
		}
	}
	return complete;
}

/* The pasts that a program can follow on, its own end left out. */
struct pasts {
	const struct qmac_past **pasts;
	int count;
	uint32_t depth[QMAC_ENGINES]; /* how far back they reach */
	bool itself;
};

static bool collect(const struct qmac_program *program, const struct qmac_program *const *before, int befores,
                    struct pasts *from)
{
	*from = (struct pasts){.pasts = calloc((size_t)befores + 1, sizeof *from->pasts)};
	if (!from->pasts)
		return false;
	for (int i = 0; i < befores; i++) {
		assert(before[i] == program || before[i]->ring);
		if (before[i] == program) {
			from->itself = true;
			continue;
		}
		from->pasts[from->count++] = &before[i]->end;
		for (unsigned e = 0; e < QMAC_ENGINES; e++)
			if (from->depth[e] < before[i]->end.count[e])
				from->depth[e] = before[i]->end.count[e];
	}
	return true;
}

/*
 * A program that may follow on itself: what it finds at its start depends on what it leaves, and so in a
 * circle. Begun with the past of an idle device, what is known at the start becomes less from round to
 * round until it stays as it is: then it holds for any number of replays. The accesses stay as they are from
 * the first round on. Where too many rounds would be needed, nothing is taken for known.
 */
static bool follow_itself(struct qmac_program *program, struct pasts *from, struct qmac_past *start)
{
	bool complete = true, settled = false;

	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (from->depth[e] < program->engine_count[e])
			from->depth[e] = program->engine_count[e];
	for (int round = 0; complete && !settled; round++) {
		struct qmac_past next = {.count = {0}};

		from->pasts[from->count] = &program->end;
		complete = qmac_past_join(&next, from->pasts, from->count + 1, from->depth);
		if (round == ROUNDS_MAX)
			qmac_past_forget(&next);
		settled = complete && round > 0 && qmac_past_knows_same(&next, start);
		qmac_past_clear(start);
		*start = next;
		if (!complete || settled)
			break;
		qmac_past_clear(&program->end);
		complete = qmac_past_join(&program->end, (const struct qmac_past *const[]){start}, 1, start->count) &&
		           follow(program, &program->end);
		settled = round == ROUNDS_MAX;
	}
	return complete;
}

static bool find_waits(struct qmac_program *program, const struct qmac_program *const *before, int befores)
{
	struct qmac_past start = {.count = {0}};
	struct pasts from;
	bool complete = collect(program, before, befores, &from);

	if (complete && from.count > 0)
		complete = qmac_past_join(&program->end, from.pasts, from.count, from.depth);
	complete = complete && follow(program, &program->end);
	if (complete && from.itself)
		complete = follow_itself(program, &from, &start);
	qmac_past_clear(&start);
	free(from.pasts);
	return complete;
}

/* ---- the ring ---------------------------------------------------------------------------- */

/* How many times in a row a program is tried that stands behind others; a long one need not be. */
static int copies_of(const struct qmac_program *program)
{
	return program->count < SHORT ? COPIES : 1;
}

void qmac_program_keep_order(struct qmac_program *program)
{
	assert(!program->ring);
	program->order = QMAC_ORDER_KEPT;
}

void qmac_program_estimate_order(struct qmac_program *program)
{
	assert(!program->ring);
	program->order = QMAC_ORDER_ESTIMATED;
}

static enum qmac_status make_order(const struct qmac_program *program, int copies, int64_t *order,
                                   struct qmac_error *err)
{
	const struct qmac_hw *hw = &program->hw;

	if (program->order == QMAC_ORDER_ESTIMATED)
		return qmac_order_estimate(hw, program->items, program->count, order, err);
	if (program->order == QMAC_ORDER_TRIED)
		return qmac_order_make(hw, program->items, program->count, copies, order, err);
	for (int64_t i = 0; i < program->count; i++)
		order[i] = i;
	return QMAC_OK;
}

/* Puts the items, whose waits are known, into the ring. */
static enum qmac_status fill_ring(struct qmac_program *program, int copies, struct qmac_error *err)
{
	int64_t *order = malloc(((size_t)program->count + 1) * sizeof *order);
	enum qmac_status status = order ? make_order(program, copies, order, err) : out_of_memory(program, err);

	if (status == QMAC_OK)
		program->ring = order;
	else
		free(order);
	return status;
}

enum qmac_status qmac_program_compile(struct qmac_program *program, const struct qmac_program *const *before,
                                      int befores, struct qmac_error *err)
{
	bool itself = false;

	assert(!program->ring);
	for (int i = 0; i < befores; i++)
		itself = itself || before[i] == program;
	if (!find_waits(program, before, befores))
		return out_of_memory(program, err);
	return fill_ring(program, itself ? copies_of(program) : 1, err);
}

/* For a rehearsal: the first command of each engine waits for all that stands before the program, or not. */
static void fence(struct qmac_program *program, bool waits)
{
	bool begun[QMAC_ENGINES] = {false};

	for (int64_t i = 0; i < program->count; i++) {
		struct qmac_item *item = &program->items[i];
		unsigned engine = qmac_command_engine(item->command.opcode);

		for (unsigned e = 0; e < QMAC_ENGINES && !begun[engine]; e++)
			if (e != engine && !(item->waits[e] && item->wait[e] > 0)) {
				item->waits[e] = waits;
				item->wait[e] = 0;
			}
		begun[engine] = true;
	}
}

enum qmac_status qmac_program_compile_for_sequence(struct qmac_program *program, struct qmac_error *err)
{
	enum qmac_status status;

	assert(!program->ring);
	if (!find_waits(program, NULL, 0))
		return out_of_memory(program, err);
	if (program->order != QMAC_ORDER_TRIED)
		return fill_ring(program, 1, err);
	fence(program, true);
	status = fill_ring(program, copies_of(program), err);
	fence(program, false);
	return status;
}

/* ---- using it ------------------------------------------------------------------------------ */

struct qmac_command *qmac_program_command(struct qmac_program *program, int64_t index)
{
	assert(program->ring && index >= 0 && index < program->count);
	return &program->items[index].command;
}

void qmac_program_list(const struct qmac_program *program, const uint16_t given[3],
                       struct qmac_command *commands)
{
	uint32_t own[QMAC_ENGINES] = {0};

	assert(program->ring);
	for (int64_t i = 0; i < program->count; i++) {
		const struct qmac_item *item = &program->items[program->ring[i]];

		commands[i] = item->command;
		qmac_item_set_waits(item, given, own, &commands[i]);
	}
}

/* Items are more than a cache holds, and in the order of the ring they lie anywhere. */
static void fetch(const struct qmac_item *item)
{
	enum { LINE = 64 };

	for (size_t at = 0; at < sizeof *item; at += LINE)
		__builtin_prefetch((const char *)item + at);
}

enum qmac_status qmac_program_submit(struct qmac_program *program, struct qmac_driver *driver,
                                     struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	uint16_t before[QMAC_ENGINES];
	uint32_t given[QMAC_ENGINES] = {0};

	assert(program->ring);
	qmac_driver_submitted(driver, before);
	for (int64_t i = 0; status == QMAC_OK && i < program->count; i++) {
		struct qmac_item *item = &program->items[program->ring[i]];

		if (i + AHEAD < program->count)
			fetch(&program->items[program->ring[i + AHEAD]]);
		qmac_item_set_waits(item, before, given, &item->command);
		status = qmac_driver_submit(driver, &item->command, err);
	}
	return status;
}
