/*
 * What each layer of a network takes in each direction, how far it uses the array, and where its energy goes,
 * as a table for a terminal:
 *
 *   cycles, share       elapsed, and of all of the run
 *   array               MACs / (cycles rows cols): all multipliers at work
 *   most of the rest    the largest of three losses, which with `array` sum to all cycles of the row:
 *       fewer channels than lanes       the rest of the cycles in which the array takes operands
 *       vector work, preloads, fills    EXECUTE has a command, and the array takes no operands
 *       waits, starts and ends          EXECUTE has no command that could run
 *   joules, share       nominal, and of all of the run; their parts by component (docs/cost.md):
 *       arithmetic      mac, vec, requantise, random, lookup
 *       scratchpads     sram_a, sram_w, sram_acc
 *       standing        control, leakage: what a cycle takes, whatever is done in it
 *       memory          dram_data, dram_descriptors
 *
 * The uses are those of a layer's own commands, while cycles are elapsed time, shared out (layers.csv); where
 * the engines of two layers overlap, a share may fall short of 0 or exceed 100 % by a little, and is cut
 * there.
 */
#ifndef QMAC_REPORT_ARRAY_TABLE_H
#define QMAC_REPORT_ARRAY_TABLE_H

#include <stdio.h>

#include "hw/hw.h"
#include "report/net_history.h"

/*
 * Directions without cycles are left out. Below stand sums over layers: over those whose names differ in
 * their numbers alone ("all conv"), over all, and over all directions, too, what is in none included. Nothing
 * where the folder does not tell what the array did, and '-' for joules where it does not tell these.
 */
void qmac_array_table_print(const struct qmac_net_history *history, const struct qmac_hw *hw, FILE *out);

#endif
