/* Settings of a sweep file that change nothing. */
#ifndef QMAC_SWEEP_UNUSED_H
#define QMAC_SWEEP_UNUSED_H

#include "sweep/row.h"

/*
 * Tells of each that no run looks at which has it. One that some run looks at is none: a list of settings
 * serves several algorithms.
 */
void qmac_sweep_note_unused(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                            void (*on_note)(void *context, const char *text), void *context);

#endif
