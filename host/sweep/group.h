/*
 * Runs of a sweep that differ in their hardware alone: one is trained, and then the others are timed with its
 * values (run/retime.h). For sweep.c.
 *
 * Runs go in rounds. In a round a group without a training has one of its runs trained, the first that was
 * not tried yet; a group with one has all others timed; what cannot be timed is trained.
 */
#ifndef QMAC_SWEEP_GROUP_H
#define QMAC_SWEEP_GROUP_H

#include "config/sweep_file.h"
#include "sweep/row.h"

/* Before the first round, with the configurations: who belongs together. */
void qmac_sweep_group(const struct qmac_sweep *sweep, struct qmac_sweep_row *rows);

/*
 * The rows of the next round go to `tasks`, and rows[i].timed_from of each says whose values it gets; NULL:
 * it is trained. Returns how many; 0: all have ended.
 */
int qmac_sweep_round(struct qmac_sweep_row *rows, int count, int *tasks);

/* Is that row of a round trained for others, too, which have not ended? */
bool qmac_sweep_leads(const struct qmac_sweep_row *rows, int count, int row);

/*
 * A row of a round has ended, with rows[row].answer. False where its timing failed: then it is to be trained
 * in the next round, as are all others of its group.
 */
bool qmac_sweep_ended(struct qmac_sweep_row *rows, int row);

#endif
