#include "race/race.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/command.h"
#include "race/access.h"
#include "race/history.h"

enum { ENGINES = 3, READS = 0, WRITES = 1 };

/* Per engine: how many of its commands have certainly retired. */
struct clock {
	uint32_t retired[ENGINES];
};

struct checker {
	const struct qmac_hw *hw;
	struct qmac_dispatch_state state;           /* counts what was dispatched */
	struct qmac_history history[ENGINES][2];    /* numbers: of the engine's commands, from 1 */
	struct clock *clocks;                       /* by ring number: what has retired when it starts */
	uint32_t *numbers[ENGINES];                 /* ring number of the engine's n-th command */
	struct clock latest[ENGINES];               /* clock of the engine's last command, SYNC included */
	struct qmac_race race;                      /* of the command being checked, so far */
};

/* A conflict of the command being checked. */
struct conflict {
	unsigned engine;     /* of the other one */
	uint32_t index;      /* the other one among the commands of its engine */
	uint64_t place;
	bool writes[2];
};

/* ---- order -------------------------------------------------------------------- */

static void join(struct clock *clock, const struct clock *other)
{
	for (unsigned e = 0; e < ENGINES; e++)
		if (clock->retired[e] < other->retired[e])
			clock->retired[e] = other->retired[e];
}

/*
 * The clock at which a command starts: what had retired when its engine's last one
 * started, and all that had retired before the commands it waits for.
 */
static struct clock start_clock(const struct checker *k, const struct qmac_command *c, unsigned engine)
{
	const uint32_t waits[ENGINES] = {c->wait_load, c->wait_exec, c->wait_store};
	struct clock clock = k->latest[engine];

	for (unsigned e = 0; e < ENGINES; e++) {
		uint32_t dispatched = k->state.dispatched[e], behind = (uint16_t)(dispatched - waits[e]);
		uint32_t index = dispatched > behind ? dispatched - behind : 0;

		if (!(c->wait_mask >> e & 1) || index == 0)
			continue;
		join(&clock, &k->clocks[k->numbers[e][index]]);
		if (clock.retired[e] < index)
			clock.retired[e] = index;
	}
	return clock;
}

/* SYNC: everything before it has retired when anything after it starts. */
static void fence(struct checker *k)
{
	for (unsigned e = 0; e < ENGINES; e++)
		memcpy(k->latest[e].retired, k->state.dispatched, sizeof k->latest[e].retired);
}

/* ---- conflicts ---------------------------------------------------------------- */

static void describe(struct qmac_race *race, uint64_t place)
{
	uint64_t region = place >> QMAC_PLACE_SHIFT;

	race->space = 0;
	race->place = place & ((1ULL << QMAC_PLACE_SHIFT) - 1);
	if (region == QMAC_REGION_MEMORY) {
		race->kind = QMAC_RACE_MEMORY;
	} else if (region == QMAC_REGION_PORTS) {
		race->kind = QMAC_RACE_PORT;
		race->space = (unsigned)race->place / 4;
		race->writes[0] = race->writes[1] = race->place & 2;
		race->place &= 1;
	} else {
		race->kind = QMAC_RACE_ROW;
		race->space = (unsigned)region;
	}
}

/* Is conflict a to be reported rather than b? The later other command, the lower place, writes. */
static bool before(const struct checker *k, const struct conflict *a, const struct conflict *b)
{
	uint32_t number = k->numbers[a->engine][a->index], other;

	if (b->index == 0)
		return true;
	other = k->numbers[b->engine][b->index];
	if (number != other)
		return number > other;
	if (a->place != b->place)
		return a->place < b->place;
	return a->writes[0] + a->writes[1] > b->writes[0] + b->writes[1];
}

/* The race of command `number` to report, into k->race; false where it has none. */
static bool find_race(struct checker *k, uint32_t number, unsigned engine, const struct qmac_access *accesses,
                      int count)
{
	const struct clock *clock = &k->clocks[number];
	struct conflict worst = {0, 0, 0, {false, false}};

	for (int i = 0; i < count; i++)
		for (unsigned e = 0; e < ENGINES; e++)
			for (int direction = accesses[i].writes ? READS : WRITES; direction <= WRITES; direction++) {
				struct conflict found = {e, clock->retired[e] + 1, 0,
				                         {direction == WRITES, accesses[i].writes}};

				if (e != engine && qmac_history_find(&k->history[e][direction], &accesses[i], &found.index,
				                                     &found.place) && before(k, &found, &worst))
					worst = found;
			}
	if (worst.index == 0)
		return false;
	k->race = (struct qmac_race){
		.command = {k->numbers[worst.engine][worst.index], number}, .engine = {worst.engine, engine},
		.writes = {worst.writes[0], worst.writes[1]}, .wait_count = worst.index & 0xFFFF,
	};
	describe(&k->race, worst.place);
	return true;
}

/* ---- the program -------------------------------------------------------------- */

static bool is_legal(const struct checker *k, const struct qmac_command *c, uint32_t number,
                     struct qmac_error *err)
{
	uint32_t words[QMAC_COMMAND_WORDS];
	unsigned fault;

	qmac_command_encode(c, words);
	fault = qmac_command_fault(k->hw, &k->state, words, c);
	if (fault != QMAC_FAULT_NONE)
		(void)qmac_fail(err, QMAC_BAD_INPUT, "command %u has no defined accesses: the device refuses it (%s)",
		                number, qmac_code_name("FAULT", fault));
	return fault == QMAC_FAULT_NONE;
}

static enum qmac_status check_command(struct checker *k, const struct qmac_command *c, uint32_t number,
                                      struct qmac_error *err)
{
	struct qmac_access accesses[QMAC_ACCESSES_MAX];
	unsigned engine;
	int count;

	if (!is_legal(k, c, number, err))
		return QMAC_BAD_INPUT;
	engine = qmac_command_engine(c->opcode);
	if (engine == QMAC_ENGINE_CONTROL) {
		fence(k);
		return QMAC_OK;
	}
	k->clocks[number] = k->latest[engine] = start_clock(k, c, engine);
	count = qmac_access_list(k->hw, c, accesses);
	if (find_race(k, number, engine, accesses, count)) {
		char text[256];

		return qmac_fail(err, QMAC_CHECK_FAILED, "%s", qmac_race_text(&k->race, text, sizeof text));
	}
	k->numbers[engine][++k->state.dispatched[engine]] = number;
	for (int i = 0; i < count; i++)
		if (!qmac_history_note(&k->history[engine][accesses[i].writes], &accesses[i],
		                       k->state.dispatched[engine]))
			return qmac_fail(err, QMAC_INTERNAL, "out of memory for the accesses of %u commands", number);
	return QMAC_OK;
}

enum qmac_status qmac_race_check(const struct qmac_hw *hw, const struct qmac_command *commands,
                                 uint32_t count, struct qmac_race *race, struct qmac_error *err)
{
	struct checker k = {.hw = hw, .state = {.mem_size = 1ULL << 48}}; /* any memory will do */
	enum qmac_status status = QMAC_OK;
	bool complete;

	k.clocks = calloc((size_t)count + 1, sizeof *k.clocks);
	complete = k.clocks != NULL;
	for (unsigned e = 0; e < ENGINES; e++) {
		k.numbers[e] = calloc((size_t)count + 1, sizeof *k.numbers[e]);
		complete = complete && k.numbers[e];
	}
	if (!complete)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory to check %u commands for races", count);
	for (uint32_t i = 0; status == QMAC_OK && i < count; i++)
		status = check_command(&k, &commands[i], i, err);
	*race = k.race;
	free(k.clocks);
	for (unsigned e = 0; e < ENGINES; e++) {
		free(k.numbers[e]);
		qmac_history_free(&k.history[e][READS]);
		qmac_history_free(&k.history[e][WRITES]);
	}
	return status;
}

const char *qmac_race_text(const struct qmac_race *race, char *text, size_t size)
{
	const char *first = qmac_code_name("ENGINE", race->engine[0]);
	const char *second = qmac_code_name("ENGINE", race->engine[1]);
	const char *space = qmac_code_name("SPACE", race->space);
	unsigned long long where = race->place;
	char place[64];

	if (race->kind == QMAC_RACE_PORT)
		snprintf(place, sizeof place, "the %s port of bank %llu of %s", race->writes[0] ? "write" : "read",
		         where, space);
	else if (race->kind == QMAC_RACE_ROW)
		snprintf(place, sizeof place, "row %llu of %s", where, space);
	else
		snprintf(place, sizeof place, "the byte at 0x%llx", where);
	snprintf(text, size, "command %u (%s) %s %s, command %u (%s) %s it, and nothing orders them: command %u "
	         "must wait for %s to retire %u commands", race->command[0], first,
	         race->kind == QMAC_RACE_PORT ? "uses" : race->writes[0] ? "writes" : "reads", place,
	         race->command[1], second,
	         race->kind == QMAC_RACE_PORT ? "uses" : race->writes[1] ? "writes" : "reads",
	         race->command[1], first, race->wait_count);
	return text;
}
