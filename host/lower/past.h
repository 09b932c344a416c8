/*
 * The past of a point in a stream of commands: which commands may still be running there, what each of
 * them touched, and what had retired when it started. From it follows what the next command has to wait
 * for (docs/lowering.md).
 *
 * The commands of an engine have numbers from 1, the oldest that matters, to `count`. Everything older has
 * retired, or touched nothing that a younger command has not touched as well.
 *
 * Accesses are those of the race checker (race/access.h), exact but for two things: a command with a hull
 * is taken to touch all of it, and of an access of more than QMAC_PAST_RUNS runs the inner loops are taken
 * without their gaps.
 */
#ifndef QMAC_LOWER_PAST_H
#define QMAC_LOWER_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"
#include "race/history.h"

enum { QMAC_ENGINES = 3, QMAC_PAST_RUNS = 1024 };

/* The part of device memory in which a command that is patched may move data. */
struct qmac_hull {
	uint64_t first, bytes;
};

/* Per engine: this command and all before it have certainly retired. */
struct qmac_known {
	uint32_t retired[QMAC_ENGINES];
};

/* Zeroed: an idle device. */
struct qmac_past {
	uint32_t count[QMAC_ENGINES];
	struct qmac_history history[QMAC_ENGINES][2]; /* reads, writes: the number of the last access */
	struct qmac_known *known[QMAC_ENGINES];       /* of command n at n: known when it starts; 0: at first */
	uint32_t room[QMAC_ENGINES];                  /* of known */
};

/* What a command waits for: per engine the number of a command, 0: nothing. */
struct qmac_waits {
	uint32_t number[QMAC_ENGINES];
};

/*
 * Adds the next command of the stream, a legal one that is no SYNC. *waits is the least that orders it
 * behind every command that it conflicts with: a wait that another one, or an earlier command of its engine,
 * makes sure of is left out. hull may be NULL. turns: bit e, behind all commands of engine e, too, whether it
 * conflicts with them or not. Returns false where memory is out.
 */
bool qmac_past_add(struct qmac_past *past, const struct qmac_hw *hw, const struct qmac_command *command,
                   const struct qmac_hull *hull, unsigned turns, struct qmac_waits *waits);

/*
 * A stream of commands behind a past, for the waits that lead out of it, when those within it are known. The
 * past stays as it is.
 */
struct qmac_behind {
	const struct qmac_past *past;
	uint32_t count[QMAC_ENGINES];             /* of the stream so far */
	struct qmac_known *known[QMAC_ENGINES];   /* of command n of the stream at n, as that of a past */
};

/* commands[e]: how many of engine e there will be. False where memory is out; it has to be ended anyway. */
bool qmac_behind_begin(struct qmac_behind *behind, const struct qmac_past *past,
                       const uint32_t commands[QMAC_ENGINES]);

/*
 * Adds the next command: *waits are those of qmac_past_add() that are for commands of the past. own: its
 * waits for commands of the stream, by their numbers there.
 */
void qmac_behind_add(struct qmac_behind *behind, const struct qmac_hw *hw, const struct qmac_command *command,
                     const struct qmac_hull *hull, const struct qmac_waits *own, struct qmac_waits *waits);
void qmac_behind_end(struct qmac_behind *behind);

/*
 * Makes *joined (zeroed) a past that holds whichever of the `count` given ones was the true one: at every
 * place the latest access of any of them, and known only what all of them know. Its counts are `depth`;
 * numbers are aligned at their ends, and what is older than `depth` commands is left out. Returns false
 * where memory is out.
 */
bool qmac_past_join(struct qmac_past *joined, const struct qmac_past *const *pasts, int count,
                    const uint32_t depth[QMAC_ENGINES]);

/* Do two pasts with the same counts know the same? */
bool qmac_past_knows_same(const struct qmac_past *a, const struct qmac_past *b);

/* From now on nothing of it is known to have retired. */
void qmac_past_forget(struct qmac_past *past);

/* Frees what it holds and leaves an idle device. */
void qmac_past_clear(struct qmac_past *past);

#endif
