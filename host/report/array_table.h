/*
 * How far each layer of a network uses the array in each direction, and what the rest of the time goes to, as
 * a table. Of the cycles of a layer and direction, in four shares that sum to all:
 *
 *   array     MACs / (cycles rows cols): all multipliers at work
 *   lanes     the rest of the cycles in which the array takes operands: fewer channels than lanes
 *   vectors   EXECUTE has a command, and the array takes no operands: VEC, preloads, fills
 *   waits     EXECUTE has no command that could run
 *
 * They are those of a layer's own commands, while cycles are elapsed time, shared out (layers.csv); where the
 * engines of two layers overlap, a share may fall short of 0 or exceed 100 % by a little, and is cut there.
 */
#ifndef QMAC_REPORT_ARRAY_TABLE_H
#define QMAC_REPORT_ARRAY_TABLE_H

#include <stdio.h>

#include "hw/hw.h"
#include "report/net_history.h"

/* Nothing where the folder does not tell. Directions without cycles are left out. */
void qmac_array_table_print(const struct qmac_net_history *history, const struct qmac_hw *hw, FILE *out);

#endif
