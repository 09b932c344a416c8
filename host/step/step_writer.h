/*
 * A program of a step in the making: its commands with what is noted of each, so that a replay knows
 * which fields to renew. For host/step/step*.c only.
 */
#ifndef QMAC_STEP_STEP_WRITER_H
#define QMAC_STEP_STEP_WRITER_H

#include <stddef.h>

#include "lower/passes.h"
#include "lower/program.h"
#include "lower/vector.h"
#include "lower/view.h"
#include "step/units.h"

/* The unit of what a command writes: a member of struct qmac_units. */
#define QMAC_STEP_UNIT(member) offsetof(struct qmac_units, member)

enum qmac_step_patch {
	QMAC_STEP_FIXED,
	QMAC_STEP_SAMPLES,  /* LOAD of X of one or two samples */
	QMAC_STEP_TARGETS,  /* LOAD of their k */
	QMAC_STEP_ROUND,    /* the stochastic rounding: its seed */
	QMAC_STEP_RESIDENT, /* reads X of a sample that is on chip: its row */
	QMAC_STEP_TARGET    /* k of a sample: the immediate */
};

struct qmac_step_note {
	enum qmac_direction direction;
	enum qmac_step_patch patch;
	size_t unit;
	int64_t place;     /* of its first sample in the unit's order of samples */
	uint64_t skipped;  /* bytes from the sample's first feature to those that are moved */
};

struct qmac_step_writer {
	struct qmac_program *program;
	struct qmac_step_note *notes; /* of each command, in the order in which they were added */
	int64_t count, room;
	enum qmac_status status;      /* once it is not QMAC_OK nothing more is added */
	struct qmac_error *err;
};

/* Adds a command; hull as of qmac_program_add(). Returns its note, NULL where nothing was added. */
struct qmac_step_note *qmac_step_add(struct qmac_step_writer *writer, enum qmac_direction direction,
                                     size_t unit, const struct qmac_command *command,
                                     const struct qmac_hull *hull);

/* Renews tag and unit of a command: it belongs to step number `step` of the one layer. */
static inline void qmac_step_renew(struct qmac_command *command, const struct qmac_step_note *note,
                                   uint32_t step, const struct qmac_units *units)
{
	double one = *(const double *)(const void *)((const char *)units + note->unit);

	qmac_command_note(command, note->direction, 0, step, one);
}

/* qmac_step_add() for all commands of a move, of a product. */
void qmac_step_add_move(struct qmac_step_writer *writer, enum qmac_direction direction, size_t unit,
                        struct qmac_move move);
void qmac_step_add_passes(struct qmac_step_writer *writer, enum qmac_direction direction, size_t unit,
                          struct qmac_passes passes);

#endif
