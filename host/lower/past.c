#include "lower/past.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/command.h"
#include "race/access.h"

enum { READS = 0, WRITES = 1, FIRST_ROOM = 64 };

/* ---- what is known --------------------------------------------------------------- */

static struct qmac_known known_at(const struct qmac_past *past, unsigned engine, uint32_t number)
{
	return past->known[engine] ? past->known[engine][number] : (struct qmac_known){{0}};
}

static bool set_known(struct qmac_past *past, unsigned engine, uint32_t number,
                      const struct qmac_known *known)
{
	if (number >= past->room[engine]) {
		uint32_t room = number < FIRST_ROOM ? FIRST_ROOM : 2 * number;
		struct qmac_known *wider = realloc(past->known[engine], room * sizeof *wider);

		if (!wider)
			return false;
		memset(wider + past->room[engine], 0, (room - past->room[engine]) * sizeof *wider);
		past->known[engine] = wider;
		past->room[engine] = room;
	}
	past->known[engine][number] = *known;
	return true;
}

/* Adds what the retirement of a command tells: that it has retired, and all it knew. */
static void learn_of(struct qmac_known *known, unsigned engine, uint32_t number, struct qmac_known other)
{
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (known->retired[e] < other.retired[e])
			known->retired[e] = other.retired[e];
	if (known->retired[engine] < number)
		known->retired[engine] = number;
}

static void learn(const struct qmac_past *past, struct qmac_known *known, unsigned engine, uint32_t number)
{
	learn_of(known, engine, number, known_at(past, engine, number));
}

bool qmac_past_knows_same(const struct qmac_past *a, const struct qmac_past *b)
{
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		for (uint32_t i = 0; i <= a->count[e]; i++) {
			struct qmac_known x = known_at(a, e, i), y = known_at(b, e, i);

			if (memcmp(&x, &y, sizeof x) != 0)
				return false;
		}
	return true;
}

/* ---- accesses ----------------------------------------------------------------------- */

/* Takes the inner loops of an access of very many runs as one run each. */
static void narrow(struct qmac_access *access)
{
	while (access->n[0] * access->n[1] * access->n[2] > QMAC_PAST_RUNS) {
		access->unit += (access->n[0] - 1) * access->s[0];
		for (int i = 0; i < 2; i++) {
			access->n[i] = access->n[i + 1];
			access->s[i] = access->s[i + 1];
		}
		access->n[2] = 1;
	}
}

static int list(const struct qmac_hw *hw, const struct qmac_command *command, const struct qmac_hull *hull,
                struct qmac_access accesses[QMAC_ACCESSES_MAX])
{
	int count = qmac_access_list(hw, command, accesses);

	for (int i = 0; i < count; i++) {
		struct qmac_access *a = &accesses[i];

		if (hull && a->first >> QMAC_PLACE_SHIFT == QMAC_REGION_MEMORY)
			*a = (struct qmac_access){
				.first = (uint64_t)QMAC_REGION_MEMORY << QMAC_PLACE_SHIFT | hull->first,
				.unit = hull->bytes, .n = {1, 1, 1}, .writes = a->writes,
			};
		narrow(a);
	}
	return count;
}

/* The latest command of `engine` that conflicts with the accesses and may still be running; 0: none. */
static uint32_t conflict(const struct qmac_past *past, unsigned engine, uint32_t retired,
                         const struct qmac_access *accesses, int count)
{
	uint32_t latest = 0, least = retired + 1;
	uint64_t place;

	for (int i = 0; i < count; i++)
		for (int direction = accesses[i].writes ? READS : WRITES; direction <= WRITES; direction++)
			if (qmac_history_find(&past->history[engine][direction], &accesses[i], &least, &place))
				latest = least++;
	return latest;
}

/* ---- the next command ------------------------------------------------------------------ */

/* Leaves out a wait that the other one makes sure of. */
static void thin(const struct qmac_past *past, struct qmac_waits *waits)
{
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		for (unsigned other = 0; other < QMAC_ENGINES; other++)
			if (e != other && waits->number[e] && waits->number[other] &&
			    known_at(past, other, waits->number[other]).retired[e] >= waits->number[e])
				waits->number[e] = 0;
}

/*
 * The waits of a command of that engine, with these accesses, behind the past; what they make sure of is
 * known then, too.
 */
static struct qmac_waits find_waits(const struct qmac_past *past, unsigned engine, struct qmac_known *known,
                                    const struct qmac_access *accesses, int count, unsigned turns)
{
	struct qmac_waits waits = {{0}};

	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (e != engine && turns >> e & 1)
			waits.number[e] = past->count[e] > known->retired[e] ? past->count[e] : 0;
		else if (e != engine)
			waits.number[e] = conflict(past, e, known->retired[e], accesses, count);
	thin(past, &waits);
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (waits.number[e])
			learn(past, known, e, waits.number[e]);
	return waits;
}

/* Whether commands of other engines may still be running. */
static bool may_wait(const struct qmac_past *past, unsigned engine, const struct qmac_known *known)
{
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (e != engine && past->count[e] > known->retired[e])
			return true;
	return false;
}

bool qmac_past_add(struct qmac_past *past, const struct qmac_hw *hw, const struct qmac_command *command,
                   const struct qmac_hull *hull, unsigned turns, struct qmac_waits *waits)
{
	struct qmac_access accesses[QMAC_ACCESSES_MAX];
	int count = list(hw, command, hull, accesses);
	unsigned engine = qmac_command_engine(command->opcode);
	struct qmac_known known = known_at(past, engine, past->count[engine]);

	assert(engine < QMAC_ENGINES);
	*waits = find_waits(past, engine, &known, accesses, count, turns);
	if (!set_known(past, engine, ++past->count[engine], &known))
		return false;
	for (int i = 0; i < count; i++)
		if (!qmac_history_note(&past->history[engine][accesses[i].writes], &accesses[i], past->count[engine]))
			return false;
	return true;
}

/* ---- behind a past ------------------------------------------------------------------- */

bool qmac_behind_begin(struct qmac_behind *behind, const struct qmac_past *past,
                       const uint32_t commands[QMAC_ENGINES])
{
	bool complete = true;

	*behind = (struct qmac_behind){.past = past};
	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		behind->known[e] = malloc(((size_t)commands[e] + 1) * sizeof *behind->known[e]);
		complete = complete && behind->known[e];
		if (behind->known[e])
			behind->known[e][0] = known_at(past, e, past->count[e]);
	}
	return complete;
}

void qmac_behind_add(struct qmac_behind *behind, const struct qmac_hw *hw, const struct qmac_command *command,
                     const struct qmac_hull *hull, const struct qmac_waits *own, struct qmac_waits *waits)
{
	const struct qmac_past *past = behind->past;
	struct qmac_access accesses[QMAC_ACCESSES_MAX];
	unsigned engine = qmac_command_engine(command->opcode);
	struct qmac_known known = behind->known[engine][behind->count[engine]];

	*waits = (struct qmac_waits){{0}};
	/* what a wait within the stream makes sure of is looked for no more: it is later than all of the past */
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (own->number[e])
			learn_of(&known, e, past->count[e] + own->number[e], behind->known[e][own->number[e]]);
	if (may_wait(past, engine, &known))
		*waits = find_waits(past, engine, &known, accesses, list(hw, command, hull, accesses), 0);
	behind->known[engine][++behind->count[engine]] = known;
}

void qmac_behind_end(struct qmac_behind *behind)
{
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		free(behind->known[e]);
	*behind = (struct qmac_behind){.past = NULL};
}

/* ---- joining ----------------------------------------------------------------------------- */

struct span {
	uint64_t begin, end;
	uint32_t last;
};

/* The spans of several histories; counted first, then kept. */
struct spans {
	struct span *spans;
	size_t count;
	int64_t shift; /* of the numbers of the history that is being read */
};

static bool take_span(void *context, uint64_t begin, uint64_t end, uint32_t last)
{
	struct spans *s = context;

	if (last + s->shift > 0) {
		if (s->spans)
			s->spans[s->count] = (struct span){begin, end, (uint32_t)(last + s->shift)};
		s->count++;
	}
	return true;
}

static int by_number(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Later accesses go over earlier ones, so the latest stays at every place. */
static bool join_history(struct qmac_history *joined, const struct qmac_past *const *pasts, int count,
                         unsigned engine, int direction, uint32_t depth)
{
	struct spans s = {NULL, 0, 0};
	bool complete = true;

	for (int round = 0; round < 2; round++) {
		s.count = 0;
		for (int i = 0; i < count; i++) {
			s.shift = (int64_t)depth - pasts[i]->count[engine];
			(void)qmac_history_each(&pasts[i]->history[engine][direction], take_span, &s);
		}
		if (round == 0) {
			s.spans = malloc((s.count + 1) * sizeof *s.spans);
			if (!s.spans)
				return false;
		}
	}
	qsort(s.spans, s.count, sizeof *s.spans, by_number);
	for (size_t i = 0; complete && i < s.count; i++) {
		const struct span *span = &s.spans[i];
		const struct qmac_access access = {.first = span->begin, .unit = span->end - span->begin,
		                                   .n = {1, 1, 1}};

		complete = qmac_history_note(joined, &access, span->last);
	}
	free(s.spans);
	return complete;
}

/* What `past` knows at the command `number` of an engine, both in the numbers of the joined past. */
static struct qmac_known shifted_known(const struct qmac_past *past, unsigned engine, uint32_t number,
                                       const uint32_t depth[QMAC_ENGINES])
{
	int64_t from = (int64_t)number + past->count[engine] - depth[engine];
	struct qmac_known known = {{0}};

	if (from >= 0)
		known = known_at(past, engine, (uint32_t)from);
	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		int64_t retired = (int64_t)known.retired[e] + depth[e] - past->count[e];

		known.retired[e] = retired > 0 ? (uint32_t)retired : 0;
	}
	return known;
}

bool qmac_past_join(struct qmac_past *joined, const struct qmac_past *const *pasts, int count,
                    const uint32_t depth[QMAC_ENGINES])
{
	bool complete = true;

	assert(count > 0);
	memcpy(joined->count, depth, sizeof joined->count);
	for (unsigned e = 0; complete && e < QMAC_ENGINES; e++) {
		for (uint32_t i = 0; complete && i <= depth[e]; i++) {
			struct qmac_known known = shifted_known(pasts[0], e, i, depth);

			for (int p = 1; p < count; p++) {
				struct qmac_known other = shifted_known(pasts[p], e, i, depth);

				for (unsigned k = 0; k < QMAC_ENGINES; k++)
					if (other.retired[k] < known.retired[k])
						known.retired[k] = other.retired[k];
			}
			complete = set_known(joined, e, i, &known);
		}
		for (int direction = READS; complete && direction <= WRITES; direction++)
			complete = join_history(&joined->history[e][direction], pasts, count, e, direction, depth[e]);
	}
	return complete;
}

void qmac_past_forget(struct qmac_past *past)
{
	for (unsigned e = 0; e < QMAC_ENGINES; e++)
		if (past->known[e])
			memset(past->known[e], 0, past->room[e] * sizeof *past->known[e]);
}

void qmac_past_clear(struct qmac_past *past)
{
	for (unsigned e = 0; e < QMAC_ENGINES; e++) {
		free(past->known[e]);
		qmac_history_free(&past->history[e][READS]);
		qmac_history_free(&past->history[e][WRITES]);
	}
	*past = (struct qmac_past){.count = {0}};
}
