#include "step/step_writer.h"

#include <stdlib.h>

static bool has_room(struct qmac_step_writer *writer)
{
	int64_t room = 2 * writer->room + 64;
	struct qmac_step_note *grown;

	if (writer->count < writer->room)
		return true;
	grown = realloc(writer->notes, (size_t)room * sizeof grown[0]);
	if (!grown)
		return false;
	writer->notes = grown;
	writer->room = room;
	return true;
}

struct qmac_step_note *qmac_step_add(struct qmac_step_writer *writer, enum qmac_direction direction,
                                     size_t unit, const struct qmac_command *command,
                                     const struct qmac_hull *hull)
{
	struct qmac_step_note *note;

	if (writer->status == QMAC_OK && !has_room(writer))
		writer->status = qmac_fail(writer->err, QMAC_INTERNAL, "out of memory for the commands of a step");
	if (writer->status == QMAC_OK)
		writer->status = qmac_program_add(writer->program, command, hull, NULL, writer->err);
	if (writer->status != QMAC_OK)
		return NULL;
	note = &writer->notes[writer->count++];
	*note = (struct qmac_step_note){.direction = direction, .unit = unit};
	return note;
}

void qmac_step_add_move(struct qmac_step_writer *writer, enum qmac_direction direction, size_t unit,
                        struct qmac_move move)
{
	struct qmac_command command;

	while (qmac_move_next(&move, &command))
		(void)qmac_step_add(writer, direction, unit, &command, NULL);
}

void qmac_step_add_passes(struct qmac_step_writer *writer, enum qmac_direction direction, size_t unit,
                          struct qmac_passes passes)
{
	struct qmac_command command;

	while (qmac_passes_next(&passes, &command))
		(void)qmac_step_add(writer, direction, unit, &command, NULL);
}
