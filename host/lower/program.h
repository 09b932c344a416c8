/*
 * A program: commands in the order in which they would be right if each ran to its end before the next
 * began. Compiling gives every command the waits that it needs, found from what the commands touch, and
 * puts the commands into a ring order in which the engines work side by side (docs/lowering.md).
 *
 * Compiled once, submitted many times; between two submissions the owner may patch commands in place.
 * Engines overlap within a program, and from one to the next as far as the ring order lets them: work that
 * is to run side by side belongs into one program.
 */
#ifndef QMAC_LOWER_PROGRAM_H
#define QMAC_LOWER_PROGRAM_H

#include <stdint.h>

#include "backend/tag.h"
#include "driver/driver.h"
#include "lower/past.h"

struct qmac_program;

/* hw is copied. NULL: out of memory. */
struct qmac_program *qmac_program_create(const struct qmac_hw *hw);
void qmac_program_destroy(struct qmac_program *program);

/* As if it had just been created; the memory of its commands is kept for the next ones. */
void qmac_program_clear(struct qmac_program *program);

/*
 * Adds a command; its waits are ignored. *index (may be NULL) is its number among the added ones, from 0,
 * for patches. A command whose DRAM addresses are patched later says within which part of device memory
 * they stay (`hull`, NULL: as they are): all of that it is taken to access. A SYNC is refused: what the host
 * waits for is a boundary between programs. Not after qmac_program_compile().
 */
QMAC_MUST_CHECK enum qmac_status qmac_program_add(struct qmac_program *program,
                                                  const struct qmac_command *command,
                                                  const struct qmac_hull *hull, int64_t *index,
                                                  struct qmac_error *err);

/*
 * The next command that is added takes its turn behind all that the engine was given so far, although nothing
 * that they touch may ask for it: where it is known that they would only be in each other's way.
 */
void qmac_program_turn(struct qmac_program *program, unsigned engine);

/*
 * Gives the commands their waits and their ring order; once. `before` are the programs, all on the same
 * hardware and all but this one compiled, of which one was submitted last when this one is submitted with no
 * qmac_driver_finish() in between: with itself among them it can be replayed back to back, with none of them
 * it is submitted to a driver that has finished. That is always allowed. What stands before a program of
 * `before` is what was given to that one's own compilation. Programs of `before` need not live on.
 *
 * Waits are the fewest possible: each is needed for the order of two commands that touch the same row, byte
 * or port (where a hull, an access of more than QMAC_PAST_RUNS runs, or one of several programs of `before`
 * is the reason, it may not be needed in every case), or asked for by qmac_program_turn(). A command that the
 * device would refuse is an error.
 */
QMAC_MUST_CHECK enum qmac_status qmac_program_compile(struct qmac_program *program,
                                                      const struct qmac_program *const *before, int befores,
                                                      struct qmac_error *err);

/*
 * Before compiling: the ring order is to be the order in which the commands were added. For whoever knows a
 * better one than can be found by trying the program on its own.
 */
void qmac_program_keep_order(struct qmac_program *program);

/*
 * Before compiling: the ring order is to follow from estimated times alone, and no order is tried. For a
 * program of many commands that is compiled while others wait for it: that takes a tenth of the time.
 */
void qmac_program_estimate_order(struct qmac_program *program);

/* What a command says of itself. unit: real value of 1 in the numbers that it writes, or takes a limb of. */
static inline void qmac_command_note(struct qmac_command *command, enum qmac_direction direction,
                                     unsigned layer, uint32_t step, double unit)
{
	command->tag = qmac_tag(direction, layer, step);
	command->layer = (uint16_t)layer;
	command->direction = (uint8_t)direction;
	command->unit = unit * (double)(UINT64_C(1) << command->lsb);
}

/*
 * Whether a program of a sequence that is compiled has the commands of `model`, which is not, as they were
 * added, but for numbers that nothing hangs on, as those that are patched. Then it takes
 * those over, and is what the model would be if it were compiled.
 */
bool qmac_program_follow(struct qmac_program *program, const struct qmac_program *model);

/* A program of a sequence has not to know any more what stands behind one that is about to be destroyed. */
void qmac_program_forget(struct qmac_program *program, const struct qmac_program *gone);

/* Number of commands added. */
int64_t qmac_program_count(const struct qmac_program *program);

/*
 * A command of a compiled program, to be patched: seed, tag, unit, immediates, shifts, and within its hull
 * base and DRAM strides. Rows, counts, windows, opcode, waits must stay as they are. The pointer is good
 * until the next qmac_program_submit(); ask again for every patch.
 */
struct qmac_command *qmac_program_command(struct qmac_program *program, int64_t index);

/*
 * Writes the commands of a compiled program in ring order, with the waits that they have where every engine
 * was given so many commands before: what qmac_program_submit() submits.
 */
void qmac_program_list(const struct qmac_program *program, const uint16_t given[3],
                       struct qmac_command *commands);

/* Submits a compiled program. Nothing is allocated. */
QMAC_MUST_CHECK enum qmac_status qmac_program_submit(struct qmac_program *program,
                                                     struct qmac_driver *driver, struct qmac_error *err);

#endif
